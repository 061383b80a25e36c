"""Checks of notebook 03."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from landslide_utils.course.check.answer import compare, exercise, read_number

EXACT = 1e-6
"""Counts are right or wrong: a relative tolerance would let neighbouring numbers pass."""


@exercise
def optimiser_steps(answer: Any, chips: Any, recipe: Any) -> str:
    """Check how often a recipe moves the weights, from a table of chips and a `Preset` that trains on chips with landslides only."""
    slid = chips["landslide_share"] > 0
    training = chips["part"] == "train"
    count, batch, epochs = int((slid & training).sum()), int(recipe.batch_size), int(recipe.epochs)

    def steps(shown: int) -> int:
        return math.ceil(shown / batch) * epochs

    right = steps(count)
    compare(
        read_number(answer),
        right,
        [
            (math.ceil(count / batch), f"Those are the steps of one epoch; the recipe has {epochs}."),
            (count * epochs, "That is a step for each chip. The weights move once for each batch."),
            (count, "That is the number of chips. How many batches are they, and how many epochs are there?"),
            (
                count // batch * epochs,
                "You dropped the last batch of each epoch. It is smaller than the others, but it is a step: round up.",
            ),
            (
                count / batch * epochs,
                "There are no parts of steps: a batch that is not full moves the weights too. Round up the batches of an epoch.",
            ),
            (
                math.ceil(count / batch * epochs),
                "A batch never holds chips of two epochs. Round up the batches of one epoch, then multiply by the epochs.",
            ),
            (
                steps(int(training.sum())),
                "You counted all training chips. This recipe trains on those that hold a landslide: landslide_share above 0.",
            ),
            (steps(int(slid.sum())), "You counted the chips of all parts. Only those whose part is 'train' train."),
            (batch * epochs, "That is the chips of a batch times the epochs. How many batches has an epoch?"),
            (epochs, "That is the number of epochs. How many batches has each?"),
        ],
        "Count the training chips that hold a landslide, divide by the batch size and round up: so many steps has one epoch.",
        absolute=EXACT,
    )
    return f"{count} chips in batches of {batch}: {right} steps in {epochs} epochs."


@exercise
def uninformed_loss(answer: Any, prevalence: Any) -> str:
    """Check the mean cross-entropy of a network that gives every pixel the prevalence."""
    p = float(prevalence)
    on, off = -math.log(p), -math.log(1 - p)
    right = p * on + (1 - p) * off
    compare(
        read_number(answer),
        right,
        [
            (-right, "The sign is wrong: logarithms of probabilities are negative, and a loss is not."),
            (right / math.log(2), "That is in bits: np.log2. The loss is measured with the natural logarithm, np.log."),
            (right / math.log(10), "np.log10 is the logarithm to base ten. The loss is measured with np.log."),
            (on, "That is the loss on a landslide pixel. Most pixels are none: take the mean over both kinds."),
            (
                off,
                "That is the loss on a pixel that is no landslide. A share of the pixels is: take the mean over both.",
            ),
            (p * on, "That is the landslides' part of the mean. The pixels that did not slide cost something too."),
            (
                (1 - p) * off,
                "That is the part of the pixels that did not slide. The landslides cost much more each: add their part.",
            ),
            (
                p * off + (1 - p) * on,
                "The two are the wrong way round: where the ground slid, the network gave the truth the probability p.",
            ),
            (
                (on + off) / 2,
                "You gave both kinds of pixels the same weight. A share p of them slid, the others did not.",
            ),
            (math.log(2), "That is the loss of a network that says 0.5 everywhere. This one says the prevalence."),
            (p * (1 - p), "That is the mean squared error. Cross-entropy takes the logarithm of the probability."),
        ],
        "A share p of the pixels slid and costs -ln p each, the others cost -ln(1 - p) each. What is the mean?",
    )
    return f"{right:.3f}. A network that has learnt something from the radar costs less."


@exercise
def best_epoch(answer: Any, history: Any) -> str:
    """Check the number of the epoch that is best by the validation chips, from a table with a line for each epoch."""
    epochs, score = history["epoch"].to_numpy(), history["validation_auprc"].to_numpy()
    place = int(np.argmax(score))
    compare(
        read_number(answer),
        int(epochs[place]),
        [
            (
                place,
                f"pandas counts lines from 0, so line {place} is not epoch {place}. Choose by validation_auprc, then give the column epoch.",
            ),
            (
                int(epochs[history["train_loss"].to_numpy().argmin()]),
                "That epoch has the lowest training loss, which also falls when chips are learnt by heart. Ask the validation chips.",
            ),
            (
                int(epochs[history["validation_loss"].to_numpy().argmin()]),
                "That epoch has the lowest validation loss. It asks for right probabilities; here the right order is asked, validation_auprc.",
            ),
            (int(epochs[score.argmin()]), "That epoch has the lowest validation AUPRC. The higher, the better."),
            (float(score[place]), "That is the AUPRC itself. In which epoch was it reached?"),
            (int(epochs[-1]), "That is the last epoch. Was any earlier one better on the validation chips?"),
        ],
        "Find the line with the highest validation_auprc, history['validation_auprc'].idxmax(), and give its epoch.",
        absolute=EXACT,
    )
    return f"Epoch {int(epochs[place])}, validation AUPRC {score[place]:.2f}; the last one has {score[-1]:.2f}."
