"""A published cube, downloaded once and verified: ``python -m landslide_utils.sources.download hokkaido_japan``."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests

from landslide_utils.files import InputError, atomic_write, free_bytes, hold, in_bytes, in_time, say
from landslide_utils.regions import PATCHES, REGIONS, ZENODO, data_folder, is_store
from landslide_utils.sources.archive import ArchiveError, TooLargeError, unpack
from landslide_utils.sources.fetch import (
    AGAIN,
    DEADLINE_S,
    Patience,
    ResumingDownloader,
    ask_one_server,
    call_within,
    reason,
    size_of,
)

RECORD = "https://zenodo.org/api/records/7248056"
BY_HAND = "https://zenodo.org/records/7248056/files/{region}.zip?download=1"
PUBLISHED = tuple(region.name for region in REGIONS.values() if not region.simulated)
STORE_FILES = ".zgroup, .zmetadata and zarr.json"
PATIENCE = Patience()


class DownloadError(InputError):
    """A cube that could not be downloaded, and what to do."""

    def __init__(self, *faults: str) -> None:
        super().__init__("this cube cannot be downloaded", faults)


@dataclass(frozen=True)
class Published:
    """A cube's archive as its record describes it."""

    region: str
    url: str
    size: int  # bytes
    checksum: str  # algorithm and hexadecimal digest, such as md5:5d41402abc4b2a76b9719d911017c592
    licence: str  # its short name, empty if the record names none

    @property
    def heading(self) -> str:
        """Return what the cube shows, its source and its licence."""
        known = REGIONS[self.region]
        return f"{self.region}: {known.title}; {known.source}; licence: {self.licence or 'see there'}"

    def announce(self, folder: Path) -> str:
        """Return how much is to be downloaded to a folder, how long that takes, and how much disk."""
        missing, unpacked = self.size - min(size_of(_work(folder, self.region) / "part"), self.size), self.unpacked
        span = f"{in_time(missing / 10e6)} at 10 MB/s, {in_time(missing / 1e6)} at 1 MB/s"
        disk = f"about {in_bytes(self.size + unpacked)} until it is unpacked, then {in_bytes(unpacked)}"
        return (
            f"{self.heading}\n"
            f"  to download: {in_bytes(missing)} of {in_bytes(self.size)}; {span}\n"
            f"  disk: {disk}, in {folder}, where {in_bytes(free_bytes(folder))} are free\n"
            "  it may be interrupted: the next call goes on where this one stopped"
        )

    @property
    def unpacked(self) -> float:
        """Bytes that the cube will take, about: 1.06 times as many as its archive on a made-up published cube."""
        return self.size * 1.2


