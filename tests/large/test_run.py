import dataclasses
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
import zarr
from scipy import ndimage

from napari_dsc import CutParams, Settings, SuperpixelParams, segment_large
from napari_dsc.cli import main
from napari_dsc.errors import OutputError
from napari_dsc.images import array_sha256
from napari_dsc.labels.regions import connected_regions
from napari_dsc.large.source import open_source
from napari_dsc.segmenting import tiles as module
from napari_dsc.segmenting.cutting import tiled
from napari_dsc.segmenting.cutting.tiled import CutTiles
from napari_dsc.segmenting.stages import Stages

SIDE, TILE = 320, 128
BORDERS = (108, 212)  # where the cores of three tiles meet
CUT = CutParams(n_partitions=6, n_iterations=4, resolution=0.5, cut_normalization="pairs")
ORIGINAL = SuperpixelParams(n_superpixels=400, source="original")  # without smoothing: faster


@pytest.fixture(scope="module", autouse=True)
def _few_samples():
    """Statistics of fewer pieces: faster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_dsc.cut.joint.N_SAMPLES", 2)
        yield


@pytest.fixture(scope="module")
def clouds():
    """Soft spots of three gray levels everywhere, (320, 320) uint8."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 6)
    levels = np.digitize(noise, np.quantile(noise, [0.33, 0.66])) * 90 + 20
    blurred = ndimage.gaussian_filter(levels.astype(float), 1.5)
    return (blurred + np.random.default_rng(1).normal(0, 4, blurred.shape)).astype(np.uint8)


def labels_of(image, folder, **options):
    path = folder / "labels.tif"
    given = {"tile": TILE, "cut_params": CUT, "superpixel_params": ORIGINAL} | options
    record = segment_large(image, path, overwrite=True, **given)
    return tifffile.imread(path), record


@pytest.fixture(scope="module")
def by_tiles(clouds, tmp_path_factory):
    return labels_of(clouds, tmp_path_factory.mktemp("tiles"))


def border_excess(labels):
    """How much more often labels change at borders of tiles than 2 to 9 pixels from them."""
    excess = []
    for view in (labels, labels.T):
        changes = (view[:, 1:] != view[:, :-1]).mean(0)
        near = [changes[b - 1 + s] for b in BORDERS for s in (*range(-9, -1), *range(2, 10))]
        excess.append(np.mean([changes[b - 1] for b in BORDERS]) / np.mean(near))
    return np.mean(excess)


def test_tiles_do_not_show_in_the_labels(by_tiles, clouds, tmp_path, monkeypatch):
    plan = tiled.plan_tiling

    def without_halo(*arguments):
        tiling, width = plan(*arguments)
        return tiling._replace(halo=0), width

    monkeypatch.setattr(tiled, "plan_tiling", without_halo)
    naive, _ = labels_of(clouds, tmp_path)
    assert border_excess(naive) > 3

    labels, record = by_tiles
    assert record["tiles"] == {"side": TILE, "n_tiles": 9}
    assert border_excess(labels) < 1.3


def test_every_pixel_has_a_class_and_the_record_tells_how(by_tiles, clouds):
    labels, record = by_tiles

    assert labels.shape == clouds.shape
    assert labels.dtype == np.uint8
    assert 1 <= labels.min() < labels.max() <= CUT.n_partitions
    assert record["n_classes"] == len(np.unique(labels)) > 1
    assert 350 < record["n_superpixels"] < 600
    assert record["image"]["sha256"] == array_sha256(clouds)
    assert record["parameters"]["cut"] == dataclasses.asdict(CUT)


def test_regions_are_the_connected_pieces_of_the_classes(clouds, tmp_path):
    few = {"tile": 64, "superpixel_params": dataclasses.replace(ORIGINAL, n_superpixels=80)}
    params = dataclasses.replace(CUT, result="regions")
    classes, _ = labels_of(clouds[:64, :128], tmp_path, **few)
    regions, record = labels_of(clouds[:64, :128], tmp_path, cut_params=params, **few)

    assert record["tiles"]["n_tiles"] == 2
    np.testing.assert_array_equal(regions, connected_regions(classes) + 1)
    assert record["n_regions"] == regions.max() > record["n_classes"]


def test_superpixels_of_the_smoothed_image_and_colors_work_too(clouds, tmp_path):
    colors = np.stack([clouds[:96, :112], clouds[:96, 112:224], clouds[96:192, :112]], 2)
    superpixels = SuperpixelParams(n_superpixels=40)
    labels, _ = labels_of(colors, tmp_path, tile=64, superpixel_params=superpixels)

    assert labels.shape == (96, 112)
    assert labels.min() > 0


def test_few_superpixels_become_as_many_as_tiles_need(clouds):
    with open_source(clouds) as source:
        run = CutTiles(source, Stages(Settings(tile=64)))

    assert run.stages.notes == [
        "about 1600 superpixels instead of 100, because a tile of 64 pixels should hold some: "
        "n_superpixels of a large image count for all of it"
    ]
    assert "320 x 320 pixels in 25 tiles of up to 64 x 64; about " in run.describe()


