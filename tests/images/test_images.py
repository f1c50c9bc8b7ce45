import dask.array
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab
from skimage.segmentation import find_boundaries

from napari_dsc.errors import DSCError, InvalidImageError, InvalidParameterError
from napari_dsc.files import RawImage
from napari_dsc.images import (
    Pool,
    color_features,
    draw_boundaries,
    load_image,
    to_label_image,
)
from napari_dsc.params import ImageParams

RANGE = ImageParams(normalization="range")
PERCENTILE = ImageParams(normalization="percentile")
FULL = ImageParams(normalization="percentile", low_percentile=0.0, high_percentile=100.0)

DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "g", ">u2", ">f4"]
LAYOUTS = {"YX": (), "YXC": (3,), "CYX": (3,), "XY": (), "CXY": (1,), "TCZYX": (3,), "YXZ": ()}


def noise(shape, dtype="uint8", seed=0):
    return np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)


def shaped(axes, rows, columns, channels):
    lengths = {"Y": rows, "X": columns, "C": channels, "T": 1, "Z": 1}
    return tuple(lengths[axis] for axis in axes)


# ---- layouts -----------------------------------------------------------------------------


def test_an_image_of_two_axes_is_grey():
    image = load_image(noise((9, 12)))
    assert (image.pixels.shape, image.axes, image.notes) == ((1, 9, 12), "YX", ())


def test_three_last_are_colors():
    image = load_image(noise((9, 12, 3)))
    assert (image.pixels.shape, image.axes, image.notes) == ((3, 9, 12), "YXC", ())


@pytest.mark.parametrize(("axes", "channels"), [("", 4), ("YXC", 4)])
def test_alpha_is_dropped_with_a_note(axes, channels):
    array = noise((9, 12, channels))
    image = load_image(array, axes)
    np.testing.assert_array_equal(image.pixels, load_image(array[..., :3]).pixels)
    assert image.notes == ("alpha channel dropped",)
    assert image.restore(image.pixels).shape == (9, 12, 3)


def test_alpha_beside_grey_is_dropped_where_the_file_says_so(tmp_path):
    array = noise((9, 12, 2))
    tifffile.imwrite(
        tmp_path / "a.tif",
        array,
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    image = load_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, load_image(array[..., 0]).pixels)
    assert image.notes == ("alpha channel dropped",)


def test_an_alpha_of_wrong_values_does_not_matter():
    array = noise((9, 12, 4), "f4")
    array[..., 3] = np.nan
    raw = RawImage(array, "YXC", has_alpha=True)
    assert load_image(raw).valid is None


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_a_fourth_channel_that_is_not_of_8_bits_is_no_opacity(dtype):
    image = load_image(noise((9, 12, 4), dtype))
    assert (len(image.pixels), image.notes) == (4, ())


@pytest.mark.parametrize(("shape", "axes"), [((9, 12, 1), "YXC"), ((1, 9, 12), "CYX")])
def test_one_channel_is_grey_and_comes_back(shape, axes):
    image = load_image(noise(shape))
    assert (image.pixels.shape, image.axes) == ((1, 9, 12), axes)
    assert image.restore(image.pixels).shape == shape


def test_every_letter_goes_to_its_place():
    image = load_image(noise((12, 3, 9)), "XCY", FULL)
    expected = load_image(noise((12, 3, 9)).transpose(2, 0, 1), "YXC", FULL)
    np.testing.assert_array_equal(image.pixels, expected.pixels)


def test_axes_may_be_small_letters():
    assert load_image(noise((3, 9, 12)), "cyx").axes == "CYX"


def test_axes_of_length_one_are_dropped():
    image = load_image(noise((1, 1, 9, 12)), "TZYX")
    assert (image.axes, image.restore(image.pixels).shape) == ("YX", (9, 12))


@pytest.mark.parametrize("shape", [(3, 9, 12), (5, 9, 12), (2, 9, 12, 3), (9,), ()])
def test_a_shape_that_leaves_a_doubt_asks_for_axes(shape):
    with pytest.raises(InvalidImageError, match=r"is ambiguous, .*axes='CYX'") as caught:
        load_image(noise(shape))
    assert str(shape) in str(caught.value)


