"""One grid of square pixels: its CRS, transform, bounds and windows, groups of its pixels, polygons as pixels."""

from __future__ import annotations

import itertools
import math
import numbers
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import rasterio.features
import rioxarray  # noqa: F401  (gives xarray objects their .rio)
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.warp import transform_bounds
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from landslide_utils.files import InputError, find_kind_faults

if TYPE_CHECKING:
    import geopandas as gpd

Box = tuple[float, float, float, float]
"""west, south, east, north in degrees (EPSG:4326)."""

PIXELS = (16, 30_000)
PIXEL_SIZE_M = (1.0, 500.0)
MOST_PIXELS = 1e9
"""Of a scene: 40 times those of the published Hokkaido cube."""

ON_GRID_TOLERANCE = 1e-3


class Window(NamedTuple):
    """A rectangle of pixels; it may reach beyond the scene."""

    row: int
    col: int
    height: int
    width: int

    def grow(self, margin: int) -> Window:
        """Return the window with `margin` pixels more on every side."""
        return Window(self.row - margin, self.col - margin, self.height + 2 * margin, self.width + 2 * margin)

    def clip(self, height: int, width: int) -> Window:
        """Return the part of the window that lies in a scene of a height and width."""
        top, left = max(self.row, 0), max(self.col, 0)
        bottom, right = min(self.row + self.height, height), min(self.col + self.width, width)
        return Window(top, left, max(bottom - top, 0), max(right - left, 0))

    @property
    def place(self) -> dict[str, slice]:
        """Return the rows and columns as xarray's ``isel`` takes them."""
        return {"y": slice(self.row, self.row + self.height), "x": slice(self.col, self.col + self.width)}


def as_window(numbers: Sequence[int]) -> Window:
    """Return a window given as four whole numbers: row, col, height, width; raise InputError if it is none."""
    try:
        window = Window(*numbers)
    except TypeError:
        raise InputError("there is no window", [f"window={numbers!r} is not row, col, height, width"]) from None
    if faults := find_kind_faults("a whole number", **window._asdict()):
        raise InputError("there is no window", faults)
    return Window(*map(int, window))


def find_window_faults(window: Window, height: int, width: int) -> list[str]:
    """Return a fault if a window has no pixels, or reaches beyond a scene of a height and width."""
    if window.clip(height, width) == window and window.height and window.width:
        return []
    where = ", ".join(f"{name} {number}" for name, number in window._asdict().items())
    return [f"a window at {where} does not lie in the scene, which has {height} x {width} pixels; choose another"]


def windows_of(height: int, width: int, side: int) -> list[Window]:
    """Return the square windows that a scene is cut into, row by row; those at its end are smaller."""
    places = itertools.product(range(0, height, side), range(0, width, side))
    return [Window(row, col, side, side).clip(height, width) for row, col in places]


def pixel_size_m(layer: xr.Dataset | xr.DataArray) -> float:
    """Return the width of a pixel, in the unit of the coordinate x (metres on every grid of this package)."""
    x = layer["x"].values
    return abs(float(x[-1] - x[0])) / max(len(x) - 1, 1)


def transform_of(layer: xr.Dataset | xr.DataArray) -> Affine:
    """Return the transform from (column, row) to map coordinates.

    (0, 0) is the upper left corner of the first pixel, while the coordinates ``x`` and ``y`` are the pixels' centres.
    """
    transform: Affine = layer.rio.transform(recalc=True)
    return transform


def extent_km(layer: xr.Dataset | xr.DataArray) -> tuple[float, float, float, float]:
    """Return west, east, south, north of a layer's outer edges in kilometres, in the order that ``imshow`` takes."""
    west, south, east, north = (edge / 1000 for edge in layer.rio.bounds(recalc=True))
    return west, east, south, north


