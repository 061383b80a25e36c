"""Each check is fed the right answer, wrong ones that people give, and what goes wrong in notebooks."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
from email.parser import Parser
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy.stats import entropy
from shapely import box
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from landslide_utils.chips import split_chips
from landslide_utils.course import check
from landslide_utils.course.check import NOT_DONE, NOT_YET, RIGHT
from landslide_utils.course.check.answer import TRIES, address_of, exercise
from landslide_utils.model import PRESETS
from landslide_utils.scene import Normalisation

RANDOM = np.random.default_rng(1)
SIZE = 128


def maps(values: Any, **attrs: Any) -> xr.DataArray:
    """Give an array coordinates along y and x."""
    values = np.asarray(values)
    return xr.DataArray(values, dims=("time", "y", "x")[-values.ndim :], attrs=attrs)


LANDSLIDES = maps(RANDOM.random((60, 80)) < 0.1)
TEST = maps(np.arange(80)[None, :] * np.ones((60, 1)) > 40)
PROBABILITY = maps(np.clip(RANDOM.random((60, 80)) * 0.7 + 0.3 * LANDSLIDES.values, 0, 1))
POWER = maps(RANDOM.gamma(5, 0.2 / 5, (4, 60, 80)) * np.where(np.arange(80) < 10, 5, 1))
HOLED = POWER.copy(data=np.where(np.arange(80) > 2, POWER, np.nan))
SPECKLE = maps(RANDOM.gamma(5, 1 / 5, (100, 100)) * 0.3)
BEFORE, AFTER = POWER[0], 1.5 * POWER[1]
TIMES = np.array(
    [
        "2018-08-19T20:42",
        "2018-08-25T20:42",
        "2018-08-31T20:42",
        "2018-09-02T08:41",
        "2018-09-05T20:42",
        "2018-09-11T20:42",
        "2018-09-14T08:41",
        "2018-09-17T20:42",
    ],
    "datetime64[ns]",
)
ORBITS = ["descending", "descending", "descending", "ascending", "descending", "descending", "ascending", "descending"]
CUBE = xr.Dataset(
    {"vv": (("time", "y", "x"), np.ones((8, 2, 2), np.float32))},
    {"time": TIMES, "orbit": ("time", ORBITS)},
    {"event_time": "2018-09-05T18:07:59", "event_end": "2018-09-05T18:07:59", "opened_from": "made up"},
)
LANDSLIDES_OF_A_SCENE = maps(np.arange(1792) * np.ones((1536, 1)) % 300 < 6)
CHIPS = pd.DataFrame(
    {
        "row": [0, 0, 0, 128, 128, 128, 256, 256, 256, 256],
        "col": [0, 128, 256, 0, 128, 256, 0, 128, 256, 1280],
        "part": [
            "train",
            "validation",
            "test",
            "validation",
            "test",
            "validation",
            "test",
            "validation",
            "train",
            "test",
        ],
    }
)  # the test chips: two touch no training chip, one touches both at its corners, one is far away
IMAGE = xr.DataArray(
    RANDOM.normal(0, 1, (2, 384, 1408)) * np.array([2, 3])[:, None, None]
    + np.linspace(-10, 10, 1408)
    - np.array([8, 15])[:, None, None],
    dims=("channel", "y", "x"),
    coords={"channel": ["vv_before", "vv_after"], "y": np.arange(384)[::-1], "x": np.arange(1408)},
)


def train_statistics(parts: tuple[str, ...] = ("train",)) -> tuple[Any, Any]:
    """Return mean and standard deviation of each channel over chips, without the package."""
    chosen = CHIPS[CHIPS["part"].isin(parts)]
    values = np.concatenate(
        [IMAGE.values[:, r : r + SIZE, c : c + SIZE].reshape(2, -1) for r, c in chosen[["row", "col"]].to_numpy()],
        axis=1,
    )
    return values.mean(1)[:, None, None], values.std(1)[:, None, None]


CROWD = pd.DataFrame(
    [
        (SIZE * row, SIZE * col, {"T": "train", "x": "test", ".": "validation"}[letter])
        for row, line in enumerate(("TxTT.x", "TTx...", "x.TxTx", "TT...."))
        for col, letter in enumerate(line)
    ],
    columns=["row", "col", "part"],
)
TOUCHING = 4 + 0 + 4 + 4 + 2 + 1  # training chips around each test chip, counted on paper, line by line
AT_EDGES = 3 + 0 + 3 + 2 + 2 + 1
STEEP = xr.Dataset(
    {
        "vv": (
            ("time", "y", "x"),
            np.random.default_rng(2).gamma([[[2]], [[8]]], 0.05, (2, 60, 80))
            * np.where(np.arange(80) < 30, [[[0.5]], [[3]]], 1),
        )
    },
    {"time": TIMES[:2], "orbit": ("time", ["descending", "ascending"])},
)
FALLS_WEST = maps((np.arange(80) < 20) * np.ones((60, 1)) > 0)
DOWN, UP = (STEEP["vv"].values[i, :, :20].mean() for i in (0, 1))
MEAN, SD = train_statistics()
ALL_MEAN, ALL_SD = train_statistics(("train", "validation", "test"))
DB = 10 * np.log10(POWER)
INSIDE = TEST.values
AREA = float(LANDSLIDES.sum()) * 100 / 1e6
AP = average_precision_score(LANDSLIDES.values[INSIDE], PROBABILITY.values[INSIDE])
RECIPE = dataclasses.replace(PRESETS["paper"], batch_size=32, steps=20)
DEALT = pd.DataFrame(
    {
        "part": ["train"] * 110 + ["test"] * 60,
        "landslide_share": [0.1] * 70 + [0.0] * 40 + [0.2] * 60,
    }
)  # 70 chips that the recipe trains on, 40 that it leaves out, 60 that it may not see
SEEN = 20 * 32 / 70
P = 0.03
HISTORY = pd.DataFrame(
    {
        "step": np.arange(40, 361, 40)[:8],
        "train_loss": [0.7, 0.5, 0.3, 0.25, 0.2, 0.15, 0.1, 0.12],
        "validation_loss": [0.7, 0.4, 0.2, 0.25, 0.3, 0.3, 0.4, 0.5],
        "validation_auprc": [0.05, 0.3, 0.4, 0.5, 0.62, 0.6, 0.5, 0.45],
    }
)
VALLEYS = RANDOM.normal(0, 0.1, 500)  # what is hard for one detector is hard for the other
FIRST = 0.7 + VALLEYS + RANDOM.normal(0, 0.03, 500)
SECOND = 0.6 + 0.8 * VALLEYS + RANDOM.normal(0, 0.05, 500)
EACH = pd.DataFrame(
    {
        "area_m2": np.exp(RANDOM.normal(8.3, 1, 200)),
        "found": RANDOM.choice([0, 0.2, 0.5, 0.8, 1], 200, p=[0.3, 0.2, 0.1, 0.2, 0.2]),
    }
)
TABLE = pd.DataFrame(
    {
        "probability": [0.01, 0.1, 0.4, 0.6, 0.9],
        "share": [0.02, 0.05, 0.3, 0.7, 0.5],
        "pixels": [9000, 500, 300, 150, 50],
    }
)
APART, PIXELS = (TABLE["probability"] - TABLE["share"]).to_numpy(), TABLE["pixels"].to_numpy()
FAR = sum(abs(a) * n for a, n in zip(APART, PIXELS, strict=True)) / 10_000
FROM_EAST = maps((np.arange(80) % 10 < 3) * np.ones((60, 1)) > 0)
FROM_WEST = maps(np.isin(np.arange(80) % 10, (2, 3)) * np.ones((60, 1)) > 0)
BOTH = np.mean([a and b for a, b in zip(FROM_EAST.values.ravel(), FROM_WEST.values.ravel(), strict=True)])
FINDS = (PROBABILITY.values >= 0.34) & INSIDE
CALLED, TRUE = PROBABILITY.values[INSIDE] >= 0.34, LANDSLIDES.values[INSIDE]
CALIBRATED = PROBABILITY.copy(data=np.where(np.arange(80) > 2, PROBABILITY.values**3, np.nan))
EXPECTED_KM2 = np.nansum(CALIBRATED.values) * 400 / 1e6
SQUARES = gpd.GeoDataFrame(
    {"area_m2": [(100.0 * n) ** 2 for n in range(15, 0, -1)]},
    geometry=[
        box(500_000 + 2000 * n, 4_700_000, 500_000 + 2000 * n + 100 * n, 4_700_000 + 100 * n) for n in range(15, 0, -1)
    ],
    crs="EPSG:32654",
)
TEN_KM2 = sum(0.01 * n * n for n in range(6, 16))
RUNS = pd.DataFrame(
    [(c, t, s) for c in ("vv", "vh", "sar") for t in (1, 4) for s in (0, 1, 2)],
    columns=["channels", "timesteps", "seed"],
)
BANDS = pd.Series([0.70, 0.75, 0.71], index=[0, 1, 2]), pd.Series([0.60, 0.66, 0.68], index=[0, 1, 2])
DIFFERENCES = [0.70 - 0.60, 0.75 - 0.66, 0.71 - 0.68]
MEAN_SD = sum(DIFFERENCES) / 3, (sum((d - sum(DIFFERENCES) / 3) ** 2 for d in DIFFERENCES) / 2) ** 0.5
FOUND = pd.DataFrame(
    {
        "mean": [0.2, 0.8, 0.5],
        "chance": [0.05] * 3,
        "whole_scene": [0.1, 0.6, 0.3],
        "whole_scene_chance": [0.02] * 3,
    }
)
PASSES = pd.DataFrame(
    [
        ("2018-08-24T20:38", "descending", 46, "before", -11.9),
        ("2018-08-30T20:38", "descending", 46, "before", -5.9),
        ("2018-09-01T08:38", "ascending", 68, "before", -4.4),
        ("2018-09-04T20:38", "descending", 46, "before", -0.9),
        ("2018-09-05T20:38", "descending", 46, "after", 0.1),
        ("2018-09-07T08:38", "ascending", 68, "after", 1.6),
        ("2018-09-11T20:38", "descending", 46, "after", 6.1),
        ("2018-09-13T08:38", "ascending", 68, "after", 7.6),
        ("2018-09-17T20:38", "descending", 46, "after", 12.1),
        ("2018-09-19T08:38", "ascending", 68, "after", 13.6),
        ("2018-09-23T20:38", "descending", 46, "after", 18.1),
    ],
    columns=["time", "orbit", "relative_orbit", "when", "days"],
).astype({"time": "datetime64[ns]"})
SLIDES = gpd.GeoDataFrame(geometry=[box(141.1, 42.7, 141.2, 42.75), box(141.15, 42.6, 141.3, 42.7)], crs="EPSG:4326")
EDGES = SLIDES.to_crs("EPSG:32654").to_crs("EPSG:4326").total_bounds + np.array([-0.01, -0.01, 0.01, 0.01])
HOME, AWAY = (
    Normalisation(("vv_before", "vh_before"), mean, sd)
    for mean, sd in (((-8.0, -14.0), (2.0, 4.0)), ((-7.0, -15.0), (1.0, 2.0)))
)
FEW = pd.DataFrame(
    {"part": ["train", "train", "train", "validation", "test"], "landslide_share": [0.1, 0.2, 0.0, 0.1, 0.1]}
)
PAIRS = pd.DataFrame(
    [
        (a, b, method, seed, score, other)
        for a, b, method, scores, other in (
            ("q", "q", "trained there", (0.5, 0.7, 0.6), 0.65),
            ("p", "q", "as trained", (0.35, 0.45, 0.4), 0.6),
            ("p", "q", "normalised by region", (0.45, 0.55, 0.5), 0.6),
            ("p", "p", "trained there", (0.85, 0.95, 0.9), 0.9),
            ("q", "p", "as trained", (0.2, 0.2, 0.2), 0.3),
        )
        for seed, score in enumerate(scores)
    ],
    columns=["train_region", "test_region", "method", "seed", "auprc", "auprc_landslide_chips"],
)  # fmt: skip
STACK, KERNEL = RANDOM.normal(-8, 2, (2, 3, 3)), RANDOM.normal(0, 1, (2, 3, 3))
RESPONSE = sum(p * w for p, w in zip(STACK.ravel(), KERNEL.ravel(), strict=True)) + 2.5
CONVOLUTION = torch.nn.Conv2d(20, 6, 3, bias=False)
LAYERS = [(7, 2), (3, 2), (3, 1), (5, 1)]  # 1 + 6 + 2 * 2 + 4 * 2 + 4 * 4
CONTEXT: dict[str, tuple[Any, ...]] = {
    "kernel_response": (STACK, KERNEL, 2.5),
    "weights_of_convolution": (CONVOLUTION,),
    "field_width": (LAYERS,),
    "hidden_from_both": (FROM_EAST, FROM_WEST),
    "survey_precision": (PROBABILITY, LANDSLIDES, TEST, 0.68),
    "expected_area": (CALIBRATED, 20.0),
    "largest_area": (SQUARES, 10),
    "runs_missing": (RUNS, 5),
    "paired_difference": (BANDS[0], BANDS[1]),
    "times_chance": (FOUND,),
    "waiting_days": (PASSES, 3),
    "surrounding_box": (SLIDES.to_crs("EPSG:32654"), 0.01),
    "first_look": (PASSES, 9),
    "landslide_area": (LANDSLIDES, 10.0),
    "average_precision": (PROBABILITY, LANDSLIDES, TEST),
    "mean_backscatter": (POWER,),
    "number_of_looks": (SPECKLE,),
    "facing_orbit": (STEEP, FALLS_WEST),
    "log_ratio": (BEFORE, AFTER),
    "passes_before": (CUBE, 3, "descending"),
    "composite": (POWER,),
    "leaking_chips": (CROWD,),
    "normalised": (IMAGE, CHIPS),
    "times_seen": (DEALT, RECIPE),
    "uninformed_loss": (P,),
    "best_step": (HISTORY,),
    "spread_of_difference": (FIRST, SECOND),
    "landslides_found": (EACH,),
    "calibration_error": (TABLE,),
    "cost_threshold": (10.0, 1.0),
    "level_shift": (HOME, AWAY),
    "labelled_area": (FEW,),
    "cost_of_transfer": (PAIRS, "p", "q"),
}
RIGHT_ANSWERS: dict[str, list[Any]] = {
    "kernel_response": [RESPONSE, round(RESPONSE, 2), torch.tensor(RESPONSE)],
    "weights_of_convolution": [1080, CONVOLUTION.weight.numel()],
    "field_width": [35, np.int64(35)],
    "hidden_from_both": [BOTH, (FROM_EAST & FROM_WEST).mean()],
    "survey_precision": [precision_score(TRUE, CALLED), LANDSLIDES.values[FINDS].mean()],
    "expected_area": [EXPECTED_KM2, CALIBRATED.sum() * 400 / 1e6],
    "largest_area": [TEN_KM2, SQUARES.to_crs("EPSG:4326").to_crs("EPSG:32654").area.nlargest(10).sum() / 1e6],
    "runs_missing": [12, np.int64(12)],
    "paired_difference": [MEAN_SD, list(MEAN_SD), np.array(MEAN_SD)],
    "times_chance": [30, np.float32(30)],
    "waiting_days": [12.1, np.float64(12.1)],
    "surrounding_box": [EDGES, list(EDGES), tuple(EDGES)],
    "first_look": [
        pd.Timestamp("2018-09-06T05:38"),
        dt.datetime(2018, 9, 6, 5, 38),
        np.datetime64("2018-09-06T05:38"),
        "2018-09-06 05:38",
        pd.Timestamp("2018-09-05T20:38", tz="UTC").tz_convert("Asia/Tokyo"),
        pd.Series([pd.Timestamp("2018-09-06T05:38")]),
        xr.DataArray(np.datetime64("2018-09-06T05:38", "ns")),
    ],
    "landslide_area": [AREA, np.float32(AREA), xr.DataArray(AREA)],
    "average_precision": [AP],
    "mean_backscatter": [10 * np.log10(POWER.mean()), float(10 * np.log10(POWER.values.mean()))],
    "number_of_looks": [SPECKLE.mean() ** 2 / SPECKLE.var(), SPECKLE.values.mean() ** 2 / SPECKLE.values.var(ddof=1)],
    "facing_orbit": [10 * np.log10(UP / DOWN), round(10 * np.log10(UP / DOWN), 1)],
    "log_ratio": [
        10 * np.log10(AFTER) - 10 * np.log10(BEFORE),
        10 * np.log10(AFTER.values / BEFORE.values),
        (10 * np.log10(AFTER / BEFORE)).T,
    ],
    "passes_before": [
        TIMES[:3],
        list(TIMES[:3]),
        CUBE["time"][:3],
        TIMES[:3].astype("datetime64[m]"),
        ["2018-08-19T20:42", "2018-08-25T20:42", "2018-08-31T20:42"],
    ],
    "composite": [10 * np.log10(POWER.mean("time")), 10 * np.log10(POWER.values.mean(0))],
    "leaking_chips": [TOUCHING / 6, np.float32(TOUCHING / 6)],
    "normalised": [
        (IMAGE - MEAN) / SD,
        ((IMAGE - MEAN) / SD).transpose("y", "x", "channel"),
        ((IMAGE - MEAN) / SD).values,
    ],
    "times_seen": [SEEN, np.float64(SEEN)],
    "uninformed_loss": [entropy([P, 1 - P]), round(entropy([P, 1 - P]), 3)],
    "best_step": [200, np.int64(200), HISTORY.set_index("step")["validation_auprc"].idxmax()],
    "spread_of_difference": [np.std(FIRST - SECOND), np.std(SECOND - FIRST, ddof=1)],
    "landslides_found": [sum(EACH["found"] >= 0.5) / 200, (EACH["found"] > 0.4).mean()],
    "calibration_error": [FAR, np.float32(FAR)],
    "cost_threshold": [1 / 11, 0.091],
    "level_shift": [[0.5, -0.25], np.array([0.5, -0.25]), xr.DataArray([0.5, -0.25])],
    "labelled_area": [3 * 1.28**2, round(3 * 1.28**2, 1)],
    "cost_of_transfer": [0.2],
}
PLAUSIBLE_BUT_WRONG: list[tuple[str, Any, str]] = [
    ("kernel_response", (STACK * KERNEL).sum(), "The bias is missing"),
    ("kernel_response", (STACK * KERNEL + 2.5).sum(), "bias to every product"),
    ("kernel_response", (STACK * KERNEL).sum() - 2.5, "subtracted the bias"),
    ("kernel_response", (STACK[0] * KERNEL[0]).sum() + 2.5, "one channel only"),
    ("kernel_response", (STACK[1] * KERNEL[1]).sum() + 2.5, "one channel only"),
    ("kernel_response", (STACK * KERNEL).mean() + 2.5, "mean of the products"),
    ("kernel_response", (STACK[::-1] * KERNEL).sum() + 2.5, "channels are swapped"),
    ("kernel_response", STACK.sum() + 2.5, "sum of the pixels"),
    ("kernel_response", (STACK @ KERNEL).sum() + 2.5, "multiplies matrices"),
    ("kernel_response", STACK * KERNEL + 2.5, "has the shape (2, 3, 3)"),
    ("kernel_response", 0.0, "Multiply stack by kernel"),
    ("weights_of_convolution", CONVOLUTION.in_channels * CONVOLUTION.out_channels, "not one weight"),
    ("weights_of_convolution", 360, "nine weights, not three"),
    ("weights_of_convolution", 3 * 3 * CONVOLUTION.in_channels, "one output channel"),
    ("weights_of_convolution", 54, "one input channel"),
    ("weights_of_convolution", 234, "added the channels"),
    ("weights_of_convolution", 1086, "no bias"),
    ("weights_of_convolution", 1000, "3 x 3 times the input channels"),
    ("field_width", 34, "starts at 1"),
    ("field_width", 1 + sum(k - 1 for k, s in LAYERS), "left out the strides"),
    ("field_width", 1 + 6 * 2 + 2 * 4 + 2 * 4 + 4 * 4, "changes after it, not before"),
    ("field_width", 1 + 7 + 3 * 2 + 3 * 4 + 5 * 4, "adds k - 1 steps"),
    ("field_width", sum(k for k, s in LAYERS), "sum of the kernels' widths"),
    ("field_width", 4, "step after the last layer"),
    ("field_width", 17, "to one side"),
    ("field_width", 35**2, "area"),
    ("field_width", 36, "width += (k - 1) * step"),
    ("hidden_from_both", (FROM_EAST | FROM_WEST).mean(), "at least one direction misses"),
    ("hidden_from_both", FROM_EAST.mean() + FROM_WEST.mean(), "added the two shares|at least one direction misses"),
    ("hidden_from_both", (FROM_EAST.mean() + FROM_WEST.mean()) / 2, "mean of the two shares"),
    ("hidden_from_both", FROM_EAST.mean() * FROM_WEST.mean(), "multiplied the shares"),
    ("hidden_from_both", FROM_EAST.mean(), "what descending passes miss"),
    ("hidden_from_both", FROM_WEST.mean(), "what ascending passes miss"),
    ("hidden_from_both", (FROM_EAST & FROM_WEST).sum(), "number of pixels"),
    ("hidden_from_both", (~FROM_EAST & ~FROM_WEST).mean(), "what both see"),
    ("hidden_from_both", 100 * BOTH, "not in percent"),
    ("hidden_from_both", 1 - BOTH, "at least one direction sees"),
    ("hidden_from_both", 0.99, "Combine the two masks"),
    ("survey_precision", precision_score(TRUE, PROBABILITY.values[INSIDE] >= 0.68), "the whole threshold. Halve it"),
    ("survey_precision", recall_score(TRUE, CALLED), "That is the recall: of the landslide pixels"),
    ("survey_precision", recall_score(TRUE, PROBABILITY.values[INSIDE] >= 0.68), "recall at the whole threshold"),
    ("survey_precision", (CALLED == TRUE).mean(), "accuracy"),
    ("survey_precision", f1_score(TRUE, CALLED), "F1"),
    ("survey_precision", LANDSLIDES.values[PROBABILITY.values >= 0.68 / 2].mean(), "whole scene|whole threshold"),
    ("survey_precision", CALLED.mean(), "pixels that are reported"),
    ("survey_precision", LANDSLIDES.values[TEST.values].mean(), "prevalence"),
    ("survey_precision", PROBABILITY.values[FINDS].mean(), "mean probability of the reported"),
    ("survey_precision", 1 - precision_score(TRUE, CALLED), "that is wrong"),
    ("survey_precision", 100 * precision_score(TRUE, CALLED), "not in percent"),
    ("survey_precision", 0.999, "Then the mean of landslides"),
    ("expected_area", CALIBRATED.sum(), "expected number of pixels"),
    ("expected_area", EXPECTED_KM2 * 1e6, "That is in square metres"),
    ("expected_area", EXPECTED_KM2 * 100, "hectares"),
    ("expected_area", EXPECTED_KM2 * 1000, "not 1000 square metres"),
    ("expected_area", EXPECTED_KM2 / 20, "Square the width"),
    ("expected_area", EXPECTED_KM2 * 1000 / 20, "Square the width"),
    ("expected_area", (CALIBRATED > 0.5).sum() * 20.0**2 / 1e6, "counted the pixels above one half"),
    ("expected_area", CALIBRATED.mean(), "mean probability"),
    ("expected_area", CALIBRATED.notnull().sum() * 20.0**2 / 1e6, "everything that was mapped"),
    ("expected_area", 1.3 * EXPECTED_KM2, "Add all calibrated probabilities"),
    ("largest_area", SQUARES.area.sum() / 1e6, "all polygons"),
    ("largest_area", TEN_KM2 * 1e6, "That is in square metres"),
    ("largest_area", TEN_KM2 * 100, "hectares"),
    ("largest_area", SQUARES.to_crs("EPSG:3857").area.nlargest(10).sum() / 1e6, "Web Mercator"),
    ("largest_area", SQUARES.to_crs("EPSG:3857").area.nlargest(10).sum(), "Web Mercator"),
    ("largest_area", SQUARES.area.nlargest(10).mean() / 1e6, "their mean"),
    ("largest_area", SQUARES.area.nsmallest(10).sum() / 1e6, "smallest"),
    ("largest_area", 2.25, "largest one alone"),
    ("largest_area", SQUARES.set_crs(None, allow_override=True).area[:10].sum() / 1e3, "not 1000 square metres"),
    ("largest_area", 77, "nlargest(10).sum()"),
    ("runs_missing", RUNS.groupby(["channels", "timesteps"]).ngroups * 5, "That is the whole grid"),
    ("runs_missing", len(RUNS), "number of runs that are there"),
    ("runs_missing", 6, "one seed"),
    ("runs_missing", 10, "You added"),
    ("runs_missing", -8, "You added"),
    ("runs_missing", 90, "hold several seeds already"),
    ("runs_missing", 72, "hold several seeds already"),
    ("runs_missing", -12, "sign"),
    ("runs_missing", 13, "Multiply"),
    ("paired_difference", (0.75 - 0.68, MEAN_SD[1]), "difference of the best seeds"),
    ("paired_difference", (0.75 - 0.66, MEAN_SD[1]), "median of the differences"),
    ("paired_difference", (0.75 - 0.60, 0.02), "worst of the other"),
    ("paired_difference", (0.75, MEAN_SD[1]), "best seed of the first alone"),
    ("paired_difference", (0.72, MEAN_SD[1]), "mean of the first alone"),
    ("paired_difference", (-MEAN_SD[0], MEAN_SD[1]), "sign"),
    ("paired_difference", (0.10, MEAN_SD[1]), "largest difference"),
    ("paired_difference", (sum(DIFFERENCES), MEAN_SD[1]), "sum of the differences"),
    ("paired_difference", (2.16 / 1.94, MEAN_SD[1]), "ratio"),
    ("paired_difference", MEAN_SD[::-1], "The mean comes first"),
    ("paired_difference", DIFFERENCES, "Now give their mean"),
    ("paired_difference", BANDS[0] - BANDS[1], "Now give their mean"),
    ("paired_difference", MEAN_SD[0], "2 numbers"),
    ("paired_difference", (MEAN_SD[0], np.hypot(BANDS[0].std(), BANDS[1].std())), "as independent"),
    ("paired_difference", (MEAN_SD[0], np.std(DIFFERENCES)), "ddof=1"),
    ("paired_difference", (MEAN_SD[0], MEAN_SD[1] / 3**0.5), "standard error"),
    ("paired_difference", (MEAN_SD[0], MEAN_SD[1] ** 2), "variance"),
    ("paired_difference", (MEAN_SD[0], 0.07), "range"),
    ("paired_difference", (MEAN_SD[0], BANDS[0].std()), "first alone"),
    ("paired_difference", ((BANDS[0] - BANDS[1]).mean(), BANDS[1].std()), "second alone"),
    ("paired_difference", (MEAN_SD[0], BANDS[0].std() - BANDS[1].std()), "difference of spreads"),
    ("paired_difference", (MEAN_SD[0], 1.0), "Now the standard deviation of the differences"),
    ("paired_difference", (0.3, MEAN_SD[1]), "First the differences"),
    ("times_chance", 16, "only on chips that hold a landslide"),
    ("times_chance", 12, "the chance of the other measure"),
    ("times_chance", 40, "Take whole_scene"),
    ("times_chance", 1.2, "not one half"),
    ("times_chance", 1.6, "not one half"),
    ("times_chance", FOUND.loc[FOUND["mean"].idxmax(), "whole_scene"], "That is the score"),
    ("times_chance", 0.02, "chance itself"),
    ("times_chance", 1 / 30, "Upside down"),
    ("times_chance", 0.58, "difference"),
    ("times_chance", (FOUND["whole_scene"] / FOUND["whole_scene_chance"]).mean(), "mean over all settings"),
    ("times_chance", 29, "largest mean"),
    ("waiting_days", PASSES.loc[PASSES["when"] == "after", "days"].iloc[3 - 1], "passes of all tracks"),
    ("waiting_days", PASSES.loc[PASSES["when"] == "after", "days"].min(), "first pass after the event"),
    ("waiting_days", 18.1, "one pass too late"),
    ("waiting_days", 13.6, "another track"),
    ("waiting_days", 12.1 * 24, "hours"),
    ("waiting_days", 46, "number of the track"),
    ("waiting_days", 3, "That is min(passes before, passes after)"),
    ("waiting_days", 4, "number of passes after the event"),
    ("waiting_days", 0.9, "before the event"),
    ("waiting_days", 10, "Keep the rows of descending track 46"),
    ("surrounding_box", EDGES[[1, 0, 3, 2]], "Latitude comes first"),
    ("surrounding_box", EDGES[[0, 2, 1, 3]], "west, east, south, north"),
    ("surrounding_box", EDGES[[1, 3, 0, 2]], "south, north, west, east"),
    ("surrounding_box", EDGES[[3, 2, 1, 0]], "north, east, south, west"),
    ("surrounding_box", EDGES[[0, 3, 2, 1]], "North and south are swapped"),
    ("surrounding_box", EDGES[[2, 1, 0, 3]], "East and west are swapped"),
    ("surrounding_box", SLIDES.to_crs("EPSG:32654").to_crs("EPSG:4326").total_bounds, "without a margin"),
    ("surrounding_box", SLIDES.total_bounds + 0.01, "moves the box"),
    ("surrounding_box", SLIDES.total_bounds - 0.01, "moves the box"),
    ("surrounding_box", SLIDES.total_bounds + np.array([0.01, 0.01, -0.01, -0.01]), "become smaller"),
    ("surrounding_box", SLIDES.to_crs("EPSG:32654").total_bounds, "in metres"),
    ("surrounding_box", EDGES + 1, "take total_bounds"),
    ("surrounding_box", EDGES[:3], "4 numbers (west, south, east, north)"),
    ("surrounding_box", [str(edge) for edge in EDGES], "leave out the quotes"),
    (
        "first_look",
        PASSES.loc[PASSES["when"] == "after", "time"].min(),
        "That is in UTC. Add the difference to local time: +9 hours",
    ),
    (
        "first_look",
        PASSES.loc[PASSES["when"] == "after", "time"].min() - pd.Timedelta(hours=9),
        "subtracted the hours",
    ),
    ("first_look", pd.Timestamp("2018-09-05T05:38"), "not the day"),
    ("first_look", pd.Timestamp("2018-09-06T20:38"), "local day with the UTC time"),
    ("first_look", pd.Timestamp("2018-09-04T20:38"), "before the event"),
    ("first_look", pd.Timestamp("2018-09-01T17:38"), "before the event"),
    ("first_look", pd.Timestamp("2018-09-07T17:38"), "take the first"),
    ("first_look", pd.Timestamp("2018-10-01"), "add the hours"),
    ("first_look", 5.63, "of type float where one date and time"),
    ("first_look", list(PASSES["time"]), "choose one of them"),
    ("landslide_area", float(LANDSLIDES.sum()), "number of pixels"),
    ("landslide_area", AREA * 1e6, "square metres"),
    ("landslide_area", AREA * 100, "hectares"),
    ("landslide_area", AREA * 1e3, "not 1000 square metres"),
    ("landslide_area", AREA / 10, "its area is not 10"),
    ("landslide_area", float(LANDSLIDES.sum()) * 10.0 / 1000, "Square the width"),
    ("landslide_area", LANDSLIDES.to_series().astype(float), "a row or a column of a table"),
    ("landslide_area", float(LANDSLIDES.mean()), "share of the scene"),
    ("landslide_area", LANDSLIDES.size * 100 / 1e6, "whole scene"),
    ("landslide_area", 1.3 * AREA, "divide by a million"),
    ("average_precision", LANDSLIDES.values[TEST.values].mean(), "score of random guessing"),
    ("average_precision", ((PROBABILITY.values > 0.5) == LANDSLIDES.values)[TEST.values].mean(), "accuracy"),
    (
        "average_precision",
        average_precision_score(~LANDSLIDES.values[INSIDE], 1 - PROBABILITY.values[INSIDE]),
        "the wrong class",
    ),
    (
        "average_precision",
        average_precision_score(~LANDSLIDES.values[INSIDE], PROBABILITY.values[INSIDE]),
        "labels are the wrong way round",
    ),
    (
        "average_precision",
        average_precision_score(LANDSLIDES.values[INSIDE], -PROBABILITY.values[INSIDE]),
        "scores are the wrong way round",
    ),
    (
        "average_precision",
        average_precision_score(LANDSLIDES.values.ravel(), PROBABILITY.values.ravel()),
        "whole scene",
    ),
    ("average_precision", roc_auc_score(LANDSLIDES.values[INSIDE], PROBABILITY.values[INSIDE]), "ROC"),
    ("average_precision", 100 * AP, "not in percent"),
    ("mean_backscatter", (10 * np.log10(POWER)).mean(), "mean of the decibels"),
    ("mean_backscatter", (10 * np.log10(POWER.mean("time"))).mean(), "half in power and half in decibels"),
    ("mean_backscatter", POWER.mean(), "mean power. Now"),
    ("mean_backscatter", np.log10(POWER.mean()), "bels"),
    ("mean_backscatter", 20 * np.log10(POWER.mean()), "amplitudes"),
    ("mean_backscatter", 10 * np.log(POWER.mean()), "natural logarithm"),
    ("mean_backscatter", 10 * np.log10(POWER.sum()), "sum"),
    ("mean_backscatter", -10 * np.log10(POWER.mean()), "sign"),
    ("mean_backscatter", -3.0, "Average the linear power"),
    ("number_of_looks", SPECKLE.mean() / SPECKLE.std(), "square it"),
    ("number_of_looks", SPECKLE.var() / SPECKLE.mean() ** 2, "Upside down"),
    ("number_of_looks", SPECKLE.std() / SPECKLE.mean(), "coefficient of variation"),
    ("number_of_looks", SPECKLE.mean() / SPECKLE.var(), "Square the mean"),
    ("number_of_looks", (10 * np.log10(SPECKLE)).mean() ** 2 / (10 * np.log10(SPECKLE)).var(), "decibels"),
    ("number_of_looks", SPECKLE.size, "number of pixels"),
    ("number_of_looks", 7.5, "squared mean by the variance"),
    ("facing_orbit", 10 * np.log10(DOWN / UP), "wrong way round"),
    ("facing_orbit", UP / DOWN, "ratio of powers"),
    ("facing_orbit", UP - DOWN, "difference of powers"),
    (
        "facing_orbit",
        float(np.diff((10 * np.log10(STEEP["vv"].where(FALLS_WEST))).mean(("y", "x")))[0]),
        "averaged decibels",
    ),
    ("facing_orbit", float(np.diff(10 * np.log10(STEEP["vv"].values.mean((1, 2))))[0]), "whole view"),
    ("facing_orbit", float(np.diff(10 * np.log10(STEEP["vv"].values[:, :, 20:].mean((1, 2))))[0]), "other slopes"),
    ("facing_orbit", 10 * np.log10(UP), "one pass alone"),
    ("facing_orbit", float(np.diff(10 * np.log10(STEEP["vv"].values).mean((1, 2)))[0]), "Average the power"),
    ("facing_orbit", "ascending", "leave out the quotes"),
    ("log_ratio", 10 * np.log10(BEFORE / AFTER), "sign is wrong"),
    ("log_ratio", abs(10 * np.log10(AFTER / BEFORE)), "absolute value"),
    ("log_ratio", AFTER / BEFORE, "ratio of the powers"),
    ("log_ratio", AFTER - BEFORE, "difference of the powers"),
    ("log_ratio", np.log(AFTER / BEFORE), "natural logarithm"),
    ("log_ratio", np.log10(AFTER / BEFORE), "bels"),
    ("log_ratio", 20 * np.log10(AFTER / BEFORE), "amplitudes"),
    ("log_ratio", 10 * np.log10(AFTER / BEFORE) - np.median(10 * np.log10(AFTER / BEFORE)), "took off the median"),
    ("log_ratio", 10 * np.log10(AFTER), "only the image after"),
    ("log_ratio", 10 * np.log10(AFTER / BEFORE) + 1, "after minus before"),
    ("passes_before", TIMES[[1, 2, 4]], "on the day of the event but after it"),
    ("passes_before", TIMES[[2, 4, 5]], "Some of them are after the event"),
    (
        "passes_before",
        CUBE["time"].values[CUBE["time"].values < np.datetime64(CUBE.event_time)][-3:],
        "another orbit direction",
    ),
    ("passes_before", CUBE["time"].values[CUBE["orbit"] == "descending"][-3:], "Some of them are after the event"),
    ("passes_before", TIMES[1:3], "2 passes where 3 are expected"),
    ("passes_before", [0, 1, 2], "Give the times"),
    ("passes_before", TIMES[:3] + np.timedelta64(1, "h"), "not passes of this cube"),
    ("passes_before", ["soon"], "could not be compared|times are expected"),
    ("composite", (10 * np.log10(POWER.where(POWER > 0))).mean("time"), "averaged decibels"),
    ("composite", POWER.where(POWER > 0).mean("time"), "still power"),
    ("composite", np.log(POWER.mean("time")), "natural logarithm"),
    ("composite", np.log10(POWER.mean("time")), "bels"),
    ("composite", 10 * np.log10(POWER.median("time")), "median"),
    ("composite", 10 * np.log10(POWER.sum("time")), "sum"),
    ("composite", DB[-1], "last pass alone"),
    ("composite", DB, "still has the dimension time"),
    ("leaking_chips", AT_EDGES / 6, "at a corner only"),
    (
        "leaking_chips",
        (
            abs(
                CROWD.query("part == 'test'")[["row", "col"]].to_numpy()[:, None]
                - CROWD.query("part == 'train'")[["row", "col"]].to_numpy()
            )
            <= SIZE
        )
        .all(axis=2)
        .sum(),
        "touch in all",
    ),
    (
        "leaking_chips",
        (
            abs(
                CROWD.query("part == 'test'")[["row", "col"]].to_numpy()[:, None]
                - CROWD.query("part == 'train'")[["row", "col"]].to_numpy()
            )
            <= SIZE
        )
        .all(axis=2)
        .any(axis=1)
        .mean(),
        "share of test chips",
    ),
    ("leaking_chips", 5, "number of test chips that touch any"),
    ("leaking_chips", TOUCHING / 9, "number of training chips"),
    ("leaking_chips", TOUCHING / 5, "touch none"),
    ("leaking_chips", 8, "Eight chips surround"),
    ("leaking_chips", 6, "For each pair"),
    ("normalised", (IMAGE - IMAGE.mean(("y", "x"))) / IMAGE.std(("y", "x")), "whole scene"),
    ("normalised", (IMAGE - ALL_MEAN) / ALL_SD, "all chips"),
    ("normalised", (IMAGE - IMAGE.mean()) / IMAGE.std(), "Each channel has its own"),
    ("normalised", IMAGE - MEAN, "divide by the standard deviation"),
    ("normalised", (IMAGE - MEAN) / SD**2, "variance"),
    ("normalised", IMAGE, "as it was"),
    ("normalised", (IMAGE - MEAN) / SD + 0.1, "Measure mean and standard deviation"),
    ("times_seen", RECIPE.steps * RECIPE.batch_size, "chips shown in all"),
    ("times_seen", 32 / 70, "of one batch for each chip"),
    ("times_seen", 20 / 70, "A step shows a whole batch"),
    ("times_seen", 70 / 640, "wrong way round"),
    ("times_seen", RECIPE.steps * RECIPE.batch_size / (DEALT["part"] == "train").sum(), "counted all training chips"),
    ("times_seen", 640 / 130, "chips of all parts"),
    ("times_seen", 20, "number of steps"),
    ("times_seen", 70, "number of chips. How many are shown"),
    ("times_seen", 1.5, "Divide by the training chips with a landslide"),
    ("uninformed_loss", -entropy([P, 1 - P]), "sign is wrong"),
    ("uninformed_loss", entropy([P, 1 - P], base=2), "bits"),
    ("uninformed_loss", entropy([P, 1 - P], base=10), "base ten"),
    ("uninformed_loss", -np.log(P), "loss on a landslide pixel"),
    ("uninformed_loss", -np.log(1 - P), "without a landslide. Take"),
    ("uninformed_loss", -P * np.log(P), "landslides' part of the mean"),
    ("uninformed_loss", P * np.log(P), "landslides' part of the mean"),
    ("uninformed_loss", -(1 - P) * np.log(1 - P), "The loss of a landslide is larger"),
    ("uninformed_loss", -P * np.log(1 - P) - (1 - P) * np.log(P), "wrong way round"),
    ("uninformed_loss", -np.log(P * (1 - P)) / 2, "same weight"),
    ("uninformed_loss", np.log(2), "0.5 everywhere"),
    ("uninformed_loss", P * (1 - P), "squared error"),
    ("uninformed_loss", P, "What is the mean?"),
    ("best_step", HISTORY["validation_auprc"].idxmax(), "counted from 0"),
    ("best_step", 5, "counted from 1"),
    ("best_step", 280, "lowest training loss"),
    ("best_step", 120, "lowest validation loss"),
    ("best_step", 40, "The higher, the better"),
    ("best_step", HISTORY["validation_auprc"].max(), "AUPRC itself"),
    ("best_step", 320, "last step"),
    ("best_step", 240, "highest validation_auprc"),
    ("best_step", HISTORY.iloc[4], "a row or a column of a table"),
    ("best_step", HISTORY, "several rows and columns of a table"),
    ("spread_of_difference", np.hypot(FIRST.std(), SECOND.std()), "tests on different chips"),
    ("spread_of_difference", FIRST.std() + SECOND.std(), "added the two"),
    ("spread_of_difference", FIRST.std() - SECOND.std(), "difference of the standard deviations"),
    ("spread_of_difference", np.nanstd(FIRST), "first detector alone"),
    ("spread_of_difference", np.nanstd(SECOND), "second detector alone"),
    ("spread_of_difference", (FIRST - SECOND).var(), "variance"),
    ("spread_of_difference", (FIRST - SECOND).mean(), "how large the difference is"),
    ("spread_of_difference", (FIRST - SECOND).std() / np.sqrt(500), "More samples do not make"),
    ("spread_of_difference", 1.96 * (FIRST - SECOND).std(), "half the width"),
    ("spread_of_difference", 0.5, "Subtract the two arrays"),
    ("landslides_found", (EACH["found"] * EACH["area_m2"]).sum() / EACH["area_m2"].sum(), "landslide pixels"),
    ("landslides_found", EACH.loc[EACH["found"] >= 0.5, "area_m2"].sum() / EACH["area_m2"].sum(), "with its area"),
    ("landslides_found", EACH["found"].mean(), "mean of the reported shares"),
    ("landslides_found", (EACH["found"] > 0).mean(), "any pixel"),
    ("landslides_found", (EACH["found"] == 1).mean(), "completely reported"),
    ("landslides_found", (EACH["found"] > 0.5).mean(), ">= instead of >"),
    ("landslides_found", (EACH["found"] < 0.5).mean(), "missed"),
    ("landslides_found", (EACH["found"] >= 0.5).sum(), "number of landslides"),
    ("landslides_found", 100 * (EACH["found"] >= 0.5).mean(), "percent"),
    ("landslides_found", 0.9, "Compare each"),
    ("calibration_error", abs((APART * PIXELS).sum()) / 10_000, "cancel"),
    ("calibration_error", abs(TABLE["probability"] - TABLE["share"]).mean(), "different numbers of pixels"),
    ("calibration_error", np.sqrt((APART**2 * PIXELS).sum() / 10_000), "squared"),
    ("calibration_error", (APART**2 * PIXELS).sum() / 10_000, "squared"),
    ("calibration_error", abs(APART).max(), "largest distance"),
    ("calibration_error", abs(TABLE["probability"] - TABLE["share"]).sum(), "sum over the bins"),
    ("calibration_error", (abs(APART) * PIXELS).sum(), "sum over all pixels"),
    ("calibration_error", 100 * FAR, "percent"),
    ("calibration_error", 0.5, "In each bin"),
    ("cost_threshold", 1.0 / 10.0, "odds"),
    ("cost_threshold", 10.0 / (10.0 + 1.0), "wrong way round"),
    ("cost_threshold", 10, "how many false alarms"),
    ("cost_threshold", 0.5, "cost the same"),
    ("cost_threshold", 100 / 11, "percent"),
    ("cost_threshold", 0.3, "Solve for p"),
    ("level_shift", [-0.5, 0.25], "away minus home"),
    ("level_shift", np.subtract(AWAY.mean, HOME.mean), "These are decibels"),
    ("level_shift", np.subtract(AWAY.mean, HOME.mean) / AWAY.sd, "standard deviation away"),
    ("level_shift", [0.25, -0.0625], "variance"),
    ("level_shift", [-7 / -8, -15 / -14], "ratio of decibels"),
    ("level_shift", [0.5, 0.25], "Keep the sign"),
    ("level_shift", [-3.5, -3.75], "Subtract the mean at home"),
    ("level_shift", 0.5, "the shape () where 2 numbers"),
    ("level_shift", [0.7, 0.7], "away_mean minus home_mean"),
    ("labelled_area", 2 * 1.28**2, "the empty ones too"),
    ("labelled_area", len(FEW) * 1.28**2, "all chips of the table"),
    ("labelled_area", (FEW["part"] == "train").sum(), "number of chips"),
    ("labelled_area", 3 * 1.28, "square its width"),
    ("labelled_area", 3 * 1.28**2 * 1e6, "in square metres"),
    ("labelled_area", 3 * 1.28**2 * 1e3, "not 1000 square metres"),
    ("labelled_area", 3 * 1.28**2 * 100, "hectares"),
    ("labelled_area", 3 * 128**2, "number of pixels"),
    ("labelled_area", (3 * 1.28) ** 2, "squared the number of chips"),
    ("labelled_area", 0.3 * 1.28**2, "area of the landslides"),
    ("labelled_area", 7.7, "multiply by the area of one"),
    ("cost_of_transfer", -0.2, "sign is the wrong way round"),
    ("cost_of_transfer", 0.1, "corrected brightness"),
    ("cost_of_transfer", 0.25, "best seed of each"),
    ("cost_of_transfer", 0.15, "That is one seed"),
    ("cost_of_transfer", np.mean([0.35 / 0.5, 0.45 / 0.7, 0.4 / 0.6]), "That is a ratio"),
    (
        "cost_of_transfer",
        PAIRS.groupby(["train_region", "test_region", "method"])["auprc"].mean()["p", "p", "trained there"]
        - PAIRS.groupby(["train_region", "test_region", "method"])["auprc"].mean()["p", "q", "as trained"],
        "score at home with the score away",
    ),
    (
        "cost_of_transfer",
        PAIRS.groupby(["train_region", "test_region", "method"])["auprc"].mean()["p", "q", "as trained"],
        "score of the network from elsewhere",
    ),
    ("cost_of_transfer", 0.05, "landslide chips"),
    ("cost_of_transfer", 0.6, "sum over the seeds"),
    ("cost_of_transfer", 0.77, "Take the lines of the test region"),
]
NUMBERS = (
    "facing_orbit",
    "kernel_response",
    "weights_of_convolution",
    "field_width",
    "landslide_area",
    "average_precision",
    "mean_backscatter",
    "number_of_looks",
    "leaking_chips",
    "times_seen",
    "uninformed_loss",
    "best_step",
    "spread_of_difference",
    "landslides_found",
    "calibration_error",
    "cost_threshold",
    "hidden_from_both",
    "survey_precision",
    "expected_area",
    "largest_area",
    "runs_missing",
    "times_chance",
    "waiting_days",
    "labelled_area",
    "cost_of_transfer",
)
MAPS = ("log_ratio", "composite", "normalised")


@pytest.fixture(autouse=True)
def no_tries() -> None:
    """Forget the wrong answers of other tests."""
    TRIES.clear()


def ask(name: str, answer: Any) -> check.Verdict:
    """Ask a check with the context that the notebook gives it."""
    return check.EXERCISES[name](answer, *CONTEXT[name])


def test_every_check_is_tested() -> None:
    assert set(check.EXERCISES) == set(CONTEXT) == set(RIGHT_ANSWERS)
    assert all(getattr(check, name) is judge for name, judge in check.EXERCISES.items())
    for name in check.EXERCISES:
        assert sum(name == other for other, _, _ in PLAUSIBLE_BUT_WRONG) >= 2


@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, answers in RIGHT_ANSWERS.items() for answer in answers]
)
def test_right_answers_are_right(name: str, answer: Any) -> None:
    verdict = ask(name, answer)
    assert verdict.state == RIGHT, verdict


@pytest.mark.parametrize(("name", "answer", "hint"), PLAUSIBLE_BUT_WRONG)
def test_plausible_wrong_answers_get_their_own_hint(name: str, answer: Any, hint: str) -> None:
    verdict = ask(name, answer)
    assert verdict.state == NOT_YET
    assert any(words in verdict.message for words in hint.split("|")), verdict


def test_the_last_pass_is_not_dropped() -> None:
    times = np.concatenate([np.array(["2018-08-13T20:42"], "datetime64[ns]"), TIMES])
    cube = CUBE.reindex(time=times).assign_coords(orbit=("time", ["descending", *ORBITS]))
    assert "dropped the last pass before the event" in check.passes_before(times[:3], cube, 3, "descending").message
    earlier = check.passes_before(times[[0, 1, 2]], cube, 2, "descending")
    assert "3 passes where 2" in earlier.message
    assert "later ones before the event" in check.passes_before(times[[0, 2]], cube, 2, "descending").message


@pytest.mark.parametrize("name", check.EXERCISES)
def test_a_stub_is_not_done_yet(name: str) -> None:
    verdict = ask(name, ...)
    assert verdict.state == NOT_DONE
    assert "three dots" in verdict.message


def no_answer() -> None:
    """Stand for a learner's function that was not called."""


