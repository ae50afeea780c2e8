"""What the page of `explore` holds, as JSON: a net, its rows and epochs, its rules and notations.

The page computes all numbers of a step from them in float64, as `chainfit.trace` does. Weights and
rows travel as base64 of their bytes, so that they arrive bit for bit.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._common.printable import printable
from ..._estimators.rules import optimizer_name
from .. import rules
from ..address import SYNTAXES
from ..batch import as_batch
from ..formula import as_data
from ..history import History
from ..net import Net, as_net
from ..notation import NOTATIONS, Notation, Symbol, get_notation
from ..trace import trace_numbers
from ..update import _optimizer_state, numbers_of_state

Array = npt.NDArray[Any]

#: Weights times rows of which a page still draws all rows as one batch without a noticeable wait.
MOST_WORK = 20_000_000


def page_data(
    model: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any,
    notation: str,
    history: Any,
    max_rows: int,
    max_mb: float,
) -> tuple[dict[str, Any], list[str]]:
    """Return the data, and notes on what of it was left out; parameters are those of `explore`."""
    get_notation(notation)
    net = as_net(model)
    batch = as_batch(model, X, y, sample_weight)
    given = len(batch.X)
    rows = _rows_kept(net, given, max_rows)
    X, Y = batch.X[:rows], batch.Y[:rows]
    w = None if batch.sample_weight is None else batch.sample_weight[:rows]
    if w is not None and not w.sum() > 0:
        raise ValueError(
            f"sample_weight must not be 0 for every row; of {given} rows the page has the first "
            f"{rows}, and theirs are."
        )
    notes = []
    if rows < given:
        notes.append(
            f"Of {given:,} rows the page has the first {rows:,}; “all” means these, as one batch."
        )
    epochs = _epochs(net, history)
    kept = _epochs_kept(epochs, _megabytes(net, X, Y), max_mb)
    if len(kept) < len(epochs):
        notes.append(f"Of {len(epochs):,} epochs the page has {len(kept):,}, spread evenly.")
    dtype = _stored_dtype([net for _, net in kept])
    data = {
        "units": net.units,
        "n_parameters": _n_parameters(net),
        "canonical": net.canonical,
        "alpha": net.alpha,
        **rules_data(net),
        "features": [printable(name) for name in net.feature_names],
        "outputs": _output_names(net),
        "notation": notation,
        "notations": {key: _notation(names) for key, names in NOTATIONS.items()},
        "addresses": SYNTAXES,
        "dtype": dtype.name,
        "epochs": [_epoch(label, at, dtype, X, Y, w) for label, at in kept],
        "rows": {
            "n": rows,
            "of": given,
            "X": _base64(X),
            "Y": _base64(Y),
            "weights": None if w is None else w.tolist(),
        },
    }
    return data, notes


def rules_data(net: Net) -> dict[str, Any]:
    """Return the rules of the net's layers, loss and solver, trees among them as `as_data` does."""
    names = [net.layer_activation(l) for l in range(1, len(net.units))]
    loss = rules.loss_of(net)
    solver = None
    if net.solver != "lbfgs":
        rule = optimizer_name(net.solver, net.momentum, net.nesterovs_momentum)
        update = rules.update_of(rule, net.weight_decay)
        variables = (*update.constants, *update.memory, *(v for v, _ in update.lines))
        solver = {
            "words": update.words,
            "names": {v.key: v.name.unicode for v in variables},
            "memory": [v.key for v in update.memory],
            "of_weights": [rules.DECAY.key],  # 0 for a bias
            "lines": [(v.key, as_data(tree)) for v, tree in update.lines],
        }
    return {
        "layers": names,
        "activations": {name: _activation(rules.ACTIVATIONS[name]) for name in names},
        "loss": {
            "name": net.loss,
            "is_clipped": loss.of_sum is not None,
            **{key: as_data(getattr(loss, key)) for key in ("term", "scale", "slope", "of_sum")},
        },
        "solver": solver,
    }


def _activation(rule: rules.Activation) -> dict[str, Any]:
    return {
        "shown": as_data(rule.value),
        "value": as_data(rule.stable or rule.value),
        "slope": as_data(rule.slope),
        "idle_below": rules.SATURATED * (rule.steepest or 0),
        "cuts": rule.cuts,
    }


def _notation(notation: Notation) -> dict[str, Any]:
    """Return a notation; its templates are in their parts."""
    data = dict(vars(notation), loss=notation.loss.ascii)
    del data["how_to_read"]
    for key, value in data.items():
        if key.endswith("_") and key != "layer_":
            data[key] = Symbol.of(value)._asdict() if value else None
    return data


def to_script(data: dict[str, Any]) -> str:
    """Return the data as JSON that is safe inside a <script>: nothing in it can end the element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _output_names(net: Net) -> list[str]:
    """Names of the outputs; a class called 1 needs a word more."""
    is_class = hasattr(net.model, "classes_")
    names = map(printable, net.output_names)
    return [f"class {name}" if is_class else name for name in names]


# --- what is kept --------------------------------------------------------------------------------


def _n_parameters(net: Net) -> int:
    return sum(p.size for p in (*net.coefs, *net.intercepts))


def _rows_kept(net: Net, given: int, max_rows: int) -> int:
    return min(given, max_rows, max(1, MOST_WORK // _n_parameters(net)))


def _megabytes(net: Net, X: Array, Y: Array) -> tuple[float, float]:
    """Size in the page of one epoch's weights, and of all else that is large."""
    dtype = _stored_dtype([net])
    base64_mb = 4 / 3 / 1e6
    weights = _n_parameters(net) * dtype.itemsize * base64_mb
    memory = len(_memory(net)) * weights
    return weights, memory + (X.nbytes + Y.nbytes) * base64_mb


