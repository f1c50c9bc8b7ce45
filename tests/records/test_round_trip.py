"""What goes in comes back: the record of any result gives its settings, and they its labels."""

import dataclasses
import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr

import napari_dsc
from napari_dsc import (
    CutParams,
    ImageParams,
    InvalidParameterError,
    Settings,
    SuperpixelParams,
    TreeParams,
)
from napari_dsc.batch.execution import batch_from_recipe, do_task, new_batch
from napari_dsc.batch.tasks import plan_tasks
from napari_dsc.cli import main
from napari_dsc.files.tiff import read_record
from napari_dsc.machine.progress import exhausted
from napari_dsc.records.recipes import read_recipe
from napari_dsc.records.snippets import as_command, as_python
from napari_dsc.segmenting.series import whole_run
from napari_dsc.superae.registry import WEIGHTS

QUICK = Settings(
    device="cpu",
    image_params=ImageParams(normalization="percentile", low_percentile=1.5),
    superpixel_params=SuperpixelParams(n_superpixels=14),
    cut_params=CutParams(n_iterations=2, n_partitions=5, seed=3),
)
APART = QUICK.replace(cut_params=dataclasses.replace(QUICK.cut_params, series="apart"))
TREE = QUICK.replace(method="tree", tree_params=TreeParams(regions=4, n_leaves=60))


def cells(shape, seed=0):
    """Squares of eight pixels of different brightness, uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 230, tuple(-(-side // 8) for side in shape))
    for axis in range(len(shape)):
        coarse = coarse.repeat(8, axis)
    fine = coarse[tuple(slice(side) for side in shape)] + rng.integers(0, 20, shape)
    return fine.astype(np.uint8)


PLANE, STACK = cells((32, 48)), cells((8, 24, 32))
FILM = np.stack([PLANE, PLANE[::-1], PLANE[:, ::-1]])
COLORS = np.stack([cells((32, 48), seed) for seed in range(3)], -1)
LARGE = cells((64, 104))  # two tiles of the least side


@pytest.fixture(scope="module", autouse=True)
def _few_samples():
    """Statistics of fewer pieces: faster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_dsc.cut.joint.N_SAMPLES", 2)
        yield


# from a record to the settings


def of_one(image, settings, **given):
    return napari_dsc.segment(image, settings, **given).record


ONE_BY_ONE = {
    "image": (PLANE, QUICK),
    "paper with changes": (
        PLANE,
        Settings.preset("paper").replace(
            cut_params=dataclasses.replace(
                Settings.preset("paper").cut_params, n_iterations=1, n_partitions=4
            )
        ),
    ),
    "tree": (PLANE, TREE),
    "axes": (PLANE.T, QUICK.replace(axes="XY")),
    "channels": (COLORS, QUICK.replace(channels=(2, 0))),
    "stack with spacing": (STACK, QUICK.replace(axes="ZYX", spacing=(4, 1, 1))),
    "tree of a stack": (STACK, TREE.replace(axes="ZYX", spacing=(4, 1, 1))),
    "planes apart": (STACK, APART.replace(axes="ZYX", spacing=(4, 1, 1))),
    "film together": (FILM, QUICK.replace(axes="TYX", spacing=(0.5, 0.25))),
    "film apart": (FILM, APART.replace(axes="TYX")),
    "trees of a film": (FILM, TREE.replace(axes="TYX")),
    "other weights": (PLANE, QUICK.replace(weights="superae-tree")),
}


def same(record, settings):
    """Whether settings come back from a record, as it is and as JSON."""
    assert Settings.from_record(record) == settings
    back = Settings.from_record(json.loads(json.dumps(record)))
    assert back == settings
    assert back.weights_sha256 == WEIGHTS[settings.weights].sha256
    return True


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_the_record_of_a_result_gives_its_settings_and_they_its_labels(name):
    image, settings = ONE_BY_ONE[name]
    result = napari_dsc.segment(image, settings)
    assert same(result.record, settings)
    again = napari_dsc.segment(image, Settings.from_record(result.record))
    np.testing.assert_array_equal(again.labels, result.labels)
    np.testing.assert_array_equal(again.probabilities, result.probabilities)


def test_what_the_user_gives_with_an_image_does_not_change_its_settings():
    parts = np.arange(24).reshape(4, 6).repeat(8, 0).repeat(8, 1)
    scribbles = np.where(parts < 2, parts + 1, 0)
    record = of_one(PLANE, QUICK, superpixels=parts, scribbles=scribbles)
    assert same(record, QUICK)
    assert {"given_superpixels", "given_scribbles"} <= set(record)


