import errno
import logging
import os
import subprocess
import sys
import warnings
from importlib.util import find_spec

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from napari_dsc.errors import InvalidImageError, OutputError
from napari_dsc.files import (
    check_output,
    read_image,
    read_labels,
    write_atomically,
    write_image,
    writers,
)
from napari_dsc.files.calibration import stored_record
from napari_dsc.images import load_image, to_label_image

ROWS, COLUMNS = 20, 30
PLAIN = {"record": {}, "spacing": (), "unit": "", "overwrite": False}

without_imagecodecs = pytest.mark.skipif(
    find_spec("imagecodecs") is not None, reason="imagecodecs decodes it"
)


@pytest.fixture
def gray():
    return np.random.default_rng(0).integers(0, 2**16, (ROWS, COLUMNS), np.uint16)


@pytest.fixture
def colors():
    return np.random.default_rng(0).integers(0, 2**8, (ROWS, COLUMNS, 3), np.uint8)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- reading -----------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_grey_tiff_is_read_with_its_axes(tmp_path, gray, compression):
    tifffile.imwrite(tmp_path / "a.tif", gray, compression=compression)
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, gray)
    assert image == (image.pixels, "YX", (), "", False, (), "the file", (), None)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_by_other_software_is_read_with_its_axes(tmp_path, colors, compression):
    Pillow.fromarray(colors).save(tmp_path / "a.tif", compression=compression)
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, colors)
    assert image.axes == "YXC"


def test_a_planar_rgb_tiff_is_channels_first(tmp_path, colors):
    planes = np.ascontiguousarray(np.moveaxis(colors, 2, 0))
    tifffile.imwrite(
        tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", metadata=None
    )
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, planes)
    assert image.axes == "CYX"


def lzw(data):
    """Data in the LZW code of TIFF, cleared so often that every code has 9 bits."""
    clear, end = 256, 257
    codes = [clear]
    for start in range(0, len(data), 250):
        codes += [*data[start : start + 250], clear]
    bits = (np.array([*codes, end])[:, None] >> np.arange(8, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def write_lzw_tiff(path, pixels):
    """A TIFF whose compression is a lie at first, and then true."""
    code = lzw(pixels.tobytes())
    stored = np.frombuffer(code + bytes(pixels.nbytes * 2 - len(code)), pixels.dtype)
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    shape = (-1, *pixels.shape[1:])
    tifffile.imwrite(
        path, stored.reshape(shape), photometric=photometric, metadata=None, rowsperstrip=10**6
    )
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages.first.tags
        tags["Compression"].overwrite(5)
        tags["ImageLength"].overwrite(len(pixels))
        tags["RowsPerStrip"].overwrite(len(pixels))
        tags["StripByteCounts"].overwrite(len(code))


def test_compression_without_imagecodecs_keeps_16_bits(tmp_path, gray):
    write_lzw_tiff(tmp_path / "a.tif", gray)
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, gray)
    assert (image.pixels.dtype, image.axes) == (np.uint16, "YX")


@without_imagecodecs
def test_compressed_colors_of_16_bits_are_refused_and_not_cut_to_8(tmp_path):
    values = np.random.default_rng(0).integers(0, 2**16, (ROWS, COLUMNS, 3), np.uint16)
    write_lzw_tiff(tmp_path / "a.tif", values)
    assert iio.imread(tmp_path / "a.tif", plugin="pillow").dtype == np.uint8
    with pytest.raises(InvalidImageError, match=r"a\.tif: .*pip install imagecodecs"):
        read_image(tmp_path / "a.tif")


@without_imagecodecs
def test_a_compression_that_only_imagecodecs_knows_is_named(tmp_path, gray):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gray)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["Compression"].overwrite(34887)  # LERC
    with pytest.raises(InvalidImageError, match=r"a\.tif: .*pip install imagecodecs"):
        read_image(path)


