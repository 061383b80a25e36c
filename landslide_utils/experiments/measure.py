"""The scores of a run: what stands in its ``metrics.json``, and the draws that its intervals come from."""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from landslide_utils import hand_memory_back
from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.chips import part_mask
from landslide_utils.metrics import (
    Calibration,
    auprc,
    bootstrap_auprc,
    expected_calibration_error,
    interval,
    pixels,
    score_map,
)
from landslide_utils.scene import Scene

SCORES = ("prevalence", *(f"auprc{chips}{end}" for chips in ("", "_landslide_chips") for end in ("", "_low", "_high")))
METRICS = (
    *SCORES, "auprc_log_ratio", "best_log_ratio", "calibration_error", "calibration_error_temperature",
    "calibration_error_temperature_and_shift", "temperature", "seconds_train", "steps", "n_train_chips", "n_test_chips",
    "n_test_chips_with_landslides", "n_test_blocks_with_landslides", "passes_before", "passes_after", "orbit",
    "simulated",
)  # fmt: skip
"""What stands in ``metrics.json`` at least: the scores are numbers, or null where there is nothing to score."""

FORMAT = 3
"""Number of the layout of a run's folder; a run of another layout is not read, and is run again."""


def measure(probability: xr.DataArray, scene: Scene, history: pd.DataFrame) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the scores of a map on the test chips, and what the AUPRC might have been.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        NaN without data.
    scene : Scene
    history : pandas.DataFrame
        As :func:`landslide_utils.train.fit` yields it.

    Returns
    -------
    metrics : dict
        What stands in ``metrics.json``.
    bootstrap : pandas.DataFrame
        What stands in ``bootstrap.csv``.
    """
    hand_memory_back()
    composite, landslides, chips = scene.composite, scene.landslides, scene.chips
    tested = chips[chips["part"] == "test"]
    rich = tested[tested["landslide_share"] > 0]
    metrics: dict[str, Any] = {"format": FORMAT, **score_map(probability, landslides, chips)}
    bootstrap = {}
    for name, only in (("auprc", False), ("auprc_landslide_chips", True)):
        bootstrap[name] = bootstrap_auprc(probability, landslides, chips, only_landslides=only)
        found = interval(metrics[name], bootstrap[name], len(rich))
        metrics |= {f"{name}_low": found.low, f"{name}_high": found.high}
    labels, scores = pixels(probability, landslides, part_mask(chips, "validation", landslides))
    calibrations = [Calibration.fit(labels, scores, shift=shift) for shift in (False, True)]
    test = part_mask(chips, "test", landslides)
    ratios = {
        name: auprc(*pixels(score, landslides, test)) for name, score in log_ratio_detectors(composite["image"]).items()
    }
    best = max(ratios, key=lambda name: ratios[name], default=None)
    hand_memory_back()  # of the log ratios
    labels, scores = pixels(probability, landslides, test)
    metrics["calibration_error"] = expected_calibration_error(labels, scores)
    for calibration, name in zip(calibrations, ("temperature", "temperature_and_shift"), strict=True):
        corrected = calibration.apply(xr.DataArray(scores)).values
        metrics[f"calibration_error_{name}"] = expected_calibration_error(labels, corrected)
    metrics |= {
        "auprc_log_ratio": ratios[best] if best else None,
        "best_log_ratio": best,
        "temperature": calibrations[0].temperature,
        "seconds_train": float(history["seconds"].sum()),
        "steps": int(history["step"].iloc[-1]),
        "n_train_chips": int((chips["part"] == "train").sum()),
        "n_test_chips": len(tested),
        "n_test_chips_with_landslides": len(rich),
        "n_test_blocks_with_landslides": int(rich["block"].nunique()),
        "passes_before": ", ".join(composite.attrs.get("passes_before", [])),
        "passes_after": ", ".join(composite.attrs.get("passes_after", [])),
        "orbit": composite.attrs.get("orbit", "none"),
        "simulated": bool(composite.attrs["simulated"]),
    }
    return metrics, pd.DataFrame(bootstrap)
