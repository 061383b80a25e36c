from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rioxarray  # noqa: F401
import shapely
import simulator as benchmark  # benchmarks/simulator.py
import xarray as xr
from rasterio.transform import from_origin
from real_scene import real_scene
from scipy import stats

from landslide_utils.grid import Window, rasterise
from landslide_utils.regions import REGIONS, parse_instant
from landslide_utils.simulate import landslides, radar
from landslide_utils.simulate.ground import elevation
from landslide_utils.simulate.scenario import PRACTICE, SCENARIOS, Scenario
from landslide_utils.simulate.scene import SimulatedScene, is_intact, make_scene, practice_cube, write_cube

FEW = {"days_descending": (-11.14, -5.14, 0.86, 6.86), "days_ascending": (-15.64, -3.64, 8.36)}
SMALL = Scenario(height=300, width=340, shaking_radius_m=1500, landslide_share=0.03, **FEW)


@pytest.fixture(scope="module")
def scene() -> SimulatedScene:
    return make_scene(SMALL)


@pytest.fixture(scope="module")
def whole(scene: SimulatedScene) -> dict[str, np.ndarray]:
    return scene.simulate(Window(0, 0, SMALL.height, SMALL.width))


def test_a_window_made_alone_is_the_same_to_the_byte(scene: SimulatedScene, whole: dict[str, np.ndarray]) -> None:
    for window in (Window(0, 0, 100, 90), Window(101, 57, 130, 83), Window(299, 339, 1, 1)):
        part = scene.simulate(window)
        rows, cols = slice(window.row, window.row + window.height), slice(window.col, window.col + window.width)
        for name in ("vv", "vh", "dem", "landslides"):
            assert np.array_equal(part[name], whole[name][..., rows, cols], equal_nan=True), name


def test_same_seed_same_cube_other_seed_other_cube(whole: dict[str, np.ndarray]) -> None:
    window = Window(40, 40, 60, 60)
    again = make_scene(SMALL).simulate(window)
    other = make_scene(SMALL.replace(seed=SMALL.seed + 1)).simulate(window)
    assert np.array_equal(again["vv"], whole["vv"][:, 40:100, 40:100], equal_nan=True)
    assert not np.array_equal(other["vv"], again["vv"])


def test_landslides_cover_the_share_that_was_asked_for(whole: dict[str, np.ndarray]) -> None:
    assert np.nanmean(whole["landslides"] == 1) == pytest.approx(SMALL.landslide_share, rel=0.2)


@pytest.fixture(scope="module")
def ground() -> np.ndarray:
    return elevation(Scenario(), Window(0, 0, Scenario().height, Scenario().width))


def test_slopes_are_like_the_hokkaido_core(ground: np.ndarray) -> None:
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(ground, Scenario().pixel_size_m))))
    wanted = [2.0, 7.6, 15.1, 22.2, 30.1]  # percentiles 5/25/50/75/95 at 10 m
    assert np.abs(np.percentile(slope, [5, 25, 50, 75, 95]) - wanted).max() < 3


def test_landslides_have_the_inventory_s_sizes_and_run_downhill(ground: np.ndarray) -> None:
    scenario = Scenario()
    slides = landslides.make_landslides(scenario, ground)
    area = np.array([slide.area for slide in slides]) * scenario.pixel_size_m**2
    wanted = np.array([879, 2019, 3885, 7923, 23327])  # the real inventory's percentiles 5/25/50/75/95, m2
    ratio = np.percentile(area, [5, 25, 50, 75, 95]) / wanted
    assert ((ratio > 1 / 1.5) & (ratio < 1.5)).all()
    boxes = [np.array(slide.minimum_rotated_rectangle.exterior.coords) for slide in slides]
    sides = np.sort([np.hypot(*np.diff(box[:3], axis=0).T) for box in boxes], axis=1) * scenario.pixel_size_m
    for side, wanted in ((sides[:, 1], [42, 69, 101, 152, 281]), (sides[:, 0], [25, 38, 54, 80, 146])):
        ratio = np.percentile(side, [5, 25, 50, 75, 95]) / wanted
        assert ((ratio > 1 / 1.5) & (ratio < 1.5)).all()
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(ground, scenario.pixel_size_m))))
    on = rasterise(slides, Window(0, 0, *ground.shape)) > 0
    assert slope[on].mean() > slope[~on].mean() + 4


