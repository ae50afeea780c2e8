"""The gallery in docs/gallery: each example runs without a warning, each recipe with its tool."""

import os
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

GALLERY = Path(__file__).parents[1] / "docs/gallery"
EXAMPLES = sorted(GALLERY.rglob("plot_*.py"))
# Scripts of other_tools: the module of the tool, and what the recipe prints when all is well.
RECIPES = {
    "explain_with_shap": ("shap", r"they add up: True\ncorrelation of both: 0\.9"),
    "prepare_with_skrub": ("skrub", r"skrub and a net +\[0\.[6-9].*\nTabularRegressor +\[0\.[6-9]"),
    "resample_with_imbalanced_learn": ("imblearn", r"SMOTE +recall 0\.[7-9].*\nclass_weight +"),
    "save_with_skops": ("skops", r"^\['chainfit\.MLPClassifier'\]\nTrue$"),
    "search_with_dask": ("distributed", r"^best: 0\.9\d+\n +mlpclassifier__hidden_layer_sizes"),
    "search_with_optuna": ("optuna", r"16 trials, [1-9]\d* of them pruned\nbest: 0\.9"),
    "track_with_mlflow": ("mlflow", r"^True\n\d+ losses, the last 0\.\d+$"),
}


@pytest.mark.parametrize("script", sorted(GALLERY.rglob("*.py")), ids=lambda path: path.stem)
def test_every_script_has_a_title_and_cells(script):
    text = script.read_text(encoding="utf-8")
    title, underline = re.match(r'"""\n(.+)\n(=+)\n\n', text).groups()
    assert len(title) == len(underline)
    assert "\n# %%\n" in text
    assert (script.parent / "GALLERY_HEADER.rst").exists()


def test_every_script_is_run_here():
    recipes = {path.stem for path in (GALLERY / "other_tools").glob("*.py")}
    assert recipes == RECIPES.keys()
    assert len(EXAMPLES) >= 12
    others = set(GALLERY.rglob("*.py")) - set(EXAMPLES) - set(GALLERY.glob("other_tools/*.py"))
    assert not others


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_examples(script, tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    if "plotnine" in script.read_text(encoding="utf-8"):
        pytest.importorskip("plotnine")
    pyplot.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    drawn = []

    def show():
        for number in pyplot.get_fignums():
            pyplot.figure(number).draw_without_rendering()
            drawn.append(number)
        pyplot.close("all")

    monkeypatch.setattr(pyplot, "show", show)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runpy.run_path(str(script))
    assert drawn and not pyplot.get_fignums()


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_show_what_they_print(recipe):
    """In a last block of text, for the site runs only the other examples."""
    text = (GALLERY / "other_tools" / f"{recipe}.py").read_text(encoding="utf-8")
    (block,) = re.findall(r"^# \.\. code-block:: text\n#\n((?:#     .*\n)+)", text, re.M)
    shown = re.sub(r"^#     ", "", block, flags=re.M)
    assert re.search(RECIPES[recipe][1], shown.strip())


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes(recipe, tmp_path):
    module, printed = RECIPES[recipe]
    pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, GALLERY / "other_tools" / f"{recipe}.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=600,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    assert re.search(printed, done.stdout.strip()), done.stdout
    assert "ConvergenceWarning" not in done.stderr
