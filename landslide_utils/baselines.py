"""Scores that a network must beat: log ratios, a random forest, and a transformer that knows other radar."""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterator

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
import zarr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import logit

from landslide_utils import hand_memory_back
from landslide_utils.chips import part_mask
from landslide_utils.composite import MOST_IN_MEMORY
from landslide_utils.cube import RADAR
from landslide_utils.files import InputError
from landslide_utils.grid import pixel_size_m, windows_of
from landslide_utils.regions import scratch_folder

SMOOTHING = 1.5
"""Standard deviation in pixels of the Gaussian that smooths a log ratio against speckle."""

_PIXEL_M, _STRIDE = 30, 8  # what OPERA's transformer was trained on; pixels between two of its looks
_BOX = 7  # pixels, of the widest mean that the forest looks at
_CUT = 4  # standard deviations at which the Gaussian ends
_SIDE = 512  # of the windows that a large image is computed by, in pixels
_SAMPLE = 1_000_000  # pixels that tell the level of a large image


def log_ratio(before_db: xr.DataArray, after_db: xr.DataArray) -> xr.DataArray:
    """Return the change of backscatter in dB: the logarithm of the ratio of powers is the difference of decibels."""
    return after_db - before_db


def log_ratio_detectors(image: xr.DataArray) -> dict[str, xr.DataArray]:
    """Return the scores (y, x) of every log-ratio detector of an image: the larger, the more likely a landslide.

    Parameters
    ----------
    image : xarray.DataArray (channel, y, x)
        A composite in dB, not normalised.

    Returns
    -------
    dict of xarray.DataArray
        For each polarisation the absolute log ratio, without and with smoothing; lazy for an image that is too large
        for memory. Empty for an image of terrain only.
    """
    names = [str(name) for name in image["channel"].values]
    detectors = {}
    layers = image.drop_vars("unit", errors="ignore").chunk({"y": _SIDE, "x": _SIDE})
    for p in (p for p in RADAR if f"{p}_before" in names):
        ratio = log_ratio(*(layers.sel(channel=f"{p}_{when}", drop=True) for when in ("before", "after")))
        # rain changes the whole scene's level between dates; landslides do not
        ratio = ratio - np.nanmedian(_sample(ratio).values)
        smoothed = ratio.data.map_overlap(_smooth, depth=math.ceil(_CUT * SMOOTHING), boundary="none")
        detectors[f"{p.upper()} log ratio"] = abs(ratio)
        detectors[f"{p.upper()} log ratio, smoothed"] = abs(ratio.copy(data=smoothed))
    return detectors if image.nbytes > MOST_IN_MEMORY else {name: score.load() for name, score in detectors.items()}


