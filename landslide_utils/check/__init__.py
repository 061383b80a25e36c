"""The exercises' checks: each says that an answer is right, or what to think of next."""

from landslide_utils.check.answer import EXERCISES, NOT_DONE, NOT_YET, RIGHT, Verdict
from landslide_utils.check.chips import composite, leaking_chips, normalised, passes_before
from landslide_utils.check.evaluate import calibration_error, cost_threshold, landslides_found, spread_of_difference
from landslide_utils.check.explore import facing_orbit, log_ratio, mean_backscatter, number_of_looks
from landslide_utils.check.start import average_precision, landslide_area
from landslide_utils.check.train import best_epoch, optimiser_steps, uninformed_loss

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
    "cost_threshold",
    "facing_orbit",
    "landslide_area",
    "landslides_found",
    "leaking_chips",
    "log_ratio",
    "mean_backscatter",
    "normalised",
    "number_of_looks",
    "optimiser_steps",
    "passes_before",
    "spread_of_difference",
    "uninformed_loss",
]
