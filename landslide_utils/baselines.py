"""What a network must beat: the log ratio, which needs no training."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage

SMOOTHING = 1.5
"""Standard deviation in pixels of the Gaussian that smooths a log ratio against speckle."""


def log_ratio(before_db: xr.DataArray, after_db: xr.DataArray) -> xr.DataArray:
    """Return the change of backscatter in dB: the logarithm of the ratio of powers is the difference of decibels."""
    return after_db - before_db


def log_ratio_detectors(image: xr.DataArray) -> dict[str, xr.DataArray]:
    """Return every log-ratio detector that an image allows, as scores (y, x): the larger, the more likely a landslide.

    Parameters
    ----------
    image : xarray.DataArray (channel, y, x)
        A composite in dB, not normalised.

    Returns
    -------
    dict of xarray.DataArray
        For each polarisation the absolute log ratio, as it is and smoothed. Empty for an image of terrain only.
    """
    names = [str(name) for name in image["channel"].values]
    detectors = {}
    for p in ("vv", "vh"):
        if f"{p}_before" not in names:
            continue
        ratio = log_ratio(
            *(
                image.sel(channel=f"{p}_{when}", drop=True).drop_vars("unit", errors="ignore")
                for when in ("before", "after")
            )
        )
        ratio = ratio - float(ratio.median())  # rain changes the whole scene's level between dates; landslides do not
        valid = np.isfinite(ratio.values)
        weight = ndimage.gaussian_filter(valid.astype(np.float32), SMOOTHING)
        smoothed = ndimage.gaussian_filter(np.where(valid, ratio.values, 0), SMOOTHING) / np.maximum(weight, 1e-6)
        detectors[f"{p.upper()} log ratio"] = abs(ratio)
        detectors[f"{p.upper()} log ratio, smoothed"] = ratio.copy(
            data=np.where(valid, abs(smoothed), np.nan).astype(np.float32)
        )
    return detectors
