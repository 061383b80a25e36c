"""Figures of scores: the poster's figure, the ladder of baselines, and whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from cmcrameri import cm
from matplotlib.figure import Figure

from landslide_utils.plots import Picture

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
        As :func:`landslide_utils.results.means` returns it.
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
