"""Notebooks, made from their sources and run: in a kernel of their own, or quickly in this process."""

from __future__ import annotations

import copy
import functools
import symtable
from collections.abc import Iterator
from pathlib import Path

import build
import measure
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

STUB = "stub"
"""Tag of a learner's exercise in a notebook that holds it beside the solved one."""


@functools.cache
def versions(name: str) -> tuple[NotebookNode, NotebookNode]:
    """Return the learner's and the solved version of a notebook, as its source says; both have as many cells."""
    built = build.build(build.NOTEBOOKS / "source" / f"{name}.py")
    learner, solved = built[build.NOTEBOOKS / f"{name}.ipynb"], built[build.NOTEBOOKS / "solutions" / f"{name}.ipynb"]
    assert len(learner.cells) == len(solved.cells)
    return learner, solved


def is_stub(cell: NotebookNode) -> bool:
    """Return whether a cell of a learner's notebook is an exercise that waits for an answer."""
    return cell.cell_type == "code" and any(build.STUB.fullmatch(line) for line in cell.source.splitlines())


def both_versions(name: str) -> NotebookNode:
    """Return the solved notebook, with each of the learner's exercises right before the solved one."""
    learner, solved = versions(name)
    both = copy.deepcopy(solved)
    both.cells = []
    for asked, answered in zip(learner.cells, copy.deepcopy(solved).cells, strict=True):
        if is_stub(asked):
            both.cells.append(new_code_cell(asked.source, metadata={"tags": [STUB]}))
        both.cells.append(answered)
    return both


def run_in_kernel(name: str, folder: Path, /, **parameters: object) -> list[NotebookNode]:
    """Run a solved notebook with the learner's exercises in it; hold it to its budget; return its code cells."""
    notebook, executed = folder / f"{name}.ipynb", folder / "executed.ipynb"
    nbformat.write(both_versions(name), notebook)
    place = build.NOTEBOOKS / "solutions"
    found = measure.run(notebook, executed, parameters=parameters, cwd=place, progress_bar=False)
    faults = measure.over_budget(name, found, noisy=True)
    assert not faults, faults
    return code_cells(nbformat.read(executed, as_version=4).cells)


def run_here(
    name: str, patch: pytest.MonkeyPatch, /, *, first: int | None = None, **parameters: object
) -> list[NotebookNode]:
    """Run a solved notebook in this process, which has most libraries loaded, and return its code cells.

    ``first`` is the number of code cells that are run, with the one that sets the parameters; without it all are.

    Raises
    ------
    Exception
        What a cell raises.
    """
    patch.chdir(build.NOTEBOOKS / "solutions")
    cells = code_cells(copy.deepcopy(versions(name)[1]).cells)
    # as papermill does it
    place = next(place for place, cell in enumerate(cells, 1) if "parameters" in cell.metadata.get("tags", []))
    lines = [f"{key} = {value!r}" for key, value in parameters.items()]
    cells.insert(place, new_code_cell("\n".join(["# Parameters", *lines])))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        for cell in cells[:first]:
            with capture_output() as captured:
                result = shell.run_cell(cell.source, store_history=True)
            shown = [output.data for output in captured.outputs]
            if result.result is not None:  # the value of the last line
                shown.append(shell.display_formatter.format(result.result)[0])
            cell.outputs = [new_output("display_data", data) for data in shown]
            cell.outputs.append(new_output("stream", text=captured.stdout))
            result.raise_error()
    finally:
        InteractiveShell.clear_instance()
    return cells


def code_cells(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Return those cells that hold code."""
    return [cell for cell in cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    found: list[str] = cell.metadata.get("tags", [])
    return found


def bound_by(code: str) -> set[str]:
    """Return the names that code binds where it is run: variables, functions, classes and imports."""
    symbols = symtable.symtable(code, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def read_by(code: str) -> set[str]:
    """Return the names that code reads, in its functions too, and does not bind itself."""

    def read(table: symtable.SymbolTable) -> Iterator[str]:
        outermost = table.get_type() == "module"
        yield from (s.get_name() for s in table.get_symbols() if s.is_referenced() and (outermost or s.is_global()))
        for inner in table.get_children():
            yield from read(inner)

    return set(read(symtable.symtable(code, "cell", "exec"))) - bound_by(code)
