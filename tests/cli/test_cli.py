import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from scipy import ndimage

import napari_dsc
from napari_dsc.cli import main
from napari_dsc.cli.ctrl_c import CtrlC, stop_if_interrupted
from napari_dsc.cli.report import Report
from napari_dsc.files import read_image, read_labels
from napari_dsc.files.calibration import stored_record
from napari_dsc.params import (
    CutParams,
    ImageParams,
    SuperpixelParams,
    TemplateParams,
    TrainParams,
)
from napari_dsc.segmenting import segmenter
from napari_dsc.segmenting.pieces import open_pieces
from napari_dsc.segmenting.settings import Settings

FAST = ("--n-superpixels", "12", "--n-iterations", "2")
PROGRAM = (sys.executable, "-m", "napari_dsc")


@pytest.fixture
def photo(tmp_path, monkeypatch, quadrants):
    """Array of the file ``photo.png`` in the current folder, which holds nothing else."""
    monkeypatch.chdir(tmp_path)
    image, _ = quadrants
    iio.imwrite("photo.png", image)
    return image


@pytest.fixture
def listing(tmp_path):
    """Names of all files and folders in the current folder, as a function."""
    return lambda: sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))


def record_of(path):
    with tifffile.TiffFile(path) as file:
        return stored_record(file)


# what the commands write


def test_segment_writes_what_python_gives(photo):
    assert main(["segment", "photo.png", "-o", "labels.tif", *FAST]) == 0
    expected = napari_dsc.segment(
        photo,
        superpixel_params=SuperpixelParams(n_superpixels=12),
        cut_params=CutParams(n_iterations=2),
    )
    labels = read_labels(Path("labels.tif"))
    np.testing.assert_array_equal(labels, expected.labels)
    assert labels.dtype == np.uint8


def test_other_software_reads_the_label_tiff(photo):
    main(["segment", "photo.png", "-o", "labels.tif", *FAST])
    np.testing.assert_array_equal(
        tifffile.imread("labels.tif"), read_labels(Path("labels.tif"))
    )


def test_the_record_in_the_tiff_names_the_parameters_of_the_command(photo):
    main(["segment", "photo.png", "-o", "labels.tif", *FAST])
    parameters = record_of("labels.tif")["parameters"]
    assert parameters["cut"] == dataclasses.asdict(CutParams(n_iterations=2))
    assert parameters["superpixels"] == dataclasses.asdict(SuperpixelParams(n_superpixels=12))


def test_superpixels_are_whole_and_of_the_wanted_number(photo):
    assert main(["superpixels", "photo.png", "-o", "labels.npy", "--n-superpixels", "12"]) == 0
    labels = np.load("labels.npy")
    assert 10 <= labels.max() <= 14
    assert all(ndimage.label(labels == one)[1] == 1 for one in range(1, labels.max() + 1))


def test_the_record_of_superpixels_leaves_out_the_cut_that_was_not_made(photo):
    main(["superpixels", "photo.png", "-o", "labels.tif"])
    assert set(record_of("labels.tif")["parameters"]) == {"image", "superpixels"}


def test_smooth_keeps_type_layout_and_units(photo):
    gray = photo[..., 0].astype(np.uint16) * 100
    np.save("gray.npy", gray)
    assert main(["smooth", "gray.npy", "-o", "smoothed.tif"]) == 0
    smoothed = read_image(Path("smoothed.tif")).pixels
    assert (smoothed.shape, smoothed.dtype) == (gray.shape, gray.dtype)
    assert not np.array_equal(smoothed, gray)
    assert abs(smoothed.mean() / gray.mean() - 1) < 0.2


def test_the_overlay_shows_the_image_with_boundaries(photo):
    main(["superpixels", "photo.png", "-o", "a.npy", "--overlay", "o.png", *FAST[:2]])
    overlay, labels = iio.imread("o.png"), np.load("a.npy")
    yellow = (overlay == (255, 255, 0)).all(-1)
    right = labels[:, :-1] != labels[:, 1:]
    assert (yellow[:, :-1] | yellow[:, 1:])[right].all()
    np.testing.assert_array_equal(overlay[~yellow], photo[~yellow])
    assert 0 < yellow.mean() < 1


