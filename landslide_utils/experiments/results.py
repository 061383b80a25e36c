"""What a grid of runs says: means with intervals, the poster's four claims held against them, and the files that keep both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from landslide_utils.metrics import LEVEL, Interval
from landslide_utils.regions import REGIONS

MEASURE = "auprc_landslide_chips"
"""The poster's measure: AUPRC inside the test chips that hold a landslide."""

HOLDS, FAILS, UNCLEAR = "holds", "does not hold", "cannot tell here"


def pooled(values: NDArray[np.float64], draws: NDArray[np.float64], chips_with_landslides: int) -> Interval:
    """Return the mean over seeds with an interval that counts both the seeds and the few chips of the test.

    Parameters
    ----------
    values : numpy.ndarray (seed,)
    draws : numpy.ndarray (draw, seed)
        Bootstrap draws of each.
    chips_with_landslides : int
        In the test of one seed. The seeds' tests share chips, so that three of them are not taken for three times as many chips.
    """
    seeds = len(values)
    within = float(np.nanvar(draws, axis=0).mean()) * chips_with_landslides / max(chips_with_landslides - 1, 1)
    between = float(np.var(values, ddof=1)) / seeds if seeds > 1 else 0.0
    reach = float(stats.t.ppf((1 + LEVEL) / 2, max(chips_with_landslides - 1, 1))) * np.sqrt(within + between)
    mean = float(np.mean(values))
    return Interval(mean, mean - reach, mean + reach)


