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


def _hidden_by_rays(z: np.ndarray, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """Return layover and shadow along one line seen from the left, straight from their definitions, every pair of places compared."""
    d = PIXEL * np.arange(len(z))
    slant = d * np.sin(theta) - z * np.cos(theta)
    layover, shadow = np.zeros(len(z), bool), np.zeros(len(z), bool)
    for i in range(len(z)):
        nearer, farther = slice(0, i), slice(i + 1, None)
        layover[i] = (slant[nearer] > slant[i]).any() or (slant[farther] < slant[i]).any()
        shadow[i] = (z[nearer] - (d[i] - d[nearer]) / np.tan(theta) > z[i]).any()
    return layover, shadow


@pytest.mark.parametrize("looks_east", [True, False])
def test_layover_and_shadow_are_what_rays_say(looks_east: bool) -> None:
    reach, width = 40, 60
    cols = np.arange(width + 2 * reach)
    ridge = 250 * np.exp(-(((cols - 65) / 9.0) ** 2)) + 180 * np.exp(-(((cols - 90) / 5.0) ** 2))
    ground = np.tile(ridge.astype("float32"), (3, 1))
    layover, shadow = terrain.layover_and_shadow(
        ground, first_col=-reach, pixel_size_m=PIXEL, looks_east=looks_east, incidence_degrees=39, reach=reach
    )
    line = ridge if looks_east else ridge[::-1]
    expected = [mask if looks_east else mask[::-1] for mask in _hidden_by_rays(line, np.radians(39))]
    assert layover.shape == (3, width)
    for got, wanted in zip((layover, shadow), expected, strict=True):
        assert np.array_equal(got[1], wanted[reach:-reach])
    assert layover.any()
    flat = terrain.layover_and_shadow(
        ground * 0, first_col=0, pixel_size_m=PIXEL, looks_east=looks_east, incidence_degrees=39, reach=reach
    )
    assert not any(mask.any() for mask in flat)


def test_a_cliff_casts_a_shadow_away_from_the_radar() -> None:
    ground = np.zeros((1, 100), np.float32)
    ground[:, 50:] = -400.0  # seen from the left, the ground beyond the cliff falls away
    for looks_east, expected in ((True, True), (False, False)):
        _, shadow = terrain.layover_and_shadow(
            ground, first_col=0, pixel_size_m=PIXEL, looks_east=looks_east, incidence_degrees=39, reach=40
        )
        assert shadow.any() == expected


@pytest.mark.parametrize("looks_east", [True, False])
def test_hidden_ground_of_a_scene_is_the_same_however_it_is_cut(looks_east: bool) -> None:
    rows, cols = np.mgrid[:40, :300]
    z = 250 * np.exp(-(((cols - 150 - rows) / 9.0) ** 2)) + 180 * np.exp(-(((cols - 220) / 5.0) ** 2))
    dem = xr.DataArray(z.astype("float32"), dims=("y", "x"), coords={"y": -10.0 * rows[:, 0], "x": 10.0 * cols[0]})
    options = {"looks_east": looks_east, "incidence_degrees": 39.0, "reach": 40}
    whole = terrain.hidden(dem, PIXEL, **options)
    level = np.pad(z[7], 40, mode="edge")  # beyond the edge the ground goes on level
    line = level if looks_east else level[::-1]
    for name, expected in zip(("layover", "shadow"), _hidden_by_rays(line, np.radians(39)), strict=True):
        assert np.array_equal(whole[name].values[7], (expected if looks_east else expected[::-1])[40:-40])
        assert whole[name].any()
    lazy = terrain.hidden(dem.chunk({"y": 17, "x": 33}), PIXEL, **options)
    assert lazy["layover"].chunks is not None
    xr.testing.assert_identical(lazy.load(), whole)


def test_a_hole_in_the_terrain_hides_nothing() -> None:
    ridge = 250 * np.exp(-(((np.arange(200) - 100) / 9.0) ** 2))
    dem = xr.DataArray(np.tile(ridge.astype("float32"), (3, 1)), dims=("y", "x"))
    options = {"looks_east": True, "incidence_degrees": 39.0}
    whole = terrain.hidden(dem, PIXEL, **options)
    hole = dem.copy()
    hole[:, 20:30] = np.nan  # on level ground
    hole[1] = np.nan
    found = terrain.hidden(hole, PIXEL, **options)
    assert np.array_equal(found["layover"][0], whole["layover"][0])
    assert np.array_equal(found["shadow"][0], whole["shadow"][0])
    assert not found["layover"][1].any()
