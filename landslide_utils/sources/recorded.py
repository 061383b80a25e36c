"""A recorded catalogue: the files that an archive would deliver of an event, made from a simulated cube."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
import xarray as xr
from rasterio.warp import Resampling, transform_bounds

from landslide_utils.files import atomic_write
from landslide_utils.grid import Box, pixel_size_m, transform_of

TRACKS = {"descending": 46, "ascending": 68}
"""Tracks that are written into the names: Sentinel-1's over Hokkaido, where the practice region is said to lie."""

EDGE = 12
"""Pixels by which the images reach over the box on each side."""


@dataclass(frozen=True)
class RecordedCatalogue:
    """What is known of an event: a box (degrees), an instant, a file of polygons, images and elevation."""

    box: Box
    event_time: str
    polygons: Path
    radar: Path
    dem: Path


def write_catalogue(cube: xr.Dataset, folder: str | os.PathLike[str]) -> RecordedCatalogue:
    """Return a simulated cube as files: images under OPERA's names, elevation in degrees of one arc second, polygons.

    ValueError if the cube is not simulated. Each file says that it is; real images are to be had under their own names.

    Parameters
    ----------
    cube : xarray.Dataset
        A practice cube, or a part of it, as :func:`landslide_utils.cube.open_cube` returns it; it will be read.
    folder : path
        Appears whole or not at all; if it exists it is left as it is.
    """
    if not cube.attrs["simulated"]:
        raise ValueError("only a simulated cube is written under OPERA's names; get real images from their archive")
    inner = cube.isel(y=slice(EDGE, -EDGE), x=slice(EDGE, -EDGE)).rio.bounds(recalc=True)
    west, south, east, north = transform_bounds(cube.rio.crs, "EPSG:4326", *inner)
    target = Path(folder)
    polygons, radar, dem = target / "landslides.gpkg", target / "opera", target / "elevation.tif"
    catalogue = RecordedCatalogue((west, south, east, north), cube.attrs["event_time"], polygons, radar, dem)
    if target.exists():
        return catalogue
    with atomic_write(target) as part:
        (part / radar.name).mkdir(parents=True)
        _write_images(cube, part / radar.name)
        # as global models have it: in degrees, one arc second a pixel
        second = {"dst_crs": "EPSG:4326", "resolution": 1 / 3600, "resampling": Resampling.average, "nodata": np.nan}
        _write(cube["dem"].rio.write_crs(cube.rio.crs).rio.reproject(**second), part / dem.name)
        mask, transform = cube["landslides"].values.astype(np.uint8), transform_of(cube)
        shapes = rasterio.features.shapes(mask, mask > 0, transform=transform)
        outlines = [shapely.geometry.shape(shape) for shape, _ in shapes]
        table = gpd.GeoDataFrame({"simulated": [True] * len(outlines)}, geometry=outlines, crs=cube.rio.crs)
        table.to_file(part / polygons.name)
    return catalogue


def _write_images(cube: xr.Dataset, folder: Path) -> None:
    """Write each pass and polarisation under the name that OPERA would give it."""
    for index, (time, orbit) in enumerate(zip(cube["time"].values, cube["orbit"].values, strict=True)):
        start = str(np.datetime_as_string(time, unit="s")).replace("-", "").replace(":", "") + "Z"
        track = TRACKS[str(orbit)]
        burst = f"T{track:03d}-{2134 * track:06d}-IW2"
        for name in ("vv", "vh"):
            stem = f"OPERA_L2_RTC-S1_{burst}_{start}_{start}_S1A_{pixel_size_m(cube):.0f}_v1.0_{name.upper()}"
            image = cube[name].isel(time=index, drop=True).rio.write_crs(cube.rio.crs)
            _write(image, folder / f"{stem}.tif", ORBIT_PASS_DIRECTION=str(orbit))


def _write(band: xr.DataArray, path: Path, **tags: str) -> None:
    """Write one band (y, x) as GeoTIFF, with a tag that says it is simulated."""
    plain = band.drop_attrs(deep=False).astype("float32").rio.write_nodata(np.nan)
    plain.rio.to_raster(path, compress="deflate", tiled=True, tags={"SIMULATED": "true", **tags})