def find_crs_faults(crs: Any, name: str, remedy: str = "set one with .rio.write_crs('EPSG:32654')") -> list[str]:
    """Return what keeps a coordinate reference system from measuring areas and slopes: unknown, or not in metres.

    `name` says what has it, such as "the map" or a file's name, and `remedy` what to do where there is none.
    """
    if crs is None:
        return [f"{name} has no coordinate reference system; {remedy}"]
    try:
        known = CRS.from_user_input(crs)
    except CRSError:
        return [f"crs={str(crs)!r} is not a coordinate reference system; give one such as EPSG:32654"]
    if any(name in f"{crs}{known.to_wkt()}".lower() for name in ("grids=", "+init=", "parameterfile")):
        return [f"crs={str(crs)!r} is not a coordinate reference system of its own: it names a file; give an EPSG code"]
    advice = "areas and slopes need metres: reproject it to UTM"
    if known.is_geographic:
        return [f"{name} is in degrees ({known.to_string()}, {known.name}); {advice}"]
    units = {axis.unit_name for axis in known.axis_info[:2]} - {"metre", "meter", "m"}
    if units or not known.is_projected:
        unit = ", ".join(sorted(units)) or "no unit of length"
        return [f"{name} is not in metres but in {unit} ({known.to_string()}); {advice}"]
    return []


def find_pixel_faults(transform: Affine, name: str) -> list[str]:
    """Return what keeps pixels from being square with north up; `name` says whose pixels they are, for the sentence."""
    wide, high = transform.a, -transform.e
    if not np.isfinite(tuple(transform)).all():
        return [f"{name}: its place is not known ({tuple(transform)[:6]})"]
    if transform.b or transform.d or wide <= 0 or high <= 0:
        return [f"{name}: rows must go from north to south and columns from west to east; sort the coordinates y and x"]
    if abs(wide - high) > ON_GRID_TOLERANCE * wide:
        return [f"{name}: pixels are {wide:g} wide and {high:g} high; square ones are needed: resample it"]
    return []


def refuse_other(thing: Any, maker: str, *parts: str) -> None:
    """Raise InputError if a thing lacks a variable, column or attribute that what a function returns has."""
    if faults := [f"it has no {part}; give what {maker} returns" for part in parts if not hasattr(thing, part)]:
        raise InputError(f"{type(thing).__name__} cannot be used here", faults)


def find_axis_faults(layer: xr.Dataset | xr.DataArray) -> list[str]:
    """Return what keeps the coordinates ``y`` and ``x`` from giving each pixel a position."""
    faults = []
    for axis in ("y", "x"):
        if axis not in layer.coords:
            faults.append(f"the coordinate {axis} is missing; give each {axis} its position")
            continue
        values = layer[axis].values
        if layer[axis].dims != (axis,) or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            faults.append(f"the coordinate {axis} is not a finite number for each {axis}; give each its position")
        elif len(values) > 1 and values[0] == values[-1]:
            faults.append(f"the coordinate {axis} is {values[0]:g} at both ends; give each {axis} its position")
    return faults


def find_size_faults(height: int, width: int) -> list[str]:
    """Return a fault if a scene has no pixels, or more than the limit; a variable of the environment raises that."""
    pixels, most = height * width, float(os.environ.get("LANDSLIDE_MOST_PIXELS") or MOST_PIXELS)
    if not pixels:
        return [f"there are {height} x {width} pixels"]
    if pixels > most:
        advice = "take a smaller part, or set LANDSLIDE_MOST_PIXELS if the machine has the room"
        return [f"{height} x {width} are {pixels:.3g} pixels, more than the {most:.3g} that are allowed; {advice}"]
    return []


def find_spacing_faults(layer: xr.Dataset | xr.DataArray) -> list[str]:
    """Return a fault for each of the coordinates ``y`` and ``x`` that is not evenly spaced."""
    steps = {axis: np.diff(layer[axis].values.astype(float)) for axis in ("y", "x")}
    return [
        f"the coordinate {axis} is not evenly spaced (steps from {step.min():g} to {step.max():g}); resample it"
        for axis, step in steps.items()
        if step.size and np.abs(step - step.mean()).max() > ON_GRID_TOLERANCE * abs(step.mean())
    ]


