"""Slope, aspect, curvature, local incidence, layover and shadow of elevation in metres, first row in the north."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from landslide_utils.cube import CubeError, find_faults
from landslide_utils.files import find_kind_faults
from landslide_utils.grid import pixel_size_m

Array = NDArray[np.float32]
LOOK_AZIMUTH = {"descending": 280.0, "ascending": 80.0}
"""Compass direction in which Sentinel-1's right-looking antenna looks: westward flying south, eastward flying north."""

STRIP = 512
"""Lines of sight that are looked along at a time, so that memory does not grow with the scene."""


def _stencil(dem: xr.DataArray, function: Callable[[Array], Array], **attrs: str) -> xr.DataArray:
    """Return a function of each pixel's 3 x 3 neighbourhood; beyond the edge the ground continues with its tilt."""
    padded = _continue(_continue(dem.data, 0), 1)

    def shrunk(block: Array) -> Array:
        return np.pad(function(block), 1)

    if isinstance(padded, da.Array):
        whole = da.map_overlap(shrunk, padded, depth=1, boundary="none", dtype=np.float32)
    else:
        whole = shrunk(padded)
    return dem.copy(data=whole[1:-1, 1:-1]).assign_attrs(attrs)


def _continue(z: Any, axis: int) -> Any:
    """Return z with a row or column more at both ends that continues the tilt of the last two (dask cannot)."""
    start, second, before, end = (np.take(z, [i], axis=axis) for i in (0, 1, -2, -1))
    return np.concatenate([2 * start - second, z, 2 * end - before], axis=axis)


def _tilt(z: Array, pixel_size_m: float) -> tuple[Array, Array]:
    """Return the rise towards the east and towards the north, metres a metre (Horn 1981, as in GDAL)."""
    east = (z[:-2, 2:] + 2 * z[1:-1, 2:] + z[2:, 2:] - z[:-2, :-2] - 2 * z[1:-1, :-2] - z[2:, :-2]) / (8 * pixel_size_m)
    north = z[:-2, :-2] + 2 * z[:-2, 1:-1] + z[:-2, 2:] - z[2:, :-2] - 2 * z[2:, 1:-1] - z[2:, 2:]
    return east, north / (8 * pixel_size_m)


