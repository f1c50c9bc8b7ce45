"""Sweeps: each method over its scales, with shared results computed once."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from napari_dsc.baselines import classical, fitted
from napari_dsc.baselines.clusters import affinity_graph, kmeans, normalized_cut, recursive_cuts
from napari_dsc.baselines.hierarchies import contour_cuts, counted_cuts, threshold_cuts
from napari_dsc.baselines.wnet import train_wnet, wnet_probabilities
from napari_dsc.hierarchy.construction import grow_tree
from napari_dsc.hierarchy.region_trees import mean_boundary_tree, mumford_shah_tree
from napari_dsc.images import Image, color_features
from napari_dsc.labels.means import region_mean
from napari_dsc.labels.regions import connected_regions
from napari_dsc.machine.device import resolve_device
from napari_dsc.methods.options import MethodOptions, with_superpixels
from napari_dsc.params import ClusterParams, CutParams
from napari_dsc.segmenting.pieces import one_image
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.segmenter import SEGMENTERS, exhausted, iter_segmentation
from napari_dsc.segmenting.settings import Settings
from napari_dsc.superae.applied import superpixel_features
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights
from napari_dsc.superpixels.methods import over_segment_pixels

AtScale = Callable[[float], np.ndarray]
Prepare = Callable[[Image, MethodOptions], AtScale]
Divide = Callable[[np.ndarray, int], np.ndarray]
Group = Callable[[int], np.ndarray]
Grouping = Callable[[np.ndarray, np.ndarray, ClusterParams], Group]

# area floor of a hierarchy relative to the image: 150 pixels of an image of BSDS500; smaller
# nodes are specks
FLOOR_PER_PIXEL = 150 / (481 * 321)


def iter_scales(
    prepare: Prepare, image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Labels at each scale; the common preparation is done once."""
    yield from map(prepare(image, options), scales)


def dsc(image: Image, options: MethodOptions) -> AtScale:
    """Deep Superpixel Cut over the number of superpixels."""
    run = _run(image, options)
    return lambda scale: _cut(run, _superpixels(run, options, scale), options.cut_params)


def dsc_partitions(image: Image, options: MethodOptions) -> AtScale:
    """Deep Superpixel Cut into at most so many classes."""
    run, params = _run(image, options), options.cut_params
    return lambda scale: _cut(
        run, run.superpixels, dataclasses.replace(params, n_partitions=round(scale))
    )


def superpixels_alone(method: str, image: Image, options: MethodOptions) -> AtScale:
    """Superpixels by one algorithm over their number, of the image chosen by ``source``."""
    changed = with_superpixels(options, method)
    return partial(_superpixels, _run(image, changed), changed)


def felzenszwalb(image: Image, options: MethodOptions) -> AtScale:
    """Regions of Felzenszwalb and Huttenlocher's algorithm over its constant ``k``."""
    return partial(classical.egb_regions, image.pixels)


def mean_shift_plain(image: Image, options: MethodOptions) -> AtScale:
    """Regions of mean shift over the least size of a region."""
    return classical.mean_shift_regions(image.pixels)


def divisions(divide: Divide, image: Image, options: MethodOptions) -> AtScale:
    """Labels by a function of the pixels and a number, over that number."""
    return lambda scale: _result(divide(image.pixels, round(scale)), options)


def contour_hierarchy(image: Image, options: MethodOptions) -> AtScale:
    """Mean-boundary hierarchy of color gradients, cut over the number of regions."""
    return counted_cuts(mean_boundary_tree(color_features(image.pixels)), _floor(image))


def contour_altitudes(image: Image, options: MethodOptions) -> AtScale:
    """Mean-boundary hierarchy of color gradients, cut over the mean gradient."""
    return threshold_cuts(mean_boundary_tree(color_features(image.pixels)))


def mumford_shah_hierarchy(image: Image, options: MethodOptions) -> AtScale:
    """Mumford-Shah hierarchy of colors, cut over the number of regions."""
    return counted_cuts(mumford_shah_tree(color_features(image.pixels)), _floor(image))


def tree_counts(image: Image, options: MethodOptions) -> AtScale:
    """Merge tree, cut over the number of regions."""
    tree = grow_tree(image.pixels, options.tree_params)
    return lambda scale: tree.cut(n_regions=max(1, round(scale))).astype("int64") - 1


def tree_altitudes(image: Image, options: MethodOptions) -> AtScale:
    """Merge tree, cut over the altitude."""
    tree = grow_tree(image.pixels, options.tree_params)
    return lambda scale: tree.cut(threshold=scale).astype("int64") - 1


def class_tree(image: Image, options: MethodOptions) -> AtScale:
    """Class tree over the number of classes; 0 is the number that stands out."""
    settings = Settings(
        method="classes",
        weights=options.weights,
        device=options.device,
        tree_params=options.tree_params,
        class_params=dataclasses.replace(options.class_params, classes=0),
    )
    found = exhausted(iter_segmentation(one_image(image, settings), settings))

    def at(scale: float) -> np.ndarray:
        most = found.class_tree.most
        one = found.classes(min(round(scale), most)) if scale else found
        return _result(image.arrange_labels(one.labels).astype("int64") - 1, options)

    return at


def contour_map(image: Image, options: MethodOptions) -> AtScale:
    """Contour map that comes with the image, cut over the strength of contours."""
    return contour_cuts(options.contours, image.pixels.shape[1:])


