"""Passes of a satellite: which images belong to one, from which orbit, before or after the event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from landslide_utils.composite import sides_of_event
from landslide_utils.grid import Box

NAMES = {"HH": "vv", "HV": "vh", "VV": "vv", "VH": "vh"}
"""The project's name of each polarisation: like-polarised is vv, cross-polarised vh. Of two, the later is taken."""


class MissingExtraError(ImportError):
    """A package that only one's own event needs is not installed."""

    def __init__(self, package: str) -> None:
        advice = "a cube of your own event needs it: pip install 'landslide-utils[event]'"
        super().__init__(f"{package} is not installed; {advice}")


@dataclass(frozen=True)
class Granule:
    """One image as it is delivered."""

    name: str
    image: str  # what it is an image of; of several with the same one, the last processed is used
    instant: dt.datetime  # start of the acquisition, naive UTC
    orbit: str  # "ascending" or "descending"
    relative_orbit: int  # number of the track; 0 where nobody says
    files: Mapping[str, str]  # from vv and vh to a path or URL
    polarisations: Mapping[str, str]  # from vv and vh to what was sent and received: VV, VH, HH or HV
    footprint: BaseGeometry  # in degrees (EPSG:4326)
    produced: str = ""  # when it was processed, sortable
    band: str = "C"  # or "L"
    size: int = 0  # bytes of its files, 0 where nobody says
    simulated: bool = False


@dataclass(frozen=True)
class Pass:
    """All images that one satellite took of the box while it flew over it once, the last processed first."""

    granules: tuple[Granule, ...]
    covered: float = field(compare=False)

    @property
    def instant(self) -> dt.datetime:
        """Start of the first image, naive UTC."""
        return min(granule.instant for granule in self.granules)

    @property
    def orbit(self) -> str:
        """Direction of flight."""
        return self.granules[0].orbit

    @property
    def relative_orbit(self) -> int:
        """Number of the track, 0 where nobody says."""
        return self.granules[0].relative_orbit


def choose_polarisations(files: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return from ``vv`` and ``vh`` to the file, and to its real polarisation; of all four, VV and VH are taken."""
    polarisations = {name: sent for sent, name in NAMES.items() if sent in files}
    return {name: files[sent] for name, sent in polarisations.items()}, polarisations


def direction_of(instant: dt.datetime, longitude: float) -> str:
    """Return the direction of flight from the local time of day.

    Sentinel-1 and NISAR keep to the line between day and night: they cross the equator northward at about 18 h mean
    local solar time, southward at about 6 h.

    Examples
    --------
    >>> direction_of(dt.datetime(2018, 9, 5, 20, 42), 142.0)
    'descending'
    """
    hours = (instant.hour + instant.minute / 60 + longitude / 15) % 24
    return "ascending" if hours >= 12 else "descending"


def group_passes(granules: Iterable[Granule], box: Box) -> list[Pass]:
    """Return images put together that one satellite took in one flight over the box, in order of time.

    Of the same image processed several times, only the last is kept. Images beside the box are left out.
    """
    area = shapely.box(*box)
    latest: dict[str, Granule] = {}
    for granule in granules:
        known = latest.get(granule.image)
        if granule.footprint.intersects(area) and (known is None or granule.produced > known.produced):
            latest[granule.image] = granule
    groups: list[list[Granule]] = []
    for granule in sorted(latest.values(), key=lambda g: (g.orbit, g.relative_orbit, g.instant)):
        previous = groups[-1][-1] if groups else None
        if previous is None or (
            (previous.orbit, previous.relative_orbit) != (granule.orbit, granule.relative_orbit)
            or granule.instant - previous.instant >= dt.timedelta(minutes=20)  # a track is flown again after days
        ):
            groups.append([])
        groups[-1].append(granule)
    passes = [
        Pass(
            tuple(sorted(group, key=lambda g: (g.produced, g.name), reverse=True)),
            float(shapely.union_all([g.footprint for g in group]).intersection(area).area / area.area),
        )
        for group in groups
    ]
    return sorted(passes, key=lambda p: (p.instant, p.relative_orbit))


def calendar(passes: Sequence[Pass], start: dt.datetime, end: dt.datetime) -> pd.DataFrame:
    """Return one row a pass: when it was, from which orbit, on which side of the event, and what it covers.

    The columns: ``time`` (UTC), ``orbit``, ``relative_orbit``, ``when`` (before, during or after the event), ``days``
    from it, ``images``, and ``covered``, the share of the box.
    """
    rows = [(p.instant, p.orbit, p.relative_orbit, len(p.granules), p.covered) for p in passes]
    table = pd.DataFrame(rows, columns=["time", "orbit", "relative_orbit", "images", "covered"])
    sides = sides_of_event(table["time"], start.isoformat(), end.isoformat())
    origin = pd.Series([end if side == "after" else start for side in sides], dtype="datetime64[ns]")
    days = (table["time"].astype("datetime64[ns]") - origin) / pd.Timedelta(days=1)
    table = table.assign(when=sides, days=days)
    table = table[["time", "orbit", "relative_orbit", "when", "days", "images", "covered"]]
    table.attrs["simulated"] = any(granule.simulated for flight in passes for granule in flight.granules)
    return table


def find_side_faults(passes: list[Pass], start: dt.datetime, end: dt.datetime) -> list[str]:
    """List what keeps passes from showing a change: no track has some on both sides of the event."""
    if not passes:
        return []
    tracks = calendar(passes, start, end).groupby(["orbit", "relative_orbit"])
    if any({"before", "after"} <= set(rows["when"]) for _, rows in tracks):
        return []
    counts = "; ".join(
        f"{orbit} track {track}: {(rows['when'] == 'before').sum()} before, {(rows['when'] == 'after').sum()} after"
        for (orbit, track), rows in tracks
    )
    return [
        f"no track has a pass both before {start.isoformat()} and after {end.isoformat()} UTC "
        f"(there are: {counts}); check event_time, or take more days on either side"
    ]


def find_pass_faults(passes: list[Pass]) -> list[str]:
    """List what keeps passes from making one stack: there is none, or they are of unlike radar."""
    if not passes:
        return ["no pass covers the box"]
    faults = []
    images = {(g.band, name, sent) for p in passes for g in p.granules for name, sent in g.polarisations.items()}
    bands, names = {band for band, _, _ in images}, {name for _, name, _ in images}
    if len(bands) > 1 or len({(name, sent) for _, name, sent in images}) > len(names):
        kinds = sorted({_kind_of(granule) for p in passes for granule in p.granules})
        faults.append(f"unlike images cannot be one stack: {', '.join(kinds)}; keep one kind")
    return faults


def _kind_of(granule: Granule) -> str:
    """Return band and polarisations of an image, such as "C-band VV/VH"."""
    return f"{granule.band}-band {'/'.join(granule.polarisations[n] for n in sorted(granule.polarisations)[::-1])}"


def polarisations_of(passes: Iterable[Pass]) -> dict[str, str]:
    """Return which of ``vv`` and ``vh`` there is, and what each really is, such as ``{"vv": "HH"}``."""
    granules = [granule for p in passes for granule in p.granules]
    first = {name: next((g.polarisations[name] for g in granules if name in g.files), "") for name in ("vv", "vh")}
    return {name: sent for name, sent in first.items() if sent}


def is_complete(flight: Pass, names: Iterable[str]) -> bool:
    """Return whether each image of a pass has all of some variables."""
    return all(name in granule.files for granule in flight.granules for name in names)
