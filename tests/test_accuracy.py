"""The study of accuracy: it runs, keeps, goes on, and its figures are what they say."""

import io
import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

pd = pytest.importorskip("pandas")  # before what needs it

from accuracy import claims, figures, methods, pages, sources, study, trial, worker  # noqa: E402
from accuracy.methods import METHODS, Method, Rows  # noqa: E402
from accuracy.sources import NotInstalledError  # noqa: E402
from accuracy.study import Trial  # noqa: E402
from accuracy.tables import TABLES, Table, find_table, names_of, read_table  # noqa: E402

import chainfit  # noqa: E402

SCRIPT = Path(__file__).parents[1] / "benchmarks/accuracy.py"


def tiny(classifies, n=60):
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"a": rng.rand(n), "b": rng.rand(n)})
    X.loc[::7, "b"] = np.nan
    X["day"] = pd.Timestamp("2020-02-01") + pd.to_timedelta(np.arange(n), "D")
    X["level"] = pd.Series(["x", "y", None] * (n // 3)).astype("category")
    y = X["a"] * 3
    return X, (y.astype(int) if classifies else y).to_numpy()


def rows(classifies):
    X, y = tiny(classifies)
    task = "classification" if classifies else "regression"
    return Rows(X[:48], y[:48], X[48:], task, seed=0, threads=1)


def test_tables():
    names = [table.name for table in TABLES]
    assert len(set(names)) == len(names)
    assert {table.source for table in TABLES} <= set(sources.SOURCES)
    assert len(names_of("kept")) >= 12 and len(names_of("tuned")) == 12
    kept = [find_table(name) for name in names_of("kept")]
    assert {table.task for table in kept} == {"classification", "regression"}
    forms = [(table.source, table.key) for table in TABLES]
    assert len(set(forms)) == len(forms)  # none is tuned on under another name
    with pytest.raises(ValueError, match="no table 'irs'; there are magic, "):
        find_table("irs")
    with pytest.raises(ValueError, match="no method 'hbg'; there are fast, "):
        methods.find_method("hbg")


def test_columns_get_their_types(monkeypatch):
    frame = pd.DataFrame({
        "number": [1, 2, 3, 4], "truth": [True, False, True, False], "text": ["b", None, "a", "b"],
        "day": ["2020-01-02", None, "2020-01-04", "2020-01-05"], "other": [0, 0, 0, 0],
        "y": ["no", "yes", None, "no"],
    })  # fmt: skip
    monkeypatch.setitem(sources.SOURCES, "here", lambda key: frame)
    X, y = read_table(Table("t", "kept", "here", "t", "y", "classification", ("other",), ("day",)))
    assert y.tolist() == [0, 1, 0]  # a row without a target is none
    assert [str(dtype) for dtype in X.dtypes] == ["float64", "float64", "category", X["day"].dtype]
    assert X["day"].dtype.kind == "M" and X["text"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("classifies", [True, False])
@pytest.mark.parametrize("name", [name for name in METHODS if name not in {"realmlp", "best"}])
@pytest.mark.filterwarnings("ignore")
def test_methods_take_what_tables_have(name, classifies):
    pytest.importorskip(METHODS[name].module)
    if name in {"fast", "good"} and not hasattr(chainfit, "TabularClassifier"):
        pytest.skip("no estimators of tables")
    predicted = METHODS[name].predict(rows(classifies))
    assert predicted.shape == ((12, 3) if classifies else (12,))
    assert np.isfinite(predicted).all()


def test_missing_values_are_filled_from_the_training_rows():
    each = rows(True)
    X, X_test = methods._without_missing(methods.with_days(each.X), methods.with_days(each.X_test))
    assert not X.isna().any(axis=None) and not X_test.isna().any(axis=None)
    assert X_test["b"][49] == each.X["b"].median() and X_test["b is missing"][49] == 1
    assert X["day"][0] == (pd.Timestamp("2020-02-01") - pd.Timestamp("2000-01-01")).days
    assert each.X["b"].isna().any()  # what was given stays


def test_scores():
    given = rows(True)._replace(y=np.array([0, 1, 0, 1]))
    found = trial.score(given, np.array([0, 1, 1]), np.array([[0.5, 0.25], [0, 1], [0.75, 0.25]]))
    assert found["error"] == pytest.approx(1 / 3)
    assert found["log_loss"] == pytest.approx(-(np.log(2 / 3) + np.log(1 / 4)) / 3)
    given = given._replace(task="regression")
    assert trial.score(given, np.array([1.0, 3.0]), np.array([2.0, 3.0])) == {"rmse": 0.5**0.5}
    with pytest.raises(ValueError, match="not finite"):
        trial.score(given, np.array([1.0]), np.array([np.nan]))
    with pytest.raises(ValueError, match="of shape"):
        trial.score(rows(True), np.array([0]), np.array([[0.5, 0.5]]))


def test_ranks_and_ratios():
    values = np.array([[2.0, 1.0, np.nan], [4.0, 1.0, 2.0], [1.0, 1.0, 4.0]])
    np.testing.assert_array_equal(figures.mean_ranks(values), [5.5 / 3, 3.5 / 3, np.nan])
    ratios = figures.mean_ratios(values, values[:, 0])
    np.testing.assert_allclose(ratios, [1, (1 / 8) ** (1 / 3), 2**0.5])


def result(error=None, rmse=None, **others):
    scores = {"rmse": rmse} if error is None else {"error": error, "log_loss": 2 * error}
    about = {"status": "ok", "rows": 100, "features": 3, "cpu": 1.5, "wall": 1.0, "threads": 2,
             "machine": "a machine", "version": "1.0", "date": "2026-01-02 10:00 UTC",
             "load": [9.0, 9.0, 9.0]}  # fmt: skip
    return {**about, **scores, **others}


@pytest.fixture
def results():
    found = {
        Trial("plain", "magic", 0): result(0.2), Trial("plain", "magic", 1): result(0.4),
        Trial("hgb", "magic", 0): result(0.1), Trial("hgb", "magic", 1): result(0.2),
        Trial("plain", "concrete", 0): result(rmse=3.0),
        Trial("plain", "concrete", 1): result(rmse=5.0),
        Trial("hgb", "concrete", 0): {"status": "failed", "why": "so"},
        Trial("hgb", "concrete", 1): result(rmse=1.0),
    }  # fmt: skip
    return figures.Results(found, ["plain", "hgb", "realmlp"], ["magic", "concrete"], [0, 1])


def test_report(results):
    text = pages.summary(results)
    assert "Measured 2026-01-02 on 2 threads of a machine; chainfit 1.0, sklearn 1.0. " in text
    assert "(median load 9), so wall-clock times say little." in text
    tuned, _, kept = text.partition("### Never tuned on")
    assert "| HistGradientBoosting | 1.00 | 0.500 | 1.00 | 0.500 | 2 | 1 | 1 |" in tuned
    assert "| plain net | 2.00 | 1.000 | 2.00 | 1.000 | 2 | 1 | 1 |" in tuned
    assert "| magic (100 x 3) | %, log loss | 30.00, 0.600 | 15.00, 0.300 |" in tuned
    assert "HistGradientBoosting" not in kept.partition("### Claims")[0]  # a seed failed there
    assert "| concrete (100 x 3) | RMSE | 4 |" in kept


def test_claims(results):
    found = {
        **results.found,
        **{Trial("best", "magic", s): result(0.1 * (s + 1), cpu=3.0) for s in (0, 1)},
        **{Trial("good", "magic", s): result(0.05, cpu=3.0) for s in (0, 1)},
        **{Trial("realmlp", "magic", s): result(0.1, cpu=30.0) for s in (0, 1)},
        **{Trial("lightgbm", "magic", s): result(0.1) for s in (0, 1)},
    }
    part = figures.Results(found, list(METHODS), ["magic"], [0, 1])
    text = claims.claims_table({"here": part})
    assert "| rank of good by log loss, at most RealMLP-TD's | 1, bound 2.5: holds |" in text
    assert "| CPU seconds of good / RealMLP's | 0.1, bound 0.0667: missed |" in text
    assert "| error or RMSE of best / the plain net's | 0.5, bound 0.75: holds |" in text
    assert "| CPU seconds of fast / RealMLP's | - |" in text
    alone = part._replace(found={t: r for t, r in found.items() if t.method == "best"})
    assert "| error or RMSE of best / the plain net's | - |" in claims.claims_table({"": alone})


def test_pages(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin accuracy tuned -->\nold\n<!-- end accuracy tuned -->\n")
    pages.fill_pages(results, (page,))
    assert "| plain net | 2.00 |" in page.read_text() and "old" not in page.read_text()
    names = pages.sections(results._replace(tables=["magic", "concrete", "iris"]))
    marks = [name for path in pages.PAGES for name in re.findall(
        "<!-- begin (accuracy.*) -->", path.read_text(encoding="utf-8"))]  # fmt: skip
    assert set(marks) <= set(names)


def test_no_error_at_all_has_a_ratio():
    found = {Trial("plain", "magic", 0): result(0.0), Trial("hgb", "magic", 0): result(0.05)}
    values = figures.Results(found, ["plain", "hgb"], ["magic"], [0]).matrix("score")
    np.testing.assert_allclose(values, [[0.5 / 20, 0.05]])


def test_study_runs_reports_and_goes_on(tmp_path, capsys):
    path = tmp_path / "results.jsonl"
    main = runpy.run_path(str(SCRIPT))["main"]
    arguments = f"--methods plain,hgb --tables iris,diabetes --seeds 0 --threads 1 --results {path}"
    assert main(arguments.split()) == 0
    printed = capsys.readouterr().out
    kept = path.read_text(encoding="utf-8")
    results = study.read_results(path)
    assert [tuple(each) for each in results] == [
        (method, table, 0) for method in ("plain", "hgb") for table in ("iris", "diabetes")
    ]
    for each, found in results.items():
        assert found["status"] == "ok" and found["wall"] > 0 and found["version"]
        assert found["task"] == find_table(each.table).task
        again = worker.trial(METHODS[each.method], each.table, 0, 1)
        for name in ("error", "log_loss", "rmse"):
            assert again.get(name) == found.get(name)  # equal seeds give equal figures
    assert "### Small tables" in printed and "| iris (150 x 4) |" in printed

    path.write_text(kept[: kept.rindex("{") + 9], encoding="utf-8")  # the last line cut short
    out = io.StringIO()
    assert (
        study.run(["plain", "hgb"], ["iris", "diabetes"], [0], path=path, threads=1, out=out) == 0
    )
    assert [line.split()[:2] for line in out.getvalue().splitlines()] == [["hgb", "diabetes"]]
    assert study.read_results(path).keys() == results.keys()


def test_what_fails_costs_one_trial(tmp_path, monkeypatch):
    died = {"status": "died", "why": "its process ended with -9"}
    hellos = iter([1, 2])

    class Fake:
        def __enter__(self):
            self.first = next(hellos) == 1
            return self.ask

        def __exit__(self, *error):
            pass

        def ask(self, trial):
            if trial is None:
                return {"status": "ok", "version": "1"}
            return died if self.first else {"status": "failed", "why": "so"}

    monkeypatch.setattr(study, "_worker", lambda method, threads: Fake())
    path, out = tmp_path / "r.jsonl", io.StringIO()
    assert study.run(["hgb"], ["iris", "wine", "pima"], [0], path=path, out=out) == 3
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["status"] for line in lines] == ["died", "failed", "failed"]
    assert "iris             0  died: its process ended with -9" in out.getvalue()


def test_what_is_not_installed_is_said():
    def absent(rows):
        raise NotInstalledError("no such thing")

    method = Method("absent", "chainfit", absent)
    with pytest.raises(NotInstalledError):
        worker.warm_up(method, 1)
    assert worker.failure(NotInstalledError("no such thing"))["status"] == "not installed"
    with pytest.raises(NotInstalledError, match="no_such_package is not installed"):
        Method("absent", "no_such_package", absent).version()
    with pytest.raises(NotInstalledError, match="no_such_package is not installed"):
        sources.folder_of("no_such_package")