def test_the_axes_can_be_named(photo):
    np.save("planes.npy", photo.transpose(2, 0, 1))
    assert main(["smooth", "planes.npy", "-o", "doubt.npy"]) == 2
    assert main(["smooth", "planes.npy", "-o", "smoothed.npy", "--axes", "CYX"]) == 0
    assert np.load("smoothed.npy").shape == (3, 32, 48)


# several files


def test_several_images_go_into_a_folder_that_is_created(photo, listing):
    iio.imwrite("other.png", photo[::-1])
    command = ["superpixels", "photo.png", "other.png", "-o", "deep/out", "--overlay", "drawn"]
    assert main(command) == 0
    assert listing() == [
        "deep",
        "deep/out",
        "deep/out/other_superpixels.tif",
        "deep/out/photo_superpixels.tif",
        "drawn",
        "drawn/other_overlay.png",
        "drawn/photo_overlay.png",
        "other.png",
        "photo.png",
    ]


def test_a_name_without_suffix_is_a_folder_for_one_image_too(photo, listing):
    assert main(["smooth", "photo.png", "-o", "out"]) == 0
    assert listing() == ["out", "out/photo_smoothed.tif", "photo.png"]


def test_a_bad_file_is_told_and_the_others_are_done(photo, capsys, listing):
    iio.imwrite("last.png", photo[::-1])
    command = ["smooth", "photo.png", "missing.png", "last.png", "-o", "out"]
    assert main(command) == 2
    assert listing()[-3:] == ["out/last_smoothed.tif", "out/photo_smoothed.tif", "photo.png"]
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 2
    assert "missing.png" in errors[0]
    assert "1 of 3" in errors[1]


def test_two_inputs_of_one_stem_are_refused_before_any_work(photo, capsys, listing):
    iio.imwrite("photo.jpg", photo)
    assert main(["smooth", "photo.png", "photo.jpg", "-o", "out"]) == 2
    assert listing() == ["photo.jpg", "photo.png"]
    assert re.search("photo.png and photo.jpg.*photo_smoothed.tif", capsys.readouterr().err)


def test_several_images_do_not_go_into_one_file(photo, capsys, listing):
    iio.imwrite("other.png", photo)
    assert main(["smooth", "photo.png", "other.png", "-o", "out.tif"]) == 2
    assert "expected a folder for 2 inputs" in capsys.readouterr().err
    assert listing() == ["other.png", "photo.png"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-o", "photo.png", "--overwrite"], "is an input"),
        (["-o", "a.png", "--overlay", "a.png"], "2 times"),
        (["-o", "a.tif", "--overlay", "a.jpg"], "expected a .png"),
    ],
)
def test_no_file_has_two_uses(photo, capsys, listing, flags, message):
    before = (listing(), iio.imread("photo.png").tobytes())
    assert main(["superpixels", "photo.png", *flags]) == 2
    assert message in capsys.readouterr().err
    assert (listing(), iio.imread("photo.png").tobytes()) == before


# what is told


def test_json_gives_one_line_per_image_and_nothing_else_on_stdout(photo, capsys):
    command = ["segment", "photo.png", "missing.png", "-o", "out", "--json", *FAST]
    assert main(command) == 2
    done, failed = map(json.loads, capsys.readouterr().out.splitlines())
    assert done["file"] == "photo.png"
    assert done["output"] == os.path.join("out", "photo_segments.tif")  # noqa: PTH118
    labels = read_labels(Path(done["output"]))
    assert done["n_classes"] == len(np.unique(labels))
    assert done["n_superpixels"] >= done["n_classes"]
    assert done["seconds"] > 0
    assert done["device"] in ("cpu", "cuda:0")
    assert set(failed) == {"file", "error"}


