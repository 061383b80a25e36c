"""Questions of notebook 08."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "fourteen-passes",
        "every-pass-counts",
        "Track 46 has nine passes before the event and one after it; track 68 has three before and three after. How many can be averaged on each side?",
        (
            False,
            "Four: there are four after the event",
            "Those after it are of two tracks, which see each slope from another side.",
        ),
        (
            True,
            "Three, on track 68",
            "An average needs passes of one track, and a change needs both sides. The shorter side counts.",
        ),
        (False, "Nine, on track 46", "Nine before, but only one after: its change has the speckle of that one."),
    ),
    question(
        "newspaper",
        "newspapers-print-utc",
        "A newspaper in Japan, nine hours ahead of UTC, says that the earthquake struck on 6 September at 3:08. What do you enter?",
        (
            False,
            "2018-09-06T03:08",
            "That is read as UTC, nine hours too late. A pass within them is put on the wrong side.",
        ),
        (False, "2018-09-06T12:08", "Clocks in Japan are ahead. UTC is earlier: take the hours away."),
        (True, "2018-09-05T18:08", "Nine hours less, which is on the day before."),
    ),
    question(
        "order-of-the-box",
        "latitude-comes-first",
        "Somebody gives you a box as 'latitude 46.0 to 46.2, longitude 7.9 to 8.2'. What do you enter?",
        (
            True,
            "7.9, 46.0, 8.2, 46.2",
            "West, south, east, north: x first, then y, the south-western corner before the other.",
        ),
        (False, "46.0, 7.9, 46.2, 8.2", "That is a box as well, in the east of Ethiopia, and no error warns you."),
        (False, "7.9, 8.2, 46.0, 46.2", "Both longitudes first is not the order: west, south, east, north."),
    ),
    question(
        "shifted-outlines",
        "outlines-lie-where-they-should",
        "An inventory was traced on air photographs and lies 30 m beside the radar's grid. Does it matter?",
        (
            False,
            "No, 30 m is little on a map of 10 km",
            "Landslides are a few pixels wide. Three pixels beside is often beside the landslide.",
        ),
        (
            False,
            "No, the network will learn the right place",
            "It learns what the labels say: the wrong place, or nothing at all.",
        ),
        (
            True,
            "Yes: look at outlines and image together before you train",
            "Many pixels would be labelled wrong, in training and in the test.",
        ),
    ),
)
