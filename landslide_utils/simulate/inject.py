"""Landslides in quiet passes: simulated ones, drawn on a place's own terrain, in radar that saw no event."""

from __future__ import annotations

import contextlib
import json
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from shapely import Polygon, affinity, box

from landslide_utils.composite import choose_passes, sides_of_event
from landslide_utils.cube import RADAR, CubeError, describe, find_bad_values, find_faults, open_cube
from landslide_utils.files import InputError, find_kind_faults
from landslide_utils.grid import Window, pixel_size_m, rasterise
from landslide_utils.regions import find_event, find_region, locate, open_store
from landslide_utils.simulate import radar, random_fields
from landslide_utils.simulate.ground import descent
from landslide_utils.simulate.landslides import make_landslides
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scenario import Scenario
from landslide_utils.terrain import LOOK_AZIMUTH

MODEL = 3
"""Raised whenever the same quiet passes and seed give another cube."""

SIZES = {"ln_area_mean": 7.9, "ln_area_sd": 1.2, "elongation": 1.8}  # broader than Hokkaido's (8.3, 1.0; m2) and
# Mesetas' (7.4, 0.9; Garcia-Delgado et al. 2021) together: before an event nobody knows how large landslides will be

SHARE = 0.1
"""Of the area that landslides cover, unless another is given: more than in most events, because the network learns from
their number. In a small place 0.02 are too few (docs/results/prepared.md)."""

GENTLE_DEGREES = 10.0
"""Below this slope lie fields and clear-cuts; the place's steepest quarter, where landslides are likely, must not."""


class Changes(NamedTuple):
    """What changes between two passes.

    ``place`` (y, x) has the number of the patch on each pixel, 0 for none; those up to ``landslides`` are landslides,
    the others fields and clear-cuts. ``flat_db`` (2, y, x) is the change of VV and VH on flat ground, ``facing_db``
    (y, x) what a slope of 20 degrees adds to VV, and half of it to VH, if it faces the radar; it takes as much if it
    looks away. ``descent`` is the fall of the ground southward and eastward, metres a metre.
    """

    place: NDArray[np.int32]
    landslides: int
    flat_db: Array
    facing_db: Array
    descent: tuple[Array, Array]

    def factors(self, orbit: str) -> dict[str, Array]:
        """Return what VV and VH (y, x), in linear power, are multiplied by in passes of an orbit direction."""
        tilted = self.facing_db * (radar.facing_effect(self.descent, orbit) if orbit in LOOK_AZIMUTH else 0)
        vv, vh = self.flat_db[0] + tilted, self.flat_db[1] + tilted / 2
        return {name: np.power(10, db / 10, dtype=np.float32) for name, db in zip(RADAR, (vv, vh), strict=True)}


def open_quiet(source: str, *, until: str = "") -> xr.Dataset:
    """Return the passes of a cube, whose event need not be known: those before an instant (UTC), if it is given."""
    known, _ = find_event(open_store(locate(source)).attrs, find_region(source), until or None)
    cube = open_cube(source, event_time=until or known.get("event_time", "2200-01-01T00:00:00"))
    return cube.isel(time=cube["time"].values < np.datetime64(known["event_time"])) if until else cube


