"""Compute the golden labels anew, and show what has changed as pictures.

::

    python tests/golden/remake.py                     # all, with pictures in golden-changes/
    python tests/golden/remake.py -o FOLDER tiles     # one case, with its picture in a folder
    python tests/golden/remake.py --replace           # store the labels that were found

A picture shows the stored labels, the labels found and, in red, where they differ.
"""

# ruff: noqa: T201 - it prints its table

import argparse
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from golden.cases import CASES
from golden.stored import LABELS, draw, largest_change, read_labels, write_labels


def parsed(arguments, cases):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*", help="names of cases; all if none is named")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("golden-changes"), help="for the pictures"
    )
    parser.add_argument("--replace", action="store_true", help="store the labels found")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.cases) - set(cases))
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; expected some of {', '.join(cases)}")
    return asked


def remade(make, path, picture):
    """Labels of a case, and a line that compares them with the stored ones."""
    start = time.process_time()
    labels = make()
    seconds = f"{time.process_time() - start:8.1f} s"
    if not path.exists():
        return labels, f"{'new':>6} {'':>14} {seconds}"
    stored = read_labels(path)
    found = largest_change(labels, stored)
    is_drawn = (found.bits or found.renumbered) and np.isfinite(found.bits)
    if is_drawn:
        picture.parent.mkdir(parents=True, exist_ok=True)
        iio.imwrite(picture, draw(labels, stored))
    counts = f"{found.n_stored} -> {found.n_found}"
    return labels, f"{found.bits:6.3f} {counts:>14} {seconds} {picture if is_drawn else ''}"


def main(arguments=None, cases=CASES, folder=LABELS):
    asked = parsed(arguments, cases)
    print(f"{'case':32}   bits       segments  processor")
    for name in asked.cases or cases:
        path = folder / f"{name}.png"
        labels, line = remade(cases[name], path, asked.output / path.name)
        print(f"{name:32} {line}", flush=True)
        if asked.replace:
            write_labels(path, labels)
    if asked.replace and not asked.cases:
        for path in folder.glob("*.png"):
            if path.stem not in cases:
                path.unlink()


if __name__ == "__main__":
    main()
