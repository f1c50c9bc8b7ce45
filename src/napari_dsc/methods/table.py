"""Table of the methods by name."""

from collections.abc import Callable
from functools import partial

from napari_dsc.baselines.classical import has_contrib
from napari_dsc.methods import sweeps
from napari_dsc.methods.options import Method
from napari_dsc.params import TreeParams
from napari_dsc.segmenting.segmenter import SEGMENTERS

Scales = tuple[str, tuple[float, ...], float]

ALTITUDES = tuple(step / 10 for step in range(5, 32))
STRENGTHS = tuple(percent / 100 for percent in range(3, 100, 3))
# color gradients in CIELab / 100 per pixel
GRADIENTS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25)
# least sizes of a region in pixels, over the range of the published sweep
MIN_SIZES = (100, 200, 400, 700, 1000, 1500, 2500, 4000, 7000)
COSTS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
# what methods vary, its values in an evaluation, and the default of a single one
SUPERPIXELS = "n_superpixels", (100, 50, 20, 10), 100
PARTITIONS = "n_partitions", (8, 16, 32, 64), 8
REGIONS = "n_regions", (2, 3, 4, 6, 8, 11, 15, 20, 30, 40, 60, 80, 100), 20
CLASSES = "n_classes", (0, 2, 3, 4, 5, 6, 8, 12, 16, 32), 0
LEVELS = "altitude", ALTITUDES, TreeParams().threshold
EGB_SCALES = "k", (50, 100, 200, 400, 800, 1600, 3200), 400

# options that methods read, see `Method.reads`
IMAGE = ("image_params",)
GROWING = (*IMAGE, "tree_params")
ALONE = (*IMAGE, "superpixel_params.source")
MERGING = (*IMAGE, "superpixel_params")
DIVIDING = (*IMAGE, "cut_params.result")
CLUSTERING = (*MERGING, "cut_params.result")
STARTS = (*CLUSTERING, "cluster_params.n_starts", "cluster_params.seed")
ENCODER = ("weights", "device")
FITTING = (*DIVIDING, "mumford_shah_params", "device")
CUTTING = (*MERGING, "cut_params", *ENCODER)
CLASSING = (*GROWING, "class_params.grain", "cut_params.result", *ENCODER)

DSC, TREE, CLASS_TREE = (SEGMENTERS[name] for name in ("dsc", "tree", "classes"))
# publications that several methods go back to
EGB = "Felzenszwalb, Huttenlocher: Efficient Graph-Based Image Segmentation, IJCV 59, 2004"
LIN = "Lin, Zhong, Lu: Deep Superpixel Cut, arXiv:2103.06031, 2021, table III"
MEER = "Comaniciu, Meer: Mean Shift, IEEE TPAMI 24, 2002"
SHI = "Shi, Malik: Normalized Cuts and Image Segmentation, IEEE TPAMI 22, 2000"
UCM = (
    "Arbelaez et al.: Contour Detection and Hierarchical Image Segmentation, IEEE TPAMI 33, "
    "2011"
)
PLAIN_UCM = f"{UCM}, with gradients in place of gPb"


def _over(
    scales: Scales, prepare: sweeps.Prepare, reads: tuple[str, ...], *, stacks: bool = False
) -> Callable[[str, str], Method]:
    """Method by its summary and its source."""
    kind = "superpixel_params" in reads, not reads, stacks
    sweep = partial(sweeps.iter_scales, prepare)
    return lambda summary, source: Method(summary, source, *scales, sweep, *kind, reads)


