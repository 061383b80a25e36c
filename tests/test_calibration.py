from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from landslide_utils.calibration import Calibration, expected_calibration_error, reliability, threshold_for


def _known(size: int = 200_000, temperature: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels drawn with known probabilities, and these probabilities wrong by a temperature and a shift."""
    random = np.random.default_rng(0)
    logits = random.normal(-2, 1.5, size)
    labels = random.uniform(size=size) < special.expit(logits)
    return labels, special.expit((logits - shift) * temperature).astype("float32")


def test_the_diagram_of_right_probabilities_is_the_diagonal() -> None:
    labels, probability = _known()
    found = reliability(labels, probability)
    assert len(found) == 15
    assert found["pixels"].sum() == len(labels)
    np.testing.assert_allclose(found["share"], found["probability"], atol=0.01)
    assert expected_calibration_error(labels, probability) < 0.004
    shares, means = calibration_curve(labels, probability, n_bins=15, strategy="quantile")
    np.testing.assert_allclose(found["share"], shares, atol=1e-3)
    np.testing.assert_allclose(found["probability"], means, atol=1e-3)


def test_the_error_is_what_its_definition_says() -> None:
    labels = np.array([1, 0, 1, 1], bool)
    probability = np.array([0.2, 0.2, 0.9, 0.9], "float32")
    assert expected_calibration_error(labels, probability, bins=2) == pytest.approx((2 * 0.3 + 2 * 0.1) / 4)
    assert len(reliability(labels, np.full(4, 0.5, "float32"))) == 1


def test_a_known_temperature_and_shift_are_found() -> None:
    labels, probability = _known(temperature=2.0)
    assert Calibration.fit(labels, probability).temperature == pytest.approx(2.0, rel=0.02)
    labels, probability = _known(temperature=1.5, shift=-1.0)
    found = Calibration.fit(labels, probability, shift=True)
    assert (found.temperature, found.shift) == (pytest.approx(1.5, rel=0.02), pytest.approx(-1.0, abs=0.03))
    logits = special.logit(probability.astype(float))[:, None]
    independent = LogisticRegression(C=1e9).fit(logits, labels)
    assert 1 / found.temperature == pytest.approx(independent.coef_[0, 0], rel=1e-2)
    assert found.shift == pytest.approx(independent.intercept_[0], abs=1e-2)
    corrected = found.apply(xr.DataArray(probability))
    assert (
        expected_calibration_error(labels, corrected.values) < 0.004 < expected_calibration_error(labels, probability)
    )


def test_a_calibration_keeps_the_order_and_missing_pixels() -> None:
    probability = xr.DataArray(np.array([0.1, np.nan, 0.9, 0.0, 1.0], "float32"), dims="x")
    found = Calibration(2.0, -1.0).apply(probability)
    assert np.isnan(found[1])
    there = np.isfinite(probability.values)
    assert (np.argsort(found.values[there]) == np.argsort(probability.values[there])).all()
    assert found.dtype == np.float32


def test_without_both_kinds_of_pixels_nothing_is_fitted() -> None:
    with pytest.raises(ValueError, match="pixels with and without landslides are needed"):
        Calibration.fit(np.zeros(4, bool), np.full(4, 0.5, "float32"))


def test_the_threshold_is_the_one_that_costs_least() -> None:
    labels, probability = _known()
    miss, alarm = 8.0, 2.0
    costs = {
        t: miss * (labels & (probability < t)).sum() + alarm * (~labels & (probability >= t)).sum()
        for t in np.linspace(0.02, 0.6, 59)
    }
    assert threshold_for(miss, alarm) == pytest.approx(0.2)
    assert pd.Series(costs).idxmin() == pytest.approx(0.2, abs=0.03)
    with pytest.raises(ValueError, match="costs must be above 0, not 0 and 1"):
        threshold_for(0, 1)
