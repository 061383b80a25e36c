"""A published cube by its name, fetched once, verified, unpacked safely: ``python -m landslide_utils.sources.download hokkaido_japan``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import pooch
import requests
from tqdm.auto import tqdm

from landslide_utils.cube import is_store
from landslide_utils.files import InputError
from landslide_utils.regions import REGIONS, ZENODO, data_folder
from landslide_utils.sources.archive import ArchiveError, unpack
from landslide_utils.sources.fetch import HEADERS, Patience, ResumingDownloader, reason, say, size_of

RECORD = "https://zenodo.org/api/records/7248056"
BY_HAND = "https://zenodo.org/records/7248056/files/{region}.zip?download=1"
PUBLISHED = tuple(region.name for region in REGIONS.values() if not region.simulated)
UNPACKED_SHARE = 1.2
"""Size of an unpacked cube over its archive's, for the estimate. A Zarr store is compressed before it is zipped: 1.06 on a made-up published cube."""
PATIENCE = Patience()


class DownloadError(InputError):
    """A cube that could not be downloaded, and what to do."""

    def __init__(self, fault: str) -> None:
        super().__init__("this cube cannot be downloaded", [fault])


@dataclass(frozen=True)
class Published:
    """A cube's archive as its record describes it.

    Attributes
    ----------
    region : str
    url : str
    size : int
        Bytes.
    checksum : str
        Algorithm and hexadecimal digest, such as ``md5:5d41402abc4b2a76b9719d911017c592``.
    licence : str
        Its short name, empty if the record names none.
    """

    region: str
    url: str
    size: int
    checksum: str
    licence: str

    def announce(self, folder: Path) -> str:
        """Say how much is to be downloaded to a folder, how long that takes, and how much disk."""
        missing = max(self.size - size_of(_work(folder, self.region) / "part"), 0)
        unpacked = self.size * UNPACKED_SHARE
        return (
            f"{self.region}: {REGIONS[self.region].title}; Boehm et al. 2022, {ZENODO}; licence: {self.licence or 'see there'}\n"
            f"  to download: {_bytes(missing)} of {_bytes(self.size)}; {_span(missing / 10e6)} at 10 MB/s, {_span(missing / 1e6)} at 1 MB/s\n"
            f"  disk: about {_bytes(self.size + unpacked)} until it is unpacked, then {_bytes(unpacked)}, in {folder}, where {_bytes(_free(folder))} are free\n"
            "  it may be interrupted: the next call goes on where this one stopped"
        )


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

    Says first how much that is. The cube appears whole or not at all. Several processes may ask for it at once: one downloads, the others wait. An
    interrupted download goes on where it stopped.

    Parameters
    ----------
    region : {"hokkaido_japan", "kaikoura_newzealand", "puerto_rico", "talakmau_indonesia"}
    folder : path, optional
        Where cubes are kept, :func:`landslide_utils.regions.data_folder` if left out. An archive ``<region>.zip`` that lies there, fetched by hand, is
        used if it is the published one.
    record : str
        Address of the record in the repository's API.
    patience : Patience
        How long to wait for the server, and how often to try again.
    keep_archive : bool
        Whether to leave the archive in the folder, beside the cube.
    most_bytes, most_files : int
        Limits on what the archive may unpack to. A cube of Hokkaido's size with all variables of the published layout has some 25 GB.
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
    target = place / f"{region}.zarr"
    if region in PUBLISHED and _is_here(target):
        return target
    published = find_published(region, folder=place, record=record, patience=patience)
    work = _work(place, region)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _alone(place / f".{region}.lock"):
            if not _is_here(target):  # else another process was faster
                say(published.announce(place))
                work.mkdir(exist_ok=True)
                zipped = _fetch(published, place, patience, progress)
                _unpack(zipped, work / target.name, most_bytes, most_files, progress)
                (work / target.name).rename(target)
                if keep_archive and not (place / zipped.name).exists():
                    zipped.rename(place / zipped.name)
                shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise DownloadError(
            f"{region}: {error}. What has arrived is kept in {work}: make room or raise the limit, then call again; "
            "or name another folder (folder, or LANDSLIDE_DATA)"
        ) from error
    return target


def _is_here(target: Path) -> bool:
    if target.exists() and not is_store(target):
        raise DownloadError(
            f"{target} is not a Zarr store: none of .zgroup, .zmetadata and zarr.json is in it; it may be half copied. "
            "Move or delete it, then call again"
        )
    return target.exists()


def find_published(
    region: str,
    *,
    folder: str | os.PathLike[str] | None = None,
    record: str = RECORD,
    patience: Patience = PATIENCE,
) -> Published:
    """Ask the record's API for a cube's archive; parameters and errors are those of :func:`download`."""
    if region not in PUBLISHED:
        raise ValueError(f"{region=} is not a published cube; these are: {', '.join(PUBLISHED)}")
    place = Path(folder or data_folder()).expanduser()
    cause: Exception

    def ask() -> Any:
        answer = requests.get(record, headers=HEADERS | {"Accept": "application/json"}, timeout=patience.timeout_s)
        answer.raise_for_status()
        return answer.json()

    try:
        return _read_record(patience.persist(ask, (requests.ReadTimeout, requests.HTTPError)), region)
    except (requests.ConnectionError, requests.Timeout) as error:
        problem, cause = "cannot be reached", error
    except (requests.RequestException, KeyError, TypeError, AttributeError, ValueError) as error:
        problem, cause = "does not describe the cube", error
    raise DownloadError(f"{region}: {record} {problem} ({reason(cause)}).\n{_by_hand(region, place)}") from cause


