"""A window of a published cube over HTTP: of its archive only the directory, and the chunks that are needed, are read.

What was read is kept as a store with holes, in ``.<region>.window`` beside the cubes; it is opened with a window only.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import requests
import xarray as xr
import zarr
from tqdm.auto import tqdm
from zarr.storage import LocalStore

from landslide_utils.composite import choose_passes
from landslide_utils.cube import COORDINATES, open_cube
from landslide_utils.files import atomic_write, find_room_faults, hold, in_bytes, make_folder, say
from landslide_utils.regions import INCIDENCE, Part, data_folder, open_store
from landslide_utils.sources import download, fetch
from landslide_utils.sources.archive import MOST_LIST_BYTES, ArchiveError, check_entries, damage_in_words
from landslide_utils.sources.store import GuardedStore

TAIL = 2**16 + 2**8
"""Bytes that are read first: at its end, before a comment of up to 2**16 bytes, an archive says where all else is."""

SPARE_SHARE, SPARE_BYTES = 0.2, 2**18
"""What may be read for nothing, between members that are needed, to save requests: a share of these, or this much."""


class Member(NamedTuple):
    """A file in an archive: its name in the store, its entry, and from where to where it lies."""

    name: str
    info: zipfile.ZipInfo
    start: int
    stop: int


@dataclass
class _Stretch(io.RawIOBase):
    """A file of a `size`, for zipfile, whose bytes from `start` on are here; those before are read if they may be."""

    size: int
    start: int
    data: bytes
    read_before: Callable[[int, int], bytes] | None = None
    place: int = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = max(offset + (0, self.place, self.size)[whence], 0)
        return self.place

    def read(self, count: int = -1) -> bytes:
        if self.place < self.start:
            if not self.read_before or self.size - self.place > MOST_LIST_BYTES:
                raise zipfile.BadZipFile(f"byte {self.place} is not where a directory or a member may be")
            self.data, self.start = self.read_before(self.place, self.start) + self.data, self.place
        first = self.place - self.start
        data = self.data[first : None if count < 0 else first + count]
        self.place += len(data)
        return data


@dataclass
class _Archive:
    """A published cube's archive, of which members are read into a store as they are needed."""

    store: Path
    ranges: fetch.Ranges
    file: _Stretch
    zipped: zipfile.ZipFile
    members: dict[str, Member]

    @classmethod
    def open(cls, store: Path, record: str, patience: fetch.Patience) -> _Archive:
        """Return an archive whose directory lies beside the store, or is read now and kept there."""
        kept = store.parent / "directory"
        with _in_words(store):
            if not kept.exists():
                _read_directory(store.stem, kept, record, patience)
            head, _, data = kept.read_bytes().partition(b"\n")
            url, size = json.loads(head)
            file = _Stretch(size, size - len(data), data)
            zipped = zipfile.ZipFile(file)
        entries = sorted(zipped.infolist(), key=lambda entry: entry.header_offset)
        members = {}
        for entry, behind in zip(entries, [*(e.header_offset for e in entries[1:]), zipped.start_dir], strict=True):
            name, start = entry.filename.partition("/")[2], entry.header_offset
            stop = min(behind, start + entry.compress_size + 2**18)  # a header is shorter than that
            members[name] = Member(name, entry, start, stop)
        return cls(store, fetch.Ranges(url, size, record, patience), file, zipped, members)

    def find_missing(self, names: Iterable[str]) -> list[list[Member]]:
        """Return those of some members that are not in the store yet, in groups; ArchiveError if one is too large.

        Where an archive has no member for a chunk, nothing was written there.
        """
        wanted = ((self.members[name], self.store / name) for name in names if name in self.members)
        missing = [m for m, path in wanted if not path.exists() or path.stat().st_size != m.info.file_size]
        if large := [m.name for m in missing if max(m.info.file_size, m.stop - m.start) > fetch.MOST_OBJECT_BYTES]:
            fault = f"{large[0]} has more than the {in_bytes(fetch.MOST_OBJECT_BYTES)} that are allowed"
            raise ArchiveError(f"{self.store.stem}.zip is not read", [fault])
        return plan_requests(missing)

    def read(self, groups: list[list[Member]], *, progress: bool) -> None:
        """Read members into the store; each appears there whole, and its checksum is that of the directory."""
        sizes, part = _sizes_of(groups), self.store.parent / "part"
        with tqdm(total=sum(sizes), unit="B", unit_scale=True, desc="reading", disable=not progress) as bar:
            for group, size in zip(groups, sizes, strict=True):
                start = group[0].start
                self.file.start, self.file.data = start, self.ranges.read(start, start + size)
                for member in group:
                    with _in_words(self.store), self.zipped.open(member.info) as source, part.open("wb") as file:
                        shutil.copyfileobj(source, file)
                    (target := self.store / member.name).parent.mkdir(parents=True, exist_ok=True)
                    part.replace(target)
                bar.update(size)


def _read_directory(region: str, kept: Path, record: str, patience: fetch.Patience) -> None:
    """Keep an archive's directory, as it is at the record, behind a line with the archive's address and size."""
    published = download.find_published(region, folder=kept.parents[1], record=record, patience=patience)
    size, ranges = published.size, fetch.Ranges(published.url, published.size, record, patience)
    say(f"{published.heading}\n  reading the directory of an archive of {in_bytes(size)}")
    start = max(size - TAIL, 0)
    file = _Stretch(size, start, ranges.read(start, size), ranges.read)
    zipped = zipfile.ZipFile(file)
    check_entries(zipped.infolist(), f"{region}.zarr", f"{region}.zip is not read")
    with atomic_write(kept) as part:
        head = json.dumps([published.url, size]).encode()
        part.write_bytes(head + b"\n" + file.data[zipped.start_dir - file.start :])