def test_quiet_says_nothing(photo, capsys):
    assert main(["smooth", "photo.png", "-o", "a.tif", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_dropped_alpha_channel_is_told(photo, capsys):
    iio.imwrite("rgba.png", np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]))
    assert main(["smooth", "rgba.png", "-o", "a.tif"]) == 0
    assert "alpha channel dropped" in capsys.readouterr().err


def test_a_number_of_superpixels_that_was_missed_is_told(photo, capsys):
    flags = ["--superpixels", "ucm", "--source", "original"]
    main(["superpixels", "photo.png", "-o", "a.tif", "--n-superpixels", "12", *flags])
    assert "superpixels, not" not in capsys.readouterr().err
    main(["superpixels", "photo.png", "-o", "b.tif", "--n-superpixels", "1500", *flags])
    assert "superpixels, not 1500" in capsys.readouterr().err


def test_progress_counts_iterations_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Report() as report:
        report.begin("merging", total=7)
        report.advance()
        report.begin("merging", total=7, done=6)
        report._progress.refresh()
    captured = capsys.readouterr()
    assert "6/7" in captured.err
    assert captured.out == ""


def test_help_names_every_parameter_and_loads_nothing_heavy():
    code = """
import sys
from napari_dsc.cli import main
main(["segment", "--help"])
main(["train", "--help"])
heavy = {"torch", "numpy", "skimage", "matplotlib", "higra", "scipy", "tifffile"}
print("loaded", sorted(heavy & set(sys.modules)))
"""
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "loaded []" in shown
    for params in (ImageParams, SuperpixelParams, CutParams, TemplateParams, TrainParams):
        for field in dataclasses.fields(params):
            assert f"--{field.name.replace('_', '-')}" in shown


def test_the_module_is_the_same_program():
    shown = subprocess.run(
        [*PROGRAM, "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == napari_dsc.__version__


def test_info_tells_versions_and_the_state_of_cuda(capsys):
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    assert np.__version__ in shown
    assert re.search(r"^cpu +\d+ cores", shown, re.MULTILINE)
    assert re.search("^CUDA +.*CUDA", shown, re.MULTILINE)


# recipes


def test_a_recipe_repeats_the_run(photo):
    flags = [
        "--n-superpixels",
        "9",
        "--n-iterations",
        "3",
        "--seed",
        "5",
        "--result",
        "regions",
    ]
    main(["segment", "photo.png", "-o", "a.npy", "--save-recipe", "r.json", *flags])
    assert main(["segment", "photo.png", "-o", "b.npy", "--recipe", "r.json"]) == 0
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))


def test_a_recipe_holds_every_parameter_and_the_weights(photo):
    main(["segment", "photo.png", "-o", "a.npy", "--save-recipe", "r.json", *FAST])
    with open("r.json") as file:  # noqa: PTH123
        recipe = json.load(file)
    assert recipe["weights"] == {"name": "superae-bsds500"}
    assert recipe["software"] == {"napari-dsc": napari_dsc.__version__}
    assert ImageParams(**recipe["parameters"]["image"]) == ImageParams()
    assert CutParams(**recipe["parameters"]["cut"]) == CutParams(n_iterations=2)


def test_flags_take_precedence_over_the_recipe(photo, tmp_path):
    recipe = {"parameters": {"superpixels": {"n_superpixels": 9, "superpixels": "watershed"}}}
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    command = ["superpixels", "photo.png", "-o", "a.tif", "--recipe", "r.json"]
    assert main([*command, "--n-superpixels", "12"]) == 0
    assert record_of("a.tif")["parameters"]["superpixels"] == {
        "superpixels": "watershed",
        "n_superpixels": 12,
        "source": "original",
    }


