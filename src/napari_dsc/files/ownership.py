"""Which files may be replaced: those that napari-dsc wrote, and never what it reads."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dsc.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

SOFTWARE = "napari-dsc"
# bytes at the start and at the end of a file that are searched for metadata
_SEARCHED = 2**17
# marks of files whose format has no field for the name of a program
_MARKS = {
    ".safetensors": (b'"card":', b'"history":'),
    ".csv": (b"number,fidelity,smoothness,seconds",),
}
# additional spaces in the header of an .npy file, by which it is recognized
NPY_PADDING = 128


def is_ours(path: Path) -> bool:
    """Whether napari-dsc wrote a file or a zarr store.

    Parameters
    ----------
    path : Path
        An existing file or folder.

    Returns
    -------
    answer : bool
        False also if it cannot be read.
    """
    try:
        if path.is_dir():
            return _is_our_zarr(path)
        with path.open("rb") as file:
            content = file.read(_SEARCHED)
            file.seek(max(file.tell(), path.stat().st_size - _SEARCHED))
            content += file.read()
    except OSError:
        return False
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return b" " * NPY_PADDING in content[: 4 * NPY_PADDING]
    return any(mark in content for mark in (SOFTWARE.encode(), *_MARKS.get(suffix, ())))


def refuse_foreign(path: Path) -> None:
    """Refuse to replace a file or folder that napari-dsc did not write.

    Parameters
    ----------
    path : Path
        An output; it need not exist.

    Raises
    ------
    OutputError
        If it exists and napari-dsc did not write it.
    """
    if path.exists() and not is_ours(path):
        kind = "folder" if path.is_dir() else "file"
        raise OutputError(
            f"{path}: already exists and is a {kind} that {SOFTWARE} did not write; only its "
            "own results can be overwritten. Choose another name"
        )


def refuse_overlap(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Refuse outputs that would replace each other, an input, or a folder with an input in it.

    Parameters
    ----------
    inputs : sequence of Path
        All files and folders to read.
    outputs : sequence of Path
        All files and zarr stores to write.

    Raises
    ------
    OutputError
        If a file has two uses, an output contains an input, or an output lies in the zarr
        store of an input. Links are followed.
    """
    read = {Path(os.path.realpath(path)): path for path in inputs}
    above = {folder: path for real, path in read.items() for folder in real.parents}
    stores = {
        store: path
        for real, path in read.items()
        for store in (real, *real.parents)
        if store.suffix.lower() == ".zarr"
    }
    for name, count in Counter(map(os.path.realpath, outputs)).items():
        output = Path(name)
        if count > 1:
            raise OutputError(
                f"{output}: would be written {count} times; choose another name for each output"
            )
        if output in read:
            raise OutputError(f"{output}: is an input; choose another name for the output")
        if output in above:
            raise OutputError(
                f"{output}: contains the input {above[output]}, which it would replace; choose "
                "another name for the output"
            )
        for store in output.parents:
            if store in stores:
                raise OutputError(
                    f"{output}: lies inside the input {stores[store]}; choose another name for "
                    "the output"
                )


def _is_our_zarr(folder: Path) -> bool:
    """Whether a group has a record of napari-dsc, and no members but the levels of labels."""
    try:
        metadata = json.loads((folder / "zarr.json").read_text("utf-8"))
        if SOFTWARE not in metadata["attributes"]:
            return False
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return all(one.name == "zarr.json" or one.name.isdecimal() for one in folder.iterdir())
