"""Open a datacube, rename its variables to the package's convention, and list all its faults at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import dask
import dask.array as da
import numpy as np
import rioxarray  # noqa: F401  (gives xarray objects their .rio)
import xarray as xr

from landslide_utils import regions
from landslide_utils.files import InputError, count_faults, find_kind_faults, shorten
from landslide_utils.grid import (
    as_window,
    find_axis_faults,
    find_crs_faults,
    find_pixel_faults,
    find_size_faults,
    find_spacing_faults,
    find_window_faults,
    pixel_size_m,
    transform_of,
)

RADAR = ("vv", "vh")
DIMS = dict.fromkeys(RADAR, ("time", "y", "x")) | dict.fromkeys(("dem", "landslides"), ("y", "x"))
KINDS = dict.fromkeys(RADAR, "real numbers of linear power") | {"dem": "metres", "landslides": "0, 1 and NaN"}
ORBITS = {name: full for full in ("ascending", "descending") for name in (full[0], full)}
ORBIT_STATES = ("sat:orbit_state", "sat_orbit_state", "orbit")
COORDINATES = ("timestep", "time", "y", "x", *ORBIT_STATES, "relative_orbit")
USUAL_POWER = (1e-5, 10.0)  # between these lies the geometric mean of any scene in linear power
LEAST_PIXEL_M = 0.1  # smaller pixels are in degrees, where nobody knows the coordinate reference system
CONVENTIONS = "CF-1.11"
_RADAR_NAME = "surface_backwards_scattering_coefficient_of_radar_wave"
CF_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "vv": {"units": "1", "standard_name": _RADAR_NAME, "long_name": "gamma nought of VV, linear power"},
    "vh": {"units": "1", "standard_name": _RADAR_NAME, "long_name": "gamma nought of VH, linear power"},
    "dem": {"units": "m", "standard_name": "surface_altitude", "long_name": "elevation"},
    "landslides": {"units": "1", "long_name": "landslide", "flag_values": [0, 1]}
    | {"flag_meanings": "no_landslide landslide"},
    "image": {"long_name": "image that a network sees"},
    "probability": {"units": "1", "long_name": "probability of a landslide"},
    "time": {"standard_name": "time", "long_name": "instant of the pass, UTC"},
    "orbit": {"units": "1", "long_name": "orbit direction"},
    "relative_orbit": {"units": "1", "long_name": "number of the track, 0 if unknown"},
    "channel": {"units": "1", "long_name": "channel"},
    "unit": {"units": "1", "long_name": "unit of the channel"},
}
"""Attributes of the Climate and Forecast conventions, for cubes, composites and maps.

The unit of `time` is written by xarray with its numbers; that of an image depends on its channels.
"""


class CubeError(InputError):
    """A cube that cannot be used as asked."""

    def __init__(self, source: str, faults: Iterable[str]) -> None:
        faults = list(faults)
        super().__init__(f"{count_faults(faults)} in cube {source!r}", faults)


def open_cube(
    source: str | os.PathLike[str],
    *,
    event_time: str | None = None,
    crs: str | None = None,
    needs_crs: bool = False,
    variables: Iterable[str] | None = None,
    window: Sequence[int] | None = None,
    timesteps: int | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Return a cube, lazily, under the package's names.

    Parameters
    ----------
    source : str or path
        A region's name (a practice cube is made on first use, a published one downloaded), the path or URL of a Zarr
        store in the published layout, or ``sen12landslides:FOLDER``, patches that are laid side by side.
    event_time : str, optional
        Instant of the event, ISO 8601, UTC unless it has an offset. Needed only when neither the region nor the store
        knows it.
    crs : str, optional
        Coordinate reference system, such as EPSG:32654. It comes before the store's, and that before the region's.
    needs_crs : bool
        Whether the cube is refused if nobody knows its coordinate reference system: for whoever draws a map from it.
    variables : iterable of str, optional
        Of ``vv``, ``vh`` and ``dem`` those that will be used; the others are left out, and what is wrong with them
        does no harm.
    window : landslide_utils.grid.Window or four whole numbers, optional
        Row, col, height and width of the pixels that are wanted, counted from the north-west corner. Of a published
        cube that is not here yet, only their chunks are read; what was read is kept.
    timesteps : int, optional
        Keep only the passes that :func:`landslide_utils.composite.choose_passes` takes: n before and n after the event.
    progress : bool
        Whether to show a progress bar while a cube is made or downloaded.

    Returns
    -------
    xarray.Dataset
        Dims ``time, y, x`` with time ascending, y descending (north first), x ascending. Of these, what the store has:
        ``vv`` and ``vh`` (gamma nought, linear power, float32), ``dem`` (m, float32), ``landslides`` (uint8, 0 or 1,
        because reprojection knows no bool). Coordinates ``time``, ``orbit`` ("ascending", "descending", or "unknown")
        and, where the store has it, ``relative_orbit`` (number of the track, 0 if unknown). The coordinate reference
        system, where anybody knows it, is what ``.rio.crs`` returns. Attributes ``event_time`` and ``event_end``
        (ISO 8601, UTC), ``region``, ``source``, ``simulated``; and ``incidence_degrees``, in the middle of the scene,
        where the store knows it; and ``window``. Variables and coordinates have the attributes of the CF conventions.

    Raises
    ------
    CubeError
        If there is no cube and none can be downloaded, it is not a Zarr store, its dimensions are not the published
        ones, nobody knows the event's instant, or the window does not lie in the scene.
    """
    source = str(source) if isinstance(source, os.PathLike) else source
    variables = [variables] if isinstance(variables, str) else variables
    if not isinstance(variables, Iterable | None):
        raise CubeError(str(source), [f"{variables=} are not names of variables; give a list of {', '.join(DIMS)}"])
    variables, part = None if variables is None else list(variables), None
    try:
        if window is not None:
            part = regions.Part(as_window(window), variables, timesteps, event_time)
        store = regions.open_store(place := regions.locate(source, part, progress=progress))
        cube = _canonical(store, source, variables, part, event_time=event_time, crs=crs, needs_crs=needs_crs)
    except CubeError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # of the window, the download, the store, or a path
        raise CubeError(str(source), getattr(error, "faults", [str(error)])) from error
    if timesteps is not None and "time" in cube.dims:
        cube = regions.keep_passes(cube, timesteps)
    cube.encoding["source"] = place
    return cube