def test_the_record_of_a_result_is_a_recipe_for_other_commands_too(photo):
    main(["segment", "photo.png", "-o", "a.tif", "--low-percentile", "2.5", *FAST])
    assert main(["superpixels", "photo.png", "-o", "b.tif", "--recipe", "a.tif"]) == 0
    parameters = record_of("a.tif")["parameters"]
    assert parameters["image"]["low_percentile"] == 2.5
    del parameters["cut"]
    assert record_of("b.tif")["parameters"] == parameters


def test_the_recipe_names_the_weights(photo, tmp_path, capsys):
    (tmp_path / "r.json").write_text('{"weights": {"name": "nonsense"}}')
    assert main(["smooth", "photo.png", "-o", "a.tif", "--recipe", "r.json"]) == 2
    assert "'nonsense'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"parameter": {}}', "unknown 'parameter'"),
        ('{"parameters": {"cuts": {}}}', "unknown 'cuts'"),
        ('{"parameters": {"cut": {"n_partition": 3}}}', "unknown 'n_partition'"),
        ('{"parameters": {"cut": {"n_partitions": 1}}}', "n_partitions=1: expected 2 to 256"),
        ('{"parameters": {"cut": {"n_partitions": "9"}}}', "n_partitions='9': expected int"),
        ('{"parameters": {"cut": [3]}}', "cut is list"),
        ('{"weights": {"file": "a"}}', "unknown 'file'"),
        ("[]", "got list"),
        ("{", "no recipe"),
        ("[" * 100_000, "no recipe (nested too deeply)"),
        ('{"a":' * 100_000, "no recipe (nested too deeply)"),
        ('{"parameters": {"cut": {"cut_weight": NaN}}}', "not JSON compliant"),
        ('{"reading": {"spacing": [1e999, 1]}}', "not JSON compliant"),
        ('{"weights": {"name": "a\\u0000b", "sha256": "0"}}', "a\\x00b"),
        ('{"weights": {"name": "/dev/zero", "sha256": "0"}}', "not a regular file"),
        ('{"parameters": {"cut": {"affinity": "\\u001b[31m\\ud800"}}}', "\\x1b[31m\\ud800"),
        ("\0", "no recipe"),
        ("9" * 5000, "no recipe"),
    ],
)
@pytest.mark.usefixtures("photo")
def test_a_wrong_recipe_is_refused_by_name(capsys, listing, content, message):
    Path("r.json").write_text(content)
    assert main(["smooth", "photo.png", "-o", "a.tif", "--recipe", "r.json"]) == 2
    error = capsys.readouterr().err
    assert "r.json" in error
    assert message in error
    assert listing() == ["photo.png", "r.json"]


UNREADABLE = ("missing.json", "missing.tif", "photo.png", "broken.tif", "empty.json")


@pytest.mark.parametrize("name", [*UNREADABLE, "/dev/zero", "cut.tif", "huge.json"])
def test_a_recipe_that_cannot_be_read_is_refused(photo, tmp_path, capsys, name):
    (tmp_path / "broken.tif").write_text("no TIFF")
    (tmp_path / "empty.json").touch()
    tifffile.imwrite("whole.tif", photo)
    (tmp_path / "cut.tif").write_bytes((tmp_path / "whole.tif").read_bytes()[:60])
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(2**31)
    assert main(["smooth", "photo.png", "-o", "a.tif", "--recipe", name]) == 2
    assert capsys.readouterr().err.startswith(f"error: recipe='{name}'")


def test_a_recipe_may_start_with_a_byte_order_mark(photo, tmp_path):
    text = '{"parameters": {"superpixels": {"superpixels": "slic", "n_superpixels": 9}}}'
    for name, encoding in (("r.json", "utf-8-sig"), ("s.json", "utf-16")):
        (tmp_path / name).write_text(text, encoding=encoding)
        command = ["superpixels", "photo.png", "-o", f"{name}.tif", "--recipe", name]
        assert main(command) == 0
        assert record_of(f"{name}.tif")["parameters"]["superpixels"]["n_superpixels"] == 9


