"""A tiny kit for a classroom without internet: fetched from a server on this machine, then installed offline."""

from __future__ import annotations

import functools
import http.server
import platform
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "kit"))

import fetch

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tiny_course-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("tiny_course.pth", __file__.rpartition("/")[0])
        write(wheel, "tiny_course")
    return name
def write(wheel, name):
    wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
    tags = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
    wheel.writestr(f"{name}-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\\nGenerator: x\\n{tags}")
    wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
"""
PYPROJECT = """
[build-system]
requires = ["tiny-builder"]
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny-course"
version = "1.0"
dependencies = ["tiny-wheel"]
[project.optional-dependencies]
event = ["tiny-event"]
test = ["nowhere-to-be-had"]
"""


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, notes which wheels were asked for, and fails at one of them once the versions are known."""

    asked: list[str]
    broken = ""

    def do_GET(self) -> None:
        if not self.headers["User-Agent"].startswith("uv"):
            self.asked.append(self.path)
        if self.broken and self.broken in self.path and not self.headers["User-Agent"].startswith("uv"):
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a project that needs three wheels, which a server on this machine has."""
    wheels, project = tmp_path / "served", tmp_path / "tiny course"
    wheels.mkdir()
    for name in ("tiny_wheel", "tiny_event", "tiny_builder"):
        with zipfile.ZipFile(wheels / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}.py", f"told = {name!r}\n")
            scope: dict[str, object] = {}
            exec(BACKEND, scope)
            scope["write"](wheel, name)  # type: ignore[operator]
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (project / "backend.py").write_text(BACKEND, encoding="utf-8")
    (project / "notebooks").mkdir()
    (project / "notebooks" / "00_start_here.ipynb").write_text("{}", encoding="utf-8")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for command in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *command], cwd=project, check=True)
    (project / "notebooks" / "mine.txt").write_text("not committed", encoding="utf-8")
    monkeypatch.setattr(Server, "asked", [], raising=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=str(wheels)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("UV_FIND_LINKS", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    yield project
    server.shutdown()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "cache" / "0a61ba"
    folder.mkdir(parents=True)
    (folder / "cube.txt").write_text("a cube", encoding="utf-8")
    return folder


def make(project: Path, kit: Path, data: Path, **changes: str) -> None:
    fetch.make_kit(
        project, kit, [data], systems=[changes.get("system", platform.system())], python=changes.get("python", PYTHON)
    )


def install(kit: Path, *folder: str) -> subprocess.CompletedProcess[str]:
    """Run the kit's own command; whoever tries to reach a network meets a closed port."""
    closed = dict.fromkeys(("http_proxy", "https_proxy", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"), "http://127.0.0.1:9")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(kit.parent), **closed}
    return subprocess.run(
        [sys.executable, kit / "install.py", *folder], capture_output=True, text=True, env=environment
    )


@pytest.mark.slow
def test_a_kit_is_fetched_and_installed_without_a_network(
    project: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kit, folder = tmp_path / "the stick" / "kit", tmp_path / "a room"
    make(project, kit, data)
    assert f"{kit} needs 0.00 GB, of which 0.00 GB are there" in capsys.readouterr().out
    assert {path.name for path in (kit / "wheels").iterdir()} == {
        f"tiny_{name}-1.0-py3-none-any.whl" for name in ("wheel", "event", "builder")
    }
    assert "python3 install.py FOLDER" in (kit / "README.txt").read_text(encoding="utf-8")
    with pytest.raises(FileExistsError, match="exists already; delete it, or name another folder"):
        make(project, kit, data)
    done = install(kit, str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"ready. To start: sh {folder}/start.sh\n")
    told = "import tiny_wheel, tiny_event, backend; print(tiny_wheel.told, backend.__file__)"
    there = subprocess.run([folder / "venv" / "bin" / "python", "-c", told], capture_output=True, text=True, check=True)
    assert there.stdout == f"tiny_wheel {folder}/project/backend.py\n"
    assert (folder / "data" / "0a61ba" / "cube.txt").read_text(encoding="utf-8") == "a cube"
    assert not (folder / "project" / "notebooks" / "mine.txt").exists()
    (folder / "venv" / "bin" / "jupyter").write_text(
        '#!/bin/sh\necho "$@" in "$PWD" with "$LANDSLIDE_DATA"\n', encoding="utf-8"
    )
    (folder / "venv" / "bin" / "jupyter").chmod(0o755)
    started = subprocess.run(["sh", folder / "start.sh"], capture_output=True, text=True, check=True)
    assert started.stdout == f"lab 00_start_here.ipynb in {folder}/project/notebooks with {folder}/data\n"
    again = install(kit, str(folder))
    assert again.returncode == 1
    assert f"{folder} exists already; delete it, or name another folder" in again.stderr


def test_an_interrupted_kit_is_not_there_and_goes_on_later(
    project: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = tmp_path / "stick" / "kit"
    monkeypatch.setattr(Server, "broken", "tiny_wheel")
    with pytest.raises(Exception, match="503"):
        make(project, kit, data)
    assert not kit.exists()
    assert "tiny_builder-1.0-py3-none-any.whl" in {path.name for path in (tmp_path / "stick").rglob("*.whl")}
    monkeypatch.setattr(Server, "broken", "")
    Server.asked.clear()
    make(project, kit, data)
    assert Server.asked == ["/tiny_wheel-1.0-py3-none-any.whl"]
    assert len(list((kit / "wheels").iterdir())) == 3
    assert [path.name for path in (tmp_path / "stick").iterdir()] == ["kit"]


def test_what_cannot_work_is_refused_before_anything_is_fetched(
    project: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = tmp_path / "stick" / "kit"
    full = shutil_usage(free=10)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: full)
    with pytest.raises(OSError, match=r"stick lacks [0-9.]+ GB; make room or name another folder"):
        make(project, kit, data)
    assert not list((tmp_path / "stick").iterdir())
    monkeypatch.undo()


def shutil_usage(free: int) -> object:
    return type("Usage", (), {"free": free})()


@pytest.mark.slow
def test_a_room_with_another_python_or_system_is_told_so(project: Path, data: Path, tmp_path: Path) -> None:
    make(project, tmp_path / "old", data, python="3.9")
    done = install(tmp_path / "old", str(tmp_path / "room"))
    assert done.returncode == 1
    assert f"this kit was made for Python 3.9, and this is {PYTHON}; run: python3.9 install.py" in done.stderr
    other = "Windows" if platform.system() != "Windows" else "Linux"
    make(project, tmp_path / "other", data, system=other)
    done = install(tmp_path / "other", str(tmp_path / "room"))
    assert f"this kit was made for {other}, and this machine runs {platform.system()}" in done.stderr
    assert not (tmp_path / "room").exists()


@pytest.mark.slow
def test_a_failed_installation_leaves_nothing(project: Path, data: Path, tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    make(project, kit, data)
    (kit / "wheels" / "tiny_event-1.0-py3-none-any.whl").unlink()
    done = install(kit, str(tmp_path / "room"))
    assert done.returncode != 0
    assert "tiny-event" in done.stderr
    assert not (tmp_path / "room").exists()