def test_steps_and_runs_have_the_record_of_their_settings():
    run = napari_dsc.Run(PLANE, QUICK)
    assert same(run.record(), QUICK)
    assert same(next(run.iter_steps()).segmentation().record, QUICK)


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_the_stages_before_the_cut_keep_how_it_is_to_be_made(axes):
    settings = APART.replace(axes=axes)
    run = whole_run(FILM, settings)
    assert len(run) == (3 if axes == "TYX" else 1)  # a stack is one piece to them
    assert exhausted(run.iter_superpixels()).shape == FILM.shape
    assert same(run.record(), settings)


@pytest.mark.parametrize("settings", [QUICK, TREE], ids=["dsc", "tree"])
def test_a_merge_tree_has_the_record_of_the_method_tree(settings):
    tree = napari_dsc.merge_tree(PLANE, settings)
    assert same(tree.record, settings.replace(method="tree"))
    again = napari_dsc.merge_tree(PLANE, Settings.from_record(tree.record))
    np.testing.assert_array_equal(again.cut(n_regions=4), tree.cut(n_regions=4))


def test_every_image_of_a_joint_run_has_its_settings():
    settings = QUICK.replace(axes="TYX")
    for one in napari_dsc.iter_joint([FILM, FILM[:2]], settings):
        assert same(one.record, settings)


@pytest.mark.parametrize("name", ["labels.tif", "labels.ome.zarr"])
def test_the_record_of_tiles_gives_their_settings(name, tmp_path):
    settings = QUICK.replace(tile=64, spacing=(0.5, 0.5))
    record = napari_dsc.segment_large(LARGE, tmp_path / name, settings)
    assert same(record, settings)
    assert Settings.from_record(read_recipe(tmp_path / name)) == settings


def test_tiles_that_nobody_asked_for_come_back_with_their_side(tmp_path):
    record = napari_dsc.segment_large(LARGE, tmp_path / "a.tif", QUICK)
    side = record["tiles"]["side"]
    assert side > 0
    assert same(record, QUICK.replace(tile=side))
    again = Settings.from_record(record)
    napari_dsc.segment_large(LARGE, tmp_path / "b.tif", again)
    first, second = (tifffile.imread(tmp_path / name) for name in ("a.tif", "b.tif"))
    np.testing.assert_array_equal(first, second)


def test_a_level_of_a_pyramid_comes_back(tmp_path):
    settings = QUICK.replace(tile=64, level=1, axes="YX")
    levels = [LARGE.repeat(2, 0).repeat(2, 1), LARGE]
    record = napari_dsc.segment_large(levels, tmp_path / "labels.tif", settings)
    assert same(record, settings)


@pytest.mark.parametrize("settings", [QUICK, APART.replace(axes="TYX"), TREE])
def test_the_output_of_a_batch_gives_the_settings_of_all(settings, tmp_path):
    np.save(tmp_path / "image.npy", FILM if settings.axes else PLANE)
    (task,) = plan_tasks(
        [tmp_path / "image.npy"], tmp_path / "out", new_batch(settings), "refuse"
    )
    task.output.parent.mkdir()
    assert do_task(task).error == ""
    assert same(read_record(task.output), settings)
    again, notes = batch_from_recipe(task.output, "cpu")
    assert again.settings == settings
    assert not notes


# the command line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Current folder with an image of each kind."""
    monkeypatch.chdir(tmp_path)
    iio.imwrite("plane.png", PLANE)
    iio.imwrite("colors.png", COLORS)
    described = {"imagej": True, "metadata": {"axes": "ZYX"}}
    tifffile.imwrite("stack.tif", STACK, **described)
    np.save("stack.npy", STACK)
    np.save("film.npy", FILM)
    tifffile.imwrite("large.tif", LARGE)
    zarr.create_array("large.zarr", data=LARGE)
    return tmp_path


FAST = "--n-superpixels 14 --n-iterations 2 --n-partitions 5 --device cpu --quiet"
TILES = f"{FAST} --tile 64 --superpixels slic"  # the fastest superpixels
BY_FLAGS = {
    "channels": ("colors.png", "--channels 0"),
    "spacing": ("stack.tif", "--spacing 4,1,1 --superpixels slic"),
    "axes": ("stack.npy", "--axes ZYX"),
    "tile": ("large.tif", "--tile 64"),
    "preset": ("colors.png", "--preset paper --seed 5 --learning-rate 0.00625"),
    "intensities": ("plane.png", "--normalization percentile --high-percentile 90.125"),
    "tree": ("plane.png", "--method tree --regions 5"),
    "film": ("film.npy", "--axes TYX --series apart"),
    "weights": ("plane.png", "--weights superae-tree --affinity-scale 2.5"),
}


