"""The exercises' checks: each says that an answer is right, or what to think of next."""

from landslide_utils.course.check.answer import EXERCISES, NOT_DONE, NOT_YET, RIGHT, Verdict
from landslide_utils.course.check.chips import composite, leaking_chips, normalised, passes_before
from landslide_utils.course.check.evaluate import (
    calibration_error,
    cost_threshold,
    landslides_found,
    spread_of_difference,
)
from landslide_utils.course.check.event import first_look, surrounding_box, waiting_days
from landslide_utils.course.check.experiments import paired_difference, runs_missing, times_chance
from landslide_utils.course.check.explore import facing_orbit, log_ratio, mean_backscatter, number_of_looks
from landslide_utils.course.check.mapping import expected_area, hidden_from_both, largest_area, survey_precision
from landslide_utils.course.check.start import average_precision, landslide_area
from landslide_utils.course.check.train import best_epoch, optimiser_steps, uninformed_loss
from landslide_utils.course.check.transfer import cost_of_transfer, labelled_area, level_shift

__all__ = [
    "EXERCISES",
    "NOT_DONE",
    "NOT_YET",
    "RIGHT",
    "Verdict",
    "average_precision",
    "best_epoch",
    "calibration_error",
    "composite",
    "cost_of_transfer",
    "cost_threshold",
    "expected_area",
    "facing_orbit",
    "first_look",
    "hidden_from_both",
    "labelled_area",
    "landslide_area",
    "landslides_found",
    "largest_area",
    "leaking_chips",
    "level_shift",
    "log_ratio",
    "mean_backscatter",
    "normalised",
    "number_of_looks",
    "optimiser_steps",
    "paired_difference",
    "passes_before",
    "runs_missing",
    "spread_of_difference",
    "surrounding_box",
    "survey_precision",
    "times_chance",
    "uninformed_loss",
    "waiting_days",
]