def _sample(layers: xr.DataArray) -> xr.DataArray:
    """Return evenly spread pixels of layers (..., y, x): enough to tell their level."""
    step = max(1, math.isqrt(layers.sizes["y"] * layers.sizes["x"] // _SAMPLE))
    return layers[..., ::step, ::step]


def _smooth(ratio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a log ratio (y, x), smoothed over the pixels that have data."""
    valid = np.isfinite(ratio)
    weight = ndimage.gaussian_filter(valid.astype(np.float32), SMOOTHING, truncate=_CUT)
    smoothed = ndimage.gaussian_filter(np.where(valid, ratio, np.float32(0)), SMOOTHING, truncate=_CUT)
    return np.where(valid, smoothed / np.maximum(weight, 1e-6), np.float32(np.nan)).astype(np.float32)


def neighbourhood_features(
    image: xr.DataArray, wanted: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield features of pixels: each channel and log ratio, its mean over 3 and 7 pixels, and its spread over 7.

    Parameters
    ----------
    image : xarray.DataArray (channel, y, x)
        Missing pixels are taken for the channel's median. An image too large for memory is read window by window.
    wanted : numpy.ndarray (y, x)
        Of which pixels.

    Yields
    ------
    places : numpy.ndarray (pixel,)
        Numbers of a window's wanted pixels, counted row by row in the whole image.
    features : numpy.ndarray (pixel, feature), float32
    """
    names = [str(name) for name in image["channel"].values]
    median = np.nanmedian(_sample(image).values, axis=(1, 2), keepdims=True)
    height, width = wanted.shape
    for window in windows_of(height, width, _SIDE if image.nbytes > MOST_IN_MEMORY else max(height, width)):
        row, col = np.nonzero(wanted[tuple(window.place.values())])
        if not len(row):
            continue
        wide = window.grow(_BOX // 2).clip(height, width)
        block = image.isel(wide.place).values
        block = np.where(np.isfinite(block), block, median)
        pairs = ((names.index(f"{p}_{when}") for when in ("before", "after")) for p in RADAR if f"{p}_before" in names)
        layers = [*block, *(log_ratio(*(block[number] for number in pair)) for pair in pairs)]
        row, col = row + window.row, col + window.col
        here = row - wide.row, col - wide.col
        columns = [feature[here] for layer in layers for feature in _in_boxes(layer)]
        yield row * width + col, np.stack(columns, axis=1)


def _in_boxes(layer: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield a layer (y, x), its mean over 3 and 7 pixels, and its spread over 7."""
    mean = ndimage.uniform_filter(layer, _BOX)
    yield from (layer, ndimage.uniform_filter(layer, 3), mean)
    yield np.sqrt(np.maximum(ndimage.uniform_filter(layer**2, _BOX) - mean**2, 0))


def random_forest(
    image: xr.DataArray,
    landslides: xr.DataArray,
    valid: xr.DataArray,
    chips: pd.DataFrame,
    *,
    trees: int = 60,
    seed: int = 0,
) -> xr.DataArray:
    """Return the scores of a random forest, trained on the training chips, on the test chips; else NaN.

    Parameters
    ----------
    image : xarray.DataArray (channel, y, x)
    landslides, valid : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    trees, seed : int

    Returns
    -------
    xarray.DataArray (y, x), float32
        Share of the trees that say landslide; lazy for an image that is too large for memory. Half of their training
        pixels are landslide, so it ranks pixels but is no probability.

    References
    ----------
    Breiman 2001, Random forests; scikit-learn's ``RandomForestClassifier``.
    """
    from sklearn.ensemble import RandomForestClassifier

    hand_memory_back()
    labels = landslides.values
    training = part_mask(chips, "train", image).values & valid.values
    random = np.random.default_rng(seed)
    drawn = []
    for kind in (True, False):
        places = np.flatnonzero(training & (labels == kind))
        drawn.append(random.choice(places, min(20_000, len(places)), replace=False))  # or all that there are
    chosen, wanted = np.concatenate(drawn), np.zeros(labels.shape, bool)
    wanted.ravel()[chosen] = True
    places, features = map(np.concatenate, zip(*neighbourhood_features(image, wanted), strict=True))
    order = np.argsort(places)
    features = features[order[np.searchsorted(places, chosen, sorter=order)]]  # in the order of drawing
    forest = RandomForestClassifier(trees, min_samples_leaf=10, n_jobs=os.cpu_count(), random_state=seed)
    forest.fit(features, labels.ravel()[chosen])
    large = image.nbytes > MOST_IN_MEMORY
    store = scratch_folder() / uuid.uuid4().hex if large else zarr.storage.MemoryStore()
    score = zarr.full(labels.shape, np.nan, chunks=(_SIDE, _SIDE), dtype="float32", store=store)
    for places, features in neighbourhood_features(image, part_mask(chips, "test", image).values & valid.values):
        score.vindex[np.divmod(places, labels.shape[1])] = forest.predict_proba(features)[:, 1].astype(np.float32)
    hand_memory_back()
    coordinates = {"y": image["y"], "x": image["x"]}
    out = xr.DataArray(da.from_zarr(score), dims=("y", "x"), coords=coordinates, name="random forest")
    return out if large else out.load()


def disturbance(before: xr.Dataset, after: xr.Dataset) -> xr.DataArray:
    """Return how far (time, y, x) each later pass lies from what a transformer expects after the earlier ones.

    The transformer belongs to OPERA's disturbance product, DIST-S1. It was trained on real Sentinel-1 images of many
    places to predict the next pass, and has seen no label and nothing of this package's radar.

    Parameters
    ----------
    before, after : xarray.Dataset
        ``vv`` and ``vh`` (time, y, x), linear power, all of one track; two to ten passes before. Pixels that are
        smaller than the transformer's 30 m are averaged.

    Returns
    -------
    xarray.DataArray (time, y, x), float32
        Distance in standard deviations, of VV or VH, whichever is further; NaN within 30 m of missing pixels.

    Raises
    ------
    ModuleNotFoundError
        If the optional package ``distmetrics`` is not installed.
    InputError
        If there are other than two to ten passes before, or the scene is too small.

    References
    ----------
    Hardiman-Mostow, Marshak & Handwerger 2024, arXiv:2409.00146; https://github.com/opera-adt/distmetrics.
    """
    try:
        from distmetrics.model_load import load_transformer_model
        from distmetrics.tf_inference import estimate_normal_params
    except ImportError:
        advice = 'for Python 3.12 or newer, pip install -e ".[transformer]" installs it'
        raise ModuleNotFoundError(f"The transformer is optional, and not installed: {advice}") from None
    faults = [] if before.sizes["time"] in range(2, 11) else [f"{before.sizes['time']} passes before, but not 2 to 10"]
    factor = max(round(_PIXEL_M / pixel_size_m(before)), 1)
    if min(after.sizes["y"], after.sizes["x"]) < 2 * _STRIDE * factor:
        faults.append(f"{after.sizes['y']} x {after.sizes['x']} pixels, but it takes at least {2 * _STRIDE} of 30 m")
    if faults:
        raise InputError("the transformer cannot be used", faults)
    known, new = _logits(before, factor), _logits(after, factor)  # (time, polarisation, y, x)
    model = load_transformer_model("transformer_optimized", device="cpu")
    mean, sd = estimate_normal_params(model, *known.swapaxes(0, 1), stride=_STRIDE, tqdm_enabled=False, device="cpu")
    away = (abs(new - mean) / sd).max(axis=1).repeat(factor, axis=1).repeat(factor, axis=2)
    layer = after["vv"].drop_attrs()
    return layer.copy(data=away[:, : layer.sizes["y"], : layer.sizes["x"]].astype(np.float32)).rename("disturbance")


def _logits(passes: xr.Dataset, factor: int) -> NDArray[np.float32]:
    """Return passes as the transformer knows them (time, polarisation, y, x): coarser, despeckled, as logits."""
    from distmetrics.despeckle import despeckle_one_rtc_arr_with_tv as despeckle

    power = passes[list(RADAR)].to_array().transpose("time", "variable", "y", "x")
    # without more pixels the last rows would not be looked at
    more = {dim: (0, -power.sizes[dim] % (factor * _STRIDE)) for dim in ("y", "x")}
    coarse = power.pad(more, mode="edge").coarsen(y=factor, x=factor).mean().values
    return np.stack([[logit(despeckle(layer)) for layer in both] for both in coarse]).astype(np.float32)
