"""The parameters of the tabular estimators: a table of their own, then those of their nets.

To add one of their own, add it to TABLE; a new keyword of MLPClassifier or MLPRegressor is one here
by itself. What presets decide is 'auto' by default, all others are as the nets have them.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from numbers import Integral
from typing import Any, TypeVar

from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval, StrOptions

from .._estimators.keywords import Keyword, paragraph
from .._estimators.parameters import PROGRESS, Number
from .._estimators.rules import REAL_LOSSES
from .presets import DECIDED, PRESETS

Class = TypeVar("Class", bound=type)

_AUTO = StrOptions({"auto"})
_COUNT = Interval(Integral, 1, None, closed="left")

#: What nets don't have, and what has another meaning here, in the order of the signature.
TABLE: tuple[Keyword, ...] = (
    Keyword(
        "preset",
        "good",
        [StrOptions(set(PRESETS))],
        "{'fast', 'good', 'best'}",
        """Values of the parameters that are 'auto'. 'fast' is one net of three layers of 128 units,
        'good' four such nets, 'best' eight nets of 256 units per layer. All are trained for 32
        epochs by Adam with beta_2=0.95 on batches of 256 rows, with a learning rate that rises to
        0.004 and falls again; 'fast' goes up to 0.008 and keeps an exponential moving average of
        the weights. Classifiers have label_smoothing=0.1 and keep the epoch of the smallest loss;
        regressors with fewer than 20,000 rows have batches of 64. Tables with fewer than 2,000 rows
        have batches of 16, 8 bins and, with 'good' and 'best', 8 and 16 nets.""",
    ),
    Keyword(
        "n_nets",
        "auto",
        [_COUNT, _AUTO],
        "int or 'auto'",
        "Number of nets to train, whose predictions are averaged.",
    ),
    Keyword(
        "n_bins",
        "auto",
        [Interval(Integral, 0, None, closed="left"), _AUTO],
        "int or 'auto'",
        """Number of bins of each column of numbers, dates or times, with about equally many
        training rows in each; every bin is a feature. 0 means none. 'auto' is 16 or, for small
        tables, 8, and fewer if there are more than 256 such columns.""",
    ),
    Keyword(
        "loss",
        "squared_error",
        [StrOptions(set(REAL_LOSSES))],
        "{" + ", ".join(map(repr, REAL_LOSSES)) + "}",
        """The loss, see MLPRegressor, on targets scaled to mean 0 and variance 1, or divided by
        their mean if outputs are positive. With any but 'squared_error', the best epoch is that of
        the smallest loss. Nets' medians, quantiles or means are averaged.""",
        kind="regressor",
    ),
    Keyword(
        "max_levels",
        100,
        [_COUNT],
        "int",
        """Maximum number of levels of a category with a feature of their own: the most frequent
        ones. The others share one.""",
    ),
    Keyword(
        "batch_size",
        "auto",
        [_COUNT, _AUTO],
        "int or 'auto'",
        "Number of rows in a mini-batch; 'auto': see `preset`. Not used by 'lbfgs'.",
    ),
    Keyword(
        "max_iter",
        "auto",
        [_COUNT, _AUTO],
        "int or 'auto'",
        """Number of epochs, over which the learning rate of 'auto' rises and falls once. For
        'lbfgs', the maximum number of iterations.""",
    ),
    Keyword(
        "validation_fraction",
        0.1,
        [Number(0, 1, closed="left")],
        "float",
        """Fraction of the rows that each net holds out, different rows for each net, to choose
        its best epoch and, in classifiers, the temperature. With 0 none are held out: every net
        learns from all rows and keeps its last weights, as it does with 'lbfgs' and if there are
        too few rows.""",
    ),
    Keyword(
        "checkpoint",
        None,
        [str, os.PathLike, None],
        "str, path-like or None",
        """Name of the files to which `fit` regularly writes the state of each net, with '.1'
        appended for the first net, '.2' for the second and so on. A fit that finds them, with an
        equal table and equal parameters, skips the nets that were finished and continues the
        others, to the same bits as a fit that was never interrupted; files of another table or
        other parameters are refused. They are kept when the fit is finished: the same fit then
        ends at once, and one with a larger `max_iter` continues, unless the learning rate depends
        on the number of all steps, as that of 'auto' does. Requires a `random_state`; not
        available with 'lbfgs'.""",
    ),
    Keyword(
        "decimal",
        None,
        [StrOptions({".", ","}), None],
        "{'.', ','} or None",
        "Decimal mark of numbers in columns of text. None: inferred.",
    ),
    Keyword(
        "thousands",
        None,
        [str, None],
        "str or None",
        "Thousands separator of such numbers, '' for none. None: inferred.",
    ),
    Keyword(
        "na_values",
        (),
        [tuple, list],
        "tuple of str",
        """Words that stand for a missing value. In columns of numbers, dates or times a word that
        is one, such as '-999', means that value, however it is written.""",
    ),
    Keyword(
        "date_format",
        None,
        [str, None],
        "str or None",
        """Format of dates in columns of text, in the directives of ``strptime``, such as
        '%d/%m/%Y'. None: inferred.""",
    ),
    Keyword("drop", (), [tuple, list], "tuple of str", "Columns to leave out."),
    Keyword(
        "random_state",
        None,
        ["random_state"],
        "int, RandomState or None",
        """Determines the rows held out, the initial weights and the shuffling. Pass an int for
        reproducible results.""",
        option=False,
    ),
    Keyword(
        "n_jobs",
        None,
        [_COUNT, None],
        "int or None",
        """Maximum number of nets trained at the same time. None: as many as `n_threads` allows.
        Results do not depend on it.""",
    ),
    Keyword(
        "n_threads",
        None,
        [_COUNT, None],
        "int or None",
        """Maximum number of threads of a call, for all nets together. None: the number of CPUs
        that the process may use, or OMP_NUM_THREADS if that is smaller. ``threadpoolctl`` limits
        both. Results do not depend on it.""",
    ),
    Keyword(
        "precision",
        "float32",
        [StrOptions({"float32", "float64"})],
        "{'float32', 'float64'}",
        "Data type of the weights and of all arithmetic of the nets.",
    ),
    Keyword(
        "verbose",
        False,
        ["verbose", StrOptions({PROGRESS})],
        "bool, int or 'progress'",
        """Whether to print the loss of each epoch. 'progress' shows a live bar instead, on stderr
        or in a notebook: the epochs of all nets, loss, validation score, rows a second and the time
        left. It needs tqdm (extra `cli`).""",
        option=False,
    ),
)

