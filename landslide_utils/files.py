"""Files and folders that appear whole or not at all, and the one error that lists everything wrong with an input."""

from __future__ import annotations

import contextlib
import errno
import json
import numbers
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout
from tqdm.auto import tqdm

LOCK = "writer.lock"
MOST_JSON_BYTES, MOST_FILE_BYTES = 16 * 2**20, 2**40  # of a document; of weights, outlines or images
MOST_FAULTS, MOST_CHARACTERS = 50, 2000  # of a message, and of one fault: a hostile file may have megabytes of them


class InputError(ValueError):
    """An input that cannot be used; ``faults`` lists everything that is wrong with it, not only the first.

    Parameters
    ----------
    heading : str
        What cannot be used, for the first line of the message.
    faults : sequence of str
        For each fault what was given, what is allowed, and what to do.
    """

    def __init__(self, heading: str, faults: Sequence[str]) -> None:
        self.faults = [str(fault) for fault in faults]
        told = [_cut(fault) for fault in self.faults[:MOST_FAULTS]]
        told += [f"and {len(self.faults) - MOST_FAULTS} more"] if len(self.faults) > MOST_FAULTS else []
        super().__init__(f"{_cut(heading)}:\n" + "\n".join(f"  - {fault}" for fault in told))


def _cut(text: str) -> str:
    """Return a text that a reader has time for: where it is too long, its middle is left out."""
    half = MOST_CHARACTERS // 2
    return text if len(text) <= MOST_CHARACTERS else f"{text[:half]} ... {text[-half:]}"


def shorten(things: Sequence[object], most: int = 5) -> str:
    """Return the first few of many things, for a sentence."""
    shown = ", ".join(str(thing)[:80] for thing in things[:most])
    return f"{shown} and {len(things) - most} more" if len(things) > most else shown