@pytest.mark.parametrize("name", check.EXERCISES)
@pytest.mark.parametrize(
    "answer",
    [
        None,
        "twelve",
        no_answer,
        float("nan"),
        np.full((60, 80), np.nan),
        [],
        {},
        np.zeros((3, 3)),
        object(),
        True,
        xr.Dataset(),
        1j,
    ],
)
def test_nothing_that_a_learner_passes_raises(name: str, answer: Any) -> None:
    verdict = ask(name, answer)
    assert verdict.state == NOT_YET
    assert len(verdict.message) > 20
    assert "Traceback" not in verdict.message


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (None, "Your answer is None where one number"),
        ("3", "leave out the quotes"),
        (no_answer, "call it, with parentheses"),
        (float("nan"), "Missing pixels are NaN"),
        (float("inf"), "division by zero"),
        (np.zeros((2, 3)), r"shape (2, 3) where one number"),
        (POWER, "Reduce the array"),
        (True, "True or False"),
        ({}, "type dict"),
    ],
)
def test_what_is_no_number_is_said_to_be_none(name: str, answer: Any, hint: str) -> None:
    assert hint in ask(name, answer).message


@pytest.mark.parametrize("name", MAPS)
def test_what_is_no_map_is_said_to_be_none(name: str) -> None:
    right = RIGHT_ANSWERS[name][0]
    assert "is None where an array" in ask(name, None).message
    assert "has the shape ()" in ask(name, 3.0).message
    assert "Dataset where one variable" in ask(name, right.to_dataset(name="change")).message
    assert "lost the dimension x" in ask(name, right.mean("x")).message
    assert "still has the dimension pass" in ask(name, right.expand_dims("pass")).message
    assert "has the shape" in ask(name, right.values[..., :-1]).message
    assert (
        "50% of your pixels are missing"
        in ask(name, right.where(xr.DataArray(np.arange(right.sizes["x"]) % 2 == 0, dims="x"))).message
    )