def test_speckle_has_the_number_of_looks_that_was_asked_for() -> None:
    normal, db = radar.speckle_table(4.8)
    power = 10 ** (np.interp(np.random.default_rng(0).standard_normal(400_000), normal, db) / 10)
    assert power.mean() == pytest.approx(1, abs=0.01)
    assert 1 / power.var() == pytest.approx(4.8, rel=0.02)
    assert stats.kstest(power[:20_000], stats.gamma(4.8, scale=1 / 4.8).cdf).pvalue > 0.01


def test_a_slope_that_faces_the_radar_is_positive_in_one_orbit_and_negative_in_the_other() -> None:
    falls_east = (
        np.zeros((2, 2), np.float32),
        np.ones((2, 2), np.float32),
    )  # descent to the south, descent to the east
    assert (radar.facing(*falls_east, "descending") > 0.9).all()  # looking west, it meets slopes that fall to the east
    assert (radar.facing(*falls_east, "ascending") < -0.9).all()


def test_landslides_brighten_towards_the_radar_and_darken_away() -> None:
    scenario = SMALL.replace(slide_vv_db=0.0, slide_sd_db=0.0, visible_share=1.0, harvest_share=0.0, logging_share=0.0)
    scene = make_scene(scenario)
    window = Window(0, 0, scenario.height, scenario.width)
    cube = scene.simulate(window)
    passes = scenario.passes()
    event = np.datetime64(scenario.event_time)
    before = [i for i, (t, o) in enumerate(passes) if o == "descending" and np.datetime64(t) < event]
    after = [i for i, (t, o) in enumerate(passes) if o == "descending" and np.datetime64(t) > event]
    change = 10 * np.log10(cube["vv"][after].mean(0) / cube["vv"][before].mean(0))
    rise = np.gradient(cube["dem"], scenario.pixel_size_m)
    facing = radar.facing(-rise[0], -rise[1], "descending")
    slid = cube["landslides"] == 1
    towards, away = np.nanmean(change[slid & (facing > 0.2)]), np.nanmean(change[slid & (facing < -0.2)])
    still = np.nanmean(change[~slid])
    assert towards - still > 1
    assert away - still < -1


def test_the_store_has_the_published_layout_and_says_that_it_is_simulated(
    scene: SimulatedScene, tmp_path: Path
) -> None:
    path = write_cube(scene, tmp_path / "cube.zarr")
    cube = xr.open_zarr(path)
    assert cube["vv"].dims == ("timestep", "y", "x")
    assert set(cube["orbit"].values) == {"a", "d"}
    assert cube.attrs["simulated"] is True
    assert json.loads(cube.attrs["scenario"])["seed"] == SMALL.seed
    assert np.isnan(cube["landslides"].values).any()
    assert [p.name for p in tmp_path.iterdir()] == ["cube.zarr"]


