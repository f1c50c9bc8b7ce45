"""A run as Python code and as a command line."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Any

from napari_dsc.records.recipes import params_from_record, section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_dsc.params import Params

_KEYWORDS = {
    "image": "image_params",
    "superpixels": "superpixel_params",
    "cut": "cut_params",
    "tree": "tree_params",
}
_DEFAULT_WEIGHTS = "superae-bsds500"
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
        Axes of that image, where they have to be told.

    Returns
    -------
    code : str
        It leaves the result in the variable ``result``.
    """
    arguments, used = [image], []
    if axes:
        arguments.append(f"axes={axes!r}")
    for name, value in _options(record).items():
        arguments.append(f"{name}={value!r}")
    for stage, params in params_from_record(record).items():
        changed = _changed(params)
        if changed:
            used.append(type(params).__name__)
            arguments.append(_call(f"{_KEYWORDS[stage]}={used[-1]}", changed))
    imports = ["import napari_dsc"]
    imports += [f"from napari_dsc import {', '.join(sorted(used))}"] if used else []
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return "\n".join([*imports, "", f"result = napari_dsc.segment(\n{lines})", ""])


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
        For a POSIX shell.
    """
    named = f"./{image}" if image.startswith("-") else image
    words = ["napari-dsc", "segment", named, "--output", output]
    flags: dict[str, object] = dict(_options(record))
    for params in params_from_record(record).values():
        flags |= _changed(params)
    for name, value in flags.items():
        words += ["--" + name.replace("_", "-"), str(value)]
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


def _options(record: Mapping[str, Any]) -> dict[str, str]:
    """Method, device and weights, as far as they have to be named."""
    weights = section(record, "weights", "record").get("name", _DEFAULT_WEIGHTS)
    device = section(record, "device", "record").get("name", "")
    method = str(record.get("method", "dsc"))
    named = {} if method == "dsc" else {"method": method}
    named |= {} if weights == _DEFAULT_WEIGHTS else {"weights": weights}
    return named | ({"device": device} if device else {})
