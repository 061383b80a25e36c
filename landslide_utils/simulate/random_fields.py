"""Random fields that are functions of place: any window of them can be made alone, and windows fit without a seam.

White noise is drawn tile by tile, each tile from its own counter-based generator whose key is the seed, the field's
name and the tile's place. So a pixel's number does not depend on the window, the order, or the number of workers.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from landslide_utils.grid import Window

Array = NDArray[np.float32]
TILE = 256


def generator(seed: int, *key: int | str) -> np.random.Generator:
    """Return a generator that depends on the seed and the key only."""
    words = [seed, *(zlib.crc32(part.encode()) if isinstance(part, str) else part & 0xFFFFFFFF for part in key)]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))


def white(seed: int, key: tuple[int | str, ...], window: Window) -> Array:
    """Return independent standard normal numbers, float32 of shape (height, width)."""
    out = np.empty((window.height, window.width), np.float32)
    for tile_row in range(window.row // TILE, (window.row + window.height - 1) // TILE + 1):
        for tile_col in range(window.col // TILE, (window.col + window.width - 1) // TILE + 1):
            top, left = tile_row * TILE - window.row, tile_col * TILE - window.col
            rows = slice(max(top, 0), min(top + TILE, window.height))
            cols = slice(max(left, 0), min(left + TILE, window.width))
            # drawn row by row, so the rows below the window need not be
            tile = generator(seed, *key, tile_row, tile_col).standard_normal((rows.stop - top, TILE), np.float32)
            out[rows, cols] = tile[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    return out


def speckled(seed: int, key: tuple[int | str, ...], window: Window, neighbour: float) -> Array:
    """Return standard normal numbers whose neighbours in a row or column have correlation `neighbour` (0 to 0.5)."""
    if neighbour == 0:
        return white(seed, key, window)
    weight = (1 - np.sqrt(1 - 2 * neighbour**2)) / (2 * neighbour)  # solves neighbour = 2 w / (1 + 2 w^2)
    kernel = np.array([weight, 1, weight]) / np.sqrt(1 + 2 * weight**2)
    noise = white(seed, key, window.grow(1))
    for axis in (0, 1):
        noise = ndimage.correlate1d(noise, kernel, axis=axis)
    return noise[1:-1, 1:-1]


def spline(lattice: Array, first: tuple[int, int], spacing: float, window: Window) -> Array:
    """Return a cubic B-spline with the given coefficients on every pixel of a window.

    The coefficients (rows, columns) are `spacing` pixels apart; `first` is the index (row, column) of the first one.
    They must cover the window and two more on each side.

    Written as sums of four terms: a matrix product or a running sum would round differently in different windows.
    """

    def along(start: int, count: int, origin: int) -> tuple[NDArray[np.intp], list[Array]]:
        position = (np.arange(start, start + count) + 0.5) / spacing
        index = np.floor(position)
        t = (position - index).astype(np.float32)
        weights = [(1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6]
        return index.astype(np.intp) - 1 - origin, weights

    row_index, row_weights = along(window.row, window.height, first[0])
    col_index, col_weights = along(window.col, window.width, first[1])
    rows = np.zeros((window.height, lattice.shape[1]), np.float32)
    for k, weight in enumerate(row_weights):
        rows += weight[:, None] * lattice[row_index + k]
    out = np.zeros((window.height, window.width), np.float32)
    for k, weight in enumerate(col_weights):
        out += weight * rows[:, col_index + k]
    return out


def smooth(seed: int, key: tuple[int | str, ...], window: Window, spacing: float) -> Array:
    """Return a smooth random field of mean 0 and variance 1, on average, with features about `spacing` pixels wide."""
    first_row, first_col = int(np.floor(window.row / spacing)) - 2, int(np.floor(window.col / spacing)) - 2
    last_row = int(np.floor((window.row + window.height) / spacing)) + 3
    last_col = int(np.floor((window.col + window.width) / spacing)) + 3
    lattice = white(seed, key, Window(first_row, first_col, last_row - first_row, last_col - first_col))
    variance_of_spline = (151 / 315) ** 2  # mean over positions of the sum of squared weights, for two axes
    return spline(lattice, (first_row, first_col), spacing, window) / np.float32(np.sqrt(variance_of_spline))
