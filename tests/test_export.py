from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import rioxarray
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate
from scipy import ndimage
from shapely.geometry import box

from landslide_utils.export import ExportError, plan_files, write_geotiff, write_polygons
from landslide_utils.grid import label_groups, rasterise_like
from landslide_utils.polygons import (
    CONFIDENCE,
    best_threshold,
    compare_confidence,
    find_polygons,
    summarise,
)

PIXEL = 10.0
LEFT, TOP = 500_000.0, 4_740_000.0  # edges of the first pixel, UTM zone 54 north


def scene(height: int = 200, width: int = 240, seed: int = 0, blur: float = 2) -> xr.DataArray:
    """Return a map of probabilities from 0 to 1 with blobs of all sizes, a hole without data, and the event's names."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), blur)
    values = (smooth.argsort(axis=None).argsort().reshape(height, width) / smooth.size) ** 6
    values[:5, :7] = np.nan
    layer = xr.DataArray(
        values.astype("float32"),
        dims=("y", "x"),
        coords={"y": TOP - PIXEL * (np.arange(height) + 0.5), "x": LEFT + PIXEL * (np.arange(width) + 0.5)},
        name="probability",
        attrs={
            "region": "a made-up place",
            "event_time": "2018-09-05T18:07:59",
            "simulated": True,
            "passes_after": ["2018-09-11T20:42", "2018-09-17T20:42"],
            "share_layover": 0.25,
        },
    )
    return layer.rio.write_crs("EPSG:32654")


def plane(like: xr.DataArray, degrees: float = 30.0) -> xr.DataArray:
    """Return the elevation of a hillside of one slope."""
    return (like["x"] * np.tan(np.radians(degrees)) + 0 * like["y"]).transpose("y", "x")


@pytest.fixture
def probability() -> xr.DataArray:
    return scene()


def test_a_geotiff_is_cloud_optimised_and_lies_where_the_map_does(tmp_path: Path, probability: xr.DataArray) -> None:
    large = scene(700, 650)
    path = write_geotiff(large, tmp_path / "deep" / "map.tif", threshold=0.42)
    correct, errors, warnings = cog_validate(path, strict=True)
    assert correct, (errors, warnings)
    with rasterio.open(path) as file:
        assert file.crs == rasterio.crs.CRS.from_epsg(32654)
        assert file.transform == rasterio.transform.from_origin(LEFT, TOP, PIXEL, PIXEL)
        assert np.isnan(file.nodata)
        assert file.dtypes == ("float32",)
        assert file.overviews(1)
        assert np.array_equal(file.read(1), large.values, equal_nan=True)
        tags = file.tags()
        assert file.descriptions == ("probability of a landslide",)
        assert file.tags(1) == {"units": "1"}
    assert {
        name: tags[name] for name in ("units", "region", "event_time", "simulated", "threshold", "passes_after")
    } == {
        "units": "1",
        "region": "a made-up place",
        "event_time": "2018-09-05T18:07:59",
        "simulated": "True",
        "threshold": "0.42",
        "passes_after": "2018-09-11T20:42, 2018-09-17T20:42",
    }
    again = rioxarray.open_rasterio(path).squeeze(drop=True)
    assert np.abs(again["x"].values - large["x"].values).max() < 1e-6
    assert np.abs(again["y"].values - large["y"].values).max() < 1e-6
    assert [p.name for p in path.parent.iterdir()] == ["map.tif"]


def test_a_lazy_map_gives_the_same_file_and_is_never_whole_in_memory(tmp_path: Path, probability: xr.DataArray) -> None:
    rows: list[int] = []

    def look(block: np.ndarray) -> np.ndarray:
        rows.append(block.shape[0])
        return block

    lazy = probability.chunk({"y": 64, "x": 100})
    lazy = lazy.copy(data=lazy.data.map_blocks(look, dtype="float32", meta=np.empty((0, 0), "float32")))
    path = write_geotiff(lazy, tmp_path / "lazy.tif")
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(1), probability.values, equal_nan=True)
    assert max(rows) == 64
    assert len(rows) == 4 * 3


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), threshold=st.floats(0.05, 0.95), blur=st.floats(0.1, 4))
def test_polygons_are_the_map_s_own_pixels(seed: int, threshold: float, blur: float) -> None:
    probability = scene(90, 110, seed, blur)
    polygons = find_polygons(probability, plane(probability), threshold=threshold)
    mine, model = rasterise_like(polygons.geometry, probability) > 0, (probability >= threshold).values
    assert (mine & model).sum() / (mine | model).sum() >= 0.99
    assert np.array_equal(mine, model)
    assert polygons.geometry.is_valid.all()
    assert polygons.geometry.area.to_numpy() == pytest.approx(polygons["area_m2"].to_numpy())
    assert len(polygons) == ndimage.label(model, np.ones((3, 3)))[1]


def test_each_polygon_says_what_its_pixels_say(probability: xr.DataArray) -> None:
    dem = plane(probability, 30)
    dem[:, 120:] = plane(probability, 10)[:, 120:]
    polygons = find_polygons(probability, dem, threshold=0.3)
    assert polygons.crs.to_epsg() == 32654
    assert polygons["area_m2"].is_monotonic_decreasing
    x, y = np.meshgrid(probability["x"].values, probability["y"].values)
    for _, line in polygons.iloc[:: max(1, len(polygons) // 12)].iterrows():
        pixels = shapely.contains_xy(line.geometry, x, y)  # an oracle that knows nothing of labels
        inside = probability.values[pixels].astype(float)
        assert line["area_m2"] == pixels.sum() * PIXEL**2
        assert line["probability_mean"] == pytest.approx(inside.mean(), rel=1e-5)
        assert line["probability_max"] == pytest.approx(inside.max())
        columns = set(np.nonzero(pixels)[1].tolist())
        if not columns & {119, 120, 121}:
            assert line["slope_degrees"] == pytest.approx(30 if max(columns) < 120 else 10, abs=0.01)
        way = (inside.mean() - 0.3) / 0.7
        assert line["confidence"] == ("low" if way < 1 / 3 else "medium" if way < 2 / 3 else "high")
    assert set(polygons["region"]) == {"a made-up place"}
    assert polygons["simulated"].all()


def test_small_groups_are_dropped_and_counted(probability: xr.DataArray) -> None:
    everything = find_polygons(probability, plane(probability), threshold=0.3)
    large = find_polygons(probability, plane(probability), threshold=0.3, min_pixels=20)
    gone = everything[everything["area_m2"] < 20 * PIXEL**2]
    assert len(gone) > 0
    assert len(large) == len(everything) - len(gone)
    assert large.attrs["dropped"] == len(gone)
    assert large.attrs["dropped_m2"] == gone["area_m2"].sum()
    assert everything.attrs["dropped"] == 0


@pytest.mark.parametrize("name", ["slides.gpkg", "slides.geojson"])
def test_files_of_polygons_open_elsewhere(tmp_path: Path, probability: xr.DataArray, name: str) -> None:
    polygons = find_polygons(probability, plane(probability), threshold=0.3, min_pixels=4)
    path = write_polygons(polygons, tmp_path / name)
    again = gpd.read_file(path)
    assert len(again) == len(polygons) > 3
    assert again.crs.to_epsg() == (32654 if name.endswith("gpkg") else 4326)
    mine, model = (rasterise_like(shapes.geometry, probability) > 0 for shapes in (again, polygons))
    assert (mine & model).sum() / (mine | model).sum() >= 0.99
    moved = again.to_crs(32654).geometry.centroid.distance(polygons.geometry.centroid)
    assert moved.max() < PIXEL / 2
    for column in ("area_m2", "probability_mean", "probability_max", "slope_degrees"):
        assert again[column].to_numpy() == pytest.approx(polygons[column].to_numpy())
    assert list(again["confidence"]) == list(polygons["confidence"])
    assert again["simulated"].all()
    info = pyogrio.read_info(path)
    if name.endswith("gpkg"):
        assert info["layer_metadata"]["simulated"] == "True"
        assert info["layer_metadata"]["threshold"] == "0.3"
    else:
        document = json.loads(path.read_text(encoding="utf-8"))
        assert "crs" not in document  # RFC 7946: always degrees, never named
        assert "simulated radar, a made-up place" in document["description"]
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_polygons_lie_on_the_landslides_they_were_drawn_from(tmp_path: Path) -> None:
    truth = gpd.GeoSeries([box(LEFT + 300, TOP - 700, LEFT + 480, TOP - 400)], crs=32654)
    like = scene()
    labels = rasterise_like(truth, like) > 0
    polygons = find_polygons(like.copy(data=labels.astype("float32")), plane(like))
    path = write_polygons(polygons, tmp_path / "a.geojson")
    found = gpd.read_file(path).to_crs(32654).geometry[0]
    assert found.symmetric_difference(truth[0]).area < 0.001 * truth[0].area
    assert found.hausdorff_distance(truth[0]) < PIXEL / 2


def test_no_landslide_gives_empty_files_with_their_columns(tmp_path: Path, probability: xr.DataArray) -> None:
    polygons = find_polygons(probability.copy(data=probability.values * 0), plane(probability))
    for name in ("none.gpkg", "none.geojson"):
        again = gpd.read_file(write_polygons(polygons, tmp_path / name))
        assert len(again) == 0
    assert summarise(polygons)["answer"]["how many"] == "0 landslides"


def test_groups_are_counted_as_polygons_are_drawn() -> None:
    mask = np.eye(6, dtype=bool)  # touching at corners: one
    assert label_groups(mask).max() == 1
    assert label_groups(np.kron(np.eye(3), [[1, 0], [0, 0]]) > 0).max() == 3
    probability = scene()
    assert label_groups(probability.values >= 0.3).max() == len(
        find_polygons(probability, plane(probability), threshold=0.3)
    )


def test_the_threshold_with_the_best_f1_is_found() -> None:
    probability = scene()
    random = np.random.default_rng(1)
    labels = probability.copy(data=random.uniform(size=probability.shape) < np.nan_to_num(probability.values) ** 2)
    everywhere = xr.ones_like(labels)
    chosen = best_threshold(probability, labels, everywhere)

    def f1(threshold: float) -> float:
        found, known = (probability >= threshold).values, np.isfinite(probability.values)
        hits = (found & labels.values & known).sum()
        return float(2 * hits / (found[known].sum() + labels.values[known].sum()))

    assert f1(chosen) >= max(f1(t) for t in np.linspace(0.01, 0.99, 99)) - 1e-9
    with pytest.raises(ValueError, match="no landslide under the mask"):
        best_threshold(probability, labels, ~everywhere)


def test_the_table_answers_what_is_asked_first() -> None:
    like = scene(300, 300)
    values = np.zeros(like.shape, "float32")
    values[10:20, 10:20] = 0.95  # 10,000 m2, sure, alone in its square kilometre
    values[210:215, 205:215] = values[230:240, 205:225] = 0.6  # 5,000 and 20,000 m2 in another
    polygons = find_polygons(like.copy(data=values), plane(like, 25), threshold=0.5)
    answers = summarise(polygons)["answer"]
    assert answers["how many"] == "3 landslides"
    assert answers["how large, all together"] == "0.04 km2"
    assert answers["how large, one"] == "median 10,000 m2, largest 20,000 m2"
    assert answers["how steep"] == "25 degrees on average"
    assert answers["how sure"] == "1 high, 0 medium, 2 low"
    assert answers["not seen: layover"] == "25.00% of the scene"
    assert answers["radar"] == "simulated"
    middle = gpd.GeoSeries.from_xy([502_500], [4_737_500], crs=32654).to_crs(4326)[0]
    assert answers["where densest"] == f"around {middle.y:.3f} N {middle.x:.3f} E"
    assert answers["how dense there"] == "2 landslides, 2% of a square kilometre"


def _without_crs(m: xr.DataArray) -> xr.DataArray:
    return m.drop_vars("spatial_ref")


BAD_MAPS: list[tuple[Any, str]] = [
    (_without_crs, "the map has no coordinate reference system; set one"),
    (lambda m: m.rio.write_crs("EPSG:4326"), r"the map is in degrees \(EPSG:4326, WGS 84\)"),
    (lambda m: m.rio.write_crs("EPSG:2263"), r"the map is not in metres but in .*foot.*need metres"),
    (lambda m: m.assign_coords(x=LEFT + 12 * np.arange(240)), "pixels are 12 wide and 10 high; square ones are needed"),
    (lambda m: m.isel(y=slice(None, None, -1)), "rows must go from north to south"),
    (lambda m: m.assign_coords(x=LEFT + np.arange(240.0) ** 1.1), "the coordinate x is not evenly spaced"),
    (lambda m: m.transpose("x", "y"), "the map has the dimensions x, y; transpose it to y, x"),
    (lambda m: m.expand_dims("time"), "the map has the dimensions time, y, x; transpose it to y, x"),
    (lambda m: m.drop_vars("x"), "the coordinate x is missing; give each x its position"),
    (lambda m: m.assign_coords(x=np.full(240, LEFT)), "the coordinate x is .* at both ends"),
    (lambda m: m.isel(x=slice(0, 1)), "the map has 200 x 1 pixels; at least 2 x 2"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_MAPS)
def test_a_map_that_cannot_be_placed_is_refused(
    tmp_path: Path, probability: xr.DataArray, spoil: Any, message: str
) -> None:
    bad = spoil(probability)
    with pytest.raises(ExportError, match=message):
        write_geotiff(bad, tmp_path / "map.tif")
    with pytest.raises(ExportError, match=message):
        find_polygons(bad, plane(bad))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("threshold", [0, 1, 0.0, 1.0, -0.2, 1.5, float("nan")])
def test_a_threshold_that_cuts_nothing_is_refused(tmp_path: Path, probability: xr.DataArray, threshold: float) -> None:
    with pytest.raises(ExportError, match=f"threshold={threshold}: must be more than 0 and less than 1"):
        find_polygons(probability, plane(probability), threshold=threshold)
    with pytest.raises(ExportError, match=f"threshold={threshold}: must be more than 0 and less than 1"):
        write_geotiff(probability, tmp_path / "map.tif", threshold=threshold)
    assert list(tmp_path.iterdir()) == []


def test_all_faults_are_listed_at_once(probability: xr.DataArray) -> None:
    elsewhere = plane(probability).assign_coords(x=probability["x"] + 5)
    with pytest.raises(ExportError) as caught:
        find_polygons(probability.rio.write_crs("EPSG:4326"), elsewhere, threshold=1, min_pixels=0)
    assert len(caught.value.faults) == 4
    assert "the DEM is on another grid" in str(caught.value)
    assert "min_pixels=0: must be a whole number, 1 or more" in str(caught.value)
    with pytest.raises(ExportError, match="the DEM is on another grid"):
        find_polygons(probability, plane(probability)[::2, ::2])


def test_names_and_systems_of_files_are_checked(tmp_path: Path, probability: xr.DataArray) -> None:
    polygons = find_polygons(probability, plane(probability))
    with pytest.raises(ExportError, match=r"map.png does not end in .tif or .tiff"):
        write_geotiff(probability, tmp_path / "map.png")
    with pytest.raises(ExportError, match=r"a.shp ends in neither .gpkg nor .geojson"):
        write_polygons(polygons, tmp_path / "a.shp")
    with pytest.raises(ExportError, match="the polygons have no coordinate reference system"):
        write_polygons(polygons.set_crs(None, allow_override=True), tmp_path / "a.gpkg")


@pytest.mark.parametrize("name", ["map.tif", "a.gpkg", "a.geojson"])
def test_files_are_not_overwritten_unasked_and_a_failed_export_leaves_none(
    tmp_path: Path, probability: xr.DataArray, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(**options: bool) -> Path:
        if name == "map.tif":
            return write_geotiff(probability, tmp_path / name, **options)
        return write_polygons(find_polygons(probability, plane(probability)), tmp_path / name, **options)

    def fails(*args: Any, **kwargs: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(rasterio.io.DatasetWriter, "write", fails) if name == "map.tif" else full_disk.setattr(
            gpd.GeoDataFrame, "to_file", fails
        )
        with pytest.raises(OSError, match="No space left"):
            write()
        assert list(tmp_path.iterdir()) == []
    (tmp_path / name).write_text("precious", encoding="utf-8")
    with pytest.raises(FileExistsError, match=f"{name} exists already; pass overwrite=True"):
        write()
    assert (tmp_path / name).read_text(encoding="utf-8") == "precious"
    write(overwrite=True)
    assert (tmp_path / name).read_bytes()[:8] != b"precious"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_columns_are_those_that_are_promised(probability: xr.DataArray) -> None:
    polygons = find_polygons(probability, plane(probability))
    assert set(polygons.columns) == {
        "area_m2",
        "probability_mean",
        "probability_max",
        "slope_degrees",
        "confidence",
        "region",
        "event_time",
        "simulated",
        "geometry",
    }
    assert isinstance(summarise(polygons), pd.DataFrame)
    assert set(polygons["confidence"]) <= set(CONFIDENCE)


def test_confidence_is_compared_with_labels_inside_the_mask_only() -> None:
    like = scene(100, 100)
    values, labels, mask = np.zeros((100, 100), "float32"), np.zeros((100, 100), bool), np.ones((100, 100), bool)
    for row, height in ((10, 0.95), (30, 0.95), (50, 0.55), (90, 0.55)):
        values[row : row + 4, 10:20] = height
    labels[10:14, 10:15] = labels[90:94, 10:20] = True
    mask[85:] = False
    polygons = find_polygons(like.copy(data=values), plane(like), threshold=0.5)
    wrap = [like.copy(data=array).drop_attrs() for array in (labels, mask)]
    table = compare_confidence(polygons, *wrap)
    assert list(table.index) == list(CONFIDENCE)
    assert table.loc["high"].to_list() == [2, 0.5, 0.25]
    assert table.loc["low"].to_list() == [1, 0, 0]
    assert table.loc["medium", "polygons"] == 0


def test_a_plan_refuses_before_any_work(tmp_path: Path) -> None:
    paths = plan_files(tmp_path)
    assert {path.suffix for path in paths.values()} == {".tif", ".gpkg", ".geojson", ".html"}
    paths["map"].touch()
    paths["page"].touch()
    with pytest.raises(ExportError, match=r"probability\.tif exists already") as caught:
        plan_files(tmp_path, threshold=0)
    assert len(caught.value.faults) == 3
    assert plan_files(tmp_path, threshold=0.5, overwrite=True) == paths
