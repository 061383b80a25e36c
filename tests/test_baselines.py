from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landslide_utils import baselines
from landslide_utils.baselines import disturbance, neighbourhood_features
from landslide_utils.chips import part_mask
from landslide_utils.files import InputError

HERE = importlib.util.find_spec("distmetrics") is not None
needs_it = pytest.mark.skipif(not HERE, reason="the extra transformer is not installed")


def _passes(number: int, side: int = 64, seed: int = 0, pixel_m: float = 30) -> xr.Dataset:
    """Return passes over flat ground with the speckle of seven looks."""
    speckle = np.random.default_rng(seed).gamma(7, 1 / 7, (2, number, side, side))
    places = {"time": np.arange(number), "y": -pixel_m * np.arange(side), "x": pixel_m * np.arange(side)}
    layers = {
        name: (("time", "y", "x"), level * each)
        for name, level, each in zip(("vv", "vh"), (0.2, 0.04), speckle, strict=True)
    }
    return xr.Dataset(layers, places)


@pytest.mark.skipif(HERE, reason="the extra transformer is installed")
def test_without_the_extra_the_learner_is_told_how_to_get_it() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"transformer is optional, and not installed: .*\[transformer\]"):
        disturbance(_passes(4), _passes(1, seed=1))


@needs_it
@pytest.mark.parametrize(("pixel_m", "side"), [(30, 61), (10, 190)])
def test_a_place_that_changed_is_further_away_than_one_that_did_not(pixel_m: float, side: int) -> None:
    before, after = _passes(4, side, pixel_m=pixel_m), _passes(2, side, seed=1, pixel_m=pixel_m)
    place = {"y": slice(side // 3, side // 2), "x": slice(side // 3, side // 2)}
    changed = xr.zeros_like(after["vv"].isel(time=0), bool)
    changed[place] = True
    dark = after.where(~changed, after / 8)
    away = disturbance(before, dark)
    assert away.dims == ("time", "y", "x")
    assert away.shape == after["vv"].shape
    assert float(away.where(changed).median()) > 3 > 2 * float(away.where(~changed).median())


@needs_it
def test_too_few_passes_and_too_small_a_scene_are_said_together() -> None:
    with pytest.raises(InputError, match=r"1 passes before, but not 2 to 10[\s\S]*8 x 8 pixels"):
        disturbance(_passes(1, 8), _passes(1, 8, seed=1))


def test_features_are_those_of_each_pixel_and_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    values = random.normal(-10, 2, (3, 60, 70)).astype(np.float32)
    values[0, 20, 30] = np.nan
    names = ["vv_before", "vv_after", "slope"]
    image = xr.DataArray(values, dims=("channel", "y", "x"), coords={"channel": names})
    wanted = random.random((60, 70)) < 0.2
    wanted[20, 30] = True
    ((places, features),) = neighbourhood_features(image, wanted)
    assert places.tolist() == np.flatnonzero(wanted).tolist()
    values[0, 20, 30] = np.nanmedian(values[0])
    row, col = 21, 29  # beside the missing pixel
    (here,) = neighbourhood_features(image, (np.indices((60, 70)) == [[[row]], [[col]]]).all(axis=0))
    layers = [*values, values[1] - values[0]]
    boxes = [
        [layer[row - reach : row + reach + 1, col - reach : col + reach + 1] for reach in (0, 1, 3)] for layer in layers
    ]
    expected = [
        number for point, three, seven in boxes for number in (point.item(), three.mean(), seven.mean(), seven.std())
    ]
    np.testing.assert_allclose(here[1][0], np.array(expected, float), rtol=1e-3)
    monkeypatch.setattr(baselines, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(baselines, "_SIDE", 16)
    parts = dict(zip(*map(np.concatenate, zip(*neighbourhood_features(image, wanted), strict=True)), strict=True))
    np.testing.assert_allclose([parts[place] for place in places], features, rtol=1e-4)


def test_the_scores_of_a_forest_on_a_large_image_are_lazy_and_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    random = np.random.default_rng(2)
    slid = random.uniform(size=(256, 384)) < 0.1
    values = random.normal(size=(2, *slid.shape)).astype(np.float32) + np.stack([0 * slid, 2 * slid]).astype(np.float32)
    places = {"y": -10.0 * np.arange(256), "x": 10.0 * np.arange(384), "channel": ["vv_before", "vv_after"]}
    image = xr.DataArray(values, dims=("channel", "y", "x"), coords=places)
    landslides = xr.DataArray(slid, dims=("y", "x"))
    chips = pd.DataFrame({"row": [0, 0, 128], "col": [0, 128, 256], "part": ["train", "train", "test"]})
    seen = image, landslides, xr.ones_like(landslides), chips.assign(landslide_share=0.1)
    whole = baselines.random_forest(*seen, trees=5)
    assert whole.chunks is None
    tested = part_mask(seen[3], "test", image).values
    assert (np.isfinite(whole.values) == tested).all()
    assert whole.values[slid & tested].mean() > 0.2 + whole.values[~slid & tested].mean()
    monkeypatch.setattr(baselines, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(baselines, "_SIDE", 100)
    monkeypatch.setattr(baselines, "scratch_folder", lambda: tmp_path)
    lazy = baselines.random_forest(*seen, trees=5)
    assert lazy.chunks is not None
    np.testing.assert_allclose(lazy.values, whole.values, rtol=1e-6)