def test_ome_metadata_give_axes_and_pixel_size(tmp_path, gray):
    metadata = {"axes": "YX", "PhysicalSizeX": 0.3, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", gray, metadata=metadata)
    image = read_image(tmp_path / "a.ome.tif")
    assert image[1:4] == ("YX", (0.5, 0.3), "µm")


def test_ome_metadata_keep_their_unit_and_channel_axis(tmp_path):
    metadata = {"axes": "CYX", "PhysicalSizeX": 2, "PhysicalSizeXUnit": "nm"}
    metadata |= {"PhysicalSizeY": 3, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((3, ROWS, COLUMNS), np.uint16), metadata=metadata
    )
    assert read_image(tmp_path / "a.ome.tif")[1:4] == ("CYX", (3.0, 2.0), "nm")


def test_each_axis_of_ome_has_a_unit_of_its_own(tmp_path):
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 500.0, "PhysicalSizeZ": 2}
    metadata |= {"PhysicalSizeYUnit": "nm", "PhysicalSizeZUnit": "µm"}
    stack = np.zeros((3, 9, 12), np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata=metadata)
    raw = read_image(tmp_path / "a.ome.tif")
    assert raw.spacing == pytest.approx((2.0, 0.5, 0.5))
    assert raw.unit == "µm"


def test_a_stack_without_size_along_z_says_so(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.arange(324, dtype=np.uint16).reshape(3, 9, 12),
        photometric="minisblack",
        metadata={"axes": "ZYX"},
        resolution=(2000, 1000),
        resolutionunit="CENTIMETER",
    )
    raw = read_image(tmp_path / "a.tif")
    assert (raw.axes, raw.spacing, raw.unit) == ("ZYX", (0, 0.001, 0.0005), "cm")
    image = load_image(raw)
    assert image.notes == ("pixel size along Z is unknown: pixels are treated as isotropic",)
    assert (image.spacing, image.volume_spacing) == ((0, 0.001, 0.0005), ())


@pytest.mark.parametrize("other", [None, 0, -2, "broken", "nan", 1e400])
def test_a_pixel_size_that_is_missing_or_wrong_leaves_the_other(tmp_path, gray, other):
    sizes = {"PhysicalSizeX": 1, "PhysicalSizeY": other}
    metadata = {name: value for name, value in sizes.items() if value is not None}
    tifffile.imwrite(tmp_path / "a.ome.tif", gray, metadata={"axes": "YX", **metadata})
    assert read_image(tmp_path / "a.ome.tif")[1:4] == ("YX", (0, 1), "µm")


def test_an_ome_stack_has_three_pixel_sizes(tmp_path):
    metadata = {"axes": "ZYX"} | {f"PhysicalSize{axis}": i for i, axis in enumerate("ZYX", 1)}
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((5, ROWS, COLUMNS), np.uint8), metadata=metadata
    )
    assert read_image(tmp_path / "a.ome.tif")[1:4] == ("ZYX", (1.0, 2.0, 3.0), "µm")


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_imagej_metadata_give_pixel_size_in_one_name_of_the_unit(tmp_path, gray, unit):
    tifffile.imwrite(
        tmp_path / "a.tif", gray, imagej=True, resolution=(4, 2), metadata={"unit": unit}
    )
    assert read_image(tmp_path / "a.tif")[1:4] == ("YX", (0.5, 0.25), "µm")


def test_an_imagej_file_in_pixels_has_no_pixel_size(tmp_path, gray):
    tifffile.imwrite(tmp_path / "a.tif", gray, imagej=True, resolution=(4, 2))
    assert read_image(tmp_path / "a.tif")[1:4] == ("YX", (), "")


@pytest.mark.parametrize(("tag", "unit"), [("CENTIMETER", "cm"), ("INCH", "inch")])
def test_resolution_tags_give_pixel_size(tmp_path, gray, tag, unit):
    tifffile.imwrite(tmp_path / "a.tif", gray, resolution=(40, 20), resolutionunit=tag)
    assert read_image(tmp_path / "a.tif")[1:4] == ("YX", (0.05, 0.025), unit)


def test_pages_without_axes_stay_without_axes(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, ROWS, COLUMNS), np.uint8))
    image = read_image(tmp_path / "a.tif")
    assert (image.pixels.shape, image.axes) == ((5, ROWS, COLUMNS), "")


def test_alpha_of_a_tiff_is_seen(tmp_path):
    values = np.zeros((ROWS, COLUMNS, 2), np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    image = read_image(tmp_path / "a.tif")
    assert (image.axes, image.has_alpha) == ("YXC", True)


def test_of_several_images_in_a_tiff_the_first_is_read_with_a_note(tmp_path, gray, colors):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(gray)
        file.write(colors, photometric="rgb")
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, gray)
    assert image.notes == ("only the first of 2 images is used",)