METHODS: dict[str, Method] = {
    "dsc": _over(SUPERPIXELS, sweeps.dsc, CUTTING, stacks=True)(DSC.summary, DSC.source),
    "dsc_partitions": _over((*PARTITIONS[:2], 32), sweeps.dsc_partitions, CUTTING, stacks=True)(
        "Deep Superpixel Cut, over the number of classes", DSC.source
    ),
    "tree": _over(REGIONS, sweeps.tree_counts, GROWING, stacks=True)(TREE.summary, TREE.source),
    "tree_altitude": _over(LEVELS, sweeps.tree_altitudes, GROWING, stacks=True)(
        "the same tree, cut at an altitude", TREE.source
    ),
    "classes": _over(CLASSES, sweeps.class_tree, CLASSING, stacks=True)(
        CLASS_TREE.summary, CLASS_TREE.source
    ),
    "slic": _over(SUPERPIXELS, sweeps.slic, ALONE, stacks=True)(
        "SLIC superpixels alone", "Achanta et al.: SLIC Superpixels, IEEE TPAMI 34, 2012"
    ),
    "egb": _over(SUPERPIXELS, sweeps.egb, ALONE, stacks=True)(
        "Felzenszwalb-Huttenlocher superpixels alone, brought to a number", EGB
    ),
    "mean_shift": _over(SUPERPIXELS, sweeps.mean_shift, ALONE, stacks=True)(
        "mean shift superpixels alone", MEER
    ),
    "watershed": _over(SUPERPIXELS, sweeps.watershed, ALONE, stacks=True)(
        "compact watershed superpixels alone",
        "Machairas et al.: Waterpixels, IEEE TIP 24, 2015",
    ),
    "ucm": _over(REGIONS, sweeps.contour_hierarchy, IMAGE)(
        "mean-boundary hierarchy on a color gradient of three scales", PLAIN_UCM
    ),
    "ucm_altitude": _over(("gradient", GRADIENTS, 0.08), sweeps.contour_altitudes, IMAGE)(
        "the same hierarchy, cut at a mean gradient", PLAIN_UCM
    ),
    "mumford_shah_tree": _over(REGIONS, sweeps.mumford_shah_hierarchy, IMAGE)(
        "hierarchy of Mumford-Shah region merging with an area floor",
        "Guigues, Cocquerez, Le Men: Scale-Sets Image Analysis, IJCV 68, 2006",
    ),
    "gpb_owt_ucm": _over(("strength", STRENGTHS, 0.15), sweeps.contour_map, ())(
        "gPb-owt-ucm from the data set's files", UCM
    ),
    "felzenszwalb": _over(EGB_SCALES, sweeps.felzenszwalb, IMAGE)(
        "Felzenszwalb-Huttenlocher over its own constant k, at least 20 pixels", EGB
    ),
    "mean_shift_plain": _over(("min_size", MIN_SIZES, 1000), sweeps.mean_shift_plain, IMAGE)(
        "mean shift segmentation over its smallest region", MEER
    ),
    "multi_otsu": _over(
        ("n_partitions", (2, 3, 4, 5), 3), sweeps.multi_otsu, DIVIDING, stacks=True
    )(
        "Otsu's thresholds of intensity",
        "Liao, Chen, Chung: A Fast Algorithm for Multilevel Thresholding, JISE 17, 2001",
    ),
    "ncut": _over(
        ("cut_cost", COSTS, 0.01), sweeps.recursive_cut, (*CLUSTERING, "cluster_params.seed")
    )("recursive normalized cut of superpixels by color (scikit-image)", SHI),
    "kmeans_rgb": _over(PARTITIONS, sweeps.kmeans_rgb, STARTS, stacks=True)(
        "k-means of superpixels by color",
        "Lloyd: Least Squares Quantization in PCM, IEEE TIT 28, 1982",
    ),
    "kmeans_deep": _over(PARTITIONS, sweeps.kmeans_deep, (*STARTS, *ENCODER))(
        "k-means of superpixels by the features of SuperAE", LIN
    ),
    "ncut_rgb": _over(
        PARTITIONS, sweeps.ncut_rgb, (*CLUSTERING, "cluster_params"), stacks=True
    )("K-way normalized cut of superpixels by color", SHI),
    "ncut_deep": _over(PARTITIONS, sweeps.ncut_deep, (*CLUSTERING, "cluster_params", *ENCODER))(
        "K-way normalized cut of superpixels by the features of SuperAE", LIN
    ),
    "backprop": Method(
        "a network trained on the image to agree with its superpixels",
        "Kanezaki: Unsupervised Image Segmentation by Backpropagation, ICASSP 2018",
        "n_partitions",
        (3, 4, 6, 8, 12, 16),
        3,
        sweeps.backprop,
        merges_superpixels=True,
        takes_stacks=True,
        reads=(*CLUSTERING, "backprop_params", "device"),
    ),
    "mumford_shah_loss": _over(("n_partitions", (4, 8, 16), 8), sweeps.mumford_shah, FITTING)(
        "a network fitted to the image by the Mumford-Shah loss",
        "Kim, Ye: Mumford-Shah Loss Functional for Image Segmentation, IEEE TIP 29, 2020",
    ),
    "cae_tvl": _over(EGB_SCALES, sweeps.cae_tvl, (*IMAGE, "cae_tvl_params", "device"))(
        "Felzenszwalb-Huttenlocher after an autoencoder with total variation loss",
        "Wang, Yang, Liao: Unsupervised Image Segmentation Using Convolutional Autoencoder "
        "with Total Variation Regularization as Preprocessing, ICASSP 2017",
    ),
    "wnet": _over(REGIONS, sweeps.wnet, (*IMAGE, "wnet_params", "device"))(
        "two U-Nets with the soft normalized cut, trained on the image",
        "Xia, Kulis: W-Net: A Deep Model for Fully Unsupervised Image Segmentation, 2017",
    ),
}
"""All methods, by the names that users give."""

if has_contrib():
    METHODS |= {
        "lsc": _over(SUPERPIXELS, sweeps.lsc, DIVIDING)(
            "superpixels by linear spectral clustering alone",
            "Li, Chen: Superpixel Segmentation Using Linear Spectral Clustering, CVPR 2015",
        ),
        "seeds": _over(SUPERPIXELS, sweeps.seeds, DIVIDING)(
            "SEEDS superpixels alone", "Van den Bergh et al.: SEEDS, IJCV 111, 2015"
        ),
    }
