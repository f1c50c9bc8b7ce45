"""Sessions: labels and superpixels in one file, so that corrections can be continued."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_dsc.correction.edits import table_of
from napari_dsc.correction.parts import Parts
from napari_dsc.files import open_npz, write_npz
from napari_dsc.labels.measurement import join_tables
from napari_dsc.layers import PARTS_KEY, RECORD_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    LayerData = tuple[np.ndarray, dict[str, object], str]

SUFFIX = ".dscsession"
FORMER_SUFFIX = ".dsc.npz"  # which napari's own reader of arrays claims as well
_COLUMN = "feature "  # start of the names of the arrays of the table
_PARTS = ("superpixels", "colors", "probabilities")
_PLACE = ("scale", "translate", "rotate", "shear", "affine")
_NAMES = ("units", "axis_labels")


class Session(NamedTuple):
    """Content of a session file.

    Attributes
    ----------
    name : str
        Name of the layer.
    labels : S int array
        Corrected labels.
    parts : Parts
        Superpixels of the labels.
    record : dict
        Record of the run; empty if there is none.
    place : dict
        Geometry of the layer, as keyword arguments of napari: ``scale``, ``translate``,
        ``rotate``, ``shear``, ``affine``, ``units`` and ``axis_labels``.
    features : dict of str to array
        Table of the layer, with its measurements; empty if there is none.
    """

    name: str
    labels: np.ndarray
    parts: Parts
    record: dict[str, object]
    place: dict[str, object]
    features: dict[str, np.ndarray]


def save_session(path: Path, session: Session) -> None:
    """Write a session.

    Parameters
    ----------
    path : Path
        Name of the file. An existing file is replaced once the new one is complete.
    session : Session
        The session to write.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    place: dict[str, object] = {
        name: np.asarray(session.place[name]).tolist() for name in _PLACE
    }
    for name in _NAMES:
        place[name] = [str(one) for one in np.ravel(np.array(session.place[name], object))]
    about = {"name": session.name, "record": session.record, "place": place}
    parts = {name: getattr(session.parts, name) for name in _PARTS}
    columns = {
        f"{_COLUMN}{name}": column if column.dtype.kind in "biuf" else column.astype(str)
        for name, column in session.features.items()
    }
    write_npz(path, about, labels=session.labels, **parts, **columns)


def load_session(path: Path) -> Session:
    """Read a session.

    Parameters
    ----------
    path : Path
        File written by `save_session`.

    Returns
    -------
    session : Session
        The saved session.

    Raises
    ------
    InvalidImageError
        If the file is missing, damaged or not a session.
    """
    with open_npz(path, "a session", SUFFIX) as (arrays, about):
        labels, parts = arrays["labels"], [arrays[name] for name in _PARTS]
        place: dict[str, Any] = {name: np.array(about["place"][name], float) for name in _PLACE}
        names: dict[str, Any] = {name: tuple(about["place"][name]) for name in _NAMES}
        is_named = isinstance(about["name"], str) and isinstance(about["record"], dict)
        is_placed = _is_placed(labels.ndim, place, names)
        features = {
            name.removeprefix(_COLUMN): arrays[name]
            for name in arrays
            if name.startswith(_COLUMN)
        }
        is_sound = _is_table(features) and _is_sound(labels, *parts)
        if not (is_named and is_placed and is_sound):
            raise ValueError("not what `save_session` writes")
        place |= names
        return Session(about["name"], labels, Parts(*parts), about["record"], place, features)


def _is_sound(labels: np.ndarray, superpixels: np.ndarray, *tables: np.ndarray) -> bool:
    """Whether labels and superpixels are integers of one shape, and all else is finite."""
    return (
        labels.shape == superpixels.shape
        and {labels.dtype.kind, superpixels.dtype.kind} <= {"i", "u"}
        and all(one.ndim == 2 and one.dtype.kind == "f" for one in tables)
        and all(np.isfinite(one).all() for one in tables)
    )


def _is_table(columns: Mapping[str, np.ndarray]) -> bool:
    """Whether columns of numbers or text have a row for each of their indices."""
    index = columns.get("index", np.zeros(0))
    return not columns or (
        index.dtype.kind in "iu"
        and index.ndim == 1
        and len(np.unique(index)) == len(index)
        and all(one.shape == index.shape for one in columns.values())
        and all(one.dtype.kind in "biufU" for one in columns.values())
    )


def _is_placed(
    n: int, place: Mapping[str, np.ndarray], names: Mapping[str, tuple[object, ...]]
) -> bool:
    """Whether the geometry is one of n axes, in units that have a name."""
    shapes = ((n,), (n,), (n, n), (n * (n - 1) // 2,), (n + 1, n + 1))
    words = [word for one in names.values() for word in one]
    return (
        tuple(one.shape for one in place.values()) == shapes
        and all(np.isfinite(one).all() for one in place.values())
        and bool(place["scale"].all())
        and all(len(one) == n for one in names.values())
        and all(isinstance(word, str) for word in words)
    )


def _known_units(names: Any) -> tuple[str, ...]:
    """Names of units, or pixels if napari does not know one and would not show the layer."""
    import pint  # comes with napari

    registry: Any = pint.application_registry
    try:
        for name in names:
            if not name.isidentifier():  # an expression may take any time
                raise ValueError(name)
            registry.parse_units(name)
    except (AttributeError, ValueError):
        return ("pixel",) * len(names)
    return tuple(names)


def session_reader(path: str | list[str]) -> Callable[[object], list[LayerData]] | None:
    """Reader of napari for session files.

    Parameters
    ----------
    path : str or list of str
        File or files that the user opens; a list is not a session.

    Returns
    -------
    reader : callable or None
        Function from the path to one Labels layer, ready for the Correct dock; None for other
        files.
    """
    if not isinstance(path, str) or not path.endswith((SUFFIX, FORMER_SUFFIX)):
        return None

    def read(path: object) -> list[LayerData]:
        session = load_session(Path(str(path)))
        metadata = {RECORD_KEY: session.record, PARTS_KEY: session.parts}
        table = table_of(session.parts.labels_of(session.labels), session.parts)
        if session.features:
            table = join_tables(session.features, table)
        about = {"name": session.name, "metadata": metadata, "features": table}
        units = {"units": _known_units(session.place["units"])}
        return [(session.labels, session.place | units | about, "labels")]

    return read
