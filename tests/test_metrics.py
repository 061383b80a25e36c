from __future__ import annotations

import intervals
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_recall_curve

from landslide_utils import baselines, metrics
from landslide_utils.baselines import log_ratio_detectors


def _by_hand(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision by its definition: precision at each threshold, weighted by the recall gained."""
    area, found = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        reported = scores >= threshold
        recall = (reported & labels).sum() / labels.sum()
        area += (recall - found) * (reported & labels).sum() / reported.sum()
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


@pytest.mark.parametrize("decimals", [1, 8])
def test_curve_area_and_precision_are_those_of_scikit_learn(decimals: int) -> None:
    random = np.random.default_rng(1)
    labels = random.uniform(size=5000) < 0.1
    scores = np.round(0.7 * labels + random.normal(0, 1, 5000), decimals).astype("float32")
    precision, recall, _ = precision_recall_curve(labels, scores)
    found = metrics.curve(labels, scores, points=100_000)
    assert found.auprc == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    for share in (0.1, 0.5, 0.93, 1.0):
        best = precision[:-1][recall[:-1] >= share].max()
        assert metrics.precision_at_recall(labels, scores, share) == pytest.approx(best, abs=1e-12)
        assert found.precision[found.recall >= share].max() == pytest.approx(best, abs=1e-12)


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


def test_the_detectors_of_a_large_image_are_lazy_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = _composite(["vv_before", "vv_after"], 4)
    image[0, 60:70, 5:9] = np.nan
    whole = log_ratio_detectors(image)
    monkeypatch.setattr(baselines, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(baselines, "_SIDE", 64)
    for name, score in log_ratio_detectors(image).items():
        assert score.chunks is not None
        np.testing.assert_allclose(score.values, whole[name].values, rtol=1e-5)


def test_the_pixels_of_a_map_are_those_of_all_its_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    values = random.uniform(size=(100, 30)).astype(np.float32)
    values[7:20, 3:9] = np.nan
    slid, chosen = random.uniform(size=(2, *values.shape)) < 0.5
    layers = [xr.DataArray(layer, dims=("y", "x")) for layer in (values, slid, chosen)]
    known = chosen & np.isfinite(values)
    for rows, lazy in ((512, False), (32, False), (32, True)):
        monkeypatch.setattr(metrics, "ROWS", rows)
        labels, scores = metrics.pixels(*(layer.chunk(y=17) if lazy else layer for layer in layers))
        np.testing.assert_array_equal(labels, slid[known])
        np.testing.assert_array_equal(scores, values[known])


def test_terrain_has_no_log_ratio() -> None:
    image, _ = _composite(["elevation", "slope"], 0)
    assert log_ratio_detectors(image) == {}


def _chips(count: int, size: int = 128) -> pd.DataFrame:
    return pd.DataFrame(
        {"row": 0, "col": np.arange(count) * size, "block": range(count), "part": "test", "landslide_share": 0.1}
    )


def _maps(count: int, contrast: float, seed: int = 0) -> tuple[xr.DataArray, xr.DataArray]:
    random = np.random.default_rng(seed)
    labels = np.zeros((128, 128 * count), bool)
    for i in range(count):
        labels[: 10 + 5 * i, i * 128 : i * 128 + 40] = True
    coords = {"y": 10.0 * np.arange(128), "x": 10.0 * np.arange(128 * count)}
    truth = xr.DataArray(labels, dims=("y", "x"), coords=coords)
    return truth.copy(data=(contrast * labels + random.normal(size=labels.shape)).astype("float32")), truth


def test_the_precision_at_a_recall_is_the_best_of_all_thresholds() -> None:
    random = np.random.default_rng(0)
    labels = random.uniform(size=400) < 0.3
    scores = (labels + random.normal(0, 1, 400)).astype("float32")
    pairs = []
    for threshold in scores:
        reported = scores >= threshold
        pairs.append(((reported & labels).sum() / reported.sum(), (reported & labels).sum() / labels.sum()))
    assert metrics.precision_at_recall(labels, scores, 0.8) == pytest.approx(max(p for p, r in pairs if r >= 0.8))
    assert np.isnan(metrics.precision_at_recall(np.zeros(3, bool), np.zeros(3, "float32"), 0.5))
    with pytest.raises(ValueError, match=r"1\.5 is not a share: give a number above 0, at most 1"):
        metrics.precision_at_recall(labels, scores, 1.5)


def test_a_bootstrap_draw_is_the_auprc_of_the_chips_drawn() -> None:
    score, truth = _maps(4, 1.0)
    score.values[:5, :9] = np.nan
    score = score.round(1).clip(-1, 2)  # so few values that no bin holds two
    drawn = metrics.bootstrap_auprc(score, truth, _chips(4), draws=5, seed=3)
    times = np.random.default_rng(3).multinomial(4, [0.25] * 4, 5)
    for value, counts in zip(drawn, times, strict=True):
        taken = [i for i, times_taken in enumerate(counts) for _ in range(times_taken)]
        parts = [(truth.values[:, i * 128 :][:, :128], score.values[:, i * 128 :][:, :128]) for i in taken]
        labels, values = (np.concatenate([part[k].ravel() for part in parts]) for k in (0, 1))
        there = np.isfinite(values)
        assert value == pytest.approx(metrics.auprc(labels[there], values[there]), abs=1e-9)


def test_draws_of_the_same_chips_are_paired() -> None:
    score, truth = _maps(6, 1.0)
    better = score + 0.3 * truth
    first, second = (metrics.bootstrap_auprc(s, truth, _chips(6), draws=200) for s in (better, score))
    assert (first > second).all()
    assert first.std() > 3 * (first - second).std()
    a, b = (metrics.auprc(truth.values.ravel(), s.values.ravel()) for s in (better, score))
    difference, p = metrics.compare(a, b, first, second, 6)
    assert difference.value == pytest.approx(a - b)
    assert 0 < difference.low < difference.value < difference.high
    assert p < 0.01
    same, p = metrics.compare(a, a, first, first, 6)
    assert (same.low, same.high, p) == (0, 0, 1)
    assert metrics.compare(a, b, first, second, 1) == (metrics.Interval(a - b, -1.0, 1.0), 1.0)


def test_an_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    share, _ = intervals.coverage(24, times=150)
    assert 0.92 <= share <= 0.97


def test_an_interval_of_one_chip_says_nothing() -> None:
    assert metrics.interval(0.5, np.array([0.4, 0.6]), 1) == metrics.Interval(0.5, 0.0, 1.0)
    few, many = (metrics.interval(0.5, np.random.default_rng(0).uniform(0.4, 0.6, 500), n) for n in (3, 50))
    assert 0 < few.low < many.low < 0.5 < many.high < few.high < 1


def _known(size: int = 200_000, temperature: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels drawn with known probabilities, and these probabilities wrong by a temperature and a shift."""
    random = np.random.default_rng(0)
    logits = random.normal(-2, 1.5, size)
    labels = random.uniform(size=size) < special.expit(logits)
    return labels, special.expit((logits - shift) * temperature).astype("float32")


def test_the_diagram_of_right_probabilities_is_the_diagonal() -> None:
    labels, probability = _known()
    found = metrics.reliability(labels, probability)
    assert len(found) == 15
    assert found["pixels"].sum() == len(labels)
    np.testing.assert_allclose(found["share"], found["probability"], atol=0.01)
    assert metrics.expected_calibration_error(labels, probability) < 0.004
    shares, means = calibration_curve(labels, probability, n_bins=15, strategy="quantile")
    np.testing.assert_allclose(found["share"], shares, atol=1e-3)
    np.testing.assert_allclose(found["probability"], means, atol=1e-3)


def test_the_error_is_what_its_definition_says() -> None:
    labels = np.array([1, 0, 1, 1], bool)
    probability = np.array([0.2, 0.2, 0.9, 0.9], "float32")
    assert metrics.expected_calibration_error(labels, probability, bins=2) == pytest.approx((2 * 0.3 + 2 * 0.1) / 4)
    assert len(metrics.reliability(labels, np.full(4, 0.5, "float32"))) == 1
    table = metrics.reliability(labels, np.array([0.5, 0.55, 0.95, 1.0], "float32"), bins=np.arange(0.1, 1, 0.1))
    assert table["pixels"].tolist() == [2, 2]  # empty bins are left out, and 1 is in the last
    np.testing.assert_allclose(table["probability"], [0.525, 0.975])


def test_a_known_temperature_and_shift_are_found() -> None:
    labels, probability = _known(temperature=2.0)
    assert metrics.Calibration.fit(labels, probability).temperature == pytest.approx(2.0, rel=0.02)
    labels, probability = _known(temperature=1.5, shift=-1.0)
    found = metrics.Calibration.fit(labels, probability, shift=True)
    assert (found.temperature, found.shift) == (pytest.approx(1.5, rel=0.02), pytest.approx(-1.0, abs=0.03))
    logits = special.logit(probability.astype(float))[:, None]
    independent = LogisticRegression(C=1e9).fit(logits, labels)
    assert 1 / found.temperature == pytest.approx(independent.coef_[0, 0], rel=1e-2)
    assert found.shift == pytest.approx(independent.intercept_[0], abs=1e-2)
    corrected = found.apply(xr.DataArray(probability))
    assert (
        metrics.expected_calibration_error(labels, corrected.values)
        < 0.004
        < metrics.expected_calibration_error(labels, probability)
    )


def test_a_calibration_keeps_the_order_and_missing_pixels() -> None:
    probability = xr.DataArray(np.array([0.1, np.nan, 0.9, 0.0, 1.0], "float32"), dims="x")
    found = metrics.Calibration(2.0, -1.0).apply(probability)
    assert np.isnan(found[1])
    there = np.isfinite(probability.values)
    assert (np.argsort(found.values[there]) == np.argsort(probability.values[there])).all()
    assert found.dtype == np.float32


def test_without_both_kinds_of_pixels_nothing_is_fitted() -> None:
    with pytest.raises(ValueError, match="pixels with and without landslides are needed"):
        metrics.Calibration.fit(np.zeros(4, bool), np.full(4, 0.5, "float32"))


def test_a_lazy_map_is_calibrated_lazily(monkeypatch: pytest.MonkeyPatch) -> None:
    probability = xr.DataArray(np.random.default_rng(0).uniform(size=(30, 20)).astype("float32"), dims=("y", "x"))
    correction = metrics.Calibration(1.5, -0.5)
    logits = np.log(probability.values / (1 - probability.values.astype(float)))
    lazy = correction.apply(probability.chunk({"y": 7}))
    assert lazy.chunks is not None
    monkeypatch.setattr(metrics, "ROWS", 9)
    for corrected in (lazy, correction.apply(probability)):
        assert corrected.dtype == np.float32
        np.testing.assert_allclose(corrected.values, 1 / (1 + np.exp(0.5 - logits / 1.5)), rtol=1e-5)


def test_the_threshold_is_the_one_that_costs_least() -> None:
    labels, probability = _known()
    miss, alarm = 8.0, 2.0
    costs = {
        t: miss * (labels & (probability < t)).sum() + alarm * (~labels & (probability >= t)).sum()
        for t in np.linspace(0.02, 0.6, 59)
    }
    assert metrics.threshold_for(miss, alarm) == pytest.approx(0.2)
    assert pd.Series(costs).idxmin() == pytest.approx(0.2, abs=0.03)
    with pytest.raises(ValueError, match="costs must be above 0, not 0 and 1"):
        metrics.threshold_for(0, 1)
