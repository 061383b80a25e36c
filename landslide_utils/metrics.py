"""How good a map of probabilities is: precision, recall, and the area under their curve, always beside chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from landslide_utils.chips import part_mask


class Curve(NamedTuple):
    """A precision-recall curve from recall 0 to 1, and what chance would score."""

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    auprc: float
    prevalence: float


def pixels(
    score: xr.DataArray, landslides: xr.DataArray, mask: xr.DataArray
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return labels and scores (n,) of the pixels under a mask that have a score."""
    chosen = mask.values & np.isfinite(score.values)
    return landslides.values[chosen], score.values[chosen]


def auprc(labels: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return the area under the precision-recall curve as average precision, 0 to 1; NaN without a landslide.

    A score that knows nothing gets the prevalence. So compare values only where the prevalence is the same (Saito & Rehmsmeier 2015).
    """
    return float(average_precision_score(labels, scores)) if labels.any() else float("nan")


def curve(labels: NDArray[np.bool_], scores: NDArray[np.float32], points: int = 1000) -> Curve:
    """Return the precision-recall curve, thinned to about `points` for drawing; the area is that of the whole curve."""
    precision, recall, _ = precision_recall_curve(labels, scores, drop_intermediate=True)
    recall, precision = recall[::-1], precision[::-1]
    keep = np.unique(np.searchsorted(recall, np.linspace(0, 1, points)).clip(0, len(recall) - 1))
    return Curve(recall[keep], precision[keep], auprc(labels, scores), float(labels.mean()))


def score_map(
    score: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, part: str = "test"
) -> dict[str, float]:
    """Score a map on a part's chips: on all of them, and on those that hold a landslide, as the poster did.

    Returns
    -------
    dict
        ``auprc`` and ``prevalence``; ``auprc_landslide_chips`` and ``prevalence_landslide_chips``.
    """
    out = {}
    for suffix, only in (("", False), ("_landslide_chips", True)):
        labels, scores = pixels(score, landslides, part_mask(chips, part, landslides, only_landslides=only))
        out[f"auprc{suffix}"] = auprc(labels, scores)
        out[f"prevalence{suffix}"] = float(labels.mean())
    return out
