"""Does a transformer that knows real radar find the practice regions strange? Share of pixels, date by date.

By ``python benchmarks/disturbance.py FOLDER`` with the folder of the test data that holds ``opera_rtc``, and the extra
``transformer`` (Python 3.12 or newer). It writes ``disturbance.csv``, ``.png`` and ``.md`` to ``docs/real``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from opera import SITES, stack_opera
from real_pictures import SOURCE

from landslide_utils.baselines import disturbance
from landslide_utils.composite import choose_passes
from landslide_utils.cube import RADAR, open_cube
from landslide_utils.experiments.results import markdown_table, write_page
from landslide_utils.figures import style
from landslide_utils.files import InputError
from landslide_utils.simulate.scenario import PRACTICE

PAGE = Path(__file__).parents[1] / "docs" / "real" / "disturbance.md"
COMMAND = "python benchmarks/disturbance.py FOLDER"
CONTEXT = 4
"""Passes before each date that the transformer looks at."""

STRANGE = 3.0
"""Standard deviations from which a pixel counts as strange."""

MANY = 5
"""Percent of strange pixels from which something has changed nearly everywhere, such as snow."""

SIDE = 600
"""Rows and columns of a practice region that are measured: 6 km."""


def measure(name: str, stack: xr.Dataset, untouched: xr.DataArray | None = None) -> pd.DataFrame:
    """Return the share of strange pixels on each date of a stack (time, y, x) that has `CONTEXT` passes before it."""
    lines = []
    for number in range(CONTEXT, stack.sizes["time"]):
        before, date = stack.isel(time=slice(number - CONTEXT, number)), stack.isel(time=[number])
        away = disturbance(before, date)
        counted = np.isfinite(away) if untouched is None else np.isfinite(away) & untouched
        share = float((away > STRANGE).where(counted).mean())
        lines.append({"stack": name, "date": str(date["time"].values[0])[:10], "strange": share})
    return pd.DataFrame(lines)


def practice_window(name: str) -> tuple[xr.Dataset, xr.DataArray]:
    """Return the passes of one direction of a practice region's middle, and where nothing slid."""
    cube = open_cube(name)
    cube = cube.isel({d: slice(max(cube.sizes[d] - SIDE, 0) // 2, (cube.sizes[d] + SIDE) // 2) for d in ("y", "x")})
    chosen = choose_passes(cube, 1)
    direction = cube["orbit"].values[chosen.before[0]]
    passes = cube[[*RADAR, "landslides"]].isel(time=cube["orbit"].values == direction).load()
    return passes[list(RADAR)], ~passes["landslides"]


def draw(table: pd.DataFrame) -> style.Picture:
    """Return the shares as points, a line for each stack, a point for each date."""
    figure, (axes,) = style.new_figure(8.4, 3.4)
    names = list(table["stack"].unique())
    for row, name in enumerate(names):
        shares = 100 * table.loc[table["stack"] == name, "strange"].clip(lower=1e-4)
        colour = style.GREY if name in SITES else "tab:orange"
        axes.plot(shares, np.full(len(shares), row), "o", color=colour, alpha=0.6, markersize=5)
        axes.plot(shares.median(), row, "|", color="black", markersize=16)
    labels = [f"{name} (real)" if name in SITES else name for name in names]
    axes.set(xscale="log", xlabel="pixels that the transformer finds strange (%)", yticks=range(len(names)))
    axes.set_yticklabels(labels)
    axes.invert_yaxis()
    medians = (100 * table.groupby("stack", sort=False)["strange"].median()).round(2)
    text = (
        f"; a point for each date, a black line at the median: {', '.join(f'{n} {m} %' for n, m in medians.items())}."
    )
    return style.finish(figure, "Strange pixels where nothing slid (practice regions simulated)", text, dpi=180)


def say(table: pd.DataFrame) -> str:
    """Return in words how the practice regions differ from the real sites."""
    real = table["stack"].isin(SITES)
    parts = []
    for what, lines in (("the real sites", table[real]), ("the practice regions", table[~real])):
        shares = 100 * lines["strange"]
        parts.append(
            f"On {len(shares)} dates of {what} the middle share is {shares.median():.2f} %, and on "
            f"{(shares > MANY).sum()} of these dates more than {MANY:g} % of the pixels are strange (at most "
            f"{shares.max():.0f} %)."
        )
    return " ".join(parts)


def measure_all(folder: Path) -> pd.DataFrame:
    """Return the shares of both real sites and of all practice regions."""
    tables = [
        measure(name, stack_opera(folder / "opera_rtc", site).rename(timestep="time")) for name, site in SITES.items()
    ]
    tables += [measure(name, *practice_window(name)) for name in PRACTICE]
    return pd.concat(tables, ignore_index=True)


def write(table: pd.DataFrame, page: Path) -> None:
    """Draw, and write table, picture and page."""
    table.round(6).to_csv(page.with_suffix(".csv"), index=False)
    counts = table.groupby("stack", sort=False)["strange"]
    rows = pd.DataFrame(
        {
            "dates": counts.size(),
            **{f"{name} (%)": (100 * getattr(counts, name)()).round(2) for name in ("min", "median", "max")},
        }
    ).reset_index()
    write_page(
        page,
        [
            "# Does a network that knows real radar find the practice radar strange?",
            f"OPERA's transformer looks at {CONTEXT} passes and says what it expects of the next. A pixel is strange "
            f"if VV or VH is more than {STRANGE:g} standard deviations away. Landslides are left out. No landslide is "
            "known at the two real sites",
            say(table),
            markdown_table(rows),
            "The transformer was trained on despeckled images of 30 m, so all images are despeckled in the same way, "
            "and the practice regions are averaged to 30 m first. Snow or rain can make nearly all pixels of a date "
            "strange; the weather of these dates was not looked up. The dates of one stack share their ground, so "
            "these are two real places and four simulated ones.",
            "Source of the transformer: distmetrics (Apache-2.0), Hardiman-Mostow et al. 2024, arXiv:2409.00146.",
            SOURCE,
        ],
        figure=draw(table),
        picture="disturbance.png",
        command=COMMAND,
    )


def main() -> int:
    """Write table, picture and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not (folder / "opera_rtc").is_dir():
        raise InputError("real radar cannot be read", [f"the folder {folder / 'opera_rtc'} is missing"])
    write(measure_all(folder), PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
