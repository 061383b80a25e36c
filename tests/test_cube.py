from __future__ import annotations

import http.server
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from conftest import BEFORE, EVENT, ORBIT, published
from hypothesis import given, settings
from hypothesis import strategies as st

from landslide_utils.composite import make_composite
from landslide_utils.cube import CubeError, find_bad_values, find_faults, open_cube
from landslide_utils.grid import pixel_size_m

VARIANTS = [
    {},
    {"orbit": "words", "labels": "zero", "timepair": False},
    {"orbit": None, "y_descending": False},
    {"x_descending": True, "wedge": True, "zeros": True},
    {"sorted_times": False},
]


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_every_variant_of_the_published_layout_becomes_the_same_cube(
    write_published: Callable[..., str], options: dict[str, object]
) -> None:
    cube = open_cube(write_published(shape=(140, 150), **options))
    plain = published(shape=(140, 150), **{k: v for k, v in options.items() if k in ("wedge", "zeros", "sorted_times")})
    plain = plain.sortby("timestep")
    assert cube["vv"].dims == ("time", "y", "x")
    assert (np.diff(cube["y"]) == -10).all()
    assert (np.diff(cube["x"]) == 10).all()
    assert (np.diff(cube["time"].values) > np.timedelta64(0)).all()
    assert np.array_equal(cube["vv"].values, plain["vv"].values, equal_nan=True)
    assert cube["landslides"].dtype == np.uint8
    assert np.array_equal(cube["landslides"].values, plain["landslides"].values == 1)
    expected = {"d": "descending", "a": "ascending"} if options.get("orbit", "letters") else {}
    assert list(cube["orbit"].values) == [expected.get(str(s), "unknown") for s in plain[ORBIT].values]
    assert set(cube.data_vars) == {"vv", "vh", "dem", "landslides"}
    assert pixel_size_m(cube) == 10
    assert cube.rio.crs == "EPSG:32654"  # the region's, since the store names none
    assert cube.attrs["simulated"] is False


@pytest.mark.parametrize("layout", ["an attribute", "a grid mapping", "the region"])
def test_the_crs_of_every_layout_is_found_and_reprojects(tmp_path: Path, layout: str) -> None:
    store, name = published(shape=(140, 150)), "elsewhere.zarr"
    if layout == "an attribute":
        store.attrs["crs"] = "EPSG:32654"
    elif layout == "a grid mapping":
        store = store.rio.write_crs("EPSG:32654")
    else:
        name = "hokkaido_japan.zarr"
    store.to_zarr(tmp_path / name, zarr_format=2)
    cube = open_cube(str(tmp_path / name), event_time=EVENT)
    assert cube.rio.crs == cube["vv"].rio.crs == cube["landslides"].rio.crs == "EPSG:32654"
    degrees = cube[["dem", "landslides"]].rio.reproject("EPSG:4326")
    assert degrees.rio.crs == "EPSG:4326"
    assert degrees["dem"].mean() == pytest.approx(float(cube["dem"].mean()), abs=1)
    assert set(np.unique(degrees["landslides"])) == {0, 1}
    assert cube.isel(time=slice(0, 2)).rio.reproject("EPSG:32655")["vv"].sizes["time"] == 2


def test_all_variables_and_coordinates_say_what_they_are(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    assert cube.attrs["Conventions"] == "CF-1.11"
    for name in set(cube.variables) - {"spatial_ref"}:
        assert cube[name].attrs["long_name"], name
        assert "units" in cube[name].attrs or name == "time", name  # xarray writes that of time
    assert [cube[axis].attrs["standard_name"] for axis in ("time", "y", "x")] == [
        "time",
        "projection_y_coordinate",
        "projection_x_coordinate",
    ]
    assert cube["dem"].attrs["standard_name"] == "surface_altitude"


def test_opening_reads_no_pixel(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    assert all(array.chunks is not None for array in cube.data_vars.values())


def test_a_path_of_an_unknown_event_needs_its_instant(write_published: Callable[..., str]) -> None:
    path = write_published("elsewhere", shape=(140, 150))
    with pytest.raises(CubeError, match="event's instant is not known; pass event_time"):
        open_cube(path)
    assert open_cube(path, event_time=EVENT).attrs["event_time"] == EVENT
    with pytest.raises(CubeError, match="is a day"):
        open_cube(path, event_time="2018-09-05")


def test_a_hurricane_lasts(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published("puerto_rico", shape=(140, 150)))
    assert cube.attrs["event_end"] > cube.attrs["event_time"]


def test_what_is_not_a_cube_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path))
    with pytest.raises(CubeError, match="no such path; give the path or URL"):
        open_cube(str(tmp_path / "nothing.zarr"))
    (tmp_path / "folder.zarr").mkdir()
    with pytest.raises(CubeError, match="not a Zarr store"):
        open_cube(str(tmp_path / "folder.zarr"))
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / ".zgroup").write_text("{", encoding="utf-8")
    with pytest.raises(CubeError, match="may be damaged or half copied"):
        open_cube(str(tmp_path / "broken.zarr"))


