"""Figures of a map: labels beside probability, what a threshold hits and misses, and what the map cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from landslide_utils.chips import SIZE, corners, part_mask, richest_test_block, windows
from landslide_utils.figures import style
from landslide_utils.grid import extent_km

OVER_GROUND = ListedColormap(
    [(*style.PROBABILITY(0.2 + 0.6 * p)[:3], min(4 * p, 1)) for p in np.linspace(0, 1, 256)]
).with_extremes(bad=style.GREY)
"""Colours of a probability through which the ground is seen where it is low."""
HIT, MISS, FALSE_ALARM, UNTESTED = style.BLUE, style.BLACK, style.ORANGE, "#ffffffa0"
HIDDEN = {"layover": style.ORANGE, "shadow": style.BLUE}
WHERE = ("all test chips", "the test block with most landslides")


def map_figure(
    probability: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, elevation: style.Ground = None
) -> style.Picture:
    """Return the labels beside the mapped probability, over the ground, in the test block with most landslides.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    landslides : xarray.DataArray (y, x), bool
        Filled on the left and outlined on the right.
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    elevation : xarray.DataArray (y, x), optional
        Of the same scene; its hills are drawn beneath.
    """
    boxes, aspects = _boxes(chips)
    labels, mapped = (layer.isel(boxes[1]) for layer in (landslides, probability))
    ground = None if elevation is None else elevation.isel(boxes[1])
    heights = 0.8 + 3.3 * aspects[1], 1.8
    figure = Figure(figsize=(7.4, sum(heights)), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=heights)
    left, right = parts[0].subplots(1, 2, sharey=True)
    style.draw_map(left, labels, ListedColormap(["none", HIT]), (0, 1), title="landslides, as labelled", ground=ground)
    drawn = style.draw_map(right, mapped, OVER_GROUND, (0, 1), title="the network's map", ground=ground)
    right.contour(labels.values, levels=[0.5], extent=extent_km(labels), colors=HIT, linewidths=1.1, origin="upper")
    for axes in (left, right):
        axes.set_facecolor("white")  # where there is no ground
    scale = AnchoredSizeBar(left.transData, 0.2, "200 m, north up", "lower left", size_vertical=0.02)
    scale.patch.set(alpha=0.8, linewidth=0)  # readable over labels
    left.add_artist(scale)
    small, key = parts[1].subplots(1, 2, width_ratios=(1, 2.2))
    places = [window.place for window in windows(chips, "test")]
    style.draw_locator(small, landslides, labels, *(landslides.isel(place) for place in places), ground=elevation)
    small.set_title("test chips in the scene", fontsize=10)
    _draw_key(key, drawn)
    tested = part_mask(chips, "test", landslides) & landslides
    found = float(((probability > 0.5) & tested).sum() / max(int(tested.sum()), 1))
    text = (
        f": labels in blue{'' if ground is None else ' over the hills'} in the block with most landslides; beside them "
        "the network's probability, with the labels as outlines; and where the block lies in the scene. "
        f"{found:.0%} of the landslide pixels of all test chips have a probability above one half."
    )
    return style.finish(figure, "A test block that the network has not seen", text, probability)


def _draw_key(axes: Axes, drawn: Any) -> None:
    """Draw the bar of a map's colours, and what hits, misses and false alarms look like."""
    axes.set_axis_off()
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((0, 0, 0.96, 0.13)), orientation="horizontal")
    bar.set_label("probability of a landslide", fontsize=10)
    brown: Any = OVER_GROUND(0.7)
    looks = {"hit: outlined and coloured": (brown, HIT), "miss: outlined, little colour": ("none", HIT)}
    looks |= {"false alarm: colour, no outline": (brown, "none")}
    looks |= {"no value": (style.GREY, "none")} if np.ma.is_masked(drawn.get_array()) else {}
    patches = [Patch(facecolor=face, edgecolor=edge, label=label) for label, (face, edge) in looks.items()]
    axes.legend(handles=patches, loc="upper left", frameon=False, fontsize=10, borderaxespad=0)


def ensemble_figure(
    mean: xr.DataArray, spread: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame
) -> style.Picture:
    """Return the mean of several maps beside their standard deviation, in the test block with most landslides.

    Parameters
    ----------
    mean, spread : xarray.DataArray (y, x)
    landslides : xarray.DataArray (y, x), bool
        Outlined on both.
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    """
    boxes, aspects = _boxes(chips)
    mean, spread, labels = (layer.isel(boxes[1]) for layer in (mean, spread, landslides))
    figure, panels = style.new_figure(8.4, min(1.2 + 3.3 * aspects[1], 9), 1, 2)
    drawn = (mean, "mean probability", style.PROBABILITY, 1.0), (spread, "standard deviation", "gray_r", 0.3)
    for axes, (layer, name, colours, highest) in zip(panels, drawn, strict=True):
        style.draw_maps(figure, [axes], {name: layer}, colours, name, (0, highest))
        axes.contour(labels.values, levels=[0.5], extent=extent_km(labels), colors=HIT, linewidths=0.8, origin="upper")
    on, off = (float(spread.where(mask).mean()) for mask in (labels, ~labels))
    text = (
        ", labels outlined in blue: their mean on the left, and on the right how far they are apart, which is "
        f"{on:.2f} on landslides and {off:.2f} elsewhere."
    )
    return style.finish(figure, "Mean and spread of several maps, test block with most landslides", text, mean)


