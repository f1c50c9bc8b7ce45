"""Files of the Berkeley Segmentation Data Set (BSDS500), in their published folders."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.io import loadmat

from napari_dsc.errors import InvalidImageError
from napari_dsc.evaluation.terms import Split
from napari_dsc.files import read_labels


class Sample(NamedTuple):
    """Files of one image of the data set.

    Attributes
    ----------
    name : str
        Number of the image, such as ``42049``.
    image : Path
        JPEG file of the image.
    annotations : Path
        MATLAB file of its annotations; it may be missing.
    """

    name: str
    image: Path
    annotations: Path


def list_samples(root: Path, split: Split) -> list[Sample]:
    """Images of one split, in the order of their names.

    Parameters
    ----------
    root : Path
        Folder with ``data/images`` and ``data/groundTruth``.
    split : str
        ``train`` (200 images), ``val`` (100) or ``test`` (200).

    Returns
    -------
    samples : list of Sample
        One for each ``data/images/SPLIT/*.jpg``.

    Raises
    ------
    InvalidImageError
        If the split has no images.
    """
    folder = root / "data" / "images" / split
    annotations = root / "data" / "groundTruth" / split
    paths = visible_files(folder, ".jpg")
    samples = [Sample(path.stem, path, annotations / f"{path.stem}.mat") for path in paths]
    if not samples:
        raise InvalidImageError(
            f"{folder}: no *.jpg found, expected the images of BSDS500; name the folder that "
            "holds data/images"
        )
    return samples


def visible_files(folder: Path, suffix: str) -> list[Path]:
    """Files of a folder with a given suffix, without hidden files.

    Parameters
    ----------
    folder : Path
        Folder; it need not exist.
    suffix : str
        Suffix in lower case; that of a file may be in capitals.

    Returns
    -------
    paths : list of Path
        Files in the order of their names.
    """
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix.lower() == suffix and not path.name.startswith(".")
    )


def read_annotations(path: Path) -> list[np.ndarray]:
    """Annotations of one image by several people.

    Parameters
    ----------
    path : Path
        MATLAB file of ``data/groundTruth``.

    Returns
    -------
    annotations : list of (Y, X) int array
        Label images as stored, with labels from 1.

    Raises
    ------
    InvalidImageError
        If the file is missing, is not a MATLAB file, or holds no annotations of BSDS500.
    """
    if not path.is_file():
        raise InvalidImageError(f"{path}: no such file, expected annotations of BSDS500")
    try:
        cells = loadmat(path, variable_names=["groundTruth"])["groundTruth"]
        annotations = [cell["Segmentation"].item() for cell in cells.ravel()]
    except Exception as error:  # damaged files make scipy raise many types of errors
        raise InvalidImageError(
            f"{path}: damaged, or not annotations of BSDS500; expected a MATLAB file of "
            "data/groundTruth"
        ) from error
    usable = all(
        isinstance(one, np.ndarray) and one.ndim == 2 and one.size and one.dtype.kind in "iu"
        for one in annotations
    )
    if not usable or len({labels.shape for labels in annotations}) != 1:
        raise InvalidImageError(f"{path}: expected label images of two axes and one shape")
    return annotations


def contours_path(root: Path, split: Split, name: str) -> Path:
    """Path of the contour map of an image.

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
        ``ucm2/SPLIT/NAME.mat`` as published; if it does not exist, the 8-bit image
        ``ucm2/SPLIT/NAME.png`` or ``ucm2_png/SPLIT/NAME.png``.
    """
    published = root / "ucm2" / split / f"{name}.mat"
    others = (published.with_suffix(".png"), root / "ucm2_png" / split / f"{name}.png")
    return next((path for path in (published, *others) if path.is_file()), published)


def read_contours(path: Path) -> np.ndarray:
    """Contour map gPb-owt-ucm of one image.

    Parameters
    ----------
    path : Path
        MATLAB file with the variable ``ucm2``, strengths in 0 to 1; or an 8-bit image of
        them.

    Returns
    -------
    contours : (2Y + 1, 2X + 1) uint8 array
        Strength times 255, rounded up, at double size.

    Raises
    ------
    InvalidImageError
        If the file is missing, damaged, or not a contour map.
    """
    if path.suffix.lower() != ".mat":
        contours = read_labels(path, 2)
    elif not path.is_file():
        raise InvalidImageError(f"{path}: no such file, expected a contour map of BSDS500")
    else:
        contours = _strengths_to_bytes(path)
    if contours.dtype != np.uint8 or any(side % 2 == 0 for side in contours.shape):
        raise InvalidImageError(
            f"{path}: {contours.dtype} of shape {contours.shape}, expected a contour map of "
            "uint8 with odd sides"
        )
    return contours


def _strengths_to_bytes(path: Path) -> np.ndarray:
    try:
        strengths = np.asarray(loadmat(path, variable_names=["ucm2"])["ucm2"], np.float64)
    except Exception as error:  # damaged files make scipy raise many types of errors
        raise InvalidImageError(
            f"{path}: damaged, or not a contour map; expected a MATLAB file with the variable "
            "ucm2"
        ) from error
    usable = strengths.ndim == 2 and strengths.size > 0
    if not usable or not (strengths.min() >= 0 and strengths.max() <= 1):  # false for NaN too
        raise InvalidImageError(f"{path}: expected strengths in 0 to 1 along two axes")
    return np.asarray(np.ceil(255 * strengths).astype(np.uint8))