def test_intensities_under_a_display_palette_stay_intensities(tmp_path):
    values = np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(ROWS, COLUMNS)
    palette = np.random.default_rng(0).integers(0, 2**16, (3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="palette", colormap=palette)
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, values)
    assert image.notes == ("palette not applied",)


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_printing_colors_become_rgb_with_a_note(tmp_path, suffix):
    red = Pillow.new("RGB", (COLUMNS, ROWS), (200, 0, 0))
    red.convert("CMYK").save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    assert image.pixels.shape == (ROWS, COLUMNS, 3)
    np.testing.assert_allclose(image.pixels[0, 0], (200, 0, 0), atol=4)
    assert image.notes[0].endswith("colors converted to RGB")


def test_a_jpeg_is_read_as_colors(tmp_path):
    Pillow.new("RGB", (COLUMNS, ROWS), (10, 200, 10)).save(tmp_path / "a.jpg")
    image = read_image(tmp_path / "a.jpg")
    np.testing.assert_allclose(image.pixels[5, 5], (10, 200, 10), atol=4)
    assert (image.pixels.shape, image.axes) == ((ROWS, COLUMNS, 3), "YXC")


def test_a_rotation_noted_in_a_photograph_is_not_applied(tmp_path, colors):
    exif = Pillow.Exif()
    exif[0x0112] = 6  # a quarter turn
    Pillow.fromarray(colors).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").pixels.shape == colors.shape


def test_a_camera_file_with_a_preview_is_one_image(tmp_path, colors):
    photo = Pillow.fromarray(colors)
    photo.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[photo])
    assert read_image(tmp_path / "a.jpg").pixels.shape == colors.shape


def test_a_png_of_16_bits_keeps_them(tmp_path, gray):
    iio.imwrite(tmp_path / "a.png", gray)
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, gray)
    assert (image.pixels.dtype, image.axes) == (np.uint16, "YX")


def test_png_colors_of_16_bits_lose_the_lower_with_a_note(tmp_path):
    import struct
    import zlib

    values = np.random.default_rng(0).integers(0, 2**16, (ROWS, COLUMNS, 3), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", COLUMNS, ROWS, 16, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, values >> 8)
    assert image.notes == ("16-bit colors read with 8 bits",)


def test_a_png_of_1_bit_is_boolean(tmp_path):
    Pillow.fromarray(np.eye(ROWS) > 0).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").pixels.dtype == bool


def test_a_palette_gives_colors_of_an_image_and_indices_of_labels(tmp_path):
    indices = np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(ROWS, COLUMNS) % 3
    picture = Pillow.fromarray(indices)
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.save(tmp_path / "a.png")
    expected = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]])[indices]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, expected)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), indices)


@pytest.mark.parametrize(("mode", "has_alpha"), [("LA", True), ("RGBA", True), ("L", False)])
def test_alpha_of_a_png_is_seen(tmp_path, mode, has_alpha):
    Pillow.new(mode, (COLUMNS, ROWS)).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image.pixels.shape[:2], image.has_alpha) == ((ROWS, COLUMNS), has_alpha)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_an_animation_has_a_time_axis(tmp_path, suffix):
    frames = [Pillow.new("RGB", (COLUMNS, ROWS), (90 * i, 0, 0)) for i in range(3)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    image = read_image(tmp_path / f"a{suffix}")
    assert image.axes == "TYXC"
    assert image.pixels.shape == (3, ROWS, COLUMNS, 3)


def test_a_gif_of_one_frame_is_an_image(tmp_path, colors):
    Pillow.fromarray(colors).save(tmp_path / "a.gif")
    image = read_image(tmp_path / "a.gif")
    assert (image.pixels.shape, image.axes) == ((ROWS, COLUMNS, 3), "YXC")


def test_npy_says_nothing_about_axes(tmp_path, gray):
    np.save(tmp_path / "a.npy", gray)
    image = read_image(tmp_path / "a.npy")
    np.testing.assert_array_equal(image.pixels, gray)
    assert image.axes == ""


def test_the_content_not_the_suffix_tells_the_format(tmp_path, gray):
    tifffile.imwrite(tmp_path / "a.tif", gray)
    (tmp_path / "a.tif").rename(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, gray)


def test_a_format_that_only_another_reader_of_imageio_knows_is_read(tmp_path, gray):
    np.savez(tmp_path / "a.npz", gray)
    np.testing.assert_array_equal(read_image(tmp_path / "a.npz").pixels, gray)


def test_a_photograph_of_too_many_pixels_for_its_reader_is_told_so(
    tmp_path, colors, monkeypatch
):
    path = tmp_path / "a.png"
    Pillow.fromarray(colors).save(path)
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", colors.size // 3 // 2 - 1)
    with pytest.raises(InvalidImageError, match=r"a\.png: too many pixels for this format"):
        read_image(path)


# ---- wrong files -------------------------------------------------------------------------


@pytest.mark.parametrize("read", [read_image, read_labels])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(InvalidImageError, match=r"nowhere\.tif: no such file$"):
        read(tmp_path / "nowhere.tif")


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(InvalidImageError, match=r": is a folder, expected an image file$"):
        read_image(tmp_path)


def test_a_path_through_a_file_cannot_be_opened(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(InvalidImageError, match=r"b\.png: cannot be opened \(Not a directory"):
        read_image(tmp_path / "a" / "b.png")


def test_a_name_too_long_cannot_be_opened(tmp_path):
    with pytest.raises(InvalidImageError, match=r"cannot be opened \(File name too long\)"):
        read_image(tmp_path / ("a" * 300))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InvalidImageError, match=r"a\.png: is not a regular file"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".npy", ".xyz", ""])