def _canonical(
    store: xr.Dataset,
    source: str,
    wanted: Iterable[str] | None,
    part: regions.Part | None,
    *,
    event_time: str | None,
    crs: str | None,
    needs_crs: bool,
) -> xr.Dataset:
    """Return a store as a cube; only here and in what it calls are the published cubes' own names known."""
    region = regions.find_region(source)
    cube = store.rename({"timestep": "time"}) if "timestep" in store.dims else store
    used = {"landslides", *({*RADAR, "dem"} if wanted is None else wanted)}
    names = [name for name in DIMS if name in cube and name in used]
    faults = _find_layout_faults(cube, names)
    has_radar = any(name in RADAR for name in names)
    event, event_faults = regions.find_event(store.attrs, region, event_time)
    orbits, orbit_faults = _orbits(cube) if has_radar and "time" in cube.coords else ([], [])
    crs = crs or regions.find_crs(store, region)
    faults += [*(event_faults if has_radar else []), *orbit_faults]
    crs_faults = find_crs_faults(crs, "the cube", "pass crs, for example -p crs EPSG:32654")
    faults += [fault for fault in crs_faults if needs_crs or "is not a coordinate reference system" in fault]
    if not faults:
        cube = _north_up(cube)
        faults = find_window_faults(part.window, cube.sizes["y"], cube.sizes["x"]) if part else []
        cube = cube.isel(part.window.place) if part else cube
    if faults := faults or _find_label_faults(cube):
        raise CubeError(source, faults)

    out = xr.Dataset({name: cube[name].transpose(*DIMS[name]).reset_coords(drop=True) for name in names})
    out = out.assign({name: out[name].astype("float32", copy=False) for name in names if name != "landslides"})
    if "landslides" in out:
        landslides = (out["landslides"] == 1).astype("uint8").assign_attrs(out["landslides"].attrs)
        out["landslides"] = landslides.rio.write_nodata(0)  # what reprojection fills the corners with
    if has_radar:
        out = out.assign_coords(orbit=("time", orbits))
        if "relative_orbit" in cube.variables and cube["relative_orbit"].dims == ("time",):
            out = out.assign_coords(relative_orbit=("time", cube["relative_orbit"].values))
        out = out.isel(time=np.argsort(cube["time"].values, kind="stable"))
    out.attrs = {
        **event,
        "region": region.title if region else str(store.attrs.get("region") or source),
        "source": store.attrs.get("source") or (region.source if region else source),
        "simulated": str(store.attrs.get("simulated", region.simulated if region else False)).lower() in ("true", "1"),
        "opened_from": source,
    } | ({"window": list(part.window)} if part else {})
    if "dem" in out and (incidence := regions.find_incidence(cube)):
        out.attrs["incidence_degrees"] = incidence
    return describe(out.rio.write_crs(crs) if crs else out)


