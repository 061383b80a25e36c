"""Figures of a map: labels beside probability, what a threshold hits and misses, and what the map cannot say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from landslide_utils.chips import SIZE, corners, part_mask
from landslide_utils.figures import style
from landslide_utils.grid import extent_km

HIT, MISS, FALSE_ALARM = style.BLUE, style.BLACK, style.ORANGE
WHERE = ("all test chips", "the test block with most landslides")


def map_figure(probability: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame) -> style.Picture:
    """Return the labels beside the mapped probability: all test chips above, the block with most landslides beneath.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    """
    test = part_mask(chips, "test", landslides)
    boxes, aspects = _boxes(chips)
    figure, panels = style.new_figure(11, min(1.8 + 4.6 * sum(aspects), 14), 2, 2, height_ratios=aspects)
    for (left, right), box, where in zip(panels.reshape(2, 2), boxes, WHERE, strict=True):
        labels, mapped, tested = (layer.isel(box) for layer in (landslides, probability, test))
        kinds = {"not tested": (style.PALE, ~tested), "landslides": (style.BLACK, tested & labels)}
        _draw_kinds(left, kinds, f"labels, {where}")
        layers = {f"the network's map, {where}": mapped.where(tested)}
        style.draw_maps(figure, [right], layers, style.PROBABILITY, "probability of a landslide", (0, 1))
    found = float((probability.where(test & landslides) > 0.5).sum() / max(int((test & landslides).sum()), 1))
    text = (
        ": labels in black beside the network's probability, for all of them and for the block with most landslides. "
        f"{found:.0%} of the landslide pixels have a probability above one half."
    )
    return style.finish(figure, "Maps of the test chips, grey where not tested", text, probability)


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
    figure, panels = style.new_figure(11, min(1.6 + 5 * aspects[1], 12), 1, 2)
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
    tested = chips[chips["part"] == "test"]
    richest = tested[tested["block"] == tested.groupby("block")["landslide_share"].sum().idxmax()]
    boxes = []
    for part in (tested, richest):
        rows, cols = zip(*corners(part, "test"), strict=True)
        boxes.append({"y": slice(min(rows), max(rows) + SIZE), "x": slice(min(cols), max(cols) + SIZE)})
    return boxes, [(box["y"].stop - box["y"].start) / (box["x"].stop - box["x"].start) for box in boxes]


def difference_figure(
    probability: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, *, threshold: float
) -> style.Picture:
    """Return what a threshold hits, misses and takes for a landslide: all test chips, and the block with most of them.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    threshold : float
    """
    tested = part_mask(chips, "test", landslides) & np.isfinite(probability)
    found = (probability >= threshold) & tested
    hit, miss, false_alarm = found & landslides, tested & ~found & landslides, found & ~landslides
    hits, misses, alarms = (int(mask.sum()) for mask in (hit, miss, false_alarm))
    kinds = {
        "not tested, or no data": (style.PALE, ~tested),
        f"hit: {hits:,} pixels": (HIT, hit),
        f"miss: {misses:,} pixels": (MISS, miss),
        f"false alarm: {alarms:,} pixels": (FALSE_ALARM, false_alarm),
    }
    boxes, aspects = _boxes(chips)
    figure, panels = style.new_figure(11, min(1.6 + 5.2 * max(aspects), 12), 1, 2)
    for axes, box, where in zip(panels, boxes, WHERE, strict=True):
        _draw_kinds(axes, {name: (colour, mask.isel(box)) for name, (colour, mask) in kinds.items()}, where)
    style.add_swatches(figure, {name: colour for name, (colour, _) in kinds.items()})
    recall, precision = hits / max(hits + misses, 1), hits / max(hits + alarms, 1)
    text = (
        f" at a threshold of {threshold:.2f}: {hits:,} landslide pixels hit in blue, {misses:,} missed in black, "
        f"{alarms:,} false alarms in orange."
    )
    title = f"Maps of the test chips, recall {recall:.2f}, precision {precision:.2f}"
    return style.finish(figure, title, text, probability)


def layover_and_shadow_figure(probability: xr.DataArray, layover_and_shadow: xr.Dataset | None) -> style.Picture:
    """Return where a map has no value, and why: layover, radar shadow, or no data.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    layover_and_shadow : xarray.Dataset, optional
        ``layover`` and ``shadow`` (y, x), bool.
    """
    unknown, kinds = probability.isnull(), {}
    if layover_and_shadow is not None:
        layover, shadow = layover_and_shadow["layover"], layover_and_shadow["shadow"]
        kinds = {"layover": (style.ORANGE, layover), "shadow": (style.BLUE, shadow & ~layover)}
        unknown = unknown & ~(layover | shadow)
    kinds["no data"] = (style.GREY, unknown)
    figure, (axes,) = style.new_figure(8.6, min(1.4 + 7 * probability.sizes["y"] / probability.sizes["x"], 11))
    _draw_kinds(axes, kinds)
    labels = {f"{name}: {float(mask.mean()):.2%}": colour for name, (colour, mask) in kinds.items()}
    style.add_swatches(figure, {f"mapped: {float(probability.notnull().mean()):.2%}": "white"} | labels)
    return style.finish(
        figure, "Where the map has no value", f". Share of the scene: {'; '.join(labels)}.", probability
    )


def _draw_kinds(axes: Axes, kinds: Mapping[str, tuple[str, xr.DataArray]], title: str = "") -> None:
    """Draw masks, each with its colour: a later one over an earlier one, and all of a thinned map's rare pixels."""
    code = xr.zeros_like(style.thin(next(iter(kinds.values()))[1]), dtype=np.float32)
    for number, (_, mask) in enumerate(kinds.values(), start=1):
        code = code.where(~style.thin(mask), number)
    colours = ListedColormap(["white", *(colour for colour, _ in kinds.values())])
    style.draw_map(axes, code, colours, (-0.5, len(kinds) + 0.5), title=title)
