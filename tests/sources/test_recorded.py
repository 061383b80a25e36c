from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr

from landslide_utils.cube import open_cube
from landslide_utils.figures.event import calendar_figure, overlay_figure
from landslide_utils.sources import build
from landslide_utils.sources.event import Event
from landslide_utils.sources.recorded import write_catalogue


@pytest.fixture(scope="module")
def small() -> xr.Dataset:
    """Return a small simulated cube as open_cube gives it."""
    random = np.random.default_rng(3)
    times = ["2018-08-24T20:42", "2018-09-02T08:41", "2018-09-05T20:42", "2018-09-14T08:41"]
    rows, cols = np.mgrid[:80, :90]
    power = random.gamma(4.4, 0.05, (4, 80, 90)).astype("float32")
    return xr.Dataset(
        {
            "vv": (("time", "y", "x"), power), "vh": (("time", "y", "x"), power / 4),
            "dem": (("y", "x"), (300 + 2.0 * cols + rows).astype("float32")),
            "landslides": (("y", "x"), np.hypot(rows - 40, cols - 50) < 9),
        },
        coords={
            "time": np.array(times, "datetime64[ns]"), "orbit": ("time", ["descending", "ascending"] * 2),
            "y": 4_730_995.0 - 10 * np.arange(80), "x": 501_005.0 + 10 * np.arange(90),
        },
        attrs={"event_time": "2018-09-05T18:07:59", "simulated": True},
    ).rio.write_crs("EPSG:32654")  # fmt: skip


def test_a_recorded_catalogue_gives_the_cube_back(small: xr.Dataset, tmp_path: Path) -> None:
    made = write_catalogue(small, tmp_path / "archive")
    event = Event("back", made.box, made.event_time, made.polygons)
    planned = build.plan(event, radar=made.radar, dem=made.dem)
    cube = open_cube(str(build.write(planned, tmp_path / "cube.zarr", progress=False))).load()
    same = small.sel(x=cube["x"], y=cube["y"])
    assert cube.sizes["y"] > 50
    assert np.array_equal(cube["vv"], same["vv"])
    assert np.array_equal(cube["landslides"], same["landslides"])
    assert (
        abs(cube["dem"] - same["dem"]).max() < 15
    )  # one arc second is two to three pixels: up to 6 m of this slope lie in one
    assert list(cube["orbit"].values) == list(small["orbit"].values)
    assert cube.attrs["simulated"] is True
    for picture in (
        calendar_figure(planned.calendar),
        overlay_figure(cube, planned.polygons),
    ):
        assert "(simulated)" in picture.alt
        assert len(picture.png) > 5000
    calendar = planned.calendar
    assert calendar.attrs["simulated"] is True
    calendar.attrs["simulated"] = False
    assert "descending track 46: 1 before and 1 after" in calendar_figure(calendar).alt
    assert "(simulated)" not in calendar_figure(calendar).alt


def test_every_file_says_that_it_is_simulated_and_elevation_is_in_degrees(small: xr.Dataset, tmp_path: Path) -> None:
    made = write_catalogue(small, tmp_path / "archive")
    images = sorted(made.radar.glob("*.tif"))
    assert len(images) == 8
    for path in (*images, made.dem):
        with rasterio.open(path) as source:
            assert source.tags()["SIMULATED"] == "true"
    assert rasterio.open(made.dem).crs.is_geographic
    assert gpd.read_file(made.polygons)["simulated"].all()
    before = images[0].stat().st_mtime_ns
    assert write_catalogue(small, tmp_path / "archive") == made
    assert images[0].stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_real_radar_is_not_written_under_a_product_s_names(small: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only a simulated cube is written under OPERA's names"):
        write_catalogue(small.assign_attrs(simulated=False), tmp_path / "archive")
    assert list(tmp_path.iterdir()) == []


def test_a_recorded_catalogue_that_fails_leaves_nothing(small: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="landslides"):
        write_catalogue(small.drop_vars("landslides"), tmp_path / "archive")
    assert list(tmp_path.iterdir()) == []
