"""Put the tables of `benchmarks/results` into the pages that show them.

    python benchmarks/paste_results.py

replaces what stands between ``<!-- result: NAME -->`` and ``<!-- end of result -->`` in every
page of docs/ by the command and the table of ``benchmarks/results/NAME.json``, or by a table of
`paper_tables` or `set_tables`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import paper_tables
import set_tables
from report import RESULTS, markdown_table

ROOT = Path(__file__).parents[1]
TABLES = paper_tables.TABLES | set_tables.TABLES
RESULT = re.compile(
    r"(?P<start><!-- result: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end of result -->)",
    re.DOTALL,
)


def result_block(name: str) -> str:
    """Command and table of a result, as Markdown."""
    if name in TABLES:
        return f"\n{TABLES[name]()}\n\n"
    content = json.loads((RESULTS / f"{name}.json").read_text())
    return f"\n`{content['command']}`\n\n{markdown_table(content['rows'])}\n\n"


def with_results(page: str) -> str:
    """Text of a page with the present results in it."""
    return RESULT.sub(
        lambda found: found["start"] + result_block(found["name"]) + found["end"], page
    )


def pages() -> list[Path]:
    """Pages that show a result."""
    return [
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if RESULT.search(page.read_text())
    ]


if __name__ == "__main__":
    for path in pages():
        path.write_text(with_results(path.read_text()))
        print(path.relative_to(ROOT))
