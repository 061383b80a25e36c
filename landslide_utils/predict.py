"""Map a scene of any size window by window, on this machine or on a Dask cluster."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landslide_utils.chips import SIZE
from landslide_utils.cube import CF_ATTRIBUTES, CONVENTIONS
from landslide_utils.files import resumable_write
from landslide_utils.grid import Window
from landslide_utils.scene import Normalisation

if TYPE_CHECKING:
    import torch

WINDOW = 512
"""Width and height of a window in pixels, and of a chunk of the map; twice that for a network that looks far."""

MOST_MARGIN = 128
"""Widest margin in pixels. The map of a network that looks further depends a little on the windows."""

LONGEST_SIDE = 4096
"""Pixels within which :func:`reach` looks for the end of what a network sees."""


@dataclass(frozen=True)
class Job:
    """All that it takes to map any window of a scene.

    Attributes
    ----------
    model : torch.nn.Module
        Takes (n, channel, height, width) and returns logits (n, 1, height, width).
    composite : xarray.Dataset
        As :func:`landslide_utils.composite.make_composite` returns it; only windows of it are read.
    normalisation : Normalisation
    hidden : xarray.Dataset, optional
        ``layover`` and ``shadow``, as :func:`landslide_utils.terrain.find_layover_and_shadow` returns them.
    margin, divisor : int
        Pixels that are read around a window, mapped, and left out; and what the network's input sides must be
        multiples of.
    """

    model: torch.nn.Module
    composite: xr.Dataset
    normalisation: Normalisation
    hidden: xr.Dataset | None
    margin: int
    divisor: int

    def read(self, window: Window) -> tuple[NDArray[np.float32], dict[str, NDArray[np.bool_]]]:
        """Return the normalised image (channel, y, x) of a window and its margin, and the masks of the window."""
        sizes = self.composite.sizes
        wide = window.grow(self.margin).clip(sizes["y"], sizes["x"])
        image = self.normalisation.apply(self.composite["image"].isel(wide.place)).values
        beyond = [(0, -side % self.divisor) for side in image.shape[1:]]  # at the scene's last rows and columns only
        masks = {"valid": self.composite["valid"].isel(window.place).values}
        if self.hidden is not None:
            masks |= {name: self.hidden[name].isel(window.place).values for name in ("layover", "shadow")}
        return np.pad(image, [(0, 0), *beyond]), masks

    def predict(
        self, window: Window, image: NDArray[np.float32], masks: dict[str, NDArray[np.bool_]]
    ) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Return the probability (y, x) of a window, NaN where nothing is known, and its pixels of each kind."""
        valid, hidden = masks["valid"], [mask for name, mask in masks.items() if name != "valid"]
        known = valid & ~np.logical_or.reduce([np.zeros_like(valid), *hidden])
        probability = np.full(valid.shape, np.nan, np.float32)
        if known.any():
            top, left = window.row - max(window.row - self.margin, 0), window.col - max(window.col - self.margin, 0)
            mapped = _predict(self.model, image)[top : top + window.height, left : left + window.width]
            probability[known] = mapped[known]
        counts = {"mapped": known, "without_data": ~valid, **{name: masks[name] for name in masks if name != "valid"}}
        return probability, {name: int(mask.sum()) for name, mask in counts.items()}


