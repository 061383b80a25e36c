"""Figures of what radar measures: power, decibels, polarisations, speckle, geometry, season, noise and landslides."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from landslide_utils.composite import decibels
from landslide_utils.cube import RADAR
from landslide_utils.figures import style
from landslide_utils.grid import extent_km
from landslide_utils.terrain import find_layover_and_shadow

LOOKS = {"descending": ("looks west", 270.0, -0.25), "ascending": ("looks east", 90.0, 0.25)}
"""By orbit direction: words, the compass direction in which a simulated pass looks, and how far its arrow reaches."""
ARROW = {"arrowstyle": "simple", "color": style.GREEN}
COVER_COLOURS = {"forest": "#2d6a4f", "field": "#c28e0e", "clearing": "#b5838d"}
COVER_COLOURS |= {"water": style.BLUE, "built-up": style.BLACK}


def power_figure(view: xr.Dataset) -> style.Picture:
    """Return histograms of VV of a cube's first pass, in linear power and in decibels."""
    power = view["vv"].isel(time=0)
    values = {"linear power (no unit)": style.finite(power), "backscatter (dB)": style.finite(decibels(power))}
    figure, panels = style.new_figure(7.4, 3.2, 1, 2)
    for axes, (label, layer) in zip(panels, values.items(), strict=True):
        axes.hist(layer, 80, color=style.GREY)
        axes.axvline(layer.mean(), color=style.ORANGE, label=f"mean {layer.mean():.2f}")
        axes.plot(layer.max(), 0, "^", color=style.BLUE, clip_on=False, label=f"greatest {layer.max():.2f}")
        axes.set(xlabel=label, ylabel="pixels")
        axes.legend(frameon=False)
    linear, db = (layer.mean() for layer in values.values())
    text = (
        f", two histograms of the same pixels. In linear power most are small and a long tail reaches to "
        f"{float(power.max()):.1f}, mean {linear:.2f}; in decibels the histogram is nearly symmetric, mean {db:.1f}."
    )
    return style.finish(figure, "VV of one pass", text, view)


def pass_figure(view: xr.Dataset) -> style.Picture:
    """Return VV of a cube's first pass in dB: the image, and a profile through its middle row."""
    db = decibels(view["vv"].isel(time=0))
    middle = db.isel(y=db.sizes["y"] // 2)
    figure, (image, profile) = style.new_figure(7.4, 6.6, 2, 1, height_ratios=(1.8, 1))
    style.draw_maps(figure, [image], {"image": db}, style.BACKSCATTER, "VV (dB)")
    profile.plot(middle["x"] / 1000, middle, color=style.BLACK, linewidth=0.8)
    profile.set(xlabel="km east", ylabel="VV (dB)")
    profile.set_title("profile through the middle", fontsize=10)
    text = (
        ": a grey, grainy image of hills, and a jagged profile through its middle row with a standard deviation of "
        f"{float(middle.std()):.1f} dB."
    )
    return style.finish(figure, f"The pass of {np.datetime_as_string(db['time'].values, unit='D')}", text, view)


def polarisation_figure(view: xr.Dataset, cover: xr.DataArray) -> style.Picture:
    """Return maps of VV and VH, averaged over all passes before the event, and of the land cover (y, x; in words)."""
    view = view.sel(time=slice(None, view.attrs["event_time"]))
    figure, panels = style.new_figure(7.6, 7.2, 2, 2)
    medians = []
    for axes, name in zip(panels, RADAR, strict=False):
        layer = decibels(view[name].mean("time"))
        title, label = f"{name.upper()}, mean of {view.sizes['time']} passes", f"{name.upper()} (dB)"
        style.draw_maps(figure, [axes], {title: layer}, style.BACKSCATTER, label)
        medians.append(f"{name.upper()} {float(layer.median()):.1f} dB")
    shown = [word for word in COVER_COLOURS if (cover == word).any()]
    numbers = cover.copy(data=pd.Categorical(cover.values.ravel(), shown).codes.reshape(cover.shape))
    colours = [COVER_COLOURS[word] for word in shown]
    style.draw_map(panels[2], numbers, ListedColormap(colours), (-0.5, len(shown) - 0.5), title="land cover (truth)")
    style.draw_map(panels[3], view["dem"], ListedColormap(["none"]), (0, 1), title="hills", ground=view["dem"])
    shares = [f"{word} {float((cover == word).mean()):.1%}" for word in shown]
    style.add_swatches(figure, dict(zip(shares, colours, strict=True)))
    text = f": VV and VH in grey (medians {' and '.join(medians)}), the land cover ({', '.join(shares)}) and hills."
    return style.finish(figure, "Two polarisations before the event, and the ground", text, view)


def speckle_figure(images: Mapping[str, xr.DataArray], view: xr.Dataset) -> style.Picture:
    """Return images (y, x; linear power) made of one cube, by their titles, in dB on the same grey scale."""
    return _draw_all("The same place with less and less speckle", images, view)


def beside_figure(cubes: Mapping[str, xr.Dataset]) -> style.Picture:
    """Return VV of the first pass of several cubes, by their names, in dB on the same grey scale."""
    images = {f"{name}{style.mark(cube)}": cube["vv"].isel(time=0).load() for name, cube in cubes.items()}
    return _draw_all("One pass of each", images)


def _draw_all(title: str, images: Mapping[str, xr.DataArray], data: xr.Dataset | None = None) -> style.Picture:
    """Return images (y, x; linear power) in dB, two in a row."""
    rows = -(-len(images) // 2)
    figure, panels = style.new_figure(7.4, 3.2 * rows + 0.6, rows, 2)
    layers = {name: decibels(power) for name, power in images.items()}
    style.draw_maps(figure, panels[: len(layers)], layers, style.BACKSCATTER, "VV (dB)")
    for axes in panels[len(layers) :]:
        axes.set_axis_off()
    spread = "; ".join(f"{name}: standard deviation {float(layer.std()):.1f} dB" for name, layer in layers.items())
    return style.finish(figure, title, f", VV in grey. {spread}.", data)


def averaging_figure(in_time: Mapping[int, float], in_space: Mapping[int, float]) -> style.Picture:
    """Return looks by the number of passes, and of pixels, averaged; only a simulator has such speckle on its own."""
    figure, (axes,) = style.new_figure(6.4, 4.2)
    single = next(iter(in_time.values()))
    counts = sorted({*in_time, *in_space})
    axes.plot(counts, [single * count for count in counts], ":", color=style.GREY, label="if all were independent")
    axes.plot(*zip(*in_time.items(), strict=True), "o-", color=style.BLACK, label="over passes")
    axes.plot(*zip(*in_space.items(), strict=True), "s--", color=style.ORANGE, label="over neighbouring pixels")
    axes.set(xlabel="values averaged", ylabel="equivalent number of looks", xscale="log", yscale="log")
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200) if single / 2 < tick < 2 * single * counts[-1]]
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.legend(frameon=False)
    values = [f"{count} passes: {looks:.1f} looks" for count, looks in in_time.items()]
    values += [f"{count} pixels: {looks:.1f} looks" for count, looks in in_space.items()]
    text = f": looks against the number of values averaged. {'; '.join(values)}."
    return style.finish(figure, f"Speckle on its own{style.SIMULATED}", text)


