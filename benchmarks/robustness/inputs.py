"""Small valid inputs of every kind that napari-dsc reads, and how it reads them."""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import torch
import zarr
from napari.layers import Labels
from PIL import Image

from napari_dsc import ImageParams, Settings, open_pieces
from napari_dsc.correction.parts import Parts
from napari_dsc.correction.sessions import SUFFIX, Session, save_session, session_reader
from napari_dsc.files import read_labels, write_image
from napari_dsc.large.source import open_source
from napari_dsc.machine.device import seeded
from napari_dsc.records.recipes import read_recipe
from napari_dsc.superae.applied import embedding_of, load_embedding, read_card, save_embedding
from napari_dsc.superae.model import SuperAE
from napari_dsc.superae.registry import file_sha256
from napari_dsc.superae.weights import load_weights, save_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHAPE = (24, 32)
LARGEST = 2**24  # values that are read of a lazy image; a damaged shape may claim any number
RECORD = Settings().to_record() | {"image": {}, "seconds": 1.0}
OME = {
    "axes": "ZCYX",
    "PhysicalSizeX": 0.5,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeY": 0.5,
    "PhysicalSizeYUnit": "µm",
    "PhysicalSizeZ": 2.0,
    "PhysicalSizeZUnit": "µm",
    "Channel": {"Name": ["first", "second"]},
}


def noise(*shape: int, dtype: str = "u1") -> np.ndarray:
    """Intensities below 200."""
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def blocks() -> np.ndarray:
    """Labels 1 to 12 of squares, (24, 32) uint8."""
    rows, columns = np.indices(SHAPE) // 8
    return np.asarray((4 * rows + columns + 1).astype(np.uint8))


def write_inputs(folder: Path) -> dict[str, list[Path]]:
    """Write valid inputs.

    Parameters
    ----------
    folder : Path
        An empty folder.

    Returns
    -------
    inputs : dict
        Files, and folders of zarr, by kind, which is a name of `READERS`.
    """
    inputs: dict[str, list[Path]] = {}
    for kind, write in _WRITERS.items():
        (folder / kind).mkdir()
        write(folder / kind)
        inputs[kind] = sorted((folder / kind).iterdir())
    return inputs


def _tiff(folder: Path) -> None:
    tifffile.imwrite(folder / "gray.tif", noise(*SHAPE, dtype="u2"), compression="zlib")
    tifffile.imwrite(folder / "rgb.tif", noise(*SHAPE, 3), photometric="rgb")
    tifffile.imwrite(folder / "float.tif", noise(*SHAPE, dtype="f4"), tile=(16, 16))
    tifffile.imwrite(folder / "big.tif", noise(3, *SHAPE), bigtiff=True, byteorder=">")
    with tifffile.TiffWriter(folder / "pyramid.tif") as file:
        whole = noise(64, 96)
        file.write(whole, tile=(16, 16), subifds=1, compression="zlib")
        file.write(whole[::2, ::2], tile=(16, 16), subfiletype=1, compression="zlib")
    map_of_colors = np.arange(768, dtype=np.uint16).reshape(3, 256)
    tifffile.imwrite(
        folder / "palette.tif", noise(*SHAPE), photometric="palette", colormap=map_of_colors
    )


def _ome(folder: Path) -> None:
    for name, kind in (("stack.ome.tif", "u1"), ("film.ome.tif", "u2")):
        axes = "ZCYX" if kind == "u1" else "TCYX"
        pixels = noise(3, 2, *SHAPE, dtype=kind)
        tifffile.imwrite(folder / name, pixels, ome=True, metadata=OME | {"axes": axes})


def _imagej(folder: Path) -> None:
    for name, axes in (("stack.tif", "ZCYX"), ("film.tif", "TCYX")):
        about = {"axes": axes, "spacing": 2.0, "unit": "um", "finterval": 0.5}
        pixels = noise(3, 2, *SHAPE, dtype="u2")
        tifffile.imwrite(
            folder / name, pixels, imagej=True, metadata=about, resolution=(2.0, 2.0)
        )


def _zarr(folder: Path) -> None:
    for version in (2, 3):
        array = zarr.create_array(
            folder / f"array{version}.zarr",
            data=noise(*SHAPE),
            chunks=(16, 16),
            zarr_format=version,
        )
        array.attrs["name"] = "array"
        _ome_zarr(folder / f"image{version}.ome.zarr", version)
        _ome_zarr(folder / f"labels{version}.ome.zarr", version, {"napari-dsc": RECORD})


