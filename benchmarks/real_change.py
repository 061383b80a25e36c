"""Do more passes help on real radar? Scores of the log ratio with 1 to 8 passes on series of known change.

By ``python benchmarks/real_change.py FOLDER`` with the folder of the test data that holds ``change_sites``. It writes
``passes.csv``, ``passes.png`` and ``README.md`` to ``docs/real``. The change is loss of vegetation, no landslide.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from landslide_utils.baselines import log_ratio
from landslide_utils.composite import choose_passes, decibels
from landslide_utils.cube import RADAR, CubeError
from landslide_utils.experiments.results import markdown_table, with_range, write_page
from landslide_utils.figures import style
from landslide_utils.figures.scores import COLOURS, MARKERS, NAMES
from landslide_utils.files import InputError
from landslide_utils.metrics import DRAWS, compare, interval

PAGE = Path(__file__).parents[1] / "docs" / "real" / "README.md"
COMMAND = "python benchmarks/real_change.py FOLDER"
PASSES = range(1, 9)
CHANNELS = ("vv", "vh", "sar")
CHANGES = {"vegetation loss": ("VLmaj", "VLmin"), "major vegetation loss": ("VLmaj",)}
NO_CHANGE = "noChange"
MEASURES = ("auroc", "auprc")
SOURCE = (
    "Source: series of Sentinel-1 backscatter (OPERA RTC-S1, NASA/JPL; 3 x 3 pixels of 30 m, VV and VH), with "
    "labels that people gave by optical images, from the repository dist-s1-validation-harness (Apache-2.0). "
    "Contains modified Copernicus Sentinel data."
)


def read_labels(folder: Path) -> pd.DataFrame:
    """Return a line for each series: burst, site, label, and the start and end of the time in which it changed.

    The change lies between the last clear look before it and the first look that shows it; where no look before it is
    known, the start is the end. Both are missing where nothing changed.
    """
    table = gpd.read_file(folder / "val_sites_subset.geojson")
    start = table["last_observation_time"].fillna(table["change_time"])
    table = table.assign(start=start, end=table["change_time"], burst=table["jpl_burst_id"], site=table["site_id"])
    return pd.DataFrame(table[["burst", "site", "change_label", "start", "end"]])


def read_series(path: Path) -> xr.Dataset:
    """Return ``vv`` and ``vh`` (time) of a series, the mean power of its pixels; passes without data are left out."""

    def mean(text: str) -> float:
        values = np.array(text.strip("[]").split(","), float)
        valid = values[values > 0]
        return float(valid.mean()) if valid.size else np.nan

    lines = pd.read_csv(path, parse_dates=["datetime"]).drop_duplicates("datetime").sort_values("datetime")
    power = {name: ("time", lines[name].map(mean).to_numpy()) for name in RADAR}
    orbit = lines["orbit_pass_direction"].to_numpy(object)
    series = xr.Dataset(power, {"time": lines["datetime"].to_numpy("datetime64[ns]"), "orbit": ("time", orbit)})
    return series.dropna("time").assign_attrs(opened_from=path.name)


def measure_change(series: xr.Dataset, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame | None:
    """Return the absolute log ratio, dB, by the number of passes on each side; None if there are too few passes.

    ``sar`` is VV and VH together: the length of the vector of both log ratios.
    """
    dated = series.assign_attrs(event_time=start.isoformat(), event_end=end.isoformat())
    try:
        passes = choose_passes(dated, PASSES[-1])
    except CubeError:
        return None
    lines = {}
    for n in PASSES:
        before, after = (series.isel(time=list(side)) for side in (passes.before[-n:], passes.after[:n]))
        lines[n] = {p: abs(float(log_ratio(*(decibels(part[p].mean()) for part in (before, after))))) for p in RADAR}
    table = pd.DataFrame(lines).T.rename_axis("passes")
    return table.assign(sar=np.hypot(table["vv"], table["vh"]))


def measure_all(folder: Path) -> pd.DataFrame:
    """Return the scores of all series, a line for each number of passes, with site, label and weight.

    A series without change has no date. It is measured at the date of every site that changed, so that both kinds are
    measured in the same seasons; each of these lines weighs as much less, so that each series weighs one.

    Raises
    ------
    InputError
        If the folder lacks the labels or the series.
    """
    labels, paths = folder / "val_sites_subset.geojson", sorted(folder.glob("rtc_ts_by_site/rtc_summary_burst_*.csv"))
    faults = [] if labels.is_file() else [f"{labels} is missing"]
    faults += [] if paths else [f"{folder} has no series rtc_ts_by_site/rtc_summary_burst_..._site....csv"]
    if faults:
        raise InputError("the labelled series cannot be read", faults)
    known = read_labels(folder).set_index(["burst", "site"])
    dates = known.dropna().drop_duplicates(["start", "end"])
    measured = []
    for path in paths:
        burst, site = re.fullmatch(r"rtc_summary_burst_(.+)_site(\d+)", path.stem).groups()
        labelled, series = known.loc[(burst, int(site))], read_series(path)
        events = dates if labelled["change_label"] == NO_CHANGE else labelled.to_frame().T
        tables = [measure_change(series, start, end) for start, end in zip(events["start"], events["end"], strict=True)]
        found = [table for table in tables if table is not None]
        for table in found:
            named = table.reset_index().assign(series=path.stem, site=int(site), label=labelled["change_label"])
            measured.append(named.assign(weight=1 / len(found)))
    return pd.concat(measured, ignore_index=True)


def weighted_scores(
    changed: NDArray[np.bool_], scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return AUROC and AUPRC (draw,) for many weights (draw, line) at once: scikit-learn's, without ties.

    One call of scikit-learn's for each draw would take ten minutes.
    """
    order = np.argsort(-scores)
    hits, alarms = (weights[:, order] * kind for kind in (changed[order], ~changed[order]))
    found, false = hits.cumsum(axis=1), alarms.cumsum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(hits > 0, found / (found + false), 0)
        auroc = (hits * (false[:, -1:] - false)).sum(axis=1) / (found[:, -1] * false[:, -1])
        return {"auroc": auroc, "auprc": (hits * precision).sum(axis=1) / found[:, -1]}


