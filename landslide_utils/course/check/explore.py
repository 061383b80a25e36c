"""Checks of notebook 01."""

from __future__ import annotations

from typing import Any

import numpy as np

from landslide_utils.course.check.answer import (
    TOLERANCE_DB,
    Hint,
    compare,
    decibels,
    exercise,
    made,
    read_map,
    read_number,
)


@exercise
def mean_backscatter(answer: Any, power: Any) -> str:
    """Check the mean backscatter, in dB, of any number of pixels in linear power."""
    (stack,) = made(power)
    values = stack.values[np.isfinite(stack.values) & (stack.values > 0)].astype(np.float64)
    mean = values.mean()
    right = decibels(mean)
    compare(
        read_number(answer),
        right,
        [
            (
                decibels(values).mean(),
                "That is the mean of the decibels, which is too low. Average the power first, then take the logarithm.",
            ),
            (mean, "That is the mean power. Now turn it into decibels."),
            (np.log10(mean), "That is in bels. A decibel is a tenth of a bel: multiply by 10."),
            (20 * np.log10(mean), "20 log10 is for amplitudes. These are powers: 10 log10."),
            (10 * np.log(mean), "np.log is the natural logarithm. Decibels need np.log10."),
            (np.log(mean), "That is the natural logarithm. Decibels are 10 times np.log10."),
            (
                decibels(np.median(values)),
                "That is the median. It does not feel the bright pixels; the mean is asked.",
            ),
            (-right, "The sign is wrong: power below 1 has negative decibels."),
            (decibels(values.sum()), "That is the sum of the power. Divide by the number of pixels, or use mean()."),
        ],
        "Average the linear power over all pixels that have data, then take 10 times np.log10 of that one number.",
        absolute=TOLERANCE_DB,
    )
    return f"{right:.1f} dB. The mean of the decibels would have been {decibels(values).mean():.1f} dB."


@exercise
def number_of_looks(answer: Any, power: Any) -> str:
    """Check the equivalent number of looks of pixels in linear power that differ only by speckle."""
    (pixels,) = made(power)
    values = pixels.values[np.isfinite(pixels.values)].astype(np.float64)
    mean, variance = values.mean(), values.var()
    right = mean**2 / variance
    db = decibels(values[values > 0])
    compare(
        read_number(answer),
        right,
        [
            (mean / np.sqrt(variance), "Nearly: square it. Looks are the squared mean over the variance."),
            (variance / mean**2, "Upside down: many looks mean little variance."),
            (np.sqrt(variance) / mean, "That is the coefficient of variation. Looks are one over its square."),
            (mean / variance, "Square the mean, so that the number does not depend on how bright the place is."),
            (mean**2 / np.sqrt(variance), "You divided by the standard deviation; divide by the variance."),
            (db.mean() ** 2 / db.var(), "You measured in decibels. Speckle multiplies power: take the power."),
            (float(values.size), "That is the number of pixels. Looks say how much they differ."),
        ],
        "Divide the squared mean by the variance, both of the power: x.mean()**2 / x.var().",
        absolute=0.02 * right,
    )
    return f"{right:.1f} looks: one pixel's power is uncertain by {100 / np.sqrt(right):.0f} percent."


@exercise
def facing_orbit(answer: Any) -> str:
    """Check from which orbit direction a slope that falls towards the west looks bright."""
    if not isinstance(answer, str):
        raise Hint(
            f"Your answer is of type {type(answer).__name__}; give a text in quotes: 'ascending' or 'descending'."
        )
    given = answer.strip().lower()
    if given in ("descending", "d"):
        raise Hint(
            "Descending passes fly south, and the antenna looks to the right of the flight: west. Such a radar stands in the east. Which slopes face it?"
        )
    if given in ("east", "west", "eastward", "westward"):
        raise Hint("That is a direction to look in. Which passes look in it: 'ascending' or 'descending'?")
    if given not in ("ascending", "a"):
        raise Hint(f"{answer!r} is not an orbit direction; there are 'ascending' and 'descending'.")
    return "Flying north it looks east, so it stands in the west and the slope leans towards it."


@exercise
def log_ratio(answer: Any, before: Any, after: Any) -> str:
    """Check the change in dB between two maps (y, x) of linear power."""
    early, late = made(before, after)
    a, b = early.values.astype(np.float64), late.values.astype(np.float64)
    right = decibels(b) - decibels(a)
    compare(
        read_map(answer, early),
        right,
        [
            (lambda: -right, "The sign is wrong: what got brighter must be positive. After minus before."),
            (
                lambda: np.abs(right),
                "You took the absolute value. Whether a place got brighter or darker tells a lot: keep the sign.",
            ),
            (lambda: b / a, "That is the ratio of the powers. Now take its logarithm, in decibels."),
            (
                lambda: b - a,
                "That is the difference of the powers: bright places dominate it. Take the difference of the decibels.",
            ),
            (lambda: np.log(b / a), "np.log is the natural logarithm. Decibels are 10 times np.log10."),
            (lambda: right / 10, "That is in bels. Multiply by 10."),
            (lambda: 2 * right, "20 log10 is for amplitudes. These are powers: 10 log10."),
            (lambda: decibels(a), "That is only the time before."),
            (lambda: decibels(b), "That is only the time after."),
        ],
        "Turn both maps into decibels, then subtract: after minus before.",
        absolute=TOLERANCE_DB,
    )
    return f"Its median is {np.nanmedian(right):.1f} dB: what changed the whole scene."
