"""Time and memory of the segmentation of a large image.

    python -m benchmarks.large.large NAME mosaic.tif labels.ome.zarr [flags of segment]

runs ``napari-dsc segment``, and writes its time and its largest memory into
results/large/NAME.json. Needs Linux or macOS.
"""

from __future__ import annotations

import tifffile

from benchmarks.commands import argument_parser, cost_of
from benchmarks.report import Row, write_rows
from napari_dsc.records.record import command_record


def main() -> None:
    """Segment, and write what it took."""
    parser = argument_parser(__doc__)
    parser.add_argument("name")
    parser.add_argument("image")
    parser.add_argument("output")
    given, flags = parser.parse_known_args()
    words = ["segment", given.image, "-o", given.output, *flags]
    cost = cost_of(*words)
    with tifffile.TiffFile(given.image) as file:
        shape = " x ".join(map(str, file.series[0].shape))
    row: Row = {
        "image": shape,
        "minutes": round(cost.wall / 60, 1),
        "processor minutes": round(cost.processor / 60, 1),
        "GiB at most": round(cost.peak / 2**30, 2),
    }
    write_rows(f"large/{given.name}", [row], command=command_record("napari-dsc", words))


if __name__ == "__main__":
    main()
