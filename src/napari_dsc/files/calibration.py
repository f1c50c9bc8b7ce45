"""Pixel size and position of a TIFF image, by OME, ImageJ, our record or the tags."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

from napari_dsc.files.units import in_one_unit, unit_symbol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import tifffile

_TAG_UNITS = {2: "inch", 3: "cm"}  # values of the tag ResolutionUnit


class Calibration(NamedTuple):
    """Pixel size and position of an image.

    Parameters
    ----------
    sizes, starts : dict of str to float
        Pixel size and position of the first pixel, along those of Z, Y, X that are known.
    unit : str
        Symbol of their unit, or empty.
    """

    sizes: dict[str, float]
    starts: dict[str, float]
    unit: str


def calibration_of(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Calibration:
    """Pixel size and position of a series; what is malformed is left out.

    Parameters
    ----------
    file : TiffFile
        Open file.
    series : TiffPageSeries
        One of its series.

    Returns
    -------
    calibration : Calibration
        Sizes and starts may be empty.
    """
    if file.is_ome and (found := _of_ome(file, series)).sizes:
        return found
    if (found := _of_record(stored_record(file))).sizes:
        return found
    page: Any = series.keyframe
    if file.is_svs:  # slides of Aperio give micrometers per pixel
        match = re.search(r"\bMPP *= *([\d.]+)", page.description)
        size = match[1] if match else None
        sides, unit = in_one_unit(dict.fromkeys("YX", (size, "µm")))
        return Calibration(sides, {}, unit)
    sizes: dict[str, object] = {axis: _tag_size(page, f"{axis}Resolution") for axis in "YX"}
    unit = _TAG_UNITS.get(int(page.resolutionunit), "")
    if file.imagej_metadata is not None:  # ImageJ leaves a spacing of 1 out
        unit = unit_symbol(file.imagej_metadata.get("unit", ""))
        sizes = {"Z": file.imagej_metadata.get("spacing", 1), **sizes}
    found_sizes, _ = in_one_unit({axis: (size, unit) for axis, size in sizes.items()})
    return Calibration(found_sizes, {}, unit) if unit else Calibration({}, {}, "")


def own_series(file: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """Series that have pixels in this file; an OME set has others in other files."""
    if not file.is_ome:
        return list(file.series)
    return [one for one in file.series if any(page and page.parent is file for page in one)]


def stored_record(file: tifffile.TiffFile) -> dict[str, Any]:
    """JSON in the description of the file, or of its OME image; empty if there is none."""
    text = file.pages.first.description
    try:
        if file.is_ome:
            text = ElementTree.fromstring(text).findtext(".//{*}Description") or ""
        record = json.loads(text)
    except (ValueError, RecursionError, ElementTree.ParseError):
        return {}
    return record if isinstance(record, dict) else {}


def _of_ome(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Calibration:
    try:
        root = ElementTree.fromstring(file.ome_metadata or "")
    except ElementTree.ParseError:  # tifffile reads the pixels nevertheless
        return Calibration({}, {}, "")
    own = {root.get("UUID"), file.filename}
    images = [one for one in root.findall("{*}Image") if _lies_in(one, own)]
    series_here = own_series(file)
    number = series_here.index(series) if len(images) == len(series_here) else 0
    pixels = images[number].find("{*}Pixels") if images else None
    if pixels is None:
        return Calibration({}, {}, "")
    sizes, unit = in_one_unit(_lengths(pixels.attrib, "PhysicalSize", "µm"))
    plane = pixels.find("{*}Plane")
    places = {} if plane is None else _lengths(plane.attrib, "Position", "reference frame")
    starts = in_one_unit(places, unit)[0] if unit else {}
    return Calibration(sizes, starts, unit) if unit else Calibration({}, {}, "")


def _lies_in(image: ElementTree.Element, own: set[str | None]) -> bool:
    """Whether an OME image has planes in the file of a UUID or name, or names no file."""
    files = image.findall(".//{*}UUID")
    return not files or any({one.text, one.get("FileName")} & own for one in files)


def _lengths(attributes: Mapping[str, str], name: str, default: str) -> dict[str, Any]:
    """Lengths of OME along Z, Y, X; each has its own unit."""
    return {
        axis: (attributes[f"{name}{axis}"], attributes.get(f"{name}{axis}Unit", default))
        for axis in "ZYX"
        if f"{name}{axis}" in attributes
    }


def _of_record(record: Mapping[str, Any]) -> Calibration:
    """From a record of napari-dsc, because the resolution tags are rounded."""
    unit = record.get("unit", "")
    spatial = [axis for axis in str(record.get("axes", "ZYX")) if axis in "ZYX"]

    def lengths(name: str) -> dict[str, float]:
        values = record.get(name)
        values = values if isinstance(values, list) else []
        pairs = zip(reversed(spatial), reversed(values), strict=False)
        return in_one_unit({axis: (value, unit) for axis, value in pairs})[0]

    return Calibration(lengths("spacing"), lengths("translation"), unit_symbol(unit))


def _tag_size(page: tifffile.TiffPage, name: str) -> float:
    """Size by a resolution tag, without the digits that its fraction cannot hold."""
    try:
        numerator, denominator = page.tags[name].value
        return float(f"{denominator / numerator:.6g}")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0.0
