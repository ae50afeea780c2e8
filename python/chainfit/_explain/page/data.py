"""What the page of `explore` holds, as JSON: a net, its rows and epochs, its rules and notations.

The page computes all numbers of a step from them in float64, as `chainfit.trace` does. Weights and
rows travel as base64 of their bytes, so that they arrive bit for bit.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._common.printable import printable
from ..._estimators.rules import optimizer_name
from .. import outputs, rules, schedule_rules, step_rules
from ..address import SYNTAXES, Syntax, syntax_of
from ..batch import as_batch
from ..formula import as_data
from ..history import History
from ..net import Net, as_net
from ..next_step import AVERAGED, DROPPED, NO_RULE, dropout_of, numbers_of_state, optimizer_state
from ..notation import NOTATIONS, Notation, Symbol, get_notation
from ..trace import trace_numbers
from ..update import settings_of

Array = npt.NDArray[Any]

#: Indices of ``coefs_[1][1, 0]`` as 1, 1, 0.
COUNTED_FROM_0 = (syntax_of("{l},{i},{j}"), syntax_of("({l},{i},{j})"))

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
    if net.custom is not None:
        raise ValueError(
            "The page calculates in the browser, where a loss that is a function of Python can't "
            "be called: explain and trace show such a net."
        )
    batch = as_batch(model, X, y, sample_weight)
    given = len(batch.X)
    rows = _rows_kept(net, given, max_rows)
    X, Y = batch.X[:rows], batch.Y[:rows]
    w = None if batch.sample_weight is None else batch.sample_weight[:rows]
    if w is not None and not w.sum() > 0:
        raise ValueError(
            f"sample_weight must not be 0 for every row; the page has the first {rows} of {given} "
            "rows, and theirs are."
        )
    notes = [] if net.member is None else net.member.words()
    if rows < given:
        notes.append(
            f"The page has the first {rows:,} of {given:,} rows; “all” means these, as one batch."
        )
    if _settings(net).get(step_rules.SHARE.key):
        notes.append(AVERAGED)
    epochs = _epochs(net, history)
    masks = {name: _masks(net, n) for name, n in (("one", 1), ("all", rows))}
    in_masks = sum(len(mask["kept"]) for mask in masks["all"] or () if mask) * 3 / 4 / 8
    kept = _epochs_kept(epochs, X.size + Y.size + in_masks, max_mb)
    if len(kept) < len(epochs):
        notes.append(f"The page has {len(kept):,} of {len(epochs):,} epochs, spread evenly.")
    dtype = _stored_dtype([net for _, net in kept])
    weights = None if w is None else w.tolist()
    is_class = hasattr(net.model, "classes_")  # a class called 1 needs a word more
    names = map(printable, net.output_names)
    partners = outputs.partners(net)
    notes += filter(None, [outputs.remark(net)])
    if masks["one"]:
        notes.append(DROPPED + (" Earlier epochs are shown whole." if len(kept) > 1 else ""))
    data = {
        "units": net.units,
        "groups": net.groups or [net.units[-1]],
        "others": [
            {"key": v.key, "name": v.name.unicode, "values": x.tolist()}
            for v, x in outputs.constants(net).items()
        ],
        "partners": None if partners is None else partners.tolist(),
        "masks": masks if masks["one"] else None,
        "canonical": net.canonical,
        "penalties": _penalties(net),
        **rules_data(net),
        "features": [printable(name) for name in net.feature_names],
        "outputs": [f"class {name}" if is_class else name for name in names],
        "notation": notation,
        "notations": {key: _notation(names) for key, names in NOTATIONS.items()},
        "addresses": [_address(syntax) for syntax in (*SYNTAXES, *COUNTED_FROM_0)],
        "dtype": dtype.name,
        "epochs": [_epoch(label, at, dtype, X, Y, w) for label, at in kept],
        "rows": {"n": rows, "of": given, "X": _base64([X]), "Y": _base64([Y]), "weights": weights},
    }
    return data, notes


def rules_data(net: Net) -> dict[str, Any]:
    """Return the rules of the net's layers, loss and solver, trees among them as `as_data` does."""
    loss = rules.loss_of(net)
    trees = {key: as_data(getattr(loss, key)) for key in ("term", "scale", "slope", "of_sum")}
    of_row = loss.of_row("i" if net.units[-1] > 1 else "", rules.Y, rules.A)
    clipped = loss.of_sum is not None
    return {
        "layers": [_activation(net.layer_activation(l)) for l in range(1, len(net.units))],
        "loss": {"name": net.loss, "is_clipped": clipped, "row": as_data(of_row), **trees},
        "solver": _solver(net),
    }


