"""Sessions: labels and superpixels in one file, so that corrections can be continued."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_dsc.correction.edits import table_of
from napari_dsc.correction.parts import Parts
from napari_dsc.errors import InvalidImageError
from napari_dsc.files import write_atomically
from napari_dsc.layers import PARTS_KEY, RECORD_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    LayerData = tuple[np.ndarray, dict[str, object], str]

SUFFIX = ".dsc.npz"
_ARRAYS = ("labels", "superpixels", "colors", "probabilities")
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
    parts = session.parts
    values = (session.labels, parts.superpixels, parts.colors, parts.probabilities)
    arrays = dict(zip(_ARRAYS, values, strict=True))
    arrays["about"] = np.array(json.dumps(about, default=str))

    def write(file: BinaryIO) -> None:
        np.savez_compressed(file, allow_pickle=False, **arrays)

    write_atomically(path, write)


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
    try:
        # opened here, because np.load leaves a damaged file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            labels, *arrays = (file[name] for name in _ARRAYS)
            about = json.loads(str(file["about"]))
        parts = Parts(*arrays)
        if labels.shape != parts.superpixels.shape or labels.dtype.kind not in "iu":
            raise ValueError("shapes differ")
        place: dict[str, object] = {name: np.array(about["place"][name]) for name in _PLACE}
        place |= {name: tuple(about["place"][name]) for name in _NAMES}
        return Session(about["name"], labels, parts, about["record"], place)
    except FileNotFoundError as error:
        raise InvalidImageError(f"{path}: no such file; name a {SUFFIX} file") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidImageError(
            f"{path}: is not a session, or damaged; name a {SUFFIX} file"
        ) from error


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
