"""A chain as plain numbers, texts, lists and dicts: what `to_json` writes."""

from __future__ import annotations

import json
from typing import Any

from .chain import ChainNumbers
from .parts import Factor, Path, RowChain


def chain_dict(chain: ChainNumbers) -> dict[str, Any]:
    """Return all that a chain holds; layers, units and rows count from 0."""
    net, update = chain.trace.net, chain.update
    layer, source, target = chain.address
    settings = ("units", "activation", "out_activation", "loss", "alpha")
    names = ("feature_names", "output_names")
    check = vars(chain.verification).items()
    return {
        "weight": chain.symbol,
        "notation": chain.notation.key,
        "stored": chain.stored,
        "layer": layer,
        "from": source,
        "to": target,
        "weight_value": chain.weight,
        "value": chain.value,
        "J": chain.trace.J,
        "net": {name: plain(getattr(net, name)) for name in (*settings, *names)},
        "l2_term": chain.l2_term,
        "remainder": chain.remainder,
        "rows": [_row(chain.row(row)) for row in range(chain.n_rows)],
        "update": None if update is None else {name: plain(x) for name, x in update.items()},
        "verification": {name.replace("stored", "numpy"): value for name, value in check},
    }


def chain_json(chain: ChainNumbers, settings: dict[str, Any]) -> str:
    """Return the same as JSON, with what has no sign of its own escaped."""
    text = json.dumps(chain_dict(chain), **{"ensure_ascii": False, "allow_nan": False, **settings})
    return "".join(
        c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1]  # those of the indent
        for c in text
    )


def plain(x: Any) -> Any:
    """Return a NumPy number as Python's, a tuple as a list."""
    if isinstance(x, tuple):
        return list(x)
    return x.item() if hasattr(x, "item") else x


def _row(row: RowChain) -> dict[str, Any]:
    return {
        "row": row.row,
        "share": row.share,
        "term": row.term,
        "n_paths": row.n_paths,
        "n_open_paths": row.n_alive,
        "factors": _factors(row.factors),
        "paths": [_path(path) for path in row.paths],
        "remainder": row.remainder,
        "blocks": [dict(vars(block)) for block in row.blocks],
    }


def _path(path: Path) -> dict[str, Any]:
    return {
        "nodes": [list(node) for node in path.nodes],
        "factors": _factors(path.factors),
        "product": path.product,
        "blocks": [dict(vars(block)) for block in path.blocks],
    }


def _factors(factors: tuple[Factor, ...]) -> list[dict[str, Any]]:
    return [factor.to_dict() for factor in factors]
