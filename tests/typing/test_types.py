"""What type checkers are told, held against what runs; no call of a function would show it.

`nox -s typecheck` runs mypy and pyright over user_code.py.
"""

import importlib.util
import inspect
import re
import typing
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import chainfit
from chainfit._explain.notation import NOTATIONS, NotationName
from chainfit._explain.walkthrough import EXAMPLES

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("parameter_types", HERE / "parameter_types.py")
parameter_types = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(parameter_types)
CLASSES = [cls for name in chainfit.__all__ if inspect.isclass(cls := getattr(chainfit, name))]


def test_the_parameters_are_those_of_the_tables():
    assert not parameter_types.stale(), "run python tests/typing/parameter_types.py"


@pytest.mark.parametrize("cls", parameter_types.NETS, ids=lambda cls: cls.__name__)
def test_the_signature_says_the_same(cls):
    known = parameter_types.types_of(cls)
    written = {**inspect.unwrap(cls.__init__).__annotations__}
    del written["return"], written["keywords"]
    assert written.keys() == known.keys() - cls._own_parameters.keys()
    for name, text in written.items():
        parts = {*text.replace("'", '"').split(" | ")}
        assert parts == {*known[name].split(" | ")}, name


def test_names():
    assert typing.get_args(NotationName) == tuple(NOTATIONS)
    name = inspect.signature(chainfit.walkthrough).parameters["name"].annotation
    assert re.findall(r"'(.*?)'", name) == [*EXAMPLES]


def documented_attributes(cls):
    """Return the names in the section Attributes of a class's docstring."""
    section = inspect.getdoc(cls).partition("\nAttributes\n----------\n")[2]
    section = re.split(r"\n\w+( \w+)?\n-+\n", section)[0]
    return {
        name
        for line in section.splitlines()
        if (match := re.match(r"(\w+(?:, \w+)*) : ", line))
        for name in match[1].split(", ")
    }


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_type_checkers_know_every_documented_attribute(cls):
    known = {name for base in cls.__mro__ for name in (*vars(base), *inspect.get_annotations(base))}
    if inspect.isfunction(init := vars(cls).get("__init__")) and not is_dataclass(cls):
        source = inspect.getsource(inspect.unwrap(init))
        known |= {*re.findall(r"self\.(\w+)(?=[ ,:=])", source)}  # which it sets
    assert documented_attributes(cls) <= known
