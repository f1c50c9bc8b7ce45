"""Which files a batch reads, and the name of the output of each."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from napari_dsc.errors import InvalidImageError, InvalidParameterError

# what is taken out of a folder; named by itself, any file will do
IMAGE_SUFFIXES = (
    *(".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy"),
    *(".bmp", ".gif", ".webp", ".pgm", ".ppm", ".jp2", ".zarr"),
)
ENDING = "segments.tif"


def find_images(inputs: Sequence[str | Path]) -> list[Path]:
    """Files that are named one by one, by folder or by pattern.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, taken as they are; folders, for the images that lie directly in them; and
        patterns of `Path.glob`, in which ``**`` stands for any number of folders.

    Returns
    -------
    files : list of Path
        Absolute; each once, in the order of `inputs`, those of a folder or pattern by name.

    Raises
    ------
    InvalidImageError
        If a file is missing, or a folder or pattern gives no image.
    """
    found: dict[Path, None] = {}
    for one in inputs:
        paths = [absolute_path(path) for path in _files_of(Path(one))]
        if not paths:
            raise InvalidImageError(f"{one}: no image found, expected at least one")
        found |= dict.fromkeys(paths)
    # outputs of an earlier batch may lie among the inputs
    outputs = {path.with_name(f"{path.stem}_{ENDING}") for path in found}
    named = {absolute_path(Path(one)) for one in inputs}
    return [path for path in found if path in named or path not in outputs]


def outputs_in(folder: Path, sources: Sequence[Path], ending: str = ENDING) -> list[Path]:
    """Output of each file, all in one folder.

    Parameters
    ----------
    folder : Path
        Where the outputs go.
    sources : sequence of Path
        Input files.
    ending : str
        End of each name: ``photo.jpg`` becomes ``photo_<ending>``.

    Returns
    -------
    outputs : list of Path
        In the order of `sources`.

    Raises
    ------
    InvalidParameterError
        If two inputs would have one output.

    Examples
    --------
    >>> [path.as_posix() for path in outputs_in(Path("out"), [Path("in/photo.jpg")])]
    ['out/photo_segments.tif']
    """
    for stem, count in Counter(source.stem for source in sources).items():
        if count > 1:
            same = " and ".join(str(source) for source in sources if source.stem == stem)
            raise InvalidParameterError(
                f"{same}: each would become {stem}_{ending}, expected names that differ"
            )
    return [folder / f"{source.stem}_{ending}" for source in sources]


def absolute_path(path: Path) -> Path:
    """Path from the root, without ``..`` but with its links.

    Parameters
    ----------
    path : Path
        Any path.

    Returns
    -------
    absolute : Path
        A linked file keeps the name of the link, after which its output is named.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


def _files_of(named: Path) -> Iterator[Path]:
    if named.is_dir() and not _is_zarr(named):
        yield from sorted(path for path in named.iterdir() if _is_image(path))
    elif named.exists():
        yield named
    elif any(sign in str(named) for sign in "*?["):
        start = Path(named.anchor)
        matches = start.glob(str(named.relative_to(start)))
        yield from sorted(path for path in matches if _is_image(path))
    else:
        raise InvalidImageError(f"{named}: no such file, folder or pattern with matches")


def _is_image(path: Path) -> bool:
    is_named = path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    return is_named and (path.is_file() or _is_zarr(path))


def _is_zarr(path: Path) -> bool:
    from napari_dsc.files.ome_zarr import is_zarr  # loads NumPy

    return is_zarr(path)
