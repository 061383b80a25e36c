"""Simulated ground: hills grown from a real elevation model, and what grows on them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib import cbook
from numpy.typing import NDArray
from scipy import ndimage

from landslide_utils.grid import Window
from landslide_utils.simulate import random_fields
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scenario import Scenario

FOREST, FIELD, CLEARING, WATER, BUILT_UP = range(5)
COVERS = ("forest", "field", "clearing", "water", "built-up")
FIELD_PARCEL = 14.0
STAND = 40.0


class Cover(NamedTuple):
    """Land cover of a window: the class of each pixel, and a number from 0 to 1 for each field parcel and stand."""

    kind: NDArray[np.uint8]
    parcel: Array
    stand: Array


@lru_cache(maxsize=1)
def _real_hills() -> tuple[Array, float]:
    """Return spline coefficients of a real elevation model (metres, square cells) and its cell size in metres."""
    data: Any = cbook.get_sample_data("jacksboro_fault_dem.npz")
    height = data["elevation"].astype(np.float32)
    metres_a_degree = 111_320.0
    north = float(data["dy"]) * metres_a_degree
    east = float(data["dx"]) * metres_a_degree * np.cos(np.radians((data["ymin"] + data["ymax"]) / 2))
    square = ndimage.zoom(height, (1.0, east / north), order=3)
    return ndimage.spline_filter(square, order=3, output=np.float32, mode="mirror"), north


def elevation(scenario: Scenario, window: Window) -> Array:
    """Return the height of the ground in metres, float32 (height, width); windows fit without a seam."""
    coefficients, cell = _real_hills()
    place = Window(window.row + scenario.hills_row, window.col + scenario.hills_col, window.height, window.width)
    spacing = cell * scenario.relief_scale / scenario.pixel_size_m
    first = [int(np.floor(start / spacing)) - 2 for start in (place.row, place.col)]
    last = [int(np.floor(stop / spacing)) + 4 for stop in (place.row + place.height, place.col + place.width)]
    lattice = coefficients
    for axis, size in enumerate(coefficients.shape):  # beyond its edge the real terrain is mirrored
        index = np.abs(np.mod(np.arange(first[axis], last[axis]) + size - 1, 2 * (size - 1)) - (size - 1))
        lattice = np.take(lattice, index, axis=axis)
    height = random_fields.spline(lattice, (first[0], first[1]), spacing, place)
    height *= np.float32(scenario.relief_scale * scenario.steepness)
    for octave, width in enumerate((24.0, 12.0, 6.0)):
        detail = random_fields.smooth(scenario.seed, ("relief", octave), window, width)
        height += detail * np.float32(scenario.roughness_m / 2**octave)
    return height


def descent(height: Array, pixel_size_m: float) -> tuple[Array, Array]:
    """Return the descent along rows and along columns, metres a metre, of all pixels but the outermost."""
    down_row, down_col = (-np.gradient(height, pixel_size_m, axis=axis)[1:-1, 1:-1] for axis in (0, 1))
    return down_row, down_col


def _parcels(seed: int, name: str, window: Window, size: float) -> Array:
    """Return a number between 0 and 1 for each cell, `size` pixels wide, of an irregular patchwork."""
    rows, cols = np.mgrid[window.row : window.row + window.height, window.col : window.col + window.width]
    rows = rows.astype(np.float32) + random_fields.smooth(seed, (name, "y"), window, size * 3) * np.float32(size / 2)
    cols = cols.astype(np.float32) + random_fields.smooth(seed, (name, "x"), window, size * 3) * np.float32(size / 2)
    row_hash = np.floor(rows / size).astype(np.int64) * 73856093
    col_hash = np.floor(cols / (size * 1.6)).astype(np.int64) * 19349663
    # Fibonacci hashing, wraps round on purpose
    hashed = ((row_hash ^ col_hash).astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((hashed >> np.uint64(40)) / 2**24, np.float32)


def land_cover(scenario: Scenario, window: Window, slope_degrees: Array) -> Cover:
    """Return what is on each pixel: forest on slopes; fields, water and houses on flat ground; clearings in forest."""
    seed = scenario.seed
    parcel = _parcels(seed, "parcel", window, FIELD_PARCEL)
    stand = _parcels(seed, "stand", window, STAND)
    flat = slope_degrees < 6
    plain = flat & (random_fields.smooth(seed, ("plain",), window, 90) > 0.2)
    kind = np.full(slope_degrees.shape, FOREST, np.uint8)
    kind[stand > 0.955] = CLEARING
    kind[plain] = FIELD
    kind[plain & (random_fields.smooth(seed, ("town",), window, 40) > 2.1)] = BUILT_UP
    kind[flat & (random_fields.smooth(seed, ("lake",), window, 60) > 2.6)] = WATER
    return Cover(kind, parcel, stand)
