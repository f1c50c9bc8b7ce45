"""Label images of about 100 regions from the gPb-owt-ucm maps of BSDS500, for training.

    python benchmarks/bsds_templates.py BSDS500 TEMPLATES [N_REGIONS]

reads ``BSDS500/ucm2_png/{train,val,test}/*.png`` and writes ``TEMPLATES/*.png``.
"""

import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from napari_dsc.hierarchy.region_trees import contour_tree, horizontal_cut


def main(root: str, output: str, n_regions: str = "100") -> None:
    """Write one 16-bit label PNG for each contour map."""
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    counts = []
    for path in sorted(Path(root).glob("ucm2_png/*/*.png")):
        labels = horizontal_cut(contour_tree(iio.imread(path)), int(n_regions))
        iio.imwrite(folder / path.name, labels.astype(np.uint16))
        counts.append(labels.max() + 1)
    print(len(counts), "templates, regions: median", np.median(counts), "least", min(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