def check_file(path: str | os.PathLike[str], most: int = MOST_JSON_BYTES) -> Path:
    """Return a file's path; ValueError if it is none, such as a pipe that never ends, or larger than allowed."""
    if not Path(path).is_file():
        raise ValueError(f"{path} is not a file, but a folder or a device")
    if (size := Path(path).stat().st_size) > most:
        raise ValueError(f"{path} has {in_bytes(size)} where {in_bytes(most)} are allowed")
    return Path(path)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Return what a JSON file holds; ValueError if it holds none, is nested too deeply, or is larger than any here."""
    try:
        return json.loads(check_file(path).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None


KINDS: dict[str, tuple[type, ...]] = {
    "a whole number": (numbers.Integral,),
    "a number": (numbers.Real,),
    "a text": (str,),
    "a path": (str, os.PathLike),
}


def find_kind_faults(kind: str, **values: object) -> list[str]:
    """Return a fault for each value that is not of one of :data:`KINDS`; True and False are no numbers here."""
    wrong = (name for name, v in values.items() if isinstance(v, bool) or not isinstance(v, KINDS[kind]))
    return [f"{name}={values[name]!r} is not {kind}" for name in wrong]


def as_path(path: str | os.PathLike[str]) -> Path:
    """Return a path; InputError if it is none that a system can have."""
    faults = find_kind_faults("a path", path=path)
    # a system has 4095, and the names of files come on top
    if not faults and (len(str(path)) > 3800 or re.search(r"[\0\ud800-\udc7f]|[^/\\]{256}", str(path))):
        faults = [f"the path {str(path)!r} is too long, or has a name too long, or a character that no name has"]
    if faults:
        raise InputError("there is nothing to read or write", faults)
    return Path(path)


def count_faults(faults: Sequence[str]) -> str:
    """Return "1 fault" or "3 faults", for a heading."""
    return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"


def refuse_existing(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Raise FileExistsError if there is something at a path already and it may not be replaced."""
    if as_path(path).exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; pass overwrite=True to replace it, or give another path")


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path to write to, in a hidden folder beside the target, which is moved to the target at the end.

    Parameters
    ----------
    path : path
        The target, a file or a folder. Its parent folders are made.
    overwrite : bool
        Whether what is there may be replaced.

    Raises
    ------
    FileExistsError
        If the target exists and may not be replaced.

    Notes
    -----
    After an error or an interrupt nothing is left, and an earlier target is still there. What a killed process left is
    removed by the next that writes into the same folder. A file is replaced in one step, so that there is always a
    complete one; a folder cannot be, and is absent for a moment.
    """
    target = as_path(path)
    refuse_existing(target, overwrite=overwrite)
    make_folder(target.parent)
    remove_leftovers(target.parent)
    with temporary_folder(target) as folder:
        temporary = folder / target.name
        try:
            with _say_if_full(target, folder):
                yield temporary
            refuse_existing(target, overwrite=overwrite)  # another process may have been faster
            move = _replace_folder if overwrite and (temporary.is_dir() or target.is_dir()) else _move
            move(temporary, target)
        except BaseException:
            _remove_while_written(folder)
            raise


@dataclass(frozen=True)
class Unfinished:
    """A folder that is filled piece by piece; a mark says which pieces are whole."""

    store: Path  # what is being written
    marks: Path  # folder of the marks

    def lay_out(self, write: Callable[[Path], object]) -> None:
        """Let the empty store be written to a path, unless it is there: half of it would stop all later calls."""
        if not self.store.exists():
            with atomic_write(self.store) as part:
                write(part)

    def mark(self, piece: str, **what: Any) -> None:
        """Write down that a piece is whole, and what is to be known of it."""
        with atomic_write(self.marks / f"{piece}.json", overwrite=True) as part:
            part.write_text(json.dumps(what), encoding="utf-8")

    def read_marks(self) -> dict[str, dict[str, Any]]:
        """Return what was written down of each piece that is whole."""
        return {path.stem: read_json(path) for path in self.marks.glob("[!.]*.json")}


@contextlib.contextmanager
def resumable_write(path: str | os.PathLike[str], key: str) -> Iterator[Unfinished]:
    """Yield a folder to fill piece by piece, which is moved to the target at the end.

    Parameters
    ----------
    path : path
        The target, a folder. Its parent folders are made.
    key : str
        Says what is being written. What a stopped process left is gone on with if its key is the same, and else
        removed.

    Raises
    ------
    FileExistsError
        If the target exists, or another process, which was waited for, has written it.
    """
    target = as_path(path)
    make_folder(target.parent)
    work = target.with_name(f".{target.name}.unfinished")
    with hold(Path(f"{work}.lock"), waiting=f"another process is writing {target}; waiting for it"):
        if target.exists():
            raise FileExistsError(f"{target} exists already; remove it, or give another path")
        written = work / "key"
        if not written.is_file() or written.read_bytes() != key.encode():
            shutil.rmtree(work, ignore_errors=True)
            work.unlink(missing_ok=True)  # a file
            (work / "marks").mkdir(parents=True)
            written.write_text(key, encoding="utf-8")
        with _say_if_full(target, work):
            yield Unfinished(work / target.name, work / "marks")
        _move(work / target.name, target)
        shutil.rmtree(work, ignore_errors=True)
    with contextlib.suppress(OSError):  # where somebody waits for it: Windows keeps it then
        Path(f"{work}.lock").unlink()  # who waits for it finds the target


def find_folder_faults(path: str | os.PathLike[str]) -> list[str]:
    """Return what keeps files from being written into a folder; one that is not there can be made."""
    there = _nearest(as_path(path))
    if not there.is_dir():
        return [f"{there} is a file where a folder is needed; choose another folder"]
    return [] if os.access(there, os.W_OK | os.X_OK) else [f"{there} may not be written to; choose another folder"]


def find_room_faults(path: str | os.PathLike[str], needed: int) -> list[str]:
    """Return a fault if the disk of a file or folder has less than the bytes that are needed."""
    free, advice = free_bytes(Path(path)), "make room, or choose another folder"
    return [f"{needed} bytes are needed in {path}, but {free} bytes are free; {advice}"] if needed > free else []


def make_folder(path: Path) -> None:
    """Make a folder, or raise InputError if nothing can be written there."""
    if faults := find_folder_faults(path):
        raise InputError(f"nothing can be written in {path}", faults)
    path.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _say_if_full(target: Path, written: Path) -> Iterator[None]:
    """Say in words that a disk is full, and how much had been written until then."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        size = sum(file.stat().st_size for file in written.rglob("*") if file.is_file())
        text = f"the disk is full: {in_bytes(size)} of {target} were written, and it needs more"
        raise OSError(errno.ENOSPC, f"{text}; make room, or choose another folder") from error