def test_named_axes_settle_the_doubt():
    image = load_image(noise((3, 9, 12)), "CYX")
    assert (image.pixels.shape, image.axes) == ((3, 9, 12), "CYX")


@pytest.mark.parametrize(
    ("shape", "axes", "message"),
    [
        ((5, 9, 12), "TYX", r"5 time frames \(axes TYX\); .* take one frame\. Use segment\(\)"),
        ((9, 2, 12, 1), "YTXZ", r"2 time frames \(axes YTX\); .* if the frames are channels"),
    ],
)
def test_a_time_series_is_no_image_and_the_error_names_its_axes(shape, axes, message):
    with pytest.raises(InvalidImageError, match=message):
        load_image(noise(shape), axes)


@pytest.mark.parametrize("axes", ["YQ", "YY", "Y", "CX", "YXCQ"])
def test_axes_are_known_letters_each_once(axes):
    with pytest.raises(
        InvalidParameterError, match=f"axes='{axes}': expected Y and X, optionally"
    ):
        load_image(noise((9, 12)), axes)


def test_axes_fit_the_shape():
    with pytest.raises(
        InvalidParameterError, match=r"axes='YXC': expected 2 letters for shape"
    ):
        load_image(noise((9, 12)), "YXC")


# ---- values ------------------------------------------------------------------------------


def test_8_bit_colors_are_divided_by_255():
    array = noise((9, 12, 3))
    image = load_image(array)
    np.testing.assert_allclose(image.pixels, np.moveaxis(array, 2, 0) / 255, atol=1e-7)
    assert image.normalization == ("range", 0, 255)


@pytest.mark.parametrize("array", [noise((9, 12)), noise((9, 12, 3), "u2")])
def test_other_images_are_stretched_between_percentiles(array):
    assert load_image(array).normalization.mode == "percentile"


def test_percentiles_are_those_of_numpy():
    array = np.random.default_rng(0).normal(size=(40, 50))
    params = ImageParams(normalization="percentile", low_percentile=3.0, high_percentile=90.0)
    mode, low, high = load_image(array, params=params).normalization
    expected = np.percentile(array, [3, 90], method="nearest")
    assert (mode, low, high) == ("percentile", *expected)


def test_stretching_by_hand():
    array = np.full((10, 10), 20, np.int16)
    array[0] = -10
    array[1] = 50
    image = load_image(array, params=FULL)
    assert image.normalization == ("percentile", -10, 50)
    np.testing.assert_array_equal(image.pixels[0, :3, 0], np.float32([0, 1, 0.5]))


def test_all_channels_are_stretched_alike_to_keep_colors():
    array = np.zeros((10, 10, 3), np.uint16)
    array[::2] = (400, 200, 100)
    image = load_image(array, params=FULL)
    np.testing.assert_array_equal(image.pixels[:, 0, 0], np.float32([1, 0.5, 0.25]))


def test_few_bright_pixels_are_not_lost_between_percentiles():
    array = np.zeros((100, 100), np.uint16)
    array[50, 50] = 1000
    image = load_image(array)
    assert image.normalization == ("extremes", 0, 1000)
    assert image.pixels[0, 50, 50] == 1
    assert image.notes == ("the percentiles coincide: normalized from minimum to maximum",)


def pooled(images, low, high):
    params = ImageParams(low_percentile=low, high_percentile=high)
    pool = Pool()
    for image in images:
        pool.note(image, params)
    return pool.normalization(params)


def test_percentiles_of_a_pool_weigh_its_images_alike():
    small, large = np.repeat([[0, 10]], 8, axis=0), np.repeat([[20, 30]], 4000, axis=0)
    images = [small[None].astype(np.int16), large[None].astype(np.int16)]
    # a quarter of all drawn intensities is 0, the next 10, then 20, then 30
    assert pooled(images, 12.0, 88.0) == ("percentile", 0, 30)
    assert pooled(images, 37.0, 63.0) == ("percentile", 10, 20)


def test_a_pool_keeps_the_extremes_that_are_not_drawn():
    images = np.zeros((2, 1, 1500, 1500), np.int16)  # of each about one pixel in 140 is drawn
    images[0, 0, 700, 700], images[1, 0, 800, 800] = -5, 1000
    assert pooled(images, 0.1, 99.9) == ("extremes", -5, 1000)
    assert pooled(images, 0.0, 100.0) == ("percentile", -5, 1000)


