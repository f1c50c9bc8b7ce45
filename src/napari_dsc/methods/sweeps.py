"""Sweeps: each method over its scales, with shared results computed once."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING

import torch

from napari_dsc.baselines.backprop import iter_backprop, labels_at_counts
from napari_dsc.baselines.cae_tvl import smooth_by_cae_tvl
from napari_dsc.baselines.contrib import lsc_superpixels, seeds_superpixels
from napari_dsc.baselines.egb import egb_regions
from napari_dsc.baselines.hierarchies import (
    iter_contour_cuts,
    iter_counted_cuts,
    iter_threshold_cuts,
)
from napari_dsc.baselines.kmeans import kmeans
from napari_dsc.baselines.mean_shift import iter_mean_shift_regions
from napari_dsc.baselines.mumford_shah_loss import mumford_shah_classes
from napari_dsc.baselines.ncut import affinity_graph, iter_recursive_cuts, normalized_cut
from napari_dsc.baselines.otsu import otsu_classes
from napari_dsc.baselines.wnet import train_wnet, wnet_probabilities
from napari_dsc.hierarchy.construction import grow_tree
from napari_dsc.hierarchy.region_trees import mean_boundary_tree, mumford_shah_tree
from napari_dsc.images import Image, color_features
from napari_dsc.labels.means import region_mean
from napari_dsc.labels.regions import connected_regions
from napari_dsc.machine.device import resolve_device
from napari_dsc.segmenting.pieces import one_image
from napari_dsc.segmenting.run import Run
from napari_dsc.segmenting.segmenter import SEGMENTERS, exhausted
from napari_dsc.superae.features import superpixel_features
from napari_dsc.superae.model import as_many_channels
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights
from napari_dsc.superpixels.methods import over_segment_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from napari_dsc.methods.options import MethodOptions
    from napari_dsc.params import ClusterParams, CutParams

    Sweep = Callable[[Image, Sequence[float], MethodOptions], Iterator[np.ndarray]]
    Divide = Callable[[np.ndarray, int], np.ndarray]
    Group = Callable[[int], np.ndarray]
    Grouping = Callable[[np.ndarray, np.ndarray, ClusterParams], Group]

# area floor of a hierarchy relative to the image: 150 pixels of an image of BSDS500; smaller
# nodes are specks
FLOOR_PER_PIXEL = 150 / (481 * 321)


def dsc(image: Image, scales: Sequence[float], options: MethodOptions) -> Iterator[np.ndarray]:
    """Deep Superpixel Cut over the number of superpixels."""
    run = _run(image, options)
    for scale in scales:
        yield _cut(run, _superpixels(run, options, round(scale)), options.cut_params)


def dsc_partitions(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Deep Superpixel Cut into at most so many classes."""
    run = _run(image, options)
    for scale in scales:
        params = dataclasses.replace(options.cut_params, n_partitions=round(scale))
        yield _cut(run, run.superpixels, params)


