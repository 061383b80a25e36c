"""Figures of the lessons: drawn, true to their data in words, and marked as simulated."""

from __future__ import annotations

import io
import re

import matplotlib.image
import numpy as np
import pandas as pd
import xarray as xr

from landslide_utils.course import speckle
from landslide_utils.figures import explore
from landslide_utils.figures.style import Picture

RANDOM = np.random.default_rng(3)
TIMES = pd.date_range("2018-08-01T20:38", periods=6, freq="12D").to_numpy()
ORBITS = ["descending", "ascending"] * 3
GRID = {"y": np.arange(40)[::-1] * 10.0, "x": np.arange(50) * 10.0}
POWER = xr.DataArray(
    RANDOM.gamma(5, 0.05, (6, 40, 50)),
    dims=("time", "y", "x"),
    coords={"time": TIMES, "orbit": ("time", ORBITS), **GRID},
)
COVER = xr.DataArray(
    np.broadcast_to(np.where(np.arange(50) < 25, "forest", "field"), (40, 50)), dims=("y", "x"), coords=GRID
)
VIEW = xr.Dataset(
    {"vv": POWER, "vh": POWER / 4, "dem": POWER[0].drop_vars(["time", "orbit"]) * 100},
    attrs={"event_time": "2018-09-05T18:07:59", "event_end": "2018-09-05T18:07:59", "simulated": True},
)
LANDSLIDES = xr.DataArray(np.arange(50) * np.ones((40, 1)) > 40, dims=("y", "x"), coords=GRID)


def _is_drawn(picture: Picture) -> None:
    pixels = matplotlib.image.imread(io.BytesIO(picture.png))
    assert pixels[..., :3].std() > 0.05
    assert len(picture.alt) > 60
    assert "simulated" in picture.alt


def test_power_and_decibels() -> None:
    picture = explore.power_figure(VIEW)
    _is_drawn(picture)
    assert f"a long tail reaches to {float(POWER[0].max()):.1f}" in picture.alt
    assert f"mean {float(POWER[0].mean()):.2f}" in picture.alt
    assert f"mean {float((10 * np.log10(POWER[0])).mean()):.1f}" in picture.alt


def test_a_pass() -> None:
    db = 10 * np.log10(POWER)
    picture = explore.pass_figure(VIEW)
    _is_drawn(picture)
    assert "2018-08-01" in picture.alt
    assert f"{float(db[0, 20].std()):.1f} dB" in picture.alt


def test_polarisations_and_land_cover() -> None:
    picture = explore.polarisation_figure(VIEW, COVER)
    _is_drawn(picture)
    assert "forest 50.0%, field 50.0%" in picture.alt
    assert "water" not in picture.alt
    after = VIEW.copy(deep=True)
    after["vv"][-3:] *= 100  # what comes after the event is not shown
    assert explore.polarisation_figure(after, COVER).png == picture.png


def test_speckle_and_averaging() -> None:
    picture = explore.speckle_figure({"one pass": POWER[0], "mean": POWER.mean("time")}, VIEW)
    _is_drawn(picture)
    spreads = [float((10 * np.log10(layer)).std()) for layer in (POWER[0], POWER.mean("time"))]
    assert (
        f"one pass: standard deviation {spreads[0]:.1f} dB; mean: standard deviation {spreads[1]:.1f} dB" in picture.alt
    )
    picture = explore.averaging_figure({1: 5.0, 4: 20.0}, {4: 15.0, 9: 28.0})
    _is_drawn(picture)
    assert "4 passes: 20.0 looks; 4 pixels: 15.0 looks; 9 pixels: 28.0 looks" in picture.alt


def test_geometry_tells_how_alike_the_orbits_are_and_where_layover_is() -> None:
    ridge = xr.DataArray(np.interp(np.arange(50), [20, 25, 40], [0, 100, 0]) * np.ones((40, 1)), dims=("y", "x"))
    steep = VIEW.assign(dem=ridge.assign_coords(GRID).assign_attrs(units="m"))
    steep = steep.assign_attrs(incidence_degrees=36.0, opened_from="made")
    picture = explore.geometry_figure(steep)
    _is_drawn(picture)
    # to the east it falls by 34 degrees, to the west by 63, more than the incidence and than 90 less the incidence
    assert re.search(r"descending, looks west: layover 0%, shadow [1-9]\d?%", picture.alt)
    assert re.search(r"ascending, looks east: layover [1-9]\d?%, shadow 0%", picture.alt)
    first, second = (10 * np.log10(POWER[i].values.ravel()) for i in (0, 1))
    assert f"of the two images is {np.corrcoef(first, second)[0, 1]:.2f}" in picture.alt


def test_season() -> None:
    levels = pd.DataFrame({"forest": [-6.0, -7.5], "field": [-8.0, -8.1]}, index=TIMES[:2])
    picture = explore.season_figure(levels)
    _is_drawn(picture)
    assert "forest from -7.5 to -6.0 dB; field from -8.1 to -8.0 dB" in picture.alt


def test_change_on_and_off_landslides() -> None:
    lean = xr.DataArray(np.broadcast_to(np.linspace(-30, 29, 40)[:, None], (40, 50)), dims=("y", "x"), coords=GRID)
    change = xr.where(LANDSLIDES, lean / 10, 0.0) + 0.01 * POWER[0]
    picture = explore.change_figure(change, VIEW.assign(landslides=LANDSLIDES), lean)
    _is_drawn(picture)
    assert "from -2.5 dB on slopes that look away from the radar to 2.5 dB" in picture.alt


def test_the_noise_of_real_and_practice_radar_is_drawn_side_by_side() -> None:
    statistics, fluctuations = speckle.measured()
    picture = explore.noise_figure(statistics, fluctuations)
    pixels = matplotlib.image.imread(io.BytesIO(picture.png))
    assert pixels[..., :3].std() > 0.02
    value = statistics.loc["VV: temporal standard deviation of a pixel (dB)", "OPERA site 1"]
    assert f"OPERA site 1 {value:.2f}" in picture.alt


def test_cubes_beside_each_other_say_which_of_them_is_simulated() -> None:
    picture = explore.beside_figure({"practice": VIEW, "somewhere": VIEW.assign_attrs(simulated=False)})
    assert "practice (simulated): standard deviation" in picture.alt
    assert "; somewhere: standard deviation" in picture.alt
