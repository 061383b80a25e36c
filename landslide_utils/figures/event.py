"""Figures of an event: which pass was when, where the landslides lie, and how the radar sees the ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landslide_utils.composite import decibels, sides_of_event
from landslide_utils.cube import RADAR
from landslide_utils.figures import style

SIDES = {"before": ("o", style.BLUE), "during": ("X", style.GREY), "after": ("s", style.ORANGE)}


def timeline_figure(cube: xr.Dataset, chosen: Sequence[np.datetime64] = ()) -> style.Picture:
    """Return the passes of a cube on a line of time, by orbit direction, with the event, and the chosen ones ringed."""
    times, orbits = cube["time"].values, cube["orbit"].values
    sides = sides_of_event(times, cube.attrs["event_time"], cube.attrs["event_end"])
    figure, axes, counts = _draw_passes(times, orbits, sides, np.isin(times, np.asarray(chosen, times.dtype)))
    axes.axvline(np.datetime64(cube.attrs["event_time"]), color=style.BLACK, linewidth=1)
    axes.set_xlabel("date (UTC); the line is the event")
    axes.xaxis.get_major_locator().maxticks = dict.fromkeys(range(7), 6)  # dates are wide
    rings = f" {len(chosen)} passes are ringed." if len(chosen) else ""
    return style.finish(figure, "Passes and the event", f" on a line of time. {counts}.{rings}", cube)


def calendar_figure(calendar: pd.DataFrame) -> style.Picture:
    """Return each pass of each track against the days from the event.

    Parameters
    ----------
    calendar : pandas.DataFrame
        As :func:`landslide_utils.sources.passes.calendar` returns it.
    """
    pairs = zip(calendar["orbit"], calendar["relative_orbit"], strict=True)
    tracks = [f"{orbit} track {track or 'unknown'}" for orbit, track in pairs]
    figure, axes, counts = _draw_passes(calendar["days"], tracks, calendar["when"])
    axes.axvline(0, color=style.BLACK, linewidth=1)
    axes.set_xlabel("days from the event")
    nearest = calendar.loc[calendar["when"] == "after", "days"].min()
    text = f" against the days from the event. {counts}. The first pass came {nearest:.1f} days after the event."
    return style.finish(figure, "Calendar of passes", text, calendar)


def _draw_passes(at: Any, rows: Any, sides: Any, ringed: Any = False) -> tuple[Figure, Any, str]:
    """Draw passes, a row for each track; return figure, axes, and in words how many are before and after the event."""
    at, rows, sides = np.asarray(at), np.asarray(rows), np.asarray(sides)
    names = list(dict.fromkeys(rows))
    heights = np.array([names.index(row) for row in rows])
    figure, (axes,) = style.new_figure(7.4, 1.8 + 0.6 * len(names))
    for side, (marker, colour) in SIDES.items():
        if (chosen := sides == side).any():
            axes.plot(at[chosen], heights[chosen], marker, color=colour, label=f"{side}: {chosen.sum()} passes")
    shown = np.broadcast_to(ringed, at.shape)
    axes.plot(at[shown], heights[shown], "o", markersize=14, markerfacecolor="none", color=style.BLACK)
    axes.set_yticks(range(len(names)), [str(name).replace(" track", "\ntrack") for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    style.add_legend(axes)
    return figure, axes, "; ".join(f"{name}: {_count(sides[rows == name])}" for name in names)


def _count(sides: NDArray[np.str_]) -> str:
    """Return in words how many passes are before, during (where there are any) and after the event."""
    number = {side: int((sides == side).sum()) for side in SIDES}
    during = f", {number['during']} during" if number["during"] else ""
    return f"{number['before']} before{during} and {number['after']} after"


def overlay_figure(cube: xr.Dataset, polygons: gpd.GeoDataFrame) -> style.Picture:
    """Return the landslides' outlines over the first image after the event, and over the pixels that they mark.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it, with ``landslides``.
    polygons : geopandas.GeoDataFrame
        In the cube's coordinate reference system.
    """
    power = cube[next(name for name in RADAR if name in cube)]
    sides = sides_of_event(cube["time"].values, cube.attrs["event_time"], cube.attrs["event_end"])
    db = decibels(power.isel(time=int(np.argmax(sides == "after"))).where(lambda layer: layer > 0))
    figure, (left, right) = style.new_figure(8.4, min(1.2 + 3.6 * db.sizes["y"] / db.sizes["x"], 9), 1, 2)
    label = f"{power.attrs.get('polarisation', str(power.name).upper())} gamma nought (dB)"
    style.draw_maps(figure, [left], {"first pass after the event": db}, style.BACKSCATTER, label)
    light = ListedColormap(["white", "#a8a8a8"])
    style.draw_map(right, cube["landslides"], light, (0, 1), title="labels: pixels and polygons")
    outlines = polygons.geometry.set_crs(None, allow_override=True).boundary
    for axes, colour, label in ((left, style.ORANGE, "km north"), (right, style.BLACK, "")):
        limits = {"xlim": axes.get_xlim(), "ylim": axes.get_ylim()}
        outlines.affine_transform([0.001, 0, 0, 0.001, 0, 0]).plot(ax=axes, color=colour, linewidth=0.9, aspect=None)
        axes.set(xlabel=f"km east\n({cube.rio.crs})", ylabel=label, **limits)
    text = (
        f": radar backscatter of the first pass after the event with the outlines of {len(polygons)} landslides, and "
        f"the pixels that they mark, {float(cube['landslides'].mean()):.1%} of the scene."
    )
    return style.finish(figure, "Two maps of the labels", text, cube)


def incidence_figure(
    cube: xr.Dataset, incidence: xr.DataArray, layover_and_shadow: xr.Dataset, *, orbit: str
) -> style.Picture:
    """Return a map of local incidence, with layover and shadow in colour over it.

    Parameters
    ----------
    cube : xarray.Dataset
        Whose ground it is.
    incidence : xarray.DataArray (y, x)
        Degrees, as :func:`landslide_utils.terrain.local_incidence` returns it.
    layover_and_shadow : xarray.Dataset
        ``layover`` and ``shadow``, as :func:`landslide_utils.terrain.layover_and_shadow` returns them.
    orbit : str
        Direction of flight, for the title.
    """
    figure, (axes,) = style.new_figure(7.2, 5.8)
    label = f"{incidence.attrs['long_name']} ({incidence.attrs['units']})"
    style.draw_maps(figure, [axes], {"": incidence}, style.ELEVATION, label, (0, 90))
    labels = {}
    for name, colour in (("layover", style.ORANGE), ("shadow", style.BLUE)):
        mask = layover_and_shadow[name]
        style.draw_map(axes, mask, ListedColormap(["#ffffff00", colour]), (0, 1))
        labels[f"{name}: {float(mask.mean()):.1%}"] = colour
    style.add_swatches(figure, {name: colour for name, colour in labels.items() if not name.endswith(" 0.0%")})
    least, most = float(incidence.min()), float(incidence.max())
    text = f": local incidence from {least:.0f} to {most:.0f} degrees; of the scene in {', in '.join(labels)}."
    return style.finish(figure, f"The ground as seen from a {orbit} pass", text, cube)
