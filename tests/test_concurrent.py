"""One model, several threads: what is published is whole, and nobody is turned away."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from beside import Meanwhile, Others, assert_equal_weights, regressor

import chainfit
from chainfit import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(400, 8)
y = X[:, 0] - X[:, 1]
labels = np.digitize(y, [-0.5, 0.5])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_predictions_during_a_refit_are_of_a_whole_model(solver):
    """Fits of two data sets in turn: every answer is the one model's or the other's."""
    model = regressor(solver=solver)
    wider = np.column_stack([X, X[:, :2]])
    models = [copy.deepcopy(model).fit(X, y), copy.deepcopy(model).fit(X[:, ::-1], -y)]
    right = [m.predict(X) for m in models]
    assert not np.array_equal(*right)
    model.fit(X, y)

    def predict(model=model):
        answer = model.predict(X)
        assert any(np.array_equal(answer, one) for one in right)

    def copies():
        predict(pickle.loads(pickle.dumps(model)))

    with Others(predict, copies) as others:
        for n in range(30):
            model.fit(*((X[:, ::-1], -y), (X, y))[n % 2])
            with pytest.raises(ValueError, match="NaN"):
                model.fit(X * np.nan, y)
            model.set_params(alpha=-1.0)
            with pytest.raises(ValueError, match="alpha"):
                model.fit(wider, y)
            model.set_params(alpha=0.0001)
    assert min(others.rounds) > 0


def test_classes_and_weights_are_published_together():
    model = MLPClassifier((16,), max_iter=3, random_state=0).fit(X, labels)
    with Others(lambda: model.predict(X), lambda: model.predict_proba(X)):
        for n in range(40):
            model.fit(X, (labels, labels > 0, labels.astype(str))[n % 3])


@pytest.mark.filterwarnings("ignore:column")
def test_tables_are_published_whole():
    pd = pytest.importorskip("pandas")
    frames = [
        pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "up", "down")}),
        pd.DataFrame({"a": np.where(X[:, 0] > 0, "up", "3"), "b": X[:, 1]}),
    ]
    parameters = {"n_nets": 2, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    known = pd.DataFrame({"a": ["3"] * len(X), "b": X[:, 1]})
    models = [chainfit.TabularRegressor(**parameters) for _ in frames]
    targets = [y, 100 * y]
    right = [m.fit(*pair).predict(known) for *pair, m in zip(frames, targets, models, strict=True)]
    model = models[0]

    def predict():
        answer = model.predict(known)
        assert any(np.array_equal(answer, one) for one in right)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Others(predict) as others:
            for n in range(20):
                model.fit(frames[n % 2], targets[n % 2])
                with pytest.raises(ValueError, match="Input y contains NaN"):
                    model.fit(frames[n % 2], np.full(len(X), np.nan))
    assert others.rounds[0] > 0


def test_set_params_during_a_fit_stays():
    class Setter:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            estimator.set_params(tol=0.25)
            estimator.note = "kept"

        def on_fit_task_end(self, estimator, context):
            pass

    model = regressor().set_callbacks(Setter()).fit(X, y)
    assert (model.tol, model.note) == (0.25, "kept")
    model.predict(X)


READERS = {
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "save": lambda model, path: (model.save(path), chainfit.load(path))[1],
    "to_sklearn": lambda model, path: chainfit.from_sklearn(model.to_sklearn()),
    "explain": lambda model, path: chainfit.explain(model, X[0], y[0], (0, 1, 2)) and None,
}


@pytest.mark.parametrize("reader", READERS)
def test_readers_beside_partial_fit_wait_for_it(reader, tmp_path):
    """The weights and the optimizer that they see belong together: training goes on to its bits."""
    model, states = regressor(solver="adam").partial_fit(X, y), []
    path = tmp_path / "model.safetensors"

    def read():
        states.append(READERS[reader](model, path))

    with Others(read):
        while len(states) < 10:
            model.partial_fit(X, y)
    course = [regressor(solver="adam").partial_fit(X, y)]
    while len(course) <= model.t_ // len(X):
        course.append(copy.deepcopy(course[-1]).partial_fit(X, y))
    for state in states:
        if state is not None:
            epoch = state.t_ // len(X)
            assert_equal_weights(state, course[epoch - 1])
            assert_equal_weights(state.partial_fit(X, y), course[epoch])


def test_threads_take_turns_in_partial_fit():
    model = regressor(solver="adam").partial_fit(X, y)
    with Others(*[lambda: model.partial_fit(X, y)] * 3) as others:
        while min(others.rounds) < 10 and not others.errors:
            threading.Event().wait(0.01)
    alone = regressor(solver="adam")
    for _ in range(sum(others.rounds) + 1):
        alone.partial_fit(X, y)
    assert_equal_weights(model, alone)


# -- signal handlers and forks inside of a call

INSIDE = """
import os, pickle, signal, sys, threading, warnings
import numpy as np
import chainfit
from chainfit import MLPRegressor