def score(measured: pd.DataFrame, labels: tuple[str, ...], draws: int = DRAWS) -> pd.DataFrame:
    """Return AUROC and AUPRC with intervals by channels and passes, and what more passes gain over one.

    Whole sites are drawn with replacement: series of one site share its ground. The gain is that over one pass, on the
    same draws.
    """
    chosen = measured[measured["label"].isin([*labels, NO_CHANGE])]
    sites = np.sort(chosen["site"].unique())
    times = np.random.default_rng(0).multinomial(len(sites), [1 / len(sites)] * len(sites), draws)
    is_loss = chosen["label"] != NO_CHANGE
    series, places = (chosen.groupby(is_loss)[name].nunique() for name in ("series", "site"))
    counts = {"series_changed": series[True], "series_unchanged": series[False]}
    counts |= {"sites_changed": places[True], "sites_unchanged": places[False], "chance": series[True] / series.sum()}
    lines, first = [], {}
    for channels, n in itertools.product(CHANNELS, PASSES):
        part = chosen[chosen["passes"] == n]
        changed = (part["label"] != NO_CHANGE).to_numpy()
        of_site = np.searchsorted(sites, part["site"])
        weights = part["weight"].to_numpy() * np.vstack([np.ones_like(sites), times])[:, of_site]
        line = {"channels": channels, "passes": n, **counts}
        for name, values in weighted_scores(changed, part[channels].to_numpy(), weights).items():
            value, drawn = values[0], values[1:]
            of_one, drawn_of_one = first.setdefault((channels, name), (value, drawn))
            gain, _ = compare(value, of_one, drawn, drawn_of_one, places.min())
            for what, found in ((name, interval(value, drawn, places.min())), (f"{name}_gain", gain)):
                line |= {what: found.value, f"{what}_low": found.low, f"{what}_high": found.high}
        lines.append(line)
    return pd.DataFrame(lines)


def make_table(folder: Path, draws: int = DRAWS) -> pd.DataFrame:
    """Return the scores for all loss of vegetation and for major loss alone, each against no change."""
    measured = measure_all(folder)
    tables = [score(measured, labels, draws).assign(change=name) for name, labels in CHANGES.items()]
    table = pd.concat(tables, ignore_index=True)
    table.attrs["series"] = len(list(folder.glob("rtc_ts_by_site/*.csv")))
    return table[["change", *table.columns.drop("change")]]


