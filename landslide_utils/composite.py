"""From a stack of passes to one image: the mean of n passes before the event, of n after it, and the ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from landslide_utils import terrain
from landslide_utils.cube import RADAR, CubeError, find_bad_values, find_faults

CHANNELS = {
    "vv": ("vv_before", "vv_after"),
    "vh": ("vh_before", "vh_after"),
    "sar": ("vv_before", "vv_after", "vh_before", "vh_after"),
    "dem": ("elevation", "slope", "aspect_sin", "aspect_cos", "curvature"),
}
CHANNELS["sar_dem"] = CHANNELS["sar"] + CHANNELS["dem"]
"""The poster's five band combinations. Aspect, an angle, is given as sine and cosine, so terrain has five channels here and four on the poster."""

UNITS = {
    "elevation": "m",
    "slope": "degrees",
    "aspect_sin": "1",
    "aspect_cos": "1",
    "curvature": "1/100 m",
} | dict.fromkeys(CHANNELS["sar"], "dB")
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
    if channels not in CHANNELS:
        raise ValueError(f"{channels=} is not one of {', '.join(CHANNELS)}")
    names = CHANNELS[channels]
    return tuple(p for p in RADAR if f"{p}_before" in names) + (("dem",) if "slope" in names else ())


def choose_passes(cube: xr.Dataset, timesteps: int, orbit: str = "auto") -> Passes:
    """Choose the last n passes before the event's instant and the first n after it, all of one orbit direction.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it.
    timesteps : int
        n, passes on each side.
    orbit : {"auto", "descending", "ascending"}
        ``auto`` takes the direction with more passes on its shorter side, descending if equal, whatever n is. Passes of unknown direction count as one.

    Raises
    ------
    CubeError
        If there are not n passes on both sides.

    Notes
    -----
    The cut is by instant, not by day: a pass on the day of the event may be before or after it. A store that has only dates cannot tell, so a pass
    dated on the event's own day is then left out. Where the cube knows the tracks (``relative_orbit``), all passes are of one: another track of the same
    direction sees the slopes at another angle.
    """
    if timesteps < 1:
        raise CubeError(cube.attrs["opened_from"], [f"timesteps={timesteps}: at least one pass is needed on each side"])
    times = cube["time"].values
    start, end = (np.datetime64(cube.attrs[name]) for name in ("event_time", "event_end"))
    dated_only = bool((times == times.astype("datetime64[D]")).all())
    if dated_only:
        start, end = (
            start.astype("datetime64[D]"),
            end.astype("datetime64[D]") + np.timedelta64(1, "D") - np.timedelta64(1, "ns"),
        )
    orbits = cube["orbit"].values
    tracks = cube["relative_orbit"].values if "relative_orbit" in cube.coords else np.zeros(len(times), int)
    early, late = times < start, times > end
    sides = {}
    for name, track in sorted(set(zip(orbits, tracks, strict=True))):
        same = (orbits == name) & (tracks == track)
        sides[str(name), int(track)] = (np.flatnonzero(same & early), np.flatnonzero(same & late))
    choice = {key: found for key, found in sides.items() if orbit in ("auto", key[0])}
    if not choice:
        choice = {(orbit, 0): (np.array([], int), np.array([], int))}
    best = max(choice, key=lambda key: (min(len(side) for side in choice[key]), key[0] == "descending"))
    before, after = choice[best]
    if min(len(before), len(after)) < timesteps:
        counted = "; ".join(
            f"{name}{f' track {track}' if track else ''}: {len(first)} before, {len(last)} after"
            for (name, track), (first, last) in sides.items()
        )
        day = "; passes dated on the event's day cannot be placed and are left out" if dated_only else ""
        raise CubeError(
            cube.attrs["opened_from"],
            [
                f"{timesteps} {'' if orbit == 'auto' else orbit + ' '}passes are needed on each side of the event at {cube.attrs['event_time']} UTC, "
                f"but the cube has ({counted}){day}; choose a smaller timesteps, another orbit, or check event_time"
            ],
        )
    return Passes(tuple(map(int, before[-timesteps:])), tuple(map(int, after[:timesteps])), best[0])


def make_composite(
    cube: xr.Dataset, *, channels: str = "sar", timesteps: int = 4, orbit: str = "auto", labels: bool = True
) -> xr.Dataset:
    """Make the image that a network sees, lazily.

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
        ``image`` (channel, y, x), float32: backscatter in dB, elevation in m, slope in degrees, sine and cosine of aspect, curvature in 1/100 m;
        NaN where there is no data. ``landslides`` (y, x), bool, if the cube has it. Attributes, also of the image: the cube's, ``passes_before`` and
        ``passes_after`` (ISO instants), and ``orbit``.

    Raises
    ------
    CubeError
        Listing everything that is wrong with the cube for this purpose.

    Notes
    -----
    Passes are averaged in linear power and only then turned into decibels: the mean of decibels is biased low. Zero power, which the published cubes
    use where there is no data, counts as missing.
    """
    needed = variables_of(channels)
    faults = find_faults(cube, (*needed, "landslides") if labels else needed, needs_metres="dem" in needed)
    radar = [name for name in needed if name in RADAR]
    passes = None
    if "time" in cube.dims and radar:
        try:
            passes = choose_passes(cube, timesteps, orbit)
        except CubeError as error:
            faults += error.faults
    used = cube.isel(time=[*passes.before, *passes.after]) if passes else cube
    faults += find_bad_values(used, [name for name in needed if name in cube])
    if faults:
        raise CubeError(cube.attrs["opened_from"], faults)

    layers: dict[str, xr.DataArray] = {}
    for name in radar:
        assert passes is not None
        for when, index in (("before", passes.before), ("after", passes.after)):
            stack = [cube[name].isel(time=i, drop=True) for i in index]
            layers[f"{name}_{when}"] = xr.apply_ufunc(
                _mean_decibels, *stack, dask="parallelized", output_dtypes=[np.float32]
            )
    if "dem" in needed:
        dem, pixel = cube["dem"], float(cube.attrs["pixel_size_m"])
        layers |= {"elevation": dem, "slope": terrain.slope(dem, pixel), "curvature": terrain.curvature(dem, pixel)}
        layers["aspect_sin"], layers["aspect_cos"] = terrain.aspect_parts(dem, pixel)
    names = list(CHANNELS[channels])
    image = xr.concat(
        [layers[name].drop_vars(["orbit", "relative_orbit"], errors="ignore") for name in names],
        dim="channel",
        coords="minimal",
        compat="override",
    )
    out = (
        image.astype("float32")
        .assign_coords(channel=names, unit=("channel", [UNITS[name] for name in names]))
        .to_dataset(name="image")
    )
    if "landslides" in cube:
        out["landslides"] = cube["landslides"]
    out.attrs = dict(cube.attrs)
    for when, index in (("before", passes.before), ("after", passes.after)) if passes else ():
        out.attrs[f"passes_{when}"] = [str(np.datetime_as_string(cube["time"].values[i], unit="m")) for i in index]
    if passes:
        out.attrs["orbit"] = passes.orbit
    out["image"].attrs = dict(
        out.attrs
    )  # a map that is made of it says of what event it is, and whether it is simulated
    return out


def _mean_decibels(*passes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average passes in linear power, and give decibels. In one step a chunk: as lazy steps of their own, these operations take several times as long."""
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
