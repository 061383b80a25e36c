"""Checks of notebook 08."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landslide_utils.course.check.answer import (
    Hint,
    compare,
    exercise,
    read_number,
    read_numbers,
    read_table,
    refuse_what_is_no_data,
)

DEGREES = "EPSG:4326"
EDGES = ("west", "south", "east", "north")


@exercise
def waiting_days(answer: Any, calendar: Any, count: Any) -> str:
    """Check how many days after the event the track with most passes on its shorter side has had a number of passes."""
    table = read_table(calendar, "when", "days", "orbit", "relative_orbit")
    number = int(count)
    tracks = [track for _, track in table.groupby(["orbit", "relative_orbit"])]
    shorter = [min((track["when"] == side).sum() for side in ("before", "after")) for track in tracks]
    best = tracks[int(np.argmax(shorter))]
    waits = [np.sort(track.loc[track["when"] == "after", "days"].to_numpy()) for track in tracks]
    own, every = waits[int(np.argmax(shorter))], np.sort(table.loc[table["when"] == "after", "days"].to_numpy())
    if len(own) < number:
        raise Hint(
            f"The best track has {len(own)} passes after the event, so {number} cannot be waited for; ask for fewer."
        )
    right, name = float(own[number - 1]), f"{best['orbit'].iloc[0]} track {best['relative_orbit'].iloc[0]}"
    compare(
        read_number(answer),
        right,
        [
            (float(every[number - 1]), "You counted passes of all tracks. Only those of one track can be averaged: keep the best track's."),
            (float(own[0]), f"That is the first pass after the event. Wait for pass number {number} of that track."),
            (float(own[min(number, len(own) - 1)]), "That is one pass too late: in Python the first has the number 0."),
            (float(own[-1]), f"That is the last pass of the track. Wait only for pass number {number} after the event."),
            *((float(wait[number - 1]), "That is another track. Which has most passes on its shorter side?") for wait in waits if len(wait) >= number),
            (24 * right, "That is in hours; days are asked."),
            (float(best["relative_orbit"].iloc[0]), "That is the number of the track. How many days after the event is its pass?"),
            (float(max(shorter)), "That is how many passes there are on the shorter side. How many days do we wait for them?"),
            (float(len(own)), "That is the number of passes after the event. How many days do we wait for them?"),
            (float(abs(best.loc[best["when"] == "before", "days"].max())), "That is the last pass before the event. Count those after it."),
        ],
        f"Keep the rows of {name} whose when is 'after', sort them by days, and take number {number}.",
        absolute=0.06,
    )  # fmt: skip
    return f"{right:.1f} days, on the {name}. The first image of all was there after {every[0]:.1f} days."


@exercise
def surrounding_box(answer: Any, polygons: Any, margin: Any) -> str:
    """Check a bounding box around polygons, in degrees, with a margin on each side: west, south, east, north."""
    table: Any = read_table(polygons, "geometry")
    west, south, east, north = table.geometry.to_crs(DEGREES).total_bounds
    spare = float(margin)
    right = np.array([west - spare, south - spare, east + spare, north + spare])
    given = np.array(read_numbers(answer, EDGES))
    metres = table.geometry.total_bounds if not table.crs.is_geographic else np.full(4, np.nan)
    order = "The order is west, south, east, north: first the corner in the south-west, then the one in the north-east."
    compare(
        given,
        right,
        [
            (right[[1, 0, 3, 2]], f"Latitude comes first in yours, longitude is wanted first. {order}"),
            (right[[0, 2, 1, 3]], f"You gave west, east, south, north. {order}"),
            (right[[1, 3, 0, 2]], f"You gave south, north, west, east. {order}"),
            (right[[3, 2, 1, 0]], f"You gave north, east, south, west. {order}"),
            (right[[0, 3, 2, 1]], f"North and south are swapped. {order}"),
            (right[[2, 1, 0, 3]], f"East and west are swapped. {order}"),
            (np.array([west, south, east, north]), f"That is the box without a margin. Let it reach {spare:g} degrees further on each side."),
            (np.array([west, south, east, north]) + spare, "The margin was added on all sides, which moves the box. West and south need less, east and north more."),
            (np.array([west, south, east, north]) - spare, "The margin was taken off on all sides, which moves the box. West and south need less, east and north more."),
            (np.array([west + spare, south + spare, east - spare, north - spare]), "The margin has the wrong sign: the box has become smaller."),
            *((metres + s * spare, "That is in metres, the coordinates of the cube. Bring the polygons into degrees first: to_crs('EPSG:4326').") for s in (0, 1, -1, np.array([-1, -1, 1, 1]))),
        ],
        "Bring the polygons into degrees with to_crs('EPSG:4326'), take total_bounds, and let each side reach further out by the margin.",
        absolute=0.02 * spare,
    )  # fmt: skip
    return f"{east - west + 2 * spare:.3f} degrees wide and {north - south + 2 * spare:.3f} high, around {len(table)} polygons."


@exercise
def first_look(answer: Any, calendar: Any, hours_ahead: Any) -> str:
    """Check when, by the clocks of the place, the first image after the event was taken; `calendar` is in UTC."""
    table = read_table(calendar, "time", "when")
    ahead = pd.Timedelta(hours=float(hours_ahead))
    times = table.set_index("when")["time"].sort_values()
    first = times.loc[["after"]].iloc[0]
    right = first + ahead
    given = _read_instant(answer)
    before = times.loc[["before"]] if "before" in times.index else times[:0]
    wrong = [
        (first, f"That is in UTC. Add what the clocks there show more: {hours_ahead:+g} hours."),
        (first - ahead, "You took the hours away. The time of the place is UTC plus hours_ahead."),
        (right.normalize() + (first - first.normalize()), "That is the day of the place with the time of UTC. Add the hours to the whole instant."),
        *((right + pd.Timedelta(days=days), "The time of day is right, but not the day: past midnight a new one begins.") for days in (-1, 1)),
        *((last + shift, "That is a pass from before the event. Keep those whose when is 'after'.") for last in before for shift in (pd.Timedelta(0), ahead)),
        *((later + shift, "There is an earlier one after the event: take the first.") for later in times.loc[["after"]].iloc[1:] for shift in (pd.Timedelta(0), ahead)),
    ]  # fmt: skip
    minute = pd.Timedelta(minutes=1)
    if abs(given - right) > minute:
        for instant, hint in wrong:
            if abs(given - instant) <= minute:
                raise Hint(hint)
        raise Hint(
            "Take the first time whose when is 'after', and add the hours: time + pd.Timedelta(hours=hours_ahead)."
        )
    return f"{right:%d %B %Y, %H:%M} by the clocks there, {first:%d %B, %H:%M} in UTC."


def _read_instant(answer: Any) -> pd.Timestamp:
    """Read one instant, without an offset as clocks show it."""
    wanted = "one instant, such as pd.Timestamp('2018-09-05T20:38'),"
    if not isinstance(answer, str):
        refuse_what_is_no_data(answer, wanted)
    if isinstance(answer, xr.DataArray | pd.Series | pd.Index | np.ndarray | list | tuple):
        values = np.asarray(answer)
        if values.size != 1:
            raise Hint(f"Your answer has the shape {values.shape} where {wanted} is asked; choose one of them.")
        answer = values.ravel()[0]
    if isinstance(answer, str | dt.datetime | np.datetime64):
        try:
            found = pd.Timestamp(answer)
        except ValueError:
            raise Hint(f"Your answer {answer!r} is no instant; write it as '2018-09-05T20:38'.") from None
        if not pd.isna(found):
            return found.tz_localize(None)
    raise Hint(f"Your answer is of type {type(answer).__name__} where {wanted} is asked.")
