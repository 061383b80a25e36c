"""Drawings: how a side-looking radar sees mountains, and what a landslide is, from the side and as it is traced."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslide_utils.figures import style

INCIDENCE = 45.0
"""Degrees from the vertical at which the radar of the drawing looks; Sentinel-1 looks at 29 to 46."""
PLACES = {"1": (2.0, 0.0), "2": (4.0, 0.8), "3": (6.0, 0.0), "4": (8.0, 0.0), "5": (9.1, 1.8), "6": (10, 0.0)}
"""A gentle and a steep mountain: places along the ground and their heights, in the same unit."""
END, RED = 12.6, "#d55e00"
PIXEL_M, LENGTH_M, WIDTH_M, CROWN_M = 10.0, 101.0, 54.0, 24.0
"""Width of a pixel, the median landslide of the 2018 Hokkaido inventory, and where the drawn one begins."""


def ground_range(x: Any, height: Any) -> Any:
    """Return where along flat ground a radar that sorts echoes by distance puts places (x, height)."""
    return x - height / np.tan(np.radians(INCIDENCE))  # rays are parallel, so far away is the satellite


def record(x: NDArray[np.float64], height: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of a dense section of ground (x, height) sends its echo to each cell of the ground-range axis.

    It is 0 in shadow, 1 on flat ground, and more where a slope is squeezed or lies on top of other ground.
    """
    ray = x / np.tan(np.radians(INCIDENCE)) + height  # of two places on one ray the nearer hides the farther
    lit = np.diff(np.maximum.accumulate(ray)) > 0
    echoes = np.where(lit, np.hypot(np.diff(x), np.diff(height)), 0)
    return np.histogram(ground_range(x, height)[1:], edges, weights=echoes)[0] / np.diff(edges)


def side_looking_figure() -> style.Picture:
    """Return a drawn section of a side-looking radar over two mountains, and the row of pixels that it records."""
    corners = np.array([(0.0, 0.0), *PLACES.values(), (END, 0.0)])
    x = np.linspace(0, END, 50_000)
    height = np.interp(x, *corners.T)
    figure, (side, row) = style.new_figure(8.6, 5.4, 2, 1, sharex=True, height_ratios=(4.3, 1))
    for start in np.arange(-3.6, END, 0.9):  # fronts of the pulse, one after another, at right angles to its rays
        side.plot([start, start + 4], [0, 4], color=style.BLUE, linewidth=0.7, alpha=0.45)
    summit, high = PLACES["5"]
    far = summit + high * np.tan(np.radians(INCIDENCE))
    side.fill([summit, far, PLACES["6"][0]], [high, 0, 0], color="#707070", zorder=2)
    side.fill_between(x, height, -0.6, color=style.PALE, zorder=2)
    side.plot(x, height, color=style.BLACK)
    for foot, top, colour in (("1", "2", style.ORANGE), ("4", "5", RED)):
        at, up = PLACES[top]
        side.plot([PLACES[foot][0], at], [0, up], color=colour, linewidth=4)
        side.plot([ground_range(at, up), at], [0, up], "--", color=colour)
    for name, place in PLACES.items():
        side.annotate(name, place, (0, 6 if place[1] else -14), textcoords="offset points", ha="center", weight="bold")
    side.plot(0.6, 3.5, marker="s", ms=11, color=style.BLACK)
    side.plot([0.1, 1.1], [3.2, 3.8], color=style.BLACK, linewidth=6, solid_capstyle="butt")
    side.annotate("", (2.4, 1.7), (0.75, 3.35), arrowprops={"arrowstyle": "-|>", "linewidth": 2, "color": style.BLUE})
    for text, where, colour in (
        ("the satellite is 700 km away,\nflies into the page and looks to its right", (1.35, 3.5), style.BLACK),
        ("wave fronts of one pulse,\none time after another", (6.1, 2.55), style.BLUE),
        ("foreshortening", (1.05, 1.0), "#8a5f00"),
        ("layover", (7.0, 1.65), RED),
        ("shadow", (10.2, 1.15), style.BLACK),
    ):
        side.text(*where, text, color=colour, fontsize=10, va="center", backgroundcolor=(1, 1, 1, 0.8))
    side.set(ylim=(-0.6, 4), aspect="equal", yticks=[], ylabel="height")
    image = record(x, height, np.linspace(0, END, 127))
    row.imshow(image[None], "gray", vmin=0, vmax=3.2, extent=(0, END, 0, 1), aspect="auto")
    for name, place in list(PLACES.items())[:-1]:  # the last is in shadow
        row.text(ground_range(*place), 1.1, name, ha="center", weight="bold")
    row.set_xticks([2.6, 7.65, 9.5], ["squeezed", "swapped", "no echo"])
    row.set(xlim=(0, END), yticks=[], ylabel="image", xlabel="ground range: where an echo is put, by the time it took")
    text = (
        ". The pulse comes from the upper left. A gentle mountain (1, 2, 3): its near slope, 1 to 2, becomes shorter "
        "and brighter in the recorded row. A steep one (4, 5, 6): the summit 5 is nearer to the satellite than the "
        "foot 4, so it is recorded before it, on top of other ground. Behind it, no pulse arrives: the row is black."
    )
    return style.finish(figure, "A side-looking radar sorts echoes by time (drawn, not to scale)", text)