def labels_of(path):
    group = Path(path)
    if group.suffix == ".zarr":
        return zarr.open_group(group, mode="r")["0"][:]
    return tifffile.imread(group)


def segment(image, output, flags=""):
    return main(["segment", image, "-o", output, *flags.split()])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", BY_FLAGS)
def test_the_labels_alone_repeat_the_command(name, capsys):
    image, flags = BY_FLAGS[name]
    assert segment(image, "first.tif", f"{FAST} {flags}") == 0
    assert segment(image, "again.tif", "--recipe first.tif") == 0
    np.testing.assert_array_equal(labels_of("again.tif"), labels_of("first.tif"))
    settings = [Settings.from_record(read_record(f"{one}.tif")) for one in ("first", "again")]
    assert settings[0] == settings[1]
    # without these flags there would be other labels, or none
    plain = segment(image, "plain.tif", FAST)
    assert plain == 2 or not np.array_equal(labels_of("plain.tif"), labels_of("first.tif"))
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("image", ["large.tif", "large.zarr"])
def test_labels_in_a_zarr_store_repeat_the_command_also_by_a_link(image):
    flags = f"{TILES} --spacing 0.5,0.5 --seed 3"
    assert segment(image, "first.ome.zarr", flags) == 0
    Path("link.ome.zarr").symlink_to("first.ome.zarr")
    assert segment(image, "again.ome.zarr", "--recipe first.ome.zarr") == 0
    assert segment(image, "linked.tif", "--recipe link.ome.zarr") == 0
    for again in ("again.ome.zarr", "linked.tif"):
        np.testing.assert_array_equal(labels_of(again), labels_of("first.ome.zarr"))


@pytest.mark.usefixtures("folder")
def test_the_saved_recipe_is_that_of_the_labels():
    flags = f"{FAST} --channels 2 --save-recipe r.json"
    assert segment("colors.png", "first.tif", flags) == 0
    saved, written = (
        Settings.from_record(read_recipe(Path(p))) for p in ("r.json", "first.tif")
    )
    assert saved == written
    assert saved.channels == (2,)
    assert segment("colors.png", "again.tif", "--recipe r.json") == 0
    np.testing.assert_array_equal(labels_of("again.tif"), labels_of("first.tif"))


@pytest.mark.usefixtures("folder")
def test_a_joint_run_is_repeated_by_the_labels_of_any_image():
    iio.imwrite("other.png", COLORS[::-1])
    inputs = ["segment", "colors.png", "other.png", "--joint"]
    assert main([*inputs, "-o", "first", *f"{FAST} --channels 1,2".split()]) == 0
    recipe = "first/other_segments.tif"
    assert main([*inputs, "-o", "again", "--recipe", recipe, "--quiet"]) == 0
    for name in ("colors_segments.tif", "other_segments.tif"):
        first, again = (labels_of(f"{folder}/{name}") for folder in ("first", "again"))
        np.testing.assert_array_equal(again, first)


@pytest.mark.usefixtures("folder")
def test_flags_take_precedence_over_every_part_of_a_recipe():
    assert segment("colors.png", "first.tif", f"{FAST} --channels 0 --seed 3") == 0
    flags = "--channels 1 --n-iterations 4 --weights superae-tree --device auto"
    assert segment("colors.png", "changed.tif", f"--recipe first.tif {flags}") == 0
    assert segment("colors.png", "direct.tif", f"{FAST} --seed 3 {flags}") == 2  # given twice
    rest = FAST.replace(" --n-iterations 2", "").replace(" --device cpu", "")
    assert segment("colors.png", "direct.tif", f"{rest} --seed 3 {flags}") == 0
    np.testing.assert_array_equal(labels_of("changed.tif"), labels_of("direct.tif"))
    changed = Settings.from_record(read_record("changed.tif"))
    assert changed == Settings.from_record(read_record("direct.tif"))
    assert (changed.channels, changed.weights, changed.device) == ((1,), "superae-tree", "auto")
    assert changed.cut_params.seed == 3


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["labels.tif", "labels.ome.zarr", "labels.json"])
def test_a_recipe_of_other_weights_is_refused_in_one_sentence(name, capsys):
    output = name.replace(".json", ".tif")
    assert segment("large.tif", output, TILES) == 0
    right, wrong = WEIGHTS[Settings().weights].sha256, "0" * 64
    if name.endswith(".json"):
        recipe = json.dumps(read_recipe(Path(output)))
        Path(name).write_text(recipe.replace(right, wrong))
    else:
        file = Path(name, "zarr.json") if name.endswith("zarr") else Path(name)
        content = file.read_bytes()
        assert right.encode() in content
        file.write_bytes(content.replace(right.encode(), wrong.encode()))
    assert segment("large.tif", "again.tif", f"--recipe {name}") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{name}': made with other weights of the name 'superae-bsds500'" in said
    assert not Path("again.tif").exists()
    assert segment("large.tif", "again.tif", f"--recipe {name} --weights superae-tree") == 0