def test_a_run_that_is_ended_leaves_no_files(clouds, tmp_path):
    with open_source(clouds) as source:
        settings = Settings(superpixel_params=ORIGINAL, cut_params=CUT, tile=TILE)
        run = CutTiles(source, Stages(settings))
        steps = run.iter_save(tmp_path / "labels.ome.zarr")
        for progress in steps:
            if progress.stage == "labels":
                break
        assert (progress.done, progress.total) == (1, 9)
        assert list(tmp_path.iterdir())
        steps.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_told_before_labels_are_made():
    with pytest.raises(OutputError, match=r"need 100 bytes \(No space left"):
        module._reserve(Path("/dev/full"), 100)


def test_space_is_reserved_in_full(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RESERVED_AT_ONCE", 64)
    for n_bytes in (1, 64, 150):
        module._reserve(tmp_path / "classes", n_bytes)
        assert (tmp_path / "classes").read_bytes() == bytes(n_bytes)


FLAGS = ["--source", "original", "--n-iterations", "2", "--n-partitions", "4", "--quiet"]


def test_the_command_line_takes_and_gives_zarr(clouds, tmp_path, capsys):
    zarr.create_array(tmp_path / "in.zarr", data=clouds[:96, :96])
    arguments = ["segment", f"{tmp_path}/in.zarr", "-o", f"{tmp_path}/out.ome.zarr", *FLAGS]

    assert main([*arguments, "--tile", "64", "--spacing", "0.5,0.5", "--json"]) == 0

    assert '"n_superpixels": ' in capsys.readouterr().out
    group = zarr.open_group(tmp_path / "out.ome.zarr", mode="r")
    assert group["0"].shape == (96, 96)
    assert group.attrs["napari-dsc"]["tiles"] == {"side": 64, "n_tiles": 4}
    assert main(arguments) == 2
    assert "already exists" in capsys.readouterr().err


def test_the_command_line_cuts_large_planes_by_tiles(clouds, tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "in.tif", clouds[:96, :96])

    def n_tiles(name):
        arguments = ["segment", f"{tmp_path}/in.tif", "-o", f"{tmp_path}/{name}", *FLAGS]
        assert main(arguments) == 0
        with tifffile.TiffFile(tmp_path / name) as file:
            return file.pages.first.is_tiled

    assert not n_tiles("whole.tif")
    monkeypatch.setattr("napari_dsc.segmenting.pieces.MOST_WHOLE", 96 * 96 - 1)
    assert n_tiles("tiled.tif")
    # what tiles exclude is segmented in one piece, as far as the memory goes
    arguments = ["segment", f"{tmp_path}/in.tif", "-o", f"{tmp_path}/tree.tif", *FLAGS]
    assert main([*arguments, "--method", "tree"]) == 0
    drawn = ["--overlay", f"{tmp_path}/drawn.png", "--overwrite"]
    assert main([*arguments, *drawn]) == 0
    with tifffile.TiffFile(tmp_path / "tree.tif") as file:
        assert not file.pages.first.is_tiled


def test_the_free_memory_decides_no_labels(clouds, tmp_path, monkeypatch, capsys):
    """The side of the tiles comes from the settings; what does not fit is refused."""
    tifffile.imwrite(tmp_path / "in.tif", clouds[:96, :96])
    labels = []
    for name, gigabytes in (("much", 64), ("enough", 4)):
        memory = psutil.virtual_memory()._replace(available=gigabytes * 2**30)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        path = tmp_path / f"{name}.ome.zarr"
        command = ["segment", f"{tmp_path}/in.tif", "-o", str(path), "--tile", "1024"]
        assert main([*command, *FLAGS]) == 0
        group = zarr.open_group(path)
        assert group.attrs["napari-dsc"]["tiles"] == {"side": 1024, "n_tiles": 1}
        labels.append(group["0"][:])
    np.testing.assert_array_equal(*labels)

    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=2**20))
    for flags, reason in (
        (["--tile", "1024"], "tile=1024: a tile of this side takes about 1.2 GiB"),
        ([], "image: Y 96 x X 96"),
    ):
        command = ["segment", f"{tmp_path}/in.tif", "-o", f"{tmp_path}/little.tif"]
        assert main([*command, *flags, *FLAGS]) == 2
        assert reason in capsys.readouterr().err
        assert not (tmp_path / "little.tif").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--tile", "64", "--method", "tree"],
            "method='tree': not available for an image in tiles; use dsc",
        ),
        (
            ["--tile", "64", "--overlay", "new-picture.png"],
            "overlay: not available when an image is segmented in tiles",
        ),
        (["--tile", "8"], "tile=8: expected 64 or more"),
        (
            ["--tile", "64", "--affinity", "tree"],
            "affinity='tree': not available for an image in tiles",
        ),
    ],
)
def test_what_tiles_do_not_allow_is_refused(clouds, tmp_path, capsys, flags, message):
    tifffile.imwrite(tmp_path / "in.tif", clouds[:96, :96])
    names = [f"{tmp_path}/in.tif", "-o", f"{tmp_path}/out.ome.zarr"]

    assert main(["segment", *names, *FLAGS, *flags]) == 2
    assert message in capsys.readouterr().err
