import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from scipy.io import loadmat, savemat

from napari_dsc.cli import main
from napari_dsc.files import read_labels
from napari_dsc.methods import METHODS
from napari_dsc.scoring.results import files_sha256

CONTOURS = ("--method", "gpb_owt_ucm", "--processes", "1", "--device", "cpu")
ALL_SCALES = (*CONTOURS, "--scales", "0.1,0.4,0.8")
OUT = Path("out")
PROGRAM = (sys.executable, "-m", "napari_dsc")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def evaluate(*flags):
    return main(["evaluate", "bsds500", "BSDS500", "-o", "out", *flags])


def records():
    with (OUT / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def summary():
    return json.loads((OUT / "summary.json").read_text())


# evaluate bsds500


def test_scores_of_the_contour_maps_are_those_by_hand(small_bsds):
    # truths: four quadrants and the whole. Four regions: SC 1 and 1/4; halves: SC 1/2 each;
    # one region: SC 1/4 and 1
    assert evaluate(*ALL_SCALES) == 0
    scores = {(row["image"], row["scale"]): row for row in records()}
    assert len(scores) == 9
    for name in ("1001", "2002", "3003"):
        rows = [scores[name, scale] for scale in ("0.1", "0.4", "0.8")]
        assert [float(row["n_segments"]) for row in rows] == [4, 2, 1]
        assert [float(row["sc"]) for row in rows] == [0.625, 0.5, 0.625]
        assert [float(row["vi"]) for row in rows] == [1.0, 1.0, 1.0]
    (row,) = summary()["rows"]
    assert row["images"] == 3
    assert row["best"]["sc"] == {"ods": 0.625, "ois": 0.625, "scale": 0.1}
    assert [one["sc"] for one in row["scales"]] == [0.625, 0.5, 0.625]


def test_8_bit_contours_give_the_same_scores(small_bsds):
    evaluate(*ALL_SCALES)
    before = [{**row, "seconds": ""} for row in records()]
    (small_bsds / "ucm2_png/val").mkdir(parents=True)
    for path in (small_bsds / "ucm2/val").iterdir():
        strengths = loadmat(path)["ucm2"]
        picture = small_bsds / f"ucm2_png/val/{path.stem}.png"
        iio.imwrite(picture, np.ceil(255 * strengths).astype(np.uint8))
        path.unlink()
    assert evaluate(*ALL_SCALES, "--overwrite") == 0
    assert [{**row, "seconds": ""} for row in records()] == before


def test_the_page_for_people_holds_the_figures_of_the_summary(small_bsds):
    evaluate(*ALL_SCALES)
    lines = (OUT / "summary.md").read_text().splitlines()
    best = next(line for line in lines if line.startswith("| gpb_owt_ucm"))
    assert "| 3 | 0.625 / 0.625 |" in best


def test_the_summary_tells_what_made_it(small_bsds):
    evaluate(*ALL_SCALES)
    made = summary()
    assert made["data"] == "BSDS500 val"
    assert made["device"]["name"] == "cpu"
    assert made["software"]["napari-dsc"]
    settings = made["rows"][0]["settings"]
    assert settings["scales"] == [0.1, 0.4, 0.8]
    assert settings["parameters"] == {}  # the contour maps are read, and nothing else


def test_the_summary_holds_the_parameters_that_a_method_reads(small_bsds):
    flags = ("--method", "felzenszwalb,multi_otsu", "--limit", "1", "--processes", "1")
    assert evaluate(*flags, "--cut.result", "regions") == 0
    one, other = (row["settings"]["parameters"] for row in summary()["rows"])
    assert list(one) == ["image"]
    assert other["cut"] == {"result": "regions"}


def test_paths_are_shortened_in_the_command_that_is_told(small_bsds, tmp_path, monkeypatch):
    words = ["evaluate", "bsds500", "BSDS500", f"--output={tmp_path}/out", *ALL_SCALES]
    monkeypatch.setattr("sys.argv", ["napari-dsc", *words])
    assert main(words) == 0
    assert "bsds500 BSDS500 --output=out --method" in summary()["command"]


def test_dsc_is_scored_for_each_kind_of_superpixels(small_bsds, capsys):
    flags = ["--method", "dsc", "--superpixels", "slic,egb", "--scales", "12,6", "--limit", "1"]
    fast = ["--cut.n-iterations", "2", "--processes", "1", "--device", "cpu", "--json"]
    assert evaluate(*flags, *fast) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["method"], row["superpixels"]) for row in rows] == [
        ("dsc", "slic"),
        ("dsc", "egb"),
    ]
    assert [row["superpixels"] for row in records()] == ["slic", "slic", "egb", "egb"]
    assert all(0 < float(row["sc"]) <= 1 for row in records())


