"""Which image of a file is read: no other file's, no thumbnail, and all pages of it."""

import uuid

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as Pillow
from PIL import ImageCms

from napari_dsc.errors import InvalidImageError
from napari_dsc.files import read_image
from napari_dsc.files.lazy import open_lazily
from napari_dsc.images import load_image

ROWS, COLUMNS = 24, 32


def noise(shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(1, 255, shape).astype(dtype)


def ome_set(folder, planes, names):
    """OME-TIFF files that name each other; a plane and an image in each."""
    ids = [f"urn:uuid:{uuid.UUID(int=number)}" for number in range(len(names))]
    images = "".join(
        f'<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint8" '
        f'SizeX="{COLUMNS}" SizeY="{ROWS}" SizeZ="1" SizeC="1" SizeT="1" '
        f'PhysicalSizeX="{n + 1}" PhysicalSizeY="{n + 1}"><Channel ID="Channel:{n}:0" '
        f'SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="1"><UUID FileName="{names[n]}">'
        f'{ids[n]}</UUID></TiffData><Plane TheZ="0" TheC="0" TheT="0" PositionX="{n * 50}" '
        f'PositionXUnit="nm" PositionY="7"/></Pixels></Image>'
        for n in range(len(names))
    )
    schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    for plane, name, own in zip(planes, names, ids, strict=True):
        xml = f'<?xml version="1.0"?><OME xmlns="{schema}" UUID="{own}">{images}</OME>'
        tifffile.imwrite(folder / name, plane, description=xml, metadata=None)


def test_each_file_of_an_ome_set_gives_its_own_image(tmp_path):
    planes = noise((3, ROWS, COLUMNS))
    names = [f"pos{n}.ome.tif" for n in range(3)]
    ome_set(tmp_path, planes, names)
    for number, name in enumerate(names):
        raw = read_image(tmp_path / name)
        np.testing.assert_array_equal(raw.pixels, planes[number])
        assert (raw.spacing, raw.unit) == ((number + 1,) * 2, "µm")
        assert raw.translation == (0, number * 0.05)
        with open_lazily(tmp_path / name, 0) as lazy:
            np.testing.assert_array_equal(lazy.pixels[:], planes[number])
            assert lazy.spacing == raw.spacing


def test_a_file_whose_set_is_gone_gives_its_own_image(tmp_path):
    planes = noise((2, ROWS, COLUMNS))
    ome_set(tmp_path, planes, ["a.ome.tif", "b.ome.tif"])
    (tmp_path / "a.ome.tif").unlink()
    raw = read_image(tmp_path / "b.ome.tif")
    np.testing.assert_array_equal(raw.pixels, planes[1])
    assert raw.spacing == (2, 2)


def test_planes_of_an_ome_stack_that_are_missing_are_told(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, noise((3, ROWS, COLUMNS)), metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path, mode="r+b") as file:
        text = file.ome_metadata.replace('SizeZ="3"', 'SizeZ="5"')
        file.pages.first.tags["ImageDescription"].overwrite(text)
    raw = read_image(path)
    assert raw.pixels.shape == (5, ROWS, COLUMNS)
    assert raw.notes == ("2 of 5 planes are missing and read as 0",)


def test_a_stack_over_several_files_is_read_whole_from_each(tmp_path):
    planes, names = noise((2, ROWS, COLUMNS)), ["a.ome.tif", "b.ome.tif"]
    ids = [f"urn:uuid:{uuid.UUID(int=number)}" for number in range(2)]
    data = "".join(
        f'<TiffData IFD="0" FirstZ="{n}" PlaneCount="1"><UUID FileName="{names[n]}">{ids[n]}'
        "</UUID></TiffData>"
        for n in range(2)
    )
    schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    for plane, name, own in zip(planes, names, ids, strict=True):
        xml = (
            f'<?xml version="1.0"?><OME xmlns="{schema}" UUID="{own}"><Image ID="Image:0">'
            f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="{COLUMNS}" '
            f'SizeY="{ROWS}" SizeZ="2" SizeC="1" SizeT="1" PhysicalSizeZ="3"><Channel '
            f'ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / name, plane, description=xml, metadata=None)
    for name in names:
        raw = read_image(tmp_path / name)
        np.testing.assert_array_equal(raw.pixels, planes)
        assert (raw.axes, raw.spacing) == ("ZYX", (3, 0, 0))
        with open_lazily(tmp_path / name, 0) as lazy:
            np.testing.assert_array_equal(lazy.pixels[:], planes)
    (tmp_path / names[0]).unlink()
    assert read_image(tmp_path / names[1]).notes == ("1 of 2 planes are missing and read as 0",)


def in_mode(color, mode):
    """A plain picture in a color mode of Pillow."""
    picture = Pillow.new("RGB", (COLUMNS, ROWS), color)
    if mode != "LAB":
        return picture.convert(mode)
    profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
    return ImageCms.applyTransform(picture, ImageCms.buildTransform(*profiles, "RGB", "LAB"))


@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGB", {"compression": "jpeg"}), ("CMYK", {}), ("YCbCr", {}), ("LAB", {})],
)
def test_all_pages_of_a_color_stack_are_read(tmp_path, mode, options):
    colors = [(200, 0, 0), (0, 180, 0), (0, 0, 150)]
    pages = [in_mode(color, mode) for color in colors]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], **options)
    raw = read_image(tmp_path / "a.tif")
    assert raw.pixels.shape == (3, ROWS, COLUMNS, 3)
    atol = 25 if mode == "LAB" else 4  # the profiles are not the same
    np.testing.assert_allclose(raw.pixels[:, 5, 5], colors, atol=atol)


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_thumbnail_before_the_image_is_passed_over(tmp_path, is_marked):
    path, photo = tmp_path / "a.tif", noise((ROWS, COLUMNS, 3))
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "rgb", "metadata": None}
        file.write(photo[::4, ::4], subfiletype=int(is_marked), **options)
        file.write(photo, tile=(16, 16), **options)
    raw = read_image(path)
    np.testing.assert_array_equal(raw.pixels, photo)
    assert raw.notes == ("only number 2 of 2 images is used",)
    with open_lazily(path, 0) as lazy:
        np.testing.assert_array_equal(lazy.pixels[:], photo)