@pytest.mark.parametrize("content", [b"", b"abc", b"hello, this is no image at all" * 9])
def test_what_is_no_image_is_said_to_be_none(tmp_path, suffix, content):
    path = tmp_path / f"text{suffix}"
    path.write_bytes(content)
    with pytest.raises(InvalidImageError, match=r"text.*: not an image of a known format, exp"):
        read_image(path)


def test_an_array_of_objects_is_refused_without_unpickling(tmp_path):
    np.save(tmp_path / "a.npy", np.array([print, len]), allow_pickle=True)
    with pytest.raises(InvalidImageError, match=r"a\.npy: cannot be read .*[Oo]bject arrays"):
        read_image(tmp_path / "a.npy")


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("name", ["zip.tif", "raw.tif", "lzw.tif", "a.png", "a.jpg", "a.npy"])
def test_a_file_cut_short_is_refused(tmp_path, colors, name, kept):
    path = tmp_path / name
    colors = np.tile(colors, (4, 4, 1))
    if name == "a.npy":
        np.save(path, colors)
    elif name == "lzw.tif":
        Pillow.fromarray(colors).save(path, compression="tiff_lzw")
    elif name in ("zip.tif", "raw.tif"):
        tifffile.imwrite(path, colors, compression="zlib" if name == "zip.tif" else None)
    else:
        iio.imwrite(path, colors)
    content = path.read_bytes()
    assert read_image(path).pixels.shape == colors.shape
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InvalidImageError, match=f"{name}: ") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_decoders_keep_their_remarks_to_themselves(tmp_path, caplog):
    path = tmp_path / "a.tif"
    values = np.zeros((ROWS, COLUMNS), np.uint8)
    tifffile.imwrite(path, values, description="<OME broken</OME>", metadata=None)
    assert caplog.records == []
    with tifffile.TiffFile(path) as file:
        assert file.series[0].shape == (ROWS, COLUMNS)
    assert caplog.records != []
    caplog.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_image(path)
    assert caught == []
    assert caplog.records == []
    logging.getLogger("tifffile").error("heard again")
    assert caplog.messages == ["heard again"]


@pytest.mark.parametrize(
    "labels",
    [
        np.full((ROWS, COLUMNS), 0.5),
        np.full((ROWS, COLUMNS), np.nan),
        np.zeros((ROWS, COLUMNS, 3), np.uint8),
        np.zeros(9, int),
    ],
)
def test_a_label_image_of_a_plane_has_two_axes_of_integers(tmp_path, labels):
    np.save(tmp_path / "a.npy", labels)
    with pytest.raises(InvalidImageError, match="expected a label image: two axes of integers"):
        read_labels(tmp_path / "a.npy", 2)


@pytest.mark.parametrize("shape", [(9,), (2, 3, ROWS, COLUMNS)])
def test_a_label_image_of_unknown_depth_has_two_axes_or_three(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, int))
    with pytest.raises(InvalidImageError, match="two or three axes of integers"):
        read_labels(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.ones((2, ROWS, COLUMNS), int))
    assert read_labels(tmp_path / "a.npy").shape == (2, ROWS, COLUMNS)


