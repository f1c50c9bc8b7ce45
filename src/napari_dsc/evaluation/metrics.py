"""Scores of one segmentation against one annotation, from their contingency table."""

import numpy as np
from scipy.sparse import csr_array

from napari_dsc.evaluation.contingency import overlaps


def segmentation_covering(table: csr_array) -> float:
    """Segmentation covering: overlap of each annotated region with its best segment.

    Parameters
    ----------
    table : (n, m) sparse int array
        Contingency table; rows are segments, columns regions of the annotation.

    Returns
    -------
    covering : float
        Mean over regions of the annotation, weighted by area, of the largest intersection
        over union with a segment; in (0, 1], 1 for equal partitions.

    References
    ----------
    Arbelaez, Maire, Fowlkes, Malik: Contour Detection and Hierarchical Image Segmentation,
    IEEE TPAMI 33 (2011), section 2.3.

    Examples
    --------
    >>> from napari_dsc.evaluation.contingency import contingency_table
    >>> segments, annotation = np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]])
    >>> round(segmentation_covering(contingency_table(segments, annotation)), 4)  # 2/3, 1/2
    0.5833
    """
    region_areas = table.sum(axis=0)
    _, region, shares = overlaps(table)
    best = np.zeros(len(region_areas))
    np.maximum.at(best, region, shares)
    return float(best @ region_areas / region_areas.sum())


def probabilistic_rand_index(table: csr_array) -> float:
    """Share of pixel pairs that are together in both partitions or in neither.

    Parameters
    ----------
    table : (n, m) sparse int array
        Contingency table.

    Returns
    -------
    index : float
        Rand index in [0, 1], 1 for equal partitions. Its mean over several annotations is the
        probabilistic Rand index of Unnikrishnan et al.

    References
    ----------
    Unnikrishnan, Pantofaru, Hebert: Toward Objective Evaluation of Image Segmentation
    Algorithms, IEEE TPAMI 29 (2007).

    Examples
    --------
    >>> from napari_dsc.evaluation.contingency import contingency_table
    >>> segments, annotation = np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]])
    >>> probabilistic_rand_index(contingency_table(segments, annotation))  # 3 of 6 pairs
    0.5
    """
    n_pixels = int(table.sum())
    if n_pixels == 1:
        return 1.0
    counts = (table.sum(axis=1), table.sum(axis=0), table.data)
    in_first, in_second, in_both = (_count_pairs(count) for count in counts)
    disagreeing = in_first + in_second - 2 * in_both
    return float(1 - disagreeing / (n_pixels * (n_pixels - 1) / 2))


def _count_pairs(counts: np.ndarray) -> float:
    sizes = counts.astype(np.float64)
    return float(sizes @ (sizes - 1) / 2)


def adjusted_rand_index(table: csr_array) -> float:
    """Rand index, corrected for chance.

    Parameters
    ----------
    table : (n, m) sparse int array
        Contingency table.

    Returns
    -------
    index : float
        1 for equal partitions, about 0 for unrelated ones, at least -0.5.

    References
    ----------
    Hubert, Arabie: Comparing Partitions, Journal of Classification 2 (1985).

    Examples
    --------
    >>> from napari_dsc.evaluation.contingency import contingency_table
    >>> segments, annotation = np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]])
    >>> adjusted_rand_index(contingency_table(segments, annotation))  # (1 - 1) / (2.5 - 1)
    0.0
    """
    counts = (table.sum(axis=1), table.sum(axis=0), table.data, np.array([table.sum()]))
    in_first, in_second, in_both, n_pairs = (_count_pairs(count) for count in counts)
    most = (in_first + in_second) / 2
    by_chance = in_first * in_second / n_pairs if n_pairs else 0.0
    if most == by_chance:  # one region each, or one pixel each
        return 1.0
    return (in_both - by_chance) / (most - by_chance)


def variation_of_information(table: csr_array) -> float:
    """Information in each of two partitions that is not in the other, in bits.

    Parameters
    ----------
    table : (n, m) sparse int array
        Contingency table.

    Returns
    -------
    distance : float
        ``H(first | second) + H(second | first)`` with logarithms of base 2; 0 for equal
        partitions, at most ``log2(N)``.

    References
    ----------
    Meila: Comparing Clusterings: an Axiomatic View, ICML (2005).

    Examples
    --------
    >>> from napari_dsc.evaluation.contingency import contingency_table
    >>> segments, annotation = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])
    >>> variation_of_information(contingency_table(segments, annotation))
    1.0
    """
    segment_areas, region_areas = table.sum(axis=1), table.sum(axis=0)
    pairs = table.tocoo()
    segment, region = pairs.coords
    # Quotients of counts are exactly 1 for equal partitions, so that the distance is exactly 0;
    # a difference of entropies would have rounding errors.
    bits = np.log2(segment_areas[segment] / pairs.data) + np.log2(
        region_areas[region] / pairs.data
    )
    return float(pairs.data @ bits / region_areas.sum())


def achievable_segmentation_accuracy(table: csr_array) -> float:
    """Share of pixels that are correct if each superpixel takes its best annotated region.

    Parameters
    ----------
    table : (n, m) sparse int array
        Contingency table; rows are superpixels, columns regions of the annotation.

    Returns
    -------
    accuracy : float
        Share in (0, 1].

    References
    ----------
    Liu, Tuzel, Ramalingam, Chellappa: Entropy Rate Superpixel Segmentation, CVPR (2011).

    Examples
    --------
    >>> from napari_dsc.evaluation.contingency import contingency_table
    >>> superpixels, annotation = np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]])
    >>> achievable_segmentation_accuracy(contingency_table(superpixels, annotation))
    0.75
    """
    return float(table.max(axis=1).sum() / table.sum())


def undersegmentation_error(table: csr_array) -> float:
    """Share of pixels by which superpixels leak across boundaries of annotated regions.

    Parameters
    ----------
    table : (n, m) sparse int array
        Contingency table; rows are superpixels, columns regions of the annotation.

    Returns
    -------
    error : float
        Sum over regions, and over the superpixels that overlap each, of the smaller part of
        the superpixel inside or outside of the region, over the number of pixels; 0 if no
        superpixel crosses a boundary.

    References
    ----------
    Neubert, Protzel: Superpixel Benchmark and Comparison, Forum Bildverarbeitung (2012).

    Examples
    --------
    >>> from napari_dsc.evaluation.contingency import contingency_table
    >>> superpixels, annotation = np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]])
    >>> undersegmentation_error(contingency_table(superpixels, annotation))  # 1 on each side
    0.5
    """
    areas = table.sum(axis=1)
    pairs = table.tocoo()
    outside = areas[pairs.coords[0]] - pairs.data
    return float(np.minimum(pairs.data, outside).sum() / areas.sum())
