"""Sets of parameter values under names."""

from napari_dsc.errors import InvalidParameterError

NO_LIMIT = 10_000.0

PRESETS: dict[str, dict[str, object]] = {
    "fast": {},
    "paper": {
        "n_iterations": 128,
        "encoder": "trained",
        "resolution": 1.0,
        "megapixels": NO_LIMIT,
        "patience": 0,
    },
}


def preset(name: str) -> dict[str, object]:
    """Values of the fields of `CutParams` that a preset sets; all others have their defaults.

    Parameters
    ----------
    name : str
        ``fast``, the defaults, or ``paper``, the method as published.

    Returns
    -------
    values : dict
        By name of the field.

    Raises
    ------
    InvalidParameterError
        If there is no such preset.

    Examples
    --------
    >>> preset("paper")["n_iterations"]
    128
    """
    if name not in PRESETS:
        raise InvalidParameterError(f"preset={name!r}: expected one of {', '.join(PRESETS)}")
    return dict(PRESETS[name])
