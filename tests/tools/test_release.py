"""The release that a push to main makes, in a repository of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from release import newest_release, notes_since

ROOT = Path(__file__).parents[2]
CHANGES = "# Changes\n\n## Unreleased\n\n- A plan.\n\n## 2026-12-01, {}\n\n- A map.\n\n## 2026-11-22, 0.1.0\n\n- Old.\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    commit(tmp_path, "0.1.0", "0.1.0")
    return tmp_path


def commit(root: Path, version: str, released: str) -> None:
    (root / "landslide_utils").mkdir(exist_ok=True)
    (root / "landslide_utils" / "__init__.py").write_text(
        f'"""A package."""\n\n__version__ = "{version}"\n', encoding="utf-8"
    )
    (root / "CHANGELOG.md").write_text(CHANGES.format(released), encoding="utf-8")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", *who, "commit", "--quiet", "--allow-empty", "-m", "a"], cwd=root, check=True)


def test_a_new_version_is_released_with_its_part_of_the_change_log(repository: Path) -> None:
    commit(repository, "0.2.0", "0.2.0")
    command = [sys.executable, ROOT / "tools" / "release.py", "HEAD~1", "notes.md"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout == "v0.2.0\n"
    assert (repository / "notes.md").read_text(encoding="utf-8") == "- A map.\n"


@pytest.mark.parametrize("before", ["HEAD~1", "0" * 40])
def test_the_same_version_and_a_branch_without_a_past_release_nothing(repository: Path, before: str) -> None:
    commit(repository, "0.1.0", "0.2.0")
    assert notes_since(repository, before) == ("", "")


def test_a_version_that_the_change_log_does_not_know_is_refused(repository: Path) -> None:
    commit(repository, "0.3.0", "0.2.0")
    with pytest.raises(SystemExit, match=r"says 0\.3\.0, but the newest release in CHANGELOG\.md is 0\.2\.0"):
        notes_since(repository, "HEAD~1")
    with pytest.raises(SystemExit, match=r"CHANGELOG\.md has no heading such as"):
        newest_release("# Changes\n\n## Unreleased\n")
