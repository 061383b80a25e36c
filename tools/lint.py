"""The rules of style for notebooks and documents that a machine can check; each function returns a list of faults."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

MOST_LINES, MEDIAN_LINES = 20, 3
MOST_WORDS, MOST_LONG = 25, 0.1
"""Words of a sentence for people who read English as a third language, and the share that may have more."""
LONG = "long"
"""Tag of a cell that may be longer than others: a training loop that is being taught."""

SETUP = "setup"
"""Tag of the set-up cell that the build adds; it is not part of the lesson and is left out of the median."""

HEADER = {
    r"\A# \d\d[a-z]? .+": "a title such as '# 01 Explore backscatter'",
    r"\*\*Afterwards you can\*\*": "'**Afterwards you can** ...'",
    r"\| you should know \| where it is taught \|\n\|---\|---\|\n\|": (
        "a table '| you should know | where it is taught |'"
    ),
    r"works offline|needs the internet": "whether it works offline",  # a network is also a neural one
}
FOOTER = {
    r"\A## What we learnt": "a last cell '## What we learnt'",
    r"\*\*Sources\.\*\*": "'**Sources.** ...' in the last cell",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)


def _lines(cell: NotebookNode) -> list[str]:
    """Return the lines of a cell that are not empty."""
    return [line for line in cell.source.splitlines() if line.strip()]


def _code_lines(cell: NotebookNode) -> int:
    """Return the number of lines of code in a cell; lines that are only a comment do not count."""
    return sum(not line.lstrip().startswith("#") for line in _lines(cell))


def notebook_faults(name: str, notebook: NotebookNode) -> list[str]:
    """List the faults of style of a notebook, be it a source (with stubs and solutions) or a generated notebook."""
    cells = notebook.cells
    code = [(number, cell) for number, cell in enumerate(cells, 1) if cell.cell_type == "code"]
    faults = []
    for number, cell in code:
        if number == 1 or cells[number - 2].cell_type != "markdown":
            faults.append(f"cell {number}: no sentence before it ({_lines(cell)[0]})")
        if _code_lines(cell) > MOST_LINES and LONG not in cell.metadata.get("tags", []):
            faults.append(
                f"cell {number}: {_code_lines(cell)} lines of code where {MOST_LINES} are allowed; "
                "split it, or move plumbing to the package"
            )
        faults += [f"cell {number}: {fault}" for fault in _exercise_faults(cell)]
    lengths = [_code_lines(cell) for _, cell in code if SETUP not in cell.metadata.get("tags", [])]
    if lengths and (median := statistics.median(lengths)) > MEDIAN_LINES:
        faults.append(f"the median cell has {median:g} lines of code where {MEDIAN_LINES} are allowed")
    for wanted, cell in ((HEADER, cells[0]), (FOOTER, cells[-1])):
        faults += [f"misses {words}" for pattern, words in wanted.items() if not re.search(pattern, cell.source)]
    return [f"{name}: {fault}" for fault in faults + _parameter_faults(code)]


def _parameter_faults(code: list[tuple[int, NotebookNode]]) -> list[str]:
    """List what is wrong with the parameters cell: one, typed, explained, and checked by the cell after it."""
    places = [place for place, (_, cell) in enumerate(code) if "parameters" in cell.metadata.get("tags", [])]
    if len(places) != 1:
        return [f"{len(places)} cells are tagged parameters where one is needed"]
    first, *lines = _lines(code[places[0]][1])
    faults = [] if first == "# fmt: off" else ["the parameters cell must begin with '# fmt: off'"]
    faults += [
        f"parameter without type or comment: {line}"
        for line in lines
        if not re.fullmatch(r"\w+: [\w |]+ = .+?  # \S.*", line)
    ]
    after = code[places[0] + 1][1].source if places[0] + 1 < len(code) else ""
    if not re.search(r"^(\w+ = )?check_parameters\(\s*globals\(\)", after, re.M):
        faults.append("the cell after the parameters must check them with check_parameters")
    return faults


def _exercise_faults(cell: NotebookNode) -> list[str]:
    """List what is wrong with an exercise: a stub that runs, one solution, then a check."""
    lines = cell.source.splitlines()
    begins, ends = ([i for i, line in enumerate(lines) if word in line] for word in ("BEGIN SOLUTION", "END SOLUTION"))
    if not begins and not ends:
        return []
    exact = len(begins) == len(ends) == 1 and (lines[begins[0]], lines[ends[0]]) == (
        "# BEGIN SOLUTION NO PROMPT",
        "# END SOLUTION",
    )
    if not exact or begins[0] > ends[0]:
        return ["an exercise has one line '# BEGIN SOLUTION NO PROMPT' and later one line '# END SOLUTION'"]
    faults = []
    stub = re.fullmatch(r"(\w+) = \.\.\.", lines[begins[0] - 1]) if begins[0] else None
    if not stub:
        faults.append("the line before a solution must be its stub, such as 'answer = ...'")
    elif not re.search(rf"^check\.\w+\({stub.group(1)}\b", "\n".join(lines[ends[0] :]), re.M):
        faults.append(f"after the solution its check must come: check.<exercise>({stub.group(1)}, ...)")
    return faults


def slug(heading: str) -> str:
    """Return the anchor of a heading as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    """Return the anchors of all headings of a Markdown file or a notebook."""
    if path.suffix == ".ipynb":
        text = "\n\n".join(
            cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"
        )
    else:
        text = CODE.sub("", path.read_text(encoding="utf-8"))
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def documents(root: Path) -> dict[Path, str]:
    """Return the project's prose by the file that its links start from: Markdown files and notebooks' text cells."""
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in (root, root / "docs")
        for path in sorted(folder.glob("*.md"))
    }
    for source in sorted((root / "notebooks" / "source").glob("*.py")):
        cells = jupytext.read(source).cells
        texts[source.parent.parent / f"{source.stem}.ipynb"] = "\n\n".join(
            cell.source for cell in cells if cell.cell_type == "markdown"
        )
    return texts


