"""Each exercise has mistakes that a learner can type into it: the tests in a browser type two of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from build import NOTEBOOKS
from mistakes import mistakes, whole_code
from run_notebooks import is_stub, versions


@pytest.mark.parametrize("source", sorted((NOTEBOOKS / "source").glob("*.py")), ids=lambda path: path.stem)
def test_each_exercise_has_two_mistakes_that_can_be_typed(source: Path) -> None:
    learner, _ = versions(source.stem)
    for cell in learner.cells:
        if is_stub(cell):
            hints = {hint for _, hint in mistakes(cell.source, whole_code(learner))}
            assert len(hints) >= 2, cell.source


def test_a_mistake_has_the_names_of_the_notebook_and_no_others() -> None:
    cell = "width = ...\ncheck.field_width(width, stack_of_layers)"
    found = dict(mistakes(cell, "stack_of_layers = []"))
    assert found["sum((k for k, s in stack_of_layers))"] == "sum of the kernels' widths"
    assert mistakes(cell, "") == []
    assert not any(code.isdigit() for code in found)  # a number of the tests says nothing of the notebook's layers
