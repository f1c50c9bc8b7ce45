"""Weight files known by name: where they lie, downloads and checks."""

from __future__ import annotations

import hashlib
import io
import os
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pooch

from napari_dsc.errors import OutputError, WeightsError
from napari_dsc.files import write_atomically
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
    packaged = Path(str(resources.files("napari_dsc.superae"))) / "data" / entry.file
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
    check_sha256(str(path), file_sha256(path), WEIGHTS[name].sha256)
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
    in_cache = path == cache_folder() / entry.file
    if in_cache and not (path.is_file() and file_sha256(path) == entry.sha256):
        content = _download(entry)
        _write(path, content)
    return verify_weights(name)


def file_sha256(path: Path) -> str:
    """Hash of a file.

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
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: expected a weight file, got {error.strerror}") from error


def check_sha256(source: str, found: str, expected: str) -> None:
    """Refuse content that is not what it should be.

    Parameters
    ----------
    source : str
        File or address, for the message.
    found : str
        Hash of the content.
    expected : str
        Hash it should have.

    Raises
    ------
    WeightsError
        If the two differ.
    """
    if found != expected:
        raise WeightsError(
            f"{source}: refused because its sha256 is {found[:12]}..., "
            f"expected {expected[:12]}..."
        )


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be made ({error.strerror})") from error
    write_atomically(path, lambda file: file.write(content))


def _download(entry: RegisteredWeights) -> bytes:
    base = os.environ.get("NAPARI_DSC_WEIGHTS_URL") or BASE_URL
    if not base:
        raise WeightsError(
            f"{entry.file}: not on this machine and no address is known, expected the address "
            "of a folder that holds it in NAPARI_DSC_WEIGHTS_URL"
        )
    if os.environ.get("NAPARI_DSC_OFFLINE"):
        raise WeightsError(
            f"{entry.file}: not on this machine, expected it in {cache_folder()} while "
            "downloads are switched off (NAPARI_DSC_OFFLINE, or the preference in napari)"
        )
    url, buffer = f"{base.rstrip('/')}/{entry.file}", io.BytesIO()
    try:
        pooch.HTTPDownloader()(url, buffer, None)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{url}: the download failed ({error})") from error
    content = buffer.getvalue()
    check_sha256(url, hashlib.sha256(content).hexdigest(), entry.sha256)
    return content
