"""What the documentation shows runs: examples in docstrings, code blocks, commands, links."""

import ast
import doctest
import importlib
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import napari_dsc
from benchmarks.commands import with_present_modules
from napari_dsc import evaluation, params
from napari_dsc.cli import main
from napari_dsc.cli.program import _program

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts),
]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)

BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^>]*) -->\n+)?"
    r"^```(?P<language>[^\n]*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NOT_CODE = re.compile(r"\{[\w-]+\}.*|text|json|toml|yaml|bibtex")

PUBLIC_MODULES = {"napari_dsc.evaluation", "napari_dsc.params", "napari_dsc.sample_data"}

MODULES = [
    module.name
    for module in pkgutil.walk_packages(napari_dsc.__path__, "napari_dsc.")
    if not module.name.endswith(".__main__")
]


class Block(NamedTuple):
    language: str
    code: str
    reason: str

    @property
    def is_shown_only(self):
        return bool(self.reason or NOT_CODE.fullmatch(self.language))

    def run(self, namespace):
        if self.language == "python":
            exec(self.code, namespace)
        elif all(line.startswith("napari-dsc ") for line in self.code.splitlines()):
            for line in self.code.splitlines():  # in this process, which has loaded torch
                assert main(shlex.split(line)[1:]) == 0, line
        else:
            run_in_bash(self.code)


def run_in_bash(code):
    if not shutil.which("bash"):
        pytest.skip("no bash on this machine")
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        env=os.environ | {"PATH": search},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


def blocks(text):
    return [
        Block(found["language"], found["code"], found["reason"] or "")
        for found in BLOCK.finditer(text)
    ]


def test_blocks_are_found_with_the_reason_before_them():
    text = "```python\na = 1\n```\n\n<!-- not run: needs a GPU -->\n```sh\nls\n```\n"
    assert blocks(text) == [Block("python", "a = 1\n", ""), Block("sh", "ls\n", "needs a GPU")]


@pytest.mark.parametrize(
    ("language", "code", "error"),
    [
        ("python", "1 / 0", ZeroDivisionError),
        ("sh", "cat no-such-file\ntrue", AssertionError),
        ("sh", "napari-dsc smooth no-such-file.png -o smooth.tif", AssertionError),
    ],
)
def test_a_block_that_fails_is_noticed(language, code, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        Block(language, code, "").run({})


@every_page
def test_the_blocks_of_a_page_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks(page.read_text("utf-8")):
        if not block.is_shown_only:
            assert block.language in {"python", "sh"}
            block.run(namespace)


def private_names(code):
    """Names of the package that a piece of Python uses and that are not public."""
    for node in ast.walk(ast.parse(code)):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module == "napari_dsc":
            names = [f"napari_dsc.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"]
        for name in names:
            package, _, rest = name.partition(".")
            is_public = rest in {"", *napari_dsc.__all__} or name in PUBLIC_MODULES
            if package == "napari_dsc" and not is_public:
                yield name


def test_a_private_name_in_a_block_is_noticed():
    code = "import napari_dsc\nfrom napari_dsc.cut import guide\nnapari_dsc.images.Image"
    assert sorted(private_names(code)) == ["napari_dsc.cut", "napari_dsc.images"]
    assert list(private_names("from napari_dsc import segment, evaluation")) == []


@every_page
def test_python_on_a_page_takes_public_names_only(page):
    codes = [b.code for b in blocks(page.read_text("utf-8")) if b.language == "python"]
    assert [name for code in codes for name in private_names(code)] == []


@pytest.mark.parametrize(
    "page", sorted((DOCS / "how-to").glob("*.md")), ids=lambda page: page.name
)
def test_a_how_to_has_no_table_of_measurements(page):
    assert "<!-- result:" not in page.read_text("utf-8")


@every_page
def test_links_between_pages_lead_somewhere(page):
    targets = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_docstrings_with_examples_exist():
    finder = doctest.DocTestFinder()
    found = [
        t for name in MODULES for t in finder.find(importlib.import_module(name)) if t.examples
    ]
    assert len(found) >= 20


def directives(page, name):
    return set(
        re.findall(rf"^```\{{{name}\}} ?(.*)$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
    )


BENCHMARK = re.compile(r"(?<=-m )benchmarks(?:\.\w+)+|(?<![\w/])benchmarks/[\w./-]*\w")


def missing_benchmarks(text):
    """Modules and files of benchmarks that a text names and nobody finds."""
    named = BENCHMARK.findall(text)
    files = [one if "/" in one else one.replace(".", "/") + ".py" for one in named]
    return [file for file in files if not (ROOT / file).exists()]


def test_a_benchmark_that_does_not_exist_is_noticed():
    text = (
        "`python benchmarks/a.py x`, `python -m benchmarks.b.c`, `benchmarks/results/d.json`."
    )
    missing = ["benchmarks/a.py", "benchmarks/b/c.py", "benchmarks/results/d.json"]
    assert missing_benchmarks(text) == missing


@pytest.mark.parametrize(
    "page", [*PAGES, *DOCS.glob("scripts/*.py")], ids=lambda page: page.name
)
def test_the_benchmarks_that_a_page_names_exist(page):
    assert missing_benchmarks(page.read_text("utf-8")) == []


def test_the_benchmarks_behind_all_results_exist_under_their_present_names():
    results = (ROOT / "benchmarks" / "results").rglob("*.json")
    texts = [with_present_modules(path.read_text("utf-8")) for path in results]
    assert len(BENCHMARK.findall("".join(texts))) >= 20
    assert [missing for text in texts for missing in missing_benchmarks(text)] == []


def test_every_class_of_parameters_stands_on_its_page():
    classes = {name for name in vars(params) if re.fullmatch(r"[A-Z]\w+Params", name)}
    assert directives("reference/parameters.md", "parameters") == classes


def test_every_command_stands_on_its_page():
    def commands(program, prefix=""):
        for name in program:
            if not name.startswith("-"):
                yield f"{prefix}{name}"
                yield from commands(program[name], f"{prefix}{name} ")

    shown = directives("reference/cli.md", "command-help")
    assert shown == {"", *commands(_program())}


def test_every_public_name_stands_on_its_page():
    text = (DOCS / "reference/api.md").read_text("utf-8")
    shown = re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE)
    assert sorted(shown) == sorted(set(napari_dsc.__all__) - {"evaluation"})  # a module


def test_every_public_measure_stands_on_its_page():
    text = (DOCS / "reference/api.md").read_text("utf-8")
    shown = re.findall(r"^\.\. auto\w+:: napari_dsc\.evaluation\.(\w+)$", text, re.MULTILINE)
    assert sorted(shown) == sorted(evaluation.__all__)
