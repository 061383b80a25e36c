"""One way to draw: pictures with alternative text, colours, maps with their colour bar, the mark of simulated data."""

from __future__ import annotations

import base64
import gc
import html
import io
import os
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.colors import LightSource, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray
from PIL import Image

from landslide_utils import hand_memory_back
from landslide_utils.grid import extent_km, pixel_size_m

BLACK, GREY, PALE = "#000000", "#808080", "#dcdcdc"
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
"""Colours that colour-blind readers, and readers of a grey print, can tell apart (Okabe & Ito 2008)."""
BACKSCATTER, ELEVATION, CHANGE, PROBABILITY = "gray", cm.grayC, cm.vik, cm.lajolla_r
MASK = ListedColormap(["white", "black"])
DASHES = ("-", "--", ":", "-.")
MOST_PIXELS = 1200
"""Pixels along a panel's longer side beyond which an image is thinned before it is drawn: no screen shows more."""

SIMULATED = " (simulated)"
Described = xr.Dataset | xr.DataArray | pd.DataFrame
"""Data with attributes, among them ``simulated``."""
Ground = xr.DataArray | None  # elevation (y, x)
Limits = tuple[float, float]


@dataclass(frozen=True)
class Picture:
    """A finished figure with its alternative text, which survives into every export of a notebook."""

    png: bytes = field(repr=False)  # a notebook would hold it twice if the text of a picture had it too
    alt: str

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Picture:
        """Return a picture that was saved; its alternative text is in the file."""
        return cls(png := Path(path).read_bytes(), Image.open(io.BytesIO(png)).info["Description"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture as a PNG file; its alternative text is in it too."""
        Path(path).write_bytes(self.png)

    def _repr_html_(self) -> str:
        data, alt = base64.b64encode(self.png).decode(), html.escape(self.alt, quote=True)
        return f'<img src="data:image/png;base64,{data}" alt="{alt}" style="max-width: 100%">'


def new_figure(width: float, height: float, rows: int = 1, cols: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of so many inches, apart from pyplot's global state, and its panels, row by row."""
    figure = Figure(figsize=(width, height), layout="compressed")
    return figure, figure.subplots(rows, cols, squeeze=False, **options).ravel()


def mark(data: Described | None) -> str:
    """Return " (simulated)" where the attributes of data say so, else nothing."""
    return SIMULATED if data is not None and data.attrs.get("simulated") else ""


def finish(figure: Figure, title: str, text: str, data: Described | None = None, *, dpi: int = 130) -> Picture:
    """Return a figure as a picture; its alternative text is its title and a text that goes on from there.

    Only here a picture is marked: " (simulated)" stands behind the title where the attributes of its data say so.
    """
    heading = f"{title}{mark(data)}"
    figure.suptitle(heading, fontsize=11)
    alt = heading.replace("\n", " ") + text
    figure.savefig(buffer := io.BytesIO(), format="png", dpi=dpi, bbox_inches="tight", metadata={"Description": alt})
    gc.collect()  # the parts of earlier figures refer to each other, so what they drew is still there
    hand_memory_back()
    return Picture(buffer.getvalue(), alt)


def finite(layer: xr.DataArray) -> NDArray[np.float64]:
    """Return the values of a layer that are neither missing nor infinite."""
    return np.asarray(layer.values[np.isfinite(layer.values)], np.float64)


def find_limits(*layers: xr.DataArray) -> tuple[float, float]:
    """Return the 1st and the 99th percentile of some layers together, for one scale of colours."""
    low, high = np.percentile(np.concatenate([finite(thin(layer)) for layer in layers]), [1, 99])
    return float(low), float(high)


def thin(layer: xr.DataArray, *, highest: bool = False) -> xr.DataArray:
    """Return the mean (or the highest; of a mask: any) of neighbouring pixels of a map that is larger than a screen."""
    step = -(-max(layer.shape) // MOST_PIXELS)
    blocks = layer.coarsen(y=step, x=step, boundary="trim")
    return layer if step == 1 else blocks.max() if highest or layer.dtype == bool else blocks.mean()


def draw_ground(axes: Axes, elevation: Ground) -> None:
    """Draw hills in pale light and shade, lit from the north-west, for a map over them; nothing without elevation."""
    if elevation is not None:
        ground = thin(elevation)
        light = LightSource(315, 45).hillshade(ground.values, dx=pixel_size_m(ground), dy=pixel_size_m(ground))
        axes.imshow(light, "gray", vmin=-1.5, vmax=1, extent=extent_km(ground))


def draw_map(
    axes: Axes, layer: xr.DataArray, cmap: Any, limits: Limits, *, title: str = "", ground: Ground = None
) -> Any:
    """Draw a map in kilometres, over the ground (elevation) where it is transparent; return what a colour bar needs."""
    draw_ground(axes, ground)
    thinned = thin(layer)
    values, (low, high) = np.asarray(thinned.values, np.float32), limits
    drawn = axes.imshow(values, cmap, vmin=low, vmax=high, extent=extent_km(thinned), interpolation="nearest")
    place = axes.get_subplotspec()
    axes.set(xlabel="km east", ylabel="km north" if place and place.is_first_col() else "", facecolor=PALE)
    axes.set_title(title, fontsize=10)
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.locator_params(nbins=5)
    return drawn


def draw_locator(
    axes: Axes, landslides: xr.DataArray, view: xr.DataArray, *others: xr.DataArray, ground: Ground = None
) -> None:
    """Draw a whole scene, small: landslides in black, an orange frame around a part of it, thin ones around others."""
    hills = None if ground is None else ground[::8, ::8]  # an inch is small: so a large scene is not read whole
    draw_map(axes, landslides, ListedColormap(["none", BLACK]), (0, 1), ground=hills)
    for part in (view, *others):
        (w, e, s, n), width = extent_km(part), 2.2 if part is view else 0.7
        axes.add_patch(Rectangle((w, s), e - w, n - s, fill=False, ec=ORANGE, lw=width))
    axes.set(xticks=[], yticks=[], xlabel="", ylabel="", facecolor="white")


def draw_maps(
    figure: Figure,
    panels: Iterable[Axes],
    layers: Mapping[str, xr.DataArray],
    cmap: Any,
    label: str,
    limits: Limits | None = None,
) -> None:
    """Draw maps, by their titles, with one scale of colours and one colour bar."""
    limits, panels = limits or find_limits(*layers.values()), list(panels)
    for axes, (title, layer) in zip(panels, layers.items(), strict=True):
        drawn = draw_map(axes, layer, cmap, limits, title=title)
    add_bar(figure, panels, drawn, label)


def add_bar(figure: Figure, panels: Any, drawn: Any, label: str) -> None:
    """Put a colour bar beside some panels. Its label is above: beside it, the next panel would seem to have it."""
    bar = figure.colorbar(drawn, ax=panels, shrink=0.8)
    bar.ax.text(0, 1.05, "\n".join(textwrap.wrap(label, 13)), fontsize=9, transform=bar.ax.transAxes)


def add_swatches(figure: Figure, colours: Mapping[str, str]) -> None:
    """Put a legend beneath a figure: a patch of colour for each label."""
    patches = [Patch(facecolor=colour, edgecolor=GREY, label=label) for label, colour in colours.items()]
    cols = len(patches) if sum(map(len, colours)) < 70 else 2
    figure.legend(handles=patches, loc="outside lower center", ncols=cols, frameon=False, fontsize=10)


def add_legend(axes: Axes) -> None:
    """Put the legend of some axes beneath the figure, so that a phone shows both large."""
    handles, labels = axes.get_legend_handles_labels()
    axes.figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
