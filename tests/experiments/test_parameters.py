from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pytest

from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import (
    Rule,
    Several,
    check_parameters,
    degrees,
    four_degrees,
    instant,
    named,
    optional,
    writable,
)
from landslide_utils.files import InputError

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks" / "source").glob("*.py"))


def fault(value: Any, rule: Rule | Several) -> str:
    """Return what is wrong with a value."""
    with pytest.raises(InputError) as raised:
        check_parameters({"p": value}, p=rule)
    return "; ".join(raised.value.faults)


@pytest.mark.parametrize(
    ("value", "rule", "checked"),
    [
        (4, range(1, 5), 4),
        (2, float, 2.0),
        (np.int64(4), range(1, 5), 4),
        (np.float32(2), float, 2.0),
        (39, degrees, 39.0),
        (0.0, degrees, 0.0),
        ("", str, ""),
        (False, bool, False),
        ("vv", {"vv": 1, "vh": 2}, "vv"),
        (None, optional(float), None),
        (1, optional(float), 1.0),
        ("2018-09-05T18:07:59", instant, "2018-09-05T18:07:59"),
        ("", instant, ""),
        ("1 2 4", Several(range(1, 5)), [1, 2, 4]),
        ("1,2, 4", Several(range(1, 5)), [1, 2, 4]),
        (1, Several(range(1, 5)), [1]),  # papermill makes a number of "-p timesteps 1"
        ([1, 4], Several(range(1, 5)), [1, 4]),
        ("vv sar", Several(("vv", "sar")), ["vv", "sar"]),
        (("vv",), Several(("vv", "sar")), ["vv"]),
        ("0.5 1", Several(named), ["0.5", "1"]),
    ],
)
def test_allowed_values_get_the_type_of_their_rule(value: Any, rule: Rule | Several, checked: Any) -> None:
    (found,) = check_parameters({"p": value}, p=rule).values()
    assert found == checked
    assert type(found) is type(checked)


@pytest.mark.parametrize(
    ("value", "rule", "message"),
    [
        (5, range(1, 5), "p=5 is not a whole number from 1 to 4"),
        (True, range(1, 5), "p=True is not a whole number from 1 to 4"),
        (95.0, degrees, "p=95.0 must be between 10 and 70"),
        (float("nan"), degrees, "p=nan must be between 10 and 70"),
        ("steep", degrees, "p='steep' is not a number"),
        ("141.9, 42.7, 142.0", four_degrees, "p='141.9, 42.7, 142.0' is not four numbers with commas: west"),
        ("1 2 3 4", four_degrees, "p='1 2 3 4' is not four numbers with commas: west, south, east, north in degrees"),
        ([1, 2, 3, 4], four_degrees, "p=[1, 2, 3, 4] is not a text"),
        (f"{__file__}/out", writable, f"p='{__file__}/out' cannot be used: {__file__} is a file where a folder is"),
        (None, writable, "p=None is not a text"),
        (3.0, range(1, 5), "p=3.0 is not a whole number from 1 to 4"),
        ("3", range(1, 5), "p='3' is not a whole number from 1 to 4"),
        ("a lot", float, "p='a lot' is not a number"),
        (True, float, "p=True is not a number"),
        ("a lot", optional(float), "p='a lot' is not a number"),
        (1, bool, "p=1 is not True or False"),
        (2024, str, "p=2024 is not a text; papermill's -p makes a number of it, and -r does not"),
        (2024, named, "p=2024 is not a text"),
        ("", named, "p='' is not a name, path or URL"),
        ("vx", ("vv", "vh"), "p='vx' is not one of vv, vh"),
        (["vv"], ("vv", "vh"), "p=['vv'] is not one of vv, vh"),
        ("2018-09-05", instant, "p='2018-09-05' is a day"),
        (None, instant, "p=None is not a text"),
        ("1 9 x", Several(range(1, 5)), "p=9 is not a whole number from 1 to 4; p='x' is not a whole number"),
        (2.5, Several(range(1, 5)), "p=2.5 is not a whole number from 1 to 4"),
        (["vv", 3], Several(("vv", "vh")), "p=3 is not one of vv, vh"),
        ("", Several(("vv", "vh")), "p='' is empty; give at least one"),
        ([], Several(("vv", "vh")), "p=[] is empty; give at least one"),
    ],
)
def test_other_values_are_refused_with_what_is_allowed(value: Any, rule: Rule | Several, message: str) -> None:
    assert fault(value, rule).startswith(message)


def test_unknown_names_and_wrong_values_are_refused_together() -> None:
    cell = "# Parameters\nchannels = 'sarr'\nchanels = 'sar'\nseed = -1\n"
    with pytest.raises(InputError) as raised:
        check_parameters({"channels": "sarr", "chanels": "sar", "seed": -1, "In": ["", cell]}, **RUN_RULES)
    text = str(raised.value)
    assert "chanels is not a parameter; these are: cube, event_time, channels" in text
    assert "channels='sarr' is not one of" in text
    assert "seed=-1 is not a whole number" in text


def test_parameters_of_a_notebook_become_a_configuration() -> None:
    notebook = {"channels": "vh", "seed": 4, "cost": 5, "In": ["", "channels = 'vh'", "# Parameters\nseed = 4\n"]}
    config = RunConfig.from_parameters(check_parameters(notebook, **RUN_RULES, cost=float))
    assert (config.channels, config.seed, config.preset) == ("vh", 4, "quick")


def run_checks(path: Path, **given: Any) -> dict[str, Any]:
    """Run a notebook's parameters cell, what papermill puts after it, and the cell that checks them."""
    code = [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    (place,) = [number for number, cell in enumerate(code) if "parameters" in cell.metadata.get("tags", [])]
    namespace: dict[str, Any] = {}
    exec(code[place].source, namespace)
    injected = "# Parameters\n" + "".join(f"{name} = {value!r}\n" for name, value in given.items())
    namespace["In"] = ["", code[place].source, injected]
    exec(injected, namespace)
    exec(code[place + 1].source, namespace)
    return namespace


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_checks_every_one_of_its_parameters(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    defaults = run_checks(path)
    with pytest.raises(InputError, match="regoin is not a parameter; these are: ") as raised:
        run_checks(path, regoin="practice_small")
    known = raised.value.faults[0].partition("these are: ")[2].split(", ")
    assert set(defaults["__annotations__"]) <= set(known)
    for name in defaults["__annotations__"]:
        with pytest.raises(InputError, match=f"  - {name}=.* is not"):
            run_checks(path, **{name: {"of": "another kind"}})


def test_a_grid_takes_lists_texts_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (path,) = [path for path in NOTEBOOKS if path.stem == "06_experiments"]
    for given in ({"timesteps": 1, "seeds": 3}, {"timesteps": "1", "seeds": "3"}, {"timesteps": [1], "seeds": [3]}):
        configs = run_checks(path, channels="vv sar", **given)["configs"]
        assert [(c.channels, c.timesteps, c.seed, c.cube) for c in configs] == [
            ("vv", 1, 3, "practice_small"),
            ("sar", 1, 3, "practice_small"),
        ]


def test_a_cell_that_is_no_python_sets_nothing() -> None:
    for cell in ("# Parameters\nx = '\0'\n", "# Parameters\nthis is not Python\n"):
        assert check_parameters({"seed": 3, "In": [cell]}, seed=range(5)) == {"seed": 3}
