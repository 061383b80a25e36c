from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landslide_utils.chips import SIZE
from landslide_utils.files import InputError
from landslide_utils.polygons import found_landslides, guaranteed_threshold


def test_each_landslide_is_found_in_part() -> None:
    labels = np.zeros((20, 20), bool)
    labels[2:6, 2:7] = True  # 20 pixels
    labels[6, 7] = True  # touches it at a corner
    labels[12:14, 12:14] = True  # 4 pixels, one outside the mask
    coords = {"y": 10.0 * np.arange(20)[::-1], "x": 10.0 * np.arange(20)}
    truth = xr.DataArray(labels, dims=("y", "x"), coords=coords)
    score = truth.copy(data=np.zeros((20, 20), "float32"))
    score.values[2:4, 2:7] = 0.9
    score.values[12, 12] = 0.5
    mask = truth.copy(data=np.ones((20, 20), bool))
    mask.values[13, 13] = False
    found = found_landslides(
        score, truth, mask, threshold=0.5, height=truth.copy(data=np.arange(400.0).reshape(20, 20))
    )
    assert found["area_m2"].tolist() == [2100, 300]
    assert found["found"].tolist() == pytest.approx([10 / 21, 1 / 3])
    assert found["height"].iloc[1] == pytest.approx(np.mean([252, 253, 272]))


def _chips_of(recalls: np.ndarray, seed: int) -> tuple[xr.DataArray, xr.DataArray, pd.DataFrame]:
    """Return a map of one row of chips, each with 40 landslide pixels that are likelier the higher the chip's skill."""
    random = np.random.default_rng(seed)
    values = np.full((SIZE, SIZE * len(recalls)), np.nan, np.float32)
    labels = np.zeros(values.shape, bool)
    for number, skill in enumerate(recalls):
        place = np.s_[0, number * SIZE : number * SIZE + 40]
        values[place], labels[place] = random.beta(1 + 4 * skill, 1, 40), True
    chips = pd.DataFrame(
        {"row": 0, "col": SIZE * np.arange(len(recalls)), "part": "validation", "landslide_share": 40 / SIZE**2}
    )
    score = xr.DataArray(values, dims=("y", "x"))
    return score, score.copy(data=labels), chips


def _true_recall(threshold: float) -> float:
    """Return the mean recall of all chips that could be drawn: their skills are even between 0 and 1."""
    skills = np.linspace(0, 1, 10_001)
    return float(np.mean(1 - threshold ** (1 + 4 * skills)))  # of a beta distribution with these parameters


def test_a_promised_recall_is_kept_in_nine_of_ten_draws_of_chips() -> None:
    promised, kept, plain = 0.7, [], []
    for draw in range(200):
        score, labels, chips = _chips_of(np.random.default_rng([1, draw]).random(20), draw)
        kept.append(_true_recall(guaranteed_threshold(score, labels, chips, recall=promised)) >= promised)
        plain.append(_true_recall(float(np.quantile(score.values[labels.values], 1 - promised))) >= promised)
    assert np.mean(kept) >= 0.9
    assert 0.3 < np.mean(plain) < 0.7  # a threshold that just finds the share on these chips keeps it half the time


def test_a_promise_costs_more_the_fewer_the_chips() -> None:
    thresholds = []
    for count in (3, 10, 40):
        thresholds.append(guaranteed_threshold(*_chips_of(np.linspace(0, 1, count), 0), recall=0.7))
    assert thresholds[0] == 0  # three chips promise nothing: every pixel is reported
    assert 0 == thresholds[0] < thresholds[1] < thresholds[2] < 1
    nothing = _chips_of(np.ones(4), 0)[2].assign(part="test")
    assert guaranteed_threshold(*_chips_of(np.ones(4), 0)[:2], nothing, recall=0.7) == 0


def test_a_promise_that_is_no_share_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"recall 1.2 is not between 0 and 1(.|\n)*confidence 0 is not between 0 and 1"
    ):
        guaranteed_threshold(*_chips_of(np.ones(4), 0), recall=1.2, confidence=0)
