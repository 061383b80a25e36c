"""Images on grids of their own brought to one grid, lazily; overlapping images of one pass become one."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import rasterio
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_reproject
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from landslide_utils.files import InputError
from landslide_utils.grid import Box
from landslide_utils.sources.fetch import Patience, refuse_other_servers
from landslide_utils.sources.nisar import open_gcov
from landslide_utils.sources.passes import MissingExtraError, Pass
from landslide_utils.sources.raster import ELEVATION, RADAR, find_geotiff_faults, gdal_name, open_geotiff

CHUNK = 512
MOST_HOLES = 0.01
"""Share of the elevation that may be missing."""

METHODS = ("nearest", "bilinear", "cubic", "average")
NETWORK = {
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_CONNECTTIMEOUT": "20",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "100",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}
"""How GDAL reads over a network: it gives up instead of waiting for ever, and looks for no files beside an image."""


def load_radar(
    passes: Sequence[Pass], name: str, grid: GeoBox, box: Box, *, resampling: str = "bilinear", timeout: float = 30.0
) -> xr.DataArray:
    """Return one variable of some passes on the grid, lazily.

    The result (time, y, x) is linear power, float32, NaN where there is no data; one chunk a pass and block of 512 x
    512 pixels. The grid was laid over the box, which is in degrees. A GeoTIFF that lies on the grid already is copied
    as it is, whatever `resampling` says. `timeout` is how many seconds a server may be silent while an image is read.
    """
    first = passes[0].granules[0]
    hrefs = [granule.files[name] for flight in passes for granule in flight.granules]
    if first.band == "L":
        images = [_load_gcov(href, first.polarisations[name], grid, resampling) for href in hrefs]
    else:
        images = _load_geotiffs(hrefs, grid, box, RADAR, resampling=resampling, timeout=timeout)
    powers = (image.where(image > 0) for image in images)  # zero means no data, as in the published cubes
    planes = [_fill(list(islice(powers, len(flight.granules)))) for flight in passes]
    return xr.concat(planes, "time").astype("float32")


def load_elevation(hrefs: Sequence[str], grid: GeoBox, box: Box, *, timeout: float = 30.0) -> xr.DataArray:
    """Return elevation on the grid (y, x), m, float32, lazily: bilinear, from the first tile that has a value."""
    return _fill(_load_geotiffs(hrefs, grid, box, ELEVATION, resampling="bilinear", timeout=timeout))


def _fill(images: Sequence[xr.DataArray]) -> xr.DataArray:
    """Return the first image, its missing pixels filled from the second, what is still missing from the third, ..."""
    return functools.reduce(xr.DataArray.fillna, images)


def _load_geotiffs(
    hrefs: Sequence[str], grid: GeoBox, box: Box, needed: str, *, resampling: str, timeout: float
) -> list[xr.DataArray]:
    """Return GeoTIFFs on the grid, each a plane (y, x), lazily.

    What a catalogue says of its files' grids has been wrong, so nothing of it is used: each file is described anew as
    lying somewhere in the box, and its own header says where, and what numbers it `needed` to hold.
    """
    try:
        import odc.loader
        import odc.stac
        import pystac
    except ImportError:
        raise MissingExtraError("odc-stac") from None

    known, patience = {urlsplit(href).hostname for href in hrefs}, Patience(timeout, retries=1)
    check = functools.cache(lambda href: refuse_other_servers(href, known, patience))

    class Checked(odc.loader.RioDriver):
        def open(self, src: Any, ctx: Any) -> Any:
            check(src.uri)
            with open_geotiff(src.uri) as source:
                faults = find_geotiff_faults(source, src.uri, needed)
            if faults:
                raise InputError("this image cannot be used", faults)
            return super().open(dataclasses.replace(src, uri=gdal_name(src.uri)), ctx)

    somewhere = shapely.geometry.mapping(shapely.box(*box).buffer(0.5))
    items = []
    for number, href in enumerate(hrefs):
        item = pystac.Item(f"{number:05d}", somewhere, list(box), dt.datetime(2000, 1, 1), {})
        item.add_asset("image", pystac.Asset(href, media_type="image/tiff; application=geotiff", roles=["data"]))
        items.append(item)
    options = NETWORK | {"GDAL_HTTP_LOW_SPEED_TIME": f"{max(1, round(timeout))}"}
    with rasterio.Env(**options):
        loaded = odc.stac.load(
            items,
            bands=["image"],
            driver=Checked(),
            geobox=grid,
            groupby=lambda item, parsed, index: item.id,
            preserve_original_order=True,
            resampling=resampling,
            dtype="float32",
            chunks={"time": 1, "y": CHUNK, "x": CHUNK},
        )
    return [xr.DataArray(plane, dims=("y", "x")) for plane in loaded["image"].data]


def _load_gcov(href: str, sent: str, grid: GeoBox, resampling: str) -> xr.DataArray:
    """Return one polarisation of a GCOV file on the grid (y, x), lazily."""
    power = open_gcov(href)[sent]
    chunks = (CHUNK, CHUNK)
    placed = xr_reproject(power.where(power > 0), grid, resampling=resampling, dst_nodata=np.nan, chunks=chunks)
    return xr.DataArray(placed.data, dims=("y", "x"))


def find_damaged(hrefs: Iterable[str]) -> list[str]:
    """List local images that cannot be read to their last pixel."""
    damaged = []
    for href in hrefs:
        try:
            if href.endswith(".h5"):
                open_gcov(href).max().compute()
            else:
                with open_geotiff(href) as source:
                    for _, window in source.block_windows(1):
                        source.read(1, window=window)
        except (RasterioError, OSError) as error:
            damaged.append(f"{href} is damaged ({error}); get it again")
    return damaged


def find_elevation_faults(path: str, box: Box | None) -> list[str]:
    """List what keeps a raster from giving the elevation of a box: unreadable, without place, several bands, small."""
    try:
        with open_geotiff(path) as source:
            crs, bounds = source.crs, source.bounds
            faults = find_geotiff_faults(source, f"dem={path!r}", ELEVATION)
    except (RasterioError, OSError) as error:
        return [f"dem={path!r} cannot be read ({error}); give a GeoTIFF of elevation in metres"]
    if crs is None:
        return faults
    if not (crs.is_geographic or crs.is_projected):
        return [*faults, f"dem={path!r} has coordinates of its own, which no map knows; give one with a known CRS"]
    if box:
        area, raster = shapely.box(*box), shapely.box(*transform_bounds(crs, "EPSG:4326", *bounds, densify_pts=21))
        share = raster.intersection(area).area / area.area
        if share < 1 - MOST_HOLES:
            faults.append(f"dem={path!r} covers {share:.0%} of the box; give one that covers it, or a smaller box")
    return faults