def find_grid_faults(layer: xr.Dataset | xr.DataArray, name: str) -> list[str]:
    """Return what keeps a layer (y, x) from being put on the ground in metres; `name` is its name in the sentence."""
    if not isinstance(layer, xr.Dataset | xr.DataArray) or getattr(layer, "dtype", np.dtype(float)).kind not in "biuf":
        return [f"{name} is no array of real numbers, such as map_scene returns"]
    if set(layer.dims) != {"y", "x"} or (isinstance(layer, xr.DataArray) and layer.dims != ("y", "x")):
        return [f"{name} has the dimensions {', '.join(map(str, layer.dims))}; transpose it to y, x"]
    faults = find_axis_faults(layer) or find_crs_faults(layer.rio.crs, name)
    if min(layer.sizes["y"], layer.sizes["x"]) < 2:
        size = f"{layer.sizes['y']} x {layer.sizes['x']}"
        return [*faults, f"{name} has {size} pixels; at least 2 x 2 are needed"]
    return [*faults, *(find_spacing_faults(layer) or find_pixel_faults(transform_of(layer), name))]


def find_box_faults(box: Sequence[float], *, utm: bool = True) -> list[str]:
    """Return what is wrong with a bounding box in degrees, or with laying a UTM grid over it."""
    advice = "give west, south, east, north in degrees (EPSG:4326)"
    edges = box if np.ndim(box) == 1 else []
    values = [float(value) for value in edges] if all(isinstance(v, numbers.Real) for v in edges) else []
    if len(values) != 4 or not all(map(math.isfinite, values)):
        return [f"{box=} is not four numbers; {advice}"]
    west, south, east, north = values
    faults = []
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        metres = "; these look like metres" if max(map(abs, values)) > 360 else "; are longitude and latitude swapped?"
        faults.append(f"box={values} leaves the Earth (longitude -180 to 180, latitude -90 to 90){metres}; {advice}")
    if west >= east:
        faults.append(
            f"box={values} has west {west:g} not left of east {east:g}: if the two are swapped, swap them; "
            "if the box crosses the antimeridian, make one cube on each side of 180 degrees"
        )
    if south >= north:
        faults.append(f"box={values} has south {south:g} not below north {north:g}; swap the two")
    if utm and not faults and not (south >= -80 and north <= 84):
        faults.append(f"box={values} lies beyond 80 degrees south or 84 degrees north, where UTM ends; pass crs")
    return faults


