"""Checks of notebook 00."""

from __future__ import annotations

from typing import Any

import numpy as np

from landslide_utils.course.check.answer import compare, exercise, made, read_number
from landslide_utils.metrics import auprc


@exercise
def landslide_area(answer: Any, landslides: Any, pixel_size_m: Any) -> str:
    """Check the area of all landslides in km2, from labels (y, x) and the width of a pixel in metres."""
    (labels,) = made(landslides)
    count, side = float(labels.sum()), float(pixel_size_m)
    right = count * side**2 / 1e6
    compare(
        read_number(answer),
        right,
        [
            (count, "That is the number of pixels. How many square metres has one of them?"),
            (count * side**2, "That is in square metres. A square kilometre is 1000 m by 1000 m."),
            (count * side**2 / 1e3, "A square kilometre is not 1000 square metres: it is 1000 m by 1000 m."),
            (count * side / 1e6, f"A pixel is {side:g} m wide and {side:g} m high: its area is not {side:g}."),
            (count * side**2 / 1e4, "That is in hectares; 100 hectares are a square kilometre."),
            (
                float(labels.mean()),
                "That is the share of the scene that slid. Count the pixels with sum() instead of mean().",
            ),
            (
                labels.size * side**2 / 1e6,
                "That is the area of the whole scene. Count only the pixels that are landslide.",
            ),
        ],
        "Count the landslide pixels, multiply by the area of one pixel in square metres, and divide by a million.",
    )
    return f"{right:.2f} km2 slid."


@exercise
def average_precision(answer: Any, probability: Any, landslides: Any, test: Any) -> str:
    """Check the area under the precision-recall curve of a map (y, x) on the pixels of a test mask."""
    from sklearn.metrics import roc_auc_score

    mapped, labels, mask = (array.values for array in made(probability, landslides, test))
    inside = mask & np.isfinite(mapped)
    truth, score = labels[inside], mapped[inside]
    everywhere = np.isfinite(mapped)
    right = auprc(truth, score)
    compare(
        read_number(answer),
        right,
        [
            (
                auprc(~truth, 1 - score),
                "That is the score of finding the pixels that did not slide: the wrong class, and an easy one. Which labels are true?",
            ),
            (auprc(~truth, score), "The labels are the wrong way round: true must stand for landslide."),
            (auprc(truth, -score), "The scores are the wrong way round: the larger, the more likely a landslide."),
            (
                auprc(labels[everywhere], mapped[everywhere]),
                "That counts the whole scene, training chips included. Score only where test is true.",
            ),
            (
                roc_auc_score(truth, score),
                "That is the area under the ROC curve, which looks good for every rare class. Take average_precision_score.",
            ),
            (
                auprc(truth, score > 0.5),
                "You have cut the probabilities at one half; give the score the probabilities themselves.",
            ),
            (
                float(((score > 0.5) == truth).mean()),
                "That is the accuracy: a map without any landslide has nearly the same.",
            ),
            (float(truth.mean()), "That is the prevalence, which is what chance scores. The network does better."),
            (100 * right, "Give it as a share between 0 and 1, not in percent."),
        ],
        "Pick the test pixels of both maps with .values[test.values], then average_precision_score(labels, probabilities).",
    )
    return f"AUPRC {right:.2f}, where chance scores {truth.mean():.3f}."
