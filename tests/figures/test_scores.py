from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from landslide_utils.figures import scores
from landslide_utils.figures.style import Picture
from landslide_utils.metrics import Curve


def _is_drawn(picture: Picture) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"))
    assert pixels.std() > 5  # not blank
    assert max(pixels.shape) < 1400
    assert len(picture.alt) > 40


def test_curves_and_history_give_their_numbers_in_words() -> None:
    line = np.linspace(0, 1, 50)
    picture = scores.curves_figure(
        {"UNet++": Curve(line, 1 - line, 0.61, 0.02), "VV log ratio": Curve(line, 1 - line, 0.2, 0.02)},
        xr.Dataset(attrs={"simulated": True}),
    )
    _is_drawn(picture)
    assert "UNet++ 0.61; VV log ratio 0.20; chance 0.020" in picture.alt
    history = pd.DataFrame(
        {"step": [10, 20], "train_loss": [0.9, 0.25], "validation_loss": [0.9, 0.3], "validation_auprc": [0.1, 0.5]}
    )
    picture = scores.history_figure(history, xr.Dataset(attrs={"simulated": True}))
    _is_drawn(picture)
    assert "Curves of 20 steps (simulated): training loss from 0.90 to 0.25" in picture.alt


def test_ladder_and_reliability_say_their_numbers_and_that_they_are_simulated() -> None:
    source = xr.DataArray(0.0, attrs={"simulated": True})
    rungs = {"UNet++": (0.61, 0.5, 0.7), "log ratio": (0.2, 0.1, 0.3), "ceiling": (0.4, 0.3, 0.5)}
    picture = scores.ladder_figure(rungs, source, chance=0.02)
    _is_drawn(picture)
    sorted_rungs = "log ratio 0.20 (0.10 to 0.30); ceiling 0.40 (0.30 to 0.50); UNet++ 0.61 (0.50 to 0.70)"
    assert f"(simulated): {sorted_rungs}; chance 0.020" in picture.alt
    table = pd.DataFrame({"probability": [0.0, 0.9], "share": [0.0, 0.5], "pixels": [90, 10]})
    picture = scores.reliability_figure({"as trained": table}, source)
    _is_drawn(picture)
    assert "as trained: 0.90 given, 0.50 true" in picture.alt
    assert "(simulated)" in picture.alt


def test_candidates_are_compared_with_what_more_seeds_of_the_reference_would_reach() -> None:
    known = np.array([0.60, 0.62, 0.64])
    table = pd.DataFrame({"candidate": ["reference"] * 3 + ["large batches"], "validation_auprc": [*known, 0.5]})
    table.attrs["simulated"] = True
    picture = scores.candidates_figure(table, "reference")
    _is_drawn(picture)
    assert "(simulated), AUPRC: large batches 0.50 (one seed); reference 0.62; more seeds" in picture.alt
    rng = np.random.default_rng(0)  # of many references, 95 % of the fourth seeds lie in the band of the first three
    drawn = rng.normal(size=(20_000, 4))
    reach = (0.72 - 0.62) / known.std(ddof=1)  # as the picture says it, rounded
    assert "0.52 to 0.72" in picture.alt
    inside = abs(drawn[:, 3] - drawn[:, :3].mean(axis=1)) < reach * drawn[:, :3].std(axis=1, ddof=1)
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