# going on


def test_what_is_scored_is_not_computed_again(small_bsds, capsys):
    evaluate(*ALL_SCALES, "--limit", "1")
    (part,) = (OUT / "images/gpb_owt_ucm").glob("_*.json")
    content = json.loads(part.read_text())
    content["scores"][0]["sc"] = 0.123
    part.write_text(json.dumps(content))
    assert evaluate(*ALL_SCALES) == 0
    assert "1 of 3 scored earlier are kept" in capsys.readouterr().err
    assert [row["sc"] for row in records()[::3]] == ["0.123", "0.625", "0.625"]


def test_files_are_hashed_once_an_image(small_bsds, monkeypatch):
    seen = []

    def counted(case):
        seen.append(case.name)
        return files_sha256(case)

    monkeypatch.setattr("napari_dsc.cli.work.run_evaluation.files_sha256", counted)
    both = ("--method", "gpb_owt_ucm,felzenszwalb,multi_otsu", "--processes", "1")
    assert evaluate(*both) == 0
    assert seen == ["1001", "2002", "3003"]


def test_parameters_of_other_methods_may_change(small_bsds, capsys):
    evaluate(*ALL_SCALES)
    assert evaluate(*ALL_SCALES, "--cut.n-iterations", "7") == 0
    assert "3 of 3 scored earlier are kept" in capsys.readouterr().err


def test_an_image_whose_files_changed_is_scored_again(small_bsds):
    evaluate(*ALL_SCALES)
    contours = small_bsds / "ucm2/val/2002.mat"
    savemat(contours, {"ucm2": np.zeros((65, 97))})
    evaluate(*ALL_SCALES)
    counts = [float(row["n_segments"]) for row in records()]
    assert counts == [4, 2, 1, 1, 1, 1, 4, 2, 1]


def test_a_damaged_part_is_scored_again(small_bsds):
    evaluate(*ALL_SCALES)
    before = records()
    for path in (OUT / "images/gpb_owt_ucm").glob("_*.json"):
        path.write_text(path.read_text()[:40])
    assert evaluate(*ALL_SCALES) == 0
    assert [row["sc"] for row in records()] == [row["sc"] for row in before]


def test_other_settings_are_refused_until_told_otherwise(small_bsds, capsys):
    evaluate(*ALL_SCALES)
    before = records()
    assert evaluate(*CONTOURS, "--scales", "0.5") == 2
    assert "made with other settings (scales)" in capsys.readouterr().err
    assert records() == before
    assert evaluate(*CONTOURS, "--scales", "0.5", "--overwrite") == 0
    assert [row["scale"] for row in records()] == ["0.5"] * 3


def test_a_method_can_join_earlier_ones(small_bsds, capsys):
    evaluate(*CONTOURS)
    assert evaluate("--method", "gpb_owt_ucm,multi_otsu", *CONTOURS[2:]) == 0
    assert "3 of 6 scored earlier are kept" in capsys.readouterr().err
    assert [row["method"] for row in summary()["rows"]] == ["gpb_owt_ucm", "multi_otsu"]


def test_where_no_bar_can_be_seen_lines_tell_how_much_is_left(small_bsds, capsys, monkeypatch):
    evaluate(*ALL_SCALES, "--limit", "1")
    assert "left" not in capsys.readouterr().err
    monkeypatch.setattr("napari_dsc.cli.report.LINE_EVERY", 0.0)
    evaluate(*ALL_SCALES)
    told = [line for line in capsys.readouterr().err.splitlines() if " left" in line]
    assert [line[:13] for line in told] == ["2 of 3 scored", "3 of 3 scored"]
    assert told[1].endswith("about 0:00:00 left")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_a_kill_loses_no_finished_image(small_bsds):
    command = [
        sys.executable,
        "-m",
        "napari_dsc",
        "evaluate",
        "bsds500",
        "BSDS500",
        "-o",
        "out",
    ]
    flags = ["--device", "cpu", "--cut.n-iterations", "10000"]
    endless = [*command, *flags, "--processes", "2", "--method", "gpb_owt_ucm,dsc"]
    with subprocess.Popen(endless, stderr=subprocess.DEVNULL) as program:
        parts = OUT / "images/gpb_owt_ucm"
        deadline = time.monotonic() + 120
        while not list(parts.glob("_*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        children = children_of(program.pid)
        program.send_signal(signal.SIGKILL)
    done = {path: path.stat().st_mtime_ns for path in parts.glob("_*.json")}
    assert done
    assert all(len(json.loads(path.read_text())["scores"]) == 33 for path in done)
    assert not (OUT / "scores.csv").exists()
    assert children
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, children))
    assert evaluate(*flags, "--processes", "1", "--method", "gpb_owt_ucm") == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert len(records()) == 3 * 33


