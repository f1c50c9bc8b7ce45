"""The folder of an evaluation: scores of each image as they come, and tables at the end."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

from napari_dsc.errors import OutputError
from napari_dsc.evaluation.terms import zero_of
from napari_dsc.files import check_output, write_atomically
from napari_dsc.methods import MethodOptions
from napari_dsc.records.record import Record, software_record
from napari_dsc.scoring.cases import Case, ScaleScores, score_names
from napari_dsc.scoring.entries import Entry, parameters_of

TABLES = ("scores.csv", "summary.json", "summary.md")
_IMAGES, _SETTINGS, _PARAMETERS = "images", "settings.json", "parameters"


class Results(NamedTuple):
    """A folder of scores, with which an interrupted evaluation can be resumed.

    Parameters
    ----------
    folder : Path
        Folder for `TABLES` and, for each entry, ``images/ENTRY/_IMAGE.json`` with the scores
        of each image and ``images/ENTRY/settings.json`` with the settings of the scores and
        the versions of the libraries.
    """

    folder: Path

    def prepare(self, entries: Sequence[Entry], *, overwrite: bool) -> None:
        """Create folders, and check that earlier scores were made with the same settings.

        Parameters
        ----------
        entries : sequence of Entry
            Entries to score.
        overwrite : bool
            Whether to delete earlier scores of these entries.

        Raises
        ------
        OutputError
            If earlier scores were made with other settings, the folder cannot be written, or
            it holds tables that are not of an evaluation; then nothing is created.
        """
        is_ours = any(self.folder.glob(f"{_IMAGES}/*/{_SETTINGS}"))
        for entry in () if overwrite else entries:
            before = _read_json(self._of(entry) / _SETTINGS)
            changed = changed_settings(before, entry.settings()) if before else []
            if changed:
                raise OutputError(
                    f"{self.folder}: holds scores of {entry.name} made with other settings "
                    f"({', '.join(changed)}); use the same settings, a new folder or "
                    "--overwrite"
                )
        if self.folder.is_dir() and not is_ours:
            for name in TABLES:
                path = self.folder / name
                check_output(path, overwrite=overwrite, suffixes=(path.suffix,))
        for entry in entries:
            folder = self._of(entry)
            _make_folder(folder)
            if overwrite or not _read_json(folder / _SETTINGS):
                # scores without settings are discarded; the settings are deleted last, so
                # that an interruption leaves no scores without them
                paths = folder.glob("*.json")
                for path in sorted(paths, key=lambda one: one.name == _SETTINGS):
                    path.unlink()
                made = entry.settings() | {"software": software_record()}
                _write_json(folder / _SETTINGS, made)

    def load(self, case: Case, entry: Entry, files: str) -> list[ScaleScores]:
        """Earlier scores of an image, if its files have not changed.

        Parameters
        ----------
        case : Case
            Image and annotations.
        entry : Entry
            Method and scales.
        files : str
            Hash of the current files, from `files_sha256`.

        Returns
        -------
        scores : list of dict
            One for each scale. Empty if there are no earlier scores, or their measures are
            not those of this version.
        """
        part, expected = _read_json(self._part(case, entry)), score_names(entry.zero)
        if part.get("files") != files:
            return []
        scores = cast("list[ScaleScores]", part.get("scores", []))
        is_whole = len(scores) == len(entry.scales)
        return scores if is_whole and all(one.keys() == expected for one in scores) else []

    def save(self, case: Case, entry: Entry, files: str, scores: list[ScaleScores]) -> None:
        """Write the scores of an image.

        Parameters
        ----------
        case : Case
            Image and annotations.
        entry : Entry
            Method and scales.
        files : str
            Hash of the files before scoring, from `files_sha256`.
        scores : list of dict
            Scores of each scale.

        Raises
        ------
        OutputError
            If the scores cannot be written.
        """
        part: Record = {"image": case.name, "files": files, "scores": scores}
        _write_json(self._part(case, entry), part)

    def _of(self, entry: Entry) -> Path:
        return self.folder / _IMAGES / entry.name

    def _part(self, case: Case, entry: Entry) -> Path:
        # the underscore keeps apart the image "settings" and the settings
        return self._of(entry) / f"_{case.name}.json"


def changed_settings(before: Record, now: Record) -> list[str]:
    """Names of the settings that differ.

    Parameters
    ----------
    before : dict
        Stored settings. Settings that are only among these are not compared; a parameter that
        is missing had its default.
    now : dict
        Settings from `Entry.settings`.

    Returns
    -------
    names : list of str
        Names, for example ``scales`` and ``cut.n_iterations``.
    """
    if "zero" in before:
        before = {**before, "zero": zero_of(str(before["zero"]))}
    changed = [name for name in now if name != _PARAMETERS and now[name] != before.get(name)]
    earlier = _flat(parameters_of(MethodOptions())) | _flat(before.get(_PARAMETERS, {}))
    read = _flat(now[_PARAMETERS])
    return changed + [name for name in read if read[name] != earlier.get(name)]


def _flat(parameters: object) -> Record:
    """Parameters of all stages by STAGE.NAME."""
    stages = cast("dict[str, Record]", parameters)
    return {f"{key}.{name}": one for key, part in stages.items() for name, one in part.items()}


def files_sha256(case: Case) -> str:
    """Hash of the contents of all files of a case.

    Parameters
    ----------
    case : Case
        Image, annotations and contours; a file that is missing or cannot be read counts as an
        empty file.

    Returns
    -------
    sha256 : str
        Hexadecimal digits.
    """
    content = hashlib.sha256()
    for path in (case.image, case.truth, *case.contours):
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").digest()
        except OSError:  # scoring will report the error
            found = hashlib.sha256().digest()
        content.update(found)
    return content.hexdigest()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error


def _read_json(path: Path) -> Record:
    """Content of a file; empty if it is missing or damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: Record) -> None:
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))
