"""Every figure of the course, each with a text that says what it shows to those who cannot see it."""

from __future__ import annotations

import base64
import html
import io
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from landslide_utils.chips import PARTS, SIZE, corners
from landslide_utils.metrics import Curve

INK = ListedColormap(["white", "black"])
PART_COLOURS = {"train": "#3b6fb6", "validation": "#b0b0b0", "test": "#e07b00"}
MOST_PIXELS = 1200
"""Pixels along a panel's longer side beyond which an image is thinned before it is drawn: no screen shows more."""


@dataclass(frozen=True)
class Picture:
    """A finished figure with its alternative text, which survives into every export of a notebook."""

    png: bytes = field(repr=False)  # as text a figure is its words; else every notebook would hold it twice
    alt: str

    @classmethod
    def of(cls, figure: Figure, alt: str) -> Picture:
        """Render a figure."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=90)
        return cls(buffer.getvalue(), alt)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture as a PNG file."""
        Path(path).write_bytes(self.png)
        return Path(path)

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode()
        return f'<img src="data:image/png;base64,{data}" alt="{html.escape(self.alt, quote=True)}" style="max-width: 100%">'


def new_figure(width: float, height: float, rows: int, cols: int, **kwargs: Any) -> tuple[Figure, Any]:
    """Make a figure of so many inches and panels that takes no part in pyplot's global state; return it and its axes (row, column)."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, cols, squeeze=False, **kwargs)


def thin(layer: xr.DataArray) -> xr.DataArray:
    """Average (for a mask: take any of) neighbouring pixels of a map that is larger than a screen."""
    step = max(1, -(-max(layer.shape) // MOST_PIXELS))
    blocks = layer.coarsen(y=step, x=step, boundary="trim")
    return layer if step == 1 else blocks.max() if layer.dtype == bool else blocks.mean()


def draw_map(
    axes: Axes,
    layer: xr.DataArray,
    *,
    cmap: Any,
    low: float,
    high: float,
    title: str,
    inside: xr.DataArray | None = None,
) -> Any:
    """Draw a map, where `inside` only, with kilometres from its upper left corner on its axes."""
    extent = (0.0, _span(layer, "x"), _span(layer, "y"), 0.0)
    layer = thin(layer) if inside is None else thin(layer).where(thin(inside))
    drawn = axes.imshow(
        np.asarray(layer.values, np.float32), cmap=cmap, vmin=low, vmax=high, extent=extent, interpolation="nearest"
    )
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("km east")
    axes.set_ylabel("km south")
    return drawn


def _span(layer: xr.DataArray, axis: str) -> float:
    places = layer[axis].values
    return abs(float(places[-1] - places[0])) / 1000 * len(places) / max(len(places) - 1, 1)


def add_bar(figure: Figure, drawn: Any, axes: Any, label: str) -> None:
    """Put a colour bar beside some axes."""
    figure.colorbar(drawn, ax=axes, label=label, shrink=0.8)


def _is_simulated(attrs: Mapping[str, Any]) -> str:
    return " (simulated)" if attrs.get("simulated") else ""


def _first_polarisation(image: xr.DataArray) -> str | None:
    return next((p for p in ("vv", "vh") if f"{p}_before" in image["channel"].values), None)


def composite_figure(composite: xr.Dataset) -> Picture:
    """Show a composite: backscatter before, after, their difference and the labels; or elevation, slope and curvature where there is no radar."""
    image = composite["image"]
    polarisation = _first_polarisation(image)
    labelled = "landslides" in composite
    aspect = image.sizes["y"] / image.sizes["x"]
    figure, grid = new_figure(11, 1.4 + 8.6 * min(aspect, 1.4), 2, 2, sharex=True, sharey=True)
    panels = list(grid.flat)
    if polarisation:
        before, after = (image.sel(channel=f"{polarisation}_{when}") for when in ("before", "after"))
        low, high = (float(v) for v in np.nanpercentile(thin(before).values, [1, 99]))
        for axes, layer, when in zip(panels[:2], (before, after), ("before", "after"), strict=True):
            drawn = draw_map(axes, layer, cmap="gray", low=low, high=high, title=f"mean of the passes {when} the event")
        add_bar(figure, drawn, panels[:2], f"{polarisation.upper()} gamma nought (dB)")
        drawn = draw_map(panels[2], after - before, cmap=cm.vik, low=-6, high=6, title="log ratio: after minus before")
        add_bar(figure, drawn, panels[2] if not labelled else panels[2:], "change (dB)")
        alt = (
            f"Maps{_is_simulated(composite.attrs)}: {polarisation.upper()} backscatter before the event, after it, and the change in decibels, "
            "grey and speckled"
        )
    else:
        for axes, name, cmap in zip(
            panels, ("elevation", "slope", "curvature"), (cm.grayC, cm.lajolla_r, cm.vik), strict=False
        ):
            layer = image.sel(channel=name)
            low, high = (float(v) for v in np.nanpercentile(thin(layer).values, [2, 98]))
            if name == "curvature":
                low, high = -max(abs(low), high), max(abs(low), high)
            add_bar(
                figure,
                draw_map(axes, layer, cmap=cmap, low=low, high=high, title=name),
                axes,
                f"{name} ({layer['unit'].item()})",
            )
        alt = f"Maps of the terrain{_is_simulated(composite.attrs)}: elevation, slope and curvature, with ridges and valleys"
    if labelled:
        draw_map(panels[3], composite["landslides"], cmap=INK, low=0, high=1, title="labels: landslides in black")
        alt += f"; and the labels, {float(composite['landslides'].mean()):.1%} of the scene"
    else:
        panels[3].set_axis_off()
    figure.suptitle(composite.attrs["region"], fontsize=11)
    return Picture.of(figure, alt + ".")


def split_figure(composite: xr.Dataset, chips: pd.DataFrame) -> Picture:
    """Show which chips train, which validate and which test, over the landslides."""
    landslides = composite["landslides"]
    figure, grid = new_figure(7.4, 5.2, 1, 1)
    axes = grid[0, 0]
    draw_map(axes, landslides, cmap=INK, low=0, high=1, title=f"landslides in black{_is_simulated(composite.attrs)}")
    pixel = _span(landslides, "x") / landslides.sizes["x"]
    for part in PARTS:
        for row, col in corners(chips, part):
            axes.add_patch(_rectangle((col * pixel, row * pixel), SIZE * pixel, PART_COLOURS[part]))
        axes.plot([], [], "s", color=PART_COLOURS[part], label=f"{part}: {(chips['part'] == part).sum()} chips")
    figure.legend(loc="outside right upper", frameon=False)
    count = ", ".join(f"{(chips['part'] == part).sum()} {part}" for part in PARTS)
    return Picture.of(
        figure,
        f"Map of the scene cut into square chips: {count}; their outlines over the landslides.",
    )


def _rectangle(corner: tuple[float, float], side: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, side, side, facecolor=colour, edgecolor=colour, alpha=0.35, linewidth=0.8)


def chips_figure(composite: xr.Dataset, chips: pd.DataFrame, *, count: int = 4) -> Picture:
    """Show the training chips that hold most landslides, and their labels beneath."""
    image = composite["image"]
    polarisation = _first_polarisation(image)
    richest = chips[chips["part"] == "train"].nlargest(count, "landslide_share")
    layers = [f"{polarisation}_before", f"{polarisation}_after"] if polarisation else ["slope"]
    figure, grid = new_figure(
        2.4 * len(richest) + 0.9, 2.3 * (len(layers) + 1), len(layers) + 1, len(richest), sharex=True, sharey=True
    )
    windows = [{"y": slice(row, row + SIZE), "x": slice(col, col + SIZE)} for row, col in corners(richest, "train")]
    for row, name in enumerate(layers):
        layer = image.sel(channel=name)
        low, high = (float(v) for v in np.nanpercentile(thin(layer).values, [1, 99]))
        for axes, window in zip(grid[row], windows, strict=True):
            drawn = draw_map(axes, layer.isel(window), cmap="gray", low=low, high=high, title=name.replace("_", " "))
        add_bar(figure, drawn, list(grid[row]), str(image["unit"].sel(channel=name).item()))
    for axes, window, share in zip(grid[-1], windows, richest["landslide_share"], strict=True):
        draw_map(
            axes, composite["landslides"].isel(window), cmap=INK, low=0, high=1, title=f"labels: {share:.0%} landslide"
        )
    for axes in grid.flat:
        axes.label_outer()
    figure.suptitle(composite.attrs["region"], fontsize=10)
    return Picture.of(
        figure,
        f"{len(richest)} training chips of {SIZE} by {SIZE} pixels: {' and '.join(name.replace('_', ' ') for name in layers)}, and the labels beneath{_is_simulated(composite.attrs)}.",
    )


def history_figure(history: pd.DataFrame) -> Picture:
    """Show loss and validation AUPRC against the epoch."""
    figure, grid = new_figure(9, 3.4, 1, 2)
    left, right = grid[0]
    left.plot(history["epoch"], history["train_loss"], "o-", color=PART_COLOURS["train"], label="training")
    left.plot(history["epoch"], history["validation_loss"], "s--", color="#606060", label="validation")
    left.set(xlabel="epoch", ylabel="cross-entropy", ylim=(0, None))
    left.legend(frameon=False)
    right.plot(history["epoch"], history["validation_auprc"], "s--", color="#606060")
    right.set(xlabel="epoch", ylabel="AUPRC on validation chips", ylim=(0, 1))
    for axes in (left, right):
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    first, last = history.iloc[0], history.iloc[-1]
    return Picture.of(
        figure,
        f"Two curves over {len(history)} epochs: training loss from {first['train_loss']:.2f} to {last['train_loss']:.2f}, and validation AUPRC from "
        f"{first['validation_auprc']:.2f} to {last['validation_auprc']:.2f}.",
    )


def curves_figure(curves: Mapping[str, Curve], *, simulated: bool) -> Picture:
    """Show precision against recall for several detectors on the same pixels, and chance as a line."""
    figure, grid = new_figure(8.4, 4.4, 1, 1)
    axes = grid[0, 0]
    colours = ["#000000", *(cm.batlow(v) for v in np.linspace(0.15, 0.85, max(len(curves) - 1, 1)))]
    for (name, found), colour, width in zip(curves.items(), colours, [2.2, *[1.2] * len(curves)], strict=False):
        axes.plot(
            found.recall, found.precision, color=colour, linewidth=width, label=f"{name}: AUPRC {found.auprc:.2f}"
        )
    chance = next(iter(curves.values())).prevalence
    axes.axhline(chance, color="#808080", linestyle=":", label=f"chance: {chance:.3f}")
    axes.set(
        xlabel="recall: share of landslide pixels found",
        ylabel="precision: share of finds that are right",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))  # no curve runs there
    if simulated:
        axes.set_title("simulated radar", fontsize=10)
    values = "; ".join(f"{name} {found.auprc:.2f}" for name, found in curves.items())
    return Picture.of(
        figure,
        f"Precision-recall curves on the test chips{' (simulated)' if simulated else ''}. Area under the curve: {values}; chance {chance:.3f}.",
    )


def noise_figure(statistics: pd.DataFrame, fluctuations: pd.DataFrame) -> Picture:
    """Show the noise of several stacks of passes side by side.

    Parameters
    ----------
    statistics : pandas.DataFrame
        What :func:`landslide_utils.course.speckle.describe` found, one column a stack.
    fluctuations : pandas.DataFrame
        Densities from :func:`landslide_utils.course.speckle.fluctuations`, one column for each stack and polarisation, named "stack, VV".
    """
    figure = Figure(figsize=(11, 7.6), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    upper, lower = parts
    kinds = list(dict.fromkeys(name.split(": ")[1] for name in statistics.index if ": " in name))
    places = np.arange(len(statistics.columns))
    styles = {"VV": ("o", "#000000"), "VH": ("s", "#e07b00")}
    for axes, kind in zip(upper.subplots(1, len(kinds)), kinds, strict=True):
        for p, (marker, colour) in styles.items():
            axes.plot(places, statistics.loc[f"{p}: {kind}"], marker, color=colour, label=p)
        axes.set_xticks(places, statistics.columns, rotation=60, ha="right")
        most = float(statistics.loc[[f"{p}: {kind}" for p in styles]].to_numpy().max())
        axes.set(ylim=(0, 1.12 * most), xlim=(-0.5, len(places) - 0.5))
        axes.set_title("\n".join(textwrap.wrap(kind, 22)), fontsize=9)
    axes.legend(frameon=False)
    stacks = list(dict.fromkeys(str(name).rsplit(", ", 1)[0] for name in fluctuations))
    colours = [cm.batlow(v) for v in np.linspace(0.1, 0.85, len(stacks))]
    for axes, p in zip(lower.subplots(1, 2, sharey=True), styles, strict=True):
        for stack, colour, dashes in zip(stacks, colours, ("-", "-", "--", ":"), strict=False):
            axes.plot(fluctuations.index, fluctuations[f"{stack}, {p}"], dashes, color=colour, label=stack)
        axes.set(xlabel=f"{p}: departure of a pixel from its own mean (dB)", ylabel="density (1/dB)", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    first = statistics.loc[f"VV: {kinds[0]}"]
    values = "; ".join(f"{name} {value:.2f}" for name, value in first.items())
    return Picture.of(
        figure,
        f"Statistics of the noise of {len(stacks)} stacks of passes, as dots and as curves. VV, {kinds[0]}: {values}.",
    )
