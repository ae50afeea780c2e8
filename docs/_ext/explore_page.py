"""The page of chainfit.explore that explore.md embeds: made anew with each build of the site."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx


def _make(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    from sklearn.datasets import load_iris
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import chainfit

    X, y = load_iris(return_X_y=True, as_frame=True)
    net = chainfit.MLPClassifier(
        (5, 4), activation="tanh", batch_size=16, learning_rate_init=0.01, random_state=0
    )
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), net).fit(X, y)
    rows = slice(70, None, 4)
    page = Path(app.outdir, "_static", "explore-iris.html")
    chainfit.explore(model, X.iloc[rows], y.iloc[rows], page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the page when all others are written."""
    app.connect("build-finished", _make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
