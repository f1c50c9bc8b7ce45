"""Table of the methods by name."""

from __future__ import annotations

from napari_dsc.baselines.contrib import has_contrib
from napari_dsc.methods import sweeps
from napari_dsc.methods.options import Method
from napari_dsc.params import TreeParams
from napari_dsc.segmenting.segmenter import SEGMENTERS

SUPERPIXELS = (100, 50, 20, 10)
PARTITIONS = (8, 16, 32, 64)
REGIONS = (2, 3, 4, 6, 8, 11, 15, 20, 30, 40, 60, 80, 100)
EGB_SCALES = (50, 100, 200, 400, 800, 1600, 3200)
# color gradients in CIELab / 100 per pixel
GRADIENTS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25)
ALTITUDES = tuple(step / 10 for step in range(5, 32))
STRENGTHS = tuple(percent / 100 for percent in range(3, 100, 3))
# least sizes of a region in pixels, over the range of the published sweep
MIN_SIZES = (100, 200, 400, 700, 1000, 1500, 2500, 4000, 7000)

# options that methods read, see `Method.reads`
IMAGE = ("image_params",)
ALONE = (*IMAGE, "superpixel_params.source")
MERGING = (*IMAGE, "superpixel_params")
DIVIDING = (*IMAGE, "cut_params.result")
CLUSTERING = (*MERGING, "cut_params.result")
STARTS = ("cluster_params.n_starts", "cluster_params.seed")
ENCODER = ("weights", "device")

