"""Draw real radar beside the practice cube averaged to the same pixels, with the same limits, and measure its looks.

By ``python benchmarks/real_pictures.py FOLDER`` with the folder of the test data that holds ``opera_rtc`` and ``enga``.
It writes ``opera.png``, ``enga.png``, ``looks.csv`` and ``pictures.md`` to ``docs/real``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from opera import SITES, stack_opera

from landslide_utils.composite import choose_passes, decibels, sides_of_event
from landslide_utils.course import speckle
from landslide_utils.cube import RADAR, open_cube
from landslide_utils.experiments.results import markdown_table, write_page
from landslide_utils.figures import style
from landslide_utils.files import InputError
from landslide_utils.grid import extent_km, pixel_size_m, rasterise_like
from landslide_utils.simulate.truth import busiest_window

PAGE = Path(__file__).parents[1] / "docs" / "real" / "pictures.md"
COMMAND = "python benchmarks/real_pictures.py FOLDER"
CUBE = "practice_earthquake"
PRACTICE = "practice (simulated)"
SHORT = {
    "stack": "stack",
    "pixel (m)": "pixel (m)",
    "VV: looks": "VV looks",
    "VV: sd of a pixel (dB)": "VV sd (dB)",
    "VH: looks": "VH looks",
    "VH: sd of a pixel (dB)": "VH sd (dB)",
    "VH: rise of the brightest day (dB)": "VH rise (dB)",
}
"""Columns of the page's table, with headings that fit a phone."""
AVERAGED = 3
"""Pixels of the practice cube along one of the real stacks'."""
CORNER = 360
"""Side in pixels of 10 m of the corner in which notebook 01 measures the noise of the practice cube."""
DPI = 180
SOURCE = (
    "Source: OPERA RTC-S1, NASA/JPL, from the repositories dist-s1 (two places of forested mountains) and distmetrics "
    "(Enga, Papua New Guinea), Apache-2.0; outline of the Enga landslide by A. Handwerger, from Planet images. "
    "Contains modified Copernicus Sentinel data. The practice cube is simulated."
)


def read_enga(folder: Path) -> xr.Dataset:
    """Return ``vv`` and ``vh`` (timestep, y, x) without speckle, before the landslide of Enga, and ``landslides``.

    Those with speckle are not drawn: neighbouring pixels of these files are not alike, as if they were out of place.
    """
    stack = stack_opera(folder / "T009_019294_IW2_cropped_tv", "T009-019294-IW2")
    outline = gpd.read_file(folder / "landslide_polygon.geojson").to_crs(stack.rio.crs).geometry
    return stack.assign(landslides=(("y", "x"), rasterise_like(outline, stack["vh"].isel(timestep=0)) > 0))


def coarsen(cube: xr.Dataset) -> xr.Dataset:
    """Return a practice cube averaged in power to the real stacks' pixels; landslides where they are most of one."""
    coarse = cube[[*RADAR, "landslides"]].astype("float32").coarsen(x=AVERAGED, y=AVERAGED, boundary="trim").mean()
    return coarse.assign(landslides=coarse["landslides"] > 0.5)


def practice_corner() -> xr.Dataset:
    """Return a corner of the practice cube where hardly anything slid, passes of one orbit direction."""
    corner = open_cube(CUBE).isel(x=slice(0, CORNER), y=slice(0, CORNER))
    return corner.isel(time=corner["orbit"].values == corner["orbit"].values[0]).rename(time="timestep").load()


