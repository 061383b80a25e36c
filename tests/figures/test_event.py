"""Figures of an event: which pass is on which side, and how the radar sees the ground."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landslide_utils.figures import event

TIMES = pd.date_range("2018-08-01T20:38", periods=6, freq="12D").to_numpy()
ORBITS = ["descending", "ascending"] * 3
INSTANT = "2018-09-05T18:07:59"
CUBE = xr.Dataset(
    coords={"time": TIMES, "orbit": ("time", ORBITS)},
    attrs={"event_time": INSTANT, "event_end": INSTANT, "simulated": True},
)


@pytest.mark.parametrize("chosen", [(), tuple(TIMES[:2])])
def test_the_line_of_time_counts_passes_on_both_sides(chosen: tuple[np.datetime64, ...]) -> None:
    picture = event.timeline_figure(CUBE, chosen)
    assert "simulated" in picture.alt
    assert len(picture.png) > 5000
    early = [
        orbit for instant, orbit in zip(TIMES, ORBITS, strict=True) if instant < np.datetime64("2018-09-05T18:07:59")
    ]
    assert f"descending: {early.count('descending')} before and {3 - early.count('descending')} after" in picture.alt
    assert ("2 passes are ringed" in picture.alt) == bool(chosen)
    assert "simulated" not in event.timeline_figure(CUBE.assign_attrs(simulated=False)).alt


def test_a_pass_during_the_event_is_neither_before_nor_after() -> None:
    storm = CUBE.assign_attrs(event_time="2018-09-05T18:07:59", event_end="2018-09-07T00:00:00")
    assert np.datetime64("2018-09-06T20:38") in TIMES
    picture = event.timeline_figure(storm)
    assert "ascending: 1 before, 1 during and 1 after" in picture.alt
    assert "descending: 2 before and 1 after" in picture.alt


def test_layover_and_shadow_are_counted_over_the_incidence() -> None:
    grid = {"y": np.arange(20)[::-1] * 10.0, "x": np.arange(30) * 10.0}
    attrs = {"long_name": "local incidence", "units": "degrees"}
    angle = xr.DataArray(np.linspace(10, 80, 600).reshape(20, 30), dims=("y", "x"), coords=grid, attrs=attrs)
    picture = event.incidence_figure(
        CUBE, angle, xr.Dataset({"layover": angle < 17, "shadow": angle > 90}), orbit="descending"
    )
    assert "a descending pass (simulated): local incidence from 10 to 80 degrees" in picture.alt
    assert "in layover: 10.0%, in shadow: 0.0%" in picture.alt
