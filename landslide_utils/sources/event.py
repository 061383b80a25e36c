"""What is known of one's own event, and how its cube shall be made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd

from landslide_utils.files import InputError, count_faults, find_kind_faults
from landslide_utils.regions import parse_instant
from landslide_utils.sources.coregistration import METHODS

MOST_DAYS = 3660
"""Before and after an event."""


class EventError(InputError):
    """An event of which no cube can be made as asked."""

    def __init__(self, event: str, faults: Sequence[str]) -> None:
        super().__init__(f"no cube of {event!r} ({count_faults(faults)})", faults)


@dataclass(frozen=True)
class Event:
    """What is known of an event, and the grid that its cube shall have.

    Attributes
    ----------
    name : str
        For headings.
    box : four numbers
        west, south, east, north in degrees (EPSG:4326).
    event_time : str
        Instant of the event, or its start, ISO 8601, UTC unless it has an offset. Of a quiet time: its end.
    polygons : path or geopandas.GeoDataFrame, optional
        The landslides; a GeoPackage, GeoJSON or shapefile, with a coordinate reference system. Without them the cube
        has no labels, and may hold a quiet time: passes on one side only.
    event_end : str, optional
        Its end, if it lasts.
    pixel_size_m : float
    crs : str, optional
        Without it, the UTM zone of the box's centre.
    """

    name: str
    box: Sequence[float]
    event_time: str
    polygons: str | Path | gpd.GeoDataFrame | None = None
    event_end: str | None = None
    pixel_size_m: float = 10.0
    crs: str | None = None


@dataclass(frozen=True)
class Options:
    """Which passes are used, and how their images are brought to the grid.

    Attributes
    ----------
    days : (before, after)
        How long before and after the event passes are looked for.
    resampling : {"nearest", "bilinear", "cubic", "average"}
        Of radar images that do not lie on the grid already; elevation is always bilinear.
    least_covered : float
        Share of the box, 0 to 1, below which a pass is left out.
    """

    days: tuple[float, float] = (90, 60)
    resampling: str = "bilinear"
    least_covered: float = 0.5

    def find_faults(self) -> list[str]:
        """List the options that are not allowed."""
        faults = []
        if self.resampling not in METHODS:
            faults.append(f"resampling={self.resampling!r} is not one of {', '.join(METHODS)}")
        days = self.days if isinstance(self.days, tuple | list) and len(self.days) == 2 else ("", "")
        wrong = find_kind_faults("a number", before=days[0], after=days[1], least_covered=self.least_covered)
        if wrong or not 0 < min(days) <= max(days) <= MOST_DAYS or not 0 <= self.least_covered <= 1:
            least = f"least_covered={self.least_covered!r}"
            faults.append(f"days={self.days!r} must be above 0, at most {MOST_DAYS}, and {least} between 0 and 1")
        return faults


OPTIONS = Options()


class Period(NamedTuple):
    """From an instant to another, naive UTC."""

    start: dt.datetime
    end: dt.datetime

    def grow(self, days: tuple[float, float]) -> Period:
        """Return the period that starts some days earlier and ends some days later."""
        return Period(self.start - dt.timedelta(days[0]), self.end + dt.timedelta(days[1]))


def read_period(event: Event) -> tuple[Period | None, list[str]]:
    """Return an event's start and end, and what is wrong with them."""
    instants, faults = [], []
    for name, text in (("event_time", event.event_time), ("event_end", event.event_end)):
        try:
            instants += [parse_instant(text)] if text is not None else []
        except ValueError as error:
            faults.append(str(error).replace("event_time", name))
    if not faults and event.event_time is None:
        faults.append("event_time is not given; give the event's instant in UTC")
    if not faults and instants[-1] < instants[0]:
        faults.append(f"event_end={event.event_end!r} is before event_time={event.event_time!r}; swap the two")
    return (None, faults) if faults else (Period(instants[0], instants[-1]), [])
