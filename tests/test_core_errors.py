"""Wrong input to the compiled core: the right exception, a text that names the thing, no crash."""

import math
import re
from functools import partial

import numpy as np
import pytest

from chainfit import _core

X, Y = np.ones((4, 3)), np.ones((4, 2))
COEFS, INTERCEPTS = [np.ones((3, 5)), np.ones((5, 2))], [np.ones(5), np.ones(2)]


@pytest.fixture
def trainer():
    trainer = _core.TrainerF64([3, 5, 2], "tanh", "squared_error", "adam")
    trainer.set_parameters(COEFS, INTERCEPTS)
    trainer.eta = 0.01
    return trainer


def settings(**values):
    run = _core.Run()
    run.shuffle = False
    run.batch_size = 2
    for name, value in values.items():
        setattr(run, name, value)
    return run


def predict(X=X, coefs=COEFS, intercepts=INTERCEPTS, activation="tanh", link="identity"):
    return _core.predict(X, coefs, intercepts, activation, link, 1)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, 1, 2])
@pytest.mark.parametrize("trainer", [_core.TrainerF32, _core.TrainerF64])
def test_unknown_names_are_told_with_the_known_ones(trainer, wrong):
    kinds = {
        "activation": _core.activations(),
        "loss": _core.losses(),
        "optimizer": _core.optimizers(),
    }
    names = ["tanh", "squared_error", "sgd"]
    names[wrong] = "nonsense"
    kind = list(kinds)[wrong]
    with pytest.raises(ValueError, match=f"unknown {kind} 'nonsense'") as error:
        trainer([3, 2], *names)
    assert all(f"'{name}'" in str(error.value) for name in kinds[kind])


def test_unknown_names_elsewhere():
    with pytest.raises(ValueError, match="unknown activation 'nonsense'"):
        predict(activation="nonsense")
    with pytest.raises(ValueError, match="unknown output activation 'nonsense'"):
        predict(link="nonsense")
    with pytest.raises(ValueError, match="unknown activation 'nonsense'"):
        _core.activate("nonsense", X)
    with pytest.raises(ValueError, match="instruction set 'nonsense'"):
        _core.set_isa("nonsense")
    with pytest.raises(ValueError, match=r"schedule must be .*, got 'nonsense'"):
        _core.Run().schedule = "nonsense"
    assert _core.Run().schedule == "constant"


def test_parameters_of_rules_are_checked_against_the_table(trainer_of):
    """Every bound of every parameter, the values beside it, and what is no number."""
    for rule, make in trainer_of:
        for p in rule.parameters:
            make(**{p.name: p.default})
            for bound, is_open, outside in ((p.low, p.low_open, -1), (p.high, p.high_open, 1)):
                if not is_open:
                    make(**{p.name: bound})
                wrong = bound if is_open else bound + outside
                named = f"{p.name} of the .* '{rule.name}' must be in "
                with pytest.raises(ValueError, match=named):
                    make(**{p.name: wrong})
            with pytest.raises(ValueError, match=named):
                make(**{p.name: math.nan})


def test_a_parameter_that_no_rule_of_the_net_has_is_an_error():
    message = "neither the optimizer 'sgd' nor the loss 'squared_error' has a parameter 'momentum'"
    with pytest.raises(ValueError, match=message):
        _core.TrainerF32([2, 1], "relu", "squared_error", "sgd", momentum=0.5)
    with pytest.raises(TypeError):
        _core.TrainerF32([2, 1], "relu", "squared_error", "momentum", momentum="0.5")


@pytest.fixture
def trainer_of():
    """Pairs of a rule and what makes a trainer with it from values of its parameters."""
    optimizers = [
        (rule, partial(_core.TrainerF32, [2, 1], "relu", "squared_error", name))
        for name, rule in _core.optimizers().items()
    ]
    losses = [
        (rule, partial(_core.TrainerF64, [2, 2], "relu", name, "sgd"))
        for name, rule in _core.losses().items()
    ]
    return optimizers + losses


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [[], [3], [3, 0], [0, 3], [3, -1, 2]], ids=str)
def test_units(units):
    with pytest.raises(ValueError, match="units"):
        _core.TrainerF64(units, "tanh", "squared_error", "sgd")


