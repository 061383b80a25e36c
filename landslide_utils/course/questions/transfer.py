"""Questions of notebook 07."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "score-elsewhere",
        "a-good-score-travels",
        "A network scores AUPRC 0.75 on the test chips of its own region. What will it score after the next earthquake, elsewhere?",
        (False, "About 0.75: the test chips were unseen too", "They were unseen, but of the same hills, the same passes and the same event."),
        (False, "Less, by about a tenth", "It may be a tenth, a half, or nothing. The table has all of these."),
        (True, "Nobody can say before it is tested there", "Ground, season, orbit and landslides differ, and so does chance, with which every AUPRC must be read."),
    ),
    question(
        "tuned-and-tested",
        "labels-can-be-used-twice",
        "You have twenty labelled chips of the new event. How do you tune, and say how good the map is?",
        (False, "Tune on all twenty and score on all twenty", "The score then says how well it learnt these by heart."),
        (True, "Tune on some, in one block, and score on the others", "Labels are spent once. Blocks keep neighbours on one side."),
        (False, "Tune on all twenty and quote the score from home", "That is the score of another network in another place."),
    ),
    question(
        "what-levels-mend",
        "normalising-mends-everything",
        "What does measuring mean and standard deviation in the new region mend?",
        (True, "A level and a spread that differ for the whole scene", "Such as rock instead of forest, a wet season, another processor."),
        (False, "All that differs between two regions", "Landslides of another size, or slopes seen from the other side, stay strange."),
        (False, "Nothing: the labels are missing", "Mean and standard deviation need none."),
    ),
)  # fmt: skip
