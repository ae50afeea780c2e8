"""Displays: what they read off models, and what they draw of it."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn import neural_network as theirs
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit import (
    GradientFlowDisplay,
    LossCurveDisplay,
    MLPClassifier,
    MLPRegressor,
    NetworkDisplay,
    TabularClassifier,
    TabularRegressor,
)

pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("agg")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
real = X[:, 2] * X[:, 3]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


def classifier(**parameters):
    return MLPClassifier((5, 4), random_state=0, **{"max_iter": 12, **parameters})


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


# -- the loss curve


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_the_training_loss_is_the_record(solver):
    model = classifier(solver=solver).fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(display.line_.get_ydata(), model.history_["loss"])
    assert_array_equal(display.line_.get_xdata(), 1 + np.arange(model.n_iter_))
    assert display.ax_.get_xlabel() == ("iteration" if solver == "lbfgs" else "epoch")
    assert labels(display) == ["training loss"]
    others = (display.validation_line_, display.score_line_, display.learning_rate_line_)
    assert others == (None, None, None)


def test_scores_and_learning_rate_have_axes_of_their_own():
    model = classifier(early_stopping=True, learning_rate="one_cycle").fit(X, y)
    display = LossCurveDisplay.from_estimator(model, name="net")
    assert_array_equal(display.score_line_.get_ydata(), model.validation_scores_)
    assert_array_equal(display.learning_rate_line_.get_ydata(), model.history_["learning_rate"])
    best = 1 + int(np.argmax(model.validation_scores_))
    assert [*display.best_line_.get_xdata()] == [best, best]
    names = ["training loss", f"best epoch, {best}", "validation score", "learning rate"]
    assert labels(display) == [f"net: {name}" for name in names]
    display.figure_.draw_without_rendering()
    plain = display.plot(validation=False, learning_rate=False)
    assert labels(plain) == ["net: training loss"]
    assert plain.score_line_ is plain.best_line_ is plain.learning_rate_ax_ is None


def test_a_validation_loss_is_drawn_beside_the_training_loss():
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=9, random_state=0)
    model.fit(X[::2], real[::2], X_val=X[1::2], y_val=real[1::2])
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(display.validation_line_.get_ydata(), model.validation_loss_curve_)
    assert display.validation_line_.axes is display.line_.axes
    assert display.best_line_ is display.score_line_ is None  # the last weights are the model's


def test_one_epoch_is_a_point():
    display = LossCurveDisplay.from_estimator(classifier(max_iter=1).fit(X, y))
    assert display.line_.get_marker() == "o"
    display.figure_.draw_without_rendering()
    assert [tick for tick in display.ax_.get_xticks() if 0.5 < tick < 1.5] == [1]


def test_the_best_epoch_is_one_of_the_last_fit():
    """One whose weights the model has: scores before it may have been better."""
    wrong = (y + 1) % 3
    model = classifier(early_stopping=True, warm_start=True, activation="tanh", max_iter=30)
    model.set_params(learning_rate_init=0.05, n_iter_no_change=30)
    first = model.fit(X, y, X_val=X, y_val=y).n_iter_
    scores = model.fit(X, y, X_val=X, y_val=wrong).validation_scores_
    best = LossCurveDisplay.from_estimator(model).best_epoch
    assert best == first + 1 + int(np.argmax(scores[first:])) and scores[best - 1] < max(scores)
    assert model.score(X, wrong) == scores[best - 1]


def test_the_last_fit_may_have_no_best_epoch():
    model = classifier(early_stopping=True, warm_start=True, max_iter=5, learning_rate_init=0.1)
    model.fit(X, y)
    model.best_validation_score_ = 2.0  # which the next fit can't reach
    assert LossCurveDisplay.from_estimator(model.fit(X, y)).best_line_ is None


def test_partial_fit_has_the_best_weights_once_it_has_converged():
    model = classifier(early_stopping=True, learning_rate_init=0.1, n_iter_no_change=3)
    rows = {"classes": range(3), "X_val": X, "y_val": y}
    bests = []
    while not model.partial_fit(X, y, **rows).converged_:
        bests.append(LossCurveDisplay.from_estimator(model).best_epoch)
    assert len(bests) > 3 and set(bests) == {None}
    best = LossCurveDisplay.from_estimator(model).best_epoch
    assert model.validation_scores_[best - 1] == max(model.validation_scores_) == model.score(X, y)


def test_nets_of_a_table_are_a_mean_and_a_band():
    model = TabularRegressor("fast", n_nets=3, max_iter=4, random_state=0).fit(X, real)
    display = LossCurveDisplay.from_estimator(model)
    losses = np.array([net.history_["loss"] for net in model.nets_])
    assert_array_equal(display.loss, losses)
    assert_allclose(display.line_.get_ydata(), losses.mean(axis=0))
    low, high = (f(display.band_.get_datalim(display.ax_.transData).intervaly) for f in (min, max))
    assert_allclose((low, high), (losses.min(), losses.max()))
    assert display.score_line_ is not None


def test_nets_that_end_early_leave_the_mean():
    display = LossCurveDisplay(loss=[[3.0, 2.0, np.nan], [1.0, 4.0, 5.0]]).plot()
    assert_array_equal(display.line_.get_ydata(), [2, 3, 5])


def test_wrappers_are_opened():
    pipeline = make_pipeline(StandardScaler(), classifier())
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4]}, cv=2).fit(X, y)
    scaled = make_pipeline(StandardScaler(), MLPRegressor(max_iter=3, random_state=0))
    scaled = TransformedTargetRegressor(scaled, transformer=StandardScaler()).fit(X, real)
    for model in (search, scaled):
        display = LossCurveDisplay.from_estimator(model)
        losses = (getattr(model, "best_estimator_", None) or model.regressor_)[-1].loss_curve_
        assert_array_equal(display.line_.get_ydata(), losses)
        NetworkDisplay.from_estimator(model)
    flow = GradientFlowDisplay.from_estimator(scaled, X, real)
    targets = scaled.transformer_.transform(real[:, np.newaxis])
    alone = GradientFlowDisplay.from_estimator(scaled.regressor_, X, targets)
    assert_array_equal(flow.gradients, alone.gradients)


def test_scikit_learns_own_nets():
    model = theirs.MLPClassifier((4,), max_iter=5, early_stopping=True, random_state=0).fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(display.line_.get_ydata(), model.loss_curve_)
    assert_array_equal(display.score_line_.get_ydata(), model.validation_scores_)
    without = theirs.MLPClassifier((4,), solver="lbfgs", max_iter=5).fit(X, y)
    with pytest.raises(TypeError, match="no record of losses"):
        LossCurveDisplay.from_estimator(without)


# -- the net


def weights_drawn(display, l):
    """Return the ends of the lines between layers l and l + 1, and their widths, by unit."""
    edges = display.edges_[l]
    lines = np.array(edges.get_segments())
    shape = len(display.shown_[l]), len(display.shown_[l + 1])
    rows = [(s - 1) / 2 - lines[:, end, 1] for end, s in enumerate(shape)]
    i, j = (r.round().astype(int) for r in rows)
    widths = np.full(shape, np.nan)
    widths[i, j] = edges.get_linewidths()
    blue = np.full(shape, False)
    blue[i, j] = edges.get_colors()[:, 2] > edges.get_colors()[:, 0]
    return widths, blue


def test_weights_are_drawn_by_sign_and_size():
    model = classifier(activation="tanh").fit(X, y)
    display = NetworkDisplay.from_estimator(model)
    largest = max(np.abs(W).max() for W in model.coefs_)
    for l, W in enumerate(model.coefs_):
        widths, blue = weights_drawn(display, l)
        assert_allclose(widths, 0.2 + 3.5 * np.abs(W) / largest)
        assert_array_equal(blue, W > 0)
    by_layer = display.plot(scale="layer")
    assert all(max(edges.get_linewidths()) == 3.7 for edges in by_layer.edges_)
    texts = [text.get_text() for text in by_layer.text_]
    names = ["x_1", "x_2", "x_3", "x_4", "0", "1", "2"]
    assert texts == [*names, "inputs\n4", "tanh\n5", "tanh\n4", "softmax\n3"]


def test_large_layers_show_the_units_with_the_largest_weights():
    W = [np.full((30, 20), 0.01), np.full((20, 2), 0.01)]
    W[0][[3, 17]] = 1.0
    W[0][:, [5, 6]] *= 3
    display = NetworkDisplay.from_estimator(chainfit.Net(W), max_units=2)
    assert [units.tolist() for units in display.shown_] == [[3, 17], [5, 6], [0, 1]]
    texts = [text.get_text() for text in display.text_]
    assert texts[:2] == ["x_4", "x_18"]
    assert "⋮\n28 more" in texts and "⋮\n18 more" in texts
    assert len(display.edges_[0].get_segments()) == 4
    display.figure_.draw_without_rendering()


def test_names_are_no_formulas():
    net = chainfit.Net([[[0.0], [0.0]]], feature_names=["$x^$", "a\nb" * 20])
    display = NetworkDisplay.from_estimator(net)
    display.figure_.draw_without_rendering()  # weights of 0 too
    first, second = (text.get_text() for text in display.text_[:2])
    assert first == "$x^$"
    assert "\n" not in second and len(second) == 20


# -- the gradient's way back


def test_sizes_are_those_of_the_trace():
    model = classifier(activation=("relu", "tanh"), alpha=0.1, dropout=0.3).fit(X, y)
    weight = np.linspace(0, 2, len(X))
    display = GradientFlowDisplay.from_estimator(model, X, y, sample_weight=weight)
    still = model.set_params(dropout=0.0)
    numbers = chainfit.trace(still, X, y, sample_weight=weight)
    gradients = still.gradients(X, y, sample_weight=weight).coefs
    rms = lambda x, axis=None: np.sqrt(np.mean(np.square(x), axis=axis))  # noqa: E731
    assert_allclose(display.gradients, [*map(rms, gradients)], rtol=1e-6)
    for l in (1, 2, 3):
        assert_allclose(display.activations[l - 1], rms(numbers.a[l], 0))
        rows = numbers.delta[l][1:] / numbers.share[1:, np.newaxis]  # the first weighs nothing
        assert_allclose(display.deltas[l - 1], rms(rows, 0) * np.sqrt(1 - 1 / len(X)))
    assert_allclose(display.activation_line_.get_ydata()[0], rms(numbers.a[1]))
    assert_allclose(display.delta_line_.get_ydata()[2], rms(display.deltas[2]))
    assert display.layers == ["1\n5 relu", "2\n4 tanh", "outputs\n3 softmax"]


def test_dead_units_are_counted():
    W = [np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 1))]
    b = [[-100.0, 0.0, -100.0], [50.0, 0.0], [0.0]]
    net = chainfit.Net(W, b, activation=("relu", "logistic"))
    display = GradientFlowDisplay.from_estimator(net, [[1.0, 1.0], [1.0, 2.0]], [0.0, 1.0])
    assert_array_equal(display.dead, [2, 1, 0])
    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks == ["1\n3 relu\n2 dead", "2\n2 logistic\n1 dead", "outputs\n1 identity"]
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize(
    ("model", "rows", "targets"),
    [
        (classifier(class_weight="balanced"), X, y),
        (make_pipeline(StandardScaler(), classifier()), X, y),
        (classifier(), csr_array(X), y),
        (MLPRegressor(hidden_layer_sizes=(), max_iter=3), X, real),
        (TabularClassifier("fast", max_iter=2, random_state=0), X, y),
        (theirs.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0), X, real),
    ],
)
def test_models_whose_gradient_is_drawn(model, rows, targets):
    with pytest.raises(NotFittedError):
        GradientFlowDisplay.from_estimator(model, X, targets)
    model.fit(rows, targets)
    display = GradientFlowDisplay.from_estimator(model, X, targets)
    assert (display.gradients > 0).all()
    display.figure_.draw_without_rendering()


def test_balanced_weights_go_by_these_rows():
    rows = y + np.arange(len(y)) % 5 > 1  # classes of different sizes
    model = classifier(class_weight="balanced").fit(X, y)
    display = GradientFlowDisplay.from_estimator(model, X[rows], y[rows])
    W = model.gradients(X[rows], y[rows]).coefs
    assert_allclose(display.gradients, [np.sqrt(np.mean(w**2)) for w in W], rtol=1e-6)


# -- all of them


def displays():
    model = classifier().fit(X, y)
    return {
        "loss": lambda **more: LossCurveDisplay.from_estimator(model, **more),
        "net": lambda **more: NetworkDisplay.from_estimator(model, **more),
        "flow": lambda **more: GradientFlowDisplay.from_estimator(model, X, y, **more),
    }


@pytest.mark.parametrize("kind", ["loss", "net", "flow"])
def test_axes_of_the_user(kind):
    draw = displays()[kind]
    figure, ax = pyplot.subplots()
    display = draw(ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)
    again = display.plot()
    assert again is display and display.ax_ is not ax
    assert type(display).__module__ == "chainfit"


@pytest.mark.parametrize("kind", ["loss", "net", "flow"])
@pytest.mark.parametrize("look", [{"xscale": "log", "yscale": "log"}, {"xticks": [1, 5, 10]}])
def test_scales_and_ticks_of_the_user(kind, look):
    _, ax = pyplot.subplots()
    ax.set(**look)
    draw = displays()[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(ax=ax).figure_.draw_without_rendering()
    if kind == "loss":
        assert ax.get_xscale() == look.get("xscale", "linear")
        assert "xticks" not in look or [*ax.get_xticks()] == look["xticks"]


@pytest.mark.parametrize("kind", ["loss", "flow"])
@pytest.mark.parametrize("style", ["ls", "linestyle"])
def test_lines_as_the_user_wants_them(kind, style):
    draw = displays()[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        display = draw(**{style: ":", "marker": "x", "c": "red"})
    drawn = [display.line_] if kind == "loss" else [display.delta_line_, display.gradient_line_]
    for line in drawn:
        assert (line.get_linestyle(), line.get_marker(), line.get_color()) == (":", "x", "red")


@pytest.mark.parametrize("kind", ["loss", "net", "flow"])
def test_axes_that_are_none(kind):
    with pytest.raises(TypeError, match="ax must be one matplotlib Axes, got ndarray"):
        displays()[kind](ax=pyplot.subplots(2)[1])


@pytest.mark.parametrize("kind", ["loss", "net", "flow"])
def test_without_matplotlib(kind, monkeypatch):
    draw = displays()[kind]
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'chainfit\[plot\]'"):
        draw()


def test_nothing_is_loaded_before_something_is_drawn(python):
    done = python(
        "import sys, chainfit\n"
        "assert 'LossCurveDisplay' in dir(chainfit)\n"
        "assert not {'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "chainfit.LossCurveDisplay, chainfit.NetworkDisplay, chainfit.GradientFlowDisplay\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    assert done.returncode == 0, done.stderr


def test_what_is_refused():
    model = classifier().fit(X, y)
    for display in (LossCurveDisplay, NetworkDisplay):
        with pytest.raises(NotFittedError):
            display.from_estimator(classifier())
    for wrong in ({"max_units": 0}, {"max_units": 2.5}, {"scale": "weights"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            NetworkDisplay.from_estimator(model, **wrong)
    for display in (LossCurveDisplay, NetworkDisplay):
        with pytest.raises(TypeError):
            display.from_estimator(StandardScaler().fit(X))
