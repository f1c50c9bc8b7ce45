"""Checks of label images that users give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.correction.edits import seeds_of
from napari_dsc.errors import InvalidParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def check_label_image(name: str, labels: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Check that labels are integers of the image's shape.

    Parameters
    ----------
    name : str
        Name of the argument, for the error.
    labels : S int array
        Label image.
    shape : tuple of int
        Shape of the image, without channels.

    Returns
    -------
    labels : S int array
        The same.

    Raises
    ------
    InvalidParameterError
        If it has another type or shape.
    """
    given = np.asarray(labels)
    if given.dtype.kind not in "iu" or given.shape != shape:
        raise InvalidParameterError(
            f"{name}: {given.dtype} of shape {given.shape}, expected integers of shape "
            f"{shape} as the image"
        )
    return given


def classes_of_scribbles(
    scribbles: np.ndarray, superpixels: np.ndarray, n_partitions: int
) -> np.ndarray:
    """Class that scribbles ask for, for each superpixel.

    Parameters
    ----------
    scribbles : S int array
        Label ``k`` asks for class ``k - 1``; 0 and less is no scribble.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    n_partitions : int
        Number of classes ``K``.

    Returns
    -------
    classes : (M,) int64 array
        In ``0 .. K - 1`` where most scribbled pixels of the superpixel agree; -1 elsewhere.

    Raises
    ------
    InvalidParameterError
        If a scribble has a label above `n_partitions`.
    """
    highest = int(scribbles.max(initial=0))
    if highest > n_partitions:
        raise InvalidParameterError(
            f"scribbles: got label {highest}, expected 1 to {n_partitions}, the number of "
            "classes (n_partitions)"
        )
    return seeds_of(scribbles, superpixels + 1, int(superpixels.max()) + 1) - 1
