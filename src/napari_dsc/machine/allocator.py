"""The memory that the C library keeps after it was freed, where that library is glibc."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# numbers of settings in glibc's malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
# glibc does not tell its settings
_KEPT_FOR_GOOD = threading.Event()


def keep_freed_memory() -> bool:
    """Ask the C library to reuse big blocks, not to return them to the system, from now on.

    Convolutions allocate and free the same big blocks in every step; returning and
    page-faulting them costs up to half the time on Linux. Affects the whole process, so
    only the command line calls it; see `freed_memory_kept`.

    Returns
    -------
    done : bool
        False where the C library has no such switch.
    """
    _KEPT_FOR_GOOD.set()
    return _mallopt({_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**28})


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Reuse big blocks inside the block, and return them to the system after it.

    Notes
    -----
    glibc cannot be asked for its settings. Those that it is left with are the ones that it
    gives itself once a block of 32 MiB was freed. Of two blocks at the same time, in
    different threads, the end of one slows the other down; nothing else happens.
    """
    if _KEPT_FOR_GOOD.is_set() or not _mallopt({_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}):
        yield
        return
    try:
        yield
    finally:
        _mallopt({_MMAP_MAX: 2**16, _MMAP_THRESHOLD: 2**25, _TRIM_THRESHOLD: 2**26})
        ctypes.CDLL(None).malloc_trim(0)


def _mallopt(settings: dict[int, int]) -> bool:
    """Change settings of the C library's memory, where it is glibc."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(name, value) == 1 for name, value in settings.items())
