"""The engine: what does not go together, how it ends, and trees of the frames of a film."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_dsc
from napari_dsc import (
    CutParams,
    InvalidImageError,
    InvalidParameterError,
    Settings,
    SuperpixelParams,
    TreeParams,
)
from napari_dsc.cli import main
from napari_dsc.machine.progress import Progress, Steps, exhausted
from napari_dsc.segmenting.joint import Files
from napari_dsc.segmenting.pieces import Tiles, open_pieces
from napari_dsc.segmenting.segmenter import SEGMENTERS, iter_segmentation, refuse
from napari_dsc.segmenting.stages import Stages

QUICK = Settings(
    device="cpu",
    superpixel_params=SuperpixelParams(n_superpixels=12, superpixels="slic"),
    cut_params=CutParams(n_iterations=2, n_partitions=4),
)
TREE = QUICK.replace(method="tree", tree_params=TreeParams(regions=3, n_leaves=40))
BY_TREE = QUICK.replace(cut_params=CutParams(n_iterations=2, affinity="tree"))
APART = QUICK.replace(cut_params=CutParams(n_iterations=2, series="apart"))


@pytest.fixture(scope="module")
def film():
    """Two bright squares on dark ground, of which one walks, (T, Y, X)."""
    frames = np.random.default_rng(0).integers(40, 60, (3, 32, 48))
    for number, frame in enumerate(frames):
        frame[4:14, 4:14] = 150
        frame[16:28, 8 * number + 8 : 8 * number + 22] = 220
    return frames.astype(np.uint8)


PARTS = np.arange(24).reshape(4, 6).repeat(8, 0).repeat(8, 1)


# what does not go together


def pieces_of(kind, film, settings, **given):
    if kind == "image":
        return open_pieces(film[0], settings).given(**NOTHING | given)
    if kind == "series":
        return open_pieces(film, settings.replace(axes="TYX")).given(**NOTHING | given)
    if kind == "planes":
        return open_pieces(film, settings.replace(axes="ZYX")).given(**NOTHING | given)
    if kind == "files":
        return Files([film[0], film[1]], settings)
    return Tiles(film[0], Path("labels.tif"), **given)


NOTHING = {"superpixels": None, "scribbles": None}
SUPERPIXELS, SCRIBBLES = {"superpixels": PARTS + 1}, {"scribbles": PARTS % 3}
TILED = QUICK.replace(tile=64)
REFUSED = [
    (TREE, "tiles", {}, "method='tree': not available for an image in tiles; use dsc"),
    (TREE, "files", {}, "method='tree': not available for images that are cut together"),
    (APART, "files", {}, "series='apart': images of a joint run are cut together; use"),
    (BY_TREE, "files", {}, "affinity='tree': not available for images that are cut together"),
    (BY_TREE, "series", {}, "affinity='tree': not available for a time series"),
    (BY_TREE, "tiles", {}, "affinity='tree': not available for an image in tiles"),
    (TILED, "image", {}, "tile=64: not available for a single image; call segment_large()"),
    (TILED, "series", {}, "tile=64: not available for a time series"),
    (TILED, "files", {}, "tile=64: not available for images that are cut together"),
    (QUICK.replace(level=1), "image", {}, "level=1: not available for a single image"),
    (QUICK, "series", SUPERPIXELS, "superpixels: taken by the methods dsc and classes on a"),
    (QUICK, "series", SCRIBBLES, "scribbles: taken by the methods dsc and classes on a"),
    (APART, "planes", SCRIBBLES, "scribbles: .* got method 'dsc' on a time series, or planes"),
    (TREE, "image", SUPERPIXELS, "superpixels: .* got method 'tree' on a single image"),
    (TREE, "image", SCRIBBLES, "scribbles: .* got method 'tree' on a single image"),
    (QUICK, "tiles", SUPERPIXELS, "superpixels: .* on an image in tiles; leave them out"),
    (QUICK, "tiles", SCRIBBLES, "scribbles: .* on an image in tiles; leave them out"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[3]:.20}-{case[1]}")
def test_what_does_not_go_together_is_refused_in_one_sentence(case, film, monkeypatch):
    settings, kind, given, words = case
    pieces = pieces_of(kind, film, settings, **given)
    with pytest.raises(InvalidParameterError, match=words) as caught:
        refuse(settings, pieces)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr("napari_dsc.segmenting.segmenter.Stages", None)  # before any work
    with pytest.raises(InvalidParameterError, match=words):
        exhausted(iter_segmentation(pieces, settings))


GOING = [
    *((QUICK, kind) for kind in ("image", "series", "planes", "files", "tiles")),
    *((TREE, kind) for kind in ("image", "series", "planes")),
    (APART, "series"),
    (APART, "planes"),
    (BY_TREE, "image"),
    (BY_TREE, "planes"),
    (APART.replace(cut_params=CutParams(affinity="tree", series="apart")), "series"),
    (TILED, "tiles"),
]


@pytest.mark.parametrize(("settings", "kind"), GOING)
def test_everything_else_goes_together(settings, kind, film):
    refuse(settings, pieces_of(kind, film, settings))


def test_superpixels_and_scribbles_go_with_one_image_and_the_cut(film):
    refuse(QUICK, pieces_of("image", film, QUICK, **SUPERPIXELS, **SCRIBBLES))


def test_every_segmenter_takes_a_single_image():
    assert set(SEGMENTERS) == {"dsc", "tree", "classes"}
    for segmenter in SEGMENTERS.values():
        assert "image" in segmenter.kinds
        assert segmenter.summary
        assert segmenter.source


FLAGS = "--n-superpixels 12 --n-iterations 2 --device cpu"


@pytest.fixture
def folder(tmp_path, monkeypatch, film):
    """Current folder with a film and two images, of which one is large enough for tiles."""
    monkeypatch.chdir(tmp_path)
    np.save("film.npy", film)
    np.save("plane.npy", film[0])
    tifffile.imwrite("large.tif", film[0].repeat(3, 0).repeat(2, 1))
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("large.tif --method tree --tile 64", "method='tree': not available for an image in"),
        ("large.tif --affinity tree --tile 64", "affinity='tree': not available for an image"),
        ("large.tif --level 1 --method tree", "method='tree': not available for an image in"),
        ("plane.npy film.npy --joint --method tree", "method='tree': not available for images"),
        ("plane.npy --joint --method tree", "method='tree': not available for images that"),
        ("plane.npy large.tif --joint --series apart", "series='apart': images of a joint run"),
        ("plane.npy --joint --series apart", "series='apart': images of a joint run"),
        ("plane.npy large.tif --joint --affinity tree", "affinity='tree': not available for"),
        ("plane.npy large.tif --joint --tile 64", "--joint and --tile exclude each other"),
        ("plane.npy large.tif --joint --level 1", "--joint and --level exclude each other"),
        ("film.npy --axes TYX --affinity tree", "affinity='tree': not available for a time"),
    ],
)
def test_the_command_refuses_it_with_status_2(words, message, folder, capsys):
    before = sorted(folder.rglob("*"))
    output = ["-o", "out" if "npy large" in words or "npy film" in words else "out.tif"]
    output = [] if "-o" in words.split() else output
    assert main(["segment", *words.split(), *output, *FLAGS.split(), "--quiet"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert sorted(folder.rglob("*")) == before


# the tree of a film


@pytest.fixture(scope="module")
def trees(film):
    """Each frame of the film segmented by a tree of its own."""
    return napari_dsc.segment(film, TREE, axes="TYX")


def test_the_labels_of_a_frame_are_those_of_the_frame_alone(film, trees):
    single = {"normalization": "range"}  # the film is stretched as a whole
    settings = TREE.replace(image_params=napari_dsc.ImageParams(**single))
    found = napari_dsc.segment(film, settings, axes="TYX")
    for frame, labels in zip(film, found.labels, strict=True):
        alone = napari_dsc.segment(frame, settings).labels
        pairs = np.unique(np.stack([labels.ravel(), alone.ravel()]), axis=1)
        assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
        assert pairs.shape[1] == 3


def test_numbers_of_regions_and_leaves_differ_between_frames(trees):
    for image in (trees.labels, trees.superpixels):
        numbers = [set(np.unique(frame).tolist()) for frame in image]
        assert len(set.union(*numbers)) == sum(map(len, numbers)) == image.max()
    np.testing.assert_array_equal(
        trees.labels, trees.classes_of_superpixels[trees.superpixels - 1] + 1
    )


def test_the_record_of_the_trees_counts_over_all_frames(film, trees):
    record = trees.record
    assert record["n_images"] == len(record["image"]["sha256"]) == 3
    assert record["n_regions"] == len(np.unique(trees.labels)) == 9
    assert record["n_superpixels"] == len(np.unique(trees.superpixels))
    assert (record["image"]["axes"], record["image"]["shape"]) == ("TYX", [3, 32, 48])
    assert record["method"] == "tree"
    assert "cut" not in record["parameters"]
    assert record["seconds"]["tree"] > 0
    assert trees.probabilities.shape == (record["n_superpixels"], 0)
    np.testing.assert_array_equal(trees.smoothed, film)  # it does not smooth


def test_time_in_another_place_moves_with_the_regions(film, trees):
    moved = napari_dsc.segment(film.transpose(1, 2, 0), TREE, axes="YXT")
    np.testing.assert_array_equal(moved.labels, trees.labels.transpose(1, 2, 0))
    np.testing.assert_array_equal(moved.smoothed, film.transpose(1, 2, 0))


def test_the_command_gives_the_trees_that_python_gives(folder, trees, capsys):
    flags = "--axes TYX --method tree --regions 3 --n-leaves 40 --device cpu"
    assert main(["segment", "film.npy", "-o", "out.tif", *flags.split()]) == 0
    np.testing.assert_array_equal(tifffile.imread("out.tif"), trees.labels)
    assert "3 images, 9 regions" in capsys.readouterr().err


@pytest.mark.parametrize(
    "call",
    [
        napari_dsc.Run,
        napari_dsc.merge_tree,
        lambda *arguments, **options: next(napari_dsc.iter_segment(*arguments, **options)),
    ],
    ids=["Run", "merge_tree", "iter_segment"],
)
@pytest.mark.parametrize("settings", [QUICK, TREE], ids=["dsc", "tree"])
def test_what_takes_one_image_says_what_takes_a_film(call, settings, film):
    with pytest.raises(
        InvalidImageError, match=r"3 time frames \(axes TYX\).* Use segment\(\)"
    ):
        call(film, settings, axes="TYX")


# how it ends


@pytest.mark.parametrize("kind", ["image", "series", "planes", "files"])
@pytest.mark.parametrize("settings", [QUICK, APART, TREE], ids=["dsc", "apart", "tree"])
def test_stages_come_in_order_and_count_up_to_their_total(kind, settings, film):
    pieces = pieces_of(kind, film, settings)
    if kind == "files" and settings is not QUICK:
        pytest.skip("refused")
    told = []
    exhausted(iter_segmentation(pieces, settings), told.append)
    assert all(isinstance(one, Progress) for one in told)
    stages = list(dict.fromkeys(one.stage for one in told))
    known = ["reading", "smoothing", "superpixels", "tree", "cut", "learning", "labels"]
    assert stages == [stage for stage in known if stage in stages]
    for stage in stages:
        of_stage = [one for one in told if one.stage == stage]
        done = [one.done for one in of_stage]
        assert done == sorted(done)
        assert {one.total for one in of_stage} == {of_stage[0].total}
        assert max(done) <= of_stage[0].total


@pytest.mark.parametrize("stop_at", ["reading", "learning", "labels", "writing"])
@pytest.mark.parametrize("name", ["labels.ome.zarr", "labels.tif"])
def test_tiles_that_are_stopped_leave_no_file(name, stop_at, film, tmp_path):
    steps = iter_segmentation(Tiles(np.tile(film[0], (3, 3)), tmp_path / name), TILED)
    for progress in steps:
        if progress.stage == stop_at:
            break
    else:
        pytest.fail(f"there is no stage {stop_at}")
    steps.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["image", "series", "planes", "files"])
def test_a_run_that_is_stopped_keeps_nothing_in_memory(kind, film, monkeypatch):
    made, make = [], Stages.superpixels

    def counted(*arguments):
        found = make(*arguments)
        made.append(weakref.ref(found))
        return found

    monkeypatch.setattr(Stages, "superpixels", counted)
    pieces = pieces_of(kind, film, QUICK)
    steps = iter_segmentation(pieces, QUICK)
    for progress in steps:
        if progress.stage in ("cut", "learning") and progress.done == 1:
            break
    read = weakref.ref(pieces)
    assert made
    steps.close()
    del steps, pieces, progress
    gc.collect()
    assert [one() for one in [*made, read] if one() is not None] == []


def numbers(closed, n=3):
    try:
        yield from range(n)
    finally:
        closed.append(True)
    return "the value"


def test_a_generator_is_run_to_its_end_and_gives_its_value():
    shown, closed = [], []
    assert exhausted(numbers(closed), shown.append) == "the value"
    assert (shown, closed) == ([0, 1, 2], [True])
    assert exhausted(numbers(closed)) == "the value"
    assert exhausted(numbers(closed, 0)) == "the value"


def test_whoever_raises_while_shown_progress_closes_the_generator():
    closed = []

    def show(number):
        if number == 1:
            raise KeyboardInterrupt

    generator = numbers(closed)
    with pytest.raises(KeyboardInterrupt):
        exhausted(generator, show)
    assert closed == [True]
    assert list(generator) == []


def test_steps_have_a_value_at_their_end_only():
    closed = []
    steps = Steps(numbers(closed))
    for number in steps:
        assert number in range(3)
        assert not hasattr(steps, "value")
    assert (steps.value, closed) == ("the value", [True])


def test_steps_that_are_left_early_close_their_generator():
    closed = []
    steps = Steps(numbers(closed))
    loop = iter(steps)
    assert next(loop) == 0
    loop.close()
    assert closed == [True]
    assert not hasattr(steps, "value")


# smoothing


@pytest.mark.parametrize("source", ["original", "smoothed"])
@pytest.mark.parametrize("axes", ["YX", "TYX"])
def test_an_image_is_smoothed_only_where_somebody_asks_for_it(source, axes, film, monkeypatch):
    calls, smoothed = [], Stages.smoothed

    def counted(stages, image):
        calls.append(image.sha256)
        return smoothed(stages, image)

    monkeypatch.setattr(Stages, "smoothed", counted)
    image = film if "T" in axes else film[0]
    params = SuperpixelParams(n_superpixels=12, superpixels="slic", source=source)
    result = napari_dsc.segment(image, QUICK, axes=axes, superpixel_params=params)
    n_images = len(film) if "T" in axes else 1
    assert len(calls) == (n_images if source == "smoothed" else 0)
    assert ("smooth" in result.record["seconds"]) == (source == "smoothed")
    calls.clear()
    expected = napari_dsc.smooth(image, QUICK, axes=axes)
    calls.clear()
    np.testing.assert_array_equal(result.smoothed, expected)
    assert result.smoothed is result.smoothed
    assert len(calls) <= n_images


def test_a_result_can_be_saved_and_has_the_tree_it_was_cut_from(film, tmp_path):
    result = napari_dsc.segment(film[0], TREE)
    np.testing.assert_array_equal(result.tree.cut(n_regions=3), result.labels)
    np.testing.assert_array_equal(result.tree.superpixels + 1, result.superpixels)
    assert napari_dsc.segment(film[0], QUICK).tree is None
    result.save(tmp_path / "labels.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), result.labels)
    with pytest.raises(napari_dsc.OutputError, match="already exists"):
        result.save(tmp_path / "labels.tif")
    result.save(tmp_path / "labels.tif", overwrite=True)