# ---- writing -----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".TIF", ".png", ".npy"])
@pytest.mark.parametrize(("largest", "dtype"), [(255, np.uint8), (256, np.uint16)])
def test_labels_come_back_in_the_smallest_type(tmp_path, suffix, largest, dtype):
    labels = np.random.default_rng(0).integers(1, largest + 1, (ROWS, COLUMNS))
    labels[0, 0] = largest
    path = tmp_path / f"labels{suffix}"
    write_image(path, to_label_image(labels - 1), **PLAIN)
    found = read_labels(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, labels)


def test_more_labels_than_16_bits_fit_a_tiff(tmp_path):
    labels = np.arange(70_000).reshape(280, 250)
    write_image(tmp_path / "a.tif", labels.astype(np.uint32), **PLAIN)
    found = read_labels(tmp_path / "a.tif")
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, labels)


def test_more_labels_than_16_bits_do_not_fit_a_png(tmp_path):
    labels = np.arange(70_000).reshape(280, 250)
    with pytest.raises(OutputError, match=r"a\.png: PNG does not store .*uint32; choose \.tif"):
        write_image(tmp_path / "a.png", labels.astype(np.uint32), **PLAIN)
    assert names_in(tmp_path) == []


def test_a_label_tiff_is_compressed(tmp_path):
    write_image(tmp_path / "a.tif", np.ones((400, 400), np.uint8), **PLAIN)
    assert (tmp_path / "a.tif").stat().st_size < 400 * 400 / 20
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE


@pytest.mark.parametrize(
    ("spacing", "unit"),
    [
        ((0.25, 0.5), "µm"),
        ((1 / 3, 1 / 7), "nm"),
        ((2.0, 2.0), ""),
        ((3e-9, 1e9), "ly"),
        ((1e-12, 1e-12), "ly"),
        ((1e300, 1e300), "Å"),
        ((), ""),
    ],
)
def test_record_and_pixel_size_come_back(tmp_path, spacing, unit):
    path, labels = tmp_path / "a.tif", np.ones((ROWS, COLUMNS), np.uint8)
    record = {"method": "slic", "µ": [1, 2.5], "image": {"shape": [9, 12]}}
    write_image(path, labels, record=record, spacing=spacing, unit=unit, overwrite=False)
    assert read_image(path)[1:4] == ("YX", spacing, unit)
    with tifffile.TiffFile(path) as file:
        found = stored_record(file)
    size = {"shape": [ROWS, COLUMNS], "axes": "YX", "spacing": list(spacing), "unit": unit}
    assert found == record | size


@pytest.mark.parametrize("axes", ["ZYX", "YXZ", "XZY"])
def test_labels_of_a_stack_come_back_with_axes_and_pixel_size(tmp_path, axes):
    path, labels = tmp_path / "a.tif", np.arange(3 * 9 * 12, dtype=np.uint16).reshape(3, 9, 12)
    size = {"spacing": (3.0, 0.5, 0.25), "unit": "µm"}
    write_image(path, labels, record={}, **size, overwrite=False, axes=axes)
    raw = read_image(path)
    np.testing.assert_array_equal(raw.pixels, labels)
    assert (raw.axes, raw.spacing, raw.unit) == (axes, *size.values())


def test_a_png_holds_no_stack(tmp_path):
    with pytest.raises(
        OutputError, match=r"PNG stores one plane of .* axes ZYX of shape \(3, "
    ):
        write_image(tmp_path / "a.png", np.ones((3, 9, 12), np.uint8), **PLAIN, axes="ZYX")


def test_other_software_finds_the_pixel_size_in_the_tags(tmp_path):
    spacing = {"spacing": (0.5, 0.25), "unit": "µm"}
    write_image(tmp_path / "a.tif", np.ones((ROWS, COLUMNS), np.uint8), **PLAIN | spacing)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        tags = file.pages.first.tags
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        assert tags["XResolution"].value == (40_000, 1)
        assert tags["YResolution"].value == (20_000, 1)


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
@pytest.mark.parametrize("shape", [(ROWS, COLUMNS), (ROWS, COLUMNS, 3), (3, ROWS, COLUMNS)])
@pytest.mark.parametrize("dtype", ["u1", ">u2", "i4", "f2", "f4", "f8"])
def test_an_image_comes_back_in_its_type_and_layout(tmp_path, suffix, shape, dtype):
    pixels = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    write_image(tmp_path / f"a{suffix}", pixels, **PLAIN | {"record": {"image": {"shape": 1}}})
    image = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.pixels.dtype == pixels.dtype.newbyteorder("=")
    axes = "YX" if len(shape) == 2 else "YXC" if shape[2] == 3 else "CYX"
    assert image.axes == (axes if suffix == ".tif" else "")