@pytest.mark.parametrize("name", ["[a].png", "{a}.png", '["photo.png"].png'])
def test_a_file_whose_name_looks_like_json_is_a_file(photo, name):
    Path("photo.png").rename(name)
    for command in ("superpixels", "segment"):
        output = f"{command}.tif"
        assert main([command, name, "-o", output, "--n-superpixels", "9"]) == 0


def test_control_characters_of_a_name_do_not_reach_the_terminal(photo, capsys):
    name = "a\x1b[31m\x9b\u202eb.png"
    Path("photo.png").rename(name)
    assert main(["superpixels", name, "-o", "a.tif", "--n-superpixels", "9"]) == 0
    Path(name).write_text("no image")
    assert main(["superpixels", name, "-o", "b.tif"]) == 2
    assert main(["superpixels", "missing" + name, "-o", "b.tif"]) == 2
    told = capsys.readouterr().err
    assert told.replace("\n", "").isprintable()
    assert told.count("a\\x1b[31m\\x9b\\u202eb.png") >= 3


def test_a_recipe_made_with_other_weights_of_the_name_is_refused(photo, capsys):
    main(["smooth", "photo.png", "-o", "a.tif"])
    record = record_of("a.tif")
    recipe = {"weights": record["weights"] | {"sha256": "0" * 64}}
    Path("r.json").write_text(json.dumps(recipe))
    command = ["smooth", "photo.png", "-o", "b.tif", "--recipe", "r.json"]
    capsys.readouterr()
    assert main(command) == 2
    assert "made with other weights of the name 'superae-bsds500'" in capsys.readouterr().err
    assert main([*command, "--weights", "superae-bsds500"]) == 0


def test_the_tiff_of_another_program_is_no_recipe(photo, capsys):
    tifffile.imwrite("other.tif", photo, metadata={"shape": "mine"})
    assert main(["smooth", "photo.png", "-o", "a.tif", "--recipe", "other.tif"]) == 2
    assert "holds no record of napari-dsc" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-o", "--overlay", "--templates"])
