"""What is claimed of the presets, beside what was measured. To add a claim: a line in CLAIMS."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .figures import Results, markdown, overall
from .methods import METHODS

Figures = dict[str, dict[str, float]]


class Claim(NamedTuple):
    """A figure that must not be above a bound or another method's."""

    text: str
    value: Callable[[Figures], float]
    bound: Callable[[Figures], float]

    def measured(self, figures: Figures) -> str:
        """Return both, and whether it holds; "-" where one was not measured."""
        try:
            value, bound = self.value(figures), self.bound(figures)
        except KeyError:
            return "-"
        if np.isnan([value, bound]).any():
            return "-"
        holds = "holds" if value <= bound else "missed"
        return f"{value:.3g}, bound {bound:.3g}: {holds}"


def _ahead(figure: str, words: str) -> list[Claim]:
    """Return the claims that `good` has no worse mean rank than each method of others."""

    def rank_of(method: str) -> Callable[[Figures], float]:
        return lambda figures: figures[method][figure]

    return [
        Claim(
            f"rank of good by {words}, at most {METHODS[rival].title}'s",
            rank_of("good"),
            rank_of(rival),
        )
        for rival in ("hgb", "lightgbm", "realmlp")
    ]


def _ratio(name: str, figure: str, bound: float, words: str, to: str = "") -> Claim:
    def value(figures: Figures) -> float:
        return figures[name][figure] / (figures[to][figure] if to else 1)

    return Claim(words, value, lambda figures: bound)


CLAIMS = (
    *_ahead("score rank", "error or RMSE"),
    *_ahead("log loss rank", "log loss"),
    _ratio("good", "cpu", 1 / 15, "CPU seconds of good / RealMLP's", "realmlp"),
    _ratio("fast", "score ratio", 1.05, "error or RMSE of fast / RealMLP's", "realmlp"),
    _ratio("fast", "log loss ratio", 1.05, "log loss of fast / RealMLP's", "realmlp"),
    _ratio("fast", "cpu", 1 / 50, "CPU seconds of fast / RealMLP's", "realmlp"),
    _ratio("best", "score ratio", 0.75, "error or RMSE of best / the plain net's"),
    _ratio("best", "log loss ratio", 0.71, "log loss of best / the plain net's"),
)


def claims_table(parts: dict[str, Results]) -> str:
    """Return CLAIMS over each of these sets of results as Markdown.

    Only a method that has all of the tables is compared.
    """
    figures = {
        title: {m: line for m, line in overall(part).items() if line["tables"] == len(part.tables)}
        for title, part in parts.items()
    }
    rows = [[claim.text, *map(claim.measured, figures.values())] for claim in CLAIMS]
    return markdown(["", *figures], rows)
