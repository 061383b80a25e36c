"""Checks of notebook 04."""

from __future__ import annotations

from typing import Any

import numpy as np

from landslide_utils.calibration import threshold_for
from landslide_utils.course.check.answer import compare, exercise, read_number


@exercise
def spread_of_difference(answer: Any, first: Any, second: Any) -> str:
    """Check the standard deviation of the difference of two AUPRC, from bootstrap draws (draws,) that took the same chips."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    difference = a - b
    right = float(np.nanstd(difference))
    apart = float(np.hypot(np.nanstd(a), np.nanstd(b)))
    compare(
        read_number(answer),
        right,
        [
            (
                apart,
                "That would hold if each detector had been tested on chips of its own. Draw by draw they saw the same chips: subtract first.",
            ),
            (
                float(np.nanstd(a) + np.nanstd(b)),
                "You added the two standard deviations. Subtract draw by draw first, then take one.",
            ),
            (
                abs(float(np.nanstd(a) - np.nanstd(b))),
                "That is the difference of the standard deviations. The standard deviation of the difference is asked.",
            ),
            (float(np.nanstd(a)), "That is the first detector alone. Subtract the other one, draw by draw."),
            (float(np.nanstd(b)), "That is the second detector alone. Subtract it from the first, draw by draw."),
            (right**2, "That is the variance; take its root."),
            (
                abs(float(np.nanmean(difference))),
                "That is how large the difference is. How much does it vary from draw to draw?",
            ),
            (
                right / np.sqrt(len(difference)),
                "You divided by the root of the number of draws. More draws cost only time, so they cannot make the test surer.",
            ),
            (1.96 * right, "That is half the width of an interval. The standard deviation itself is asked."),
        ],
        "Subtract the two arrays of draws from each other, and take np.nanstd of that one array.",
    )
    return f"{right:.3f}, where two separate tests would have {apart:.3f}."


@exercise
def landslides_found(answer: Any, each: Any) -> str:
    """Check the share of landslides of which at least half is reported, from a table with a line for each landslide."""
    found, area = each["found"].to_numpy(), each["area_m2"].to_numpy()
    enough = found >= 0.5
    right, by_area = float(enough.mean()), float(np.average(found, weights=area))
    compare(
        read_number(answer),
        right,
        [
            (
                by_area,
                "That is the share of landslide pixels. A large landslide has many; here each landslide counts once.",
            ),
            (
                float(np.average(enough, weights=area)),
                "You weighted each landslide with its area. Each counts once: plain mean().",
            ),
            (
                float(found.mean()),
                "That is the mean of the reported shares. Ask of each landslide whether it is at least 0.5, and count those.",
            ),
            (
                float((found > 0).mean()),
                "Those are the landslides of which any pixel is reported. At least half is asked.",
            ),
            (float((found == 1).mean()), "Those are the landslides that are reported whole. At least half is asked."),
            (float((found > 0.5).mean()), "At least half includes exactly half: >= instead of >."),
            (1 - right, "Those are the landslides that are missed. What share is found?"),
            (float(enough.sum()), "That is a number of landslides; give the share of all of them."),
            (100 * right, "Give it as a share between 0 and 1, not in percent."),
        ],
        "Compare each['found'] with 0.5, which is true or false for each landslide, and take the mean of that.",
        absolute=0.5 / len(found),
    )
    return f"{right:.2f} of {len(found)} landslides, and {by_area:.2f} of their pixels."


@exercise
def calibration_error(answer: Any, table: Any) -> str:
    """Check the mean distance between probability and share over bins, weighted by their pixels."""
    apart = (table["probability"] - table["share"]).to_numpy()
    weights = table["pixels"].to_numpy()
    right = float(np.average(abs(apart), weights=weights))
    compare(
        read_number(answer),
        right,
        [
            (
                abs(float(np.average(apart, weights=weights))),
                "Bins above and below the diagonal cancel in that. Take the absolute value in each bin first: abs().",
            ),
            (float(abs(apart).mean()), "Bins hold different numbers of pixels. Weight each with its pixels."),
            (
                float(np.sqrt(np.average(apart**2, weights=weights))),
                "You squared the distances. Take their absolute value.",
            ),
            (float(np.average(apart**2, weights=weights)), "You squared the distances. Take their absolute value."),
            (float(abs(apart).max()), "That is the largest distance of a bin. The mean over the bins is asked."),
            (float(abs(apart).sum()), "That is the sum over the bins. The mean, weighted by pixels, is asked."),
            (
                float((abs(apart) * weights).sum()),
                "That is a sum over all pixels. Divide by the number of pixels, or use np.average(..., weights=...).",
            ),
            (100 * right, "Give it as a share between 0 and 1, not in percent."),
        ],
        "In each bin take abs(probability - share); then np.average of that with weights=table['pixels'].",
    )
    return f"{right:.4f}: so far the probabilities are from the truth, in the mean over the pixels."


@exercise
def cost_threshold(answer: Any, cost_of_a_miss: Any, cost_of_a_false_alarm: Any) -> str:
    """Check the probability at which reporting a pixel costs, in the mean, as much as keeping silent."""
    miss, alarm = cost_of_a_miss, cost_of_a_false_alarm
    right = threshold_for(miss, alarm)
    compare(
        read_number(answer),
        right,
        [
            (
                alarm / miss,
                "Nearly: those are the odds, p against 1 - p. In p * miss = (1 - p) * alarm, bring every p to one side.",
            ),
            (
                miss / (miss + alarm),
                "The wrong way round: the dearer a miss, the sooner we should report, so the lower the threshold.",
            ),
            (miss / alarm, "That is how many false alarms a miss is worth. A probability lies between 0 and 1."),
            (0.5, "One half is right only where both mistakes cost the same."),
            (100 * right, "Give it as a probability between 0 and 1, not in percent."),
        ],
        "Silence costs p * cost_of_a_miss in the mean, reporting (1 - p) * cost_of_a_false_alarm. Set them equal and solve for p.",
    )
    return f"Report above {right:.3f}."