def test_an_interrupted_write_leaves_nothing(
    scene: SimulatedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(radar, "backscatter", fails)
    with pytest.raises(OSError, match=r"the disk is full: .* were written"):
        write_cube(scene, tmp_path / "cube.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_practice_cube_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path))
    monkeypatch.setitem(PRACTICE, "practice_earthquake", Scenario(height=128, width=128))
    path = practice_cube("practice_earthquake")
    first = (path / ".zmetadata").stat().st_mtime_ns
    assert practice_cube("practice_earthquake") == path
    assert (path / ".zmetadata").stat().st_mtime_ns == first
    monkeypatch.setitem(PRACTICE, "practice_earthquake", Scenario(height=128, width=128, seed=1))
    assert practice_cube("practice_earthquake") != path  # other parameters are another cube
    with pytest.raises(ValueError, match="not a practice region"):
        practice_cube("hokkaido_japan")


def test_impossible_scenarios_are_refused_all_at_once() -> None:
    with pytest.raises(ValueError, match="impossible scenario") as raised:
        Scenario(seed=-1, height=20, looks=-1, visible_share=1.2, speckle_neighbour=0.7, event_time="2018-09-05")
    for part in ("seed=-1", "height=20", "looks=-1", "visible_share=1.2", "speckle_neighbour=0.7", "is a day"):
        assert part in str(raised.value)


def _dem(shape: tuple[int, int] = (200, 210), crs: str | None = "EPSG:32654") -> xr.DataArray:
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    dem = xr.DataArray((100 + 40 * np.sin(rows / 20) + cols).astype("float32"), dims=("y", "x"))
    dem = dem.assign_coords(y=4_740_000 - 10.0 * np.arange(shape[0]), x=500_000 + 10.0 * np.arange(shape[1]))
    dem = dem.rio.write_transform(from_origin(499_995, 4_740_005, 10, 10))
    return dem.rio.write_crs(crs) if crs else dem


def test_the_caller_s_ground_and_polygons_are_used() -> None:
    square = shapely.box(500_495, 4_739_005, 500_595, 4_739_105)
    scene = real_scene(_dem(), gpd.GeoSeries([square], crs="EPSG:32654"))
    cube = scene.simulate(Window(0, 0, scene.scenario.height, scene.scenario.width))
    assert (cube["landslides"] == 1).sum() == 100
    rows, cols = np.nonzero(cube["landslides"] == 1)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (90, 99, 50, 59)
    assert np.allclose(cube["dem"][50:150, 50:150], _dem().values[50:150, 50:150], atol=1)


def test_bad_ground_and_polygons_are_refused() -> None:
    with pytest.raises(ValueError, match="no coordinate reference system"):
        real_scene(_dem(crs=None))
    holed = _dem()
    holed[50, 60] = np.nan
    elsewhere = gpd.GeoSeries([shapely.box(0, 0, 10, 10)], crs="EPSG:32654")
    with pytest.raises(ValueError, match=r"1 missing pixels(.|\n)*none of the 1 landslide polygons"):
        real_scene(holed, elsewhere)
    with pytest.raises(ValueError, match="at least 128 x 128"):
        real_scene(_dem((100, 300)))
    with pytest.raises(ValueError, match=r"set_crs"):
        real_scene(_dem(), gpd.GeoSeries([shapely.box(0, 0, 10, 10)]))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("chunk", [97, 512])
def test_chunks_and_workers_make_no_difference(
    scene: SimulatedScene, whole: dict[str, np.ndarray], chunk: int, workers: int
) -> None:
    cube = scene.dataset(chunk).compute(scheduler="threads", num_workers=workers)
    for name in ("vv", "vh", "dem", "landslides"):
        assert np.array_equal(cube[name].values, whole[name], equal_nan=True), name


def test_high_mountains_hide_places_from_the_radar() -> None:
    alps = Scenario(
        height=200, width=220, relief_scale=1.0, steepness=3.0, days_ascending=(-3.6, 8.4), days_descending=(-5.1, 0.9)
    )
    window = Window(0, 0, 200, 220)
    masked = make_scene(alps).simulate(window)
    masked_pixels = np.isnan(masked["vv"])
    assert 0.02 < masked_pixels.mean() < 0.5
    orbits = np.array([orbit for _, orbit in alps.passes()])
    ascending, descending = (masked_pixels[orbits == orbit].all(0) for orbit in ("ascending", "descending"))
    assert (ascending & ~descending).any()
    assert (descending & ~ascending).any()
    wrong = make_scene(alps.replace(mask_hidden=False)).simulate(window)
    assert np.isfinite(wrong["vv"]).all()
    assert np.array_equal(wrong["vv"][~masked_pixels], masked["vv"][~masked_pixels])
    db = 10 * np.log10(wrong["vv"])
    assert db[masked_pixels].std() > db[~masked_pixels].std()  # layover too bright, shadow at the noise floor


def test_foreshortening_follows_the_sine_of_local_incidence() -> None:
    tilt = np.tan(np.radians(np.array([-20.0, 0.0, 20.0], np.float32)))
    expected = 10 * np.log10(np.sin(np.radians(36)) / np.sin(np.radians([56, 36, 16])))
    assert np.allclose(radar.foreshortening(tilt, 36.0), expected, atol=1e-4)


def test_wet_snow_darkens_the_heights_until_the_snow_line_has_passed() -> None:
    snowy = SMALL.replace(snow_line_m=300.0, snow_line_rise_m_a_day=10.0, landslide_share=0.0)
    window = Window(0, 0, SMALL.height, SMALL.width)
    bare = make_scene(SMALL.replace(landslide_share=0.0)).simulate(window)
    cube = make_scene(snowy).simulate(window)
    start, _ = snowy.event()
    for t, (instant, _) in enumerate(snowy.passes()):
        line = 300 + 10 * (instant - start).total_seconds() / 86_400
        change = 10 * np.log10(cube["vv"][t] / bare["vv"][t])
        above = cube["dem"] > line
        assert np.allclose(change[above & np.isfinite(change)], radar.WET_SNOW_DB, atol=1e-3)
        assert np.allclose(change[~above & np.isfinite(change)], 0, atol=1e-3)


@pytest.mark.parametrize(
    ("names", "values"), [("letters", {"a", "d"}), ("words", {"ascending", "descending"}), ("absent", None)]
)
def test_the_orbit_is_said_as_in_the_published_cubes(names: str, values: set[str] | None) -> None:
    cube = make_scene(SMALL.replace(orbit_names=names)).dataset()
    assert (set(cube["orbit"].values) if values else None) == values
    assert ("orbit" in cube) == (values is not None)


def test_a_damaged_practice_cube_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path))
    monkeypatch.setitem(PRACTICE, "practice_small", Scenario(height=128, width=128))
    path = practice_cube("practice_small")
    before = xr.open_zarr(path).load()
    chunk = path / "vv" / "0.0.0"
    chunk.write_bytes(chunk.read_bytes()[:-5] + b"wrong")
    with pytest.warns(UserWarning, match="is damaged; it is made anew"):
        assert practice_cube("practice_small") == path
    xr.testing.assert_identical(xr.open_zarr(path).load(), before)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    (path / "dem" / "0.0").unlink()
    assert not is_intact(path)


