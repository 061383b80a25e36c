"""Open any datacube, give its parts the house's names, and list all its faults at once."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rasterio.crs import CRS

from landslide_utils.regions import REGIONS, Region, find_region, parse_instant
from landslide_utils.simulate.scene import practice_cube
from landslide_utils.sources.download import DownloadError, download, is_store

RADAR = ("vv", "vh")
ORBITS = {name: full for full in ("ascending", "descending") for name in (full[0], full)}
HIGHEST_M = 9000.0
ON_GRID_TOLERANCE = 1e-3


class CubeError(ValueError):
    """A cube that cannot be used as asked. ``faults`` lists everything that is wrong, not only the first."""

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{count} in cube {source!r}:\n" + "\n".join(f"  - {fault}" for fault in self.faults))


def open_cube(
    source: str, *, event_time: str | None = None, variables: Iterable[str] | None = None, progress: bool = False
) -> xr.Dataset:
    """Open a cube lazily under the house's names.

    Parameters
    ----------
    source : str
        A region's name (a practice cube is made on first use, a published one downloaded), or the path or URL of a Zarr store in the published layout.
    event_time : str, optional
        Instant of the event, ISO 8601, UTC unless it has an offset. Needed only when neither the region nor the store knows it.
    variables : iterable of str, optional
        Of ``vv``, ``vh`` and ``dem`` those that will be used; the others are left out, and what is wrong with them does no harm.
    progress : bool
        Whether to show a progress bar while a cube is made or downloaded.

    Returns
    -------
    xarray.Dataset
        Dims ``time, y, x`` with time ascending, y descending (north first), x ascending. Of these, what the store has: ``vv`` and ``vh``
        (gamma nought, linear power, float32), ``dem`` (m, float32), ``landslides`` (bool). Coordinates ``time``, ``orbit`` ("ascending",
        "descending", or "unknown") and, where the store has it, ``relative_orbit`` (number of the track, 0 if unknown). Attributes ``event_time``
        and ``event_end`` (ISO 8601, UTC), ``region``, ``source``, ``simulated``, ``crs``, ``pixel_size_m``; and ``incidence_degrees``, in the middle
        of the scene, where the store knows it.

    Raises
    ------
    CubeError
        If there is no cube and none can be downloaded, it is not a Zarr store, its dimensions are not the published ones, or nobody knows the event's instant.
    """
    region = find_region(source)
    store = _open(source if "://" in source else str(_locate(source, region, progress=progress)))
    return _canonical(store, source, region, event_time, variables)


def _open(place: str) -> xr.Dataset:
    """Open a Zarr store lazily; whatever the network, the server or a damaged store does becomes one clear error."""
    try:
        store: xr.Dataset = xr.open_zarr(place, chunks={})
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        advice = (
            "check the address and the network" if "://" in place else "it may be damaged or half copied; get it again"
        )
        raise CubeError(place, [f"cannot be opened as a Zarr store ({reason}); {advice}"]) from error
    return store


def _locate(source: str, region: Region | None, *, progress: bool) -> Path:
    if source in REGIONS and region is not None:
        if region.simulated:
            return practice_cube(source, progress=progress)
        try:
            return download(source, progress=progress)
        except DownloadError as error:
            raise CubeError(source, [str(error)]) from error
    path = Path(source).expanduser()
    if not path.exists():
        raise CubeError(
            source, [f"no such path; give the path or URL of a .zarr store, or one of the regions {', '.join(REGIONS)}"]
        )
    if not is_store(path):
        raise CubeError(
            source,
            [
                "not a Zarr store: none of .zgroup, .zmetadata and zarr.json is in it; give the folder that ends in .zarr"
            ],
        )
    return path


def _canonical(
    store: xr.Dataset, source: str, region: Region | None, event_time: str | None, wanted: Iterable[str] | None
) -> xr.Dataset:
    """Rename, orient and describe a store; the only place that knows the published cubes' own names."""
    faults = []
    cube = store.rename({old: new for old, new in {"timestep": "time"}.items() if old in store.dims})
    used = {*(RADAR if wanted is None else wanted), "landslides", *(["dem"] if wanted is None else [])}
    cube = cube.drop_vars([name for name in (*RADAR, "dem") if name in cube and name not in used])
    radar = [name for name in RADAR if name in cube]
    for name in (*radar, *(name for name in ("dem", "landslides") if name in cube)):
        dims = ("time", "y", "x") if name in RADAR else ("y", "x")
        if set(cube[name].dims) != set(dims):
            given = ", ".join(str(dim) for dim in store[name].dims)
            faults.append(
                f"{name} has dimensions ({given}) where ({', '.join(dims).replace('time', 'timestep')}) are needed"
            )
    faults += [
        f"the coordinate {axis} is missing; give each {axis} its position"
        for axis in ("y", "x")
        if axis not in cube.coords
    ]
    if radar and "time" not in cube.coords:
        faults.append("the coordinate timestep is missing; give each pass its instant")
    elif radar and not np.issubdtype(cube["time"].dtype, np.datetime64):
        faults.append(f"timestep holds {cube['time'].dtype} where instants (datetime64) are needed")
    start, end = _event(store, region, event_time, faults if radar else [])
    orbits = _orbits(cube, faults) if radar and "time" in cube.coords else []
    if faults:
        raise CubeError(source, faults)

    variables: dict[str, xr.DataArray] = {
        name: cube[name].transpose("time", "y", "x").astype("float32", copy=False) for name in radar
    }
    if "dem" in cube:
        variables["dem"] = cube["dem"].transpose("y", "x").astype("float32")
    if "landslides" in cube:
        variables["landslides"] = cube["landslides"].transpose("y", "x").fillna(0) > 0
    out = xr.Dataset({name: array.reset_coords(drop=True) for name, array in variables.items()})
    if radar:
        out = out.assign_coords(orbit=("time", orbits))
        if "relative_orbit" in cube.variables and cube["relative_orbit"].dims == ("time",):
            out = out.assign_coords(relative_orbit=("time", cube["relative_orbit"].values))
        out = out.isel(time=np.argsort(cube["time"].values, kind="stable"))
    if out["y"].size > 1 and out["y"][0] < out["y"][-1]:
        out = out.isel(y=slice(None, None, -1))
    if out["x"].size > 1 and out["x"][0] > out["x"][-1]:
        out = out.isel(x=slice(None, None, -1))
    out.attrs = {
        "event_time": start.isoformat(),
        "event_end": end.isoformat(),
        "region": region.title if region else str(store.attrs.get("region") or source),
        "source": store.attrs.get("source") or (region.source if region else source),
        "simulated": bool(store.attrs.get("simulated", region.simulated if region else False)),
        "crs": _crs(store, region),
        "pixel_size_m": abs(float(out["x"][-1] - out["x"][0])) / max(out["x"].size - 1, 1),
        "opened_from": source,
    }
    if "dem" in out and (incidence := _incidence(store)):
        out.attrs["incidence_degrees"] = incidence
    return out


