from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from filelock import FileLock

from landslide_utils import files
from landslide_utils.__main__ import main
from landslide_utils.cube import CubeError, open_cube
from landslide_utils.files import InputError
from landslide_utils.grid import Window, rasterise
from landslide_utils.simulate import blocks, full_size, radar, random_fields
from landslide_utils.simulate.full_size import plan_cube, simulate_cube
from landslide_utils.simulate.scenario import FULL_SIZE, PRACTICE, Scenario
from landslide_utils.simulate.scene import make_scene, place_of, write_cube

NAME = "practice_hokkaido"
TINY = Scenario(height=128, width=140, shaking_radius_m=900, days_descending=(-5.14, 0.86), days_ascending=())


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Put a tiny scenario in the place of the full-size one, of six blocks."""
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path))
    monkeypatch.setattr(blocks, "CHUNK", 64)
    monkeypatch.setattr(blocks, "WORKERS", 1)
    monkeypatch.setattr(full_size, "WORKERS", 1)
    monkeypatch.setattr(random_fields, "TILE", 64)  # all tiles that a block touches are drawn
    monkeypatch.setitem(FULL_SIZE, NAME, TINY)


def fail_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> list[int]:
    """Let the radar fail after some calls, and return the list to which each call adds its number."""
    made: list[int] = []
    works = radar.backscatter

    def backscatter(*given: object) -> object:
        if len(made) == calls:
            raise OSError(28, "No space left on device")
        made.append(len(made))
        return works(*given)

    monkeypatch.setattr(radar, "backscatter", backscatter)
    return made


def test_it_is_never_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(CubeError, match=f"only when asked for; make it with: landslides simulate --cube {NAME}"):
        open_cube(NAME)
    assert list(tmp_path.iterdir()) == []


def test_the_command_makes_it_once_and_says_before_what_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["simulate", "--cube", NAME]) == 0
    printed = capsys.readouterr()
    path = Path(printed.out.strip())
    assert path == place_of(NAME)
    assert "2 passes of 128 x 140 pixels; to simulate: 6 of 6 blocks, about 1 min" in printed.err
    assert "disk: 590kB of 590kB, in " in printed.err  # (2 + 2 + 1 + 1) layers of 6 blocks of 64 x 64 pixels
    cube = open_cube(NAME)
    assert cube.attrs["simulated"]
    assert "(simulated)" in cube.attrs["region"]
    monkeypatch.setattr(blocks, "CHUNK", 128)
    other = xr.open_zarr(write_cube(make_scene(TINY), tmp_path / "other.zarr"))
    xr.testing.assert_identical(xr.open_zarr(path).load(), other.load())
    made = fail_after(monkeypatch, 0)
    assert simulate_cube(NAME) == path
    assert made == []
    assert {file.name for file in path.parent.iterdir()} <= {path.name, f".{path.name}.lock"}


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--cube", NAME, "--dry-run"]) == 0
    assert "to simulate: 6 of 6 blocks" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_call_is_taken_up_by_the_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fail_after(patch, 1 + 4)  # one block measures the time
        assert main(["simulate", "--cube", NAME]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not place_of(NAME).exists()
    with pytest.raises(CubeError, match="only when asked for"):
        open_cube(NAME)
    made = fail_after(monkeypatch, 1 + 2)
    assert simulate_cube(NAME).exists()
    assert len(made) == 1 + 2
    assert "to simulate: 2 of 6 blocks" in capsys.readouterr().err
    assert open_cube(NAME)["vv"].notnull().all()


def test_a_disk_that_is_too_small_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fail_after(monkeypatch, 0)
    monkeypatch.setattr(files, "free_bytes", lambda folder: 589_823)
    with pytest.raises(InputError, match=r"589824 bytes are needed in .*, but 589823 bytes are free; make room"):
        simulate_cube(NAME)
    assert made == []
    assert not place_of(NAME).exists()


def test_while_one_process_makes_it_another_waits(capsys: pytest.CaptureFixture[str]) -> None:
    target = place_of(NAME)
    target.parent.mkdir(parents=True)
    other = threading.Thread(target=simulate_cube, args=(NAME,))
    with FileLock(target.with_name(f".{target.name}.lock")):
        other.start()
        said, deadline = "", time.monotonic() + 60
        while "another process is making this cube" not in said and time.monotonic() < deadline:
            said += capsys.readouterr().err
            time.sleep(0.01)
        assert "another process is making this cube; waiting for it" in said
        assert not target.with_name(f".{target.name}.part").exists()
    other.join()
    assert target.exists()


def test_one_that_is_not_whole_is_refused_and_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    path = simulate_cube(NAME)
    before = xr.open_zarr(path).load()
    (path / "vv" / "0.1.1").unlink()
    with pytest.raises(CubeError, match=f"lacks files; make it with: landslides simulate --cube {NAME}"):
        open_cube(NAME)
    with monkeypatch.context() as patch:
        fail_after(patch, 1 + 3)
        with pytest.raises(OSError, match="No space"):
            simulate_cube(NAME)
    assert not path.exists()
    simulate_cube(NAME)
    xr.testing.assert_identical(xr.open_zarr(path).load(), before)


def test_other_practice_regions_can_be_asked_for_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRACTICE, "practice_small", TINY)
    assert plan_cube("practice_small").missing
    assert simulate_cube("practice_small") == place_of("practice_small")
    assert plan_cube("practice_small").missing == []
    assert main(["simulate", "--cube", "hokkaido_japan"]) == 2
    assert "'hokkaido_japan' is not a practice region; these are: practice_earthquake" in capsys.readouterr().err


@pytest.mark.slow
def test_the_full_size_region_has_the_published_cube_s_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    scene = make_scene(FULL_SIZE[NAME])
    passes, (event, _) = scene.scenario.passes(), scene.scenario.event()
    assert "".join(orbit[0] for _, orbit in passes) == "ddadddaddaddaddaddadaddadd"
    for orbit in ("descending", "ascending"):
        after = [instant > event for instant, direction in passes if direction == orbit]
        assert min(sum(after), len(after) - sum(after)) >= 4
    slid = rasterise(scene.landslides, Window(0, 0, 5382, 4398)) > 0
    chips = slid[: 42 * 128, : 34 * 128].reshape(42, 128, 34, 128).mean((1, 3))
    assert np.mean(slid) == pytest.approx(0.0198, abs=0.0001)
    assert np.sum(chips > 0) == pytest.approx(309, rel=0.1)
    assert np.mean(chips[chips > 0]) == pytest.approx(0.092, abs=0.01)
