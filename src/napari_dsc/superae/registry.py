"""Weight files known by name: where they lie, downloads and checks."""

import functools
import os
from pathlib import Path
from typing import NamedTuple

import pooch

from napari_dsc.errors import OutputError, WeightsError
from napari_dsc.params import DEFAULT_WEIGHTS


class RegisteredWeights(NamedTuple):
    """A weight file; its version is in the file name, its size in bytes.

    ``ndim`` is 2, or 3 for a network of stacks.
    """

    file: str
    sha256: str
    size: int
    license: str
    training_data: str
    packaged: bool
    ndim: int = 2


WEIGHTS = {
    "superae-bsds500": RegisteredWeights(
        file="superae-bsds500-v2.safetensors",
        sha256="c0a535ec35630dedcd8c7c68355f85b1d2b69301a84ed7d02359e86ffb986ab1",
        size=2_976_836,
        license="BSD-3-Clause; training images for non-commercial research and education",
        training_data="BSDS500, all 500 images; templates: gPb-owt-ucm cut at 100 regions",
        packaged=True,
    ),
    "superae-tree": RegisteredWeights(
        file="superae-tree-v1.safetensors",
        sha256="ef5e853541d17f2b145394f83ac3786bac3192511fb8e9b9dbfb85dd5c61be50",
        size=2_976_820,
        license="BSD-3-Clause; training images for non-commercial research and education",
        training_data="BSDS500, all 500 images; templates: merge tree cut at 100 regions",
        packaged=True,
    ),
}
DEFAULT = DEFAULT_WEIGHTS
LARGEST = 2**30  # bytes of a weight file; a network of this program has three millions
# Empty as long as every registered file is packaged.
BASE_URL = ""


def where(name: str) -> Path:
    """Path of a registered file: in the package, else in the cache folder.

    Parameters
    ----------
    name : str
        A name of `WEIGHTS`.

    Returns
    -------
    path : Path
        Where the file lies, or where a download would put it.

    Raises
    ------
    WeightsError
        If the name is unknown.
    """
    if name not in WEIGHTS:
        raise WeightsError(f"weights={name!r}: expected one of {', '.join(WEIGHTS)}")
    entry = WEIGHTS[name]
    packaged = Path(__file__).with_name("data") / entry.file
    return packaged if entry.packaged and packaged.exists() else cache_folder() / entry.file


def cache_folder() -> Path:
    """Folder of downloaded weights.

    Returns
    -------
    folder : Path
        ``NAPARI_DSC_WEIGHTS_DIR`` if set, else the user's cache folder of the system.
    """
    return Path(os.environ.get("NAPARI_DSC_WEIGHTS_DIR") or pooch.os_cache("napari-dsc"))


def verify_weights(name: str) -> Path:
    """Check a registered file that is on this machine; nothing is downloaded.

    Parameters
    ----------
    name : str
        A name of `WEIGHTS`.

    Returns
    -------
    path : Path
        The intact file.

    Raises
    ------
    WeightsError
        If the name is unknown, or the file is missing or not what it should be.
    """
    path = where(name)
    check_sha256(path, WEIGHTS[name].sha256)
    return path


def fetch_weights(name: str) -> Path:
    """Make sure that a registered file is on this machine, intact.

    Parameters
    ----------
    name : str
        A name of `WEIGHTS`.

    Returns
    -------
    path : Path
        The packaged file, or the one in the cache folder; there it is downloaded if it is
        missing or damaged, from ``NAPARI_DSC_WEIGHTS_URL`` if set.

    Raises
    ------
    WeightsError
        If the name is unknown, the download fails or brings something else, or the
        packaged file is damaged.
    OutputError
        If the cache folder cannot be made or written.
    """
    path, entry = where(name), WEIGHTS[name]
    is_intact = path.is_file() and file_sha256(path) == entry.sha256
    if path.parent == cache_folder() and not is_intact:
        _download(path, entry)
    return verify_weights(name)


def file_sha256(path: Path) -> str:
    """Hash of a weight file, computed once a process unless the file changes.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    sha256 : str
        64 hexadecimal digits.

    Raises
    ------
    WeightsError
        If the file cannot be read, is a device or pipe, or exceeds one gibibyte.
    """
    try:
        check_regular(path)
        found = path.stat()
        return _sha256(path, found.st_ino, found.st_size, found.st_mtime_ns)
    except WeightsError:
        raise
    except (OSError, ValueError) as error:  # the latter for a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"{path}: expected a weight file, got {reason}") from error


def check_regular(path: Path) -> None:
    """Refuse devices and pipes before they are opened, because reading them may never end.

    Parameters
    ----------
    path : Path
        A file; folders and missing files pass.

    Raises
    ------
    WeightsError
        If it is a device, pipe or socket, or exceeds one gibibyte.
    """
    # not those of Path, which raise errors for names that are too long
    if not os.path.isfile(path):  # noqa: PTH113
        if os.path.exists(path) and not os.path.isdir(path):  # noqa: PTH110, PTH112
            raise WeightsError(f"{path}: is not a regular file, expected a weight file")
    elif path.stat().st_size > LARGEST:
        raise WeightsError(
            f"{path}: has {path.stat().st_size} bytes, expected a weight file of at most "
            f"{LARGEST}"
        )


@functools.lru_cache
def _sha256(path: Path, *_: int) -> str:
    """Hash of a file with a certain inode, size and time of change."""
    return str(pooch.file_hash(path, alg="sha256"))


def check_sha256(path: Path, expected: str) -> None:
    """Refuse a file that is not what it should be.

    Parameters
    ----------
    path : Path
        The file.
    expected : str
        Hash that it should have.

    Raises
    ------
    WeightsError
        If it has another hash, or cannot be read.
    """
    found = file_sha256(path)
    if found != expected:
        raise WeightsError(
            f"{path}: refused because its sha256 is {found[:12]}..., "
            f"expected {expected[:12]}..."
        )


def _download(path: Path, entry: RegisteredWeights) -> None:
    """Download a file to a folder, which is created; delete it if its hash is wrong."""
    base = os.environ.get("NAPARI_DSC_WEIGHTS_URL") or BASE_URL
    if not base:
        raise WeightsError(
            f"{entry.file}: not installed, and no download address is configured; set "
            "NAPARI_DSC_WEIGHTS_URL to the address of a folder that holds it"
        )
    if os.environ.get("NAPARI_DSC_OFFLINE"):
        raise WeightsError(
            f"{entry.file}: not installed, and downloads are switched off "
            f"(NAPARI_DSC_OFFLINE, or the preference in napari); put it into {path.parent}"
        )
    url = f"{base.rstrip('/')}/{entry.file}"
    download = pooch.HTTPDownloader()
    try:
        pooch.retrieve(url, entry.sha256, path.name, path.parent, downloader=download)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise OutputError(f"{path.parent}: cannot be made or written ({error})") from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"{url}: the download failed ({error})") from error
    path.chmod(0o644)  # pooch makes files that other users cannot read
