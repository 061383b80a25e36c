"""Checks of notebook 07."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from landslide_utils.chips import SIZE, Normalisation
from landslide_utils.course.check.answer import AGAIN, Hint, compare, exercise, read_number, read_numbers, read_table

PIXEL_KM = 0.01


@exercise
def level_shift(answer: Any, home: Any, away: Any) -> str:
    """Check by how many standard deviations of the training each channel's mean is away from that at home."""
    if not isinstance(home, Normalisation) or not isinstance(away, Normalisation):
        raise Hint(f"home or away is no normalisation any more; a later cell has replaced it. {AGAIN}")
    given = np.array(read_numbers(answer, home.channels))
    mean, sd, far, spread = (np.array(numbers) for numbers in (home.mean, home.sd, away.mean, away.sd))
    compare(
        given,
        (far - mean) / sd,
        [
            ((mean - far) / sd, "The sign is the wrong way round: away minus home says how much brighter it is there."),
            (far - mean, "These are decibels. Divide by the standard deviation at home: that is what the network counts in."),
            ((far - mean) / spread, "You divided by the standard deviation away. The network counts in that of its training, at home."),
            ((far - mean) / sd**2, "You divided by the variance; divide by the standard deviation."),
            (far / mean, "A ratio of decibels means nothing. Take the difference of the means."),
            (abs(far - mean) / sd, "Keep the sign: brighter and darker are not the same to a network."),
            (far / sd, "Subtract the mean at home first."),
        ],
        "Take away_mean minus home_mean, and divide by home_sd, channel by channel.",
        absolute=0.005,
    )  # fmt: skip
    worst = int(np.abs(given).argmax())
    return f"The largest is {given[worst]:+.2f}, of {home.channels[worst]}. That is how strange the new region's ground looks to the network."


@exercise
def labelled_area(answer: Any, few: Any) -> str:
    """Check how many square kilometres the training chips of a table cover."""
    few = read_table(few, "part", "landslide_share")
    train = few[few["part"] == "train"]
    rich = train["landslide_share"] > 0
    chip = (SIZE * PIXEL_KM) ** 2
    right = len(train) * chip
    compare(
        read_number(answer),
        right,
        [
            (rich.sum() * chip, "You counted only chips with landslides. Somebody had to look through the empty ones too, to know that they are empty."),
            (len(few) * chip, "You counted all chips of the table. Those of validation and test were not given to the tuning."),
            (len(train), "That is the number of chips. Multiply by the area of one."),
            (len(train) * SIZE * PIXEL_KM, "A chip is as high as it is wide: square its width."),
            (right * 1e6, "That is in square metres; a square kilometre has a million of them."),
            (right * 1e3, "A square kilometre is not 1000 square metres: divide by a million."),
            (right * 100, "That is in hectares; a square kilometre has a hundred of them."),
            (len(train) * SIZE**2, "That is the number of pixels. A pixel is 10 m wide, and its area is 100 square metres."),
            (train["landslide_share"].sum() * chip, "That is the area of the landslides. The whole chips had to be looked through."),
        ],
        "Count the chips whose part is 'train', and multiply by the area of one: (128 x 10 m) squared, in square kilometres.",
    )  # fmt: skip
    return f"{len(train)} chips. A trained eye maps some square kilometres an hour; is the gain worth it?"


@exercise
def cost_of_transfer(answer: Any, pairs: Any, train_region: Any, test_region: Any) -> str:
    """Check the mean over seeds of AUPRC there minus AUPRC as trained elsewhere, on the same test chips."""
    pairs = read_table(pairs, "train_region", "test_region", "method", "seed", "auprc", "auprc_landslide_chips")

    def scores(region: Any, method: str, trained: Any, column: str = "auprc") -> pd.Series:
        some = pairs[
            (pairs["test_region"] == region) & (pairs["method"] == method) & (pairs["train_region"] == trained)
        ]
        found: pd.Series[float] = some.set_index("seed")[column].sort_index()
        return found

    there = scores(test_region, "trained there", test_region)
    here = scores(train_region, "trained there", train_region)
    elsewhere = scores(test_region, "as trained", train_region)
    mended = scores(test_region, "normalised by region", train_region)
    chips = scores(test_region, "trained there", test_region, "auprc_landslide_chips")
    chips_elsewhere = scores(test_region, "as trained", train_region, "auprc_landslide_chips")
    if not len(there) or not len(elsewhere):
        raise Hint(f"pairs has no line for {train_region} to {test_region}; {AGAIN}")
    right = float((there - elsewhere).mean())
    compare(
        read_number(answer),
        right,
        [
            (-right, "The sign is the wrong way round: the cost is the score there minus the score of the one that came from elsewhere."),
            (float((here - elsewhere).mean()), "You compared the score at home with the score away: other test chips, another prevalence. Compare two networks on the same region."),
            (float((there - mended).mean()), "You took the network with mended levels. The one as it was trained is asked."),
            (float(there.max() - elsewhere.max()), "You took the best seed of each. Pair them seed by seed, then take the mean."),
            (float(there.iloc[0] - elsewhere.iloc[0]), "That is one seed. Take the mean over all of them."),
            (float((elsewhere / there).mean()), "That is the share that is left. The difference is asked."),
            (float(elsewhere.mean()), "That is the score of the network from elsewhere. Subtract it from that of one trained there."),
            (float((chips - chips_elsewhere).mean()), "You took the measure on landslide chips. The column auprc is asked."),
            (float((there - elsewhere).sum()), "That is the sum over the seeds; take the mean."),
        ],
        "Take the lines of the test region. Of one trained there and of yours, index auprc by seed, subtract, and take the mean.",
        absolute=0.0015,
    )  # fmt: skip
    return f"The mean of {len(there)} seeds; they range from {(there - elsewhere).min():+.2f} to {(there - elsewhere).max():+.2f}."
