"""The folder of an evaluation: scores of each image as they come, tables at the end."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, cast

from napari_dsc.errors import OutputError
from napari_dsc.files import check_output, write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_dsc.record import Record
    from napari_dsc.scoring.cases import Case
    from napari_dsc.scoring.entries import Entry
    from napari_dsc.scoring.scores import ScaleScores

TABLES = ("scores.csv", "summary.json", "summary.md")
_IMAGES, _SETTINGS = "images", "settings.json"


class Results:
    """A folder that keeps what was scored, so that an interrupted evaluation goes on.

    Parameters
    ----------
    folder : Path
        It holds `TABLES`, and ``images/ENTRY/IMAGE.json`` for each method and image.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, entries: Sequence[Entry], *, overwrite: bool) -> None:
        """Make folders, and make sure that earlier scores were made with equal settings.

        Parameters
        ----------
        entries : sequence of Entry
            Entries to score.
        overwrite : bool
            Whether to drop earlier scores of these entries.

        Raises
        ------
        OutputError
            If earlier scores were made with other settings, or the folder cannot be
            written.
        """
        is_ours = (self.folder / _IMAGES).is_dir()
        if not overwrite:
            for entry in entries:
                self._check_settings(entry)
        for entry in entries:
            folder = self._of(entry)
            _make_folder(folder)
            if overwrite:
                for path in folder.glob("*.json"):
                    path.unlink()
            _write_json(folder / _SETTINGS, entry.settings())
        for name in TABLES:
            path = self.folder / name
            check_output(path, overwrite=is_ours or overwrite, suffixes=(path.suffix,))

    def load(self, case: Case, entry: Entry) -> list[ScaleScores]:
        """Earlier scores of an image, if its files are what they were.

        Parameters
        ----------
        case : Case
            Image and annotations.
        entry : Entry
            Method and scales.

        Returns
        -------
        scores : list of dict
            One for each scale, or none at all.
        """
        part = _read_json(self._part(case, entry))
        if part.get("files") != files_sha256(case):
            return []
        scores = cast("list[ScaleScores]", part.get("scores", []))
        return scores if len(scores) == len(entry.scales) else []

    def save(self, case: Case, entry: Entry, scores: list[ScaleScores]) -> None:
        """Keep the scores of an image.

        Parameters
        ----------
        case : Case
            Image and annotations.
        entry : Entry
            Method and scales.
        scores : list of dict
            One for each scale.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        part: Record = {"image": case.name, "files": files_sha256(case), "scores": scores}
        _write_json(self._part(case, entry), part)

    def _of(self, entry: Entry) -> Path:
        return self.folder / _IMAGES / entry.name

    def _part(self, case: Case, entry: Entry) -> Path:
        # the underscore keeps an image named settings from the settings
        return self._of(entry) / f"_{case.name}.json"

    def _check_settings(self, entry: Entry) -> None:
        path = self._of(entry) / _SETTINGS
        before, now = _read_json(path), entry.settings()
        changed = [name for name in now if before and before.get(name) != now[name]]
        if changed:
            raise OutputError(
                f"{self.folder}: holds scores of {entry.name} made with other settings "
                f"({', '.join(changed)}), expected the same, a new folder, or --overwrite"
            )


def files_sha256(case: Case) -> str:
    """Hash of the contents of all files of a case.

    Parameters
    ----------
    case : Case
        Image, annotations and perhaps contours; a missing file counts as an empty one.

    Returns
    -------
    sha256 : str
        Hexadecimal digits.
    """
    content = hashlib.sha256()
    for path in (case.image, case.truth, *case.contours):
        found = path.read_bytes() if path.is_file() else b""
        content.update(hashlib.sha256(found).digest())
    return content.hexdigest()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error


def _read_json(path: Path) -> Record:
    """Content of a file; nothing if it is missing or damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: Record) -> None:
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))