def test_all_faults_of_the_layout_are_listed_together(tmp_path: Path) -> None:
    cube = published(shape=(140, 150)).rename({"y": "lat"}).drop_vars("timestep")
    cube.to_zarr(tmp_path / "bad.zarr", zarr_format=2)
    with pytest.raises(CubeError) as raised:
        open_cube(str(tmp_path / "bad.zarr"))
    text = str(raised.value)
    assert "faults in cube" in text
    for part in (
        "vv has dimensions (timestep, lat, x)",
        "vh has dimensions",
        "coordinate y is missing",
        "timestep is missing",
        "instant is not known",
    ):
        assert part in text
    assert len(raised.value.faults) >= 5


def test_missing_variables_and_uneven_grids_are_found(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150))).drop_vars("vh")
    cube = cube.assign_coords(x=cube["x"].values + np.where(np.arange(150) > 70, 5.0, 0.0))
    faults = find_faults(cube, ["vv", "vh"])
    assert faults[0] == "the variable vh is missing (the cube holds: vv, dem, landslides)"
    assert "x is not evenly spaced (steps from 10 to 15)" in faults[1]
    assert len(faults) == 2


def test_degrees_are_refused_where_slope_is_needed(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    degrees = cube.rio.write_crs("EPSG:4326")
    assert find_faults(degrees, ["dem"]) == []
    assert "the cube is in degrees (EPSG:4326" in find_faults(degrees, ["dem"], needs_metres=True)[0]
    small = cube.assign_coords(y=cube["y"] * 1e-5, x=cube["x"] * 1e-5).drop_vars("spatial_ref")
    assert find_faults(small, ["dem"]) == []
    for one in (small, small.rio.write_crs("EPSG:32654")):
        assert "looks like degrees" in find_faults(one, ["dem"], needs_metres=True)[0]


def test_bad_values_are_found(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    cube["vv"] = 10 * np.log10(cube["vv"])
    cube["vh"] = cube["vh"] * 0
    cube["dem"] = cube["dem"] * np.nan
    faults = find_bad_values(cube, ["vv", "vh", "dem"])
    assert "negative values" in faults[0]
    assert "decibels" in faults[0]
    assert faults[1].startswith("vh holds no valid value")
    assert faults[2].startswith("dem holds no valid value")
    assert len(faults) == 3


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve a cube over HTTP on this machine."""
    published(shape=(140, 150)).to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2, consolidated=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_cube_opens_from_a_url(served: str) -> None:
    cube = open_cube(f"{served}/hokkaido_japan.zarr")
    assert cube.attrs["event_time"] == EVENT
    expected = published(shape=(140, 150)).sortby("timestep")["vv"].isel(timestep=0)
    xr.testing.assert_equal(cube["vv"].isel(time=0, drop=True).variable, expected.variable)
    assert str(cube["time"].values[0]).startswith(BEFORE[0])
    with pytest.raises(CubeError, match="check the address and the network"):
        open_cube(f"{served}/nothing.zarr")


@pytest.mark.parametrize("values", [np.array([b"d"] * 14), "descending"])
def test_bytes_and_a_single_orbit_are_understood(tmp_path: Path, values: object) -> None:
    cube = published(shape=(140, 150), orbit=None)
    cube[ORBIT] = ("timestep", values) if isinstance(values, np.ndarray) else values
    cube.to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2)
    assert set(open_cube(str(tmp_path / "hokkaido_japan.zarr"))["orbit"].values) == {"descending"}


def test_an_orbit_that_is_not_understood_is_a_fault(tmp_path: Path) -> None:
    cube = published(shape=(140, 150), orbit=None)
    cube[ORBIT] = ("timestep", ["D1"] * 14)
    cube.to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2)
    with pytest.raises(CubeError, match=f"{ORBIT} holds 'D1' where a, d, ascending or descending are known"):
        open_cube(str(tmp_path / "hokkaido_japan.zarr"))


def test_what_is_wrong_with_an_unused_variable_does_no_harm(tmp_path: Path) -> None:
    cube = published(shape=(140, 150))
    cube["vh"] = cube["vh"].isel(timestep=0, drop=True)
    cube.to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2)
    path = str(tmp_path / "hokkaido_japan.zarr")
    with pytest.raises(CubeError, match="vh has dimensions"):
        open_cube(path)
    assert set(open_cube(path, variables=["vv"]).data_vars) == {"vv", "landslides"}


def test_terrain_alone_needs_no_event(tmp_path: Path) -> None:
    published(shape=(140, 150))[["dem", "landslides"]].to_zarr(tmp_path / "somewhere.zarr", zarr_format=2)
    assert set(open_cube(str(tmp_path / "somewhere.zarr"), variables=["dem"]).data_vars) == {"dem", "landslides"}


def test_oblong_pixels_and_fill_values_are_found(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    oblong = cube.assign_coords(y=cube["y"].values * 3)
    assert "pixels are 10 wide and 30 high" in find_faults(oblong, ["dem"], needs_metres=True)[0]
    filled = cube.copy()
    filled["dem"] = filled["dem"].where(filled["dem"] > 200, -32768)
    assert "dem reaches from -32768" in find_bad_values(filled, ["dem"])[0]


@pytest.fixture
def chunked(write_published: Callable[..., str]) -> xr.Dataset:
    """Return a cube of 7 x 8 chunks a pass."""
    return open_cube(write_published(shape=(140, 150))).chunk({"time": 1, "y": 20, "x": 20})


def test_a_scene_that_is_empty_but_for_a_strip_is_not_called_empty(chunked: xr.Dataset) -> None:
    chunked, rows = chunked.isel(time=slice(4)), xr.DataArray(np.arange(140), dims="y")
    for name, last in (("vv", 120), ("vh", 100)):
        chunked[name] = chunked[name].where((rows >= 100) & (rows < last))
    assert find_bad_values(chunked, ["vv"]) == []
    assert find_bad_values(chunked, ["vv", "vh"])[0].startswith("vh holds no valid value")


def test_faults_of_radar_are_found_in_few_of_its_chunks(chunked: xr.Dataset) -> None:
    read = []

    def decibels(block: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        read.append(block.shape)
        return 10 * np.log10(block)

    lazy = chunked["vv"].data.map_blocks(decibels, dtype="float32", meta=np.empty((0, 0, 0), "float32"))
    faults = find_bad_values(chunked.assign(vv=chunked["vv"].copy(data=lazy)), ["vv"])
    assert "negative values (such as -" in faults[0]
    assert read == [(1, 20, 20)] * 16 * chunked.sizes["time"]


def test_a_fill_value_in_one_corner_of_the_ground_is_found(chunked: xr.Dataset) -> None:
    corner = xr.DataArray(np.arange(140), dims="y") + xr.DataArray(np.arange(150), dims="x") == 139 + 149
    chunked["dem"] = chunked["dem"].where(~corner, -32768)
    assert "dem reaches from -32768" in find_bad_values(chunked, ["dem"])[0]


def faults_of(tmp_path: Path, cube: xr.Dataset) -> list[str]:
    """Return the faults that a store is refused for, none if it is opened."""
    cube.to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2, mode="w")
    try:
        open_cube(str(tmp_path / "hokkaido_japan.zarr"))
    except CubeError as error:
        return error.faults
    return []


def test_labels_are_landslide_or_not_and_nothing_else(tmp_path: Path) -> None:
    cube = published(shape=(140, 150))
    slid = cube["landslides"].values == 1
    for known in (slid, slid.astype("int8"), np.where(slid, 1.0, np.nan)):
        assert faults_of(tmp_path, cube.assign(landslides=(("y", "x"), known))) == []
    filled = np.where(slid, 1, 0).astype("uint8")
    filled[:70] = 255
    filled[100, 3] = 2
    assert faults_of(tmp_path, cube.assign(landslides=(("y", "x"), filled))) == [
        "landslides holds 2 (1 pixels), 255 (10500 pixels) where 0, 1 and NaN are known; "
        "where there are no data, make it NaN or 0"
    ]
    shares = np.where(slid, np.linspace(0.1, 0.9, 150), 0)
    assert f"and {(np.unique(shares) > 0).sum() - 5} more where" in "".join(
        faults_of(tmp_path, cube.assign(landslides=(("y", "x"), shares)))
    )
    texts = np.where(slid, "yes", "no")
    assert faults_of(tmp_path, cube.assign(landslides=(("y", "x"), texts))) == [
        "landslides holds <U3 where 0, 1 and NaN are needed"
    ]


def test_radar_and_ground_are_real_numbers(tmp_path: Path) -> None:
    cube = published(shape=(140, 150))
    cube["vv"] = cube["vv"].astype("complex64")
    cube["dem"] = cube["dem"].astype(str)
    found = faults_of(tmp_path, cube)
    assert found[0] == "vv holds complex64 where real numbers of linear power are needed"
    assert found[1].startswith("dem holds <U")
    assert found[1].endswith("where metres are needed")
    assert len(found) == 2
    assert "vh holds bool where real numbers of linear power are needed" in faults_of(
        tmp_path, cube.assign(vh=cube["vh"] > 0)
    )


def test_each_pass_has_an_instant_of_its_own(tmp_path: Path) -> None:
    cube = published(shape=(140, 150))
    instants = cube["timestep"].values.copy()
    instants[3] = instants[2]
    instants[5] = "NaT"
    assert faults_of(tmp_path, cube.assign_coords(timestep=instants)) == [
        "timestep has no instant for 1 of 14 passes; give each pass its instant",
        f"the same pass stands in timestep twice ({str(instants[2])[:19].replace('T', ' ')}); keep one of each",
    ]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (np.full(150, 500_000.0), "the coordinate x is 500000 at both ends; give each x its position"),
        (np.r_[np.nan, np.arange(149.0)], "the coordinate x is not a finite number for each x; give each its position"),
        (np.arange(150).astype(str), "the coordinate x is not a finite number for each x; give each its position"),
    ],
    ids=["all equal", "NaN", "texts"],
)
def test_each_pixel_has_a_position(tmp_path: Path, values: np.ndarray, fault: str) -> None:  # type: ignore[type-arg]
    assert faults_of(tmp_path, published(shape=(140, 150)).assign_coords(x=values)) == [fault]


def test_a_scene_has_a_limit_of_pixels_that_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_MOST_PIXELS", "20999")
    cube = published(shape=(140, 150))
    assert faults_of(tmp_path, cube) == [
        "140 x 150 are 2.1e+04 pixels, more than the 2.1e+04 that are allowed; take a smaller part, or set "
        "LANDSLIDE_MOST_PIXELS if the machine has the room"
    ]
    monkeypatch.setenv("LANDSLIDE_MOST_PIXELS", "21000")
    assert faults_of(tmp_path, cube) == []


def test_one_pass_in_another_unit_is_found(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    cube["vv"] = cube["vv"] * xr.DataArray(np.where(np.arange(14) == 9, 1e4, 1), dims="time")
    (fault,) = find_bad_values(cube, ["vv", "vh"])
    assert fault.startswith("vv is 1.95e+03 on average where linear power is needed")


def test_a_row_of_pixels_has_no_slope(write_published: Callable[..., str]) -> None:
    cube = open_cube(write_published(shape=(140, 150))).isel(y=slice(0, 1))
    assert find_faults(cube, ["dem"], needs_metres=True) == ["one row or column has no slope"]


def test_tracks_are_numbers_and_values_are_scaled_by_numbers(tmp_path: Path) -> None:
    cube = published(shape=(140, 150))
    tracked = cube.assign_coords(relative_orbit=("timestep", np.full(14, np.nan)))
    assert "relative_orbit is not a number for each pass" in faults_of(tmp_path, tracked)[0]
    assert faults_of(tmp_path, cube.assign_coords(relative_orbit=("timestep", np.full(14, 46.0)))) == []
    cube["vv"].attrs["scale_factor"] = "k"
    assert faults_of(tmp_path, cube) == ["vv cannot be scaled: scale_factor='k' is not a number"]


@pytest.mark.parametrize(("said", "simulated"), [("false", False), ("true", True), (1, True), (False, False)])
def test_a_store_says_whether_it_is_simulated_in_any_type(tmp_path: Path, said: object, simulated: bool) -> None:
    published(shape=(140, 150)).assign_attrs(simulated=said).to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2)
    assert open_cube(tmp_path / "hokkaido_japan.zarr").attrs["simulated"] is simulated


@pytest.mark.parametrize("path", ["a" * 300, "a\0b", "~nobody_at_all/a.zarr"])
def test_a_path_that_no_system_has_is_refused(path: str) -> None:
    with pytest.raises(CubeError):
        open_cube(path)


@pytest.mark.parametrize("factor", [1e5, 1e-7])
def test_power_that_no_scene_has_is_refused(write_published: Callable[..., str], factor: float) -> None:
    cube = open_cube(write_published(shape=(140, 150)))
    level = float(10 ** np.log10(cube["vv"] * factor).mean())
    assert find_bad_values(cube, ["vv", "vh"]) == []
    cube["vv"] = cube["vv"] * factor
    assert find_bad_values(cube, ["vv"]) == [
        f"vv is {level:.3g} on average where linear power is needed, which is about 0.01 to 1; "
        "if it is in another unit or scaled, convert it"
    ]


def _break(cube: xr.Dataset, fault: str) -> xr.Dataset:
    """Return a cube in the published layout with a fault."""
    instants = cube["timestep"].values.copy()
    instants[1] = instants[0] if fault == "twice" else np.datetime64("NaT")
    orbit = ["sideways"] * cube.sizes["timestep"]
    changes: dict[str, Callable[[], xr.Dataset]] = {
        "complex": lambda: cube.assign(vv=cube["vv"].astype("complex64")),
        "flat": lambda: cube.assign(vh=cube["vh"].isel(timestep=0, drop=True)),
        "text": lambda: cube.assign(dem=cube["dem"].astype(str)),
        "no x": lambda: cube.drop_vars("x"),
        "equal y": lambda: cube.assign_coords(y=np.zeros(cube.sizes["y"])),
        "twice": lambda: cube.assign_coords(timestep=instants),
        "no instant": lambda: cube.assign_coords(timestep=instants),
        "orbit": lambda: cube.drop_vars(ORBIT, errors="ignore").assign_coords({ORBIT: ("timestep", orbit)}),
        "event": lambda: cube.assign_attrs(event_time="2018-09-05"),
        "crs": lambda: cube.assign_attrs(crs="somewhere"),
    }
    return changes[fault]()


FAULTS = {
    "complex": "vv holds complex64",
    "flat": "vh has dimensions (y, x)",
    "text": "dem holds <U",
    "no x": "the coordinate x is missing",
    "equal y": "the coordinate y is 0 at both ends",
    "twice": "the same pass stands in timestep twice",
    "no instant": "timestep has no instant for 1 of 14 passes",
    "orbit": f"{ORBIT} holds 'sideways'",
    "event": "event_time='2018-09-05' is a day",
    "crs": "crs='somewhere' is not a coordinate reference system",
}


@given(
    options=st.fixed_dictionaries(
        {
            "orbit": st.sampled_from(["letters", "words", None]),
            "labels": st.sampled_from(["nan", "zero"]),
            "timepair": st.booleans(),
            "y_descending": st.booleans(),
            "x_descending": st.booleans(),
            "sorted_times": st.booleans(),
        }
    ),
    faults=st.sets(st.sampled_from(sorted(FAULTS)), max_size=4),
    consolidated=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_any_mixture_of_variants_and_faults_is_a_right_composite_or_one_error_that_lists_all(
    options: dict[str, Any], faults: set[str], consolidated: bool
) -> None:
    if "twice" in faults:
        faults -= {"no instant"}  # both are made of the same pass
    cube = published(shape=(20, 30), **options).drop_vars(
        ["dem_slope_radians", "extraction_mask"]
    )  # nobody reads these
    for fault in sorted(faults):
        cube = _break(cube, fault)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/hokkaido_japan.zarr"
        cube.to_zarr(path, zarr_format=2, consolidated=consolidated)
        if not faults:
            opened = open_cube(path)
            found = make_composite(opened, channels="sar", timesteps=2, orbit="auto")["image"].load()
            plain = published(shape=(20, 30), sorted_times=options["sorted_times"]).sortby("timestep")
            times = plain["timestep"].values[plain[ORBIT].values == "d"]
            if options["orbit"] is None:
                times = plain["timestep"].values
            before = plain["vv"].sel(timestep=times[times < np.datetime64(EVENT)][-2:]).mean("timestep")
            expected = 10 * np.log10(before.values)
            np.testing.assert_allclose(found.isel(channel=0), expected, rtol=1e-4)
            return
        with pytest.raises(CubeError) as raised:
            open_cube(path)
    assert len(raised.value.faults) == len(faults), raised.value
    for fault in faults:
        assert FAULTS[fault] in str(raised.value)
