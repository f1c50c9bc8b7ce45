"""Pixels without a value (NaN, masked, or declared as no data), and their label 0."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_dsc.labels.regions import relabel_in_order


def missing_pixels(channels: np.ndarray, nodata: float | None) -> np.ndarray | None:
    """Find pixels without a value.

    Parameters
    ----------
    channels : (C, ...) array
        Intensities, perhaps masked.
    nodata : float or None
        Value of pixels without data, if there is one.

    Returns
    -------
    missing : (...) bool array or None
        Pixels that are NaN, masked, or no data in a channel; of integers, for which black is a
        usual value, those of no data in all channels. None if there are none.
    """
    is_float, values = channels.dtype.kind == "f", np.ma.getdata(channels)
    found = list[np.ndarray]()
    if np.ma.is_masked(channels):
        found.append(np.asarray(np.ma.getmaskarray(channels).any(0)))
    if is_float:
        found.append(np.isnan(values).any(0))
    if nodata is not None:
        is_nodata = values == (values.dtype.type(nodata) if is_float else nodata)
        found.append(is_nodata.any(0) if is_float else is_nodata.all(0))
    if not any(one.any() for one in found):
        return None
    return np.logical_or.reduce(found)  # type: ignore[no-any-return]


def valid_values(channels: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
    """Intensities of pixels that have a value.

    Parameters
    ----------
    channels : (C, ...) array
        Intensities.
    missing : (...) bool array or None
        Pixels without a value; None: those that `missing_pixels` finds.

    Returns
    -------
    values : (C, n) array
        Not masked.
    """
    missing = missing_pixels(channels, None) if missing is None else missing
    values = np.ma.getdata(channels)
    return values.reshape(len(values), -1) if missing is None else values[:, ~missing]


def missing_note(missing: np.ndarray | None) -> tuple[str, ...]:
    """Note for the user on pixels without a value."""
    if missing is None:
        return ()
    return (f"{missing.sum()} of {missing.size} pixels have no value: their label is 0",)


def filled(channels: np.ndarray, missing: np.ndarray | None, value: float) -> np.ndarray:
    """Fill pixels without a value with the nearest that has one.

    Parameters
    ----------
    channels : (C, *S) array
        Intensities.
    missing : S bool array or None
        Pixels without a value.
    value : float
        Intensity of an image in which no pixel has a value.

    Returns
    -------
    channels : (C, *S) array
        A new array; the same one if nothing is missing.
    """
    values = np.ma.getdata(channels)
    if missing is None or not missing.any():
        return values
    if missing.all():
        return np.full_like(values, value)
    return np.asarray(values[:, *_nearest(~missing)])


def spread(labels: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """Give pixels without a value to the region of the nearest pixel that has one.

    Parameters
    ----------
    labels : S int64 array
        Labels ``0 .. M - 1`` in the order of their first pixel.
    valid : S bool array or None
        Pixels that have a value; None: all have one.

    Returns
    -------
    labels : S int64 array
        Labels ``0 .. m - 1`` in the order of their first pixel, each at some pixel that has a
        value; one label if no pixel has one.

    Examples
    --------
    >>> spread(np.array([[0, 1, 2, 2]]), np.array([[False, False, True, True]]))
    array([[0, 0, 0, 0]])
    """
    if valid is None or valid.all():
        return labels
    return relabel_in_order(labels[*_nearest(valid)]) if valid.any() else np.zeros_like(labels)


def _nearest(valid: np.ndarray) -> np.ndarray:
    """Index of the nearest pixel that has a value, along each axis."""
    return np.asarray(
        distance_transform_edt(~valid, return_distances=False, return_indices=True)
    )


def to_label_image(labels: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Renumber labels from 1, because viewers take 0 for background.

    Parameters
    ----------
    labels : S int array
        Labels from 0.
    valid : S bool array, optional
        Pixels that have a value; the others become 0. None: all have one.

    Returns
    -------
    label_image : S unsigned int array
        Labels from 1, in the smallest type that holds them.

    Examples
    --------
    >>> to_label_image(np.array([[0, 1]]))
    array([[1, 2]], dtype=uint8)
    """
    smallest = np.min_scalar_type(int(labels.max()) + 1)
    label_image = np.asarray(labels.astype(smallest) + smallest.type(1))
    return label_image if valid is None else label_image * valid
