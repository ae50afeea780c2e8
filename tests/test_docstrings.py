"""The examples in docstrings: each runs, without a warning, and gives what it says."""

import doctest
import importlib
import inspect
import warnings
from pathlib import Path

import pytest

import chainfit

PACKAGE = Path(chainfit.__file__).parent
MODULES = sorted(
    ".".join(("chainfit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
# What is only made by other functions, raised, or a module.
WITHOUT = {
    "Chain",
    "LearningRateDisplay",
    "MismatchError",
    "ModelFileError",
    "Page",
    "Trace",
    "__version__",
    "data",
    "reference",
}


class Finder(doctest.DocTestFinder):
    """Knows where public classes, which say that they are of chainfit, stand by their methods."""

    def _from_module(self, module, object):
        if inspect.isclass(object) and object.__module__ in ("chainfit", "chainfit.data"):
            methods = filter(inspect.isfunction, vars(object).values())
            return any(method.__module__ == module.__name__ for method in methods)
        return super()._from_module(module, object)


def examples(module):
    """Return the docstrings of a module that have examples."""
    tests = Finder().find(importlib.import_module(module), module)
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples(module, tmp_path, monkeypatch):
    if "._onnx." in module:
        pytest.importorskip("skl2onnx")
    monkeypatch.chdir(tmp_path)
    tests = examples(module)
    assert tests
    for test in tests:
        told = []
        runner = doctest.DocTestRunner()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            failed, _ = runner.run(test, out=told.append)
        assert not failed, "".join(told)


def test_what_is_public_has_an_example():
    documented = {test.name.rpartition(".")[2] for name in MODULES for test in examples(name)}
    assert set(chainfit.__all__) - WITHOUT - documented == set()
    assert not WITHOUT - set(chainfit.__all__)
    assert {"MLPClassifier", "MLPRegressor", "TabularRegressor", "explain"} <= documented
