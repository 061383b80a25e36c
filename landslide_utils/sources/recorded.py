"""A folder as an archive would deliver it, made from a practice cube: to rehearse one's own event where there is no network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
import xarray as xr
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import Resampling, calculate_default_transform, reproject, transform_bounds
from shapely.geometry import shape

from landslide_utils.files import atomic_write
from landslide_utils.grid import Box, pixel_size_m, transform_of

TRACKS = {"descending": 46, "ascending": 68}
"""Tracks that are written into the names: those of Sentinel-1 over Hokkaido, where the practice region is said to lie."""

EDGE = 12
"""Pixels by which the images reach over the box on each side."""


@dataclass(frozen=True)
class Rehearsal:
    """What a person has who knows of an event: a box (degrees), an instant, a file of polygons, and a folder and a file from an archive."""

    box: Box
    event_time: str
    polygons: Path
    radar: Path
    dem: Path


def write_rehearsal(cube: xr.Dataset, folder: str | os.PathLike[str]) -> Rehearsal:
    """Write a simulated cube as single files: images under OPERA's names, elevation in degrees of one arc second, landslides as polygons.

    Parameters
    ----------
    cube : xarray.Dataset
        A practice cube, or a part of it, as :func:`landslide_utils.cube.open_cube` returns it; in memory, or it will be read.
    folder : path
        Appears whole or not at all; one that is there already is left as it is.

    Raises
    ------
    ValueError
        If the cube is not simulated. Each file says that it is; real images are to be had under their own names.
    """
    if not cube.attrs["simulated"]:
        raise ValueError("only a simulated cube is written under OPERA's names; get real images from their archive")
    target = Path(folder)
    transform, crs = transform_of(cube), cube.rio.crs
    inner = cube.isel(y=slice(EDGE, -EDGE), x=slice(EDGE, -EDGE)).rio.bounds(recalc=True)
    west, south, east, north = transform_bounds(crs, "EPSG:4326", *inner)
    made = Rehearsal(
        (west, south, east, north),
        cube.attrs["event_time"],
        target / "landslides.gpkg",
        target / "opera",
        target / "elevation.tif",
    )
    if target.exists():
        return made
    with atomic_write(target) as part:
        (part / "opera").mkdir(parents=True)
        _write_images(cube, part / "opera", transform)
        _write_elevation(cube, part / made.dem.name, transform)
        mask = cube["landslides"].values.astype(np.uint8)
        shapes = [shape(one) for one, _ in rasterio.features.shapes(mask, mask > 0, transform=transform)]
        gpd.GeoDataFrame({"simulated": [True] * len(shapes)}, geometry=shapes, crs=crs).to_file(
            part / made.polygons.name
        )
    return made


def _write(
    path: Path, data: np.ndarray[tuple[int, int], np.dtype[np.float32]], crs: CRS | str, transform: Affine, **tags: str
) -> None:
    """Write one band, with a tag that says it is simulated."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype="float32",
        count=1,
        nodata=np.nan,
        crs=crs,
        transform=transform,
        height=data.shape[0],
        width=data.shape[1],
        compress="deflate",
        tiled=True,
    ) as target:
        target.update_tags(SIMULATED="true", **tags)
        target.write(data, 1)


def _write_images(cube: xr.Dataset, folder: Path, transform: Affine) -> None:
    for index, (time, orbit) in enumerate(zip(cube["time"].values, cube["orbit"].values, strict=True)):
        start = str(np.datetime_as_string(time, unit="s")).replace("-", "").replace(":", "") + "Z"
        track = TRACKS[str(orbit)]
        for name in ("vv", "vh"):
            stem = f"OPERA_L2_RTC-S1_T{track:03d}-{2134 * track:06d}-IW2_{start}_{start}_S1A_{pixel_size_m(cube):.0f}_v1.0_{name.upper()}"
            image = cube[name].isel(time=index).values
            _write(folder / f"{stem}.tif", image, cube.rio.crs, transform, ORBIT_PASS_DIRECTION=str(orbit))


def _write_elevation(cube: xr.Dataset, path: Path, transform: Affine) -> None:
    """Write elevation as global models have it: in degrees, one arc second a pixel."""
    dem = cube["dem"].values
    height, width = dem.shape
    bounds = rasterio.transform.array_bounds(height, width, transform)
    degrees, cols, rows = calculate_default_transform(
        cube.rio.crs, "EPSG:4326", width, height, *bounds, resolution=1 / 3600
    )
    out = np.full((rows, cols), np.nan, np.float32)
    reproject(
        dem, out, src_transform=transform, src_crs=cube.rio.crs, dst_transform=degrees, dst_crs=CRS.from_epsg(4326), dst_nodata=np.nan,
        resampling=Resampling.average,
    )  # fmt: skip
    _write(path, out, "EPSG:4326", degrees)
