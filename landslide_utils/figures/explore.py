"""The figures of the first lessons: what backscatter, speckle, geometry, season and landslides look like."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from landslide_utils.composite import sides_of_event
from landslide_utils.figures.chips import Picture, add_bar, draw_map, new_figure

DARK, ORANGE, BLUE, GREY = "#202020", "#e07b00", "#3b6fb6", "#808080"
COVER_COLOURS = {
    "forest": "#2d6a4f",
    "field": "#e9c46a",
    "clearing": "#b5838d",
    "water": "#3b6fb6",
    "built-up": "#202020",
}


def _db(power: xr.DataArray) -> xr.DataArray:
    """Return linear power in dB."""
    out: xr.DataArray = 10 * xr.ufuncs.log10(power)
    return out


def _finite(layer: xr.DataArray) -> NDArray[np.float64]:
    return np.asarray(layer.values[np.isfinite(layer.values)], np.float64)


def _limits(*layers: xr.DataArray) -> tuple[float, float]:
    low, high = np.percentile(np.concatenate([_finite(layer) for layer in layers]), [1, 99])
    return float(low), float(high)


def _share_ylabel(panels: Sequence[Axes]) -> None:
    """Say "km south" once for a row of maps of one place: beside a colour bar it would be read as the bar's."""
    for axes in panels[1:]:
        axes.set_ylabel("")


def power_figure(power: xr.DataArray) -> Picture:
    """Show how the pixels (y, x) of a pass are distributed in linear power and in decibels."""
    figure, grid = new_figure(9, 3.2, 1, 2)
    linear, db = _finite(power), _finite(_db(power))
    for axes, values, label in zip(grid[0], (linear, db), ("linear power (1)", "backscatter (dB)"), strict=True):
        low, high = np.percentile(values, [0.1, 99.7])
        axes.hist(values, bins=80, range=(low, high), color=GREY)
        axes.axvline(values.mean(), color=ORANGE, label=f"mean {values.mean():.2f}")
        axes.set(xlabel=label, ylabel="pixels")
        axes.legend(frameon=False)
    figure.suptitle("VV of one pass (simulated)", fontsize=10)
    return Picture.of(
        figure,
        f"Two histograms of the same pixels (simulated). In linear power most are small and a long tail reaches to large values, mean {linear.mean():.2f}; "
        f"in decibels the histogram is nearly symmetric, mean {db.mean():.1f}.",
    )


