"""Labels are numbered without gaps; classes that several files share keep their numbers."""

import dataclasses

import imageio.v3 as iio
import numpy as np
import pytest
from scipy import ndimage

import napari_dsc
from napari_dsc import CutParams, SuperpixelParams, TreeParams

OPTIONS = {
    "device": "cpu",
    "superpixel_params": SuperpixelParams(superpixels="slic", n_superpixels=60),
    "cut_params": CutParams(n_iterations=6, n_partitions=32),
}


def clouds(*shape, seed=0):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)
    return ((noise - noise.min()) / np.ptp(noise) * 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        ((48, 64), {}),
        ((48, 64), {"cut_params": CutParams(n_iterations=6, result="regions")}),
        ((48, 64), {"method": "tree"}),
        ((2, 48, 64), {"axes": "TYX"}),
        ((2, 48, 64), {"axes": "ZYX"}),
    ],
    ids=["plane", "regions", "tree", "film", "stack"],
)
def test_labels_have_no_gaps(shape, changes):
    found = napari_dsc.segment(clouds(*shape), **OPTIONS | changes)
    labels = np.unique(found.labels)
    np.testing.assert_array_equal(labels, np.arange(1, len(labels) + 1))
    np.testing.assert_array_equal(found.features()["index"], labels)
    assert found.record["numbering"] == "consecutive"
    if len(labels) == found.record.get("n_classes"):
        best = found.probabilities.argmax(1)  # columns are in the order of the labels
        assert (best == found.classes_of_superpixels).mean() > 0.8


@pytest.mark.parametrize("series", ["together", "apart"])
@pytest.mark.parametrize("axes", ["YX", "TYX", "ZYX"])
@pytest.mark.parametrize(
    "how",
    [
        {"cut_params": CutParams(n_iterations=2, n_partitions=99)},
        {"cut_params": CutParams(n_iterations=2, n_partitions=99, result="regions")},
        {"method": "tree", "tree_params": TreeParams(regions=200, n_leaves=400)},
    ],
    ids=["classes", "regions", "tree"],
)
def test_what_lies_in_missing_pixels_takes_no_number(axes, series, how):
    image = clouds(*(2, 40, 48)[-len(axes) :]).astype(float)
    image[..., 8:30, 16:40] = np.nan
    cut = dataclasses.replace(how.get("cut_params", CutParams()), series=series)
    many = SuperpixelParams(n_superpixels=400, superpixels="slic")
    options = {"device": "cpu", "superpixel_params": many} | how | {"cut_params": cut}
    found = napari_dsc.segment(image, axes=axes, **options)
    labels = np.unique(found.labels[~np.isnan(image)])
    np.testing.assert_array_equal(labels, np.arange(1, len(labels) + 1))
    superpixels = np.unique(found.superpixels[~np.isnan(image)])
    np.testing.assert_array_equal(superpixels, np.arange(1, len(superpixels) + 1))
    assert found.record["n_superpixels"] == len(superpixels)
    assert len(found.probabilities) == len(superpixels)
    if axes == "TYX" and series == "apart" and cut.result == "classes" and "method" not in how:
        for frame in found.labels:
            assert set(np.unique(frame)) == set(range(frame.max() + 1))
    table = found.features()
    np.testing.assert_array_equal(table["index"], labels)
    if cut.result == "classes":
        np.testing.assert_array_equal(table["class"], labels)
        counted = "n_classes" if "n_classes" in found.record else "n_regions"
        assert found.record[counted] == len(labels)


@pytest.mark.parametrize("superpixels", ["slic", "ucm"])
def test_missing_pixels_use_up_no_superpixels(superpixels):
    image = clouds(64, 160).astype(float)
    image[:, 64:] = np.nan
    params = SuperpixelParams(n_superpixels=100, superpixels=superpixels)
    found = napari_dsc.over_segment(image, superpixel_params=params)
    seen = found[:, :64]
    assert not found[:, 64:].any()
    np.testing.assert_array_equal(np.unique(seen), np.arange(1, seen.max() + 1))
    assert 80 <= seen.max() <= 125


def test_a_part_of_a_result_is_numbered_anew():
    found = napari_dsc.segment(clouds(48, 64), **OPTIONS)
    mask = found.labels > 1
    mask[:8] = False
    part = found.within(mask)
    labels = np.unique(part.labels[mask])
    np.testing.assert_array_equal(labels, np.arange(1, len(labels) + 1))
    assert not part.labels[~mask].any()
    pairs = np.unique(np.stack([part.labels[mask], found.labels[mask]]), axis=1)
    assert (np.diff(pairs) > 0).all()  # in the same order
    assert part.record["n_classes"] == len(labels) < found.record["n_classes"]
    np.testing.assert_array_equal(part.features()["class"], labels)
    n_superpixels = part.record["n_superpixels"]
    assert n_superpixels == part.superpixels.max() < found.record["n_superpixels"]
    np.testing.assert_array_equal(
        np.unique(part.superpixels[mask]), range(1, n_superpixels + 1)
    )
    at = part.superpixels[mask].astype(int) - 1
    before = found.superpixels[mask].astype(int) - 1
    np.testing.assert_array_equal(part.classes_of_superpixels[at] + 1, part.labels[mask])
    kept = np.unique(found.classes_of_superpixels[before])
    np.testing.assert_array_equal(
        part.probabilities[at][:, : len(kept)], found.probabilities[before][:, kept]
    )
    assert found.within(None) is found


@pytest.mark.parametrize("wrong", [np.ones((48, 64), np.uint8), np.ones((64, 48), bool)])
def test_a_mask_that_does_not_fit_is_refused(wrong):
    found = napari_dsc.segment(clouds(48, 64), method="tree", device="cpu")
    with pytest.raises(napari_dsc.InvalidParameterError, match="expected bool of shape"):
        found.within(wrong)


def test_the_network_itself_leaves_gaps():
    *_, last = napari_dsc.iter_segment(clouds(48, 64), **OPTIONS)
    assert last.n_classes < last.labels().max()
    assert last.segmentation().labels.max() == last.n_classes
    pairs = np.unique(
        np.stack([last.labels(), last.segmentation().labels]).reshape(2, -1), axis=1
    )
    assert pairs.shape[1] == last.n_classes  # one new number for each old one


def test_each_separate_frame_counts_from_1():
    cut = CutParams(n_iterations=6, series="apart")
    found = napari_dsc.segment(clouds(2, 48, 64), **OPTIONS | {"cut_params": cut}, axes="TYX")
    for frame in found.labels:
        numbers = np.unique(frame)
        np.testing.assert_array_equal(numbers, np.arange(1, len(numbers) + 1))


def test_classes_of_scribbles_keep_the_numbers_of_the_scribbles():
    scribbles = np.zeros((48, 64), int)
    scribbles[:8, :8], scribbles[-8:, -8:] = 29, 17
    found = napari_dsc.segment(clouds(48, 64), scribbles=scribbles, **OPTIONS)
    assert (found.labels[0, 0], found.labels[-1, -1]) == (29, 17)
    assert found.record["numbering"] == "scribbles"


def test_common_classes_have_the_same_number_in_every_file(tmp_path):
    paths = [tmp_path / f"{seed}.png" for seed in (1, 2)]
    for path, seed in zip(paths, (1, 2), strict=True):
        iio.imwrite(path, clouds(48, 64, seed=seed))
    both = list(napari_dsc.iter_joint(paths, **OPTIONS))
    assert {one.record["numbering"] for one in both} == {"common"}
    highest = max(one.labels.max() for one in both)
    assert highest > max(one.record["n_classes"] for one in both)