def test_a_name_too_long_for_the_system_is_refused(photo, capsys, listing, flag):
    command = "train" if flag == "--templates" else "segment"
    output = [] if flag == "-o" else ["-o", "a.safetensors" if command == "train" else "a.tif"]
    assert main([command, "photo.png", *output, flag, "n" * 300 + ".png"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert listing() == ["photo.png"]


def test_a_link_to_itself_is_refused(photo, capsys):
    Path("loop.png").symlink_to("loop.png")
    assert main(["segment", "loop.png", "-o", "a.tif"]) == 2
    assert "loop.png: cannot be opened" in capsys.readouterr().err


# weight files


def test_the_packaged_weights_are_listed_found_and_intact(capsys):
    assert main(["weights", "list"]) == 0
    listed = capsys.readouterr().out
    intact = []
    for name in ("superae-bsds500", "superae-tree"):
        assert f"{name}\n" in listed
        assert main(["weights", "where", name]) == 0
        path = capsys.readouterr().out.strip()
        assert os.path.isfile(path)  # noqa: PTH113
        assert main(["weights", "fetch", name]) == 0
        assert capsys.readouterr().out.strip() == path
        intact.append(f"{name}: intact, {path}")
    assert main(["weights", "verify"]) == 0
    assert capsys.readouterr().out.splitlines() == intact


def test_without_a_name_the_default_weights_are_meant(capsys):
    for command in ("where", "fetch"):
        assert main(["weights", command]) == 0
    assert capsys.readouterr().out.count("superae-bsds500-v2.safetensors") == 2


@pytest.mark.parametrize("command", ["where", "fetch", "verify"])
def test_unknown_weights_are_refused(capsys, command):
    assert main(["weights", command, "nonsense"]) == 2
    assert "weights='nonsense'" in capsys.readouterr().err


# training

TINY = ("--crop-size", "16", "--batch-size", "2", "--n-epochs", "2", "-o", "w.safetensors")


@pytest.fixture
def training_set(photo, tmp_path, quadrants):
    """Folders ``images`` and ``templates`` of two images each."""
    for name in ("images", "templates"):
        (tmp_path / name).mkdir()
    for name, step in (("a", 1), ("b", -1)):
        iio.imwrite(f"images/{name}.png", photo[::step])
        iio.imwrite(f"templates/{name}.png", quadrants[1][::step].astype(np.uint8))
    (tmp_path / "images" / "notes.txt").write_text("no image")


@pytest.mark.usefixtures("training_set")
def test_training_writes_weights_that_segment(tmp_path):
    assert main(["train", "images", "--templates", "templates", *TINY]) == 0
    names = {path.name for path in tmp_path.glob("w.*")}
    assert names == {"w.safetensors", "w.checkpoint.safetensors", "w.csv", "w.png"}
    command = ["segment", "photo.png", "-o", "a.tif", "--weights", "w.safetensors", *FAST]
    assert main(command) == 0
    assert record_of("a.tif")["weights"]["name"] == "w.safetensors"
    assert main(["segment", "photo.png", "-o", "b.tif", "--recipe", "a.tif"]) == 0
    np.testing.assert_array_equal(read_labels(Path("b.tif")), read_labels(Path("a.tif")))


@pytest.mark.usefixtures("training_set")
def test_the_card_of_trained_weights_says_how_they_were_made():
    from napari_dsc.superae.weights import find_weights

    main(["train", "images", "--templates", "templates", "--license", "CC0-1.0", *TINY])
    card = find_weights("w.safetensors").card
    assert card["license"] == "CC0-1.0"
    assert card["n_images"] == 2
    assert card["n_epochs"] == 2
    assert card["command"] == (
        "napari-dsc train images --output W.safetensors --templates templates "
        "--n-epochs 2 --batch-size 2 --crop-size 16"
    )


@pytest.mark.usefixtures("training_set")
def test_training_makes_templates_where_there_are_none(capsys):
    flags = ["--template-method", "mean_boundary", "--n-template-regions", "6"]
    assert main(["train", "images/a.png", "images/b.png", *flags, *TINY]) == 0
    assert "2 epochs" in capsys.readouterr().err


@pytest.mark.usefixtures("training_set")
def test_a_resumed_training_is_the_uninterrupted_one(tmp_path):
    command = ["train", "images", "--templates", "templates", *TINY]
    main(command)
    whole = (tmp_path / "w.safetensors").read_bytes()
    command[command.index("--n-epochs") + 1] = "1"
    assert main([*command, "--overwrite"]) == 0
    assert (tmp_path / "w.safetensors").read_bytes() != whole
    command[command.index("--n-epochs") + 1] = "2"
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "w.safetensors").read_bytes() == whole
    assert len((tmp_path / "w.csv").read_text().splitlines()) == 3


@pytest.mark.usefixtures("training_set")
@pytest.mark.parametrize(
    "kept", ["w.safetensors", "w.checkpoint.safetensors", "w.csv", "w.png"]
)
def test_the_files_of_an_earlier_training_are_kept(tmp_path, capsys, kept):
    (tmp_path / kept).write_bytes(b"mine")
    assert main(["train", "images", "--templates", "templates", *TINY]) == 2
    assert f"{kept}: already exists" in capsys.readouterr().err
    assert (tmp_path / kept).read_bytes() == b"mine"


@pytest.mark.usefixtures("training_set")
def test_training_sees_the_8_bit_pixels_of_the_files(monkeypatch, quadrants):
    from napari_dsc.cli.work import run_training as epochs

    def look(images, templates, params, state):
        seen.extend(zip(images, templates, strict=True))
        return train(images, templates, params, state)

    seen, train = [], epochs.iter_training
    monkeypatch.setattr(epochs, "iter_training", look)
    main(["train", "images", "--templates", "templates", *TINY])
    image, template = seen[0]
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, quadrants[0].transpose(2, 0, 1))
    np.testing.assert_array_equal(template, quadrants[1])