@pytest.mark.parametrize("name", [name for name, context in CONTEXT.items() if context])
def test_cells_that_were_not_run_in_order_are_noticed(name: str) -> None:
    right, judge = RIGHT_ANSWERS[name][0], check.EXERCISES[name]
    lost = judge(right, *[None] * len(CONTEXT[name]))
    assert lost.state == NOT_YET
    assert "which the notebook makes, is not there yet. Run the notebook's cells from the top" in lost.message
    replaced = judge(right, *["something else"] * len(CONTEXT[name]))
    assert replaced.state == NOT_YET
    assert "Run the notebook's cells from the top" in replaced.message
    assert f"check.{name}(answer" in judge(right).message
    assert f"check.{name}(answer" in judge().message


def test_missing_pixels_do_no_harm() -> None:
    assert check.composite(10 * np.log10(HOLED.mean("time")), HOLED).state == RIGHT
    assert check.mean_backscatter(10 * np.log10(HOLED.mean()), HOLED).state == RIGHT
    assert check.mean_backscatter(10 * np.log10(HOLED.values.mean()), HOLED).state == NOT_YET
    zeros = POWER.copy(data=np.where(np.arange(80) > 2, POWER, 0))
    assert check.composite(10 * np.log10(zeros.where(zeros > 0).mean("time")), zeros).state == RIGHT
    ends = POWER.copy(data=np.where((np.arange(80) < 40) | (np.arange(4) < 3)[:, None, None], POWER, 0))
    assert "averaged zeros" in check.composite(10 * np.log10(ends.mean("time")), ends).message


