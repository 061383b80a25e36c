"""Real terrain, real landslides, real radar: read from the folder in LANDSLIDE_TEST_DATA, never part of the project."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import real_pictures  # benchmarks/real_pictures.py
import rioxarray
from opera import SITES, measure, stack_opera  # benchmarks/opera.py
from real_scene import real_scene
from scipy import ndimage

from landslide_utils.composite import make_composite
from landslide_utils.course import speckle
from landslide_utils.cube import open_cube
from landslide_utils.figures import chips
from landslide_utils.grid import Window, pixel_size_m
from landslide_utils.simulate.scene import SimulatedScene


@pytest.fixture(scope="module")
def hokkaido_core(real_data: Path) -> SimulatedScene:
    dem = rioxarray.open_rasterio(real_data / "hokkaido_core" / "dsm.tif").squeeze(drop=True)
    return real_scene(dem, gpd.read_file(real_data / "hokkaido_core" / "slope_failures.gpkg"))


def test_real_landslides_lie_on_real_slopes(hokkaido_core: SimulatedScene) -> None:
    scenario = hokkaido_core.scenario
    assert hokkaido_core.crs == "EPSG:32654"
    assert 900 < scenario.height < 1050
    assert 1050 < scenario.width < 1200
    cube = hokkaido_core.simulate(Window(0, 0, scenario.height, scenario.width))
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(cube["dem"], scenario.pixel_size_m))))
    slid = cube["landslides"] == 1
    assert slope[slid].mean() > slope[~slid].mean() + 4  # 21.9 against 15.6 degrees on the 30 m model
    assert 0.10 < slid.mean() < 0.13  # the polygons' area over the scene's


@pytest.mark.parametrize("site", ["T137-292320-IW2", "T137-292321-IW2"])
def test_real_radar_opens_as_a_cube_and_is_drawn(real_data: Path, tmp_path: Path, site: str) -> None:
    stack_opera(real_data / "opera_rtc", site).to_zarr(tmp_path / "opera.zarr", zarr_format=2)
    cube = open_cube(str(tmp_path / "opera.zarr"), event_time="2023-06-01T00:00:00")
    assert cube.sizes == {"time": 30, "y": 100, "x": 100}
    assert pixel_size_m(cube) == 30
    assert cube.rio.crs == "EPSG:32611"
    composite = make_composite(cube, channels="sar", timesteps=4, labels=False).load()
    image = composite["image"]
    assert float(image.sel(channel="vv_before").median()) > float(image.sel(channel="vh_before").median()) + 3
    before = (
        cube["vv"]
        .isel(time=[i for i, t in enumerate(cube["time"].values) if t < np.datetime64("2023-06-01")][-4:])
        .values
    )
    assert np.allclose(image.sel(channel="vv_before"), 10 * np.log10(before.mean(0)), atol=1e-4)
    change = (image.sel(channel="vv_after") - image.sel(channel="vv_before")).values
    assert ndimage.median_filter(abs(change), 5).max() < 12  # nothing slid here
    picture = chips.composite_figure(composite)
    assert len(picture.png) > 20_000


def test_the_course_s_numbers_of_real_radar_are_what_is_measured(real_data: Path) -> None:
    for kept, found in zip(speckle.measured(), measure(real_data / "opera_rtc"), strict=True):
        assert list(kept.columns) == list(found.columns)
        assert list(kept.index) == list(found.index)
        assert np.allclose(kept, found, atol=2e-5)


def test_the_looks_beside_the_pictures_are_what_is_measured(real_data: Path) -> None:
    kept = pd.read_csv(real_pictures.PAGE.with_name("looks.csv"), index_col="stack")
    for name, site in SITES.items():
        line = real_pictures.measure(f"{name} (real)", stack_opera(real_data / "opera_rtc", site))
        assert kept.loc[line.pop("stack")].to_dict() == pytest.approx(line, abs=1e-3)
    corner = real_pictures.coarsen(real_pictures.practice_corner())
    line = real_pictures.measure(f"{real_pictures.PRACTICE}, as 30 m", corner)
    assert kept.loc[line.pop("stack")].to_dict() == pytest.approx(line, abs=1e-3)
    assert line["VV: looks"] > kept.loc["OPERA site 2 (real)", "VV: looks"] + 5


def test_enga_is_drawn_before_its_landslide(real_data: Path) -> None:
    enga = real_pictures.read_enga(real_data / "enga")
    assert enga.sizes == {"timestep": 10, "y": 100, "x": 150}
    assert enga["timestep"].values.max() < np.datetime64("2024-05-23T17:00")
    assert int(enga["landslides"].sum()) == 93
    picture = real_pictures.draw_enga(enga, enga.isel(timestep=slice(0, 2)))
    assert "what slid after" in picture.alt
    assert 50_000 < len(picture.png) < 400_000
