"""False alarms on quiet passes: what is counted, and at which threshold."""

from __future__ import annotations

from pathlib import Path

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


def date(quiet: np.ndarray, slid: np.ndarray, groups: np.ndarray) -> dict[str, object]:
    scores = {"made up": [scene(quiet), scene(slid)]}
    return {"date": "2024-01-01", "days": 12, "scores": scores, "groups": label_groups(groups)}


@pytest.fixture
def dates() -> list[dict[str, object]]:
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


def test_alarms_are_counted_at_the_threshold_that_finds_half_of_the_landslides(dates: list[dict[str, object]]) -> None:
    (line,) = false_alarms.count(dates, "made up")
    assert line["landslides"] == 4
    assert line["found"] == 0.5
    assert line["km2"] == pytest.approx(0.9)
    assert line["alarms_per_km2"] == pytest.approx(2 / 0.9)
    assert line["alarmed_percent"] == pytest.approx(100 * (9 + 16 + 8) / 9000)


def test_all_dates_share_a_threshold(dates: list[dict[str, object]]) -> None:
    dark = date(np.zeros((100, 100)), np.zeros((100, 100)), dates[0]["groups"] > 0)
    first, second = false_alarms.count([*dates, dark], "made up")
    assert first["found"] == 1
    assert second["alarms_per_km2"] == 0
    assert first["alarms_per_km2"] > 2


def test_the_page_says_where_the_data_come_from(dates: list[dict[str, object]], tmp_path: Path) -> None:
    known = {"stack": "made up", "passes": 1, "detector": "prepared"}
    page = tmp_path / "false_alarms.md"
    table = pd.DataFrame([known | line for line in false_alarms.count(dates, "made up")])
    false_alarms.write_tables(table, page)
    text = page.read_text(encoding="utf-8")
    assert "Contains modified Copernicus Sentinel data" in text
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
