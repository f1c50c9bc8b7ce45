"""A run as Python code and as a command line."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Any

from napari_dsc.files.units import in_one_unit
from napari_dsc.params import default_weights
from napari_dsc.records.recipes import KEYWORDS, STAGES, section, values_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_dsc.params import Params

_LONGEST_ARGUMENT = 83  # of a line of 88 characters, less four spaces and a comma


def as_python(record: Mapping[str, Any], image: str, axes: str = "") -> str:
    """Write the run of a record as Python code.

    Parameters
    ----------
    record : mapping
        Record of a result.
    image : str
        Python expression of the image.
    axes : str
        Axes of that image, where they have to be named; with those of a stack, its pixel
        size is named as well, because superpixels depend on it.

    Returns
    -------
    code : str
        It leaves the result in the variable ``result``; labels made in tiles go to a file.
    """
    arguments, used = [image], []
    named = {"axes": axes} if axes else {}
    options = (_stack(record) if axes else {}) | _options(record) | named
    function = "segment"
    if {"tile", "level"} & set(options):
        function = "segment_large"
        arguments.append('"labels.ome.zarr"')
    for name, value in options.items():
        arguments.append(f"{name}={value!r}")
    for stage, params in _params(record).items():
        changed = _changed(params)
        if changed:
            used.append(type(params).__name__)
            arguments.append(_call(f"{KEYWORDS[stage]}={used[-1]}", changed))
    imports = ["import napari_dsc"]
    imports += [f"from napari_dsc import {', '.join(sorted(used))}"] if used else []
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return "\n".join([*imports, "", f"result = napari_dsc.{function}(\n{lines})", ""])


def as_command(record: Mapping[str, Any], image: str, output: str) -> str:
    """Write the run of a record as a command line.

    Parameters
    ----------
    record : mapping
        Record of a result.
    image, output : str
        Files to read and to write.

    Returns
    -------
    command : str
        For a POSIX shell. It names axes and pixel size of a stack, because superpixels depend
        on them, and a layer may have others than its file.
    """
    named = f"./{image}" if image.startswith("-") else image
    words = ["napari-dsc", "segment", named, "--output", output]
    flags = _stack(record) | _options(record)
    for params in _params(record).values():
        flags |= _changed(params)
    for name, value in flags.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += ["--" + name.replace("_", "-"), text]
    return shlex.join(words)


def _call(start: str, fields: Mapping[str, object]) -> str:
    """Call with keywords, on one line where it is short enough."""
    keywords = [f"{name}={value!r}" for name, value in fields.items()]
    line = f"{start}({', '.join(keywords)})"
    if len(line) <= _LONGEST_ARGUMENT:
        return line
    return f"{start}(\n" + "".join(f"        {one},\n" for one in keywords) + "    )"


def _changed(params: Params) -> dict[str, object]:
    """Fields that differ from their defaults."""
    default = type(params)()
    values = dataclasses.asdict(params)
    return {name: value for name, value in values.items() if value != getattr(default, name)}


def _params(record: Mapping[str, Any]) -> dict[str, Params]:
    """Parameters of each stage; what the record does not name has its default."""
    values = values_in(record, "record")
    return {stage: kind(**values.get(KEYWORDS[stage], {})) for stage, kind in STAGES.items()}


def _stack(record: Mapping[str, Any]) -> dict[str, object]:
    """Axes and pixel size of a stack in micrometers; without a unit only the ratios count."""
    image = section(record, "image", "record")
    if "Z" not in image.get("axes", ""):
        return {}
    axes, sizes, unit = image["axes"], image["spacing"], image["unit"]
    if not sizes or not all(sizes):
        return {"axes": axes}
    found, _ = in_one_unit({str(n): (size, unit) for n, size in enumerate(sizes)}, "µm")
    return {
        "axes": axes,
        "spacing": tuple(found.values() if len(found) == len(sizes) else sizes),
    }


def _options(record: Mapping[str, Any]) -> dict[str, object]:
    """Settings besides the parameters, as far as they have to be named."""
    values = values_in(record, "record")
    values["device"] = section(record, "device", "record").get("name", "")
    weights = default_weights(str(values.get("method", "dsc")))
    defaults = {"method": "dsc", "weights": weights}
    names = ("method", "weights", "device", "axes", "spacing", "channels", "tile", "level")
    found = {name: values[name] for name in names if values.get(name)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in found.items()
        if value != defaults.get(name)
    }