def remove_leftovers(parent: str | os.PathLike[str]) -> None:
    """Remove what killed processes left in a folder, whatever they wrote; that of living ones is locked, and stays."""
    for folder in Path(parent).glob(f".*.{'[0-9a-f]' * 8}.part"):
        with contextlib.suppress(Timeout, OSError):
            with FileLock(folder / LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
            folder.rmdir()  # Windows keeps a lock that is held; one that another process has just made stays


@contextlib.contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """Yield a new hidden folder beside a target, locked; the system gives the lock back however the process ends."""
    while True:
        folder = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
        folder.mkdir()
        lock = FileLock(folder / LOCK, timeout=0)
        with contextlib.suppress(Timeout, OSError):  # another process took it for a leftover before it was locked
            lock.acquire()
            if (folder / LOCK).exists():
                break
            lock.release()
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_while_written(folder: Path) -> None:
    """Remove what a failed writer left; its other threads may go on writing for a moment, and make folders anew."""
    absent = 0
    for _ in range(200):
        absent = 0 if {path.name for path in folder.glob("*")} - {LOCK} else absent + 1  # Windows keeps a held lock
        if absent == 3:
            return
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)


def _replace_folder(temporary: Path, target: Path) -> None:
    """Put a folder in the place of another, which is moved away first: renaming needs an empty target."""
    for attempt in range(100):
        previous = temporary.with_name(f"replaced {attempt}")
        with contextlib.suppress(FileNotFoundError):  # another process does the same, and was faster
            _move(target, previous)
        try:
            _move(temporary, target)
            return
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # the other process has put its own there
                continue
            if previous.exists():
                _move(previous, target)
            raise
    raise OSError(f"{target} keeps being written by another process; stop it, or choose another folder")


def _move(source: Path, target: Path) -> None:
    """Move a file or a folder; Windows refuses to while another program reads it, as virus scanners do for a moment."""
    for _ in range(10):
        try:
            (os.rename if source.is_dir() else os.replace)(source, target)
            return
        except PermissionError as error:
            refused = error
            time.sleep(0.1)
    advice = "another program has it open, or you may not write there; close that program, then try again"
    raise PermissionError(refused.errno, f"{source} cannot become {target} ({refused.strerror}): {advice}") from refused


def hold(path: Path, *, waiting: str) -> AcquireReturnProxy[FileLock]:
    """Return a lock that is held, and given back when the process ends, however it ends; says that it is waiting."""
    lock = FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        say(waiting)
        return lock.acquire()


def free_bytes(path: Path) -> int:
    """Return the bytes that are free where a file or folder is or will be."""
    return shutil.disk_usage(_nearest(path)).free


def _nearest(path: Path) -> Path:
    """Return a path, or the nearest folder above it that is there."""
    path = path.expanduser().absolute()
    return next(there for there in (path, *path.parents) if there.exists())


def say(text: str) -> None:
    """Write a line to standard error, above any progress bar."""
    tqdm.write(text, file=sys.stderr)


def in_bytes(number: float) -> str:
    """Return a size for reading, such as 5.61GB."""
    return f"{tqdm.format_sizeof(number)}B"


def in_time(seconds: float) -> str:
    """Return a span of time for reading, at least a minute, such as 3 min or 2.5 h."""
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{max(seconds / 60, 1):.0f} min"
