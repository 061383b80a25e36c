"""The exercises' checks: ``check.log_ratio(answer, before, after)`` returns a :class:`Verdict`, right or not yet.

Wrong answers that people often give get a hint of their own, and whatever a learner passes, no check raises an error.
"""

from __future__ import annotations

from collections.abc import Callable

from landslide_utils.course.check import maps, network, radar, runs  # noqa: F401  (each adds its checks to EXERCISES)
from landslide_utils.course.check.answer import EXERCISES, NOT_DONE, NOT_YET, RIGHT, Verdict

__all__ = ["EXERCISES", "NOT_DONE", "NOT_YET", "RIGHT", "Verdict"]


def __getattr__(name: str) -> Callable[..., Verdict]:
    """Return a check by its name."""
    if name not in EXERCISES:
        raise AttributeError(f"there is no check {name!r}; there are {', '.join(EXERCISES)}")
    return EXERCISES[name]


def __dir__() -> list[str]:
    return [*__all__, *EXERCISES]
