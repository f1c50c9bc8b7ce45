"""Which files a command reads and writes, settled before it computes anything."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_dsc.batch.inputs import outputs_in
from napari_dsc.errors import InvalidParameterError, OutputError


class Job(NamedTuple):
    """One input, its output, and the pictures to draw of it (one or none)."""

    source: Path
    output: Path
    overlays: tuple[Path, ...] = ()


class Plan(NamedTuple):
    """All jobs of a command and the folders to create; with `joint` they are cut together."""

    jobs: tuple[Job, ...]
    folders: tuple[Path, ...] = ()
    joint: bool = False


def plan_jobs(
    sources: Sequence[Path], output: Path, kind: str, overlay: Path | None = None
) -> Plan:
    """Name the output of each input, and the picture to draw of it.

    Parameters
    ----------
    sources : sequence of Path
        Input files.
    output : Path
        A file for one input; a folder for several, or when it exists or has no suffix.
    kind : str
        End of a name in a folder: ``photo.jpg`` becomes ``photo_<kind>.tif``.
    overlay : Path, optional
        A PNG file for one input, a folder for several.

    Returns
    -------
    plan : Plan
        One job for each input.

    Raises
    ------
    InvalidParameterError
        If two inputs would have one output, several inputs one file, or a picture is no PNG.
    """
    outputs, folders = _targets(sources, output, f"{kind}.tif")
    if overlay is None:
        return Plan(tuple(map(Job, sources, outputs)), folders)
    pictures, more = _targets(sources, overlay, "overlay.png")
    if pictures[0].suffix.lower() != ".png":
        raise InvalidParameterError(f"overlay={str(overlay)!r}: expected a .png file")
    return Plan(tuple(map(Job, sources, outputs, zip(pictures))), folders + more)


def make_folders(folders: Sequence[Path]) -> None:
    """Create folders, and those they lie in, unless they exist.

    Parameters
    ----------
    folders : sequence of Path
        Folders of a `Plan`.

    Raises
    ------
    OutputError
        If one cannot be created.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error


def _targets(
    sources: Sequence[Path], named: Path, ending: str
) -> tuple[list[Path], tuple[Path, ...]]:
    """One file for each input, and the folder to create for them, if any."""
    is_folder = named.is_dir() or (not named.suffix and not named.exists())
    is_folder &= named.suffix.lower() != ".zarr"  # a file to its users
    if len(sources) == 1 and not is_folder:
        return [named], ()
    if not is_folder:
        raise InvalidParameterError(
            f"{named}: expected a folder for {len(sources)} inputs, got the name of a file"
        )
    return outputs_in(named, sources, ending), (named,)
