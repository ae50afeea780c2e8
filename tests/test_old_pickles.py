"""Pickles: those of 0.1.0 load, whatever has moved since; new ones hold no private paths."""

import inspect
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainfit
from chainfit import _old_names

# Written by 0.1.0, of nets trained for two epochs on these rows, and of explanations.
PICKLES = Path(__file__).with_name("pickles")
X = np.random.RandomState(0).randn(12, 2).round(2)
y = (X[:, 0] - X[:, 1]).round(2)
PREDICTIONS = {
    "regressor": [2.74921826, 2.44944762],
    "classifier": ["yes", "yes"],
    "lbfgs": [0.66045648, -0.77930527],
}


def load(name):
    return pickle.loads((PICKLES / f"{name}.pickle").read_bytes())


def names_in(data):
    """Return the modules of this package that a pickle names."""
    texts = [arg for _, arg, _ in pickletools.genops(data) if isinstance(arg, str)]
    return {text for text in texts if text.partition(".")[0] == "chainfit"}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_estimators(name):
    model = load(name)
    found = model.predict(X[:2])
    if name == "classifier":
        assert found.tolist() == PREDICTIONS[name]
    else:
        np.testing.assert_allclose(found, PREDICTIONS[name], rtol=1e-8)
    if name != "lbfgs":
        fresh = type(model)(**model.get_params())
        target = np.where(y > 0, "yes", "no") if name == "classifier" else y
        with pytest.warns(UserWarning, match="Maximum iterations"):
            fresh.fit(X, target)
        model.partial_fit(X, target)  # by the optimizer that was pickled
        fresh.partial_fit(X, target)
        for mine, other in zip(model.coefs_, fresh.coefs_, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_table():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "u", "d")})
    found = load("table").predict(frame.head(2))
    np.testing.assert_allclose(found, [0.7776653, 0.9523803], rtol=1e-6)


def test_explanations():
    net, history, trace = load("net"), load("history"), load("trace")
    assert net.coefs[0].tolist() == [[0.5], [-1.0]]
    assert history.epochs == [0, 1, 2] and len(history.nets) == 3
    fresh = chainfit.trace(net, X[:2], [1, 0])
    assert str(trace) == str(fresh)
    fresh = chainfit.explain(net, X[0], 1, (0, 0, 0))
    for chain in (load("chain"), load("printed_chain")):
        # but for the rounding that was allowed for
        assert str(chain).partition("Verified")[0] == str(fresh).partition("Verified")[0]
        assert "chainfit._explain.rows" not in names_in(pickle.dumps(chain))
    assert "page" in load("page")._repr_html_()


def test_only_what_a_pickle_names_is_imported():
    code = (
        "import pickle, sys\n"
        "for path in sys.argv[1:]:\n"
        "    pickle.load(open(path, 'rb'))\n"
        "    print('chainfit._explain' in sys.modules, end=' ')"
    )
    paths = [PICKLES / f"{name}.pickle" for name in ("regressor", "table", "net", "chain")]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False True True "


def test_old_names_lead_somewhere():
    for old, new in _old_names.OLD_NAMES.items():
        module = __import__(f"chainfit.{old}", fromlist=["x"])
        assert module.__getattr__("__name__") == f"chainfit.{new}"
    with pytest.raises(ModuleNotFoundError):
        __import__("chainfit._net.other")


def test_new_pickles_name_public_classes():
    for path in PICKLES.iterdir():
        held = names_in(pickle.dumps(load(path.stem)))
        assert "chainfit" in held
        if path.stem in {"regressor", "classifier", "lbfgs", "history", "net", "page"}:
            assert held == {"chainfit"}


def test_public_classes_say_so_and_their_sources_are_found():
    for name in chainfit.__all__:
        value = getattr(chainfit, name)
        if inspect.isclass(value):
            assert (value.__module__, value.__qualname__) == ("chainfit", name)
            for method in filter(inspect.isfunction, vars(value).values()):
                if method.__code__.co_filename != "<string>":  # as a dataclass's own
                    assert f"def {method.__name__}" in inspect.getsource(method)
