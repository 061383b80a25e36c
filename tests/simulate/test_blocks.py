from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from landslide_utils.grid import Window
from landslide_utils.simulate import blocks
from landslide_utils.simulate.blocks import blocks_of, bytes_of, fill, find_missing, is_intact

HEIGHT, WIDTH, BLOCKS = 128, 140, 2 * 3  # of 64 x 64 pixels
CUBE = xr.Dataset(
    {
        "vv": (("timestep", "y", "x"), da.zeros((2, HEIGHT, WIDTH), dtype=np.float32, chunks=-1)),
        "dem": (("y", "x"), da.zeros((HEIGHT, WIDTH), dtype=np.float32, chunks=-1)),
    },
    {"timestep": np.arange(2), "y": -10.0 * np.arange(HEIGHT), "x": 10.0 * np.arange(WIDTH)},
)
LAYERS = {
    "vv": np.random.default_rng(0).standard_normal((2, HEIGHT, WIDTH), np.float32),
    "dem": np.where(np.arange(HEIGHT)[:, None] < 64, np.float32(np.nan), np.ones((HEIGHT, WIDTH), np.float32)),
}


def simulate(window: Window) -> dict[str, np.ndarray]:
    """Return a window of `LAYERS`."""
    rows, cols = slice(window.row, window.row + window.height), slice(window.col, window.col + window.width)
    return {name: values[..., rows, cols] for name, values in LAYERS.items()}


KILLED = """
import os, sys
from pathlib import Path
from landslide_utils.simulate import blocks
sys.path.append(os.environ["TESTS"])
from test_blocks import CUBE, simulate

blocks.CHUNK, blocks.WORKERS, begun = 64, 1, []
def kill(window):
    begun.append(window)
    if len(begun) == 4:
        os.kill(os.getpid(), 9)
    return simulate(window)
blocks.fill(CUBE, Path(sys.argv[1]), kill, blocks.blocks_of(CUBE))
"""


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CHUNK", 64)
    monkeypatch.setattr(blocks, "WORKERS", 1)


def stopping(after: int, error: BaseException) -> tuple[Callable[[Window], dict[str, np.ndarray]], list[Window]]:
    """Return a way to make windows that raises an error once it has made some, and the list of those."""
    made: list[Window] = []

    def stop(window: Window) -> dict[str, np.ndarray]:
        if len(made) == after:
            raise error
        made.append(window)
        return simulate(window)

    return stop, made


def files_of(store: Path) -> dict[str, bytes]:
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in store.rglob("*") if path.is_file()}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    store = tmp_path / "whole.zarr"
    fill(CUBE, store, simulate, blocks_of(CUBE))
    return store


def test_the_store_holds_what_was_simulated(whole: Path) -> None:
    stored = xr.open_zarr(whole)
    for name, values in LAYERS.items():
        assert np.array_equal(stored[name].values, values, equal_nan=True), name
        assert stored[name].encoding["chunks"] == (1, 64, 64)[-values.ndim :]
    assert is_intact(whole)
    chunks = [path.stat().st_size for path in (whole / "vv").glob("[0-9]*")]
    assert chunks == [64 * 64 * 4] * 2 * BLOCKS
    assert bytes_of(CUBE) == (2 + 1) * 64 * 64 * 4
    assert not (whole / "dem" / "0.0").exists()  # a chunk without any value


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_store_goes_on_and_makes_no_block_twice(
    whole: Path, tmp_path: Path, error: BaseException
) -> None:
    store = tmp_path / "cube.zarr"
    with pytest.raises(type(error)):
        fill(CUBE, store, stopping(3, error)[0], find_missing(CUBE, store))
    assert not is_intact(store)
    assert not is_intact(store, contents=False)
    missing = find_missing(CUBE, store)
    assert missing == blocks_of(CUBE)[3:]
    resume, made = stopping(BLOCKS, error)
    fill(CUBE, store, resume, missing)
    assert made == blocks_of(CUBE)[3:]
    assert files_of(store) == files_of(whole)
    assert find_missing(CUBE, store) == []


def test_a_killed_process_leaves_nothing_that_looks_whole(whole: Path, tmp_path: Path) -> None:
    store = tmp_path / "cube.zarr"
    environment = {**os.environ, "TESTS": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(store)], env=environment)
    assert done.returncode == -9
    assert find_missing(CUBE, store) == blocks_of(CUBE)[3:]
    (store / "vv" / "0.2.partial").write_bytes(b"half")  # what zarr leaves of a chunk that it was writing
    fill(CUBE, store, simulate, find_missing(CUBE, store))
    assert files_of(store) == files_of(whole)


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (lambda store: (store / "vv" / "1.1.0").write_bytes(b"half"), [3]),
        (lambda store: (store / "dem" / "1.2").unlink(), [5]),
        (
            lambda store: (store.with_name("cube.zarr.blocks") / "0.1").write_text('{"vv/0.0.1": 12', encoding="utf-8"),
            [1],
        ),
        (lambda store: (store.with_name("cube.zarr.blocks") / "0.1").write_text("{}", encoding="utf-8"), []),
        (lambda store: (store / "y" / "0").unlink(), list(range(BLOCKS))),
        (lambda store: (store / ".zmetadata").write_text("{", encoding="utf-8"), list(range(BLOCKS))),
        (lambda store: (store.with_name("cube.zarr.blocks") / "layout").unlink(), list(range(BLOCKS))),
    ],
)
def test_only_blocks_that_are_what_their_mark_says_are_whole(
    tmp_path: Path, damage: Callable[[Path], object], lost: list[int]
) -> None:
    store = tmp_path / "cube.zarr"
    fill(CUBE, store, simulate, blocks_of(CUBE))
    damage(store)
    assert find_missing(CUBE, store) == [blocks_of(CUBE)[number] for number in lost]
    fill(CUBE, store, simulate, find_missing(CUBE, store))
    assert find_missing(CUBE, store) == []


def test_what_is_missing_changed_or_new_in_a_store_is_found(tmp_path: Path) -> None:
    store = tmp_path / "cube.zarr"
    fill(CUBE, store, simulate, blocks_of(CUBE))
    chunk = store / "vv" / "0.0.0"
    kept = chunk.read_bytes()
    chunk.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    assert not is_intact(store)
    assert is_intact(store, contents=False)  # which reads no pixels
    chunk.unlink()
    assert not is_intact(store, contents=False)
    chunk.write_bytes(kept)
    assert is_intact(store)
    (store / "new").touch()
    assert not is_intact(store)
    assert not is_intact(store, contents=False)
    assert not is_intact(tmp_path / "nowhere")
