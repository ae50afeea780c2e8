"""Net: the numbers of one multilayer perceptron in float64, fixed; what explanations work on.

`as_net` makes one of a fitted model. A Net may also be written down by hand, so that an example of
a textbook needs no training.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
from sklearn import neural_network as theirs
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import StrOptions, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from .. import reference
from .._common.public import Class, public
from .._estimators.base import BaseMLP
from .._estimators.custom import CustomLoss
from .._estimators.keywords import keywords_of, paragraph
from .._estimators.layers import layers
from .._estimators.outputs import Levels
from .._estimators.parameters import CONSTRAINTS, Number, check_activations, range_constraint
from .._estimators.rules import LOSSES, SGD_FAMILY, own_parameters
from .._estimators.steps import decay_of
from . import rules
from .formula import Array
from .next_step import trained_weights
from .outputs import names_of_outputs, per_target
from .tables import Member, is_table_model, member_of, names_of_member
from .wrapped import Wrapped, unwrapped

# The loss that goes with an output activation where none is named: the one for which the
# derivatives of the two together are a[L] - Y, and squared error where there is no such loss.
CANONICAL = {loss.link: name for name, loss in reference.LOSSES.items() if loss.canonical}
OUT_ACTIVATIONS = tuple(
    name for name in {**reference.LINKS, **reference.ACTIVATIONS} if name in rules.ACTIVATIONS
)
SOLVERS = ("sgd", *(name for name in reference.UPDATES if name not in SGD_FAMILY))

# Where a loss has a derivative at every output: the output activations that stay there, if these
# are not all.
_INSIDE_0_1 = ("logistic", "softmax")
_ABOVE_0 = (*_INSIDE_0_1, "exp", "softplus")
_DEFINED = {
    "binary_log_loss": _INSIDE_0_1,
    "log_loss": _INSIDE_0_1,
    "poisson": _ABOVE_0,
    "gamma": _ABOVE_0,
    "gaussian_nll": ("mean_variance",),
}

# Parameters of the core's rules, which become attributes of a net under their own names.
_OWN = own_parameters(LOSSES)
# Where a net's defaults are others, or parameters are of no rule.
_DEFAULTS = {"momentum": 0.0, "weight_decay": None}
_NUMBERS = {"alpha", "l1", "learning_rate_init", "weight_decay", *_OWN}
_SHARED = ("activation", "alpha", "learning_rate_init", "nesterovs_momentum")
_CONSTRAINTS = {
    "out_activation": [StrOptions(set(OUT_ACTIVATIONS))],
    "loss": [StrOptions(set(reference.LOSSES))],
    "solver": [StrOptions(set(SOLVERS))],
    **{name: CONSTRAINTS[name] for name in _SHARED},
    **{name: [range_constraint(p)] for name, p in _OWN.items()},
    "quantile": [Levels()],
    "weight_decay": [Number(0, None, closed="left"), None],
    "l1": [Number(0, None, closed="left")],
}


def _signature(cls: Class) -> Class:
    """Show the rules' parameters, which `**parameters` takes, in signature and docstring."""
    *plain, _ = inspect.signature(cls).parameters.values()
    defaults = {**{name: p.default for name, p in _OWN.items()}, **_DEFAULTS}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in defaults.items()
    ]
    cls.__signature__ = inspect.Signature([*plain, *added])  # type: ignore[attr-defined]
    before, heading, after = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes\n")
    known = keywords_of("regressor", LOSSES)
    own = (known[name]._replace(default=default) for name, default in defaults.items())
    cls.__doc__ = f"{before}{''.join(map(paragraph, own))}{heading}{after}\n"
    return cls