class _Grid:
    """A table of runs with their draws, to ask for one setting or the difference of two."""

    def __init__(self, table: pd.DataFrame, draws: pd.DataFrame) -> None:
        self.table, self.draws = table, draws
        self.chips = int(table["n_test_chips_with_landslides"].min())
        self.timesteps = sorted(int(steps) for steps in table["timesteps"].unique())

    def ask(self, channels: str, timesteps: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return values (seed,) and draws (draw, seed), averaged over timesteps."""
        values, draws = [], []
        some = self.table[(self.table["channels"] == channels) & self.table["timesteps"].isin(timesteps)]
        for _, lines in some.groupby("seed"):
            if set(lines["timesteps"]) == set(timesteps):
                values.append(float(lines[MEASURE].mean()))
                draws.append(self.draws[lines["run"].tolist()].mean(axis=1).to_numpy())
        return np.array(values), np.array(draws).T

    def difference(self, first: tuple[str, Sequence[int]], second: tuple[str, Sequence[int]]) -> Interval | None:
        (a, drawn_a), (b, drawn_b) = self.ask(*first), self.ask(*second)
        if len(a) == 0 or len(a) != len(b):
            return None
        return pooled(a - b, drawn_a - drawn_b, self.chips)


def means(table: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """Return one line for each band combination and number of passes: mean AUPRC over the seeds, its interval, its spread over seeds, and chance.

    Parameters
    ----------
    table, draws : pandas.DataFrame
        From :func:`landslide_utils.experiments.grid.collect` and :func:`landslide_utils.experiments.grid.collect_draws`.
    """
    asked = _Grid(table, draws)
    lines = []
    for channels, steps in sorted(set(zip(table["channels"], table["timesteps"], strict=True))):
        some = table[(table["channels"] == channels) & (table["timesteps"] == steps)]
        found = pooled(*asked.ask(channels, [steps]), asked.chips)
        lines.append(
            {
                "channels": channels,
                "timesteps": steps,
                "seeds": len(some),
                "mean": found.value,
                "low": found.low,
                "high": found.high,
                "sd_over_seeds": some[MEASURE].std(ddof=1),
                "chance": some["prevalence_landslide_chips"].mean(),
                "whole_scene": some["auprc"].mean(),
                "whole_scene_chance": some["prevalence"].mean(),
            }
        )
    return pd.DataFrame(lines)


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
    for steps, some in table[table["passes_after"].fillna("") != ""].groupby("timesteps"):
        regional = some["cube"].map({name: region.event_time for name, region in REGIONS.items()})
        events = set(some["event_time"].astype(object).where(some["event_time"].notna(), regional).fillna(""))
        last = {passes.split(", ")[-1] for passes in some["passes_after"]}
        if len(last) > 1 or len(events) > 1 or "" in events:
            raise ValueError(
                f"runs with {steps} passes end at {' and at '.join(sorted(last))} after events at {' and at '.join(sorted(events)) or 'no known instant'}; "
                "take those of one cube and one orbit direction whose event_time is known"
            )
        hours[steps] = (np.datetime64(last.pop()) - np.datetime64(events.pop())) / np.timedelta64(1, "h")
    return pd.Series(hours, name="hours").rename_axis("timesteps")


def claims(table: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """Hold the poster's four claims against a grid of runs.

    A claim about a difference holds if the whole interval of the difference is on its side, does not hold if it is on the other, and else cannot be told.

    Returns
    -------
    pandas.DataFrame
        ``claim``, ``measured`` (in words, with interval), ``verdict``.
    """
    asked = _Grid(table, draws)
    few, many, all_steps = asked.timesteps[:1], asked.timesteps[-1:], asked.timesteps
    found = means(table, draws)
    best = found.sort_values("mean").iloc[-1]
    lines = [
        (
            "1. The best AUPRC is above 0.7",
            f"{best['channels']}, {best['timesteps']} passes: {best['mean']:.2f} ({best['low']:.2f} to {best['high']:.2f}), chance {best['chance']:.2f}",
            HOLDS if best["low"] > 0.7 else FAILS if best["high"] < 0.7 else UNCLEAR,
        )
    ]
    questions = [
        ("1. Terrain alone tells little: less than VV and VH", ("sar", all_steps), ("dem", all_steps)),
        ("2. VV is better than VH", ("vv", all_steps), ("vh", all_steps)),
        ("2. VV and VH together are better than VV", ("sar", all_steps), ("vv", all_steps)),
        (f"3. {many[0]} passes are better than {few[0]} (VV and VH)", ("sar", many), ("sar", few)),
        (f"4. Terrain helps with {few[0]} pass", ("sar_dem", few), ("sar", few)),
        (f"4. Terrain helps with {many[0]} passes", ("sar_dem", many), ("sar", many)),
    ]
    for claim, first, second in questions:
        found_difference = asked.difference(first, second) if (many != few or "passes are" not in claim) else None
        if found_difference is None:
            lines.append((claim, "these runs are not there", UNCLEAR))
            continue
        value, low, high = found_difference
        verdict = HOLDS if low > 0 else FAILS if high < 0 else UNCLEAR
        lines.append((claim, f"difference {value:+.3f} ({low:+.3f} to {high:+.3f})", verdict))
    return pd.DataFrame(lines, columns=["claim", "measured", "verdict"])


def write_results(table: pd.DataFrame, draws: pd.DataFrame, folder: str | os.PathLike[str], *, command: str) -> Path:
    """Write what a grid found: ``runs.csv``, ``draws.csv``, ``means.csv``, ``claims.csv``, ``passes.png``, and ``README.md`` to look at.

    Parameters
    ----------
    table, draws : pandas.DataFrame
        From :func:`landslide_utils.experiments.grid.collect` and :func:`landslide_utils.experiments.grid.collect_draws`.
    folder : path
    command : str
        What made the runs; it stands in the README.
    """
    from landslide_utils.figures.scores import passes_figure

    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    found, judged = means(table, draws), claims(table, draws)
    figure = passes_figure(found, simulated=bool(table["simulated"].all()))
    table.drop(columns=["runs_dir"]).round(6).to_csv(out / "runs.csv", index=False)
    draws.round(4).to_csv(out / "draws.csv", index=False)
    found.round(4).to_csv(out / "means.csv", index=False)
    judged.to_csv(out / "claims.csv", index=False)
    figure.save(out / "passes.png")
    kind = "simulated radar" if table["simulated"].all() else "measured radar"
    parts = [
        "# Results of the experiment",
        f"{len(table)} runs on {', '.join(sorted(set(table['cube'])))} ({kind}), preset {', '.join(sorted(set(table['preset'])))}; made, with this page, by",
        f"```sh\n{command}\n```",
        f"![{figure.alt}](passes.png)",
        "## The poster's claims",
        markdown_table(judged),
        "## AUPRC",
        "In test chips that hold a landslide, mean over seeds with its 95 % interval; `whole_scene` is over all test chips.",
        markdown_table(found.round(3)),
    ]
    (out / "README.md").write_text("\n\n".join(parts) + "\n")
    return out


def markdown_table(table: pd.DataFrame) -> str:
    """Return a table as Markdown has it."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def read_results(folder: str | os.PathLike[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the table of runs and the draws that :func:`write_results` wrote.

    Raises
    ------
    FileNotFoundError
        If they are not there, with what to do.
    """
    out = Path(folder)
    missing = [name for name in ("runs.csv", "draws.csv") if not (out / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"{' and '.join(missing)} not found in {out}; make them with: python -m landslide_utils.experiments --results {out}"
        )
    return pd.read_csv(out / "runs.csv"), pd.read_csv(out / "draws.csv")
