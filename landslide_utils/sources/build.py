"""A cube of one's own event: from a box, an instant and polygons to a store that ``open_cube`` opens."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.errors import RasterioError

from landslide_utils import grid as grids
from landslide_utils.cube import CubeError, find_bad_values, find_faults, open_cube
from landslide_utils.files import InputError, as_path, atomic_write, find_kind_faults, find_room_faults
from landslide_utils.sources import coregistration, labels, passes
from landslide_utils.sources.catalogue import Catalogue, search_elevation, search_radar
from landslide_utils.sources.coregistration import CHUNK, MOST_HOLES
from landslide_utils.sources.event import OPTIONS, Event, EventError, Options, Period, read_period
from landslide_utils.sources.opera import find_granules
from landslide_utils.sources.passes import Granule, Pass

UNLABELLED = "no outlines are given: the cube can be mapped, or prepared on, but no network can be trained with it"


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
        The landslides in the cube's coordinate reference system; none if they are not known.
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
        axes = [self.cube[axis].values.tolist() for axis in ("y", "x")]
        text = json.dumps([self.cube.attrs, str(self.cube.rio.crs), self.files, *axes])
        mask = np.packbits(self.cube["landslides"].values).tobytes() if "landslides" in self.cube else b""
        return hashlib.sha256(text.encode() + mask).hexdigest()[:12]

    @property
    def bytes_written(self) -> int:
        """How much the store takes at most."""
        return sum(variable.nbytes for variable in self.cube.data_vars.values())

    def describe(self) -> str:
        """Return how much will be read and written, and what was left out."""
        sides = self.calendar["when"].value_counts()
        size = f"{self.cube.sizes['y']} x {self.cube.sizes['x']}"
        lines = [
            f"{len(self.calendar)} passes ({sides.get('before', 0)} before, {sides.get('after', 0)} after) "
            f"on {size} pixels of {grids.pixel_size_m(self.cube):g} m ({self.cube.rio.crs})",
            f"to be read: {len(self.files)} files, about {self.megabytes:.1f} MB; "
            f"to be written: at most {self.bytes_written / 1e6:.1f} MB",
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)


def plan(
    event: Event, *, radar: str | Path | Catalogue, dem: str | Path | Catalogue, options: Options = OPTIONS
) -> Plan:
    """Return all that belongs to an event, found and checked, without reading pixels.

    EventError lists everything that is wrong.

    Parameters
    ----------
    event : Event
    radar : path or Catalogue
        A folder of OPERA RTC-S1 GeoTIFFs or of NISAR GCOV files, or a catalogue to search.
    dem : path or Catalogue
        Elevation in metres: a GeoTIFF on any grid, or a catalogue to search.
    options : Options
    """
    places = {"radar": radar, "dem": dem}
    asked = {name: place for name, place in places.items() if not isinstance(place, Catalogue)}
    if faults := find_kind_faults("a path", **asked):
        raise EventError(event.name, faults)
    grid: GeoBox | None = None
    grid_faults: list[str] = []
    try:
        grid = grids.make_grid(event.box, pixel_size_m=event.pixel_size_m, crs=event.crs)
    except InputError as error:
        grid_faults = error.faults
    period, period_faults = read_period(event)
    known = event.polygons is not None
    outlines, outline_faults = labels.read_polygons(event.polygons) if known else (labels.NOTHING, [])
    box = None if grids.find_box_faults(event.box, utm=False) else cast(grids.Box, tuple(map(float, event.box)))
    option_faults = options.find_faults()
    asked_for = period.grow(options.days) if period and not option_faults else None
    images, image_faults = _find_images(radar, box, asked_for)
    tiles, tile_faults = _find_elevation(dem, box)
    faults = option_faults + grid_faults + period_faults + outline_faults + image_faults + tile_faults
    if faults or grid is None or period is None or outlines is None or box is None:
        raise EventError(event.name, faults)

    flights, notes = _choose(passes.group_passes(images, box), period, options)
    placed = labels.place(outlines, grid) if known else labels.Labels(None, outlines.to_crs(grid.crs), [], [UNLABELLED])
    one_sided = passes.find_side_faults(flights, *period)
    faults = passes.find_pass_faults(flights) + placed.faults + (one_sided if known else [])
    if faults:
        raise EventError(event.name, faults)
    notes += [] if known else one_sided
    timeout = radar.timeout if isinstance(radar, Catalogue) else 30.0
    layers = _load_radar(flights, grid, box, options.resampling, timeout)
    layers["dem"] = coregistration.load_elevation(tiles, grid, box, timeout=timeout)
    cube = _assemble(layers, placed.mask, flights, grid)
    granules = [granule for flight in flights for granule in flight.granules]
    simulated = any(granule.simulated for granule in granules)
    kinds = sorted({granule.name.split("_T")[0].split("_2")[0] for granule in granules})
    recorded = f"{', '.join(kinds[:3])}{' (simulated)' if simulated else ''}"
    cube.attrs = {
        "event_time": period.start.isoformat(),
        "event_end": period.end.isoformat(),
        "region": event.name,
        "source": f"{radar.url} {radar.radar}" if isinstance(radar, Catalogue) else recorded,
        "simulated": simulated,
        "opened_from": event.name,
    }
    sizes = [granule.size for granule in granules]
    stored = sum(sizes) if all(sizes) else sum(cube[name].nbytes for name in ("vv", "vh") if name in cube)
    files = [file for granule in granules for file in granule.files.values()]
    calendar = passes.calendar(flights, *period)
    return Plan(cube, calendar, placed.polygons, (*notes, *placed.notes), (*files, *tiles), stored / 1e6)


def _find_images(
    radar: str | Path | Catalogue, box: grids.Box | None, period: Period | None
) -> tuple[list[Granule], list[str]]:
    """Return the images of a folder, or of a catalogue that can be asked, and what is wrong with them."""
    if not isinstance(radar, Catalogue):
        return find_granules(Path(os.path.realpath(as_path(radar).expanduser())))
    return search_radar(radar, box, *period) if box and period else ([], [])


def _find_elevation(dem: str | Path | Catalogue, box: grids.Box | None) -> tuple[list[str], list[str]]:
    """Return where elevation is to be read, and what is wrong with it."""
    if isinstance(dem, Catalogue):
        return search_elevation(dem, box) if box else ([], [])
    path = os.path.realpath(as_path(dem).expanduser())
    return [path], coregistration.find_elevation_faults(path, box)


def _choose(flights: list[Pass], event: Period, options: Options) -> tuple[list[Pass], list[str]]:
    """Return the passes that can be used, and notes on why others cannot."""
    start, end = event.grow(options.days)
    names = passes.polarisations_of(flights)
    near = [flight for flight in flights if start <= flight.instant <= end]
    large = [flight for flight in near if flight.covered >= options.least_covered]
    complete = [flight for flight in large if passes.is_complete(flight, names)]
    notes = []
    for reason, candidates, chosen in (
        (f"outside {start:%Y-%m-%d} to {end:%Y-%m-%d}", flights, near),
        (f"covering less than {options.least_covered:.0%} of the box", near, large),
        (f"without {' and '.join(names.values())}", large, complete),
    ):
        left_out = [flight for flight in candidates if flight not in chosen]
        if left_out:
            example = f"{left_out[0].instant:%Y-%m-%d}"
            notes.append(f"{len(left_out)} passes {reason} are left out, such as that of {example}")
    return complete, notes


def _load_radar(
    flights: list[Pass], grid: GeoBox, box: grids.Box, resampling: str, timeout: float
) -> dict[str, xr.DataArray]:
    """Return the radar's variables on the grid, lazily, each with the polarisation that it really is."""
    layers = {}
    band = flights[0].granules[0].band
    for name, sent in passes.polarisations_of(flights).items():
        power = coregistration.load_radar(flights, name, grid, box, resampling=resampling, timeout=timeout)
        attributes = {"long_name": f"{sent} gamma nought, {band}-band", "polarisation": sent, "band": band}
        if sent.lower() != name:
            rule = "the project calls like-polarised vv and cross-polarised vh"
            attributes["comment"] = f"{sent} stands under the name {name}: {rule}"
        layers[name] = power.assign_attrs(attributes, units="1")
    return layers


