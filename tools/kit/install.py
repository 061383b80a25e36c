"""Set the course up from this folder, offline: ``python3 install.py [FOLDER]``. Needs nothing but Python."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

KIT = Path(__file__).resolve().parent
WINDOWS = platform.system() == "Windows"
SETTINGS = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "67108864"}


def refuse(message: str) -> None:
    """Stop with a message."""
    raise SystemExit(message)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive, which may not write outside its folder; on Windows without links, which few may make."""
    folder.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        members = [member for member in tar if not (WINDOWS and member.issym())]
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, members, filter="data")
        else:
            tar.extractall(folder, members)


def install(folder: Path, versions: Path) -> Path:
    """Make the environment, unpack project and data, and return the script that starts the course."""
    bin_folder = folder / "venv" / ("Scripts" if WINDOWS else "bin")
    python = str(bin_folder / ("python.exe" if WINDOWS else "python"))
    made = subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")])
    if made.returncode:
        refuse("this Python cannot make environments; on Debian and Ubuntu install the package python3-venv first")
    print("unpacking the project and the practice scenes", flush=True)
    unpack(KIT / "project.tar", folder / "project")
    unpack(KIT / "data.tar", folder / "data")
    print("installing, which takes a few minutes", flush=True)
    quiet = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PYTHONPATH"):
        quiet.pop(name, None)
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(KIT / "wheels")]
    subprocess.run([*pip, "--no-deps", "-r", str(versions)], check=True, env=quiet)  # the list is complete
    subprocess.run([*pip, "--no-deps", "--editable", str(folder / "project")], check=True, env=quiet)
    return write_start(folder, bin_folder / ("jupyter.exe" if WINDOWS else "jupyter"))


def write_start(folder: Path, jupyter: Path) -> Path:
    """Write the script that starts the course, and return its path."""
    start = folder / ("start.bat" if WINDOWS else "start.sh")
    settings = {**SETTINGS, "LANDSLIDE_DATA": str(folder / "data")}
    notebooks = folder / "project" / "notebooks"
    if WINDOWS:
        lines = ["@echo off", *(f'set "{name}={value}"' for name, value in settings.items())]
        lines += [f'cd /d "{notebooks}"', f'"{jupyter}" lab 00_start_here.ipynb']
    else:
        lines = ["#!/bin/sh", *(f"export {name}='{value}'" for name, value in settings.items())]
        lines += [f"cd '{notebooks}'", f"exec '{jupyter}' lab 00_start_here.ipynb"]
    start.write_text("\n".join(lines) + "\n", encoding="utf-8")
    start.chmod(0o755)
    return start


def main() -> None:
    """Refuse what cannot work, install, and say how to start."""
    kit = json.loads((KIT / "kit.json").read_text(encoding="utf-8"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path.home() / "landslides").absolute()
    version = "{}.{}".format(*sys.version_info[:2])
    if platform.system() not in kit["systems"]:
        refuse(f"this kit was made for {', '.join(kit['systems'])}, and this machine runs {platform.system()}")
    if version != (wanted := kit["python"]):
        refuse(f"this kit was made for Python {wanted}, and this is {version}; run: python{wanted} install.py")
    if folder.exists():
        refuse(f"{folder} exists already; delete it, or name another folder: python3 install.py FOLDER")
    if "'" in str(folder):
        refuse(f"{folder}: a folder without a quotation mark in its name is needed")
    versions = KIT / f"versions-{platform.system()}.txt"
    files = [info for wheel in (KIT / "wheels").glob("*.whl") for info in zipfile.ZipFile(wheel).infolist()]
    needed = sum(info.file_size for info in files) + sum(
        (KIT / name).stat().st_size for name in ("project.tar", "data.tar")
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    print(f"{folder} needs {needed / 1e9:.1f} GB; {free / 1e9:.1f} GB are free", flush=True)
    if needed > free:
        refuse("make room, or name another folder: python3 install.py FOLDER")
    try:
        start = install(folder, versions)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # leave nothing incomplete
        raise
    print(f"ready. To start: {start if WINDOWS else f'sh {start}'}")


if __name__ == "__main__":
    main()
