"""Questions of notebook 04."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "million-pixels",
        "many-pixels-make-it-sure",
        "A test has ten chips with landslides, and a million pixels. What does the width of its interval depend on?",
        (
            False,
            "On the pixels: with a million the number is exact",
            "Pixels of a chip share slopes, weather and landslides. They are no million independent trials.",
        ),
        (
            True,
            "On the ten chips, most of all",
            "Another valley would bring other chips. Ten of them say little about that.",
        ),
        (
            False,
            "On the number of bootstrap draws",
            "More draws make the picture of the interval smoother, not the interval narrower.",
        ),
    ),
    question(
        "two-intervals",
        "overlap-means-no-difference",
        "Two detectors were tested on the same chips, and the intervals of their AUPRC overlap. Is one of them better?",
        (
            False,
            "No: intervals that overlap show no difference",
            "Chips that are hard for one are hard for the other, and that cancels in the difference.",
        ),
        (
            False,
            "Yes, the one with the higher AUPRC",
            "It may be luck. Look at the interval of the difference: does it hold 0?",
        ),
        (
            True,
            "Look at the difference, chip draw by chip draw",
            "The paired difference has an interval of its own. If it leaves out 0, there is something to claim.",
        ),
    ),
    question(
        "half-the-pixels",
        "recall-counts-landslides",
        "A map has a recall of 0.5, counted in pixels. How many of the landslides has it found?",
        (False, "Half of them", "A few large landslides may hold half of all pixels."),
        (
            True,
            "That cannot be said from it",
            "Large landslides have many pixels. Count landslides, and say what counts as found.",
        ),
        (
            False,
            "All of them, half each",
            "It could be. As well it could be half of them wholly. Pixels do not tell.",
        ),
    ),
    question(
        "cheap-threshold",
        "one-half-is-the-threshold",
        "Probabilities are calibrated, and a missed landslide costs as much as 20 false alarms. When should a pixel be reported?",
        (False, "Above 0.5: then it is more likely than not", "That holds if both mistakes cost the same."),
        (
            False,
            "Above 0.95: 20 of 21",
            "That is the threshold if a false alarm were the dear one. Here we would rather warn once too often.",
        ),
        (
            True,
            "Above 0.048: 1 of 21",
            "There, silence costs 0.048 * 20 and a report 0.952 * 1: the same. Above it, reporting is cheaper.",
        ),
    ),
)
