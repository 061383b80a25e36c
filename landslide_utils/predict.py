"""Map a whole scene of any size, the ragged edge too, in overlapping tiles that are read, and written, a band at a time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landslide_utils import terrain
from landslide_utils.cube import CONVENTIONS, CubeError, find_faults
from landslide_utils.files import atomic_write, refuse_existing
from landslide_utils.grid import pixel_size_m
from landslide_utils.terrain import LOOK_AZIMUTH

if TYPE_CHECKING:
    import torch

_Part = tuple[
    slice, slice, NDArray[np.float32], dict[str, int]
]  # rows, columns, the map there, and how many pixels of each kind

MOST_COLUMNS = 8192
"""Width in pixels beyond which a scene is mapped in strips side by side, so that memory grows with neither its height nor its width."""


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return where tiles start along an axis so that they cover it, `overlap` pixels shared between neighbours; the last may reach beyond the edge.

    The steps are even: a network that halves the resolution sees every tile on the same grid only if all steps are multiples of what it divides by.

    Examples
    --------
    >>> tile_starts(300, 128, 28)
    [0, 100, 200]
    """
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap={overlap} must be at least 0 and less than the tile of {tile} pixels")
    return list(range(0, max(length - overlap, 1), tile - overlap))


def _hill(tile: int, overlap: int) -> NDArray[np.float32]:
    """Return blending weights (tile, tile): 1 in the middle, falling over the middle quarter of the overlap to next to nothing.

    A network misses most where it is nearest to a tile's edge, so a short ramp far from the edges leaves less of a seam than a long one that reaches them.
    Not nothing: at the edge of the scene there is no other tile.
    """
    from_edge = np.minimum(np.arange(tile), np.arange(tile)[::-1])
    margin = 3 * overlap // 8
    side = np.clip((from_edge - margin + 1) / (overlap - 2 * margin + 1), 1e-6, 1).astype(np.float32)
    return side[:, None] * side[None, :]


def find_hidden(
    cube: xr.Dataset,
    *,
    orbit: str,
    incidence_degrees: float | None = None,
    look_azimuth_degrees: float | None = None,
) -> xr.Dataset:
    """Find what the radar's slanting look hides, from the cube's own terrain; a cube need not be masked there itself.

    Parameters
    ----------
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it, with ``dem``.
    orbit : {"ascending", "descending"}
        Of the passes that were used; a composite has it in its attributes.
    incidence_degrees : float, optional
        Instead of the cube's own.
    look_azimuth_degrees : float, optional
        Compass direction in which the radar looks, instead of Sentinel-1's in low latitudes.

    Returns
    -------
    xarray.Dataset
        ``layover`` and ``shadow`` (y, x), bool, in memory.

    Raises
    ------
    CubeError
        If the cube has no elevation in metres, the orbit is not known, or nobody knows the incidence angle.
    """
    incidence = incidence_degrees or cube.attrs.get("incidence_degrees")
    faults = find_faults(cube, ["dem"], needs_metres=True)
    if orbit not in ("ascending", "descending"):
        faults.append(f"orbit={orbit!r}: layover and shadow can be found for ascending and descending passes only")
    if incidence is None:
        faults.append(
            "the incidence angle is not known; pass incidence_degrees (Sentinel-1 IW: 29 to 46; 39 in mid-swath)"
        )
    elif not 10 <= incidence <= 70:
        faults.append(f"incidence_degrees={incidence}: must be between 10 and 70 (Sentinel-1 IW: 29 to 46)")
    if faults or incidence is None:
        raise CubeError(cube.attrs["opened_from"], faults)
    return terrain.hidden(
        cube["dem"],
        pixel_size_m(cube),
        incidence_degrees=incidence,
        look_azimuth_degrees=LOOK_AZIMUTH[orbit] if look_azimuth_degrees is None else look_azimuth_degrees,
    )


