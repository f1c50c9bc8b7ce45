"""Nothing that a user made is replaced, and no output contains what is read."""

import json
import os
import shutil
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr

from napari_dsc import OutputError, segment_large
from napari_dsc.cli import main
from napari_dsc.files import write_image
from napari_dsc.files.ownership import is_ours, refuse_overlap
from napari_dsc.params import CutParams, SuperpixelParams

FAST = ["--n-superpixels", "8", "--n-iterations", "1"]


@pytest.fixture
def raw(tmp_path, clouds):
    """A multiscale image that somebody else wrote."""
    group = zarr.create_group(tmp_path / "raw.ome.zarr")
    for number in range(2):
        group.create_array(str(number), data=clouds[:: 2**number, :: 2**number])
    return tmp_path / "raw.ome.zarr"


@pytest.fixture
def clouds():
    return np.random.default_rng(0).integers(0, 255, (96, 96), np.uint8)


def content(folder):
    return {
        file.relative_to(folder): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("level", ["", "0", "1"])
@pytest.mark.parametrize("through", ["name", "link"])
def test_an_output_that_contains_its_input_is_refused(raw, tmp_path, capsys, level, through):
    before, output = content(raw), raw
    if through == "link":
        output = tmp_path / "other.ome.zarr"
        output.symlink_to(raw)
    command = ["segment", str(raw / level), "-o", str(output), "--overwrite", *FAST]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "is an input" in said if not level else "contains the input" in said
    assert content(raw) == before


def test_an_output_inside_the_store_of_its_input_is_refused(raw, capsys):
    before = content(raw)
    for name in ("labels.tif", "1/labels.ome.zarr"):
        assert main(["segment", str(raw / "0"), "-o", str(raw / name), *FAST]) == 2
        assert "lies inside the input" in capsys.readouterr().err
    assert content(raw) == before


@pytest.mark.parametrize("inside", ["", "out"])
def test_a_batch_writes_nothing_into_an_input(raw, tmp_path, clouds, capsys, inside):
    before = content(raw)
    np.save(tmp_path / "a.npy", clouds)
    inputs = [str(raw), str(tmp_path / "a.npy")]
    assert main(["batch", *inputs, "-o", str(raw / inside), "--overwrite", *FAST]) == 2
    assert "lies inside the input" in capsys.readouterr().err
    assert content(raw) == before
    assert not (raw / "out").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["batch", "raw.ome.zarr", "-o", "out", "--save-recipe", "raw.ome.zarr/r.json"],
        ["compare", "raw.ome.zarr/0", "--methods", "multi_otsu", "-o", "raw.ome.zarr/out"],
    ],
)
def test_no_file_beside_the_labels_and_no_folder_goes_into_an_input(
    raw, tmp_path, monkeypatch, capsys, command
):
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--overwrite"]) == 2
    assert "lies inside the input" in capsys.readouterr().err
    assert sorted(path.name for path in raw.iterdir()) == ["0", "1", "zarr.json"]
    assert not Path("out").exists()


@pytest.mark.parametrize("how", ["scored", "left out"])
def test_an_evaluation_writes_nothing_into_an_input(raw, tmp_path, clouds, capsys, how):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    raw = raw.rename(tmp_path / "images/a.zarr")
    np.save(tmp_path / "labels/a.npy", clouds)
    before = content(raw)
    folders = [str(tmp_path / "images"), str(tmp_path / "labels")]
    np.save(tmp_path / "images/b.npy", clouds)
    np.save(tmp_path / "labels/b.npy", clouds)
    if how == "left out":
        (tmp_path / "labels/a.npy").unlink()
    assert main(["evaluate", "folder", *folders, "-o", str(raw / "scores")]) == 2
    assert "lies inside the input" in capsys.readouterr().err
    assert content(raw) == before


