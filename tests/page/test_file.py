"""chainfit.explore without a browser: what the file holds, its limits, errors, the command."""

import base64
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network as theirs
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit._cli.main import main
from chainfit._explain import rules, step_rules
from chainfit._explain.notation import NOTATIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(30, 3)
y = np.where(X[:, 0] - X[:, 1] > 0, "up", "down")


def fitted(cls=chainfit.MLPClassifier, target=y, **parameters):
    defaults = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
    return cls(**{**defaults, **parameters}).fit(X, target)


def data_of(page):
    (text,) = re.findall(
        r'<script type="application/json" id="\S+">(.*?)</script>', page.html, re.S
    )
    return json.loads(text)


def floats(text, dtype):
    return np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<"))


def parameters_of(net):
    pairs = zip(net.intercepts, net.coefs, strict=True)
    return np.concatenate([p.ravel() for pair in pairs for p in pair])


# --- what it holds -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_and_rows_are_there_bit_for_bit(dtype):
    model = fitted(precision=dtype)
    data = data_of(chainfit.explore(model, X, y))
    net = chainfit.trace(model, X, y).net
    assert data["dtype"] == dtype
    (epoch,) = data["epochs"]
    np.testing.assert_array_equal(floats(epoch["parameters"], dtype), parameters_of(net))
    m, v = (floats(slot, dtype) for slot in epoch["slots"])
    old = chainfit.trace(model, X, y).update.slots
    for mine, name in ((m, "m"), (v, "v")):
        coefs, intercepts = old[name][0]
        expected = [p.ravel() for pair in zip(intercepts, coefs, strict=True) for p in pair]
        np.testing.assert_array_equal(mine, np.concatenate(expected))
    t = chainfit.trace(model, X, y)
    np.testing.assert_array_equal(floats(data["rows"]["X"], float), t.X.ravel())
    np.testing.assert_array_equal(floats(data["rows"]["Y"], float), t.Y.ravel())
    assert epoch["J"] == t.J
    assert data["outputs"] == ["class up"]


