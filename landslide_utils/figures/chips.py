"""Figures of what a network sees: a composite, the parts of a scene, its chips, and the levels of its channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from landslide_utils.chips import PARTS, SIZE, corners, windows
from landslide_utils.composite import CHANNELS
from landslide_utils.cube import RADAR
from landslide_utils.figures import style
from landslide_utils.grid import extent_km, pixel_size_m
from landslide_utils.simulate.truth import busiest_window

WHEN = ("before", "after")
LARGE, VIEW = 512, 384  # pixels along a side beyond which a part of a scene is shown, and along a side of that part
WORDS = {f"{name}_{when}": f"{name.upper()} {when}" for name in RADAR for when in WHEN} | {"aspect_sin": "aspect"}
BANDS = {WORDS[f"{name}_{when}"]: (style.BACKSCATTER, "dB") for name in RADAR for when in WHEN}
BANDS |= {"elevation": (cm.bamako, "m"), "slope": (cm.lajolla_r, "degrees"), "aspect": (cm.romaO, "degrees")}
BANDS |= {"curvature": (style.CHANGE, "1/100 m")}
PART_COLOURS = dict(zip(PARTS, (style.BLUE, style.GREY, style.ORANGE), strict=True))


def _radar_in(image: xr.DataArray) -> list[str]:
    """Return which polarisations an image has."""
    return [name for name in RADAR if f"{name}_before" in image["channel"].values]


def composite_figure(composite: xr.Dataset) -> style.Picture:
    """Return maps of a composite, of a large one where most slid: before, after, change, labels; or of terrain."""
    whole, where = composite, ""
    if "landslides" in whole and min(whole.sizes["y"], whole.sizes["x"]) >= VIEW and max(whole["valid"].shape) > LARGE:
        composite, where = busiest_window(whole[["image", "landslides"]], VIEW), ", where most slid"
    image = composite["image"]
    figure, panels = style.new_figure(8.4, 1.2 + 7 * min(image.sizes["y"] / image.sizes["x"], 1.4), 2, 2)
    draw = _draw_change if _radar_in(image) else _draw_terrain
    text = f". Maps of {draw(figure, panels, image)}"
    if "landslides" in composite:
        style.draw_map(panels[3], composite["landslides"], style.MASK, (0, 1), title="labels: landslides in black")
        text += f"; and the labels, {float(composite['landslides'].mean()):.1%} of this part of the scene"
    else:
        panels[3].set_axis_off()
    if where:
        style.draw_locator(panels[0].inset_axes((0.01, 0.01, 0.3, 0.3)), whole["landslides"], composite["landslides"])
        text += ", which is framed in a small map of the whole"
    title = composite.attrs["region"].removesuffix(style.SIMULATED)
    return style.finish(figure, f"{title}{where}", f"{text}.", composite)


def _draw_change(figure: Figure, panels: list[Any], image: xr.DataArray) -> str:
    """Draw backscatter before and after the event, and its change; return in words what is drawn."""
    name = _radar_in(image)[0]
    layers = {when: image.sel(channel=f"{name}_{when}") for when in ("before", "after")}
    titled = {f"mean of the passes {when} the event": layer for when, layer in layers.items()}
    style.draw_maps(figure, panels[:2], titled, style.BACKSCATTER, f"{name.upper()} gamma nought (dB)")
    change, title = layers["after"] - layers["before"], "log ratio: after minus before"
    style.add_bar(
        figure, panels[2:], style.draw_map(panels[2], change, style.CHANGE, (-6, 6), title=title), "change (dB)"
    )
    return f"{name.upper()} backscatter before the event, after it, and the change in decibels, grey and speckled"


def _draw_terrain(figure: Figure, panels: list[Any], image: xr.DataArray) -> str:
    """Draw elevation, slope and curvature; return in words what is drawn."""
    for axes, name in zip(panels, ("elevation", "slope", "curvature"), strict=False):
        layer, (cmap, unit) = image.sel(channel=name), BANDS[name]
        most = max(map(abs, style.find_limits(layer)))
        limits = (-most, most) if name == "curvature" else None
        style.draw_maps(figure, [axes], {name: layer}, cmap, f"{name} ({unit})", limits)
    return "the elevation, slope and curvature of the ground, with ridges and valleys"


def split_figure(composite: xr.Dataset, chips: pd.DataFrame) -> style.Picture:
    """Return a map of the landslides with all chips outlined: which train, which validate and which test."""
    landslides = composite["landslides"]
    figure, (axes,) = style.new_figure(7.4, 5.8)
    style.draw_map(axes, landslides, style.MASK, (0, 1), title="landslides in black")
    west, _, _, north = extent_km(landslides)
    pixel_km = pixel_size_m(landslides) / 1000
    pale = {part: to_hex((*to_rgb(colour), 0.35), keep_alpha=True) for part, colour in PART_COLOURS.items()}
    for part, colour in pale.items():
        for row, col in corners(chips, part):
            corner = (west + col * pixel_km, north - (row + SIZE) * pixel_km)
            side = SIZE * pixel_km
            axes.add_patch(Rectangle(corner, side, side, color=colour, linewidth=0.8))
    labels = {part: f"{part}: {(chips['part'] == part).sum()} chips" for part in PARTS}
    style.add_swatches(figure, {labels[part]: colour for part, colour in pale.items()})
    text = f" over a map of the landslides. {'; '.join(labels.values())}."
    return style.finish(figure, f"Chips of {SIZE} x {SIZE} pixels", text, composite)


def chips_figure(composite: xr.Dataset, chips: pd.DataFrame, *, count: int = 4) -> style.Picture:
    """Return images of the training chips with most landslides: before, after, change, and the labels below."""
    image, radar = composite["image"], [name.upper() for name in _radar_in(composite["image"])]
    richest = chips[chips["part"] == "train"].nlargest(count, "landslide_share")
    places = [window.place for window in windows(richest, "train")]
    cut = [image.isel(place).load() for place in places]  # a scene may be larger than the memory
    layers = {WORDS.get(name, name): [chip.sel(channel=name) for chip in cut] for name in image["channel"].values}
    shown = {name: layers[name] for name in ([f"{radar[0]} {when}" for when in WHEN] if radar else ["slope"])}
    pairs = {name: zip(layers[f"{name} after"], layers[f"{name} before"], strict=True) for name in radar}
    changes = {f"{name} change": [after - before for after, before in pair] for name, pair in pairs.items()}
    cmap, unit = BANDS[next(iter(shown))]
    groups: dict[str, tuple[Any, Any, dict[str, list[xr.DataArray]]]] = {}
    limits = style.find_limits(*(chip for layer in shown.values() for chip in layer))
    groups[f"{radar[0] if radar else 'slope'} ({unit})"] = cmap, limits, shown
    groups |= {"after minus before (dB)": (style.CHANGE, (-6, 6), changes)} if radar else {}
    groups[""] = (style.MASK, (0, 1), {"labels": [composite["landslides"].isel(place) for place in places]})
    names = [name for *_, layers in groups.values() for name in layers]
    figure = Figure(figsize=(1.75 * len(places) + 1, 1.7 * len(names) + 0.6), layout="constrained")
    panels = figure.subplots(len(names), len(places), squeeze=False)
    for label, (cmap, limits, layers) in groups.items():
        rows = panels[[names.index(name) for name in layers]]
        for row, (name, layer) in zip(rows, layers.items(), strict=True):
            for axes, chip in zip(row, layer, strict=True):
                drawn = style.draw_map(axes, chip, cmap, limits)
                axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
            row[0].set_ylabel(name, fontsize=10)
        if label:
            style.add_bar(figure, rows, drawn, label)
    for number, (axes, share) in enumerate(zip(panels[0], richest["landslide_share"], strict=True), start=1):
        axes.set_title(f"chip {number}: {share:.0%} landslide", fontsize=10)
    title = f"{len(places)} training chips, {SIZE * pixel_size_m(image) / 1000:.2f} km wide"
    text = f", a column for each: {', '.join(names[:-1])}, and the labels, landslides in black."
    return style.finish(figure, title, text, composite)


def inputs_figure(composite: xr.Dataset, chips: pd.DataFrame) -> style.Picture:
    """Return which bands each combination has, drawn from a composite of all, on the richest training chip."""
    richest = chips[chips["part"] == "train"].nlargest(1, "landslide_share")
    image = composite["image"].isel(windows(richest, "train")[0].place).load()
    layers: Any = {WORDS.get(name, name): image.sel(channel=name, drop=True) for name in image["channel"].values}
    layers["aspect"] = np.degrees(np.arctan2(layers["aspect"], layers["aspect_cos"])) % 360
    used = {key: [WORDS.get(name, name) for name in names] for key, names in CHANNELS.items()}
    used["dem"] = used.pop("dem")  # last, as in the paper
    figure = Figure(figsize=(7.6, 5.6), layout="constrained")
    panels = figure.subplots(len(used), len(BANDS))
    for column, (name, (cmap, unit)) in zip(panels.T, BANDS.items(), strict=True):
        low, high = style.find_limits(*(layer for other, layer in layers.items() if other[:2] == name[:2]))
        limits = {"aspect": (0, 360), "curvature": (min(low, -high), max(-low, high))}.get(name, (low, high))
        for axes, (key, bands) in zip(column, used.items(), strict=True):
            if name in bands:
                drawn = style.draw_map(axes, layers[name], cmap, limits)
            axes.set(xticks=[], yticks=[], xlabel="", aspect="equal", facecolor="white")
            axes.set_ylabel(key if axes in panels[:, 0] else "", fontsize=11)
            axes.spines[:].set_color(style.BLACK if name in bands else style.PALE)
        column[0].set_title(name.replace(" ", "\n"), fontsize=10)
        bar = figure.colorbar(drawn, ax=column, orientation="horizontal", label=unit, aspect=8)
        bar.locator = MaxNLocator(2, integer=True)
    said = [f"{key} has {', '.join(name for name in BANDS if name in bands)}" for key, bands in used.items()]
    text = f". A row for each band combination, with an empty place for a band that it has not: {'; '.join(said)}."
    return style.finish(figure, "What goes in, on one chip", text, composite)


def channels_figure(image: xr.DataArray, normalised: xr.DataArray) -> style.Picture:
    """Return histograms of the channels of an image (channel, y, x), where it has data, as they are and normalised."""
    figure, panels = style.new_figure(7.4, 3.6, 1, 2)
    colours = [cm.batlow(v) for v in np.linspace(0.05, 0.7, image.sizes["channel"])]
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
    figure, panels = style.new_figure(7.4, 3.6, 1, len(names), sharey=True)
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
