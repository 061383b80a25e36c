"""Files and folders that appear whole or not at all, and never take another's place unasked."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path


def refuse_existing(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Raise FileExistsError if there is something at a path already and nobody said that it may go."""
    if Path(path).exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; pass overwrite=True to replace it, or give another path")


@contextlib.contextmanager
def whole(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a path to write to in a hidden folder beside the target; what was written there is moved to the target at the end.

    Parameters
    ----------
    path : path
        The target, a file or a folder. Its parent folders are made.
    overwrite : bool
        Whether what is there may be replaced.

    Yields
    ------
    pathlib.Path
        Where to write: the same name, so that libraries that go by the ending are content, and nothing beside it but what they write themselves.

    Raises
    ------
    FileExistsError
        If the target exists and may not be replaced.

    Notes
    -----
    After an error, or an interrupt, nothing is left and an earlier target is still there. A file takes another's place in one step, so that there is
    always a whole one; a folder cannot, and is absent for a moment.
    """
    target = Path(path)
    refuse_existing(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    room = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
    room.mkdir()
    part = room / target.name
    try:
        yield part
        refuse_existing(target, overwrite=overwrite)  # somebody else may have been faster
        if overwrite and (part.is_dir() or target.is_dir()):
            _replace_folder(part, target)
        else:
            part.replace(target)
    except BaseException:
        _clear(room)
        raise
    shutil.rmtree(room, ignore_errors=True)


def _clear(room: Path) -> None:
    """Remove what a failed writer left; its other threads may go on writing for a moment, and make folders anew."""
    absent = 0
    for _ in range(200):
        absent = 0 if room.exists() else absent + 1
        if absent == 3:
            return
        shutil.rmtree(room, ignore_errors=True)
        time.sleep(0.02)


def _replace_folder(part: Path, target: Path) -> None:
    """Put a folder in another's place, moving that aside first: a folder cannot be renamed onto one that is not empty."""
    for attempt in range(100):
        aside = part.with_name(f"replaced {attempt}")
        with contextlib.suppress(FileNotFoundError):  # another process is at the same, and was faster
            os.rename(target, aside)
        try:
            os.rename(part, target)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # not the other process, but a real fault
                if aside.exists():
                    os.rename(aside, target)
                raise
    raise OSError(f"{target} keeps being written by another process; stop it, or choose another folder")
