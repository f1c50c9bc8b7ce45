"""Put the tables of `benchmarks/results` into the pages that show them.

    python -m benchmarks.paste_results

replaces what stands between ``<!-- result: NAME -->`` and ``<!-- end of result -->`` in every
page of docs/ by the command and the table of NAME.json in a folder of ``benchmarks/results``,
or by a table of `paper_tables` or `set_tables`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from benchmarks.commands import SOURCES, argument_parser, with_present_modules
from benchmarks.paper import paper_tables
from benchmarks.report import RESULTS, markdown_table
from benchmarks.sets import set_tables

if TYPE_CHECKING:
    from pathlib import Path

TABLES = paper_tables.TABLES | set_tables.TABLES
RESULT = re.compile(
    r"(?P<start><!-- result: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end of result -->)",
    re.DOTALL,
)


def result_block(name: str) -> str:
    """Command and table of a result, as Markdown."""
    if name in TABLES:
        return with_present_modules(f"\n{TABLES[name]()}\n\n")
    [path] = RESULTS.glob(f"*/{name}.json")
    content = json.loads(path.read_text())
    command = with_present_modules(content["command"])
    return f"\n`{command}`\n\n{markdown_table(content['rows'])}\n\n"


def with_results(page: str) -> str:
    """Text of a page with the present results in it."""
    return RESULT.sub(
        lambda found: found["start"] + result_block(found["name"]) + found["end"], page
    )


def pages() -> list[Path]:
    """Pages that show a result."""
    return [
        page
        for page in sorted((SOURCES / "docs").rglob("*.md"))
        if RESULT.search(page.read_text())
    ]


def main() -> None:
    """Write every page that shows a result."""
    argument_parser(__doc__).parse_args()
    for path in pages():
        path.write_text(with_results(path.read_text()))
        print(path.relative_to(SOURCES))


if __name__ == "__main__":
    main()
