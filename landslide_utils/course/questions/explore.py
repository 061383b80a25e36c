"""Questions of notebook 01."""

from __future__ import annotations

from landslide_utils.course.quiz import question

QUESTIONS = (
    question(
        "mean-of-decibels",
        "decibels-can-be-averaged",
        "Two pixels have -10 dB and 0 dB. What is their mean backscatter?",
        (False, "-5 dB", "That is the mean of the logarithms. In power they are 0.1 and 1."),
        (True, "-2.6 dB", "In power 0.1 and 1, on average 0.55, which is -2.6 dB. The bright one counts most."),
        (False, "0 dB", "The brighter pixel counts most, but not alone: (0.1 + 1) / 2 is 0.55."),
    ),
    question(
        "three-decibels",
        "every-change-is-real",
        "In a single pass before and a single one after, a forest pixel got 3 dB brighter. What happened to it?",
        (False, "A landslide", "Look at how many untouched pixels change by as much: speckle alone does that."),
        (
            False,
            "The forest was felled",
            "It may be; but untouched pixels change by as much between any two passes.",
        ),
        (
            True,
            "Perhaps nothing",
            "A pixel of a few looks changes by 3 dB from pass to pass without any change on the ground.",
        ),
    ),
    question(
        "nine-looks",
        "neighbours-are-independent",
        "You average 3 x 3 pixels of 5 looks each. How many looks has the mean?",
        (False, "45", "Only if neighbours had nothing in common. They share a part of their speckle."),
        (True, "Fewer than 45", "Neighbouring pixels share speckle, so nine of them are worth less than nine."),
        (
            False,
            "5, it is the same ground",
            "Each pixel has speckle of its own, and averaging it out is what the mean is for.",
        ),
    ),
    question(
        "bright-slope",
        "bright-slopes-are-landslides",
        "A narrow bright stripe runs along a steep slope in one image from after the event. What do you do first?",
        (
            False,
            "Map it as a landslide",
            "Slopes that face the radar are bright in every pass: foreshortening and layover.",
        ),
        (
            True,
            "Look at the same stripe before the event",
            "If it was there before, it is the geometry. What counts is the change.",
        ),
        (
            False,
            "Discard the image",
            "It is a good image of a steep place. The change between two of one orbit is still of use.",
        ),
    ),
    question(
        "two-orbits",
        "orbits-can-be-mixed",
        "There is one ascending pass before the event and one descending pass after it. May you subtract them?",
        (
            False,
            "Yes, both are Sentinel-1",
            "One looks east and the other west. Each slope is lit from another side: everything seems to change.",
        ),
        (
            False,
            "Yes, if both are in decibels",
            "The unit is not the trouble. Each slope is lit from another side.",
        ),
        (
            True,
            "No, wait for a pass of the same orbit",
            "Only the same view shows the same slopes in the same light.",
        ),
    ),
    question(
        "brighter-or-darker",
        "landslides-have-one-sign",
        "How does a fresh landslide look in the change of VV?",
        (
            False,
            "Brighter: bare soil is rough",
            "On slopes that face the radar it often is. On those that look away it is often darker.",
        ),
        (
            False,
            "Darker: the trees are gone",
            "On slopes that look away it often is. On those that face the radar it is often brighter.",
        ),
        (
            True,
            "Brighter, darker or not at all",
            "It depends on the slope, the soil and what grew there. Some cannot be seen.",
        ),
    ),
    question(
        "whole-scene",
        "the-whole-scene-changed-by-the-event",
        "After the event every forest in the scene is 1 dB brighter. Why?",
        (
            False,
            "The earthquake shook all trees",
            "Compare two passes before the event: their levels differ as much.",
        ),
        (
            True,
            "Rain, dew or season, most likely",
            "The whole scene's level changes from pass to pass. So we compare a place with its surroundings.",
        ),
        (False, "Landslides are everywhere", "They cover a few percent. What is the same everywhere is weather."),
    ),
)
