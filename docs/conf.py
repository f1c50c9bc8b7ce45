"""Sphinx configuration; two directives write the reference from the code itself."""

import dataclasses
import re
import subprocess
import sys
from typing import Literal, cast, get_args, get_origin, get_type_hints

from docutils import nodes
from docutils.parsers.rst import Directive
from numpydoc.docscrape import ClassDoc
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import napari_dsc
from napari_dsc import params

project = "napari-dsc"
author = "The napari-dsc developers"
release = napari_dsc.__version__
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Segment scientific images without labels"}
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "none"  # numpydoc's sections give the types, with shapes


class Parameters(SphinxDirective):
    """A table of one class of napari_dsc.params: ``{parameters} CutParams``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Rows of name, type, default, range and help."""
        owner = getattr(params, self.arguments[0])
        helps = {field.name: " ".join(field.desc) for field in ClassDoc(owner)["Parameters"]}
        hints = get_type_hints(owner, include_extras=True)
        rows = [
            f"| `{field.name}` | {_range(hints[field.name])} | `{field.default}` "
            f"| {helps[field.name].replace('``', '`')} |"
            for field in dataclasses.fields(owner)
        ]
        head = ["| name | values | default | meaning |", "|---|---|---|---|"]
        return self.parse_text_to_nodes(
            "\n".join([ClassDoc(owner)["Summary"][0], "", *head, *rows])
        )


def _range(hint: object) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(hint))
    kind, bounds = get_args(hint)
    return f"{kind.__name__}, {bounds['min']} to {bounds['max']}"


class CommandHelp(Directive):
    """Help text of a command: ``{command-help} segment``."""

    optional_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Output of ``napari-dsc ... --help``."""
        command = [sys.executable, "-m", "napari_dsc", *self.arguments, "--help"]
        environment = {"COLUMNS": "90", "NO_COLOR": "1", "TERM": "dumb"}
        text = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout
        return [nodes.literal_block(text, text, language="none")]


def _escape_shapes(*event: object) -> None:
    """Keep the star of the shape (C, *S) from starting emphasis."""
    lines = cast("list[str]", event[-1])
    lines[:] = [re.sub(r"(?<!`)\(C, \*S\)", r"(C, \\*S)", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Register the directives."""
    app.add_directive("parameters", Parameters)
    app.add_directive("command-help", CommandHelp)
    app.connect("autodoc-process-docstring", _escape_shapes, priority=400)
