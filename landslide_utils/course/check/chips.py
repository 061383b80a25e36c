"""Checks of notebook 02."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from landslide_utils.chips import SIZE, Normalisation
from landslide_utils.composite import choose_passes
from landslide_utils.course.check.answer import (
    TOLERANCE_DB,
    Hint,
    compare,
    decibels,
    exercise,
    made,
    read_map,
    read_number,
    read_table,
    refuse_what_is_no_data,
)


@exercise
def passes_before(answer: Any, cube: Any, count: Any, orbit: Any = "auto") -> str:
    """Check the instants of the last passes of one orbit direction before the event."""
    passes = choose_passes(cube, int(count), str(orbit))
    times, orbits = cube["time"].values, cube["orbit"].values
    right = set(times[list(passes.before)])
    refuse_what_is_no_data(answer, f"a list of {count} instants")
    found = np.atleast_1d(np.asarray(answer.values if isinstance(answer, xr.DataArray) else answer))
    if np.issubdtype(found.dtype, np.integer):
        raise Hint("Your answer holds numbers. Give the instants themselves: cube['time'].values[numbers].")
    try:
        given = set(found.astype(times.dtype).ravel())
    except (TypeError, ValueError):
        raise Hint(f"Your answer holds {found.dtype} where instants are asked, as in cube['time'].values.") from None
    if given == right:
        return f"The last of them is {max(right).astype('datetime64[m]')} UTC."
    instant = np.datetime64(cube.attrs["event_time"])
    same = times[orbits == passes.orbit]
    early = same[same < instant]
    by_day = same[same.astype("datetime64[D]") <= instant.astype("datetime64[D]")]
    if given - set(times):
        raise Hint("Some of your instants are not passes of this cube. Choose from cube['time'].values.")
    if given & set(times[times >= instant]):
        if given == set(by_day[-len(right) :]):
            raise Hint(
                "One of them is on the day of the event but after it. Compare instants, not days: times < event."
            )
        raise Hint(f"Some of them are after the event at {cube.attrs['event_time']} UTC.")
    if given - set(same):
        raise Hint(f"Some of them are of another orbit direction. Keep those whose orbit is {passes.orbit}.")
    if len(given) != len(right):
        raise Hint(f"These are {len(given)} passes where {len(right)} are asked: the last ones before the event.")
    if max(given) < max(right):
        lost = np.array(max(right), "datetime64[m]")
        if given == set(early[-1 - len(right) : -1]):
            raise Hint(
                f"You dropped the last pass before the event, {lost}, the most valuable one. A slice [-n:] keeps it, [-1-n:-1] does not."
            )
        raise Hint(
            f"There are later ones before the event, up to {lost}. The closer to the event, the less else has changed."
        )
    raise Hint("The last ones before the event are asked: sort by time and take [-n:].")


@exercise
def composite(answer: Any, power: Any) -> str:
    """Check the mean of passes (time, y, x) in linear power, given in dB (y, x)."""
    (stack,) = made(power)
    valid = stack.where((stack > 0) & np.isfinite(stack)).astype(np.float64)
    mean = valid.mean("time")
    right = decibels(mean)
    compare(
        read_map(answer, right),
        right.values,
        [
            (
                lambda: decibels(valid).mean("time").values,
                "You averaged decibels, which is too low where passes differ. Average the power, then take the logarithm.",
            ),
            (lambda: mean.values, "That is still power. Turn the mean into decibels."),
            (lambda: np.log(mean.values), "np.log is the natural logarithm. Decibels are 10 times np.log10."),
            (lambda: np.log10(mean.values), "That is in bels. Multiply by 10."),
            (lambda: 2 * right.values, "20 log10 is for amplitudes. These are powers: 10 log10."),
            (lambda: decibels(valid.median("time")).values, "That is the median. The mean of the power is asked."),
            (lambda: decibels(valid.sum("time")).values, "That is the sum over the passes; take the mean."),
            (lambda: decibels(valid.isel(time=-1)).values, "That is the last pass alone. Average all of them."),
            (lambda: decibels(valid.isel(time=0)).values, "That is the first pass alone. Average all of them."),
        ],
        "Take mean('time') of the power, then 10 times np.log10 of it.",
        absolute=TOLERANCE_DB,
    )
    return f"A composite of {stack.sizes['time']} passes."


@exercise
def leaking_chips(answer: Any, chips: Any) -> str:
    """Check how many test chips touch a training chip, at an edge or a corner, in a table of chips that lie side by side."""
    chips = read_table(chips, "row", "col", "part")
    places = {part: chips.loc[chips["part"] == part, ["row", "col"]].to_numpy() for part in ("train", "test")}
    apart = np.abs(places["test"][:, None] - places["train"][None])
    touches = (apart <= SIZE).all(axis=2)
    edges = touches & (apart == 0).any(axis=2)
    right, tests = int(touches.any(axis=1).sum()), len(places["test"])
    number = read_number(answer)
    compare(
        number,
        right,
        [
            (tests, "That is the number of all test chips. Keep those that touch a training chip."),
            (int(edges.any(axis=1).sum()), "You left out chips that touch at a corner only."),
            (
                int(touches.sum()),
                "You counted pairs: a test chip with several training neighbours counts once. any() over the training chips helps.",
            ),
            (
                int(touches.any(axis=0).sum()),
                "Those are training chips that touch a test chip; the other way round is asked.",
            ),
            (right / max(tests, 1), "That is a share; give the number of chips."),
            (100 * right / max(tests, 1), "That is a percentage; give the number of chips."),
        ],
        "For each test chip ask: is there a training chip whose row and column both differ by at most the width of a chip? Count the test chips with yes.",
        absolute=0.5 if number == round(number) else 1e-9,
    )
    return f"{right} of {tests} test chips touch a training chip."


@exercise
def normalised(answer: Any, image: Any, chips: Any) -> str:
    """Check an image (channel, y, x) that has been normalised by what the training chips hold."""
    (layers,) = made(image)
    values = layers.values.astype(np.float64)
    fitted = Normalisation.fit(layers, chips)
    mean, sd = (np.array(number)[:, None, None] for number in (fitted.mean, fitted.sd))
    scene = [np.nanmean(values, axis=(1, 2), keepdims=True), np.nanstd(values, axis=(1, 2), keepdims=True)]
    everything = Normalisation.fit(layers, chips.assign(part="train"))
    all_mean, all_sd = (np.array(number)[:, None, None] for number in (everything.mean, everything.sd))
    test = Normalisation.fit(layers, chips.assign(part=np.where(chips["part"] == "test", "train", "other")))
    compare(
        read_map(answer, layers),
        (values - mean) / sd,
        [
            (
                lambda: (values - scene[0]) / scene[1],
                "You measured the whole scene, test chips too. What is measured on a test chip is no longer unknown.",
            ),
            (
                lambda: (values - all_mean) / all_sd,
                "You measured all chips, test chips too. Only those whose part is 'train' may be measured.",
            ),
            (
                lambda: (values - np.array(test.mean)[:, None, None]) / np.array(test.sd)[:, None, None],
                "You measured the test chips. Measure the training chips.",
            ),
            (
                lambda: (values - np.nanmean(values)) / np.nanstd(values),
                "Each channel has its own mean and standard deviation: VV is brighter than VH.",
            ),
            (lambda: values - mean, "Now divide by the standard deviation of the training chips."),
            (lambda: values / sd, "Subtract the mean of the training chips first."),
            (
                lambda: (values - mean) / sd**2,
                "You divided by the variance; divide by the standard deviation, its root.",
            ),
            (lambda: values, "That is the image as it was."),
        ],
        "Measure mean and standard deviation of each channel where the mask of the training chips is true; subtract the one, divide by the other.",
        absolute=0.002,
    )
    return "Mean 0 and standard deviation 1 on the training chips, and nothing learnt from the test."
