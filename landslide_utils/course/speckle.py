"""What a stack of passes says of its own noise: looks, correlation, and how much a place changes from pass to pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]
LOCAL = 15
"""Width in pixels of the neighbourhood whose mean is taken away, so that only what is finer is left."""


def coarsen_power(power: xr.DataArray, factor: int) -> xr.DataArray:
    """Average power (time, y, x) over blocks of pixels, as a coarser product would; a ragged edge is dropped."""
    return power.coarsen(y=factor, x=factor, boundary="trim").mean()


def _fine(power: Array) -> Array:
    """Return log power without what the place and its neighbourhood explain: (time, y, x), natural logarithm."""
    log = np.log(power)
    change = log - log.mean(axis=0)
    return np.asarray(change - ndimage.uniform_filter(change, (0, LOCAL, LOCAL)), np.float32)


def describe(vv: xr.DataArray, vh: xr.DataArray) -> dict[str, float]:
    """Measure the noise of a stack of passes over a place where little happens.

    Parameters
    ----------
    vv, vh : xarray.DataArray (time, y, x)
        Gamma nought in linear power, all of one orbit, at least three passes. Pixels without data in any pass are left out.

    Returns
    -------
    dict
        For each polarisation the temporal standard deviation of a pixel (dB), the standard deviation over passes of the scene's median (dB), the
        equivalent number of looks and the correlation of neighbours; and the correlation of VV and VH. The number of looks is that of gamma-distributed
        speckle with the same variance from pass to pass, once the whole scene's change is taken away; the correlations are of what differs from the
        neighbourhood's own change.
    """
    out, fine = {}, {}
    missing = ~(np.isfinite(vv.values) & np.isfinite(vh.values) & (vv.values > 0) & (vh.values > 0)).all(axis=0)
    for name, stack in (("VV", vv), ("VH", vh)):
        power = np.where(missing, 1.0, stack.values)
        db = 10 * np.log10(power)
        fine[name] = _fine(power)
        whole = ndimage.binary_erosion(~missing, iterations=LOCAL // 2, border_value=1)
        relative = power / power.mean(axis=0)
        relative = relative / np.median(relative[:, ~missing], axis=1)[:, None, None]
        variance = np.median(relative.var(axis=0, ddof=1)[~missing])
        out[f"{name}: temporal standard deviation of a pixel (dB)"] = np.median(db.std(axis=0, ddof=1)[~missing])
        out[f"{name}: standard deviation of the scene's median (dB)"] = np.std(
            np.median(db[:, ~missing], axis=1), ddof=1
        )
        out[f"{name}: equivalent number of looks"] = 1 / variance
        pairs = whole[:, 1:] & whole[:, :-1]
        here, there = fine[name][:, :, 1:][:, pairs], fine[name][:, :, :-1][:, pairs]
        out[f"{name}: correlation of neighbours"] = np.corrcoef(here.ravel(), there.ravel())[0, 1]
    out["correlation of VV and VH"] = np.corrcoef(fine["VV"][:, whole].ravel(), fine["VH"][:, whole].ravel())[0, 1]
    return {name: float(value) for name, value in out.items()}


def fluctuations(power: xr.DataArray) -> pd.Series:
    """Return how often a pixel departs from its own mean by so many dB: density per dB, indexed by the middle of each bin of 0.5 dB."""
    values = power.values
    away = 10 * np.log10(values / values.mean(axis=0))
    away = away - np.nanmedian(away, axis=(1, 2), keepdims=True)  # the whole scene's level is another matter
    edges = np.arange(-10, 8.01, 0.5)
    density, _ = np.histogram(away[np.isfinite(away)], edges, density=True)
    return pd.Series(density, index=pd.Index((edges[:-1] + edges[1:]) / 2, name="dB"), name="density")


def measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was measured on real radar: OPERA RTC-S1 backscatter of 30 m, two sites of forested mountains, 30 passes each.

    Returns
    -------
    (pandas.DataFrame, pandas.DataFrame)
        What :func:`describe` found, one column a site; and the :func:`fluctuations`, one column for each site and polarisation.
        Written by ``benchmarks/opera.py``. Source: NASA/JPL OPERA RTC-S1, modified Copernicus Sentinel data.
    """
    folder = Path(__file__).parent / "measured"
    return pd.read_csv(folder / "opera_statistics.csv", index_col=0), pd.read_csv(
        folder / "opera_fluctuations.csv", index_col=0
    )