def test_draws_without_a_landslide_do_no_harm() -> None:
    holed = np.where(np.arange(500) % 50 == 0, np.nan, FIRST)
    assert check.spread_of_difference(np.nanstd(holed - SECOND), holed, SECOND).state == RIGHT
    assert "NaN" in check.spread_of_difference(np.std(holed - SECOND), holed, SECOND).message


def test_one_half_is_right_where_both_mistakes_cost_the_same() -> None:
    assert check.cost_threshold(0.5, 3.0, 3.0).state == RIGHT


def test_square_degrees_are_no_area() -> None:
    degrees = SQUARES.to_crs("EPSG:4326").set_crs(None, allow_override=True).area.nlargest(10).sum()
    for guess in (degrees, degrees * 111**2):
        assert "square degrees" in check.largest_area(guess, SQUARES, 10).message


@pytest.mark.parametrize("name", ["paired_difference", "surrounding_box"])
def test_several_numbers_are_read_one_by_one(name: str) -> None:
    wanted = "2 numbers (the mean, the standard deviation)" if name == "paired_difference" else "4 numbers (west, south"
    right = list(RIGHT_ANSWERS[name][0])
    assert f"is None where {wanted}" in ask(name, None).message
    assert f"has the shape () where {wanted}" in ask(name, right[0]).message
    assert f"has the shape ({len(right) + 1},) where {wanted}" in ask(name, [*right, 0.0]).message
    assert "is None where one number" in ask(name, [*right[:-1], None]).message
    assert "NaN" in ask(name, [*right[:-1], float("nan")]).message


