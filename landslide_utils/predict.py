"""Map a scene of any size window by window, on this machine or on a Dask cluster."""

from __future__ import annotations

import contextlib
import copy
import gc
import hashlib
import json
import os
import threading
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
import zarr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landslide_utils import hand_memory_back
from landslide_utils.chips import SIZE
from landslide_utils.composite import MOST_IN_MEMORY, identify
from landslide_utils.cube import CF_ATTRIBUTES, CONVENTIONS
from landslide_utils.files import InputError, Unfinished, resumable_write
from landslide_utils.grid import Window, refuse_other, windows_of
from landslide_utils.model import fold_normalisation, reach
from landslide_utils.regions import open_store, scratch_folder
from landslide_utils.scene import Normalisation, find_layer_faults

if TYPE_CHECKING:
    import torch
    from distributed import Client

Mapped = tuple[Window, NDArray[np.float32] | None, dict[str, int]]
"""A window, its probability (y, x) unless that is in the store already, and its pixels of each kind."""

WINDOWS = (512, 1024)
"""Widths of a window in pixels, and of a chunk of the map: the first that is seven margins wide, or the last."""

MOST_MARGIN = 128
"""Widest margin in pixels. The published network looks further, and its map depends on the windows by 1e-6."""

ROUNDING = 0.005  # most that a probability may change by bfloat16
PATIENCE = 20  # seconds that a Dask scheduler has to answer, and then to have a worker
_ONE_AT_A_TIME = threading.Lock()  # seeds and threads of torch belong to the process


