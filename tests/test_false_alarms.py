"""False alarms on quiet passes: what is counted, and at which threshold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import false_alarms  # benchmarks/false_alarms.py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landslide_utils.grid import label_groups


def scene(values: np.ndarray) -> xr.DataArray:
    """Return a score (y, x) of pixels of 10 m."""
    axes = {"y": 5_000_000.0 - 10 * np.arange(values.shape[0]), "x": 500_000.0 + 10 * np.arange(values.shape[1])}
    return xr.DataArray(values, dims=("y", "x"), coords=axes).rio.write_crs("EPSG:32611")


def date(quiet: np.ndarray, slid: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    scores = {"prepared": [scene(quiet), scene(slid)]}
    known = {"strength": np.where(slid > 0.5, 5.0, 1.0), "rise": 0.0, "groups": label_groups(groups)}
    place = {name: np.zeros(quiet.shape, bool) for name in ("darkest", "brightest", "edge")}
    place |= {"all": np.isfinite(quiet)}
    place |= {"variable": np.indices(quiet.shape)[0] < 40}
    return {"date": "2024-01-01", "days": 12, "scores": scores, "place": place, **known}


@pytest.fixture
def dates() -> list[dict[str, Any]]:
    """Return one date: four landslides of scores 0.2, 0.4, 0.6 and 0.8, and three groups where nothing slid."""
    slid, quiet = np.zeros((2, 100, 100))
    groups = np.zeros((100, 100), bool)
    for number, score in enumerate((0.2, 0.4, 0.6, 0.8)):
        place = slice(20 * number, 20 * number + 5), slice(10, 15)
        groups[place], slid[place] = True, score
    quiet[0:3, 50:53] = 0.9  # 900 m2
    quiet[50:54, 50:54] = 0.55
    quiet[80:82, 80:84] = 0.9  # 800 m2: less than a pixel of the real images
    quiet[30:40, 30:40] = 0.45  # below the threshold
    quiet[:, 90:] = slid[:, 90:] = np.nan
    return [date(quiet, slid, groups)]


def test_alarms_are_counted_at_the_threshold_that_finds_half_of_the_landslides(dates: list[dict[str, Any]]) -> None:
    (line,) = false_alarms.count(dates, "prepared")
    assert line["landslides"] == 4
    assert line["found"] == 0.5
    assert line["km2"] == pytest.approx(0.9)
    assert line["alarms_per_km2"] == pytest.approx(2 / 0.9)
    assert line["alarmed_percent"] == pytest.approx(100 * (9 + 16 + 8) / 9000)


def test_all_dates_share_a_threshold(dates: list[dict[str, Any]]) -> None:
    dark = date(np.zeros((100, 100)), np.zeros((100, 100)), dates[0]["groups"] > 0)
    first, second = false_alarms.count([*dates, dark], "prepared")
    assert first["found"] == 1
    assert second["alarms_per_km2"] == 0
    assert first["alarms_per_km2"] > 2


def test_alarms_are_explained(dates: list[dict[str, Any]]) -> None:
    quiet, slid = dates[0]["scores"]["prepared"]
    dates[0]["scores"]["prepared"].append(quiet.where(quiet != 0.9, 0))  # of speckle alone: one group less
    calm = {**dates[0], "rise": 1.0, "scores": {"prepared": [0 * quiet, slid, 0 * quiet]}}
    found = false_alarms.explain([*dates, *dates, calm])
    assert found["landslides"] == 12
    assert found["clear"] == 0  # two of four change by 5 dB, but 25 pixels of 100 m2 are too few
    assert found["rank_correlation_with_scene"] == pytest.approx(-1)
    assert found["alarms"] == pytest.approx(2 / 0.9)
    assert found["alarms_of_speckle"] == pytest.approx(1 / 0.9)
    assert found["alarmed_variable"] == pytest.approx(9 / 33)
    assert found["alarms_at_quiet_threshold"] == 0


def test_the_parts_of_a_place_are_those_of_its_quiet_passes() -> None:
    power = np.full((5, 40, 40), 0.1, np.float32)
    power[:, :4], power[:, -4:], power[::2, 20:24] = 0.01, 1, 0.2
    power[:, :, 0] = np.nan
    quiet = xr.Dataset({"vv": (("time", "y", "x"), power)}, coords=scene(power[0]).coords)
    parts = false_alarms.describe_place(quiet)
    assert parts["darkest"][1, 5]
    assert parts["brightest"][-1, 5]
    assert parts["variable"][21, 5]
    assert not parts["variable"][10, 5]
    assert parts["edge"][15, :12].tolist() == [False, *[True] * 9, False, False]
    assert not parts["all"][:, 0].any()


def test_speckle_alone_has_the_looks_of_real_radar() -> None:
    power = np.full((2, 99, 99), 0.1, np.float32)
    power[1, 0] = np.nan
    passes = xr.Dataset({"vv": (("time", "y", "x"), power)}, coords=scene(power[0]).coords)
    small = passes.isel(y=slice(6), x=slice(6))
    drawn = false_alarms.draw_speckle(passes, passes, seed=0)["vv"]
    corners = [float(false_alarms.draw_speckle(small, small, seed=seed)["vv"][0, 0, 0]) for seed in range(400)]
    assert np.mean(corners) == pytest.approx(0.1, rel=0.1)
    assert (np.mean(corners) / np.std(corners)) ** 2 == pytest.approx(7.76, rel=0.2)  # the mean of the two places
    assert 12 < float(drawn[0].mean() / drawn[0].std()) ** 2 < 20  # between real pixels interpolation takes some away
    assert np.isnan(drawn[1, 0]).all()


def test_the_page_says_where_the_data_come_from(dates: list[dict[str, Any]], tmp_path: Path) -> None:
    known = {"stack": "made up", "passes": 1, "detector": "prepared"}
    page = tmp_path / "false_alarms.md"
    table = pd.DataFrame([known | line for line in false_alarms.count(dates, "prepared")])
    reasons = pd.DataFrame([{"stack": "made up", "passes": 2, **false_alarms.explain(dates)}])
    false_alarms.write_tables(table, reasons, page)
    text = page.read_text(encoding="utf-8")
    assert "Contains modified Copernicus Sentinel data" in text
    assert "between the quiet passes: 27% (made up, 2 passes)." in text
    assert "speckle alone, drawn" not in text  # it was not asked
    assert "- :" not in text
    assert "| made up | 1 | prepared | 1 | 0.9 | 2.22 | 2.22 | 2.22 |" in text
    assert np.allclose(pd.read_csv(page.with_suffix(".csv"))["alarms_per_km2"], table["alarms_per_km2"], atol=1e-3)


def test_terrain_of_another_place_covers_the_images(real_data: Path, tmp_path: Path) -> None:
    stack = false_alarms.STACKS[0]
    with xr.open_zarr(false_alarms.build(real_data, stack, tmp_path)) as cube:
        assert cube.sizes == {"time": 30, "y": 318, "x": 636}
        assert cube["dem"].notnull().all()
        assert float(cube["vv"].notnull().mean()) > 0.85
        assert float(cube["dem"].isel(x=0).std()) > 20
        assert not np.allclose(cube["dem"][:, :318], cube["dem"][:, 318:])
