"""Files and folders that appear whole or not at all, and never take another's place unasked."""

from __future__ import annotations

import contextlib
import os
import shutil
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
    After an error, or an interrupt, nothing is left and an earlier target is still there.
    """
    target = Path(path)
    refuse_existing(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    room = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
    room.mkdir()
    part, aside = room / target.name, room / "replaced"
    try:
        yield part
        refuse_existing(target, overwrite=overwrite)  # somebody else may have been faster
        if target.exists():
            os.rename(target, aside)  # a folder cannot be renamed onto one that is not empty
        try:
            os.rename(part, target)
        except OSError:
            if aside.exists():
                os.rename(aside, target)
            raise
    finally:
        shutil.rmtree(room, ignore_errors=True)
