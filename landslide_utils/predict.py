"""Map a whole scene, the ragged edge too, in overlapping tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

if TYPE_CHECKING:
    import torch


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return where tiles start along an axis so that they cover it, at least `overlap` pixels shared between neighbours; the last ends at the edge.

    Examples
    --------
    >>> tile_starts(300, 128, 28)
    [0, 100, 172]
    """
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap={overlap} must be at least 0 and less than the tile of {tile} pixels")
    return [*range(0, max(length - tile, 0), tile - overlap), max(length - tile, 0)]


def _hill(tile: int, overlap: int) -> NDArray[np.float32]:
    """Return blending weights (tile, tile): 1 in the middle, falling to nearly 0 over the overlap."""
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)) / (overlap + 1)
    side = np.minimum(ramp, 1).astype(np.float32)
    return side[:, None] * side[None, :]


def map_scene(
    model: torch.nn.Module,
    image: xr.DataArray,
    *,
    valid: xr.DataArray | None = None,
    tile: int = 256,
    overlap: int = 32,
    batch_size: int = 2,
    progress: bool = True,
) -> xr.DataArray:
    """Return the probability of a landslide on every pixel of a scene.

    Parameters
    ----------
    model : torch.nn.Module
        Takes (n, channel, tile, tile) and returns logits (n, 1, tile, tile).
    image : xarray.DataArray (channel, y, x)
        Normalised.
    valid : xarray.DataArray (y, x), bool, optional
        Where there is data; elsewhere the map is NaN.
    tile, overlap : int
        Width of a tile and how much of it neighbours share, pixels; the tile must be a multiple of what the network divides by.
    batch_size : int

    Returns
    -------
    xarray.DataArray (y, x), float32
    """
    import torch

    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    height, width = image.shape[1:]
    values = image.values
    short = [(0, max(tile - length, 0)) for length in (height, width)]
    if any(after for _, after in short):
        values = np.pad(values, [(0, 0), *short], mode="symmetric")
    corners = [
        (r, c) for r in tile_starts(values.shape[1], tile, overlap) for c in tile_starts(values.shape[2], tile, overlap)
    ]
    weight, total, norm = (
        _hill(tile, overlap),
        np.zeros(values.shape[1:], np.float32),
        np.zeros(values.shape[1:], np.float32),
    )
    model.eval()
    with torch.inference_mode():
        for first in tqdm(
            range(0, len(corners), batch_size), desc="mapping", unit="batch", disable=not progress, leave=False
        ):
            some = corners[first : first + batch_size]
            batch = np.stack([values[:, r : r + tile, c : c + tile] for r, c in some])
            tensor = torch.from_numpy(batch).to(device).contiguous(memory_format=torch.channels_last)
            probability = torch.sigmoid(model(tensor).float()).cpu().numpy()[:, 0]
            for (r, c), part in zip(some, probability, strict=True):
                total[r : r + tile, c : c + tile] += weight * part
                norm[r : r + tile, c : c + tile] += weight
    out = xr.DataArray(
        (total / norm)[:height, :width],
        dims=("y", "x"),
        coords={"y": image["y"], "x": image["x"]},
        name="probability",
        attrs={"long_name": "probability of a landslide", "units": "1"},
    )
    return out if valid is None else out.where(valid)
