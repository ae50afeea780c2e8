"""A chain as plain numbers, texts, lists and dicts: what `to_json` writes."""

from __future__ import annotations

import json
from typing import Any

from .chain import ChainNumbers
from .parts import BlockedUnit, Path, RowChain


def chain_dict(chain: ChainNumbers) -> dict[str, Any]:
    """Return all that a chain holds; layers, units and rows count from 0."""
    net, address = chain.trace.net, chain.address
    check = chain.verification
    update = chain.update
    return {
        "weight": chain.symbol,
        "notation": chain.notation.key,
        "stored": chain.stored,
        "layer": address.layer,
        "from": address.source,
        "to": address.target,
        "weight_value": chain.weight,
        "value": chain.value,
        "J": chain.trace.J,
        "net": {
            "units": list(net.units),
            "activation": net.activation,
            "out_activation": net.out_activation,
            "loss": net.loss,
            "alpha": net.alpha,
            "feature_names": list(net.feature_names),
            "output_names": list(net.output_names),
        },
        "l2_term": chain.l2_term,
        "remainder": chain.remainder,
        "rows": [_row(chain.row(row)) for row in range(chain.n_rows)],
        "update": None if update is None else {name: plain(x) for name, x in update.items()},
        "verification": {
            "chain": check.chain,
            "numpy": check.stored,
            "numpy_tolerance": check.stored_tolerance,
            "kernel": check.kernel,
            "kernel_tolerance": check.kernel_tolerance,
            "kernel_note": check.kernel_note,
            "difference": check.difference,
            "difference_tolerance": check.difference_tolerance,
            "difference_note": check.difference_note,
        },
    }


def chain_json(chain: ChainNumbers, settings: dict[str, Any]) -> str:
    """Return the same as JSON, with what has no sign of its own escaped."""
    text = json.dumps(chain_dict(chain), **{"ensure_ascii": False, "allow_nan": False, **settings})
    return "".join(
        c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1]  # those of the indent
        for c in text
    )


def plain(x: Any) -> Any:
    """Return a NumPy number as Python's."""
    return x.item() if hasattr(x, "item") else x


def _row(row: RowChain) -> dict[str, Any]:
    return {
        "row": row.row,
        "share": row.share,
        "term": row.term,
        "n_paths": row.n_paths,
        "n_open_paths": row.n_alive,
        "factors": [factor.to_dict() for factor in row.factors],
        "paths": [_path(path) for path in row.paths],
        "remainder": row.remainder,
        "blocks": [_block(block) for block in row.blocks],
    }


def _path(path: Path) -> dict[str, Any]:
    return {
        "nodes": [list(node) for node in path.nodes],
        "factors": [factor.to_dict() for factor in path.factors],
        "product": path.product,
        "blocks": [_block(block) for block in path.blocks],
    }


def _block(block: BlockedUnit) -> dict[str, Any]:
    return {
        "layer": block.layer,
        "unit": block.unit,
        "reason": block.reason,
        "slope": block.slope,
    }
