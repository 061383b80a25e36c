"""The wrong answers of `course/test_check.py`, as a learner types them into a notebook."""

from __future__ import annotations

import ast
import builtins
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from run_notebooks import bound_by, code_cells, read_by

CHECKS = Path(__file__).parent / "course" / "test_check.py"


def written(table: str) -> Any:
    """Return a table of the tests as it is written there, not its values."""
    return next(
        node.value
        for node in ast.parse(CHECKS.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == table
    )


class Renamed(ast.NodeTransformer):
    """Put a notebook's names where the tests have theirs."""

    def __init__(self, names: dict[str, ast.expr]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> ast.AST:
        return self.names.get(ast.unparse(node)) or self.generic_visit(node)


def whole_code(notebook: NotebookNode) -> str:
    """Return the code of all cells of a notebook."""
    return "\n".join(cell.source for cell in code_cells(notebook.cells))


def mistakes(exercise: str, notebook: str) -> list[tuple[str, str]]:
    """Return wrong answers as code, each with words of its hint, for an exercise's cell in a notebook's code.

    Those are left out that need more than the notebook holds, or that say nothing of what the check is given.
    """
    call: Any = ast.parse(exercise).body[-1]
    _, *given = call.value.args
    contexts = written("CONTEXT")
    context = contexts.values[[key.value for key in contexts.keys].index(call.value.func.attr)].elts
    names = dict(zip(map(ast.unparse, context), given, strict=True))
    asked = set().union(*(read_by(ast.unparse(argument)) for argument in given))
    known = bound_by(notebook) | set(dir(builtins))
    found = []
    for check, value, hint in (entry.elts for entry in written("PLAUSIBLE_BUT_WRONG").elts):
        if check.value == call.value.func.attr:
            code = ast.unparse(Renamed(names).visit(value))
            if asked & read_by(code) and read_by(code) <= known:
                found.append((code, hint.value))
    return found
