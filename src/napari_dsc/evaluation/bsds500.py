"""The Berkeley Segmentation Data Set (BSDS500) in the folders it is published in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.io import loadmat

from napari_dsc.errors import InvalidImageError

if TYPE_CHECKING:
    from pathlib import Path

Split = Literal["train", "val", "test"]


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
        for path in sorted(folder.glob("*.jpg"))
    ]
    if not samples:
        raise InvalidImageError(f"{folder}: holds no *.jpg, expected the images of BSDS500")
    return samples


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


def _is_label_image(labels: object) -> bool:
    return (
        isinstance(labels, np.ndarray)
        and labels.ndim == 2
        and labels.size > 0
        and np.issubdtype(labels.dtype, np.integer)
    )
