"""Slope, aspect and curvature of an elevation model whose pixels are in metres, first row in the north."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

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


def layover_and_shadow(
    ground: Array, *, first_col: int, pixel_size_m: float, looks_east: bool, incidence_degrees: float, reach: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where a side-looking radar sees several places at once (layover), and where it sees nothing (shadow).

    Parameters
    ----------
    ground : float32 array (height, width + 2 * reach)
        Elevation in metres, with `reach` columns more on either side than the result has.
    first_col : int
        Column number of ``ground[:, 0]`` in the scene, so that windows of one scene agree to the last bit.
    pixel_size_m : float
    looks_east : bool
        Whether the antenna looks towards increasing columns (ascending) or decreasing ones (descending). The few degrees by which Sentinel-1 looks
        past due east or west are left out.
    incidence_degrees : float
        Angle between the line of sight and the vertical.
    reach : int
        Pixels within which one place can hide another.

    Returns
    -------
    (bool array (height, width), bool array (height, width))

    References
    ----------
    Kropatsch & Strobl (1990), The generation of SAR layover and shadow maps from digital elevation models, IEEE TGRS 28.
    """
    z = ground if looks_east else ground[:, ::-1]
    cols = np.arange(first_col, first_col + ground.shape[1], dtype=np.float64)
    away = pixel_size_m * (cols if looks_east else -cols[::-1])
    theta = np.radians(incidence_degrees)
    slant_range = away * np.sin(theta) - z * np.cos(theta)
    height_of_ray = away / np.tan(theta) + z
    size = reach + 1
    nearer, farther = (size - 1) // 2, -(size // 2)
    layover = (slant_range < ndimage.maximum_filter1d(slant_range, size, axis=1, origin=nearer)) | (
        slant_range > ndimage.minimum_filter1d(slant_range, size, axis=1, origin=farther)
    )
    shadow = height_of_ray < ndimage.maximum_filter1d(height_of_ray, size, axis=1, origin=nearer)
    layover, shadow = (mask if looks_east else mask[:, ::-1] for mask in (layover, shadow))
    return layover[:, reach:-reach], shadow[:, reach:-reach]


REACH = 64
"""Pixels within which one place is taken to hide another."""


def hidden(
    dem: xr.DataArray, pixel_size_m: float, *, looks_east: bool, incidence_degrees: float, reach: int = REACH
) -> xr.Dataset:
    """Return layover and shadow over a whole scene, as :func:`layover_and_shadow` finds them.

    Parameters
    ----------
    dem : xarray.DataArray (y, x)
        Elevation in metres, y descending (north first), x ascending. Where it is missing, the ground is taken to go on level, and nothing is hidden. So
        it is beyond the edge.
    pixel_size_m : float
    looks_east : bool
    incidence_degrees : float
    reach : int

    Returns
    -------
    xarray.Dataset
        ``layover`` and ``shadow`` (y, x), bool, lazy if the DEM is.
    """
    z = dem.data
    sides = [np.repeat(np.take(z, [i], axis=1), reach, axis=1) for i in (0, -1)]
    wide = np.concatenate([sides[0], z, sides[1]], axis=1)
    limits = {"pixel_size_m": pixel_size_m, "looks_east": looks_east, "incidence_degrees": incidence_degrees}

    def find(block: Array) -> NDArray[np.uint8]:
        both = layover_and_shadow(_level(block), first_col=0, reach=reach, **limits)  # type: ignore[arg-type]
        known = np.isfinite(block[:, reach:-reach])
        return np.pad((both[0] + 2 * both[1]).astype(np.uint8) * known, ((0, 0), (reach, reach)))

    if isinstance(wide, da.Array):
        found = da.map_overlap(find, wide, depth={1: reach}, boundary="none", dtype=np.uint8, allow_rechunk=True)
    else:
        found = find(wide)
    found = found[:, reach:-reach]
    if isinstance(found, da.Array):
        found = found.rechunk(z.chunks)
    names = {"layover": found & 1, "shadow": found & 2}
    blank = dem.drop_attrs()
    return xr.Dataset(
        {
            name: blank.copy(data=mask > 0).assign_attrs(long_name=f"radar {name}", units="1")
            for name, mask in names.items()
        }
    )


def _level(ground: Array) -> Array:
    """Fill what is missing with the nearest value to the left in its row, or else to the right, or else with 0."""
    if np.isfinite(ground).all():
        return ground
    for _ in range(2):  # from the left, then in the mirror from the right
        cols = np.where(np.isfinite(ground), np.arange(ground.shape[1]), 0)
        ground = np.take_along_axis(ground, np.maximum.accumulate(cols, axis=1), axis=1)[:, ::-1]
    return np.nan_to_num(ground)


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