def test_settings_of_other_weights_are_refused_in_python():
    settings = Settings.from_record(of_one(PLANE, QUICK))
    damaged = settings.replace(weights_sha256="0" * 64)
    with pytest.raises(InvalidParameterError, match="made with other weights of this name"):
        napari_dsc.segment(PLANE, damaged)


@pytest.mark.usefixtures("folder")
def test_a_hash_without_a_name_is_that_of_the_default_weights(capsys):
    Path("r.json").write_text(json.dumps({"weights": {"sha256": "0" * 64}}))
    assert segment("plane.png", "labels.tif", "--recipe r.json") == 2
    assert "made with other weights" in capsys.readouterr().err
    right = WEIGHTS[Settings().weights].sha256
    Path("r.json").write_text(json.dumps({"weights": {"sha256": right}}))
    assert segment("plane.png", "labels.tif", f"--recipe r.json {FAST}") == 0


@pytest.mark.usefixtures("folder")
def test_recipes_of_earlier_versions_still_work():
    parameters = Settings().to_record()["parameters"]
    for stage, values in parameters.items():
        values |= dataclasses.asdict(getattr(QUICK, f"{stage.rstrip('s')}_params"))
    old = {
        "software": {"napari-dsc": "0.0.9"},
        "method": "dsc",
        "weights": {"name": "superae-bsds500"},
        "parameters": parameters,
    }
    Path("r.json").write_text(json.dumps(old))
    assert segment("plane.png", "labels.tif", "--recipe r.json --device cpu") == 0
    expected = napari_dsc.segment(PLANE, QUICK)
    np.testing.assert_array_equal(labels_of("labels.tif"), expected.labels)


@pytest.mark.usefixtures("folder")
def test_labels_of_earlier_versions_are_recipes():
    """Their records said nothing on reading, nor on the device and the tiles asked for."""
    assert segment("large.tif", "new.tif", TILES) == 0
    record = read_record("new.tif")
    for name in ("reading", "tile"):
        del record[name]
    del record["device"]["asked"]
    tifffile.imwrite("old.tif", labels_of("new.tif"), description=json.dumps(record))
    assert segment("large.tif", "again.tif", "--recipe old.tif --quiet") == 0
    np.testing.assert_array_equal(labels_of("again.tif"), labels_of("new.tif"))


# snippets


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", BY_FLAGS)
def test_the_command_of_a_record_repeats_it(name):
    import shlex

    image, flags = BY_FLAGS[name]
    assert segment(image, "first.tif", f"{FAST} {flags}") == 0
    command = as_command(read_record("first.tif"), image, "again.tif")
    assert main(shlex.split(command)[1:]) == 0
    np.testing.assert_array_equal(labels_of("again.tif"), labels_of("first.tif"))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", sorted(set(BY_FLAGS) - {"tile"}))
def test_the_code_of_a_record_repeats_it(name):
    image, flags = BY_FLAGS[name]
    assert segment(image, "first.tif", f"{FAST} {flags}") == 0
    names = {}
    exec(as_python(read_record("first.tif"), repr(image)), names)
    np.testing.assert_array_equal(names["result"].labels, labels_of("first.tif"))


@pytest.mark.usefixtures("folder")
def test_the_code_of_tiles_writes_their_labels():
    assert segment("large.tif", "first.tif", TILES) == 0
    names = {}
    exec(as_python(read_record("first.tif"), "'large.tif'"), names)
    np.testing.assert_array_equal(labels_of("labels.ome.zarr"), labels_of("first.tif"))
    assert names["result"]["tile"] == 64