def test_a_mean_in_hand_leads_on_to_the_spread() -> None:
    assert check.paired_difference((0.5, 0.5), *BANDS).message.startswith("First the differences")
    assert check.paired_difference((MEAN_SD[0], 0.5), *BANDS).message.startswith("The mean is right")


@pytest.mark.parametrize(
    ("second", "near"),
    [([0.660, 0.664, 0.680], lambda each: each.std()), ([0.6766, 0.6693, 0.6900], lambda each: each.std(ddof=0))],
    ids=["to the right number", "to another mistake"],
)
def test_a_mistake_is_recognised_however_near_another_number_is(second: list[float], near: Any) -> None:
    sar, vv = pd.Series([0.8030, 0.8048, 0.8130]), pd.Series(second)
    each = sar - vv
    assert abs(sar.std() / near(each) - 1) < 0.015
    assert "first alone" in check.paired_difference((each.mean(), sar.std()), sar, vv).message
    assert "ddof=1" in check.paired_difference((each.mean(), each.std(ddof=0)), sar, vv).message
    assert check.paired_difference((each.mean(), round(each.std(), 5)), sar, vv).state == RIGHT


def test_what_the_notebook_cannot_answer_is_said() -> None:
    assert "Fewer than two seeds" in check.paired_difference((0.1, 0.1), BANDS[0][:1], BANDS[1][:1]).message
    assert "last pass of the track" in check.waiting_days(18.1, PASSES, 2).message
    assert "has 4 passes after the event, so 9" in check.waiting_days(12.1, PASSES, 9).message
    assert "has no area_m2" in check.largest_area(1.0, SQUARES.drop(columns="area_m2"), 10).message
    assert "is not a date and time" in check.first_look("tomorrow", PASSES, 9).message


