"""Make a course for nbgrader: ``python tools/grading.py FOLDER [NAME ...]`` writes an assignment for each notebook.

An exercise becomes two cells: one for the answer, and a locked one with its check, which is graded. nbgrader sets
``NBGRADER_EXECUTION`` where it grades, and there a check raises an error if the answer is not right. An open question
(``### Try``) gets a cell for an answer in words, which a person grades. nbgrader itself is needed only to grade.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

import build
import header
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

SCHEMA = 3
CHECK = re.compile(r"^check\.(\w+)\(", re.M)
OPEN_QUESTION = re.compile(r"^### Try", re.M)
BESIDE = re.compile(r'(?<=\]\()\.\./[^)#\s]+|(?<=")\.\./[^"]+')
"""A file or folder beside the notebooks, in a link or in a text of code."""
NOTEBOOK_LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:)[^)]*\.ipynb[^)]*\)")
CONFIG = """# How nbgrader reads the course; made by tools/grading.py, yours to change.
c = get_config()
c.CourseDirectory.course_id = "landslides"
c.ClearSolutions.code_stub = {"python": ""}  # the stub stands before the solution
c.Execute.timeout = 1800  # seconds for a cell: some train a network
"""


def metadata(grade_id: str, *, points: int = 0, solution: bool = False) -> dict[str, object]:
    """Return what nbgrader needs to know of a cell; one with points is graded, one that is no solution is locked."""
    graded = {"grade": points > 0, **({"points": points} if points else {})}
    return {"schema_version": SCHEMA, "grade_id": grade_id, **graded, "solution": solution, "locked": not solution}


def graded(cell: NotebookNode) -> list[NotebookNode]:
    """Return the cells that a cell of a source becomes: itself, or an answer and what grades it."""
    if build.is_exercise(cell):
        answer, end, check = cell.source.partition(f"{build.END}\n")
        name = CHECK.search(check)[1]  # type: ignore[index]  # the lint asks for a check
        cell.source = (answer + end).rstrip("\n")
        cell.metadata["nbgrader"] = metadata(f"{name}-answer", solution=True)
        graded_by = {"nbgrader": metadata(name, points=1)}
        return [cell, new_code_cell(check.strip("\n"), id=f"{cell.id}-check", metadata=graded_by)]
    if cell.cell_type == "markdown" and OPEN_QUESTION.search(cell.source):
        points = max(1, cell.source.count("\n- "))  # what a good answer has
        asked = {"nbgrader": metadata("try", points=points, solution=True)}
        return [cell, new_markdown_cell("Your answer", id=f"{cell.id}-answer", metadata=asked)]
    return [cell]


def assignment(source: Path) -> tuple[NotebookNode, set[str]]:
    """Return a notebook for nbgrader, and the files and folders of the project that it reads, relative to the root."""
    notebook = build.read_source(source)
    header.decorate(notebook, source.stem, repository="", measured=build.read_measured().get(source.stem))
    notebook.cells = [made for cell in notebook.cells for made in graded(cell)]
    files = set()
    for cell in notebook.cells:
        cell.source = NOTEBOOK_LINK.sub(r"\1", cell.source) if cell.cell_type == "markdown" else cell.source
        files |= {found.removeprefix("../") for found in BESIDE.findall(cell.source)}
        cell.source = BESIDE.sub(lambda found: found[0].removeprefix("../"), cell.source)
    nbformat.validate(notebook)
    return notebook, files


def write_course(folder: Path, sources: list[Path]) -> None:
    """Write assignments, each with the files that it reads, and the settings if there are none yet."""
    for source in sources:
        notebook, files = assignment(source)
        place = folder / "source" / source.stem
        place.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, place / f"{source.stem}.ipynb")
        for name in files:
            copy = shutil.copytree if (build.ROOT / name).is_dir() else shutil.copy2
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            copy(build.ROOT / name, place / name, **({"dirs_exist_ok": True} if copy is shutil.copytree else {}))
    if not (config := folder / "nbgrader_config.py").exists():
        config.write_text(CONFIG, encoding="utf-8")


def main() -> None:
    """Write the course and say what to do with it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the course; what is there of these notebooks is replaced")
    known = {source.stem: source for source in sorted((build.NOTEBOOKS / "source").glob("*.py"))}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"notebooks; all by default: {', '.join(known)}")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"{', '.join(unknown)}: no such notebook; there are {', '.join(known)}")
    names = given.names or list(known)
    write_course(given.folder, [known[name] for name in names])
    print(
        f"{len(names)} assignments in {given.folder}; now: cd {given.folder} && nbgrader generate_assignment {names[0]}"
    )


if __name__ == "__main__":
    main()
