"""Controls for the fields of parameter classes, made from their annotations, and presets."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_type_hints

from docstring_parser import DocstringStyle, parse
from magicgui.widgets import FloatSpinBox, create_widget
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QSizePolicy, QWidget

from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import CutParams, Params, SuperpixelParams, preset_values
from napari_dsc.records.recipes import STAGES
from napari_dsc.segmenting.settings import Settings
from napari_dsc.widgets.controls.forms import MIN_WIDTH, combo_box, not_none, push_button
from napari_dsc.widgets.preferences import last_values, remember_values

P = TypeVar("P", bound=Params)

# labels of the fields whose name alone would be unclear
LABELS = {
    "n_superpixels": "Number",
    "n_partitions": "Max. classes",
    "n_iterations": "Iterations",
    "source": "Made from",
    "cut_normalization": "Cut divided by",
    "n_leaves": "Tree leaves",
    "n_agglomerations": "Agglomerations",
}


def label_of(field: str) -> str:
    """Label of a field's control."""
    return LABELS.get(field, field.replace("_", " ").capitalize())


def help_of(kind: type[Params], field: str) -> str:
    """Help of a field as one line without markup, from the docstring of its class."""
    entries = parse(kind.__doc__ or "", DocstringStyle.NUMPYDOC).params
    found = next((entry.description for entry in entries if entry.arg_name == field), None)
    return " ".join((found or "").replace("``", "").split())


class ParameterControls(QObject):
    """One control for each field of some parameter classes.

    Parameters
    ----------
    kinds : iterable of type
        Parameter classes; no two may share the name of a field.
    """

    def __init__(self, kinds: Iterable[type[Params]]) -> None:
        super().__init__()
        self._kinds = tuple(kinds)
        self.controls: dict[str, Any] = {}
        for kind in self._kinds:
            for field in dataclasses.fields(kind):
                self.controls[field.name] = _control(kind, field)
                self._tame(self.controls[field.name].native)

    def _tame(self, native: QWidget) -> None:
        """Let a control shrink in a narrow dock, and ignore the wheel without focus."""
        native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        native.setMinimumWidth(MIN_WIDTH)
        native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        native.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Pass turns of the wheel over controls without focus to the dock, which scrolls."""
        is_wheel = event is not None and event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            not_none(event).ignore()
            return True
        return False

    def add_to(self, form: QFormLayout, fields: Iterable[str]) -> None:
        """Put controls into a form, each with its label."""
        for field in fields:
            control = self.controls[field]
            form.addRow(label_of(field), control.native)
            not_none(form.labelForField(control.native)).setToolTip(control.tooltip)

    def get(self, kind: type[P]) -> P:
        """Parameters as the controls show them."""
        names = [field.name for field in dataclasses.fields(kind)]
        return kind(**{name: self.controls[name].value for name in names})

    def values(self) -> dict[str, object]:
        """Value of every control."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, values: Mapping[str, object]) -> None:
        """Show values exactly as they are; names without a control are ignored.

        Raises
        ------
        InvalidParameterError
            If a parameter class refuses a value; its controls then stay unchanged.
        """
        for kind in self._kinds:
            known = {field.name for field in dataclasses.fields(kind)} & values.keys()
            checked = kind(**{name: values[name] for name in known})
            for name in known:
                self.controls[name].value = getattr(checked, name)

    def enable(self, fields: Iterable[str], is_enabled: bool) -> None:
        """Enable the controls of some fields, or disable them."""
        for field in fields:
            self.controls[field].enabled = is_enabled

    def reset(self) -> None:
        """Show the defaults."""
        for kind in self._kinds:
            self.set(dataclasses.asdict(kind()))


def _control(kind: type[Params], field: dataclasses.Field[Any]) -> Any:
    """Control of a field, with its default, bounds and help."""
    hint = get_type_hints(kind, include_extras=True)[field.name]
    options: dict[str, Any] = {"tooltip": help_of(kind, field.name)}
    if get_args(hint)[0] is float:
        options["widget_type"] = ExactFloatBox
    return create_widget(name=field.name, annotation=hint, value=field.default, options=options)


def values_of_record(record: dict[str, Any]) -> dict[str, Any]:
    """Values of the controls that repeat a run.

    Parameters
    ----------
    record : dict
        Of a layer's metadata.

    Returns
    -------
    values : dict
        Parameters of all its stages, device, weights and method.

    Raises
    ------
    InvalidParameterError
        If the record holds no parameters.
    """
    if "parameters" not in record:
        raise InvalidParameterError(
            "record: no parameters found; choose a layer, file or recipe of a run"
        )
    settings = Settings.from_record(record)
    values: dict[str, Any] = {}
    for stage in STAGES:
        values |= dataclasses.asdict(settings.params(stage))
    device = record.get("device", {}).get("name", settings.device)
    return values | {"device": device, "weights": settings.weights, "method": settings.method}


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