def children_of(pid):
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return tasks.read_text().split() if tasks.exists() else []


def is_running(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


# what is missing or odd


def test_missing_and_odd_files_are_named_and_counted_and_the_others_scored(small_bsds, capsys):
    (small_bsds / "data/groundTruth/val/1001.mat").unlink()
    (small_bsds / "data/images/val/2002.jpg").write_bytes(b"no image")
    assert evaluate(*ALL_SCALES) == 2
    errors = capsys.readouterr().err
    assert "1001.mat: no such file" in errors
    assert "2002.jpg" in errors
    assert "1 files skipped, 1 images failed" in errors
    assert {row["image"] for row in records()} == {"3003"}
    assert len(summary()["left_out"]) == 2
    assert summary()["rows"][0]["failed"] == 1


def test_an_image_that_fails_by_two_methods_is_one_image(small_bsds, capsys):
    (small_bsds / "data/images/val/2002.jpg").write_bytes(b"no image")
    assert evaluate("--method", "multi_otsu,felzenszwalb", *CONTOURS[2:]) == 2
    assert "0 files skipped, 1 images failed" in capsys.readouterr().err


def test_a_missing_contour_map_fails_its_own_method_only(small_bsds, capsys):
    (small_bsds / "ucm2/val/3003.mat").unlink()
    assert evaluate("--method", "gpb_owt_ucm,multi_otsu", *CONTOURS[2:]) == 2
    assert "3003.mat: no such file" in capsys.readouterr().err
    assert [row["images"] for row in summary()["rows"]] == [2, 3]


def test_annotations_of_another_size_are_named(small_bsds, capsys):
    cells = np.empty((1, 1), object)
    cells[0, 0] = {"Segmentation": np.ones((5, 5), np.uint16)}
    savemat(small_bsds / "data/groundTruth/val/1001.mat", {"groundTruth": cells})
    assert evaluate(*ALL_SCALES) == 2
    assert "1001.mat: shape (5, 5), expected (32, 48)" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_split_without_annotations_is_refused(small_bsds, capsys):
    images = small_bsds / "data/images"
    (images / "val").rename(images / "test")
    assert evaluate(*ALL_SCALES, "--split", "test") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no image has annotations" in line
    assert not OUT.exists()


def test_of_many_missing_files_five_are_named_on_the_screen(small_bsds, capsys):
    for number in range(8):
        (small_bsds / f"data/groundTruth/val/{number}.mat").touch()
    assert evaluate(*ALL_SCALES) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "skipped" in line]
    assert len([line for line in told if ".mat: no image" in line]) == 5
    assert "skipped 3 more, all named in summary.md" in "".join(told)
    assert len(summary()["left_out"]) == 8
    assert (OUT / "summary.md").read_text().count("no image of the same name") == 8


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--method", "magic"], "method='magic'"),
        (["--scales", "1,two"], "scales='two'"),
        (["--processes", "-1"], "processes=-1"),
        (["--every", "0"], "every=0"),
        (["--limit", "1.5"], "--limit: '1.5' is no whole number"),
        (["--cut.n-iterations", "2.5"], "'2.5' is no whole number"),
        (["--superpixels", "cubes", "--method", "dsc"], "superpixels='cubes'"),
        (["--method", "multi_otsu", "--scales", "1"], "scales=1: expected 2 to 256"),
        (["--method", "dsc", "--scales", "0"], "scales=0: expected 2 to 1000000"),
        (["--method", "slic", "--scales", "10,2.5"], "scales=2.5: expected a whole number"),
        (["--method", "ucm", "--weights", "nowhere"], "nowhere"),
    ],
)
def test_wrong_flags_are_told_before_any_work(small_bsds, capsys, flags, message):
    assert evaluate(*flags) == 2
    assert message in capsys.readouterr().err
    assert not (OUT / "images").exists()