def recursive_cut(image: Image, options: MethodOptions) -> AtScale:
    """Recursive normalized cut of superpixels by mean color, over the cost of a cut."""
    superpixels, seed = _run(image, options).superpixels, options.cluster_params.seed
    cut = recursive_cuts(image.pixels, superpixels, seed)
    return lambda scale: _result(cut(scale), options)


def color_clusters(grouping: Grouping, image: Image, options: MethodOptions) -> AtScale:
    """Superpixels clustered by mean color, over the number of classes."""
    superpixels = _run(image, options).superpixels
    colors = torch.from_numpy(image.pixels).flatten(1).T
    regions = torch.from_numpy(superpixels.ravel())
    means = region_mean(colors, regions, int(regions.max()) + 1).numpy()
    group = grouping(means, superpixels, options.cluster_params)
    return lambda scale: _result(group(round(scale))[superpixels], options)


def deep_clusters(grouping: Grouping, image: Image, options: MethodOptions) -> AtScale:
    """Superpixels clustered by mean features of SuperAE, over the number of classes."""
    superpixels = _run(image, options).superpixels
    device = resolve_device(options.device)
    model = load_weights(find_weights(options.weights or DEFAULT)).to(device)
    features = superpixel_features(model, image.pixels, superpixels)
    group = grouping(features, superpixels, options.cluster_params)
    return lambda scale: _result(group(round(scale))[superpixels], options)


def backprop(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Backprop, stopped at each number of classes; one training for all scales."""
    superpixels, device = _run(image, options).superpixels, resolve_device(options.device)
    steps = fitted.iter_backprop(image.pixels, superpixels, options.backprop_params, device)
    for labels in fitted.labels_at_counts(steps, scales):
        yield _result(labels, options)


def mumford_shah(image: Image, options: MethodOptions) -> AtScale:
    """Mumford-Shah loss over the number of classes; one training for each scale."""
    params, device = options.mumford_shah_params, resolve_device(options.device)
    return lambda scale: _result(
        fitted.mumford_shah_classes(image.pixels, round(scale), params, device), options
    )


def cae_tvl(image: Image, options: MethodOptions) -> AtScale:
    """Felzenszwalb and Huttenlocher's regions of an image smoothed by CAE-TVL, over ``k``."""
    device = resolve_device(options.device)
    smoothed = fitted.smooth_by_cae_tvl(image.pixels, options.cae_tvl_params, device)
    return partial(classical.egb_regions, smoothed)


def wnet(image: Image, options: MethodOptions) -> AtScale:
    """W-Net trained on the image; its probabilities are merged, over the number of regions."""
    params, device = options.wnet_params, resolve_device(options.device)
    encoder = train_wnet([image.pixels], params, device)
    probabilities = wnet_probabilities(image.pixels, encoder, params, device)
    return counted_cuts(mean_boundary_tree(probabilities), _floor(image))


def _by_kmeans(features: np.ndarray, superpixels: np.ndarray, params: ClusterParams) -> Group:
    return partial(kmeans, features, seed=params.seed, n_starts=params.n_starts)


def _by_ncut(features: np.ndarray, superpixels: np.ndarray, params: ClusterParams) -> Group:
    affinity = affinity_graph(features, superpixels, params)
    return partial(normalized_cut, affinity, params=params)


slic, egb, mean_shift, watershed = (
    partial(superpixels_alone, name) for name in ("slic", "egb", "mean_shift", "watershed")
)
multi_otsu = partial(divisions, classical.otsu_classes)
lsc = partial(divisions, classical.lsc_superpixels)
seeds = partial(divisions, classical.seeds_superpixels)
kmeans_rgb, ncut_rgb = (partial(color_clusters, one) for one in (_by_kmeans, _by_ncut))
kmeans_deep, ncut_deep = (partial(deep_clusters, one) for one in (_by_kmeans, _by_ncut))


def _run(image: Image, options: MethodOptions) -> Run:
    return Run(
        image,
        weights=options.weights or DEFAULT,
        device=options.device,
        superpixel_params=options.superpixel_params,
        cut_params=options.cut_params,
    )


def _superpixels(run: Run, options: MethodOptions, scale: float) -> np.ndarray:
    """Superpixels in another number than that of the run; the run smooths the image once."""
    params = dataclasses.replace(options.superpixel_params, n_superpixels=round(scale))
    source = run.smoothed if params.source == "smoothed" else run.image.pixels
    return over_segment_pixels(source, params, run.image.volume_spacing)


def _cut(run: Run, superpixels: np.ndarray, params: CutParams) -> np.ndarray:
    """Labels of the cut on superpixels, from 0; the network is loaded once a run."""
    settings = run.settings.replace(cut_params=params)
    pieces = one_image(run.image, settings).given(superpixels, None)
    segment = SEGMENTERS["dsc"].kinds[pieces.kind]
    labels: np.ndarray = exhausted(segment(pieces, run.stages.under(settings))).labels
    return labels.astype("int64") - 1


def _floor(image: Image) -> int:
    """Area floor of a hierarchy of the image, in pixels."""
    return round(FLOOR_PER_PIXEL * math.prod(image.pixels.shape[1:]))


def _result(labels: np.ndarray, options: MethodOptions) -> np.ndarray:
    """Labels of classes, or of their connected regions, by ``cut_params.result``."""
    return connected_regions(labels) if options.cut_params.result == "regions" else labels
