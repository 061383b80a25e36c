"""How a learner's answer is read and judged. Nothing that a learner passes raises an error."""

from __future__ import annotations

import functools
import html
import importlib.metadata
import inspect
import sys
import typing
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
EXACT = 1e-6
"""Tolerance of counts, which are right or wrong: a relative one would let neighbouring numbers pass."""
OTHERWISE = None
"""Value of the last hint of a check, which is for every wrong answer that is not recognised."""
IN_PERCENT = "Give it as a share between 0 and 1, not in percent."


@dataclass(frozen=True)
class Verdict:
    """What a check says: ``state`` is RIGHT, NOT_YET or NOT_DONE; ``message`` says why, or what to think of next.

    ``solution`` is the notebook whose solved version is offered; empty for none.
    """

    state: str
    message: str
    solution: str = ""

    def __str__(self) -> str:
        offered = f" The solved notebook: {address_of(self.solution)}" if self.solution else ""
        return f"{self.state}. {self.message}{offered}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        style = f"border-left: 4px solid {_COLOURS[self.state]}; padding-left: 0.6em"
        link = f' <a href="{html.escape(address_of(self.solution))}">The solved notebook</a>' if self.solution else ""
        said = f"<strong>{self.state}.</strong> {html.escape(self.message)}{link}"
        return f'<p role="status" style="{style}">{said}</p>'


def address_of(notebook: str) -> str:
    """Return the link to a solved notebook; on Colab, where an output is a page of its own, its whole address."""
    path = f"solutions/{notebook}.ipynb"
    if "google.colab" in sys.modules:
        for line in importlib.metadata.metadata("landslide-utils").get_all("Project-URL") or []:
            label, _, url = line.partition(", ")
            if label == "Repository":
                place = url.removeprefix("https://github.com/")
                return f"https://colab.research.google.com/github/{place}/blob/main/notebooks/{path}"
    return path


class Hint(Exception):  # noqa: N818  (no error: it is what the check says)
    """An answer that is not right yet; its text is what the learner reads."""


EXERCISES: dict[str, Callable[..., Verdict]] = {}
"""Every check by its name."""
TRIES: Counter[str] = Counter()
"""Wrong answers that each check has had since the last right one."""


def exercise(notebook: str, second: str) -> Callable[[Callable[..., str]], Callable[..., Verdict]]:
    """Return what makes a check of a function of an answer and what the notebook made.

    The function returns praise or raises a hint. From the second wrong answer on the check also gives the ``second``
    hint and a link to the solved notebook. What the notebook made is looked at first: a learner may have skipped the
    cell that makes it, or replaced it since.
    """
    return functools.partial(_check_of, notebook=notebook, second=second)


def _check_of(judge: Callable[..., str], *, notebook: str, second: str) -> Callable[..., Verdict]:
    signature, types = inspect.signature(judge), typing.get_type_hints(judge)
    answer, *names = signature.parameters

    def state_of_notebook(given: dict[str, Any]) -> None:
        missing = [name for name in names if given[name] is None or given[name] is ...]
        if missing:
            raise Hint(f"{' and '.join(missing)}, which the notebook makes, is not there yet. {AGAIN}")
        for name in names:
            if types[name] not in (Any, float, int) and not isinstance(given[name], types[name]):
                kind = type(given[name]).__name__
                raise Hint(f"{name} is now of type {kind}; a later cell has replaced it. {AGAIN}")

    @functools.wraps(judge)
    def check(*args: Any, **kwargs: Any) -> Verdict:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            call = f"check.{judge.__name__}({', '.join(signature.parameters)})"
            return Verdict(NOT_YET, f"This check is called as {call}.")
        if given[answer] is ...:
            return Verdict(NOT_DONE, "Replace the three dots with your answer and run the cell again.")
        try:
            state_of_notebook(given)
        except Hint as hint:
            return Verdict(NOT_YET, str(hint))
        try:
            praise = judge(**given)
        except Hint as hint:
            said = str(hint)
        except KeyError as error:
            said = f"A table that the notebook made has no {error.args[0]}. {AGAIN}"
        except Exception as error:  # whatever a learner passes, a hint is better than a traceback
            said = f"Your answer could not be compared ({type(error).__name__}: {error}). {AGAIN}"
        else:
            del TRIES[judge.__name__]
            return Verdict(RIGHT, praise)
        TRIES[judge.__name__] += 1
        if TRIES[judge.__name__] == 1:
            return Verdict(NOT_YET, said)
        return Verdict(NOT_YET, f"{said} A second hint: {second}", notebook)

    EXERCISES[judge.__name__] = check
    return check


def refuse_what_is_no_data(answer: Any, wanted: str) -> None:
    """Raise a hint for what holds no data at all: None, a text, a function."""
    if answer is None:
        hint = f"Your answer is None where {wanted} is expected. A function that prints returns None; give the value."
    elif isinstance(answer, str):
        hint = f"Your answer is the text {answer!r} where {wanted} is expected; leave out the quotes and the unit."
    elif callable(answer):
        hint = f"Your answer is a function where {wanted} is expected; call it, with parentheses at its end."
    else:
        return
    raise Hint(hint)


def _floats(answer: Any, wanted: str) -> NDArray[np.float64]:
    refuse_what_is_no_data(answer, wanted)
    try:
        return np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        raise Hint(f"Your answer is of type {type(answer).__name__} where {wanted} is expected.") from None


