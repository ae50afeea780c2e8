"""The keywords that the estimators have beyond scikit-learn's: one table.

To add one, add it to TABLE. It then is a parameter of both estimators, or of one, with its default,
its check and its place in the docstring; it is cloned, pickled, saved and an option of the command
line; files from before it have its default. Training finds its value in `FitSettings.own`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from functools import wraps
from numbers import Integral
from typing import Any, Literal, NamedTuple, TypeVar

from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import Interval, StrOptions

from .initial import INITIALIZERS
from .outputs import Levels
from .parameters import FUNCTIONS, CheckpointInterval, Number, Rates, range_constraint
from .rules import FREE_LINKS, own_parameters

Class = TypeVar("Class", bound=type)
Kind = Literal["classifier", "regressor", "both"]


class Keyword(NamedTuple):
    """A parameter of the estimators that scikit-learn has no word for.

    Attributes
    ----------
    name : str
    default : Any
        A value that cannot change.
    allowed : list
        What it may be, as in scikit-learn's `_parameter_constraints`.
    type : str
        The same in words, for the docstring.
    doc : str
        What it is, in sentences, for the docstring and the command line.
    kind : {'classifier', 'regressor', 'both'}
        Which estimators have it.
    option : bool
        Whether it is an option of the command line: where numbers and words can say it.
    """

    name: str
    default: Any
    allowed: list[Any]
    type: str
    doc: str
    kind: Kind = "both"
    option: bool = True


_LINKS = ", ".join(map(repr, FREE_LINKS))

#: What no rule of the core brings with it, in the order of the signature.
TABLE: tuple[Keyword, ...] = (
    Keyword(
        "loss",
        "log_loss",
        [StrOptions({"log_loss"}), callable],
        "'log_loss' or callable",
        """The loss. A function, in the form described in MLPRegressor, is given one-hot or 0/1
        targets.""",
        kind="classifier",
        option=False,
    ),
    Keyword(
        "out_activation",
        None,
        [StrOptions({*FREE_LINKS}), None],
        "str or None",
        f"""Activation of the output layer: {_LINKS}. None means the loss's own. An activation is
        refused if its outputs leave the domain of the loss, as 'identity' does with 'poisson'.""",
        kind="regressor",
    ),
    Keyword(
        "quantile",
        0.5,
        [Levels()],
        "float or tuple of float",
        """The quantile that loss='quantile' predicts, in (0, 1). A tuple of increasing quantiles
        has an output for each, and `predict` returns one column for each (with several targets an
        array of shape (n_samples, n_targets, n_quantiles)), sorted so that they never cross.""",
        kind="regressor",
    ),
    Keyword(
        "init",
        "glorot_uniform",
        [StrOptions(set(INITIALIZERS))],
        "{" + ", ".join(map(repr, INITIALIZERS)) + "}",
        """Distribution of the initial weights. 'glorot_uniform' is scikit-learn's, which draws the
        biases too. All others are PyTorch's and start from biases of 0, 'he_uniform' and
        'he_normal' with the gain sqrt(2) of relu, 'orthogonal' with a gain of 1.""",
    ),
    Keyword(
        "checkpoint",
        None,
        [str, os.PathLike, None],
        "str, path-like or None",
        """File to which `fit` regularly writes its state: weights, optimizer, counters, best
        weights and history. A fit that finds it, with equal data and parameters, continues to the
        same bits as a fit that was never interrupted; a file of other data or parameters is
        refused. It is kept when the fit is finished: the same fit then ends at once, and one with
        a larger `max_iter` continues, unless the learning rate depends on the number of all steps.
        Requires a `random_state`; not available with 'lbfgs', and ignored by `partial_fit`.""",
    ),
    Keyword(
        "checkpoint_interval",
        "60s",
        [CheckpointInterval()],
        "int or str",
        """How often `checkpoint` is written: a number of epochs, or of seconds as in '60s', which
        are rounded up to the end of an epoch or, with a source, of a window. It is also written at
        the end of the fit.""",
    ),
    Keyword(
        "scoring",
        None,
        [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "str, callable or None",
        """Score of the validation rows, larger being better: the name of a scikit-learn scorer, a
        callable (estimator, X, y), or 'loss', the negative loss. None means accuracy, or R^2 in
        regression.""",
    ),
    Keyword(
        "time_limit",
        None,
        [Number(0, None, closed="neither"), None],
        "float or None",
        """Maximum time of `fit` in seconds. It then stops, even within an epoch, and keeps the
        weights it has.""",
    ),
    Keyword(
        "callbacks",
        None,
        [FUNCTIONS, None],
        "list of callable or None",
        """Functions called after each epoch (iteration of 'lbfgs') with its record, a dict with
        'epoch' and the keys of `history_`. Training stops if one returns True.""",
        option=False,
    ),
    Keyword(
        "label_smoothing",
        0.0,
        [Number(0, 1, closed="left")],
        "float",
        """Fraction s of each target, in [0, 1), that is spread evenly over all K classes, as in
        PyTorch's CrossEntropyLoss: targets are 1 - s + s / K and s / K instead of 1 and 0, with
        K = 2 for two classes and for each label of multilabel targets. It keeps probabilities from
        being driven to 1.""",
        kind="classifier",
    ),
    Keyword(
        "class_weight",
        None,
        [dict, list, StrOptions({"balanced"}), None],
        "dict, list of dict, 'balanced' or None",
        """Weights of the classes, {label: weight}, by which the weights of rows are multiplied,
        including rows held out by `early_stopping`. 'balanced' is n_samples / (n_classes * number
        of rows of the class), and not available in `partial_fit`. Multilabel targets take a list
        of a dict {0: weight, 1: weight} for each column, several classifications a list of a dict
        for each; a row's weight is then multiplied by all of them.""",
        kind="classifier",
    ),
    Keyword(
        "warmup",
        0,
        [Interval(Integral, 0, None, closed="left"), Number(0, 1, closed="left")],
        "int or float",
        """Number of steps over which the learning rate rises linearly to the start of its schedule:
        step s = 0, 1, ... of w has (s + 1) / (w + 1) of it. A float is a fraction of all steps. Not
        available with 'one_cycle' or a callable, which have a beginning of their own.""",
    ),
    Keyword(
        "decay_steps",
        0.3,
        [Interval(Integral, 1, None, closed="left"), Number(0, 1, closed="neither")],
        "int or float",
        """With learning_rate='step', the number of steps after which the learning rate is
        multiplied by `decay_rate`, repeatedly. A float is a fraction of all steps.""",
    ),
    Keyword(
        "decay_rate",
        0.1,
        [Number(0, 1, closed="right")],
        "float",
        "With learning_rate='step', the factor of the learning rate every `decay_steps`.",
    ),
    Keyword(
        "dropout",
        0.0,
        [Rates()],
        "float or tuple of float",
        """Fraction of the units of each hidden layer that a step drops at random; the others are
        scaled by 1 / (1 - dropout). A tuple has the rate of the input and one for each hidden
        layer. `predict` and validation drop none, and training losses are those with dropout.""",
    ),
    Keyword(
        "l1",
        0.0,
        [Number(0, None, closed="left")],
        "float",
        """Strength of the L1 penalty, l1 times the sum of the absolute values of all weights
        except biases, divided as that of `alpha`. Its derivative at 0 is taken as 0.""",
    ),
    Keyword(
        "weight_decay",
        None,
        [Number(0, None, closed="left"), None],
        "float or None",
        """Decoupled weight decay (Loshchilov and Hutter, 2019): apart from the gradient, each step
        shrinks every weight, except biases, by this factor times the learning rate. It is not part
        of the loss. None means 0.01 for 'adamw' and 0 for all other solvers.""",
    ),
    Keyword(
        "clip_norm",
        None,
        [Number(0, None, closed="neither"), None],
        "float or None",
        """Maximum norm of the gradient of all weights and biases together. A larger gradient is
        multiplied by clip_norm / (norm + 1e-6), as in PyTorch's `clip_grad_norm_`. The penalties of
        `alpha` and `l1` are part of the gradient, `weight_decay` is not.""",
    ),
    Keyword(
        "average",
        None,
        [StrOptions({"ema"}), None],
        "{'ema'} or None",
        """With 'ema' the fitted weights are the exponential moving average of the weights after
        each step, while training itself continues from the latter. The average starts with the
        weights after the first step.""",
    ),
    Keyword(
        "average_decay",
        0.999,
        [Number(0, 1, closed="neither")],
        "float",
        "Fraction of the average that average='ema' keeps in each step.",
    ),
)


