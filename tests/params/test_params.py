"""Parameters: complete help, honest bounds, and one sentence for whatever breaks them."""

import dataclasses
import json
import math
import pickle
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import cyclopts
import docstring_parser
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_dsc import params
from napari_dsc.errors import DSCError, InvalidParameterError

CLASSES = [
    value
    for value in vars(params).values()
    if dataclasses.is_dataclass(value) and value.__name__ != "Params"
]


class Field:
    """One field of one parameter class, with what its annotation says."""

    def __init__(self, owner, name, default):
        self.owner, self.name, self.default = owner, name, default
        self.hint = get_type_hints(owner, include_extras=True)[name]
        self.is_choice = get_origin(self.hint) is Literal
        self.choices = get_args(self.hint) if self.is_choice else ()
        self.kind, self.bounds = (str, {}) if self.is_choice else get_args(self.hint)

    def __str__(self):
        return f"{self.owner.__name__}.{self.name}"

    def set(self, value):
        return self.owner(**{self.name: value})

    def values(self):
        if self.is_choice:
            return st.sampled_from(self.choices)
        numbers = st.integers if self.kind is int else st.floats
        return numbers(self.bounds["min"], self.bounds["max"])


FIELDS = [
    Field(c, field.name, field.default) for c in CLASSES for field in dataclasses.fields(c)
]
NUMBERS = [field for field in FIELDS if not field.is_choice]
CHOICES = [field for field in FIELDS if field.is_choice]

every_class = pytest.mark.parametrize("owner", CLASSES, ids=lambda owner: owner.__name__)
every_field = pytest.mark.parametrize("field", FIELDS, ids=str)
every_number = pytest.mark.parametrize("field", NUMBERS, ids=str)


def test_the_five_parameter_classes_are_found():
    names = {owner.__name__ for owner in CLASSES}
    assert names >= {
        "ImageParams",
        "SuperpixelParams",
        "CutParams",
        "TemplateParams",
        "TrainParams",
    }


@every_class
def test_help_names_every_field_in_order_and_nothing_else(owner):
    help_texts = docstring_parser.parse(owner.__doc__).params
    assert [text.arg_name for text in help_texts] == [f.name for f in dataclasses.fields(owner)]
    assert all(text.description.endswith(".") for text in help_texts)


@every_field
def test_the_help_gives_the_type_of_the_field(field):
    texts = docstring_parser.parse(field.owner.__doc__).params
    stated = {text.arg_name: text.type_name for text in texts}
    assert stated[field.name] == field.kind.__name__


@pytest.mark.parametrize("field", CHOICES, ids=str)
def test_the_help_names_every_choice(field):
    texts = {
        p.arg_name: p.description for p in docstring_parser.parse(field.owner.__doc__).params
    }
    assert [
        choice for choice in field.choices if f"``{choice}``" not in texts[field.name]
    ] == []


@every_class
def test_nothing_has_to_be_given(owner):
    assert owner() == owner(**dataclasses.asdict(owner()))


@every_class
def test_fields_have_names_only_and_stay_as_they_are(owner):
    field = dataclasses.fields(owner)[0]
    with pytest.raises(TypeError, match="positional"):
        owner(field.default)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(owner(), field.name, field.default)


@every_class
@given(data=st.data())
def test_any_values_within_the_bounds_survive_json_and_pickle(owner, data):
    drawn = {f.name: data.draw(f.values()) for f in FIELDS if f.owner is owner}
    made = owner(**drawn)
    assert dataclasses.asdict(made) == drawn
    assert owner(**json.loads(json.dumps(dataclasses.asdict(made)))) == made
    assert pickle.loads(pickle.dumps(made)) == made


@every_number
def test_both_bounds_are_allowed(field):
    assert field.bounds["min"] < field.bounds["max"]
    for bound in (field.bounds["min"], field.bounds["max"]):
        assert getattr(field.set(bound), field.name) == bound


