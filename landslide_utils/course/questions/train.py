"""Questions of notebook 03."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "ten-epochs",
        "epochs-measure-training",
        "Two networks are trained for ten epochs with the same batch size, one on 60 chips, the other on 6,000. Which has been trained for longer?",
        (
            False,
            "Neither: ten epochs are ten epochs",
            "An epoch is once through the chips. It says nothing of how many there are.",
        ),
        (
            False,
            "The one with 60 chips: it has seen each more often",
            "Both have seen each chip ten times. But how often did their weights move?",
        ),
        (
            True,
            "The one with 6,000 chips",
            "It has a hundred times as many batches, so its weights moved about a hundred times as often.",
        ),
    ),
    question(
        "loss-of-one-tenth",
        "a-small-loss-is-a-good-network",
        "Landslides are 2 % of the pixels. After an epoch the cross-entropy is 0.10. What has the network learnt?",
        (
            True,
            "Perhaps nothing but that landslides are rare",
            "Saying 0.02 everywhere costs 0.098. First compute what knowing nothing costs.",
        ),
        (False, "A lot: 0.10 is close to 0", "Whoever says 0.02 everywhere, without a look at the radar, has 0.098."),
        (
            False,
            "A lot: it started near 0.69",
            "0.69 is what 0.5 everywhere costs. Most of the way down is only learning that landslides are rare.",
        ),
    ),
    question(
        "training-loss-falls",
        "train-until-the-loss-is-lowest",
        "The training loss still falls, the AUPRC on the validation chips does not get better any more. What do you do?",
        (
            False,
            "Go on: the loss is what is being trained",
            "It also falls while the network learns its training chips by heart.",
        ),
        (
            False,
            "Go on until the training loss no longer falls",
            "Then the network knows its training chips best. You want it to know others.",
        ),
        (
            True,
            "Keep the weights of the best validation epoch",
            "Validation chips never moved a weight, so they show what the network can do elsewhere.",
        ),
    ),
    question(
        "best-on-the-test",
        "the-test-may-choose",
        "You trained 200 networks and report the one with the highest AUPRC on the test chips, with that AUPRC. Is the number right?",
        (
            False,
            "Yes: the network has never seen the test chips",
            "But you have. Of 200 guessers that know nothing, the best by the test looks clever too.",
        ),
        (
            True,
            "No, it is too high",
            "The best of many is partly the luckiest. Choose by the validation chips, then test the chosen one once.",
        ),
        (
            False,
            "No, it is too low",
            "Luck is on the side of whoever is picked as the best, so the number is too high.",
        ),
    ),
)
