"""What the estimators load: what fitting needs, and nothing beyond scikit-learn's own."""

import json
import sys
import sysconfig

import pytest

import chainfit

MODULES = """
import json, sys

modules = []
for line in (
    "import sklearn.neural_network",
    "from chainfit import MLPClassifier, MLPRegressor",
    "from chainfit import explain",
):
    exec(line)
    modules.append(sorted(sys.modules))
print(json.dumps(modules))
"""


@pytest.fixture(scope="session")
def modules(python):
    """Names of modules: after scikit-learn's MLP, then chainfit, then `explain`."""
    done = python(MODULES)
    assert done.returncode == 0, done.stderr
    return list(map(set, json.loads(done.stdout)))


def test_import_loads_nothing_that_scikit_learns_mlp_does_not(modules):
    more = modules[1] - modules[0]
    assert {"chainfit", "chainfit._core"} <= more
    assert [name for name in more if not name.startswith(("chainfit", "_editable"))] == []


def test_what_fitting_does_not_need_is_loaded_later(modules):
    """Who only fits does not wait for files, tables, the command line, or the chain."""
    for_later = ("_files.model", "_tables", "_cli", "_explain", "reference")
    prefixes = tuple(f"chainfit.{name}" for name in for_later)
    assert [name for name in modules[1] if name.startswith(prefixes)] == []


def test_what_writes_a_chain_is_loaded_when_it_writes(modules):
    assert "chainfit._explain.explain" in modules[2]
    assert not {"latex2mathml", "jinja2", "chainfit._explain.page.page"} & modules[2]
    assert {"explain", "Chain"} <= set(dir(chainfit))


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["fly"], ["predict", "model"]])
def test_help_and_wrong_usage_do_not_wait_for_scikit_learn(python, words):
    done = python(
        "import sys; from chainfit._cli.main import main\n"
        f"main({words})\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'joblib', 'pandas', 'pyarrow', 'duckdb', 'tqdm'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    assert done.returncode == 0, done.stderr


WITHOUT_CALLBACKS = """
import sys
import sklearn.model_selection, sklearn.neural_network, sklearn.pipeline
theirs = sys.modules.pop("sklearn.callback", None)
sys.modules["sklearn.callback"] = None
from chainfit import MLPRegressor
sys.modules["sklearn.callback"] = theirs
told = lambda record: print("an epoch")
model = MLPRegressor(hidden_layer_sizes=3, max_iter=3, tol=0.0, callbacks=[told])
assert not hasattr(model, "set_callbacks")
import warnings
warnings.simplefilter("ignore")
model.fit([[0.0], [1.0]], [0.0, 1.0]).partial_fit([[0.0], [1.0]], [0.0, 1.0])
model.set_callbacks()
"""


def test_scikit_learn_without_callbacks(python):
    """Before 1.9 it had none: fit goes on without, and set_callbacks says what is missing."""
    done = python(WITHOUT_CALLBACKS)
    assert done.stdout == "an epoch\n" * 4
    error = done.stderr.splitlines()[-1]
    assert error.startswith("AttributeError: set_callbacks needs scikit-learn 1.9 or newer")


WITHOUT_PYARROW = """
import sys, tempfile, os
sys.modules["pyarrow"] = None
import chainfit
net = chainfit.MLPRegressor.from_weights([[[1.0], [2.0]]], [[0.5]])
path = os.path.join(tempfile.mkdtemp(), "net")
net.save(path)
print(chainfit.load(path).predict([[1.0, 1.0]]))
"""


def test_nets_are_loaded_without_what_tables_need(python):
    done = python(WITHOUT_PYARROW)
    assert done.stdout == "[3.5]\n", done.stderr


def test_all_kinds_of_files_are_there():
    from chainfit._load import KINDS as kinds

    assert {name: kinds[name].name for name in kinds} == {name: name for name in kinds}


WITHOUT_EXTRAS = """
import sys, pickle
lacking = {"pyarrow", "duckdb", "pandas", "matplotlib", "onnx", "jinja2", "mpi4py"}
sys.modules.update(dict.fromkeys(lacking))
from chainfit import *
import sklearn
from sklearn.base import clone

for model in (TabularClassifier("fast", n_nets=3), TabularRegressor()):
    again = pickle.loads(pickle.dumps(clone(model).set_params(max_levels=7)))
    print(repr(again))
    assert "max_levels" in again._repr_html_()
    try:
        again.fit({"a": [1.0, 2.0]}, [0, 1])
    except ImportError as error:
        print(error)
assert data.Files is not None
"""


def test_all_names_are_there_without_what_is_extra(python):
    """They can be made, cloned, pickled and shown; a fit says what is missing."""
    done = python(WITHOUT_EXTRAS)
    assert done.returncode == 0, done.stderr
    first, missing, second, again = done.stdout.splitlines()
    assert first == "TabularClassifier(max_levels=7, n_nets=3, preset='fast')"
    assert second == "TabularRegressor(max_levels=7)"
    assert missing == again
    assert missing.startswith("tables need ") and "pip install 'chainfit[table]'" in missing


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="has its GIL always")
def test_the_gil_stays_off(python):
    """But in 3.13, which can't replace a `__dict__` that other threads read."""
    imports = "import sys, chainfit._core, chainfit._shuffle, chainfit.row_predictor"
    done = python(f"{imports}; print(sys._is_gil_enabled())", PYTHON_GIL=None)
    assert done.stdout == f"{sys.version_info < (3, 14)}\n", done.stderr