METHODS: dict[str, Method] = {
    "dsc": Method(
        SEGMENTERS["dsc"].summary,
        SEGMENTERS["dsc"].source,
        "n_superpixels",
        SUPERPIXELS,
        100,
        sweeps.dsc,
        merges_superpixels=True,
        takes_stacks=True,
        reads=(*MERGING, "cut_params", *ENCODER),
    ),
    "dsc_partitions": Method(
        "Deep Superpixel Cut, over the number of classes",
        SEGMENTERS["dsc"].source,
        "n_partitions",
        PARTITIONS,
        32,
        sweeps.dsc_partitions,
        merges_superpixels=True,
        takes_stacks=True,
        reads=(*MERGING, "cut_params", *ENCODER),
    ),
    "tree": Method(
        SEGMENTERS["tree"].summary,
        SEGMENTERS["tree"].source,
        "n_regions",
        REGIONS,
        20,
        sweeps.tree_counts,
        takes_stacks=True,
        reads=(*IMAGE, "tree_params"),
    ),
    "tree_altitude": Method(
        "the same tree, cut at an altitude",
        SEGMENTERS["tree"].source,
        "altitude",
        ALTITUDES,
        TreeParams().threshold,
        sweeps.tree_altitudes,
        takes_stacks=True,
        reads=(*IMAGE, "tree_params"),
    ),
    "slic": Method(
        "SLIC superpixels alone",
        "Achanta et al.: SLIC Superpixels, IEEE TPAMI 34, 2012",
        "n_superpixels",
        SUPERPIXELS,
        100,
        sweeps.slic,
        takes_stacks=True,
        reads=ALONE,
    ),
    "egb": Method(
        "Felzenszwalb-Huttenlocher superpixels alone, brought to a number",
        "Felzenszwalb, Huttenlocher: Efficient Graph-Based Image Segmentation, IJCV 59, 2004",
        "n_superpixels",
        SUPERPIXELS,
        100,
        sweeps.egb,
        takes_stacks=True,
        reads=ALONE,
    ),
    "mean_shift": Method(
        "mean shift superpixels alone",
        "Comaniciu, Meer: Mean Shift, IEEE TPAMI 24, 2002",
        "n_superpixels",
        SUPERPIXELS,
        100,
        sweeps.mean_shift,
        takes_stacks=True,
        reads=ALONE,
    ),
    "watershed": Method(
        "compact watershed superpixels alone",
        "Machairas et al.: Waterpixels, IEEE TIP 24, 2015",
        "n_superpixels",
        SUPERPIXELS,
        100,
        sweeps.watershed,
        takes_stacks=True,
        reads=ALONE,
    ),
    "ucm": Method(
        "mean-boundary hierarchy on a color gradient of three scales",
        "Arbelaez et al.: Contour Detection and Hierarchical Image Segmentation, IEEE TPAMI "
        "33, 2011, with gradients in place of gPb",
        "n_regions",
        REGIONS,
        20,
        sweeps.contour_hierarchy,
        reads=IMAGE,
    ),
    "ucm_altitude": Method(
        "the same hierarchy, cut at a mean gradient",
        "Arbelaez et al.: Contour Detection and Hierarchical Image Segmentation, IEEE TPAMI "
        "33, 2011, with gradients in place of gPb",
        "gradient",
        GRADIENTS,
        0.08,
        sweeps.contour_altitudes,
        reads=IMAGE,
    ),
    "mumford_shah_tree": Method(
        "hierarchy of Mumford-Shah region merging with an area floor",
        "Guigues, Cocquerez, Le Men: Scale-Sets Image Analysis, IJCV 68, 2006",
        "n_regions",
        REGIONS,
        20,
        sweeps.mumford_shah_hierarchy,
        reads=IMAGE,
    ),
    "gpb_owt_ucm": Method(
        "gPb-owt-ucm from the data set's files",
        "Arbelaez et al.: Contour Detection and Hierarchical Image Segmentation, IEEE TPAMI "
        "33, 2011",
        "strength",
        STRENGTHS,
        0.15,
        sweeps.contour_map,
        needs_contours=True,
        reads=(),
    ),
    "felzenszwalb": Method(
        "Felzenszwalb-Huttenlocher over its own constant k, at least 20 pixels",
        "Felzenszwalb, Huttenlocher: Efficient Graph-Based Image Segmentation, IJCV 59, 2004",
        "k",
        EGB_SCALES,
        400,
        sweeps.felzenszwalb,
        reads=IMAGE,
    ),
    "mean_shift_plain": Method(
        "mean shift segmentation over its smallest region",
        "Comaniciu, Meer: Mean Shift, IEEE TPAMI 24, 2002",
        "min_size",
        MIN_SIZES,
        1000,
        sweeps.mean_shift_plain,
        reads=IMAGE,
    ),
    "multi_otsu": Method(
        "Otsu's thresholds of intensity",
        "Liao, Chen, Chung: A Fast Algorithm for Multilevel Thresholding, JISE 17, 2001",
        "n_partitions",
        (2, 3, 4, 5),
        3,
        sweeps.multi_otsu,
        takes_stacks=True,
        reads=DIVIDING,
    ),
    "ncut": Method(
        "recursive normalized cut of superpixels by color (scikit-image)",
        "Shi, Malik: Normalized Cuts and Image Segmentation, IEEE TPAMI 22, 2000",
        "cut_cost",
        (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
        0.01,
        sweeps.recursive_cut,
        merges_superpixels=True,
        reads=(*CLUSTERING, "cluster_params.seed"),
    ),
    "kmeans_rgb": Method(
        "k-means of superpixels by color",
        "Lloyd: Least Squares Quantization in PCM, IEEE TIT 28, 1982",
        "n_partitions",
        PARTITIONS,
        8,
        sweeps.kmeans_rgb,
        merges_superpixels=True,
        takes_stacks=True,
        reads=(*CLUSTERING, *STARTS),
    ),
    "kmeans_deep": Method(
        "k-means of superpixels by the features of SuperAE",
        "Lin, Zhong, Lu: Deep Superpixel Cut, arXiv:2103.06031, 2021, table III",
        "n_partitions",
        PARTITIONS,
        8,
        sweeps.kmeans_deep,
        merges_superpixels=True,
        reads=(*CLUSTERING, *STARTS, *ENCODER),
    ),
    "ncut_rgb": Method(
        "K-way normalized cut of superpixels by color",
        "Shi, Malik: Normalized Cuts and Image Segmentation, IEEE TPAMI 22, 2000",
        "n_partitions",
        PARTITIONS,
        8,
        sweeps.ncut_rgb,
        merges_superpixels=True,
        takes_stacks=True,
        reads=(*CLUSTERING, "cluster_params"),
    ),
    "ncut_deep": Method(
        "K-way normalized cut of superpixels by the features of SuperAE",
        "Lin, Zhong, Lu: Deep Superpixel Cut, arXiv:2103.06031, 2021, table III",
        "n_partitions",
        PARTITIONS,
        8,
        sweeps.ncut_deep,
        merges_superpixels=True,
        reads=(*CLUSTERING, "cluster_params", *ENCODER),
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
    "mumford_shah_loss": Method(
        "a network fitted to the image by the Mumford-Shah loss",
        "Kim, Ye: Mumford-Shah Loss Functional for Image Segmentation, IEEE TIP 29, 2020",
        "n_partitions",
        (4, 8, 16),
        8,
        sweeps.mumford_shah_loss,
        reads=(*DIVIDING, "mumford_shah_params", "device"),
    ),
    "cae_tvl": Method(
        "Felzenszwalb-Huttenlocher after an autoencoder with total variation loss",
        "Wang, Yang, Liao: Unsupervised Image Segmentation Using Convolutional Autoencoder "
        "with Total Variation Regularization as Preprocessing, ICASSP 2017",
        "k",
        EGB_SCALES,
        400,
        sweeps.cae_tvl,
        reads=(*IMAGE, "cae_tvl_params", "device"),
    ),
    "wnet": Method(
        "two U-Nets with the soft normalized cut, trained on the image",
        "Xia, Kulis: W-Net: A Deep Model for Fully Unsupervised Image Segmentation, 2017",
        "n_regions",
        REGIONS,
        20,
        sweeps.wnet,
        reads=(*IMAGE, "wnet_params", "device"),
    ),
}
"""All methods, by the names that users give."""

if has_contrib():
    METHODS |= {
        "lsc": Method(
            "superpixels by linear spectral clustering alone",
            "Li, Chen: Superpixel Segmentation Using Linear Spectral Clustering, CVPR 2015",
            "n_superpixels",
            SUPERPIXELS,
            100,
            sweeps.lsc,
            reads=DIVIDING,
        ),
        "seeds": Method(
            "SEEDS superpixels alone",
            "Van den Bergh et al.: SEEDS, IJCV 111, 2015",
            "n_superpixels",
            SUPERPIXELS,
            100,
            sweeps.seeds,
            reads=DIVIDING,
        ),
    }
