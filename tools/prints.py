"""What each notebook prints, from real runs over several seeds, for the instructor's guide: ``python tools/prints.py``.

Runs what has changed since, keeps each run in prints.json, and writes the table into docs/instructor.md.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import build
import header
import measure
import nbformat
from nbformat import NotebookNode

SEEDS = (0, 1, 2)
"""Of the notebooks that have a parameter ``seed``; the others are run once."""

NUMBER = r"([+-]?\d+(?:\.\d+)?)"
WANTED = {
    "00_start_here": {
        "AUPRC": rf"Right\. AUPRC {NUMBER}",
        "chance": rf"random numbers score {NUMBER}",
        "accuracy of the network (%)": rf"accuracy: network {NUMBER}%",
        "accuracy of the empty map (%)": rf"empty map {NUMBER}%",
        "mean probability": rf"mean probability {NUMBER}",
    },
    "01_explore": {
        "decibels averaged, off by (dB)": rf"{NUMBER} dB off",
        "untouched pixels that change by 3 dB (%)": rf"{NUMBER}% of the pixels changed by more than 3 dB",
        "landslide pixels that brighten (%)": rf"brighter: {NUMBER}%",
    },
    "02_chips": {
        "correlation of the guess, random split": rf"random: correlation of guess and truth {NUMBER}",
        "correlation of the guess, blocked split": rf"blocked: correlation of guess and truth {NUMBER}",
        "chance on all test chips": rf"chance on all \d+ test chips {NUMBER}",
        "chance on those with landslides": rf"with landslides {NUMBER}",
    },
    "03_train": {
        "AUPRC": rf"all test chips +{NUMBER}",
        "chance": rf"all test chips +\S+ +{NUMBER}",
        "AUPRC of the VV log ratio, smoothed": rf"Area under the curve: .*?VV log ratio, smoothed {NUMBER}",
        "AUPRC, chips with a landslide": rf"test chips with a landslide +{NUMBER}",
        "chance, chips with a landslide": rf"test chips with a landslide +\S+ +{NUMBER}",
    },
    "03b_inside_the_network": {
        "AUPRC, nested nodes set to 0": rf"nested nodes set to 0: AUPRC {NUMBER}",
        "AUPRC, nested nodes set to their average": rf"nested nodes set to their average: AUPRC {NUMBER}",
        "AUPRC, coarsest decoder block set to 0": rf"coarsest decoder block set to 0: AUPRC {NUMBER}",
    },
    "04_evaluate": {
        "AUPRC": rf"AUPRC {NUMBER}, 95 %",
        "better than the VV log ratio, smoothed, by": rf"^VV log ratio, smoothed +(?:True|False) +{NUMBER}",
    },
    "05_map": {
        "threshold": rf"^threshold {NUMBER}",
        "groups dropped as too small": rf"dropped: {NUMBER} groups",
    },
    "06_experiments": {
        "terrain with 1 pass, difference of AUPRC": rf"Terrain helps with 1 pass: .*difference {NUMBER}",
        "terrain with 4 passes, difference of AUPRC": rf"Terrain helps with 4 passes: .*difference {NUMBER}",
        "standard deviation over seeds": rf"this grid: standard deviation over seeds {NUMBER}",
        "half an interval": rf"this grid: .*half an interval {NUMBER}",
    },
    "07_transfer": {
        "AUPRC at home": rf"at home: AUPRC {NUMBER}",
        "chance at home": rf"where chance is {NUMBER}",
        "largest shift of a level (standard deviations)": rf"The largest is {NUMBER}",
    },
    "08_your_own_event": {
        "passes in the calendar": rf"^{NUMBER} passes in all",
        "passes that can be averaged": rf"at most {NUMBER} can be averaged",
        "labels kept when moved (%)": rf"{NUMBER}% of the landslide pixels are still labelled",
    },
}
"""What an instructor compares, by notebook: what it is, and where it stands in what the notebook prints."""

KEPT = build.ROOT / "tools" / "prints.json"
GUIDE = build.ROOT / "docs" / "instructor.md"
BEGIN, END = "<!-- begin: made by tools/prints.py -->", "<!-- end -->"


def printed(notebook: NotebookNode) -> str:
    """Return all text that an executed notebook shows: what it prints, and tables and verdicts as text."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def numbers(name: str, notebook: NotebookNode) -> dict[str, str]:
    """Return the numbers that are wanted of an executed notebook, as they stand there.

    Raises
    ------
    ValueError
        If one is not there: the notebook says it in other words now.
    """
    text = printed(notebook)
    found = {what: re.search(pattern, text, re.M) for what, pattern in WANTED[name].items()}
    if missing := [what for what, match in found.items() if not match]:
        raise ValueError(f"{name} does not print: {'; '.join(missing)}; mend WANTED in tools/prints.py")
    return {what: match[1] for what, match in found.items() if match}


def table(kept: dict[str, Any]) -> str:
    """Return the guide's table from the runs that are kept."""
    lines = ["| notebook | number | runs | spread |", "|---|---|---|---|"]
    for name, entry in sorted(kept.items()):
        runs = [entry["runs"][seed] for seed in sorted(entry["runs"])]
        for what in runs[0]:
            values = [run[what] for run in runs]
            low, high = min(values, key=float), max(values, key=float)
            spread = f"{low} to {high}" if len(values) > 1 else "one run"
            lines.append(f"| {name.partition('_')[0]} | {what} | {', '.join(values)} | {spread} |")
    return "\n".join(lines)


def with_table(guide: str, kept: dict[str, Any]) -> str:
    """Return the guide's text with the table between its markers."""
    before, _, rest = guide.partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        raise ValueError(f"docs/instructor.md lacks the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table(kept)}\n\n{END}{after}"


def read_kept() -> dict[str, Any]:
    """Return the runs that are kept, by notebook."""
    runs: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    return runs


def main() -> int:
    """Run what is missing or was run with other code, and write the guide."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 03_train; all if none is named")
    names = parser.parse_args().names or list(WANTED)
    if unknown := sorted(set(names) - set(WANTED)):
        parser.error(f"nothing is wanted of {', '.join(unknown)}; it is of {', '.join(WANTED)}")
    kept = read_kept()
    for name in names:
        source = build.NOTEBOOKS / "source" / f"{name}.py"
        notebook = build.read_source(source)
        code = header.fingerprint(notebook)
        if kept.get(name, {}).get("code") != code:
            kept[name] = {"code": code, "runs": {}}
        seeded = any(re.search(r"^seed: int", cell.source, re.M) for cell in notebook.cells)
        for seed in map(str, SEEDS if seeded else SEEDS[:1]):
            if seed in kept[name]["runs"]:
                continue
            with tempfile.TemporaryDirectory() as folder:
                executed = Path(folder) / "out.ipynb"
                measure.run_as_learner(source, executed, **({"seed": int(seed)} if seeded else {}))
                kept[name]["runs"][seed] = numbers(name, nbformat.read(executed, as_version=4))
            KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")
            print(f"{name}, seed {seed}: {kept[name]['runs'][seed]}", flush=True)
            GUIDE.write_text(
                with_table(GUIDE.read_text(encoding="utf-8"), {n: e for n, e in kept.items() if e["runs"]}),
                encoding="utf-8",
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
