"""Imports point inwards, modules stay small, and nothing heavy loads before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import napari_dsc

# each module knows only the lines above its own; names on one line do not know each other
LAYERS = (
    "errors labels sample_data",
    "files machine params",
    "evaluation images layers",
    "correction hierarchy records",
    "cut superae superpixels",
    "baselines large",
    "segmenting",
    "methods",
    "scoring",
    "batch",
    "cli jobs",
    "__main__ widgets",
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names.split()}
OUTERMOST = {"cli", "widgets", "__main__"}  # they may say `import napari_dsc`
DESKTOP = {"napari", "magicgui", "qtpy", "superqt", "PyQt5", "PyQt6", "PySide6"}

TELL_LAYERS = {"layers", "segmenting"}  # they take or make layers where napari is loaded

SOURCE = Path(napari_dsc.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = [file.relative_to(SOURCE).as_posix() for file in FILES]
every_file = pytest.mark.parametrize("file", FILES, ids=NAMES)


def imported_names(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "napari_dsc":
            yield from (f"napari_dsc.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def forbidden_imports(code, part):
    """Imports in `code` that a module or package named `part` must not have."""
    for name in imported_names(code):
        first, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if first in DESKTOP:
            allowed = part == "widgets" or (first == "napari" and part in TELL_LAYERS)
        elif first == "napari_dsc" and other in RANK:
            allowed = other == part or RANK[other] < RANK[part]
        else:
            allowed = first not in {"", "napari_dsc"} or part in OUTERMOST
        if not allowed:
            yield name


@every_file
def test_imports_point_inwards(file):
    part = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    if part == "__init__":
        assert list(imported_names(file.read_text())) == ["lazy_loader"]
        return
    assert part in RANK, f"{part} has no place among the layers"
    assert list(forbidden_imports(file.read_text("utf-8"), part)) == []


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("cut", "from napari_dsc.superae.model import SuperAE"),
        ("cut", "import napari_dsc.cli"),
        ("params", "from napari_dsc import files"),
        ("segmenting", "import napari_dsc"),
        ("segmenting", "from napari_dsc import segment"),
        ("segmenting", "from . import errors"),
        ("cli", "import napari.layers"),
        ("images", "if TYPE_CHECKING:\n    from qtpy.QtCore import QObject"),
    ],
)
def test_an_import_that_points_outwards_is_seen(part, code):
    assert (
        list(forbidden_imports("import numpy\nfrom napari_dsc.errors import DSCError", part))
        == []
    )
    assert len(list(forbidden_imports(code, part))) == 1


@every_file
def test_a_module_has_at_most_300_lines(file):
    assert len(file.read_text("utf-8").splitlines()) <= 300


@every_file
def test_a_function_body_has_at_most_40_lines(file):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            code = node.body[1:] if ast.get_docstring(node) else node.body
            lines = code[-1].end_lineno - code[0].lineno + 1 if code else 0
            assert lines <= 40, f"{node.name} has {lines} lines"


def loaded_by(*arguments):
    """Modules that ``python *arguments`` imports."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }


def test_importing_the_package_loads_no_library_of_weight():
    loaded = loaded_by("-c", "import napari_dsc; napari_dsc.segment")
    assert "torch" in loaded
    assert loaded & {"napari", "qtpy", "magicgui"} == set()
    heavy = {"torch", "napari", "qtpy", "skimage", "higra", "matplotlib", "scipy", "numpy"}
    assert loaded_by("-c", "import napari_dsc") & heavy == set()


def test_asking_for_help_loads_no_library_of_weight():
    loaded = loaded_by("-m", "napari_dsc", "--help")
    assert "cyclopts" in loaded
    assert (
        loaded & {"torch", "napari", "qtpy", "skimage", "higra", "matplotlib", "scipy"} == set()
    )


def seconds_of(code):
    """What the best of five processes prints of its own processor time.

    Other work on the machine would show in the time of a clock.
    """
    run = [sys.executable, "-c", code]
    return min(float(subprocess.check_output(run).split()[-1]) for _ in range(5))


def test_importing_the_package_takes_less_than_50_ms():
    code = """
from time import process_time
start = process_time()
import napari_dsc
print(process_time() - start)
"""
    assert seconds_of(code) < 0.05


def test_help_appears_in_less_than_half_a_second():
    code = """
import runpy, sys, time
sys.argv = ["napari-dsc", "--help"]
try:
    runpy.run_module("napari_dsc", run_name="__main__")
except SystemExit as end:
    assert not end.code
print(time.process_time())
"""
    assert seconds_of(code) < 0.5
