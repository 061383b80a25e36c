"""A Zarr store that is written block by block, each marked once it is whole, so that an interrupted one can go on."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from dask.system import CPU_COUNT
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landslide_utils.files import read_json
from landslide_utils.grid import Window, windows_of

CHUNK = 512
"""Sides of a block, and of a chunk, in pixels; a chunk holds one pass.

A chunk takes a reader 1.6 ms, whatever its size: 512 x 512 pixels of 8 passes, VV and VH, are read in 0.21 s from
chunks of 512, in 0.36 s from chunks of 256 and in 0.99 s from chunks of 128. Larger ones are no faster. With one pass a
chunk, nothing is read of the passes that are not wanted.
"""

WORKERS = min(CPU_COUNT, 4)
"""Blocks that are made at once; each takes 0.1 GB of memory."""

CHECKSUMS = ".checksums.json"
LAYOUT = "layout"
"""Name of the mark for what is not in a block: the metadata and the coordinates."""


def blocks_of(cube: xr.Dataset) -> list[Window]:
    """Return the blocks of a cube, row by row."""
    return windows_of(cube.sizes["y"], cube.sizes["x"], CHUNK)


def bytes_of(cube: xr.Dataset) -> int:
    """Return the bytes that one block of a cube takes on the disk; one at the edge takes as much as all others."""
    pixels = cube.sizes["y"] * cube.sizes["x"]
    return CHUNK**2 * sum(layer.nbytes // pixels for layer in cube.data_vars.values())


def find_missing(cube: xr.Dataset, store: Path) -> list[Window]:
    """Return the blocks of a cube that a store lacks: those without a mark, and those that are not what it says."""
    if not _is_whole(store, LAYOUT):
        return blocks_of(cube)
    return [block for block in blocks_of(cube) if not _is_whole(store, _name(block))]


def fill(
    cube: xr.Dataset,
    store: Path,
    simulate: Callable[[Window], Mapping[str, NDArray[Any]]],
    missing: list[Window],
    *,
    progress: bool = False,
) -> None:
    """Write the missing blocks of a cube to a store; if all are missing, what is there is removed first.

    Parameters
    ----------
    cube : xarray.Dataset
        For dimensions, coordinates and attributes; its pixels are not read.
    store : Path
        Folder of the store. Its marks are beside it, in ``<store>.blocks``.
    simulate : callable
        Returns the variables of a window: arrays (..., y, x) by name.
    missing : list of Window
        As :func:`find_missing` returns them.
    progress : bool
        Whether to show a progress bar.
    """
    blocks, marks = blocks_of(cube), _marks_of(store)
    if len(missing) == len(blocks):
        shutil.rmtree(store, ignore_errors=True)
        shutil.rmtree(marks, ignore_errors=True)
        marks.mkdir(parents=True)
        chunks = {name: (1, CHUNK, CHUNK)[-layer.ndim :] for name, layer in cube.data_vars.items()}
        # speckle does not compress
        encoding = {name: {"chunks": shape, "compressors": None} for name, shape in chunks.items()}
        cube.to_zarr(store, compute=False, encoding=encoding, zarr_format=2, consolidated=True)
        _mark(store, LAYOUT, _files_in(store))
    for leftover in store.rglob("*.partial"):  # a chunk that a killed process had not finished
        leftover.unlink()
    arrays = zarr.open_group(store, mode="r+")

    def write(block: Window) -> None:
        files = []
        for name, values in simulate(block).items():
            arrays[name][(..., *block.place.values())] = values  # type: ignore[index]
            files += [f"{name}/{'.'.join(map(str, (*lead, _name(block))))}" for lead in np.ndindex(values.shape[:-2])]
        _mark(store, _name(block), files)

    done = len(blocks) - len(missing)
    bar = tqdm(desc="simulating radar", total=len(blocks), initial=done, disable=not progress, leave=False)
    with bar, ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(write, missing):  # an error drops the blocks that have not begun, and waits for the others
            bar.update()
    sums = {file: crc for mark in sorted(marks.iterdir()) for file, crc in read_json(mark).items()}
    (store / CHECKSUMS).write_text(json.dumps(sums), encoding="utf-8")


def is_intact(store: Path, *, contents: bool = True) -> bool:
    """Return whether a store that :func:`fill` wrote is still what it was: nothing missing, nothing changed.

    Without ``contents`` no file but the list of files is read, and only one that is missing or new is found.
    """
    try:
        sums = read_json(store / CHECKSUMS)
        files = [file for file in _files_in(store) if file != CHECKSUMS]
        return bool(sums == _checksums(store, files) if contents else set(sums) == set(files))
    except (OSError, ValueError, TypeError):
        return False


def _files_in(store: Path) -> list[str]:
    return [path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()]


def _checksums(store: Path, files: Iterable[str]) -> dict[str, int]:
    """Return the CRC-32 of each file of a store; a chunk without any value has no file."""
    return {file: zlib.crc32((store / file).read_bytes()) for file in files if (store / file).exists()}


def _name(block: Window) -> str:
    return f"{block.row // CHUNK}.{block.col // CHUNK}"


def _marks_of(store: Path) -> Path:
    return store.with_name(f"{store.name}.blocks")


def _mark(store: Path, name: str, files: Iterable[str]) -> None:
    """Write what a block's files hold; half of a mark is no JSON, so it says nothing."""
    (_marks_of(store) / name).write_text(json.dumps(_checksums(store, files)), encoding="utf-8")


def _is_whole(store: Path, name: str) -> bool:
    """Return whether a block has a mark, and its files hold what that says: after a power cut they may not."""
    try:
        sums = read_json(_marks_of(store) / name)
        return bool(sums == _checksums(store, sums))
    except (OSError, ValueError, TypeError):
        return False
