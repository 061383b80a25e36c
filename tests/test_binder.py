"""What repo2docker, which Binder runs, makes of ``binder/``, as far as that can be told without a network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_repo2docker_takes_the_conda_environment_and_both_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    from repo2docker.app import Repo2Docker

    monkeypatch.chdir(ROOT)
    app = Repo2Docker()
    packs = (kind(app.base_image) for kind in app.buildpacks)
    chosen = next(pack for pack in packs if pack.detect())
    assert type(chosen).__name__ == "CondaBuildPack"
    assert chosen.binder_path("environment.yml") == "binder/environment.yml"
    assert chosen.get_post_build_scripts() == ["binder/postBuild"]
    assert chosen.get_start_script() == "${REPO_DIR}/binder/start"
    assert tuple(map(int, chosen.python_version.split(".")[:2])) >= (3, 11)
    assert "binder/environment.yml" in "".join(command for _, command in chosen.get_env_scripts())


@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_the_scripts_are_bash_that_binder_can_run(script: str) -> None:
    path = ROOT / "binder" / script
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert subprocess.run(
        ["git", "ls-files", "--stage", path], cwd=ROOT, capture_output=True, text=True
    ).stdout.startswith("100755")
    subprocess.run(["bash", "-n", path], check=True)


def test_what_the_post_build_script_calls_exists() -> None:
    text = (ROOT / "binder" / "postBuild").read_text(encoding="utf-8")
    (code,) = re.findall(r'python -c "(.*)"', text)
    module, name, region = re.fullmatch(r"from (\S+) import (\w+); \2\('(\w+)'\)", code).groups()  # type: ignore[union-attr]
    from landslide_utils.simulate.scenario import PRACTICE

    assert callable(getattr(__import__(module, fromlist=[name]), name))
    assert region in PRACTICE
    assert "pip install --no-deps --editable ." in text
    assert (ROOT / "pyproject.toml").exists()
