"""How a learner's answer is read and judged. Nothing that a learner passes raises an error."""

from __future__ import annotations

import functools
import html
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

RIGHT, NOT_YET, NOT_DONE = "Right", "Not yet", "Not done yet"
_COLOURS = {RIGHT: "#1b7837", NOT_YET: "#b35806", NOT_DONE: "#606060"}
AGAIN = "Run the notebook's cells from the top, in order, then this one."
RELATIVE_TOLERANCE, TOLERANCE_DB = 0.01, 0.05


@dataclass(frozen=True)
class Verdict:
    """What a check says: ``state`` is one of RIGHT, NOT_YET and NOT_DONE; ``message`` says why, or what to think of next."""

    state: str
    message: str

    def __str__(self) -> str:
        return f"{self.state}. {self.message}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        style = f"border-left: 4px solid {_COLOURS[self.state]}; padding-left: 0.6em"
        return f'<p role="status" style="{style}"><strong>{self.state}.</strong> {html.escape(self.message)}</p>'


class Hint(Exception):  # noqa: N818  (no error: it is what the check says)
    """An answer that is not right yet; its text is what the learner reads."""


EXERCISES: dict[str, Callable[..., Verdict]] = {}
"""Every check by its name."""


def exercise(judge: Callable[..., str]) -> Callable[..., Verdict]:
    """Make a check of a function that returns praise or raises a hint."""
    names = list(inspect.signature(judge).parameters)

    @functools.wraps(judge)
    def check(*given: Any, **named: Any) -> Verdict:
        try:
            bound = inspect.signature(judge).bind(*given, **named).arguments
        except TypeError:
            return Verdict(NOT_YET, f"This check is called as check.{judge.__name__}({', '.join(names)}).")
        if bound[names[0]] is ...:
            return Verdict(NOT_DONE, "Replace the three dots by your answer and run the cell again.")
        missing = [name for name in names[1:] if bound[name] is None or bound[name] is ...]
        if missing:
            return Verdict(NOT_YET, f"{' and '.join(missing)}, which the notebook makes, is not there yet. {AGAIN}")
        try:
            return Verdict(RIGHT, judge(**bound))
        except Hint as hint:
            return Verdict(NOT_YET, str(hint))
        except Exception as error:  # whatever a learner passes, a hint is better than a traceback
            return Verdict(NOT_YET, f"Your answer could not be compared ({type(error).__name__}: {error}). {AGAIN}")

    EXERCISES[judge.__name__] = check
    return check


def refuse_what_is_no_data(answer: Any, wanted: str) -> None:
    """Raise a hint for what holds no data at all: None, a text, a function."""
    if answer is None:
        raise Hint(
            f"Your answer is None where {wanted} is asked. A function that prints returns None; give the value itself."
        )
    if isinstance(answer, str):
        raise Hint(f"Your answer is the text {answer!r} where {wanted} is asked; leave out the quotes and the unit.")
    if callable(answer):
        raise Hint(f"Your answer is a function where {wanted} is asked; call it, with parentheses at its end.")


def read_number(answer: Any) -> float:
    """Read one number."""
    refuse_what_is_no_data(answer, "one number")
    try:
        values = np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        raise Hint(f"Your answer is of type {type(answer).__name__} where one number is asked.") from None
    if isinstance(answer, bool):
        raise Hint("Your answer is True or False where one number is asked.")
    if values.size != 1:
        raise Hint(
            f"Your answer has the shape {values.shape} where one number is asked; reduce it, for example to its mean or its sum."
        )
    number = float(values.reshape(()))
    if np.isnan(number):
        raise Hint(
            "Your answer is NaN, not a number. Missing pixels are NaN: xarray's mean() leaves them out, NumPy's on .values does not."
        )
    if np.isinf(number):
        raise Hint("Your answer is infinite. Look for a division by zero, or the logarithm of zero.")
    return number