@pytest.mark.parametrize("shape", [(3, ROWS, COLUMNS), (1, ROWS, COLUMNS), (ROWS, COLUMNS, 1)])
def test_a_png_is_channels_last_and_grey_without_channels(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_image(tmp_path / "a.png", pixels, **PLAIN)
    expected = pixels.squeeze() if 1 in shape else np.moveaxis(pixels, 0, 2)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, expected)


@pytest.mark.parametrize(
    ("name", "pixels", "message"),
    [
        ("a.png", np.zeros((9, 9), np.float32), r"a\.png: PNG .* float32; choose \.tif"),
        ("a.png", np.zeros((9, 9, 3), np.uint16), r"a\.png: PNG .*colors of type uint16"),
        ("a.tif", np.zeros((9, 9), np.longdouble), r"a\.tif: TIFF .*; choose \.npy"),
        (
            "a.jpg",
            np.zeros((9, 9), np.uint8),
            r"unknown suffix '.jpg', .* \.tif, \.tiff, \.png",
        ),
        ("a", np.zeros((9, 9), np.uint8), "unknown suffix '', expected one of "),
    ],
)
def test_a_format_that_cannot_hold_the_image_is_refused(tmp_path, name, pixels, message):
    if pixels.dtype == np.longdouble and pixels.dtype.itemsize == 8:
        pytest.skip("longdouble is float64 here")
    with pytest.raises(OutputError, match=message):
        write_image(tmp_path / name, pixels, **PLAIN)
    assert names_in(tmp_path) == []


# ---- where not to write ------------------------------------------------------------------


def test_a_new_file_may_be_written_and_nothing_is_left_by_asking(tmp_path):
    check_output(tmp_path / "a.tif", overwrite=False)
    assert names_in(tmp_path) == []


def test_a_file_that_exists_is_kept(tmp_path, gray):
    path = tmp_path / "a.tif"
    write_image(path, gray[::2], **PLAIN)
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"a\.tif: already exists; .*--overwrite"):
        write_image(path, gray, **PLAIN)
    assert path.read_bytes() == before
    write_image(path, gray, **PLAIN | {"overwrite": True})
    np.testing.assert_array_equal(read_image(path).pixels, gray)
    assert names_in(tmp_path) == ["a.tif"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_not_overwritten(tmp_path, overwrite):
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(OutputError, match=r"a\.tif: is not a regular file; choose another"):
        check_output(tmp_path / "a.tif", overwrite=overwrite)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"a\.tif: its folder does not exist"):
        check_output(tmp_path / "nowhere" / "a.tif", overwrite=False)


def test_a_file_is_no_folder_to_write_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"a\.tif: its folder does not exist"):
        check_output(tmp_path / "file" / "a.tif", overwrite=False)


def test_a_name_too_long_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written \(File name too long\)"):
        check_output(tmp_path / ("a" * 300 + ".tif"), overwrite=False)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(OutputError, match=r"a\.tif: its folder is read-only"):
        check_output(tmp_path / "a.tif", overwrite=False)


def test_a_folder_on_a_read_only_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, mode: not mode & os.W_OK)
    with pytest.raises(OutputError, match=r"a\.tif: its folder is read-only"):
        check_output(tmp_path / "a.tif", overwrite=False)


def test_other_suffixes_can_be_asked_for(tmp_path):
    check_output(tmp_path / "a.json", overwrite=False, suffixes=(".json",))
    with pytest.raises(OutputError, match=r"suffix '\.tif', expected one of \.json"):
        check_output(tmp_path / "a.tif", overwrite=False, suffixes=(".json",))


# ---- whole or not at all -----------------------------------------------------------------


def failing(error):
    def write(file):
        file.write(b"half of it")
        raise error

    return write