def geometry_figure(steep: xr.Dataset) -> style.Picture:
    """Return layover and shadow of a cube's pass of each orbit direction, over its hills, beside VV of that pass."""
    figure, panels = style.new_figure(8.6, 8.2, 2, 2, sharex=True, sharey=True)
    hidden = {"layover": f"{style.ORANGE}b0", "shadow": f"{style.BLUE}b0"}  # the hills are seen through them
    layers, said = {}, []
    for row, (orbit, (look, azimuth, reach)) in zip(panels.reshape(2, 2), LOOKS.items(), strict=True):
        found = find_layover_and_shadow(steep, orbit=orbit, look_azimuth_degrees=azimuth)
        kinds, colours = found["shadow"].where(found["shadow"] | found["layover"]), ListedColormap([*hidden.values()])
        style.draw_map(row[0], kinds, colours, (0, 1), title=f"hills, {orbit} pass", ground=steep["dem"])
        layers[f"VV of the {orbit} pass"] = decibels(steep["vv"][int(np.argmax(steep["orbit"].values == orbit))])
        for axes in row:
            drawn: Any = {"ha": "center", "va": "center", "backgroundcolor": "white", "arrowprops": ARROW}
            axes.annotate(look, (0.5 + reach, 0.07), (0.5 - reach / 2, 0.07), "axes fraction", **drawn)
        said.append(f"{orbit}, {look}: " + ", ".join(f"{kind} {float(found[kind].mean()):.0%}" for kind in hidden))
    style.draw_maps(figure, panels[1::2], layers, style.BACKSCATTER, "VV (dB)")
    style.add_swatches(figure, hidden)
    pair = np.stack([layer.values.ravel() for layer in layers.values()])
    alike = np.corrcoef(pair[:, np.isfinite(pair).all(axis=0)])[0, 1]
    text = (
        ": hills in light and shade, with the ground in layover and in shadow, beside VV of each pass. "
        f"{'; '.join(said)}. Each pass is bright on the slopes that face it and dark on those behind: the correlation "
        f"of the two images is {alike:.2f}."
    )
    return style.finish(figure, "Slopes made steeper, radar not corrected for them", text, steep)


def season_figure(levels: pd.DataFrame) -> style.Picture:
    """Return levels in dB over time, a line for each land cover (column); only a simulator has them without speckle."""
    figure, (axes,) = style.new_figure(7.4, 3.6)
    for name, dashes in zip(levels, style.DASHES, strict=False):
        axes.plot(levels.index, levels[name], dashes, color=COVER_COLOURS[str(name)], label=str(name))
    axes.set(xlabel="date of the pass", ylabel="median VV (dB)")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(frameon=False)
    ranges = "; ".join(f"{name} from {levels[name].min():.1f} to {levels[name].max():.1f} dB" for name in levels)
    text = f": median VV of each pass for each land cover, {ranges}. All jump up and down together."
    return style.finish(figure, f"A year without speckle{style.SIMULATED}", text)


