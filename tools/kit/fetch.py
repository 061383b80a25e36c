"""Put all that a classroom without internet needs into one folder: ``python tools/kit/fetch.py FOLDER``.

In it lie the wheels of every dependency, the project as of its last commit, the practice scenes, and install.py, which
sets all of it up offline. The folder appears when it is complete. A command that was stopped goes on where it was.

uv chooses the versions, because it can do so for another system: pip's ``download --platform`` reads a dependency's
conditions, such as ``sys_platform == "win32"``, as those of the machine that it runs on.
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
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pooch
import requests

ROOT = Path(__file__).parents[2]
PLATFORMS = {"Linux": "x86_64-manylinux_2_28", "Darwin": "aarch64-apple-darwin", "Windows": "x86_64-pc-windows-msvc"}
"""The machines that a kit can be made for, as Python and as uv call them."""
SMALL_TORCH = [
    "--torch-backend=cpu",
    "--exclude-newer-package=torch=false",
    "--exclude-newer-package=torchvision=false",
]
"""Options of uv for PyTorch's build for processors, which is much the smaller one."""
README = """A course on landslides from radar, for a classroom without internet.

Needs Python {python}: {platforms}. Then, in this folder:

    python3 install.py FOLDER

It takes a few minutes and ends by saying how to start. Without FOLDER it goes to landslides in your home folder.
"""


class Wheel(NamedTuple):
    """A file to fetch: the pinned version it stands for, its name, its address, its checksum and its size in bytes."""

    pin: str
    file: str
    url: str
    sha256: str
    size: int


def resolve(project: Path, system: str, python: str) -> list[Wheel]:
    """Return the wheels that a project and its build need on a system, as of the day in its pyproject.toml.

    Raises
    ------
    RuntimeError
        If uv finds no set of versions, or a package has no wheel for that system.
    """
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [f"--extra={name}" for name in settings["project"].get("optional-dependencies", {}) if name != "test"]
    with tempfile.TemporaryDirectory() as folder:
        build, lock = Path(folder) / "build.in", Path(folder) / "pylock.toml"
        build.write_text("\n".join(settings["build-system"]["requires"]), encoding="utf-8")
        command = [
            *(shutil.which("uv") or str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", *extras),
            *("--format", "pylock.toml", "--output-file", str(lock), "pyproject.toml", str(build)),
            *("--python-platform", PLATFORMS[system], "--python-version", python, "--only-binary", ":all:"),
        ]
        done = subprocess.run([*command, *SMALL_TORCH], cwd=project, capture_output=True, text=True)
        if done.returncode:
            print("PyTorch's own builds cannot be had; taking the default build", file=sys.stderr)
            done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"uv found no versions for {system} with Python {python}:\n{done.stderr}")
        packages = tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]
    if missing := [package["name"] for package in packages if not package.get("wheels")]:
        raise RuntimeError(f"no wheel for {system} with Python {python}: {', '.join(missing)}")
    return [wheel_of(package) for package in packages]


def wheel_of(package: dict) -> Wheel:
    """Return the wheel of a package in uv's lock file, which lists only those that suit the system."""
    first = package["wheels"][0]
    url = first["url"]
    if not (size := first.get("size")):  # PyTorch's index does not give sizes
        size = requests.head(url, allow_redirects=True, timeout=60).headers.get("Content-Length", 0)
    file = unquote(Path(urlsplit(url).path).name)
    return Wheel(f"{package['name']}=={package['version']}", file, url, first["hashes"]["sha256"], int(size))


def pack(folders: list[Path], archive: Path) -> None:
    """Write folders to a tar archive that appears complete or not at all."""
    part = archive.with_suffix(".part")
    with tarfile.open(part, "w") as tar:
        for folder in folders:
            tar.add(folder, folder.name)
    part.replace(archive)


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder, 0 if it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def check_space(kit: Path, needed: int, there: int) -> None:
    """Print how much space a kit needs, and raise OSError if its disk lacks it."""
    free = shutil.disk_usage(kit.parent).free
    gigabytes = (
        f"{kit} needs {needed / 1e9:.2f} GB, of which {there / 1e9:.2f} GB are there; {free / 1e9:.1f} GB are free"
    )
    print(gigabytes, flush=True)
    if needed - there > free:
        raise OSError(f"{kit.parent} lacks {(needed - there - free) / 1e9:.2f} GB; make room or name another folder")


def make_kit(project: Path, kit: Path, data: list[Path], *, systems: list[str], python: str) -> None:
    """Make a kit of a project and folders of data, for one version of Python on some systems.

    Raises
    ------
    FileExistsError
        If the kit is there already.
    OSError
        If there is not enough space; nothing was fetched then.
    RuntimeError
        If a system lacks a wheel.
    """
    if kit.exists():
        raise FileExistsError(f"{kit} exists already; delete it, or name another folder")
    part = kit.parent / f".{kit.name}.part"
    wheels = {system: resolve(project, system, python) for system in systems}
    by_file = {wheel.file: wheel for system in systems for wheel in wheels[system]}
    kit.parent.mkdir(parents=True, exist_ok=True)
    needed = sum(wheel.size for wheel in by_file.values()) + sum(map(size_of, data)) + size_of(project / ".git") // 2
    check_space(kit, needed, there=size_of(part))
    (part / "wheels").mkdir(parents=True, exist_ok=True)
    for wheel in by_file.values():
        pooch.retrieve(wheel.url, known_hash=wheel.sha256, fname=wheel.file, path=part / "wheels")
    for path in (part / "wheels").iterdir():
        if path.name not in by_file:  # fetched by an earlier try, with other versions
            path.unlink()
    for system in systems:
        (part / f"versions-{system}.txt").write_text(
            "".join(f"{wheel.pin}\n" for wheel in wheels[system]), encoding="utf-8"
        )
    subprocess.run(["git", "archive", "--output", (part / "project.tar").resolve(), "HEAD"], cwd=project, check=True)
    pack(data, part / "data.tar")
    shutil.copy(Path(__file__).parent / "install.py", part)
    (part / "kit.json").write_text(json.dumps({"python": python, "systems": systems}), encoding="utf-8")
    machines = ", ".join(f"{system} ({PLATFORMS[system].split('-')[0]})" for system in systems)
    (part / "README.txt").write_text(README.format(python=python, platforms=machines), encoding="utf-8")
    os.rename(part, kit)
    print(f"{kit}: {size_of(kit) / 1e9:.2f} GB. In the classroom: python3 install.py")


def main() -> int:
    """Make a kit with the practice scenes, and return the exit code."""
    from landslide_utils.simulate.scenario import PRACTICE
    from landslide_utils.simulate.scene import practice_cube

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the kit shall appear")
    text = "of the classroom's machines; may be given several times; else this one's"
    parser.add_argument("--system", action="append", choices=list(PLATFORMS), help=text)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument("--python", default=version, help="version on the classroom's machines; else this one's")
    given = parser.parse_args()
    systems = given.system or [platform.system()]
    data = [practice_cube(name).parent for name in PRACTICE]
    try:
        make_kit(ROOT, given.folder.absolute(), data, systems=systems, python=given.python)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