@every_number
@pytest.mark.parametrize("side", ["min", "max"])
def test_one_step_beyond_a_bound_is_refused_by_name(field, side):
    step = field.bounds.get("step", 1)
    value = field.bounds[side] + (step if side == "max" else -step)
    with pytest.raises(InvalidParameterError) as caught:
        field.set(value)
    low, high = field.bounds["min"], field.bounds["max"]
    assert str(caught.value) == f"{field.name}={value}: expected {low} to {high}"


@every_number
@pytest.mark.parametrize(
    "value",
    [True, "7", None, math.nan, math.inf, -math.inf, [7], 7j, np.array([7, 7])],
    ids=repr,
)
def test_what_is_no_number_is_refused_by_name(field, value):
    with pytest.raises(InvalidParameterError, match=f"^{field.name}=.*: expected "):
        field.set(value)


@pytest.mark.parametrize("field", [f for f in NUMBERS if f.kind is int], ids=str)
def test_a_fraction_is_no_count(field):
    with pytest.raises(
        InvalidParameterError, match=f"^{field.name}=8.5: expected int, got float"
    ):
        field.set(8.5)


@pytest.mark.parametrize("field", CHOICES, ids=str)
@pytest.mark.parametrize("value", ["", "SLIC", "unknown", 0, True, None, ["slic"]], ids=repr)
def test_an_unknown_choice_is_refused_and_the_choices_named(field, value):
    with pytest.raises(InvalidParameterError) as caught:
        field.set(value)
    assert str(caught.value).startswith(f"{field.name}={value!r}: expected one of ")
    assert all(choice in str(caught.value) for choice in field.choices)


@pytest.mark.parametrize("field", [f for f in NUMBERS if f.kind is float], ids=str)
def test_the_step_of_a_fraction_meets_its_bounds_and_its_default(field):
    step, start = field.bounds["step"], field.bounds["min"]
    assert 0 < step < field.bounds["max"] - start
    for value in (field.default, field.bounds["max"]):
        steps = (value - start) / step
        assert steps == pytest.approx(round(steps), abs=1e-3)


@every_field
def test_the_default_lies_within_the_bounds(field):
    if field.is_choice:
        assert field.default in field.choices
    else:
        assert type(field.default) is field.kind
        assert field.bounds["min"] <= field.default <= field.bounds["max"]


@every_class
def test_the_error_can_be_caught_as_ours_or_as_a_value_error(owner):
    field = next(field for field in FIELDS if field.owner is owner)
    for kind in (DSCError, ValueError):
        with pytest.raises(kind):
            field.set(object())


def parsed(owner, arguments):
    def command(given: Annotated[owner, cyclopts.Parameter(name="*")] = owner()):  # noqa: B008
        return given

    program = cyclopts.App(default_command=command)
    _, bound, _ = program.parse_args(arguments, exit_on_error=False, print_error=False)
    return command(*bound.args, **bound.kwargs)


@every_class
def test_an_empty_command_line_gives_the_defaults(owner):
    assert parsed(owner, []) == owner()


@every_field
def test_every_field_is_a_flag_of_the_command_line(field):
    values = field.choices if field.is_choice else (field.bounds["min"], field.bounds["max"])
    other = next(value for value in values if value != field.default)
    flag = "--" + field.name.replace("_", "-")
    assert parsed(field.owner, [flag, str(other)]) == field.set(other)


def test_a_numpy_number_becomes_a_python_number():
    made = params.CutParams(n_iterations=np.int64(3), momentum=np.float64(0.5))
    assert made == params.CutParams(n_iterations=3, momentum=0.5)
    assert json.loads(json.dumps(dataclasses.asdict(made))) == dataclasses.asdict(made)


@pytest.mark.parametrize("value", [np.array([1, 2]), np.bool_(True), np.str_("3")])
def test_other_values_of_numpy_are_refused(value):
    with pytest.raises(InvalidParameterError, match="n_iterations"):
        params.CutParams(n_iterations=value)
    with pytest.raises(InvalidParameterError, match="result"):
        params.CutParams(result=value)