def _north_up(cube: xr.Dataset) -> xr.Dataset:
    """Return a store with the north first, and the west."""
    south_first, east_first = cube["y"][0] < cube["y"][-1], cube["x"][0] > cube["x"][-1]
    return cube.isel(y=slice(None, None, -1 if south_first else 1), x=slice(None, None, -1 if east_first else 1))


def describe(layers: xr.Dataset) -> xr.Dataset:
    """Return a cube or a composite with the attributes of the CF conventions; a long name stays."""
    layers = layers.copy()
    for name, attributes in CF_ATTRIBUTES.items():
        if name in layers.variables:
            own = {key: value for key, value in layers[name].attrs.items() if key != "grid_mapping"}
            layers[name].attrs = {**own, **attributes, "long_name": own.get("long_name", attributes["long_name"])}
    if layers.rio.crs is not None:
        layers = layers.rio.write_coordinate_system()
    return layers.assign_attrs(Conventions=CONVENTIONS)


def _find_layout_faults(cube: xr.Dataset, names: Iterable[str]) -> list[str]:
    """Return the missing coordinates and wrong dimensions, under the published cubes' own names."""
    faults = []
    for name in names:
        if set(cube[name].dims) != set(DIMS[name]):
            both = cube[name].dims, DIMS[name]
            dims, needed = (", ".join(map(str, some)).replace("time", "timestep") for some in both)
            faults.append(f"{name} has dimensions ({dims}) where ({needed}) are needed")
        if cube[name].dtype.kind not in ("iuf" if name in RADAR else "biuf"):
            faults.append(f"{name} holds {cube[name].dtype} where {KINDS[name]} are needed")
        scaling = {key: cube[name].encoding.get(key, 1) for key in ("scale_factor", "add_offset")}
        faults += [f"{name} cannot be scaled: {fault}" for fault in find_kind_faults("a number", **scaling)]
    faults += find_axis_faults(cube) or find_size_faults(cube.sizes["y"], cube.sizes["x"])
    if any(name in RADAR for name in names):
        if "time" not in cube.coords or cube["time"].dims != ("time",):
            faults.append("the coordinate timestep is missing; give each pass its instant")
        elif not np.issubdtype(cube["time"].dtype, np.datetime64):
            faults.append(f"timestep holds {cube['time'].dtype} where instants (datetime64) are needed")
        else:
            if missing := int(cube["time"].isnull().sum()):
                of = f"{missing} of {cube.sizes['time']} passes"
                faults.append(f"timestep has no instant for {of}; give each pass its instant")
            times = cube["time"].dropna("time").to_index()
            tracks = cube.variables.get("relative_orbit", xr.Variable((), 0))
            if tracks.dtype.kind not in "iuf" or not np.isfinite(tracks.values).all():
                faults.append("relative_orbit is not a number for each pass; give 0 where the track is not known")
            if twice := sorted({f"{time:%Y-%m-%d %H:%M:%S}" for time in times[times.duplicated()]}):
                faults.append(f"the same pass stands in timestep twice ({shorten(twice)}); keep one of each")
    return faults


def _find_label_faults(cube: xr.Dataset) -> list[str]:
    """Return which values of the landslides are neither 0 (or False), 1 (or True), nor NaN; all are read."""
    if "landslides" not in cube:
        return []
    labels = cube["landslides"]
    other = labels.notnull() & (labels != 0) & (labels != 1)
    if not other.any():
        return []
    values, counts = da.compute(*da.unique(da.asarray(labels.where(other).data), return_counts=True))
    found = shorten([f"{v:g} ({n} pixels)" for v, n in zip(values, counts, strict=True) if not np.isnan(v)])
    return [f"landslides holds {found} where 0, 1 and NaN are known; where there are no data, make it NaN or 0"]


def _orbits(cube: xr.Dataset) -> tuple[list[str], list[str]]:
    """Return the orbit direction of each pass and the faults of these; stores have letters, words, or none."""
    name = next((name for name in ORBIT_STATES if name in cube.variables), None)
    passes = cube.sizes["time"]
    if name is None:
        return ["unknown"] * passes, []
    values = np.atleast_1d(cube[name].values).ravel()
    texts = [(v.decode(errors="replace") if isinstance(v, bytes) else str(v)).strip() for v in values]
    if len(texts) not in (1, passes):
        return [], [f"{name} has {len(texts)} values for {passes} passes"]
    unknown = sorted({text for text in texts if text.lower() not in ORBITS})
    if unknown:
        return [], [f"{name} holds {', '.join(map(repr, unknown))} where a, d, ascending or descending are known"]
    return [ORBITS[text.lower()] for text in texts] * (passes if len(texts) == 1 else 1), []


