from __future__ import annotations

import re

import numpy as np
import xarray as xr

from landslide_utils.figures.swipe import swipe_figure


def test_before_and_after_are_alike_but_for_what_they_show() -> None:
    axes = {"y": 4_740_000 - 10.0 * np.arange(40), "x": 500_000 + 10.0 * np.arange(40)}
    values = np.random.default_rng(0).normal(-8, 2, (2, 40, 40))
    image = xr.DataArray(values, {"channel": ["vv_before", "vv_after"], **axes}, ("channel", "y", "x"))
    shown = swipe_figure(xr.Dataset({"image": image}, attrs={"simulated": True}))
    assert shown.left.png[16:24] == shown.right.png[16:24]  # width and height in a PNG
    assert shown.left.png != shown.right.png
    page = shown._repr_html_()
    assert re.findall(r'alt="VV backscatter \(simulated\) (\w+) the event', page) == ["before", "after"]
    assert page.count('type="range"') == page.count("aria-label") == 1
    assert "http" not in page