def download(
    region: str,
    *,
    folder: str | os.PathLike[str] | None = None,
    record: str = RECORD,
    patience: Patience = PATIENCE,
    keep_archive: bool = False,
    most_bytes: int = 100 * 10**9,
    most_files: int = 500_000,
    progress: bool = True,
) -> Path:
    """Return the path of a published cube; one that is not in the folder yet is downloaded and unpacked.

    Says first how much that is. The cube appears whole or not at all. Several processes may ask for it at once: one
    downloads, the others wait. An interrupted download goes on where it stopped.

    Parameters
    ----------
    region : {"hokkaido_japan", "kaikoura_newzealand", "puerto_rico", "talakmau_indonesia"}
    folder : path, optional
        Where cubes are kept, :func:`landslide_utils.regions.data_folder` if left out. An archive ``<region>.zip`` that
        lies there, fetched by hand, is used if it is the published one.
    record : str
        Address of the record in the repository's API.
    patience : Patience
        How long to wait for the server, and how often to try again.
    keep_archive : bool
        Whether to leave the archive in the folder, beside the cube.
    most_bytes, most_files : int
        Limits on what the archive may unpack to. A cube of Hokkaido's size with all published variables has 25 GB.
    progress : bool
        Whether to show progress bars.

    Raises
    ------
    DownloadError
        If the record, the transfer, the archive or the disk does not allow it.
    ValueError
        If it is not a published cube.

    References
    ----------
    Boehm et al. (2022), doi 10.5281/zenodo.7248056.
    """
    place = Path(folder or data_folder()).expanduser()
    target, work = place / f"{region}.zarr", _work(place, region)
    if region in PUBLISHED and is_here(target):
        return target
    published = find_published(region, folder=place, record=record, patience=patience)
    try:
        work.parent.mkdir(parents=True, exist_ok=True)
        with hold(place / f".{region}.lock", waiting="another process is downloading this cube; waiting for it"):
            if not is_here(target):  # else another process was faster
                say(published.announce(place))
                work.mkdir(exist_ok=True)
                zipped = _fetch(published, place, patience, progress)
                with atomic_write(target) as temporary:
                    unpack(zipped, temporary, most_bytes=most_bytes, most_files=most_files, progress=progress)
                    if not is_store(temporary):
                        fault = f"none of {STORE_FILES} is in {target.name}"
                        raise ArchiveError(f"{zipped.name} is not unpacked", [f"it holds no Zarr store: {fault}"])
                if keep_archive and not (place / zipped.name).exists():
                    zipped.rename(place / zipped.name)
                shutil.rmtree(work, ignore_errors=True)
    except ArchiveError as error:
        shutil.rmtree(work, ignore_errors=True)
        raise DownloadError(*(f"{region}: {fault}" for fault in error.faults)) from error
    except (OSError, TooLargeError) as error:
        raise DownloadError(
            f"{region}: {error}. What has arrived is kept in {work}: make room or raise the limit, then call again; "
            "or name another folder (folder, or LANDSLIDE_DATA)"
        ) from error
    return target


def is_here(target: Path) -> bool:
    """Return whether a cube is there; raise if something else is."""
    if target.exists() and not is_store(target):
        raise DownloadError(
            f"{target} is not a Zarr store: none of {STORE_FILES} is in it; it may be half copied. "
            "Move or delete it, then call again"
        )
    return target.exists()


