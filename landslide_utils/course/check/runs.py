"""Checks of notebooks 06 and 07: grids of runs, and another region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from landslide_utils.chips import SIZE
from landslide_utils.course.check.answer import (
    AGAIN,
    EXACT,
    OTHERWISE,
    Hint,
    area_mistakes,
    compare,
    exercise,
    read_number,
    read_numbers,
)
from landslide_utils.scene import Normalisation

PIXEL_KM = 0.01


@exercise("06_experiments", "runs[['channels', 'timesteps']].drop_duplicates() has a line for each setting.")
def runs_missing(answer: Any, runs: pd.DataFrame, seeds: int) -> str:
    """Check how many runs a grid lacks, if each combination in a table of runs is wanted with a number of seeds."""
    bands, steps, done = runs["channels"].nunique(), runs["timesteps"].nunique(), len(runs["seed"])
    settings = len(runs[["channels", "timesteps"]].drop_duplicates())
    whole, added, again = settings * seeds, bands + steps + seeds, [done * seeds, done * seeds - done]
    right, product = whole - done, bands * steps * seeds
    full = [] if product == whole else [product, product - done]  # no list of its own where terrain has all passes too
    wrong = {
        f"That is the whole grid. {done} of these runs are there already.": whole,
        "That is the number of runs that are there. How many are missing in the whole grid?": done,
        "Terrain has no passes: `dem` is there once per seed. Count the settings that are in the table.": full,
        "That is one seed. How many seeds are missing?": settings,
        "You added. Each combination is run with each number of passes and each seed: multiply.": [added, added - done],
        "The runs hold several seeds already. Count combinations first, then multiply by the seeds.": again,
        "The sign is wrong: the whole grid minus what is there.": -right,
        "Multiply the number of different settings by the seeds. Then subtract the runs that are there.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, EXACT)
    return f"{whole} runs in all, {done} are there, {right} are missing. The size of a grid is a product."


@exercise("06_experiments", "sar - vv has one difference for each seed.")
def paired_difference(answer: Any, first: pd.Series, second: pd.Series) -> str:
    """Check mean and standard deviation of `first` minus `second`, two settings with one value a seed each."""
    a, b = first.astype(float), second.astype(float)
    each = (a - b).dropna()
    if len(each) < 2:
        raise Hint("Fewer than two seeds have both settings, so there is no spread. Run the grid with more seeds.")
    mean, sd, best = each.mean(), each.std(), a.max() - b.max()
    if len(each) != 2 and np.shape(answer) == each.shape and np.allclose(np.sort(answer), np.sort(each), rtol=0.01):
        raise Hint("These are the differences, seed by seed. Now give their mean and their standard deviation.")
    given_mean, given_sd = read_numbers(answer, ("the mean", "the standard deviation"))
    wrong_mean = {
        "That is the difference of the best seeds. Subtract seed by seed, then take the mean.": best,
        "That is the best seed of one against the worst of the other. Subtract seed by seed.": a.max() - b.min(),
        "That is the best seed of the first alone. Take the difference seed by seed.": a.max(),
        "That is the mean of the first alone. Subtract the second, seed by seed.": a.mean(),
        "The sign is wrong: the first minus the second.": -mean,
        "That is the median of the differences. Give the mean.": each.median(),
        "That is the largest difference of all seeds. Take their mean.": each.max(),
        "That is the sum of the differences. Take their mean.": each.sum(),
        "That is a ratio. Give the difference.": a.mean() / b.mean(),
        "The mean comes first, then the standard deviation.": sd,
        "First the differences, seed by seed; then their mean.": OTHERWISE,
    }
    compare(given_mean, mean, wrong_mean, max(0.01 * abs(mean), 1e-6))
    separate = np.hypot(a.std(), b.std())
    wrong_sd = {
        "You treated the two as independent, but they share seeds. Take that of the differences.": separate,
        "For few values divide by their number minus one: std(ddof=1), as pandas does.": each.std(ddof=0),
        "That is the standard error of the mean; take the standard deviation.": sd / np.sqrt(len(each)),
        "That is the variance; take its root.": sd**2,
        "That is the range from least to most; give the standard deviation.": each.max() - each.min(),
        "That is the spread of the first alone; take that of the differences.": a.std(),
        "That is the spread of the second alone; take that of the differences.": b.std(),
        "That is a difference of spreads; take the spread of the differences.": a.std() - b.std(),
        "Now the standard deviation of the differences, seed by seed: std().": OTHERWISE,
    }
    wrong_sd = {f"The mean is right. {hint}": value for hint, value in wrong_sd.items()}
    compare(given_sd, sd, wrong_sd, max(0.02 * sd, 1e-6))
    return f"{mean:+.3f}, standard deviation {sd:.3f} over {len(each)} seeds; the best seeds differ by {best:+.3f}."


@exercise("06_experiments", "found.loc[found['mean'].idxmax()] is the line; divide two of its numbers.")
def times_chance(answer: Any, found: pd.DataFrame) -> str:
    """Check how many times chance the best setting scores over all test chips, from a table of means of a grid."""
    best = found.sort_values("mean").iloc[-1]
    score, chance, score_inside, chance_inside = best[["whole_scene", "whole_scene_chance", "mean", "chance"]]
    right, inside = score / chance, score_inside / chance_inside
    by_one_half = [2 * score, 2 * score_inside]
    of_all = (found["whole_scene"] / found["whole_scene_chance"]).mean()
    wrong = {
        "That is only on chips that hold a landslide. Take whole_scene and whole_scene_chance.": inside,
        "You divided by the chance of the other measure. Take whole_scene_chance.": score / chance_inside,
        "You divided a score on landslide chips by the chance on all chips. Take whole_scene.": score_inside / chance,
        "Chance is not one half here: it is the share of landslides in the pixels scored.": by_one_half,
        "That is the score. How many times chance is it?": score,
        "That is chance itself. How many times is it in the score?": chance,
        "Upside down: the score divided by chance.": 1 / right,
        "That is a difference. Divide instead.": score - chance,
        "That is the mean over all settings. Take the best one alone: the largest mean.": of_all,
        "In the line with the largest mean, divide whole_scene by whole_scene_chance.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.0f} times chance on all test chips, {inside:.0f} times on landslide chips, with the same maps."


@exercise("07_transfer", "Two of the three arrays are subtracted, the third divides.")
def level_shift(answer: Any, home: Normalisation, away: Normalisation) -> str:
    """Check by how many standard deviations of the training each channel's mean is away from that at home."""
    given = read_numbers(answer, home.channels)
    mean, sd, far, spread = map(np.array, (home.mean, home.sd, away.mean, away.sd))
    shift = far - mean
    wrong = {
        "The sign is the wrong way round: away minus home says how much brighter it is there.": -shift / sd,
        "These are decibels. Divide by the standard deviation at home: the network uses that.": shift,
        "You divided by the standard deviation away. The network uses that of its training.": shift / spread,
        "You divided by the variance; divide by the standard deviation.": shift / sd**2,
        "A ratio of decibels means nothing. Take the difference of the means.": far / mean,
        "Keep the sign: brighter and darker are not the same to a network.": abs(shift) / sd,
        "Subtract the mean at home first.": far / sd,
        "Take away_mean minus home_mean, and divide by home_sd, channel by channel.": OTHERWISE,
    }
    compare(given, shift / sd, wrong, 0.005)
    worst = int(np.abs(given).argmax())
    return f"The largest is {given[worst]:+.2f} standard deviations, for {home.channels[worst]}."