def superpixels_alone(
    method: str, image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Superpixels by one algorithm over their number, of the image chosen by ``source``."""
    params = dataclasses.replace(options.superpixel_params, superpixels=method)  # type: ignore[arg-type]
    changed = dataclasses.replace(options, superpixel_params=params)
    run = _run(image, changed)
    for scale in scales:
        yield _superpixels(run, changed, round(scale))


def felzenszwalb(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Regions of Felzenszwalb and Huttenlocher's algorithm over its constant ``k``."""
    for scale in scales:
        yield egb_regions(image.pixels, scale)


def mean_shift_plain(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Regions of mean shift over the least size of a region."""
    yield from iter_mean_shift_regions(image.pixels, scales)


def divisions(
    divide: Divide, image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Labels by a function of the pixels and a number, over that number."""
    for scale in scales:
        yield _result(divide(image.pixels, round(scale)), options)


def contour_hierarchy(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Mean-boundary hierarchy of color gradients, cut over the number of regions."""
    tree = mean_boundary_tree(color_features(image.pixels))
    yield from iter_counted_cuts(tree, scales, _floor(image))


def contour_altitudes(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Mean-boundary hierarchy of color gradients, cut over the mean gradient."""
    tree = mean_boundary_tree(color_features(image.pixels))
    yield from iter_threshold_cuts(tree, scales)


def mumford_shah_hierarchy(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Mumford-Shah hierarchy of colors, cut over the number of regions."""
    tree = mumford_shah_tree(color_features(image.pixels))
    yield from iter_counted_cuts(tree, scales, _floor(image))


def tree_counts(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Merge tree, cut over the number of regions."""
    tree = grow_tree(image.pixels, options.tree_params)
    for scale in scales:
        yield tree.cut(n_regions=max(1, round(scale))).astype("int64") - 1


def tree_altitudes(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Merge tree, cut over the altitude."""
    tree = grow_tree(image.pixels, options.tree_params)
    for scale in scales:
        yield tree.cut(threshold=scale).astype("int64") - 1


def contour_map(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Contour map that comes with the image, cut over the strength of contours."""
    yield from iter_contour_cuts(options.contours, image.pixels.shape[1:], scales)


def recursive_cut(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Recursive normalized cut of superpixels by mean color, over the cost of a cut."""
    superpixels = _run(image, options).superpixels
    seed = options.cluster_params.seed
    for labels in iter_recursive_cuts(image.pixels, superpixels, scales, seed):
        yield _result(labels, options)


def color_clusters(
    grouping: Grouping, image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Superpixels clustered by mean color, over the number of classes."""
    superpixels = _run(image, options).superpixels
    colors = torch.from_numpy(image.pixels).flatten(1).T
    regions = torch.from_numpy(superpixels.ravel())
    means = region_mean(colors, regions, int(regions.max()) + 1).numpy()
    group = grouping(means, superpixels, options.cluster_params)
    for scale in scales:
        yield _result(group(round(scale))[superpixels], options)


def deep_clusters(
    grouping: Grouping, image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Superpixels clustered by mean features of SuperAE, over the number of classes."""
    superpixels = _run(image, options).superpixels
    device = resolve_device(options.device)
    model = load_weights(find_weights(options.weights or DEFAULT)).to(device)
    pixels = as_many_channels(torch.from_numpy(image.pixels).to(device), model.n_channels)
    features = superpixel_features(model, pixels[None], superpixels).cpu().numpy()
    group = grouping(features, superpixels, options.cluster_params)
    for scale in scales:
        yield _result(group(round(scale))[superpixels], options)


def backprop(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Backprop, stopped at a number of classes; one training for all scales."""
    superpixels = _run(image, options).superpixels
    device = resolve_device(options.device)
    steps = iter_backprop(image.pixels, superpixels, options.backprop_params, device)
    for labels in labels_at_counts(steps, scales):
        yield _result(labels, options)


def mumford_shah_loss(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Mumford-Shah loss over the number of classes; one training for each scale."""
    device = resolve_device(options.device)
    for scale in scales:
        classes = mumford_shah_classes(
            image.pixels, round(scale), options.mumford_shah_params, device
        )
        yield _result(classes, options)


def cae_tvl(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Felzenszwalb and Huttenlocher's regions of an image smoothed by CAE-TVL, over ``k``."""
    device = resolve_device(options.device)
    smoothed = smooth_by_cae_tvl(image.pixels, options.cae_tvl_params, device)
    for scale in scales:
        yield egb_regions(smoothed, scale)


def wnet(image: Image, scales: Sequence[float], options: MethodOptions) -> Iterator[np.ndarray]:
    """W-Net trained on the image; its probabilities are merged, over the number of regions."""
    device = resolve_device(options.device)
    encoder = train_wnet([image.pixels], options.wnet_params, device)
    probabilities = wnet_probabilities(image.pixels, encoder, options.wnet_params, device)
    yield from iter_counted_cuts(mean_boundary_tree(probabilities), scales, _floor(image))


slic, egb, mean_shift, watershed = (
    functools.partial(superpixels_alone, method)
    for method in ("slic", "egb", "mean_shift", "watershed")
)
multi_otsu, lsc, seeds = (
    functools.partial(divisions, divide)
    for divide in (otsu_classes, lsc_superpixels, seeds_superpixels)
)


def _by_kmeans(features: np.ndarray, superpixels: np.ndarray, params: ClusterParams) -> Group:
    return functools.partial(kmeans, features, seed=params.seed, n_starts=params.n_starts)


def _by_ncut(features: np.ndarray, superpixels: np.ndarray, params: ClusterParams) -> Group:
    affinity = affinity_graph(features, superpixels, params)
    return functools.partial(normalized_cut, affinity, params=params)


kmeans_rgb, ncut_rgb = (
    functools.partial(color_clusters, grouping) for grouping in (_by_kmeans, _by_ncut)
)
kmeans_deep, ncut_deep = (
    functools.partial(deep_clusters, grouping) for grouping in (_by_kmeans, _by_ncut)
)


def _run(image: Image, options: MethodOptions) -> Run:
    return Run(
        image,
        weights=options.weights or DEFAULT,
        device=options.device,
        superpixel_params=options.superpixel_params,
        cut_params=options.cut_params,
    )


def _superpixels(run: Run, options: MethodOptions, n_superpixels: int) -> np.ndarray:
    """Superpixels in another number than that of the run; the run smooths the image once."""
    params = dataclasses.replace(options.superpixel_params, n_superpixels=n_superpixels)
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