def _read_record(body: Any, region: str) -> Published:
    """Read either layout of a record: a list of files (Zenodo), or their entries by name (InvenioRDM)."""
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
    region, size = published.region, published.size
    by_hand, work = folder / f"{region}.zip", _work(folder, region)
    algorithm, digest = published.checksum.split(":")
    if size_of(by_hand) == size and pooch.file_hash(by_hand, algorithm) == digest:
        return by_hand
    part, zipped = work / "part", work / f"{region}.zip"
    needed = int(size * (1 + UNPACKED_SHARE)) - min(size_of(part) + size_of(zipped), size)
    if needed > _free(folder):
        raise DownloadError(
            f"{region}: about {_bytes(needed)} are needed in {folder}, but {_bytes(_free(folder))} are free; "
            "make room or name another folder (folder, or LANDSLIDE_DATA)"
        )
    downloader = ResumingDownloader(part, size, patience, progress)
    try:
        # pooch downloads to a name of its own and deletes it when it is interrupted, even while it verifies. So the file is put where pooch keeps it
        # first. pooch then verifies it there and downloads it once more, from the start, only if it is not what the record says.
        if not zipped.exists():
            downloader(published.url, zipped, None)
        return Path(pooch.retrieve(published.url, published.checksum, zipped.name, work, downloader=downloader))
    except requests.RequestException as error:
        raise DownloadError(
            f"{region}: the transfer from {published.url} failed at {_bytes(size_of(part))} of {_bytes(size)} ({reason(error)}). "
            f"What has arrived is kept: call again to go on.\n{_by_hand(region, folder)}"
        ) from error
    except ValueError as error:
        shutil.rmtree(work, ignore_errors=True)
        raise DownloadError(
            f"{region}: what {published.url} sends is not what its record describes: {error}"
        ) from error


def _unpack(zipped: Path, target: Path, most_bytes: int, most_files: int, progress: bool) -> None:
    """Unpack into the working folder; what is left there by a process that was killed is thrown away, and so is an archive that is no cube."""
    shutil.rmtree(target, ignore_errors=True)
    try:
        unpack(zipped, target, most_bytes=most_bytes, most_files=most_files, progress=progress)
        if not is_store(target):
            raise ArchiveError(
                f"{zipped.name} holds no Zarr store: no .zgroup, .zmetadata or zarr.json in {target.name}"
            )
    except ArchiveError as error:
        shutil.rmtree(target.parent, ignore_errors=True)
        raise DownloadError(f"{target.stem}: {error}") from error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, which is given back when the process ends, however it ends."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        say("another process is downloading this cube; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _work(folder: Path, region: str) -> Path:
    return folder / f".{region}.part"


def _free(folder: Path) -> int:
    """Return the bytes that are free where a folder is or will be."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def _bytes(number: float) -> str:
    return f"{tqdm.format_sizeof(number)}B"


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{max(seconds / 60, 1):.0f} min"


def _by_hand(region: str, folder: Path) -> str:
    return (
        f"By hand: fetch {BY_HAND.format(region=region)} (its page: {ZENODO}) on any machine, put {region}.zip into {folder} and unzip it there, "
        f"so that {folder / region}.zarr exists. Meanwhile the practice regions, such as practice_earthquake, need no network"
    )


def main(arguments: list[str] | None = None) -> int:
    """Download a cube and print its path, or with ``--dry-run`` only say what that takes."""
    parser = argparse.ArgumentParser(prog="python -m landslide_utils.sources.download", description=__doc__)
    parser.add_argument("region", choices=PUBLISHED)
    parser.add_argument(
        "--folder", type=Path, default=data_folder(), help="where cubes are kept (default: %(default)s)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say how much it is and how long it takes")
    parser.add_argument("--keep-archive", action="store_true", help="leave the archive beside the cube")
    parser.add_argument("--record", default=RECORD, help="address of the record in the repository's API")
    parser.add_argument(
        "--timeout",
        type=float,
        default=PATIENCE.timeout_s,
        help="seconds of silence after which the server is asked anew",
    )
    given = parser.parse_args(arguments)
    folder = given.folder.expanduser()
    options: dict[str, Any] = {"folder": folder, "record": given.record, "patience": Patience(timeout_s=given.timeout)}
    try:
        if given.dry_run and not _is_here(folder / f"{given.region}.zarr"):
            say(find_published(given.region, **options).announce(folder))
        else:
            path = download(given.region, keep_archive=given.keep_archive, **options)
            sys.stdout.write(f"{path}\n")
    except DownloadError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
