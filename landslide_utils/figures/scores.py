"""Figures of scores: learning, curves, the paper's figure, baselines, other regions, and what a probability means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy import special

from landslide_utils.figures import style
from landslide_utils.metrics import LEVEL, Curve

NAMES = {"vv": "VV", "vh": "VH", "sar": "VV and VH", "sar_dem": "VV, VH and terrain", "dem": "terrain only"}
COLOURS = dict(zip(NAMES, (style.BLUE, style.ORANGE, style.BLACK, style.GREEN, style.GREY), strict=True))
MARKERS = dict(zip(NAMES, "osD^v", strict=True))
METHODS = ["trained there", "as trained", "normalised by region", "fine-tuned", "few chips alone", "log ratio"]
CHIPS_MEASURE = "AUPRC in chips with a landslide"


def _draw_chance(axes: Axes, chance: float, *, vertical: bool = False) -> None:
    """Draw a dotted line where a detector that knows nothing would be."""
    line = axes.axvline if vertical else axes.axhline
    line(chance, color=style.GREY, linestyle=":", label=f"chance: {chance:.3f}")


def history_figure(history: pd.DataFrame, source: style.Described) -> style.Picture:
    """Return curves of loss and validation AUPRC against the step; the source's attributes say what is simulated."""
    figure, (left, right) = style.new_figure(7.4, 3.4, 1, 2)
    left.plot(history["step"], history["train_loss"], "o-", color=style.BLUE, label="training")
    left.plot(history["step"], history["validation_loss"], "s--", color=style.GREY, label="validation")
    left.set(xlabel="step", ylabel="cross-entropy", ylim=(0, None))
    left.legend(frameon=False)
    right.plot(history["step"], history["validation_auprc"], "s--", color=style.GREY)
    right.set(xlabel="step", ylabel="AUPRC on validation chips", ylim=(0, 1))
    for axes in (left, right):
        axes.locator_params(axis="x", integer=True)
    ends = {name: f"{history[name].iloc[0]:.2f} to {history[name].iloc[-1]:.2f}" for name in history if name != "step"}
    text = f": training loss from {ends['train_loss']}, and validation AUPRC from {ends['validation_auprc']}."
    return style.finish(figure, f"Curves of {history['step'].iloc[-1]} steps", text, source)


def curves_figure(curves: Mapping[str, Curve], source: style.Described) -> style.Picture:
    """Return precision against recall for several detectors on the same pixels, with chance as a line.

    Parameters
    ----------
    curves : mapping of Curve
        By detector; the first is drawn thick.
    source : xarray.Dataset or xarray.DataArray
        What was mapped; its attributes say whether the radar is simulated.
    """
    figure, (axes,) = style.new_figure(6.4, 5.2)
    colours = [style.BLACK, *(cm.batlow(v) for v in np.linspace(0.15, 0.7, max(len(curves) - 1, 1)))]
    for (name, curve), colour, width in zip(curves.items(), colours, [2.2, *[1.2] * len(curves)], strict=False):
        label = f"{name}: AUPRC {curve.auprc:.2f}"
        axes.plot(curve.recall, curve.precision, color=colour, linewidth=width, label=label)
    chance = next(iter(curves.values())).prevalence
    _draw_chance(axes, chance)
    axes.set(xlabel="recall: share of landslide pixels found", xlim=(0, 1))
    axes.set(ylabel="precision: share of reported pixels that are right", ylim=(0, 1.02))
    style.add_legend(axes)
    values = "; ".join(f"{name} {curve.auprc:.2f}" for name, curve in curves.items())
    text = f". Area under the curve: {values}; chance {chance:.3f}."
    return style.finish(figure, "Precision and recall on the test chips", text, source)


