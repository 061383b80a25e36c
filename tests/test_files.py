from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from landslide_utils import files
from landslide_utils.files import LOCK, InputError, atomic_write, find_folder_faults, resumable_write


def test_a_file_appears_when_it_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.txt"
    with atomic_write(target) as part:
        part.write_text("new", encoding="utf-8")
        part.with_name("beside.tmp").write_text("a library's own", encoding="utf-8")
        assert part.name == target.name
        assert not target.exists()
    assert target.read_text(encoding="utf-8") == "new"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_there_is_refused_before_any_work(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old", encoding="utf-8")
    worked = False
    with pytest.raises(FileExistsError, match="pass overwrite=True to replace it"), atomic_write(target):
        worked = True
    assert not worked


def test_what_came_meanwhile_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"

    def write() -> None:
        with atomic_write(target) as part:
            part.write_text("new", encoding="utf-8")
            target.write_text("another process was faster", encoding="utf-8")

    with pytest.raises(FileExistsError, match="exists already"):
        write()
    assert target.read_text(encoding="utf-8") == "another process was faster"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_says_so_and_how_much_was_written(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_write(tmp_path / "a.txt") as part:
            part.write_bytes(bytes(2000))
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(
        OSError, match=r"the disk is full: 2\.00kB of .*a\.txt were written, and it needs more; make room"
    ):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    assert find_folder_faults(tmp_path / "new" / "deep") == []
    place = re.escape(str(tmp_path / "runs"))
    fault = rf"nothing can be written in .*\n.*{place} is a file where a folder is needed; choose another"
    for write in (atomic_write, lambda path: resumable_write(path, "key")):
        with pytest.raises(InputError, match=fault), write(tmp_path / "runs" / "deep" / "a.txt"):
            pass
    if getattr(os, "geteuid", lambda: 0)():  # the superuser, and whoever is on Windows, may write anywhere
        (closed := tmp_path / "closed").mkdir(0o500)
        with pytest.raises(InputError, match="closed may not be written to"), atomic_write(closed / "a.txt"):
            pass


def test_long_faults_and_many_of_them_are_shortened() -> None:
    error = InputError("no cube", ["x" * 10**7, *map(str, range(99))])
    assert len(error.faults) == 100
    assert len(str(error)) < 4000
    assert str(error).endswith("and 50 more")


@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt()])
def test_a_fault_leaves_what_was_there(tmp_path: Path, fault: BaseException) -> None:
    target = tmp_path / "store"
    target.mkdir()
    (target / "old").touch()

    def write() -> None:
        with atomic_write(target, overwrite=True) as part:
            part.mkdir()
            raise fault

    with pytest.raises(type(fault)):
        write()
    assert [p.name for p in target.iterdir()] == ["old"]
    with pytest.raises(FileNotFoundError), atomic_write(target, overwrite=True):
        pass  # nothing was written
    assert [p.name for p in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_takes_a_folder_s_place_when_told_to(tmp_path: Path) -> None:
    target = tmp_path / "store"
    for name in ("first", "second"):
        with atomic_write(target, overwrite=True) as part:
            part.mkdir()
            (part / name).touch()
    assert [p.name for p in target.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_is_replaced_is_never_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "checkpoint"
    target.write_text("old", encoding="utf-8")
    moved: list[tuple[str, bool]] = []
    for name in ("rename", "replace"):
        real = getattr(os, name)

        def move(source: Path, place: Path, name: str = name, real: Callable[..., None] = real) -> None:
            real(source, place)
            moved.append((name, target.exists()))

        monkeypatch.setattr(os, name, move)
    with atomic_write(target, overwrite=True) as part:
        part.write_text("new", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == "new"
    assert moved == [("replace", True)]


def test_many_writers_of_one_folder_all_end_well(tmp_path: Path) -> None:
    target = tmp_path / "run"

    def write(number: int) -> None:
        for _ in range(20):
            with atomic_write(target, overwrite=True) as part:
                part.mkdir()
                (part / "a").write_text(str(number), encoding="utf-8")
                (part / "b").write_text(str(number), encoding="utf-8")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert (target / "a").read_text(encoding="utf-8") == (target / "b").read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [target]


def test_threads_that_go_on_writing_after_a_fault_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = iter(range(5))
    begun: list[Path] = []

    def write_meanwhile(_: float) -> None:
        for _ in itertools.islice(again, 1):  # what a thread does while the remover waits, five times
            begun[0].mkdir(parents=True)
            (begun[0] / "late").touch()

    monkeypatch.setattr("landslide_utils.files.time.sleep", write_meanwhile)

    def fail() -> None:
        with atomic_write(tmp_path / "store") as part:
            begun.append(part)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert next(again, None) is None
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    target = tmp_path / "cube.zarr"
    script = (
        "import os, signal, sys\n"
        "from landslide_utils.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as part:\n"
        "    part.mkdir()\n"
        "    (part / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, target])
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1  # the moment that the next writer meets
    with atomic_write(target) as living:
        living.mkdir()
        with atomic_write(target) as part:  # another writer of the same target, while the first one is at work
            part.mkdir()
            (part / "whole").write_text("whole", encoding="utf-8")
        assert living.exists()
        (living / "late").write_text("late", encoding="utf-8")
        shutil.rmtree(target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert [path.name for path in target.iterdir()] == ["late"]


@pytest.fixture
def like_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a lock that is held from being removed, as Windows does; whoever gives it back removes it."""
    held: set[Path] = set()

    class Lock(files.FileLock):
        def _acquire(self) -> None:
            super()._acquire()
            held.update([Path(self.lock_file)] * self.is_locked)

        def _release(self) -> None:
            super()._release()
            held.discard(Path(self.lock_file))
            Path(self.lock_file).unlink()

    def rmtree(folder: Path, ignore_errors: bool = False) -> None:
        for path in sorted({folder, *Path(folder).rglob("*")} - held, reverse=True):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()

    monkeypatch.setattr(files, "FileLock", Lock)
    monkeypatch.setattr("landslide_utils.files.shutil.rmtree", rmtree)


@pytest.mark.usefixtures("like_windows")
def test_what_was_left_is_removed_where_a_held_lock_cannot_be(tmp_path: Path) -> None:
    left = tmp_path / ".a.txt.0123abcd.part"
    (left / "deep").mkdir(parents=True)
    for name in (LOCK, "deep/half"):
        (left / name).touch()
    with atomic_write(tmp_path / "b.txt") as living:
        living.write_text("b", encoding="utf-8")
        assert not left.exists()
        with atomic_write(tmp_path / "a.txt") as part:
            part.write_text("a", encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.usefixtures("like_windows")
def test_a_fault_is_told_at_once_where_a_held_lock_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("landslide_utils.files.time.sleep", waits.append)

    def fail() -> None:
        with atomic_write(tmp_path / "a.txt") as part:
            part.touch()
            raise OSError("a fault")

    with pytest.raises(OSError, match="a fault"):
        fail()
    assert sum(waits) < 0.2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("refusals", [2, 1000])
def test_what_another_program_reads_is_replaced_a_moment_later_or_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, refusals: int
) -> None:
    def write(path: Path, text: str) -> None:
        path.mkdir() if kind == "folder" else path.write_text(text, encoding="utf-8")
        (path / text if kind == "folder" else path).write_text(text, encoding="utf-8")

    def read() -> str:
        return next(target.iterdir()).name if kind == "folder" else target.read_text(encoding="utf-8")

    write(target := tmp_path / "target", "old")
    name = "rename" if kind == "folder" else "replace"
    move, asked = getattr(os, name), []

    def refuse(source: str, place: str) -> None:
        asked.append(source)
        if len(asked) <= refusals:
            raise PermissionError(errno.EACCES, "Access is denied", source)
        move(source, place)

    monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr("landslide_utils.files.time.sleep", lambda _: None)
    advice = r"cannot become .* \(Access is denied\): another program has it open"
    expected = contextlib.nullcontext() if refusals < 10 else pytest.raises(PermissionError, match=advice)
    with expected, atomic_write(target, overwrite=True) as part:
        write(part, "new")
    assert read() == ("new" if refusals < 10 else "old")
    assert list(tmp_path.iterdir()) == [target]


def test_a_store_that_was_laid_out_in_half_is_laid_out_anew(tmp_path: Path) -> None:
    def half(path: Path) -> None:
        path.mkdir()
        (path / ".zgroup").write_text("{}", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), resumable_write(tmp_path / "map.zarr", "key") as unfinished:
        unfinished.lay_out(half)
    calls = []
    with resumable_write(tmp_path / "map.zarr", "key") as unfinished:
        for _ in range(2):  # the second finds it
            unfinished.lay_out(lambda path: calls.append(path.mkdir()))
    assert len(calls) == 1
    assert list((tmp_path / "map.zarr").iterdir()) == []
