"""The outlines of landslides that a caller brings, and their raster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from landslide_utils.grid import Window, in_pixels, rasterise, touches

if TYPE_CHECKING:
    import geopandas as gpd


def find_polygon_faults(landslides: gpd.GeoSeries) -> list[str]:
    """List what keeps somebody's landslides from being rasterised: no coordinate reference system, nothing in it, or something else than polygons."""
    faults = []
    if landslides.crs is None:
        faults.append("the landslide polygons have no coordinate reference system; set one with set_crs('EPSG:...')")
    if landslides.notna().sum() == 0 or landslides.dropna().is_empty.all():
        faults.append("the landslides hold no polygon; check the file, or its layer")
    other = sorted(set(landslides.dropna().geom_type) - {"Polygon", "MultiPolygon"})
    if other:
        faults.append(f"the landslides hold {', '.join(other)}; polygons are needed (give points a size with buffer)")
    return faults


def read_polygons(polygons: str | Path | gpd.GeoDataFrame, faults: list[str]) -> gpd.GeoDataFrame | None:
    """Return somebody's landslides from a file that geopandas reads, or from memory; what is wrong with them is added to the faults."""
    import geopandas as gpd

    if isinstance(polygons, gpd.GeoDataFrame):
        table = polygons
    elif not Path(polygons).exists():
        faults.append(
            f"polygons={str(polygons)!r}: no such file; give a GeoPackage, GeoJSON or shapefile of the landslides"
        )
        return None
    else:
        try:
            table = gpd.read_file(polygons)
        except Exception as error:
            faults.append(
                f"polygons={str(polygons)!r} cannot be read ({error}); give a GeoPackage, GeoJSON or shapefile"
            )
            return None
    if not isinstance(table, gpd.GeoDataFrame):
        faults.append(f"polygons={str(polygons)!r} has no geometry; give a file of polygons")
        return None
    faults += find_polygon_faults(table.geometry)
    return table


def place(
    polygons: gpd.GeoDataFrame, grid: GeoBox, faults: list[str], notes: list[str]
) -> tuple[NDArray[np.bool_], gpd.GeoDataFrame]:
    """Bring polygons to a grid and rasterise them: a pixel is landslide where its centre lies in one.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        With a coordinate reference system.
    grid : odc.geo.geobox.GeoBox
    faults, notes : lists of str
        What keeps the labels from being used, and what a person should know of them, are added.

    Returns
    -------
    (bool array (height, width), geopandas.GeoDataFrame)
        The labels, and the polygons in the grid's coordinate reference system.
    """
    placed = polygons.to_crs(grid.crs)
    whole = Window(0, 0, grid.height, grid.width)
    shapes = in_pixels(placed.geometry, grid.transform)
    inside = [touches(one, whole) for one in shapes]
    numbered = rasterise(shapes, whole)
    unseen = sum(inside) - len(np.unique(numbered[numbered > 0]))
    if not any(inside):
        extent = [round(float(v), 4) for v in polygons.to_crs("EPSG:4326").total_bounds]
        faults.append(
            f"none of the {len(shapes)} landslide polygons lies in the box; they reach over {extent} degrees: check the box and the file's "
            "coordinate reference system"
        )
    elif not numbered.any():
        faults.append(
            f"none of the {sum(inside)} landslide polygons in the box covers the centre of a pixel; take a smaller pixel_size_m"
        )
    elif unseen:
        notes.append(
            f"{unseen} polygons mark no pixel of their own: they lie between pixels' centres, at the edge, or beneath others"
        )
    if any(inside) and not all(inside):
        notes.append(f"{len(shapes) - sum(inside)} of {len(shapes)} polygons lie outside the box")
    return numbered > 0, placed
