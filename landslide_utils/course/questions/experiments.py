"""Questions of notebook 06."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "three-seeds",
        "the-best-seed-counts",
        "Three seeds of one configuration score 0.70, 0.71 and 0.76. What do you report?",
        (
            False,
            "0.76, which shows what it can do",
            "It shows what luck can do. Who tries ten seeds reports more still.",
        ),
        (
            True,
            "Their mean and how far they spread",
            "Somebody who repeats it gets another seed. The mean is what to expect, the spread how surely.",
        ),
        (False, "0.71, the middle one", "Better than the best, but it hides how far the others are."),
    ),
    question(
        "interval-with-zero",
        "cannot-tell-means-no-effect",
        "The interval of a difference reaches from -0.10 to +0.10. What have you shown?",
        (
            True,
            "That this test cannot tell",
            "An effect of 0.1 of either sign would be large, and both lie within. A larger test may tell.",
        ),
        (False, "That there is no effect", "Then the interval would be narrow around zero. This one is wide."),
        (False, "That the effect is small", "It may be as large as 0.1 of either sign, which is not small."),
    ),
    question(
        "narrower",
        "more-seeds-narrow-the-interval",
        "Your interval is wide, and your test has seven chips with landslides. What narrows it most?",
        (
            False,
            "More seeds",
            "They average out the luck of training, which is small here. The seven chips stay the same seven.",
        ),
        (False, "More epochs", "The network may get better, but it is still tested on seven chips."),
        (
            True,
            "More test chips with landslides",
            "What differs most is how hard the chips are. Another scene brings more of them.",
        ),
    ),
)
