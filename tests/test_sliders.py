"""Plots with sliders that need no network, as far as one can tell without a browser."""

from __future__ import annotations

import subprocess
import sys

DRAW = """
import numpy as np, xarray as xr
from landslide_utils import sliders
{prepare}
import hvplot.xarray, holoviews
cube = xr.DataArray(np.zeros((2, 3, 3)), dims=("time", "y", "x"), name="vv", coords={{axis: range(n) for axis, n in zip(("time", "y", "x"), (2, 3, 3))}})
plot = cube.hvplot.image(x="x", y="y", groupby="time", dynamic=False)
print(holoviews.extension.inline, holoviews.renderer("bokeh").components(plot, comm=False)[0]["text/html"])
"""


def draw(prepare: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", DRAW.format(prepare=prepare)], capture_output=True, text=True, check=True
    ).stdout


def test_scripts_and_styles_of_a_slider_come_from_this_machine() -> None:
    assert "https://cdn" in draw("")
    drawn = draw("sliders.prepare(); sliders.prepare()")
    assert drawn.startswith("True")
    assert "noUi" in drawn or "Slider" in drawn
    assert "https://cdn" not in drawn
