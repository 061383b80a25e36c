"""One grid of square pixels in metres over a bounding box: where every image of an event is brought to."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import rasterio.features
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.warp import transform_bounds
from shapely.geometry.base import BaseGeometry

if TYPE_CHECKING:
    import geopandas as gpd

Box = tuple[float, float, float, float]
"""west, south, east, north in degrees (EPSG:4326)."""

PIXELS = (16, 30_000)
PIXEL_SIZE_M = (1.0, 500.0)


class EventError(ValueError):
    """An event of which no cube can be made as asked. ``faults`` lists everything that is wrong, not only the first."""

    def __init__(self, event: str, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"no cube of {event!r} ({count}):\n" + "\n".join(f"  - {fault}" for fault in self.faults))


@dataclass(frozen=True)
class Grid:
    """Square pixels, first row in the north; the corner lies on a multiple of the pixel size, so that grids of one zone fit onto each other.

    Attributes
    ----------
    crs : str
        A projected coordinate reference system in metres.
    left, top : float
        Easting and northing of the upper left corner, metres.
    pixel_size_m : float
    height, width : int
        In pixels.
    """

    crs: str
    left: float
    top: float
    pixel_size_m: float
    height: int
    width: int

    @property
    def transform(self) -> Affine:
        """From column and row to easting and northing."""
        return Affine(self.pixel_size_m, 0, self.left, 0, -self.pixel_size_m, self.top)

    def coordinates(self) -> dict[str, Any]:
        """Return the centres of the pixels, ``y`` from north to south and ``x`` from west to east, metres, as CF describes them."""
        half = self.pixel_size_m / 2
        described = {axis: {"units": "m", "standard_name": f"projection_{axis}_coordinate"} for axis in ("y", "x")}
        return {
            "y": ("y", self.top - half - self.pixel_size_m * np.arange(self.height), described["y"]),
            "x": ("x", self.left + half + self.pixel_size_m * np.arange(self.width), described["x"]),
        }


def find_box_faults(box: Sequence[float], *, utm: bool = True) -> list[str]:
    """List what is wrong with a bounding box in degrees, or with laying a UTM grid over it."""
    asked = "give west, south, east, north in degrees (EPSG:4326)"
    values = [float(value) for value in box] if all(isinstance(v, numbers.Real) for v in box) else []
    if len(values) != 4 or not all(map(math.isfinite, values)):
        return [f"box={list(box)} is not four numbers; {asked}"]
    west, south, east, north = values
    faults = []
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        metres = "; these look like metres" if max(map(abs, values)) > 360 else "; are longitude and latitude swapped?"
        faults.append(f"box={values} leaves the Earth (longitude -180 to 180, latitude -90 to 90){metres}; {asked}")
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


def make_grid(box: Sequence[float], *, pixel_size_m: float = 10.0, crs: str | None = None) -> Grid:
    """Lay a grid over a bounding box.

    Parameters
    ----------
    box : four numbers
        west, south, east, north in degrees (EPSG:4326).
    pixel_size_m : float
    crs : str, optional
        Without it, the UTM zone (WGS 84) of the box's centre.

    Raises
    ------
    EventError
        Listing everything that is wrong.

    Examples
    --------
    >>> grid = make_grid([141.9, 42.7, 142.0, 42.8])
    >>> grid.crs, grid.left % 10, grid.height, grid.width
    ('EPSG:32654', 0.0, 1121, 832)
    """
    faults = find_box_faults(box, utm=crs is None)
    if crs is not None:
        faults += _crs_faults(crs)
    if not PIXEL_SIZE_M[0] <= pixel_size_m <= PIXEL_SIZE_M[1]:
        faults.append(
            f"pixel_size_m={pixel_size_m:g} is not between {PIXEL_SIZE_M[0]:g} and {PIXEL_SIZE_M[1]:g} metres"
        )
    if faults:
        raise EventError(f"box {list(box)}", faults)
    west, south, east, north = map(float, box)
    zone = int(min((west + east) / 2 + 180, 359.999) // 6) + 1
    target = crs or f"EPSG:{32600 + zone if south + north >= 0 else 32700 + zone}"
    left, bottom, right, top = transform_bounds("EPSG:4326", target, west, south, east, north, densify_pts=21)
    low_x, low_y = (math.floor(v / pixel_size_m + 1e-6) for v in (left, bottom))
    high_x, high_y = (math.ceil(v / pixel_size_m - 1e-6) for v in (right, top))
    height, width = high_y - low_y, high_x - low_x
    if not PIXELS[0] <= min(height, width) <= max(height, width) <= PIXELS[1]:
        raise EventError(
            f"box {list(box)}",
            [
                f"the box is {height} x {width} pixels of {pixel_size_m:g} m; {PIXELS[0]} to {PIXELS[1]} on each side are allowed: "
                "change box or pixel_size_m"
            ],
        )
    return Grid(target, low_x * pixel_size_m, high_y * pixel_size_m, pixel_size_m, height, width)


def _crs_faults(crs: str) -> list[str]:
    try:
        found = CRS.from_user_input(crs)
    except Exception:
        return [f"crs={crs!r} is not a coordinate reference system; give one such as EPSG:32654"]
    if found.is_projected and all(axis.unit_name in ("metre", "meter") for axis in found.axis_info):
        return []
    return [f"crs={crs!r} is not in metres; slope and landslide areas need metres: give a projected one, such as UTM"]


class Window(NamedTuple):
    """A rectangle of pixels: first row, first column, number of rows, number of columns. It may reach beyond the scene."""

    row: int
    col: int
    height: int
    width: int

    def grow(self, margin: int) -> Window:
        """Return the window with `margin` pixels more on every side."""
        return Window(self.row - margin, self.col - margin, self.height + 2 * margin, self.width + 2 * margin)


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
