"""Make the notebooks from their sources: ``python notebooks/build.py``, or with ``--check`` only say whether they are up to date."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

HERE = Path(__file__).parent


def build(source: Path) -> NotebookNode:
    """Return the notebook of a percent-format source: no outputs, and cell names that do not change from build to build."""
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


def main() -> int:
    """Write every notebook, or list those that differ from their source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a notebook differs from its source"
    )
    check = parser.parse_args().check
    stale = []
    for source in sorted((HERE / "source").glob("*.py")):
        target = HERE / f"{source.stem}.ipynb"
        text = nbformat.writes(build(source)) + "\n"
        if check:
            if not target.exists() or target.read_text() != text:
                stale.append(target.name)
        else:
            target.write_text(text)
    for name in stale:
        print(f"{name} differs from its source; run: make notebooks", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