def _ome_zarr(path: Path, version: int, about: dict[str, Any] | None = None) -> None:
    pixels = noise(2, *SHAPE)
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}]
    axes += [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
    datasets = []
    for level in (0, 1):
        step = 2**level
        zarr.create_array(
            path / f"{level}",
            data=pixels[:, ::step, ::step],
            chunks=(1, 16, 16),
            zarr_format=version,  # type: ignore[arg-type]
        )
        scale: dict[str, Any] = {"type": "scale", "scale": [1.0, 0.5 * step, 0.5 * step]}
        datasets.append({"path": f"{level}", "coordinateTransformations": [scale]})
    image = {"multiscales": [{"axes": axes, "datasets": datasets, "name": "image"}]}
    numbered: dict[str, Any] = (
        {"multiscales": [image["multiscales"][0] | {"version": "0.4"}]}
        if version == 2
        else {"ome": image | {"version": "0.5"}}
    )
    attributes = numbered | (about or {})
    group = zarr.open_group(path, mode="a", zarr_format=version)  # type: ignore[arg-type]
    group.attrs.update(attributes)


def _photo(folder: Path) -> None:
    Image.fromarray(noise(*SHAPE)).save(folder / "gray.png")
    Image.fromarray(noise(*SHAPE, 3)).save(folder / "rgb.png")
    Image.fromarray(noise(*SHAPE, 4)).save(folder / "alpha.png")
    Image.fromarray(noise(*SHAPE, dtype="u2")).save(folder / "deep.png")
    Image.fromarray(noise(*SHAPE, 3)).quantize(16).save(folder / "palette.png")
    Image.fromarray(noise(*SHAPE, 3)).save(folder / "photo.jpg")


def _npy(folder: Path) -> None:
    for kind in ("u1", ">u2", "f4"):
        np.save(folder / f"{kind.strip('>')}.npy", noise(*SHAPE, dtype=kind))


def _recipe(folder: Path) -> None:
    full = {"software": {"napari-dsc": "0.1.0"}} | Settings.preset("paper").to_record()
    for name, recipe in (("full", full), ("short", {"parameters": {"cut": {"seed": 1}}})):
        (folder / f"{name}.json").write_text(json.dumps(recipe, indent=2))
    (folder / "record.json").write_text(json.dumps(RECORD))


def _labels(folder: Path) -> None:
    about: dict[str, Any] = {"record": RECORD, "overwrite": False}
    write_image(folder / "plane.tif", blocks(), spacing=(0.5, 0.5), unit="µm", **about)
    stack = np.stack([blocks()] * 3)
    size: tuple[float, ...] = (2.0, 0.5, 0.5)
    write_image(folder / "stack.tif", stack, spacing=size, unit="µm", axes="ZYX", **about)
    write_image(folder / "plane.png", blocks(), spacing=(), unit="", **about)


def _weights(folder: Path) -> None:
    with seeded(0):
        for ndim in (2, 3):
            card = {"license": "none", "training_data": "none"}
            save_weights(SuperAE(1, ndim), folder / f"{ndim}.safetensors", card)


def _network(folder: Path) -> None:
    save_embedding(_embedding(), folder / "joint.safetensors", {"history": [1.0], "n": 1})


def _embedding() -> Any:
    return embedding_of(_model(), 4, 0)


def _model() -> SuperAE:
    with seeded(0):
        return SuperAE(1)


def _session(folder: Path) -> None:
    labels = blocks()
    colors, probabilities = np.zeros((12, 1), np.float32), np.full((12, 4), 0.25, np.float32)
    parts = Parts(labels.astype(np.int64), colors, probabilities)
    place: dict[str, object] = {
        "scale": [1.0, 1.0],
        "translate": [0.0, 0.0],
        "rotate": np.eye(2),
        "shear": [0.0],
        "affine": np.eye(3),
        "units": ["pixel", "pixel"],
        "axis_labels": ["y", "x"],
    }
    record: dict[str, object] = dict(RECORD)
    features = {"index": np.unique(labels[labels > 0])}
    session = Session("one", labels, parts, record, place, features)
    save_session(folder / f"one{SUFFIX}", session)


_WRITERS: dict[str, Callable[[Path], None]] = {
    "tiff": _tiff,
    "ome": _ome,
    "imagej": _imagej,
    "zarr": _zarr,
    "photo": _photo,
    "npy": _npy,
    "recipe": _recipe,
    "labels": _labels,
    "weights": _weights,
    "network": _network,
    "session": _session,
}


def _read_image(path: Path) -> None:
    pieces = open_pieces(path, Settings())
    pieces.describe()
    for number in range(len(pieces)):
        _ = pieces.piece(number).pixels


def _read_lazily(path: Path) -> None:
    for level in (0, 1):
        with open_source(path, level=level) as source:
            source.normalization(ImageParams(), 0)
            if math.prod(source.array.shape) <= LARGEST:
                source.sha256()


def _read_recipe(path: Path) -> None:
    Settings.from_record(read_recipe(path))


def _read_network(path: Path) -> None:
    read_card(path)
    load_embedding(path, _model(), 4, file_sha256(path))


def _read_session(path: Path) -> None:
    read = session_reader(str(path))
    if read is None:
        raise ValueError("the reader does not know a session by its name")
    [(labels, about, _)] = read(str(path))
    Labels(labels, **about)


READERS: dict[str, tuple[Callable[[Path], object], ...]] = {
    "tiff": (_read_image, _read_lazily),
    "ome": (_read_image, _read_lazily),
    "imagej": (_read_image, _read_lazily),
    "zarr": (_read_lazily, _read_recipe),
    "photo": (_read_image,),
    "npy": (_read_image,),
    "recipe": (_read_recipe,),
    "labels": (read_labels, _read_recipe),
    "weights": (load_weights,),
    "network": (_read_network,),
    "session": (_read_session,),
}
"""Readers of each kind; every one of them must take or refuse a file by itself."""


def rewrite_tensors(content: bytes, header: bytes) -> bytes:
    """Safetensors with another header."""
    return len(header).to_bytes(8, "little") + header + tensors_of(content)[1]


def tensors_of(content: bytes) -> tuple[bytes, bytes]:
    """Header of safetensors, and the bytes after it."""
    end = 8 + int.from_bytes(content[:8], "little")
    return content[8:end], content[end:]


def members_of(content: bytes) -> dict[str, np.ndarray]:
    """Arrays of an .npz file."""
    with np.load(io.BytesIO(content)) as file:
        return dict(file)


def npz_of(members: dict[str, np.ndarray]) -> bytes:
    """An .npz file; pickles too, as another program might write them."""
    file = io.BytesIO()
    np.savez_compressed(file, **members)  # type: ignore[arg-type]
    return file.getvalue()


torch.set_num_threads(1)