def _masks(net: Net, rows: int) -> list[dict[str, Any] | None] | None:
    """Return what the next step on so many rows leaves out, layer by layer."""
    found = dropout_of(net.model, rows)
    if found is None:
        return None
    return [
        None if mask is None else {"kept": _base64([mask > 0], np.float32), "scale": 1 / (1 - rate)}
        for mask, rate in zip(found.masks, found.rates, strict=True)
    ]


def _penalties(net: Net) -> list[dict[str, Any]]:
    return [
        {
            "words": rule.words,
            "symbol": {"base": "α" if key == "alpha" else key},
            "strength": getattr(net, key),
            "divisor": rule.divisor,
            "term": as_data(rule.term),
            "slope": as_data(rule.slope),
        }
        for key, rule in rules.penalties_of(net).items()
    ]


def _activation(name: str) -> dict[str, Any]:
    rule = rules.ACTIVATIONS[name]
    return {
        "name": name,
        "shown": as_data(rule.value),
        "value": as_data(rule.stable or rule.value),
        "slope": as_data(rule.slope),
        "idle_below": rules.SATURATED * (rule.steepest or 0),
        "cuts": rule.cuts,
    }


def _solver(net: Net) -> dict[str, Any]:
    """Return the update as trees; `why` says what the page shows where it can't be made."""
    if net.solver == "lbfgs":
        return {"words": "L-BFGS", "why": NO_RULE, "memory": [], "lines": []}
    rule = optimizer_name(net.solver, net.momentum, net.nesterovs_momentum)
    update = step_rules.update_of(rule, _settings(net))
    variables = (*update.constants, *update.memory, *(v for v, _ in update.lines))
    return {
        "words": update.words,
        "why": f"What {update.words} remembered at this epoch was not kept.",
        "names": {v.key: v.name.unicode for v in variables},
        "note": schedule_rules.words_of(_update(net) or {}),
        "memory": [v.key for v in update.memory],
        # 0 for a bias
        "of_weights": [v.key for v in update.constants if v == step_rules.DECAY],
        "needs_norm": step_rules.NORM in update.constants,
        "lines": [(v.key, as_data(tree)) for v, tree in update.lines],
    }


def _notation(notation: Notation) -> dict[str, Any]:
    """Return a notation; its templates are in their parts."""
    data = dict(vars(notation), loss=notation.loss.ascii)
    del data["how_to_read"]
    for key, value in data.items():
        if key.endswith("_") and key != "layer_":
            data[key] = Symbol.of(value)._asdict() if value else None
    return data


def _address(syntax: Syntax) -> tuple[str, dict[str, int]]:
    """Return a pattern with a named group for each index, and what they count from."""
    pattern = syntax.pattern
    for places in syntax.groups:
        digits = r"\d+" if len(places) == 1 else r"[1-9]\d*"
        named = ",".join(f"(?<{letter}>{digits})" for letter, _ in places)
        before, _, after = re.split(r"(\(\[?\\d[^)]*\))", pattern, maxsplit=1)
        pattern = before + named + after
    return pattern, dict(place for places in syntax.groups for place in places)