def passes_figure(means: pd.DataFrame) -> style.Picture:
    """Return AUPRC against the number of passes, a line for each band combination: the paper's figure, with intervals.

    Parameters
    ----------
    means : pandas.DataFrame
        As :func:`landslide_utils.experiments.results.means` returns it.
    """
    figure, (axes,) = style.new_figure(6.4, 5.4)
    texts, steps = [], sorted(means["timesteps"].unique())
    present = [name for name in NAMES if name in set(means["channels"])]
    for place, name in enumerate(present):
        lines = means[means["channels"] == name].sort_values("timesteps")
        if name == "dem" and len(lines) == 1:  # terrain has no passes: it scores the same with any number of them
            lines = lines.loc[lines.index.repeat(len(steps))].assign(timesteps=steps)
        aside = 0.07 * (place - (len(present) - 1) / 2)  # so that no interval hides another
        reach = np.stack([lines["mean"] - lines["low"], lines["high"] - lines["mean"]])
        look = {"color": COLOURS[name], "marker": MARKERS[name], "capsize": 3, "linewidth": 1.6, "elinewidth": 0.8}
        axes.errorbar(lines["timesteps"] + aside, lines["mean"], yerr=reach, label=NAMES[name], **look)
        texts.append(f"{NAMES[name]} {', '.join(f'{mean:.2f}' for mean in lines['mean'])}")
    chance = float(means["chance"].mean())
    _draw_chance(axes, chance)
    axes.set(xlabel="passes averaged before and after the event", ylabel=CHIPS_MEASURE, ylim=(0, 1), xticks=steps)
    style.add_legend(axes)
    seeds = int(means["seeds"].min())
    kind = f"mean of {seeds} seeds with 95 % intervals" if seeds > 1 else "one seed"
    text = f" by the number of passes ({', '.join(map(str, steps))}). {'; '.join(texts)}; chance {chance:.2f}."
    return style.finish(figure, f"AUPRC, {kind}", text, means)


def hours_figure(
    means: pd.DataFrame, hours: pd.Series, *, channels: Sequence[str] = ("sar", "sar_dem")
) -> style.Picture:
    """Return AUPRC against the hours after the event: it rises with each pass, and between passes nothing is learnt.

    Parameters
    ----------
    means : pandas.DataFrame
        As :func:`landslide_utils.experiments.results.means` returns it.
    hours : pandas.Series
        As :func:`landslide_utils.experiments.results.hours_after` returns it.
    channels : sequence of str
    """
    figure, (axes,) = style.new_figure(7.4, 4.6)
    end = float(hours.max()) * 1.12
    texts = []
    for place, name in enumerate(channels):
        lines = means[means["channels"] == name].sort_values("timesteps")
        at, mean = hours.loc[lines["timesteps"]].to_numpy(), lines["mean"].to_numpy()
        axes.step([*at, end], [*mean, mean[-1]], where="post", color=COLOURS[name], label=NAMES[name])
        aside = at + end * (0.012 + 0.02 * place)  # so that no interval hides another, or the axis
        reach = np.stack([mean - lines["low"], lines["high"] - mean])
        axes.errorbar(aside, mean, yerr=reach, fmt=MARKERS[name], color=COLOURS[name], capsize=3, elinewidth=1)
        steps = (f"{value:.2f} after {hour:.0f} hours" for hour, value in zip(at, mean, strict=True))
        texts.append(f"{NAMES[name]}: {', '.join(steps)}")
    chance = float(means["chance"].mean())
    _draw_chance(axes, chance)
    for number, hour in hours.items():
        axes.annotate(f"pass {number}", (hour + end / 150, 0.95))
        axes.axvline(hour, color=style.PALE, linewidth=0.8, zorder=0)
    axes.set_xticks(hours, [f"{hour:.0f}\n{hour / 24:.1f}" for hour in hours])
    axes.set(xlabel="hours after the event, and days below", ylabel=CHIPS_MEASURE, xlim=(0, end), ylim=(0, 1))
    figure.legend(loc="outside lower center", ncols=len(channels) + 1, frameon=False)
    text = f" by the hours after the event. {'; '.join(texts)}; chance {chance:.2f}."
    return style.finish(figure, "AUPRC, mean over seeds with 95 % intervals", text, means)