def _epochs(net: Net, history: Any) -> list[tuple[str, Net]]:
    """Return (label, net) for each epoch, the model itself last."""
    if history is None:
        return [("as fitted" if net.model is not None else "as given", net)]
    if isinstance(history, History):
        labelled = [(f"epoch {n}", at) for n, at in zip(history.epochs, history, strict=True)]
    else:
        labelled = [(f"net {n + 1}", as_net(at)) for n, at in enumerate(history)]
    for label, at in labelled:
        for name in ("units", "activation", "out_activation", "loss"):
            ours, theirs = getattr(net, name), getattr(at, name)
            if ours != theirs:
                raise ValueError(
                    f"history holds another kind of net: {name} of {label!r} is {theirs!r}, that "
                    f"of the model {ours!r}."
                )
    if labelled and _same_weights(labelled[-1][1], net):
        labelled[-1] = (labelled[-1][0], net)  # the model itself also has its optimizer's memory
    else:
        labelled.append(("as fitted" if net.model is not None else "as given", net))
    return labelled


def _same_weights(a: Net, b: Net) -> bool:
    pairs = zip((*a.coefs, *a.intercepts), (*b.coefs, *b.intercepts), strict=True)
    return all(np.array_equal(p, q) for p, q in pairs)


def _epochs_kept(
    epochs: Sequence[tuple[str, Net]], sizes: tuple[float, float], max_mb: float
) -> list[tuple[str, Net]]:
    """Return so many epochs, first and last among them, as fit into the file."""
    weights, rest = sizes
    room = int((max_mb - rest) / weights)
    if room < 1:
        raise ValueError(
            f"the page would have {weights + rest:.1f} MB, and max_mb is {max_mb:g}: the net has "
            f"too many weights, or the rows too many features; raise max_mb or lower max_rows."
        )
    if room >= len(epochs):
        return list(epochs)
    chosen = np.unique(np.linspace(len(epochs) - 1, 0, room).round().astype(int))
    return [epochs[i] for i in chosen]


# --- numbers as text -----------------------------------------------------------------------------


def _stored_dtype(nets: Sequence[Net]) -> np.dtype[Any]:
    """Float32 where that loses nothing: weights of a float32 model."""
    for net in nets:
        for p in (*net.coefs, *net.intercepts):
            if not np.array_equal(p, p.astype(np.float32)):
                return np.dtype(np.float64)
    return np.dtype(np.float32)


def _base64(*arrays: Array, dtype: Any = np.float64) -> str:
    little = np.dtype(dtype).newbyteorder("<")
    raw = b"".join(np.ascontiguousarray(a, dtype=little).tobytes() for a in arrays)
    return base64.b64encode(raw).decode("ascii")


def _interleaved(coefs: Sequence[Array], intercepts: Sequence[Array]) -> list[Array]:
    """W[0], b[0], W[1], b[1], ..."""
    return [p for pair in zip(coefs, intercepts, strict=True) for p in pair]


def _epoch(
    label: str, net: Net, dtype: np.dtype[Any], X: Array, Y: Array, w: Array | None
) -> dict[str, Any]:
    numbers = trace_numbers(net, X, Y, w)
    gradients = [float(np.sqrt(np.mean(np.square(g)))) for g in numbers.dW]
    return {
        "label": label,
        "J": _finite(numbers.J),
        "gradients": [_finite(g) for g in gradients],
        "parameters": _base64(*_interleaved(net.coefs, net.intercepts), dtype=dtype),
        "update": _update(net),
        "slots": [_base64(*_interleaved(*slot), dtype=dtype) for slot in _memory(net)],
    }


def _finite(value: float) -> float | None:
    """JSON has no infinities."""
    return value if math.isfinite(value) else None


def _update(net: Net) -> dict[str, Any] | None:
    """Return the settings of the next step; None where they are not known, or no rule exists."""
    if net.solver == "lbfgs":
        return None
    if net.model is None:
        rule = optimizer_name(net.solver, net.momentum, net.nesterovs_momentum)
        return {"rule": rule, **rules.numbers_of_rule(rule, 1, lambda name: getattr(net, name))}
    state = _optimizer_state(net.model)
    settings = state["settings"]
    if not hasattr(net.model, "_optimizer") and not (
        state["name"] == "sgd" and settings["learning_rate"] == "constant"
    ):
        return None  # a net of an epoch gone by: its optimizer has moved on
    return {"rule": state["name"], **numbers_of_state(state)}


def _memory(net: Net) -> list[Any]:
    """Return the optimizer's slots, pairs as (coefs, intercepts); none before the first step."""
    if net.solver == "lbfgs" or net.model is None or not hasattr(net.model, "_optimizer"):
        return []
    return list(_optimizer_state(net.model)["slots"])
