"""Each check is fed the right answer, wrong ones that people give, and what goes wrong in notebooks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import entropy
from sklearn.metrics import average_precision_score, roc_auc_score
from torch.utils.data import DataLoader

from landslide_utils import check
from landslide_utils.check import NOT_DONE, NOT_YET, RIGHT
from landslide_utils.check.answer import exercise
from landslide_utils.model import PRESETS

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


MEAN, SD = train_statistics()
ALL_MEAN, ALL_SD = train_statistics(("train", "validation", "test"))
DB = 10 * np.log10(POWER)
INSIDE = TEST.values
AREA = float(LANDSLIDES.sum()) * 100 / 1e6
AP = average_precision_score(LANDSLIDES.values[INSIDE], PROBABILITY.values[INSIDE])
RECIPE = dataclasses.replace(PRESETS["paper"], batch_size=32, epochs=5)
DEALT = pd.DataFrame(
    {
        "part": ["train"] * 110 + ["test"] * 60,
        "landslide_share": [0.1] * 70 + [0.0] * 40 + [0.2] * 60,
    }
)  # 70 chips that the recipe trains on, 40 that it leaves out, 60 that it may not see
STEPS = RECIPE.epochs * len(DataLoader(range(70), RECIPE.batch_size))  # type: ignore[arg-type, var-annotated]
P = 0.03
HISTORY = pd.DataFrame(
    {
        "epoch": np.arange(1, 9),
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
CONTEXT: dict[str, tuple[Any, ...]] = {
    "landslide_area": (LANDSLIDES, 10.0),
    "average_precision": (PROBABILITY, LANDSLIDES, TEST),
    "mean_backscatter": (POWER,),
    "number_of_looks": (SPECKLE,),
    "facing_orbit": (),
    "log_ratio": (BEFORE, AFTER),
    "passes_before": (CUBE, 3, "descending"),
    "composite": (POWER,),
    "leaking_chips": (CHIPS,),
    "normalised": (IMAGE, CHIPS),
    "optimiser_steps": (DEALT, RECIPE),
    "uninformed_loss": (P,),
    "best_epoch": (HISTORY,),
    "spread_of_difference": (FIRST, SECOND),
    "landslides_found": (EACH,),
    "calibration_error": (TABLE,),
    "cost_threshold": (10.0, 1.0),
}
RIGHT_ANSWERS: dict[str, list[Any]] = {
    "landslide_area": [AREA, np.float32(AREA), xr.DataArray(AREA)],
    "average_precision": [AP],
    "mean_backscatter": [10 * np.log10(POWER.mean()), float(10 * np.log10(POWER.values.mean()))],
    "number_of_looks": [SPECKLE.mean() ** 2 / SPECKLE.var(), SPECKLE.values.mean() ** 2 / SPECKLE.values.var(ddof=1)],
    "facing_orbit": ["ascending", "Ascending "],
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
    "leaking_chips": [1, np.int64(1), 1.0],
    "normalised": [
        (IMAGE - MEAN) / SD,
        ((IMAGE - MEAN) / SD).transpose("y", "x", "channel"),
        ((IMAGE - MEAN) / SD).values,
    ],
    "optimiser_steps": [STEPS, float(STEPS), np.int64(STEPS)],
    "uninformed_loss": [entropy([P, 1 - P]), round(entropy([P, 1 - P]), 3)],
    "best_epoch": [5, np.int64(5), HISTORY.set_index("epoch")["validation_auprc"].idxmax()],
    "spread_of_difference": [np.std(FIRST - SECOND), np.std(SECOND - FIRST, ddof=1)],
    "landslides_found": [sum(EACH["found"] >= 0.5) / 200, (EACH["found"] > 0.4).mean()],
    "calibration_error": [FAR, np.float32(FAR)],
    "cost_threshold": [1 / 11, 0.091],
}
PLAUSIBLE_BUT_WRONG: list[tuple[str, Any, str]] = [
    ("landslide_area", float(LANDSLIDES.sum()), "number of pixels"),
    ("landslide_area", AREA * 1e6, "square metres"),
    ("landslide_area", AREA * 100, "hectares"),
    ("landslide_area", AREA * 1e3, "not 1000 square metres"),
    ("landslide_area", AREA / 10, "its area is not 10"),
    ("landslide_area", float(LANDSLIDES.mean()), "share of the scene"),
    ("landslide_area", LANDSLIDES.size * 100 / 1e6, "whole scene"),
    ("landslide_area", 1.3 * AREA, "divide by a million"),
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
    ("average_precision", ((PROBABILITY.values > 0.5) == LANDSLIDES.values)[INSIDE].mean(), "accuracy"),
    ("average_precision", LANDSLIDES.values[INSIDE].mean(), "what chance scores"),
    ("average_precision", 100 * AP, "not in percent"),
    ("mean_backscatter", DB.mean(), "mean of the decibels"),
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
    ("facing_orbit", "descending", "stands in the east"),
    ("facing_orbit", "west", "Which passes look in it"),
    ("facing_orbit", "north-south", "not an orbit direction"),
    ("log_ratio", 10 * np.log10(BEFORE / AFTER), "sign is wrong"),
    ("log_ratio", abs(10 * np.log10(AFTER / BEFORE)), "absolute value"),
    ("log_ratio", AFTER / BEFORE, "ratio of the powers"),
    ("log_ratio", AFTER - BEFORE, "difference of the powers"),
    ("log_ratio", np.log(AFTER / BEFORE), "natural logarithm"),
    ("log_ratio", np.log10(AFTER / BEFORE), "bels"),
    ("log_ratio", 20 * np.log10(AFTER / BEFORE), "amplitudes"),
    ("log_ratio", 10 * np.log10(AFTER), "only the time after"),
    ("log_ratio", 10 * np.log10(AFTER / BEFORE) + 1, "after minus before"),
    ("passes_before", TIMES[[1, 2, 4]], "on the day of the event but after it"),
    ("passes_before", TIMES[[2, 4, 5]], "Some of them are after the event"),
    ("passes_before", TIMES[1:4], "another orbit direction"),
    ("passes_before", TIMES[1:3], "2 passes where 3 are asked"),
    ("passes_before", [0, 1, 2], "Give the instants"),
    ("passes_before", TIMES[:3] + np.timedelta64(1, "h"), "not passes of this cube"),
    ("passes_before", ["soon"], "could not be compared|instants are asked"),
    ("composite", DB.mean("time"), "averaged decibels"),
    ("composite", POWER.mean("time"), "still power"),
    ("composite", np.log(POWER.mean("time")), "natural logarithm"),
    ("composite", np.log10(POWER.mean("time")), "bels"),
    ("composite", 10 * np.log10(POWER.median("time")), "median"),
    ("composite", 10 * np.log10(POWER.sum("time")), "sum"),
    ("composite", DB[-1], "last pass alone"),
    ("composite", DB, "still has the dimension time"),
    ("leaking_chips", 4, "all test chips"),
    ("leaking_chips", 2, "pairs|training chips that touch"),
    ("leaking_chips", 0, "at a corner only"),
    ("leaking_chips", 0.25, "share"),
    ("leaking_chips", 25, "percentage"),
    ("leaking_chips", 3, "For each test chip"),
    ("normalised", (IMAGE - IMAGE.mean(("y", "x"))) / IMAGE.std(("y", "x")), "whole scene"),
    ("normalised", (IMAGE - ALL_MEAN) / ALL_SD, "all chips"),
    ("normalised", (IMAGE - IMAGE.mean()) / IMAGE.std(), "Each channel has its own"),
    ("normalised", IMAGE - MEAN, "divide by the standard deviation"),
    ("normalised", (IMAGE - MEAN) / SD**2, "variance"),
    ("normalised", IMAGE, "as it was"),
    ("normalised", (IMAGE - MEAN) / SD + 0.1, "Measure mean and standard deviation"),
    ("optimiser_steps", 3, "steps of one epoch"),
    ("optimiser_steps", 350, "a step for each chip"),
    ("optimiser_steps", 70, "number of chips"),
    ("optimiser_steps", 10, "dropped the last batch"),
    ("optimiser_steps", 70 / 32 * 5, "no parts of steps"),
    ("optimiser_steps", 11, "chips of two epochs"),
    ("optimiser_steps", 20, "counted all training chips"),
    ("optimiser_steps", 25, "chips of all parts"),
    ("optimiser_steps", 160, "chips of a batch times the epochs"),
    ("optimiser_steps", 5, "number of epochs"),
    ("optimiser_steps", 16, "divide by the batch size and round up"),
    ("uninformed_loss", -entropy([P, 1 - P]), "sign is wrong"),
    ("uninformed_loss", entropy([P, 1 - P], base=2), "bits"),
    ("uninformed_loss", entropy([P, 1 - P], base=10), "base ten"),
    ("uninformed_loss", -np.log(P), "loss on a landslide pixel"),
    ("uninformed_loss", -np.log(1 - P), "no landslide. A share"),
    ("uninformed_loss", -P * np.log(P), "landslides' part of the mean"),
    ("uninformed_loss", -(1 - P) * np.log(1 - P), "add their part"),
    ("uninformed_loss", -P * np.log(1 - P) - (1 - P) * np.log(P), "wrong way round"),
    ("uninformed_loss", -np.log(P * (1 - P)) / 2, "same weight"),
    ("uninformed_loss", np.log(2), "0.5 everywhere"),
    ("uninformed_loss", P * (1 - P), "squared error"),
    ("uninformed_loss", P, "What is the mean?"),
    ("best_epoch", 4, "counts lines from 0"),
    ("best_epoch", 7, "lowest training loss"),
    ("best_epoch", 3, "lowest validation loss"),
    ("best_epoch", 1, "The higher, the better"),
    ("best_epoch", 0.62, "AUPRC itself"),
    ("best_epoch", 8, "last epoch"),
    ("best_epoch", 6, "highest validation_auprc"),
    ("spread_of_difference", np.hypot(FIRST.std(), SECOND.std()), "chips of its own"),
    ("spread_of_difference", FIRST.std() + SECOND.std(), "added the two"),
    ("spread_of_difference", FIRST.std() - SECOND.std(), "difference of the standard deviations"),
    ("spread_of_difference", FIRST.std(), "first detector alone"),
    ("spread_of_difference", SECOND.std(), "second detector alone"),
    ("spread_of_difference", (FIRST - SECOND).var(), "variance"),
    ("spread_of_difference", (FIRST - SECOND).mean(), "how large the difference is"),
    ("spread_of_difference", (FIRST - SECOND).std() / np.sqrt(500), "More draws cost only time"),
    ("spread_of_difference", 1.96 * (FIRST - SECOND).std(), "half the width"),
    ("spread_of_difference", 0.5, "Subtract the two arrays"),
    ("landslides_found", (EACH["found"] * EACH["area_m2"]).sum() / EACH["area_m2"].sum(), "landslide pixels"),
    ("landslides_found", EACH.loc[EACH["found"] >= 0.5, "area_m2"].sum() / EACH["area_m2"].sum(), "with its area"),
    ("landslides_found", EACH["found"].mean(), "mean of the reported shares"),
    ("landslides_found", (EACH["found"] > 0).mean(), "any pixel"),
    ("landslides_found", (EACH["found"] == 1).mean(), "reported whole"),
    ("landslides_found", (EACH["found"] > 0.5).mean(), ">= instead of >"),
    ("landslides_found", (EACH["found"] < 0.5).mean(), "missed"),
    ("landslides_found", (EACH["found"] >= 0.5).sum(), "number of landslides"),
    ("landslides_found", 100 * (EACH["found"] >= 0.5).mean(), "percent"),
    ("landslides_found", 0.9, "Compare each"),
    ("calibration_error", abs((APART * PIXELS).sum()) / 10_000, "cancel"),
    ("calibration_error", abs(APART).mean(), "different numbers of pixels"),
    ("calibration_error", np.sqrt((APART**2 * PIXELS).sum() / 10_000), "squared"),
    ("calibration_error", (APART**2 * PIXELS).sum() / 10_000, "squared"),
    ("calibration_error", abs(APART).max(), "largest distance"),
    ("calibration_error", abs(APART).sum(), "sum over the bins"),
    ("calibration_error", (abs(APART) * PIXELS).sum(), "sum over all pixels"),
    ("calibration_error", 100 * FAR, "percent"),
    ("calibration_error", 0.5, "In each bin"),
    ("cost_threshold", 0.1, "odds"),
    ("cost_threshold", 10 / 11, "wrong way round"),
    ("cost_threshold", 10, "how many false alarms"),
    ("cost_threshold", 0.5, "cost the same"),
    ("cost_threshold", 100 / 11, "percent"),
    ("cost_threshold", 0.3, "solve for p"),
]
NUMBERS = (
    "landslide_area",
    "average_precision",
    "mean_backscatter",
    "number_of_looks",
    "leaking_chips",
    "optimiser_steps",
    "uninformed_loss",
    "best_epoch",
    "spread_of_difference",
    "landslides_found",
    "calibration_error",
    "cost_threshold",
)
MAPS = ("log_ratio", "composite", "normalised")


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
        (POWER, "reduce it"),
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


def test_fewer_chips_than_a_batch_make_one_step_an_epoch() -> None:
    few = DEALT.iloc[60:80]  # ten of them hold a landslide
    assert check.optimiser_steps(5, few, RECIPE).state == RIGHT
    assert "dropped the last batch" in check.optimiser_steps(0, few, RECIPE).message


def test_draws_without_a_landslide_do_no_harm() -> None:
    holed = np.where(np.arange(500) % 50 == 0, np.nan, FIRST)
    assert check.spread_of_difference(np.nanstd(holed - SECOND), holed, SECOND).state == RIGHT
    assert "NaN" in check.spread_of_difference(np.std(holed - SECOND), holed, SECOND).message


def test_one_half_is_right_where_both_mistakes_cost_the_same() -> None:
    assert check.cost_threshold(0.5, 3.0, 3.0).state == RIGHT


def test_a_verdict_reads_well_and_is_safe_as_html() -> None:
    verdict = check.Verdict(NOT_YET, "a < b & <script>")
    assert str(verdict) == repr(verdict) == "Not yet. a < b & <script>"
    assert "a &lt; b &amp; &lt;script&gt;" in verdict._repr_html_()
    assert 'role="status"' in verdict._repr_html_()


def test_an_error_inside_a_check_becomes_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(check.EXERCISES, "made_up", check.facing_orbit)  # puts the list back afterwards

    @exercise
    def made_up(answer: Any) -> str:
        return str(1 / answer)

    assert made_up(2).state == RIGHT
    assert "ZeroDivisionError: division by zero" in made_up(0).message