@exercise("07_transfer", "(few['part'] == 'train').sum() counts the chips; one is 1.28 km wide.")
def labelled_area(answer: Any, few: pd.DataFrame) -> str:
    """Check how many square kilometres the training chips of a table cover."""
    slid = few.loc[few["part"] == "train", "landslide_share"]
    count, chip = len(slid), (SIZE * PIXEL_KM) ** 2
    right = count * chip
    wrong = {
        "You counted only chips with landslides. Somebody had to check the empty ones too.": (slid > 0).sum() * chip,
        "You counted all chips of the table. Validation and test chips were not used for fine-tuning.": len(few) * chip,
        "That is the number of chips. Multiply by the area of one.": count,
        "A chip is as high as it is wide: square its width.": count * SIZE * PIXEL_KM,
        "You squared the number of chips too. Square only the width of one.": right * count,
        **area_mistakes(right),
        "That is the number of pixels. One is 10 m wide and has 100 square metres.": count * SIZE**2,
        "That is the area of the landslides. The whole chips had to be checked.": slid.sum() * chip,
        "Count the chips whose part is 'train', and multiply by the area of one, (1.28 km) squared.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{count} chips. An expert maps a few square kilometres per hour. Is the gain worth it?"


@exercise("07_transfer", "Make two series with the seed as index, one for each network; then subtract.")
def cost_of_transfer(answer: Any, pairs: pd.DataFrame, train_region: Any, test_region: Any) -> str:
    """Check the mean over seeds of AUPRC there minus AUPRC as trained elsewhere, on the same test chips."""

    def rows(trained: Any, tested: Any, method: str) -> pd.DataFrame:
        """Return the lines of a pair of regions, by seed."""
        same = (pairs["train_region"] == trained) & (pairs["test_region"] == tested) & (pairs["method"] == method)
        found: pd.DataFrame = pairs[same].set_index("seed").sort_index()
        return found

    tables = rows(test_region, test_region, "trained there"), rows(train_region, test_region, "as trained")
    if any(table.empty for table in tables):
        raise Hint(f"pairs has no line for {train_region} to {test_region}; {AGAIN}")
    there, elsewhere = (table["auprc"] for table in tables)
    on_chips = tables[0]["auprc_landslide_chips"] - tables[1]["auprc_landslide_chips"]
    home = rows(train_region, train_region, "trained there")["auprc"]
    corrected = rows(train_region, test_region, "normalised by region")["auprc"]
    cost = there - elsewhere
    right = cost.mean()
    wrong = {
        "The sign is the wrong way round: the score there minus that of the network from elsewhere.": -right,
        "You compared the score at home with the score away. Compare on the same chips.": (home - elsewhere).mean(),
        "You took the network with corrected brightness. Take the one as it was trained.": (there - corrected).mean(),
        "You took the best seed of each. Pair them by seed, then take the mean.": there.max() - elsewhere.max(),
        "That is one seed. Take the mean over all of them.": cost.iloc[0],
        "That is a ratio. Give the difference.": (elsewhere / there).mean(),
        "That is the score of the network from elsewhere. Subtract it from the other.": elsewhere.mean(),
        "You took the score on landslide chips. Take the column auprc.": on_chips.mean(),
        "That is the sum over the seeds; take the mean.": cost.sum(),
        "Take the lines of the test region, subtract yours from the one trained there, and take the mean.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, 0.0015)
    return f"The mean of {len(cost)} seeds; they range from {cost.min():+.2f} to {cost.max():+.2f}."
