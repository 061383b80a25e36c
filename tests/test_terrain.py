from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import xrspatial

from landslide_utils import terrain
from landslide_utils.composite import make_composite
from landslide_utils.cube import CubeError, open_cube
from landslide_utils.simulate.scenario import Scenario
from landslide_utils.simulate.scene import make_scene, write_cube
from landslide_utils.terrain import find_layover_and_shadow

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


def _layover_and_shadow_by_rays(z: np.ndarray, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """Return layover and shadow along one line seen from the left by definition: every pair of places compared."""
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
    layover, shadow = terrain.layover_and_shadow_along_rows(
        ground, first_col=-reach, pixel_size_m=PIXEL, looks_east=looks_east, incidence_degrees=39, reach=reach
    )
    line = ridge if looks_east else ridge[::-1]
    expected = [mask if looks_east else mask[::-1] for mask in _layover_and_shadow_by_rays(line, np.radians(39))]
    assert layover.shape == (3, width)
    for got, wanted in zip((layover, shadow), expected, strict=True):
        assert np.array_equal(got[1], wanted[reach:-reach])
    assert layover.any()
    flat = terrain.layover_and_shadow_along_rows(
        ground * 0, first_col=0, pixel_size_m=PIXEL, looks_east=looks_east, incidence_degrees=39, reach=reach
    )
    assert not any(mask.any() for mask in flat)


def test_a_cliff_casts_a_shadow_away_from_the_radar() -> None:
    ground = np.zeros((1, 100), np.float32)
    ground[:, 50:] = -400.0  # seen from the left, the ground beyond the cliff falls away
    for looks_east, expected in ((True, True), (False, False)):
        _, shadow = terrain.layover_and_shadow_along_rows(
            ground, first_col=0, pixel_size_m=PIXEL, looks_east=looks_east, incidence_degrees=39, reach=40
        )
        assert shadow.any() == expected


@pytest.mark.parametrize("look", [80.0, 280.0, 100.0])
def test_local_incidence_agrees_with_the_angle_from_xarray_spatial_s_slope_and_aspect(look: float) -> None:
    dem = _dem()
    theta = 37.0
    ours = terrain.local_incidence(dem, PIXEL, incidence_degrees=theta, look_azimuth_degrees=look)
    tilt, towards = np.radians(xrspatial.slope(dem)), np.radians(xrspatial.aspect(dem))
    to_radar = np.radians(look + 180)
    cosine = np.cos(np.radians(theta)) * np.cos(tilt) + np.sin(np.radians(theta)) * np.sin(tilt) * np.cos(
        to_radar - towards
    )
    inner = {"y": slice(1, -1), "x": slice(1, -1)}
    assert float(ours.max() - ours.min()) > 20
    assert np.allclose(ours[inner], np.degrees(np.arccos(cosine))[inner], atol=0.02)


def test_local_incidence_of_flat_ground_is_the_incidence_of_each_pixel() -> None:
    dem = _dem((20, 30)) * 0
    across = xr.zeros_like(dem) + np.linspace(30, 45, 30)
    angle = terrain.local_incidence(dem, PIXEL, incidence_degrees=across, look_azimuth_degrees=80)
    assert np.allclose(angle, across, atol=1e-4)
    assert (angle.attrs["long_name"], angle.attrs["units"]) == ("local incidence", "degrees")
    facing = dem.copy(data=np.tile(PIXEL * np.tan(np.radians(20)) * np.arange(30.0), (20, 1)))  # rises towards the east
    assert np.allclose(
        terrain.local_incidence(facing, PIXEL, incidence_degrees=39, look_azimuth_degrees=90), 19, atol=1e-3
    )
    assert np.allclose(
        terrain.local_incidence(facing, PIXEL, incidence_degrees=39, look_azimuth_degrees=270), 59, atol=1e-3
    )
    with pytest.raises(ValueError, match="incidence_degrees=95 is not between 0 and 90 degrees from the vertical"):
        terrain.local_incidence(dem, PIXEL, incidence_degrees=95, look_azimuth_degrees=80)


def _layover_and_shadow_in_3d(z: np.ndarray, theta: float, look: float, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return layover and shadow by marching from each pixel along the line of sight, heights interpolated."""
    from scipy import ndimage

    rows, cols = np.mgrid[: z.shape[0], : z.shape[1]].astype(float)
    step = 1 / abs(np.sin(look))  # one column a step
    layover, shadow = np.zeros(z.shape, bool), np.zeros(z.shape, bool)
    slant = -z * np.cos(theta)
    for n in range(1, reach + 1):
        away = n * step
        for sign in (-1, 1):  # towards the radar, away from it
            there = ndimage.map_coordinates(
                z, [rows - sign * away * np.cos(look), cols + sign * away * np.sin(look)], order=1, mode="nearest"
            )
            far = sign * away * PIXEL
            there_slant = far * np.sin(theta) - there * np.cos(theta)
            layover |= there_slant > slant if sign < 0 else there_slant < slant
            if sign < 0:
                shadow |= there - away * PIXEL / np.tan(theta) > z
    return layover, shadow


@pytest.mark.parametrize("look", [80.0, 278.0, 90.0])
def test_layover_and_shadow_follow_the_real_line_of_sight(look: float) -> None:
    rows, cols = np.mgrid[:150, :160]
    hills = 260 * np.exp(-(((cols - 60) / 10) ** 2) - ((rows - 60) / 22) ** 2) + 200 * np.exp(
        -(((cols - 105) / 7) ** 2) - ((rows - 90) / 9) ** 2
    )
    dem = xr.DataArray(
        hills.astype("float32"), dims=("y", "x"), coords={"y": -PIXEL * rows[:, 0], "x": PIXEL * cols[0]}
    )
    masks = terrain.layover_and_shadow(dem, PIXEL, incidence_degrees=39, look_azimuth_degrees=look, reach_m=400)
    for name, expected in zip(
        ("layover", "shadow"), _layover_and_shadow_in_3d(hills, np.radians(39), np.radians(look), 40), strict=True
    ):
        both, either = (masks[name].values & expected).sum(), (masks[name].values | expected).sum()
        assert expected.sum() > 100
        assert both / either > (0.999 if look == 90 else 0.93), name  # half a row of rounding along the rims
    with pytest.raises(ValueError, match="look_azimuth_degrees=10 is not within 45 degrees of east"):
        terrain.layover_and_shadow(dem, PIXEL, incidence_degrees=39, look_azimuth_degrees=10)


def test_strips_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    dem = _dem((90, 100)) * 3
    whole = terrain.layover_and_shadow(dem, PIXEL, incidence_degrees=30, look_azimuth_degrees=281, reach_m=300)
    monkeypatch.setattr(terrain, "STRIP", 17)
    assert whole.identical(
        terrain.layover_and_shadow(dem, PIXEL, incidence_degrees=30, look_azimuth_degrees=281, reach_m=300)
    )
    assert whole["layover"].any()


def test_what_a_practice_cube_masks_is_found_from_its_terrain(tmp_path: Path) -> None:
    scenario = Scenario(height=160, width=240, steepness=3.0, days_ascending=(-3.6, 8.4), days_descending=(-5.1, 0.9))
    masked = open_cube(str(write_cube(make_scene(scenario), tmp_path / "masked.zarr")))
    composite = make_composite(masked, channels="vv", timesteps=1)
    assert masked.attrs["incidence_degrees"] == scenario.incidence_degrees
    assert composite["image"].attrs["simulated"] is True
    orbit = composite.attrs["orbit"]
    due = 90 if orbit == "ascending" else 270  # where the simulator looks
    masks = find_layover_and_shadow(masked, orbit=orbit, look_azimuth_degrees=due)
    found = (masks["layover"] | masks["shadow"]).values[:, 64:-64]  # beyond the edge the ground is not known
    missing = np.isnan(composite["image"].values).any(0)[:, 64:-64]
    assert missing.mean() > 0.01
    assert (found & missing).sum() / (
        found | missing
    ).sum() > 0.95  # the simulator looks less far along a line of sight


def test_layover_and_shadow_need_terrain_an_orbit_and_an_angle(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    assert cube.attrs["incidence_degrees"] == 36  # of los.rdr_0
    with pytest.raises(CubeError, match="variable dem is missing") as caught:
        find_layover_and_shadow(cube.drop_vars("dem").assign_attrs(incidence_degrees=None), orbit="unknown")
    assert len(caught.value.faults) == 3
    assert "ascending and descending passes only" in str(caught.value)
    assert "pass incidence_degrees" in str(caught.value)
    with pytest.raises(CubeError, match="must be between 10 and 70"):
        find_layover_and_shadow(cube, orbit="ascending", incidence_degrees=0.6)
    with pytest.raises(CubeError, match="the cube is in degrees"):
        find_layover_and_shadow(cube.rio.write_crs("EPSG:4326"), orbit="ascending")
