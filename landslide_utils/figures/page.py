"""A web page with a map: its reader moves the threshold, zooms, and reads the probability under the pointer."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bokeh.models as bm
import numpy as np
import xarray as xr
from bokeh import layouts
from bokeh.embed import file_html
from bokeh.plotting import figure
from bokeh.resources import INLINE
from matplotlib.colors import to_hex
from numpy.typing import NDArray
from scipy import ndimage

from landslide_utils.figures import style
from landslide_utils.grid import pixel_size_m

NO_DATA, HEIGHT = 255, 760
CLEAR = "#ffffff00"


@dataclass(frozen=True)
class Page:
    """A web page that needs no network: everything that it shows and does is inside."""

    html: str
    alt: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page as an HTML file and return its path."""
        Path(path).write_text(self.html, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        inside, alt = (html.escape(text, quote=True) for text in (self.html, self.alt))
        return f'<iframe srcdoc="{inside}" title="{alt}" width="100%" height="{HEIGHT}" style="border: 0"></iframe>'


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
    Bokeh (which comes with hvplot) draws it in the browser, from its own code inside the page. Folium's maps fetch
    their code and their tiles from the network, and a page with one picture for each position of the slider would be
    many times larger: here the page holds the map once, in whole percent, and the slider changes the colours. Where a
    scene is larger than a screen, a pixel of the page is the highest of several.
    """
    title = f"{probability.attrs.get('region', 'Landslides')}: probability of a landslide"
    start = round(100 * threshold)
    percent = probability.copy(data=np.floor(100 * probability.values + 1e-4))
    known = percent.values[np.isfinite(percent.values)].astype(int)
    km2 = np.bincount(known, minlength=101)[::-1].cumsum()[::-1] * pixel_size_m(percent) ** 2 / 1e6
    texts = [f"{km2[p]:.2f} km² have a probability of {p} % or more" for p in range(101)]
    plot: Any = figure(
        title=title,
        match_aspect=True,
        sizing_mode="stretch_width",
        height=HEIGHT - 130,
        tools="pan,wheel_zoom,box_zoom,reset",
        active_scroll="wheel_zoom",
        x_axis_label=f"easting (m, {probability.rio.crs})",
        y_axis_label="northing (m)",
        background_fill_color=style.PALE,
    )
    plot.grid.visible = False
    plot.xaxis.formatter = plot.yaxis.formatter = bm.NumeralTickFormatter(format="0")
    greys = [to_hex((g, g, g)) for g in np.linspace(0.35, 1, 256)]
    plot.image([_grey(background)], palette=greys, level="image", **_extent(_highest(percent)))
    controls = _add_probability(plot, _highest(percent), texts, start)
    if landslides is not None:
        controls.append(_add_outlines(plot, landslides))
    page = layouts.column(layouts.row(*controls, sizing_mode="stretch_width"), plot, sizing_mode="stretch_width")
    marked = style.SIMULATED if probability.attrs.get("simulated") else ""
    alt = (
        f"Interactive map{marked} with a slider for the threshold, at first {start} %: {texts[start]}. "
        "The same map is shown above as a picture, and the files contain all of it."
    )
    return Page(file_html(page, INLINE, title), alt)


def _add_probability(plot: Any, percent: xr.DataArray, texts: list[str], start: int) -> list[Any]:
    """Draw the probability with its colour bar and hover tool; return the slider and the text beside it."""
    # Without the map's black end, which the grey beneath would hide.
    colours = [to_hex(style.PROBABILITY(0.15 + 0.45 * p / 100)) for p in range(101)]
    shown = [CLEAR if p < start else colour for p, colour in enumerate(colours)]
    mapper = bm.LinearColorMapper(palette=shown, low=0, high=100, high_color=style.PALE)
    pixels = percent.fillna(NO_DATA).astype(np.uint8).values[::-1]
    drawn = plot.image([pixels], color_mapper=mapper, level="glyph", **_extent(percent))
    full = bm.LinearColorMapper(palette=colours, low=0, high=100)
    plot.add_layout(bm.ColorBar(color_mapper=full, title="probability (%)"), "right")
    value = bm.CustomJSHover(code=f"return value == {NO_DATA} ? 'no data' : value + ' %'")
    tooltips = [("probability", "@image{custom}"), ("easting, northing", "$x{0}, $y{0}")]
    plot.add_tools(bm.HoverTool(renderers=[drawn], tooltips=tooltips, formatters={"@image": value}))
    slider = bm.Slider(start=1, end=99, step=1, value=start, title="threshold (%)", sizing_mode="stretch_width")
    area = bm.Div(text=texts[start])
    code = "area.text = texts[cb_obj.value]; mapper.palette = colours.map((c, p) => p < cb_obj.value ? clear : c);"
    args = {"mapper": mapper, "colours": colours, "area": area, "texts": texts, "clear": CLEAR}
    slider.js_on_change("value", bm.CustomJS(args=args, code=code))
    return [slider, area]


def _add_outlines(plot: Any, landslides: xr.DataArray) -> Any:
    """Draw the outlines of the labels; return the box that switches them on and off."""
    outline = landslides.values & ~ndimage.binary_erosion(landslides.values)
    edges = _highest(landslides.copy(data=outline)).astype(np.uint8)
    labels = plot.image([edges.values[::-1]], palette=[CLEAR, style.BLUE], level="overlay", **_extent(edges))
    box = bm.Checkbox(label="labels in blue", active=True)
    box.js_link("active", labels, "visible")
    return box


def _highest(layer: xr.DataArray) -> xr.DataArray:
    """Return the highest of several neighbouring pixels where a layer is larger than a screen."""
    step = style.find_step(layer)
    return layer.coarsen(y=step, x=step, boundary="trim").max()


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
