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
        """The loss; a function, as MLPRegressor takes it, is given one-hot or 0/1 targets.""",
        kind="classifier",
        option=False,
    ),
    Keyword(
        "out_activation",
        None,
        [StrOptions({*FREE_LINKS}), None],
        "str or None",
        f"""Activation of the output layer: {_LINKS}. None is the loss's own. One whose outputs
        leave what the loss is defined for, as 'identity' does for 'poisson', is refused.""",
        kind="regressor",
    ),
    Keyword(
        "quantile",
        0.5,
        [Levels()],
        "float or tuple of float",
        """The quantile that loss='quantile' predicts, in (0, 1). A tuple of several, rising, has
        an output for each, and `predict` returns one column for each (of several targets an array
        (n_samples, n_targets, n_quantiles)), sorted so that they never cross.""",
        kind="regressor",
    ),
    Keyword(
        "init",
        "glorot_uniform",
        [StrOptions(set(INITIALIZERS))],
        "{" + ", ".join(map(repr, INITIALIZERS)) + "}",
        """How the weights are drawn. 'glorot_uniform' is scikit-learn's way, which draws the
        biases too; all others start from biases of 0 and are PyTorch's, 'he_uniform' and
        'he_normal' with the gain sqrt(2) of relu, 'orthogonal' with a gain of 1.""",
    ),
    Keyword(
        "checkpoint",
        None,
        [str, os.PathLike, None],
        "str, path-like or None",
        """A file that `fit` writes its state to as it goes: weights, optimizer, counters, best
        weights, history. A fit that finds it there, with equal data and parameters, goes on from it
        to the bits of a fit that was never interrupted; one of other data or parameters is
        refused. It stays when the fit is finished: the same fit then ends at once, and one with a
        larger `max_iter` trains on, unless the learning rate goes by the number of all steps. Needs
        a `random_state`; not with 'lbfgs', and of no effect in `partial_fit`.""",
    ),
    Keyword(
        "checkpoint_interval",
        "60s",
        [CheckpointInterval()],
        "int or str",
        """How often `checkpoint` is written: after so many epochs, or at the end of the epoch after
        so many seconds, as in '60s'. At the end of the fit it is written too.""",
    ),
    Keyword(
        "scoring",
        None,
        [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "str, callable or None",
        """The score of the validation rows, of which more is better: one of scikit-learn's scorers
        by its name, a callable (estimator, X, y), or 'loss', the negative of the loss. None is
        accuracy, or R^2 in regression.""",
    ),
    Keyword(
        "time_limit",
        None,
        [Number(0, None, closed="neither"), None],
        "float or None",
        """Seconds after which `fit` stops, within an epoch too, and keeps what it has.""",
    ),
    Keyword(
        "callbacks",
        None,
        [FUNCTIONS, None],
        "list of callable or None",
        """Functions called after each epoch, or iteration of 'lbfgs', with its record: a dict with
        'epoch' and the parts of `history_`. One that returns True stops the training.""",
        option=False,
    ),
    Keyword(
        "label_smoothing",
        0.0,
        [Number(0, 1, closed="left")],
        "float",
        """Share s of each target, in [0, 1), that is spread evenly over all K classes, as PyTorch's
        CrossEntropyLoss does it: the targets are 1 - s + s / K and s / K instead of 1 and 0,
        with K = 2 for two classes and for each label of multilabel targets. So no probability is
        driven to 1.""",
        kind="classifier",
    ),
    Keyword(
        "class_weight",
        None,
        [dict, list, StrOptions({"balanced"}), None],
        "dict, list of dict, 'balanced' or None",
        """Weights of the classes, {label: weight}, which multiply those of the rows, of rows held
        out by `early_stopping` too. 'balanced' is n_samples / (n_classes * number of rows of the
        class), and not for `partial_fit`. Multilabel targets have a dict {0: weight, 1: weight} for
        each column, several classifications one of labels; a row's weight is then multiplied by all
        of them.""",
        kind="classifier",
    ),
    Keyword(
        "warmup",
        0,
        [Interval(Integral, 0, None, closed="left"), Number(0, 1, closed="left")],
        "int or float",
        """Number of steps over which the learning rate rises linearly to the value that its
        schedule starts from: step s = 0, 1, ... of w has the share (s + 1) / (w + 1) of it. A
        fraction is a share of all steps. Not with 'one_cycle' or a callable, which say by
        themselves how they begin.""",
    ),
    Keyword(
        "decay_steps",
        0.3,
        [Interval(Integral, 1, None, closed="left"), Number(0, 1, closed="neither")],
        "int or float",
        """Number of steps after which the learning rate of learning_rate='step' is multiplied by
        `decay_rate`, again and again. A fraction is a share of all steps.""",
    ),
    Keyword(
        "decay_rate",
        0.1,
        [Number(0, 1, closed="right")],
        "float",
        "What the learning rate of learning_rate='step' is multiplied by, see `decay_steps`.",
    ),
    Keyword(
        "dropout",
        0.0,
        [Rates()],
        "float or tuple of float",
        """Share of the units of each hidden layer that a step leaves out at random, the others
        counting 1 / (1 - dropout) times. A tuple has the rate of the input and one for each hidden
        layer. `predict` and validation leave out none, while the losses of training are those of
        the nets that were left.""",
    ),
    Keyword(
        "l1",
        0.0,
        [Number(0, None, closed="left")],
        "float",
        """Strength of the L1 penalty, l1 times the sum of |w| over all weights, biases excepted,
        divided as that of `alpha` is. Its slope at 0 is 0.""",
    ),
    Keyword(
        "weight_decay",
        None,
        [Number(0, None, closed="left"), None],
        "float or None",
        """Decoupled weight decay (Loshchilov and Hutter 2019): beside what the gradient asks for,
        each step takes this share, times the learning rate, off every weight, biases excepted. It
        is not part of the loss. None is 0.01 for 'adamw' and 0 for all others.""",
    ),
    Keyword(
        "clip_norm",
        None,
        [Number(0, None, closed="neither"), None],
        "float or None",
        """Largest norm of the gradient over all weights and biases together. One that is larger is
        multiplied by clip_norm / (norm + 1e-6), as PyTorch's clip_grad_norm_ does. The penalties
        of `alpha` and `l1` are part of the gradient, `weight_decay` is not.""",
    ),
    Keyword(
        "average",
        None,
        [StrOptions({"ema"}), None],
        "{'ema'} or None",
        """With 'ema' the fitted weights are the exponential moving average of the weights after
        each step; training itself goes on from the latter. The average begins with the weights
        after the first step.""",
    ),
    Keyword(
        "average_decay",
        0.999,
        [Number(0, 1, closed="neither")],
        "float",
        "Share of the average that average='ema' keeps in each step.",
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
