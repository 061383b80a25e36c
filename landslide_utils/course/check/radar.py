"""Checks of notebooks 01 and 02: backscatter, change, composites and chips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landslide_utils.chips import SIZE
from landslide_utils.composite import choose_passes, decibels
from landslide_utils.course.check.answer import (
    OTHERWISE,
    TOLERANCE_DB,
    Hint,
    compare,
    decibel_mistakes,
    exercise,
    read_map,
    read_number,
    refuse_what_is_no_data,
)
from landslide_utils.scene import Normalisation


@exercise("01_explore", "forest.mean() is one number, in power; only then take np.log10.")
def mean_backscatter(answer: Any, power: xr.DataArray) -> str:
    """Check the mean backscatter, in dB, of any number of pixels in linear power."""
    values = power.values[np.isfinite(power.values) & (power.values > 0)].astype(np.float64)
    right, of_decibels = decibels(values.mean()), decibels(values).mean()
    valid = power.where(power > 0).astype(np.float64)
    parts = [dims for dims in (("time",), ("y", "x")) if {*dims} < {*power.dims}]
    half = "You averaged half in power and half in decibels. Average all in power, then take the logarithm once."
    wrong = {
        "That is the mean of the decibels, which is too low. Average first, then take the logarithm.": of_decibels,
        half: [lambda dims=dims: decibels(valid.mean(dims)).mean() for dims in parts],
        "That is the mean power. Now turn it into decibels.": values.mean(),
        **decibel_mistakes(values.mean()),
        "That is the median, which ignores very bright pixels. We need the mean.": decibels(np.median(values)),
        "The sign is wrong: power below 1 has negative decibels.": -right,
        "That is the sum of the power. Divide by the number of pixels, or use mean().": decibels(values.sum()),
        "Average the linear power of all pixels with data, then take 10 times np.log10 of that number.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, TOLERANCE_DB)
    return f"{right:.1f} dB. The mean of the decibels would have been {of_decibels:.1f} dB."


@exercise("01_explore", "You need one_pass.mean(), one_pass.var() and a square.")
def number_of_looks(answer: Any, power: xr.DataArray) -> str:
    """Check the equivalent number of looks of pixels in linear power that differ only by speckle."""
    values = power.values[np.isfinite(power.values)].astype(np.float64)
    mean, variance, sd = values.mean(), values.var(), values.std()
    right, db = mean**2 / variance, decibels(values[values > 0])
    wrong = {
        "Nearly: square it. Looks are the squared mean divided by the variance.": mean / sd,
        "Upside down: with many looks the variance is small.": variance / mean**2,
        "That is the coefficient of variation. The number of looks is one divided by its square.": sd / mean,
        "Square the mean, so that the number does not depend on how bright the place is.": mean / variance,
        "You divided by the standard deviation; divide by the variance.": mean**2 / sd,
        "You measured in decibels. Speckle multiplies power: take the power.": db.mean() ** 2 / db.var(),
        "That is the number of pixels. The number of looks says how much they differ.": values.size,
        "Divide the squared mean by the variance, both of the power: x.mean()**2 / x.var().": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, 0.02 * right)
    only = " (One divided by the variance is the same only where the mean is 1.)" * bool(abs(mean - 1) < 0.02)
    return f"{right:.1f} looks: the standard deviation of the power is {100 / np.sqrt(right):.0f} % of its mean.{only}"


@exercise("01_explore", "steep['vv'].where(falls_west).mean(('y', 'x')) has one number for each pass.")
def facing_orbit(answer: Any, steep: xr.Dataset, falls_west: xr.DataArray) -> str:
    """Check by how many dB slopes are brighter in the ascending pass than in the descending one of a cube of both."""
    space, power = ("y", "x"), steep["vv"].where(steep["vv"] > 0).astype(np.float64)

    def brighter(level: xr.DataArray) -> float:
        """Return the level of the ascending pass minus that of the descending one."""
        one, other = (level.values[steep["orbit"].values == way].mean() for way in ("ascending", "descending"))
        return float(one - other)

    levels = power.where(falls_west).mean(space)
    right = brighter(decibels(levels))
    whole, others = (brighter(decibels(power.where(part).mean(space))) for part in (True, ~falls_west))
    wrong = {
        "The sign is the wrong way round: the ascending pass minus the descending one.": -right,
        "That is a ratio of powers. Turn it into decibels.": [10 ** (right / 10), 10 ** (-right / 10)],
        "That is a difference of powers. Turn both into decibels, then subtract.": brighter(levels),
        "That is the whole view. Keep the slopes that fall west: where(falls_west).": whole,
        "Those are the other slopes. Keep those where falls_west is true.": others,
        "That is one pass alone. How much brighter is the ascending one?": [*decibels(levels).values],
        "You averaged decibels. Average the power first.": brighter(decibels(power).where(falls_west).mean(space)),
        "Average the power where falls_west is true, in each pass. Then take decibels, and subtract.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, TOLERANCE_DB)
    return f"{right:+.1f} dB. An ascending pass flies north and looks east: it is in the west. These slopes face it."


@exercise("01_explore", "10 * np.log10(after) is one half of it.")
def log_ratio(answer: Any, before: xr.DataArray, after: xr.DataArray) -> str:
    """Check the change in dB between two maps (y, x) of linear power."""
    a, b = before.values.astype(np.float64), after.values.astype(np.float64)
    right = decibels(b) - decibels(a)
    wrong = {
        "The sign is wrong: what got brighter must be positive. After minus before.": lambda: -right,
        "You took the absolute value. Keep the sign: brighter and darker are different changes.": lambda: np.abs(right),
        "That is the ratio of the powers. Now take its logarithm, in decibels.": lambda: b / a,
        "That is the difference of the powers. Bright places dominate it: subtract decibels.": lambda: b - a,
        **decibel_mistakes(b / a),
        "You took off the median already; the next cell does that.": lambda: right - np.nanmedian(right),
        "That is only the image before.": lambda: decibels(a),
        "That is only the image after.": lambda: decibels(b),
        "Turn both maps into decibels, then subtract: after minus before.": OTHERWISE,
    }
    compare(read_map(answer, before), right, wrong, TOLERANCE_DB)
    return f"Its median is {np.nanmedian(right):.1f} dB: the change of the whole scene."


@exercise("02_chips", "times[mask] keeps what is true; one mask is times < event, one is for the orbit.")
def passes_before(answer: Any, cube: xr.Dataset, count: Any, orbit: Any) -> str:
    """Check the times of the last passes of one orbit direction before the event."""
    passes = choose_passes(cube, int(count), str(orbit))
    times = cube["time"].values
    right = set(times[list(passes.before)])
    given = _read_instants(answer, times, f"a list of {count} times")
    if given == right:
        return f"The last of them is {max(right).astype('datetime64[m]')} UTC."
    event = np.datetime64(cube.attrs["event_time"])
    same = times[cube["orbit"].values == passes.orbit]
    n, last = len(right), max(right).astype("datetime64[m]")
    cut_by_day = given == set(same[same.astype("datetime64[D]") <= event.astype("datetime64[D]")][-n:])
    dropped = given == set(same[same < event][-1 - n : -1])
    faults = {
        "Some of your times are not passes of this cube. Choose from cube['time'].values.": given - set(times),
        "One of them is on the day of the event but after it. Compare times, not days: times < event.": cut_by_day,
        f"Some of them are after the event at {cube.attrs['event_time']} UTC.": given & set(times[times >= event]),
        f"Some of them are of another orbit direction. Keep those whose orbit is {passes.orbit}.": given - set(same),
        f"These are {len(given)} passes where {n} are expected: the last ones before the event.": len(given) != n,
        f"You dropped the last pass before the event, {last}. A slice [-n:] keeps it, [-1-n:-1] does not.": dropped,
        f"There are later ones before the event, up to {last}, which are closer to the event.": max(right) not in given,
        "Give the last ones before the event: sort by time and take [-n:].": True,
    }
    raise Hint(next(hint for hint, found in faults.items() if found))


def _read_instants(answer: Any, like: Any, wanted: str) -> set[np.datetime64]:
    refuse_what_is_no_data(answer, wanted)
    found = np.atleast_1d(np.asarray(answer))
    if np.issubdtype(found.dtype, np.integer):
        raise Hint("Your answer holds numbers. Give the times themselves: cube['time'].values[numbers].")
    try:
        return set(found.astype(like.dtype).ravel())
    except (TypeError, ValueError):
        raise Hint(f"Your answer holds {found.dtype} where times are expected, as in cube['time'].values.") from None


@exercise("02_chips", "swath.where(swath > 0) makes zeros missing, and mean leaves out what is missing.")
def composite(answer: Any, power: xr.DataArray) -> str:
    """Check the mean of passes (time, y, x) in linear power, given in dB (y, x)."""
    valid = power.where((power > 0) & np.isfinite(power)).astype(np.float64)
    mean = valid.mean("time")
    right = decibels(mean)
    wrong = {
        "You averaged decibels, which is too low. Average the power first.": lambda: decibels(valid).mean("time"),
        "You averaged zeros too. Where a pass has 0 there is no measurement.": lambda: decibels(power.mean("time")),
        "That is still power. Turn the mean into decibels.": mean,
        **decibel_mistakes(mean),
        "That is the median. We need the mean of the power.": lambda: decibels(valid.median("time")),
        "That is the sum over the passes; take the mean.": lambda: decibels(valid.sum("time")),
        "That is the last pass alone. Average all of them.": lambda: decibels(valid.isel(time=-1)),
        "That is the first pass alone. Average all of them.": lambda: decibels(valid.isel(time=0)),
        "Take mean('time') of the power, then 10 times np.log10 of it.": OTHERWISE,
    }
    compare(read_map(answer, right), right, wrong, TOLERANCE_DB)
    return f"A composite of {power.sizes['time']} passes."


@exercise("02_chips", "abs(test_places[:, None] - train_places[None]) has all pairs, with row and col.")
def leaking_chips(answer: Any, chips: pd.DataFrame) -> str:
    """Check how many training chips a test chip touches on average, at edges or corners, in a table of chips."""
    places = {part: chips.loc[chips["part"] == part, ["row", "col"]].to_numpy() for part in ("train", "test")}
    apart = np.abs(places["test"][:, None] - places["train"][None])
    touches = (apart <= SIZE).all(axis=2)
    edges = touches & (apart == 0).any(axis=2)
    tests, trains = touches.shape
    right, any_touch = touches.sum() / max(tests, 1), touches.any(axis=1)
    wrong = {
        "You left out chips that touch at a corner only.": edges.sum() / max(tests, 1),
        "That is how many touch in all. Divide by the number of test chips.": touches.sum(),
        "That is the number of test chips that touch any. How many do they touch?": any_touch.sum(),
        "That is the share of test chips that touch any. How many do they touch?": any_touch.mean(),
        "You divided by the number of training chips. Divide by that of the test chips.": touches.sum() / trains,
        "You left out test chips that touch none. They count as 0.": touches.sum() / max(any_touch.sum(), 1),
        "Eight chips surround each, but not all of them are training chips.": 8,
        "For each pair: do row and column both differ by at most SIZE? Count, and divide by the test chips.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.1f} on average; {any_touch.sum()} of {tests} test chips touch at least one."


@exercise("02_chips", "image.where(train).mean(('y', 'x')) has the mean of each channel.")
def normalised(answer: Any, image: xr.DataArray, chips: pd.DataFrame) -> str:
    """Check an image (channel, y, x) that has been normalised by what the training chips hold."""
    scene, fitted = image.astype(np.float64), Normalisation.fit(image, chips)
    values = scene.values
    mean, sd = (np.array(numbers)[:, None, None] for numbers in (fitted.mean, fitted.sd))
    test = np.where(chips["part"] == "test", "train", "other")

    def normalised_by(part: Any) -> xr.DataArray:
        return Normalisation.fit(image, chips.assign(part=part)).apply(image)

    def standardised(*over: str) -> xr.DataArray:
        return (scene - scene.mean(over or ...)) / scene.std(over or ...)

    wrong = {
        "You measured the whole scene. Then the test chips are no longer unknown.": lambda: standardised("y", "x"),
        "You measured all chips, test chips too. Only part 'train' may be measured.": lambda: normalised_by("train"),
        "You measured the test chips. Measure the training chips.": lambda: normalised_by(test),
        "Each channel has its own mean and standard deviation: VV is brighter than VH.": standardised,
        "Now divide by the standard deviation of the training chips.": lambda: values - mean,
        "Subtract the mean of the training chips first.": lambda: values / sd,
        "You divided by the variance; divide by the standard deviation, its root.": lambda: (values - mean) / sd**2,
        "That is the image as it was.": values,
        "Measure mean and standard deviation of each channel on the training chips; subtract, divide.": OTHERWISE,
    }
    compare(read_map(answer, image), (values - mean) / sd, wrong, 0.002)
    return "The training chips have mean 0 and standard deviation 1, and the test chips were not used."