def _in_words(store: Path) -> contextlib.AbstractContextManager[None]:
    name = f"{store.stem}.zip"
    return damage_in_words(name, f"{name} is not read", f"; remove {store.parent} and try again")


def plan_requests(members: Iterable[Member]) -> list[list[Member]]:
    """Return members in groups that are read together, in the order of the archive.

    Where the least lies between two neighbours, it is read too, until what is read for nothing is as much as allowed.
    A group is no longer than a document may be, unless it is a single member.
    """
    order = sorted(members, key=lambda member: member.start)
    spare = max(SPARE_SHARE * sum(member.stop - member.start for member in order), SPARE_BYTES)
    gaps = [after.start - before.stop for before, after in itertools.pairwise(order)]
    joined = {1 + int(i) for i in np.argsort(gaps)[np.cumsum(np.sort(gaps)) <= spare]}
    groups: list[list[Member]] = []
    for place, member in enumerate(order):
        if place not in joined or member.stop - groups[-1][0].start > fetch.MOST_DOCUMENT_BYTES:
            groups.append([])
        groups[-1].append(member)
    return groups


def read_window(
    region: str,
    part: Part,
    *,
    folder: str | os.PathLike[str] | None = None,
    record: str = download.RECORD,
    patience: fetch.Patience = download.PATIENCE,
    progress: bool = True,
) -> Path:
    """Return the path of a store that holds a part of a published cube; what is not there yet is read from its record.

    Says first how much that is. Parameters and errors are those of :func:`landslide_utils.sources.download.download`,
    whose cube is used where it is there, and of :func:`landslide_utils.cube.open_cube`.
    """
    place = Path(folder or data_folder()).expanduser()
    if download.is_here(whole := place / f"{region}.zarr"):
        return whole
    kept = place / f".{region}.window"
    try:
        make_folder(kept)
        with hold(kept / "lock", waiting="another process is reading a window of this cube; waiting for it"):
            archive = _Archive.open(kept / whole.name, record, patience)
            archive.read(archive.find_missing(_find_documents(archive.members)), progress=False)
            missing = archive.find_missing(_find_chunks(archive.store, part))
            if faults := find_room_faults(kept, sum(m.info.file_size for group in missing for m in group)):
                raise download.DownloadError(*faults)
            if missing:
                say(announce(region, _sizes_of(missing)))
                archive.read(missing, progress=progress)
            return archive.store
    except fetch.NoRangesError as error:
        fault = f"{region}: {error}, so a window cannot be read. Open the cube without a window to download it"
    except (requests.RequestException, TimeoutError) as error:
        fault = f"{region}: the window cannot be read ({fetch.reason(error)}). What has arrived is kept: call again"
    raise download.DownloadError(f"{fault}.\n{download.say_how_by_hand(region, place)}")


def announce(region: str, sizes: list[int]) -> str:
    """Return how much is to be read in ranges of some sizes, in how many requests, and how long that takes."""
    size, count = sum(sizes), sum(-(-size // fetch.MOST_DOCUMENT_BYTES) for size in sizes)
    fast, slow = (max(count * 60 / fetch.REQUESTS_A_MINUTE, size / speed) for speed in (10e6, 1e6))
    return (
        f"{region}: to read for this window: {in_bytes(size)} in {count} requests; {fast:.0f} s at 10 MB/s, "
        f"{slow:.0f} s at 1 MB/s\n  it may be interrupted: the next call goes on where this one stopped"
    )


def _sizes_of(groups: list[list[Member]]) -> list[int]:
    return [group[-1].stop - group[0].start for group in groups]


def keep_passes(cube: xr.Dataset, timesteps: int) -> xr.Dataset:
    """Return a cube with the passes only that :func:`landslide_utils.composite.choose_passes` takes."""
    passes = choose_passes(cube, timesteps)
    return cube.isel(time=[*passes.before, *passes.after])


def _find_documents(members: Iterable[str]) -> list[str]:
    """Return the members that hold metadata and coordinates, without metadata that stand in the consolidated too."""
    split = [(name, *name.rpartition("/")[::2]) for name in members]
    own = ("",) if ".zmetadata" in members else {folder for _, folder, _ in split}
    return [
        name
        for name, folder, last in split
        if (folder in own if last in fetch.METADATA else folder.partition("/")[0] in COORDINATES)
    ]


def _find_chunks(store: Path, part: Part) -> list[str]:
    """Return the names of the chunks that a part of a store needs, whose metadata and coordinates are here."""
    cube, layers = open_cube(store, **part._asdict()), open_store(str(store))
    seen = dict.fromkeys(map(str, cube.data_vars), cube)
    if "dem" in cube and INCIDENCE in layers:  # one angle is read, in the middle
        seen[INCIDENCE] = cube.isel(y=[cube.sizes["y"] // 2], x=[cube.sizes["x"] // 2])
    group: Any = zarr.open_group(GuardedStore(LocalStore(store, read_only=True)), mode="r")
    names = []
    for name, pixels in seen.items():
        layer, array, wanted = layers[name], group[name], dict(pixels.coords)
        wanted |= {"timestep": wanted["time"]} if "time" in wanted else {}
        places = [np.flatnonzero(np.isin(layer[dim], wanted[dim])) if dim in wanted else [0] for dim in layer.dims]
        numbers = [sorted({int(i) // size for i in along}) for along, size in zip(places, array.chunks, strict=True)]
        names += [f"{name}/{array.metadata.encode_chunk_key(key)}" for key in itertools.product(*numbers)]
    return names
