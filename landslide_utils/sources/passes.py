"""Passes of a satellite: which images belong to one, from which orbit, before or after the event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from shapely import Polygon, box, unary_union
from shapely.geometry.base import BaseGeometry

from landslide_utils.grid import Box

ONE_PASS = dt.timedelta(minutes=20)
"""Images of one track that are less apart than this belong to one pass; the same track is flown again after days."""

NAMES = {"VV": "vv", "VH": "vh", "HH": "vv", "HV": "vh"}
"""The project's name of each polarisation: like-polarised is vv, cross-polarised vh, whatever the satellite sends."""


@dataclass(frozen=True)
class Granule:
    """One image as it is delivered.

    Attributes
    ----------
    name : str
    image : str
        What it is an image of; of several with the same one, the last processed is used.
    instant : datetime.datetime
        Start of the acquisition, naive UTC.
    orbit : str
        "ascending" or "descending".
    relative_orbit : int
        Number of the track; 0 where nobody says.
    files : mapping
        From ``vv`` and ``vh`` to a path or URL.
    polarisations : mapping
        From ``vv`` and ``vh`` to what was sent and received: VV, VH, HH or HV.
    footprint : shapely geometry
        In degrees (EPSG:4326).
    produced : str
        When it was processed, sortable.
    band : str
        "C" or "L".
    size : int
        Bytes of its files, 0 where nobody says.
    simulated : bool
    """

    name: str
    image: str
    instant: dt.datetime
    orbit: str
    relative_orbit: int
    files: Mapping[str, str]
    polarisations: Mapping[str, str]
    footprint: BaseGeometry
    produced: str = ""
    band: str = "C"
    size: int = 0
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


def direction_of(instant: dt.datetime, longitude: float) -> str:
    """Return the direction of flight from the local time of day.

    Sentinel-1 and NISAR keep to the line between day and night: they cross the equator northward at about 18 h mean local solar time, southward at about 6 h.

    Examples
    --------
    >>> direction_of(dt.datetime(2018, 9, 5, 20, 42), 142.0)
    'descending'
    """
    hours = (instant.hour + instant.minute / 60 + longitude / 15) % 24
    return "ascending" if hours >= 12 else "descending"


def outline(box_degrees: Box) -> Polygon:
    """Return a bounding box as a polygon."""
    return box(*box_degrees)


def group_passes(granules: Iterable[Granule], box_degrees: Box) -> list[Pass]:
    """Put images together that one satellite took in one flight over the box, in order of time.

    Of the same image processed several times, only the last is kept. Images beside the box are left out.
    """
    area = outline(box_degrees)
    last: dict[str, Granule] = {}
    for granule in granules:
        known = last.get(granule.image)
        if granule.footprint.intersects(area) and (known is None or granule.produced > known.produced):
            last[granule.image] = granule
    groups: list[list[Granule]] = []
    for granule in sorted(last.values(), key=lambda g: (g.orbit, g.relative_orbit, g.instant)):
        previous = groups[-1][-1] if groups else None
        if (
            previous
            and (previous.orbit, previous.relative_orbit) == (granule.orbit, granule.relative_orbit)
            and granule.instant - previous.instant < ONE_PASS
        ):
            groups[-1].append(granule)
        else:
            groups.append([granule])
    found = [
        Pass(
            tuple(sorted(group, key=lambda g: (g.produced, g.name), reverse=True)),
            float(unary_union([g.footprint for g in group]).intersection(area).area / area.area),
        )
        for group in groups
    ]
    return sorted(found, key=lambda p: (p.instant, p.relative_orbit))


def calendar(passes: Iterable[Pass], start: dt.datetime, end: dt.datetime) -> pd.DataFrame:
    """Return one row a pass: instant (UTC), orbit, relative_orbit, whether before, during or after the event, days from it, images, share of the box covered."""
    rows = []
    for one in passes:
        when = "before" if one.instant < start else "after" if one.instant > end else "during"
        days = (one.instant - (end if when == "after" else start)).total_seconds() / 86_400
        rows.append((one.instant, one.orbit, one.relative_orbit, when, days, len(one.granules), one.covered))
    columns = ["time", "orbit", "relative_orbit", "when", "days", "images", "covered"]
    return pd.DataFrame(rows, columns=columns)


def find_pass_faults(passes: Iterable[Pass], start: dt.datetime, end: dt.datetime) -> list[str]:
    """List what keeps passes from making one stack: none before or after the event on any one track, or unlike radar."""
    table = calendar(passes, start, end)
    if table.empty:
        return ["no pass covers the box"]
    faults = []
    tracks = table.groupby(["orbit", "relative_orbit"])
    if not any({"before", "after"} <= set(part["when"]) for _, part in tracks):
        counted = "; ".join(
            f"{orbit} track {track}: {(part['when'] == 'before').sum()} before, {(part['when'] == 'after').sum()} after"
            for (orbit, track), part in tracks
        )
        faults.append(
            f"no track has a pass both before {start.isoformat()} and after {end.isoformat()} UTC (there are: {counted}); "
            "check event_time, or take more days on either side"
        )
    used = [granule for one in passes for granule in one.granules]
    kinds = sorted(
        {f"{g.band}-band {'/'.join(g.polarisations[n] for n in sorted(g.polarisations)[::-1])}" for g in used}
    )
    if len({g.band for g in used}) > 1 or any(
        len({g.polarisations[name] for g in used if name in g.polarisations}) > 1 for name in ("vv", "vh")
    ):
        faults.append(f"unlike images cannot be one stack: {', '.join(kinds)}; keep one kind")
    return faults


def radar_of(passes: Iterable[Pass]) -> dict[str, str]:
    """Return which of ``vv`` and ``vh`` there is, and what each really is, such as ``{"vv": "HH"}``."""
    used = [granule for one in passes for granule in one.granules]
    found = {name: next((g.polarisations[name] for g in used if name in g.files), "") for name in ("vv", "vh")}
    return {name: sent for name, sent in found.items() if sent}


def is_complete(one: Pass, names: Iterable[str]) -> bool:
    """Return whether each image of a pass has all of some variables."""
    return all(name in granule.files for granule in one.granules for name in names)
