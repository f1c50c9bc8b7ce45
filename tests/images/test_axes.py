"""Stacks, series and channels, in any order of axes."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_dsc
from napari_dsc import SuperpixelParams
from napari_dsc.cli import main
from napari_dsc.errors import InvalidParameterError
from napari_dsc.files import RawImage, read_image
from napari_dsc.images import load_image, load_series
from napari_dsc.superpixels.methods import SUPERPIXEL_METHODS, over_segment_pixels

SIZES = {"T": 2, "Z": 3, "C": 5, "Y": 9, "X": 12}
FEW = {"superpixel_params": SuperpixelParams(n_superpixels=8, source="original")}


def noise(axes, dtype="uint16", seed=0):
    shape = [SIZES[axis] for axis in axes]
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def permuted(array, axes, order):
    return array.transpose([axes.index(axis) for axis in order])


some_axes = st.sampled_from(["YX", "CYX", "ZYX", "ZCYX"])
dtypes = st.sampled_from(["u1", "u2", "i2", "f4", "f8", ">u2"])


@settings(max_examples=30)
@given(axes=some_axes, dtype=dtypes, data=st.data())
def test_permuting_the_axes_permutes_the_image_and_its_labels(axes, dtype, data):
    order = "".join(data.draw(st.permutations(axes)))
    sizes = data.draw(st.tuples(*[st.sampled_from([0.5, 1.0, 4.0])] * 3))
    spacing = {axis: size for axis, size in zip("ZYX", sizes, strict=True) if axis in axes}
    array = noise(axes, dtype)
    plain = load_image(array, axes, spacing=[spacing[axis] for axis in axes if axis in spacing])
    along = tuple(spacing[axis] for axis in order if axis in spacing)
    image = load_image(permuted(array, axes, order), order, spacing=along)
    np.testing.assert_array_equal(image.pixels, plain.pixels)
    assert image.spacing == plain.spacing
    assert (image.axes, image.label_spacing, image.unit) == (order, along, "µm")
    np.testing.assert_array_equal(
        image.restore(image.pixels), permuted(plain.restore(plain.pixels), axes, order)
    )
    labels = np.arange(plain.pixels[0].size).reshape(plain.pixels.shape[1:])
    restored = image.restore_labels(labels)
    assert restored.shape == image.label_shape
    np.testing.assert_array_equal(
        restored, permuted(labels, axes.replace("C", ""), order.replace("C", ""))
    )
    np.testing.assert_array_equal(image.arrange_labels(restored), labels)


@settings(max_examples=8)
@given(data=st.data())
def test_permuting_the_axes_permutes_the_superpixels(data):
    axes = data.draw(some_axes)
    order = "".join(data.draw(st.permutations(axes)))
    array = noise(axes, "u2", data.draw(st.integers(0, 9)))
    found = napari_dsc.over_segment(permuted(array, axes, order), axes=order, **FEW)
    spatial = axes.replace("C", "")
    np.testing.assert_array_equal(
        found,
        permuted(
            napari_dsc.over_segment(array, axes=axes, **FEW), spatial, order.replace("C", "")
        ),
    )


def test_labels_of_a_cut_follow_the_axes(quadrants):
    pixels, _ = quadrants
    options = {
        "cut_params": napari_dsc.CutParams(n_iterations=2),
        "superpixel_params": SuperpixelParams(n_superpixels=9),
    }
    plain = napari_dsc.segment(pixels, axes="YXC", **options)
    turned = napari_dsc.segment(pixels.transpose(2, 1, 0), axes="CXY", **options)
    np.testing.assert_array_equal(turned.labels, plain.labels.T)
    np.testing.assert_array_equal(turned.superpixels, plain.superpixels.T)
    assert turned.parts().superpixels.shape == (48, 32)
    given_in_order = napari_dsc.segment(
        pixels.transpose(2, 1, 0), axes="CXY", superpixels=plain.superpixels.T, **options
    )
    np.testing.assert_array_equal(given_in_order.labels, plain.labels.T)


def test_the_samples_of_a_tiff_are_channels():
    image = load_image(noise("YXC"), "YXS")
    assert (image.axes, len(image.pixels)) == ("YXC", 5)


def test_a_record_says_who_named_the_axes():
    assert load_image(noise("YX")).axes_origin == "the shape"
    assert load_image(RawImage(noise("ZYX"), "ZYX")).axes_origin == "the file"
    assert load_image(RawImage(noise("ZYX"), "ZYX"), "CYX").axes_origin == "the caller"


def test_an_image_describes_itself():
    image = load_image(noise("ZYX"), "ZYX", spacing=(2, 0.5, 0.5))
    assert image.describe() == (
        "axes ZYX (from the caller), 3 x 9 x 12, pixels of 2 x 0.5 x 0.5 µm"
    )


# ---- pixel size --------------------------------------------------------------------------


def test_sizes_of_the_file_belong_to_places_and_not_to_names():
    cube = np.arange(9 * 9 * 12).reshape(9, 9, 12)
    raw = RawImage(cube, "ZYX", (3.0, 2.0, 1.0), "nm")
    assert load_image(raw).spacing == (3.0, 2.0, 1.0)
    assert load_image(raw, "XYZ").spacing == (1.0, 2.0, 3.0)
    assert load_image(raw, "CYX").spacing == (2.0, 1.0)


def test_half_a_pixel_size_is_kept_and_said():
    image = load_image(RawImage(noise("ZYX"), "CYX", (2.0, 1.0), "nm"), "ZYX")
    assert (image.spacing, image.unit) == ((0, 2.0, 1.0), "nm")
    assert (image.volume_spacing, image.describe()[-22:]) == ((), "pixels of ? x 2 x 1 nm")
    assert image.notes == ("pixel size along Z is unknown: pixels are treated as isotropic",)


@pytest.mark.parametrize("spacing", [(1, 1), (1, 0, 1), (1, 1, float("nan")), (1, 1, 1, 1)])
def test_a_pixel_size_fits_the_axes(spacing):
    with pytest.raises(InvalidParameterError, match="expected 3 sizes above 0, along Z, Y, X"):
        load_image(noise("ZYX"), "ZYX", spacing=spacing)


# ---- channels ----------------------------------------------------------------------------


def test_channels_are_taken_in_the_order_named():
    array = noise("CYX")
    image = load_image(array, "CYX", channels=(4, 1))
    np.testing.assert_array_equal(image.pixels, load_image(array[[4, 1]], "CYX").pixels)
    assert image.notes == ("channels 4, 1 of 5",)


def test_named_channels_are_never_taken_for_opacity():
    array = noise("YXC", "u1")[..., :4]
    assert len(load_image(array, "YXC").pixels) == 3
    assert len(load_image(array, "YXC", channels=range(4)).pixels) == 4


@pytest.mark.parametrize("channels", [(5,), (-1,), (1, 1)])
def test_channels_exist(channels):
    with pytest.raises(
        InvalidParameterError, match=r"different numbers from 0 to 4, the image"
    ):
        load_image(noise("CYX"), "CYX", channels=channels)


# ---- series ------------------------------------------------------------------------------


@given(order=st.permutations("TCYX").map("".join))
def test_frames_of_a_series_are_stretched_alike_and_joined_again(order):
    array = permuted(noise("TCYX"), "TCYX", order)
    series = load_series(array, order)
    assert len(series.frames) == 2
    assert len({frame.normalization for frame in series.frames}) == 1
    assert len({frame.sha256 for frame in series.frames}) == 2
    low, high = series.frames[0].normalization[1:]
    joined = series.join([frame.restore(frame.pixels) for frame in series.frames])
    np.testing.assert_array_equal(joined, array.clip(low, high))
    labels = series.join([frame.restore_labels(frame.pixels[0]) for frame in series.frames])
    assert labels.shape == tuple(SIZES[axis] for axis in order if axis != "C")


def test_a_constant_frame_of_a_series_is_no_error():
    array = noise("TYX")
    array[1] = 7
    assert len(load_series(array, "TYX").frames) == 2


def test_an_image_is_a_series_of_one():
    series = load_series(noise("ZYX"), "ZYX")
    assert (series.axes, len(series.frames)) == ("ZYX", 1)
    labels = np.zeros((3, 9, 12))
    assert series.join([labels]) is labels


# ---- three dimensions --------------------------------------------------------------------

SPACING = np.array([4.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def ball():
    """A noisy bright ball in space, in 10 planes four times as far apart as pixels."""
    shape = (10, 40, 40)
    offset = [(n - 1) / 2 for n in shape]
    places = (np.indices(shape).T - offset) * SPACING
    inside = (np.linalg.norm(places, axis=-1) < 14).T
    noise = np.random.default_rng(0).normal(0, 0.05, shape)
    return np.clip(0.2 + 0.6 * inside + noise, 0, 1).astype(np.float32), inside


@pytest.mark.parametrize("method", SUPERPIXEL_METHODS)
def test_superpixels_of_a_stack_are_as_many_as_asked_and_keep_to_the_ball(ball, method):
    pixels, inside = ball
    params = SuperpixelParams(superpixels=method, n_superpixels=40)
    superpixels = over_segment_pixels(pixels[None], params, tuple(SPACING))
    assert superpixels.shape == pixels.shape
    assert abs(superpixels.max() + 1 - 40) <= 0.15 * 40
    counts = np.zeros((superpixels.max() + 1, 2))
    np.add.at(counts, (superpixels, inside.astype(int)), 1)
    assert counts.max(1).sum() > 0.95 * inside.size


def elongation(superpixels):
    """Median ratio of depth to width of superpixels, in space."""
    n = superpixels.max() + 1
    places = [np.argwhere(superpixels == label) * SPACING for label in range(n)]
    spreads = np.array([place.var(0) + SPACING**2 / 12 for place in places]) ** 0.5
    return np.median(spreads[:, 0] / spreads[:, 1:].mean(1))


@pytest.mark.parametrize("method", ["slic", "watershed"])
def test_superpixels_are_about_as_deep_as_wide_in_space(ball, method):
    params = SuperpixelParams(superpixels=method, n_superpixels=40)
    blind = elongation(over_segment_pixels(ball[0][None], params))
    aware = elongation(over_segment_pixels(ball[0][None], params, tuple(SPACING)))
    assert blind > 2
    assert aware < 1.6


def test_the_unit_of_the_spacing_does_not_matter(ball):
    params = SuperpixelParams(n_superpixels=20)
    first, second = (
        over_segment_pixels(ball[0][None], params, tuple(SPACING * unit)) for unit in (1, 1e-3)
    )
    np.testing.assert_array_equal(first, second)


def test_a_stack_is_smoothed_plane_by_plane(ball):
    stack = (ball[0][:2] * 255).astype(np.uint8)
    smoothed = napari_dsc.smooth(
        stack, axes="ZYX", image_params=napari_dsc.ImageParams(normalization="range")
    )
    plane = napari_dsc.smooth(
        stack[1], image_params=napari_dsc.ImageParams(normalization="range")
    )
    np.testing.assert_array_equal(smoothed[1], plane)
    assert smoothed.shape == stack.shape


def test_superpixels_of_a_stack_from_the_command_line(ball, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("stack.npy", ball[0].transpose(1, 2, 0))
    flags = ["--axes", "YXZ", "--spacing", "1,1,4", "--n-superpixels", "30"]
    assert (
        main(["superpixels", "stack.npy", "-o", "out.tif", "--overlay", "o.png", *flags]) == 0
    )
    raw = read_image(tmp_path / "out.tif")
    assert (raw.axes, raw.spacing, raw.unit) == ("YXZ", (1.0, 1.0, 4.0), "µm")
    assert raw.pixels.shape == (40, 40, 10)
    said = capsys.readouterr().err
    assert "axes YXZ (from the caller), 40 x 40 x 10, pixels of 1 x 1 x 4 µm" in said
    assert "the overlay shows plane 5" in said
    with tifffile.TiffFile("out.tif") as file:
        assert '"axes_from": "the caller"' in file.pages.first.description


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--spacing", "1,b"], "spacing='1,b': expected numbers with commas"),
        (["--channels", "0,q"], "channels='0,q': expected numbers from 0 or r, g, b"),
    ],
)
def test_numbers_on_the_command_line_are_numbers(flags, message, tmp_path, capsys):
    np.save(tmp_path / "a.npy", noise("YX"))
    assert main(["smooth", str(tmp_path / "a.npy"), "-o", str(tmp_path / "b.tif"), *flags]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("n_channels", [2, 5])
def test_an_image_of_any_number_of_channels_is_cut_and_smoothed(n_channels):
    array = noise("CYX")[:n_channels]
    result = napari_dsc.segment(
        array, axes="CYX", cut_params=napari_dsc.CutParams(n_iterations=2), **FEW
    )
    assert result.labels.shape == (9, 12)
    assert result.smoothed.shape == array.shape
    assert result.record["image"]["n_channels"] == n_channels


def test_channels_that_are_no_colors_are_smoothed_each_by_itself():
    array = noise("CYX", "u1")
    params = napari_dsc.ImageParams(normalization="range")
    smoothed = napari_dsc.smooth(array, axes="CYX", image_params=params)
    np.testing.assert_array_equal(smoothed[3], napari_dsc.smooth(array[3], image_params=params))