def _boxes(chips: pd.DataFrame) -> tuple[list[dict[str, slice]], list[float]]:
    """Return the windows around all test chips and around the richest block, and how high each is for its width."""
    boxes = []
    for part in (chips, richest_test_block(chips)):
        rows, cols = zip(*corners(part, "test"), strict=True)
        boxes.append({"y": slice(min(rows), max(rows) + SIZE), "x": slice(min(cols), max(cols) + SIZE)})
    return boxes, [(box["y"].stop - box["y"].start) / (box["x"].stop - box["x"].start) for box in boxes]


def difference_figure(
    probability: xr.DataArray,
    landslides: xr.DataArray,
    chips: pd.DataFrame,
    elevation: style.Ground = None,
    *,
    threshold: float,
) -> style.Picture:
    """Return what a threshold hits, misses and takes for a landslide: all test chips, and the block with most of them.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    elevation : xarray.DataArray (y, x), optional
        Of the same scene; its hills are drawn beneath.
    threshold : float
    """
    tested = part_mask(chips, "test", landslides) & np.isfinite(probability)
    found = (probability >= threshold) & tested
    hit, miss, false_alarm = found & landslides, tested & ~found & landslides, found & ~landslides
    hits, misses, alarms = (int(mask.sum()) for mask in (hit, miss, false_alarm))
    kinds = {
        "paler: not tested, or no data": (UNTESTED, ~tested),
        f"hit: {hits:,} pixels": (HIT, hit),
        f"miss: {misses:,} pixels": (MISS, miss),
        f"false alarm: {alarms:,} pixels": (FALSE_ALARM, false_alarm),
    }
    boxes, aspects = _boxes(chips)
    figure, panels = style.new_figure(8, min(1.4 + 3.8 * max(aspects), 9), 1, 2)
    for axes, box, where in zip(panels, boxes, WHERE, strict=True):
        ground = None if elevation is None else elevation.isel(box)
        _draw_kinds(axes, {name: (colour, mask.isel(box)) for name, (colour, mask) in kinds.items()}, where, ground)
    style.add_swatches(figure, {name: colour for name, (colour, _) in kinds.items()})
    recall, precision = hits / max(hits + misses, 1), hits / max(hits + alarms, 1)
    text = (
        f" at a threshold of {threshold:.2f}: {hits:,} landslide pixels hit in blue, {misses:,} missed in black, "
        f"{alarms:,} false alarms in orange."
    )
    title = f"Maps of the test chips, recall {recall:.2f}, precision {precision:.2f}"
    return style.finish(figure, title, text, probability)


def hidden_figure(hidden: Mapping[str, xr.Dataset], cube: xr.Dataset) -> style.Picture:
    """Return what the radar cannot see from each direction, over the ground: layover and shadow.

    Parameters
    ----------
    hidden : mapping of xarray.Dataset
        By direction of flight: ``layover`` and ``shadow`` (y, x), bool.
    cube : xarray.Dataset
        With ``dem``.
    """
    height = 1.4 + 7.4 / len(hidden) * cube.sizes["y"] / cube.sizes["x"]
    figure, panels = style.new_figure(8, height, 1, len(hidden), sharey=True)
    said = []
    for axes, (way, masks) in zip(panels, hidden.items(), strict=True):
        kinds = {name: (colour, masks[name]) for name, colour in HIDDEN.items()}
        share = ", ".join(f"{name} {float(mask.mean()):.1%}" for name, (_, mask) in kinds.items())
        _draw_kinds(axes, kinds, f"{way} passes\n{share}", cube["dem"])
        said.append(f"{way}: {share}")
    style.add_swatches(figure, HIDDEN)
    text = f" over the hills, in colour. Share of the scene: {'; '.join(said)}."
    return style.finish(figure, "What the radar cannot see", text, cube)


def _draw_kinds(axes: Axes, kinds: Mapping[str, tuple[str, xr.DataArray]], title: str, ground: style.Ground) -> None:
    """Draw masks over the ground, each with its colour: a later one over an earlier one, and all rare pixels."""
    code = xr.zeros_like(style.thin(next(iter(kinds.values()))[1]), dtype=np.float32)
    for number, (_, mask) in enumerate(kinds.values(), start=1):
        code = code.where(~style.thin(mask), number)
    colours = ListedColormap(["white" if ground is None else "none", *(colour for colour, _ in kinds.values())])
    style.draw_map(axes, code, colours, (-0.5, len(kinds) + 0.5), title=title, ground=ground)
