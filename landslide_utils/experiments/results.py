"""Results of a grid of runs: means with intervals, verdicts on the paper's four claims, and the files of both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from landslide_utils.figures.scores import passes_figure
from landslide_utils.figures.style import Picture
from landslide_utils.files import atomic_write
from landslide_utils.metrics import LEVEL, Interval
from landslide_utils.regions import REGIONS

MEASURE = "auprc_landslide_chips"
"""The paper's measure: AUPRC inside the test chips that hold a landslide."""

HOLDS, FAILS, EQUAL, UNCLEAR = "holds", "does not hold", "makes no difference", "cannot tell here"
ABSENT = "not asked here"
NEGLIGIBLE = 0.02
"""Differences of AUPRC up to this count as none."""


def pooled(values: NDArray[np.float64], draws: NDArray[np.float64], chips_with_landslides: int) -> Interval:
    """Return the mean over seeds with an interval that counts both the seeds and the few chips of the test.

    Parameters
    ----------
    values : numpy.ndarray (seed,)
    draws : numpy.ndarray (draw, seed)
        Bootstrap draws of each.
    chips_with_landslides : int
        In the test of one seed. The seeds' tests share chips, so three of them do not count as three times as many.
    """
    seeds = len(values)
    within = float(np.nanvar(draws, axis=0).mean()) * chips_with_landslides / max(chips_with_landslides - 1, 1)
    between = float(np.var(values, ddof=1)) / seeds if seeds > 1 else 0.0
    reach = float(stats.t.ppf((1 + LEVEL) / 2, max(chips_with_landslides - 1, 1))) * np.sqrt(within + between)
    mean = float(np.mean(values))
    return Interval(mean, mean - reach, mean + reach)


