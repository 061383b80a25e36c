"""Checks of notebook 06."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from landslide_utils.course.check.answer import AGAIN, Hint, compare, exercise, read_number, read_numbers, read_table


@exercise
def runs_missing(answer: Any, runs: Any, seeds: Any) -> str:
    """Check how many runs a grid lacks, if each combination in a table of runs is wanted with a number of seeds."""
    table = read_table(runs, "channels", "timesteps", "seed")
    bands, steps, done = table["channels"].nunique(), table["timesteps"].nunique(), len(table)
    wanted = int(seeds)
    whole = bands * steps * wanted
    right = whole - done
    number = read_number(answer)
    compare(
        number,
        right,
        [
            (whole, f"That is the whole grid. {done} of these runs are there already."),
            (done, "That is the number of runs that are there. How many has the whole grid, and how many does it lack?"),
            (bands * steps, "That is one seed. How many seeds are missing?"),
            (bands + steps + wanted, "You added. Each band combination is run with each number of passes and each seed: multiply."),
            (bands + steps + wanted - done, "You added. Each band combination is run with each number of passes and each seed: multiply."),
            (done * wanted - done, "The runs that are there hold several seeds already. Count combinations first, then multiply by the seeds."),
            (done * wanted, "The runs that are there hold several seeds already. Count combinations first, then multiply by the seeds."),
            (-right, "The sign is wrong: the whole grid less what is there."),
        ],
        "Multiply: band combinations times numbers of passes times seeds. Then take away the runs that are there.",
        absolute=0.5 if number == round(number) else 1e-9,
    )  # fmt: skip
    return f"{whole} runs in all, {done} are there, {right} to go: a grid grows by multiplication."


@exercise
def paired_difference(answer: Any, first: Any, second: Any) -> str:
    """Check mean and standard deviation of the difference of two settings, paired by seed: `first` minus `second`, each one value a seed."""
    if not all(isinstance(series, pd.Series) for series in (first, second)):
        raise Hint(
            f"One of the two columns is now of type {type(first).__name__}; a later cell has replaced it. {AGAIN}"
        )
    a, b = (series.astype(float) for series in (first, second))
    each = (a - b).dropna().to_numpy()
    if len(each) < 2:
        raise Hint("Fewer than two seeds have both settings, so there is no spread. Run the grid with more seeds.")
    mean, sd = float(each.mean()), float(each.std(ddof=1))
    if isinstance(answer, list | tuple | np.ndarray | pd.Series) and np.size(answer) == len(each) and len(each) != 2:
        values = np.asarray(answer, float).ravel()
        if np.allclose(np.sort(values), np.sort(each), rtol=0.01):
            raise Hint("These are the differences, seed by seed. Now give their mean and their standard deviation.")
    given_mean, given_sd = read_numbers(answer, ("the mean", "the standard deviation"))
    compare(
        given_mean,
        mean,
        [
            (float(a.max() - b.max()), "That is the difference of the best seeds. Take the difference seed by seed, then the mean: luck cancels."),
            (float(a.max() - b.min()), "That is the best seed of one against the worst of the other. Take the difference seed by seed."),
            (float(a.max()), "That is the best seed of the first alone. Take the difference seed by seed."),
            (float(a.mean()), "That is the mean of the first alone. Subtract the second, seed by seed."),
            (-mean, "The sign is wrong: the first minus the second."),
            (float(np.median(each)), "That is the median of the differences; the mean is asked."),
            (float(each.max()), "That is the largest difference of all seeds. Take their mean."),
            (float(each.sum()), "That is the sum of the differences. Take their mean."),
            (float(a.mean() / b.mean()), "That is a ratio. The difference is asked."),
            (sd, "The mean comes first, then the standard deviation."),
        ],
        "First the differences, seed by seed; then their mean.",
        absolute=max(0.01 * abs(mean), 1e-6),
    )  # fmt: skip
    compare(
        given_sd,
        sd,
        [
            (float(np.hypot(a.std(ddof=1), b.std(ddof=1))), "The mean is right. Your spread treats the two as strangers: root of the summed variances. They share their seeds: take the spread of the differences."),
            (float(each.std(ddof=0)), "The mean is right. Of few values divide by one less than their number: std(ddof=1), as pandas does."),
            (sd / np.sqrt(len(each)), "The mean is right. That is the standard error of the mean; the standard deviation of the differences is asked."),
            (sd**2, "The mean is right. That is the variance; take its root."),
            (float(np.ptp(each)), "The mean is right. That is the range from least to most; the standard deviation is asked."),
            (float(a.std(ddof=1)), "The mean is right. That is the spread of the first alone; take that of the differences."),
            (float(b.std(ddof=1)), "The mean is right. That is the spread of the second alone; take that of the differences."),
            (float(a.std(ddof=1) - b.std(ddof=1)), "The mean is right. That is a difference of spreads; take the spread of the differences."),
        ],
        "The mean is right. Now the standard deviation of the differences, seed by seed: std().",
        absolute=max(0.02 * sd, 1e-6),
    )  # fmt: skip
    return f"{mean:+.3f}, with a standard deviation of {sd:.3f} over {len(each)} seeds; the best seeds differ by {a.max() - b.max():+.3f}."


@exercise
def times_chance(answer: Any, found: Any) -> str:
    """Check how many times chance the best setting scores over all test chips, from the table that :func:`landslide_utils.experiments.results.means` returns."""
    table = read_table(found, "mean", "chance", "whole_scene", "whole_scene_chance")
    best = table.sort_values("mean").iloc[-1]
    right = float(best["whole_scene"] / best["whole_scene_chance"])
    inside = float(best["mean"] / best["chance"])
    compare(
        read_number(answer),
        right,
        [
            (inside, "That is inside chips that hold a landslide. Over all test chips both numbers are others: whole_scene and whole_scene_chance."),
            (float(best["whole_scene"] / best["chance"]), "You divided by the chance of the other measure. Over all test chips landslides are rarer: whole_scene_chance."),
            (float(best["mean"] / best["whole_scene_chance"]), "You divided a score inside landslide chips by the chance over all chips. Take whole_scene."),
            (float(best["whole_scene"] / 0.5), "Chance is not one half here: it is the share of landslides among the pixels that are scored."),
            (float(best["mean"] / 0.5), "Chance is not one half here: it is the share of landslides among the pixels that are scored."),
            (float(best["whole_scene"]), "That is the score. How many times chance is it?"),
            (float(best["whole_scene_chance"]), "That is chance itself. How many times is it in the score?"),
            (1 / right, "Upside down: the score divided by chance."),
            (float(best["whole_scene"] - best["whole_scene_chance"]), "That is a difference. How many times: divide."),
            (float((table["whole_scene"] / table["whole_scene_chance"]).mean()), "That is the mean over all settings. Take the best one alone: the largest mean."),
        ],
        "Take the line with the largest mean, found.loc[found['mean'].idxmax()], and divide its whole_scene by its whole_scene_chance.",
    )  # fmt: skip
    return f"{right:.0f} times chance over all test chips, {inside:.0f} times inside landslide chips, by the same maps."
