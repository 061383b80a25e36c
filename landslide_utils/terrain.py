"""Slope, aspect and curvature of an elevation model whose pixels are in metres, first row in the north."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

Array = NDArray[np.float32]


def _stencil(dem: xr.DataArray, function: Callable[[Array], Array], **attrs: str) -> xr.DataArray:
    """Apply a function of each pixel's 3 x 3 neighbourhood; beyond the edge the ground is continued with the same tilt."""
    padded = _continue(_continue(dem.data, 0), 1)

    def shrunk(block: Array) -> Array:
        return np.pad(function(block), 1)

    if isinstance(padded, da.Array):
        whole = da.map_overlap(shrunk, padded, depth=1, boundary="none", dtype=np.float32)
    else:
        whole = shrunk(padded)
    return dem.copy(data=whole[1:-1, 1:-1]).assign_attrs(attrs)


def _continue(z: Any, axis: int) -> Any:
    """Add a row or column at both ends that continues the tilt of the last two; dask's own padding cannot."""
    start, second, before, end = (np.take(z, [i], axis=axis) for i in (0, 1, -2, -1))
    return np.concatenate([2 * start - second, z, 2 * end - before], axis=axis)


def _tilt(z: Array, pixel_size_m: float) -> tuple[Array, Array]:
    """Return the rise towards the east and towards the north, metres a metre (Horn 1981, as in GDAL)."""
    east = (z[:-2, 2:] + 2 * z[1:-1, 2:] + z[2:, 2:] - z[:-2, :-2] - 2 * z[1:-1, :-2] - z[2:, :-2]) / (8 * pixel_size_m)
    north = (z[:-2, :-2] + 2 * z[:-2, 1:-1] + z[:-2, 2:] - z[2:, :-2] - 2 * z[2:, 1:-1] - z[2:, 2:]) / (
        8 * pixel_size_m
    )
    return east, north


def slope(dem: xr.DataArray, pixel_size_m: float) -> xr.DataArray:
    """Return the slope in degrees, 0 to 90.

    Parameters
    ----------
    dem : xarray.DataArray (y, x)
        Elevation in metres, y descending (north first), x ascending.
    pixel_size_m : float
        Width and height of a pixel in metres.

    References
    ----------
    Horn (1981), Hill shading and the reflectance map, Proceedings of the IEEE 69.
    """
    return _stencil(
        dem,
        lambda z: np.degrees(np.arctan(np.hypot(*_tilt(z, pixel_size_m)))).astype(np.float32),
        long_name="slope",
        units="degrees",
    )


def aspect_parts(dem: xr.DataArray, pixel_size_m: float) -> tuple[xr.DataArray, xr.DataArray]:
    """Return sine and cosine of the aspect, the compass direction in which the ground falls: (eastward, northward), -1 to 1; (0, 0) where flat.

    Aspect is an angle: 359 and 1 degrees are neighbours. A network that is given the number cannot know; given sine and cosine it does.
    """

    def part(z: Array, which: int) -> Array:
        rise = _tilt(z, pixel_size_m)
        steep = np.hypot(*rise)
        return np.divide(
            -rise[which], steep, out=np.where(np.isnan(steep), np.nan, np.zeros_like(steep)), where=steep > 0
        ).astype(np.float32)

    return (
        _stencil(dem, lambda z: part(z, 0), long_name="eastward part of aspect", units="1"),
        _stencil(dem, lambda z: part(z, 1), long_name="northward part of aspect", units="1"),
    )


def curvature(dem: xr.DataArray, pixel_size_m: float) -> xr.DataArray:
    """Return the curvature in 1/100 m, positive on ridges, negative in valleys.

    References
    ----------
    Zevenbergen & Thorne (1987), Quantitative analysis of land surface topography, Earth Surface Processes and Landforms 12.
    """

    def bend(z: Array) -> Array:
        laplacian = z[:-2, 1:-1] + z[2:, 1:-1] + z[1:-1, :-2] + z[1:-1, 2:] - 4 * z[1:-1, 1:-1]
        return (-100 * laplacian / pixel_size_m**2).astype(np.float32)

    return _stencil(dem, bend, long_name="curvature", units="1/100 m")
