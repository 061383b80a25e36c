"""Put all that a room without a network needs into one folder, such as one on a stick: ``python tools/kit/fetch.py FOLDER``.

In it lie the wheels of every dependency, the project as of its last commit, the practice scenes, and install.py, which sets all of it up without a network.
The folder appears when it is complete. Stop the command and start it again: what was fetched stays.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

ROOT = Path(__file__).parents[2]
PLATFORMS = {"Linux": "x86_64-manylinux_2_28", "Darwin": "aarch64-apple-darwin", "Windows": "x86_64-pc-windows-msvc"}
"""The machines that a kit can be made for, as Python and as uv call them."""
README = """A course on landslides from radar, for a room without a network.

Needs Python {python}: {platforms}. Then, in this folder:

    python3 install.py FOLDER

It takes a few minutes and ends by saying how to start. Without FOLDER it goes to landslides in your home folder.
"""


@dataclass(frozen=True)
class Wheel:
    """A file to fetch."""

    name: str
    version: str
    url: str
    sha256: str
    size: int

    @property
    def file(self) -> str:
        """The name that pip knows it by."""
        return unquote(Path(urlsplit(self.url).path).name)


def resolve(project: Path, system: str, python: str) -> list[Wheel]:
    """Return the wheels that a project needs on a system, with what it is built by, as of the day in its pyproject.toml.

    Raises
    ------
    RuntimeError
        If uv finds no set of versions, or a package has no wheel for that system.
    """
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    extras = [f"--extra={name}" for name in settings["project"].get("optional-dependencies", {}) if name != "test"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "build.in").write_text("\n".join(settings["build-system"]["requires"]))
        lock = Path(folder) / "pylock.toml"
        command = [
            *(uv, "pip", "compile", "--quiet", "--format", "pylock.toml", "--output-file", str(lock), *extras),
            *("--python-platform", PLATFORMS[system], "--python-version", python, "--only-binary", ":all:"),
            *("pyproject.toml", str(Path(folder) / "build.in")),
        ]
        # PyTorch's build for processors is much the smaller one; where its index cannot be reached, as in the Makefile, the default build is taken
        small = [
            "--torch-backend=cpu",
            "--exclude-newer-package=torch=false",
            "--exclude-newer-package=torchvision=false",
        ]
        done = subprocess.run([*command, *small], cwd=project, capture_output=True, text=True)
        if done.returncode:
            print("PyTorch's own builds cannot be had; taking the default build", file=sys.stderr)
            done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"uv found no versions for {system} with Python {python}:\n{done.stderr}")
        packages = tomllib.loads(lock.read_text())["packages"]
    if missing := [package["name"] for package in packages if not package.get("wheels")]:
        raise RuntimeError(f"no wheel for {system} with Python {python}: {', '.join(missing)}")
    wheels = []
    for package in packages:
        first = package["wheels"][0]  # all that uv lists suit the system
        size = first.get("size") or size_at(first["url"])
        wheels.append(Wheel(package["name"], package["version"], first["url"], first["hashes"]["sha256"], size))
    return wheels


def size_at(url: str) -> int:
    """Return the bytes of a file of an index that does not tell them, 0 if nobody does."""
    import requests

    if url.startswith("file:"):
        return Path(url2pathname(urlsplit(url).path)).stat().st_size
    return int(requests.head(url, allow_redirects=True, timeout=60).headers.get("Content-Length", 0))


def fetch(wheel: Wheel, folder: Path) -> None:
    """Fetch a wheel, unless it lies there whole already."""
    import pooch

    if wheel.url.startswith("file:"):
        shutil.copy(url2pathname(urlsplit(wheel.url).path), folder / wheel.file)
    pooch.retrieve(wheel.url, known_hash=wheel.sha256, fname=wheel.file, path=folder)


def pack(folders: list[Path], archive: Path) -> None:
    """Write folders to a tar archive that appears whole."""
    part = archive.with_suffix(".part")
    with tarfile.open(part, "w") as tar:
        for folder in folders:
            tar.add(folder, folder.name)
    part.replace(archive)


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def make_kit(project: Path, kit: Path, data: list[Path], *, systems: list[str], python: str) -> None:
    """Make a kit of a project and folders of data, for one version of Python on some systems.

    Raises
    ------
    FileExistsError
        If the kit is there already.
    OSError
        If there is not enough room; nothing was fetched then.
    RuntimeError
        If a system lacks a wheel.
    """
    if kit.exists():
        raise FileExistsError(f"{kit} exists already; delete it, or name another folder")
    part = kit.parent / f".{kit.name}.part"
    wheels = {system: resolve(project, system, python) for system in systems}
    each = {wheel.file: wheel for found in wheels.values() for wheel in found}
    needed = sum(wheel.size for wheel in each.values()) + sum(map(size_of, data)) + size_of(project / ".git") // 2
    there = size_of(part) if part.exists() else 0
    kit.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(kit.parent).free
    print(
        f"{kit} needs {needed / 1e9:.2f} GB, of which {there / 1e9:.2f} GB are there; {free / 1e9:.1f} GB are free",
        flush=True,
    )
    if needed - there > free:
        raise OSError(f"{kit.parent} lacks {(needed - there - free) / 1e9:.2f} GB; make room or name another folder")
    (part / "wheels").mkdir(parents=True, exist_ok=True)
    for wheel in each.values():
        fetch(wheel, part / "wheels")
    for stray in {path.name for path in (part / "wheels").iterdir()} - set(
        each
    ):  # of an earlier try, with other versions
        (part / "wheels" / stray).unlink()
    for system, found in wheels.items():
        (part / f"versions-{system}.txt").write_text("".join(f"{wheel.name}=={wheel.version}\n" for wheel in found))
    subprocess.run(["git", "archive", "--output", (part / "project.tar").resolve(), "HEAD"], cwd=project, check=True)
    pack(data, part / "data.tar")
    shutil.copy(Path(__file__).parent / "install.py", part)
    (part / "kit.json").write_text(json.dumps({"python": python, "systems": systems}))
    machines = ", ".join(f"{system} ({PLATFORMS[system].split('-')[0]})" for system in systems)
    (part / "README.txt").write_text(README.format(python=python, platforms=machines))
    os.rename(part, kit)
    print(f"{kit}: {size_of(kit) / 1e9:.2f} GB. In the room: python3 install.py")


def main() -> int:
    """Make a kit, with the practice scenes."""
    from landslide_utils.simulate.scenario import PRACTICE
    from landslide_utils.simulate.scene import practice_cube

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the kit shall appear")
    parser.add_argument(
        "--system",
        action="append",
        choices=list(PLATFORMS),
        help="of the room's machines; may be given several times; else this one's",
    )
    parser.add_argument(
        "--python",
        default=f"{sys.version_info.major}.{sys.version_info.minor}",
        help="version on the room's machines; else this one's",
    )
    given = parser.parse_args()
    data = [practice_cube(name).parent for name in PRACTICE]
    try:
        make_kit(ROOT, given.folder.absolute(), data, systems=given.system or [platform.system()], python=given.python)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