def draw(table: pd.DataFrame) -> style.Picture:
    """Return AUROC and AUPRC against the number of passes, a line for each channel, for the first kind of change."""
    shown = table[table["change"] == table["change"].iloc[0]]
    figure, panels = style.new_figure(8.4, 3.8, 1, 2, sharey=True)
    texts = []
    for axes, name, chance in zip(panels, MEASURES, (0.5, shown["chance"].iloc[0]), strict=True):
        for place, (channels, lines) in enumerate(shown.groupby("channels", sort=False)):
            aside = lines["passes"] + 0.15 * (place - 1)  # so that no interval hides another
            ends = [lines[name] - lines[f"{name}_low"], lines[f"{name}_high"] - lines[name]]
            reach = np.maximum(ends, 0)  # the interval of a perfect score ends just below 1
            look = {"color": COLOURS[channels], "marker": MARKERS[channels], "elinewidth": 0.8, "capsize": 2}
            axes.errorbar(aside, lines[name], yerr=reach, label=NAMES[channels], **look)
            texts.append(f"{name.upper()} of {NAMES[channels]} {', '.join(f'{value:.2f}' for value in lines[name])}")
        axes.axhline(chance, color=style.GREY, linestyle=":", label="chance")
        axes.set(xlabel="passes averaged before and after", ylim=(0.2, 1), xticks=list(PASSES))
        axes.set_title(f"{name.upper()} (chance {chance:.2f})", fontsize=10)
    style.add_legend(axes)
    text = f", by the number of passes ({', '.join(map(str, PASSES))}): {'; '.join(texts)}."
    return style.finish(figure, "Real radar, loss of vegetation: log ratio, 95 % intervals by site", text, dpi=180)


def say(table: pd.DataFrame) -> str:
    """Return in words what four passes gain over one, and where the most passes stand."""
    sentences = []
    for (change, channels), lines in table.groupby(["change", "channels"], sort=False):
        by_passes = lines.set_index("passes")
        one, four = by_passes.loc[1], by_passes.loc[4]
        reach = f"{four['auroc_gain_low']:+.2f} to {four['auroc_gain_high']:+.2f}"
        sentences.append(
            f"- {change}, {NAMES[channels]}: AUROC {one['auroc']:.2f} with one pass, {four['auroc']:.2f} with four "
            f"(difference {four['auroc_gain']:+.2f}, {reach}), {by_passes['auroc'].iloc[-1]:.2f} with {PASSES[-1]}."
        )
    return "\n".join(sentences)


def write(table: pd.DataFrame, page: Path) -> None:
    """Write the table, its figure, and the page that says what they are."""
    page.parent.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(page.with_name("passes.csv"), index=False)
    counts = table.groupby("change", sort=False).first()
    numbers = "; ".join(
        f"{name}: {line['series_changed']} series of {line['sites_changed']} sites against "
        f"{line['series_unchanged']} series of {line['sites_unchanged']} sites without change"
        for name, line in counts.iterrows()
    )
    four = table[table["passes"] == 4]
    ends = ("", "_low", "_high")
    gains, shown = four[["change", "channels"]].copy(), table[["change", "channels", "passes"]].copy()
    for measure in MEASURES:
        gains[measure.upper()] = with_range(four, *(f"{measure}_gain{end}" for end in ends))
        shown[measure.upper()] = with_range(table, *(f"{measure}{end}" for end in ends))
    write_page(
        page,
        [
            "# Does real radar get better with more passes?",
            f"The log ratio of {numbers}",
            "The change is **loss of vegetation, not landslides**: harvest, drought, fire and felling. What holds here "
            "need not hold for landslides. See also [pictures of real radar](pictures.md), and [false alarms "
            "of a prepared detector](false_alarms.md) on real passes in which nothing slid.",
            SOURCE,
            "## Four passes against one",
            say(table),
            markdown_table(gains),
            "Differences are drawn in pairs: each draw of sites scores both. If an interval holds zero, these series "
            "cannot tell.",
            "## How it was measured",
            "The power of a series is averaged over its pixels and over the passes, and only then turned into "
            "decibels. The score is the absolute log ratio; of VV and VH together it is the length of the vector of "
            "both. The change lies between the last clear look before it and the first look that shows it; passes "
            "between these are left out. Series without change are measured at the dates of all sites that changed, "
            f"and weigh one each. Of {table.attrs['series']} labelled series those are left out that changed in "
            f"another way, or have fewer than {PASSES[-1]} passes with data on one side.",
            "Intervals (95 %) come from draws of whole sites. 3 x 3 pixels have no surroundings, so the change of the "
            "whole scene cannot be taken off; and more passes reach further into other seasons.",
            "## Table",
            markdown_table(shown),
        ],
        figure=draw(table),
        picture="passes.png",
        command=COMMAND,
    )


def main() -> int:
    """Measure and write everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    table = make_table(parser.parse_args().folder / "change_sites" / "data")
    write(table, PAGE)
    print(say(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
