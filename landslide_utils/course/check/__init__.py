"""The exercises' checks: ``check.log_ratio(answer, before, after)`` returns a :class:`Verdict`, right or not yet.

Wrong answers that people often give get a hint of their own, and whatever a learner passes, no check raises an error.
Only where nbgrader runs the notebook, which sets `GRADING`, an answer that is not right is an error: it gets no points.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable
from typing import Any

from IPython.display import display

from landslide_utils.course.check import maps, network, radar, runs  # noqa: F401  (each adds its checks to EXERCISES)
from landslide_utils.course.check.answer import EXERCISES, NOT_DONE, NOT_YET, RIGHT, Verdict

__all__ = ["EXERCISES", "NOT_DONE", "NOT_YET", "RIGHT", "Verdict"]
GRADING = "NBGRADER_EXECUTION"  # nbgrader sets it where it grades, or where a learner presses Validate


def _grade(check: Callable[..., Verdict], *given: Any, **named: Any) -> None:
    """Show the verdict of a check, and raise it if the answer is not right."""
    with warnings.catch_warnings(action="ignore"):  # nbgrader takes what is written to stderr for a mistake
        verdict = check(*given, **named)
    if verdict.state != RIGHT:
        raise AssertionError(str(verdict))
    display(verdict)  # type: ignore[no-untyped-call]  # a value would be taken for points


def __getattr__(name: str) -> Callable[..., Any]:
    """Return a check by its name: it returns a verdict, but where nbgrader grades, a wrong answer raises an error."""
    if name not in EXERCISES:
        raise AttributeError(f"there is no check {name!r}; there are {', '.join(EXERCISES)}")
    return functools.partial(_grade, EXERCISES[name]) if os.environ.get(GRADING) else EXERCISES[name]


def __dir__() -> list[str]:
    return [*__all__, *EXERCISES]