def table_names(kind: Kind) -> list[str]:
    """Return the names in the table of what an estimator of this kind has."""
    return [keyword.name for keyword in TABLE if keyword.kind in (kind, "both")]


def keywords_of(kind: Kind, losses: Iterable[str]) -> dict[str, Keyword]:
    """Return the keywords of an estimator by name: the parameters of rules, and the table's.

    Parameters
    ----------
    kind : {'classifier', 'regressor'}
    losses : iterable of str
        The losses of the estimator.
    """
    of_rules = [
        Keyword(name, p.default, [range_constraint(p)], "float", p.doc)
        for name, p in own_parameters(losses).items()
    ]
    here = [keyword for keyword in TABLE if keyword.kind in (kind, "both")]
    return {keyword.name: keyword for keyword in (*of_rules, *here)}


def with_keywords(kind: Kind, losses: Iterable[str]) -> Callable[[Class], Class]:
    """Append the keywords to a class's parameters: a decorator, with the arguments of keywords_of.

    They are keywords of `__init__`, in its signature, its checks and the class's docstring.
    `_own_parameters` has their defaults by name, `_defaults` those of all parameters.
    """

    def decorate(cls: Any) -> Any:
        plain = cls.__init__
        signature = inspect.signature(plain)
        written = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        names = {p.name for p in written}
        known = keywords_of(kind, losses)
        own = {name: keyword for name, keyword in known.items() if name not in names}
        cls._own_parameters = {name: keyword.default for name, keyword in own.items()}
        cls._defaults = {p.name: p.default for p in written[1:]} | cls._own_parameters
        allowed = {name: keyword.allowed for name, keyword in known.items()}
        cls._parameter_constraints = {**cls._parameter_constraints, **allowed}
        if not own:
            return cls

        @wraps(plain)
        def init(self: Any, *arguments: Any, **keywords: Any) -> None:
            values = {name: keywords.pop(name, k.default) for name, k in own.items()}
            for name in keywords.keys() - names:  # which the class's own lets pass, for their types
                what = f"{init.__qualname__}() got an unexpected keyword argument {name!r}"
                raise TypeError(what)
            plain(self, *arguments, **keywords)
            vars(self).update(values)

        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=keyword.default)
            for name, keyword in own.items()
        ]
        vars(init)["__signature__"] = signature.replace(parameters=[*written, *added])
        cls.__init__ = init
        before, heading, after = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes\n")
        added_text = "".join(map(paragraph, own.values()))
        cls.__doc__ = f"{before}{added_text}{heading}{after}\n"
        return cls

    return decorate


def paragraph(keyword: Keyword) -> str:
    """Return a keyword as a paragraph of a docstring's parameters."""
    default = f"{keyword.default:g}" if keyword.type == "float" else repr(keyword.default)
    lines = keyword.doc.strip().splitlines()
    text = "\n".join(f"    {line.strip()}" if line.strip() else "" for line in lines)
    return f"\n{keyword.name} : {keyword.type}, default={default}\n{text}\n"
