"""The outlines of a simulated event's landslides."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely import Polygon, make_valid
from shapely.geometry.base import BaseGeometry

from landslide_utils.grid import Window, rasterise
from landslide_utils.simulate import random_fields
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scenario import Scenario

STEP = 0.5
OUTLINE = 9


def shaking(scenario: Scenario) -> Array:
    """Return the relative strength of shaking, 0 to 1, float32 (height, width): a rough bell, zero where it is weak."""
    window = Window(0, 0, scenario.height, scenario.width)
    random = random_fields.generator(scenario.seed, "epicentre")
    row, col = (np.float32(random.uniform(0.35, 0.65) * size) for size in (scenario.height, scenario.width))
    rows = np.arange(scenario.height, dtype=np.float32)[:, None] - row
    cols = np.arange(scenario.width, dtype=np.float32)[None, :] - col
    radius = scenario.shaking_radius_m / scenario.pixel_size_m
    roughness = random_fields.smooth(scenario.seed, ("shaking",), window, radius / 2)
    bell = np.exp(-0.5 * (np.hypot(rows, cols) / radius + 0.25 * roughness) ** 2)
    return np.asarray(np.clip((bell - 1 / 3) / (2 / 3), 0, None), np.float32)


def make_landslides(scenario: Scenario, ground: Array) -> list[BaseGeometry]:
    """Return landslides that start on steep, strongly shaken slopes and run down them.

    ``ground`` (height, width) is the elevation of the whole scene in metres, first row in the north. The outlines are
    in pixel units: x is the column, y the row, both counted from the scene's upper left corner.
    """
    pixel = scenario.pixel_size_m
    mean_area = np.exp(scenario.ln_area_mean + scenario.ln_area_sd**2 / 2)
    # landslides overlap, so more are drawn than are needed
    count = math.ceil(2 * scenario.landslide_share * ground.size * pixel**2 / mean_area)
    weight = shaking(scenario)  # first, and changed in place: a full-size scene's layers take 0.1 GB each
    down_row, down_col = (np.negative(g, out=g) for g in np.gradient(ndimage.gaussian_filter(ground, 1.5), pixel))
    weight /= _steepness(scenario, down_row, down_col)
    cumulative = weight.ravel().astype(np.float64)
    del weight
    np.cumsum(cumulative, out=cumulative)
    if count == 0 or cumulative[-1] == 0:
        return []
    random = random_fields.generator(scenario.seed, "landslides")
    start = np.searchsorted(cumulative, random.uniform(0, cumulative[-1], count))
    del cumulative
    row, col = (index + random.uniform(0, 1, count) for index in np.unravel_index(start, ground.shape))
    area = random.lognormal(scenario.ln_area_mean, scenario.ln_area_sd, count) / pixel**2
    elongation = np.exp(random.normal(np.log(scenario.elongation), 0.35, count))
    length = np.sqrt(area * elongation * 4 / np.pi)
    width = length / elongation
    paths = _run_downhill(row, col, (down_row, down_col), int(np.ceil(length.max() / STEP)) + 1)
    del down_row, down_col
    wobble = random.normal(1, 0.15, (count, 2, OUTLINE))
    slides: list[BaseGeometry] = [_outline(paths[:, :, i], length[i], width[i], wobble[i]) for i in range(count)]
    first_slide = rasterise(slides[::-1], Window(0, 0, *ground.shape))
    new_pixels = np.bincount(first_slide[first_slide > 0], minlength=count + 1)[:0:-1]
    if new_pixels.sum() < 0.9 * scenario.landslide_share * ground.size:
        raise ValueError(
            f"landslide_share={scenario.landslide_share} cannot be reached: the shaken slopes have room for "
            f"{new_pixels.sum() / ground.size:.3f}; take a larger shaking_radius_m or a smaller share"
        )
    enough = np.searchsorted(np.cumsum(new_pixels), scenario.landslide_share * ground.size) + 1
    return slides[:enough]


def _steepness(scenario: Scenario, down_row: Array, down_col: Array) -> Array:
    """Return by how much gentler slopes fail less often than the steepest: 1 on cliffs, 2 at ``steep_degrees``."""
    layer = np.hypot(down_row, down_col)
    np.degrees(np.arctan(layer, out=layer), out=layer)
    np.subtract(scenario.steep_degrees, layer, out=layer)
    layer /= 3.0
    np.exp(layer, out=layer)
    layer += 1
    return layer


def _run_downhill(
    row: NDArray[np.float64], col: NDArray[np.float64], descent: tuple[Array, Array], steps: int
) -> Array:
    """Return the way (steps, row and column, landslide) down from each start; momentum keeps it from zigzagging."""
    row_step, col_step = np.zeros(row.size), np.zeros(row.size)
    paths = np.empty((steps, 2, row.size), np.float32)
    for step in range(steps):
        paths[step] = row, col
        here = tuple(
            np.clip(place, 0, size - 1).astype(int) for place, size in zip((row, col), descent[0].shape, strict=True)
        )
        row_step, col_step = 0.8 * row_step + descent[0][here], 0.8 * col_step + descent[1][here]
        speed = np.maximum(np.hypot(row_step, col_step), 1e-9)
        row, col = row + STEP * row_step / speed, col + STEP * col_step / speed
    return paths


def _outline(path: Array, length: float, width: float, wobble: NDArray[np.float64]) -> Polygon:
    """Return the polygon of an irregular ellipse bent along a path (steps, row and column)."""
    along = np.linspace(0, 1, OUTLINE)
    at = along * length / STEP
    spine = np.stack([np.interp(at, np.arange(len(path)), path[:, axis]) for axis in (1, 0)], axis=1)
    direction = np.gradient(spine, axis=0)
    across = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / np.maximum(np.hypot(*direction.T), 1e-9)[:, None]
    half = width / 2 * np.sqrt(np.clip(1 - (2 * along - 1) ** 2, 0, None))
    left, right = (spine + sign * (half * side)[:, None] * across for sign, side in zip((1, -1), wobble, strict=True))
    shape = make_valid(Polygon(np.concatenate([left, right[-2:0:-1]])))
    return shape if isinstance(shape, Polygon) else shape.convex_hull
