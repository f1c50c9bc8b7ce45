"""The command ``demo``."""

from pathlib import Path
from typing import Any

from rich.table import Table

from napari_dsc.cli import flags, plan
from napari_dsc.cli.report import Report


def demo(
    *,
    output: flags.Output = Path("napari-dsc-demo"),
    device: str = "auto",
    overwrite: flags.Switch = False,
    quiet: flags.Quiet = False,
) -> None:
    """Segment the packaged image, and draw the result of each stage.

    Parameters
    ----------
    output : Path
        Folder for three TIFFs and a picture.
    device : str
        Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    overwrite : bool
        Replace the files of an earlier demo.
    quiet : bool
        Print errors only.
    """
    with Report(quiet=quiet) as report:
        from napari_dsc.cli.work import demo as sample  # loads torch
        from napari_dsc.files import check_output
        from napari_dsc.machine.allocator import keep_freed_memory
        from napari_dsc.machine.device import resolve_device
        from napari_dsc.segmenting.pieces import one_image
        from napari_dsc.segmenting.segmenter import exhausted, iter_segmentation
        from napari_dsc.segmenting.settings import Settings

        settings = Settings(device=device)
        pieces = one_image(sample.demo_image(), settings)
        plan.make_folders([output])
        for name in sample.NAMES:
            check_output(output / name, overwrite=overwrite)
        keep_freed_memory()
        image = pieces.piece(0)
        height, width = image.pixels.shape[1:]
        report.note(
            f"sample image, {sample.DOWNSCALING} times smaller in the demo: "
            f"{height} x {width} pixels, on {resolve_device(device)}"
        )
        result = exhausted(iter_segmentation(pieces, settings), report.follow)
        report.begin("writing")
        sample.write_demo(output, image, result, overwrite=overwrite)
        report.table(_stages(result.record))
        report.note(f"written to {output}: {', '.join(sample.NAMES)}")


def _stages(record: dict[str, Any]) -> Table:
    made = {
        "superpixels": f"{record['n_superpixels']} superpixels",
        "cut": f"{record['n_classes']} classes after {record['iterations']} iterations",
    }
    table = Table("stage", "seconds", "device", "result")
    for stage, result in made.items():
        seconds = f"{record['seconds'][stage]:.2f}"
        table.add_row(stage, seconds, record["device"]["name"], result)
    return table