def inject(
    cube: xr.Dataset, *, seed: int = 0, timesteps: int = 4, orbit: str = "auto", share: float = SHARE
) -> xr.Dataset:
    """Return a cube of quiet passes with simulated landslides in those after a pretended event, lazily.

    What :func:`draw_changes` draws is multiplied into them: speckle, weather, season and terrain stay the place's own.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it, with ``dem``. Its labels are replaced.
    seed : int
        Of the event's instant, the patches and what they change.
    timesteps, orbit
        As :func:`landslide_utils.composite.choose_passes` takes them.
    share : float
        Of the area that landslides cover.

    Returns
    -------
    xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it. ``event_time`` is the pretended one, ``simulated`` is
        True, ``source`` says in what radar landslides were simulated, ``injection`` how.

    Raises
    ------
    InputError
        If the passes are too few or hold an event, or if there is no terrain or one without steep slopes.
    """
    faults = find_kind_faults("a whole number", seed=seed, timesteps=timesteps)
    if faults or seed < 0:
        raise InputError("no landslides can be drawn", faults or [f"{seed=} is negative"])
    held = getattr(cube, "variables", {})
    names = [name for name in RADAR if name in held]
    faults = find_faults(cube, ("dem", *(names or RADAR)), needs_metres="dem" in held)
    faults += find_bad_values(cube, ["dem"] if "dem" in cube else [])
    event, found = _pretend_event(cube, timesteps, orbit, seed) if "time" in cube.dims else ("", [])
    if faults := faults + found:
        raise CubeError(cube.attrs["opened_from"], faults)
    changes, out = draw_changes(cube["dem"], seed=seed, share=share), cube.copy()
    factors = {orbit: changes.factors(orbit) for orbit in np.unique(cube["orbit"].values)}
    for name in names:
        passes = [cube[name].isel(time=[i]) for i in range(cube.sizes["time"])]
        for i in np.flatnonzero(cube["time"].values > np.datetime64(event)):
            passes[i] = passes[i] * factors[cube["orbit"].values[i]][name]
        out[name] = xr.concat(passes, "time").assign_attrs(cube[name].attrs)
    slid = (changes.place > 0) & (changes.place <= changes.landslides)
    out["landslides"] = xr.DataArray(slid.astype(np.uint8), dims=("y", "x")).rio.write_nodata(0)
    kind = "simulated" if cube.attrs["simulated"] else "real"
    out.attrs |= dict.fromkeys(("event_time", "event_end"), event) | {
        "region": f"{cube.attrs['region']}: landslides simulated in quiet passes",
        "source": f"landslides simulated by landslide_utils.simulate in {kind} radar ({cube.attrs['source']})",
        "simulated": True,
        "injection": json.dumps({"seed": seed, "share": share, "model": MODEL}),
    }
    return describe(out)


