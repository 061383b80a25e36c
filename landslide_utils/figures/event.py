"""Figures of one's own event: which pass was when, where the landslides lie, and how the radar sees the ground."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from landslide_utils.figures.chips import Picture
from landslide_utils.grid import pixel_size_m

SIDES = {"before": ("o", "#3b6fb6"), "during": ("X", "#606060"), "after": ("s", "#e07b00")}


def calendar_figure(calendar: pd.DataFrame, *, simulated: bool) -> Picture:
    """Show each pass of each track against the days from the event.

    Parameters
    ----------
    calendar : pandas.DataFrame
        As :func:`landslide_utils.sources.passes.calendar` returns it.
    simulated : bool
        Whether the images are simulated; the figure then says so.
    """
    tracks = list(dict.fromkeys(zip(calendar["orbit"], calendar["relative_orbit"], strict=True)))
    names = [f"{orbit}\n" + (f"track {track}" if track else "track unknown") for orbit, track in tracks]
    rows = [tracks.index(key) for key in zip(calendar["orbit"], calendar["relative_orbit"], strict=True)]
    figure = Figure(figsize=(9, 1.6 + 0.6 * len(tracks)), layout="constrained")
    axes = figure.subplots()
    for when, (marker, colour) in SIDES.items():
        chosen = (calendar["when"] == when).to_numpy()
        if chosen.any():
            label = f"{when}: {chosen.sum()} passes"
            axes.plot(calendar["days"][chosen], np.array(rows)[chosen], marker, color=colour, label=label)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(tracks)), names)
    axes.set(ylim=(len(tracks) - 0.5, -0.5), xlabel="days from the event")
    axes.set_title(f"passes{_said(simulated)}", fontsize=10)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    counted = "; ".join(
        f"{orbit} track {track}: {(part['when'] == 'before').sum()} before and {(part['when'] == 'after').sum()} after"
        for (orbit, track), part in calendar.groupby(["orbit", "relative_orbit"])
    )
    nearest = calendar.loc[calendar["when"] == "after", "days"].min()
    return Picture.of(
        figure,
        f"Calendar of passes{_said(simulated)}. {counted}. The first pass came {nearest:.1f} days after the event.",
    )


def overlay_figure(cube: xr.Dataset, polygons: gpd.GeoDataFrame) -> Picture:
    """Show the landslides' outlines over one image, and the pixels that they mark, in the cube's own coordinates.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it, with ``landslides``.
    polygons : geopandas.GeoDataFrame
        In the cube's coordinate reference system.
    """
    name = "vv" if "vv" in cube else "vh"
    after = np.flatnonzero(cube["time"].values > np.datetime64(cube.attrs["event_end"]))[0]
    power = cube[name].isel(time=after)
    db = 10 * np.log10(power.where(power > 0))
    low, high = (float(v) for v in np.nanpercentile(db, [1, 99]))
    said = _said(cube.attrs["simulated"])
    half = pixel_size_m(cube) / 2
    west, east, south, north = (
        float(v) / 1000 for v in (cube["x"][0] - half, cube["x"][-1] + half, cube["y"][-1] - half, cube["y"][0] + half)
    )
    height = 1.5 + 4.6 * (north - south) / (east - west)
    figure = Figure(figsize=(11, min(height, 9)), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    options = {"extent": (west, east, south, north), "interpolation": "nearest"}
    drawn = left.imshow(db, cmap="gray", vmin=low, vmax=high, **options)
    figure.colorbar(drawn, ax=left, label=f"{_sent(cube[name])} gamma nought (dB)", shrink=0.8)
    right.imshow(cube["landslides"], cmap=ListedColormap(["white", "#a8a8a8"]), vmin=0, vmax=1, **options)
    outlines = (
        polygons.geometry.set_crs(None, allow_override=True).affine_transform([0.001, 0, 0, 0.001, 0, 0]).boundary
    )
    for axes, colour in ((left, "#ffb000"), (right, "black")):
        outlines.plot(ax=axes, color=colour, linewidth=0.9, aspect=None)
        axes.set(xlabel=f"km east ({cube.rio.crs})", xlim=(west, east), ylim=(south, north))
    left.set_ylabel("km north")
    right.set_ylabel("")
    left.set_title(f"first pass after the event{said}", fontsize=10)
    right.set_title("labels: grey pixels, polygons as lines", fontsize=10)
    share = float(cube["landslides"].mean())
    return Picture.of(
        figure,
        f"Two maps{said}: radar backscatter of the first pass after the event with the outlines of {len(polygons)} landslides, and the pixels that they mark, "
        f"{share:.1%} of the scene.",
    )


def incidence_figure(
    incidence: xr.DataArray, layover_and_shadow: xr.Dataset, *, orbit: str, simulated: bool
) -> Picture:
    """Show local incidence, and layover and shadow in colour over it.

    Parameters
    ----------
    incidence : xarray.DataArray (y, x)
        Degrees, as :func:`landslide_utils.terrain.local_incidence` returns it.
    layover_and_shadow : xarray.Dataset
        ``layover`` and ``shadow``, as :func:`landslide_utils.terrain.layover_and_shadow` returns them.
    orbit : str
        Direction of flight, for the title.
    simulated : bool
        Whether the ground is simulated; the figure then says so.
    """
    half = abs(float(incidence["x"][1] - incidence["x"][0])) / 2
    x, y = ((float(incidence[axis].min()) - half, float(incidence[axis].max()) + half) for axis in ("x", "y"))
    extent = (x[0] / 1000, x[1] / 1000, y[0] / 1000, y[1] / 1000)
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    axes = figure.subplots()
    drawn = axes.imshow(incidence, cmap=cm.grayC, vmin=0, vmax=90, extent=extent, interpolation="nearest")
    figure.colorbar(drawn, ax=axes, label="local incidence (degrees)", shrink=0.8)
    for name, colour in (("layover", "#e07b00"), ("shadow", "#3b6fb6")):
        mask = layover_and_shadow[name].values
        axes.imshow(np.where(mask, 1.0, np.nan), cmap=ListedColormap([colour]), extent=extent, interpolation="nearest")
        axes.plot([], [], "s", color=colour, label=f"{name}: {mask.mean():.1%}")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), frameon=False, ncols=2)
    axes.set(xlabel="km east", ylabel="km north")
    axes.set_title(f"the ground as seen from a {orbit} pass{_said(simulated)}", fontsize=10)
    return Picture.of(
        figure,
        f"Map of local incidence for a {orbit} pass{_said(simulated)}, from {float(incidence.min()):.0f} to {float(incidence.max()):.0f} degrees; "
        f"{float(layover_and_shadow['layover'].mean()):.1%} of the scene lies in layover "
        f"and {float(layover_and_shadow['shadow'].mean()):.1%} in shadow.",
    )


def _said(simulated: bool) -> str:
    return " (simulated)" if simulated else ""


def _sent(power: xr.DataArray) -> str:
    return str(power.attrs.get("polarisation", str(power.name).upper()))
