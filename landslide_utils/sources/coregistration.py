"""Images on grids of their own brought to one grid, lazily, block by block; overlapping images of one pass become one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import dask
import dask.array as da
import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds
from shapely.geometry import mapping

from landslide_utils.grid import Box
from landslide_utils.sources.opera import DIAGONAL, GRIDS, MissingExtraError, gcov_grid
from landslide_utils.sources.passes import Pass, outline

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

Array = NDArray[np.float32]


def fuse_power(known: Array, new: Array) -> None:
    """Fill pixels without power from another image of the same pass, in place; zero means no data, as in the published cubes."""
    np.copyto(known, new, where=~(known > 0) & (new > 0))


def load_radar(
    passes: Sequence[Pass], name: str, grid: GeoBox, box: Box, *, resampling: str = "bilinear", timeout: float = 30.0
) -> xr.DataArray:
    """Return one variable of some passes on the grid, lazily.

    Parameters
    ----------
    passes : sequence of Pass
        GeoTIFFs, or GCOV files, each with this variable.
    name : {"vv", "vh"}
    grid : odc.geo.geobox.GeoBox
    box : (west, south, east, north)
        Degrees.
    resampling : {"nearest", "bilinear", "cubic", "average"}
        An image that lies on the grid already is copied as it is, whatever this says.
    timeout : float
        Seconds that a server may be silent while an image is read.

    Returns
    -------
    xarray.DataArray (time, y, x)
        Linear power, float32, NaN where there is no data; one chunk a pass and block of 512 x 512 pixels.
    """
    hrefs = [[granule.files[name] for granule in one.granules] for one in passes]
    if passes[0].granules[0].band == "L":
        stack = _stack_gcov(hrefs, passes[0].granules[0].polarisations[name], grid, Resampling[resampling])
    else:
        instants = [one.instant for one in passes]
        stack = _stack_geotiffs(
            hrefs, instants, grid, box, resampling, timeout, "landslide_utils.sources.coregistration.fuse_power"
        )
    power = xr.DataArray(stack, dims=("time", "y", "x"))
    return power.where(power > 0).astype("float32")


def load_elevation(hrefs: Sequence[str], grid: GeoBox, box: Box, *, timeout: float = 30.0) -> xr.DataArray:
    """Return elevation on the grid (y, x), metres, float32, lazily: tiles of a model on any grid, bilinear, the first that has a value."""
    stack = _stack_geotiffs([list(hrefs)], [dt.datetime(2000, 1, 1)], grid, box, "bilinear", timeout, None)
    return xr.DataArray(stack[0], dims=("y", "x"))


def _stack_geotiffs(
    groups: Sequence[Sequence[str]],
    instants: Sequence[dt.datetime],
    grid: GeoBox,
    box: Box,
    resampling: str,
    timeout: float,
    fuser: str | None,
) -> da.Array:
    """Stack groups of GeoTIFFs, each group one plane.

    What a catalogue says of its files' grids has been wrong, so nothing of it is used: each file is described anew as lying somewhere in the box, and its own
    header says where.
    """
    try:
        import odc.stac
        import pystac
    except ImportError:
        raise MissingExtraError("odc-stac") from None
    items = []
    for plane, (group, instant) in enumerate(zip(groups, instants, strict=True)):
        for order, href in enumerate(group):
            item = pystac.Item(f"{plane:05d}-{order:05d}", mapping(outline(box).buffer(0.5)), list(box), instant, {})
            item.add_asset("image", pystac.Asset(href, media_type="image/tiff; application=geotiff", roles=["data"]))
            items.append(item)
    options = NETWORK | {"GDAL_HTTP_LOW_SPEED_TIME": f"{max(1, round(timeout))}"}
    with rasterio.Env(**options):
        loaded = odc.stac.load(
            items,
            bands=["image"],
            geobox=grid,
            groupby=lambda item, parsed, index: item.id[:5],
            preserve_original_order=True,
            resampling=resampling,
            dtype="float32",
            fuse_func=fuser,
            chunks={"time": 1, "y": CHUNK, "x": CHUNK},
        )
    stack: da.Array = loaded["image"].data
    return stack


def _stack_gcov(groups: Sequence[Sequence[str]], sent: str, grid: GeoBox, method: Resampling) -> da.Array:
    """Stack groups of GCOV files, each group one plane."""
    term = next(term for term, polarisation in DIAGONAL.items() if polarisation == sent)
    rows, cols = (range(0, length, CHUNK) for length in (grid.height, grid.width))

    def block(paths: Sequence[str], row: int, col: int) -> da.Array:
        shape = (min(CHUNK, grid.height - row), min(CHUNK, grid.width - col))
        read = dask.delayed(_read_gcov)(tuple(paths), term, grid, row, col, shape, method)
        lazy: da.Array = da.from_delayed(read, shape, np.float32)
        return lazy

    planes = [da.block([[block(paths, row, col) for col in cols] for row in rows]) for paths in groups]
    stack: da.Array = da.stack(planes)
    return stack


def _read_gcov(
    paths: Iterable[str], term: str, grid: GeoBox, row: int, col: int, shape: tuple[int, int], method: Resampling
) -> Array:
    """Read a block of the grid from GCOV files."""
    transform = grid.transform * Affine.translation(col, row)
    out = np.full(shape, np.nan, np.float32)
    bounds = rasterio.transform.array_bounds(*shape, transform)
    for path in paths:
        try:
            source, crs, own = _part_of(path, term, grid, bounds)
        except (OSError, KeyError) as error:
            raise OSError(f"{path} cannot be read ({error}); it is damaged: get it again") from error
        if not source.size:
            continue
        new = np.full(shape, np.nan, np.float32)
        reproject(
            np.where(source > 0, source, np.nan).astype(np.float32),
            new,
            src_transform=own,
            src_crs=crs,
            src_nodata=np.nan,
            dst_transform=transform,
            dst_crs=grid.crs,
            dst_nodata=np.nan,
            resampling=method,
        )
        fuse_power(out, new)
    return out


def _part_of(path: str, term: str, grid: GeoBox, bounds: Box) -> tuple[Array, CRS, Affine]:
    """Read the part of a GCOV file that lies beneath some bounds of the grid, and a margin; it is empty where they do not meet."""
    import h5py

    with h5py.File(path) as file:
        group = file[GRIDS]
        crs, own, size = gcov_grid(group)
        left, bottom, right, top = transform_bounds(grid.crs, crs, *bounds)
        (first_col, first_row), (last_col, last_row) = ~own * (left, top), ~own * (right, bottom)
        margin = 2 + 2 * max(1, round(grid.resolution.x / own.a))
        rows, cols = (
            slice(max(0, int(first) - margin), max(0, min(length, int(last) + margin + 1)))
            for first, last, length in ((first_row, last_row, size[0]), (first_col, last_col, size[1]))
        )
        return group[term][rows, cols], crs, own * Affine.translation(cols.start, rows.start)


def find_damaged(hrefs: Iterable[str]) -> list[str]:
    """Read local GeoTIFFs to their last pixel and list those that cannot be."""
    damaged = []
    for href in hrefs:
        try:
            with rasterio.open(href) as source:
                for _, window in source.block_windows(1):
                    source.read(1, window=window)
        except rasterio.errors.RasterioError as error:
            damaged.append(f"{href} is damaged ({error}); get it again")
    return damaged


def find_elevation_faults(path: str, box: Box | None) -> list[str]:
    """List what keeps a raster file from giving the elevation of a box: unreadable, no coordinate reference system, several bands, too small."""
    try:
        with rasterio.open(path) as source:
            crs, bounds, bands = source.crs, source.bounds, source.count
    except rasterio.errors.RasterioError as error:
        return [f"cannot be read ({error}); give a raster of elevation in metres"]
    if crs is None:
        return [
            "has no coordinate reference system; write it into the file, for example with gdal_edit.py -a_srs EPSG:..."
        ]
    faults = [] if bands == 1 else [f"has {bands} bands; one band of elevation is needed"]
    if box:
        asked = outline(box)
        share = (
            outline(transform_bounds(crs, "EPSG:4326", *bounds, densify_pts=21)).intersection(asked).area / asked.area
        )
        if share < 1 - MOST_HOLES:
            faults.append(f"covers {share:.0%} of the box; give one that covers it, or a smaller box")
    return faults