def test_a_foreign_summary_is_kept(small_bsds, capsys):
    OUT.mkdir()
    (OUT / "summary.md").write_text("mine")
    assert evaluate(*ALL_SCALES) == 2
    assert "summary.md: already exists" in capsys.readouterr().err
    assert (OUT / "summary.md").read_text() == "mine"


def test_help_of_scoring_loads_nothing_heavy():
    code = """
import sys
from napari_dsc.cli import main
for command in (["evaluate", "bsds500"], ["evaluate", "labels"], ["compare"]):
    main([*command, "--help"])
heavy = {"torch", "numpy", "skimage", "matplotlib", "higra", "scipy", "tifffile"}
print("loaded", sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert b"--backprop.learning-rate" in done.stdout
    assert b"loaded []" in done.stdout


# evaluate folder


@pytest.fixture
def folders(quadrants):
    """Two images whose objects are two of the quadrants, and one without labels."""
    pixels, labels = quadrants
    for folder in ("images", "labels"):
        Path(folder).mkdir()
    for name in ("a", "b", "c"):
        iio.imwrite(f"images/{name}.png", pixels)
    for name in ("a", "b"):
        objects = np.where(labels == 1, 7, np.where(labels == 2, 3, 0)).astype(np.uint8)
        iio.imwrite(f"labels/{name}.png", objects)


def test_objects_on_a_background_are_scored_in_folders(folders, capsys):
    flags = ["--method", "mumford_shah_tree", "--scales", "4", "--processes", "1"]
    command = ["evaluate", "folder", "images", "labels", "-o", "out", *flags]
    assert main([*command, "--zero", "background"]) == 2
    assert "c.png: no label image" in capsys.readouterr().err
    assert [row["image"] for row in records()] == ["a", "b"]
    assert [float(row["dice"]) for row in records()] == [1.0, 1.0]
    assert [float(row["ap50"]) for row in records()] == [1.0, 1.0]
    assert summary()["rows"][0]["best"]["ap50"]["ods"] == 1.0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--method", "multi_otsu", "--axes", "QQ"], "axes='QQ': expected Y and X"),
        (["--method", "gpb_owt_ucm"], "method=gpb_owt_ucm: reads contour maps"),
    ],
)
def test_what_can_be_known_before_is_said_once(folders, capsys, flags, message):
    command = ["evaluate", "folder", "images", "labels", "-o", "out"]
    assert main([*command, *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not OUT.exists()


def test_objects_are_not_scored_unless_asked(folders):
    flags = ["--method", "mumford_shah_tree", "--scales", "4", "--processes", "1"]
    main(["evaluate", "folder", "images", "labels", "-o", "out", *flags])
    assert "dice" not in records()[0]


def test_stacks_are_scored_by_the_methods_that_divide_them(capsys):
    halves = np.zeros((4, 8, 8), np.uint8)
    halves[2:] = 200
    for folder, stack in (("images", halves), ("labels", halves // 100 + 1)):
        Path(folder).mkdir()
        np.save(f"{folder}/a.npy", stack)
    command = ["evaluate", "folder", "images", "labels", "-o", "out", "--processes", "1"]
    command += ["--axes", "ZYX", "--method", "multi_otsu,ucm"]
    assert main(command) == 2
    assert "ucm takes planes only, expected YX or YXC; stacks are" in capsys.readouterr().err
    assert {row["method"] for row in records()} == {"multi_otsu"}
    assert summary()["rows"][0]["best"]["sc"]["ods"] == 1.0


# evaluate labels


@pytest.fixture
def _two_label_images():
    np.save("result.npy", np.array([[1, 1, 1, 2]]).repeat(8, axis=0))
    np.save("truth.npy", np.array([[1, 1, 2, 2]]).repeat(8, axis=0))


@pytest.mark.usefixtures("_two_label_images")
def test_two_label_images_are_scored_in_words(capsys):
    assert main(["evaluate", "labels", "result.npy", "truth.npy"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split()[:2] == ["SC", "0.5833"]  # 2/3 of one half, 1/2 of the other


@pytest.mark.usefixtures("_two_label_images")
def test_two_label_images_are_scored_in_json(capsys):
    assert main(["evaluate", "labels", "result.npy", "truth.npy", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["sc"] == pytest.approx(7 / 12)
    assert scores["asa"] == 0.75


@pytest.mark.usefixtures("_two_label_images")
def test_disagreements_are_drawn(capsys):
    command = ["evaluate", "labels", "result.npy", "truth.npy", "--errors", "errors.png"]
    assert main(command) == 0
    expected = np.array([[0, 0, 255, 0]]).repeat(8, axis=0)
    np.testing.assert_array_equal(iio.imread("errors.png"), expected)
    assert main(command) == 2
    assert "errors.png: already exists" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0


def test_unlabeled_pixels_are_drawn_as_no_errors():
    np.save("truth.npy", np.repeat([0, 5], [6, 4])[None].repeat(8, axis=0))
    np.save("result.npy", np.ones((8, 10), int))
    command = ["evaluate", "labels", "result.npy", "truth.npy", "--errors", "errors.png"]
    assert main(command) == 0
    assert iio.imread("errors.png").any()
    # the second is the spelling of 0.1
    for zero in ("unlabeled", "unlabelled"):
        assert main([*command, "--zero", zero, "--overwrite"]) == 0
        assert not iio.imread("errors.png").any()


def test_disagreements_of_stacks_are_written_plane_by_plane():
    for name, row in (("result", [1, 1, 1, 2]), ("truth", [1, 1, 2, 2])):
        np.save(f"{name}.npy", np.broadcast_to(row, (3, 8, 4)))
    command = ["evaluate", "labels", "result.npy", "truth.npy", "--errors", "errors.tif"]
    assert main(command) == 0
    expected = np.broadcast_to([0, 0, 255, 0], (3, 8, 4))
    np.testing.assert_array_equal(read_labels(Path("errors.tif")), expected)


@pytest.mark.usefixtures("_two_label_images")
def test_label_images_of_two_shapes_are_refused(capsys):
    np.save("other.npy", np.ones((2, 2), int))
    command = ["evaluate", "labels", "truth.npy", "other.npy", "--errors", "errors.png"]
    assert main(command) == 2
    said = capsys.readouterr()
    assert "other.npy: shape (2, 2), expected (8, 4) as truth.npy" in said.err
    assert said.out == ""


@pytest.mark.usefixtures("_two_label_images")
def test_what_is_wrong_with_a_label_image_is_said_with_its_name(capsys):
    np.save("zero.npy", np.zeros((8, 4), int))
    command = ["evaluate", "labels", "result.npy", "zero.npy", "--zero", "unlabeled"]
    assert main(command) == 2
    assert "zero.npy: annotation: every pixel is 0" in capsys.readouterr().err
    iio.imwrite("colors.png", np.zeros((8, 4, 3), np.uint8))
    assert main(["evaluate", "labels", "result.npy", "colors.png"]) == 2
    assert "colors.png: shape (8, 4, 3) with axes YXC" in capsys.readouterr().err


@pytest.mark.usefixtures("_two_label_images")
def test_scores_are_not_printed_where_the_errors_cannot_be_written(capsys):
    command = ["evaluate", "labels", "result.npy", "truth.npy", "--errors", "errors.jpg"]
    assert main(command) == 2
    said = capsys.readouterr()
    assert "unknown suffix '.jpg'" in said.err
    assert said.out == ""


# compare


def compare(*flags):
    image = "BSDS500/data/images/val/1001.jpg"
    return main(["compare", image, "-o", "drawn", "--device", "cpu", *flags])


def test_compare_draws_scores_and_keeps_each_method(small_bsds, quadrants, capsys):
    truth = "BSDS500/data/groundTruth/val/1001.mat"
    methods = "mumford_shah_tree:4,multi_otsu"
    assert compare("--methods", methods, "--truth", truth, "--json") == 0
    drawn = Path("drawn")
    labels = read_labels(drawn / "mumford_shah_tree_4.tif")
    np.testing.assert_array_equal(labels, quadrants[1] + 1)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["method"] for row in rows] == ["mumford_shah_tree", "multi_otsu"]
    assert rows[0]["sc"] == 0.625
    assert rows[1]["n_segments"] == 3
    table = json.loads((drawn / "compare.json").read_text())
    assert [row["seconds"] >= 0 for row in table["rows"]] == [True, True]
    height, width, _ = iio.imread(drawn / "compare.png").shape
    assert min(height, width) > 300  # two rows and two columns of panels


def test_compare_without_truth_has_no_scores(small_bsds):
    assert compare("--methods", "multi_otsu") == 0
    (row,) = json.loads(Path("drawn/compare.json").read_text())["rows"]
    assert set(row) == {"method", "n_partitions", "n_segments", "seconds"}


def test_compare_draws_a_plane_of_a_stack_and_keeps_the_whole(quadrants):
    stack = np.stack([quadrants[0][..., 0]] * 3)
    np.save("stack.npy", stack)
    np.save("truth.npy", np.stack([quadrants[1]] * 3))
    command = ["compare", "stack.npy", "-o", "drawn", "--axes", "ZYX", "--truth", "truth.npy"]
    assert main([*command, "--methods", "multi_otsu,ucm"]) == 2
    (row,) = json.loads(Path("drawn/compare.json").read_text())["rows"]
    labels = read_labels(Path("drawn/multi_otsu_3.tif"), 3)
    assert labels.shape == stack.shape
    assert row["n_segments"] == len(np.unique(labels))
    height, width, _ = iio.imread("drawn/compare.png").shape
    assert min(height, width) > 300  # panels of planes, not of stacks


def test_a_method_that_fails_leaves_the_others(small_bsds, capsys):
    assert compare("--methods", "gpb_owt_ucm,multi_otsu") == 2
    assert "gpb_owt_ucm: needs --contours" in capsys.readouterr().err
    assert sorted(path.name for path in Path("drawn").iterdir()) == [
        "compare.json",
        "compare.png",
        "multi_otsu_3.tif",
    ]


def test_a_method_that_takes_three_colors_says_so_of_five_channels(capsys):
    tifffile.imwrite("five.tif", np.random.default_rng(0).random((5, 24, 32), np.float32))
    command = ["compare", "five.tif", "--axes", "CYX", "-o", "drawn", "--methods"]
    assert main([*command, "ncut,multi_otsu"]) == 2
    assert "ncut: image: got 5 channels, expected 1 or 3" in capsys.readouterr().err
    assert Path("drawn/multi_otsu_3.tif").exists()


def test_a_method_that_breaks_leaves_the_others(small_bsds, capsys, monkeypatch):
    def broken(*arguments):
        raise ZeroDivisionError("by zero")

    ucm = METHODS["ucm"]._replace(iter_scales=broken)
    monkeypatch.setitem(METHODS, "ucm", ucm)
    assert compare("--methods", "ucm,multi_otsu") == 2
    assert "ucm: ZeroDivisionError: by zero" in capsys.readouterr().err
    assert Path("drawn/multi_otsu_3.tif").exists()


def test_compare_takes_the_contours_of_the_image(small_bsds):
    contours = "BSDS500/ucm2/val/1001.mat"
    assert compare("--methods", "gpb_owt_ucm:0.4", "--contours", contours) == 0
    assert read_labels(Path("drawn/gpb_owt_ucm_0.4.tif")).max() == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--methods", "magic"], "methods='magic': expected one or more of dsc"),
        (["--methods", ","], "methods=''"),
        (["--methods", "multi_otsu:1"], "methods, multi_otsu:=1: expected 2 to 256"),
        (["--methods", "felzenszwalb:-5"], "methods, felzenszwalb:=-5: expected 1"),
        (["--methods", "mumford_shah_loss:0"], "methods, mumford_shah_loss:=0"),
        (["--methods", "dsc:many"], "methods, dsc:='many': expected a number"),
        (["--methods", "multi_otsu", "--truth", "small.npy"], "expected (32, 48)"),
        (["--methods", "multi_otsu", "--weights", "nowhere"], "nowhere"),
    ],
)
def test_compare_refuses_before_any_work(small_bsds, capsys, flags, message):
    np.save("small.npy", np.ones((4, 4), int))
    assert compare(*flags) == 2
    assert message in capsys.readouterr().err
    assert not Path("drawn").exists()


def test_files_of_an_earlier_comparison_are_kept(small_bsds, capsys):
    assert compare("--methods", "multi_otsu") == 0
    assert compare("--methods", "multi_otsu") == 2
    assert "already exists" in capsys.readouterr().err
    assert compare("--methods", "multi_otsu", "--overwrite") == 0
