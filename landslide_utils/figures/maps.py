"""Maps to look at: labels beside prediction, what was hit and missed, what cannot be seen, and a page with a threshold to move."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy import ndimage

from landslide_utils.chips import SIZE, corners, part_mask
from landslide_utils.figures.chips import INK, MOST_PIXELS, Picture, add_bar, draw_map, thin

GREY = "#dcdcdc"
HIT, MISS, FALSE_ALARM = "#0072b2", "#000000", "#e69f00"
"""Blue, black and orange: three that colour-blind readers, and readers of a grey print, can tell apart (Okabe & Ito 2008)."""


def map_figure(probability: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, *, simulated: bool) -> Picture:
    """Show the labels beside the mapped probability: all test chips above, the block with most landslides beneath.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    simulated : bool
        Whether the radar is simulated; the figure then says so.
    """
    test = part_mask(chips, "test", landslides)
    boxes, aspects = _boxes(chips)
    figure = Figure(figsize=(11, min(1.8 + 4.6 * sum(aspects), 14)), layout="constrained")
    grid = figure.subplots(2, 2, gridspec_kw={"height_ratios": aspects})
    for axes in grid.flat:
        axes.set_facecolor(GREY)
    for (left, right), box, where in zip(grid, boxes, WHERE, strict=True):
        labels, mapped, inside = (layer.isel(box) for layer in (landslides, probability, test))
        draw_map(left, labels, inside=inside, cmap=INK, low=0, high=1, title=f"labels, {where}")
        drawn = draw_map(
            right, mapped, inside=inside, cmap=cm.lajolla_r, low=0, high=1, title=f"the network's map, {where}"
        )
    add_bar(figure, drawn, list(grid.flat), "probability of a landslide")
    figure.suptitle(f"Landslides in black; grey was not tested{' - simulated radar' if simulated else ''}", fontsize=11)
    found = float((probability.where(test & landslides) > 0.5).sum() / max(int((test & landslides).sum()), 1))
    return Picture.of(
        figure,
        f"Maps of the test chips{' (simulated)' if simulated else ''}: labelled landslides beside the network's probability, "
        f"for all of them and for the block with most landslides. "
        f"{found:.0%} of the landslide pixels have a probability above one half.",
    )


WHERE = ("all test chips", "the test block with most landslides")


def _boxes(chips: pd.DataFrame) -> tuple[list[dict[str, slice]], list[float]]:
    """Return the windows around all test chips and around the richest block, and how high each is for its width."""
    tested = chips[chips["part"] == "test"]
    richest = tested[tested["block"] == tested.groupby("block")["landslide_share"].sum().idxmax()]
    boxes = [_box(corners(part, "test")) for part in (tested, richest)]
    return boxes, [(box["y"].stop - box["y"].start) / (box["x"].stop - box["x"].start) for box in boxes]


def _box(places: list[tuple[int, int]]) -> dict[str, slice]:
    rows, cols = zip(*places, strict=True)
    return {"y": slice(min(rows), max(rows) + SIZE), "x": slice(min(cols), max(cols) + SIZE)}


def difference_figure(
    probability: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, *, threshold: float, simulated: bool
) -> Picture:
    """Show what a threshold hits, misses and takes for a landslide by mistake: all test chips, and the block with most landslides.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    threshold : float
    simulated : bool
        Whether the radar is simulated; the figure then says so.
    """
    tested = part_mask(chips, "test", landslides) & np.isfinite(probability)
    found = (probability >= threshold) & tested
    kinds = {
        "hit": (HIT, found & landslides),
        "miss": (MISS, tested & ~found & landslides),
        "false alarm": (FALSE_ALARM, found & ~landslides),
    }
    number = {name: int(mask.sum()) for name, (_, mask) in kinds.items()}
    boxes, aspects = _boxes(chips)
    figure = Figure(figsize=(11, min(1.6 + 5.2 * max(aspects), 12)), layout="constrained")
    for axes, box, where in zip(figure.subplots(1, 2), boxes, WHERE, strict=True):
        masks = {name: (colour, mask.isel(box)) for name, (colour, mask) in kinds.items()}
        _draw_kinds(axes, masks, tested.isel(box), where)
    recall = number["hit"] / max(number["hit"] + number["miss"], 1)
    precision = number["hit"] / max(number["hit"] + number["false alarm"], 1)
    labels = {f"{name}: {count:,} pixels": kinds[name][0] for name, count in number.items()}
    _legend(figure, labels | {"not tested, or no data": GREY})
    figure.suptitle(
        f"Threshold {threshold:.2f}: recall {recall:.2f}, precision {precision:.2f}{' - simulated radar' if simulated else ''}",
        fontsize=11,
    )
    return Picture.of(
        figure,
        f"Maps of the test chips{' (simulated)' if simulated else ''} at a threshold of {threshold:.2f}: {number['hit']:,} landslide pixels hit in blue, "
        f"{number['miss']:,} missed in black, {number['false alarm']:,} false alarms in orange.",
    )


def layover_and_shadow_figure(probability: xr.DataArray, layover_and_shadow: xr.Dataset | None) -> Picture:
    """Show where a map says nothing, and why: layover, radar shadow, or no data.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    layover_and_shadow : xarray.Dataset, optional
        ``layover`` and ``shadow`` (y, x), bool.
    """
    known = probability.notnull()
    masks = {}
    unknown = ~known
    if layover_and_shadow is not None:
        layover, shadow = layover_and_shadow["layover"], layover_and_shadow["shadow"]
        masks = {"layover": layover, "shadow": shadow & ~layover}
        unknown = unknown & ~(layover | shadow)
    masks["no data"] = unknown
    colours = {"no data": "#808080", "layover": FALSE_ALARM, "shadow": HIT}
    height = min(1.2 + 7 * probability.sizes["y"] / probability.sizes["x"], 11)
    figure = Figure(figsize=(8.6, height), layout="constrained")
    axes = figure.subplots()
    _draw_kinds(axes, {name: (colours[name], mask) for name, mask in masks.items()}, None, "")
    legend = {f"{name}: {float(mask.mean()):.2%}": colours[name] for name, mask in masks.items()}
    _legend(figure, {f"mapped: {float(known.mean()):.2%}": "#ffffff"} | legend)
    simulated = probability.attrs.get("simulated")
    axes.set_title(f"Where the map says nothing{' - simulated radar' if simulated else ''}", fontsize=11)
    said = "; ".join(legend)
    return Picture.of(
        figure,
        f"Map of the pixels without a probability{' (simulated)' if simulated else ''}, by cause. Share of the scene: {said}.",
    )


def _draw_kinds(
    axes: Axes, kinds: Mapping[str, tuple[str, xr.DataArray]], inside: xr.DataArray | None, title: str
) -> None:
    """Draw masks in their colours, a later one over an earlier one, so that the rare stays visible when a map is thinned."""
    code = xr.zeros_like(thin(next(iter(kinds.values()))[1]), dtype=np.float32)
    for number, (_, mask) in enumerate(kinds.values(), start=1):
        code = code.where(~thin(mask), number)
    if inside is not None:
        code = code.where(thin(inside))
    axes.set_facecolor(GREY)
    colours = ListedColormap(["#ffffff", *(colour for colour, _ in kinds.values())])
    draw_map(axes, code, cmap=colours, low=-0.5, high=len(kinds) + 0.5, title=title)


def _legend(figure: Figure, labels: Mapping[str, str]) -> None:
    patches = [Patch(facecolor=colour, edgecolor="#606060", label=label) for label, colour in labels.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False, fontsize=9)


@dataclass(frozen=True)
class Page:
    """A web page that needs no network: everything that it shows and does is inside."""

    html: str
    alt: str
    height: int

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page as an HTML file."""
        Path(path).write_text(self.html, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        inside, alt = (html.escape(text, quote=True) for text in (self.html, self.alt))
        return (
            f'<iframe srcdoc="{inside}" title="{alt}" width="100%" height="{self.height}" style="border: 0"></iframe>'
        )


def interactive_map(
    probability: xr.DataArray,
    *,
    background: xr.DataArray,
    landslides: xr.DataArray | None = None,
    threshold: float = 0.5,
) -> Page:
    """Make a page on which a reader moves the threshold, zooms, and reads the probability under the pointer.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        With ``crs`` in its attributes.
    background : xarray.DataArray (y, x)
        Drawn in grey beneath: backscatter in dB, or slope.
    landslides : xarray.DataArray (y, x), bool, optional
        Labels, drawn as outlines that can be switched off.
    threshold : float
        Where the slider starts.

    Notes
    -----
    Bokeh (which comes with hvplot) draws it in the browser, from its own code inside the page. Folium's maps fetch their code and their tiles from the
    network, and a page with one picture for each position of the slider would be many times larger: here the page holds the map once, in whole percent, and
    the slider changes the colours. Where a scene is larger than a screen, a pixel of the page is the highest of several.
    """
    import bokeh.models
    import bokeh.plotting
    from bokeh import layouts
    from bokeh.embed import file_html
    from bokeh.resources import INLINE

    bm: Any = bokeh.models  # whose types know neither all names nor all options
    figure: Any = bokeh.plotting.figure

    step = max(1, -(-max(probability.shape) // MOST_PIXELS))
    values = probability.values
    percent = np.where(np.isfinite(values), np.floor(100 * values + 1e-4), np.nan).astype(np.float32)
    known = percent[np.isfinite(percent)].astype(int)
    pixel_m = abs(float(probability["x"][1] - probability["x"][0]))
    km2 = np.bincount(known, minlength=101)[::-1].cumsum()[::-1] * pixel_m**2 / 1e6
    texts = [f"{km2[p]:.2f} km² have a probability of {p} % or more" for p in range(101)]
    blocks = probability.copy(data=percent).coarsen(y=step, x=step, boundary="trim").max()
    shown = blocks.fillna(NO_DATA).astype(np.uint8)

    extent = _extent(shown)
    title = f"{probability.attrs.get('region', 'Landslides')}: probability of a landslide"
    start = round(100 * threshold)
    plot = figure(
        title=title,
        match_aspect=True,
        sizing_mode="stretch_width",
        height=PAGE_HEIGHT - 130,
        tools="pan,wheel_zoom,box_zoom,reset",
        active_scroll="wheel_zoom",
        x_axis_label=f"easting (m, {probability.attrs.get('crs', '')})",
        y_axis_label="northing (m)",
        background_fill_color=GREY,
    )
    plot.grid.visible = False
    plot.xaxis.formatter = plot.yaxis.formatter = bm.NumeralTickFormatter(format="0")
    greys = [to_hex((g, g, g)) for g in np.linspace(0.35, 1, 256)]
    plot.image([_grey(background, step)], palette=greys, level="image", **extent)
    colours = [
        to_hex(cm.lajolla_r(0.15 + 0.45 * p / 100)) for p in range(101)
    ]  # without its black end, which grey would hide
    clear = "#ffffff00"
    mapper = bm.LinearColorMapper(
        palette=[clear if p < start else colour for p, colour in enumerate(colours)], low=0, high=100, high_color=GREY
    )
    drawn = plot.image([shown.values[::-1]], color_mapper=mapper, level="glyph", **extent)
    bar = bm.LinearColorMapper(palette=colours, low=0, high=100)
    plot.add_layout(bm.ColorBar(color_mapper=bar, title="probability (%)"), "right")
    said = bm.CustomJSHover(code=f"return value == {NO_DATA} ? 'no data' : value + ' %'")
    plot.add_tools(
        bm.HoverTool(
            renderers=[drawn],
            tooltips=[("probability", "@image{custom}"), ("easting, northing", "$x{0}, $y{0}")],
            formatters={"@image": said},
        )
    )
    slider = bm.Slider(start=1, end=99, step=1, value=start, title="threshold (%)", sizing_mode="stretch_width")
    area = bm.Div(text=texts[start])
    slider.js_on_change(
        "value",
        bm.CustomJS(
            args={"mapper": mapper, "colours": colours, "area": area, "texts": texts},
            code=f"const t = cb_obj.value; area.text = texts[t]; mapper.palette = colours.map((c, p) => p < t ? '{clear}' : c)",
        ),
    )
    controls: list[Any] = [slider, area]
    if landslides is not None:
        outline = landslides.values & ~ndimage.binary_erosion(landslides.values)
        edges = landslides.copy(data=outline).coarsen(y=step, x=step, boundary="trim").max()
        labels = plot.image(
            [edges.values[::-1].astype(np.uint8)], palette=[clear, HIT], level="overlay", **_extent(edges)
        )
        box = bm.Checkbox(label="labels in blue", active=True)
        box.js_link("active", labels, "visible")
        controls.append(box)
    page = layouts.column(layouts.row(*controls, sizing_mode="stretch_width"), plot, sizing_mode="stretch_width")
    kind = " (simulated)" if probability.attrs.get("simulated") else ""
    alt = (
        f"Interactive map{kind} with a slider for the threshold, at first {start} %: {texts[start]}. "
        "The same map stands above as a picture, and the files hold all of it."
    )
    return Page(file_html(page, INLINE, title), alt, PAGE_HEIGHT)


NO_DATA = 255
PAGE_HEIGHT = 760


def _extent(layer: xr.DataArray) -> dict[str, float]:
    """Return lower left corner, width and height of a map in its own coordinates."""
    x, y = layer["x"].values, layer["y"].values
    wide, high = float(x[1] - x[0]), float(y[0] - y[1])
    return {"x": x[0] - wide / 2, "y": y[-1] - high / 2, "dw": wide * len(x), "dh": high * len(y)}


def _grey(layer: xr.DataArray, step: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a layer from dark (its 1st percentile) to bright (its 99th) in 256 greys, first row in the south."""
    values = layer.coarsen(y=step, x=step, boundary="trim").mean().values[::-1]
    low, high = np.nanpercentile(values, [1, 99])
    share = np.clip((np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-9), 0, 1)
    return np.asarray(255 * share, np.uint8)
