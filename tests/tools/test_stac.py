"""The STAC item beside an exported map, read back by pystac and odc-stac."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import odc.stac
import pyproj
import pystac
import pytest
import rasterio
import shapely
import xarray as xr
from pystac import STACObjectType
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import box
from stac import write_item
from test_export import plane, scene

from landslide_utils.export import ExportError, plan_files, write_geotiff, write_polygons
from landslide_utils.polygons import find_polygons


@pytest.fixture
def probability() -> xr.DataArray:
    return scene()


def item_of(folder: Path, layer: xr.DataArray) -> pystac.Item:
    """Export a map and its polygons, and return the item beside them as a reader of catalogues sees it."""
    paths = plan_files(folder)
    write_geotiff(layer, paths["map"])
    write_polygons(find_polygons(layer, plane(layer)), paths["polygons"])
    return pystac.Item.from_file(write_item(folder))


def test_an_item_is_what_stac_says_and_leads_to_the_map(tmp_path: Path, probability: xr.DataArray) -> None:
    late = {**probability.attrs, "passes_before": ["2018-09-01T20:42", "2018-08-20T20:42"]}
    item = item_of(tmp_path / "there", probability.assign_attrs(late))
    JsonSchemaSTACValidator().validate_core(item.to_dict(transform_hrefs=False), STACObjectType.ITEM, "1.1.0")
    assert item.id == "a-made-up-place-2018-09-05T18-07-59-landslides"
    assert item.properties["title"] == "Landslides mapped from simulated radar, a made-up place"
    when = {name: item.properties[name] for name in ("datetime", "start_datetime", "end_datetime")}
    assert list(when.values()) == ["2018-09-05T18:07:59Z", "2018-08-20T20:42:00Z", "2018-09-17T20:42:00Z"]
    assert set(item.assets) == {"map", "polygons"}
    assert all(asset.href.startswith("./") for asset in item.assets.values())
    moved = (tmp_path / "there").rename(tmp_path / "elsewhere")
    read = pystac.Item.from_file(moved / "item.json")
    (again,) = odc.stac.load([read], bands=["map"])["map"]
    np.testing.assert_array_equal(again, probability)
    assert again.odc.geobox == probability.odc.geobox


def test_an_item_lies_where_the_map_does(tmp_path: Path, probability: xr.DataArray) -> None:
    item = item_of(tmp_path, probability)
    corners = gpd.GeoSeries([box(*probability.rio.bounds())], crs=probability.rio.crs).to_crs("EPSG:4326")
    assert shapely.geometry.shape(item.geometry).symmetric_difference(corners[0]).area < 1e-9 * corners[0].area
    assert shapely.box(*item.bbox).buffer(1e-9).covers(corners[0])
    assert item.bbox == pytest.approx(corners[0].bounds, abs=1e-5)


def test_an_item_of_a_map_that_says_too_little_is_refused(tmp_path: Path, probability: xr.DataArray) -> None:
    paths = plan_files(tmp_path)
    with pytest.raises(ExportError, match=r"there is no map at .*probability\.tif; write it first"):
        write_item(tmp_path)
    write_geotiff(probability.drop_attrs(deep=False), paths["map"])
    with pytest.raises(ExportError, match=r"probability\.tif does not say when its event was"):
        write_item(tmp_path)
    with rasterio.open(paths["map"], "w", driver="GTiff", height=9, width=9, count=1, dtype="float32") as file:
        file.write(np.zeros((1, 9, 9), "float32"))
    with pytest.raises(ExportError, match="has no coordinate reference system") as caught:
        write_item(tmp_path)
    assert len(caught.value.faults) == 2
    assert not (tmp_path / "item.json").exists()


def test_an_item_of_a_grid_without_a_number_says_it_in_words(tmp_path: Path, probability: xr.DataArray) -> None:
    own = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=141.9 +x_0=500000 +ellps=WGS84")
    item = item_of(tmp_path, probability.rio.write_crs(own))
    assert item.properties["proj:code"] is None
    assert pyproj.CRS.from_wkt(item.properties["proj:wkt2"]).to_dict()["lon_0"] == 141.9