def make_grid(box: Sequence[float], *, pixel_size_m: float = 10.0, crs: str | None = None) -> GeoBox:
    """Return a grid of square pixels over a bounding box, its corner on a multiple of the pixel size.

    Parameters
    ----------
    box : four numbers
        west, south, east, north in degrees (EPSG:4326).
    pixel_size_m : float
    crs : str, optional
        Without it, the UTM zone (WGS 84) of the box's centre.

    Raises
    ------
    InputError
        Listing everything that is wrong.

    Examples
    --------
    >>> grid = make_grid([141.9, 42.7, 142.0, 42.8])
    >>> str(grid.crs), grid.transform.c % 10, grid.shape.y, grid.shape.x
    ('EPSG:32654', 0.0, 1121, 832)
    """
    faults = find_box_faults(box, utm=crs is None)
    if crs is not None:
        faults += find_crs_faults(crs, f"crs={crs!r}")
    if kind_faults := find_kind_faults("a number", pixel_size_m=pixel_size_m):
        faults += kind_faults
    elif not PIXEL_SIZE_M[0] <= pixel_size_m <= PIXEL_SIZE_M[1]:
        faults.append(
            f"pixel_size_m={pixel_size_m:g} is not between {PIXEL_SIZE_M[0]:g} and {PIXEL_SIZE_M[1]:g} metres"
        )
    if faults:
        raise InputError(f"no grid can be laid over the box {box}", faults)
    west, south, east, north = map(float, box)
    zone = int(min((west + east) / 2 + 180, 359.999) // 6) + 1
    target = crs or f"EPSG:{32600 + zone if south + north >= 0 else 32700 + zone}"
    bounds = transform_bounds("EPSG:4326", target, west, south, east, north, densify_pts=21)
    grid = GeoBox.from_bbox(bounds, target, resolution=float(pixel_size_m), anchor="edge", tol=1e-6)
    if not PIXELS[0] <= min(grid.shape) <= max(grid.shape) <= PIXELS[1]:
        size = f"the box is {grid.shape.y} x {grid.shape.x} pixels of {pixel_size_m:g} m"
        fault = f"{size}; {PIXELS[0]} to {PIXELS[1]} on each side are allowed: change box or pixel_size_m"
        raise InputError(f"no grid can be laid over the box {list(box)}", [fault])
    return grid


def in_pixels(landslides: gpd.GeoSeries, transform: Affine) -> list[BaseGeometry]:
    """Return polygons in pixel units (x column, y row) of a grid that has their CRS; empty ones are left out."""
    present = landslides[landslides.notna() & ~landslides.is_empty]
    present = present[np.isfinite(present.bounds).all(axis=1)]  # others lie where this CRS has no coordinates
    return list(present.affine_transform((~transform).to_shapely()))


def rasterise(shapes: Sequence[BaseGeometry], window: Window) -> NDArray[np.int32]:
    """Return for each pixel of a window 1 + the index of the polygon over its centre (the last of several), or 0.

    The polygons are in pixel units, as :func:`in_pixels` returns them.
    """
    touching = [(shape, i + 1) for i, shape in enumerate(shapes) if touches(shape, window)]
    out = np.zeros((window.height, window.width), np.int32)
    if touching:
        rasterio.features.rasterize(touching, out=out, transform=Affine.translation(window.col, window.row))
    return out


def rasterise_like(polygons: gpd.GeoSeries, layer: xr.DataArray) -> NDArray[np.int32]:
    """Return the same as :func:`rasterise`, on the grid of a layer (y, x), from polygons in any CRS."""
    placed = polygons.to_crs(layer.rio.crs)
    window = Window(0, 0, layer.sizes["y"], layer.sizes["x"])
    return rasterise(in_pixels(placed, transform_of(layer)), window)


def touches(shape: BaseGeometry, window: Window) -> bool:
    """Return whether a polygon's bounding box, in pixel units, meets a window."""
    left, top, right, bottom = shape.bounds
    across = left <= window.col + window.width and right >= window.col
    return bool(across and top <= window.row + window.height and bottom >= window.row)


def label_groups(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the number of each pixel's group (y, x), from 1, and 0 outside the mask.

    Pixels that touch at a corner are one group, because landslides are narrow and run in any direction.
    """
    groups: NDArray[np.int32] = ndimage.label(mask, structure=np.ones((3, 3)))[0]
    return groups


def measure_groups(groups: NDArray[np.int32], **measures: tuple[NDArray[Any], str]) -> pd.DataFrame:
    """Return a table with a line for each group: its number of ``pixels``, and the measures.

    Parameters
    ----------
    groups : numpy.ndarray (y, x)
        As :func:`label_groups` returns it.
    **measures : tuple of numpy.ndarray or dask.array.Array (y, x) and str
        By name of the column, the values and how they are aggregated, such as "mean"; NaN is left out.
    """
    inside = groups > 0
    bands = [slice(top, top + 512) for top in range(0, len(inside), 512)]  # of a layer that may be large and lazy
    values = {
        name: np.concatenate([np.asarray(layer[band])[inside[band]] for band in bands]).astype(np.float64)
        for name, (layer, _) in measures.items()
    }
    pixels = pd.DataFrame(values).groupby(groups[inside])
    table = pixels.agg({name: how for name, (_, how) in measures.items()})
    table.insert(0, "pixels", pixels.size())
    return table
