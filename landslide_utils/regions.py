"""Events: name, title, instant of the trigger, source of the data, and how a cube of one is obtained."""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import functools
import json
import math
import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pooch

from landslide_utils.files import (
    InputError,
    as_path,
    find_kind_faults,
    make_folder,
    remove_leftovers,
    temporary_folder,
)

if TYPE_CHECKING:
    import xarray as xr

    from landslide_utils.grid import Window

INCIDENCE = "los.rdr_0"
ZENODO = "https://doi.org/10.5281/zenodo.7248056"
PATCHES = "sen12landslides:"
"""What a cube's name starts with if it is a folder of patches."""


@dataclass(frozen=True)
class Region:
    """One landslide event and the cube that shows it.

    Attributes
    ----------
    name : str
        What a user passes as ``cube=``; also the stem of the published file.
    title : str
        For headings and figures.
    event_time : str
        The instant of the trigger, or the start of one that lasts, ISO 8601 in UTC.
    event_end : str or None
        The end of a trigger that lasts (a hurricane), ISO 8601 in UTC. A pass between start and end is neither before
        nor after.
    crs : str or None
        Coordinate reference system to assume when the store names none.
    simulated : bool
        Whether the cube is made by :mod:`landslide_utils.simulate.scene`.
    """

    name: str
    title: str
    event_time: str
    event_end: str | None = None
    crs: str | None = None
    simulated: bool = False

    @property
    def source(self) -> str:
        """Return where the data come from, with their citation."""
        return "simulated by landslide_utils.simulate" if self.simulated else f"Boehm et al. 2022, {ZENODO}"


_IBURI, _KAIKOURA, _TALAKMAU = "2018-09-05T18:07:59", "2016-11-13T11:02:56", "2022-02-25T01:39:27"
_MARIA, _HURRICANE = ("2017-09-20T00:00:00", "2017-09-22T00:00:00"), ("2017-09-20T10:15:00", "2017-09-21T22:15:00")
_practice = functools.partial(Region, crs="EPSG:32654", simulated=True)
REGIONS = {
    region.name: region
    for region in (
        _practice("practice_earthquake", "Practice: an earthquake in forested hills (simulated)", _IBURI),
        _practice(
            "practice_mountains",
            "Practice: an earthquake in high mountains, seen ascending only (simulated)",
            _KAIKOURA,
        ),
        _practice("practice_hurricane", "Practice: a hurricane with many tiny landslides (simulated)", *_HURRICANE),
        _practice("practice_small", "Practice: a small event with few landslides (simulated)", _TALAKMAU),
        _practice(
            "practice_hokkaido",
            "Practice: an earthquake at the full size of the published Hokkaido cube (simulated)",
            _IBURI,
        ),
        Region("hokkaido_japan", "Hokkaido Eastern Iburi earthquake, Japan, 2018", _IBURI, crs="EPSG:32654"),
        Region("kaikoura_newzealand", "Kaikoura earthquake, New Zealand, 2016", _KAIKOURA),
        Region("puerto_rico", "Hurricane Maria, Puerto Rico, 2017", *_MARIA),
        Region("talakmau_indonesia", "Mount Talakmau earthquake, Indonesia, 2022", _TALAKMAU, crs="EPSG:32647"),
    )
}


class Part(NamedTuple):
    """What is read of a published cube; the parameters are those of :func:`landslide_utils.cube.open_cube`."""

    window: Window
    variables: list[str] | None
    timesteps: int | None
    event_time: str | None


def data_folder() -> Path:
    """Return the folder where cubes are kept: ``$LANDSLIDE_DATA``, or the system's cache folder."""
    return as_path(os.environ.get("LANDSLIDE_DATA") or pooch.os_cache("landslide-utils"))


@functools.cache
def scratch_folder() -> Path:
    """Return a folder for what memory cannot hold, which goes when the process ends; a killed one's goes here."""
    parent = data_folder() / "scratch"
    make_folder(parent)
    remove_leftovers(parent)
    entered = contextlib.ExitStack()
    atexit.register(entered.close)
    return entered.enter_context(temporary_folder(parent / "maps"))


def find_cube(region: Region, part: Part | None = None, *, progress: bool = False) -> Path:
    """Return the path of a region's cube; on first use a practice cube is made, a published one, or a part, downloaded.

    Raises
    ------
    landslide_utils.files.InputError
        If it is a practice cube of full size, which is made by a command only, and is not there yet.
    landslide_utils.sources.download.DownloadError
        If a published cube cannot be downloaded.
    """
    if region.simulated:
        from landslide_utils.simulate.scene import practice_cube

        return practice_cube(region.name, progress=progress)
    if part:
        from landslide_utils.sources.window import read_window

        return read_window(region.name, part, progress=progress)
    from landslide_utils.sources.download import download

    return download(region.name, progress=progress)