def to_script(data: dict[str, Any]) -> str:
    """Return the data as JSON that is safe inside a <script>: nothing in it can end the element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


# --- what is kept --------------------------------------------------------------------------------


def _rows_kept(net: Net, given: int, max_rows: int) -> int:
    return min(given, max_rows, max(1, MOST_WORK // _n_parameters(net)))


def _n_parameters(net: Net) -> int:
    return sum(p.size for p in _arrays(net.coefs, net.intercepts))


def _epochs(net: Net, history: Any) -> list[tuple[str, Net]]:
    """Return (label, net) for each epoch, the model itself last."""
    own = "as fitted" if net.model is not None else "as given"
    nets = [] if history is None else [as_net(at) for at in history]
    labels = [f"net {n + 1}" for n in range(len(nets))]
    if isinstance(history, History):
        labels = [f"epoch {n}" for n in history.epochs]
    for label, at in zip(labels, nets, strict=True):
        for name in ("units", "activation", "out_activation", "loss"):
            ours, theirs = getattr(net, name), getattr(at, name)
            if ours != theirs:
                raise ValueError(
                    f"history holds another kind of net: {name} of {label!r} is {theirs!r}, that "
                    f"of the model {ours!r}."
                )
    if nets and _same_weights(nets[-1], net):
        del nets[-1]  # the model itself also has its optimizer's memory
        own = labels.pop()
    return [*zip(labels, nets, strict=True), (own, net)]


def _same_weights(a: Net, b: Net) -> bool:
    pairs = zip(_arrays(a.coefs, a.intercepts), _arrays(b.coefs, b.intercepts), strict=True)
    return all(np.array_equal(p, q) for p, q in pairs)


def _epochs_kept(
    epochs: list[tuple[str, Net]], row_numbers: float, max_mb: float
) -> list[tuple[str, Net]]:
    """Return so many epochs, first and last among them, as fit into the file."""
    net = epochs[-1][1]
    in_base64 = 4 / 3 / 1e6
    weights = _n_parameters(net) * _stored_dtype([net]).itemsize * in_base64
    rest = len(_memory(net)) * weights + row_numbers * 8 * in_base64
    room = int((max_mb - rest) / weights)
    if room < 1:
        raise ValueError(
            f"the page would have {weights + rest:.1f} MB, and max_mb is {max_mb:g}: the net has "
            f"too many weights, or the rows too many features; raise max_mb or lower max_rows."
        )
    if room >= len(epochs):
        return epochs
    chosen = np.unique(np.linspace(len(epochs) - 1, 0, room).round().astype(int))
    return [epochs[i] for i in chosen]


# --- numbers as text -----------------------------------------------------------------------------


def _stored_dtype(nets: Sequence[Net]) -> np.dtype[Any]:
    """Float32 where that loses nothing: weights of a float32 model."""
    arrays = (p for net in nets for p in _arrays(net.coefs, net.intercepts))
    is_float32 = all(np.array_equal(p, p.astype(np.float32)) for p in arrays)
    return np.dtype(np.float32 if is_float32 else np.float64)


def _arrays(coefs: Sequence[Array], intercepts: Sequence[Array]) -> list[Array]:
    """b[0], W[0], b[1], W[1], ..."""
    return [p for pair in zip(intercepts, coefs, strict=True) for p in pair]


def _base64(arrays: Sequence[Array], dtype: Any = np.float64) -> str:
    little = np.dtype(dtype).newbyteorder("<")
    raw = b"".join(np.ascontiguousarray(a, dtype=little).tobytes() for a in arrays)
    return base64.b64encode(raw).decode("ascii")


def _epoch(
    label: str, net: Net, dtype: np.dtype[Any], X: Array, Y: Array, w: Array | None
) -> dict[str, Any]:
    numbers = trace_numbers(net, X, Y, w)
    gradients = [float(np.sqrt(np.mean(np.square(g)))) for g in numbers.dW]
    return {
        "label": label,
        "J": _finite(numbers.J),
        "gradients": [_finite(g) for g in gradients],
        "parameters": _base64(_arrays(net.coefs, net.intercepts), dtype),
        "update": _update(net),
        "slots": [_base64(_arrays(*slot), dtype) for slot in _memory(net)],
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
        return {"rule": rule, **step_rules.numbers_of_rule(rule, 1, _settings(net))}
    state = optimizer_state(net.model)
    settings = state["settings"]
    if not hasattr(net.model, "_optimizer") and (
        state["name"] != "sgd"
        or settings["learning_rate"] != "constant"
        or step_rules.SHARE.key in settings
        or "schedule" in settings
    ):
        return None  # a net of an epoch gone by: its optimizer has moved on
    return {"rule": state["name"], **numbers_of_state(state)}


def _memory(net: Net) -> list[Any]:
    """Return the optimizer's slots, pairs as (coefs, intercepts); none before the first step."""
    if net.solver == "lbfgs" or net.model is None or not hasattr(net.model, "_optimizer"):
        return []
    state = optimizer_state(net.model)
    averages = step_rules.SHARE.key in state["settings"]
    return [*state["slots"], (net.model.coefs_, net.model.intercepts_)][: None if averages else -1]


def _settings(net: Net) -> dict[str, Any]:
    """Return the settings of the rule of a net's next step."""
    if net.model is None or net.solver == "lbfgs":
        return settings_of(net)
    return dict(optimizer_state(net.model)["settings"])
