"""What must not matter to labels: order of axes, type, chunks, unit of the pixel size."""

import dask.array
import numpy as np
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_dsc
from napari_dsc import CutParams, ImageParams, SuperpixelParams

SIZES = {"T": 2, "Z": 3, "C": 2, "Y": 9, "X": 12}
AXES = ("YX", "CYX", "ZYX", "ZCYX", "TYX", "TCYX", "TZYX", "TZCYX")


def image(axes, seed=0):
    """Noise of 0 to 199 with a bright corner."""
    shape = [SIZES[axis] for axis in axes]
    pixels = np.random.default_rng(seed).integers(0, 120, shape)
    pixels[..., :4, :5] += 80
    return pixels.astype(np.uint8)


def labels_of(pixels, axes, spacing=(), **options):
    """Labels of a cut of three steps; nothing is smoothed, which takes most of the time."""
    found = napari_dsc.segment(
        pixels,
        axes=axes,
        spacing=spacing,
        superpixel_params=SuperpixelParams(n_superpixels=8, source="original"),
        cut_params=CutParams(n_iterations=3, n_partitions=4, resolution=1.0),
        **options,
    )
    assert len(np.unique(found.superpixels)) > 4
    return found.labels


def permuted(array, axes, order):
    return array.transpose([axes.index(axis) for axis in order])


@settings(max_examples=8)
@given(
    axes=st.sampled_from(AXES),
    sizes=st.tuples(*[st.sampled_from([0.5, 2])] * 3),
    data=st.data(),
)
def test_permuting_the_axes_permutes_the_labels(axes, sizes, data):
    order = "".join(data.draw(st.permutations(axes)))
    along = dict(zip("ZYX", sizes, strict=True))
    pixels = image(axes)
    found, plain = (
        labels_of(permuted(pixels, axes, one), one, [along[a] for a in one if a in along])
        for one in (order, axes)
    )
    kept, turned = axes.replace("C", ""), order.replace("C", "")
    np.testing.assert_array_equal(found, permuted(plain, kept, turned))


@settings(max_examples=8)
@given(
    axes=st.sampled_from(("YX", "CYX", "ZYX", "TYX")),
    dtype=st.sampled_from(["<u2", ">u2", "i2", "i4", "f4", "f8"]),
)
def test_a_type_that_keeps_the_values_keeps_the_labels(axes, dtype):
    pixels = image(axes)
    np.testing.assert_array_equal(
        labels_of(pixels, axes), labels_of(pixels.astype(dtype), axes)
    )


@settings(max_examples=4)
@given(
    axes=st.sampled_from(("YX", "TYX")),
    stretched=st.sampled_from([("u2", 257), ("f4", 1 / 255), ("f8", 1 / 255)]),
)
def test_the_same_share_of_the_range_of_a_type_gives_the_same_labels(axes, stretched):
    dtype, factor = stretched
    params = ImageParams(normalization="range")
    pixels = image(axes)
    other = (pixels * float(factor)).astype(dtype)
    first, second = (labels_of(one, axes, image_params=params) for one in (pixels, other))
    np.testing.assert_array_equal(first, second)


@settings(max_examples=6)
@given(axes=st.sampled_from(("YX", "CYX", "ZYX", "TYX")), data=st.data())
def test_chunks_do_not_matter(axes, data):
    pixels = image(axes)
    chunks = tuple(data.draw(st.integers(1, size)) for size in pixels.shape)
    plain = labels_of(pixels, axes)
    stored = zarr.array(pixels, chunks=chunks)
    for lazy in (dask.array.from_array(pixels, chunks), stored, dask.array.from_zarr(stored)):
        np.testing.assert_array_equal(labels_of(lazy, axes), plain)


@settings(max_examples=6)
@given(
    axes=st.sampled_from(("YX", "ZYX", "TZYX")),
    depth=st.sampled_from([0.5, 1, 3]),
    factor=st.sampled_from([1e-6, 0.25, 10, 1000]),
)
def test_the_unit_of_the_pixel_size_does_not_matter(axes, depth, factor):
    spacing = np.array([depth if axis == "Z" else 1 for axis in axes if axis in "ZYX"])
    pixels = image(axes)
    plain, scaled = (labels_of(pixels, axes, spacing * unit) for unit in (1, factor))
    np.testing.assert_array_equal(plain, scaled)