def test_floats_from_0_to_1_stay_as_they_are_in_range():
    array = np.random.default_rng(0).random((9, 12), np.float32)
    np.testing.assert_array_equal(load_image(array, params=RANGE).pixels[0], array)


@pytest.mark.parametrize(
    ("array", "limits"),
    [
        (np.linspace(-3, 0.5, 100).reshape(10, 10), "from -3.0 to 0.5, expected 0 to 1.0"),
        (np.linspace(0, 255, 100).reshape(10, 10), "from 0.0 to 255.0, expected 0 to 1.0"),
        (np.arange(-50, 50, dtype="i1").reshape(10, 10), "from -50 to 49, expected 0 to 127"),
    ],
)
def test_values_beyond_the_range_name_the_way_out(array, limits):
    with pytest.raises(InvalidImageError, match=f"image: values {limits} .*'percentile'"):
        load_image(array, params=RANGE)


def test_a_small_difference_of_large_integers_is_kept():
    array = (2**62 + noise((9, 12), "i8")).astype(np.int64)
    assert len(np.unique(array.astype(np.float64))) == 1
    image = load_image(array, params=FULL)
    assert len(np.unique(image.pixels)) == len(np.unique(array))
    np.testing.assert_array_equal(image.restore(image.pixels), array)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_the_extremes_of_every_integer_type_survive(dtype):
    limits = np.iinfo(dtype)
    array = np.full((8, 8), limits.max, dtype)
    array[::2] = limits.min
    image = load_image(array, params=FULL)
    assert (image.pixels.min(), image.pixels.max()) == (0, 1)
    restored = image.restore(image.pixels)
    error = abs(int(restored.max()) - limits.max)
    assert restored.min() == limits.min
    assert error <= (limits.max - limits.min) * 2**-52


@pytest.mark.parametrize("scale", [1.7e308, 1e300, 1.0, 1e-300, 5e-324])
def test_floats_of_any_size_are_stretched(scale):
    array = np.array([-1.0, 0.0, 1.0, 0.0] * 24).reshape(8, 12) * scale
    image = load_image(array, params=FULL)
    np.testing.assert_array_equal(image.pixels[0, 0, :4], np.float32([0, 0.5, 1, 0.5]))
    np.testing.assert_array_equal(image.restore(image.pixels), array)


def test_the_largest_half_floats_survive():
    array = np.array([-65504, 0, 65504, 0] * 24, np.float16).reshape(8, 12)
    image = load_image(array)
    np.testing.assert_array_equal(image.restore(image.pixels), array)


@given(
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(sorted(LAYOUTS)),
    sides=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    params=st.sampled_from([ImageParams(), RANGE, PERCENTILE, FULL]),
    seed=st.integers(0, 99),
)
def test_every_image_is_normalized_and_comes_back_or_is_refused(
    dtype, layout, sides, params, seed
):
    rows, columns = sides
    channels = (*LAYOUTS[layout], 1)[0]
    array = noise(shaped(layout, rows, columns, channels), dtype, seed)
    if params is RANGE and np.dtype(dtype).kind == "f":
        array = array / array.dtype.type(128)
    array.flags.writeable = False
    before = array.copy()
    if min(rows, columns) < 8:
        with pytest.raises(InvalidImageError, match=f"{rows} x {columns} pixels, expected at"):
            load_image(array, layout, params)
        return
    image = load_image(array, layout, params)
    np.testing.assert_array_equal(array, before)
    assert image.pixels.shape == (channels, rows, columns)
    assert image.pixels.dtype == np.float32
    assert image.pixels.flags.c_contiguous
    assert 0 <= image.pixels.min() < image.pixels.max() <= 1
    _, low, high = image.normalization
    restored = image.restore(image.pixels)
    assert restored.dtype == array.dtype.newbyteorder("=")
    expected = array.reshape(restored.shape).astype(float).clip(low, high)
    slack = (high - low) * (2e-3 if restored.dtype == np.float16 else 1e-6)
    np.testing.assert_allclose(restored.astype(float), expected, rtol=0, atol=slack)