def find_published(
    region: str, *, folder: str | os.PathLike[str] | None = None, record: str = RECORD, patience: Patience = PATIENCE
) -> Published:
    """Return a cube's archive as the record's API describes it; parameters and errors are those of :func:`download`."""
    if region not in PUBLISHED:
        raise ValueError(f"{region=} is not a published cube; these are: {', '.join(PUBLISHED)}")
    cause: Exception

    def ask() -> Any:
        with ask_one_server(record) as session:
            answer = session.get(record, headers={"Accept": "application/json"}, timeout=patience.timeout_s)
        answer.raise_for_status()
        return answer.json()

    try:
        asked = patience.persist(lambda: call_within(DEADLINE_S, ask), AGAIN)
        return _read_record(asked, region)
    except (requests.ConnectionError, requests.Timeout, TimeoutError) as error:
        problem, cause = "cannot be reached", error
    except (requests.RequestException, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        problem, cause = "does not describe the cube", error
    advice = say_how_by_hand(region, Path(folder or data_folder()).expanduser())
    raise DownloadError(f"{region}: {record} {problem} ({reason(cause)}).\n{advice}") from cause


def _read_record(body: Any, region: str) -> Published:
    """Return what either layout of a record says: a list of files (Zenodo), or entries by name (InvenioRDM)."""
    files, name = body["files"], f"{region}.zip"
    entries = {entry["key"]: entry for entry in files} if isinstance(files, list) else files["entries"]
    if name not in entries:
        raise ValueError(f"it has no {name}, only {', '.join(entries) or 'no file at all'}")
    entry, metadata = entries[name], body.get("metadata") or {}
    url = str(entry["links"].get("content") or entry["links"]["self"])
    size, checksum = entry["size"], str(entry["checksum"]).lower()
    if type(size) is not int or size <= 0 or not re.fullmatch(r"(md5|sha256|sha512):[0-9a-f]{32,128}", checksum):
        raise ValueError(f"size {json.dumps(size)} and checksum {checksum!r} of {name} are not bytes and a digest")
    if not re.match(r"https?://", url):
        raise ValueError(f"{url!r} is not an address to fetch {name} from")
    rights = [metadata.get("license") or {}, *(metadata.get("rights") or [])]
    return Published(region, url, size, checksum, next((str(right["id"]) for right in rights if right.get("id")), ""))


def _fetch(published: Published, folder: Path, patience: Patience, progress: bool) -> Path:
    """Return the path of the verified archive: fetched by hand, left by an interrupted call, or downloaded."""
    region, size, url, work = published.region, published.size, published.url, _work(folder, published.region)
    part, zipped, by_hand = work / "part", work / f"{region}.zip", folder / f"{region}.zip"
    algorithm, digest = published.checksum.split(":")
    if size_of(by_hand) == size and pooch.file_hash(by_hand, algorithm) == digest:
        return by_hand
    needed, free = size + published.unpacked - min(size_of(part) + size_of(zipped), size), free_bytes(folder)
    if needed > free:
        raise DownloadError(
            f"{region}: about {in_bytes(needed)} are needed in {folder}, but {in_bytes(free)} are free; "
            "make room or name another folder (folder, or LANDSLIDE_DATA)"
        )
    downloader = ResumingDownloader(part, size, patience, progress)
    try:
        # pooch downloads to a name of its own and deletes it when it is interrupted, even while it verifies. So the
        # file is put where pooch keeps it first. pooch then verifies it there and downloads it once more, from the
        # start, only if it is not what the record says.
        if not zipped.exists():
            downloader(url, zipped, None)
        return Path(pooch.retrieve(url, published.checksum, zipped.name, work, downloader=downloader))
    except requests.RequestException as error:
        share = f"{in_bytes(size_of(part))} of {in_bytes(size)}"
        raise DownloadError(
            f"{region}: the transfer from {url} failed at {share} ({reason(error)}). "
            f"What has arrived is kept: call again to go on.\n{say_how_by_hand(region, folder)}"
        ) from error
    except ValueError as error:
        shutil.rmtree(work, ignore_errors=True)
        raise DownloadError(f"{region}: what {url} sends is not what its record describes: {error}") from error


def _work(folder: Path, region: str) -> Path:
    return folder / f".{region}.part"


def say_how_by_hand(region: str, folder: Path) -> str:
    """Return what to do where the network is not there, or does not do."""
    return (
        f"By hand: fetch {BY_HAND.format(region=region)} (its page: {ZENODO}) on any machine, "
        f"put {region}.zip into {folder} and unzip it there, so that {folder / region}.zarr exists. "
        "Meanwhile the practice regions, such as practice_earthquake, need no network"
    )


def main(arguments: list[str] | None = None) -> int:
    """Download a cube and print its path, or with ``--dry-run`` only what that takes; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m landslide_utils.sources.download", description=__doc__)
    parser.add_argument("region", choices=(*PUBLISHED, "sen12landslides"))
    parser.add_argument("--sensor", choices=("s1asc", "s1dsc"), default="s1dsc", help="of Sen12Landslides")
    parser.add_argument("--folder", type=Path, default=data_folder(), help="for cubes (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="only say how much it is and how long it takes")
    parser.add_argument("--keep-archive", action="store_true", help="leave the archive beside the cube")
    parser.add_argument("--record", default=RECORD, help="address of the record in the repository's API")
    parser.add_argument("--timeout", type=float, default=PATIENCE.timeout_s, help="seconds that a server may be silent")
    given = parser.parse_args(arguments)
    folder = given.folder.expanduser()
    options: dict[str, Any] = {"folder": folder, "record": given.record, "patience": Patience(given.timeout)}
    try:
        if given.region == "sen12landslides":
            from landslide_utils.sources.hub import download_patches

            print(f"{PATCHES}{download_patches(given.sensor, folder / given.region, dry_run=given.dry_run)}")
        elif given.dry_run and not is_here(folder / f"{given.region}.zarr"):
            say(find_published(given.region, **options).announce(folder))
        else:
            print(download(given.region, keep_archive=given.keep_archive, **options))
    except (DownloadError, InputError, ImportError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
