from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import xrspatial

from landslide_utils import terrain

PIXEL = 10.0


def _dem(shape: tuple[int, int] = (60, 70)) -> xr.DataArray:
    random = np.random.default_rng(4)
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    ground = 300 + 80 * np.sin(rows / 9) * np.cos(cols / 13) + random.normal(0, 1, shape)
    coords = {"y": 4_740_000 - PIXEL * np.arange(shape[0]), "x": 500_000 + PIXEL * np.arange(shape[1])}
    return xr.DataArray(ground.astype("float32"), dims=("y", "x"), coords=coords, attrs={"res": (PIXEL, PIXEL)})


def test_slope_aspect_and_curvature_agree_with_xarray_spatial() -> None:
    dem = _dem()
    inner = {"y": slice(1, -1), "x": slice(1, -1)}
    assert np.allclose(terrain.slope(dem, PIXEL)[inner], xrspatial.slope(dem)[inner], atol=1e-3)
    east, north = terrain.aspect_parts(dem, PIXEL)
    ours = np.degrees(np.arctan2(east, north)) % 360
    apart = np.abs((ours - xrspatial.aspect(dem) + 180) % 360 - 180)
    assert float(apart[inner].max()) < 0.05
    assert np.allclose(terrain.curvature(dem, PIXEL)[inner], xrspatial.curvature(dem)[inner], atol=1e-2)


def test_a_tilted_plane_is_the_same_up_to_the_edge() -> None:
    _rows, cols = np.mgrid[:20, :30]
    dem = _dem((20, 30)).copy(data=(100 - 10.0 * np.tan(np.radians(25)) * cols).astype("float32"))
    assert np.allclose(terrain.slope(dem, PIXEL), 25, atol=1e-3)
    east, north = terrain.aspect_parts(dem, PIXEL)
    assert np.allclose(east, 1)
    assert np.allclose(north, 0, atol=1e-5)
    assert np.allclose(terrain.curvature(dem, PIXEL), 0, atol=1e-3)


def test_flat_ground_has_no_aspect_and_holes_stay_holes() -> None:
    dem = _dem((20, 30)) * 0
    assert (terrain.slope(dem, PIXEL) == 0).all()
    assert all((part == 0).all() for part in terrain.aspect_parts(dem, PIXEL))
    dem[5, 5] = np.nan
    assert np.isnan(terrain.slope(dem, PIXEL)[4:7, 4:7]).sum() >= 8
    assert np.isnan(terrain.aspect_parts(dem, PIXEL)[0][4, 5])


def test_a_ridge_is_positive_and_a_valley_negative() -> None:
    rows, _ = np.mgrid[:21, :30]
    ridge = _dem((21, 30)).copy(data=(-np.abs(rows - 10.0)).astype("float32"))
    assert terrain.curvature(ridge, PIXEL)[10, 15] > 0
    assert terrain.curvature(-ridge, PIXEL)[10, 15] < 0


@pytest.mark.parametrize("function", [terrain.slope, terrain.curvature, lambda d, p: terrain.aspect_parts(d, p)[1]])
def test_chunks_make_no_difference(function) -> None:  # type: ignore[no-untyped-def]
    dem = _dem()
    lazy = function(dem.chunk({"y": 17, "x": 23}), PIXEL)
    assert lazy.chunks is not None
    assert np.array_equal(lazy.values, function(dem, PIXEL).values)
