"""The outlines of landslides that a caller brings, and their raster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from landslide_utils.files import MOST_FILE_BYTES, check_file
from landslide_utils.grid import Window, in_pixels, rasterise, touches
from landslide_utils.sources.fetch import size_of

BESIDE = (".dbf", ".shx")  # what else a shapefile is made of
MOST_BYTES = 256_000_000  # of a file of outlines, with the files that belong to a shapefile
MOST_GEOJSON_BYTES = 32_000_000  # which take twenty times their size in memory


NOTHING = gpd.GeoDataFrame(geometry=[], crs="EPSG:4326")
"""The outlines of an event that nobody has traced."""


class Labels(NamedTuple):
    """The landslides on a grid."""

    mask: NDArray[np.bool_] | None  # (height, width): whether a pixel's centre lies in a landslide; None if not known
    polygons: gpd.GeoDataFrame  # in the grid's coordinate reference system
    faults: list[str]  # what keeps the labels from being used
    notes: list[str]  # what a person should know of them


def find_polygon_faults(landslides: gpd.GeoSeries) -> list[str]:
    """List what keeps landslides from being rasterised: no place on Earth, nothing in it, or anything but polygons."""
    faults = []
    if landslides.crs is None:
        faults.append("the landslide polygons have no coordinate reference system; set one with set_crs('EPSG:...')")
    if landslides.notna().sum() == 0 or landslides.dropna().is_empty.all():
        faults.append("the landslides hold no polygon; check the file, or its layer")
    elif not np.isfinite(landslides.total_bounds).all():
        faults.append("the landslides have corners that are no finite numbers; check the file")
    if others := sorted(set(landslides.dropna().geom_type) - {"Polygon", "MultiPolygon"}):
        faults.append(f"the landslides hold {', '.join(others)}; polygons are needed (give points a size with buffer)")
    return faults


def read_polygons(polygons: str | Path | gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame | None, list[str]]:
    """Return landslides from a GeoPackage, GeoJSON or shapefile, or from memory, and what is wrong with them."""
    name, advice = f"polygons={str(polygons)!r}", "give a GeoPackage, GeoJSON or shapefile of the landslides"
    table = polygons
    if isinstance(polygons, str | Path):
        try:
            if not Path(polygons).exists():
                return None, [f"{name}: no such file; {advice}"]
            table = _read_file(Path(polygons).absolute())
        except Exception as error:
            return None, [f"{name} cannot be read ({error}); {advice}"]
    if not isinstance(table, gpd.GeoDataFrame):
        return None, [f"{name} has no geometry; give a file of polygons"]
    return table, find_polygon_faults(table.geometry)


def _read_file(path: Path) -> gpd.GeoDataFrame:
    """Return the outlines of a file, read as what its first bytes say it is: OGR's VRT would name other files.

    No columns are read, which may be of any size. GeoJSON is not given to GDAL, which asks a server for a coordinate
    reference system that is a link.
    """
    with check_file(path, MOST_FILE_BYTES).open("rb") as file:
        head = file.read(1024)
    is_json = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    most = MOST_GEOJSON_BYTES if is_json else MOST_BYTES
    size = sum(map(size_of, {path, *map(path.with_suffix, BESIDE)}))
    if size > most:
        raise ValueError(f"it has {size / 1e6:.0f} MB, more than {most / 1e6:.0f}: keep the outlines near the box only")
    if is_json:
        content = json.loads(path.read_text("utf-8-sig"))
        if content.get("type") != "FeatureCollection":
            raise ValueError("it is no FeatureCollection")
        features = [{"properties": {}} | feature for feature in content["features"]]
        crs = content["crs"]["properties"]["name"] if content.get("crs") else "EPSG:4326"
        return gpd.GeoDataFrame.from_features(features, crs=crs)
    if head.startswith(b"SQLite format 3\0") and head[68:72] in (b"GPKG", b"GP10", b"GP11"):
        return gpd.read_file(f'GPKG:"{path.as_posix()}"', engine="pyogrio", columns=[])  # a quoted path may hold colons
    if head.startswith(b"\0\0\x27\x0a") and path.suffix.lower() == ".shp":  # the zeros keep off all other drivers
        return gpd.read_file(path, engine="pyogrio", columns=[])
    raise ValueError("its first bytes are none of a GeoPackage's, GeoJSON's or shapefile's")


def place(polygons: gpd.GeoDataFrame, grid: GeoBox) -> Labels:
    """Return polygons brought to a grid and rasterised; they must have a coordinate reference system."""
    placed = polygons.to_crs(grid.crs)
    window = Window(0, 0, grid.height, grid.width)
    shapes = in_pixels(placed.geometry, grid.transform)
    inside = sum(touches(shape, window) for shape in shapes)
    numbers = rasterise(shapes, window)
    without_pixel = inside - len(np.unique(numbers[numbers > 0]))
    faults, notes = [], []
    if not inside:
        extent = [round(float(edge), 4) for edge in polygons.to_crs("EPSG:4326").total_bounds]
        fault = f"none of the {len(shapes)} landslide polygons lies in the box; they reach over {extent} degrees"
        faults.append(f"{fault}: check the box and the file's coordinate reference system")
    elif without_pixel == inside:
        fault = f"none of the {inside} landslide polygons in the box covers the centre of a pixel"
        faults.append(f"{fault}; take a smaller pixel_size_m")
    elif without_pixel:
        reason = "they lie between pixels' centres, at the edge, or beneath others"
        notes.append(f"{without_pixel} polygons mark no pixel of their own: {reason}")
    if 0 < inside < len(shapes):
        notes.append(f"{len(shapes) - inside} of {len(shapes)} polygons lie outside the box")
    return Labels(numbers > 0, placed, faults, notes)
