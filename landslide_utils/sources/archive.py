"""A zip or tar archive unpacked safely: one folder, plain files only, no larger than allowed."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import shutil
import stat
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tqdm.auto import tqdm

from landslide_utils.files import InputError, free_bytes, in_bytes

MOST_LIST_BYTES = 32 * 2**20  # of the list of files at an archive's end; each takes 46 bytes and its name
BLOCK = 2**20  # bytes that are copied at once
DISK_BLOCK = 4096  # bytes that even the smallest file takes
COLON = "_" if sys.platform == "win32" else ":"  # in names of files; published cubes have sat:orbit_state


class ArchiveError(InputError):
    """An archive that must not or cannot be unpacked."""


class TooLargeError(InputError):
    """An archive that would unpack to more than is allowed or free."""


class _Archive(io.FileIO):
    """An archive's bytes, of which no more are read at once than its list of files may take."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes; the signature is that of a file."""
        if (size or 0) > MOST_LIST_BYTES:
            raise ArchiveError("it is no archive", [f"its list of files takes more than {in_bytes(MOST_LIST_BYTES)}"])
        return super().read(size)


def unpack(archive: Path, target: Path, *, most_bytes: int, most_files: int, progress: bool = False) -> None:
    """Unpack the one folder ``<target.name>/`` of a zip archive to `target`, which must not exist.

    ArchiveError if the archive is damaged, or holds anything but plain files and folders in that one folder, each once.
    TooLargeError if it would unpack to more than is allowed, or than is free on the disk.

    Notes
    -----
    Names and sizes are checked before anything is written. The sizes hold: zipfile hands out no more bytes of a file
    than its entry declares, and raises if their checksum is not the entry's. Permissions are not taken over.
    """
    heading = f"{archive.name} is not unpacked"
    with damage_in_words(archive.name, heading), _Archive(archive) as file, zipfile.ZipFile(file) as zipped:
        entries = zipped.infolist()
        check_entries(entries, target.name, heading)
        files = [entry for entry in entries if not entry.is_dir()]
        size = sum(entry.file_size for entry in files)
        needed = f"{archive.name} unpacks to {size} bytes in {len(files)} files"
        if size > most_bytes or len(files) > most_files:
            raise TooLargeError(heading, [f"{needed}, but {most_bytes=} and {most_files=} are allowed"])
        free = free_bytes(target)
        if size + DISK_BLOCK * len(files) > free:
            raise TooLargeError(heading, [f"{needed}, but {free} bytes are free in {target.parent}"])
        with tqdm(total=size, unit="B", unit_scale=True, desc="unpacking", disable=not progress) as bar:
            for entry in files:
                path = target.parent / entry.filename.replace(":", COLON)
                path.parent.mkdir(parents=True, exist_ok=True)
                with zipped.open(entry) as source, path.open("xb") as written:
                    shutil.copyfileobj(source, written)
                bar.update(entry.file_size)


@contextlib.contextmanager
def damage_in_words(
    name: str, heading: str, advice: str = "", passing: tuple[type[Exception], ...] = (InputError, OSError)
) -> Iterator[None]:
    """Raise ArchiveError for what zipfile, gzip and tarfile make of a damaged archive: a dozen kinds of error."""
    try:
        yield
    except passing:
        raise
    except Exception as error:
        raise ArchiveError(heading, [f"{name} is damaged ({type(error).__name__}: {error}){advice}"]) from error


class _Unzipped(gzip.GzipFile):
    """The bytes of a tar archive, of which no more are read at once than a block: headers may claim any length."""

    def read(self, size: int | None = -1) -> bytes:
        """Return bytes; the signature is that of a file."""
        if size is None or not 0 <= size <= BLOCK:
            raise ArchiveError("it is no archive", [f"one of its headers takes more than {in_bytes(BLOCK)}"])
        return super().read(size)


def unpack_tar(archive: Path, target: Path, names: re.Pattern[str], *, most_bytes: int = 100 * 10**9) -> None:
    """Unpack into a folder, whole or not at all, those plain files of a tar.gz archive whose names match.

    Folders in the archive are dropped; links and all other files stay where they are. The errors are those of unpack.
    """
    heading, room = f"{archive.name} is not unpacked", min(most_bytes, free_bytes(target))
    with (
        damage_in_words(archive.name, heading, passing=(InputError, PermissionError)),
        _Unzipped(archive) as unzipped,
        tarfile.open(fileobj=unzipped, mode="r:") as tarred,
        tempfile.TemporaryDirectory(prefix=".unpacking-", dir=target) as folder,
    ):
        for entry in tarred:
            name, source = entry.name.rsplit("/", 1)[-1], tarred.extractfile(entry) if entry.isreg() else None
            if source is None or not names.fullmatch(name):
                continue
            if (room := room - entry.size - DISK_BLOCK) < 0:
                raise TooLargeError(heading, [f"it unpacks to more than {most_bytes=}, or than is free"])
            with (Path(folder) / name).open("xb") as written:
                shutil.copyfileobj(source, written, BLOCK)
        if not (unpacked := [*Path(folder).iterdir()]):
            raise ArchiveError(heading, [f"{archive.name} has no file such as are known here"])
        for path in unpacked:
            path.replace(target / path.name)


def check_entries(entries: list[zipfile.ZipInfo], top: str, heading: str) -> None:
    """Raise ArchiveError if entries are anything but plain files and folders in one folder, each once."""
    if faults := list(_find_faults(entries, top)):
        raise ArchiveError(f"{heading} (wrong entries: {len(faults)})", faults[:5])


def _find_faults(entries: list[zipfile.ZipInfo], top: str) -> Iterator[str]:
    """List what an archive holds that it must not."""
    if not any(entry.filename.startswith(f"{top}/") for entry in entries):
        yield f"it has no folder {top}/"
    for name, count in Counter(entry.filename.rstrip("/").casefold() for entry in entries).items():
        if count > 1:
            yield f"{name!r} occurs {count} times"
    files = {entry.filename.casefold() for entry in entries if not entry.is_dir()}
    for entry in entries:
        parts = entry.filename.rstrip("/").split("/")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if {"", ".", ".."} & set(parts) or "\\" in entry.filename or ":" in parts[0]:
            yield f"{entry.filename!r} leads out of the folder"
        elif parts[0] != top:
            yield f"{entry.filename!r} is not in {top}/"
        elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"{entry.filename!r} is a link or a device"
        elif any("/".join(parts[:depth]).casefold() in files for depth in range(1, len(parts))):
            yield f"{entry.filename!r} lies within a file"
