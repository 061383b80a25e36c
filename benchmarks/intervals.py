"""How often the interval of an AUPRC holds the true value: a line for each number of test chips.

By ``python benchmarks/intervals.py``.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from landslide_utils.chips import SIZE
from landslide_utils.metrics import Interval, auprc, bootstrap_auprc, interval

TIMES = 200
PIXELS = 16
"""Pixels a side of a chip that have a score; the others are missing, to save time."""


def _draw(random: np.random.Generator, chips: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return labels and scores (chip, pixel).

    Chips differ in prevalence (half have none), in level, and in how well landslides show.
    """
    share = np.minimum(0.4, random.lognormal(np.log(0.03), 1, chips)) * (random.uniform(size=chips) < 0.5)
    labels = random.uniform(size=(chips, PIXELS**2)) < share[:, None]
    level, contrast = random.normal(0, 0.3, (chips, 1)), random.normal(1.5, 0.4, (chips, 1))
    return labels, (level + contrast * labels + random.normal(size=labels.shape)).astype(np.float32)


def truth() -> float:
    """Return the AUPRC on very many chips."""
    labels, scores = _draw(np.random.default_rng(1), 20_000)
    return auprc(labels.ravel(), scores.ravel())


def run_experiment(random: np.random.Generator, chips: int) -> Interval:
    """Return the AUPRC with its interval of an experiment with so many test chips."""
    while True:
        labels, scores = _draw(random, chips)
        if labels.any():
            break
    shape = (SIZE, SIZE * chips)
    plane, score = np.zeros(shape, bool), np.full(shape, np.nan, np.float32)
    for i in range(chips):
        window = (slice(0, PIXELS), slice(i * SIZE, i * SIZE + PIXELS))
        plane[window], score[window] = labels[i].reshape(PIXELS, PIXELS), scores[i].reshape(PIXELS, PIXELS)
    coords = {"y": np.arange(shape[0]), "x": np.arange(shape[1])}
    maps = [xr.DataArray(values, dims=("y", "x"), coords=coords) for values in (score, plane)]
    table = pd.DataFrame(
        {
            "row": 0,
            "col": np.arange(chips) * SIZE,
            "block": range(chips),
            "part": "test",
            "landslide_share": labels.mean(axis=1),
        }
    )
    drawn = bootstrap_auprc(*maps, table, draws=400, seed=int(random.integers(2**31)))
    return interval(auprc(labels.ravel(), scores.ravel()), drawn, int(labels.any(axis=1).sum()))


def coverage(chips: int, times: int = TIMES, seed: int = 0) -> tuple[float, float]:
    """Return how often the interval holds the truth, and its mean width."""
    random, right = np.random.default_rng([seed, chips]), truth()
    intervals = [run_experiment(random, chips) for _ in range(times)]
    is_inside = [drawn.low <= right <= drawn.high for drawn in intervals]
    return float(np.mean(is_inside)), float(np.mean([drawn.high - drawn.low for drawn in intervals]))


def main() -> int:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    error = stats.norm.ppf(0.975) * np.sqrt(0.95 * 0.05 / TIMES)
    print(f"95 % intervals of AUPRC, {TIMES} experiments each; chance alone moves the share by {error:.3f}")
    for chips in (6, 12, 24, 48, 96):
        share, width = coverage(chips)
        print(f"{chips:3d} test chips: the truth is inside {share:.3f} of the time, mean width {width:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
