"""A web page with a map: its reader moves the threshold, zooms, and reads the probability under the pointer."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import xarray as xr
from bokeh import layouts
from bokeh.embed import file_html
from bokeh.plotting import figure
from bokeh.resources import INLINE
from matplotlib.colors import to_hex
from numpy.typing import NDArray
from scipy import ndimage

from landslide_utils.chips import part_mask
from landslide_utils.figures import maps, style
from landslide_utils.grid import pixel_size_m

NO_DATA, HEIGHT = 255, 760
CLEAR = "#ffffff00"
SIDE: dict[str, Any] = {"height": 340, "min_width": 300, "sizing_mode": "stretch_width"}


@dataclass(frozen=True)
class Page:
    """A web page that needs no network: everything that it shows and does is inside."""

    html: str
    alt: str
    height: str = f"{HEIGHT}px"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page as an HTML file and return its path."""
        Path(path).write_text(self.html, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        inside, alt = (html.escape(text, quote=True) for text in (self.html, self.alt))
        return (
            f'<iframe srcdoc="{inside}" title="{alt}" style="border: 0; width: 100%; height: {self.height}"></iframe>'
        )


def interactive_map(
    probability: xr.DataArray,
    *,
    background: xr.DataArray,
    landslides: xr.DataArray | None = None,
    threshold: float = 0.5,
) -> Page:
    """Return a page on which a reader moves the threshold, zooms, and reads the probability under the pointer.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    background : xarray.DataArray (y, x)
        Drawn in grey beneath: backscatter in dB, or slope.
    landslides : xarray.DataArray (y, x), bool, optional
        Labels, drawn as outlines that can be switched off.
    threshold : float
        Where the slider starts.

    Notes
    -----
    Bokeh draws it in the browser, from its own code inside the page; Folium's maps fetch code and tiles from the
    network. The page holds the map once, in whole percent, and the slider changes the colours. Where a scene is larger
    than a screen, a pixel of the page is the highest of several.
    """
    title = f"{probability.attrs.get('region', 'Landslides')}: probability of a landslide"
    start = round(100 * threshold)
    percent = _percent(probability).values
    rows = [np.bincount(row, minlength=256)[:101] for row in percent]  # all at once would be turned into 64 bits
    km2 = np.sum(rows, axis=0)[::-1].cumsum()[::-1] * pixel_size_m(probability) ** 2 / 1e6
    texts = [f"{km2[p]:.2f} km² have a probability of {p} % or more" for p in range(101)]
    plot = _map_of(probability, sizing_mode="stretch_width", height=HEIGHT - 150)
    greys = [to_hex((g, g, g)) for g in np.linspace(0.35, 1, 256)]
    shown = _percent(style.thin(probability, highest=True))
    plot.image([_grey(background)], palette=greys, level="image", **_extent(shown))
    controls = _add_probability(plot, shown, texts, start)
    if landslides is not None:
        controls.append(_add_outlines(plot, landslides))
    heading = bm.Div(text=f"<b>{html.escape(title)}</b>")
    page = layouts.column(heading, _beside(*controls), plot, sizing_mode="stretch_width")
    alt = (
        f"Interactive map{style.mark(probability)} with a slider for the threshold, at first {start} %: {texts[start]}."
        " The same map is shown above as a picture, and the files contain all of it."
    )
    return Page(file_html(page, INLINE, title), alt)


def threshold_page(
    probability: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, *, threshold: float = 0.5
) -> Page:
    """Return a page whose slider moves a threshold: the point on the curve, the counts and the map move together.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it.
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it. Pixels of the test chips are counted; the map shows the
        test block with most landslides.
    threshold : float
        Where the slider starts.
    """
    percent, start = _percent(probability), round(100 * threshold)
    counts = _count(percent, landslides, part_mask(chips, "test", landslides))
    curve: Any = figure(x_range=(0, 1), y_range=(0, 1.02), toolbar_location=None, **SIDE)
    curve.xaxis.axis_label, curve.yaxis.axis_label = "recall", "precision"
    curve.line(counts["recall"], counts["precision"], color=style.BLACK)
    point = curve.scatter([counts["recall"][start]], [counts["precision"][start]], size=14, color=style.ORANGE)
    slider, plot = _slider(start), _map_of(probability, **SIDE)
    box = maps._boxes(chips)[0][1]
    part, slid = percent.isel(box), landslides.isel(box)
    for mask, above, below in (~slid, maps.FALSE_ALARM, "#ffffff"), (slid, maps.HIT, maps.MISS):
        mapper = bm.LinearColorMapper([above], low=start, high=100, low_color=below, high_color=CLEAR)
        plot.image([part.where(mask, NO_DATA).values[::-1]], color_mapper=mapper, **_extent(part))
        slider.js_link("value", mapper, "low")
    names = {"hits": maps.HIT, "misses": maps.MISS, "false_alarms": maps.FALSE_ALARM}
    squares = {name: f'<span style="color: {colour}">&#9632;</span>' for name, colour in names.items()}
    texts = [
        ", ".join(f"{square} {line[name]:,.0f} {name.replace('_', ' ')}" for name, square in squares.items())
        + f" (pixels of the test chips): recall {line['recall']:.2f}, precision {line['precision']:.2f}"
        for _, line in counts.iterrows()
    ]
    said = bm.Div(text=texts[start])
    moved = "said.text = texts[cb_obj.value]; point.data = {x: [recall[cb_obj.value]], y: [precision[cb_obj.value]]};"
    linked = {name: counts[name].tolist() for name in ("recall", "precision")}
    linked |= {"said": said, "texts": texts, "point": point.data_source}
    slider.js_on_change("value", bm.CustomJS(args=linked, code=moved))
    page = layouts.column(_beside(slider, said), _beside(curve, plot), sizing_mode="stretch_width")
    alt = (
        f"Interactive{style.mark(probability)}: a slider for the threshold, at first {start} %. It moves a point on "
        "the curve of precision and recall, the counts of hits, misses and false alarms, and the colours of the test "
        "block with most landslides. The picture above shows the same at one threshold."
    )
    return Page(file_html(page, INLINE, "Move the threshold"), alt, height="clamp(430px, 1210px - 100vw, 820px)")


def _count(percent: xr.DataArray, landslides: xr.DataArray, mask: xr.DataArray) -> pd.DataFrame:
    """Return hits, misses and false alarms, recall and precision, at each threshold from 0 to 100 percent."""
    known = mask.values & (percent.values != NO_DATA)
    values, labels = percent.values[known], landslides.values[known]
    hits, alarms = (np.bincount(values[kind], minlength=101)[::-1].cumsum()[::-1] for kind in (labels, ~labels))
    table = pd.DataFrame({"hits": hits, "misses": hits[0] - hits, "false_alarms": alarms})
    return table.assign(recall=hits / max(hits[0], 1), precision=hits / np.maximum(hits + alarms, 1))


def _slider(start: int) -> Any:
    return bm.Slider(
        start=1, end=99, step=1, value=start, title="threshold (%)", min_width=260, sizing_mode="stretch_width"
    )


def _beside(*parts: Any) -> Any:
    """Put parts beside each other where there is room, and below each other on a phone."""
    return layouts.row(*parts, sizing_mode="stretch_width", styles={"flex-wrap": "wrap"})


def _percent(probability: xr.DataArray) -> xr.DataArray:
    """Return a map in whole percent, rounded down, uint8 and in memory; `NO_DATA` where nothing is known."""
    return (100 * probability + 1e-4).fillna(NO_DATA).astype(np.uint8).load()


def _map_of(layer: xr.DataArray, **options: Any) -> Any:
    """Return an empty map in a layer's coordinates, which a reader can move and zoom."""
    crs = layer.rio.crs
    plot: Any = figure(
        match_aspect=True,
        tools="pan,wheel_zoom,box_zoom,reset",
        active_scroll="wheel_zoom",
        toolbar_location="above",
        x_axis_label=f"easting (m, {crs})",
        y_axis_label="northing (m)",
        background_fill_color=style.PALE,
        **options,
    )
    plot.grid.visible = False
    plot.xaxis.formatter = plot.yaxis.formatter = bm.NumeralTickFormatter(format="0")
    return plot


def _add_probability(plot: Any, percent: xr.DataArray, texts: list[str], start: int) -> list[Any]:
    """Draw the probability with its colour bar and hover tool; return the slider and the text beside it."""
    # Without the map's black end, which the grey beneath would hide.
    colours = [to_hex(style.PROBABILITY(0.15 + 0.45 * p / 100)) for p in range(101)]
    shown = [CLEAR if p < start else colour for p, colour in enumerate(colours)]
    mapper = bm.LinearColorMapper(palette=shown, low=0, high=100, high_color=style.PALE)
    drawn = plot.image([percent.values[::-1]], color_mapper=mapper, level="glyph", **_extent(percent))
    full = bm.LinearColorMapper(palette=colours, low=0, high=100)
    plot.add_layout(bm.ColorBar(color_mapper=full, title="probability (%)", height=12), "below")
    value = bm.CustomJSHover(code=f"return value == {NO_DATA} ? 'no data' : value + ' %'")
    tooltips = [("probability", "@image{custom}"), ("easting, northing", "$x{0}, $y{0}")]
    plot.add_tools(bm.HoverTool(renderers=[drawn], tooltips=tooltips, formatters={"@image": value}))
    slider = _slider(start)
    area = bm.Div(text=texts[start])
    code = "area.text = texts[cb_obj.value]; mapper.palette = colours.map((c, p) => p < cb_obj.value ? clear : c);"
    args = {"mapper": mapper, "colours": colours, "area": area, "texts": texts, "clear": CLEAR}
    slider.js_on_change("value", bm.CustomJS(args=args, code=code))
    return [slider, area]


def _add_outlines(plot: Any, landslides: xr.DataArray) -> Any:
    """Draw the outlines of the labels; return the box that switches them on and off."""
    outline = landslides.values & ~ndimage.binary_erosion(landslides.values)
    edges = style.thin(landslides.copy(data=outline)).astype(np.uint8)
    labels = plot.image([edges.values[::-1]], palette=[CLEAR, style.BLUE], level="overlay", **_extent(edges))
    box = bm.Checkbox(label="labels in blue", active=True)
    box.js_link("active", labels, "visible")
    return box


def _extent(layer: xr.DataArray) -> dict[str, float]:
    """Return lower left corner, width and height of a map in its own coordinates."""
    west, south, east, north = layer.rio.bounds(recalc=True)
    return {"x": west, "y": south, "dw": east - west, "dh": north - south}


def _grey(layer: xr.DataArray) -> NDArray[np.uint8]:
    """Return a layer from dark (its 1st percentile) to bright (its 99th) in 256 greys, first row in the south."""
    values = style.thin(layer).values[::-1]
    low, high = style.find_limits(layer)
    share = np.clip((np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-9), 0, 1)
    return np.asarray(255 * share, np.uint8)
