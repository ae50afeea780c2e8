"""verbose='progress': a bar on stderr or in a notebook, which shows what the record says."""

import pickle
import re
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainfit import MLPClassifier, MLPRegressor, TabularClassifier, load

pytest.importorskip("tqdm")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(100, 4)
y = X[:, 0] > X[:, 1]


def model(**parameters):
    defaults = {"max_iter": 7, "random_state": 0, "verbose": "progress"}
    return MLPClassifier((5,), **{**defaults, **parameters})


def last_line(capsys):
    """Return what the bar shows at last; nothing is written to stdout."""
    written = capsys.readouterr()
    assert written.out == ""
    return written.err.rstrip("\n").split("\r")[-1]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_what_the_bar_shows(solver, capsys):
    fitted = model(solver=solver, early_stopping=True).fit(X, y)
    line = last_line(capsys)
    count = fitted.n_iter_
    assert f"{count}/{count}" in line
    assert ("iterations/s" if solver == "lbfgs" else "epochs/s") in line
    assert f"loss={fitted.loss_:.4g}" in line
    assert re.search(r"[0-9.]+[kMG]? rows/s", line)
    scored = solver == "adam"  # 'lbfgs' holds out no rows
    assert ("score=" in line) == scored
    if scored:
        assert f"score={fitted.validation_scores_[-1]:.4g}" in line
    np.testing.assert_array_equal(
        fitted.coefs_[0], clone(fitted).set_params(verbose=False).fit(X, y).coefs_[0]
    )


def test_a_fit_that_converges_ends_with_a_full_bar(capsys):
    fitted = model(tol=1.0, n_iter_no_change=2, max_iter=50).fit(X, y)
    assert fitted.n_iter_ < 50
    line = last_line(capsys)
    assert "100%" in line and f"{fitted.n_iter_}/{fitted.n_iter_}" in line


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_fit_that_is_cut_short_leaves_the_bar_as_it_is(error, capsys):
    def fail(record):
        if record["epoch"] == 3:
            raise error

    cut = model(callbacks=[fail])
    if error is KeyboardInterrupt:
        with pytest.warns(UserWarning, match="interrupted"):
            cut.fit(X, y)
    else:
        with pytest.raises(error):
            cut.fit(X, y)
    line = last_line(capsys)
    assert re.search(r"[23]/7 ", line)


def test_a_fit_that_goes_on_counts_from_there(tmp_path, capsys):
    path = tmp_path / "state"
    model(checkpoint=path, max_iter=4, tol=0.0).fit(X, y)
    capsys.readouterr()
    model(checkpoint=path, max_iter=9, tol=0.0).fit(X, y)
    first = capsys.readouterr().err.split("\r")[1]
    assert " 4/9 " in first


def test_what_fails_before_training_shows_nothing(capsys):
    with pytest.raises(ValueError, match="inconsistent"):
        model().fit(X, y[1:])
    assert capsys.readouterr().err == ""


def test_a_step_has_no_bar(capsys):
    stepped = model().partial_fit(X, y, classes=[False, True])
    written = capsys.readouterr()
    assert written.out + written.err == ""
    stepped.fit(X, y)
    assert "7/7" in last_line(capsys)


def test_a_program_without_stderr_has_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as pythonw has it
    assert model().fit(X, y).n_iter_ == 7


def test_in_a_pipeline(capsys):
    make_pipeline(StandardScaler(), model()).fit(X, y)
    assert "7/7" in last_line(capsys)


def test_copies_files_and_scikit_learn(tmp_path, capsys):
    fitted = model().fit(X, y)
    assert fitted.to_sklearn().verbose is True
    fitted.save(tmp_path / "net")
    for other in (load(tmp_path / "net"), pickle.loads(pickle.dumps(fitted)), clone(fitted)):
        assert other.verbose == "progress"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_nets_of_a_table_share_a_bar(n_jobs, capsys):
    table = TabularClassifier(
        "fast", n_nets=3, max_iter=4, n_jobs=n_jobs, random_state=0, verbose="progress"
    )
    table.fit(X, y)
    line = last_line(capsys)
    assert "12/12" in line and "score=" in line and "rows/s" in line


def test_a_table_that_fails_ends_its_bar(capsys):
    def fail(net, epoch, loss, score):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        table = TabularClassifier("fast", max_iter=4, verbose="progress", random_state=0)
        table._fit(X, y, on_epoch=fail)
    assert last_line(capsys).count("1/4") == 1


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor, TabularClassifier])
def test_without_tqdm_nothing_is_done(estimator, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    generator = np.random.RandomState(0)
    unfitted = estimator(verbose="progress", random_state=generator)
    before, state = dict(vars(unfitted)), generator.get_state(legacy=False)["state"]["pos"]
    with pytest.raises(ImportError, match=r"tqdm, .*pip install 'chainfit\[cli\]'"):
        unfitted.fit(X, y)
    assert vars(unfitted) == before
    assert generator.get_state(legacy=False)["state"]["pos"] == state


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="verbose"):
        model(verbose="progres").fit(X, y)


NOTEBOOK = """
import warnings; warnings.simplefilter("ignore")
import numpy as np
from sklearn.callback import ProgressBar
from chainfit import MLPClassifier
X = np.random.RandomState(0).randn(100, 4)
y = X[:, 0] > X[:, 1]
"""
BARS = {
    "ours": "MLPClassifier((5,), max_iter=7, verbose='progress').fit(X, y);",
    "theirs": "MLPClassifier((5,), max_iter=7).set_callbacks(ProgressBar()).fit(X, y);",
}


@pytest.mark.parametrize("bar", BARS)
def test_in_a_notebook(bar, tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    needed = ["ipykernel", "ipywidgets", "rich"] + ["sklearn.callback"] * (bar == "theirs")
    for module in needed:
        pytest.importorskip(module)
    cells = [nbformat.v4.new_code_cell(code) for code in (NOTEBOOK, BARS[bar])]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3")
        client.execute()
    shown = notebook.cells[1].outputs
    assert not any(output.output_type == "error" for output in shown)
    texts = [str(widget.get("value", "")) for widget in client.widget_state.values()]
    texts += [str(widget.get("outputs", "")) for widget in client.widget_state.values()]
    texts += [str(output.get("data", output.get("text", ""))) for output in shown]
    assert any(("7/7" if bar == "ours" else "100%") in text for text in texts), texts