def test_a_verdict_reads_well_and_is_safe_as_html() -> None:
    verdict = check.Verdict(NOT_YET, "a < b & <script>")
    assert str(verdict) == repr(verdict) == "Not yet. a < b & <script>"
    assert "a &lt; b &amp; &lt;script&gt;" in verdict._repr_html_()
    assert 'role="status"' in verdict._repr_html_()


def test_an_error_inside_a_check_becomes_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(check.EXERCISES, "made_up", check.facing_orbit)  # puts the list back afterwards

    @exercise("00_start_here", "Take 2.")
    def made_up(answer: Any) -> str:
        return str(1 / answer)

    assert made_up(2).state == RIGHT
    assert "ZeroDivisionError: division by zero" in made_up(0).message


def test_the_second_wrong_answer_gets_a_second_hint_and_the_solution() -> None:
    first, second = ask("cost_threshold", 0.3), ask("cost_threshold", 10 / 11)
    assert "second hint" not in str(first)
    assert first.solution == ""
    assert second.message.startswith("The wrong way round")
    assert "A second hint: p * miss = (1 - p) * alarm" in second.message
    assert str(second).endswith("The solved notebook: solutions/04_evaluate.ipynb")
    assert '<a href="solutions/04_evaluate.ipynb">' in second._repr_html_()
    assert ask("cost_threshold", 1 / 11).solution == ""
    assert ask("cost_threshold", 0.3).solution == ""  # the count starts again


