"""What the build writes into a notebook's opening: badges, a set-up cell for Colab, times of learner and computer.

The repository's address stands in pyproject.toml. Badges, the set-up cell and the package's URLs are made from it. How
long a learner needs stands in docs/instructor.md.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import lint
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
GUIDE = PYPROJECT.parent / "docs" / "instructor.md"
PLANNED = re.compile(r"^\| (\d\d\w?) \| (\d+) \|$", re.M)
ADDRESS = re.compile(r"https://github\.com/([A-Za-z0-9-]+)/([A-Za-z0-9._-]+?)(?:\.git)?/?")
SETTING = re.compile(r'^repository = ".*"$', re.M)
URLS = re.compile(r"^\[project\.urls\]\n(?:.+\n)*\n", re.M)
BEFORE_URLS = "[project.optional-dependencies]\n"
SETUP = """import sys

if "google.colab" in sys.modules:
    !test -d /content/landslides || git clone --quiet --depth 1 {repository} /content/landslides
    %pip install --quiet /content/landslides
    %cd -q /content/landslides/notebooks"""
SETUP_PLOTS = """
    load = "import hvplot; hvplot.extension('bokeh')\\n"
    get_ipython().input_transformers_cleanup.append(lambda lines: [load] * (".hvplot." in "".join(lines)) + lines)"""
SETUP_SENTENCE = (
    "On Google Colab the next cell fetches and installs the course, which takes a few minutes. "
    "Elsewhere it does nothing."
)
PLOTS_SENTENCE = (
    " There each cell is a page of its own, so it also has the plots' scripts loaded in every cell that draws."
)


def settings() -> dict[str, Any]:
    """Return the project's settings, ``[tool.landslides]`` of pyproject.toml."""
    section: dict[str, Any] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["landslides"]
    return section


def repository_of(address: str) -> str:
    """Return a repository's address in the form that badges need, empty if none is given.

    Raises
    ------
    ValueError
        If it is not an address on GitHub. Colab opens notebooks from there only.
    """
    match = ADDRESS.fullmatch(address.strip())
    if not match and address.strip():
        raise ValueError(
            f"repository={address!r} is not an address such as https://github.com/OWNER/landslides-from-radar; "
            "Colab opens public notebooks on GitHub only; give '' for no badges"
        )
    return f"https://github.com/{match[1]}/{match[2]}" if match else ""


def urls_of(repository: str) -> dict[str, str]:
    """Return the package's URLs by their labels, none without a repository."""
    if not repository:
        return {}
    return {
        "Repository": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
    }


def set_repository(address: str) -> None:
    """Write the repository's address to pyproject.toml: the setting itself, and the package's URLs made from it."""
    repository = repository_of(address)
    text = SETTING.sub(lambda _: f'repository = "{repository}"', PYPROJECT.read_text(encoding="utf-8"))
    text = URLS.sub("", text)
    lines = [f'{label} = "{url}"\n' for label, url in urls_of(repository).items()]
    if lines:
        text = text.replace(BEFORE_URLS, "".join(["[project.urls]\n", *lines, "\n", BEFORE_URLS]), 1)
    PYPROJECT.write_text(text, encoding="utf-8")


def fingerprint(notebook: NotebookNode) -> str:
    """Return a name for all that a notebook runs; its prose does not change it."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


def duration(seconds: float) -> str:
    """Return a duration in words, rounded up to the second."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def planned_line(path: str) -> str:
    """Return the sentence on how long a learner needs for a notebook at a path; empty if the guide does not say."""
    minutes = dict(PLANNED.findall(GUIDE.read_text(encoding="utf-8"))).get(Path(path).stem.partition("_")[0])
    return f"*Planned: about {minutes} minutes for you, with the exercises and the quiz.*" if minutes else ""


def measured_line(entry: dict[str, Any]) -> str:
    """Return the sentence on a notebook's measured time and memory, rounded up."""
    return (
        f"*Measured: {duration(entry['seconds'])} for the computer, "
        f"at most {math.ceil(entry['memory_gb'] * 10) / 10:.1f} GB of memory, "
        f"on {entry['cores']} core{'s' * (entry['cores'] > 1)}, with the practice scenes made before.*"
    )


def decorate(notebook: NotebookNode, path: str, *, repository: str, measured: dict[str, Any] | None) -> None:
    """Write badges, times and the set-up cell into a notebook that lies at a path in the repository."""
    opening = notebook.cells[0]
    times = [line for line in (planned_line(path), measured_line(measured) if measured else "") if line]
    opening.source += "\n\n" * bool(times) + "\n".join(times)
    if not repository:
        return
    place = repository.removeprefix("https://github.com/")
    badges = {
        "Colab": f"https://colab.research.google.com/github/{place}/blob/main/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{place}/main?labpath={path}",
    }
    line = " ".join(f"[![Open in {name}](../docs/badges/{name.lower()}.svg)]({link})" for name, link in badges.items())
    title, _, rest = opening.source.partition("\n")
    opening.source = f"{title}\n\n{line}\n{rest}"
    draws = any(".hvplot." in cell.source for cell in notebook.cells if cell.cell_type == "code")
    sentence, setup = SETUP_SENTENCE + PLOTS_SENTENCE * draws, SETUP.format(repository=repository) + SETUP_PLOTS * draws
    name = hashlib.sha256(path.encode()).hexdigest()[:7]
    notebook.cells[1:1] = [
        new_markdown_cell(sentence, id=f"{name}a"),
        new_code_cell(setup, id=f"{name}b", metadata={"tags": [lint.SETUP]}),
    ]