def change_figure(change: xr.DataArray, view: xr.Dataset, leaning: xr.DataArray) -> style.Picture:
    """Return a map of change, its histograms on and off landslides, and its mean on landslides by their slope.

    Parameters
    ----------
    change : xarray.DataArray (y, x)
        Change of VV, dB.
    view : xarray.Dataset
        The cube that it is made of, with ``landslides``.
    leaning : xarray.DataArray (y, x)
        By how many degrees the ground leans towards the radar.
    """
    figure = Figure(figsize=(7.4, 6), layout="constrained")
    panels = [*figure.subplot_mosaic("ab;cc", height_ratios=(1.2, 1)).values()]
    slid = view["landslides"] > 0
    style.draw_maps(figure, panels[:1], {"after minus before": change}, style.CHANGE, "change (dB)", (-6, 6))
    panels[0].contour(slid, [0.5], extent=extent_km(change), colors=style.BLACK, linewidths=0.5, origin="upper")
    on, off = (style.finite(change.where(slid == inside)) for inside in (True, False))
    for values, colour, label in ((off, style.GREY, "elsewhere"), (on, style.BLACK, "on landslides")):
        panels[1].hist(values, 60, range=(-8, 8), density=True, histtype="step", color=colour, label=label)
    panels[1].set(xlabel="change of VV (dB)", ylabel="density (1/dB)")
    panels[1].legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.45, 1), columnspacing=1)
    edges = np.arange(-30, 31, 10)
    means = [
        float(change.where(slid & (leaning >= low) & (leaning < high)).mean())
        for low, high in itertools.pairwise(edges)
    ]
    panels[2].axhline(0, color=style.GREY, linewidth=0.8)
    panels[2].plot((edges[1:] + edges[:-1]) / 2, means, "o-", color=style.BLACK)
    panels[2].set(xlabel="lean towards the radar (degrees)", ylabel="mean on landslides (dB)")
    text = (
        f": a map with the landslides outlined; its distribution on landslides (standard deviation {on.std():.1f} dB) "
        f"and elsewhere ({off.std():.1f} dB), which overlap; and its mean on landslides, from {means[0]:.1f} dB on "
        f"slopes that look away from the radar to {means[-1]:.1f} dB on those that face it."
    )
    return style.finish(figure, "Change of VV", text, view)


def noise_figure(statistics: pd.DataFrame, fluctuations: pd.DataFrame) -> style.Picture:
    """Return the noise of several stacks of passes side by side.

    Parameters
    ----------
    statistics : pandas.DataFrame
        One column a stack, and a line for each statistic of each polarisation, named "VV: its name".
    fluctuations : pandas.DataFrame
        Densities by departure in dB, one column for each stack and polarisation, named "stack, VV".
    """
    figure = Figure(figsize=(7.6, 7), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.2))
    upper, lower = parts
    kinds = list(dict.fromkeys(name.split(": ")[1] for name in statistics.index if ": " in name))
    markers = {"VV": ("o", style.BLACK), "VH": ("s", style.ORANGE)}
    for axes, kind in zip(upper.subplots(1, len(kinds), sharey=True), kinds, strict=True):
        for name, (marker, colour) in markers.items():
            axes.plot(statistics.loc[f"{name}: {kind}"], range(statistics.shape[1]), marker, color=colour, label=name)
        axes.set(xlim=(0, 1.12 * axes.dataLim.x1), ylim=(statistics.shape[1] - 0.5, -0.5))
        axes.set_yticks(range(statistics.shape[1]), list(statistics))
        axes.grid(axis="y", color=style.PALE)
        axes.set_title("\n".join(textwrap.wrap(kind, 16)), fontsize=10)
    style.add_legend(axes)
    stacks = list(dict.fromkeys(str(name).rsplit(", ", 1)[0] for name in fluctuations))
    colours = (style.BLACK, style.GREY, style.ORANGE, style.BLUE)
    for axes, name in zip(lower.subplots(1, 2, sharey=True), markers, strict=True):
        for stack, colour, dashes in zip(stacks, colours, ("-", "-", "--", ":"), strict=False):
            axes.plot(fluctuations.index, fluctuations[f"{stack}, {name}"], dashes, color=colour, label=stack, lw=1.8)
        axes.set(xlabel=f"{name}: departure from its own mean (dB)", ylim=(0, None))
    lower.axes[0].set_ylabel("density (1/dB)")
    lower.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    values = "; ".join(f"{stack} {value:.2f}" for stack, value in statistics.loc[f"VV: {kinds[0]}"].items())
    text = f", its statistics as dots and its distributions as curves. VV, {kinds[0]}: {values}."
    return style.finish(figure, f"The noise of {len(stacks)} stacks of passes", text)
