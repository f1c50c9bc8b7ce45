"""Segments of images that do not fit into memory, or that come and go by chunks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import tifffile

from napari_dsc.errors import InvalidParameterError
from napari_dsc.files.lazy import is_zarr
from napari_dsc.large.run import LargeRun
from napari_dsc.large.source import open_source
from napari_dsc.large.writing import check_large_output
from napari_dsc.machine.memory import SHARE, bytes_whole, free_bytes

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    import torch

    from napari_dsc.cli.plan import Job, Tiles
    from napari_dsc.cli.report import Report
    from napari_dsc.segmenting.pipeline import RunOptions

_STAGES = {
    "reading": "reading places to learn from",
    "learning": "learning",
    "labels": "labels, tile by tile",
    "writing": "writing",
}


def goes_by_tiles(job: Job, tiles: Tiles, device: torch.device) -> bool:
    """Whether an image is cut by tiles: asked for, stored in chunks, or too large.

    Parameters
    ----------
    job : Job
        Input and output.
    tiles : Tiles
        What was asked for.
    device : torch.device
        Where the networks run.

    Returns
    -------
    answer : bool
        Files that cannot be opened do not; they are reported by who reads them.
    """
    if tiles.side or tiles.level or job.output.suffix.lower() == ".zarr" or is_zarr(job.source):
        return True
    return bytes_whole(_n_values(job.source)) > SHARE * free_bytes(device)


def segment_by_tiles(
    job: Job, tiles: Tiles, overwrite: bool, report: Report, **options: Unpack[RunOptions]
) -> None:
    """Segment one image by tiles, and tell what was done.

    Parameters
    ----------
    job : Job
        Input and output.
    tiles : Tiles
        Side of the tiles, and level of the input.
    overwrite : bool
        Whether an output that exists is replaced.
    report : Report
        Where progress and results are told.
    **options
        Keyword arguments of `Run`.

    Raises
    ------
    DSCError
        If the image, the parameters or the output do not allow it.
    """
    start = time.perf_counter()
    _refuse_what_is_not_there(job, options)
    check_large_output(job.output, overwrite=overwrite)
    with open_source(
        job.source,
        axes=options["axes"],
        spacing=options["spacing"],
        channels=options["channels"],
        level=tiles.level,
    ) as source:
        names = ("weights", "device", "image_params", "superpixel_params", "cut_params")
        run = LargeRun(
            source,
            **{name: options[name] for name in names},  # type: ignore[literal-required]
            tile=tiles.side,
        )
        report.note(run.describe())
        for note in (*source.notes, *run.notes):
            report.note(note)
        _follow(run, job.output, report)
    seconds = time.perf_counter() - start
    found = "".join(f"{count} {name[2:]}, " for name, count in run.counts.items())
    report.note(f"{found}{seconds:.1f} s on {run.device} -> {job.output}")
    report.result(
        {"file": str(job.source), "output": str(job.output)}
        | run.counts
        | {"seconds": round(seconds, 3), "device": str(run.device)}
    )


def _follow(run: LargeRun, output: Path, report: Report) -> None:
    stage = ""
    for progress in run.iter_save(output):
        if progress.stage != stage:
            stage = progress.stage
            report.begin(_STAGES[stage], progress.total)
        report.advance()


def _refuse_what_is_not_there(job: Job, options: RunOptions) -> None:
    if options.get("method", "dsc") != "dsc":
        raise InvalidParameterError(
            f"method={options['method']!r}: expected dsc, {job.source} is cut by tiles"
        )
    if job.overlays:
        raise InvalidParameterError(
            f"overlay: {job.source} is cut by tiles, of which no overlay is drawn"
        )


def _n_values(path: Path) -> int:
    """Values in a TIFF; 0 for other files, which are read whole."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return 0
    try:
        with tifffile.TiffFile(path) as file:
            return int(file.series[0].size)
    except (OSError, ValueError, IndexError, tifffile.TiffFileError):
        return 0
