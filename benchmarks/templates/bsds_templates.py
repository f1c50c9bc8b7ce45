"""Label images of about 100 regions from the gPb-owt-ucm maps of BSDS500, for training.

    python -m benchmarks.templates.bsds_templates BSDS500 TEMPLATES [N_REGIONS]

reads ``BSDS500/ucm2_png/{train,val,test}/*.png`` and writes ``TEMPLATES/*.png``.
"""

import imageio.v3 as iio
import numpy as np

from benchmarks.commands import argument_parser
from napari_dsc.hierarchy.region_trees import contour_tree, horizontal_cut


def main() -> None:
    """Write one 16-bit label PNG for each contour map."""
    parser = argument_parser(__doc__, "root", "output")
    parser.add_argument("n_regions", nargs="?", type=int, default=100)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    counts = []
    for path in sorted(given.root.glob("ucm2_png/*/*.png")):
        labels = horizontal_cut(contour_tree(iio.imread(path)), given.n_regions)
        iio.imwrite(given.output / path.name, labels.astype(np.uint16))
        counts.append(labels.max() + 1)
    print(len(counts), "templates, regions: median", np.median(counts), "least", min(counts))


if __name__ == "__main__":
    main()