def locate(source: str, part: Part | None = None, *, progress: bool = False) -> str:
    """Return the path or the address of a cube: a region's, of which a part may be enough, or the one that is given.

    Raises
    ------
    landslide_utils.files.InputError
        If there is no Zarr store at the path, or the region's cube cannot be had.
    """
    if faults := find_kind_faults("a path", cube=source):
        raise InputError("there is no cube", faults)
    if source.startswith(PATCHES) and part:
        raise InputError("there is no cube", ["patches have no window; choose regions, such as #hokkaido"])
    if "://" in source or source.startswith(PATCHES):
        return source
    if source in REGIONS:
        return str(find_cube(REGIONS[source], part, progress=progress))
    path = Path(source).expanduser()
    if not path.exists():
        advice = f"give the path or URL of a .zarr store, or one of the regions {', '.join(REGIONS)}"
        faults = [f"no such path; {advice}"]
    elif not is_store(path):
        advice = "none of .zgroup, .zmetadata and zarr.json is in it; give the folder that ends in .zarr"
        faults = [f"not a Zarr store: {advice}"]
    if faults:
        raise InputError(f"there is no cube at {source}", faults)
    return str(path)


def is_store(path: Path) -> bool:
    """Return whether a folder looks like a Zarr store."""
    return any((path / name).is_file() for name in (".zgroup", ".zmetadata", "zarr.json"))


def open_store(place: str, **settings: Any) -> xr.Dataset:
    """Return the Zarr store at a path or an address, as :func:`landslide_utils.sources.store.open_store` does.

    Patches are laid out as :func:`landslide_utils.sources.sen12landslides.open_patches` does.
    """
    if place.startswith(PATCHES):
        from landslide_utils.sources.sen12landslides import open_patches

        return open_patches(place)
    from landslide_utils.sources import store

    opened = store.open_store(place, **settings)
    for layer in opened.variables.values():
        layer.attrs.pop("patches", None)  # only patches have a plan
    return opened


def keep_passes(cube: xr.Dataset, timesteps: int) -> xr.Dataset:
    """Return a cube with the passes only that a composite of so many on each side needs."""
    from landslide_utils.sources import window

    return window.keep_passes(cube, timesteps)


def find_region(name_or_path: str) -> Region | None:
    """Return the region that a name, a path or a URL stands for, or None.

    Examples
    --------
    >>> find_region("data/hokkaido_japan.zarr").title
    'Hokkaido Eastern Iburi earthquake, Japan, 2018'
    """
    stem = name_or_path.rstrip("/").replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".zarr")
    return REGIONS.get(stem)


def parse_instant(text: str) -> dt.datetime:
    """Return an ISO 8601 instant as naive UTC; without an offset it is taken to be UTC.

    Raises
    ------
    ValueError
        If the text is not an instant, or is only a day: a pass on that day could be before or after.

    Examples
    --------
    >>> parse_instant("2018-09-06T03:07:59+09:00")
    datetime.datetime(2018, 9, 5, 18, 7, 59)
    """
    advice = "give an instant in UTC such as 2018-09-05T18:07:59"
    if not isinstance(text, str):
        raise ValueError(f"event_time={text!r} is not a text; {advice}")
    try:
        instant = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"event_time={text!r} is not an ISO 8601 instant; {advice}") from None
    if len(text.strip()) <= len("2018-09-05"):
        raise ValueError(
            f"event_time={text!r} is a day, and a pass on that day can be before or after the event; {advice}"
        )
    if not 1900 < instant.year <= 2200:  # what numpy's nanoseconds hold, and no satellite was earlier
        raise ValueError(f"event_time={text!r} is in the year {instant.year}; {advice}")
    if instant.tzinfo is not None:
        instant = instant.astimezone(dt.UTC).replace(tzinfo=None)
    return instant


def find_event(
    known: Mapping[Hashable, Any], region: Region | None, event_time: str | None
) -> tuple[dict[str, str], list[str]]:
    """Return the event's start and end, as attributes of a cube, and their faults.

    The caller's instant comes before the store's, and that before the region's.
    """
    if event_time and "patches" in known:
        return {}, ["event_time cannot be given, because each patch has an event of its own"]
    start = event_time or known.get("event_time") or (region.event_time if region else None)
    if start is None:
        example = "for example -p event_time 2018-09-05T18:07:59"
        return {}, [f"the event's instant is not known; pass event_time in UTC, {example}"]
    end = (None if event_time else known.get("event_end")) or (region.event_end if region else None) or start
    instants: list[dt.datetime] = []
    for name, text in (("event_time", start), ("the store's event_end", end)):
        try:
            instants.append(parse_instant(str(text)))
        except ValueError as error:
            return {}, [str(error).replace("event_time", name)]
    return {"event_time": instants[0].isoformat(), "event_end": max(instants).isoformat()}, []


def find_crs(store: xr.Dataset, region: Region | None) -> str | None:
    """Return the coordinate reference system where one is known: from a grid mapping, an attribute, or the region."""
    for variable in store.variables.values():
        if wkt := variable.attrs.get("crs_wkt") or variable.attrs.get("spatial_ref"):
            return str(wkt)
    return str(store.attrs.get("crs") or (region.crs if region else None) or "") or None


def find_incidence(store: xr.Dataset) -> float | None:
    """Return the incidence angle in the middle of the scene, degrees.

    A simulated store has it in its scenario, a published one in ``los.rdr_0``.
    """
    try:
        if "scenario" in store.attrs:
            return float(json.loads(store.attrs["scenario"])["incidence_degrees"])
        angles = store[INCIDENCE]
        middle = {dim: 0 if dim == "timepair" else size // 2 for dim, size in angles.sizes.items()}
        angle = float(angles.isel(middle))
    except Exception:  # what needs the angle says that it is missing
        return None
    return angle if math.isfinite(angle) else None