def landslide_figure() -> style.Picture:
    """Return a drawn landslide: a section down the slope, and its traced outline over the pixels of a radar image."""
    figure, (side, plan) = style.new_figure(7.6, 6.6, 2, 1, sharex=True)
    x = np.linspace(0, 170, 341)
    before = np.interp(x, [0, 120, 150, 170], [56, 8, 4, 4])  # 21.8 degrees
    moved = np.interp(x, CROWN_M + np.array([0, 3, 34, 56, 72, 90, LENGTH_M]), [0, -5, -5, 0, 6.5, 6.5, 0])
    side.fill_between(x, before + np.minimum(moved, 0), -4, color=style.PALE)
    side.fill_between(x, before, before + moved, where=moved > 0, color=style.ORANGE)
    side.plot(x, before, "--", color=style.GREY)
    side.plot(x, before + moved, color=style.BLACK)
    side.plot(x[48:55], (before + moved)[48:55], color=RED, linewidth=4)
    for text, place, label in (
        ("scarp", (26, 43), (38, 60)),
        ("ground before", (52, 35.2), (62, 51)),
        ("path", (80, 24), (92, 42)),
        ("deposit", (108, 18), (122, 33)),
        ("slip surface in a weak layer", (52, 30.2), (15, 6)),
    ):
        side.annotate(text, place, label, arrowprops={"arrowstyle": "-"}, fontsize=10, va="center")
    side.set(ylim=(-4, 66), aspect="equal", ylabel="height (m)")
    along = np.linspace(0, 1, 200)
    half = np.sqrt(np.sin(np.pi * along)) * (1 - 0.35 * np.exp(-(((along - 0.5) / 0.15) ** 2)))
    half *= WIDTH_M / 2 / half.max()
    down = CROWN_M + LENGTH_M * along
    cols, rows = np.meshgrid(np.arange(5, 170, PIXEL_M), np.arange(-35, 36, PIXEL_M))
    inside = np.abs(rows) < np.interp(cols, down, half, left=0, right=0)
    plan.pcolormesh(cols, rows, inside, cmap="Greys", vmin=0, vmax=4, edgecolors=style.PALE, linewidth=0.6)
    for edge in (half, -half):
        plan.plot(down, edge, color=style.BLACK)
        plan.plot(down[along < 0.06], edge[along < 0.06], color=RED, linewidth=4)
    for text, start in (("scarp", 29), ("path", 70), ("deposit", 94)):
        plan.text(start, 0, text, fontsize=10, va="center")
    plan.set(xlabel="down the slope (m)", ylabel="across the slope (m)", aspect="equal", xticks=range(0, 180, 20))
    text = (
        ": from the side, the ground breaks off at the scarp, slides on a surface in a weak layer, and comes to rest "
        f"as a deposit; from above, its outline, {LENGTH_M:.0f} m long and {WIDTH_M:.0f} m wide, holds the middle of "
        f"{inside.sum()} pixels of {PIXEL_M:.0f} m, which are the labels."
    )
    return style.finish(figure, "A landslide from the side, and its outline as traced from above (drawn)", text)
