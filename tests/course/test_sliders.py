"""Plots with sliders that need no network: their styles. ``make browser-test`` looks at their scripts, in a browser."""

from __future__ import annotations

import subprocess
import sys

import pytest

DRAW = """
import numpy as np, xarray as xr
from landslide_utils.course import sliders
{prepare}
import hvplot.xarray, holoviews
coords = {{"time": range(2), "y": range(3), "x": range(3)}}
cube = xr.DataArray(np.zeros((2, 3, 3)), coords, ("time", "y", "x"), name="vv")
plot = cube.hvplot.image(x="x", y="y", groupby="time", dynamic=False)
print(holoviews.renderer("bokeh").components(plot, comm=False)[0]["text/html"])
"""


def draw(prepare: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", DRAW.format(prepare=prepare)], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.slow
def test_a_slider_s_styles_come_from_this_machine() -> None:
    assert "https://cdn" in draw("")
    drawn = draw("sliders.prepare(); sliders.prepare()")
    assert "Slider" in drawn
    assert "https://cdn" not in drawn
