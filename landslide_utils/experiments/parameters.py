"""Parameters of a notebook or a run, checked before any work is done."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from landslide_utils.files import InputError, find_folder_faults, find_kind_faults
from landslide_utils.regions import parse_instant
from landslide_utils.terrain import find_incidence_faults

Rule = range | type | Collection[str] | Callable[[Any], Any]
"""What a parameter may be: a whole number in a range, a type, one of some texts, or what a function returns.

The function takes the value. If the value is not allowed, it raises a ValueError that says why.
"""


RENAMED = {"epochs": "epochs is now steps: training is counted in batches; give steps, or 0 for the preset's number"}
"""What is said of a parameter by its old name."""


@dataclass(frozen=True)
class Several:
    """A rule for a list whose items follow a rule; it may be given as a list, as one item, or as a text: "1 2 4"."""

    rule: Rule


def check_parameters(namespace: Mapping[str, Any], **rules: Rule | Several) -> dict[str, Any]:
    """Return parameters by name, each allowed by its rule and of the rule's type.

    Parameters
    ----------
    namespace : mapping
        The notebook's ``globals()``. A parameter that is not there is left out.
    **rules : range, type, collection of str, function, or Several
        For each parameter what it may be. ``range(1, 5)`` stands for the whole numbers from 1 to 4; ``float`` takes
        whole numbers too.

    Raises
    ------
    InputError
        Listing every value that is not allowed, and every name that papermill set and the notebook does not know:
        papermill itself only warns of such a name, and then runs the defaults.

    Examples
    --------
    >>> given = {"channels": "sar", "timesteps": "1 2"}
    >>> check_parameters(given, channels=["vv", "sar"], timesteps=Several(range(1, 5)))
    {'channels': 'sar', 'timesteps': [1, 2]}
    """
    faults = find_unknown(_set_by_papermill(namespace.get("In", [])), rules)
    checked = {}
    for name in [name for name in rules if name in namespace]:
        checked[name], wrong = _check(name, namespace[name], rules[name])
        faults += wrong
    if faults:
        raise InputError("these parameters cannot be used", faults)
    return checked


def find_unknown(names: Iterable[str], rules: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with names that no rule knows."""
    known = ", ".join(rules)
    return [RENAMED.get(name, f"{name} is not a parameter; these are: {known}") for name in names if name not in rules]


def optional(rule: Rule) -> Callable[[Any], Any]:
    """Return a rule for a parameter that may be None instead of what a rule allows."""
    return lambda value: None if value is None else _apply(rule, value)


def named(value: Any) -> str:
    """Return a name, path or URL; it must be a text that is not empty."""
    if _apply(str, value) == "" or "\0" in value:
        raise ValueError("is not a name, path or URL")
    return str(value)


def instant(value: Any) -> str:
    """Return the text of an instant in UTC, or an empty text."""
    if _apply(str, value) != "":
        try:
            parse_instant(value)
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"event_time={value!r} ")) from None
    return str(value)


def four_degrees(value: Any) -> str:
    """Return the text of a box, west, south, east, north in degrees, or an empty text."""
    if _apply(str, value):
        try:
            _, _, _, _ = map(float, value.split(","))
        except ValueError:
            raise ValueError("is not four numbers with commas: west, south, east, north in degrees") from None
    return str(value)


def writable(value: Any) -> str:
    """Return a folder that can be written to, or made."""
    if faults := find_folder_faults(named(value)):
        raise ValueError(f"cannot be used: {faults[0]}")
    return str(value)


def degrees(value: Any) -> float:
    """Return an incidence angle in degrees, or 0."""
    angle: float = _apply(float, value)
    if angle and (faults := find_incidence_faults(angle)):
        raise ValueError(faults[0].partition(": ")[2])
    return angle


def _check(name: str, value: Any, rule: Rule | Several) -> tuple[Any, list[str]]:
    """Return a value in the type of its rule, and what is wrong with it."""
    if isinstance(rule, Several):
        checks = [_check(name, item, rule.rule) for item in _items(value, rule)]
        faults = [fault for _, wrong in checks for fault in wrong]
        return [item for item, _ in checks], faults if checks else [f"{name}={value!r} is empty; give at least one"]
    try:
        return _apply(rule, value), []
    except ValueError as error:
        return value, [f"{name}={value!r} {error}"]


def _items(value: Any, rule: Several) -> list[Any]:
    """Return the items of a list, however it is given; those of a text are numbers where the rule wants numbers."""
    if isinstance(value, str):
        items = value.replace(",", " ").split()
        return [int(item) if item.isdecimal() and isinstance(rule.rule, range) else item for item in items]
    return list(value) if isinstance(value, list | tuple) else [value]


_TYPES = {str: "a text; papermill's -p makes a number of it, and -r does not", float: "a number", bool: "True or False"}


def _apply(rule: Rule, value: Any) -> Any:
    """Return a value that follows a rule, in the rule's type; raise a ValueError that says what is allowed."""
    if isinstance(rule, range):
        if find_kind_faults("a whole number", value=value) or value not in rule:
            raise ValueError(f"is not a whole number from {rule[0]} to {rule[-1]}")
        value = int(value)
    elif isinstance(rule, type):
        value = float(value) if rule is float and not find_kind_faults("a number", value=value) else value
        if type(value) is not rule:
            raise ValueError(f"is not {_TYPES[rule]}")
    elif callable(rule):
        return rule(value)
    elif value not in list(rule):
        raise ValueError(f"is not one of {', '.join(item or 'empty' for item in rule)}")
    return value


def _set_by_papermill(cells: Any) -> list[str]:
    """Return the names that papermill set, in a cell of its own that starts with the comment "Parameters"."""
    names: list[str] = []
    for cell in cells if isinstance(cells, list) else []:
        if str(cell).startswith("# Parameters\n"):
            with contextlib.suppress(SyntaxError):  # such a cell has not run
                statements = [node for node in ast.parse(cell).body if isinstance(node, ast.Assign)]
                names = [target.id for node in statements for target in node.targets if isinstance(target, ast.Name)]
    return names
