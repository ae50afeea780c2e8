"""The docstrings of what is public: complete, by numpydoc's checks, with examples that run."""

import ast
import doctest
import importlib
import inspect
import re
import tomllib
import warnings
from functools import cached_property, reduce
from pathlib import Path

import pytest

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
        if inspect.isclass(object) and is_public(object):
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


def is_public(cls):
    return cls.__module__ in ("chainfit", "chainfit.data")


def members(cls):
    """Yield a class's public methods and properties, but scikit-learn's and a base's."""
    for name in dir(cls):
        base = next(base for base in cls.__mro__ if name in vars(base) or base is object)
        value = inspect.getattr_static(cls, name)
        documented = callable(getattr(cls, name)) or isinstance(value, property | cached_property)
        theirs = re.fullmatch(r"_.*|set_\w+_request", name)
        theirs = theirs or any(name in vars(base) for base in cls.__mro__[1:] if is_public(base))
        if not theirs and base.__module__.startswith("chainfit") and documented:
            yield name


def is_documented(cls):
    """Whether a class is more than a record of the reference."""
    return not cls.__module__.startswith(("chainfit.reference", "numpy", "collections"))


def public(name):
    """Return what a dotted name stands for."""
    return reduce(getattr, name.split(".")[1:], chainfit)


def public_names():
    """Yield the dotted names of all that is public."""
    for name in [*chainfit.__all__, "row_predictor.RowPredictor"]:
        value = public(f"chainfit.{name}")
        if inspect.ismodule(value):
            names = [f"chainfit.{name}.{n}" for n in value.__all__]
        else:
            names = [f"chainfit.{name}"]
        for full in names:
            value = public(full)
            if inspect.isfunction(value) or (inspect.isclass(value) and is_documented(value)):
                yield full
            if inspect.isclass(value) and is_documented(value):
                yield from (f"{full}.{member}" for member in members(value))


def checks():
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
    assert settings["checks"][0] == "all"
    return {*settings["checks"][1:]}


@pytest.mark.parametrize("name", [*public_names()])
def test_what_is_public_is_documented(name):
    numpydoc = pytest.importorskip("numpydoc.validate")
    left_out = checks()
    last = name.rpartition(".")[2]
    if isinstance(public(name), property | cached_property) or last in HOOKS:
        left_out.add("EX01")
    if last in MADE:
        left_out.add("PR01")
    found = [error for error in numpydoc.validate(name)["errors"] if error[0] not in left_out]
    assert not found


def test_the_compiled_core_is_documented():
    core = chainfit._core
    public = {name: value for name, value in vars(core).items() if not name.startswith("_")}
    functions = {name: value for name, value in public.items() if callable(value)}
    for name, cls in [item for item in functions.items() if inspect.isclass(item[1])]:
        if not issubclass(cls, tuple):
            own = {k: v for k, v in vars(cls).items() if callable(v) and not k.startswith("_")}
            functions |= {f"{name}.{k}": v for k, v in own.items()}
    # what pybind11 writes by itself is one paragraph, the signature
    bare = [name for name, f in functions.items() if not re.search(r"\w{3}", own_text(f))]
    assert not bare


def own_text(function):
    text = function.__doc__ or ""
    return text if inspect.isclass(function) else text.partition("\n\n")[2]


def test_the_stub_of_row_predictor_says_the_same():
    """Editors read the stub."""
    stub = ast.parse((PACKAGE / "row_predictor.pyi").read_text(encoding="utf-8"))
    (cls,) = [node for node in stub.body if isinstance(node, ast.ClassDef)]
    (call,) = [node for node in cls.body if getattr(node, "name", None) == "__call__"]
    predictor = chainfit.row_predictor.RowPredictor
    assert ast.get_docstring(cls) == inspect.getdoc(predictor)
    assert ast.get_docstring(call) == inspect.getdoc(predictor.__call__)