def test_what_is_no_try_does_not_count() -> None:
    ask("cost_threshold", ...)
    check.cost_threshold(0.3)
    check.cost_threshold(0.3, None, None)
    ask("landslides_found", 0.123)
    assert ask("cost_threshold", 0.3).solution == ""


@pytest.mark.parametrize("name", check.EXERCISES)
def test_each_second_hint_is_of_its_own_and_its_solution_is_there(name: str) -> None:
    source = Path(__file__).parents[2] / "notebooks" / "source"
    first, second = ask(name, None), ask(name, None)
    hint = second.message.removeprefix(first.message).removeprefix(" A second hint: ")
    assert len(hint) > 30
    assert hint not in first.message
    assert f"check.{name}(" in (source / f"{second.solution}.py").read_text(encoding="utf-8")


def test_on_colab_the_solution_has_its_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = "Project-URL: Issues, https://github.com/me/it/issues\nProject-URL: Repository, https://github.com/me/it\n"
    monkeypatch.setattr("importlib.metadata.metadata", lambda _: Parser().parsestr(urls))
    assert address_of("00_start_here") == "solutions/00_start_here.ipynb"
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("colab"))
    there = "https://colab.research.google.com/github/me/it/blob/main/notebooks/solutions/00_start_here.ipynb"
    assert address_of("00_start_here") == there
    monkeypatch.setattr("importlib.metadata.metadata", lambda _: Parser().parsestr(""))
    assert address_of("00_start_here") == "solutions/00_start_here.ipynb"


