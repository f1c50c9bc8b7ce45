import platform
import subprocess
import sys
from pathlib import Path

import pytest

from napari_dsc.machine import allocator


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a switch of glibc")
def test_freed_memory_is_kept_on_glibc():
    program = (
        "from napari_dsc.machine.allocator import keep_freed_memory; print(keep_freed_memory())"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.strip() == str(platform.libc_ver()[0] == "glibc")


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("", ""))

    assert not allocator.keep_freed_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a switch of glibc")
def test_freed_memory_is_kept_inside_a_block_and_returned_after_it():
    program = """
import resource
import torch
from napari_dsc.machine.allocator import freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        torch.ones(20_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(open("/proc/self/statm").read().split()[1])

torch.ones(20_000_000)
outside, before = faults(), resident()
with freed_memory_kept():
    for _ in range(5):
        inside = faults()
print(outside, inside, resident() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    outside, inside, grown = map(int, done.stdout.split())
    pages = 80_000_000 // (2**21 if has_huge_pages() else 4096)
    assert outside > 2 * pages
    assert inside < pages / 2
    assert grown < 80_000_000 // 4096 / 2


def has_huge_pages():
    """Whether this Linux gives every program pages of 2 MiB."""
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return path.exists() and "[always]" in path.read_text()
