from __future__ import annotations

import contextlib
import dataclasses
import io
import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features
import rasterio.shutil
import requests
import rioxarray
import xarray as xr
from made_event import (
    CRS,
    EVENT,
    LEFT,
    SHAPE,
    TOP,
    Api,
    box_degrees,
    elevation_at,
    landslides,
    opera_name,
    power,
    write_dem,
    write_folder,
    write_gcov,
    write_tif,
)
from shapely.geometry import Point, box

from landslide_utils.composite import choose_passes, make_composite
from landslide_utils.cube import open_cube
from landslide_utils.files import InputError
from landslide_utils.grid import pixel_size_m
from landslide_utils.sources import build
from landslide_utils.sources.catalogue import Catalogue
from landslide_utils.sources.event import Event, EventError, Options
from landslide_utils.sources.fetch import Patience, refuse_other_servers


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with images (s1), elevation (dem.tif) and landslides (slides.gpkg)."""
    folder = tmp_path_factory.mktemp("event")
    write_folder(folder / "s1")
    write_dem(folder / "dem.tif")
    landslides().to_file(folder / "slides.gpkg")
    return folder


def plan(made: Path, **options: Any) -> build.Plan:
    """Return a plan of the made event; radar, dem, and what an event or its options hold can be set."""
    known: dict[str, Any] = {"name": "made", "box": box_degrees(), "event_time": EVENT, "pixel_size_m": 30}
    known |= {"polygons": made / "slides.gpkg", "radar": made / "s1", "dem": made / "dem.tif"} | options
    event, how = (
        kind(**{field.name: known[field.name] for field in dataclasses.fields(kind) if field.name in known})
        for kind in (Event, Options)
    )
    return build.plan(event, radar=known["radar"], dem=known["dem"], options=how)


@pytest.fixture(scope="module")
def cube(made: Path) -> xr.Dataset:
    store = build.write(plan(made), made / "cube.zarr", progress=False)
    return open_cube(str(store)).load()


def _window(cube: xr.Dataset) -> tuple[slice, slice]:
    """Return where the cube lies in the made images."""
    row, col = round((TOP - 15 - float(cube["y"][0])) / 30), round((float(cube["x"][0]) - 15 - LEFT) / 30)
    return slice(row, row + cube.sizes["y"]), slice(col, col + cube.sizes["x"])


def test_a_folder_becomes_a_cube_in_the_project_s_layout(cube: xr.Dataset) -> None:
    assert cube["vv"].dims == cube["vh"].dims == ("time", "y", "x")
    assert cube["landslides"].dtype == np.uint8
    assert list(cube["relative_orbit"].values) == [46, 46, 68, 46, 46, 68]
    assert [str(orbit)[:4] for orbit in cube["orbit"].values] == ["desc", "desc", "asce", "desc", "desc", "asce"]
    assert [str(time)[:16] for time in cube["time"].values][:3] == [
        "2018-08-24T20:42",
        "2018-08-30T20:42",
        "2018-09-02T08:41",
    ]
    assert cube.attrs["event_time"] == cube.attrs["event_end"] == EVENT
    assert (cube.attrs["region"], cube.attrs["simulated"], cube.rio.crs) == ("made", False, CRS)
    assert pixel_size_m(cube) == 30
    assert "OPERA_L2_RTC-S1" in cube.attrs["source"]


def test_images_on_the_grid_are_copied_to_the_last_bit(cube: xr.Dataset) -> None:
    here = _window(cube)
    for index, (track, number) in enumerate([(46, 0), (46, 1), (68, 0), (46, 2), (46, 3), (68, 1)]):
        for name in ("vv", "vh"):  # the first is a mosaic of two bursts; an older version with other values is not used
            assert np.array_equal(cube[name][index], power(track, number, name.upper())[here]), (index, name)


def test_elevation_on_another_grid_is_brought_to_this_one(made: Path, tmp_path: Path, cube: xr.Dataset) -> None:
    x, y = np.meshgrid(cube["x"], cube["y"])
    assert np.allclose(
        cube["dem"], elevation_at(x, y), atol=0.25
    )  # GDAL's kernel for larger pixels is symmetric only nearly
    assert abs(float((cube["dem"] - elevation_at(x, y)).mean())) < 0.02
    with rioxarray.open_rasterio(made / "dem.tif") as dem:
        dem.rio.reproject("EPSG:4326", resampling=rasterio.enums.Resampling.cubic).rio.to_raster(
            tmp_path / "degrees.tif"
        )
    again = plan(made, dem=tmp_path / "degrees.tif").cube["dem"].load()
    assert np.allclose(again, elevation_at(x, y), atol=1.0)  # resampled twice; a pixel is 9 m higher than the next
    assert abs(float((again - elevation_at(x, y)).mean())) < 0.05
    assert not again.isnull().any()


def test_labels_are_the_pixels_whose_centres_lie_in_a_polygon(cube: xr.Dataset) -> None:
    shapes = landslides().to_crs(CRS).geometry
    x, y = np.meshgrid(cube["x"], cube["y"])
    inside = np.zeros(x.shape, bool)
    for one in shapes:
        inside |= np.array([one.contains(Point(*place)) for place in zip(x.ravel(), y.ravel(), strict=True)]).reshape(
            x.shape
        )
    assert np.array_equal(cube["landslides"], inside)
    assert 100 < inside.sum() < 300


def test_without_outlines_a_cube_has_no_labels_and_may_be_quiet(made: Path, tmp_path: Path, cube: xr.Dataset) -> None:
    planned = plan(made, polygons=None)
    assert "note: no outlines are given: the cube can be mapped, or prepared on" in planned.describe()
    assert planned.polygons.empty
    assert planned.polygons.crs == CRS
    assert planned.fingerprint != plan(made).fingerprint
    unlabelled = open_cube(str(build.write(planned, tmp_path / "event.zarr", progress=False)))
    xr.testing.assert_identical(unlabelled.drop_attrs(), cube.drop_vars("landslides").drop_attrs())
    assert make_composite(unlabelled, channels="sar", timesteps=1, labels=False)["image"].notnull().any()
    quiet = plan(made, polygons=None, event_time="2018-09-20T00:00:00")
    assert list(quiet.calendar["when"]) == ["before"] * 6
    assert "note: no track has a pass both before 2018-09-20T00:00:00 and after" in quiet.describe()
    with pytest.raises(EventError, match="no pass covers the box"):
        plan(made, polygons=None, event_time="2019-06-01T00:00:00")


def test_a_composite_takes_the_passes_of_one_track(cube: xr.Dataset) -> None:
    found = choose_passes(cube, 2)
    assert (found.before, found.after, found.orbit) == ((0, 1), (3, 4), "descending")
    assert choose_passes(cube, 1, "ascending").before == (2,)
    composite = make_composite(cube, channels="sar_dem", timesteps=2).load()
    here = _window(cube)
    expected = 10 * np.log10((power(46, 0, "VV") + power(46, 1, "VV"))[here] / 2)
    assert np.allclose(composite["image"].sel(channel="vv_before"), expected, atol=1e-4)
    crossed = cube.assign_coords(relative_orbit=("time", [46, 46, 68, 47, 47, 68]))
    assert choose_passes(crossed, 1).orbit == "ascending"  # two descending tracks, neither with both sides
    with pytest.raises(
        ValueError, match=r"descending track 46: 2 before, 0 after; descending track 47: 0 before, 2 after"
    ):
        choose_passes(crossed, 1, "descending")


def test_it_says_how_much_before_it_reads_and_shows_a_bar(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = plan(made)
    stored = sum(path.stat().st_size for path in (made / "s1").glob("*_20250101T000000Z_*.tif")) / 1e6
    text = planned.describe()
    assert "6 passes (3 before, 3 after) on " in text
    assert f"to be read: 15 files, about {stored:.1f} MB" in text
    assert "note: 1 of 4 polygons lie outside the box" in text
    assert list(planned.calendar["images"]) == [2, 1, 1, 1, 1, 1]
    build.write(planned, tmp_path / "cube.zarr")
    assert "reading 15 files" in capsys.readouterr().err


def test_a_catalogue_gives_the_same_cube_whatever_it_says_of_its_grids(
    made: Path, tmp_path: Path, cube: xr.Dataset
) -> None:
    shutil.copytree(made / "s1", tmp_path / "s1")
    shutil.copy(made / "dem.tif", tmp_path / "s1")
    api = Api(tmp_path / "s1")
    api.mood = "moved"  # each file to another place on the same server
    catalogue = Catalogue(api.address, timeout=10)
    planned = plan(made, radar=catalogue, dem=catalogue)
    assert planned.fingerprint != plan(made).fingerprint
    same = open_cube(str(build.write(planned, tmp_path / "cube.zarr", progress=False))).load()
    xr.testing.assert_equal(same, cube)
    assert same.attrs["source"] == f"{api.address} sentinel-1-rtc"
    api.shutdown()


@pytest.mark.parametrize("mood", ["forbidden", "stuck"])
def test_images_that_a_catalogue_s_server_does_not_give_are_a_clear_error(
    made: Path, tmp_path: Path, mood: str
) -> None:
    api = Api(made / "s1")
    planned = plan(made, radar=Catalogue(api.address, timeout=1))
    api.mood = mood
    with pytest.raises(EventError, match=r"reading or writing failed .* addresses may need signing"):
        build.write(planned, tmp_path / "cube.zarr", progress=False)
    assert list(tmp_path.iterdir()) == []
    api.shutdown()


def test_images_whose_server_sends_us_on_to_another_are_not_read(made: Path, tmp_path: Path) -> None:
    api, other = Api(made / "s1"), Api(made / "s1")
    asked = list[str]()
    other.finish_request = lambda request, _: asked.append(request.recv(100))  # type: ignore[method-assign, assignment]
    planned = plan(made, radar=Catalogue(api.address, timeout=10))
    api.mood = other.address.replace("127.0.0.1", "localhost")
    with pytest.raises(EventError, match=r"127\.0\.0\.1 sends us on to localhost, which the catalogue does not name"):
        build.write(planned, tmp_path / "cube.zarr", progress=False)
    assert asked == []
    assert not (tmp_path / "cube.zarr").exists()
    api.shutdown()
    other.shutdown()


@pytest.mark.parametrize(
    ("place", "refused"),
    [
        ("https://data.test/a.tif", ""),
        ("//here.test/b.tif", ""),
        ("http://data.test/a.tif", "data.test"),
        ("https://other.test/a.tif", "other.test"),
    ],
)
def test_a_server_may_send_us_on_to_itself_and_over_https_to_those_that_are_known(
    monkeypatch: pytest.MonkeyPatch, place: str, refused: str
) -> None:
    asked = []

    def send(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
        answer = requests.Response()
        asked.append(str(request.url))
        answer.status_code, answer.url, answer.request, answer.raw = 200, asked[-1], request, io.BytesIO()
        if request.url == "http://here.test/a.tif":
            answer.status_code, answer.headers["Location"] = 301, place
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    message = f"here.test sends us on to {refused}, which the catalogue does not name"
    with pytest.raises(InputError, match=message) if refused else contextlib.nullcontext():
        refuse_other_servers("http://here.test/a.tif", {"here.test", "data.test"}, Patience(retries=0))
    assert len(asked) == (1 if refused else 2)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("vrt", "reading or writing failed"),
        ("complex", "holds complex64; power .gamma nought, linear. as floating-point numbers is needed"),
        ("overviews", "names another file for its overviews"),
    ],
)
def test_a_catalogue_s_image_that_names_another_file_or_is_complex_is_refused(
    made: Path, tmp_path: Path, kind: str, message: str
) -> None:
    shutil.copytree(made / "s1", tmp_path / "s1")
    api, other = Api(tmp_path / "s1"), Api(made / "s1")
    other.mood, asked = "forbidden", list[str]()
    other.finish_request = lambda request, _: asked.append(request.recv(100))  # type: ignore[method-assign, assignment]
    elsewhere = f"/vsicurl/{other.address}/files/a.tif"
    image = tmp_path / "s1" / opera_name(46, "20180830T204200", "VV")
    if kind == "vrt":
        with rasterio.open(image) as source:
            rasterio.shutil.copy(source, tmp_path / "s1" / "a.vrt", driver="VRT")
        text = (tmp_path / "s1" / "a.vrt").read_text(encoding="utf-8")
        image.write_text(text.replace(image.name, elsewhere).replace('relativeToVRT="1"', ""), encoding="utf-8")
    elif kind == "complex":
        write_tif(image, power(46, 1, "VV").astype("complex64"), dtype="complex64")
    else:
        with rasterio.open(image, "r+") as target:
            target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=elsewhere)
    planned = plan(made, radar=Catalogue(api.address, timeout=10))
    with pytest.raises(EventError, match=message):
        build.write(planned, tmp_path / "cube.zarr", progress=False)
    assert asked == []
    assert not (tmp_path / "cube.zarr").exists()
    api.shutdown()
    other.shutdown()


@pytest.fixture
def broken(made: Path, tmp_path: Path) -> Path:
    """Return a folder in which two images have lost their pixels but not their headers."""
    shutil.copytree(made / "s1", tmp_path / "in" / "s1")
    for start in ("20180905T204200", "20180911T204200"):
        path = tmp_path / "in" / "s1" / opera_name(46, start, "VV")
        with rasterio.open(path) as source:
            image, profile = source.read(1), source.profile
        write_tif(path, image, compress=None, tiled=False)
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.truncate(size - 5000)
        assert profile["height"] == rasterio.open(path).height
    return tmp_path / "in" / "s1"


def test_damaged_images_are_all_named_and_nothing_is_left_behind(made: Path, tmp_path: Path, broken: Path) -> None:
    with pytest.raises(EventError) as error:
        build.write(plan(made, radar=broken), tmp_path / "out" / "cube.zarr", progress=False)
    assert len(error.value.faults) == 2
    assert all("is damaged" in fault and "get it again" in fault for fault in error.value.faults)
    assert "20180905T204200" in error.value.faults[0] + error.value.faults[1]
    assert list((tmp_path / "out").iterdir()) == []


def test_what_was_read_is_checked_before_it_appears(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "s1", tmp_path / "s1")
    for polarisation in ("VV", "VH"):
        image = np.where(np.arange(SHAPE[1]) < 200, np.nan, 1).astype("float32") * np.ones(SHAPE, "float32")
        write_tif(tmp_path / "s1" / opera_name(68, "20180914T084100", polarisation), image)
    dem = rasterio.open(made / "dem.tif").read(1)
    dem[40:90] = np.nan
    with rasterio.open(made / "dem.tif") as source:
        write_tif(tmp_path / "holes.tif", dem, transform=source.transform)
    with pytest.raises(EventError) as error:
        build.write(
            plan(made, radar=tmp_path / "s1", dem=tmp_path / "holes.tif"), tmp_path / "cube.zarr", progress=False
        )
    assert any("1 passes hold no data in the box (2018-09-14T08:41)" in fault for fault in error.value.faults)
    assert any("of the elevation is missing; give another dem" in fault for fault in error.value.faults)
    assert not (tmp_path / "cube.zarr").exists()
    assert not list(tmp_path.glob(".*part"))


def test_decibels_are_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    for day in ("20180824T204200", "20180911T204200"):
        write_tif(tmp_path / "db" / opera_name(46, day, "VV"), 10 * np.log10(power(46, 0, "VV")))
    with pytest.raises(EventError, match="vv holds no valid value"):
        build.write(plan(made, radar=tmp_path / "db"), tmp_path / "cube.zarr", progress=False)


def test_an_existing_store_is_not_overwritten(made: Path, cube: xr.Dataset) -> None:
    with pytest.raises(EventError, match=r"cube.zarr is there already; move it away, or choose another path"):
        build.write(plan(made), made / "cube.zarr", progress=False)


def test_nisar_s_l_band_comes_under_the_project_s_names(made: Path, tmp_path: Path) -> None:
    (tmp_path / "nisar").mkdir()
    for index, start in enumerate(("20180901T204200", "20180913T204200")):
        write_gcov(tmp_path / "nisar" / f"NISAR_L2_PR_GCOV_00{index}.h5", index, start)
    planned = plan(made, radar=tmp_path / "nisar", pixel_size_m=30)
    found = open_cube(str(build.write(planned, tmp_path / "cube.zarr", progress=False))).load()
    assert found["vv"].attrs["polarisation"] == "HH"
    assert "HH stands under the name vv" in found["vv"].attrs["comment"]
    assert found["vh"].attrs["long_name"] == "HV gamma nought, L-band"
    assert list(found["relative_orbit"].values) == [77, 77]
    x, y = np.meshgrid(found["x"], found["y"])
    col, row = (x - LEFT + 100) / 20 - 0.5, (TOP + 60 - y) / 20 - 0.5
    for index in (0, 1):  # the made image is a tilted plane, which bilinear resampling keeps
        expected = 0.2 * (1 + 0.1 * index + 1e-4 * 20 * (col + 0.5) + 2e-4 * 20 * (row + 0.5))
        assert np.allclose(found["vv"][index], expected, rtol=3e-4)
    assert make_composite(found, channels="sar", timesteps=1)["image"].sizes["channel"] == 4


def test_passes_that_cannot_be_used_are_left_out_and_said(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "s1", tmp_path / "s1")
    (tmp_path / "s1" / opera_name(68, "20180902T084100", "VH")).unlink()
    sliver = power(46, 0, "VV")[:20]
    for polarisation in ("VV", "VH"):
        write_tif(tmp_path / "s1" / opera_name(46, "20180827T204200", polarisation), sliver)
        write_tif(tmp_path / "s1" / opera_name(46, "20160830T204200", polarisation), power(46, 0, polarisation))
    planned = plan(made, radar=tmp_path / "s1")
    assert planned.notes[:3] == (
        "1 passes outside 2018-06-07 to 2018-11-04 are left out, such as that of 2016-08-30",
        "1 passes covering less than 50% of the box are left out, such as that of 2018-08-27",
        "1 passes without VV and VH are left out, such as that of 2018-09-02",
    )
    assert len(planned.calendar) == 5


def test_everything_wrong_at_the_door_is_said_at_once(made: Path, tmp_path: Path) -> None:
    gpd.GeoDataFrame(geometry=[Point(1, 2)]).to_file(tmp_path / "points.gpkg")
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / opera_name(46, "20180824T204200", "VV")).write_bytes(b"II*\0")
    with pytest.raises(EventError) as error:
        plan(
            made,
            name="all wrong",
            box=box_degrees()[::-1],
            event_time="2018-09-05",
            polygons=tmp_path / "points.gpkg",
            radar=tmp_path / "s1",
            dem=tmp_path / "no.tif",
            pixel_size_m=0,
            resampling="best",
            days=(0, 5),
        )
    text = str(error.value)
    for expected in (
        "no cube of 'all wrong' (11 faults)",
        "longitude and latitude swapped",
        "resampling='best' is not one of nearest, bilinear, cubic, average",
        "days=(0, 5) must be above 0",
        "pixel_size_m=0 is not between",
        "event_time='2018-09-05' is a day",
        "the landslide polygons have no coordinate reference system",
        "the landslides hold Point; polygons are needed",
        "cannot be read",
        "no.tif' cannot be read",
    ):
        assert expected in text, f"{expected}\n{text}"


def _speck() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[Point(LEFT + 900, TOP - 900).buffer(2)], crs=CRS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"polygons": "nowhere.gpkg"}, "polygons='nowhere.gpkg': no such file"),
        ({"polygons": __file__}, "cannot be read .*; give a GeoPackage"),
        ({"polygons": gpd.GeoDataFrame(geometry=[], crs=CRS)}, "the landslides hold no polygon"),
        (
            {"polygons": gpd.GeoDataFrame(geometry=[box(10, 50, 10.1, 50.1)], crs="EPSG:4326")},
            r"none of the 1 landslide polygons lies in the box; they reach over \[10.0, 50.0, 10.1, 50.1\] degrees",
        ),
        (
            {"polygons": _speck()},
            "none of the 1 landslide polygons in the box covers the centre of a pixel; take a smaller pixel_size_m",
        ),
        ({"event_time": "2019-01-01T00:00:00"}, "no pass covers the box"),
        (
            {"event_time": "2018-09-20T00:00:00"},
            "no track has a pass both before 2018-09-20T00:00:00 and after .*descending track 46: 4 before, 0 after",
        ),
        ({"event_time": "2018-08-20T00:00:00"}, "ascending track 68: 0 before, 2 after"),
        ({"event_end": "2018-09-01T00:00:00"}, "event_end='2018-09-01T00:00:00' is before event_time="),
        ({"event_end": "soon"}, "event_end='soon' is not an ISO 8601 instant"),
        ({"box": [142.3, 42.7, 142.35, 42.75]}, "dem=.* covers 0% of the box"),
        ({"box": [179.9, -17.0, -179.9, -16.9]}, "one cube on each side of 180 degrees"),
    ],
)  # fmt: skip
def test_bad_questions(made: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(EventError, match=message):
        plan(made, **options)


def test_elevation_without_place_or_with_more_bands_is_refused(made: Path, tmp_path: Path) -> None:
    write_dem(tmp_path / "nowhere.tif", crs=None)
    with pytest.raises(EventError, match=r"nowhere.tif' has no coordinate reference system; write it into the file"):
        plan(made, dem=tmp_path / "nowhere.tif")


def test_images_on_other_grids_are_brought_to_this_one(made: Path, tmp_path: Path) -> None:
    """Image the same plane in the next UTM zone: the values must be those of the place."""
    (tmp_path / "s1").mkdir()
    for day, factor in (("20180824T204200", 1.0), ("20180911T204200", 2.0)):
        with (
            rasterio.open(made / "s1" / opera_name(46, "20180830T204200", "VV")) as source,
            rasterio.vrt.WarpedVRT(source, crs="EPSG:32655", resampling=rasterio.enums.Resampling.cubic) as warped,
        ):
            assert abs(warped.transform.a + warped.transform.e) < 1e-6
            write_tif(
                tmp_path / "s1" / opera_name(46, day, "VV"),
                factor * warped.read(1),
                crs="EPSG:32655",
                transform=warped.transform,
            )
    planned = plan(made, radar=tmp_path / "s1")
    got = planned.cube["vv"].load()
    here = slice(2, -2)
    x, y = np.meshgrid(got["x"][here], got["y"][here])
    plane = power(46, 1, "VV")
    expected = (
        plane[0, 0]
        + (x - LEFT - 15) / 30 * (plane[0, 1] - plane[0, 0])
        + (TOP - 15 - y) / 30 * (plane[1, 0] - plane[0, 0])
    )
    assert np.allclose(got[0, here, here], expected, rtol=5e-3)
    assert np.allclose(got[1, here, here], 2 * expected, rtol=5e-3)


def test_real_radar_becomes_a_cube(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "opera_rtc"
    paths = sorted(folder.glob("*292320*_VV.tif"))
    with rasterio.open(paths[0]) as source:
        bounds, crs = source.bounds, source.crs
    place = rasterio.warp.transform_bounds(
        crs, "EPSG:4326", bounds.left + 150, bounds.bottom + 150, bounds.right - 150, bounds.top - 150
    )
    centre = ((bounds.left + bounds.right) / 2, (bounds.bottom + bounds.top) / 2)
    slides = gpd.GeoDataFrame(geometry=[Point(*centre).buffer(200)], crs=crs)
    write_tif(
        tmp_path / "dem.tif",
        np.full((60, 60), 900, "float32"),
        transform=rasterio.Affine(90, 0, bounds.left - 900, 0, -90, bounds.top + 900),
        crs=crs,
    )
    event = Event("California", place, "2024-10-15T00:00:00", slides, pixel_size_m=30)
    planned = build.plan(event, radar=folder, dem=tmp_path / "dem.tif", options=Options(days=(60, 60)))
    assert "passes outside" in planned.notes[0]
    assert set(planned.calendar["relative_orbit"]) == {137}
    found = open_cube(str(build.write(planned, tmp_path / "cube.zarr", progress=False))).load()
    with rasterio.open(next(path for path in paths if "20241010" in path.name)) as source:
        row, col = source.index(float(found["x"][0]), float(found["y"][0]))
        window = source.read(1)[row : row + found.sizes["y"], col : col + found.sizes["x"]]
    index = [str(time)[:10] for time in found["time"].values].index("2024-10-10")
    assert np.array_equal(found["vv"][index], window, equal_nan=True)
    assert found["landslides"].sum() == pytest.approx(np.pi * 200**2 / 900, rel=0.05)
    assert float(10 * np.log10(found["vv"].median())) > float(10 * np.log10(found["vh"].median())) + 3
    assert found.attrs["simulated"] is False
