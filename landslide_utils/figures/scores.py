"""Figures of scores: the poster's figure, the ladder of baselines, and whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from landslide_utils.figures.chips import Picture

NAMES = {"vv": "VV", "vh": "VH", "sar": "VV and VH", "sar_dem": "VV, VH and terrain", "dem": "terrain only"}
STYLES = {
    "vv": ("#3b6fb6", "o"),
    "vh": ("#e07b00", "s"),
    "sar": ("#000000", "D"),
    "sar_dem": ("#1a8a5a", "^"),
    "dem": ("#909090", "v"),
}


def passes_figure(found: pd.DataFrame, *, simulated: bool) -> Picture:
    """Show AUPRC against the number of passes, a line for each band combination: the poster's figure, with intervals.

    Parameters
    ----------
    found : pandas.DataFrame
        As :func:`landslide_utils.experiments.results.means` returns it.
    simulated : bool
    """
    figure = Figure(figsize=(8.4, 4.8), layout="constrained")
    axes = figure.subplots()
    texts = []
    present = [name for name in NAMES if name in set(found["channels"])]
    for place, name in enumerate(present):
        lines = found[found["channels"] == name].sort_values("timesteps")
        colour, marker = STYLES[name]
        x = lines["timesteps"] + 0.07 * (
            place - (len(present) - 1) / 2
        )  # side by side, so that no interval hides another
        axes.errorbar(
            x,
            lines["mean"],
            yerr=np.stack([lines["mean"] - lines["low"], lines["high"] - lines["mean"]]),
            color=colour,
            marker=marker,
            capsize=3,
            linewidth=1.6,
            elinewidth=0.8,
            label=NAMES[name],
        )
        values = ", ".join(f"{mean:.2f}" for mean in lines["mean"])
        texts.append(f"{NAMES[name]} {values}")
    chance = float(found["chance"].mean())
    axes.axhline(chance, color="#808080", linestyle=":", label=f"chance: {chance:.3f}")
    axes.set(
        xlabel="passes averaged before and after the event",
        ylabel="AUPRC in chips with a landslide",
        ylim=(0, 1),
        xticks=sorted(found["timesteps"].unique()),
    )
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    seeds = int(found["seeds"].min())
    kind = "simulated radar; " if simulated else ""
    axes.set_title(f"{kind}mean of {seeds} seeds with 95 % intervals" if seeds > 1 else f"{kind}one seed", fontsize=10)
    steps = ", ".join(str(step) for step in sorted(found["timesteps"].unique()))
    return Picture.of(
        figure,
        f"AUPRC in chips with a landslide against the number of passes ({steps}){', simulated' if simulated else ''}. "
        f"{'; '.join(texts)}; chance {chance:.2f}.",
    )


def hours_figure(
    found: pd.DataFrame, hours: pd.Series, *, channels: Sequence[str] = ("sar", "sar_dem"), simulated: bool
) -> Picture:
    """Show what would have been known how many hours after the event: AUPRC rises with each pass, and between passes nothing is learnt.

    Parameters
    ----------
    found : pandas.DataFrame
        As :func:`landslide_utils.experiments.results.means` returns it.
    hours : pandas.Series
        As :func:`landslide_utils.experiments.results.hours_after` returns it.
    channels : sequence of str
    simulated : bool
    """
    figure = Figure(figsize=(8.4, 4.4), layout="constrained")
    axes = figure.subplots()
    end = float(hours.max()) * 1.12
    texts = []
    for name in channels:
        lines = found[found["channels"] == name].sort_values("timesteps")
        colour, marker = STYLES[name]
        at = hours.loc[lines["timesteps"]].to_numpy()
        mean, low, high = (np.append(lines[c], lines[c].iloc[-1]) for c in ("mean", "low", "high"))
        axes.fill_between(np.append(at, end), low, high, step="post", color=colour, alpha=0.15, linewidth=0)
        axes.step(np.append(at, end), mean, where="post", color=colour, label=NAMES[name])
        axes.plot(at, lines["mean"], marker, color=colour)
        texts.append(
            f"{NAMES[name]}: "
            + ", ".join(f"{m:.2f} after {h:.0f} hours" for h, m in zip(at, lines["mean"], strict=True))
        )
    chance = float(found["chance"].mean())
    axes.plot([0, end], [chance, chance], color="#808080", linestyle=":", label=f"chance: {chance:.3f}")
    for number, hour in hours.items():
        axes.annotate(f"pass {number}", (hour + end / 150, 0.96), fontsize=9, color="#404040")
        axes.axvline(hour, color="#d0d0d0", linewidth=0.8, zorder=0)
    axes.set(xlabel="hours after the event", ylabel="AUPRC in chips with a landslide", xlim=(0, end), ylim=(0, 1))
    days = axes.secondary_xaxis("top", functions=(lambda hour: np.divide(hour, 24), lambda day: np.multiply(day, 24)))
    days.set_xlabel("days after the event")
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    axes.set_title(f"{'simulated radar; ' if simulated else ''}mean over seeds with 95 % interval", fontsize=10)
    return Picture.of(
        figure,
        f"AUPRC in chips with a landslide against the hours after the event{', simulated' if simulated else ''}. {'; '.join(texts)}; chance {chance:.2f}.",
    )


def ladder_figure(scores: Mapping[str, tuple[float, float, float]], *, chance: float, simulated: bool) -> Picture:
    """Show the AUPRC of several detectors with their intervals, one below the other.

    Parameters
    ----------
    scores : mapping
        By detector: AUPRC, and the low and high end of its interval.
    chance : float
        The prevalence.
    simulated : bool
    """
    figure = Figure(figsize=(8, 0.9 + 0.42 * len(scores)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(scores))[::-1]
    for place, (value, low, high) in zip(places, scores.values(), strict=True):
        axes.plot([low, high], [place, place], color="#808080", linewidth=1.5)
        axes.plot(value, place, "o", color="#000000")
        axes.annotate(
            f"{value:.2f}", (value, place), textcoords="offset points", xytext=(0, 6), ha="center", fontsize=9
        )
    axes.axvline(chance, color="#808080", linestyle=":")
    axes.annotate(
        f"chance {chance:.3f}", (chance, -0.45), textcoords="offset points", xytext=(4, 0), fontsize=9, color="#606060"
    )
    axes.set(
        xlim=(0, 1), ylim=(-0.6, len(scores) - 0.4), xlabel="AUPRC on the test chips, with 95 % interval", yticks=places
    )
    axes.set_yticklabels(list(scores))
    axes.spines[["top", "right", "left"]].set_visible(False)
    if simulated:
        axes.set_title("simulated radar", fontsize=10)
    values = "; ".join(f"{name} {value:.2f} ({low:.2f} to {high:.2f})" for name, (value, low, high) in scores.items())
    return Picture.of(
        figure,
        f"AUPRC of each detector with its interval{', simulated' if simulated else ''}: {values}; chance {chance:.3f}.",
    )


def reliability_figure(tables: Mapping[str, pd.DataFrame], *, simulated: bool) -> Picture:
    """Show the share of landslides against the probability, for several calibrations: on the diagonal a probability means what it says.

    Parameters
    ----------
    tables : mapping of pandas.DataFrame
        By name, as :func:`landslide_utils.calibration.reliability` returns it.
    simulated : bool
    """
    figure = Figure(figsize=(6.2, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([1e-4, 1], [1e-4, 1], color="#808080", linestyle=":", label="means what it says")
    colours = [cm.batlow(v) for v in np.linspace(0.1, 0.8, len(tables))]
    for (name, table), colour, marker in zip(tables.items(), colours, "osD^v", strict=False):
        axes.plot(
            table["probability"].clip(lower=1e-4),
            table["share"].clip(lower=1e-4),
            marker=marker,
            color=colour,
            label=name,
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(1e-4, 1.1),
        ylim=(1e-4, 1.1),
        xlabel="mean probability given by the network",
        ylabel="share of these pixels that is landslide",
    )
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    if simulated:
        axes.set_title("simulated radar, test chips", fontsize=10)
    last = {name: table.iloc[-1] for name, table in tables.items()}
    text = "; ".join(
        f"{name}: {line['probability']:.2f} given, {line['share']:.2f} true" for name, line in last.items()
    )
    return Picture.of(figure, f"Reliability diagram. In the bin of the highest probabilities, {text}.")


def levels_figure(images: Mapping[str, xr.DataArray], *, simulated: bool) -> Picture:
    """Show how bright regions are before their event: the share of pixels at each level, a line for each region.

    Parameters
    ----------
    images : mapping of xarray.DataArray (channel, y, x)
        By region: composites in dB.
    simulated : bool
    """
    names = [p for p in ("vv", "vh") if all(f"{p}_before" in image["channel"].values for image in images.values())]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    grid = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    texts = []
    for axes, name in zip(grid, names, strict=True):
        layers = {region: image.sel(channel=f"{name}_before").values for region, image in images.items()}
        finite = {region: layer[np.isfinite(layer)] for region, layer in layers.items()}
        low, high = np.percentile(np.concatenate(list(finite.values())), [0.5, 99.5])
        for (region, values), style in zip(finite.items(), ("-", "--", ":", "-."), strict=False):
            share, edges = np.histogram(values, bins=60, range=(low, high))
            axes.stairs(100 * share / values.size, edges, color="#000000", linestyle=style, label=region)
            texts.append(f"{name.upper()} of {region} is most often at {edges[share.argmax()]:.0f} dB")
        axes.set(xlabel=f"{name.upper()} before the event (dB)", ylabel="share of pixels (%)")
        axes.legend(frameon=False, fontsize=9)
    figure.suptitle("simulated radar" if simulated else "", fontsize=10)
    return Picture.of(figure, f"Share of pixels at each level of backscatter. {'; '.join(texts)}.")


def transfer_figure(found: pd.DataFrame, *, simulated: bool) -> Picture:
    """Show what networks are worth in other regions: a panel for each region of the test, a line for each way to map it.

    Parameters
    ----------
    found : pandas.DataFrame
        As :func:`landslide_utils.experiments.transfer.honest_table` returns it.
    simulated : bool
    """
    regions = list(dict.fromkeys(found["test_region"]))
    methods = ["trained there", "as trained", "normalised by region", "fine-tuned", "few chips alone", "log ratio"]
    markers = dict(zip(regions, "osD^v<>", strict=False))
    figure = Figure(figsize=(3.1 * len(regions) + 1.6, 3.6), layout="constrained")
    grid = figure.subplots(1, len(regions), sharex=True, sharey=True, squeeze=False)[0]
    texts = []
    for axes, region in zip(grid, regions, strict=True):
        here = found[found["test_region"] == region]
        for _, line in here.iterrows():
            others = [name for name in regions if name != region]
            shift = (
                0.2 * (others.index(line["train_region"]) - (len(others) - 1) / 2)
                if line["train_region"] in others
                else 0
            )
            place = methods.index(line["method"]) + shift
            colour = "#808080" if line["method"] in ("few chips alone", "log ratio") else "#000000"
            axes.plot([line["least"], line["most"]], [place, place], color=colour, linewidth=1)
            axes.plot(line["mean"], place, markers[line["train_region"]], color=colour, markersize=5)
        chance = float(here["chance"].mean())
        axes.axvline(chance, color="#808080", linestyle=":")
        axes.set_title(f"tested in {region.removeprefix('practice_')}", fontsize=10)
        axes.set(xlabel="AUPRC", xlim=(0, 1), ylim=(len(methods) - 0.5, -0.5), yticks=range(len(methods)))
        axes.set_yticklabels(methods)
        axes.grid(axis="y", color="#e8e8e8")
        means = here.groupby("method", sort=False)["mean"].mean()
        texts.append(
            f"{region}: "
            + ", ".join(f"{name} {means[name]:.2f}" for name in methods if name in means)
            + f", chance {chance:.3f}"
        )
    handles = [
        Line2D([], [], color="#000000", marker=markers[name], linestyle="", label=name.removeprefix("practice_"))
        for name in regions
    ]
    figure.legend(
        handles=handles, title="trained in", loc="outside right center", frameon=False, fontsize=9, title_fontsize=9
    )
    figure.suptitle(
        f"{'simulated radar; ' if simulated else ''}mean over seeds, bars from least to most; dotted: chance",
        fontsize=10,
    )
    return Picture.of(
        figure, f"AUPRC in each region by how it was mapped{', simulated' if simulated else ''}. {'; '.join(texts)}."
    )