def test_segment_large_refuses_an_output_that_contains_its_input(raw):
    before = content(raw)
    with pytest.raises(OutputError, match="contains the input"):
        segment_large(raw / "1", raw, overwrite=True)
    assert content(raw) == before


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_of_somebody_else_is_not_overwritten(raw, tmp_path, clouds, capsys, version):
    theirs = tmp_path / "theirs.zarr"
    zarr.create_array(theirs, data=clouds, zarr_format=version)
    before = content(theirs)
    command = ["segment", str(raw / "0"), "-o", str(theirs), "--overwrite", *FAST]
    assert main(command) == 2
    assert "that napari-dsc did not write" in capsys.readouterr().err
    assert content(theirs) == before


def test_labels_of_ours_are_replaced_until_somebody_puts_something_beside_them(raw, tmp_path):
    output = tmp_path / "labels.ome.zarr"
    options = {
        "overwrite": True,
        "tile": 64,
        "superpixel_params": SuperpixelParams(n_superpixels=8),
        "cut_params": CutParams(n_iterations=1),
    }
    segment_large(raw / "0", output, **options)
    segment_large(raw / "0", output, **options)
    (output / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="did not write"):
        segment_large(raw / "0", output, **options)
    assert (output / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("suffix", [".tif", ".png", ".npy"])
def test_files_of_ours_are_known_and_those_of_others_are_not(tmp_path, suffix, clouds):
    ours, theirs = tmp_path / f"ours{suffix}", tmp_path / f"theirs{suffix}"
    write_image(ours, clouds, record={}, spacing=(), unit="", overwrite=False)
    if suffix == ".npy":
        np.save(theirs, clouds)
        np.testing.assert_array_equal(np.load(ours), clouds)
        np.testing.assert_array_equal(np.load(ours, mmap_mode="r"), clouds)
    else:
        {".tif": tifffile, ".png": iio}[suffix].imwrite(theirs, clouds)
    assert is_ours(ours)
    assert not is_ours(theirs)


def test_every_command_leaves_an_image_of_somebody_else(tmp_path, monkeypatch, capsys, clouds):
    monkeypatch.chdir(tmp_path)
    iio.imwrite("photo.png", clouds)
    for name in ("raw.tif", "out/photo_segments.tif", "out/compare.png"):
        os.makedirs("out", exist_ok=True)  # noqa: PTH103
        iio.imwrite(name, clouds)
    iio.imwrite("w.png", clouds)
    before = content(tmp_path)
    for command in (
        ["segment", "photo.png", "-o", "raw.tif", *FAST],
        ["smooth", "photo.png", "-o", "raw.tif"],
        ["superpixels", "photo.png", "-o", "raw.tif"],
        ["segment", "photo.png", "-o", "out", *FAST],
        ["compare", "photo.png", "--methods", "multi_otsu", "-o", "out"],
        ["evaluate", "labels", "photo.png", "photo.png", "--errors", "raw.tif"],
        ["train", "photo.png", "-o", "w.safetensors", "--n-epochs", "1"],
    ):
        assert main([*command, "--overwrite"]) == 2, command
        assert "did not write" in capsys.readouterr().err
    assert content(tmp_path) == before


def test_a_recipe_is_not_replaced_while_it_is_read(tmp_path, monkeypatch, capsys, clouds):
    monkeypatch.chdir(tmp_path)
    iio.imwrite("photo.png", clouds)
    recipe = tmp_path / "r.json"
    recipe.write_text(json.dumps({"parameters": {"cut": {"n_iterations": 1}}}))
    before = recipe.read_bytes()
    flags = ["--recipe", "r.json", "--save-recipe", "r.json", "--overwrite"]
    assert main(["segment", "photo.png", "-o", "a.tif", *flags]) == 2
    assert "r.json: is an input" in capsys.readouterr().err
    assert recipe.read_bytes() == before


def test_a_folder_of_outputs_may_contain_the_folder_of_the_inputs(tmp_path):
    (tmp_path / "in").mkdir()
    refuse_overlap([tmp_path / "in" / "a.tif"], [tmp_path / "a_segments.tif"])
    refuse_overlap([tmp_path / "in" / "a.tif"], [tmp_path / "in" / "out" / "a_segments.tif"])
    shutil.rmtree(tmp_path / "in")