def layover_and_shadow_along_rows(
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
        Whether the antenna looks towards increasing columns (ascending) or decreasing ones (descending).
    incidence_degrees : float
        Angle between the line of sight and the vertical.
    reach : int
        Pixels within which one place can hide another.

    Returns
    -------
    (bool array (height, width), bool array (height, width))

    References
    ----------
    Kropatsch & Strobl (1990), The generation of SAR layover and shadow maps from digital elevation models, IEEE TGRS.
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


def slope(dem: xr.DataArray, pixel_size_m: float) -> xr.DataArray:
    """Return the slope in degrees, 0 to 90, of elevation (y, x) in metres, y descending (north first), x ascending.

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
    """Return sine and cosine of the aspect, the compass direction in which the ground falls; (0, 0) where it is flat.

    Aspect is an angle: 359 and 1 degrees are neighbours. A network that is given the number cannot know; given sine and
    cosine (how far eastward and how far northward, -1 to 1) it does.
    """

    def part(z: Array, which: int) -> Array:
        rise = _tilt(z, pixel_size_m)
        steep = np.hypot(*rise)
        flat_or_missing = np.where(np.isnan(steep), steep, np.zeros_like(steep))
        return np.divide(-rise[which], steep, out=flat_or_missing, where=steep > 0).astype(np.float32)

    return (
        _stencil(dem, lambda z: part(z, 0), long_name="eastward part of aspect", units="1"),
        _stencil(dem, lambda z: part(z, 1), long_name="northward part of aspect", units="1"),
    )


def curvature(dem: xr.DataArray, pixel_size_m: float) -> xr.DataArray:
    """Return the curvature in 1/100 m, positive on ridges, negative in valleys.

    References
    ----------
    Zevenbergen & Thorne (1987), Quantitative analysis of land surface topography, Earth Surf. Process. Landforms 12.
    """

    def bend(z: Array) -> Array:
        laplacian = z[:-2, 1:-1] + z[2:, 1:-1] + z[1:-1, :-2] + z[1:-1, 2:] - 4 * z[1:-1, 1:-1]
        return (-100 * laplacian / pixel_size_m**2).astype(np.float32)

    return _stencil(dem, bend, long_name="curvature", units="1/100 m")


def local_incidence(
    dem: xr.DataArray, pixel_size_m: float, *, incidence_degrees: float | xr.DataArray, look_azimuth_degrees: float
) -> xr.DataArray:
    """Return the angle between the line of sight and the ground's normal in degrees, 0 (facing the radar) to 180.

    Parameters
    ----------
    dem : xarray.DataArray (y, x)
        Elevation in metres, y descending (north first), x ascending.
    pixel_size_m : float
        Width and height of a pixel in metres.
    incidence_degrees : float or xarray.DataArray (y, x)
        Angle between the line of sight and the vertical, 0 to 90, for the scene or for each pixel.
    look_azimuth_degrees : float
        Compass direction in which the antenna looks: about 80 for an ascending Sentinel-1, 280 for a descending one.

    Raises
    ------
    ValueError
        If the incidence is not between 0 and 90 degrees.

    Notes
    -----
    Above 90 degrees the ground looks away from the radar: it lies in shadow. Where it tilts towards the radar by more
    than the incidence, it lies in layover. What lies around them, :func:`layover_and_shadow` finds.

    References
    ----------
    Small (2011), Flattening gamma: radiometric terrain correction for SAR imagery, IEEE TGRS 49.
    """
    theta: Any = np.radians(incidence_degrees)
    if not np.all((theta >= 0) & (theta < np.pi / 2)):
        raise ValueError(f"incidence_degrees={incidence_degrees} is not between 0 and 90 degrees from the vertical")
    look = np.radians(look_azimuth_degrees)
    east, north = (
        _stencil(dem, lambda z, which=which: _tilt(z, pixel_size_m)[which].astype(np.float32))  # type: ignore[misc]
        for which in (0, 1)
    )
    rise_away = east * float(np.sin(look)) + north * float(np.cos(look))  # of Python, so that 32 bits stay 32 bits
    down, along = (part(theta).astype(np.float32) for part in (np.cos, np.sin))
    cosine = (down + along * rise_away) / np.sqrt(1 + east**2 + north**2)
    angle: xr.DataArray = np.degrees(np.arccos(cosine.clip(-1, 1)))
    return angle.astype("float32").assign_attrs(long_name="local incidence", units="degrees")


def layover_and_shadow(
    dem: xr.DataArray,
    pixel_size_m: float,
    *,
    incidence_degrees: float,
    look_azimuth_degrees: float,
    reach_m: float = 2000.0,
) -> xr.Dataset:
    """Return ``layover`` and ``shadow`` (y, x), bool, along the real line of sight.

    Parameters
    ----------
    dem : xarray.DataArray (y, x)
        As for :func:`local_incidence`. It is read into memory; holes are taken for the lowest ground.
    pixel_size_m, incidence_degrees, look_azimuth_degrees : float
        As for :func:`local_incidence`.
    reach_m : float
        Distance within which one place can hide another. Beyond the edge the ground is taken to be as high as there.

    Raises
    ------
    ValueError
        If the antenna looks closer to north or south than to east or west; no polar-orbiting radar does.

    Notes
    -----
    The scene is sheared so that lines of sight become rows; between rows, elevation is linear.
    """
    look = np.radians(look_azimuth_degrees)
    if abs(np.sin(look)) < np.sqrt(0.5) - 1e-9:
        fault = f"look_azimuth_degrees={look_azimuth_degrees:g} is not within 45 degrees of east (90) or west (270)"
        raise ValueError(fault)
    z = np.asarray(dem.values, np.float32)
    z = np.where(np.isnan(z), np.nanmin(z), z)
    height, width = z.shape
    lean = -1 / np.tan(look)  # rows southward along a line of sight, a column eastward
    drop = lean * np.arange(width)
    reach = int(np.ceil(reach_m / pixel_size_m))
    masks = {name: np.zeros(z.shape, bool) for name in ("layover", "shadow")}
    cols = np.arange(width)
    for first in range(int(np.floor(-drop.max())), int(np.ceil(height - drop.min())), STRIP):
        lines = np.arange(first, first + STRIP)
        strip = np.empty((STRIP, width), np.float32)
        for col in cols:
            strip[:, col] = np.interp(lines + drop[col], np.arange(height), z[:, col])
        strip_masks = layover_and_shadow_along_rows(
            np.pad(strip, ((0, 0), (reach, reach)), mode="edge"),
            first_col=-reach,
            pixel_size_m=pixel_size_m * float(np.hypot(1, lean)),
            looks_east=bool(np.sin(look) > 0),
            incidence_degrees=incidence_degrees,
            reach=reach,
        )
        for col in cols:
            line = np.rint(np.arange(height) - drop[col]).astype(int) - first
            inside = (line >= 0) & (line < STRIP)
            for mask, strip_mask in zip(masks.values(), strip_masks, strict=True):
                mask[inside, col] = strip_mask[line[inside], col]
    return xr.Dataset({name: (("y", "x"), mask) for name, mask in masks.items()}, coords={"y": dem["y"], "x": dem["x"]})


def find_incidence_faults(degrees: float) -> list[str]:
    """Return what is wrong with an incidence angle from the vertical, in degrees."""
    if faults := find_kind_faults("a number", incidence_degrees=degrees):
        return faults
    allowed = "must be between 10 and 70 (Sentinel-1 IW: 29 to 46)"
    return [] if 10 <= degrees <= 70 else [f"incidence_degrees={degrees}: {allowed}"]


def find_layover_and_shadow(
    cube: xr.Dataset, *, orbit: str, incidence_degrees: float | None = None, look_azimuth_degrees: float | None = None
) -> xr.Dataset:
    """Return where a slope lies in layover or in radar shadow, from the cube's own elevation.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it, with ``dem``.
    orbit : {"ascending", "descending"}
        Of the passes that were used; a composite has it in its attributes.
    incidence_degrees : float, optional
        Instead of the cube's own.
    look_azimuth_degrees : float, optional
        Compass direction in which the radar looks, instead of Sentinel-1's in low latitudes.

    Returns
    -------
    xarray.Dataset
        ``layover`` and ``shadow`` (y, x), bool, in memory.

    Raises
    ------
    CubeError
        If the cube has no elevation in metres, the orbit is not known, or nobody knows the incidence angle.
    """
    incidence = incidence_degrees or cube.attrs.get("incidence_degrees")
    faults = find_faults(cube, ["dem"], needs_metres=True)
    if orbit not in ("ascending", "descending"):
        faults.append(f"orbit={orbit!r}: layover and shadow can be found for ascending and descending passes only")
    if incidence is None:
        advice = "pass incidence_degrees (Sentinel-1 IW: 29 to 46; 39 in mid-swath)"
        faults.append(f"the incidence angle is not known; {advice}")
    else:
        faults += find_incidence_faults(incidence)
    if faults or incidence is None:
        raise CubeError(cube.attrs["opened_from"], faults)
    return layover_and_shadow(
        cube["dem"],
        pixel_size_m(cube),
        incidence_degrees=incidence,
        look_azimuth_degrees=LOOK_AZIMUTH[orbit] if look_azimuth_degrees is None else look_azimuth_degrees,
    )