def find_faults(cube: xr.Dataset, variables: Iterable[str], *, needs_metres: bool = False) -> list[str]:
    """Return what makes a cube unfit, without reading its pixels.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`open_cube` returns it.
    variables : iterable of str
        What will be used: of ``vv``, ``vh``, ``dem``, ``landslides``.
    needs_metres : bool
        Whether the grid must be in metres (for slope and curvature).
    """
    if "opened_from" not in getattr(cube, "attrs", {}):
        fault = f"{type(cube).__name__} is not what open_cube returns; open it with that"
        raise InputError("there is no cube", [fault])
    present = ", ".join(str(name) for name in cube.data_vars) or "none of those known here"
    faults = [f"the variable {name} is missing (the cube holds: {present})" for name in variables if name not in cube]
    other = [name for name in variables if name in cube and cube[name].dims not in (DIMS[name], ("y", "x"))]
    faults += [f"{name} has dimensions {cube[name].dims}; bring it to the cube's grid (y, x)" for name in other]
    faults += find_spacing_faults(cube)
    if needs_metres:
        crs, pixel = cube.rio.crs, pixel_size_m(cube)
        wrong = [] if crs is None else find_crs_faults(crs, "the cube")
        if not wrong and pixel < LEAST_PIXEL_M:
            wrong = [f"pixels are {pixel:g} wide, which looks like degrees; slope needs metres: reproject to UTM"]
        faults += wrong
        flat = min(cube.sizes["y"], cube.sizes["x"]) == 1
        faults += ["one row or column has no slope"] if flat else find_pixel_faults(transform_of(cube), "the cube")
    return faults


def find_bad_values(cube: xr.Dataset, variables: Iterable[str]) -> list[str]:
    """Return what is wrong with the pixels of some variables: all missing, or in another unit.

    Of radar, up to 16 evenly spread chunks of each pass are read, which tell decibels from power; all are read only if
    there is nothing in those. Single pixels that are not positive count as missing. The elevation is read as a whole,
    because a fill value may stand in one corner.
    """
    held = [name for name in variables if cube[name].size]
    sampled = {name: _measure(_spread(cube[name]) if name in RADAR else cube[name]) for name in held}
    faults = []
    for name, measured in dask.compute(sampled)[0].items():
        if not bool(measured["valid"]) and not int(measured["negative"]):
            (measured,) = dask.compute(_measure(cube[name]))
        valid, negative, least, most = (measured[key].item() for key in ("valid", "negative", "least", "most"))
        if not valid:
            why = "in the passes that are needed (all are missing or zero)"
            why = why if name in RADAR else "(all are missing); if it is of another grid, bring it to the cube's"
            faults.append(f"{name} holds no valid value {why}")
        elif name == "dem" and not -500 < least <= most < 9000:
            advice = "which no place on Earth does; if that is a fill value, make it NaN"
            faults.append(f"dem reaches from {least:g} to {most:g} m, {advice}")
        levels = 10.0 ** np.atleast_1d(measured["level"])  # of each pass; NaN of one without data
        odd = levels[(levels < USUAL_POWER[0]) | (levels > USUAL_POWER[1])]
        if valid and name in RADAR and not negative and odd.size:
            mean, usual = 10 ** np.log10(odd).mean(), "about 0.01 to 1; if it is in another unit or scaled, convert it"
            faults.append(f"{name} is {mean:.3g} on average where linear power is needed, which is {usual}")
        if negative:
            faults.append(
                f"{name} holds at least {negative} negative values (such as {least:.3g}) where linear power is needed; "
                "if it is in decibels, convert it with 10 ** (dB / 10)"
            )
    return faults


def _measure(array: xr.DataArray) -> dict[str, Any]:
    """Return whether there are valid pixels, how many are negative (radar only), and the range."""
    radar = array.name in RADAR
    valid = np.isfinite(array) & (array > 0) if radar else np.isfinite(array)
    negative = ((array < 0) & radar).sum()
    level = xr.apply_ufunc(np.log10, array.where(valid), dask="allowed").mean(("y", "x")) if radar else 0 * negative
    return {"valid": valid.any(), "negative": negative, "least": array.min(), "most": array.max(), "level": level}


def _spread(array: xr.DataArray) -> xr.DataArray:
    """Return up to 4 x 4 of the chunks along y and x, side by side; one that is in memory as it is."""
    if array.chunks is None:
        return array
    blocks = array.data.blocks[..., :: -(-array.data.numblocks[-2] // 4), :: -(-array.data.numblocks[-1] // 4)]
    return xr.DataArray(blocks, dims=array.dims, name=array.name)
