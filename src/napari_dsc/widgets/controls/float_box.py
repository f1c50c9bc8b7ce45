"""A box of a float that gives back the number it was given."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from magicgui.widgets import FloatSpinBox

# as many digits as a dock of 300 pixels has room for; longer numbers are shown rounded
MOST_DECIMALS = 12


class ExactFloatBox(FloatSpinBox):
    """Spin box that never rounds its value.

    Qt rounds to the decimals that a spin box shows, and magicgui shows those of its step.
    This box shows as many as its value has, and keeps a value that has more until the user
    edits it.
    """

    def __init__(self, **options: Any) -> None:
        self._given: float | None = None
        super().__init__(**options)
        self.native.valueChanged.connect(self._on_edit)

    def get_value(self) -> float:
        """Value that was set, or the newer one of the user."""
        return super().get_value() if self._given is None else self._given

    def set_value(self, value: float) -> None:
        """Show a value; it must lie between the bounds."""
        step = 1.0 if self.step is None else self.step
        self.native.setDecimals(min(max(_decimals(value), _decimals(step)), MOST_DECIMALS))
        super().set_value(value)
        self._given = float(value)

    def _on_edit(self, value: float) -> None:
        self._given = None


def _decimals(value: float) -> int:
    """Digits behind the point of the shortest text that stands for a float."""
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
