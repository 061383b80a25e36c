"""Parameters of a notebook or a run, checked before any work is done."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from typing import Any

from landslide_utils.files import InputError
from landslide_utils.regions import parse_instant

Rule = range | type | Collection[str] | Callable[[Any], Any]
"""What a parameter may be: a whole number in a range, a type, one of some texts, or what a function lets pass.

Such a function takes the value and returns it. If the value is not allowed, it raises a ValueError that says why.
"""


def check_parameters(namespace: Mapping[str, Any], **rules: Rule) -> dict[str, Any]:
    """Return parameters by name, each allowed by its rule and of the right type.

    Parameters
    ----------
    namespace : mapping
        The notebook's ``globals()``. A parameter that is not there is left out.
    **rules : range, type, collection of str, or function
        For each parameter what it may be. ``range(1, 5)`` stands for the whole numbers from 1 to 4; ``float`` takes
        whole numbers too; :func:`several` and :func:`optional` make rules of rules.

    Raises
    ------
    InputError
        Listing every value that is not allowed, and every name that papermill set and the notebook does not know:
        papermill itself only warns of such a name, and then runs the defaults.

    Examples
    --------
    >>> given = {"channels": "sar", "timesteps": "1 2"}
    >>> check_parameters(given, channels=["vv", "sar"], timesteps=several(range(1, 5)))
    {'channels': 'sar', 'timesteps': [1, 2]}
    """
    faults = [
        f"{name} is not a parameter; these are: {', '.join(rules)}"
        for name in _set_by_papermill(namespace.get("In", []))
        if name not in rules
    ]
    checked = {}
    for name in [name for name in rules if name in namespace]:
        try:
            checked[name] = _check(namespace[name], rules[name])
        except ValueError as error:
            faults.append(f"{name}={namespace[name]!r} {error}")
    if faults:
        raise InputError("these parameters cannot be used", faults)
    return checked


def several(rule: Rule) -> Callable[[Any], list[Any]]:
    """Return a rule for a list whose items follow a rule: given as a list, as one item, or as a text like "1 2 4"."""

    def check(value: Any) -> list[Any]:
        items = value.replace(",", " ").split() if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            items = [items]
        if isinstance(value, str) and isinstance(rule, range):
            items = [int(item) if item.isdecimal() else item for item in items]
        checked, faults = [], [] if items else ["give at least one"]
        for item in items:
            try:
                checked.append(_check(item, rule))
            except ValueError as error:
                faults.append(f"{item!r} {error}")
        if faults:
            raise ValueError(f"cannot be used: {'; '.join(faults)}")
        return checked

    return check


def optional(rule: Rule) -> Callable[[Any], Any]:
    """Return a rule for a parameter that may be None instead of what a rule allows."""
    return lambda value: None if value is None else _check(value, rule)


def named(value: Any) -> str:
    """Return a name, path or URL; it must be a text that is not empty."""
    if _check(value, str) == "":
        raise ValueError("is not a name, path or URL")
    return str(value)


def instant(value: Any) -> str:
    """Return the text of an instant in UTC, or an empty text."""
    if _check(value, str) != "":
        try:
            parse_instant(value)
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"event_time={value!r} ")) from None
    return str(value)


_TYPES = {str: "a text; papermill's -p makes a number of it, and -r does not", float: "a number", bool: "True or False"}


def _check(value: Any, rule: Rule) -> Any:
    """Return a value that follows a rule, in the rule's type; raise a ValueError that says what is allowed."""
    if isinstance(rule, range):
        if type(value) is not int or value not in rule:
            raise ValueError(f"is not a whole number from {rule[0]} to {rule[-1]}")
        return value
    if isinstance(rule, type):
        if rule is float and type(value) is int:
            return float(value)
        if type(value) is not rule:
            raise ValueError(f"is not {_TYPES[rule]}")
        return value
    if callable(rule):
        return rule(value)
    if value not in list(rule):
        raise ValueError(f"is not one of {', '.join(rule)}")
    return value


def _set_by_papermill(cells: list[str]) -> list[str]:
    """Return the names that papermill set, in a cell of its own that starts with the comment "Parameters"."""
    names: list[str] = []
    for cell in cells:
        if cell.startswith("# Parameters\n"):
            statements = [node for node in ast.parse(cell).body if isinstance(node, ast.Assign)]
            names = [target.id for node in statements for target in node.targets if isinstance(target, ast.Name)]
    return names