@pytest.mark.parametrize(
    "units",
    [
        [2**62, 2**62],
        [2**63 - 1, 1],
        [1, 2**63 - 1],
        [2**60, 2, 2],
        [2**31, 2**31],  # 2^62 weights: their bytes overflow
        [2**20, 2**30],  # 2^50: no overflow, but no machine has them
        [1, 2**50],
        [2**50, 1],
    ],
    ids=str,
)
@pytest.mark.parametrize("trainer", [_core.TrainerF32, _core.TrainerF64])
def test_sizes_that_no_memory_holds(trainer, units):
    with pytest.raises(MemoryError, match=r"Unable to allocate .* GiB"):
        trainer(units, "tanh", "squared_error", "adam")


@pytest.mark.parametrize("sizes", [(2**50, 2**20, 1), (1, 2**20, 2**50), (2**45, 1, 1)])
def test_speeds_of_layers_that_no_memory_holds(sizes):
    with pytest.raises(MemoryError, match=r"Unable to allocate .* GiB"):
        _core.product_gflops(*sizes)


def test_sizes_that_no_integer_holds():
    with pytest.raises(TypeError):
        _core.TrainerF64([2**64, 1], "tanh", "squared_error", "sgd")
    with pytest.raises(TypeError):
        settings(batch_size=2**64)


HUGE = """
import sys
import numpy as np
from chainfit import _core

def spread(*shape):
    return np.broadcast_to(np.ones(1), shape)

n = 2**44
trainer = _core.TrainerF64([3, 2], "tanh", "squared_error", "sgd")
run = _core.Run()
run.shuffle = False
calls = {
    "Y": lambda: trainer.run(spread(n, 3), spread(n, 2), None, None, None, run, None, 1),
    "gradient": lambda: trainer.loss_and_gradient(spread(n, 3), spread(n, 2), None, 0.0, 1),
    "coefs": lambda: _core.predict(np.ones((1, 3)), [spread(3, n)], [spread(n)],
                                   "tanh", "identity", 1),
    "rows": lambda: _core.predict(spread(n, 3), [np.ones((3, 2))], [np.ones(2)],
                                  "tanh", "identity", 1),
}
for name, call in calls.items():
    try:
        call()
    except MemoryError:
        print(name, flush=True)
    else:
        sys.exit(name + " came back")
"""


def test_arrays_that_no_memory_holds(python):
    """In a process of its own, as the wrong answer would be a crash."""
    done = python(HUGE)
    assert done.stdout.split() == ["Y", "gradient", "coefs", "rows"]
    assert done.returncode == 0, done.stderr


# --- arrays --------------------------------------------------------------------------------------

WRONG_X = {
    "columns": np.ones((4, 2)),
    "vector": np.ones(12),
    "cube": np.ones((4, 3, 1)),
    "scalar": np.array(1.0),
    "float32": X.astype(np.float32),
    "big-endian": X.astype(">f8"),
    "integers": np.ones((4, 3), int),
    "objects": X.astype(object),
    "complex": X.astype(complex),
}


@pytest.mark.parametrize("wrong", WRONG_X)
def test_wrong_X(wrong, trainer):
    for call in (
        lambda x: trainer.run(x, Y, None, None, None, settings(), None, 1),
        lambda x: trainer.loss_and_gradient(x, Y, None, 0.0, 1),
    ):
        with pytest.raises(ValueError, match=r"X must have (shape|dtype)"):
            call(WRONG_X[wrong])
    # the dtype of X decides which dtype the weights must have
    what = "(X|coefs.0.) must have (shape|dtype)"
    with pytest.raises(ValueError, match=what):
        predict(WRONG_X[wrong])