@public
@_signature
class Net:
    """Multilayer perceptron with given weights, activations and loss, to be explained.

    With layers l = 0..L of n_l units: ``z[l] = a[l-1] @ coefs[l-1] + intercepts[l-1]`` and
    ``a[l] = f_l(z[l])``, from ``a[0] = X`` to the outputs ``a[L]``. All parameters are attributes
    too; none can be set.

    Parameters
    ----------
    coefs : sequence of array-like of shape (n_l, n_{l+1})
        The weights, one array for each l = 0..L-1; element (i, j) leads from unit i of layer l to
        unit j of layer l+1. They are copied to float64.
    intercepts : sequence of array-like of shape (n_{l+1},), default=None
        The biases; None means zeros.
    activation : str or tuple of str, default='relu'
        Activation of the hidden layers, as in MLPRegressor. A tuple gives one for each.
    out_activation : str, default='identity'
        Activation of the last layer: one of these, 'softmax', 'exp' or 'mean_variance'.
    loss : str, default=None
        'squared_error' (half the sum over the outputs), 'binary_log_loss', 'log_loss', or another
        loss of MLPRegressor; 'gaussian_nll' requires 'mean_variance'. None means the loss whose
        canonical link is `out_activation`, and 'squared_error' if there is none. Any other pair is
        allowed if the loss has a derivative at every output.
    alpha : float, default=0.0
        Strength of the L2 penalty, as in the estimators.
    l1 : float, default=0.0
        Strength of the L1 penalty, as in the estimators.
    solver : {'sgd', 'adam', 'adamw', 'rmsprop'}, default='sgd'
        The update rule, before its first step.
    learning_rate_init : float, default=0.1
        Step size eta.
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum.
    feature_names : sequence of str, default=None
        Names of the inputs; None means x_1, x_2, ...
    output_names : sequence of str, default=None
        Names of the outputs; None means y_1, y_2, ...

    Attributes
    ----------
    coefs, intercepts : tuple of ndarray, float64, read-only
        Weights and biases.
    units : tuple of int
        Number of units of each layer, (n_0, ..., n_L).
    dtype : dtype
        Data type of a training step, that of the model; float64 if there is none.
    model : estimator or None
        The fitted MLP that the net was made from.
    source : object or None
        `model`, or the pipeline, search or tabular model around it.
    member : Member or None
        Which net of a tabular model it is.
    groups : tuple of int
        Sizes of the groups of outputs that have a softmax each, for several classifications; ()
        means one softmax for all outputs.
    custom : CustomLoss or None
        The loss that is a user's function; `loss` is then 'given'.

    Raises
    ------
    ValueError
        If shapes, names or numbers are not valid.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]], out_activation="logistic")
    >>> net
    Net(2-1, out_activation='logistic', loss='binary_log_loss')
    """

    coefs: tuple[Array, ...]
    intercepts: tuple[Array, ...]
    units: tuple[int, ...]
    activation: str | tuple[str, ...]
    out_activation: str
    loss: str
    alpha: float
    l1: float
    solver: str
    learning_rate_init: float
    momentum: float
    nesterovs_momentum: bool
    weight_decay: float
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    dtype: np.dtype[Any]
    model: Any
    source: Any
    groups: tuple[int, ...]
    custom: CustomLoss | None
    member: Member | None

    def __init__(
        self,
        coefs: Sequence[Any],
        intercepts: Sequence[Any] | None = None,
        *,
        activation: str | Sequence[str] = "relu",
        out_activation: str = "identity",
        loss: str | None = None,
        alpha: float = 0.0,
        l1: float = 0.0,
        solver: str = "sgd",
        learning_rate_init: float = 0.1,
        nesterovs_momentum: bool = True,
        feature_names: Iterable[str] | None = None,
        output_names: Iterable[str] | None = None,
        **parameters: float,
    ) -> None:
        for name in parameters.keys() - {*_OWN, *_DEFAULTS}:
            raise TypeError(f"Net() got an unexpected keyword argument {name!r}")
        W, b = layers(coefs, intercepts)
        for a in (*W, *b):
            a.setflags(write=False)
        units = (*map(len, W), len(b[-1]))
        settings: dict[str, Any] = {
            "activation": activation if isinstance(activation, str) else tuple(activation),
            "out_activation": out_activation,
            "loss": CANONICAL.get(out_activation, "squared_error") if loss is None else loss,
            "alpha": alpha,
            "l1": l1,
            "solver": solver,
            "learning_rate_init": learning_rate_init,
            "nesterovs_momentum": nesterovs_momentum,
            **{name: p.default for name, p in _OWN.items()},
            **_DEFAULTS,
            **parameters,
        }
        validate_parameter_constraints(_CONSTRAINTS, settings, "Net")
        settings["weight_decay"] = decay_of(settings["weight_decay"], solver)
        check_activations(settings["activation"], len(W) - 1)
        plain = tuple(name for name in OUT_ACTIVATIONS if name != "mean_variance")
        defined = _DEFINED.get(settings["loss"], plain)
        if out_activation not in defined:
            raise ValueError(
                f"loss={settings['loss']!r} is not defined at every output of out_activation="
                f"{out_activation!r}, only of {', '.join(map(repr, defined))}."
            )
        if out_activation == "softmax" and units[-1] == 1:
            raise ValueError("out_activation='softmax' needs two outputs or more: of one it is 1.")
        self.__dict__.update(
            coefs=tuple(W),
            intercepts=tuple(b),
            units=units,
            **{k: _plain(x) if k in _NUMBERS else x for k, x in settings.items()},
            groups=(),
            custom=None,
            feature_names=_names("feature_names", feature_names, "x", units[0]),
            output_names=_names("output_names", output_names, "y", units[-1]),
            dtype=np.dtype(np.float64),
            model=None,
            source=None,
            member=None,
        )
        if units[-1] % (several := per_target(self)):
            raise ValueError(
                f"a net with {several} outputs for each target can't have {units[-1]} of them."
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the content of a pickle, which may be older than a rule and its parameters."""
        own = {name: p.default for name, p in _OWN.items()}
        self.__dict__.update(own, weight_decay=0.0, l1=0.0, groups=(), custom=None, member=None)
        self.__dict__.update(state)

    @property
    def canonical(self) -> bool:
        """Whether dloss/dz[L] is a[L] - Y: the output activation is the loss's canonical link."""
        return CANONICAL.get(self.out_activation) == self.loss

    def layer_activation(self, l: int) -> str:
        """Return the name of a layer's activation.

        Parameters
        ----------
        l : int
            The layer, from 1 to L.

        Returns
        -------
        name : str
            The name.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[1.0]], [[1.0]]], activation="tanh", out_activation="exp")
        >>> net.layer_activation(1), net.layer_activation(2)
        ('tanh', 'exp')
        """
        if l == len(self.coefs):
            return self.out_activation
        return self.activation if isinstance(self.activation, str) else self.activation[l - 1]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Net does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Net does not change: {name} cannot be deleted")

    def __repr__(self) -> str:
        words = ["-".join(map(str, self.units))]
        if len(self.coefs) > 1:
            words.append(f"activation={self.activation!r}")
        words += [f"out_activation={self.out_activation!r}", f"loss={self.loss!r}"]
        words += [f"{name}={getattr(self, name)!r}" for name in rules.penalties_of(self)]
        return f"Net({', '.join(words)})"


def as_net(model: Any, place: int = 0) -> Net:
    """Return the net of a fitted model, with its weights at the time of the call.

    `place` is that of the net in the `nets_` of a model of tables; others have one net.
    """
    found = unwrapped(model)
    of_tables = is_table_model(found.inner) and not found.steps
    if place and not of_tables:
        raise ValueError(f"net={place!r} chooses a net of a model of tables; this one has one net.")
    if isinstance(model, Net):
        return model
    member = member_of(found.inner, place) if of_tables else None
    mlp, feature_names, output_names = (
        _inner(found) if member is None else (member.net, *names_of_member(member))
    )
    check_is_fitted(mlp, "coefs_")
    if not isinstance(mlp, BaseMLP) and not isinstance(getattr(mlp, "out_activation_", None), str):
        raise NotFittedError(f"This {type(mlp).__name__} instance is not fitted yet.")
    if feature_names is None:
        feature_names = getattr(mlp, "feature_names_in_", None)
    if output_names is None or len(output_names) < len(mlp.intercepts_[-1]):
        output_names = names_of_outputs(mlp)
    custom = getattr(mlp, "loss", None) if isinstance(mlp, BaseMLP) else None
    custom = CustomLoss(custom) if callable(custom) else None
    settings = {k: getattr(mlp, k) for k in (*_SHARED, "l1", *_OWN) if hasattr(mlp, k)}
    loss = mlp._core_loss() if isinstance(mlp, BaseMLP) else CANONICAL[mlp.out_activation_]
    if isinstance(settings.get("quantile"), tuple | list):
        settings["quantile"] = tuple(settings["quantile"])
        if loss != "quantile":  # another loss does not look at it
            del settings["quantile"]
    net = Net(
        *trained_weights(mlp),
        # a function looks at raw outputs
        out_activation=mlp.out_activation_ if custom is None else "identity",
        loss=loss if custom is None else "squared_error",
        feature_names=feature_names,
        output_names=output_names,
        **settings,
    )
    # lbfgs is no update rule that a net by hand could have
    decay = decay_of(getattr(mlp, "weight_decay", None), mlp.solver)
    net.__dict__.update(solver=mlp.solver, weight_decay=decay, dtype=_training_dtype(mlp))
    net.__dict__.update(model=mlp, source=model, member=member, custom=custom)
    if custom is not None:
        net.__dict__.update(loss="given")
    elif isinstance(mlp, BaseMLP):
        net.__dict__.update(groups=mlp._blocks())
    return net


def _inner(found: Wrapped) -> tuple[Any, Any, Any]:
    inner, name = found.inner, type(found.inner).__name__
    if isinstance(inner, BaseMLP | theirs.MLPClassifier | theirs.MLPRegressor):
        return inner, found.feature_names(), None
    if found.steps:
        raise TypeError(
            f"The last step of the pipeline must be an MLPClassifier or MLPRegressor, got {name}."
        )
    if isinstance(inner, type):
        name = f"the class {inner.__name__}"
    raise TypeError(
        "A fitted MLPClassifier or MLPRegressor of chainfit or scikit-learn is needed, alone or in "
        "a Pipeline, a search or a TransformedTargetRegressor, or a TabularClassifier, "
        f"TabularRegressor or Net of chainfit; got {name}."
    )


def _plain(x: Any) -> Any:
    return tuple(map(float, x)) if isinstance(x, tuple | list) else float(x)


def _training_dtype(mlp: Any) -> np.dtype[Any]:
    """Dtype that the next step would compute in (scikit-learn's follows X; its weights' here)."""
    precision = getattr(mlp, "precision", "auto")
    if precision != "auto":
        return np.dtype(precision)
    if isinstance(mlp, BaseMLP) and mlp.solver == "lbfgs":
        return np.dtype(np.float64)
    return np.dtype(np.float32 if mlp.coefs_[0].dtype == np.float32 else np.float64)


def _names(what: str, given: Iterable[str] | None, letter: str, n: int) -> tuple[str, ...]:
    """Return n names, by default the letter with an index from 1."""
    if given is None:
        return tuple(f"{letter}_{i + 1}" for i in range(n))
    names = tuple(str(name) for name in given)
    if len(names) != n:
        raise ValueError(f"{what} must hold {n} names, got {len(names)}.")
    return names
