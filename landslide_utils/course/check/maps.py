"""Checks of notebooks 05 and 08: maps, areas, and one's own event."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landslide_utils.course.check.answer import (
    IN_PERCENT,
    OTHERWISE,
    Hint,
    area_mistakes,
    compare,
    exercise,
    read_number,
    read_numbers,
    refuse_what_is_no_data,
)


@exercise("05_map", "descending & ascending is true where both miss a place; put it in parentheses, then .mean().")
def hidden_from_both(answer: Any, descending: xr.DataArray, ascending: xr.DataArray) -> str:
    """Check the share of a scene (y, x) that is hidden from both orbit directions, from a mask of each."""
    one, other = descending.values.astype(bool), ascending.values.astype(bool)
    first, second, right = one.mean(), other.mean(), (one & other).mean()
    wrong = {
        "That is what at least one direction misses. Hidden from both is & of the two masks.": (one | other).mean(),
        "You added the two shares. Count only places that both miss: & of the masks.": first + second,
        "You multiplied the shares, as if places were hidden at random. Compare pixel by pixel.": first * second,
        "That is what descending passes miss. How much of it do ascending passes miss too?": first,
        "That is what ascending passes miss. How much of it do descending passes miss too?": second,
        "That is the mean of the two shares. Count only places that both miss.": (first + second) / 2,
        "That is the number of pixels. Take the mean of the mask for the share.": (one & other).sum(),
        "That is what both see. What do both miss?": (~one & ~other).mean(),
        "That is what at least one direction sees. What do both miss?": 1 - right,
        IN_PERCENT: 100 * right,
        "Combine the two masks with &: true where both are true. The mean of a mask is a share.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{first:.1%} is hidden from one direction, {second:.1%} from the other, but only {right:.2%} from both."


@exercise("05_map", "(probability >= threshold / 2) & test marks the pixels; average landslides where it is true.")
def survey_precision(
    answer: Any, probability: xr.DataArray, landslides: xr.DataArray, test: xr.DataArray, threshold: float
) -> str:
    """Check the precision of a map (y, x) on the pixels of a test mask, cut at half of a threshold."""

    def scores(cut: float, where: Any) -> tuple[float, float, float]:
        """Return precision, recall and F1 of the pixels from a cut, 0 without any."""
        found, slid = where & (mapped >= cut), where & labels
        hits, reported, there = (found & slid).sum(), found.sum(), slid.sum()
        return hits / max(reported, 1), hits / max(there, 1), 2 * hits / max(reported + there, 1)

    mapped, labels, valid = probability.values, landslides.values.astype(bool), probability.notnull().values
    inside, called = valid & test.values.astype(bool), mapped >= threshold / 2
    right, recall, f1 = scores(threshold / 2, inside)
    strict, strict_recall, _ = scores(threshold, inside)
    everywhere, *_ = scores(threshold / 2, valid)
    believed = probability.where(inside & called).mean()
    wrong = {
        "That is the recall: of the landslide pixels, the share found. Which share of the reported is right?": recall,
        "That is the precision at the whole threshold. Halve it.": strict,
        "That is the recall at the whole threshold. Halve it, and compute which share is right.": strict_recall,
        "That counts the whole scene, training chips included. Only where test is true.": everywhere,
        "That is the accuracy, which rare landslides hardly change.": (called == labels)[inside].mean(),
        "That is F1, which mixes precision and recall. Give the precision alone.": f1,
        "That is the share of pixels that are reported. How many of these are right?": called[inside].mean(),
        "That is the prevalence: the share of all test pixels that is landslide.": labels[inside].mean(),
        "That is the mean probability of the reported pixels. Use the labels instead.": believed,
        "That is the share of the reported pixels that is wrong.": 1 - right,
        IN_PERCENT: 100 * right,
        "Take the pixels with probability >= threshold / 2, and test. Then the mean of landslides.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"Precision {right:.2f} instead of {strict:.2f}, and recall {recall:.2f} instead of {strict_recall:.2f}."


@exercise("05_map", "calibrated.sum() is in pixels; a pixel has pixel_size_m**2 square metres.")
def expected_area(answer: Any, calibrated: xr.DataArray, pixel_size_m: float) -> str:
    """Check the area in km2 that is expected to have slid, from calibrated probabilities (y, x) of pixels so wide."""
    mapped = calibrated.values
    values = mapped[np.isfinite(mapped)]
    pixel_km2, total = pixel_size_m**2 / 1e6, values.sum(dtype=np.float64)
    mean = total / max(values.size, 1)
    right, above_one_half = total * pixel_km2, (values >= 0.5).sum() * pixel_km2
    wrong = {
        "That is the expected number of pixels. How many square metres does a pixel have?": total,
        **area_mistakes(right, pixel_size_m),
        "You counted the pixels above one half. But ten with 0.2 are also two landslide pixels: add.": above_one_half,
        "That is the mean probability, the share of the scene. Add the probabilities instead.": mean,
        "That is the area of everything that was mapped. Add the probabilities instead.": values.size * pixel_km2,
        "Add all calibrated probabilities, multiply by a pixel's square metres, and divide by a million.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.2f} km2 are expected."


@exercise("05_map", "shapes.to_crs(polygons.crs).area has the square metres of each shape.")
def largest_area(answer: Any, polygons: pd.DataFrame, count: int) -> str:
    """Check the area in km2 of the largest polygons together; `polygons` are the notebook's, in metres."""
    shapes: Any = polygons["geometry"]
    areas = polygons["area_m2"] / 1e6

    def largest(every: pd.Series, *units: float) -> list[float]:
        return [every.nlargest(count).sum() * unit for unit in units]

    (right,) = largest(areas, 1)
    mercator = largest(shapes.to_crs("EPSG:3857").area, 1, 1e-6)
    in_degrees = shapes.to_crs("EPSG:4326").set_crs(None, allow_override=True).area
    degrees = largest(in_degrees, 1, 1e-6, 1e4, 111.0**2, 111.32**2)
    wrong = {
        **area_mistakes(right),
        "That is in square degrees, which have no fixed length. Convert to metres: to_crs(polygons.crs).": degrees,
        "Web Mercator stretches everything away from the equator. Use the map's own polygons.crs.": mercator,
        f"That is the area of all polygons. Take the {count} largest: nlargest({count}).": areas.sum(),
        f"That is their mean. Give the sum of the {count}.": right / count,
        "Those are the smallest ones.": areas.nsmallest(count).sum(),
        f"That is the largest one alone. Give the sum of the {count} largest.": areas.max(),
        f"Take area.nlargest({count}).sum() of to_crs(polygons.crs), in metres, and divide by a million.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.2f} km2 in {min(count, len(areas))} polygons, of {areas.sum():.2f} km2 in all."


@exercise("08_your_own_event", "Keep rows with .query() or a mask; .iloc[wanted - 1] takes one of them.")
def waiting_days(answer: Any, calendar: pd.DataFrame, count: int) -> str:
    """Check how many days after the event a pass took place, on the track with most passes both before and after."""
    tracks = dict(iter(calendar.groupby(["orbit", "relative_orbit"])))
    shorter = {key: min((track["when"] == side).sum() for side in ("before", "after")) for key, track in tracks.items()}
    orbit, number = best = max(shorter, key=lambda key: shorter[key])
    waits = {key: sorted(track.loc[track["when"] == "after", "days"]) for key, track in tracks.items()}
    others = [wait[count - 1] for wait in waits.values() if len(wait) >= count]
    own, every = waits[best], sorted(calendar.loc[calendar["when"] == "after", "days"])
    before = tracks[best].loc[tracks[best]["when"] == "before", "days"]
    if len(own) < count:
        raise Hint(f"The best track has {len(own)} passes after the event, so {count} are too many; take fewer.")
    right = own[count - 1]
    wrong = {
        "You counted passes of all tracks. Only those of one track can be averaged.": every[count - 1],
        f"That is the first pass after the event. Wait for pass number {count} of that track.": own[0],
        "That is one pass too late: in Python the first has the number 0.": own[min(count, len(own) - 1)],
        f"That is the last pass of the track. Wait only for pass number {count} after the event.": own[-1],
        "That is another track. Which has the largest min(passes before, passes after)?": others,
        "That is in hours; give days.": 24 * right,
        "That is the number of the track. How many days after the event is the pass?": number,
        "That is min(passes before, passes after). How many days do we wait for the pass?": shorter[best],
        "That is the number of passes after the event. How many days do we wait for them?": len(own),
        "That is the last pass before the event. Count those after it.": abs(before.max()),
        f"Keep the rows of {orbit} track {number} whose when is 'after', by days, and take number {count}.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, 0.06)
    return f"{right:.1f} days, on the {orbit} track {number}. The first image of all came after {every[0]:.1f} days."


@exercise("08_your_own_event", "total_bounds has west, south, east, north; change the first two by -margin.")
def surrounding_box(answer: Any, polygons: pd.DataFrame, margin: float) -> str:
    """Check a bounding box around polygons, in degrees, with a margin on each side: west, south, east, north."""
    shapes: Any = polygons["geometry"]
    tight = shapes.to_crs("EPSG:4326").total_bounds
    outwards = margin * np.array([-1, -1, 1, 1])
    right = tight + outwards
    metres = shapes.total_bounds if not shapes.crs.is_geographic else np.full(4, np.nan)
    in_metres = [metres, metres + margin, metres - margin, metres + outwards]
    order = "The order is west, south, east, north: first the south-western corner, then the north-eastern one."
    moved = "which moves the box. Subtract it from west and south, add it to east and north."
    wrong = {
        f"Latitude comes first in yours, longitude is wanted first. {order}": right[[1, 0, 3, 2]],
        f"You gave west, east, south, north. {order}": right[[0, 2, 1, 3]],
        f"You gave south, north, west, east. {order}": right[[1, 3, 0, 2]],
        f"You gave north, east, south, west. {order}": right[[3, 2, 1, 0]],
        f"North and south are swapped. {order}": right[[0, 3, 2, 1]],
        f"East and west are swapped. {order}": right[[2, 1, 0, 3]],
        f"That is the box without a margin. Let it reach {margin:g} degrees further on each side.": tight,
        f"The margin was added on all sides, {moved}": tight + margin,
        f"The margin was taken off on all sides, {moved}": tight - margin,
        "The margin has the wrong sign: the box has become smaller.": tight - outwards,
        "That is in metres, as the cube is. Convert the polygons to degrees first: to_crs('EPSG:4326').": in_metres,
        "Convert them to degrees with to_crs('EPSG:4326'), take total_bounds, and add the margin outwards.": OTHERWISE,
    }
    compare(read_numbers(answer, ("west", "south", "east", "north")), right, wrong, 0.02 * margin)
    west, south, east, north = right
    return f"{east - west:.3f} degrees wide and {north - south:.3f} high, around {len(polygons)} polygons."


@exercise("08_your_own_event", "calendar.loc[calendar['when'] == 'after', 'time'] has the times in UTC.")
def first_look(answer: Any, calendar: pd.DataFrame, hours_ahead: float) -> str:
    """Check when, in local time, the first image after the event was taken; `calendar` is in UTC."""
    times = calendar.sort_values("time")
    first, *later = times.loc[times["when"] == "after", "time"]
    right = first + pd.Timedelta(hours=hours_ahead)

    def hours(instant: pd.Timestamp) -> float:
        """Return how many hours after the first image a time is: the right answer is `hours_ahead`."""
        return float((instant - first) / pd.Timedelta(hours=1))

    def by_any_clock(passes: Any) -> list[float]:
        return [hours(time) + shift for time in passes for shift in (0, hours_ahead)]

    early = by_any_clock(times.loc[times["when"] == "before", "time"])
    of_day = hours(right.normalize() + (first - first.normalize()))
    other_day = [hours_ahead - 24, hours_ahead + 24]
    wrong = {
        f"That is in UTC. Add the difference to local time: {hours_ahead:+g} hours.": 0,
        "You subtracted the hours. Local time is UTC plus hours_ahead.": -hours_ahead,
        "That is the local day with the UTC time of day. Add the hours to date and time together.": of_day,
        "The time of day is right, but not the day: after midnight a new day begins.": other_day,
        "That is a pass from before the event. Keep those whose when is 'after'.": early,
        "There is an earlier one after the event: take the first.": by_any_clock(later),
        "Take the first time whose when is 'after', and add the hours: + pd.Timedelta(hours=...).": OTHERWISE,
    }
    compare(hours(_read_instant(answer)), hours_ahead, wrong, 1 / 60)
    return f"{right:%d %B %Y, %H:%M} local time, which is {first:%d %B, %H:%M} in UTC."


def _read_instant(answer: Any) -> pd.Timestamp:
    """Return one date and time, without an offset from UTC."""
    wanted = "one date and time, such as pd.Timestamp('2018-09-05T20:38'),"
    if not isinstance(answer, str):
        refuse_what_is_no_data(answer, wanted)
    values = np.asarray(answer).ravel()
    if values.size != 1:
        raise Hint(f"Your answer has the shape {np.shape(answer)} where {wanted} is expected; choose one of them.")
    if isinstance(values[0], str | dt.datetime | np.datetime64):
        try:
            found = pd.Timestamp(values[0])
        except ValueError:
            raise Hint(f"Your answer {answer!r} is not a date and time; write it as '2018-09-05T20:38'.") from None
        if not pd.isna(found):
            return found.tz_localize(None)
    raise Hint(f"Your answer is of type {type(answer).__name__} where {wanted} is expected.")