def ladder_figure(
    scores: Mapping[str, tuple[float, float, float]], source: style.Described, *, chance: float
) -> style.Picture:
    """Return the AUPRC of several detectors with their intervals, the best above; a ceiling is hollow.

    Parameters
    ----------
    scores : mapping
        By detector: AUPRC, and the low and high end of its interval. A name may begin with "ceiling".
    source : xarray.Dataset or xarray.DataArray
        What was mapped; its attributes say whether the radar is simulated.
    chance : float
        The prevalence.
    """
    figure, (axes,) = style.new_figure(7.4, 1.2 + 0.4 * len(scores))
    scores = dict(sorted(scores.items(), key=lambda item: item[1][0]))
    for place, (name, (value, low, high)) in enumerate(scores.items()):
        axes.plot([low, high], [place, place], color=style.GREY, linewidth=1.5)
        hollow = {"markerfacecolor": "white"} if name.startswith("ceiling") else {}
        axes.plot(value, place, "D" if hollow else "o", color=style.BLACK, **hollow)
        axes.text(high + 0.012, place, f"{value:.2f}", va="center")
    _draw_chance(axes, chance, vertical=True)
    axes.legend(frameon=False, loc="lower right")
    axes.set(xlim=(0, 1), ylim=(-0.6, len(scores) - 0.3), xlabel="AUPRC on the test chips, with 95 % interval")
    axes.set_yticks(range(len(scores)), list(scores))
    axes.spines[["top", "right", "left"]].set_visible(False)
    values = "; ".join(f"{name} {value:.2f} ({low:.2f} to {high:.2f})" for name, (value, low, high) in scores.items())
    return style.finish(
        figure, "AUPRC of detectors on the same chips", f": {values}; chance {chance:.3f}.", source, dpi=120
    )


def pairs_figure(pairs: pd.DataFrame, first: str, second: str) -> style.Picture:
    """Return the AUPRC of two ways to train, a line for each seed, with the mean in black.

    Parameters
    ----------
    pairs : pandas.DataFrame
        One line a seed; the columns `first` and `second`, and ``simulated``.
    first, second : str
    """
    figure, (axes,) = style.new_figure(5, 4)
    values, mean = pairs[[first, second]].to_numpy(), pairs[[first, second]].mean().to_numpy()
    axes.plot([0, 1], values.T, "o-", color=style.BLUE, linewidth=0.8, markersize=4, alpha=0.6)
    axes.plot([0, 1], mean, "D-", color=style.BLACK, linewidth=2.2, label="mean")
    for place, value, side in zip((0, 1), mean, ("right", "left"), strict=True):
        axes.text(place + (-0.06, 0.06)[place], value, f"{value:.3f}", ha=side, va="center")
    axes.set(xlim=(-0.45, 1.45), ylabel="AUPRC on the test chips")
    axes.set_xticks([0, 1], [first, second])
    axes.legend(frameon=False, fontsize=9)
    described = pairs.copy(deep=False)
    described.attrs = {"simulated": bool(pairs["simulated"].all())}
    rising = int((values[:, 1] > values[:, 0]).sum())
    text = f": {first} {mean[0]:.3f}, {second} {mean[1]:.3f} on average; {rising} of {len(pairs)} seeds rise."
    return style.finish(figure, f"The same test chips, {len(pairs)} seeds", text, described)


def candidates_figure(table: pd.DataFrame, reference: str) -> style.Picture:
    """Return the validation AUPRC of candidates, best above, and a band in which more seeds of the reference would lie.

    ``table`` has a line for each training: ``candidate`` and ``validation_auprc``; the reference has several.
    """
    groups = table.groupby("candidate")["validation_auprc"]
    scores = {str(name): values for name, values in sorted(groups, key=lambda group: float(group[1].mean()))}
    mean = float((seeds := scores[reference]).mean())
    reach = special.stdtrit(len(seeds) - 1, (1 + LEVEL) / 2) * seeds.std() * np.sqrt(1 + 1 / len(seeds))
    figure, (axes,) = style.new_figure(6, 1.8 + 0.3 * len(scores))
    axes.axvspan(mean - reach, mean + reach, color=style.PALE, label=f"more seeds of the {reference} (95 %)")
    axes.axvline(mean, color=style.BLACK, linestyle="--", label=reference)
    for place, values in enumerate(scores.values()):
        axes.plot(values, [place] * len(values), "|-" * (len(values) > 1), color=style.BLUE, markersize=11)
        axes.plot(values.mean(), place, "o", color=style.BLUE, fillstyle="full" if len(values) > 1 else "none")
    axes.set(xlabel="AUPRC on validation chips; empty circle: one seed", yticks=range(len(scores)), yticklabels=scores)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=10)
    points = (f"{name} {found.mean():.2f}{' (one seed)' * (len(found) == 1)}" for name, found in scores.items())
    text = f", AUPRC: {'; '.join(points)}; more seeds of the {reference}: {mean - reach:.2f} to {mean + reach:.2f}."
    return style.finish(figure, "Candidates on the validation chips", text, table)


