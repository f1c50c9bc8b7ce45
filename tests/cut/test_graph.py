"""Equation 7 with the altitudes of a merge tree."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from napari_dsc import CutParams, InvalidParameterError, Run, SuperpixelParams
from napari_dsc.cut.guide import superpixel_altitudes
from napari_dsc.cut.objective import SideInformation
from napari_dsc.cut.optimize import iter_cut
from napari_dsc.hierarchy import construction
from napari_dsc.labels.neighbors import region_pairs
from napari_dsc.superae.model import Embedding, Encoder

ROWS = np.arange(8).reshape(2, 4).repeat(8, 0).repeat(6, 1)  # 2 x 4 superpixels
TREE = CutParams(n_partitions=6, n_iterations=4, resolution=1.0, affinity="tree")


@pytest.fixture
def embedding():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Embedding(Encoder(1), 6)


def steps_of(image, embedding, params, altitudes):
    image, free = torch.from_numpy(image)[None], np.full(8, -1)
    fresh = copy.deepcopy(embedding)
    return list(
        iter_cut(image, ROWS, fresh, params, free, side_information=SideInformation(altitudes))
    )


def test_the_cut_loss_is_that_of_the_altitudes(two_tone, embedding):
    altitudes = np.random.default_rng(0).uniform(0, 2, (8, 8))
    altitudes = np.triu(altitudes, 1) + np.triu(altitudes, 1).T
    params = dataclasses.replace(TREE, altitude_scale=0.7)
    for step in steps_of(two_tone, embedding, params, altitudes):
        q = step.assignment.double().numpy()
        expected = sum(
            np.exp(-((altitudes[a, b] / 0.7) ** 2)) * (1 - q[a] @ q[b])
            for a, b in region_pairs(ROWS, params.radius_factor).T
        )
        assert float(step.cut_loss) == pytest.approx(expected, rel=1e-4)


def test_a_run_takes_its_altitudes_from_the_tree_of_its_superpixels(quadrants):
    image = quadrants[0].repeat(4, 0).repeat(4, 1)
    few = SuperpixelParams(n_superpixels=24)
    params = CutParams(n_partitions=6, n_iterations=2)
    plain, by_tree, finer = (
        list(Run(image, device="cpu", superpixel_params=few, cut_params=one).iter_steps())
        for one in (
            params,
            dataclasses.replace(params, affinity="tree"),
            dataclasses.replace(params, affinity="tree", altitude_scale=0.05),
        )
    )
    assert torch.equal(plain[0].assignment, by_tree[0].assignment)
    assert by_tree[0].cut_loss != plain[0].cut_loss
    assert finer[0].cut_loss < by_tree[0].cut_loss  # fewer superpixels are alike


def test_features_need_no_tree(monkeypatch):
    monkeypatch.delattr(construction, "merge_superpixels")
    pixels, superpixels = np.zeros((1, 4, 4), np.float32), np.arange(16).reshape(4, 4)
    assert superpixel_altitudes(pixels, superpixels, CutParams()).shape == (0, 0)


def test_a_tree_of_too_many_superpixels_is_refused(monkeypatch):
    monkeypatch.setattr(construction, "MOST_SUPERPIXELS", 9)
    pixels, superpixels = np.zeros((1, 4, 4), np.float32), np.arange(16).reshape(4, 4)
    with pytest.raises(InvalidParameterError, match="got 16, expected at most 9"):
        superpixel_altitudes(pixels, superpixels, CutParams(affinity="tree"))
