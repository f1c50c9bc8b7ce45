"""Every wrong input ends in one sentence: a `DSCError` in Python, status 2 in the shell."""

import errno
import io
import os
import subprocess

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

import napari_dsc
from napari_dsc import CutParams, DSCError, SuperpixelParams
from napari_dsc.cli import main

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
RAMP = np.arange(16.0 * 16).reshape(16, 16)


def with_value(value):
    image = RAMP.copy()
    image[3, 4] = value
    return image


IMAGES = {
    "empty": (np.zeros((0, 0), np.uint8), "empty"),
    "without columns": (np.zeros((16, 0, 3)), "empty"),
    "one pixel": (np.ones((1, 1), np.uint8), "1 x 1 pixels"),
    "one number": (np.array(7), "axes"),
    "too narrow": (RAMP[:, :7], "16 x 7 pixels"),
    "constant": (np.full((16, 16, 3), 7, np.uint8), "constant"),
    "all NaN": (np.full((16, 16), np.nan), "all values are NaN"),
    "infinite": (with_value(np.inf), "1 of 256 values are infinite"),
    "minus infinite": (with_value(-np.inf), "1 of 256 values are infinite"),
    "complex": (RAMP + 1j, "complex"),
    "objects": (RAMP.astype(object), "object"),
    "text": (RAMP.astype(str), "U"),
    "stack": (np.stack([RAMP] * 5), "axes"),
    "two channels": (np.stack([RAMP] * 2), "axes"),
}


def png_bytes():
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    return iio.imwrite("<bytes>", pixels, extension=".png")


def jpeg_bytes():
    return iio.imwrite("<bytes>", np.tile(RAMP.astype(np.uint8), (8, 8)), extension=".jpg")


def tiff_bytes():
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, RAMP, metadata=None)
    return buffer.getvalue()


def npy_bytes():
    buffer = io.BytesIO()
    np.save(buffer, RAMP)
    return buffer.getvalue()


FILES = {
    "no content": b"",
    "text": b"This is a letter, not an image.\n" * 9,
    "zeros": bytes(1000),
    "truncated png": png_bytes()[:5000],
    "truncated jpeg": jpeg_bytes()[:300],
    "truncated tiff": tiff_bytes()[:900],
    "truncated npy": npy_bytes()[:900],
    "header of a png": png_bytes()[:20],
    "header of a tiff": tiff_bytes()[:8],
}