def reliability_figure(tables: Mapping[str, pd.DataFrame], source: style.Described) -> style.Picture:
    """Return the share of landslides against the probability: on the diagonal both are equal.

    Parameters
    ----------
    tables : mapping of pandas.DataFrame
        By calibration, as :func:`landslide_utils.metrics.reliability` returns it.
    source : xarray.Dataset or xarray.DataArray
        What was mapped; its attributes say whether the radar is simulated.
    """
    figure, (axes, counts) = style.new_figure(6.6, 6.4, 2, sharex=True, height_ratios=(3, 1))
    axes.plot([0, 1], [0, 1], color=style.GREY, linestyle=":", label="perfect calibration")
    for (name, table), colour, marker in zip(tables.items(), COLOURS.values(), "osD^v", strict=False):
        axes.plot(table["probability"], table["share"], marker=marker, color=colour, label=name)
        counts.plot(table["probability"], table["pixels"], marker=marker, color=colour)
    axes.set(ylabel="share of these pixels that is landslide", ylim=(-0.02, 1.02))
    counts.set(xlabel="mean probability given by the network", ylabel="pixels", yscale="log", xlim=(-0.02, 1.02))
    axes.legend(frameon=False, loc="upper left")
    last = {name: table.iloc[-1] for name, table in tables.items()}
    values = [f"{name}: {line['probability']:.2f} given, {line['share']:.2f} true" for name, line in last.items()]
    text = f", and how many pixels have each. In the bin of the highest probabilities, {'; '.join(values)}."
    return style.finish(figure, "Reliability on the test chips", text, source)


def transfer_figure(table: pd.DataFrame) -> style.Picture:
    """Return what networks are worth in other regions: a panel for each region tested, a line for each way to map it.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`landslide_utils.experiments.transfer.honest_table` returns it.
    """
    regions = list(dict.fromkeys(table["test_region"]))
    looks = dict(zip(regions, zip("osD^v", COLOURS.values(), strict=True), strict=False))
    rows = -(-len(regions) // 2)
    figure, panels = style.new_figure(7.6, 3 * rows + 1, rows, 2, sharey=True)
    for axes in panels[len(regions) :]:
        axes.set_axis_off()
    texts = []
    for axes, region in zip(panels, regions, strict=False):
        tested = table[table["test_region"] == region]
        others = [name for name in regions if name != region]
        _draw_methods(axes, tested, others, looks)
        axes.set_title(f"tested in {region.removeprefix('practice_')}", fontsize=10)
        means, chance = tested.groupby("method")["mean"].mean(), float(tested["chance"].mean())
        values = ", ".join(f"{name} {means[name]:.2f}" for name in METHODS if name in means)
        texts.append(f"{region}: {values}, chance {chance:.3f}")
    names = [name.replace("practice_", "trained in ") for name in regions]
    handles = [
        Line2D([], [], marker=m, color=c, ls="", label=n) for n, (m, c) in zip(names, looks.values(), strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    title = "AUPRC by how a region was mapped:\nmean over seeds, bars from least to most; dotted: chance"
    return style.finish(figure, title, f". {'; '.join(texts)}.", table)


def _draw_methods(
    axes: Axes, tested: pd.DataFrame, others: Sequence[str], looks: Mapping[str, tuple[str, str]]
) -> None:
    """Draw each way to map one region: mean, least and most, networks of other regions side by side."""
    for _, line in tested.iterrows():
        trained_in = line["train_region"]
        aside = 0.25 * (others.index(trained_in) - (len(others) - 1) / 2) if trained_in in others else 0
        place = METHODS.index(line["method"]) + aside
        marker, colour = looks[trained_in]
        colour = style.GREY if line["method"] in METHODS[-2:] else colour
        axes.plot([line["least"], line["most"]], [place, place], color=colour, linewidth=1)
        axes.plot(line["mean"], place, marker, color=colour, markersize=5)
    _draw_chance(axes, float(tested["chance"].mean()), vertical=True)
    axes.set(xlabel="AUPRC", xlim=(0, 1), ylim=(len(METHODS) - 0.5, -0.5))
    axes.set_yticks(range(len(METHODS)), METHODS)
    axes.grid(axis="y", color=style.PALE)
