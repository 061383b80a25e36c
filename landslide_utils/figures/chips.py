"""Figures of what a network sees: a composite, the parts of a scene, its chips, and the levels of its channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from landslide_utils.chips import PARTS, SIZE, corners
from landslide_utils.cube import RADAR
from landslide_utils.figures import style
from landslide_utils.grid import extent_km, pixel_size_m

PART_COLOURS = dict(zip(PARTS, (style.BLUE, style.GREY, style.ORANGE), strict=True))


def _radar_in(image: xr.DataArray) -> list[str]:
    """Return which polarisations an image has."""
    return [name for name in RADAR if f"{name}_before" in image["channel"].values]


def composite_figure(composite: xr.Dataset) -> style.Picture:
    """Return maps of a composite: before, after, change and labels; without radar elevation, slope and curvature."""
    image = composite["image"]
    height = 1.4 + 8.6 * min(image.sizes["y"] / image.sizes["x"], 1.4)
    figure, panels = style.new_figure(11, height, 2, 2, sharex=True, sharey=True)
    draw = _draw_change if _radar_in(image) else _draw_terrain
    text = f". Maps of {draw(figure, panels, image)}"
    if "landslides" in composite:
        style.draw_map(panels[3], composite["landslides"], style.MASK, (0, 1), title="labels: landslides in black")
        text += f"; and the labels, {float(composite['landslides'].mean()):.1%} of the scene"
    else:
        panels[3].set_axis_off()
    title = composite.attrs["region"].removesuffix(style.SIMULATED)
    return style.finish(figure, title, f"{text}.", composite)


def _draw_change(figure: Figure, panels: list[Any], image: xr.DataArray) -> str:
    """Draw backscatter before and after the event, and its change; return in words what is drawn."""
    name = _radar_in(image)[0]
    layers = {when: image.sel(channel=f"{name}_{when}") for when in ("before", "after")}
    titled = {f"mean of the passes {when} the event": layer for when, layer in layers.items()}
    style.draw_maps(figure, panels[:2], titled, style.BACKSCATTER, f"{name.upper()} gamma nought (dB)")
    change = {"log ratio: after minus before": layers["after"] - layers["before"]}
    style.draw_maps(figure, panels[2:3], change, style.CHANGE, "change (dB)", (-6, 6))
    return f"{name.upper()} backscatter before the event, after it, and the change in decibels, grey and speckled"


def _draw_terrain(figure: Figure, panels: list[Any], image: xr.DataArray) -> str:
    """Draw elevation, slope and curvature; return in words what is drawn."""
    colours = {"elevation": style.ELEVATION, "slope": cm.lajolla_r, "curvature": style.CHANGE}
    for axes, (name, cmap) in zip(panels, colours.items(), strict=False):
        layer = image.sel(channel=name)
        most = max(map(abs, style.find_limits(layer)))
        limits = (-most, most) if name == "curvature" else None
        style.draw_maps(figure, [axes], {name: layer}, cmap, f"{name} ({layer['unit'].item()})", limits)
    return "the elevation, slope and curvature of the ground, with ridges and valleys"


def split_figure(composite: xr.Dataset, chips: pd.DataFrame) -> style.Picture:
    """Return a map of the landslides with all chips outlined: which train, which validate and which test."""
    landslides = composite["landslides"]
    figure, (axes,) = style.new_figure(7.4, 5.8)
    style.draw_map(axes, landslides, style.MASK, (0, 1), title="landslides in black")
    west, _, _, north = extent_km(landslides)
    pixel_km = pixel_size_m(landslides) / 1000
    for part, colour in PART_COLOURS.items():
        for row, col in corners(chips, part):
            corner = (west + col * pixel_km, north - (row + SIZE) * pixel_km)
            side = SIZE * pixel_km
            axes.add_patch(Rectangle(corner, side, side, color=colour, alpha=0.35, linewidth=0.8))
    labels = {part: f"{part}: {(chips['part'] == part).sum()} chips" for part in PARTS}
    style.add_swatches(figure, {labels[part]: colour for part, colour in PART_COLOURS.items()})
    text = f" over a map of the landslides. {'; '.join(labels.values())}."
    return style.finish(figure, f"Chips of {SIZE} x {SIZE} pixels", text, composite)


def chips_figure(composite: xr.Dataset, chips: pd.DataFrame, *, count: int = 4) -> style.Picture:
    """Return images of the training chips with most landslides, each with its labels below."""
    image = composite["image"]
    richest = chips[chips["part"] == "train"].nlargest(count, "landslide_share")
    names = [f"{name}_{when}" for name in _radar_in(image)[:1] for when in ("before", "after")] or ["slope"]
    rows, cols = len(names) + 1, len(richest)
    figure, panels = style.new_figure(2.4 * cols + 1.2, 2.3 * rows + 0.4, rows, cols)
    windows = [{"y": slice(row, row + SIZE), "x": slice(col, col + SIZE)} for row, col in corners(richest, "train")]
    layers = {
        f"{name.replace('_', ' ')}, chip {number}": image.sel(channel=name).isel(window)
        for name in names
        for number, window in enumerate(windows, start=1)
    }
    first = image.sel(channel=names[0])
    label = f"{names[0].split('_')[0]} ({first['unit'].item()})"
    style.draw_maps(figure, panels[:-cols], layers, style.BACKSCATTER, label, style.find_limits(first))
    for axes, window, share in zip(panels[-cols:], windows, richest["landslide_share"], strict=True):
        title = f"labels: {share:.0%} landslide"
        style.draw_map(axes, composite["landslides"].isel(window), style.MASK, (0, 1), title=title)
    for axes in panels:
        axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
    side_km = SIZE * pixel_size_m(image) / 1000
    text = f": {' and '.join(names)}".replace("_", " ") + ", and the labels below."
    return style.finish(figure, f"{cols} training chips, {side_km:.2f} km wide and high", text, composite)


def channels_figure(image: xr.DataArray, normalised: xr.DataArray) -> style.Picture:
    """Return histograms of the channels of an image (channel, y, x), where it has data, as they are and normalised."""
    figure, panels = style.new_figure(11, 3.5, 1, 2)
    colours = [cm.batlow(v) for v in np.linspace(0.05, 0.8, image.sizes["channel"])]
    for axes, layers in zip(panels, (image, normalised.where(np.isfinite(image))), strict=True):
        for number, (name, colour) in enumerate(zip(image["channel"].values, colours, strict=True)):
            values = style.finite(layers.sel(channel=name))
            limits = tuple(np.percentile(values, [0.5, 99.5]))
            look = {"color": colour, "linestyle": style.DASHES[number % 2], "label": name.replace("_", " ")}
            axes.hist(values, 100, range=limits, density=True, histtype="step", **look)
    panels[0].set(xlabel="backscatter (dB)", ylabel="density")
    panels[1].set(xlabel="normalised (1)")
    style.add_legend(panels[1])
    means = ", ".join(f"{name} {float(image.sel(channel=name).mean()):.1f} dB" for name in image["channel"].values)
    text = f", as histograms. Before, their means are {means}; after, all lie around zero."
    return style.finish(figure, "Channels before and after normalisation", text, image)


def levels_figure(images: Mapping[str, xr.DataArray]) -> style.Picture:
    """Return histograms of the backscatter before the event, dB, in images (channel, y, x) of several regions."""
    names = [name for name in RADAR if all(name in _radar_in(image) for image in images.values())]
    figure, panels = style.new_figure(9.5, 3.4, 1, len(names), sharey=True)
    peaks = []
    for axes, name in zip(panels, names, strict=True):
        layers = {region: style.finite(image.sel(channel=f"{name}_before")) for region, image in images.items()}
        limits = tuple(np.percentile(np.concatenate(list(layers.values())), [0.5, 99.5]))
        for (region, values), dashes in zip(layers.items(), style.DASHES, strict=False):
            look: Any = {"color": style.BLACK, "linestyle": dashes, "label": region, "histtype": "step"}
            share, edges, _ = axes.hist(
                values, 60, range=limits, weights=np.full(values.size, 100 / values.size), **look
            )
            peaks.append(f"{name.upper()} of {region} is most often at {edges[share.argmax()]:.0f} dB")
        axes.set(xlabel=f"{name.upper()} (dB)", ylabel="share of pixels (%)")
    style.add_legend(panels[-1])
    text = f": share of the pixels at each level. {'; '.join(peaks)}."
    return style.finish(figure, "Backscatter before the event", text, next(iter(images.values())))
