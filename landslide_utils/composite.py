"""From a stack of passes to one image: the mean of n passes before the event, of n after it, and the terrain."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from landslide_utils import __version__, terrain
from landslide_utils.cube import RADAR, CubeError, describe, find_bad_values, find_faults
from landslide_utils.files import InputError, Unfinished, find_kind_faults, find_room_faults, resumable_write
from landslide_utils.grid import pixel_size_m, refuse_other
from landslide_utils.regions import data_folder

CHANNELS = {
    "vv": ("vv_before", "vv_after"),
    "vh": ("vh_before", "vh_after"),
    "sar": ("vv_before", "vv_after", "vh_before", "vh_after"),
    "dem": ("elevation", "slope", "aspect_sin", "aspect_cos", "curvature"),
}
CHANNELS["sar_dem"] = CHANNELS["sar"] + CHANNELS["dem"]
"""The paper's five band combinations.

Aspect, an angle, is given as sine and cosine, so terrain has five channels here and four in the paper.
"""

UNITS = {"elevation": "m", "slope": "degrees", "curvature": "1/100 m"}
UNITS |= dict.fromkeys(("aspect_sin", "aspect_cos"), "1") | dict.fromkeys(CHANNELS["sar"], "dB")
MOST_IN_MEMORY = 200_000_000
"""Bytes beyond which a composite is kept in a store instead of memory."""
STORED = 256
"""Sides of the chunks of such a store in pixels: a chip of 128 x 128 touches at most four."""

ORBIT_CHOICES = ("auto", "descending", "ascending")


class Passes(NamedTuple):
    """Which passes a composite uses: indices along time, in order of time, and the orbit direction they share."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    orbit: str


def variables_of(channels: str) -> tuple[str, ...]:
    """Return the cube's variables that a band combination needs.

    Examples
    --------
    >>> variables_of("sar_dem")
    ('vv', 'vh', 'dem')
    """
    if channels not in list(CHANNELS):
        raise ValueError(f"{channels=} is not one of {', '.join(CHANNELS)}")
    names = CHANNELS[channels]
    return tuple(p for p in RADAR if f"{p}_before" in names) + (("dem",) if "slope" in names else ())