@pytest.mark.parametrize(
    "wrong",
    [np.ones((3, 2)), np.ones((4, 3)), np.ones(4), Y.astype(np.float32), np.ones((4, 2), int)],
    ids=["rows", "columns", "vector", "float32", "integers"],
)
def test_wrong_Y(wrong, trainer):
    with pytest.raises(ValueError, match=r"Y must have (shape|dtype)"):
        trainer.run(X, wrong, None, None, None, settings(), None, 1)
    with pytest.raises(ValueError, match=r"Y must have (shape|dtype)"):
        trainer.loss_and_gradient(X, wrong, None, 0.0, 1)


@pytest.mark.parametrize(
    "wrong",
    [np.ones(3), np.ones((4, 1)), np.ones(4, np.float32), np.ones(4, int)],
    ids=["rows", "column", "float32", "integers"],
)
def test_wrong_sample_weight(wrong, trainer):
    with pytest.raises(ValueError, match=r"sample_weight must have (shape|dtype)"):
        trainer.run(X, Y, wrong, None, None, settings(), None, 1)
    with pytest.raises(ValueError, match=r"sample_weight must have (shape|dtype)"):
        trainer.loss_and_gradient(X, Y, wrong, 0.0, 1)


@pytest.mark.parametrize(
    "wrong,text",
    [
        (np.array([0, 1, 2, 4]), "order has an index outside X: 4"),
        (np.array([0, -1, 2, 3]), "order has an index outside X: -1"),
        (np.array([0, 2**62]), "order has an index outside X"),
        (np.array([], np.int64), "order"),
        (np.arange(4, dtype=np.int32), "order must have dtype int64"),
        (np.arange(4.0), "order must have dtype int64"),
        (np.zeros((4, 1), np.int64), "order must have shape"),
    ],
    ids=["above", "below", "far above", "empty", "int32", "floats", "column"],
)
def test_wrong_order(wrong, text, trainer):
    with pytest.raises(ValueError, match=re.escape(text)):
        trainer.run(X, Y, None, wrong, None, settings(), None, 1)


def test_no_rows(trainer):
    with pytest.raises(ValueError, match="X must have at least one row"):
        trainer.run(X[:0], Y[:0], None, None, None, settings(), None, 1)
    with pytest.raises(ValueError, match="X must have at least one row"):
        trainer.loss_and_gradient(X[:0], Y[:0], None, 0.0, 1)


WRONG_PARAMETERS = {
    "coefs too few": (COEFS[:1], INTERCEPTS, "coefs"),
    "intercepts too many": (COEFS, [*INTERCEPTS, np.ones(2)], "intercepts"),
    "shape of coefs": ([np.ones((3, 4)), COEFS[1]], INTERCEPTS, "coefs.0. must have shape"),
    "second coefs": ([COEFS[0], np.ones((4, 2))], INTERCEPTS, "coefs.1. must have shape"),
    "shape of intercepts": (COEFS, [np.ones(4), np.ones(2)], "intercepts.0. must have shape"),
    "second intercepts": (COEFS, [np.ones(5), np.ones((2, 1))], "intercepts.1. must have shape"),
    "dtype of coefs": ([COEFS[0], COEFS[1].astype("f")], INTERCEPTS, "coefs.1. must have dtype"),
    "dtype of intercepts": (COEFS, [np.ones(5), np.ones(2, int)], "intercepts.1. must have dtype"),
}


@pytest.mark.parametrize("wrong", WRONG_PARAMETERS)
def test_wrong_parameters(wrong, trainer):
    coefs, intercepts, text = WRONG_PARAMETERS[wrong]
    with pytest.raises(ValueError, match=text):
        trainer.set_parameters(coefs, intercepts)
    with pytest.raises(ValueError, match=text):
        trainer.set_slots([(COEFS, INTERCEPTS), (coefs, intercepts)])
    # all or nothing: nothing has changed
    for got, right in zip(trainer.parameters()[0], COEFS, strict=True):
        np.testing.assert_array_equal(got, right)
    assert not any(a.any() for slot in trainer.slots() for part in slot for a in part)
    if wrong != "shape of coefs":  # (3, 4) fits, and the next layer is told instead
        with pytest.raises(ValueError, match=text):
            predict(coefs=coefs, intercepts=intercepts)