def practice_before(height: int, width: int) -> xr.Dataset:
    """Return where most slid in the practice cube, at 30 m: passes of one orbit direction before the event."""
    view = busiest_window(open_cube(CUBE), AVERAGED * width)
    side = sides_of_event(view["time"].values, view.attrs["event_time"], view.attrs["event_end"])
    passes = np.flatnonzero((view["orbit"].values == choose_passes(view, 1).orbit) & (side == "before"))
    coarse = coarsen(view.isel(time=passes).rename(time="timestep").load())
    return coarse.isel(y=slice((width - height) // 2, (width + height) // 2))


def levels(stack: xr.Dataset) -> xr.DataArray:
    """Return by how much the median VH of each pass (timestep) is above that of the middle pass, dB."""
    level = decibels(stack["vh"].median(("y", "x")))
    return level - level.median()


def measure(name: str, stack: xr.Dataset) -> dict[str, Any]:
    """Return the line of a stack: looks, and how much a pixel and the whole scene change between passes."""
    noise = speckle.describe(stack["vv"], stack["vh"])
    line = {"stack": name, "passes": stack.sizes["timestep"], "pixel (m)": pixel_size_m(stack)}
    for p in ("VV", "VH"):
        line[f"{p}: looks"] = noise[f"{p}: equivalent number of looks"]
        line[f"{p}: sd of a pixel (dB)"] = noise[f"{p}: temporal standard deviation of a pixel (dB)"]
    return line | {"VH: rise of the brightest day (dB)": float(levels(stack).max()), "simulated": PRACTICE in name}


def day_of(layer: xr.DataArray) -> str:
    """Return the date of a pass."""
    return str(np.datetime_as_string(layer["timestep"].values, unit="D"))


def size_of(layer: xr.DataArray) -> str:
    """Return width and height of a map in words."""
    left, right, bottom, top = extent_km(layer)
    return f"{right - left:.1f} x {top - bottom:.1f} km"


def draw_panels(figure: Any, panels: Any, layers: dict[str, xr.DataArray], label: str) -> None:
    """Draw maps (y, x; dB), by their titles, on one grey scale; their size is said in words, so no axes."""
    limits = style.find_limits(*layers.values())
    for axes, (title, layer) in zip(panels, layers.items(), strict=False):
        drawn = style.draw_map(axes, layer, style.BACKSCATTER, limits, title=title.partition(": ")[2])
        axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
    bar = figure.colorbar(drawn, ax=list(panels), shrink=0.6)
    bar.ax.text(0, 1.03, label, fontsize=9, transform=bar.ax.transAxes)


def draw_opera(stacks: dict[str, xr.Dataset], looks: pd.Series) -> style.Picture:
    """Return VV and VH of two passes of each stack (timestep, y, x): that of middle level, and the brightest one.

    ``looks`` has each stack's number of looks in VV; it stands beside the images.
    """
    layers = {}
    for name, stack in stacks.items():
        level = levels(stack)
        for p in RADAR:
            for number in (int(np.argmin(abs(level.values))), int(np.argmax(level.values))):
                layer = decibels(stack[p].isel(timestep=number))
                layers[f"{name}: {p.upper()}, {day_of(layer)}"] = layer
    figure, panels = style.new_figure(8.4, 6.3, len(stacks), 2 * len(RADAR))
    draw_panels(figure, panels, layers, "VV, VH (dB)")
    for axes, name in zip(panels[:: 2 * len(RADAR)], stacks, strict=True):
        axes.set_ylabel(f"{name}\n{looks[name]:.1f} looks", fontsize=10)
    rises = ", ".join(f"{name} {float(levels(stack).max()):.1f} dB" for name, stack in stacks.items())
    text = (
        f". A row for each place: {', '.join(stacks)}; each {size_of(layer)}, pixels of 30 m. VV on a day of middle "
        "level and on the brightest day, then VH on the same two days, all on one grey scale. Ridges and valleys stay "
        f"where they are. On the brightest day the whole scene rises, in VH: {rises}."
    )
    return style.finish(figure, "The same slopes on an ordinary day and on the brightest day", text, dpi=DPI)


def draw_enga(enga: xr.Dataset, practice: xr.Dataset) -> style.Picture:
    """Return VV and VH of the first and the last pass over Enga, and the mean of all in the practice cube.

    Parameters
    ----------
    enga, practice : xarray.Dataset
        ``vv`` and ``vh`` (timestep, y, x) of passes before the landslides, and ``landslides`` (y, x), which came after.
    """
    layers, alike = {}, []
    for p in RADAR:
        first, last = (decibels(enga[p].isel(timestep=number)) for number in (0, -1))
        alike.append(f"{p.upper()} {float(xr.corr(first, last)):.2f}")
        layers |= {f"Enga: Enga, {p.upper()}, {day_of(layer)}": layer for layer in (first, last)}
        mean = decibels(practice[p].mean("timestep"))
        layers[f"{PRACTICE}: {PRACTICE}, {p.upper()}"] = mean
    figure, panels = style.new_figure(8.4, 4.4, len(RADAR), 3)
    draw_panels(figure, panels, layers, "VV, VH (dB)")
    look: Any = {"colors": style.ORANGE, "linewidths": 1.2, "origin": "upper"}
    for axes, stack in ((panels[1], enga), (panels[2], practice)):
        axes.contour(stack["landslides"].values, levels=[0.5], extent=extent_km(stack["vh"][0]), **look)
    text = (
        f", {size_of(first)}, pixels of 30 m, one grey scale. Enga, without speckle, on two days, and the mean of "
        f"{practice.sizes['timestep']} passes of the practice cube. Orange outlines in the upper row: what slid after "
        "these passes; nothing in the images marks these places yet. Bright and dark slopes of Enga are the same on "
        f"both days; correlation: {', '.join(alike)}."
    )
    return style.finish(figure, "Before the landslides (orange: what slid later)", text, dpi=DPI)


def say(table: pd.DataFrame) -> str:
    """Return in words how the practice cube at 30 m, the last line, differs from the real stacks of both bands."""
    practice, real = table.iloc[-1], table[~table["simulated"]]
    looks = real["VV: looks"]
    ratio = practice["VV: looks"] / looks.mean()

    def reach(column: str) -> str:
        return f"{real[column].min():.1f} to {real[column].max():.1f} dB"

    change, rise = "VV: sd of a pixel (dB)", "VH: rise of the brightest day (dB)"
    smoother = "less" if ratio > 1 else "more"
    return (
        f"In VV a pixel of 30 m has {looks.min():.1f} to {looks.max():.1f} looks in the real stacks and "
        f"{practice['VV: looks']:.1f} in the practice cube, {ratio:.1f} times as many: {smoother} speckle, "
        f"{np.sqrt(1 / ratio):.0%} of the real one's. From pass to pass a real pixel changes by {reach(change)} "
        f"(standard deviation), one of the practice cube by {practice[change]:.1f} dB. On the brightest day the "
        f"median of VH is {reach(rise)} above that of the middle day in the real stacks, {practice[rise]:.1f} dB in "
        "the practice cube; rain or snow does that, most likely. So expect a map of a real event to be worse than one "
        "of the practice cube."
    )


def write(folder: Path, page: Path) -> None:
    """Draw, measure, and write the page that says what is seen."""
    corner, enga = practice_corner(), read_enga(folder / "enga")
    stacks = {f"{name} (real)": stack_opera(folder / "opera_rtc", site) for name, site in SITES.items()}
    as_real = {f"{PRACTICE}, as 30 m": coarsen(corner)}
    measured = stacks | {f"{PRACTICE}, 10 m": corner} | as_real
    table = pd.DataFrame([measure(name, stack) for name, stack in measured.items()])
    looks = table.set_index("stack")["VV: looks"].rename({f"{PRACTICE}, as 30 m": PRACTICE})
    side = min(next(iter(stacks.values())).sizes[d] for d in "yx")
    shown = {PRACTICE: as_real[f"{PRACTICE}, as 30 m"].isel(x=slice(0, side), y=slice(0, side))}
    second = draw_enga(enga, practice_before(enga.sizes["y"], enga.sizes["x"]))
    page.parent.mkdir(parents=True, exist_ok=True)
    table.round(3).to_csv(page.with_name("looks.csv"), index=False)
    second.save(page.with_name("enga.png"))
    write_page(
        page,
        [
            "# Pictures of real radar",
            f"Real Sentinel-1 radar beside the practice cube ({CUBE}), averaged to 30 m, with the same limits",
            "## Enga, before its landslide of 23 May 2024",
            f"![{second.alt}](enga.png)",
            f"The first and the last of the {enga.sizes['timestep']} passes before it. Speckle was taken out of them "
            "by others (total variation), so the practice cube stands beside them as the mean of its passes, and the "
            "picture says nothing about speckle.",
            "## What differs",
            say(table),
            markdown_table(table[list(SHORT)].round(1).rename(columns=SHORT)),
            "sd: standard deviation of a pixel from pass to pass. Rise: of the median on the brightest day. Looks are "
            "apparent: what changes on the ground between passes counts as speckle too.",
            SOURCE,
        ],
        figure=draw_opera(stacks | shown, looks),
        picture="opera.png",
        command=COMMAND,
    )


def main() -> int:
    """Write pictures, table and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    missing = [str(folder / name) for name in ("opera_rtc", "enga") if not (folder / name).is_dir()]
    if missing:
        raise InputError("real radar cannot be read", [f"the folder {name} is missing" for name in missing])
    write(folder, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
