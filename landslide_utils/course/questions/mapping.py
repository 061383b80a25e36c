"""Questions of notebook 05."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "silent-map",
        "no-polygon-no-landslide",
        "A radar map shows no landslide above a village, on a very steep slope that faces the radar. What do you tell the village?",
        (
            True,
            "That the map cannot tell",
            "Such a slope may lie in layover, where a map is silent; and even where it speaks, it misses landslides.",
        ),
        (
            False,
            "That the slope is safe",
            "No finding is not a finding of nothing: look at what the map could not see.",
        ),
        (
            False,
            "That the slope has slid",
            "Nothing says so either. Ask for a pass from the other side, or send somebody.",
        ),
    ),
    question(
        "count-of-polygons",
        "polygons-are-landslides",
        "Your map has 400 polygons. How many landslides are there?",
        (False, "400", "Landslides that touch are one polygon, and one that is found in pieces is several."),
        (
            False,
            "As many as there are polygons of high confidence",
            "Confidence says how sure the network is of each. It joins and splits no landslide.",
        ),
        (
            True,
            "Polygons cannot tell",
            "Their number changes with the threshold and the smallest size. Report an area, and how it was found.",
        ),
    ),
    question(
        "high-confidence",
        "sure-is-right",
        "A polygon is of high confidence. What follows?",
        (
            False,
            "It is a landslide",
            "A network can be sure and wrong, most of all on ground unlike its training chips.",
        ),
        (
            True,
            "The network's mean probability there is high",
            "How often such polygons are right is another thing: compare it with labels, on test chips.",
        ),
        (
            False,
            "Its outline is exact",
            "It was cut where a threshold was reached. Another threshold gives another outline.",
        ),
    ),
    question(
        "square-degrees",
        "areas-in-degrees",
        "A file of polygons has longitudes and latitudes. How do you get their area?",
        (
            False,
            "Take the area and multiply by 111 km squared",
            "A degree of longitude is 111 km at the equator only, and shrinks to nothing at the poles.",
        ),
        (
            False,
            "Bring them into the coordinates of web maps, in metres",
            "Web Mercator has metres that are too long away from the equator: at 43 degrees areas are nearly twice too large.",
        ),
        (
            True,
            "Bring them into local metres, such as UTM, then take the area",
            "There a square metre is a square metre, to within a few parts in a thousand.",
        ),
    ),
)
