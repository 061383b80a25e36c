"""Questions of notebook 02."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "calendar-day",
        "cut-by-day",
        "The event was on 5 September at 18:08 UTC. On which side is the pass of 5 September?",
        (False, "Before", "At 20:38 UTC it would be after. The day does not tell."),
        (False, "After", "At 08:38 UTC it would be before. The day does not tell."),
        (
            True,
            "That depends on its time of day",
            "Compare instants in one time zone. If only dates are known, leave the pass out.",
        ),
    ),
    question(
        "random-split",
        "random-splits-are-fair",
        "Chips were shared out at random, one by one. Why is the test score too good?",
        (
            False,
            "Random splits give the test the easy chips",
            "Not more than others. The trouble is who their neighbours are.",
        ),
        (
            True,
            "Most test chips have a training chip beside them",
            "Neighbours share slopes, weather, even landslides. The network has almost seen the test.",
        ),
        (False, "It is not: random is fair", "It is where samples are independent. Neighbouring chips are not."),
    ),
    question(
        "normalise-first",
        "normalising-first-is-harmless",
        "When may you measure the mean and the standard deviation that normalise the image?",
        (False, "Before the split, on the whole scene", "Then the test has a say in what the network is shown."),
        (
            True,
            "After the split, on the training chips",
            "Whatever is learnt, numbers for normalisation too, is learnt from training chips only.",
        ),
        (
            False,
            "On each part by itself",
            "Then the same backscatter means something else in each part, and in use there is no part to measure.",
        ),
    ),
    question(
        "landslide-chips",
        "scores-compare-everywhere",
        "One paper scores chips with landslides and finds AUPRC 0.6, another the whole scene and finds 0.5. Which detector is better?",
        (False, "The first", "Where landslides are more common, the same detector scores higher."),
        (False, "The second", "It may be: its task is harder. But the two numbers alone cannot tell."),
        (True, "They cannot be compared", "AUPRC depends on the prevalence. Score both on the same pixels."),
    ),
)
