"""The command ``compare``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from napari_dsc.cli.flags import CompareFlags, CompareRunFlags
from napari_dsc.cli.report import Report
from napari_dsc.cli.scoring_flags import MethodFlags, Methods

Run = Annotated[CompareRunFlags, Parameter(name="*", group=Group("Run", sort_key=1))]
What = Annotated[CompareFlags, Parameter(name="*")]


def compare(
    image: Annotated[Path, Parameter(name="IMAGE")],
    /,
    *,
    what: What,
    run: Run = CompareRunFlags(),
    methods: Methods = MethodFlags(),
) -> int:
    """Segment an image by several methods, and draw one panel for each.

    Parameters
    ----------
    image : Path
        Image file.
    """
    with Report(quiet=run.quiet, as_json=run.json) as report:
        from napari_dsc.cli.work.run_comparison import run_comparison  # loads torch

        return run_comparison(image, what, run, methods, report)