class _Grid:
    """A table of runs with their draws, from which one setting or the difference of two can be taken."""

    def __init__(self, table: pd.DataFrame, draws: pd.DataFrame) -> None:
        self.table, self.draws = table, draws
        self.chips = int(table["n_test_chips_with_landslides"].min())
        self.timesteps = sorted(int(steps) for steps in table["timesteps"].unique())

    def select(self, channels: str, timesteps: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return values (seed,) and draws (draw, seed), averaged over timesteps; terrain is the same for all."""
        values, draws = [], []
        runs = self.table[self.table["channels"] == channels]
        wanted = runs["timesteps"].isin(timesteps) | (channels == "dem")
        for _, lines in runs[wanted].groupby("seed"):
            if channels == "dem" or set(lines["timesteps"]) == set(timesteps):
                values.append(float(lines[MEASURE].mean()))
                draws.append(self.draws[lines["run"].tolist()].mean(axis=1).to_numpy())
        return np.array(values), np.array(draws).T

    def difference(self, first: tuple[str, Sequence[int]], second: tuple[str, Sequence[int]]) -> Interval | None:
        """Return by how much the first setting is better; None if either lacks runs."""
        (a, draws_a), (b, draws_b) = self.select(*first), self.select(*second)
        if len(a) == 0 or len(a) != len(b):
            return None
        return pooled(a - b, draws_a - draws_b, self.chips)


def means(table: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """Return the mean AUPRC over the seeds, its interval, its spread, and chance, for each setting.

    Parameters
    ----------
    table, draws : pandas.DataFrame
        From :func:`~landslide_utils.experiments.grid.collect` and
        :func:`~landslide_utils.experiments.grid.collect_draws`.

    Returns
    -------
    pandas.DataFrame
        One line for each band combination and number of passes.
    """
    grid = _Grid(table, draws)
    groups = table.groupby(["channels", "timesteps"], as_index=False)
    summary = groups.agg(
        seeds=(MEASURE, "size"),
        sd_over_seeds=(MEASURE, "std"),
        chance=("prevalence_landslide_chips", "mean"),
        whole_scene=("auprc", "mean"),
        whole_scene_chance=("prevalence", "mean"),
    )
    settings = zip(summary["channels"], summary["timesteps"], strict=True)
    intervals = [pooled(*grid.select(channels, [steps]), grid.chips) for channels, steps in settings]
    for place, name, values in zip((3, 4, 5), ("mean", "low", "high"), zip(*intervals, strict=True), strict=True):
        summary.insert(place, name, values)
    summary.attrs["simulated"] = bool(table["simulated"].all())
    return summary


def hours_after(table: pd.DataFrame) -> pd.Series:
    """Return how many hours after the event the last pass of each number of passes was there.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`landslide_utils.experiments.grid.collect`: it has the instants of each run's passes.

    Returns
    -------
    pandas.Series
        Hours, by number of passes.

    Raises
    ------
    ValueError
        If runs with as many passes used different ones, or nobody knows when the event was.
    """
    hours = {}
    event_of = {name: region.event_time for name, region in REGIONS.items()}
    for steps, runs in table[table["passes_after"].fillna("") != ""].groupby("timesteps"):
        given = runs["event_time"].astype(object)
        events = set(given.where(given.notna(), runs["cube"].map(event_of)).fillna(""))
        last = {passes.split(", ")[-1] for passes in runs["passes_after"]}
        if len(last) > 1 or len(events) > 1 or "" in events:
            raise ValueError(
                f"runs with {steps} passes end at {' and at '.join(sorted(last))} after events at "
                f"{' and at '.join(sorted(events)) or 'no known time'}; "
                "take those of one cube and one orbit direction whose event_time is known"
            )
        hours[steps] = (np.datetime64(last.pop()) - np.datetime64(events.pop())) / np.timedelta64(1, "h")
    return pd.Series(hours, name="hours").rename_axis("timesteps")


def claims(table: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """Return a verdict on each of the paper's four claims, by a grid of runs.

    A claim about a difference holds if the whole interval of the difference is on its side, and does not hold if it is
    on the other. It makes no difference if the whole interval is within `NEGLIGIBLE` of zero. Else it cannot be told.

    Returns
    -------
    pandas.DataFrame
        ``claim``, ``measured`` (in words, with interval), ``verdict``.
    """
    grid = _Grid(table, draws)
    few, many, all_steps = grid.timesteps[:1], grid.timesteps[-1:], grid.timesteps
    best = means(table, draws).sort_values("mean").iloc[-1]
    setting, reach = f"{best['channels']}, {best['timesteps']} passes", f"{best['low']:.2f} to {best['high']:.2f}"
    measured = f"{setting}: {best['mean']:.2f} ({reach}), chance {best['chance']:.2f}"
    lines = [("1. The best AUPRC is above 0.7", measured, _verdict(best["low"] - 0.7, best["high"] - 0.7, least=0))]
    questions = [
        ("1. Terrain alone tells little: less than VV and VH", ("sar", all_steps), ("dem", all_steps)),
        ("2. VV is better than VH", ("vv", all_steps), ("vh", all_steps)),
        ("2. VV and VH together are better than VV", ("sar", all_steps), ("vv", all_steps)),
        (f"3. {many[0]} passes are better than {few[0]} (VV and VH)", ("sar", many), ("sar", few)),
        (f"4. Terrain helps with {few[0]} pass", ("sar_dem", few), ("sar", few)),
        (f"4. Terrain helps with {many[0]} passes", ("sar_dem", many), ("sar", many)),
    ]
    for claim, first, second in questions:
        difference = grid.difference(first, second) if first != second else None
        if difference is None:
            lines.append((claim, "these runs are not there", ABSENT))
            continue
        value, low, high = difference
        lines.append((claim, f"difference {value:+.3f} ({low:+.3f} to {high:+.3f})", _verdict(low, high)))
    return pd.DataFrame(lines, columns=["claim", "measured", "verdict"])


def _verdict(low: float, high: float, *, least: float = NEGLIGIBLE) -> str:
    """Return the verdict on "above zero" by an interval, in which less than `least` makes no difference."""
    if -least <= low and high <= least:
        return EQUAL
    return HOLDS if low > 0 else FAILS if high < 0 else UNCLEAR


def write_results(table: pd.DataFrame, draws: pd.DataFrame, folder: str | os.PathLike[str], *, command: str) -> Path:
    """Write tables, figure and page of a grid, and return their folder.

    Parameters
    ----------
    table, draws : pandas.DataFrame
        From :func:`~landslide_utils.experiments.grid.collect` and
        :func:`~landslide_utils.experiments.grid.collect_draws`.
    folder : path
        For ``runs.csv``, ``draws.csv``, ``means.csv``, ``claims.csv``, ``passes.png``, and ``README.md`` to look at.
    command : str
        What made the runs; it stands in the README.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    averages, verdicts = means(table, draws), claims(table, draws)
    table.drop(columns="runs_dir", errors="ignore").round(6).to_csv(out / "runs.csv", index=False)
    draws.round(4).to_csv(out / "draws.csv", index=False)
    averages.round(4).to_csv(out / "means.csv", index=False)
    verdicts.to_csv(out / "claims.csv", index=False)
    cubes, presets = (", ".join(sorted(set(table[name]))) for name in ("cube", "preset"))
    write_page(
        out / "README.md",
        [
            f"# Results on {cubes}, preset {presets}",
            f"{len(table)} runs on {cubes} ({radar_of(table)}), preset {presets}",
            "## The paper's claims",
            markdown_table(verdicts),
            "## AUPRC",
            "A line for each band combination, a column for each number of passes. In test chips that hold a "
            f"landslide, mean over seeds with its 95 % interval; chance is {averages['chance'].mean():.3f}:",
            _by_passes(averages, with_range(averages, "mean", "low", "high")),
            f"Over all test chips; chance is {averages['whole_scene_chance'].mean():.3f}:",
            _by_passes(averages, [f"{value:.2f}" for value in averages["whole_scene"]]),
            "Terrain alone (`dem`) has no passes. More digits, and the spread over seeds, are in `means.csv`.",
        ],
        figure=passes_figure(averages),
        picture="passes.png",
        command=command,
    )
    return out


def write_page(path: Path, paragraphs: Sequence[str], *, figure: Picture, picture: str, command: str) -> None:
    """Write a page in Markdown, and its picture beside it, under the name `picture`.

    The paragraphs are a heading, a sentence without its full stop, and others. After the sentence come the command that
    made the page, and the picture.
    """
    heading, summary, *others = paragraphs
    source = [f"{summary}; made, with this page, by", f"```sh\n{command}\n```", f"![{figure.alt}]({picture})"]
    with atomic_write(path.with_name(picture), overwrite=True) as part:
        figure.save(part)
    with atomic_write(path, overwrite=True) as part:
        part.write_text("\n\n".join([heading, *source, *others]) + "\n", encoding="utf-8")  # names of regions


def with_range(table: pd.DataFrame, *names: str) -> list[str]:
    """Return of each line of a table the values of three columns as text, such as "0.63 (0.48 to 0.78)"."""
    return [f"{value:.2f} ({low:.2f} to {high:.2f})" for value, low, high in table[list(names)].to_numpy()]


def _by_passes(averages: pd.DataFrame, cells: Sequence[str]) -> str:
    """Return Markdown of a table of cells, a line for each band combination, a column for each number of passes."""
    table = averages.assign(cell=cells).pivot(index="channels", columns="timesteps", values="cell")
    return markdown_table(table.fillna("").reset_index())


def radar_of(table: pd.DataFrame) -> str:
    """Return whether the radar of a table of runs was simulated or measured, in words."""
    return "simulated radar" if table["simulated"].all() else "measured radar"


def markdown_table(table: pd.DataFrame) -> str:
    """Return a table as Markdown has it."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def read_results(folder: str | os.PathLike[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of runs and the draws that :func:`write_results` wrote.

    Raises
    ------
    FileNotFoundError
        If they are not there, with what to do.
    """
    out = Path(folder)
    missing = [name for name in ("runs.csv", "draws.csv") if not (out / name).exists()]
    if missing:
        command = f"python -m landslide_utils.experiments --results {out}"
        raise FileNotFoundError(f"{' and '.join(missing)} not found in {out}; make them with: {command}")
    return pd.read_csv(out / "runs.csv"), pd.read_csv(out / "draws.csv")
