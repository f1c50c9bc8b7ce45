"""Former places of public names."""

import warnings
from collections.abc import Callable
from typing import Any


def moved(
    former: str, name: str, load: Callable[[], Any], present: str
) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of a module that held one public name.

    Parameters
    ----------
    former : str
        The module.
    name : str
        The name that it held.
    load : callable
        Gives the value of the name.
    present : str
        Where the name stands today, for the warning.

    Returns
    -------
    getattr : callable
        Gives the value with a DeprecationWarning; raises AttributeError for other names.
    """

    def __getattr__(asked: str) -> Any:
        if asked != name:
            raise AttributeError(asked)
        warnings.warn(
            f"{former} is deprecated; use {present}", DeprecationWarning, stacklevel=2
        )
        return load()

    return __getattr__
