"""Scores of a model on rows held out, each beside that of the trivial prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from .say import counted


def report(
    model: Any, target: Any, seen: np.ndarray, tested: Any, y: np.ndarray | None
) -> list[str]:
    """Return the lines.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
    target : Target
    seen, y : ndarray of shape (rows,)
        Of the training rows and of those held out: the classes' places in `target`, or numbers.
    tested : pyarrow.Table
        The rows held out; with None, for y too, there are none.
    """
    if y is None:
        return ["no rows held out, so no score"]
    head = f"on {len(y):,} rows held out:"
    if target.task == "regression":
        predicted = model.predict(tested)
        mae = np.abs(y - predicted).mean()
        base_mae = np.abs(y - np.median(seen)).mean()
        base_r2 = _r2(y, np.full(len(y), seen.mean())).round(4) + 0  # no -0.0000
        return [
            f"{head} R2 {_r2(y, predicted):.4f} (always the mean: {base_r2:.4f})",
            f"{head} MAE {mae:.6g} (always the median: {base_mae:.6g})",
        ]
    probabilities = model.predict_proba(tested)
    # of the classes that training had, their places in `target`
    places = np.unique(seen)
    shares = np.bincount(seen)[places] / len(seen)
    accuracy = np.mean(places[probabilities.argmax(axis=1)] == y)
    base = np.mean(y == places[shares.argmax()])
    lines = [f"{head} accuracy {accuracy:.4f} (always the most frequent class: {base:.4f})"]
    known = np.isin(y, places)
    if not known.all():
        rows = counted(int(np.count_nonzero(~known)), "row")
        return [*lines, f"no log loss: {rows} of a class that no row of the training has"]
    at = np.searchsorted(places, y)
    loss = _log_loss(probabilities, at)
    base_loss = _log_loss(np.tile(shares, (len(y), 1)), at)
    lines.append(f"{head} log loss {loss:.4f} (always the classes' shares: {base_loss:.4f})")
    return lines


def _r2(y: np.ndarray, predicted: np.ndarray) -> np.float64:
    spread = np.square(y - y.mean()).sum()
    return 1.0 - np.square(y - predicted).sum() / spread if spread else np.float64("nan")


def _log_loss(probabilities: np.ndarray, places: np.ndarray) -> float:
    of_truth = probabilities[np.arange(len(places)), places]
    return float(-np.log(np.maximum(of_truth, np.finfo(np.float64).eps)).mean())