# flags, the same for Python, and what the message names
ARGUMENTS = {
    "K of 1": (["--n-partitions", "1"], "n_partitions=1: expected 2 to 256"),
    "sigma 0": (["--affinity-scale", "0"], "affinity_scale=0.0: expected 0.1 to 1000"),
    "sigma NaN": (["--affinity-scale", "nan"], "affinity_scale=nan"),
    "no iterations": (["--n-iterations", "0"], "n_iterations=0"),
    "more superpixels than pixels": (["--n-superpixels", "1537"], "n_superpixels=1537"),
    "superpixels as a word": (["--n-superpixels", "many"], '"many"'),
    "unknown superpixels": (["--superpixels", "magic"], '"magic"'),
    "unknown result": (["--result", "both"], '"both"'),
    "unknown weights": (["--weights", "magic"], "weights='magic'"),
    "weights that are none": (["--weights", "photo.png"], "photo.png"),
    "unknown device": (["--device", "abacus"], "device='abacus'"),
    "missing device": (["--device", "cuda:99"], "device='cuda:99'"),
    "unknown axes": (["--axes", "YXQ"], "axes='YXQ'"),
    "too many axes": (["--axes", "ZCYX"], "axes='ZCYX'"),
    "crossed percentiles": (["--low-percentile", "50"], "low_percentile=50.0"),
    "unknown flag": (["--magic"], "--magic"),
    "flag without value": (["--seed"], "--seed"),
}
IN_PYTHON = {
    "K of 1": (lambda: CutParams(n_partitions=1), "n_partitions=1: expected 2 to 256"),
    "sigma 0": (lambda: CutParams(affinity_scale=0), "affinity_scale=0: expected 0.1"),
    "unknown superpixels": (
        lambda: SuperpixelParams(superpixels="magic"),
        "superpixels='magic'",
    ),
    "more superpixels than pixels": (
        lambda: napari_dsc.segment(RAMP, superpixel_params=SuperpixelParams(n_superpixels=257)),
        "n_superpixels=257",
    ),
    "unknown weights": (lambda: napari_dsc.smooth(RAMP, weights="magic"), "weights='magic'"),
    "unknown device": (lambda: napari_dsc.smooth(RAMP, device="abacus"), "device='abacus'"),
    "unknown axes": (lambda: napari_dsc.smooth(RAMP, axes="QX"), "axes='QX'"),
    "missing path": (lambda: napari_dsc.segment("missing.png"), "missing.png"),
    "folder": (lambda: napari_dsc.segment("."), "folder"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photo(folder, quadrants):
    """Bytes of the only file, ``photo.png``, of 32 x 48 pixels, in the current folder."""
    iio.imwrite("photo.png", quadrants[0])
    return (folder / "photo.png").read_bytes()


@pytest.fixture
def refused(folder, capsys):
    """Function that runs a command, which must fail and leave no trace, and gives its words."""

    def run(*arguments):
        before = sorted(folder.rglob("*"))
        assert main(list(arguments)) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: ")
        assert captured.err.count("\n") == 1
        assert sorted(folder.rglob("*")) == before
        return captured.err

    return run


def names(table):
    return pytest.mark.parametrize("name", table)


# images


@names(IMAGES)
def test_a_wrong_array_is_refused_in_python(name):
    image, message = IMAGES[name]
    for function in (napari_dsc.segment, napari_dsc.over_segment, napari_dsc.smooth):
        with pytest.raises(DSCError, match=message) as caught:
            function(image)
        assert "\n" not in str(caught.value)


@names([one for one in IMAGES if one != "objects"])
def test_a_wrong_image_in_a_file_is_refused(refused, name):
    image, message = IMAGES[name]
    np.save("image.npy", image)
    assert message in refused("segment", "image.npy", "-o", "out.tif")


def test_pickled_objects_are_never_loaded(refused):
    np.save("image.npy", RAMP.astype(object), allow_pickle=True)
    assert "image.npy" in refused("segment", "image.npy", "-o", "out.tif")


def test_the_one_tree_of_a_time_series_is_refused_by_its_axes():
    with pytest.raises(DSCError, match=r"5 time frames \(axes TYX\).* Use segment\(\)"):
        napari_dsc.merge_tree(np.stack([RAMP] * 5), axes="TYX")


# files


@names(FILES)
def test_a_damaged_file_is_refused(folder, refused, name):
    (folder / "image.bin").write_bytes(FILES[name])
    assert "image.bin" in refused("segment", "image.bin", "-o", "out.tif")
    with pytest.raises(DSCError, match=r"image\.bin"):
        napari_dsc.segment("image.bin")


def test_a_missing_path_is_refused(refused):
    assert "missing.png: no such file" in refused("segment", "missing.png", "-o", "out.tif")


def test_a_folder_is_no_image(folder, refused):
    (folder / "images").mkdir()
    assert "folder" in refused("segment", "images", "-o", "out.tif")


# arguments


@pytest.mark.usefixtures("photo")
@names(ARGUMENTS)
def test_a_wrong_flag_is_refused(refused, name):
    flags, message = ARGUMENTS[name]
    assert message in refused("segment", "photo.png", "-o", "out.tif", *flags)


@pytest.mark.usefixtures("folder")
@names(IN_PYTHON)
def test_a_wrong_argument_is_refused_in_python(name):
    call, message = IN_PYTHON[name]
    with pytest.raises(DSCError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [["segment"], ["segment", "photo.png"], ["segment", "-o", "a.tif"], ["magic"], ["--magic"]],
    ids=" ".join,
)
def test_an_incomplete_or_unknown_command_is_refused(refused, command):
    refused(*command)


# outputs


def test_an_output_that_exists_is_kept(folder, photo, refused):
    (folder / "out.tif").write_bytes(b"mine")
    assert "exists" in refused("smooth", "photo.png", "-o", "out.tif")
    assert "did not write" in refused("smooth", "photo.png", "-o", "out.tif", "--overwrite")
    assert (folder / "out.tif").read_bytes() == b"mine"


@pytest.mark.usefixtures("photo")
@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        (["-o", "a.tif", "--overlay", "mine.png"], "mine.png"),
        (["-o", "a.tif", "--save-recipe", "mine.json"], "mine.json"),
        (["-o", "out"], "out/photo_superpixels.tif"),
    ],
)
def test_every_output_is_looked_at_before_the_work(folder, refused, monkeypatch, flags, kept):
    monkeypatch.setattr("napari_dsc.cli.work.run_files.whole_run", None)
    (folder / "out").mkdir()
    (folder / kept).write_bytes(b"mine")
    assert "exists" in refused("superpixels", "photo.png", *flags)
    assert (folder / kept).read_bytes() == b"mine"