def read_number(answer: Any) -> float:
    """Return the one number of an answer."""
    if isinstance(answer, pd.Series | pd.DataFrame) and answer.size != 1:
        part = "a row or a column" if isinstance(answer, pd.Series) else "several rows and columns"
        which = "Choose the one value by its name, or reduce a column to its mean, its sum or its count."
        raise Hint(f"Your answer is {part} of a table where one number is expected. {which}")
    values = _floats(answer, "one number")
    if isinstance(answer, bool):
        raise Hint("Your answer is True or False where one number is expected.")
    if values.size != 1:
        shape = f"Your answer has the shape {values.shape} where one number is expected"
        raise Hint(f"{shape}. Reduce the array, for example with .mean(), or choose one value.")
    number = values.item()
    if np.isnan(number):
        advice = "Missing pixels are NaN: xarray's mean() leaves them out, NumPy's on .values does not."
        raise Hint(f"Your answer is NaN, not a number. {advice}")
    if np.isinf(number):
        raise Hint("Your answer is infinite. Look for a division by zero, or the logarithm of zero.")
    return number


def read_numbers(answer: Any, names: Sequence[str]) -> NDArray[np.float64]:
    """Return several numbers in one order, such as the four edges of a box."""
    wanted = f"{len(names)} numbers ({', '.join(names)})"
    refuse_what_is_no_data(answer, wanted)
    if np.shape(answer) != (len(names),):
        raise Hint(f"Your answer has the shape {np.shape(answer)} where {wanted} are expected, in one list or tuple.")
    return np.array([read_number(number) for number in answer])


def read_map(answer: Any, like: xr.DataArray) -> NDArray[np.float64]:
    """Return the values of an array that has the dimensions and the shape of another one."""
    wanted = f"an array with the dimensions ({', '.join(map(str, like.dims))}) and the shape {like.shape}"
    if isinstance(answer, xr.Dataset):
        name = next(iter(answer), "vv")
        raise Hint(f"Your answer is a Dataset where one variable is expected; choose it by name, as in data['{name}'].")
    if isinstance(answer, xr.DataArray):
        extra = ", ".join(str(dim) for dim in answer.dims if dim not in like.dims)
        lost = ", ".join(str(dim) for dim in like.dims if dim not in answer.dims)
        if extra:
            advice = "Take the mean over it, or choose one element of it."
            raise Hint(f"Your answer still has the dimension {extra}; {wanted} is expected. {advice}")
        if lost:
            advice = "Name the one to average over, as in mean('time')."
            raise Hint(f"Your answer has lost the dimension {lost}; {wanted} is expected. {advice}")
        answer = answer.transpose(*like.dims)
    values = _floats(answer, wanted)
    if values.shape != like.shape:
        raise Hint(f"Your answer has the shape {values.shape} where {wanted} is expected.")
    gaps = np.isfinite(like.values) & ~np.isfinite(values)
    if gaps.all() or gaps.mean() > 0.001:
        share = f"{gaps.mean():.0%} of your pixels are missing or infinite where there are data"
        raise Hint(f"{share}. Missing passes are NaN or zero: leave them out of a mean.")
    return values


def compare(given: Any, right: Any, wrong: Mapping[str, Any], tolerance: float = 0.0) -> None:
    """Raise the hint of the wrong value that an answer is, unless the answer is right.

    Under a hint stands a wrong value, or a list of them. It may also be a function that makes the value: whole scenes
    are then made one at a time, and only for answers that are not right. The last hint is for all other answers.
    `tolerance` is how far an answer may be from a value; 0 for a hundredth of the value. A number that is exactly a
    wrong value is that mistake, also where the right value is within the tolerance of it.
    """

    def same(value: Any, within: float, share: float) -> bool:
        other = np.asarray(value() if callable(value) else value, np.float64)
        both = np.isfinite(given) & np.isfinite(other)
        allowed = within or share * np.abs(other[both])
        return bool(both.any() and (np.abs(np.asarray(given)[both] - other[both]) <= allowed).mean() > 0.999)

    *recognised, (otherwise, _) = wrong.items()
    exactly = [(0.0, EXACT)] if np.ndim(given) == 0 else []
    for allowed in [*exactly, (tolerance, RELATIVE_TOLERANCE)]:
        if same(right, *allowed):
            return
        for hint, values in recognised:
            if any(same(value, *allowed) for value in (values if isinstance(values, list) else [values])):
                raise Hint(hint)
    if np.ndim(given) == 0 and tolerance != EXACT and given == float(f"{float(right):.1e}"):
        raise Hint("That is the right number with too few digits. Give at least three, or do not round.")
    raise Hint(otherwise)


def area_mistakes(km2: float, side_m: float = np.nan) -> dict[str, Any]:
    """Return what an area in square kilometres is in other units or with the width of a pixel not squared, by hint."""
    square = f"A pixel is {side_m:g} m wide and {side_m:g} m high: its area is not {side_m:g}. Square the width."
    return {
        # the second is 100 times the area where a pixel is 10 m wide, and hectares are that too
        f"{square} (Or is yours in hectares? 100 of them are a square kilometre.)": [km2 / side_m, km2 * 1e3 / side_m],
        "That is in square metres. A square kilometre is 1000 m by 1000 m.": km2 * 1e6,
        "That is in hectares; 100 hectares are a square kilometre.": km2 * 100,
        "A square kilometre is not 1000 square metres: it is 1000 m by 1000 m.": km2 * 1000,
    }


def decibel_mistakes(power: Any) -> dict[str, Any]:
    """Return what linear power becomes where its decibels are taken in a wrong way, by hint."""
    return {
        "np.log is the natural logarithm. Decibels are 10 times np.log10.": [
            lambda: np.log(power),
            lambda: 10 * np.log(power),
        ],
        "That is in bels. Multiply by 10.": lambda: np.log10(power),
        "20 log10 is for amplitudes. These are powers: 10 log10.": lambda: 20 * np.log10(power),
    }
