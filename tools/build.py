"""Make the notebooks from their sources: ``python tools/build.py``; ``--check`` only lists what is stale or bad style.

A source holds each exercise with its solution, once::

    answer = ...
    # BEGIN SOLUTION NO PROMPT
    answer = 10 * np.log10(power)
    # END SOLUTION
    check.to_decibels(answer, power)

The learner's notebook keeps the stub, the solved one in ``solutions/`` the solution. nbgrader (with an empty
``ClearSolutions.code_stub``) and otter know the same two markers and make the same learner's cell from them.

Badges and the set-up cell for Colab come from the repository's address, which ``--repository URL`` sets, and the
measured time and memory from measured.json.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import header
import jupytext
import lint
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
MEASURED = ROOT / "tools" / "measured.json"
BEGIN, END = "# BEGIN SOLUTION NO PROMPT", "# END SOLUTION"
STUB = re.compile(r"\w+ = \.\.\.")
RELATIVE_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)")


def read_source(source: Path) -> NotebookNode:
    """Return the notebook of a percent-format source, with stubs and solutions and with ids that stay the same."""
    notebook = jupytext.read(source)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = hashlib.sha256(f"{source.stem} {number}".encode()).hexdigest()[:8]
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
    nbformat.validate(notebook)
    return notebook


def is_exercise(cell: NotebookNode) -> bool:
    """Return whether a cell of a source holds a solution."""
    return cell.cell_type == "code" and BEGIN in cell.source.splitlines()


def learner(cell: str) -> str:
    """Return a cell without its solution."""
    kept, inside = [], False
    for line in cell.splitlines():
        inside = inside or line == BEGIN
        if not inside:
            kept.append(line)
        inside = inside and line != END
    return "\n".join(kept)


def solved(cell: str) -> str:
    """Return a cell without its stub and its markers."""
    return "\n".join(line for line in cell.splitlines() if line not in (BEGIN, END) and not STUB.fullmatch(line))


def read_measured() -> dict[str, dict[str, Any]]:
    """Return what tools/measure.py measured, by notebook."""
    entries: dict[str, dict[str, Any]] = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    return entries


def stale_notes(sources: list[Path]) -> list[str]:
    """List the notebooks whose measured time and memory are missing, or were measured with other code."""
    measured = read_measured()
    missing = [source.stem for source in sources if source.stem not in measured]
    older = [
        source.stem
        for source in sources
        if source.stem in measured and measured[source.stem]["code"] != header.fingerprint(read_source(source))
    ]
    return [
        f"note: time and memory {what} for {', '.join(names)}; run: make measure"
        for what, names in (("were never measured", missing), ("were measured with other code", older))
        if names
    ]


def build(source: Path) -> dict[Path, NotebookNode]:
    """Return the notebooks of a source by path: the learner's, and, where there are exercises, the solved one."""
    whole = read_source(source)
    repository = header.repository_of(header.settings()["repository"])
    measured = read_measured().get(source.stem)
    notebooks = {NOTEBOOKS / f"{source.stem}.ipynb": copy.deepcopy(whole)}
    if any(map(is_exercise, whole.cells)):
        notebooks[NOTEBOOKS / "solutions" / f"{source.stem}.ipynb"] = whole
    for target, notebook in notebooks.items():
        version = learner if target.parent == NOTEBOOKS else solved
        path = f"notebooks/{target.relative_to(NOTEBOOKS).as_posix()}"
        header.decorate(notebook, path, repository=repository, measured=measured)
        for cell in notebook.cells:
            if is_exercise(cell):
                cell.source = version(cell.source)
            if version is solved:  # one folder further down
                cell.source = (
                    RELATIVE_LINK.sub("../", cell.source)
                    if cell.cell_type == "markdown"
                    else cell.source.replace('"../', '"../../')
                )
    return notebooks


def main() -> int:
    """Write every notebook, or list what is stale or bad style; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail on a stale notebook or a fault of style"
    )
    parser.add_argument(
        "--repository", metavar="URL", help="set the repository's address, from which badges are made; '' for none"
    )
    given = parser.parse_args()
    check = given.check
    if given.repository is not None:
        try:
            header.set_repository(given.repository)
        except ValueError as error:
            parser.error(str(error))
    faults, targets = [], set()
    sources = sorted((NOTEBOOKS / "source").glob("*.py"))
    for source in sources:
        faults += lint.notebook_faults(source.stem, read_source(source)) if check else []
        for target, notebook in build(source).items():
            targets.add(target)
            faults += lint.notebook_faults(target.relative_to(NOTEBOOKS).as_posix(), notebook) if check else []
            text = nbformat.writes(notebook) + "\n"
            if not check:
                target.parent.mkdir(exist_ok=True)
                target.write_text(text, encoding="utf-8")
            elif not target.exists() or target.read_text(encoding="utf-8") != text:
                faults.append(
                    f"{target.relative_to(NOTEBOOKS).as_posix()} differs from its source; run: make notebooks"
                )
    if check:
        strays = {*NOTEBOOKS.glob("[0-9]*.ipynb"), *(NOTEBOOKS / "solutions").glob("*.ipynb")} - targets
        faults += [f"{stray.relative_to(NOTEBOOKS)} has no source; delete it, or write one" for stray in sorted(strays)]
        faults += lint.link_faults(ROOT) + lint.sentence_faults(ROOT) + lint.spelling_faults(ROOT)
    notes = stale_notes(sources)
    if not header.settings()["repository"]:
        notes.append(
            "note: no badges and no set-up cell for Colab; for them run: python tools/build.py --repository URL"
        )
    for line in faults + notes:
        print(line, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
