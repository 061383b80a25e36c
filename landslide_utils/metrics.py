"""Measures of a map of probabilities: precision and recall, the intervals of their area, and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import special

from landslide_utils.chips import SIZE, corners, part_mask

BINS = 400
"""Bins of scores that the bootstrap counts, with equally many landslide pixels each: it sorts no curve twice."""

STEP = 0.002
"""Width of the bins in which a calibration counts logits."""

ROWS = 512  # of a map that are read at a time
DRAWS = 1000
LEVEL = 0.95


class Curve(NamedTuple):
    """A precision-recall curve from recall 0 to 1, and what chance would score."""

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    auprc: float
    prevalence: float


class Interval(NamedTuple):
    """A number and the range that would hold its true value in `LEVEL` of such experiments."""

    value: float
    low: float
    high: float


def pixels(
    score: xr.DataArray, landslides: xr.DataArray, mask: xr.DataArray
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return labels and scores (n,) of the pixels under a mask that have a score."""
    kept = []
    for top in range(0, score.sizes["y"], ROWS):  # a lazy score of a large scene would fill memory
        values, labels, wanted = (layer[top : top + ROWS].values for layer in (score, landslides, mask))
        chosen = wanted & np.isfinite(values)
        kept.append((labels[chosen], values[chosen]))
    labels, scores = map(np.concatenate, zip(*kept, strict=True))
    return labels, scores


class Tally(NamedTuple):
    """How many pixels each threshold reports, (n,) each; a threshold is the score of some landslide pixel, rising."""

    thresholds: NDArray[np.float32]
    hits: NDArray[np.intp]
    false_alarms: NDArray[np.intp]

    @property
    def precision(self) -> NDArray[np.float64]:
        """Return the share of the reported pixels that are landslide."""
        share: NDArray[np.float64] = self.hits / (self.hits + self.false_alarms)
        return share

    @property
    def recall(self) -> NDArray[np.float64]:
        """Return the share of the landslide pixels that are reported."""
        share: NDArray[np.float64] = self.hits / self.hits[:1]
        return share

    @property
    def area(self) -> float:
        """Return the mean precision over the recall that each threshold gains; NaN without a landslide."""
        return float(self.precision @ -np.diff(self.recall, append=0)) if self.hits.size else float("nan")


def tally(labels: NDArray[np.bool_], scores: NDArray[np.float32]) -> Tally:
    """Return what each threshold reports; those between two landslide pixels would only add false alarms.

    Scores are sorted by class and without their places: a tenth of the time and memory of scikit-learn's curve.
    """
    slid = np.asarray(labels, bool)
    found, others = np.sort(scores[slid]), np.sort(scores[~slid])
    thresholds, first = np.unique(found, return_index=True)
    return Tally(thresholds, len(found) - first, len(others) - np.searchsorted(others, thresholds))


