"""What is scored: a method with its scales, superpixels and parameters."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_dsc.device import resolve_device
from napari_dsc.errors import InvalidParameterError
from napari_dsc.evaluation.measures import BOUNDARY_TOLERANCE
from napari_dsc.methods import METHODS
from napari_dsc.params import Params
from napari_dsc.superae.weights import DEFAULT, find_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dsc.evaluation.terms import Zero
    from napari_dsc.methods import MethodOptions
    from napari_dsc.record import Record


class Entry(NamedTuple):
    """A row of a table of scores.

    Attributes
    ----------
    method : str
        Name in `METHODS`.
    superpixels : str
        Kind of superpixels that it merges; empty for a method that merges none.
    scales : tuple of float
        Scales to score.
    options : MethodOptions
        Parameters.
    axes : str
        Axes of the images, or empty.
    zero : str
        What the label 0 of the annotations stands for.
    """

    method: str
    superpixels: str
    scales: tuple[float, ...]
    options: MethodOptions
    axes: str = ""
    zero: Zero = "region"

    @property
    def name(self) -> str:
        """Name of a folder for this entry, different for each of a command."""
        return f"{self.method}-{self.superpixels}" if self.superpixels else self.method

    def settings(self) -> Record:
        """Everything but the images that can change a score, ready for JSON.

        Returns
        -------
        settings : dict
            Equal for equal entries.
        """
        options = self.options
        weights = find_weights(options.weights or DEFAULT)
        return {
            "method": self.method,
            "superpixels": self.superpixels,
            "scales": list(self.scales),
            "axes": self.axes,
            "zero": self.zero,
            "boundary_tolerance": BOUNDARY_TOLERANCE,
            "device": resolve_device(options.device).type,
            "weights": {"name": Path(weights.name).name, "sha256": weights.sha256},
            "napari-dsc": importlib.metadata.version("napari-dsc"),
            "parameters": parameters_of(options),
        }


def make_entries(
    methods: Sequence[str],
    superpixels: Sequence[str],
    scales: Sequence[float],
    common: Entry,
) -> list[Entry]:
    """Entries for some methods, those that merge superpixels with each kind of these.

    Parameters
    ----------
    methods : sequence of str
        Names in `METHODS`.
    superpixels : sequence of str
        Kinds of superpixels; none takes the one in the parameters.
    scales : sequence of float
        Scales of every method; none takes each one's own.
    common : Entry
        What the entries have in common: options, axes, meaning of 0.

    Returns
    -------
    entries : list of Entry
        In the order given, without repetitions.

    Raises
    ------
    InvalidParameterError
        If a method or kind is unknown, there is no method, or the scales of the methods
        mean different things.
    """
    check_methods(methods)
    meanings = sorted({METHODS[name].scale for name in methods})
    if scales and len(meanings) > 1:
        raise InvalidParameterError(
            f"scales: the methods vary {' and '.join(meanings)}, expected methods that vary one"
        )
    kinds = superpixels or (common.options.superpixel_params.superpixels,)
    entries = []
    for name in methods:
        for kind in kinds if METHODS[name].merges_superpixels else ("",):
            entry = common._replace(
                method=name,
                superpixels=kind,
                scales=tuple(scales) or METHODS[name].scales,
                options=_with_superpixels(common.options, kind),
            )
            entries.append(entry)
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
        For each class of parameters a dict that the class accepts as keyword arguments.
    """
    given = {one.name: getattr(options, one.name) for one in dataclasses.fields(options)}
    return {
        name.removesuffix("_params"): dataclasses.asdict(value)
        for name, value in given.items()
        if isinstance(value, Params)
    }


def check_methods(methods: Sequence[str]) -> None:
    """Make sure that methods exist.

    Parameters
    ----------
    methods : sequence of str
        Names.

    Raises
    ------
    InvalidParameterError
        If there is none, or one is not in `METHODS`.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise InvalidParameterError(
            f"method={', '.join(unknown)!r}: expected one or more of {', '.join(METHODS)}"
        )


def _with_superpixels(options: MethodOptions, kind: str) -> MethodOptions:
    if not kind:
        return options
    params = dataclasses.replace(options.superpixel_params, superpixels=kind)  # type: ignore[arg-type]
    return dataclasses.replace(options, superpixel_params=params)