def _assemble(
    layers: dict[str, xr.DataArray], mask: NDArray[np.bool_] | None, flights: list[Pass], grid: GeoBox
) -> xr.Dataset:
    """Return a cube of these layers and labels, if there are any, with the coordinates of its grid and passes."""
    if mask is not None:
        layers["landslides"] = xr.DataArray(mask.astype("uint8"), dims=("y", "x")).chunk(CHUNK)
    cube = xr.Dataset(
        layers,
        coords={
            **xr_coords(grid),
            "time": np.array([flight.instant for flight in flights], "datetime64[ns]"),
            "orbit": ("time", [flight.orbit for flight in flights]),
            "relative_orbit": ("time", np.array([flight.relative_orbit for flight in flights], "int64")),
        },
    )
    for variable in cube.data_vars.values():
        variable.attrs["grid_mapping"] = "spatial_ref"
    return cube


def write(planned: Plan, path: str | os.PathLike[str], *, progress: bool = True) -> Path:
    """Return the path of a planned cube that was read and written as Zarr; it appears checked and whole, or not at all.

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
        If there is something at `path` already, an image cannot be read, or what was read is no cube: a pass without
        data, negative power, a hole in the elevation. Nothing is left behind then.
    """
    from tqdm.auto import tqdm
    from tqdm.dask import TqdmCallback

    target, name = as_path(path), planned.cube.attrs["region"]
    if target.exists():
        raise EventError(name, [f"{target} is there already; move it away, or choose another path"])
    if faults := find_room_faults(target, planned.bytes_written):
        raise EventError(name, faults)
    bar = f"reading {len(planned.files)} files, {planned.megabytes:.0f} MB"
    encoding = {n: {"chunks": (1, CHUNK, CHUNK)[-v.ndim :]} for n, v in planned.cube.data_vars.items()}
    try:
        with atomic_write(target) as part:
            writing = planned.cube.to_zarr(part, compute=False, encoding=encoding, zarr_format=2, consolidated=True)
            with TqdmCallback(desc=bar, tqdm_class=tqdm) if progress else contextlib.nullcontext():
                writing.compute(scheduler="threads")
            if faults := _find_faults_of(part):
                raise EventError(name, faults)
    except InputError as error:
        raise EventError(name, error.faults) from error
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
    faults = find_faults(cube, [*radar, "dem", *({"landslides"} & set(cube))], needs_metres=True)
    faults += find_bad_values(cube, [*radar, "dem"])
    valid = (cube[radar] > 0).any(("y", "x")).to_dataarray().all("variable").values
    empty = [str(time)[:16] for time in cube["time"].values[~valid]]
    if empty:
        advice = "raise least_covered, or take their images away"
        faults.append(f"{len(empty)} passes hold no data in the box ({', '.join(empty[:5])}); {advice}")
    holes = float(cube["dem"].isnull().mean())
    if holes > MOST_HOLES:
        faults.append(f"{holes:.0%} of the elevation is missing; give another dem, or a smaller box")
    return faults


def _explain(planned: Plan, error: Exception) -> list[str]:
    """List why reading or writing failed; each local image is read once more, so that all damaged ones are named."""
    damaged = coregistration.find_damaged(file for file in dict.fromkeys(planned.files) if Path(file).exists())
    return damaged or [
        f"reading or writing failed ({type(error).__name__}: {error}); nothing was kept: check disk and network, "
        "a catalogue's addresses may need signing (Catalogue(sign=...)), then run it again"
    ]
