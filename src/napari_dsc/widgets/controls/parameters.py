"""Controls for the fields of parameter classes, made from their annotations and docstrings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import docstring_parser
from docstring_parser import DocstringStyle
from magicgui.widgets import create_widget
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import Params
from napari_dsc.records.recipes import STAGES
from napari_dsc.segmenting.settings import Settings
from napari_dsc.widgets.controls.float_box import ExactFloatBox
from napari_dsc.widgets.controls.forms import MIN_WIDTH, not_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qtpy.QtWidgets import QFormLayout

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
    entries = docstring_parser.parse(kind.__doc__ or "", DocstringStyle.NUMPYDOC).params
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
