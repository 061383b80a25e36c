"""Questions of notebook 00."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "night-and-cloud",
        "radar-is-a-photograph",
        "The earthquake struck at night, and the next days were cloudy. When can Sentinel-1 first see the landslides?",
        (
            False,
            "On the first cloudless day",
            "Clouds are transparent at its wavelength of 5.5 cm: it need not wait.",
        ),
        (
            False,
            "In the first daylight",
            "It brings its own light, as microwaves, so it sees as much at midnight as at noon.",
        ),
        (
            True,
            "At its next pass",
            "It sends its own microwaves, and they go through clouds. Only its orbit makes us wait.",
        ),
    ),
    question(
        "accuracy",
        "high-accuracy-is-a-good-map",
        "A map calls 98 % of the pixels right. Landslides cover 2 % of them. How good is it?",
        (
            False,
            "Very good: only 2 % are wrong",
            "An empty map is also right on 98 %. Accuracy hardly sees what is rare.",
        ),
        (
            True,
            "It cannot be said from that",
            "A map without a single landslide has the same accuracy. Ask for precision and recall.",
        ),
        (
            False,
            "Useless",
            "It may be: an empty map scores as much. But a very good one might too. The number does not tell.",
        ),
    ),
    question(
        "chance",
        "chance-is-one-half",
        "What is the AUPRC of a map of random numbers, where landslides are 2 % of the pixels?",
        (False, "0.5", "That is chance for the area under the ROC curve, which is another curve."),
        (
            True,
            "0.02",
            "Whatever it picks, 2 % of it are landslides: the precision is the prevalence at every recall.",
        ),
        (False, "0", "Random picks are right now and then: in 2 % of the cases."),
    ),
    question(
        "probability",
        "a-probability-is-a-share",
        "This network says 0.9 for a group of pixels. How many of them are landslides?",
        (
            False,
            "90 %",
            "Only if it was trained on as many landslides as there are. Its chips were chosen because they hold some.",
        ),
        (
            True,
            "Probably fewer than 90 %",
            "It was shown more landslides than there are, so it expects too many. The order of the pixels is still useful.",
        ),
        (False, "All of them: 0.9 is above one half", "One half is a threshold that somebody chose, not a truth."),
    ),
)
