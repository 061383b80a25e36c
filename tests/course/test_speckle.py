from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage
from sklearn.metrics import average_precision_score

from landslide_utils.course import speckle
from landslide_utils.simulate import radar, random_fields


def _stack(looks: float, neighbour: float, offset: float = 0.0, passes: int = 12, size: int = 200) -> xr.DataArray:
    normal, db = radar.speckle_table(looks)
    window = random_fields.Window(0, 0, size, size)
    layers = [
        np.interp(random_fields.speckled(0, (t, str(looks)), window, neighbour), normal, db) for t in range(passes)
    ]
    level = np.random.default_rng(0).normal(-7, offset, passes)[:, None, None] + 3 * np.sin(np.arange(size) / 9)
    return xr.DataArray(10 ** ((np.array(layers) + level) / 10), dims=("time", "y", "x"))


def test_known_noise_is_measured() -> None:
    vv, vh = _stack(5.0, 0.25, offset=0.7), _stack(9.0, 0.0)
    found = speckle.describe(vv, vh)
    assert found["VV: equivalent number of looks"] == pytest.approx(5, rel=0.05)
    assert found["VH: equivalent number of looks"] == pytest.approx(9, rel=0.05)
    assert found["VV: correlation of neighbours"] == pytest.approx(0.25, abs=0.03)
    assert found["VH: correlation of neighbours"] == pytest.approx(0, abs=0.03)
    offsets = np.random.default_rng(0).normal(-7, 0.7, 12)
    assert found["VV: standard deviation of the scene's median (dB)"] == pytest.approx(offsets.std(ddof=1), rel=0.05)
    assert found["VH: standard deviation of the scene's median (dB)"] < 0.05
    assert found["correlation of VV and VH"] == pytest.approx(0, abs=0.03)


def test_averaging_nine_independent_pixels_gives_nine_times_the_looks() -> None:
    vv = _stack(5.0, 0.0)
    coarse = vv.coarsen(x=3, y=3, boundary="trim").mean()
    assert coarse.shape == (12, 66, 66)
    assert speckle.describe(coarse, coarse)["VV: equivalent number of looks"] == pytest.approx(45, rel=0.08)


def test_pixels_without_data_are_left_out() -> None:
    vv = _stack(5.0, 0.25)
    holed = vv.copy(deep=True)
    holed[3, 20:60, 20:60] = np.nan
    holed[5, 100:110, 100:110] = 0
    full, found = speckle.describe(vv, vv), speckle.describe(holed, vv)
    for name, value in full.items():
        assert found[name] == pytest.approx(value, abs=0.1, rel=0.05)


def test_fluctuations_are_a_density_without_the_scene_s_own_level() -> None:
    density = speckle.fluctuations(_stack(5.0, 0.25, offset=2.0))
    assert float(density.sum()) * 0.5 == pytest.approx(1, abs=0.01)
    assert abs(float(density.idxmax())) < 1


def test_what_a_filter_leaves_of_speckle_and_of_edges_is_measured() -> None:
    random = np.random.default_rng(0)
    landslides = xr.DataArray(np.tile(np.arange(160) % 40 < 8, (160, 1)), dims=("y", "x"))
    clean = (landslides * 0.0 + 0.2, xr.where(landslides, 0.8, 0.2))
    one = tuple(layer * random.gamma(5, 1 / 5, layer.shape) for layer in clean)
    holed = tuple(layer.copy(data=ndimage.uniform_filter(layer.values, 5)) for layer in one)
    holed[1][80:, :40] = np.nan
    found = speckle.judge({"one": one, "mean": holed}, clean, landslides)
    assert (found.dtypes == "float64").all()  # 32 bits are not rounded to two places when shown
    assert found.loc["one", "looks"] == pytest.approx(5, rel=0.05)
    assert found.loc["mean", "looks"] == pytest.approx(125, rel=0.25)
    assert found.loc["one", "edge kept"] == pytest.approx(1, abs=0.02)
    # inside the edge 3 of 5 columns have four times the power, outside 2 of 5
    jump = np.log((3 * 4 + 2) / (2 * 4 + 3)) / np.log(4)
    assert found.loc["mean", "edge kept"] == pytest.approx(jump, abs=0.03)
    known = np.isfinite(holed[1].values)  # of all images the same pixels
    change = np.log10(one[1] / one[0]).values[known]
    assert found.loc["one", "AUPRC"] == pytest.approx(
        average_precision_score(landslides.values[known], abs(change - np.median(change))), abs=0.02
    )
    assert found.loc["one", "AUPRC"] < found.loc["mean", "AUPRC"]


def test_what_was_measured_on_real_radar_is_there() -> None:
    statistics, fluctuations = speckle.measured()
    assert list(statistics.columns) == ["OPERA site 1", "OPERA site 2"]
    assert statistics.loc["VV: equivalent number of looks"].between(6, 9).all()
    assert fluctuations.shape[1] == 4
