"""A cube of one's own event: from a box, an instant and polygons to a store that :func:`landslide_utils.cube.open_cube` opens."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.errors import RasterioError

from landslide_utils import grid as grids
from landslide_utils.cube import CubeError, find_bad_values, find_faults, open_cube
from landslide_utils.files import InputError, atomic_write, count_faults
from landslide_utils.grid import Box, find_box_faults, make_grid
from landslide_utils.regions import parse_instant
from landslide_utils.sources import catalogue, coregistration, labels, opera, passes
from landslide_utils.sources.catalogue import Catalogue
from landslide_utils.sources.coregistration import CHUNK, METHODS, MOST_HOLES
from landslide_utils.sources.passes import Granule, Pass

FRESH_DAYS = (90, 60)
"""Days before and after an event in which passes are looked for, unless told otherwise."""


class EventError(InputError):
    """An event of which no cube can be made as asked."""

    def __init__(self, event: str, faults: Sequence[str]) -> None:
        super().__init__(f"no cube of {event!r} ({count_faults(faults)})", faults)


@dataclass(frozen=True)
class Plan:
    """What will be read and written, before anything is.

    Attributes
    ----------
    cube : xarray.Dataset
        Lazy, in the layout of :mod:`landslide_utils.cube`.
    calendar : pandas.DataFrame
        One row a pass, as :func:`landslide_utils.sources.passes.calendar` returns it.
    polygons : geopandas.GeoDataFrame
        The landslides in the cube's coordinate reference system.
    notes : tuple of str
        What was left out or looks strange, and does not keep the cube from being made.
    files : tuple of str
        Images and elevation to be read: paths or addresses.
    megabytes : float
        Size of the images: as stored where known, else as it will be in memory.
    """

    cube: xr.Dataset
    calendar: pd.DataFrame
    polygons: gpd.GeoDataFrame
    notes: tuple[str, ...]
    files: tuple[str, ...]
    megabytes: float

    @property
    def fingerprint(self) -> str:
        """Twelve characters that depend on what was asked for and what was found: box, grid, event, files, labels."""
        said = json.dumps(
            [
                self.cube.attrs,
                str(self.cube.rio.crs),
                self.files,
                *(self.cube[axis].values.tolist() for axis in ("y", "x")),
            ]
        )
        labels = np.packbits(self.cube["landslides"].values).tobytes()
        return hashlib.sha256(said.encode() + labels).hexdigest()[:12]

    def describe(self) -> str:
        """Say how much will be read and written, and what was left out."""
        size = f"{self.cube.sizes['y']} x {self.cube.sizes['x']}"
        written = sum(variable.nbytes for variable in self.cube.data_vars.values()) / 1e6
        lines = [
            f"{len(self.calendar)} passes ({(self.calendar['when'] == 'before').sum()} before, {(self.calendar['when'] == 'after').sum()} after) "
            f"on {size} pixels of {grids.pixel_size_m(self.cube):g} m ({self.cube.rio.crs})",
            f"to be read: {len(self.files)} files, about {self.megabytes:.1f} MB; to be written: at most {written:.1f} MB",
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)


def plan(
    name: str,
    box: Sequence[float],
    event_time: str,
    polygons: str | Path | gpd.GeoDataFrame,
    *,
    radar: str | Path | Catalogue,
    dem: str | Path | Catalogue,
    event_end: str | None = None,
    days: tuple[float, float] = FRESH_DAYS,
    pixel_size_m: float = 10.0,
    crs: str | None = None,
    resampling: str = "bilinear",
    least_covered: float = 0.5,
) -> Plan:
    """Find all that belongs to an event and check it, without reading pixels.

    Parameters
    ----------
    name : str
        Of the event, for headings.
    box : four numbers
        west, south, east, north in degrees (EPSG:4326).
    event_time, event_end : str
        Instant of the event, or its start and end, ISO 8601, UTC unless it has an offset.
    polygons : path or geopandas.GeoDataFrame
        The landslides; any file that geopandas reads, with a coordinate reference system.
    radar : path or Catalogue
        A folder of OPERA RTC-S1 GeoTIFFs or of NISAR GCOV files, or a catalogue to search.
    dem : path or Catalogue
        Elevation in metres: a raster file on any grid, or a catalogue to search.
    days : (before, after)
        How long before and after the event passes are looked for.
    pixel_size_m : float
    crs : str, optional
        Without it, the UTM zone of the box's centre.
    resampling : {"nearest", "bilinear", "cubic", "average"}
        Of radar images that do not lie on the grid already; elevation is always bilinear.
    least_covered : float
        Share of the box, 0 to 1, below which a pass is left out.

    Raises
    ------
    EventError
        Listing everything that is wrong.
    """
    faults: list[str] = []
    if resampling not in METHODS:
        faults.append(f"{resampling=} is not one of {', '.join(METHODS)}")
    if min(days) <= 0 or not 0 <= least_covered <= 1:
        faults.append(f"{days=} must be above 0 and {least_covered=} between 0 and 1")
    grid = None
    try:
        grid = make_grid(box, pixel_size_m=pixel_size_m, crs=crs)
    except InputError as error:
        faults += error.faults
    period = _period(event_time, event_end, faults)
    outlines = labels.read_polygons(polygons, faults)
    area: Box | None = None
    if not find_box_faults(box, utm=False):
        west, south, east, north = map(float, box)
        area = (west, south, east, north)
    images = _find_images(radar, area, period, days, faults)
    hrefs = _find_elevation(dem, area, faults)
    if faults or grid is None or period is None or outlines is None or area is None:
        raise EventError(name, faults)

    notes: list[str] = []
    used = _choose(passes.group_passes(images, area), period, days, least_covered, notes)
    faults += passes.find_pass_faults(used, *period)
    mask, placed = labels.place(outlines, grid, faults, notes)
    if faults:
        raise EventError(name, faults)
    cube = _assemble(used, hrefs, grid, area, mask, resampling, radar.timeout if isinstance(radar, Catalogue) else 30.0)
    simulated = any(granule.simulated for one in used for granule in one.granules)
    kinds = sorted({granule.name.split("_T")[0].split("_2")[0] for one in used for granule in one.granules})
    cube.attrs = {
        "event_time": period[0].isoformat(),
        "event_end": period[1].isoformat(),
        "region": name,
        "source": f"{radar.url} {radar.radar}"
        if isinstance(radar, Catalogue)
        else f"{', '.join(kinds[:3])}{' (simulated)' if simulated else ''}",
        "simulated": simulated,
        "opened_from": name,
    }
    sizes = [granule.size for one in used for granule in one.granules]
    stored = sum(sizes) if all(sizes) else sum(cube[n].nbytes for n in ("vv", "vh") if n in cube)
    files = tuple(file for one in used for granule in one.granules for file in granule.files.values())
    return Plan(cube, passes.calendar(used, *period), placed, tuple(notes), (*files, *hrefs), stored / 1e6)


def _period(event_time: str, event_end: str | None, faults: list[str]) -> tuple[dt.datetime, dt.datetime] | None:
    found = []
    for key, text in (("event_time", event_time), ("event_end", event_end or event_time)):
        try:
            found.append(parse_instant(text))
        except ValueError as error:
            fault = str(error).replace("event_time", key)
            faults += [fault] if event_end or key == "event_time" else []
    if len(found) < 2:
        return None
    if found[1] < found[0]:
        faults.append(f"event_end={event_end!r} is before event_time={event_time!r}; swap the two")
    return found[0], found[1]


def _find_images(
    radar: str | Path | Catalogue,
    area: Box | None,
    period: tuple[dt.datetime, dt.datetime] | None,
    days: tuple[float, float],
    faults: list[str],
) -> list[Granule]:
    if not isinstance(radar, Catalogue):
        images, wrong = opera.find_granules(Path(radar).expanduser().resolve())
    elif area is None or period is None:
        return []  # nothing to ask a catalogue for
    else:
        images, wrong = catalogue.search_radar(radar, area, *_window(period, days))
    faults += wrong
    return images


def _window(period: tuple[dt.datetime, dt.datetime], days: tuple[float, float]) -> tuple[dt.datetime, dt.datetime]:
    return period[0] - dt.timedelta(days[0]), period[1] + dt.timedelta(days[1])


def _find_elevation(dem: str | Path | Catalogue, area: Box | None, faults: list[str]) -> list[str]:
    """Return where elevation is to be read."""
    if isinstance(dem, Catalogue):
        hrefs, wrong = catalogue.search_elevation(dem, area) if area else ([], [])
        faults += wrong
        return hrefs
    path = str(Path(dem).expanduser().resolve())
    wrong = coregistration.find_elevation_faults(path, area)
    faults += [f"dem={str(dem)!r} {fault}" for fault in wrong]
    return [] if wrong else [path]


def _choose(
    found: list[Pass],
    period: tuple[dt.datetime, dt.datetime],
    days: tuple[float, float],
    least_covered: float,
    notes: list[str],
) -> list[Pass]:
    """Keep the passes that can be used, and note why others cannot."""
    first, last = _window(period, days)
    names = passes.radar_of(found)
    reasons: dict[str, Callable[[Pass], bool]] = {
        f"outside {first:%Y-%m-%d} to {last:%Y-%m-%d}": lambda one: first <= one.instant <= last,
        f"covering less than {least_covered:.0%} of the box": lambda one: one.covered >= least_covered,
        f"without {' and '.join(sent for sent in names.values())}": lambda one: passes.is_complete(one, names),
    }
    for reason, good in reasons.items():
        left_out = [one for one in found if not good(one)]
        if left_out:
            notes.append(
                f"{len(left_out)} passes {reason} are left out, such as that of {left_out[0].instant:%Y-%m-%d}"
            )
        found = [one for one in found if good(one)]
    return found


def _assemble(
    used: list[Pass],
    hrefs: list[str],
    grid: GeoBox,
    area: Box,
    mask: np.ndarray[Any, np.dtype[np.bool_]],
    resampling: str,
    timeout: float,
) -> xr.Dataset:
    """Put the lazy variables together."""
    variables: dict[str, xr.DataArray] = {}
    for name, sent in passes.radar_of(used).items():
        band = used[0].granules[0].band
        power = coregistration.load_radar(used, name, grid, area, resampling=resampling, timeout=timeout)
        described = {"long_name": f"{sent} gamma nought, {band}-band", "polarisation": sent, "band": band, "units": "1"}
        if sent.lower() != name:
            described["comment"] = (
                f"{sent} stands under the name {name}: the project calls like-polarised vv and cross-polarised vh"
            )
        variables[name] = power.assign_attrs(described)
    elevation = coregistration.load_elevation(hrefs, grid, area, timeout=timeout)
    variables["dem"] = elevation
    variables["landslides"] = xr.DataArray(mask.astype("uint8"), dims=("y", "x")).chunk(CHUNK)
    cube = xr.Dataset(
        variables,
        coords={
            **xr_coords(grid),
            "time": np.array([one.instant for one in used], "datetime64[ns]"),
            "orbit": ("time", [one.orbit for one in used]),
            "relative_orbit": ("time", np.array([one.relative_orbit for one in used], "int64")),
        },
    )
    for variable in cube.data_vars.values():
        variable.attrs["grid_mapping"] = "spatial_ref"
    return cube


def write(planned: Plan, path: str | os.PathLike[str], *, progress: bool = True) -> Path:
    """Read everything and write the cube as Zarr. It is checked before it appears, and appears whole or not at all.

    Parameters
    ----------
    planned : Plan
    path : path
        Where the store shall be, ending in ``.zarr``.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    EventError
        If there is something at `path` already, an image cannot be read, or what was read is no cube: a pass without data, negative power, a hole in the
        elevation. Nothing is left behind then.
    """
    from tqdm.auto import tqdm
    from tqdm.dask import TqdmCallback

    target, name = Path(path), planned.cube.attrs["region"]
    if target.exists():
        raise EventError(name, [f"{target} is there already; move it away, or choose another path"])
    free = shutil.disk_usage(next(folder for folder in target.absolute().parents if folder.exists())).free
    needed = sum(variable.nbytes for variable in planned.cube.data_vars.values())
    if free < needed:
        raise EventError(
            name, [f"{needed / 1e9:.1f} GB may be needed at {target} and {free / 1e9:.1f} GB are free; make room"]
        )
    bar = f"reading {len(planned.files)} files, {planned.megabytes:.0f} MB"
    encoding = {n: {"chunks": (1, CHUNK, CHUNK)[-v.ndim :]} for n, v in planned.cube.data_vars.items()}
    try:
        with atomic_write(target) as part:
            writing = planned.cube.to_zarr(part, compute=False, encoding=encoding, zarr_format=2, consolidated=True)
            with TqdmCallback(desc=bar, tqdm_class=tqdm) if progress else contextlib.nullcontext():
                writing.compute(scheduler="threads")
            faults = _find_faults_of(part)
            if faults:
                raise EventError(name, faults)
    except (RasterioError, OSError) as error:
        raise EventError(name, _explain(planned, error)) from error
    return target


def _find_faults_of(store: Path) -> list[str]:
    """List what is wrong with a cube that has just been written."""
    try:
        cube = open_cube(str(store))
    except CubeError as error:
        return error.faults
    radar = [name for name in ("vv", "vh") if name in cube]
    faults = find_faults(cube, [*radar, "dem", "landslides"], needs_metres=True)
    faults += find_bad_values(cube, [*radar, "dem"])
    valid = (
        xr.Dataset({name: (cube[name] > 0).any(("y", "x")) for name in radar}).to_dataarray().all("variable").compute()
    )
    empty = [str(time)[:16] for time in cube["time"].values[~valid.values]]
    if empty:
        faults.append(
            f"{len(empty)} passes hold no data in the box ({', '.join(empty[:5])}); raise least_covered, or take their images away"
        )
    holes = float(cube["dem"].isnull().mean())
    if holes > MOST_HOLES:
        faults.append(f"{holes:.0%} of the elevation is missing; give another dem, or a smaller box")
    return faults


def _explain(planned: Plan, error: Exception) -> list[str]:
    """Say why reading or writing failed; every local image is read once more, so that all damaged ones are named."""
    damaged = coregistration.find_damaged(
        file for file in dict.fromkeys(planned.files) if file.endswith(".tif") and Path(file).exists()
    )
    return damaged or [
        f"reading or writing failed ({type(error).__name__}: {error}); nothing was kept: check disk and network, a catalogue's addresses may need "
        "signing (Catalogue(sign=...)), then run it again"
    ]