@given(st.sampled_from(DTYPES), st.integers(0, 99))
def test_restored_values_stay_in_the_type(dtype, seed):
    image = load_image(noise((9, 12), dtype, seed), params=PERCENTILE)
    wild = np.random.default_rng(seed).normal(0.5, 9, (1, 9, 12)).astype(np.float32)
    restored = image.restore(wild)
    assert image.normalization.low <= restored.min()
    assert restored.max() <= image.normalization.high


def test_integers_are_rounded_on_their_way_back():
    image = load_image(noise((9, 12, 3)))
    restored = image.restore(np.full((3, 9, 12), 99.6 / 255, np.float32))
    assert (restored == 100).all()


def test_views_of_any_stride_are_read():
    array = noise((40, 60), "u2")
    np.testing.assert_array_equal(
        load_image(array[::-2, ::3]).pixels, load_image(array[::-2, ::3].copy()).pixels
    )


@pytest.mark.parametrize("other", [lambda a: a.tolist(), dask.array.from_array, np.ma.array])
def test_lists_and_dask_arrays_and_unmasked_arrays_are_images(other):
    array = noise((9, 12), "i8")
    np.testing.assert_array_equal(load_image(other(array)).pixels, load_image(array).pixels)


# ---- wrong images ------------------------------------------------------------------------


def spoiled(n_values, value, shape=(10, 10)):
    array = noise(shape, "f4")
    array.ravel()[:n_values] = value
    return array


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 12)), r"empty, shape \(0, 12\)"),
        ([], r"empty, shape \(0,\)"),
        (np.ones((1, 1)), "1 x 1 pixels, expected at least 8 x 8"),
        (noise((7, 100)), "7 x 100 pixels, expected at least 8 x 8"),
        (np.full((9, 12), 7), "constant, every pixel is 7"),
        (np.full((9, 12, 3), (1, 2, 3)), "constant, every pixel is 1, 2, 3"),
        (spoiled(100, np.nan), "all values are NaN, masked or no data, expected some pixels"),
        (spoiled(2, np.inf), "2 of 100 values are infinite"),
        (spoiled(1, -np.inf), "1 of 100 values are infinite"),
        (noise((9, 12), complex), "values of type complex128, expected integers or floats"),
        (noise((9, 12), object), "values of type object, expected integers or floats"),
        (noise((9, 12), "M8[s]"), "values of type datetime64"),
        ([["a", "b"], ["c", "d"]], "values of type <U1"),
        (None, "values of type object"),
        ([[1, 2], [3]], "not an array of numbers"),
        (np.ma.masked_less(noise((9, 12)), 999), "all values are NaN, masked or no data"),
    ],
)
def test_what_is_no_image_is_refused_in_one_sentence(array, message):
    with pytest.raises(InvalidImageError, match=f"^image: .*{message}") as caught:
        load_image(array)
    assert isinstance(caught.value, DSCError)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(np.finfo("g").max == np.finfo("d").max, reason="longdouble is float64 here")
def test_values_beyond_float64_are_refused():
    array = noise((9, 12), "g") * np.longdouble("1e400")
    with pytest.raises(InvalidImageError, match="image: values beyond 1"):
        load_image(array)


# ---- files -------------------------------------------------------------------------------


def test_a_path_gives_the_same_as_its_array(tmp_path):
    array = noise((9, 12, 3), "u2")
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    from_array = load_image(array)
    for path in (tmp_path / "a.tif", str(tmp_path / "a.tif")):
        from_path = load_image(path)
        np.testing.assert_array_equal(from_path.pixels, from_array.pixels)
        assert from_path.sha256 == from_array.sha256


def test_a_missing_file_is_an_image_error(tmp_path):
    with pytest.raises(InvalidImageError, match=r"nowhere\.png: no such file"):
        load_image(str(tmp_path / "nowhere.png"))


def test_pixel_size_comes_with_the_file(tmp_path):
    metadata = {"axes": "ZYX"} | {f"PhysicalSize{axis}": i for i, axis in enumerate("ZYX", 1)}
    tifffile.imwrite(tmp_path / "a.ome.tif", noise((1, 9, 12)), metadata=metadata)
    image = load_image(tmp_path / "a.ome.tif")
    assert (image.axes, image.spacing, image.unit) == ("YX", (2.0, 3.0), "µm")


