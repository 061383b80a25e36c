"""How noisy a stack of radar passes is, and what a filter leaves of speckle and of edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from sklearn.metrics import average_precision_score

Pair = Sequence[xr.DataArray]
LOCAL = 15
"""Width in pixels of the neighbourhood whose mean is subtracted, so that only what is finer is left."""


def describe(vv: xr.DataArray, vh: xr.DataArray) -> dict[str, float]:
    """Return the noise of a stack of passes over a place where little happens.

    Parameters
    ----------
    vv, vh : xarray.DataArray (time, y, x)
        Gamma nought in linear power, all of one orbit, at least three passes. Pixels without data in any pass are left
        out.

    Returns
    -------
    dict
        For each polarisation the temporal standard deviation of a pixel (dB), the standard deviation over passes of
        the scene's median (dB), the equivalent number of looks and the correlation of neighbours; and the correlation
        of VV and VH. The number of looks is that of gamma-distributed speckle with the same variance from pass to
        pass, once the whole scene's change is removed; the correlations are of what differs from the neighbourhood's
        own change.
    """
    valid = (np.isfinite(vv.values) & np.isfinite(vh.values) & (vv.values > 0) & (vh.values > 0)).all(axis=0)
    inner = ndimage.binary_erosion(valid, iterations=LOCAL // 2, border_value=1)
    pairs = inner[:, 1:] & inner[:, :-1]
    noise: dict[str, float] = {}
    fine = {}
    for name, stack in (("VV", vv), ("VH", vh)):
        power = np.where(valid, stack.values, 1.0)
        db = 10 * np.log10(power)
        relative = power / power.mean(axis=0)
        relative /= np.median(relative[:, valid], axis=1)[:, None, None]
        change = np.log(power) - np.log(power).mean(axis=0)
        fine[name] = change - ndimage.uniform_filter(change, (0, LOCAL, LOCAL))
        here, right = fine[name][:, :, :-1][:, pairs], fine[name][:, :, 1:][:, pairs]
        scene_level = np.median(db[:, valid], axis=1)
        noise |= {
            f"{name}: temporal standard deviation of a pixel (dB)": np.median(db.std(axis=0, ddof=1)[valid]),
            f"{name}: standard deviation of the scene's median (dB)": scene_level.std(ddof=1),
            f"{name}: equivalent number of looks": 1 / np.median(relative.var(axis=0, ddof=1)[valid]),
            f"{name}: correlation of neighbours": np.corrcoef(here.ravel(), right.ravel())[0, 1],
        }
    both = np.corrcoef(fine["VV"][:, inner].ravel(), fine["VH"][:, inner].ravel())[0, 1]
    return {name: float(value) for name, value in {**noise, "correlation of VV and VH": both}.items()}


def fluctuations(power: xr.DataArray) -> pd.Series:
    """Return how often a pixel differs from its own mean by so many dB: a density, by the middle of bins of 0.5 dB."""
    values = power.values
    difference = 10 * np.log10(values / values.mean(axis=0))
    difference -= np.nanmedian(difference, axis=(1, 2), keepdims=True)  # the change of the whole scene
    edges = np.arange(-10, 8.01, 0.5)
    density, _ = np.histogram(difference[np.isfinite(difference)], edges, density=True)
    return pd.Series(density, index=pd.Index((edges[:-1] + edges[1:]) / 2, name="dB"), name="density")


def judge(images: Mapping[str, Pair], clean: Pair, landslides: xr.DataArray) -> pd.DataFrame:
    """Return what filters leave of speckle and of edges, one line for each pair of images before and after (y, x).

    All are linear power; `clean` is the pair without speckle, as only a simulator knows it. The columns are ``looks``
    (where 7 x 7 clean pixels differ by less than a factor of 1.5), ``edge kept`` (slope of the log ratio against the
    true one in pixels at outlines of landslides) and ``AUPRC`` (of the absolute log ratio); all are of the pixels that
    no image lacks.
    """
    slid, truth = landslides.values > 0, clean[0].values
    changes = {name: 10 * np.log10(after.values / before.values) for name, (before, after) in images.items()}
    real = 10 * np.log10(clean[1].values / truth)
    known = np.isfinite(sum(changes.values()) + real)
    even = known & (ndimage.maximum_filter(truth, 7) < 1.5 * ndimage.minimum_filter(truth, 7))
    edge = known & ndimage.binary_dilation(slid) & ~ndimage.binary_erosion(slid)
    lines = {}
    for name, change in changes.items():
        change = change - np.median(change[known])  # rain changes the whole scene
        left = (images[name][0].values / truth)[even]
        kept = np.polyfit(real[edge], change[edge], 1)[0]
        auprc = average_precision_score(slid[known], abs(change[known]))
        lines[name] = {"looks": left.mean() ** 2 / left.var(), "edge kept": kept, "AUPRC": auprc}
    return pd.DataFrame.from_dict(lines, orient="index").astype(float)  # rounded, a 32-bit number still has many digits


def measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was measured on real radar: OPERA RTC-S1 of 30 m, two sites of forested mountains, 30 passes each.

    Returns
    -------
    (pandas.DataFrame, pandas.DataFrame)
        What :func:`describe` found, one column a site; and the :func:`fluctuations`, one column for each site and
        polarisation. Written by ``benchmarks/opera.py``. Source: NASA/JPL OPERA RTC-S1, modified Copernicus Sentinel
        data.
    """
    folder = Path(__file__).parent / "measured"
    statistics, density = (
        pd.read_csv(folder / f"opera_{table}.csv", index_col=0) for table in ("statistics", "fluctuations")
    )
    return statistics, density