@pytest.mark.parametrize(
    ("n_bands", "options", "n_channels"),
    [
        (4, {"photometric": "rgb", "extrasamples": ["unspecified"]}, 4),
        (4, {"photometric": "minisblack"}, 4),
        (4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}, 3),
        (4, {"photometric": "rgb", "extrasamples": ["assocalpha"]}, 3),
        (5, {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}, 4),
        (2, {"photometric": "minisblack", "extrasamples": ["unspecified"]}, 2),
    ],
)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_a_band_is_opacity_where_the_file_says_so(
    tmp_path, n_bands, options, n_channels, dtype
):
    path, bands = tmp_path / "a.tif", noise((ROWS, COLUMNS, n_bands), dtype)
    tifffile.imwrite(path, bands, planarconfig="contig", metadata=None, **options)
    assert len(load_image(path).pixels) == n_channels
    np.testing.assert_array_equal(read_image(path).pixels, bands)


# ---- OME-Zarr ----------------------------------------------------------------------------


def zarr_0_6(path, pixels, transforms, name="physical"):
    """An image in OME-Zarr 0.6, whose axes stand in a coordinate system."""
    space = {"type": "space", "unit": "nanometer"}
    axes = [{"name": "z"} | space, {"name": "c", "type": "channel"}, {"name": "y"} | space]
    axes += [{"name": "x"} | space]
    systems = [{"name": "other", "axes": axes[::-1]}, {"name": "physical", "axes": axes}]
    transforms[0]["output"] = name
    dataset = {"path": "s0", "coordinateTransformations": transforms}
    ome = {"version": "0.6", "multiscales": [{"coordinateSystems": systems}]}
    ome["multiscales"][0]["datasets"] = [dataset]
    group = zarr.create_group(path, attributes={"ome": ome})
    group.create_array("s0", data=pixels)


@pytest.mark.parametrize("name", ["physical", {"name": "physical"}])
def test_ome_zarr_0_6_is_read_with_its_axes_sizes_and_place(tmp_path, name):
    pixels = noise((3, 2, ROWS, COLUMNS))
    steps = [
        {"type": "scale", "scale": [500, 1, 20, 10]},
        {"type": "translation", "translation": [0, 0, 300, 70]},
    ]
    zarr_0_6(
        tmp_path / "a.zarr", pixels, [{"type": "sequence", "transformations": steps}], name
    )
    raw = read_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(raw.pixels, pixels)
    assert (raw.axes, raw.spacing, raw.unit) == ("ZCYX", (500, 20, 10), "nm")
    assert raw.translation == (0, 300, 70)


def test_a_transform_that_is_no_scale_is_refused_by_name_and_version(tmp_path):
    turn = {"type": "rotation", "rotation": [[0, 1], [1, 0]]}
    zarr_0_6(tmp_path / "a.zarr", noise((3, 2, ROWS, COLUMNS)), [turn])
    with pytest.raises(InvalidImageError, match=r"OME-Zarr 0\.6 with a transform of type rot"):
        read_image(tmp_path / "a.zarr")
