"""Choices of commands on which scores depend; imports no library."""

from typing import Literal, cast

Split = Literal["train", "val", "test"]
"""Part of BSDS500."""

Zero = Literal["region", "background", "unlabeled"]
"""Meaning of the label 0 of an annotation: a region like the others, the background of objects,
or unlabeled pixels, which do not count."""

_SPELLINGS = {"unlabelled": "unlabeled"}  # of 0.1, in calls, flags and stored settings


def zero_of(name: str) -> Zero:
    """Meaning of the label 0 by its name, in the old spelling as well.

    Parameters
    ----------
    name : str
        One of `Zero`, or ``unlabelled``.

    Returns
    -------
    zero : str
        One of `Zero`; a name that is none of them is returned unchanged.

    Examples
    --------
    >>> zero_of("unlabelled"), zero_of("region")
    ('unlabeled', 'region')
    """
    return cast("Zero", _SPELLINGS.get(name, name))
