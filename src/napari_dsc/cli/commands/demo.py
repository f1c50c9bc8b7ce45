"""The command ``demo``."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from napari_dsc.cli.commands.segment import Output, Quiet, Switch
from napari_dsc.cli.plan import make_folders
from napari_dsc.cli.report import Report

if TYPE_CHECKING:
    from napari_dsc.records.record import Record
    from napari_dsc.segmenting.run import Run


def demo(
    *,
    output: Output = Path("napari-dsc-demo"),
    device: str = "auto",
    overwrite: Switch = False,
    quiet: Quiet = False,
) -> None:
    """Segment the image inside the package, and draw what each stage makes of it.

    Parameters
    ----------
    output : Path
        Folder for three TIFFs and a picture.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    overwrite : bool
        Replace the files of an earlier demo.
    quiet : bool
        Say nothing but errors.
    """
    with Report(quiet=quiet) as report:
        from napari_dsc.cli.work import demo as sample  # loads torch
        from napari_dsc.cli.work.run_files import last_step
        from napari_dsc.files import check_output
        from napari_dsc.machine.allocator import keep_freed_memory
        from napari_dsc.segmenting.run import Run as StagedRun

        files = sample.demo_files(output)
        run = StagedRun(sample.demo_image(), device=device)
        make_folders([output])
        for path in files:
            check_output(path, overwrite=overwrite)
        keep_freed_memory()
        height, width = run.image.pixels.shape[1:]
        report.note(
            f"sample image, {sample.DOWNSCALING} times smaller in the demo: "
            f"{height} x {width} pixels, on {run.device}"
        )
        result = run.result(last_step(run, report))
        report.begin("writing")
        sample.write_demo(files, run.image, result, overwrite=overwrite)
        report.table(_stages(run, result.record))
        report.note(f"written to {output}: {', '.join(path.name for path in files)}")


def _stages(run: "Run", record: "Record") -> Table:
    made = {
        "smooth": "smoothed image",
        "superpixels": f"{record['n_superpixels']} superpixels",
        "cut": f"{record['n_classes']} classes after {record['iterations']} iterations",
    }
    table = Table("stage", "seconds", "device", "result")
    for stage, result in made.items():
        table.add_row(stage, f"{run.seconds[stage]:.2f}", str(run.device), result)
    return table
