"""Each keyword beyond scikit-learn's, on every road: copies, searches, files, the command line.

A keyword of the table needs an entry in CASES; what is refused, and where, is in REFUSED.
"""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import chainfit
from chainfit import MLPClassifier, MLPRegressor
from chainfit._cli.main import _parser
from chainfit._estimators.keywords import keywords_of
from chainfit._estimators.rules import CLASS_LOSSES, REAL_LOSSES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
X = RNG.randn(90, 4)
SIGNAL = X[:, 0] - X[:, 1] * X[:, 2]
KINDS = {"classifier": MLPClassifier, "regressor": MLPRegressor}
TARGETS = {"classifier": np.digitize(SIGNAL, [-0.5, 0.5]), "regressor": SIGNAL}
KNOWN = {
    "classifier": keywords_of("classifier", CLASS_LOSSES),
    "regressor": keywords_of("regressor", REAL_LOSSES),
}
# without those that scikit-learn has too, such as beta_1
KEYWORDS = {
    kind: {name: keyword for name, keyword in KNOWN[kind].items() if name in cls._own_parameters}
    for kind, cls in KINDS.items()
}


def half_square(y, z):
    return ((z - y) ** 2).sum(axis=1) / 2, z - y


SEEN = []


def see(record):
    SEEN.append(record["epoch"])


#: A value of each keyword that isn't its default, as the command line says it (None: it has no
#: word for it), and the other parameters that it needs.
CASES = {
    "rho": (0.5, "0.5", {"solver": "rmsprop"}),
    "huber_delta": (0.1, "0.1", {"loss": "huber"}),
    "loss": (half_square, None, {}),
    "out_activation": ("tanh", "tanh", {}),
    "quantile": ((0.1, 0.9), "0.1,0.9", {"loss": "quantile"}),
    "init": ("orthogonal", "orthogonal", {}),
    "checkpoint": ("fit.checkpoint", "fit.checkpoint", {}),
    "checkpoint_interval": (2, "2", {"checkpoint": "fit.checkpoint"}),
    "scoring": ("loss", "loss", {"early_stopping": True}),
    "time_limit": (1e6, "1e6", {}),
    "callbacks": ([see], None, {}),
    "label_smoothing": (0.2, "0.2", {}),
    "class_weight": ("balanced", "balanced", {}),
    "warmup": (5, "5", {}),
    "decay_steps": (3, "3", {"learning_rate": "step"}),
    "decay_rate": (0.5, "0.5", {"learning_rate": "step", "decay_steps": 3}),
    "dropout": ((0.1, 0.3), "0.1,0.3", {}),
    "l1": (0.1, "0.1", {}),
    "weight_decay": (0.1, "0.1", {}),
    "clip_norm": (0.01, "0.01", {}),
    "average": ("ema", "ema", {}),
    "average_decay": (0.5, "0.5", {"average": "ema"}),
}

#: What changes nothing of the weights.
WATCHES = {"checkpoint", "checkpoint_interval", "time_limit", "callbacks"}

#: What is refused where, and the words of it.
REFUSED = {
    "lbfgs": {
        **dict.fromkeys(
            ("warmup", "dropout", "l1", "weight_decay", "clip_norm", "average", "average_decay"),
            "is for solvers that make steps, such as 'adam', not for 'lbfgs'",
        ),
        **dict.fromkeys(("decay_steps", "decay_rate"), "learning_rate='step' is for solvers"),
        **dict.fromkeys(("checkpoint", "checkpoint_interval"), "'lbfgs' can't be resumed"),
    },
    "partial_fit": {
        "class_weight": "class_weight 'balanced' is not supported for partial_fit",
        "scoring": "does not support early_stopping=True without X_val",
    },
    "save": dict.fromkeys(("loss", "callbacks"), "cannot save parameter"),
}

