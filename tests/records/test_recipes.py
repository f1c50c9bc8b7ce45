"""A run can be handed on: as a recipe, as Python code, as a command line."""

import dataclasses
import json

import numpy as np
import pytest
import tifffile

import napari_dsc
from napari_dsc import (
    CutParams,
    ImageParams,
    InvalidParameterError,
    Settings,
    SuperpixelParams,
)
from napari_dsc.cli import main
from napari_dsc.files import RawImage
from napari_dsc.records.recipes import as_recipe
from napari_dsc.records.snippets import as_command, as_python


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 200, (2, 3)).repeat(14, 0).repeat(14, 1).astype(np.uint16)


@pytest.fixture(scope="module")
def result(pixels):
    return napari_dsc.segment(
        pixels,
        device="cpu",
        image_params=ImageParams(low_percentile=1.0),
        superpixel_params=SuperpixelParams(n_superpixels=10, superpixels="watershed"),
        cut_params=CutParams(n_iterations=3, seed=7, n_partitions=5, result="regions"),
    )


def test_the_code_repeats_the_run(pixels, result):
    names = {"pixels": pixels}
    exec(as_python(result.record, "pixels"), names)
    np.testing.assert_array_equal(names["result"].labels, result.labels)


def test_the_code_on_a_stack_of_a_layer_names_its_pixel_size():
    stack = np.random.default_rng(0).integers(0, 99, (6, 24, 32)).astype(np.uint8)
    raw = RawImage(stack, "ZYX", (4.0, 1.0, 1.0), "micrometer", origin="the layer")
    slic = SuperpixelParams(n_superpixels=10, superpixels="slic")
    few = CutParams(n_iterations=2)
    made = napari_dsc.segment(raw, device="cpu", superpixel_params=slic, cut_params=few)
    cubes = napari_dsc.segment(
        stack, axes="ZYX", device="cpu", superpixel_params=slic, cut_params=few
    )
    assert (made.superpixels != cubes.superpixels).any()
    names = {"stack": stack}
    exec(as_python(made.record, "stack", axes="ZYX"), names)
    np.testing.assert_array_equal(names["result"].superpixels, made.superpixels)
    np.testing.assert_array_equal(names["result"].labels, made.labels)


def test_the_code_names_only_what_differs_from_the_defaults(result):
    assert as_python(result.record, 'viewer.layers["a"]', axes="YX") == (
        "import napari_dsc\n"
        "from napari_dsc import CutParams, ImageParams, SuperpixelParams\n"
        "\n"
        "result = napari_dsc.segment(\n"
        '    viewer.layers["a"],\n'
        "    device='cpu',\n"
        "    axes='YX',\n"
        "    image_params=ImageParams(low_percentile=1.0),\n"
        "    superpixel_params=SuperpixelParams(superpixels='watershed', n_superpixels=10),\n"
        "    cut_params=CutParams(n_partitions=5, n_iterations=3, seed=7, result='regions'),\n"
        ")\n"
    )


def test_the_code_of_a_run_with_defaults_is_short():
    assert as_python({}, '"a.tif"') == (
        'import napari_dsc\n\nresult = napari_dsc.segment(\n    "a.tif",\n)\n'
    )


def test_the_command_repeats_the_run(pixels, result, tmp_path, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("an image.tif", pixels)
    command = as_command(result.record, "an image.tif", "labels.tif")
    assert command.startswith("napari-dsc segment 'an image.tif' --output labels.tif")
    assert main(shlex.split(command)[1:]) == 0
    np.testing.assert_array_equal(tifffile.imread("labels.tif"), result.labels)


def test_the_recipe_repeats_the_run(pixels, result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("image.tif", pixels)
    (tmp_path / "run.dsc.json").write_text(as_recipe(result.record))
    command = "segment image.tif -o labels.tif --device cpu --recipe run.dsc.json"
    assert main(command.split()) == 0
    np.testing.assert_array_equal(tifffile.imread("labels.tif"), result.labels)


def test_a_recipe_leaves_out_what_belongs_to_one_image(result):
    assert set(json.loads(as_recipe(result.record))) == {
        "software",
        "method",
        "weights",
        "parameters",
        "reading",
        "tile",
        "device",
    }


def test_other_weights_are_named():
    record = {
        "weights": {"name": "mine.safetensors", "sha256": "0"},
        "device": {"name": "cuda:1"},
    }
    assert as_command(record, "a.tif", "b.tif").endswith(
        "--weights mine.safetensors --device cuda:1"
    )
    assert "weights='mine.safetensors'" in as_python(record, '"a.tif"')


def test_parameters_come_back_from_a_record(result):
    assert Settings.from_record(result.record) == Settings(
        device="cpu",
        image_params=ImageParams(low_percentile=1.0),
        superpixel_params=SuperpixelParams(n_superpixels=10, superpixels="watershed"),
        cut_params=CutParams(n_iterations=3, seed=7, n_partitions=5, result="regions"),
    )
    assert Settings.from_record({}) == Settings()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"cutting": {}}, "record: parameters: unknown 'cutting'"),
        ({"cut": {"K": 3}}, "record: cut: unknown 'K'"),
        ({"cut": {"seed": -1}}, "record: seed=-1: expected 0 to"),
        ({"cut": None}, "record: cut is NoneType, expected an object"),
        (5, "record: parameters is int, expected an object"),
    ],
)
def test_a_record_of_something_else_is_refused(parameters, words):
    with pytest.raises(InvalidParameterError, match=words):
        Settings.from_record({"parameters": parameters})


@pytest.mark.parametrize(
    "record",
    [
        {"parameters": {"cut": {"T" * 3000: 1}}},
        {"parameters": {"cut": {str(number): 1 for number in range(3000)}}},
        {"parameters": {"cut": {"affinity": "T" * 3000}}},
        {"parameters": {"cut": {"seed": 10**3000}}},
        {"parameters": {"cut": {"seed": ["a"] * 3000}}},
        {"method": "T" * 3000},
        {"reading": {"spacing": ["T" * 3000]}},
    ],
)
def test_the_sentence_on_a_long_value_is_short(record):
    with pytest.raises(InvalidParameterError) as caught:
        Settings.from_record(record)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("key", ["weights", "device"])
def test_a_record_with_a_damaged_part_is_refused(key):
    with pytest.raises(InvalidParameterError, match=f"record: {key} is str"):
        as_python({key: "cpu"}, "pixels")


def test_long_calls_are_broken_into_lines():
    cut = CutParams(
        n_partitions=8,
        n_iterations=3,
        affinity_scale=3.5,
        label_weight=2.0,
        cut_normalization="pairs",
        precision="bfloat16",
        result="regions",
    )
    code = as_python({"parameters": {"cut": dataclasses.asdict(cut)}}, "pixels")
    assert max(map(len, code.splitlines())) <= 88
    assert eval(code.partition("cut_params=")[2][:-4], vars(napari_dsc.params)) == cut


def test_the_weights_that_need_no_name_are_the_default_ones():
    from napari_dsc.superae.registry import DEFAULT

    assert Settings().weights == DEFAULT
    assert "weights" not in as_python({"weights": {"name": DEFAULT}}, '"a.tif"')


def test_a_file_name_is_no_flag():
    assert as_command({}, "-a.tif", "b.tif") == "napari-dsc segment ./-a.tif --output b.tif"