def read_numbers(answer: Any, names: Sequence[str]) -> list[float]:
    """Read several numbers in one order, such as the four edges of a box."""
    wanted = f"{len(names)} numbers ({', '.join(names)})"
    refuse_what_is_no_data(answer, wanted)
    if np.ndim(answer) != 1 or np.size(answer) != len(names):
        raise Hint(f"Your answer has the shape {np.shape(answer)} where {wanted} are asked, in one list or tuple.")
    return [read_number(number) for number in answer]


def read_map(answer: Any, like: xr.DataArray) -> NDArray[np.float64]:
    """Read an array that has the dimensions and shape of another one."""
    wanted = f"an array with the dimensions ({', '.join(map(str, like.dims))}) and the shape {like.shape}"
    refuse_what_is_no_data(answer, wanted)
    if isinstance(answer, xr.Dataset):
        raise Hint(
            f"Your answer is a Dataset where one variable is asked; choose it by its name, as in data['{next(iter(answer), 'vv')}']."
        )
    if isinstance(answer, xr.DataArray):
        extra = [str(dim) for dim in answer.dims if dim not in like.dims]
        missing = [str(dim) for dim in like.dims if dim not in answer.dims]
        if extra:
            raise Hint(
                f"Your answer still has the dimension {', '.join(extra)}; {wanted} is asked. Take the mean over it, or choose one of it."
            )
        if missing:
            raise Hint(
                f"Your answer has lost the dimension {', '.join(missing)}; {wanted} is asked. Name the one to average over, as in mean('time')."
            )
        answer = answer.transpose(*like.dims)
    try:
        values = np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        raise Hint(f"Your answer is of type {type(answer).__name__} where {wanted} is asked.") from None
    if values.shape != like.shape:
        raise Hint(f"Your answer has the shape {values.shape} where {wanted} is asked.")
    lost = np.isfinite(like.values) & ~np.isfinite(values)
    if lost.all() or lost.sum() > 0.001 * lost.size:
        raise Hint(
            f"{lost.mean():.0%} of your pixels are missing or infinite where there are data. Missing passes are NaN or zero: leave them out of a mean."
        )
    return values


Wrong = Sequence[tuple[Any, str]]


def compare(given: Any, right: Any, wrong: Wrong, otherwise: str, *, absolute: float = 0.0) -> None:
    """Raise the hint of the wrong value that the answer is, or the general hint, unless the answer is right.

    A wrong value may be a function that makes it: whole scenes are then made one at a time, and only for answers that are not right.
    """

    def same(other: Any) -> bool:
        other = np.asarray(other, np.float64)
        both = np.isfinite(given) & np.isfinite(other)
        if not both.any():
            return False
        tolerance = absolute or RELATIVE_TOLERANCE * np.abs(other[both])
        return bool((np.abs(np.asarray(given)[both] - other[both]) <= tolerance).mean() > 0.999)

    if same(right):
        return
    for value, hint in wrong:
        if same(value() if callable(value) else value):
            raise Hint(hint)
    raise Hint(otherwise)


def made(*arrays: Any) -> list[xr.DataArray]:
    """Read what the notebook made; a learner may have overwritten it."""
    for array in arrays:
        if not isinstance(array, xr.DataArray):
            raise Hint(
                f"One of the things that the notebook made is now of type {type(array).__name__}; a later cell has replaced it. {AGAIN}"
            )
    return list(arrays)


def read_table(table: Any, *columns: str) -> pd.DataFrame:
    """Read a table that the notebook made; a learner may have overwritten it."""
    missing = [name for name in columns if not isinstance(table, pd.DataFrame) or name not in table]
    if missing:
        raise Hint(
            f"A table that the notebook made is now of type {type(table).__name__} and has no {', '.join(missing)}; a later cell has replaced it. {AGAIN}"
        )
    found: pd.DataFrame = table
    return found


def decibels(power: Any) -> Any:
    """Return linear power in dB."""
    return 10 * np.log10(power)
