"""Sessions: labels and superpixels in one file, so that corrections can be continued."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_dsc.correction.edits import table_of
from napari_dsc.correction.parts import Parts
from napari_dsc.files import open_npz, write_npz
from napari_dsc.layers import PARTS_KEY, RECORD_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    LayerData = tuple[np.ndarray, dict[str, object], str]

SUFFIX = ".dsc.npz"
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
    """

    name: str
    labels: np.ndarray
    parts: Parts
    record: dict[str, object]
    place: dict[str, object]


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
    write_npz(path, about, labels=session.labels, **parts)


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
        labels, parts = arrays["labels"], Parts(*(arrays[name] for name in _PARTS))
        if labels.shape != parts.superpixels.shape or labels.dtype.kind not in "iu":
            raise ValueError("shapes differ")
        place: dict[str, object] = {name: np.array(about["place"][name]) for name in _PLACE}
        place |= {name: tuple(about["place"][name]) for name in _NAMES}
        return Session(about["name"], labels, parts, about["record"], place)


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
    if not isinstance(path, str) or not path.endswith(SUFFIX):
        return None

    def read(path: object) -> list[LayerData]:
        session = load_session(Path(str(path)))
        metadata = {RECORD_KEY: session.record, PARTS_KEY: session.parts}
        table = table_of(session.parts.labels_of(session.labels), session.parts)
        about = {"name": session.name, "metadata": metadata, "features": table}
        return [(session.labels, session.place | about, "labels")]

    return read
