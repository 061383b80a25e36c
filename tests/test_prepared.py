"""How a prepared network compares with others: in pairs, over seeds."""

from __future__ import annotations

import numpy as np
import prepared  # benchmarks/prepared.py
import pytest

HELD = {area: {"n_chips_with_landslides": 20, "prevalence": 0.02} for area in (prepared.TEST, prepared.ALL)}


@pytest.fixture
def scores() -> prepared.Scores:
    """Return two seeds in which the prepared network is always twice as good as the log ratio, and half as home."""
    random = np.random.default_rng(0)
    out: prepared.Scores = {}
    for area in (prepared.TEST, prepared.ALL):
        ratio = [(value, value + 0.02 * random.standard_normal(500)) for value in (0.2, 0.22)]
        out[prepared.RATIO, area] = ratio
        out[prepared.PREPARED, area] = [(2 * value, 2 * draws) for value, draws in ratio]
    out[prepared.HOME, prepared.TEST] = [(4 * value, 4 * draws) for value, draws in out[prepared.RATIO, prepared.TEST]]
    return out


def test_ratios_of_the_same_draws_are_sharper_than_either_score(scores: prepared.Scores) -> None:
    pairs = {(line["comparison"], line["area"]): line for line in prepared.pairs_of(scores, HELD)}
    assert len(pairs) == 5  # home has the test chips only
    over = pairs["prepared over log ratio", prepared.ALL]
    assert [over[name] for name in ("value", "low", "high")] == pytest.approx([2, 2, 2])
    assert over["aim"] == 1.2
    home = pairs["prepared over home", prepared.TEST]
    assert [home[name] for name in ("value", "low", "high")] == pytest.approx([0.5, 0.5, 0.5])
    minus = pairs["prepared minus log ratio", prepared.TEST]
    assert minus["value"] == pytest.approx(0.21)
    assert minus["low"] < 0.2 < 0.22 < minus["high"]


def test_the_interval_of_a_mean_lies_between_0_and_1_and_around_it(scores: prepared.Scores) -> None:
    for line in prepared.lines_of(scores, HELD):
        values = [value for value, _ in scores[line["rung"], line["area"]]]
        assert min(values) < line["auprc"] < max(values)
        assert 0 < line["low"] < line["auprc"] < line["high"] < 1