@dataclass(frozen=True)
class Job:
    """All that it takes to map any window of a scene; the first four are those of :func:`map_scene`.

    Attributes
    ----------
    margin, divisor : int
        Pixels read around a window and left out of its map; what the sides of the network's input are multiples of.
    unfinished : landslide_utils.files.Unfinished, optional
        Store that windows are written to; without it they are handed back.
    bf16 : bool
        Whether the network computes in bfloat16.
    """

    model: torch.nn.Module
    composite: xr.Dataset
    normalisation: Normalisation
    hidden: xr.Dataset | None
    margin: int
    divisor: int
    unfinished: Unfinished | None = None
    bf16: bool = False

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

    def predict(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability (y, x) of a normalised image (channel, y, x)."""
        import torch

        device = next((weight.device for weight in self.model.parameters()), torch.device("cpu"))
        self.model.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            tensor = torch.from_numpy(image[None]).to(device).contiguous(memory_format=torch.channels_last)
            out: NDArray[np.float32] = torch.sigmoid(self.model(tensor).float()).cpu().numpy()[0, 0]
        return out

    def finish(self, window: Window, image: NDArray[np.float32], masks: dict[str, NDArray[np.bool_]]) -> Mapped:
        """Return a window that was read, mapped: NaN where nothing is known."""
        hidden = {name: mask for name, mask in masks.items() if name != "valid"}
        known = np.logical_and.reduce([masks["valid"], *(~mask for mask in hidden.values())])
        probability = np.full(known.shape, np.nan, np.float32)
        if known.any():
            top, left = window.row - max(window.row - self.margin, 0), window.col - max(window.col - self.margin, 0)
            mapped = self.predict(image)[top : top + window.height, left : left + window.width]
            probability[known] = mapped[known]
        kinds = {"mapped": known, "without_data": ~masks["valid"], **hidden}
        counts = {name: int(mask.sum()) for name, mask in kinds.items()}
        hand_memory_back()  # it is fetched again for the next window, which costs less than a notebook's limit
        if self.unfinished is None:
            return window, probability, counts
        zarr.open_array(self.unfinished.store / "probability", mode="r+")[tuple(window.place.values())] = probability
        self.unfinished.mark(f"{window.row}-{window.col}", **counts)
        return window, None, counts


def map_scene(
    model: torch.nn.Module,
    composite: xr.Dataset,
    normalisation: Normalisation,
    *,
    hidden: xr.Dataset | None = None,
    chips: pd.DataFrame | None = None,
    out: str | os.PathLike[str] | None = None,
    scheduler: str | None = None,
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
        Zarr store to write to instead of memory. It appears whole; what a stopped process has mapped is kept.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers map the windows. They must see the
        same folders. By default this process does.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    xarray.DataArray (y, x), float32
        In memory; or lazy, from the store. A scene too large for memory has a store that goes with this process. NaN
        where nothing is known. Its attributes are the image's, and shares of all pixels (0 to 1), which can overlap:
        ``share_mapped``, ``share_without_data``, ``share_layover``, ``share_shadow``.

    Raises
    ------
    ValueError
        If layover and shadow are not on the image's grid.
    FileExistsError
        If the store exists.
    InputError
        If no scheduler answers, or its workers fail.

    Notes
    -----
    Each window is read with a margin as wide as the network looks (:func:`landslide_utils.model.reach`), mapped, and
    cut to its size, so the map is that of one huge window; nothing is blended. A network that looks further than
    `MOST_MARGIN` sees less than it could. The next window is read while one is mapped. Memory holds two windows.
    """
    refuse_other(composite, "make_composite", "valid", "image")
    refuse_other(normalisation, "Normalisation.fit", "sd")
    if hidden is not None:
        refuse_other(hidden, "find_layover_and_shadow", "layover", "shadow")
    if chips is not None:
        refuse_other(chips, "split_chips", "row", "col")
    masks = {} if hidden is None else {name: hidden[name] for name in ("layover", "shadow")}
    if faults := find_layer_faults(composite, masks):
        raise InputError("nothing can be mapped", faults)
    sizes = composite["image"].sizes
    if out is None and not scheduler and composite["image"].nbytes > MOST_IN_MEMORY:
        out = scratch_folder() / uuid.uuid4().hex
    hand_memory_back()  # of the training
    seen, divisor = reach(model, sizes["channel"])
    margin = -(-min(seen, MOST_MARGIN) // divisor) * divisor
    side = min(next((width for width in WINDOWS if width >= 7 * margin), WINDOWS[-1]), max(sizes["y"], sizes["x"]))
    windows = _windows(sizes["y"], sizes["x"], side, chips)
    job = Job(fold_normalisation(model, sizes["channel"], divisor), composite, normalisation, hidden, margin, divisor)
    job = replace(job, bf16=_may_round(job, windows))
    empty = _empty(composite["image"], side)
    bar = tqdm(total=len(windows), desc="mapping", unit="window", disable=not progress, leave=False)
    if out is None:
        values, counts = np.full(empty.shape, np.nan, np.float32), []
        with bar:
            for window, probability, counted in _work(job, windows, scheduler):
                values[tuple(window.place.values())] = probability
                counts.append(counted)
                bar.update()
        return empty.copy(data=values).assign_attrs(_shares(counts, values.size))
    with resumable_write(out, json.dumps([_fingerprint(job), side, windows])) as unfinished, bar:
        done = unfinished.read_marks()
        unfinished.lay_out(lambda path: _lay_out(empty, path))
        missing = [window for window in windows if f"{window.row}-{window.col}" not in done]
        bar.update(len(windows) - len(missing))
        for _ in _work(replace(job, unfinished=unfinished), missing, scheduler):
            bar.update()
        shares = _shares(unfinished.read_marks().values(), empty.size)  # known at the end only
        zarr.open_array(unfinished.store / "probability", mode="r+").attrs.update(shares)
        zarr.consolidate_metadata(unfinished.store)
    return open_map(out)


def open_map(path: str | os.PathLike[str]) -> xr.DataArray:
    """Return the map (y, x) of a Zarr store that :func:`map_scene` has written, lazily, with its CRS."""
    return open_store(str(path), decode_coords="all")["probability"]


def _windows(height: int, width: int, side: int, chips: pd.DataFrame | None) -> list[Window]:
    """Return the windows of a scene row by row, or those of them that hold some chips."""
    windows = windows_of(height, width, side)
    if chips is None:
        return windows
    corners = chips[["row", "col"]].to_numpy()
    touched = [(corners + SIZE > window[:2]) & (corners < np.add(window[:2], window[2:])) for window in windows]
    return [window for window, inside in zip(windows, touched, strict=True) if inside.all(axis=1).any()]


def _may_round(job: Job, windows: list[Window]) -> bool:
    """Return whether bfloat16 is faster here, and changes a window in the middle of the scene by little."""
    from landslide_utils.train import precision

    if precision() != "bf16" or not windows:
        return False
    row, col, height, width = windows[len(windows) // 2]  # in parts: in 32 bits it takes twice the memory of others
    parts = [Window(part.row + row, part.col + col, *part[2:]) for part in windows_of(height, width, SIZE * 2)]
    pairs = ((replace(job, bf16=True).predict(image), job.predict(image)) for image, _ in map(job.read, parts))
    return all(np.abs(rounded - exact).max() <= ROUNDING for rounded, exact in pairs)


def _empty(image: xr.DataArray, side: int) -> xr.DataArray:
    """Return a map (y, x) of an image (channel, y, x) on which nothing is known yet, a chunk a window."""
    flat = image.drop_vars("unit", errors="ignore").isel(channel=0, drop=True).drop_encoding()
    values = da.full(flat.shape, np.nan, np.float32, chunks=side)
    described = {**image.attrs, **CF_ATTRIBUTES["probability"]}
    return xr.DataArray(values, dims=("y", "x"), coords=flat.coords, name="probability", attrs=described)


def _work(job: Job, windows: Iterable[Window], scheduler: str | None) -> Iterator[Mapped]:
    """Yield each window when it is mapped."""
    if scheduler:
        yield from _on_cluster(job, windows, scheduler)
        return
    with ThreadPoolExecutor(1) as pool:  # the next window is read while one is mapped
        coming: deque[tuple[Window, Future[Any]]] = deque()
        for window in windows:
            coming.append((window, pool.submit(job.read, window)))
            if len(coming) > 1:
                first, read = coming.popleft()
                yield job.finish(first, *read.result())
        for last, read in coming:
            yield job.finish(last, *read.result())


def _on_cluster(job: Job, windows: Iterable[Window], scheduler: str) -> Iterator[Mapped]:
    """Yield the same from a Dask cluster. The job is sent once to each worker; what a lost worker had is done again."""
    from distributed import wait

    heading = f"the workers of {scheduler} cannot map this scene"
    with connect(scheduler) as client:
        held = client.submit(copy.copy, job, pure=False)
        waiting = set(client.map(_task, [tuple(window) for window in windows], job=held, pure=False))
        while waiting:
            try:
                done, waiting = wait(waiting, timeout=PATIENCE, return_when="FIRST_COMPLETED")
            except TimeoutError:
                done = set()
                if not client.scheduler_info()["workers"]:
                    raise InputError(heading, ["all of them are gone; their logs say why"]) from None
            for future in done:
                if error := future.exception():
                    raise InputError(heading, [f"{type(error).__name__}: {error}"])
                yield future.result()


@contextlib.contextmanager
def connect(scheduler: str) -> Iterator[Client]:
    """Yield a client of the Dask scheduler at an address; InputError if none answers there, or it has no workers."""
    from distributed import Client

    heading, fault = f"the Dask scheduler {scheduler!r} cannot be used", ""
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        fault = f"{type(error).__name__}: {error}; start one with `dask scheduler`, and give the address that it prints"
    if fault:
        gc.collect()  # a client that failed may block the process if it is removed while another one starts
        raise InputError(heading, [fault])
    with client, client.as_current():  # not for Dask as a whole: what this process computes stays here
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise InputError(heading, [f"it has no worker; start some with `dask worker {scheduler}`"]) from None
        yield client


@contextlib.contextmanager
def whole_worker() -> Iterator[None]:
    """Let one task at a time use all threads of the Dask worker that it runs on."""
    import torch
    from distributed import get_worker

    threads = max(1, get_worker().state.nthreads)
    # What a task reads through Dask is read in this process: handed to the cluster, it would wait for this very worker.
    with _ONE_AT_A_TIME, dask.config.set(scheduler="threads", num_workers=threads):
        torch.set_num_threads(threads)
        yield


def _task(window: tuple[int, int, int, int], job: Job) -> Mapped:
    with whole_worker():
        return job.finish(Window(*window), *job.read(Window(*window)))


def _shares(counts: Iterable[dict[str, int]], pixels: int) -> dict[str, float]:
    """Return the shares of a scene's pixels that the counts of its windows add up to."""
    total = sum((Counter(counted) for counted in counts), Counter[str]())
    return {f"share_{name}": total[name] / pixels for name in ("mapped", "without_data", "layover", "shadow")}


def _fingerprint(job: Job) -> str:
    """Return what a map depends on: the network's weights, what the composite was made of, and what is hidden."""
    digest = hashlib.sha256(repr((job.normalisation, job.margin, job.bf16, identify(job.composite))).encode())
    weights = (weight.detach().cpu().numpy() for weight in job.model.state_dict().values())
    masks = () if job.hidden is None else (mask.values for mask in job.hidden.values())
    for array in (*weights, *masks, job.composite["image"].isel(y=0, x=slice(0, 1000)).values):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _lay_out(empty: xr.DataArray, path: Path) -> None:
    """Write the coordinates and attributes of a map as Zarr, and no pixel."""
    crs = empty.rio.crs
    described = (empty if crs is None else empty.rio.write_crs(crs)).to_dataset()
    described["probability"].encoding["chunks"] = empty.data.chunksize  # to_zarr's encoding would drop the CRS's name
    described.assign_attrs(Conventions=CONVENTIONS).to_zarr(path, compute=False, zarr_format=2)