@pytest.mark.usefixtures("photo")
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-o", "out.gif"], "'.gif', expected one of .tif, .tiff, .png, .npy, .zarr"),
        (["-o", "nowhere/out.tif"], "nowhere"),
        (["-o", "photo.png/out"], "photo.png/out"),
        (["-o", "out.tif", "--overlay", "out.jpg"], "expected a .png"),
        (["-o", "out.tif", "--save-recipe", "recipe.txt"], ".txt"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused(refused, monkeypatch, flags, message):
    monkeypatch.setattr("napari_dsc.cli.work.run_files.whole_run", None)
    assert message in refused("superpixels", "photo.png", *flags)


@pytest.fixture
def small_disk(folder):
    """Function that mounts a disk of 4096 bytes as ``disk``, with options of its own."""

    def mount(*options):
        (folder / "disk").mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(["size=4k", *options]), "tmpfs", "disk"],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            pytest.skip("this user may not mount disks")

    if not ROOT:
        pytest.skip("only root can mount a disk")
    yield mount
    subprocess.run(["umount", "disk"], check=False, capture_output=True)


@pytest.mark.usefixtures("photo")
def test_a_full_disk_is_told_and_holds_no_half_of_a_file(refused, small_disk):
    small_disk()
    message = refused("smooth", "photo.png", "-o", "disk/out.npy")
    assert os.strerror(errno.ENOSPC) in message


@pytest.mark.usefixtures("photo")
def test_a_read_only_disk_is_told(refused, small_disk):
    small_disk("ro")
    assert "disk" in refused("smooth", "photo.png", "-o", "disk/out.npy")


@pytest.mark.usefixtures("photo")
def test_a_disk_that_fills_up_while_writing_leaves_what_was_there(folder, refused, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (folder / "out.tif").write_bytes(b"napari-dsc wrote this")
    monkeypatch.setattr(os, "fsync", full)
    message = refused("smooth", "photo.png", "-o", "out.tif", "--overwrite")
    assert os.strerror(errno.ENOSPC) in message
    assert (folder / "out.tif").read_bytes() == b"napari-dsc wrote this"


@pytest.mark.usefixtures("photo")
@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_a_read_only_folder_is_told(folder, refused):
    (folder / "locked").mkdir(mode=0o555)
    assert "locked" in refused("smooth", "photo.png", "-o", "locked/out.tif")


# Ctrl-C


@pytest.mark.usefixtures("photo")
@pytest.mark.parametrize(
    "moment",
    [
        "cli.work.run_files.whole_run",
        "segmenting.series.to_label_image",
        "segmenting.saving.write_image",
    ],
)
def test_ctrl_c_leaves_nothing_half_written(folder, monkeypatch, capsys, moment):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"napari_dsc.{moment}", interrupt)
    before = sorted(folder.iterdir())
    assert main(["superpixels", "photo.png", "-o", "out.tif"]) == 130
    assert sorted(folder.iterdir()) == before
    assert capsys.readouterr().err.startswith("interrupted")


@pytest.mark.usefixtures("photo")
def test_ctrl_c_during_a_write_keeps_the_old_file(folder, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    (folder / "out.tif").write_bytes(b"napari-dsc wrote this")
    monkeypatch.setattr(os, "fsync", interrupt)
    before = sorted(folder.iterdir())
    assert main(["smooth", "photo.png", "-o", "out.tif", "--overwrite"]) == 130
    assert sorted(folder.iterdir()) == before
    assert (folder / "out.tif").read_bytes() == b"napari-dsc wrote this"


# any array at all


def labels_or_words(image, params):
    try:
        return napari_dsc.over_segment(image, superpixel_params=params), ""
    except DSCError as error:
        return None, str(error)


ANY_ARRAY = arrays(
    scalar_dtypes(), array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=20)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(image=ANY_ARRAY, method=st.sampled_from(["slic", "watershed"]), count=st.integers(2, 40))
def test_any_array_is_divided_or_refused_in_one_sentence(image, method, count):
    params = SuperpixelParams(superpixels=method, n_superpixels=count)
    labels, words = labels_or_words(image, params)
    assert "\n" not in words
    if not words:
        assert labels.min() == 1
        assert labels.ndim == 2
        assert set(labels.shape) <= set(image.shape)