def auprc(labels: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return the area under the precision-recall curve as average precision, 0 to 1; NaN without a landslide.

    A score that knows nothing gets the prevalence. So compare values only where the prevalence is the same
    (Saito & Rehmsmeier 2015).
    """
    return tally(labels, scores).area


def curve(labels: NDArray[np.bool_], scores: NDArray[np.float32], points: int = 1000) -> Curve:
    """Return the precision-recall curve, thinned to about `points` for drawing; the area is that of the whole curve."""
    counted = tally(labels, scores)
    recall, precision = np.append(0, counted.recall[::-1]), np.append(1, counted.precision[::-1])
    keep = np.unique(np.searchsorted(recall, np.linspace(0, 1, points)).clip(0, len(recall) - 1))
    return Curve(recall[keep], precision[keep], counted.area, float(labels.mean()))


def score_map(
    score: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, part: str = "test"
) -> dict[str, float]:
    """Return the AUPRC of a map on all chips of a part, and on those that hold a landslide, as in the paper.

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


def precision_at_recall(labels: NDArray[np.bool_], scores: NDArray[np.float32], recall: float) -> float:
    """Return the best precision of all thresholds that find this share of the landslide pixels; NaN without one."""
    if not 0 < recall <= 1:
        raise ValueError(f"{recall!r} is not a share: give a number above 0, at most 1")
    counted = tally(labels, scores)
    return float(counted.precision[counted.recall >= recall].max()) if counted.hits.size else float("nan")


def bootstrap_auprc(
    score: xr.DataArray,
    landslides: xr.DataArray,
    chips: pd.DataFrame,
    *,
    only_landslides: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the AUPRC of random draws of the test chips, with replacement.

    Pixels of a chip share their slopes, so whole chips are drawn, not pixels. Draws of two maps with the same chips and
    seed take the same chips: their differences are paired (:func:`compare`).

    Parameters
    ----------
    score : xarray.DataArray (y, x)
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    only_landslides : bool
        Whether to take only chips that hold a landslide.
    draws, seed : int

    Returns
    -------
    numpy.ndarray (draws,)
        NaN for a draw without a landslide.

    References
    ----------
    Boyd et al. 2013, Area under the precision-recall curve: point estimates and confidence intervals.
    """
    labels, scores = [], []
    truth, values = landslides.values, score.values  # once, for they may be lazy
    for row, col in corners(chips, "test", only_landslides=only_landslides):
        window = (slice(row, row + SIZE), slice(col, col + SIZE))
        chosen = np.isfinite(values[window])
        labels.append(truth[window][chosen])
        scores.append(values[window][chosen])
    of_landslides = np.concatenate(scores)[np.concatenate(labels)]
    quantiles = np.linspace(0, 1, BINS + 1)
    edges = np.unique(np.quantile(of_landslides, quantiles, method="lower")) if of_landslides.size else np.zeros(1)
    # Pixels (chip, bin, label), the bin with the highest scores first.
    bins = len(edges) + 1
    places = (2 * (bins - 1 - np.searchsorted(edges, values, side="right")) for values in scores)
    pairs = zip(places, labels, strict=True)
    counts = np.array([np.bincount(place + label, minlength=2 * bins) for place, label in pairs]).reshape(-1, bins, 2)
    times = np.random.default_rng(seed).multinomial(len(labels), [1 / len(labels)] * len(labels), draws)
    misses, hits = np.moveaxis(np.tensordot(times, counts, axes=1), -1, 0)
    found, reported = hits.cumsum(axis=1), (hits + misses).cumsum(axis=1)
    with np.errstate(invalid="ignore"):
        drawn: NDArray[np.float64] = (hits * found / np.maximum(reported, 1)).sum(axis=1) / found[:, -1]
    return drawn


def interval(value: float, drawn: NDArray[np.float64], chips_with_landslides: int) -> Interval:
    """Return a measured AUPRC with its interval from bootstrap draws.

    Few chips hold landslides, and the range of the draws is then too narrow (three of four intervals hold the truth
    with six chips). So the draws give the standard error, on the logit scale, and Student's t for so many chips widens
    it: ``benchmarks/intervals.py`` measures how often it holds the truth.

    Parameters
    ----------
    value : float
    drawn : numpy.ndarray (draws,)
        From :func:`bootstrap_auprc`.
    chips_with_landslides : int
        Number of test chips that contain landslides. With fewer than two the interval is 0 to 1.
    """
    drawn = drawn[np.isfinite(drawn)]
    if chips_with_landslides < 2 or len(drawn) < 2 or not np.isfinite(value):
        return Interval(value, 0.0, 1.0)
    centre, spread = special.logit(np.clip(value, 1e-6, 1 - 1e-6)), special.logit(np.clip(drawn, 1e-6, 1 - 1e-6)).std()
    reach = special.stdtrit(chips_with_landslides - 1, (1 + LEVEL) / 2) * spread
    reach *= np.sqrt(chips_with_landslides / (chips_with_landslides - 1))
    return Interval(value, float(special.expit(centre - reach)), float(special.expit(centre + reach)))


def compare(
    first: float,
    second: float,
    drawn_first: NDArray[np.float64],
    drawn_second: NDArray[np.float64],
    chips_with_landslides: int,
) -> tuple[Interval, float]:
    """Return by how much the first of two maps is better, and how likely such a difference is if they are equal.

    Parameters
    ----------
    first, second : float
        AUPRC of the two maps.
    drawn_first, drawn_second : numpy.ndarray (draws,)
        From :func:`bootstrap_auprc` with the same chips and the same seed.
    chips_with_landslides : int
        Number of test chips that contain landslides.

    Returns
    -------
    difference : Interval
    p : float
        Of a two-sided test with Student's t.
    """
    difference = drawn_first - drawn_second
    difference = difference[np.isfinite(difference)]
    freedom = chips_with_landslides - 1
    if freedom < 1 or len(difference) < 2:
        return Interval(first - second, -1.0, 1.0), 1.0
    spread = float(difference.std()) * np.sqrt(chips_with_landslides / freedom)
    reach = special.stdtrit(freedom, (1 + LEVEL) / 2) * spread
    p = 2 * special.stdtr(freedom, -abs(first - second) / spread) if spread > 0 else float(first == second)
    return Interval(first - second, first - second - reach, first - second + reach), float(p)


def reliability(labels: NDArray[np.bool_], probability: NDArray[np.float32], bins: ArrayLike = 15) -> pd.DataFrame:
    """Return the mean probability and the share of landslides in bins: so many of equally many pixels, or by edges.

    If the probabilities are right, the two are equal. Pixels of equal probability are in one bin, so there may be fewer
    bins; else this is scikit-learn's ``calibration_curve(strategy="quantile")``, which does not count the pixels.

    Returns
    -------
    pandas.DataFrame
        ``probability``, ``share``, ``pixels``, one line a bin.
    """
    edges = np.asarray(bins)  # the inner ones
    if edges.ndim == 0:
        edges = np.unique(np.quantile(probability, np.linspace(0, 1, int(edges) + 1)[1:-1]))
    place = np.searchsorted(edges, probability, side="right")
    sums = {"probability": np.bincount(place, probability), "share": np.bincount(place, labels)}
    table = pd.DataFrame({**sums, "pixels": np.bincount(place)}).query("pixels > 0").reset_index(drop=True)
    return table.assign(**{name: table[name] / table["pixels"] for name in sums})


def expected_calibration_error(labels: NDArray[np.bool_], probability: NDArray[np.float32], bins: int = 15) -> float:
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
        from sklearn.linear_model import LogisticRegression

        place = np.rint(_logit(probability) / STEP).astype(np.int32)
        least = place.min()
        counts, slid = np.bincount(place - least), np.bincount(place[labels] - least, minlength=np.ptp(place) + 1)
        logits = STEP * (least + np.arange(len(counts)))
        weights = np.concatenate([counts - slid, slid])
        fitted = LogisticRegression(C=np.inf, fit_intercept=shift, tol=1e-7)
        fitted.fit(np.tile(logits, 2)[:, None], np.repeat([False, True], len(counts)), weights)
        steepness = np.clip(fitted.coef_.item(), np.exp(-4), np.exp(4))  # a network may be no better than chance
        return cls(float(1 / steepness), float(fitted.intercept_.item()) if shift else 0.0)

    def apply(self, probability: xr.DataArray) -> xr.DataArray:
        """Return the corrected probabilities, lazy if they are; their order, and so the AUPRC, does not change."""
        lazy = (
            probability if probability.chunks else probability.chunk({probability.dims[0]: ROWS})
        ).data  # a scene is large
        data = lazy.map_blocks(lambda p: special.expit(_logit(p) / self.temperature + self.shift), dtype=np.float64)
        corrected = probability.copy(data=data.astype(np.float32))
        return corrected if probability.chunks else corrected.load()


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(special.logit(np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)), np.float64)


def threshold_for(cost_of_a_miss: float, cost_of_a_false_alarm: float) -> float:
    """Return the probability above which reporting a landslide costs less than not reporting it.

    It holds for calibrated probabilities only: report where ``probability * miss > (1 - probability) * false alarm``.
    """
    if not (cost_of_a_miss > 0 and cost_of_a_false_alarm > 0):
        raise ValueError(f"costs must be above 0, not {cost_of_a_miss!r} and {cost_of_a_false_alarm!r}")
    return cost_of_a_false_alarm / (cost_of_a_miss + cost_of_a_false_alarm)
