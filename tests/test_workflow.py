"""What runs on other machines says the same as the Makefile, the README and the conda environment."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import NOT_ON_WINDOWS, pytest_collection_modifyitems

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.fixture
def jobs() -> dict[str, Any]:
    """Return the jobs of the workflow that tests."""
    workflow: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    return workflow["jobs"]  # type: ignore[no-any-return]


def recipe(target: str) -> list[str]:
    """Return the commands of a target of make, without the folder of its programs."""
    (lines,) = re.findall(rf"^{target}: .*\n((?:\t.*\n)+)", MAKEFILE, flags=re.M)
    return [re.sub(r"\$\(BIN\)/", "", line.strip()) for line in lines.splitlines()]


def test_windows_runs_the_same_checks_as_make(jobs: dict[str, Any]) -> None:
    job = jobs["windows"]
    runs = {step.get("name", ""): step["run"] for step in job["steps"] if "run" in step}
    lint, tests = (runs[name].replace("uv run ", "").strip().splitlines() for name in ("lint", "unit tests"))
    assert lint == recipe("lint")
    assert [f"OMP_NUM_THREADS={job['env']['OMP_NUM_THREADS']} {line}" for line in tests] == recipe("unit-test")
    assert (ROOT / "notebooks" / re.findall(r"\S+\.ipynb", runs["notebook 00"])[0]).exists()


def test_the_oldest_versions_run_the_unit_tests_of_make(jobs: dict[str, Any]) -> None:
    job = jobs["lowest"]
    venv, install, tests = (step["run"] for step in job["steps"] if "run" in step)
    assert venv.endswith(re.findall(r'requires-python = ">=(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"))[0])
    assert "--resolution lowest-direct" in install
    command = f"OMP_NUM_THREADS={job['env']['OMP_NUM_THREADS']} {tests.removeprefix('.venv/bin/')}"
    assert [command] == recipe("unit-test")


def test_all_systems_and_the_oldest_python_are_tested_before_a_release(jobs: dict[str, Any]) -> None:
    matrix = jobs["test"]["strategy"]["matrix"]
    oldest = re.findall(r'requires-python = ">=(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    assert matrix["python"][:1] == oldest
    assert set(jobs["release"]["needs"]) == {"test", "windows"}
    assert [name for name, job in jobs.items() if "permissions" in job] == ["release"]
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"tools/\w+\.py", text) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_what_is_left_out_on_windows_exists_and_nothing_else_is(
    platform: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    listed = [name for names in NOT_ON_WINDOWS.values() for name in names]
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in listed if text.count(f"def {name}(") != 1] == []
    items = [
        pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None)
        for name in (listed[0], "test_another")
    ]
    monkeypatch.setattr(sys, "platform", platform)
    pytest_collection_modifyitems(items)  # type: ignore[arg-type]
    reasons = [[mark.kwargs["reason"] for mark in item.iter_markers("skip")] for item in items]
    assert reasons == [[next(iter(NOT_ON_WINDOWS))] if platform == "win32" else [], []]


def test_a_development_container_is_set_up_as_the_readme_says() -> None:
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n  ", "").replace('"', "'")
    bring_uv, *commands = settings["postCreateCommand"].split(" && ")
    assert bring_uv == "pip install uv"
    assert "\n".join(commands) in readme
    assert settings["image"] == f"python:{re.findall(r'uv venv --python (.+)', readme)[0]}"
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["variables"]
    assert settings["containerEnv"].items() <= conda.items()


def test_before_a_commit_runs_what_make_lint_runs() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"  # no versions of its own
    assert [hook["entry"] for hook in repository["hooks"]] == ["make lint"]
    assert recipe("lint")


def test_line_ends_are_those_that_scripts_need() -> None:
    assert "* text=auto eol=lf" in (ROOT / ".gitattributes").read_text(encoding="utf-8").splitlines()
