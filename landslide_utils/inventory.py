"""Landslides as polygons: made for a simulated event, or brought by the caller; and their raster."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio.features
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from shapely import Polygon, make_valid
from shapely.geometry.base import BaseGeometry

from landslide_utils import noise
from landslide_utils.grid import Grid
from landslide_utils.noise import Array, Window
from landslide_utils.scenario import Scenario

if TYPE_CHECKING:
    import geopandas as gpd

STEP = 0.5
OUTLINE = 9


def shaking(scenario: Scenario) -> Array:
    """Return the relative strength of shaking, 0 to 1, float32 (height, width): a bell around an epicentre, roughened, zero where it is weak."""
    window = Window(0, 0, scenario.height, scenario.width)
    random = noise.generator(scenario.seed, "epicentre")
    rows = np.arange(scenario.height, dtype=np.float32)[:, None] - np.float32(
        random.uniform(0.35, 0.65) * scenario.height
    )
    cols = np.arange(scenario.width, dtype=np.float32)[None, :] - np.float32(
        random.uniform(0.35, 0.65) * scenario.width
    )
    radius = scenario.shaking_radius_m / scenario.pixel_size_m
    distance = np.hypot(rows, cols) / radius + 0.25 * noise.smooth(scenario.seed, ("shaking",), window, radius / 2)
    bell = np.exp(-0.5 * distance**2)
    return np.asarray(np.clip((bell - 1 / 3) / (2 / 3), 0, None), np.float32)


def make_landslides(scenario: Scenario, ground: Array) -> list[BaseGeometry]:
    """Draw landslides that start on steep, strongly shaken slopes and run down them.

    Parameters
    ----------
    scenario : Scenario
    ground : float32 array (height, width)
        Elevation of the whole scene in metres, first row in the north.

    Returns
    -------
    list of shapely geometries
        In pixel units: x is the column, y the row, both counted from the scene's upper left corner.
    """
    pixel = scenario.pixel_size_m
    mean_area = np.exp(scenario.ln_area_mean + scenario.ln_area_sd**2 / 2)
    count = math.ceil(
        2 * scenario.landslide_share * ground.size * pixel**2 / mean_area
    )  # slides overlap, so more are drawn than are kept
    down_row, down_col = (-g for g in np.gradient(ndimage.gaussian_filter(ground, 1.5), pixel))
    slope = np.degrees(np.arctan(np.hypot(down_row, down_col)))
    weight = shaking(scenario) / (1 + np.exp((scenario.steep_degrees - slope) / 3.0))
    cumulative = np.cumsum(weight, dtype=np.float64)
    if count == 0 or cumulative[-1] == 0:
        return []
    random = noise.generator(scenario.seed, "landslides")
    start = np.searchsorted(cumulative, random.uniform(0, cumulative[-1], count))
    row, col = (index + random.uniform(0, 1, count) for index in np.unravel_index(start, ground.shape))
    area = random.lognormal(scenario.ln_area_mean, scenario.ln_area_sd, count) / pixel**2
    elongation = np.exp(random.normal(np.log(scenario.elongation), 0.35, count))
    length = np.sqrt(area * elongation * 4 / np.pi)
    width = length / elongation

    row_step, col_step = np.zeros(count), np.zeros(count)
    steps = int(np.ceil(length.max() / STEP)) + 1
    path = np.empty((steps, 2, count), np.float32)
    for step in range(steps):
        path[step] = row, col
        here = (np.clip(row, 0, ground.shape[0] - 1).astype(int), np.clip(col, 0, ground.shape[1] - 1).astype(int))
        row_step, col_step = (
            0.8 * row_step + down_row[here],
            0.8 * col_step + down_col[here],
        )  # momentum keeps it from zigzagging
        speed = np.maximum(np.hypot(row_step, col_step), 1e-9)
        row, col = row + STEP * row_step / speed, col + STEP * col_step / speed
    wobble = random.normal(1, 0.15, (count, 2, OUTLINE))
    slides: list[BaseGeometry] = [_outline(path[:, :, i], length[i], width[i], wobble[i]) for i in range(count)]
    first_slide = rasterise(slides[::-1], Window(0, 0, *ground.shape))
    new_pixels = np.bincount(first_slide[first_slide > 0], minlength=count + 1)[:0:-1]
    if new_pixels.sum() < 0.9 * scenario.landslide_share * ground.size:
        raise ValueError(
            f"landslide_share={scenario.landslide_share} cannot be reached: the shaken slopes have room for "
            f"{new_pixels.sum() / ground.size:.3f}; take a larger shaking_radius_m or a smaller share"
        )
    enough = np.searchsorted(np.cumsum(new_pixels), scenario.landslide_share * ground.size) + 1
    return slides[:enough]


def _outline(path: Array, length: float, width: float, wobble: NDArray[np.float64]) -> Polygon:
    """Return the polygon of an irregular ellipse bent along a path (steps, row and column)."""
    along = np.linspace(0, 1, OUTLINE)
    at = along * length / STEP
    spine = np.stack([np.interp(at, np.arange(len(path)), path[:, axis]) for axis in (1, 0)], axis=1)
    direction = np.gradient(spine, axis=0)
    across = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / np.maximum(np.hypot(*direction.T), 1e-9)[:, None]
    half = width / 2 * np.sqrt(np.clip(1 - (2 * along - 1) ** 2, 0, None))
    left, right = (spine + sign * (half * side)[:, None] * across for sign, side in zip((1, -1), wobble, strict=True))
    shape = make_valid(Polygon(np.concatenate([left, right[-2:0:-1]])))
    return shape if isinstance(shape, Polygon) else shape.convex_hull


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
    polygons: gpd.GeoDataFrame, grid: Grid, faults: list[str], notes: list[str]
) -> tuple[NDArray[np.bool_], gpd.GeoDataFrame]:
    """Bring polygons to a grid and rasterise them: a pixel is landslide where its centre lies in one.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        With a coordinate reference system.
    grid : Grid
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


def in_pixels(landslides: gpd.GeoSeries, transform: Affine) -> list[BaseGeometry]:
    """Return polygons in pixel units (x column, y row) of a grid in their own coordinate reference system; empty ones are left out."""
    there = landslides[landslides.notna() & ~landslides.is_empty]
    return list(there.affine_transform((~transform).to_shapely()))


def rasterise(shapes: list[BaseGeometry], window: Window) -> NDArray[np.int32]:
    """Return, for each pixel of the window, 1 + the index of the polygon over its centre (the last of several), or 0; polygons in pixel units."""
    here = [(shape, i + 1) for i, shape in enumerate(shapes) if touches(shape, window)]
    out = np.zeros((window.height, window.width), np.int32)
    if here:
        rasterio.features.rasterize(here, out=out, transform=Affine.translation(window.col, window.row))
    return out


def touches(shape: BaseGeometry, window: Window) -> bool:
    """Return whether a polygon's bounding box, in pixel units, meets a window."""
    left, top, right, bottom = shape.bounds
    return bool(
        right >= window.col
        and left <= window.col + window.width
        and bottom >= window.row
        and top <= window.row + window.height
    )
