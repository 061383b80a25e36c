from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from landslide_utils.polygons import found_landslides


def test_each_landslide_is_found_in_part() -> None:
    labels = np.zeros((20, 20), bool)
    labels[2:6, 2:7] = True  # 20 pixels
    labels[6, 7] = True  # touches it at a corner
    labels[12:14, 12:14] = True  # 4 pixels, one outside the mask
    coords = {"y": 10.0 * np.arange(20)[::-1], "x": 10.0 * np.arange(20)}
    truth = xr.DataArray(labels, dims=("y", "x"), coords=coords)
    score = truth.copy(data=np.zeros((20, 20), "float32"))
    score.values[2:4, 2:7] = 0.9
    score.values[12, 12] = 0.5
    mask = truth.copy(data=np.ones((20, 20), bool))
    mask.values[13, 13] = False
    found = found_landslides(
        score, truth, mask, threshold=0.5, height=truth.copy(data=np.arange(400.0).reshape(20, 20))
    )
    assert found["area_m2"].tolist() == [2100, 300]
    assert found["found"].tolist() == pytest.approx([10 / 21, 1 / 3])
    assert found["height"].iloc[1] == pytest.approx(np.mean([252, 253, 272]))