def test_parameters_that_are_no_arrays(trainer):
    for wrong in ([[1.0] * 5] * 3, None, "text"):
        with pytest.raises(TypeError, match=r"coefs.0. must be a numpy array"):
            trainer.set_parameters([wrong, COEFS[1]], INTERCEPTS)
    with pytest.raises(TypeError, match="X must be a numpy array"):
        trainer.loss_and_gradient(X.tolist(), Y, None, 0.0, 1)
    with pytest.raises(TypeError, match="Y must be a numpy array"):
        trainer.loss_and_gradient(X, None, None, 0.0, 1)
    with pytest.raises(TypeError):
        trainer.set_parameters(None, INTERCEPTS)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_number_of_slots(count, trainer):
    with pytest.raises(ValueError, match=f"expected 2 slots, got {count}"):
        trainer.set_slots([(COEFS, INTERCEPTS)] * count)


@pytest.mark.parametrize(
    "wrong",
    [None, 5, (), (COEFS,), (COEFS, INTERCEPTS, COEFS)],
    ids=["None", "number", "nothing", "coefs", "three"],
)
def test_slots_are_pairs(wrong, trainer):
    with pytest.raises((ValueError, TypeError)):
        trainer.set_slots([wrong, wrong])


def test_predict_without_layers():
    with pytest.raises(ValueError, match="at least one"):
        predict(coefs=[], intercepts=[])
    with pytest.raises(ValueError, match="empty"):
        predict(coefs=[np.ones((3, 0))], intercepts=[np.ones(0)])
    with pytest.raises(ValueError, match=r"empty|shape"):
        predict(np.ones((4, 0)), coefs=[np.ones((0, 3))], intercepts=[np.ones(3)])
    with pytest.raises(ValueError, match="shape"):
        predict(coefs=[np.ones(3)], intercepts=[np.ones(3)])


@pytest.mark.parametrize(
    "wrong", [[1.0], np.arange(3), np.ones(3, np.float16), None, "text"], ids=str
)
def test_activate_takes_arrays_of_its_two_dtypes_only(wrong):
    with pytest.raises(TypeError):
        _core.activate("tanh", wrong)


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["batch_size", "max_iter"])
@pytest.mark.parametrize("value", [0, -1, -(2**63)])
def test_counts_of_a_run(name, value, trainer):
    with pytest.raises(ValueError, match=name):
        trainer.run(X, Y, None, None, None, settings(**{name: value}), None, 1)


@pytest.mark.parametrize("value", [0, -1])
def test_limit_of_threads(value):
    with pytest.raises(ValueError, match=f"threads must be at least 1, got {value}"):
        _core.set_num_threads(value)


def test_negative_steps(trainer):
    with pytest.raises(ValueError, match="steps"):
        trainer.steps = -1
    assert trainer.steps == 0


@pytest.mark.parametrize("sizes", [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_sizes_of_a_measurement(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        _core.product_gflops(*sizes)


@pytest.mark.parametrize("name", [name for name in dir(_core.Run) if not name.startswith("_")])
def test_settings_have_types(name):
    run = _core.Run()
    with pytest.raises((TypeError, AttributeError)):
        setattr(run, name, object())


def test_what_a_run_cannot_do_without(trainer):
    with pytest.raises(ValueError, match="early_stopping needs a listener"):
        trainer.run(X, Y, None, None, None, settings(early_stopping=True), None, 1)
    with pytest.raises(ValueError, match="shuffle needs a bit generator"):
        trainer.run(X, Y, None, None, None, settings(shuffle=True), None, 1)
    for wrong in (object(), np.random.RandomState(0), 7):
        with pytest.raises((TypeError, ValueError, AttributeError)):
            trainer.run(X, Y, None, None, wrong, settings(shuffle=True), None, 1)
    # as good as new after all that
    assert trainer.steps == 0
    run = settings(n_iter_no_change=math.inf)
    trainer.run(X, Y, None, None, None, run, None, 1)
    assert run.stopped == "max_iter"