def pass_figure(stack: xr.DataArray) -> Picture:
    """Show the first pass of a stack (time, y, x) in dB: the image, a profile through its middle row, and its histogram."""
    first = stack.isel(time=0)
    figure, grid = new_figure(12, 3.6, 1, 3)
    low, high = _limits(first)
    day = np.datetime_as_string(first["time"].values, unit="D")
    add_bar(
        figure,
        draw_map(grid[0, 0], first, cmap="gray", low=low, high=high, title=f"{day} (simulated)"),
        grid[0, 0],
        "VV (dB)",
    )
    middle = first.isel(y=first.sizes["y"] // 2)
    grid[0, 1].plot((middle["x"] - middle["x"][0]) / 1000, middle, color=DARK, linewidth=0.8)
    grid[0, 1].set(xlabel="km east", ylabel="VV (dB)", title="profile through the middle")
    grid[0, 2].hist(_finite(first), bins=80, color=GREY)
    grid[0, 2].set(xlabel="VV (dB)", ylabel="pixels", title="histogram")
    spread = float(middle.std())
    return Picture.of(
        figure,
        f"One pass of {day} (simulated): a grey, grainy image of hills; a jagged profile through its middle row with a standard deviation of {spread:.1f} dB; "
        "and the histogram of all pixels.",
    )


def polarisation_figure(view: xr.Dataset, cover: xr.DataArray) -> Picture:
    """Show VV and VH, averaged over all passes, beside the land cover (y, x; in words)."""
    figure, grid = new_figure(13, 3.9, 1, 3)
    medians = []
    for axes, name in zip(grid[0], ("vv", "vh"), strict=False):
        layer = _db(view[name].mean("time"))
        low, high = _limits(layer)
        drawn = draw_map(
            axes, layer, cmap="gray", low=low, high=high, title=f"{name.upper()}, mean of {view.sizes['time']} passes"
        )
        add_bar(figure, drawn, axes, f"{name.upper()} (dB)")
        medians.append(f"{name.upper()} {float(layer.median()):.1f} dB")
    words = list(COVER_COLOURS)
    numbers = cover.copy(
        data=np.array([words.index(str(word)) for word in cover.values.ravel()], np.float32).reshape(cover.shape)
    )
    axes = grid[0, 2]
    draw_map(
        axes,
        numbers,
        cmap=ListedColormap(list(COVER_COLOURS.values())),
        low=-0.5,
        high=len(words) - 0.5,
        title="land cover (truth)",
    )
    shares = {word: float((cover == word).mean()) for word in words}
    for word, share in shares.items():
        axes.plot([], [], "s", color=COVER_COLOURS[word], label=f"{word} {share:.0%}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _share_ylabel(grid[0])
    figure.suptitle("simulated", fontsize=10)
    return Picture.of(
        figure,
        f"Three maps (simulated): VV and VH in grey, at the median {' and '.join(medians)}, and the land cover: "
        + ", ".join(f"{word} {share:.0%}" for word, share in shares.items() if share > 0)
        + ".",
    )


def speckle_figure(images: Mapping[str, xr.DataArray]) -> Picture:
    """Show several images (y, x) of one place in linear power, by their titles, all with the same grey scale."""
    figure, grid = new_figure(2.8 * len(images) + 0.9, 3.3, 1, len(images))
    layers = {title: _db(power) for title, power in images.items()}
    low, high = _limits(*layers.values())
    for axes, (title, layer) in zip(grid[0], layers.items(), strict=True):
        drawn = draw_map(axes, layer, cmap="gray", low=low, high=high, title=title)
    _share_ylabel(grid[0])
    add_bar(figure, drawn, list(grid[0]), "VV (dB)")
    figure.suptitle("simulated", fontsize=10)
    spread = "; ".join(f"{title}: standard deviation {float(layer.std()):.1f} dB" for title, layer in layers.items())
    return Picture.of(figure, f"The same place {len(images)} times (simulated), less and less grainy. {spread}.")


def averaging_figure(in_time: Mapping[int, float], in_space: Mapping[int, float]) -> Picture:
    """Show the looks measured after averaging over so many passes, and over so many pixels, against what independent values would give."""
    figure, grid = new_figure(6.4, 4.2, 1, 1)
    axes = grid[0, 0]
    single = next(iter(in_time.values()))
    counts = sorted({*in_time, *in_space})
    axes.plot(counts, [single * count for count in counts], ":", color=GREY, label="if all were independent")
    axes.plot(list(in_time), list(in_time.values()), "o-", color=DARK, label="averaged over passes")
    axes.plot(list(in_space), list(in_space.values()), "s--", color=ORANGE, label="averaged over neighbouring pixels")
    axes.set(
        xlabel="values averaged",
        ylabel="equivalent number of looks",
        xscale="log",
        yscale="log",
        title="simulated speckle",
    )
    axes.set_xticks(counts, [str(count) for count in counts])
    ticks = [looks for looks in (1, 2, 5, 10, 20, 50, 100, 200) if single / 2 < looks < 2 * single * counts[-1]]
    axes.set_yticks(ticks, [str(looks) for looks in ticks])
    axes.minorticks_off()
    axes.legend(frameon=False)
    told = [
        f"{count} {what}: {looks:.1f} looks"
        for what, found in (("passes", in_time), ("pixels", in_space))
        for count, looks in found.items()
    ]
    return Picture.of(
        figure,
        f"Looks against the number of values averaged (simulated), over passes and over neighbours. {'; '.join(told)}.",
    )


def geometry_figure(steep: xr.Dataset) -> Picture:
    """Show a place seen from both orbit directions: its elevation, and VV of one pass of each."""
    figure, grid = new_figure(12.5, 3.9, 1, 3)
    dem = steep["dem"]
    low, high = _limits(dem)
    add_bar(
        figure,
        draw_map(grid[0, 0], dem, cmap=cm.grayC, low=low, high=high, title="elevation"),
        grid[0, 0],
        "elevation (m)",
    )
    layers = {
        orbit: _db(steep["vv"].isel(time=int(np.argmax(steep["orbit"].values == orbit))))
        for orbit in ("descending", "ascending")
    }
    low, high = _limits(*layers.values())
    for axes, (orbit, layer), arrow in zip(
        grid[0, 1:], layers.items(), ("looks west \N{LEFTWARDS ARROW}", "looks east \N{RIGHTWARDS ARROW}"), strict=True
    ):
        drawn = draw_map(axes, layer, cmap="gray", low=low, high=high, title=f"{orbit}: {arrow}")
    add_bar(figure, drawn, list(grid[0, 1:]), "VV (dB)")
    _share_ylabel(grid[0])
    figure.suptitle("simulated; slopes made steeper, radar not corrected for them", fontsize=10)
    pair = [layer.values.ravel() for layer in layers.values()]
    seen = np.isfinite(pair[0]) & np.isfinite(pair[1])
    alike = float(np.corrcoef(pair[0][seen], pair[1][seen])[0, 1])
    return Picture.of(
        figure,
        "Elevation, and the same hills seen by a descending and by an ascending pass (simulated). Each has bright stripes on the slopes that face it and dark "
        f"ones behind; what is bright in one is often dark in the other: their correlation is {alike:.2f}.",
    )


def season_figure(levels: pd.DataFrame) -> Picture:
    """Show levels in dB over time, one column a land cover."""
    figure, grid = new_figure(8.5, 3.6, 1, 1)
    axes = grid[0, 0]
    for name, dashes in zip(levels, ("-", "--", ":", "-."), strict=False):
        axes.plot(levels.index, levels[name], dashes, color=COVER_COLOURS[str(name)], label=str(name))
    axes.set(xlabel="date of the pass", ylabel="median VV (dB)", title="a year without speckle (simulated)")
    axes.legend(frameon=False)
    for label in axes.get_xticklabels():
        label.set(rotation=30, ha="right")
    told = "; ".join(f"{name} from {levels[name].min():.1f} to {levels[name].max():.1f} dB" for name in levels)
    return Picture.of(
        figure,
        f"Median VV over a year of passes for each land cover (simulated): {told}. All jump up and down together.",
    )


def change_figure(change: xr.DataArray, landslides: xr.DataArray, leaning: xr.DataArray) -> Picture:
    """Show the change in dB (y, x): as a map, on and off landslides, and on landslides by how much the ground leans towards the radar (degrees)."""
    figure, grid = new_figure(13, 3.9, 1, 3)
    add_bar(
        figure,
        draw_map(grid[0, 0], change, cmap=cm.vik, low=-6, high=6, title="after minus before"),
        grid[0, 0],
        "change of VV (dB)",
    )
    grid[0, 0].contour(
        landslides.values,
        levels=[0.5],
        colors="black",
        linewidths=0.5,
        extent=grid[0, 0].images[0].get_extent(),
        origin="upper",
    )
    on, off = (change.values[(landslides.values == inside) & np.isfinite(change.values)] for inside in (True, False))
    for values, colour, dashes, label in ((off, GREY, "--", "elsewhere"), (on, DARK, "-", "on landslides")):
        density, edges = np.histogram(values, bins=60, range=(-8, 8), density=True)
        grid[0, 1].plot((edges[1:] + edges[:-1]) / 2, density, dashes, color=colour, label=label)
    grid[0, 1].set(xlabel="change of VV (dB)", ylabel="density (1/dB)", ylim=(0, None))
    grid[0, 1].legend(frameon=False)
    bins = np.arange(-30, 31, 10)
    middle, means = (bins[1:] + bins[:-1]) / 2, []
    for low, high in itertools.pairwise(bins):
        chosen = change.values[landslides.values & (leaning.values >= low) & (leaning.values < high)]
        means.append(float(np.nanmean(chosen)) if np.isfinite(chosen).any() else float("nan"))
    grid[0, 2].axhline(0, color=GREY, linewidth=0.8)
    grid[0, 2].plot(middle, means, "o-", color=DARK)
    grid[0, 2].set(xlabel="lean towards the radar (degrees)", ylabel="mean change on landslides (dB)")
    figure.suptitle("simulated; landslides outlined", fontsize=10)
    return Picture.of(
        figure,
        f"Change of VV (simulated): a map with the landslides outlined; its distribution on landslides (standard deviation {on.std():.1f} dB) and elsewhere "
        f"({off.std():.1f} dB), which overlap; and its mean on landslides, from {means[0]:.1f} dB on slopes that look away from the radar to {means[-1]:.1f} dB on "
        "those that face it.",
    )


def timeline_figure(cube: xr.Dataset, chosen: Sequence[np.datetime64] = ()) -> Picture:
    """Show the passes of a cube on a line of time, by orbit direction, with the event, and the chosen ones ringed."""
    figure, grid = new_figure(10, 2.4, 1, 1)
    axes = grid[0, 0]
    orbits = list(dict.fromkeys(str(orbit) for orbit in cube["orbit"].values))
    for height, (orbit, marker) in enumerate(zip(orbits, "os^", strict=False)):
        times = cube["time"].values[cube["orbit"].values == orbit]
        axes.plot(times, [height] * len(times), marker, color=DARK)
        ringed = [instant for instant in times if instant in set(chosen)]
        axes.plot(ringed, [height] * len(ringed), "o", markersize=14, markerfacecolor="none", color=BLUE)
    axes.axvline(np.datetime64(cube.attrs["event_time"]), color=ORANGE, label="event")
    axes.set_yticks(range(len(orbits)), orbits)
    axes.set(xlabel="date (UTC)", ylim=(-0.6, len(orbits) - 0.4))
    note = " (simulated)" if cube.attrs.get("simulated") else ""
    axes.set_title(f"passes{note}", fontsize=10)
    axes.legend(frameon=False, loc="upper left")
    side = sides_of_event(cube["time"].values, cube.attrs["event_time"], cube.attrs["event_end"])
    told = "; ".join(f"{orbit}: {count_sides(side[cube['orbit'].values == orbit])}" for orbit in orbits)
    return Picture.of(
        figure,
        f"The passes{note} on a line of time, with the event. {told}.{f' {len(chosen)} passes are ringed.' if len(chosen) else ''}",
    )


def channels_figure(image: xr.DataArray, changed: xr.DataArray, *, simulated: bool) -> Picture:
    """Show the histograms of all channels of an image (channel, y, x) before and after it was normalised, where it has data."""
    figure, grid = new_figure(10, 3.3, 1, 2)
    colours = [cm.batlow(v) for v in np.linspace(0.05, 0.8, image.sizes["channel"])]
    for axes, layers, label in zip(
        grid[0], (image, changed.where(np.isfinite(image))), ("backscatter (dB)", "normalised (1)"), strict=True
    ):
        for name, colour, dashes in zip(image["channel"].values, colours, ("-", "--", "-", "--"), strict=False):
            values = _finite(layers.sel(channel=name))
            density, edges = np.histogram(
                values, bins=100, range=tuple(np.percentile(values, [0.5, 99.5])), density=True
            )
            axes.plot((edges[1:] + edges[:-1]) / 2, density, dashes, color=colour, label=str(name).replace("_", " "))
        axes.set(xlabel=label, ylabel="density", ylim=(0, None))
    grid[0, 0].legend(frameon=False, fontsize=8)
    note = " (simulated)" if simulated else ""
    figure.suptitle(f"channels before and after normalisation{note}", fontsize=10)
    means = ", ".join(f"{name} {float(image.sel(channel=name).mean()):.1f} dB" for name in image["channel"].values)
    return Picture.of(
        figure,
        f"Histograms of the channels before and after normalisation{note}. Before, their means are {means}; after, all lie around zero.",
    )


def count_sides(sides: NDArray[np.str_]) -> str:
    """Return in words how many passes are before, during (where there are any) and after the event."""
    number = {side: int((sides == side).sum()) for side in ("before", "during", "after")}
    during = f", {number['during']} during" if number["during"] else ""
    return f"{number['before']} before{during} and {number['after']} after"