def _incidence(store: xr.Dataset) -> float | None:
    """Return the incidence angle in the middle of the scene in degrees, from a simulated store's scenario or a published one's ``los.rdr_0``."""
    try:
        if "scenario" in store.attrs:
            return float(json.loads(store.attrs["scenario"])["incidence_degrees"])
        angles = store["los.rdr_0"]
        middle = {dim: 0 if dim == "timepair" else size // 2 for dim, size in angles.sizes.items()}
        angle = float(angles.isel(middle))
    except Exception:  # nobody has asked for it yet; what needs it says that it is missing
        return None
    return angle if math.isfinite(angle) else None


def _crs(store: xr.Dataset, region: Region | None) -> str:
    """Return the coordinate reference system as text, empty if nobody knows it: from a grid mapping (CF), an attribute, or the region."""
    for variable in store.variables.values():
        wkt = variable.attrs.get("crs_wkt") or variable.attrs.get("spatial_ref")
        if wkt:
            return str(CRS.from_user_input(wkt).to_string())
    return str(store.attrs.get("crs") or (region.crs if region else None) or "")


def _event(
    store: xr.Dataset, region: Region | None, event_time: str | None, faults: list[str]
) -> tuple[dt.datetime, dt.datetime]:
    """Return the event's start and end; what the caller says comes before what the store says, and that before the region."""
    text = event_time or store.attrs.get("event_time") or (region.event_time if region else None)
    if text is None:
        faults.append(
            "the event's instant is not known; pass event_time in UTC, for example -p event_time 2018-09-05T18:07:59"
        )
        return dt.datetime.min, dt.datetime.min
    try:
        start = parse_instant(str(text))
    except ValueError as error:
        faults.append(str(error))
        return dt.datetime.min, dt.datetime.min
    ends = (None if event_time else store.attrs.get("event_end")) or (region.event_end if region else None)
    try:
        end = parse_instant(str(ends)) if ends else start
    except ValueError as error:
        faults.append(str(error).replace("event_time", "the store's event_end"))
        return start, start
    return start, max(start, end)


def _orbits(cube: xr.Dataset, faults: list[str]) -> list[str]:
    """Return the orbit direction of each pass; the published cubes write letters, words, or nothing."""
    name = next((name for name in ("sat:orbit_state", "orbit") if name in cube.variables), None)
    passes = cube.sizes["time"]
    if name is None:
        return ["unknown"] * passes
    written = [v.decode() if isinstance(v, bytes) else str(v) for v in np.atleast_1d(cube[name].values).ravel()]
    if len(written) not in (1, passes):
        faults.append(f"{name} has {len(written)} values for {passes} passes")
        return ["unknown"] * passes
    strange = sorted({text for text in written if text.strip().lower() not in ORBITS})
    if strange:
        faults.append(f"{name} holds {', '.join(map(repr, strange))} where a, d, ascending or descending are known")
        return ["unknown"] * passes
    return [ORBITS[text.strip().lower()] for text in written] * (passes if len(written) == 1 else 1)


def find_faults(cube: xr.Dataset, variables: Iterable[str], *, needs_metres: bool = False) -> list[str]:
    """List what makes a cube unfit, without reading its pixels.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`open_cube` returns it.
    variables : iterable of str
        What will be used: of ``vv``, ``vh``, ``dem``, ``landslides``.
    needs_metres : bool
        Whether the grid must be in metres (for slope and curvature).
    """
    present = ", ".join(str(name) for name in cube.data_vars) or "none of those known here"
    faults = [f"the variable {name} is missing (the cube holds: {present})" for name in variables if name not in cube]
    for axis in ("y", "x"):
        steps = np.diff(cube[axis].values.astype(float))
        if steps.size and np.abs(steps - steps.mean()).max() > ON_GRID_TOLERANCE * abs(steps.mean()):
            faults.append(f"the coordinate {axis} is not evenly spaced (steps from {steps.min():g} to {steps.max():g})")
    pixel = float(cube.attrs["pixel_size_m"])
    high = abs(float(np.diff(cube["y"].values.astype(float)).mean())) if cube["y"].size > 1 else pixel
    if needs_metres and (pixel < 0.1 or "4326" in str(cube.attrs.get("crs", ""))):
        faults.append(
            f"pixels are {pixel:g} wide, which looks like degrees; slope needs metres: reproject the cube to UTM"
        )
    elif needs_metres and abs(high - pixel) > ON_GRID_TOLERANCE * pixel:
        faults.append(f"pixels are {pixel:g} wide and {high:g} high; slope needs square pixels: resample the cube")
    return faults


def find_bad_values(cube: xr.Dataset, variables: Iterable[str]) -> list[str]:
    """List what is wrong with the pixels of some variables: nothing there at all, or values in another unit.

    Of radar it reads up to 16 evenly spread chunks of each pass, which tell decibels from power; single pixels that are not positive count as missing
    wherever they are. It reads all of them only if there is nothing in those. Of the ground it reads all: a fill value may stand in one corner.
    """
    import dask

    sampled = {name: _measure(_spread(cube[name]) if name in RADAR else cube[name]) for name in variables}
    faults = []
    for name, found in dask.compute(sampled)[0].items():
        if not bool(found["valid"]) and not int(found["negative"]):
            found = dask.compute(_measure(cube[name]))[0]
        if not bool(found["valid"]):
            faults.append(
                f"{name} holds no valid value in the passes that are needed (all are missing{' or zero' if name in RADAR else ''})"
            )
        if (
            name == "dem"
            and bool(found["valid"])
            and not -500 < float(found["least"]) <= float(found["most"]) < HIGHEST_M
        ):
            faults.append(
                f"dem reaches from {float(found['least']):g} to {float(found['most']):g} m, which no place on Earth does; "
                "if that is a fill value, make it NaN"
            )
        if int(found["negative"]):
            faults.append(
                f"{name} holds at least {int(found['negative'])} negative values (such as {float(found['least']):.3g}) where linear power is needed; "
                "if it is in decibels, convert it with 10 ** (dB / 10)"
            )
    return faults


def _measure(array: xr.DataArray) -> dict[str, Any]:
    radar = array.name in RADAR
    valid = np.isfinite(array) & (array > 0) if radar else np.isfinite(array)
    negative = (array < 0).sum() if radar else 0
    return {"valid": valid.any(), "negative": negative, "least": array.min(), "most": array.max()}


def _spread(array: xr.DataArray) -> xr.DataArray:
    """Return up to 4 x 4 of the chunks along y and x, side by side; one that is in memory as it is."""
    if array.chunks is None:
        return array
    blocks = array.data.blocks[..., :: -(-array.data.numblocks[-2] // 4), :: -(-array.data.numblocks[-1] // 4)]
    return xr.DataArray(blocks, dims=array.dims, name=array.name)
