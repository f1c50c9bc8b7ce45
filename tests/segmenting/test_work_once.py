"""Work is done once: files read, weights hashed, networks loaded, superpixels made."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_dsc
from napari_dsc import CutParams, ImageParams, Settings, SuperpixelParams
from napari_dsc.cli import main
from napari_dsc.cut.joint import N_SAMPLES
from napari_dsc.images import loading
from napari_dsc.segmenting import stages as stages_module
from napari_dsc.segmenting.joint import Files
from napari_dsc.segmenting.segmenter import iter_segmentation
from napari_dsc.segmenting.series import SeriesRun
from napari_dsc.segmenting.stages import Stages
from napari_dsc.superae import registry

N_FRAMES, N_STEPS = 40, 16
# frames are drawn by chance: one a step, and samples for the statistics before and after
N_DRAWS = N_STEPS + 2 * N_SAMPLES
SETTINGS = Settings(
    device="cpu",
    axes="TYX",
    image_params=ImageParams(normalization="range"),
    superpixel_params=SuperpixelParams(n_superpixels=12, superpixels="slic"),
    cut_params=CutParams(n_iterations=N_STEPS, n_partitions=4, patience=0),
)
FLAGS = (
    f"--axes TYX --normalization range --n-superpixels 12 --superpixels slic --device cpu "
    f"--n-iterations {N_STEPS} --n-partitions 4 --patience 0 --quiet"
)


def film(seed, n_frames=N_FRAMES):
    """A bright square that walks to the right, no two frames alike, (T, 16, 24) uint8."""
    frames = np.random.default_rng(seed).integers(30, 60, (n_frames, 16, 24))
    for number, frame in enumerate(frames):
        left = number % 16
        frame[4:12, left : left + 8] += 150
    return frames.astype(np.uint8)


def write(name, pixels):
    if name.endswith(".npy"):
        np.save(name, pixels)
    else:
        tifffile.imwrite(name, pixels, photometric="minisblack")
    return Path(name)


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """How often each thing was done, by what it was done to; the folder is a new one."""
    monkeypatch.chdir(tmp_path)
    counted = {}

    def count(owner, name, key):
        do, kind = getattr(owner, name), f"{owner.__name__.rpartition('.')[2]}.{name}"
        done = counted[kind] = Counter()

        def counting(*arguments, **options):
            done[key(*arguments)] += 1
            return do(*arguments, **options)

        monkeypatch.setattr(owner, name, counting)

    registry._sha256.cache_clear()
    count(loading, "read_image", lambda path: Path(path).name)
    count(SeriesRun, "__init__", lambda run, pieces, stages: pieces.piece(0).sha256)
    count(Stages, "superpixels", lambda stages, image, *_: image.sha256)
    count(stages_module, "load_weights", lambda weights: weights.sha256)
    count(registry.pooch, "file_hash", lambda path, **_: Path(path).name)
    return counted


def is_frugal(counts, n_films=2, n_frames=2 * N_FRAMES):
    """Whether a joint run did no more than it must; a failure names what was too much."""
    assert set(counts["SeriesRun.__init__"].values()) == {1}
    assert len(counts["SeriesRun.__init__"]) == n_films
    assert len(counts["loading.read_image"]) == n_films
    assert max(counts["loading.read_image"].values()) <= 2
    assert set(counts["Stages.superpixels"].values()) == {1}
    assert len(counts["Stages.superpixels"]) == n_frames
    assert list(counts["stages.load_weights"].values()) == [1]
    assert list(counts["pooch.file_hash"].values()) == [1]
    return True


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_a_joint_run_reads_each_film_twice_and_builds_one_run_of_it(counts, suffix):
    paths = [write(f"{name}{suffix}", film(seed)) for seed, name in enumerate("ab")]
    found = [one.labels for one in napari_dsc.iter_joint(paths, SETTINGS)]
    assert [labels.shape for labels in found] == [(N_FRAMES, 16, 24)] * 2
    assert is_frugal(counts)


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_so_does_the_command(counts, suffix):
    for seed, name in enumerate("ab"):
        write(f"{name}{suffix}", film(seed))
    inputs = [f"a{suffix}", f"b{suffix}", "--joint", "-o", "out"]
    assert main(["segment", *inputs, *FLAGS.split()]) == 0
    assert is_frugal(counts)
    assert len(list(Path("out").iterdir())) == 2


def test_labels_that_were_asked_for_once_are_not_smoothed(counts, monkeypatch):
    monkeypatch.setattr(Stages, "smoothed", None)
    list(napari_dsc.iter_joint([film(0, 3), film(1, 2)], SETTINGS))
    napari_dsc.segment(film(0, 3), SETTINGS)
    napari_dsc.segment(film(0, 1)[0], SETTINGS.replace(axes=""))


@pytest.mark.parametrize("n_frames", [N_FRAMES, 2 * N_FRAMES])
def test_the_cost_of_learning_does_not_grow_with_the_films(counts, n_frames):
    paths = [write(f"{name}.npy", film(seed, n_frames)) for seed, name in enumerate("ab")]
    for progress in iter_segmentation(Files(paths, SETTINGS), SETTINGS):
        if progress.stage == "labels":
            break
    assert counts["loading.read_image"] == {"a.npy": 2, "b.npy": 2}
    assert len(counts["SeriesRun.__init__"]) == counts["SeriesRun.__init__"].total() == 2
    made = counts["Stages.superpixels"].total()
    assert N_DRAWS / 2 < made <= N_DRAWS
    # the short films hold more frames than there are draws, so that no limit hides another
    assert N_DRAWS < 2 * N_FRAMES


def test_a_film_alone_is_read_once(counts):
    path = write("film.npy", film(0, 5))
    for cut in (SETTINGS, SETTINGS.replace(method="tree")):
        napari_dsc.segment(path, cut)
    apart = CutParams(n_iterations=1, n_partitions=4, series="apart")
    napari_dsc.segment(path, SETTINGS, cut_params=apart)
    assert counts["loading.read_image"] == {"film.npy": 3}
    assert set(counts["Stages.superpixels"].values()) == {2}  # not by the tree
    assert list(counts["stages.load_weights"].values()) == [2]
    assert list(counts["pooch.file_hash"].values()) == [1]


def test_a_network_is_loaded_only_where_it_is_needed(counts):
    napari_dsc.over_segment(film(0, 2), SETTINGS)
    napari_dsc.segment(film(0, 2), SETTINGS, method="tree")
    assert not counts["stages.load_weights"]


def test_memory_that_runs_short_costs_reads_but_changes_no_labels(counts, monkeypatch):
    paths = [write(f"{name}.npy", film(seed, 6)) for seed, name in enumerate("ab")]
    roomy = [one.labels for one in napari_dsc.iter_joint(paths, SETTINGS)]
    assert counts["loading.read_image"] == {"a.npy": 2, "b.npy": 2}
    monkeypatch.setattr("napari_dsc.segmenting.joint.KEPT_BYTES", 0)
    tight = [one.labels for one in napari_dsc.iter_joint(paths, SETTINGS)]
    assert counts["loading.read_image"].total() > 8
    for one, other in zip(roomy, tight, strict=True):
        np.testing.assert_array_equal(one, other)