def test_practice_regions_and_their_scenarios_agree() -> None:
    assert {name for name, region in REGIONS.items() if region.simulated} == set(SCENARIOS)
    for name, scenario in SCENARIOS.items():
        start, end = scenario.event()
        region = REGIONS[name]
        assert parse_instant(region.event_time) == start
        assert parse_instant(region.event_end or region.event_time) == end
        assert "simulated" in region.title
        orbits = {orbit for _, orbit in scenario.passes()}
        most = max(
            min(
                sum(o == orbit and t < start for t, o in scenario.passes()),
                sum(o == orbit and t > end for t, o in scenario.passes()),
            )
            for orbit in orbits
        )
        assert most >= 4  # every practice region can be run with every number of timesteps


@pytest.mark.slow
def test_the_earthquake_region_is_like_hokkaido() -> None:
    measured = benchmark.measure("practice_earthquake")
    for quantity, (low, high) in benchmark.TARGETS["practice_earthquake"].items():
        if not quantity.startswith("seconds"):
            assert low <= measured[quantity] <= high, f"{quantity}: {measured[quantity]:.3f} is not in {low} to {high}"


@pytest.mark.slow
def test_the_mountain_region_is_like_kaikoura() -> None:
    measured = benchmark.measure("practice_mountains")
    for quantity, (low, high) in benchmark.TARGETS["practice_mountains"].items():
        assert low <= measured[quantity] <= high, f"{quantity}: {measured[quantity]:.3f} is not in {low} to {high}"


def test_every_practice_region_has_hills_of_its_own() -> None:
    window = Window(0, 0, 400, 400)
    hills = [elevation(scenario, window).ravel() for scenario in SCENARIOS.values()]
    apart = np.abs(np.corrcoef(hills))[np.triu_indices(len(hills), 1)]
    assert apart.max() < 0.8


def test_a_share_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(ValueError, match=r"landslide_share=0.9 cannot be reached: the shaken slopes have room for 0\."):
        make_scene(SMALL.replace(landslide_share=0.9, shaking_radius_m=300))


def test_points_are_no_polygons_and_a_band_is_squeezed() -> None:
    with pytest.raises(ValueError, match="the landslides hold Point; polygons are needed"):
        real_scene(_dem(), gpd.GeoSeries([shapely.Point(500_500, 4_739_500)], crs="EPSG:32654"))
    square = gpd.GeoSeries([shapely.box(500_495, 4_739_005, 500_595, 4_739_105), None], crs="EPSG:32654")
    scene = real_scene(_dem().expand_dims(band=[1]), square)
    assert len(scene.landslides) == 1
