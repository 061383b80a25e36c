"""What a notebook takes, measured on one whose appetite is known."""

from __future__ import annotations

from pathlib import Path

import build
import measure
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

HUNGRY = """import subprocess, sys, time
block = bytearray(b"x") * 300_000_000
del block
child = "block = bytearray(b'x') * 200_000_000; import time; time.sleep(2)"
"""


def notebook_of(path: Path, *cells: str) -> Path:
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
def test_time_the_longest_cell_and_memory_of_kernel_and_children(tmp_path: Path) -> None:
    idle = measure.run(notebook_of(tmp_path / "idle.ipynb", "1"), tmp_path / "out.ipynb", progress_bar=False)
    # a block that is freed at once is seen, and a child counts beside the kernel
    path = notebook_of(
        tmp_path / "x.ipynb", HUNGRY, "subprocess.run([sys.executable, '-c', child], check=True)", "time.sleep(2)"
    )
    found = measure.run(path, tmp_path / "out.ipynb", progress_bar=False)
    assert 0.49 < found.memory_gb - idle.memory_gb < 0.6
    assert found.longest_cell_seconds > 1.9
    assert found.seconds > found.longest_cell_seconds + 1


def test_what_is_over_its_budget_is_named_with_its_number() -> None:
    found = measure.Measurement(seconds=300, longest_cell_seconds=61, memory_gb=1.52)
    assert measure.over_budget("03_train", found) == [
        "03_train: 300 seconds where 240 are allowed",
        "03_train: 1.52 GB of memory where 1.5 are allowed",
        "03_train: 61 seconds in one cell where 60 are allowed",
    ]
    assert measure.over_budget("03_train", found, noisy=True) == ["03_train: 1.52 GB of memory where 1.5 are allowed"]
    slow = measure.Measurement(seconds=481, longest_cell_seconds=61, memory_gb=1.5)
    assert measure.over_budget("03_train", slow, noisy=True) == ["03_train: 481 seconds where 480 are allowed"]


@pytest.mark.slow
def test_only_what_is_stale_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "notebooks"
    (here / "source").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(build, "NOTEBOOKS", here)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(measure, "prepare", lambda: None)
    for name in ("08_a", "09_b"):
        (here / "source" / f"{name}.py").write_text("# %%\nx = 1\n", encoding="utf-8")
        notebook_of(here / f"{name}.ipynb", "open('../docs'.replace('docs', 'notebooks/left.txt'), 'w').write('x')")
    monkeypatch.setattr("sys.argv", ["measure.py"])
    assert measure.main() == 0
    first = build.read_measured()
    assert set(first) == {"08_a", "09_b"}
    assert not (here / "left.txt").exists()  # it ran in a folder of its own
    (here / "source" / "09_b.py").write_text("# %%\nx = 2\n", encoding="utf-8")
    capsys.readouterr()
    assert measure.main() == 0
    said = capsys.readouterr().out
    assert "09_b: " in said
    assert "08_a: " not in said
    again = build.read_measured()
    assert again["08_a"] == first["08_a"]
    assert again["09_b"]["code"] != first["09_b"]["code"]
    monkeypatch.setattr("sys.argv", ["measure.py", "10_c"])
    with pytest.raises(SystemExit):
        measure.main()
    assert "no notebook 10_c; there are 08_a, 09_b" in capsys.readouterr().err
