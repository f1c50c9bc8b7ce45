"""Imports point inwards, modules stay small, and nothing heavy loads before it is used."""

import ast
import graphlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import napari_dsc

# each module knows only the lines above its own; names on one line do not know each other
LAYERS = (
    "deprecation errors labels sample_data",
    "files machine params",
    "evaluation images layers",
    "correction hierarchy records",
    "classes cut superae superpixels",
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

REPOSITORY = Path(__file__).parents[1]
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


def test_there_are_at_most_13_layers_and_each_part_has_one_place():
    names = " ".join(LAYERS).split()
    assert len(LAYERS) <= 13
    assert len(names) == len(set(names))
    parts = {path.stem for path in SOURCE.iterdir() if path.suffix in {"", ".py"}}
    assert {name for name in parts if not name.startswith("__")} - set(names) == {"data"}


# circles


def modules_of(files):
    """Code of each file by the name under which it is imported."""
    modules = {}
    for file in files:
        parts = file.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = file.read_text("utf-8")
    return modules


def circle_in(modules):
    """Names along a circle of imports, wherever they stand in the code; empty without one.

    That a module of a package is loaded after its ``__init__`` does not count, since nobody
    writes it down.
    """
    graph = {}
    for name, code in modules.items():
        graph[name] = set()
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found = {f"{node.module}.{alias.name}" for alias in node.names}
                inside = found & set(modules)
                graph[name] |= inside or {node.module}
    known = {name: found & set(modules) for name, found in graph.items()}
    try:
        graphlib.TopologicalSorter(known).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_imports_go_round_in_a_circle():
    assert circle_in(modules_of(FILES)) == []


@pytest.mark.parametrize(
    "code",
    [
        "import a.c",
        "from a.c import name",
        "from a import c",
        "def function():\n    from a.c import name",
        "if TYPE_CHECKING:\n    from a.c import name",
    ],
)
def test_a_circle_is_seen(code):
    others = {"a": "", "a.c": "import a.d", "a.d": "from a import b"}
    assert circle_in(others | {"a.b": "import numpy"}) == []
    assert set(circle_in(others | {"a.b": code})) == {"a.b", "a.c", "a.d"}


# size


def crowded(folder, most):
    """Folders with more files than so many, but for results, data and caches."""
    found = []
    names = [
        path for path in folder.iterdir() if not path.name.startswith((".", "__pycache__"))
    ]
    if sum(path.is_file() for path in names) > most:
        found.append(folder.name)
    for path in names:
        if path.is_dir() and path.name not in {
            "results",
            "data",
            "labels" if folder.name == "golden" else "",
        }:
            found += crowded(path, most)
    return found


@pytest.mark.parametrize("name", ["src", "tests", "benchmarks"])
def test_a_folder_has_at_most_16_files(name):
    assert crowded(REPOSITORY / name, 16) == []


def test_a_crowded_folder_is_seen(tmp_path):
    for folder, n_files in (("few", 16), ("many", 17), ("few/deep", 17), ("few/data", 17)):
        (tmp_path / folder).mkdir()
        for number in range(n_files):
            (tmp_path / folder / f"{number}.py").touch()
    assert sorted(crowded(tmp_path, 16)) == ["deep", "many"]


def test_at_most_5_modules_lie_beside_the_packages():
    assert len([file for file in FILES if file.parent == SOURCE]) <= 5


# one place that chooses

CHOICES = {
    "segmenting/segmenter.py": 1,  # the place that chooses
    "segmenting/pieces.py": 1,  # planes apart are pieces of the cut; a tree takes the stack
    "widgets/controls/levels.py": 1,  # whether a result has a tree to show levels of
    "widgets/docks/dock.py": 1,  # whether a preview is possible
    "widgets/docks/segment.py": 3,  # which controls are shown
}
"""Comparisons with the name of a method in each file that has some, and what for."""


def method_choices(code):
    """Lines that compare a method with ``dsc`` or ``tree``."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Compare):
            words = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
        elif isinstance(node, ast.Match):
            words = {
                one.value.value
                for case in node.cases
                for one in ast.walk(case.pattern)
                if isinstance(one, ast.MatchValue) and isinstance(one.value, ast.Constant)
            } | {one.value for one in ast.walk(node.subject) if isinstance(one, ast.Constant)}
        else:
            continue
        parts = node.subject if isinstance(node, ast.Match) else node
        names = {getattr(one, "attr", getattr(one, "id", "")) for one in ast.walk(parts)}
        if words & {"dsc", "tree"} and ("method" in names or "method" in words):
            yield node.lineno


@every_file
def test_one_place_chooses_between_the_methods(file):
    name = file.relative_to(SOURCE).as_posix()
    assert len(list(method_choices(file.read_text("utf-8")))) <= CHOICES.get(name, 0)


@pytest.mark.parametrize(
    "code",
    [
        'if settings.method == "tree": pass',
        'is_tree = method != "dsc"',
        'if record.get("method") == "tree": pass',
        'if record["method"] in ("dsc", "tree"): pass',
        'if "tree" == self.method.currentData(): pass',
        'match settings.method:\n    case "tree" | "other":\n        pass',
    ],
)
def test_another_place_that_chooses_is_seen(code):
    others = 'SEGMENTERS[settings.method]\nif params.template_method == "tree": pass'
    assert list(method_choices(others)) == []
    assert list(method_choices(f"{others}\n{code}")) == [3]


# between NumPy and torch

CROSSINGS = {
    "baselines/fitted.py": 7,
    "baselines/wnet.py": 2,
    "cut/coarse.py": 1,
    "cut/guide.py": 4,
    "cut/joint.py": 2,
    "cut/objective.py": 3,
    "hierarchy/filters.py": 3,
    "jobs/statuses.py": 1,
    "labels/numbering.py": 2,
    "large/work.py": 4,
    "methods/sweeps.py": 3,
    "segmenting/run.py": 2,
    "segmenting/stages.py": 3,
    "segmenting/steps.py": 1,
    "superae/pooling.py": 2,
    "superae/train.py": 2,
    "superae/weights.py": 1,
}
"""How often each file goes from NumPy to torch or back; each may copy, or wait for a GPU."""


def n_crossings(code):
    """Calls of ``.cpu()``, ``.numpy()`` and ``torch.from_numpy``; a chain of them is one."""
    calls = [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    crossing = [one for one in calls if one.func.attr in {"cpu", "numpy", "from_numpy"}]
    chained = [one.func.value for one in crossing if one.func.attr == "numpy"]
    return len([one for one in crossing if one not in chained])


@every_file
def test_the_way_between_numpy_and_torch_is_gone_no_more_often(file):
    name = file.relative_to(SOURCE).as_posix()
    assert n_crossings(file.read_text("utf-8")) <= CROSSINGS.get(name, 0)


def test_the_table_of_crossings_names_files_that_exist():
    counts = Counter({name: n_crossings((SOURCE / name).read_text()) for name in CROSSINGS})
    assert +counts == CROSSINGS


@pytest.mark.parametrize(
    ("code", "n_expected"),
    [
        ("x = tensor.cpu().numpy()", 1),
        ("x = tensor.cpu()", 1),
        ("x = [torch.from_numpy(a).to(device), b.numpy()]", 2),
        ("x = array.to_numpy(), numpy.cpu", 0),
    ],
)
def test_a_crossing_is_counted(code, n_expected):
    assert n_crossings(f"import numpy\n{code}") == n_expected


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


def is_once_below(limit, code):
    """Whether one of five processes prints fewer seconds of its own processor time.

    Other work on the machine shows in the time of a clock, and a little in that of a processor.
    """
    run = [sys.executable, "-c", code]
    return any(float(subprocess.check_output(run).split()[-1]) < limit for _ in range(5))


def test_importing_the_package_takes_less_than_50_ms():
    code = """
from time import process_time
start = process_time()
import napari_dsc
print(process_time() - start)
"""
    assert is_once_below(0.05, code)


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
    assert is_once_below(0.5, code)