warnings.simplefilter("ignore")
rng = np.random.RandomState(0)
X = rng.randn(30_000, 40)
y = X[:, 0]
few = dict(hidden_layer_sizes=(96, 96), random_state=0, max_iter=12)
model = MLPRegressor(**few, solver={solver!r}).fit(X, y)
right = MLPRegressor(**few, solver={solver!r}).fit(X, y)

def course(model):
    {call}
    return b"".join(a.tobytes() for a in [*model.coefs_, *model.intercepts_, model.predict(X)])

right = course(right)
children, handled = [], 0

def handler(*_):
    global handled
    handled += 1
    {handler}

def again():  # not before the handler is through: forks don't nest
    signal.setitimer(signal.ITIMER_REAL, 0.06)

signal.signal(signal.SIGALRM, handler)
again()
got = course(model)
signal.setitimer(signal.ITIMER_REAL, 0)
assert handled > 0
assert got == right
if children and children[-1] == 0:
    os._exit(3)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
print("whole", set(codes) <= {{3}})
"""
CALLS = {
    "fit": "model.fit(X, y)",
    "partial_fit": "for _ in range(6): model.partial_fit(X, y)",
    "predict": "for _ in range(40): model.predict(X)",
}
FORK = """
    children.append(os.fork())
    if children[-1] != 0 and len(children) < 3:
        again()
"""
READ = """
    twin = pickle.loads(pickle.dumps(model))
    twin.predict(X[:5])
    twin.partial_fit(X[:5], y[:5])
    again()
"""


def run_inside(call, handler, solver="adam"):
    code = INSIDE.format(call=CALLS[call], handler=handler.strip(), solver=solver)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, "whole True\n"), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("call", "solver"),
    [("fit", "adam"), ("fit", "lbfgs"), ("partial_fit", "adam"), ("predict", "adam")],
)
def test_a_child_forked_by_a_signal_handler_goes_on(call, solver):
    """Parent and child both come to the bits of a call that nothing disturbed."""
    run_inside(call, FORK, solver)


@pytest.mark.slow
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_signal_handler_reads_the_model(call):
    run_inside(call, READ)


def test_partial_fit_within_partial_fit_is_refused():
    model = regressor(solver="adam", verbose=True).partial_fit(X, y)

    class Again:
        def write(self, text):
            model.partial_fit(X, y)

        def flush(self):
            pass

    before, stdout = copy.deepcopy(model), sys.stdout
    sys.stdout = Again()
    try:
        with pytest.raises(RuntimeError, match="from within partial_fit of the same model"):
            model.partial_fit(X, y)
    finally:
        sys.stdout = stdout
    # the epoch was over when it was printed: it counts
    assert_equal_weights(model, before.set_params(verbose=False).partial_fit(X, y))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_another_thread_trains():
    """It has the weights published last, and an optimizer that starts anew."""
    many = np.repeat(X, 600, axis=0)  # a good while longer than a fork takes
    model = regressor(solver="adam", hidden_layer_sizes=(64, 64)).partial_fit(many, many[:, 0])
    for _ in range(4):
        thread = threading.Thread(target=model.partial_fit, args=(many, many[:, 0]))
        thread.start()
        while not model._optimizer.running and thread.is_alive():
            pass
        published = [w.copy() for w in model.coefs_]
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            code = 1
            try:
                twin = pickle.loads(pickle.dumps(model))
                same = all(map(np.array_equal, twin.coefs_, published))
                model.partial_fit(X, y).predict(X)
                code = 0 if same and model._optimizer_state["steps"] <= 6 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        thread.join()


FIRST_FITS = """
import sys, threading, time
import numpy as np
import chainfit

class Slow:  # lets the other thread run while the first looks for the module
    def find_spec(self, name, path=None, target=None):
        if name == "chainfit._shuffle":
            time.sleep(0.3)

sys.meta_path.insert(0, Slow())
sys.modules.pop("chainfit._shuffle", None)
net = lambda: chainfit.MLPRegressor(max_iter=1, tol=0).fit(np.eye(4), np.arange(4.0))
threads = [threading.Thread(target=net) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_first_fits_side_by_side_end():
    """What the first fit of a process looks up is waited for without the GIL."""
    command = [sys.executable, "-W", "ignore", "-c", FIRST_FITS]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.parametrize("call", ["predict", "predict_proba", "decision_function", "score"])
def test_a_call_is_answered_by_the_model_that_it_began_with(call):
    few, many = np.c_[labels, labels], np.c_[labels, labels, labels]
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, few)
    more = (few,) if call == "score" else ()
    wanted = getattr(model, call)(X, *more)
    rows = Meanwhile(X, lambda: model.fit(X, many))
    found = getattr(model, call)(rows, *more)
    np.testing.assert_equal(found, wanted)
    assert len(model.classes_) == 3