def _pretend_event(cube: xr.Dataset, timesteps: int, orbit: str, seed: int) -> tuple[str, list[str]]:
    """Return an instant between two passes that has passes enough on both sides, and what is wrong with the passes."""
    times, event = cube["time"].values, cube.attrs["event_time"]
    is_quiet = len(set(sides_of_event(times, event, cube.attrs["event_end"]))) <= 1
    noise = f"its passes are not quiet: the event of {event} UTC lies among them; take those before it"
    faults, able = [] if is_quiet else [noise], []
    for middle in np.datetime_as_string(times[:-1] + np.diff(times) // 2, unit="s").tolist():
        with contextlib.suppress(CubeError):
            choose_passes(cube.assign_attrs(event_time=middle, event_end=middle), timesteps, orbit)
            able.append(middle)
    if not able:
        there = ", ".join(f"{n} {name}" for name, n in zip(*np.unique(cube["orbit"], return_counts=True), strict=True))
        wanted = f"{2 * timesteps} {'' if orbit == 'auto' else f'{orbit} '}quiet passes of one track"
        faults.append(f"{wanted} are needed, and it has {there or 'none'}; give more, or choose smaller timesteps")
    return str(random_fields.generator(seed, "instant").choice(able or [""])), faults


def draw_changes(dem: xr.DataArray, *, seed: int = 0, share: float = SHARE) -> Changes:
    """Return landslides on a place's steeper slopes, half as much of other changes on gentle ones, and what they do.

    ``dem`` (y, x) is in metres, north first; where it is missing, the nearest pixel's is taken. ``share`` is that of
    the area that landslides cover. InputError if the steepest quarter is not steep, or has no room.
    """
    nearest = ndimage.distance_transform_edt(~np.isfinite(dem.values), return_distances=False, return_indices=True)
    ground, window = dem.values[tuple(nearest)].astype(np.float32), Window(0, 0, *dem.shape)
    falls = descent(np.pad(ground, 1, mode="edge"), pixel_size_m(dem))
    slope = np.degrees(np.arctan(np.hypot(*falls)))
    steep, everywhere = float(np.percentile(slope, 75)), 2 * pixel_size_m(dem) * max(dem.shape)
    seed = int(random_fields.generator(seed, "inject").integers(2**31))
    sizes: dict[str, Any] = {"height": window.height, "width": window.width, "pixel_size_m": pixel_size_m(dem)}
    sizes |= SIZES | {"landslide_share": share, "steep_degrees": steep, "shaking_radius_m": everywhere}
    try:
        if steep < GENTLE_DEGREES:
            found = f"its steepest quarter starts at {steep:.1f} degrees, where landslides need {GENTLE_DEGREES:g}"
            raise ValueError(f"{found}; take a steeper place")
        slides = make_landslides(Scenario(seed=seed, **sizes), ground)
    except ValueError as error:
        raise InputError("no landslides can be drawn on this terrain", [str(error)]) from error
    parcels = _draw_parcels(seed, slope, pixel_size_m(dem), share / 2)
    place = rasterise([*parcels[::-1], *slides[::-1]], window)  # a landslide lies over a field
    place = np.where(place > 0, len(slides) + len(parcels) + 1 - place, 0).astype(np.int32)
    flat, facing, uneven = _signatures(seed, len(slides), len(parcels))
    texture = uneven[place] * random_fields.smooth(seed, ("texture",), window, 3)
    return Changes(place, len(slides), flat[:, place] + texture, facing[place], falls)


def _signatures(seed: int, slides: int, parcels: int) -> tuple[Array, Array, Array]:
    """Return what each patch changes, in dB; the first entry stands for none, then come landslides, then parcels.

    Broader than any one event, because what a landslide does depends on what grew there, on soil, and on wetness:
    either sign, VV and VH alike or not, from nothing to 9 dB; more where the slope faces the radar; uneven; one in six
    cannot be seen. Fields and clear-cuts change by either sign too, more alike in VV and VH, evenly, on flat ground.
    """
    random = random_fields.generator(seed, "signatures")
    alike, sd = (np.repeat(values, [1, slides, parcels]) for values in ((0, 0.5, 0.75), (0, 3.0, 2.5)))
    common, own = random.normal(0, sd), random.normal(0, sd, (2, sd.size))
    is_slide = np.arange(sd.size) <= slides
    seen = ~is_slide | (random.random(sd.size) > 1 / 6)
    flat = seen * (np.sqrt(alike) * common + np.sqrt(1 - alike) * own)
    facing = seen * is_slide * random.uniform(0, 4, sd.size)
    uneven = seen * np.where(is_slide, 1.5, 0.5) * random.uniform(0, 1, sd.size)
    uneven[0] = facing[0] = 0
    return flat.astype(np.float32), facing.astype(np.float32), uneven.astype(np.float32)


def _draw_parcels(seed: int, slope: Array, pixel_size_m: float, share: float) -> list[Polygon]:
    """Return rectangles of half a hectare to some hectares on gentle slopes, in pixel units."""
    random, gentle = random_fields.generator(seed, "parcels"), np.flatnonzero(slope < GENTLE_DEGREES)
    area = random.lognormal(np.log(12_000), 0.7, slope.size // 100) / pixel_size_m**2
    area = area[: np.searchsorted(np.cumsum(area), share * slope.size) if gentle.size else 0]
    longer, angle = np.exp(random.uniform(0, 1.2, area.size)), random.uniform(0, 180, area.size)
    across, down = np.sqrt(area * longer) / 2, np.sqrt(area / longer) / 2
    row, col = np.unravel_index(random.choice(gentle, area.size) if area.size else gentle[:0], slope.shape)
    boxes = box(col - across, row - down, col + across, row + down)
    return [affinity.rotate(shape, turn) for shape, turn in zip(boxes, angle, strict=True)]