@pytest.mark.parametrize("existing", [[], ["old.bin"]])
@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),
        (InvalidImageError("image: wrong"), InvalidImageError),
    ],
)
def test_a_write_that_fails_leaves_the_folder_as_it_was(tmp_path, existing, error, seen):
    path = tmp_path / "old.bin"
    for name in existing:
        (tmp_path / name).write_bytes(b"old")
    with pytest.raises(seen):
        write_atomically(path, failing(error))
    assert names_in(tmp_path) == existing
    assert all((tmp_path / name).read_bytes() == b"old" for name in existing)


def test_a_full_disk_is_told_in_one_sentence(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(
        OutputError, match=r"a\.bin: cannot be written \(No space left on device\)$"
    ):
        write_atomically(tmp_path / "a.bin", failing(error))


def test_a_disk_that_is_full_only_at_the_end_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_atomically(tmp_path / "a.bin", lambda file: file.write(b"all of it"))
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="only POSIX systems limit file sizes")
@pytest.mark.parametrize("suffix", [".tif", ".png", ".npy"])
def test_a_refusal_by_the_system_leaves_an_existing_file(tmp_path, suffix):
    import resource

    path = tmp_path / f"a{suffix}"
    write_image(path, np.zeros((4, 4), np.uint8), **PLAIN)
    old = path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match=f"a{suffix}: cannot be written "):
            write_image(path, noise, **PLAIN | {"overwrite": True})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names_in(tmp_path) == [path.name]
    assert path.read_bytes() == old


def test_the_final_name_never_shows_half_a_file(tmp_path):
    path = tmp_path / "a.bin"
    seen = []

    def write(file):
        file.write(b"half")
        file.flush()
        seen.append(path.exists())
        file.write(b" and half")

    write_atomically(path, write)
    assert seen == [False]
    assert path.read_bytes() == b"half and half"
    assert names_in(tmp_path) == ["a.bin"]


def test_bytes_reach_the_disk_before_the_name(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    seen = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: seen.append(path.exists()) or sync(fd))
    write_atomically(path, lambda file: file.write(b"x"))
    assert seen == [False]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.bin").write_bytes(b"old")
    (tmp_path / "link.bin").symlink_to(tmp_path / "real.bin")
    write_atomically(tmp_path / "link.bin", lambda file: file.write(b"new"))
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "real.bin").read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX systems")
def test_a_new_file_has_the_usual_mode(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    write_atomically(tmp_path / "a.bin", lambda file: file.write(b"x"))
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_pixel_size_stays_where_the_axes_of_a_tiff_are_unknown(tmp_path):
    path = tmp_path / "planes.tif"
    tifffile.imwrite(
        path,
        np.zeros((3, 9, 12), np.uint8),
        photometric="minisblack",
        resolution=(2000, 1000),
        resolutionunit="CENTIMETER",
    )
    raw = read_image(path)
    assert raw.axes == ""
    assert raw.spacing == pytest.approx((1e-3, 5e-4))
    assert raw.unit == "cm"


def test_a_tiff_whose_pages_lead_back_comes_to_an_end(tmp_path):
    path = tmp_path / "loop.tif"
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for page in (image, image[:, :4]):
        tifffile.imwrite(path, page, append=True, metadata=None)
    with tifffile.TiffFile(path) as file:
        first, last = file.pages.first.offset, file.pages[1].offset
        end = last + 2 + 12 * len(file.pages[1].tags)
    content = bytearray(path.read_bytes())
    content[end : end + 4] = first.to_bytes(4, "little")
    path.write_bytes(content)
    np.testing.assert_array_equal(read_image(path).pixels, image)


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    code = "import os; print(os.getpid())"
    gone = int(subprocess.run([sys.executable, "-c", code], capture_output=True).stdout)
    killed, lives, elsewhere = (
        f"{writers.LEFTOVER}{gone}-0.tmp",
        f"{writers.LEFTOVER}{os.getppid()}-0.tmp",
        f".napari-dsc-of_another_machine-{gone}-0.tmp",
    )
    for name in (killed, lives, elsewhere, f".mine-{gone}.tmp"):
        (tmp_path / name).touch()
    folder = tmp_path / f"{writers.LEFTOVER}{gone}-1.tmp"
    folder.mkdir()
    (folder / "classes").touch()
    writers.write_atomically(tmp_path / "a.txt", lambda file: file.write(b"text"))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.txt", lives, elsewhere, f".mine-{gone}.tmp"}