def test_a_rounded_answer_is_told_so() -> None:
    slid = maps(np.arange(40_000).reshape(200, 200) < 17_500)
    assert check.landslide_area(1.75, slid, 10.0).state == RIGHT
    assert "too few digits" in check.landslide_area(1.8, slid, 10.0).message
    assert "divide by a million" in check.landslide_area(1.7, slid, 10.0).message


def test_shares_that_are_equal_are_not_taken_for_their_mean() -> None:
    mirrored = FROM_EAST.copy(data=FROM_EAST.values[:, ::-1])
    assert "what descending passes miss" in check.hidden_from_both(FROM_EAST.mean(), FROM_EAST, mirrored).message


def test_one_divided_by_the_variance_is_right_only_where_the_mean_is_1() -> None:
    of_mean_1 = SPECKLE / SPECKLE.mean()
    assert "only where the mean is 1" in check.number_of_looks(1 / of_mean_1.var(), of_mean_1).message
    assert "only where" not in ask("number_of_looks", RIGHT_ANSWERS["number_of_looks"][0]).message


@pytest.mark.parametrize("seed", range(6))
def test_the_number_of_neighbours_cannot_be_guessed_with_any_seed(seed: int) -> None:
    """With one seed of the notebook all test chips touch a training chip, so their number must not be the answer."""
    chips = split_chips(LANDSLIDES_OF_A_SCENE, method="random", seed=seed)
    tests = (chips["part"] == "test").sum()
    for guess in (tests, 1, 2, 3, 4, 6, 8, 0.5, 0.6):
        assert check.leaking_chips(guess, chips).state == NOT_YET
