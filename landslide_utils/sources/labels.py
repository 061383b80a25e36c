"""The outlines of landslides that a caller brings, and their raster."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from landslide_utils.grid import Window, in_pixels, rasterise, touches


class Labels(NamedTuple):
    """The landslides on a grid.

    Attributes
    ----------
    mask : bool array (height, width)
        Whether a pixel's centre lies in a landslide.
    polygons : geopandas.GeoDataFrame
        In the grid's coordinate reference system.
    faults, notes : lists of str
        What keeps the labels from being used, and what a person should know of them.
    """

    mask: NDArray[np.bool_]
    polygons: gpd.GeoDataFrame
    faults: list[str]
    notes: list[str]


def find_polygon_faults(landslides: gpd.GeoSeries) -> list[str]:
    """List what keeps landslides from being rasterised: no place on Earth, nothing in it, or anything but polygons."""
    faults = []
    if landslides.crs is None:
        faults.append("the landslide polygons have no coordinate reference system; set one with set_crs('EPSG:...')")
    if landslides.notna().sum() == 0 or landslides.dropna().is_empty.all():
        faults.append("the landslides hold no polygon; check the file, or its layer")
    others = sorted(set(landslides.dropna().geom_type) - {"Polygon", "MultiPolygon"})
    if others:
        faults.append(f"the landslides hold {', '.join(others)}; polygons are needed (give points a size with buffer)")
    return faults


def read_polygons(polygons: str | Path | gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame | None, list[str]]:
    """Return landslides from a file that geopandas reads, or from memory, and what is wrong with them."""
    name, advice = f"polygons={str(polygons)!r}", "give a GeoPackage, GeoJSON or shapefile of the landslides"
    table = polygons
    if isinstance(polygons, str | Path):
        if not Path(polygons).exists():
            return None, [f"{name}: no such file; {advice}"]
        try:
            table = gpd.read_file(polygons)
        except Exception as error:
            return None, [f"{name} cannot be read ({error}); {advice}"]
    if not isinstance(table, gpd.GeoDataFrame):
        return None, [f"{name} has no geometry; give a file of polygons"]
    return table, find_polygon_faults(table.geometry)


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
        faults.append(
            f"none of the {len(shapes)} landslide polygons lies in the box; they reach over {extent} degrees: "
            "check the box and the file's coordinate reference system"
        )
    elif without_pixel == inside:
        faults.append(
            f"none of the {inside} landslide polygons in the box covers the centre of a pixel; "
            "take a smaller pixel_size_m"
        )
    elif without_pixel:
        reason = "they lie between pixels' centres, at the edge, or beneath others"
        notes.append(f"{without_pixel} polygons mark no pixel of their own: {reason}")
    if 0 < inside < len(shapes):
        notes.append(f"{len(shapes) - inside} of {len(shapes)} polygons lie outside the box")
    return Labels(numbers > 0, placed, faults, notes)