KINDS = {
    "classifier": lambda: (fitted(), X, y),
    "regressor": lambda: (fitted(chainfit.MLPRegressor, X[:, 0]), X, X[:, 0]),
    "theirs": lambda: (fitted(theirs.MLPClassifier), X, y),
    "pipeline": lambda: (
        make_pipeline(StandardScaler(), chainfit.MLPClassifier((4,), max_iter=3)).fit(X, y), X, y
    ),
    "net": lambda: (chainfit.Net([np.ones((3, 1))]), X, X[:, 0]),
    "one row": lambda: (fitted(), X[0], y[:1]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model(kind):
    model, rows, target = KINDS[kind]()
    page = chainfit.explore(model, rows, target)
    data = data_of(page)
    t = chainfit.trace(model, rows, target)
    assert data["epochs"][-1]["J"] == t.J
    assert tuple(data["units"]) == t.net.units
    assert data["epochs"][-1]["update"]["rule"] == t.update.rule


def test_a_table_model(tmp_path):
    frame = pd.DataFrame(X, columns=["<a>", "b", "c"])
    model = chainfit.TabularClassifier(n_nets=2, hidden_layer_sizes=(3,), max_iter=2).fit(frame, y)
    page = chainfit.explore(model, frame, y, net=1)
    assert data_of(page)["features"] == list(model.get_feature_names_out())
    assert "<a>" not in page.html and "Net 2 of 2 of a TabularClassifier" in page.html


def test_the_page_is_one_file_that_loads_nothing(tmp_path):
    page = chainfit.explore(fitted(), X, y, tmp_path / "net.html")
    text = (tmp_path / "net.html").read_text(encoding="utf-8")
    assert text == page.html
    assert page.path == str(tmp_path / "net.html")
    assert not re.search(r"(?i)https?:(?!//www\.w3\.org/)|\bimport\b|url\(|<link|\ssrc=", text)
    assert "default-src 'none'" in text
    assert repr(page).startswith("<Page: 0.1 MB of HTML, in ")
    page.save(str(tmp_path / "again.html"))
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


def test_rules_and_notations_are_the_packages():
    """The page's scripts know none by name."""
    web = Path(chainfit.__file__).parent / "_explain/page/web"
    script = " ".join(file.read_text(encoding="utf-8") for file in web.glob("*.js"))
    names = {*NOTATIONS, *rules.ACTIVATIONS, *rules.LOSSES, *step_rules.UPDATES}
    # words of any such page
    names -= {"exp", "tanh", "softmax", "outputs", "matrix", "identity", "given"}
    assert {name for name in names if re.search(rf"\b{name}\b", script)} == set()
    for notation in NOTATIONS:
        data = data_of(chainfit.explore(fitted(), X, y, notation=notation))
        assert data["notation"] == notation
        assert list(data["notations"]) == list(NOTATIONS)


# --- limits --------------------------------------------------------------------------------------


def test_rows_are_cut():
    page = chainfit.explore(fitted(), X, y, max_rows=7)
    rows = data_of(page)["rows"]
    assert (rows["n"], rows["of"]) == (7, 30)
    assert "The page has the first 7 of 30 rows" in page.html
    assert data_of(page)["epochs"][0]["J"] == chainfit.trace(fitted(), X[:7], y[:7]).J


def test_epochs_are_thinned_out_to_the_size():
    history = chainfit.History()
    model = chainfit.MLPClassifier((40,), max_iter=30, tol=0.0, random_state=0)
    model.set_callbacks(history).fit(X, y)
    whole = chainfit.explore(model, X, y, history=history)
    assert len(data_of(whole)["epochs"]) == 31
    page = chainfit.explore(model, X, y, history=history, max_mb=0.03)
    labels = [epoch["label"] for epoch in data_of(page)["epochs"]]
    assert labels[0] == "epoch 0" and labels[-1] == "epoch 30"
    assert 2 < len(labels) < 31
    assert f"The page has {len(labels)} of 31 epochs" in page.html
    steps = np.diff([int(label.split()[1]) for label in labels])
    assert steps.max() - steps.min() <= 1
    shell = len(whole.html) - sum(len(e["parameters"]) for e in data_of(whole)["epochs"])
    assert len(page.html) - shell < 0.03e6
    with pytest.raises(ValueError, match=r"would have 0\.0 MB, and max_mb is 0\.001"):
        chainfit.explore(model, X, y, max_mb=0.001)


# --- history -------------------------------------------------------------------------------------


def test_a_history_of_models_and_nets():
    nets = [fitted(max_iter=n) for n in (1, 2)]
    model = fitted(max_iter=3)
    data = data_of(
        chainfit.explore(model, X, y, history=[nets[0], chainfit.trace(nets[1], X, y).net])
    )
    assert [epoch["label"] for epoch in data["epochs"]] == ["net 1", "net 2", "as fitted"]
    weights = [floats(epoch["parameters"], data["dtype"]) for epoch in data["epochs"]]
    for mine, net in zip(weights, [*nets, model], strict=True):
        np.testing.assert_array_equal(mine, parameters_of(chainfit.trace(net, X, y).net))
    data = data_of(chainfit.explore(model, X, y, history=[*nets, model]))
    assert [epoch["label"] for epoch in data["epochs"]] == ["net 1", "net 2", "net 3"]


def test_memory_of_the_optimizer_is_known_for_the_last_epoch_only():
    history = chainfit.History()
    model = (
        chainfit.MLPClassifier((4,), max_iter=3, random_state=0).set_callbacks(history).fit(X, y)
    )
    epochs = data_of(chainfit.explore(model, X, y, history=history))["epochs"]
    assert [epoch["update"] is None for epoch in epochs] == [True, True, True, False]
    model.set_params(solver="sgd", momentum=0.0).fit(X, y)  # needs no memory
    epochs = data_of(chainfit.explore(model, X, y, history=history))["epochs"]
    assert all(epoch["update"]["eta"] == 0.001 for epoch in epochs)


def test_a_history_of_another_net():
    with pytest.raises(ValueError, match=r"history holds another kind of net: units of 'net 1' is"):
        chainfit.explore(fitted(), X, y, history=[fitted(hidden_layer_sizes=(5,))])
    with pytest.raises(ValueError, match=r"activation of 'net 2' is 'tanh', that of the model"):
        chainfit.explore(fitted(), X, y, history=[fitted(), fitted(activation="tanh")])


# --- errors --------------------------------------------------------------------------------------

WRONG = {
    "unfitted": (lambda: (chainfit.MLPClassifier(), X, y), {}, NotFittedError, "not fitted yet"),
    "no net": (lambda: ("net", X, y), {}, TypeError, "A fitted MLPClassifier .* is needed"),
    "features": (lambda: (fitted(), X[:, :2], y), {}, ValueError, "expecting 3 features"),
    "labels": (lambda: (fitted(), X, ["?"] * 30), {}, ValueError, r"\?"),
    "notation": (lambda: (fitted(), X, y), {"notation": "mine"}, ValueError, "must be one of"),
    "max_rows": (lambda: (fitted(), X, y), {"max_rows": 0}, ValueError, "max_rows must be"),
    "bool": (lambda: (fitted(), X, y), {"max_rows": True}, ValueError, "max_rows must be"),
    "max_mb": (lambda: (fitted(), X, y), {"max_mb": -1}, ValueError, "max_mb must be"),
    "nan": (lambda: (fitted(), X, y), {"max_mb": np.nan}, ValueError, "max_mb must be"),
    "no weight left": (
        lambda: (fitted(), X, y),
        {"sample_weight": np.eye(30)[29], "max_rows": 5},
        ValueError,
        "the page has the first 5 of 30 rows, and theirs are",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_come_before_a_file(case, tmp_path):
    arguments, settings, error, text = WRONG[case]
    with pytest.raises(error, match=text):
        chainfit.explore(*arguments(), tmp_path / "page.html", **settings)
    assert list(tmp_path.iterdir()) == []


def test_jinja2_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install 'chainfit\[explain\]'"):
        chainfit.explore(fitted(), X, y)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A folder, the working one, with a table and a model of it."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(X, columns=list("abc")).assign(label=y).to_csv("table.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(["train", "table.csv", "--target", "label", "--max-iter", "2"]) == 0
    return tmp_path


def test_the_command_writes_a_page(trained, capsys):
    assert main(["explore", "table.safetensors", "table.csv"]) == 0
    assert "chainfit: wrote table.html, 0." in capsys.readouterr().err
    text = (trained / "table.html").read_text(encoding="utf-8")
    assert "<h1>table.safetensors: classification of label</h1>" in text
    page = ["--html", "out.html", "--rows", "5", "--notation", "sklearn"]
    assert main(["explore", "table.safetensors", "table.csv", *page]) == 0
    data = data_of(chainfit.Page((trained / "out.html").read_text(encoding="utf-8")))
    assert data["rows"]["n"] == 5
    assert data["notation"] == "sklearn"


def test_errors_of_the_command(trained, capsys):
    pd.DataFrame(X, columns=list("abc")).to_csv("rows.csv", index=False)
    (trained / "none.csv").write_text("a,b,c,label\n")
    before = sorted(trained.iterdir())
    model = "table.safetensors"
    for arguments, text in [
        ([model, "rows.csv"], "rows.csv: has no column 'label', the target"),
        ([model, "none.csv"], "none.csv: has no rows"),
        ([model, "missing.csv"], "missing.csv: No such file"),
        ([model, "table.csv", "--html", "table.csv"], "is an input of this command"),
        ([model, "table.csv", "--html", model], "is an input of this command"),
    ]:
        assert main(["explore", *arguments]) == 1
        assert text in capsys.readouterr().err
    assert main(["explore", model, "table.csv", "--rows", "0"]) == 2
    assert sorted(trained.iterdir()) == before