def map_scene(
    model: torch.nn.Module,
    image: xr.DataArray,
    *,
    valid: xr.DataArray | None = None,
    hidden: xr.Dataset | None = None,
    tile: int = 256,
    overlap: int = 64,
    batch_size: int = 2,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> xr.DataArray:
    """Return the probability of a landslide on every pixel of a scene.

    Parameters
    ----------
    model : torch.nn.Module
        Takes (n, channel, tile, tile) and returns logits (n, 1, tile, tile).
    image : xarray.DataArray (channel, y, x)
        Normalised. In memory, or lazy: then it is read chunk by chunk, each chunk once.
    valid : xarray.DataArray (y, x), bool, optional
        Where there is data; elsewhere the map is NaN.
    hidden : xarray.Dataset, optional
        ``layover`` and ``shadow`` (y, x), bool, as :func:`find_hidden` returns them; there the map is NaN too.
    tile, overlap : int
        Width of a tile and how much of it neighbours share, pixels; the tile must be a multiple of what the network divides by.
    batch_size : int
    out : path, optional
        Zarr store to write to instead of memory. It appears whole or not at all.
    overwrite : bool
        Whether a store that is there may be replaced.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    xarray.DataArray (y, x), float32
        In memory; or lazy, from the store. Its attributes are the image's, and what became of the scene, as shares of all its pixels (0 to 1):
        ``share_mapped``, ``share_without_data``, ``share_layover``, ``share_shadow``. A pixel in layover can be in shadow too, or without data.

    Raises
    ------
    ValueError
        If a mask is not on the image's grid, or the overlap is not less than the tile.
    FileExistsError
        If the store exists and may not be replaced.

    Notes
    -----
    Tiles are mapped row by row of tiles. A pixel's probability is a mean over the tiles that see it, in which a tile counts next to nothing near its edge,
    where the network misses what lies beyond. One that looks no further than three eighths of the overlap gives the same map for every tiling, but for
    two parts in 100,000; the quick UNet++, which looks some 36 pixels far, changes no probability by more than 0.01 with the default overlap. A deeper
    one looks further: give it more. Tiles begin at multiples of ``tile - overlap``, which should be a multiple of what the network divides by. At the far
    edges of the scene tiles see it mirrored. A tile without data is left out.

    Memory holds one row of tiles, at most `MOST_COLUMNS` wide, and the rows of chunks that it touches. A scene wider than that is mapped in strips; the
    tiles between two strips are mapped twice, and the map is the same.
    """
    if out is not None:
        refuse_existing(out, overwrite=overwrite)
    layers = {"image": image} | ({} if valid is None else {"valid": valid})
    if hidden is not None:
        layers |= {name: hidden[name] for name in ("layover", "shadow")}
    for name, layer in layers.items():
        if layer.sizes["y"] != image.sizes["y"] or layer.sizes["x"] != image.sizes["x"]:
            given, wanted = (f"{a.sizes['y']} x {a.sizes['x']}" for a in (layer, image))
            raise ValueError(f"{name} has {given} pixels where the image has {wanted}; put both on one grid")
    described: dict[str, Any] = {
        "dims": ("y", "x"),
        "coords": image.isel(channel=0, drop=True).coords,
        "name": "probability",
        "attrs": {**image.attrs, "long_name": "probability of a landslide", "units": "1"},
    }
    parts = _parts(model, layers, tile, overlap, batch_size, progress)
    shape = image.shape[1:]
    if out is None:
        values = np.empty(shape, np.float32)
        shares = _fill(values, parts)
        return xr.DataArray(values, **described).assign_attrs(shares)
    chunks = min(tile - overlap, shape[0]), min(_strip(tile, overlap), shape[1])  # a band of a strip is a chunk
    with atomic_write(out, overwrite=overwrite) as part:
        _write(xr.DataArray(da.zeros(shape, dtype=np.float32, chunks=chunks), **described), parts, part)
    return open_map(out)


def open_map(path: str | os.PathLike[str]) -> xr.DataArray:
    """Return the map (y, x) of a Zarr store that :func:`map_scene` has written, lazily, with its CRS."""
    stored: xr.DataArray = xr.open_zarr(path, chunks={}, decode_coords="all")["probability"]
    return stored


def _write(empty: xr.DataArray, parts: Iterator[_Part], path: Path) -> None:
    """Write a map as Zarr part by part, and the shares, which are known at the end only."""
    import zarr

    encoding = {"probability": {"chunks": empty.data.chunksize}}
    crs = empty.rio.crs
    described = empty.to_dataset() if crs is None else empty.rio.write_crs(crs).to_dataset()
    described.assign_attrs(Conventions=CONVENTIONS).to_zarr(path, compute=False, zarr_format=2, encoding=encoding)
    store = zarr.open_array(path / "probability", mode="r+")
    store.attrs.update(_fill(store, parts))
    zarr.consolidate_metadata(path)


def _fill(target: Any, parts: Iterator[_Part]) -> dict[str, float]:
    """Put each part in its place and return the shares of the scene."""
    counted = {"mapped": 0, "without_data": 0, "layover": 0, "shadow": 0}
    for rows, cols, values, counts in parts:
        target[rows, cols] = values
        for name, count in counts.items():
            counted[name] += count
    height, width = target.shape
    return {f"share_{name}": count / (height * width) for name, count in counted.items()}


def _strip(tile: int, overlap: int) -> int:
    """Return the width of a strip: a whole number of steps from tile to tile."""
    step = tile - overlap
    return max(1, MOST_COLUMNS // step) * step


def _parts(
    model: torch.nn.Module, layers: dict[str, xr.DataArray], tile: int, overlap: int, batch_size: int, progress: bool
) -> Iterator[_Part]:
    """Map a scene strip by strip and band by band, with one progress bar."""
    height, width = layers["image"].shape[1:]
    rows, cols = (tile_starts(length, tile, overlap) for length in (height, width))
    strip = _strip(tile, overlap)
    edges = [*range(0, max(cols[-1], 1), strip), width]
    seen = [[c for c in cols if c < right and c + tile > left] for left, right in itertools.pairwise(edges)]
    total = len(rows) * sum(map(len, seen))
    with tqdm(total=total, desc="mapping", unit="tile", disable=not progress, leave=False) as bar:
        for left, right, some in zip(edges[:-1], edges[1:], seen, strict=True):
            window = slice(some[0], some[-1] + tile)
            cut = {name: layer.isel(x=window) for name, layer in layers.items()}
            inner = slice(left - some[0], right - some[0])
            starts = [c - some[0] for c in some]
            for band, values, counts in _bands(
                model, _Reader(cut), rows, starts, inner, tile, overlap, batch_size, bar
            ):
                yield band, slice(left, right), values, counts


class _Reader:
    """Rows of several layers, north to south; every chunk is read once, and together with what is made from the same chunk."""

    def __init__(self, layers: dict[str, xr.DataArray]) -> None:
        self.layers = layers
        image = layers["image"]
        self.ends = np.cumsum(image.chunksizes.get("y", (image.sizes["y"],))).tolist()
        self.held: dict[str, Any] = {}
        self.top = self.end = 0

    def read(self, first: int, last: int) -> dict[str, Any]:
        """Return rows `first` to `last` (exclusive) of each layer, and forget all rows before."""
        drop = first - self.top
        held = {name: rows[..., drop:, :] for name, rows in self.held.items()}
        self.top = first
        while self.end < last:
            rows = slice(self.end, self.ends.pop(0))
            self.end = rows.stop
            (new,) = dask.compute({name: layer.isel(y=rows).data for name, layer in self.layers.items()})
            held = {n: np.concatenate([held[n], new[n]], axis=-2) for n in new} if held else new
        self.held = held
        return {name: rows[..., : last - first, :] for name, rows in held.items()}


def _bands(
    model: torch.nn.Module,
    reader: _Reader,
    rows: Sequence[int],
    cols: Sequence[int],
    inner: slice,
    tile: int,
    overlap: int,
    batch_size: int,
    bar: Any,
) -> Iterator[tuple[slice, NDArray[np.float32], dict[str, int]]]:
    """Map one strip row of tiles by row of tiles, giving the rows that no later tile touches."""
    height, width = reader.layers["image"].shape[1:]
    reach = cols[-1] + tile
    weight = _hill(tile, overlap)
    total, norm = np.zeros((2, tile, reach), np.float32)
    for row, following in zip(rows, [*rows[1:], height], strict=True):
        band = reader.read(row, min(row + tile, height))
        values = band["image"]
        has_data = band.get("valid", np.ones(values.shape[1:], bool))
        filled = [c for c in cols if has_data[:, c : c + tile].any()]
        bar.update(len(cols) - len(filled))
        beyond = ((0, tile - values.shape[1]), (0, reach - width))
        if beyond != ((0, 0), (0, 0)):
            values = np.pad(values, ((0, 0), *beyond), mode="symmetric")
        for first in range(0, len(filled), batch_size):
            some = filled[first : first + batch_size]
            probability = _predict(model, np.stack([values[:, :, c : c + tile] for c in some]))
            for c, part in zip(some, probability, strict=True):
                total[:, c : c + tile] += weight * part
                norm[:, c : c + tile] += weight
            bar.update(len(some))
        done = following - row
        with np.errstate(invalid="ignore"):  # 0 / 0 where every tile was left out
            out = (total[:done, :width] / norm[:done, :width])[:, inner]
        cut = {name: layer[:done, inner] for name, layer in band.items() if name != "image"}
        shown = cut.pop("valid", np.ones(out.shape, bool))
        counts = {"without_data": int((~shown).sum()), **{name: int(mask.sum()) for name, mask in cut.items()}}
        for mask in cut.values():
            shown = shown & ~mask
        out[~shown] = np.nan
        yield slice(row, following), out, {"mapped": int(shown.sum()), **counts}
        for array in (total, norm):
            array[: tile - done] = array[done:].copy()
            array[tile - done :] = 0


def _predict(model: torch.nn.Module, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities (n, tile, tile) of a batch of tiles (n, channel, tile, tile)."""
    import torch

    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    model.eval()
    with torch.inference_mode():
        tensor = torch.from_numpy(batch).to(device).contiguous(memory_format=torch.channels_last)
        out: NDArray[np.float32] = torch.sigmoid(model(tensor).float()).cpu().numpy()[:, 0]
    return out
