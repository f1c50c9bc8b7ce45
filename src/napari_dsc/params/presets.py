"""Named sets of parameter values: the fast defaults, and the method as published."""

import warnings

from napari_dsc.errors import InvalidParameterError

NO_LIMIT = 10_000.0  # megapixels; the largest value allowed, beyond any image in memory

PRESETS: dict[str, dict[str, dict[str, object]]] = {
    "fast": {"superpixels": {}, "cut": {}},
    "paper": {
        "superpixels": {"superpixels": "slic", "source": "smoothed"},
        "cut": {
            "n_iterations": 128,
            "encoder": "trained",
            "resolution": 1.0,
            "megapixels": NO_LIMIT,
            "patience": 0,
        },
    },
}


DEFAULT_WEIGHTS = "superae-bsds500"
"""Registered name of the weights that a cut takes unless it names others."""

# the class tree at its default has an ARI of .566 with these, of .515 with those of the cut, on
# the tuning half of benchmarks/sets/class_sets.py
_WEIGHTS_OF = {"classes": "superae-tree"}


def default_weights(method: str) -> str:
    """Registered name of the weights that a method takes unless it names others.

    Parameters
    ----------
    method : str
        Name of a segmenter.

    Returns
    -------
    name : str
        Weights inside the package.
    """
    return _WEIGHTS_OF.get(method, DEFAULT_WEIGHTS)


def preset(name: str) -> dict[str, dict[str, object]]:
    """Deprecated: use `napari_dsc.Settings.preset`, which gives whole settings.

    Parameters
    ----------
    name : str
        See `preset_values`.

    Returns
    -------
    values : dict of dict
        See `preset_values`.
    """
    warnings.warn(
        "napari_dsc.preset is deprecated; use napari_dsc.Settings.preset",
        DeprecationWarning,
        stacklevel=2,
    )
    return preset_values(name)


def preset_values(name: str) -> dict[str, dict[str, object]]:
    """Values that a preset sets; all other parameters have their defaults.

    Parameters
    ----------
    name : str
        ``fast`` (the defaults) or ``paper`` (the method as published).

    Returns
    -------
    values : dict of dict
        Values by name of the field: fields of `SuperpixelParams` under ``superpixels``, of
        `CutParams` under ``cut``.

    Raises
    ------
    InvalidParameterError
        If there is no such preset.

    Examples
    --------
    >>> preset_values("paper")["superpixels"]
    {'superpixels': 'slic', 'source': 'smoothed'}
    """
    if name not in PRESETS:
        raise InvalidParameterError(f"preset={name!r}: expected one of {', '.join(PRESETS)}")
    return {stage: dict(values) for stage, values in PRESETS[name].items()}