@pytest.mark.usefixtures("training_set")
def test_no_image_of_the_training_is_overwritten_by_its_curve(capsys):
    images = ["images/a.png", "images/b.png"]
    before = Path("images/b.png").read_bytes()
    command = ["train", *images, "--output", "images/b.safetensors", "--overwrite"]
    assert main(command) == 2
    assert "is an input" in capsys.readouterr().err
    assert Path("images/b.png").read_bytes() == before


@pytest.mark.usefixtures("training_set")
def test_an_interrupted_training_leaves_a_checkpoint_and_says_so(tmp_path, monkeypatch, capsys):
    from napari_dsc.cli.work import run_training as epochs

    def one_epoch(*arguments):
        yield next(train(*arguments))
        raise KeyboardInterrupt

    train = epochs.iter_training
    monkeypatch.setattr(epochs, "iter_training", one_epoch)
    assert main(["train", "images", "--templates", "templates", *TINY]) == 130
    assert "stopped after epoch 1; --resume" in capsys.readouterr().err
    assert (tmp_path / "w.checkpoint.safetensors").exists()
    assert not (tmp_path / "w.safetensors").exists()


@pytest.mark.usefixtures("training_set")
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["images", "--templates", "nowhere"], "templates='nowhere': expected a folder"),
        (["photo.png", "--templates", "templates"], "found none for photo"),
        (["nothing"], "found none in it"),
        (["images", "--resume"], "expected a checkpoint"),
        (["images/a.png", "templates/b.png"], "1 channels, expected 3"),
        (["b.png", "--templates", "templates"], "shape (32, 48), expected (16, 48)"),
    ],
)
def test_a_wrong_training_set_is_refused(photo, capsys, listing, flags, message):
    Path("nothing").mkdir()
    iio.imwrite("b.png", photo[:16])
    before = listing()
    assert main(["train", *flags, *TINY]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert listing() == before


# the demo


def test_the_demo_writes_three_tiffs_and_a_picture(tmp_path, monkeypatch, capsys):
    def shorter(pieces, settings):
        return segment(pieces, settings.replace(cut_params=CutParams(n_iterations=2)))

    segment = segmenter.iter_segmentation
    monkeypatch.setattr(segmenter, "iter_segmentation", shorter)
    monkeypatch.setattr("napari_dsc.cli.work.demo.DOWNSCALING", 8)
    assert main(["demo", "-o", str(tmp_path / "demo")]) == 0
    names = ["overview.png", "segments.tif", "smoothed.tif", "superpixels.tif"]
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == names
    shown = capsys.readouterr().err
    assert "8 times smaller" in shown
    assert re.search(r"cut +\S* *\d", shown)
    segments = read_labels(tmp_path / "demo" / "segments.tif")
    assert segments.shape == (32, 40)
    assert record_of(tmp_path / "demo" / "segments.tif")["iterations"] == 2
    assert iio.imread(tmp_path / "demo" / "overview.png").shape[1] == 1560


def test_the_demo_keeps_the_files_of_an_earlier_one(tmp_path, capsys):
    (tmp_path / "overview.png").write_text("mine")
    assert main(["demo", "-o", str(tmp_path)]) == 2
    assert "overview.png: already exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["overview.png"]
    assert (tmp_path / "overview.png").read_text() == "mine"


# how it ends


def raising(error):
    def fail(*args, **options):
        raise error

    return fail


@pytest.mark.usefixtures("photo")
@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError("shapes differ")])
def test_a_fault_of_ours_keeps_its_traceback(monkeypatch, error):
    monkeypatch.setattr("napari_dsc.cli.work.run_files.whole_run", raising(error))
    with pytest.raises(type(error)):
        main(["smooth", "photo.png", "-o", "a.tif"])