def map_scene(
    model: torch.nn.Module,
    composite: xr.Dataset,
    normalisation: Normalisation,
    *,
    hidden: xr.Dataset | None = None,
    chips: pd.DataFrame | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> xr.DataArray:
    """Return the probability of a landslide on every pixel of a scene.

    Parameters
    ----------
    model : torch.nn.Module
        Takes (n, channel, height, width) and returns logits (n, 1, height, width).
    composite : xarray.Dataset
        As :func:`landslide_utils.composite.make_composite` returns it, with or without labels.
    normalisation : Normalisation
        That of the network's training.
    hidden : xarray.Dataset, optional
        As :func:`landslide_utils.terrain.find_layover_and_shadow` returns it; there the map is NaN.
    chips : pandas.DataFrame, optional
        As :func:`landslide_utils.chips.split_chips` returns it: only windows that hold some of these are mapped.
    out : path, optional
        Zarr store to write to instead of memory. It appears whole or not at all; what a stopped process has mapped is
        not mapped again.
    overwrite : bool
        Whether a store that is there may be replaced.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    xarray.DataArray (y, x), float32
        In memory; or lazy, from the store. NaN where nothing is known. Its attributes are the image's, and what became
        of the scene, as shares of all its pixels (0 to 1): ``share_mapped``, ``share_without_data``,
        ``share_layover``, ``share_shadow``. A pixel in layover can be in shadow too, or without data.

    Raises
    ------
    ValueError
        If layover and shadow are not on the image's grid.
    FileExistsError
        If the store exists and may not be replaced.

    Notes
    -----
    Each window is read with a margin as wide as the network looks (:func:`reach`), mapped, and cut to its size, so the
    map is that of one huge window; nothing is blended. A network that looks further than `MOST_MARGIN` sees less than
    it could. The next window is read while one is mapped. Memory holds two windows.
    """
    sizes = composite["image"].sizes
    if hidden is not None and (hidden.sizes["y"], hidden.sizes["x"]) != (sizes["y"], sizes["x"]):
        given, wanted = (f"{layer['y']} x {layer['x']}" for layer in (hidden.sizes, sizes))
        raise ValueError(f"layover and shadow have {given} pixels where the image has {wanted}; put both on one grid")
    seen, divisor = reach(model, sizes["channel"])
    margin = -(-min(seen, MOST_MARGIN) // divisor) * divisor
    job = Job(model, composite, normalisation, hidden, margin, divisor)
    side = min(-(-WINDOW // divisor) * divisor * (1 if margin <= WINDOW // 16 else 2), max(sizes["y"], sizes["x"]))
    windows = _windows(sizes["y"], sizes["x"], side, chips)
    image = composite["image"].drop_vars("unit", errors="ignore").isel(channel=0, drop=True)
    described = {**composite["image"].attrs, **CF_ATTRIBUTES["probability"]}
    empty = xr.DataArray(
        da.full((sizes["y"], sizes["x"]), np.nan, np.float32, chunks=side),
        dims=("y", "x"), coords=image.coords, name="probability", attrs=described,
    )  # fmt: skip
    bar = tqdm(total=len(windows), desc="mapping", unit="window", disable=not progress, leave=False)
    if out is None:
        values, counts = np.full(empty.shape, np.nan, np.float32), []
        with bar:
            for window, probability, counted in _map(job, windows):
                values[tuple(window.place.values())] = probability
                counts.append(counted)
                bar.update()
        return empty.copy(data=values).assign_attrs(_shares(counts, values.size))
    key = json.dumps([_fingerprint(job), side, windows])
    with resumable_write(out, key, overwrite=overwrite) as unfinished, bar:
        done = unfinished.read_marks()
        if not unfinished.store.exists():
            _lay_out(empty, unfinished.store)
        missing = [window for window in windows if _name(window) not in done]
        bar.update(len(windows) - len(missing))
        for window, probability, counted in _map(job, missing):
            _write(unfinished.store, window, probability)
            unfinished.mark(_name(window), **counted)
            bar.update()
        _finish(unfinished.store, _shares(unfinished.read_marks().values(), empty.size))
    return open_map(out)


def open_map(path: str | os.PathLike[str]) -> xr.DataArray:
    """Return the map (y, x) of a Zarr store that :func:`map_scene` has written, lazily, with its CRS."""
    stored: xr.DataArray = xr.open_zarr(path, chunks={}, decode_coords="all")["probability"]
    return stored


def reach(model: torch.nn.Module, channels: int) -> tuple[int, int]:
    """Return how many pixels away a network looks, and what its input's sides must be multiples of.

    It is measured: in a copy whose weights are all positive, so that no two ways cancel, which input pixels have a
    gradient of an output pixel? A network that looks at the whole image at once gets `LONGEST_SIDE`.

    Parameters
    ----------
    model : torch.nn.Module
    channels : int
    """
    import torch

    probe = _all_positive(model)
    divisor = int(getattr(getattr(model, "encoder", None), "output_stride", 1))
    side = 4 * (MOST_MARGIN // divisor + 2) * divisor
    while True:
        # what is seen upwards is seen sideways too, so a strip is enough
        strip = torch.ones(1, channels, side, divisor, dtype=torch.float64, requires_grad=True)
        middle = side // 2 // divisor * divisor
        (gradient,) = torch.autograd.grad(probe(strip)[0, 0, middle : middle + divisor].sum(), strip)
        rows = torch.nonzero(gradient.abs().sum((0, 1, 3))).flatten()
        seen = max(middle - int(rows.min()), int(rows.max()) - (middle + divisor - 1))
        if seen < middle - divisor:
            return seen, divisor
        if side >= LONGEST_SIDE:
            return LONGEST_SIDE, divisor
        side *= 4


def _all_positive(model: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a network in 64 bits that adds up what it sees, so that nothing it sees cancels out."""
    import torch

    probe = copy.deepcopy(model).cpu().double().eval()
    for parent in list(probe.modules()):
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.MaxPool2d):
                setattr(parent, name, torch.nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    with torch.no_grad():
        for module in probe.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.fill_(1 / module.weight[0].numel())
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.fill_(1)
                module.running_mean.zero_()  # type: ignore[union-attr]
                module.running_var.fill_(1)  # type: ignore[union-attr]
            if isinstance(getattr(module, "bias", None), torch.Tensor):
                module.bias.zero_()  # type: ignore[operator, union-attr]
    return probe


def _windows(height: int, width: int, side: int, chips: pd.DataFrame | None) -> list[Window]:
    """Return the windows of a scene row by row, or those of them that hold some chips."""
    places = itertools.product(range(0, height, side), range(0, width, side))
    windows = [Window(row, col, side, side).clip(height, width) for row, col in places]
    if chips is None:
        return windows
    held = {
        place
        for row, col in chips[["row", "col"]].to_numpy().tolist()
        for place in itertools.product(*(range(start // side, (start + SIZE - 1) // side + 1) for start in (row, col)))
    }
    return [window for window in windows if (window.row // side, window.col // side) in held]


def _map(job: Job, windows: Iterable[Window]) -> Iterator[tuple[Window, NDArray[np.float32], dict[str, int]]]:
    """Yield each window with its probability and its counts; the next one is read while one is mapped."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for window in windows:
            coming = window, pool.submit(job.read, window)
            if waiting:
                yield waiting[0], *job.predict(waiting[0], *waiting[1].result())
            waiting = coming
        if waiting:
            yield waiting[0], *job.predict(waiting[0], *waiting[1].result())


def _shares(counts: Iterable[dict[str, int]], pixels: int) -> dict[str, float]:
    """Return the shares of a scene's pixels that the counts of its windows add up to."""
    total: Counter[str] = Counter()
    for counted in counts:
        total.update(counted)
    return {f"share_{name}": total[name] / pixels for name in ("mapped", "without_data", "layover", "shadow")}


def _fingerprint(job: Job) -> str:
    """Return what a map depends on: the network's weights, and what the composite was made of."""
    digest = hashlib.sha256()
    for weight in job.model.state_dict().values():
        digest.update(weight.detach().cpu().numpy().tobytes())
    digest.update(repr((job.normalisation, job.margin, sorted(job.composite["image"].attrs.items()))).encode())
    digest.update(job.composite["image"].isel(y=0, x=slice(0, 1000)).values.tobytes())
    return digest.hexdigest()


def _name(window: Window) -> str:
    return f"{window.row}-{window.col}"


def _lay_out(empty: xr.DataArray, path: Path) -> None:
    """Write the coordinates and attributes of a map as Zarr, and no pixel."""
    encoding = {"probability": {"chunks": empty.data.chunksize}}
    crs = empty.rio.crs
    described = empty.to_dataset() if crs is None else empty.rio.write_crs(crs).to_dataset()
    described.assign_attrs(Conventions=CONVENTIONS).to_zarr(path, compute=False, zarr_format=2, encoding=encoding)


def _write(path: Path, window: Window, probability: NDArray[np.float32]) -> None:
    """Write one window of a map, which is one chunk."""
    import zarr

    zarr.open_array(path / "probability", mode="r+")[tuple(window.place.values())] = probability


def _finish(path: Path, shares: dict[str, float]) -> None:
    """Write what became of the scene, which is known at the end only."""
    import zarr

    zarr.open_array(path / "probability", mode="r+").attrs.update(shares)
    zarr.consolidate_metadata(path)


def _predict(model: torch.nn.Module, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability (y, x) of an image (channel, y, x)."""
    import torch

    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    model.eval()
    with torch.inference_mode():
        tensor = torch.from_numpy(image[None]).to(device).contiguous(memory_format=torch.channels_last)
        out: NDArray[np.float32] = torch.sigmoid(model(tensor).float()).cpu().numpy()[0, 0]
    return out
