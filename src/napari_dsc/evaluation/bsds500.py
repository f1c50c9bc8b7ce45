"""The Berkeley Segmentation Data Set (BSDS500) in the folders it is published in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.io import loadmat

from napari_dsc.errors import InvalidImageError
from napari_dsc.files import read_labels

if TYPE_CHECKING:
    from pathlib import Path

    from napari_dsc.evaluation.terms import Split


class Sample(NamedTuple):
    """Where one image of the data set and its annotations lie.

    Attributes
    ----------
    name : str
        Number of the image, such as ``42049``.
    image : Path
        The JPEG file.
    annotations : Path
        The MATLAB file; it may be missing.
    """

    name: str
    image: Path
    annotations: Path


def list_samples(root: Path, split: Split) -> list[Sample]:
    """Images of one split, in the order of their names.

    Parameters
    ----------
    root : Path
        Folder that holds ``data/images`` and ``data/groundTruth``.
    split : str
        ``train`` (200 images), ``val`` (100) or ``test`` (200).

    Returns
    -------
    samples : list of Sample
        One for each ``data/images/SPLIT/*.jpg``.

    Raises
    ------
    InvalidImageError
        If there is no such image.
    """
    folder = root / "data" / "images" / split
    annotations = root / "data" / "groundTruth" / split
    samples = [
        Sample(path.stem, path, annotations / f"{path.stem}.mat")
        for path in visible_files(folder, ".jpg")
    ]
    if not samples:
        raise InvalidImageError(f"{folder}: holds no *.jpg, expected the images of BSDS500")
    return samples


def visible_files(folder: Path, suffix: str) -> list[Path]:
    """Files of one kind.

    Parameters
    ----------
    folder : Path
        A folder that need not exist.
    suffix : str
        In lower case; the files may have it in capitals.

    Returns
    -------
    paths : list of Path
        In the order of their names, without hidden ones.
    """
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix.lower() == suffix and not path.name.startswith(".")
    )


def read_annotations(path: Path) -> list[np.ndarray]:
    """Segmentations of one image by several people.

    Parameters
    ----------
    path : Path
        A MATLAB file of ``data/groundTruth``.

    Returns
    -------
    annotations : list of (Y, X) int array
        Label images, as stored: labels from 1.

    Raises
    ------
    InvalidImageError
        If the file is missing, no MATLAB file, or not made like those of BSDS500.
    """
    if not path.is_file():
        raise InvalidImageError(f"{path}: no such file, expected BSDS500 annotations")
    try:
        cells = loadmat(path, variable_names=["groundTruth"])["groundTruth"]
        annotations = [cell["Segmentation"].item() for cell in cells.ravel()]
    except Exception as error:  # scipy raises a dozen types, zlib's and its own, on damage
        raise InvalidImageError(f"{path}: no annotations in the form of BSDS500") from error
    usable = all(_is_label_image(labels) for labels in annotations)
    if not usable or len({labels.shape for labels in annotations}) != 1:
        raise InvalidImageError(f"{path}: expected label images of two axes and one shape")
    return annotations


def contours_path(root: Path, split: Split, name: str) -> Path:
    """Where the contour map of an image lies.

    Parameters
    ----------
    root : Path
        Folder of the data set.
    split : str
        ``train``, ``val`` or ``test``.
    name : str
        Number of the image.

    Returns
    -------
    path : Path
        ``ucm2/SPLIT/NAME.mat`` as published, or the 8-bit form ``ucm2/SPLIT/NAME.png`` or
        ``ucm2_png/SPLIT/NAME.png`` if only that exists.
    """
    published = root / "ucm2" / split / f"{name}.mat"
    others = (published.with_suffix(".png"), root / "ucm2_png" / split / f"{name}.png")
    return next((path for path in (published, *others) if path.is_file()), published)


def read_contours(path: Path) -> np.ndarray:
    """Contour map gPb-owt-ucm of one image.

    Parameters
    ----------
    path : Path
        A MATLAB file with the variable ``ucm2``, strengths in 0 to 1; or an 8-bit picture
        of them.

    Returns
    -------
    contours : (2Y + 1, 2X + 1) uint8 array
        Strength times 255, rounded up, at double size.

    Raises
    ------
    InvalidImageError
        If the file is missing, damaged, or holds no contour map.
    """
    if path.suffix.lower() != ".mat":
        contours = read_labels(path, 2)
    elif not path.is_file():
        raise InvalidImageError(f"{path}: no such file, expected a contour map of BSDS500")
    else:
        contours = _strengths_to_bytes(path)
    if contours.dtype != np.uint8 or any(side % 2 == 0 for side in contours.shape):
        raise InvalidImageError(
            f"{path}: {contours.dtype} of shape {contours.shape}, expected 8 bits and odd sides"
        )
    return contours


def _strengths_to_bytes(path: Path) -> np.ndarray:
    try:
        strengths = np.asarray(loadmat(path, variable_names=["ucm2"])["ucm2"], np.float64)
    except Exception as error:  # scipy raises a dozen types, zlib's and its own, on damage
        raise InvalidImageError(f"{path}: no contour map in the form of BSDS500") from error
    usable = strengths.ndim == 2 and strengths.size > 0
    if not usable or not (strengths.min() >= 0 and strengths.max() <= 1):  # false for NaN too
        raise InvalidImageError(f"{path}: expected strengths in 0 to 1 along two axes")
    contours: np.ndarray = np.ceil(255 * strengths).astype(np.uint8)
    return contours


def _is_label_image(labels: object) -> bool:
    return (
        isinstance(labels, np.ndarray)
        and labels.ndim == 2
        and labels.size > 0
        and np.issubdtype(labels.dtype, np.integer)
    )
