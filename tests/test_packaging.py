"""The wheel brings all it needs, and the manifest and the version agree with the package."""

import email
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import npe2
import numpy as np
import pytest

import napari_dsc
from napari_dsc import sample_data

ROOT = Path(__file__).parents[1]


SAMPLES = ("tissue", "nuclei", "neuropil", "cell", "photo")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this source tree, built without a network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
    ]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def contents(wheel):
    return zipfile.ZipFile(wheel).namelist()


@pytest.fixture(scope="module")
def metadata(wheel, contents):
    [name] = [name for name in contents if name.endswith(".dist-info/METADATA")]
    return email.message_from_bytes(zipfile.ZipFile(wheel).read(name))


@pytest.mark.parametrize(
    "pattern",
    [
        r"napari_dsc/superae/.*\.safetensors",
        r"napari_dsc/data/tissue\.png",
        r"napari_dsc/data/README\.md",
        r"napari_dsc/napari\.yaml",
        r"napari_dsc/py\.typed",
        r"napari_dsc/__init__\.pyi",
        r"napari_dsc-.*\.dist-info/licenses/LICENSE",
    ],
)
def test_the_wheel_holds(contents, pattern):
    assert any(re.fullmatch(pattern, name) for name in contents)


def test_the_wheel_holds_every_module_and_nothing_else(contents):
    source = {
        path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")
    }
    assert {name for name in contents if name.endswith(".py")} == source
    assert {name.partition("/")[0].partition("-")[0] for name in contents} == {"napari_dsc"}
    assert not any("test" in Path(name).name for name in contents)


def test_the_wheel_is_below_10_megabytes(wheel):
    assert wheel.stat().st_size < 10e6


def test_napari_and_qt_come_only_with_the_extra_named_all(metadata):
    needs = metadata.get_all("Requires-Dist")
    assert any(need.startswith("torch") for need in needs)
    desktop = [
        need
        for need in needs
        if re.match("napari|qt|py(qt|side)|magicgui|superqt", need.lower())
    ]
    assert {need.partition(";")[2].strip() for need in desktop} == {"extra == 'all'"}
    assert not any(re.match("py(qt|side)", need.lower()) for need in needs)


def test_no_library_is_limited_to_old_versions(metadata):
    assert [
        need
        for need in metadata.get_all("Requires-Dist")
        if re.search("<|==|~=", need.partition(";")[0])
    ] == []


def test_the_version_is_the_same_everywhere(metadata):
    assert metadata["Version"] == napari_dsc.__version__
    assert f"\nversion: {napari_dsc.__version__}\n" in (ROOT / "CITATION.cff").read_text(
        "utf-8"
    )
    assert f"\n## {napari_dsc.__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_unpacked_wheel_works_away_from_the_source_tree(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = """
import napari_dsc
from napari_dsc.sample_data import sample_path
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights
load_weights(find_weights(DEFAULT))
print(napari_dsc.__file__, sample_path().stat().st_size > 0)
"""
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", code]
    said = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)
    assert said.split() == [str(tmp_path / "napari_dsc" / "__init__.py"), "True"]


def test_the_manifest_is_valid_and_its_commands_exist():
    manifest = npe2.PluginManifest.from_file(Path(napari_dsc.__file__).with_name("napari.yaml"))
    manifest.validate_imports()
    assert manifest.name == "napari-dsc"
    assert manifest == npe2.PluginManifest.from_distribution("napari-dsc")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_one_layer_of_plain_numbers(name):
    [(pixels, options, kind)] = getattr(sample_data, name)()
    assert kind == "image"
    assert type(pixels) is np.ndarray
    assert pixels.dtype == np.uint8
    assert options["rgb"] is (pixels.ndim == 3)
    assert options["axis_labels"] == ("y", "x")
    assert options["metadata"]["license"].startswith("CC")
    assert min(pixels.shape[:2]) >= 250
    assert pixels.std() > 5


def test_every_sample_of_the_manifest_gives_layers():
    manifest = npe2.PluginManifest.from_file(Path(napari_dsc.__file__).with_name("napari.yaml"))
    assert {sample.key for sample in manifest.contributions.sample_data} == set(SAMPLES)
    commands = {one.id: one.python_name for one in manifest.contributions.commands}
    for sample in manifest.contributions.sample_data:
        module, _, name = commands[sample.command].partition(":")
        assert module == sample_data.__name__
        assert len(getattr(sample_data, name)()) == 1


def test_the_sample_images_state_their_source_and_license():
    text = sample_data.sample_path().with_name("README.md").read_text("utf-8")
    for name in ("tissue", "nuclei", "neuropil"):
        assert sample_data.sample_path(name).is_file()
        section = text.partition(f"`{name}.png`")[2].partition(".png`")[0]
        assert "License: C" in section
        assert "Source: " in section
