"""Each method over its scales, what they share computed once."""

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
from napari_dsc.hierarchy.contours import mean_boundary_tree, mumford_shah_tree
from napari_dsc.hierarchy.growing import grow_tree
from napari_dsc.images import Image, color_features
from napari_dsc.labels.regions import connected_regions, region_mean
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

# smaller nodes of a hierarchy are specks of the grid they grow from: 150 pixels of 481 x 321
FLOOR_PER_PIXEL = 150 / (481 * 321)


def dsc(image: Image, scales: Sequence[float], options: MethodOptions) -> Iterator[np.ndarray]:
    """Deep Superpixel Cut of so many superpixels."""
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
    """So many superpixels by one algorithm, of the image that ``source`` names."""
    params = dataclasses.replace(options.superpixel_params, superpixels=method)  # type: ignore[arg-type]
    changed = dataclasses.replace(options, superpixel_params=params)
    run = _run(image, changed)
    for scale in scales:
        yield _superpixels(run, changed, round(scale))


def felzenszwalb(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Regions of Felzenszwalb and Huttenlocher's algorithm at its own scales."""
    for scale in scales:
        yield egb_regions(image.pixels, scale)


def mean_shift_plain(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Regions of mean shift with at least so many pixels."""
    yield from iter_mean_shift_regions(image.pixels, scales)


def divisions(
    divide: Divide, image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Whatever a function makes of the pixels of the image and each number."""
    for scale in scales:
        yield _result(divide(image.pixels, round(scale)), options)


def contour_hierarchy(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Cuts of the mean-boundary hierarchy on color gradients."""
    tree = mean_boundary_tree(color_features(image.pixels))
    yield from iter_counted_cuts(tree, scales, _floor(image))


def contour_altitudes(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """The same hierarchy, cut at mean gradients."""
    tree = mean_boundary_tree(color_features(image.pixels))
    yield from iter_threshold_cuts(tree, scales)


def mumford_shah_hierarchy(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Cuts of the Mumford-Shah hierarchy on colors."""
    tree = mumford_shah_tree(color_features(image.pixels))
    yield from iter_counted_cuts(tree, scales, _floor(image))


def tree_counts(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Cuts of the merge tree into so many regions."""
    tree = grow_tree(image.pixels, options.tree_params)
    for scale in scales:
        yield tree.cut(n_regions=max(1, round(scale))).astype("int64") - 1


def tree_altitudes(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """The same tree, cut at altitudes."""
    tree = grow_tree(image.pixels, options.tree_params)
    for scale in scales:
        yield tree.cut(threshold=scale).astype("int64") - 1


def contour_map(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Regions of the contour map that comes with the image."""
    yield from iter_contour_cuts(options.contours, image.pixels.shape[1:], scales)


def recursive_cut(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Recursive normalized cut of superpixels by mean color."""
    superpixels = _run(image, options).superpixels
    seed = options.cluster_params.seed
    for labels in iter_recursive_cuts(image.pixels, superpixels, scales, seed):
        yield _result(labels, options)


def color_clusters(
    grouping: Grouping, image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Superpixels clustered by mean color."""
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
    """Superpixels clustered by the mean features of SuperAE's encoder."""
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
    """Backprop, stopped at so many classes; one run for all scales."""
    superpixels = _run(image, options).superpixels
    device = resolve_device(options.device)
    steps = iter_backprop(image.pixels, superpixels, options.backprop_params, device)
    for labels in labels_at_counts(steps, scales):
        yield _result(labels, options)


def mumford_shah_loss(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Mumford-Shah loss with so many classes; one training a scale."""
    device = resolve_device(options.device)
    for scale in scales:
        classes = mumford_shah_classes(
            image.pixels, round(scale), options.mumford_shah_params, device
        )
        yield _result(classes, options)


def cae_tvl(
    image: Image, scales: Sequence[float], options: MethodOptions
) -> Iterator[np.ndarray]:
    """Felzenszwalb and Huttenlocher's regions of the image that CAE-TVL has smoothed."""
    device = resolve_device(options.device)
    smoothed = smooth_by_cae_tvl(image.pixels, options.cae_tvl_params, device)
    for scale in scales:
        yield egb_regions(smoothed, scale)


def wnet(image: Image, scales: Sequence[float], options: MethodOptions) -> Iterator[np.ndarray]:
    """W-Net trained on the image, its probabilities merged into so many regions."""
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
    """Superpixels of a number of one's own; the image is smoothed once a run."""
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
    """Pixels of the smallest node of a hierarchy, a share of the image."""
    return round(FLOOR_PER_PIXEL * math.prod(image.pixels.shape[1:]))


def _result(labels: np.ndarray, options: MethodOptions) -> np.ndarray:
    """Classes, or their connected pieces."""
    return connected_regions(labels) if options.cut_params.result == "regions" else labels