@pytest.mark.usefixtures("photo")
def test_an_image_too_large_for_the_memory_is_told_and_others_are_done(
    monkeypatch, capsys, listing
):
    iio.imwrite("a.png", iio.imread("photo.png"))
    monkeypatch.setattr(
        "napari_dsc.segmenting.series.open_pieces",
        lambda path, settings: (
            raising(MemoryError())() if path.stem == "a" else open_pieces(path, settings)
        ),
    )
    assert main(["smooth", "a.png", "photo.png", "-o", "out"]) == 2
    assert "error: a.png: out of memory" in capsys.readouterr().err
    assert "out/photo_smoothed.tif" in listing()


@pytest.mark.usefixtures("training_set")
@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried")])
def test_a_training_too_large_for_the_memory_is_told(monkeypatch, capsys, error):
    monkeypatch.setattr("napari_dsc.cli.work.run_training.iter_training", raising(error))
    assert main(["train", "images", "--templates", "templates", *TINY]) == 2
    assert "error: out of memory" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
def test_ctrl_c_during_the_cut_ends_with_130_and_leaves_nothing(photo, listing):
    command = [*PROGRAM, "segment", "photo.png", "-o", "a.tif", "--n-iterations", "10000"]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env={**os.environ, "FORCE_COLOR": "1"},  # as on a terminal: progress is drawn
        # whoever runs the tests in the background may ignore the signal
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        os.set_blocking(process.stderr.fileno(), False)
        shown, limit = b"", time.monotonic() + 60
        while b"merging" not in shown and time.monotonic() < limit:
            time.sleep(0.1)
            shown += process.stderr.read() or b""
        assert b"merging" in shown
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert b"interrupted" in process.stderr.read()
    assert listing() == ["photo.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
def test_ctrl_c_while_the_program_loads_ends_with_130():
    code = "import os, signal, sys; from napari_dsc.cli import main; sys.exit(main(['info']))"
    hook = (
        "import builtins; load = builtins.__import__\n"
        "def interrupt(name, *rest):\n"
        "    if name == 'torch': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return load(name, *rest)\n"
        "builtins.__import__ = interrupt\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", f"import os, signal\n{hook}{code}"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr.strip() == "interrupted; no unfinished file is left"


@pytest.fixture
def usual_handler():
    """Python's own handler of Ctrl-C, whoever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_handler")
@pytest.mark.parametrize(
    "next_step",
    [stop_if_interrupted, lambda: Report().begin("merging"), lambda: Report().advance()],
    ids=["check", "begin", "advance"],
)
def test_a_swallowed_ctrl_c_stops_the_work_at_the_next_step(next_step):
    def work():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            reached.append("swallowed")
        next_step()
        reached.append("next step")

    reached = []
    with pytest.raises(KeyboardInterrupt), CtrlC():
        work()
    assert reached == ["swallowed"]


@pytest.mark.usefixtures("usual_handler")
def test_a_renamed_ctrl_c_is_still_one():
    with pytest.raises(KeyboardInterrupt), CtrlC():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError from None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_stops_where_no_ctrl_c_came():
    with CtrlC():
        stop_if_interrupted()


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes there")
def test_a_reader_that_leaves_early_gets_no_traceback():
    with subprocess.Popen(
        [*PROGRAM, "weights", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_a_preset_sets_what_neither_flag_nor_recipe_sets(photo, tmp_path):
    (tmp_path / "r.json").write_text(json.dumps({"parameters": {"cut": {"patience": 5}}}))
    flags = ["--preset", "paper", "--n-iterations", "1", "--recipe", "r.json"]
    assert main(["segment", "photo.png", "-o", "a.tif", *flags]) == 0
    assert record_of("a.tif")["parameters"]["cut"] == dataclasses.asdict(
        dataclasses.replace(Settings.preset("paper").cut_params, patience=5, n_iterations=1)
    )


def test_an_unknown_preset_is_refused(photo, capsys):
    assert main(["segment", "photo.png", "-o", "a.tif", "--preset", "slow"]) == 2
    assert "preset" in capsys.readouterr().err