def decibels(power: ArrayLike) -> Any:
    """Return linear power in decibels, 10 log10 of it: NaN where it is negative, minus infinity where it is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return 10 * np.log10(power)


def sides_of_event(times: ArrayLike, event_time: str, event_end: str) -> NDArray[np.str_]:
    """Return "before", "during" or "after" for each pass: the only place that decides it.

    Parameters
    ----------
    times : array of datetime64
        Instants of the passes, UTC.
    event_time, event_end : str
        Start and end of the event, ISO 8601, UTC, as in the attributes of a cube.

    Notes
    -----
    The cut is by instant, not by day: a pass on the day of the event may be before or after it. Passes that have only
    dates (all at midnight) cannot tell; those dated on the event's own days then count as during.

    Examples
    --------
    >>> times = np.array(["2018-09-05T08:00", "2018-09-05T20:00"], "datetime64[ns]")
    >>> sides_of_event(times, "2018-09-05T18:07:59", "2018-09-05T18:07:59").tolist()
    ['before', 'after']
    """
    instants = np.asarray(times, "datetime64[ns]")
    start, end = np.datetime64(event_time, "ns"), np.datetime64(event_end, "ns")
    if have_only_dates(instants):
        start, end = start.astype("datetime64[D]"), end.astype("datetime64[D]")
        instants = instants.astype("datetime64[D]")
    return np.select([instants < start, instants > end], ["before", "after"], "during")


def have_only_dates(times: ArrayLike) -> bool:
    """Return whether all passes are dated at midnight, so that their time of day is not known."""
    instants = np.asarray(times)
    return bool((instants == instants.astype("datetime64[D]")).all())


def choose_passes(cube: xr.Dataset, timesteps: int, orbit: str = "auto") -> Passes:
    """Return the last n passes before the event's instant and the first n after it, all of one orbit direction.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it.
    timesteps : int
        n, passes on each side.
    orbit : {"auto", "descending", "ascending"}
        ``auto`` takes the direction with more passes on its shorter side, descending if equal, whatever n is. Passes of
        unknown direction count as one.

    Raises
    ------
    CubeError
        If there are not n passes on both sides.

    Notes
    -----
    :func:`sides_of_event` decides which pass is before and which after. Where the cube knows the tracks
    (``relative_orbit``), all passes are of one: another track of the same direction sees the slopes at another angle.
    """
    faults = find_kind_faults("a whole number", timesteps=timesteps) + find_kind_faults("a text", orbit=orbit)
    if faults or timesteps < 1:
        faults = faults or [f"timesteps={timesteps}: at least one pass is needed on each side"]
        raise CubeError(cube.attrs["opened_from"], faults)
    side = sides_of_event(cube["time"].values, cube.attrs["event_time"], cube.attrs["event_end"])
    groups = _passes_of_each_track(cube, side)
    choice = {key: passes for key, passes in groups.items() if orbit in ("auto", key[0])}
    if not choice:
        choice = {(orbit, 0): [np.array([], int), np.array([], int)]}
    best = max(choice, key=lambda key: (min(map(len, choice[key])), key[0] == "descending"))
    before, after = choice[best]
    if min(len(before), len(after)) < timesteps:
        counts = "; ".join(
            f"{name}{f' track {track}' if track else ''}: {len(first)} before, {len(last)} after"
            for (name, track), (first, last) in groups.items()
        )
        dated = have_only_dates(cube["time"].values)
        left_out = "; passes dated on the event's day cannot be placed and are left out" if dated else ""
        fault = (
            f"{timesteps} {'' if orbit == 'auto' else f'{orbit} '}passes are needed on each side of the event at "
            f"{cube.attrs['event_time']} UTC, but the cube has ({counts}){left_out}; "
            "choose a smaller timesteps, another orbit, or check event_time"
        )
        raise CubeError(cube.attrs["opened_from"], [fault])
    return Passes(tuple(map(int, before[-timesteps:])), tuple(map(int, after[:timesteps])), best[0])


def _passes_of_each_track(cube: xr.Dataset, side: NDArray[np.str_]) -> dict[tuple[str, int], list[NDArray[np.intp]]]:
    """Return by orbit direction and track the indices of the passes before and after the event."""
    orbits = cube["orbit"].values
    tracks = cube["relative_orbit"].values if "relative_orbit" in cube.coords else np.zeros(len(orbits), int)
    groups = {}
    for name, track in sorted(set(zip(orbits, tracks, strict=True))):
        same = (orbits == name) & (tracks == track)
        groups[str(name), int(track)] = [np.flatnonzero(same & (side == when)) for when in ("before", "after")]
    return groups


def make_composite(
    cube: xr.Dataset, *, channels: str = "sar", timesteps: int = 4, orbit: str = "auto", labels: bool = True
) -> xr.Dataset:
    """Return the image that a network sees, lazily.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it.
    channels : {"vv", "vh", "sar", "sar_dem", "dem"}
    timesteps : int
        Passes averaged before and after the event.
    orbit : {"auto", "descending", "ascending"}
    labels : bool
        Whether labels are needed.

    Returns
    -------
    xarray.Dataset
        ``image`` (channel, y, x), float32: backscatter in dB, elevation in m, slope in degrees, sine and cosine of
        aspect, curvature in 1/100 m; NaN where there is no data. ``valid`` (y, x), bool: whether every channel has
        data. ``landslides`` (y, x), bool, if the cube has it.
        Attributes, also of the image: the cube's, ``passes_before`` and ``passes_after`` (ISO instants), and ``orbit``.

    Raises
    ------
    CubeError
        Listing everything that is wrong with the cube for this purpose.

    Notes
    -----
    Passes are averaged in linear power and only then turned into decibels: the mean of decibels is biased low. Zero
    power, which the published cubes use where there is no data, counts as missing.
    """
    needed = variables_of(channels)
    faults = find_faults(cube, (*needed, "landslides") if labels else needed, needs_metres="dem" in needed)
    passes = None
    if "time" in cube.dims and any(name in RADAR for name in needed):
        try:
            passes = choose_passes(cube, timesteps, orbit)
        except CubeError as error:
            faults += error.faults
    used = cube.isel(time=[*passes.before, *passes.after]) if passes else cube
    faults += find_bad_values(used, [name for name in needed if name in cube])
    if faults:
        raise CubeError(cube.attrs["opened_from"], faults)

    layers = _radar_layers(cube, needed, passes) if passes else {}
    layers |= _terrain_layers(cube) if "dem" in needed else {}
    names = list(CHANNELS[channels])
    image = xr.concat([layers[name] for name in names], dim="channel", coords="minimal", compat="override")
    units = [UNITS[name] for name in names]
    out = image.astype("float32").assign_coords(channel=names, unit=("channel", units)).to_dataset(name="image")
    out["valid"] = out["image"].notnull().all("channel")
    if "landslides" in cube:
        plan = {name: value for name, value in cube["landslides"].attrs.items() if name == "patches"}
        out["landslides"] = (cube["landslides"] > 0).drop_attrs(deep=False).assign_attrs(plan)
    out.attrs, out.encoding["source"] = dict(cube.attrs), cube.encoding.get("source")
    if passes:
        for when, index in (("before", passes.before), ("after", passes.after)):
            instants = cube["time"].values[list(index)]
            out.attrs[f"passes_{when}"] = [str(text) for text in np.datetime_as_string(instants, unit="m")]
        out.attrs["orbit"] = passes.orbit
    # A map that is made of the image says of what event it is, and whether it is simulated.
    unit = units[0] if len(set(units)) == 1 else "as the coordinate unit says"
    out["image"].attrs = out.attrs | {"units": unit}
    return describe(out)


def keep_composite(composite: xr.Dataset, *, progress: bool = True) -> xr.Dataset:
    """Return a composite that is read quickly window by window: one that is small in memory, a large one from a store.

    The store is written once, and found again by all that the composite depends on. One that was interrupted is gone on
    with.

    Parameters
    ----------
    composite : xarray.Dataset
        As :func:`make_composite` returns it.
    progress : bool
        Whether to show a progress bar while the store is written.

    Raises
    ------
    InputError
        If the disk is too small for the store.
    """
    refuse_other(composite, "make_composite", "image")
    if composite.nbytes <= MOST_IN_MEMORY:
        return composite.load()
    key = identify(composite)
    target = data_folder() / "composites" / f"{key}.zarr"
    if not target.exists():
        if faults := find_room_faults(target.parent, composite.nbytes):
            raise InputError("a composite of this scene cannot be kept", faults)
        with contextlib.suppress(FileExistsError), resumable_write(target, key) as unfinished:  # or another process
            _write_windows(composite, unfinished, progress)
    kept: xr.Dataset = xr.open_zarr(target, chunks=None, decode_coords="all")
    return kept.assign_attrs(composite.attrs)


def identify(composite: xr.Dataset) -> str:
    """Return sixteen characters that depend on the cube, its state on the disk, and how the composite was made."""
    source, labels = composite.encoding.get("source"), composite.get("landslides", composite["image"])
    stamps = [*filter(None, [labels.attrs.get("patches")])]
    if source and "://" not in source:
        files = (Path(source) / name for name in (".zmetadata", ".zattrs", "zarr.json"))
        stamps += [path.stat().st_mtime_ns for path in files if path.exists()]
    text = json.dumps([__version__, source, stamps, list(composite["channel"].values), composite.attrs], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write_windows(composite: xr.Dataset, unfinished: Unfinished, progress: bool) -> None:
    """Write a composite to Zarr, a row of windows at a time."""
    sizes, side = composite.sizes, 2 * STORED
    chunks = {name: (sizes["channel"], STORED, STORED)[-layer.ndim :] for name, layer in composite.data_vars.items()}
    encoding = {name: {"chunks": shape, "compressors": None} for name, shape in chunks.items()}
    plain = composite.drop_encoding().chunk({"channel": -1, "y": STORED, "x": STORED})
    plain = plain.assign_coords({name: plain[name].compute() for name in plain.coords})
    write = functools.partial(plain.to_zarr, compute=False, encoding=encoding, zarr_format=2, consolidated=True)
    unfinished.lay_out(write)
    rows, done = range(0, sizes["y"], side), unfinished.read_marks()
    pixels = composite[list(chunks)].drop_vars([name for name in composite.coords if name not in ("y", "x", "channel")])
    for row in tqdm(rows, desc="composite", unit="row", disable=not progress, leave=False):
        if str(row) not in done:
            band = pixels.isel(y=slice(row, row + side)).load()
            band.drop_vars(["y", "x", "channel"]).to_zarr(
                unfinished.store, region={"y": slice(row, row + side), "x": slice(None), "channel": slice(None)}
            )
            unfinished.mark(str(row))


def _radar_layers(cube: xr.Dataset, needed: tuple[str, ...], passes: Passes) -> dict[str, xr.DataArray]:
    """Return the mean backscatter before and after the event, dB, of each polarisation that is needed."""
    layers = {}
    for name in (name for name in needed if name in RADAR):
        for when, index in (("before", passes.before), ("after", passes.after)):
            stack = [cube[name].isel(time=i, drop=True) for i in index]
            layers[f"{name}_{when}"] = xr.apply_ufunc(
                _mean_decibels, *stack, dask="parallelized", output_dtypes=[np.float32]
            )
    return layers


def _terrain_layers(cube: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return elevation, slope, curvature, and sine and cosine of aspect."""
    dem, pixel = cube["dem"], pixel_size_m(cube)
    aspect_sin, aspect_cos = terrain.aspect_parts(dem, pixel)
    return {
        "elevation": dem,
        "slope": terrain.slope(dem, pixel),
        "aspect_sin": aspect_sin,
        "aspect_cos": aspect_cos,
        "curvature": terrain.curvature(dem, pixel),
    }


def _mean_decibels(*passes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of some passes in linear power, in decibels.

    All in one step per chunk: as lazy steps of their own, these operations take several times as long.
    """
    mean, count = np.zeros(passes[0].shape, np.float32), np.zeros(passes[0].shape, np.uint16)
    for power in passes:
        valid = (power > 0) & (power < np.inf)
        mean += np.where(valid, power, np.float32(0))
        count += valid
    with np.errstate(invalid="ignore"):  # nothing divided by nothing is missing
        mean /= count
    np.log10(mean, out=mean)
    mean *= 10
    return mean
