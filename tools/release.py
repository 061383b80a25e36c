"""Name the release that a push to main makes: ``python tools/release.py COMMIT NOTES``.

COMMIT is what main was before. If the version has changed since, its tag is printed, and what the change log says of it
is written to the file NOTES. Needs nothing but Python and git: the workflow runs it without an environment.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

VERSIONED = "landslide_utils/__init__.py"


def version_in(text: str) -> str:
    """Return the version that a text of landslide_utils/__init__.py gives; empty if none."""
    found = re.search(r'^__version__ = "(.+)"$', text, re.M)
    return found[1] if found else ""


def newest_release(changes: str) -> tuple[str, str, str]:
    """Return version, day and text of the newest release in a change log; what is not released has no day."""
    found = re.search(r"^## (\d{4}-\d\d-\d\d), (\S+)\n(.*?)(?=^## |\Z)", changes, re.M | re.S)
    if not found:
        raise SystemExit("CHANGELOG.md has no heading such as '## 2026-11-22, 0.1.0'")
    return found[2], found[1], found[3].strip()


def notes_since(root: Path, commit: str) -> tuple[str, str]:
    """Return tag and text of the release that is new since a commit; both empty if the version is the same."""
    version = version_in((root / VERSIONED).read_text(encoding="utf-8"))
    before = subprocess.run(["git", "show", f"{commit}:{VERSIONED}"], cwd=root, capture_output=True, text=True)
    if before.returncode or version_in(before.stdout) == version:  # a new branch has no commit before
        return "", ""
    released, _, text = newest_release((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if released != version:
        raise SystemExit(f"{VERSIONED} says {version}, but the newest release in CHANGELOG.md is {released}")
    return f"v{version}", text


if __name__ == "__main__":
    tag, notes = notes_since(Path.cwd(), sys.argv[1])
    if tag:
        Path(sys.argv[2]).write_text(notes + "\n", encoding="utf-8")
        print(tag)