def link_faults(root: Path) -> list[str]:
    """List links inside the project that lead nowhere, and pictures without alternative text."""
    faults = []
    for path, text in documents(root).items():
        for picture, words, link in LINK.findall(CODE.sub("", text)):
            name = path.relative_to(root).as_posix()
            if picture and not words.strip():
                faults.append(f"{name}: the picture {link} has no alternative text")
            if re.match(r"[a-z]+:", link):
                continue
            place, _, anchor = link.partition("#")
            target = (path.parent / place).resolve() if place else path
            if not target.exists():
                faults.append(f"{name}: {link} does not exist")
            elif anchor and anchor not in anchors(target):
                faults.append(f"{name}: {link} has no heading of that name")
    return faults


def sentences(text: str) -> list[str]:
    """Return the sentences of a Markdown text of at least three words; no code, tables, headings and pictures."""
    prose = LINK.sub(lambda link: "" if link[1] else link[2], CODE.sub("x", text))
    prose = re.sub(r"^[|#].*$|^- |</?\w+>", "\n\n", prose, flags=re.M)
    parts = re.split(r"(?<=[.?!])[*)\"]*\s+|\n\s*\n", prose)
    return [" ".join(words) for words in map(str.split, parts) if len(words) > 2]


def sentence_faults(root: Path) -> list[str]:
    """List the long sentences of each document in which they are too many; what the change log says stays as it is."""
    faults = []
    for path, text in documents(root).items():
        every = sentences(text) if path.name != "CHANGELOG.md" else []
        long = [sentence for sentence in every if len(sentence.split()) > MOST_WORDS]
        if len(long) > MOST_LONG * len(every):
            name = path.relative_to(root).as_posix()
            start = f"{name}: {len(long)} of {len(every)} sentences have more than {MOST_WORDS} words"
            faults += [f"{start}: {sentence}" for sentence in long]
    return faults


def spelling_faults(root: Path) -> list[str]:
    """List common misspellings in prose and code comments, found offline by codespell."""
    places = [
        "landslide_utils",
        "notebooks/source",
        "tools",
        "docs",
        *(path.name for path in root.glob("*.md")),
    ]
    options = ["--builtin", "clear,rare", "--skip", "*.png,*.csv,*.ipynb,__pycache__"]
    command = [sys.executable, "-m", "codespell_lib", *options, *places]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if "No module named" in done.stderr:
        return ["spelling was not checked: codespell is missing; install the package with its test extra, as make does"]
    return [line for line in done.stdout.splitlines() if line]
