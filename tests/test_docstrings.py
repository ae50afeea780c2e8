"""The docstrings of what is public: complete, by numpydoc's checks, with examples that run."""

import doctest
import importlib
import inspect
import tomllib
import warnings
from functools import cached_property
from pathlib import Path

import pytest
from numpydoc.validate import Validator, validate

import chainfit
import chainfit.row_predictor

PACKAGE = Path(chainfit.__file__).parent
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
MODULES = sorted(
    ".".join(("chainfit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
# What scikit-learn calls, and not the user.
HOOKS = ("setup", "teardown", "on_fit_task_begin", "on_fit_task_end")
# What only functions make: their parameters are no user's.
MADE = ("Chain", "Trace")


class Finder(doctest.DocTestFinder):
    """Knows where public classes stand, which say that they are of chainfit."""

    def _from_module(self, module, object):
        if inspect.isclass(object) and object.__module__ == "chainfit":
            source = Path(module.__file__).read_text(encoding="utf-8")
            return f"\nclass {object.__name__}" in source
        return super()._from_module(module, object)


@pytest.mark.parametrize("module", MODULES)
def test_examples(module, tmp_path, monkeypatch):
    if "._onnx." in module:
        pytest.importorskip("skl2onnx")
    monkeypatch.chdir(tmp_path)
    tests = [t for t in Finder().find(importlib.import_module(module), module) if t.examples]
    assert tests
    for test in tests:
        told = []
        runner = doctest.DocTestRunner()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            failed, _ = runner.run(test, out=told.append)
        assert not failed, "".join(told)


def members(cls):
    """Yield the names of a class's public methods and properties that are not scikit-learn's."""
    for name in dir(cls):
        base = next(base for base in cls.__mro__ if name in vars(base) or base is object)
        value = inspect.getattr_static(cls, name)
        documented = callable(getattr(cls, name)) or isinstance(value, property | cached_property)
        if not name.startswith("_") and base.__module__.startswith("chainfit") and documented:
            yield name


def public_names():
    """Yield the dotted names of all that is public."""
    for name in [*chainfit.__all__, "row_predictor.RowPredictor"]:
        value = Validator._load_obj(f"chainfit.{name}")
        if inspect.ismodule(value):
            functions = [n for n in value.__all__ if inspect.isfunction(getattr(value, n))]
            yield from (f"chainfit.{name}.{n}" for n in functions)
        elif callable(value):
            yield f"chainfit.{name}"
            if inspect.isclass(value):
                yield from (f"chainfit.{name}.{member}" for member in members(value))


def checks():
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
    assert settings["checks"][0] == "all"
    return {*settings["checks"][1:]}


@pytest.mark.parametrize("name", public_names())
def test_what_is_public_is_documented(name):
    left_out = checks()
    last = name.rpartition(".")[2]
    if isinstance(Validator._load_obj(name), property | cached_property) or last in HOOKS:
        left_out.add("EX01")
    if last in MADE:
        left_out.add("PR01")
    found = [error for error in validate(name)["errors"] if error[0] not in left_out]
    assert not found
