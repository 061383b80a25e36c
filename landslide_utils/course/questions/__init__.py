"""The questions of each notebook's quiz: every wrong answer is one that people give, and says where it leads astray."""

from landslide_utils.course.questions import (
    chips,
    evaluate,
    event,
    experiments,
    explore,
    mapping,
    start,
    train,
    transfer,
)

QUESTIONS = {
    "00_start_here": start.QUESTIONS,
    "01_explore": explore.QUESTIONS,
    "02_chips": chips.QUESTIONS,
    "03_train": train.QUESTIONS,
    "04_evaluate": evaluate.QUESTIONS,
    "05_map": mapping.QUESTIONS,
    "06_experiments": experiments.QUESTIONS,
    "07_transfer": transfer.QUESTIONS,
    "08_your_own_event": event.QUESTIONS,
}
"""By notebook."""