each_keyword = pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, keywords in KEYWORDS.items() for name in keywords]
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Let each test have a folder of its own for checkpoints."""
    monkeypatch.chdir(tmp_path)


def make(kind, name, **parameters):
    """Return a model with the keyword, and one without it."""
    value, _, more = CASES[name]
    settings = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0, "batch_size": 20}
    settings |= {**more, **parameters}
    return KINDS[kind](**settings, **{name: value}), KINDS[kind](**settings)


def weights(model):
    return [a.tobytes() for a in (*model.coefs_, *model.intercepts_)]


def refused(where, name, kind):
    return REFUSED[where].get(name) if name in KEYWORDS[kind] else None


@each_keyword
def test_it_has_an_effect_and_comes_back(kind, name):
    y, (model, plain) = TARGETS[kind], make(kind, name)
    model.fit(X, y)
    Path("fit.checkpoint").unlink(missing_ok=True)
    plain.fit(X, y)
    if name == "scoring":
        assert model.validation_scores_ != plain.validation_scores_
    else:
        assert (weights(model) == weights(plain)) == (name in WATCHES)
    value = getattr(model, name)
    twins = [pickle.loads(pickle.dumps(model))]
    if words := refused("save", name, kind):
        with pytest.raises(TypeError, match=words):
            model.save("model")
        assert not Path("model").exists()
    else:
        model.save("model")
        twins.append(chainfit.load("model"))
    for twin in twins:
        assert getattr(twin, name) == value
        assert np.array_equal(twin.predict(X), model.predict(X))
    unfitted = clone(model)
    assert getattr(unfitted, name) == value
    assert f"{name}=" in repr(unfitted)
    Path("fit.checkpoint").unlink(missing_ok=True)
    assert weights(unfitted.fit(X, y)) == weights(model)


@each_keyword
def test_it_is_searched_over(kind, name):
    model, plain = make(kind, name)
    values = [getattr(model, name), getattr(plain, name)]
    if "checkpoint" in (name, *CASES[name][2]):  # the folds' fits need a file each
        values.pop(0)
        plain.set_params(checkpoint=None)
    search = GridSearchCV(plain, {name: values}, cv=2, error_score="raise")
    search.fit(X, TARGETS[kind])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@each_keyword
@pytest.mark.parametrize("way", ["lbfgs", "partial_fit"])
def test_it_works_or_is_refused_before_any_work(kind, name, way):
    model, _ = make(kind, name, **({"solver": way} if way == "lbfgs" else {}))
    y = TARGETS[kind]
    classes = {"classes": np.unique(y)} if kind == "classifier" else {}

    def train():
        return model.fit(X, y) if way == "lbfgs" else model.partial_fit(X, y, **classes)

    if words := refused(way, name, kind):
        with pytest.raises(ValueError, match=words):
            train()
        assert not hasattr(model, "coefs_")
        assert not Path("fit.checkpoint").exists()
    else:
        assert np.isfinite(train().predict(X)).all()


@each_keyword
def test_it_is_explained_or_says_why_not(kind, name):
    model = make(kind, name)[0].fit(X, TARGETS[kind])
    try:
        assert chainfit.explain(model, X[:5], TARGETS[kind][:5], (0, 1, 2)).text()
    except ValueError as error:
        assert len(str(error)) > 15


@each_keyword
def test_it_is_an_option(kind, name):
    value, text, _ = CASES[name]
    assert KEYWORDS[kind][name].option == (text is not None)
    words = [f"--{name.replace('_', '-')}", text] if text is not None else []
    given = vars(_parser().parse_args(["train", "table.csv", "--target", "y", *words]))
    if text is not None:
        assert given[name] == value
    else:
        assert given.get(name) is None  # the losses by name are an option


def test_the_guide_says_what_is_not_for_whom():
    text = Path(__file__).parents[1].joinpath("docs/guide/index.md").read_text()
    rows = re.findall(
        r"^\| (`.*) \| (.*) \|$", text.partition("## Where parameters don't apply")[2], re.M
    )
    said = {}
    for names, where in rows:
        said.setdefault(where, set()).update(re.findall(r"`(\w+)`", names))
    only = {kind: KEYWORDS[kind].keys() for kind in KINDS}
    assert only["classifier"] - only["regressor"] - {"loss"} == said["regressors"]
    assert only["regressor"] - only["classifier"] <= said["classifiers"]
    for kind, other in (("classifier", "regressor"), ("regressor", "classifier")):
        for name in only[other] - only[kind] - {"loss"}:
            with pytest.raises(TypeError, match=name):
                KINDS[kind](**{name: CASES[name][0]})
    of_others = {"decay_steps", "decay_rate", "average_decay", "checkpoint_interval"}
    assert REFUSED["lbfgs"].keys() - of_others == said["`solver='lbfgs'`"]
