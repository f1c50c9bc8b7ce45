"""Units of layers and viewers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pint

if TYPE_CHECKING:
    from collections.abc import Sequence


def unit_factors(have: Sequence[Any] | None, want: Sequence[Any]) -> np.ndarray:
    """Factors that convert coordinates from units `have` to units `want`.

    ``have`` is None if the layers of a viewer have inconsistent units; napari then draws all
    layers without units, and all factors are 1.
    """
    if have is None:
        return np.ones(len(want))
    pairs = zip(have[-len(want) :], want, strict=False)
    try:
        factors = [float((1 * one).to(other).magnitude) for one, other in pairs]
    except pint.DimensionalityError:
        return np.ones(len(want))
    return np.array([1.0] * (len(want) - len(factors)) + factors)
