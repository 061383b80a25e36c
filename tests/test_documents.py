"""What the documents and the notebooks' sources name exists: modules, files, targets of make and commands."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
import shlex
from pathlib import Path

import lint
import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = "benchmarks|binder|docs|landslide_utils|notebooks|tests|tools"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = sorted((ROOT / "notebooks" / "source").glob("*.py"))
WRITTEN = ("results", "practice_hokkaido", "practice_hokkaido_standard", "real")
"""Folders of pages that are written by code."""
WIDTH = 120


def text_of(path: Path) -> str:
    """Return a document's text; of the change log only what is not released, because older entries name what was."""
    text = path.read_text(encoding="utf-8")
    return text.partition("\n## 20")[0] if path.name == "CHANGELOG.md" else text


def code_in(text: str) -> list[str]:
    """Return the code of a Markdown text: each span between backticks and each line of a block."""
    return [line for code in lint.CODE.findall(text) for line in code.strip("`").splitlines()]


def is_there(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of one."""
    try:
        pkgutil.resolve_name(name)
    except (AttributeError, ModuleNotFoundError):
        return False
    return True


def faults_of(text: str, *, targets: set[str], commands: set[str]) -> list[str]:
    """List what a text names and the project does not have."""
    names = set(re.findall(r"\blandslide_utils(?:\.[A-Za-z_]\w*)+", text))
    faults = [f"no module or name {name}" for name in sorted(names) if not is_there(name)]
    for place in sorted(set(re.findall(rf"(?<![\w/.-])(?:\.\./)*((?:{FOLDERS})/[\w./*-]*[\w*])", text))):
        if not list(ROOT.glob(place)):
            faults.append(f"no file {place}")
    for line in code_in(text):
        for target in re.findall(r"(?:^|&& )make ([a-z-]+)", line):
            faults += [f"no target of make {target}"] if target not in targets else []
        for module in re.findall(r"python3? -m ([\w.]+)", line):
            faults += [f"no module {module} to run"] if not importlib.util.find_spec(module) else []
        words = shlex.split(line, comments=True) if line.startswith("landslides ") else []
        faults += [f"no command {line}"] if words and not {words[1]} <= commands | {"--help"} else []
    return faults


def targets_of_make() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))


def commands() -> set[str]:
    """Return the commands of ``landslides``, of which help lists one a line."""
    if not importlib.util.find_spec("landslide_utils.__main__"):
        return set()
    main = importlib.import_module("landslide_utils.__main__")
    return set(re.findall(r"^    ([a-z]+)(?: |$)", main._parser().format_help(), flags=re.M))


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda path: path.name)
def test_what_a_document_names_exists(path: Path) -> None:
    assert faults_of(text_of(path), targets=targets_of_make(), commands=commands()) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_what_a_notebook_imports_exists(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("landslide_utils"):
            assert [alias.name for alias in node.names if not is_there(f"{node.module}.{alias.name}")] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("`landslide_utils.cube.close_cube`", "no module or name landslide_utils.cube.close_cube"),
        ("from landslide_utils.plots import x", "no module or name landslide_utils.plots"),
        ("see `landslide_utils/plots.py`", "no file landslide_utils/plots.py"),
        ("[a](../docs/no.md)", "no file docs/no.md"),
        ("`make tea`", "no target of make tea"),
        ("```sh\ncd x && make tea\n```", "no target of make tea"),
        ("`python -m landslide_utils.plots`", "no module or name landslide_utils.plots"),
        ("`python3 -m no_such_module --help`", "no module no_such_module to run"),
        ("`landslides fly --far`", "no command landslides fly --far"),
    ],
)
def test_what_does_not_exist_is_found(text: str, fault: str) -> None:
    assert fault in faults_of(text, targets={"demo"}, commands={"train"})


def test_what_exists_is_no_fault() -> None:
    text = """`landslide_utils.files.InputError` stands in `landslide_utils/files.py`; [a](../docs/glossary.md#chip).
    To make a map: `make demo`, `python -m pytest`, `landslides train`, `landslides --help`, `notebooks/source/*.py`."""
    assert faults_of(text, targets={"demo"}, commands={"train"}) == []


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path.parent.name not in WRITTEN], ids=lambda path: path.name
)
def test_prose_is_no_wider_than_code(path: Path) -> None:
    """Tables cannot be broken, nor can the alternative text of a picture; pages of results are written by code."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDTH and not line.startswith(("|", "!["))] == []