#: What has no meaning here: an ensemble begins anew in each fit, holds rows out wherever it can,
#: and its nets are trained side by side.
LEFT_OUT = ("warm_start", "early_stopping", "shuffle", "callbacks")

#: Fitted attributes of both estimators, in their docstrings behind those of their own.
ATTRIBUTES = """
schema_ : Schema
    What the cells of each column mean, and which columns are left out.

encoding_ : Encoding
    How columns become the inputs of the nets; `encoding_.features` has their names.

n_iter_ : int
    The largest number of epochs of a net.

n_rows_ : int
    Number of training rows, not counting rows of weight 0.

n_features_in_ : int
    Number of columns seen in `fit`.

feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the columns, if X had names.

target_, dialect_ : object or None
    Set by ``chainfit train``: how the target is written, and the format of the file.
"""

_ENTRY = re.compile(r"^(\w+) : (.+)$", re.M)


def parameters_of(net: Any) -> dict[str, Keyword]:
    """Return the parameters of an estimator of tables by name, its own and its nets'.

    Parameters
    ----------
    net : type
        MLPClassifier or MLPRegressor.
    """
    kind_of_net = "classifier" if is_classifier(net()) else "regressor"
    found = {keyword.name: keyword for keyword in TABLE if keyword.kind in (kind_of_net, "both")}
    described = _descriptions(net)
    left_out = LEFT_OUT if "loss" in found else (*LEFT_OUT, "loss")
    for name, parameter in inspect.signature(net).parameters.items():
        if name in found or name in left_out:
            continue
        kind, text = described[name]
        default, allowed = parameter.default, net._parameter_constraints[name]
        if name in DECIDED:
            default, allowed, kind = "auto", [*allowed, _AUTO], f"{kind} or 'auto'"
            text += "\n'auto': see `preset`."
        found[name] = Keyword(name, default, allowed, kind, text)
    return found


def with_parameters(net: Any) -> Callable[[Class], Class]:
    """Give a class its parameters, their checks and their part of its docstring: a decorator.

    Parameters
    ----------
    net : type
        MLPClassifier or MLPRegressor, which it trains.
    """

    def decorate(cls: Any) -> Any:
        known = parameters_of(net)
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY if at else inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=keyword.default,
            )
            for at, (name, keyword) in enumerate(known.items())
        ]
        signature = inspect.Signature(parameters)

        def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
            try:
                given = signature.bind(*arguments, **keywords)
            except TypeError as error:
                raise TypeError(f"{type(self).__name__}: {error}") from None
            given.apply_defaults()
            vars(self).update(given.arguments)

        itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        vars(__init__)["__signature__"] = signature.replace(parameters=[itself, *parameters])
        __init__.__qualname__ = f"{cls.__qualname__}.__init__"
        cls.__init__ = __init__
        cls._parameter_constraints = {name: k.allowed for name, k in known.items()}
        cls._net_class = net
        of_net = inspect.signature(net).parameters
        cls._net_parameters = tuple(name for name in known if name in of_net)
        before, heading, rest = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes\n")
        own, see_also, after = rest.partition("\nSee Also\n")
        described = "".join(map(paragraph, known.values()))
        attributes = f"{heading}{own}{ATTRIBUTES}{see_also}"
        cls.__doc__ = f"{before}\nParameters\n----------{described}{attributes}{after}\n"
        return cls

    return decorate


def _descriptions(net: type) -> dict[str, tuple[str, str]]:
    """Return what a net's docstring says of each parameter: its type, and the text."""
    section = (inspect.getdoc(net) or "").partition("Parameters\n----------\n")[2]
    section = section.partition("\nAttributes\n")[0]
    starts = [*_ENTRY.finditer(section)]
    ends = [*(match.start() for match in starts[1:]), len(section)]
    return {
        match[1]: (
            match[2].rpartition(", default=")[0],
            inspect.cleandoc(section[match.end() : end]),
        )
        for match, end in zip(starts, ends, strict=True)
    }
