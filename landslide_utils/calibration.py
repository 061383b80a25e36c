"""How far probabilities are from the share of landslides, and a correction of them by temperature and shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import optimize, special

BINS = 15
_TINY = 1e-6


def reliability(labels: NDArray[np.bool_], probability: NDArray[np.float32], bins: int = BINS) -> pd.DataFrame:
    """Return the mean probability and the share of landslides in bins of equally many pixels.

    If the probabilities are right, the two are equal. Pixels of equal probability are in one bin, so there may be fewer
    bins; else this is scikit-learn's ``calibration_curve(strategy="quantile")``, which does not count the pixels.

    Returns
    -------
    pandas.DataFrame
        ``probability``, ``share``, ``pixels``, one line a bin.
    """
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    table = pd.DataFrame({"probability": probability.astype(np.float64), "share": labels})
    return (
        table.groupby(np.searchsorted(edges, probability, side="right"))
        .agg(probability=("probability", "mean"), share=("share", "mean"), pixels=("share", "size"))
        .reset_index(drop=True)
    )


def expected_calibration_error(labels: NDArray[np.bool_], probability: NDArray[np.float32], bins: int = BINS) -> float:
    """Return the mean distance between probability and share of landslides, weighted by pixels.

    The bins are those of :func:`reliability` (Naeini et al. 2015).
    """
    table = reliability(labels, probability, bins)
    return float(np.average(abs(table["probability"] - table["share"]), weights=table["pixels"]))


@dataclass(frozen=True)
class Calibration:
    """A correction of probabilities: the logit is divided by the temperature, then shifted.

    Attributes
    ----------
    temperature : float
        Above 1 for a network that is too sure of itself.
    shift : float
        Below 0 for a network that was shown more landslides than there are. 0 for temperature scaling proper.

    References
    ----------
    Guo et al. 2017, On calibration of modern neural networks; with a shift: Platt 1999.
    """

    temperature: float
    shift: float = 0.0

    @classmethod
    def fit(cls, labels: NDArray[np.bool_], probability: NDArray[np.float32], *, shift: bool = False) -> Calibration:
        """Return the correction with the least cross-entropy on these pixels: the validation chips', never the test's.

        Parameters
        ----------
        labels, probability : numpy.ndarray (n,)
        shift : bool
            Whether to fit a shift too.

        Raises
        ------
        ValueError
            If the pixels hold no landslide, or nothing else.
        """
        if not labels.any() or labels.all():
            raise ValueError("to calibrate, pixels with and without landslides are needed")
        logits = _logit(probability)

        def cost(parameters: NDArray[np.float64]) -> float:
            scaled = logits * np.exp(-parameters[0]) + (parameters[1] if shift else 0)
            return float(np.mean(np.logaddexp(0, scaled) - labels * scaled))

        bounds = [(-4, 4), (-20, 20)] if shift else [(-4, 4)]
        best = optimize.minimize(cost, np.zeros(len(bounds)), method="L-BFGS-B", bounds=bounds).x
        return cls(float(np.exp(best[0])), float(best[1]) if shift else 0.0)

    def apply(self, probability: xr.DataArray) -> xr.DataArray:
        """Return the corrected probabilities; their order, and so the AUPRC, does not change."""
        logits = _logit(probability.values) / self.temperature + self.shift
        return probability.copy(data=special.expit(logits).astype(np.float32))


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    logits: NDArray[np.float64] = special.logit(np.clip(probability.astype(np.float64), _TINY, 1 - _TINY))
    return logits


def threshold_for(cost_of_a_miss: float, cost_of_a_false_alarm: float) -> float:
    """Return the probability above which reporting a landslide costs less than not reporting it.

    It holds for calibrated probabilities only: report where ``probability * miss > (1 - probability) * false alarm``.
    """
    if not (cost_of_a_miss > 0 and cost_of_a_false_alarm > 0):
        raise ValueError(f"costs must be above 0, not {cost_of_a_miss!r} and {cost_of_a_false_alarm!r}")
    return cost_of_a_false_alarm / (cost_of_a_miss + cost_of_a_false_alarm)