def test_an_array_has_no_pixel_size():
    image = load_image(noise((9, 12)))
    assert (image.spacing, image.unit) == ((), "")


def test_the_caller_knows_the_axes_better_than_the_file(tmp_path):
    array = noise((3, 9, 12))
    tifffile.imwrite(tmp_path / "a.ome.tif", array, metadata={"axes": "ZYX"})
    of_file = load_image(tmp_path / "a.ome.tif")
    assert (of_file.axes, of_file.axes_origin) == ("ZYX", "the file")
    named = load_image(tmp_path / "a.ome.tif", "CYX")
    assert (named.axes, named.axes_origin) == ("CYX", "the caller")


# ---- hash --------------------------------------------------------------------------------


def test_the_hash_is_of_values_and_not_of_their_order_in_memory():
    array = noise((9, 12), "u2")
    known = load_image(array).sha256
    assert known == load_image(array.astype(">u2")).sha256
    assert known == load_image(np.asfortranarray(array)).sha256


@pytest.mark.parametrize(
    "change", [lambda a: a + (a == 50), lambda a: a.astype("i2"), lambda a: a.reshape(12, 9)]
)
def test_the_hash_changes_with_values_type_and_shape(change):
    array = noise((9, 12), "u2")
    changed = change(array)
    assert load_image(changed).sha256 != load_image(array).sha256


# ---- labels and colors -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("largest", "dtype"), [(254, "u1"), (255, "u2"), (65534, "u2"), (65535, "u4")]
)
def test_labels_from_1_have_the_smallest_type_that_holds_them(largest, dtype):
    labels = np.array([[0, largest]])
    found = to_label_image(labels)
    assert found.dtype == dtype
    assert found.tolist() == [[1, largest + 1]]
    assert labels.tolist() == [[0, largest]]


def test_labels_of_a_small_type_do_not_wrap():
    assert to_label_image(np.array([0, 255], np.uint8)).tolist() == [1, 256]


def test_colors_become_cielab():
    pixels = np.random.default_rng(0).random((3, 9, 12), np.float32)
    expected = np.moveaxis(rgb2lab(np.moveaxis(pixels, 0, 2)), 2, 0) / 100
    features = color_features(pixels)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_white_has_lightness_1_and_no_color():
    np.testing.assert_allclose(
        color_features(np.ones((3, 2, 2, 2), np.float32))[:, 0, 0, 0], (1, 0, 0), atol=1e-4
    )


def test_grey_has_no_other_features():
    pixels = np.random.default_rng(0).random((1, 9, 12), np.float32)
    np.testing.assert_array_equal(color_features(pixels), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_boundaries_are_yellow_and_the_rest_stays(channels):
    pixels = np.full((channels, 9, 12), 0.2, np.float32)
    labels = np.zeros((9, 12), int)
    labels[:, 6:] = 1
    overlay = draw_boundaries(pixels, labels)
    assert (overlay.shape, overlay.dtype) == ((9, 12, 3), np.uint8)
    border = find_boundaries(labels)
    assert border[:, 5:7].all()
    assert (overlay[border] == (255, 255, 0)).all()
    assert (overlay[~border] == 51).all()


# ---- dim colors --------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [(0, 1, 2), (1,)])
@pytest.mark.parametrize(("low", "high"), [(0, 20), (180, 235)])
def test_8_bit_colors_of_a_small_range_are_stretched_as_gray_with_a_note(channels, low, high):
    gray = np.random.default_rng(0).integers(low, high + 1, (64, 64)).astype(np.uint8)
    colors = np.full((64, 64, 3), low, np.uint8)
    colors[..., list(channels)] = gray[..., None]
    image = load_image(colors)
    assert image.normalization == load_image(gray).normalization
    assert image.notes == (
        f"8-bit colors use only {low} to {high} of 0 to 255: normalized to that range",
    )
    np.testing.assert_array_equal(image.restore(image.pixels), colors)
    assert load_image(colors, params=RANGE).normalization.mode == "range"


def test_a_photograph_with_few_bright_pixels_in_the_dark_is_not_cut_off():
    colors = noise((64, 64, 3)) // 5
    colors[:8] = 250
    image = load_image(colors)
    assert (image.normalization.mode, image.notes) == ("range", ())
