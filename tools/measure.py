"""Measure the time and memory of notebooks whose code has changed: ``python tools/measure.py``; of all with ``--all``.

Each is run by papermill in a fresh kernel and a fresh folder, solved where it has exercises. The numbers go to
measured.json, from where the build writes them into the notebooks' openings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import build
import header
import psutil
from papermill import execute_notebook

EVERY_S = 0.05
"""Time between two looks at the kernel's memory."""


@dataclass(frozen=True)
class Measurement:
    """What a run took."""

    seconds: float
    longest_cell_seconds: float
    memory_gb: float
    """Greatest resident memory of the kernel with its children, in 10^9 bytes."""


class Watch:
    """Measures, while it is entered, the greatest resident memory of the processes that this one starts."""

    def __init__(self) -> None:
        self.peak_gb = 0.0
        self._known = {child.pid for child in psutil.Process().children(recursive=True)}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(EVERY_S):
            total = 0
            for child in psutil.Process().children(recursive=True):
                if child.pid not in self._known:
                    with suppress(psutil.Error):  # it may end between two lines
                        total += _resident(child)
            self.peak_gb = max(self.peak_gb, total / 1e9)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _resident(process: psutil.Process) -> int:
    """Return the resident memory of a process in bytes.

    Linux keeps the greatest value so far, and this is returned there, so that a peak between two looks counts.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return int(process.memory_info().rss)


def run(notebook: Path, executed: Path, **given: Any) -> Measurement:
    """Run a notebook with papermill, which takes the other arguments, and measure it."""
    with Watch() as watch:
        result = execute_notebook(notebook, executed, **given)
    cells = [cell.metadata["papermill"]["duration"] or 0 for cell in result.cells]
    return Measurement(
        seconds=round(result.metadata["papermill"]["duration"], 1),
        longest_cell_seconds=round(max(cells), 1),
        memory_gb=round(watch.peak_gb, 2),
    )


def run_as_learner(source: Path, executed: Path, **parameters: Any) -> Measurement:
    """Run a source's notebook, solved where it has exercises, and return what it took.

    It runs in a fresh folder, from which the documents are found as from the notebook's own.
    """
    solved = build.NOTEBOOKS / "solutions" / f"{source.stem}.ipynb"
    notebook = solved if solved.exists() else build.NOTEBOOKS / f"{source.stem}.ipynb"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / notebook.parent.relative_to(build.ROOT)
        place.mkdir(parents=True)
        for name in ("docs", "benchmarks"):  # what notebooks read
            (Path(folder) / name).symlink_to(build.ROOT / name)
        return run(notebook, executed, parameters=parameters, cwd=place, progress_bar=False)


def over_budget(name: str, found: Measurement, *, noisy: bool = False) -> list[str]:
    """List in which ways a run took more than its budget.

    On a noisy machine a notebook may take twice its time, and single cells are not judged.
    """
    budget = header.settings()["budget"]
    compared = [
        ("seconds", found.seconds, budget["notebook_seconds"] * (2 if noisy else 1)),
        ("GB of memory", found.memory_gb, budget["memory_gb"]),
    ]
    if not noisy:
        compared.append(("seconds in one cell", found.longest_cell_seconds, budget["cell_seconds"]))
    return [f"{name}: {took:g} {what} where {most:g} are allowed" for what, took, most in compared if took > most]


def machine() -> dict[str, Any]:
    """Return this machine in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = int(os.environ.get("OMP_NUM_THREADS", cores or 1))  # what the network may use
    memory = psutil.virtual_memory().total / 1e9
    return {"cores": cores, "machine": f"{cores} cores ({platform.machine()}), {memory:.0f} GB, {platform.system()}"}


def prepare() -> None:
    """Make the practice scenes, which every notebook would else make when it first needs one."""
    from landslide_utils.simulate.scenario import PRACTICE
    from landslide_utils.simulate.scene import practice_cube

    for name in PRACTICE:
        practice_cube(name)


def main() -> int:
    """Measure what is stale, write it down, and say what is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="such as 03_train; all that are stale if none is named"
    )
    parser.add_argument("--all", action="store_true", help="measure also what has not changed")
    given = parser.parse_args()
    sources = {source.stem: source for source in sorted((build.NOTEBOOKS / "source").glob("*.py"))}
    if unknown := sorted(set(given.names) - set(sources)):
        parser.error(f"no notebook {', '.join(unknown)}; there are {', '.join(sources)}")
    prints = {name: header.fingerprint(build.read_source(source)) for name, source in sources.items()}
    measured = {name: entry for name, entry in build.read_measured().items() if name in sources}
    prepare()
    for name in given.names or [n for n in sources if given.all or measured.get(n, {}).get("code") != prints[n]]:
        with tempfile.TemporaryDirectory() as folder:
            found = run_as_learner(sources[name], Path(folder) / "out.ipynb")
        measured[name] = {**vars(found), **machine(), "code": prints[name]}
        text = json.dumps(dict(sorted(measured.items())), indent=1) + "\n"
        build.MEASURED.write_text(text, encoding="utf-8")
        print(
            f"{name}: {found.seconds:.0f} s, longest cell {found.longest_cell_seconds:.0f} s, {found.memory_gb:.2f} GB",
            flush=True,
        )
    faults = [
        fault
        for name, entry in measured.items()
        for fault in over_budget(name, Measurement(**{key: entry[key] for key in Measurement.__dataclass_fields__}))
    ]
    total, most = sum(entry["seconds"] for entry in measured.values()), header.settings()["budget"]["course_seconds"]
    print(f"the whole course: {header.duration(total)}")
    if total > most:
        faults.append(f"the course: {total:.0f} seconds where {most} are allowed")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
