"""What a user brings to a run, and what does not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dsc.correction.edits import seeds_of
from napari_dsc.errors import InvalidParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_dsc.params import CutParams


def check_label_image(name: str, labels: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Refuse what is no label image of the image's shape.

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
    """Class that each superpixel must have because somebody drew on it.

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


def refuse_apart(series: str, axes: str) -> None:
    """Refuse planes apart where there are steps of one cut only.

    Parameters
    ----------
    series : str
        ``together`` or ``apart``.
    axes : str
        Axes of the image.

    Raises
    ------
    InvalidParameterError
        If the planes of a stack are to be cut apart.
    """
    if series == "apart" and "Z" in axes:
        raise InvalidParameterError(
            "series='apart': expected together, the steps are those of all planes of a stack; "
            "segment and the command line cut planes apart"
        )


def refuse_tree_affinity(params: CutParams) -> None:
    """Refuse what one network cannot learn from many images.

    Parameters
    ----------
    params : CutParams
        Settings of the cut.

    Raises
    ------
    InvalidParameterError
        If the affinity is that of a tree.
    """
    if params.affinity == "tree":
        raise InvalidParameterError(
            "affinity='tree': expected 'features' where one network learns from many images or "
            "tiles"
        )
