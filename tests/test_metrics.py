from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landslide_utils import metrics
from landslide_utils.baselines import log_ratio_detectors


def _by_hand(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision from its definition: precision at each threshold, weighted by the recall gained there."""
    area, found = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        said = scores >= threshold
        recall = (said & labels).sum() / labels.sum()
        area += (recall - found) * (said & labels).sum() / said.sum()
        found = recall
    return area


def test_auprc_is_the_definition_and_chance_is_the_prevalence() -> None:
    random = np.random.default_rng(0)
    labels = random.uniform(size=300) < 0.2
    scores = np.round(labels * 0.5 + random.normal(0, 1, 300), 1)
    assert metrics.auprc(labels, scores) == pytest.approx(_by_hand(labels, scores), abs=1e-12)
    many = random.uniform(size=200_000) < 0.05
    assert metrics.auprc(many, random.uniform(size=200_000)) == pytest.approx(0.05, abs=0.005)
    assert np.isnan(metrics.auprc(np.zeros(5, bool), np.arange(5.0)))


def test_a_curve_runs_from_no_recall_to_all() -> None:
    random = np.random.default_rng(0)
    labels = random.uniform(size=50_000) < 0.1
    scores = labels + random.normal(0, 1, 50_000)
    found = metrics.curve(labels, scores, points=200)
    assert found.recall[0] == 0
    assert found.recall[-1] == 1
    assert (np.diff(found.recall) >= 0).all()
    assert len(found.recall) <= 201
    assert found.prevalence == pytest.approx(labels.mean())
    assert found.precision[-1] == pytest.approx(labels.mean(), rel=0.05)


def test_a_map_is_scored_on_valid_test_pixels_in_both_ways(four_chips: pd.DataFrame) -> None:
    chips = pd.concat([four_chips, four_chips.tail(1).assign(row=128, landslide_share=0.0)], ignore_index=True)
    random = np.random.default_rng(0)
    labels = xr.DataArray(
        random.uniform(size=(256, 600)) < 0.1, dims=("y", "x"), coords={"y": range(256), "x": range(600)}
    )
    labels[128:, 448:576] = False
    score = labels + 0.5 * xr.DataArray(random.normal(size=(256, 600)), dims=("y", "x"))
    score[0, 448:576] = np.nan
    found = metrics.score_map(score, labels, chips)
    inside = labels.values[1:128, 448:576]
    assert found["prevalence_landslide_chips"] == pytest.approx(inside.mean())
    assert found["prevalence"] == pytest.approx(inside.sum() / (127 * 128 + 128 * 128))
    assert found["auprc_landslide_chips"] > found["auprc"]  # the same detector, where landslides are more common
    assert found["auprc_landslide_chips"] == pytest.approx(
        metrics.auprc(inside.ravel(), score.values[1:128, 448:576].ravel())
    )


def _composite(names: list[str], change: float) -> tuple[xr.DataArray, np.ndarray]:
    random = np.random.default_rng(0)
    image = xr.DataArray(
        random.normal(-7, 1, (len(names), 200, 220)),
        dims=("channel", "y", "x"),
        coords={"channel": names, "y": range(200), "x": range(220)},
    )
    slid = np.zeros((200, 220), bool)
    slid[50:70, 60:90] = True
    image[1].values[slid] += change
    image[1] += 3  # rain: the whole scene brighter
    return image, slid


def test_log_ratio_detectors_find_change_of_either_sign_whatever_the_scene_s_level() -> None:
    for change in (4, -4):
        image, slid = _composite(["vv_before", "vv_after", "vh_before", "vh_after"], change)
        image[0, 5, 5] = np.nan
        detectors = log_ratio_detectors(image)
        assert list(detectors) == [
            "VV log ratio",
            "VV log ratio, smoothed",
            "VH log ratio",
            "VH log ratio, smoothed",
        ]
        score = {name: metrics.auprc(slid.ravel(), np.nan_to_num(d.values).ravel()) for name, d in detectors.items()}
        assert score["VV log ratio, smoothed"] > 0.9 > score["VV log ratio"] > 3 * slid.mean() > score["VH log ratio"]
        assert np.isnan(detectors["VV log ratio, smoothed"].values[5, 5])
        assert np.isnan(detectors["VV log ratio, smoothed"].values).sum() == 1


def test_terrain_has_no_log_ratio() -> None:
    image, _ = _composite(["elevation", "slope"], 0)
    assert log_ratio_detectors(image) == {}
