"""Values of a dock under a name: those of the package, and those of the user."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox

from napari_dsc.params import CutParams, SuperpixelParams, preset_values
from napari_dsc.widgets.controls.forms import combo_box, not_none, push_button
from napari_dsc.widgets.preferences import last_values, remember_values

if TYPE_CHECKING:
    from collections.abc import Callable

TITLE = "choose, or type a name"


class Presets(QObject):
    """Chooser of presets, with buttons to save and to delete a preset.

    Parameters
    ----------
    dock : str
        Name of the dock that the presets belong to.
    values : callable
        Returns the values to save.
    fixed : dict of str to dict
        Presets of the package, which cannot be changed.

    Attributes
    ----------
    chosen : Signal of dict
        Values to show.
    """

    chosen = Signal(dict)

    def __init__(
        self, dock: str, values: Callable[[], dict[str, Any]], fixed: dict[str, dict[str, Any]]
    ) -> None:
        super().__init__()
        self._fixed = fixed
        self._key, self._values = f"presets of {dock}", values
        self.names = combo_box("Saved values. Type a new name to save the present ones.")
        self.names.setEditable(True)
        self.names.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        not_none(self.names.lineEdit()).setPlaceholderText(TITLE)
        self.save = push_button("Save", "Save the present values under this name.")
        self.delete = push_button("Delete", "Delete the preset of this name.")
        self.names.textActivated.connect(self._choose)
        self.save.clicked.connect(self.save_values)
        self.delete.clicked.connect(self.delete_preset)
        self._show("")

    def _show(self, name: str) -> None:
        self.names.clear()
        self.names.addItems([*self._fixed, *sorted(last_values(self._key))])
        self.names.setCurrentText(name)

    def _choose(self, name: str) -> None:
        known = last_values(self._key) | self._fixed
        if name in known:
            self.chosen.emit(known[name])

    def save_values(self) -> None:
        """Save the present values under the name in the box."""
        name = self.names.currentText().strip()
        if name and name not in self._fixed:
            remember_values(self._key, last_values(self._key) | {name: self._values()})
            self._show(name)

    def delete_preset(self) -> None:
        """Delete the preset that is named in the box."""
        known = last_values(self._key)
        known.pop(self.names.currentText().strip(), None)
        remember_values(self._key, known)
        self._show("")


def method_values(name: str) -> dict[str, Any]:
    """Values of a preset for all fields of superpixels and cut except `n_superpixels`.

    Parameters
    ----------
    name : str
        Name of a preset of the package.

    Returns
    -------
    values : dict
        By name of the field; the method is included.
    """
    chosen: Any = preset_values(name)
    superpixels = dataclasses.asdict(SuperpixelParams(**chosen["superpixels"]))
    cut = dataclasses.asdict(CutParams(**chosen["cut"]))
    del superpixels["n_superpixels"]
    return {"method": "dsc", **superpixels, **cut}
