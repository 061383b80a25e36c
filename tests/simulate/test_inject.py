"""Landslides in quiet passes: where they lie, what they change, and what stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landslide_utils.cube import CubeError, open_cube
from landslide_utils.files import InputError
from landslide_utils.simulate import inject
from landslide_utils.simulate.inject import SIZES, Changes, draw_changes, open_quiet

DAYS = ("2024-03-01T18:00", "2024-03-07T06:00", "2024-03-13T18:00", "2024-03-25T18:00", "2024-04-06T18:00")
ORBITS = ("ascending", "descending", "ascending", "ascending", "ascending")
SHAPE = (300, 320)


def quiet_cube(*, steepness: float = 1.0, **attrs: object) -> xr.Dataset:
    """Return a made-up cube of five quiet passes over hills, as `open_cube` would."""
    random = np.random.default_rng(5)
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    hills = 200 + steepness * 120 * np.sin(rows / 20) * np.cos(cols / 25)
    power = random.gamma(4, 0.05, (2, len(DAYS), *SHAPE)).astype(np.float32)
    power[0, :, 100:120, 100:140] = np.nan
    stack, plane = ("time", "y", "x"), ("y", "x")
    cube = xr.Dataset(
        {"vv": (stack, power[0]), "vh": (stack, power[1]), "dem": (plane, hills.astype(np.float32))},
        coords={
            "time": np.array(DAYS, "datetime64[ns]"),
            "orbit": ("time", list(ORBITS)),
            "y": 5_000_000.0 - 10 * np.arange(SHAPE[0]),
            "x": 500_000.0 + 10 * np.arange(SHAPE[1]),
        },
        attrs={
            "event_time": "2024-05-23T17:00:00",
            "event_end": "2024-05-23T17:00:00",
            "region": "Enga",
            "source": "OPERA RTC-S1",
            "simulated": False,
            "opened_from": "enga.zarr",
        }
        | attrs,
    )
    return cube.rio.write_crs("EPSG:32754")


@pytest.fixture(scope="module")
def quiet() -> xr.Dataset:
    return quiet_cube()


@pytest.fixture(scope="module")
def changes(quiet: xr.Dataset) -> Changes:
    return draw_changes(quiet["dem"], seed=3)


@pytest.fixture(scope="module")
def injected(quiet: xr.Dataset) -> xr.Dataset:
    return inject(quiet, seed=3, timesteps=2)


def test_outside_the_patches_and_before_the_event_nothing_changes(
    quiet: xr.Dataset, changes: Changes, injected: xr.Dataset
) -> None:
    after = quiet["time"].values > np.datetime64(injected.attrs["event_time"])
    assert 2 <= after.sum() <= 3
    for name in ("vv", "vh"):
        given, made = (cube[name].values.view(np.uint32) for cube in (quiet, injected))
        assert (given[~after] == made[~after]).all()
        assert (given[:, changes.place == 0] == made[:, changes.place == 0]).all()
        assert (given[after][:, changes.place > 0] != made[after][:, changes.place > 0]).mean() > 0.7
    xr.testing.assert_identical(quiet["dem"].drop_attrs(), injected["dem"].drop_attrs())
    assert injected["vv"].dtype == np.float32


def test_passes_after_the_event_are_multiplied_by_what_was_drawn(
    quiet: xr.Dataset, changes: Changes, injected: xr.Dataset
) -> None:
    east = np.gradient(quiet["dem"].values, 10.0, axis=1)[1:-1, 1:-1]
    north = -np.gradient(quiet["dem"].values, 10.0, axis=0)[1:-1, 1:-1]
    # ascending: the radar looks towards 80 degrees, so a slope that rises that way faces it
    tilt = east * np.sin(np.radians(80)) + north * np.cos(np.radians(80))
    facing = np.clip(tilt / np.tan(np.radians(20)), -1.5, 1.5)
    for i, name in enumerate(("vv", "vh")):
        ratio = (injected[name] / quiet[name]).values[-1, 1:-1, 1:-1]
        db = changes.flat_db[i, 1:-1, 1:-1] + changes.facing_db[1:-1, 1:-1] * facing * (1, 0.5)[i]
        known = np.isfinite(ratio)
        np.testing.assert_allclose(ratio[known], 10 ** (db[known] / 10), rtol=1e-4)


def test_only_landslides_are_labelled_and_other_changes_are_not(changes: Changes, injected: xr.Dataset) -> None:
    labels = injected["landslides"].values == 1
    slid = (changes.place >= 1) & (changes.place <= changes.landslides)
    other = changes.place > changes.landslides
    assert (labels == slid).all()
    assert other.sum() > 100
    assert not labels[other].any()
    assert injected["landslides"].dtype == np.uint8


def test_landslides_lie_on_steep_slopes_and_other_changes_on_gentle_ones(quiet: xr.Dataset) -> None:
    changes = draw_changes(quiet["dem"], seed=3, share=0.02)
    slope = np.degrees(np.arctan(np.hypot(*changes.descent)))
    slid, other = (changes.place > 0) & (changes.place <= changes.landslides), changes.place > changes.landslides
    assert slope[slid].mean() > slope.mean() + 3
    assert slope[other].mean() < slope.mean() - 3
    assert slid.mean() == pytest.approx(0.02, rel=0.2)
    assert 0.002 < other.mean() < 0.011


def test_sizes_reach_over_those_of_two_real_inventories() -> None:
    rows, cols = np.mgrid[:900, :900]
    hills = (120 * np.sin(rows / 20) * np.cos(cols / 25)).astype(np.float32)
    axes = {"y": -10.0 * np.arange(900), "x": 10.0 * np.arange(900)}
    found = draw_changes(xr.DataArray(hills, dims=("y", "x"), coords=axes))
    pixels = np.bincount(found.place.ravel())[1 : found.landslides + 1]
    area = 100.0 * pixels[pixels > 0]
    wanted = np.exp(SIZES["ln_area_mean"])  # m2, the median
    assert 1635 < wanted < 3885  # the medians of Mesetas and Hokkaido
    assert wanted / 1.5 < np.median(area) < wanted * 1.5
    low, high = np.percentile(area, [5, 95])
    assert low < 879  # Hokkaido's smallest twentieth
    assert high > 8641  # Mesetas' largest one


def test_signatures_are_of_either_sign_of_every_strength_and_some_are_none(quiet: xr.Dataset) -> None:
    drawn = [draw_changes(quiet["dem"], seed=seed) for seed in range(20)]
    slides, others = [], []
    for found in drawn:
        for number in np.unique(found.place[found.place > 0]):
            on = found.place == number
            kind = slides if number <= found.landslides else others
            kind.append([*found.flat_db[:, on].mean(axis=1), found.facing_db[on].mean()])
    vv, vh, facing = np.array(slides).T
    for change in (vv, vh):
        assert 0.3 < (change > 0.1).mean() < 0.55
        assert 0.3 < (change < -0.1).mean() < 0.55
        assert (abs(change) > 5).mean() > 0.02
    assert (vv * vh < 0).mean() > 0.15
    unseen = (vv == 0) & (vh == 0) & (facing == 0)
    assert 0.1 < unseen.mean() < 0.25
    assert facing.max() > 3
    vv, vh, facing = np.array(others).T
    assert (vv > 1).any()
    assert (vv < -1).any()
    assert (facing == 0).all()


def test_the_same_seed_gives_the_same_cube_and_another_seed_another(quiet: xr.Dataset, injected: xr.Dataset) -> None:
    xr.testing.assert_identical(inject(quiet, seed=3, timesteps=2), injected)
    other = inject(quiet, seed=4, timesteps=2)
    assert (other["landslides"] != injected["landslides"]).any()
    events = {inject(quiet, seed=seed, timesteps=1).attrs["event_time"] for seed in range(12)}
    assert events == {"2024-03-04T12:00:00", "2024-03-10T12:00:00", "2024-03-19T18:00:00", "2024-03-31T18:00:00"}


def test_it_says_that_landslides_are_simulated_in_real_radar(quiet: xr.Dataset, injected: xr.Dataset) -> None:
    attrs = injected.attrs
    assert attrs["simulated"] is True
    assert attrs["source"] == "landslides simulated by landslide_utils.simulate in real radar (OPERA RTC-S1)"
    assert attrs["region"] == "Enga: landslides simulated in quiet passes"
    assert json.loads(attrs["injection"])["seed"] == 3
    practice = inject(quiet.assign_attrs(simulated=True), timesteps=2)
    assert "in simulated radar" in practice.attrs["source"]


def test_it_stays_lazy(quiet: xr.Dataset, injected: xr.Dataset) -> None:
    lazy = inject(quiet.chunk({"time": 1, "y": 128, "x": 128}), seed=3, timesteps=2)
    assert lazy["vv"].chunks[0] == (1,) * len(DAYS)
    xr.testing.assert_equal(lazy.compute(), injected)


def test_holes_in_the_terrain_take_the_height_beside_them() -> None:
    cube = quiet_cube()
    cube["dem"] = cube["dem"].where(cube["x"] > cube["x"][20])
    found = draw_changes(cube["dem"])
    assert np.isfinite(np.array(found.descent)).all()
    assert np.isfinite(found.flat_db).all()


def test_steep_ground_without_gentle_slopes_has_no_other_changes() -> None:
    rows, _ = np.mgrid[:300, :300]
    axes = {"y": -10.0 * np.arange(300), "x": 10.0 * np.arange(300)}
    found = draw_changes(xr.DataArray((4.0 * rows).astype(np.float32), dims=("y", "x"), coords=axes))
    assert found.place.max() <= found.landslides


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"timesteps": 3}, "6 quiet passes of one track are needed, and it has 4 ascending, 1 descending; give"),
        ({}, {"timesteps": 1, "orbit": "descending"}, "2 descending quiet passes of one track are needed"),
        ({"event_time": "2024-03-10T00:00:00"}, {}, "its passes are not quiet: the event of 2024-03-10T00:00:00 UTC"),
        ({"event_end": "2024-03-10T00:00:00", "event_time": "2024-02-10T00:00:00"}, {}, "its passes are not quiet"),
    ],
)
def test_passes_that_are_too_few_or_hold_an_event_are_refused(
    change: dict[str, str], options: dict[str, object], message: str
) -> None:
    with pytest.raises(CubeError, match=message):
        inject(quiet_cube(**change), **({"timesteps": 2} | options))  # type: ignore[arg-type]


def test_quiet_passes_may_also_come_after_an_event() -> None:
    inject(quiet_cube(event_time="2024-01-01T00:00:00", event_end="2024-01-01T00:00:00"), timesteps=2)


def test_all_faults_are_said_at_once() -> None:
    cube = quiet_cube(event_time="2024-03-10T00:00:00").drop_vars("dem")
    with pytest.raises(CubeError) as caught:
        inject(cube, timesteps=3)
    assert len(caught.value.faults) == 3
    assert "the variable dem is missing" in str(caught.value)
    with pytest.raises(CubeError, match="dem holds no valid value"):
        inject(quiet_cube().assign(dem=lambda cube: cube["dem"] * np.nan), timesteps=2)
    other = quiet_cube()["dem"].rename(y="lat", x="lon")
    with pytest.raises(CubeError, match=r"dem has dimensions \('lat', 'lon'\); bring it to the cube's grid"):
        inject(quiet_cube().drop_vars("dem").assign(dem=other), timesteps=2)
    with pytest.raises(CubeError, match=r"dem holds no valid value .* if it is of another grid, bring it"):
        inject(quiet_cube().assign(dem=quiet_cube()["dem"].assign_coords(x=lambda dem: dem["x"] + 3)), timesteps=2)
    with pytest.raises(CubeError, match="the variable vv is missing"):
        inject(quiet_cube()[["dem"]], timesteps=2)


def test_flat_ground_and_a_share_without_room_are_refused() -> None:
    with pytest.raises(InputError, match=r"its steepest quarter starts at \d\.\d degrees, where landslides need 10"):
        inject(quiet_cube(steepness=0.1), timesteps=2)
    with pytest.raises(InputError, match=r"landslide_share=0.9 cannot be reached"):
        inject(quiet_cube(), timesteps=2, share=0.9)


def test_a_store_without_an_event_or_with_one_is_opened_as_quiet_passes(
    tmp_path: Path, write_published: Callable[..., str]
) -> None:
    quiet_cube().drop_attrs().to_zarr(tmp_path / "own.zarr", zarr_format=2, consolidated=True)
    own = open_quiet(str(tmp_path / "own.zarr"))
    assert own.sizes["time"] == 5
    inject(own, timesteps=2)
    place = write_published(shape=(140, 150))
    assert open_quiet(place).attrs["event_time"] == open_cube(place).attrs["event_time"]
    before = open_quiet(place, until="2018-09-05T18:07:59")
    assert before["time"].values.max() < np.datetime64("2018-09-05T18:07:59")
    assert before.sizes["time"] == 8


def test_terrain_on_another_grid_is_refused(tmp_path: Path) -> None:
    cube = quiet_cube()
    coarse = cube["dem"].isel(y=slice(None, None, 3), x=slice(None, None, 3)).rename(y="y_30m", x="x_30m")
    cube.drop_vars("dem").assign(dem=coarse).to_zarr(tmp_path / "two.zarr", zarr_format=2, consolidated=True)
    with pytest.raises(CubeError, match=r"dem has dimensions \(y_30m, x_30m\) where \(y, x\) are needed"):
        open_quiet(str(tmp_path / "two.zarr"))
