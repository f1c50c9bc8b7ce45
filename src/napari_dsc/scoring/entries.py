"""Entries of a score table: methods with their scales, superpixels and parameters."""

import dataclasses
import importlib.metadata
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from napari_dsc.errors import InvalidParameterError
from napari_dsc.evaluation.measures import BOUNDARY_TOLERANCE
from napari_dsc.evaluation.terms import Zero, zero_of
from napari_dsc.machine.device import resolve_device
from napari_dsc.methods import METHODS, SCALE_LIMITS, MethodOptions
from napari_dsc.methods.options import with_superpixels
from napari_dsc.params import default_weights
from napari_dsc.records.record import Record
from napari_dsc.superae.weights import find_weights
from napari_dsc.superpixels.methods import SUPERPIXEL_METHODS

COUNTS = ("n_superpixels", "n_partitions", "n_regions", "min_size")
"""Scales that are whole numbers."""


class Entry(NamedTuple):
    """A row of a table of scores: a method and its settings.

    Attributes
    ----------
    method : str
        Name in `METHODS`.
    superpixels : str
        Algorithm of the superpixels that it merges; empty for other methods.
    scales : tuple of float
        Scales to score.
    options : MethodOptions
        Parameters.
    axes : str
        Axes of the images, or empty.
    zero : str
        Meaning of the label 0 of the annotations, see `Zero`.
    """

    method: str
    superpixels: str
    scales: tuple[float, ...]
    options: MethodOptions
    axes: str = ""
    zero: Zero = "region"

    @property
    def name(self) -> str:
        """Name of a folder for this entry, unique among the entries of a command."""
        return f"{self.method}-{self.superpixels}" if self.superpixels else self.method

    def cells(self) -> dict[str, str]:
        """First cells of a row about this entry.

        Returns
        -------
        cells : dict
            Method and superpixels.
        """
        return {"method": self.method, "superpixels": self.superpixels}

    def settings(self) -> Record:
        """All settings that can change a score, ready for JSON.

        Returns
        -------
        settings : dict
            Entries with equal settings have equal scores. Parameters that the method does
            not read are left out, and so is the parameter that its scales replace.
        """
        options, reads = self.options, set(METHODS[self.method].reads)
        smooths = options.superpixel_params.source == "smoothed"
        if smooths and any(name.startswith("superpixel_params") for name in reads):
            reads |= {"weights", "device"}
        settings: Record = {
            **self.cells(),
            "scales": list(self.scales),
            "axes": self.axes,
            "zero": zero_of(self.zero),
            "boundary_tolerance": BOUNDARY_TOLERANCE,
            "napari-dsc": importlib.metadata.version("napari-dsc"),
            "parameters": _parameters_read(options, reads, METHODS[self.method].scale),
        }
        if "device" in reads:
            settings["device"] = resolve_device(options.device).type
        if "weights" in reads:
            file = find_weights(options.weights or default_weights(self.method))
            settings["weights"] = {"name": Path(file.name).name, "sha256": file.sha256}
        return settings


def make_entries(
    methods: Sequence[str], superpixels: Sequence[str], scales: Sequence[float], common: Entry
) -> list[Entry]:
    """Entries of several methods, one for each algorithm of the superpixels that they merge.

    Parameters
    ----------
    methods : sequence of str
        Names in `METHODS`.
    superpixels : sequence of str
        Algorithms of superpixels; empty takes that of the parameters.
    scales : sequence of float
        Scales of all methods; empty takes the default scales of each method.
    common : Entry
        Entry with the common options, axes and meaning of 0.

    Returns
    -------
    entries : list of Entry
        Entries in the given order, without repetitions.

    Raises
    ------
    InvalidParameterError
        If a method or algorithm is unknown, no method is given, or the scales do not fit the
        methods.
    """
    check_names("method", methods, METHODS)
    if superpixels:
        check_names("superpixels", superpixels, SUPERPIXEL_METHODS)
    meanings = sorted({METHODS[name].scale for name in methods})
    if scales and len(meanings) > 1:
        raise InvalidParameterError(
            f"scales: the scales of these methods have different meanings "
            f"({', '.join(meanings)}); give --scales only for methods that share one"
        )
    for name in methods:
        check_scales("scales", name, scales)
    kinds = superpixels or (common.options.superpixel_params.superpixels,)
    entries = [
        common._replace(
            method=name,
            superpixels=kind,
            scales=tuple(dict.fromkeys(scales)) or METHODS[name].scales,
            options=with_superpixels(common.options, kind) if kind else common.options,
        )
        for name in methods
        for kind in (kinds if METHODS[name].merges_superpixels else ("",))
    ]
    return list({entry.name: entry for entry in entries}.values())


def parameters_of(options: MethodOptions) -> Record:
    """Parameters of all methods, ready for JSON.

    Parameters
    ----------
    options : MethodOptions
        Options.

    Returns
    -------
    parameters : dict
        For each class of parameters, a dict of its keyword arguments.
    """
    names = [one.name for one in dataclasses.fields(options) if one.name.endswith("_params")]
    groups = {name.removesuffix("_params"): getattr(options, name) for name in names}
    return {name: dataclasses.asdict(group) for name, group in groups.items()}


def words(text: str) -> list[str]:
    """Words with commas between."""
    return [word.strip() for word in text.split(",") if word.strip()]


def scale_number(flag: str, word: str) -> float:
    """Scale in a word; whole ones as integers, which is how tables show them.

    Raises
    ------
    InvalidParameterError
        If it is no finite number.
    """
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidParameterError(f"{flag}={word!r}: expected a number")
    return int(number) if number.is_integer() else number


def check_names(argument: str, names: Sequence[str], known: Iterable[str]) -> None:
    """Check that names are known.

    Parameters
    ----------
    argument : str
        Name of the argument, for the error message.
    names : sequence of str
        Names to check.
    known : iterable of str
        All known names.

    Raises
    ------
    InvalidParameterError
        If there are no names, or one is unknown.
    """
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InvalidParameterError(
            f"{argument}={', '.join(unknown)!r}: expected one or more of {', '.join(known)}"
        )


def check_scales(argument: str, method: str, scales: Sequence[float]) -> None:
    """Check that scales are valid for a method.

    Parameters
    ----------
    argument : str
        Name of the argument, for the error message.
    method : str
        Name in `METHODS`.
    scales : sequence of float
        Scales to check.

    Raises
    ------
    InvalidParameterError
        If a scale is out of bounds, or is not a whole number although it is a count.
    """
    meaning = METHODS[method].scale
    least, most = SCALE_LIMITS[meaning]
    for scale in scales:
        if meaning in COUNTS and not float(scale).is_integer():
            raise InvalidParameterError(
                f"{argument}={scale:g}: expected a whole number, {meaning} of {method}"
            )
        if not least <= scale <= most:
            raise InvalidParameterError(
                f"{argument}={scale:g}: expected {least:g} to {most:.7g}, {meaning} of {method}"
            )


def _parameters_read(options: MethodOptions, reads: set[str], scale: str) -> Record:
    found: dict[str, Record] = {}
    for name in sorted(reads):
        field, _, parameter = name.partition(".")
        if field.endswith("_params"):
            given = dataclasses.asdict(getattr(options, field))
            kept = {one: given[one] for one in ([parameter] if parameter else given)}
            kept.pop(scale, None)
            found.setdefault(field.removesuffix("_params"), {}).update(kept)
    return dict(found)
