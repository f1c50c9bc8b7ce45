"""Put the tables of `benchmarks/results` into the pages that show them.

    python benchmarks/paste_results.py

replaces what stands between ``<!-- result: NAME -->`` and ``<!-- end of result -->`` in every
page of docs/ by the command and the table of ``benchmarks/results/NAME.json``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULT = re.compile(
    r"(?P<start><!-- result: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end of result -->)",
    re.DOTALL,
)


def result_block(name: str) -> str:
    """Command and table of a result, as Markdown."""
    content = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    rows = content["rows"]
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([str(v) for v in r.values()] for r in rows),
    ]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"\n`{content['command']}`\n\n{table}\n\n"


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
