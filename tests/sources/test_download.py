from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from conftest import EVENT, any_json, published, put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_cube import VARIANTS

from landslide_utils.cube import CubeError, open_cube
from landslide_utils.files import InputError
from landslide_utils.sources import archive as archive_module
from landslide_utils.sources import download as download_module
from landslide_utils.sources import store as store_module
from landslide_utils.sources.archive import unpack
from landslide_utils.sources.download import PUBLISHED, DownloadError, download, find_published, main
from landslide_utils.sources.fetch import BLOCK, Patience

NAME = "hokkaido_japan"
PATIENCE = Patience(timeout_s=20, retries=2, pause_s=0.01)
HASTY = Patience(timeout_s=0.5, retries=2, pause_s=0.01)
Zip = Callable[..., bytes]


@dataclasses.dataclass
class Repository:
    """A repository on this machine that speaks the record's API, serves one archive, and misbehaves as it is told."""

    archive: bytes = b""
    layout: str = "list"
    changed: dict[str, Any] = dataclasses.field(default_factory=dict)  # what the record says other than the truth
    record_answer: bytes | None = None  # the record's text, whatever it is
    record_headers: dict[str, str] = dataclasses.field(default_factory=dict)
    record_drips: bool = False  # a byte every tenth of a second
    record_status: list[int] = dataclasses.field(
        default_factory=list
    )  # statuses of the next answers before the good ones
    file_status: list[int] = dataclasses.field(default_factory=list)
    cut: list[int | None] = dataclasses.field(
        default_factory=list
    )  # after how many bytes to break off; the last one stays
    done: threading.Event = dataclasses.field(default_factory=threading.Event)
    stall: int = 0  # how many of the next file requests never get an answer
    ranges: bool = True
    says_length: bool = True
    extra: bytes = b""
    gate: threading.Event | None = None  # wait here before the file's second half
    asked: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # path and range of each request
    sent: list[int] = dataclasses.field(default_factory=list)  # bytes of the file in each answer
    url: str = ""

    @property
    def record(self) -> str:
        return f"{self.url}/api/records/7248056"

    @property
    def files_asked(self) -> list[str]:
        return [span for path, span in self.asked if path.startswith("/files/")]

    def describe(self) -> bytes:
        if self.record_answer is not None:
            return self.record_answer
        link = f"{self.url}/files/{NAME}.zip"
        entry: dict[str, Any] = {"key": f"{NAME}.zip", "size": len(self.archive)}
        entry |= {"checksum": "md5:" + hashlib.md5(self.archive).hexdigest()}
        other = entry | {"key": "readme.txt", "links": {"self": f"{self.url}/none"}}
        if self.layout == "list":  # as the published record's API answers
            entry |= {"links": {"self": link}} | self.changed
            return json.dumps({"metadata": {"license": {"id": "cc-by-4.0"}}, "files": [other, entry]}).encode()
        entry |= {"links": {"self": f"{self.url}/none", "content": link}} | self.changed
        files = {"enabled": True, "count": 2, "entries": {"readme.txt": other, f"{NAME}.zip": entry}}
        return json.dumps({"metadata": {"rights": [{"id": "cc-by-4.0"}]}, "files": files}).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    repository: Repository

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        repository = self.repository
        span = self.headers.get("Range", "")
        repository.asked.append((self.path, span))
        if self.path.startswith("/api/"):
            self._send_record(repository)
        elif repository.stall:
            repository.stall -= 1
            repository.done.wait(600)
        else:
            self._send_file(repository, span)

    def _send_record(self, repository: Repository) -> None:
        status = repository.record_status.pop(0) if repository.record_status else 200
        body = repository.describe()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "0")
        for name, value in repository.record_headers.items():
            self.send_header(name, value)
        self.end_headers()
        while repository.record_drips and not repository.done.wait(0.1):
            self.wfile.write(b" ")
        self.wfile.write(body)

    def _send_file(self, repository: Repository, span: str) -> None:
        if repository.file_status:
            self.send_error(repository.file_status.pop(0))
            return
        whole = repository.archive + repository.extra
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and repository.ranges else 0
        if start >= len(whole):
            self.send_error(416)
            return
        body = whole[start:]
        self.send_response(206 if span and repository.ranges else 200)
        if span and repository.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        if repository.says_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = repository.cut[0] if repository.cut else None
        if len(repository.cut) > 1:
            repository.cut.pop(0)
        body = body[:limit]
        middle = len(body) // 2
        try:
            self.wfile.write(body[:middle])
            self.wfile.flush()
            if repository.gate:
                repository.gate.wait(600)
            self.wfile.write(body[middle:])
            repository.sent.append(len(body))
        except OSError:  # the other side has gone
            repository.sent.append(middle)
        self.close_connection = True


@pytest.fixture
def repository() -> Iterator[Repository]:
    one = Repository()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"repository": one}))
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    one.url = f"http://127.0.0.1:{server.server_port}"
    yield one
    one.done.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder with other things in it; whatever the test does, they must stay, and nothing may lie beside it."""
    data = tmp_path / "data"
    data.mkdir()
    others = {
        tmp_path / "outside.txt": "a",
        data / "notes.txt": "b",
        data / "talakmau_indonesia.zarr" / ".zgroup": "{}",
    }
    for path, text in others.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    yield data
    assert {path: path.read_text(encoding="utf-8") for path in others} == others
    assert {path.name for path in tmp_path.iterdir()} == {"outside.txt", "data"}
    assert {path.name for path in data.iterdir()} <= {
        *("notes.txt", "talakmau_indonesia.zarr", f"{NAME}.zarr", f"{NAME}.zip", f".{NAME}.part", f".{NAME}.lock")
    }


@pytest.fixture(scope="session")
def zipped(write_published: Callable[..., str]) -> Zip:
    """Return a function that zips a made-up published cube as the record's archives are."""

    def pack(**options: object) -> bytes:
        store = Path(write_published(shape=(140, 150), **options))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(store.rglob("*")):
                archive.write(path, path.relative_to(store.parent))
        return packed.getvalue()

    return pack


def get(repository: Repository, folder: Path, **options: Any) -> Path:
    return download(
        NAME, **{"folder": folder, "record": repository.record, "patience": PATIENCE, "progress": False} | options
    )


def refuse(repository: Repository, folder: Path, message: str, **options: Any) -> str:
    """See that a download fails with a message, and that no cube, not even half of one, can be opened afterwards."""
    with pytest.raises(DownloadError, match=message) as raised:
        get(repository, folder, **options)
    assert not (folder / f"{NAME}.zarr").exists()
    return str(raised.value)


def work(folder: Path) -> Path:
    return folder / f".{NAME}.part"


@pytest.mark.parametrize("layout", ["list", "entries"])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_a_published_cube_opens_by_its_name(
    repository: Repository,
    folder: Path,
    zipped: Zip,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, object],
    layout: str,
) -> None:
    repository.archive, repository.layout = zipped(**options), layout
    monkeypatch.setenv("LANDSLIDE_DATA", str(folder))
    monkeypatch.setattr(download_module, "download", partial(download, record=repository.record, patience=PATIENCE))
    cube = open_cube(NAME)
    plain = published(shape=(140, 150), **{k: v for k, v in options.items() if k in ("wedge", "zeros", "sorted_times")})
    plain = plain.sortby("timestep").sortby("y", ascending=False).sortby("x")
    xr.testing.assert_equal(cube["vv"].variable, plain["vv"].rename(timestep="time").variable)
    assert cube.attrs["event_time"] == EVENT
    assert all(array.chunks is not None for array in cube.data_vars.values())
    said = capsys.readouterr().err
    size = len(repository.archive) / 1e6
    assert f"to download: {size:.2f}MB of {size:.2f}MB; 1 min at 10 MB/s" in said
    assert f"disk: about {2.2 * size:.2f}MB until it is unpacked, then {1.2 * size:.2f}MB" in said
    assert "licence: cc-by-4.0" in said
    left = {path.name for path in folder.iterdir() if NAME in path.name}
    assert left - {f".{NAME}.lock"} == {f"{NAME}.zarr"}  # and no archive
    repository.asked.clear()
    open_cube(NAME)
    assert repository.asked == []
    assert capsys.readouterr().err == ""


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(
    repository: Repository, folder: Path, zipped: Zip, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.archive = zipped()
    repository.cut = [1_000_000, 300_000, None]
    get(repository, folder)
    first, second, third = repository.files_asked
    assert first == ""
    starts = [int(span.removeprefix("bytes=").rstrip("-")) for span in (second, third)]
    assert 1_000_000 - BLOCK <= starts[0] <= 1_000_000
    assert 1_300_000 - 2 * BLOCK <= starts[1] <= 1_300_000
    assert sum(repository.sent) <= len(repository.archive) + 2 * BLOCK
    assert "trying again in 0 s" in capsys.readouterr().err


def test_a_cube_opens_where_names_may_have_no_colon(
    repository: Repository, folder: Path, zipped: Zip, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (archive_module, store_module):
        monkeypatch.setattr(module, "COLON", "_")  # as on Windows
    repository.archive = zipped()
    path = get(repository, folder)
    assert [file.name for file in path.rglob("*:*")] == []
    assert set(open_cube(str(path))["orbit"].values) == {"descending", "ascending"}
    (path / ".zmetadata").unlink()
    assert set(open_cube(str(path))["orbit"].values) == {"descending", "ascending"}


def test_a_transfer_that_gets_farther_each_time_is_never_given_up(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive = zipped()
    repository.cut = [200_000]
    get(repository, folder)
    assert len(repository.files_asked) > 10 > PATIENCE.retries


def test_a_later_call_goes_on_where_a_failed_one_stopped(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive = zipped()
    repository.cut = [1_000_000, 0]
    text = refuse(repository, folder, "What has arrived is kept: call again to go on")
    assert "the transfer from" in text
    assert f"of {len(repository.archive) / 1e6:.2f}MB" in text
    arrived = (work(folder) / "part").stat().st_size
    assert arrived > 900_000
    repository.cut = []
    repository.asked.clear()
    get(repository, folder)
    assert repository.files_asked == [f"bytes={arrived}-"]


def test_a_server_without_ranges_starts_from_the_beginning(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive, repository.ranges = zipped(), False
    repository.cut = [1_000_000, None]
    get(repository, folder)
    assert len(repository.files_asked) == 2
    assert repository.sent[1] == len(repository.archive)


def test_a_server_without_ranges_that_always_breaks_off_is_given_up(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive, repository.ranges = zipped(), False
    repository.cut = [1_000_000]
    refuse(repository, folder, "the transfer from")
    assert len(repository.files_asked) <= 2 + PATIENCE.retries


@pytest.mark.parametrize("length", [1_000_000, None, 10_000_000], ids=["shorter", "as long", "longer"])
def test_what_arrived_of_another_file_does_not_get_into_the_cube(
    repository: Repository, folder: Path, zipped: Zip, length: int | None
) -> None:
    repository.archive = zipped()
    work(folder).mkdir()
    (work(folder) / "part").write_bytes(b"x" * (length or len(repository.archive)))
    opened = xr.open_zarr(get(repository, folder))
    xr.testing.assert_equal(opened["vh"].load(), published(shape=(140, 150))["vh"])
    assert repository.files_asked[-1] == ""  # at last from the start


def test_a_range_that_the_server_refuses_is_asked_for_from_the_start(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive = zipped()
    work(folder).mkdir()
    (work(folder) / "part").write_bytes(repository.archive[:1000])
    repository.file_status = [416]
    get(repository, folder)
    assert repository.files_asked == ["bytes=1000-", ""]


def test_a_server_that_stalls_is_asked_again_and_then_given_up(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive, repository.stall = zipped(), 3
    start = time.monotonic()
    refuse(repository, folder, "timed out", patience=HASTY)
    assert time.monotonic() - start < 120  # generous for a busy machine; without time-outs it would wait for ever
    assert len(repository.files_asked) == 3
    repository.stall = 1
    assert get(repository, folder, patience=Patience(timeout_s=1.5, retries=2, pause_s=0.01)).exists()


def test_a_server_that_stalls_in_the_middle_is_asked_for_the_rest(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive, repository.gate = zipped(), threading.Event()
    refuse(repository, folder, "timed out", patience=dataclasses.replace(HASTY, retries=0))
    repository.gate.set()
    get(repository, folder)
    assert int(repository.files_asked[-1].removeprefix("bytes=").rstrip("-")) >= len(repository.archive) // 2 - BLOCK


def test_a_busy_server_is_asked_again(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive = zipped()
    repository.record_status, repository.file_status = [429, 503], [429, 502]
    get(repository, folder)
    assert len(repository.files_asked) == 3


def test_wrong_bytes_are_thrown_away(repository: Repository, folder: Path, zipped: Zip) -> None:
    right = zipped()
    repository.archive = b"?" + right[1:]
    repository.changed = {"checksum": "md5:" + hashlib.md5(right).hexdigest()}
    refuse(repository, folder, "is not what its record describes: MD5 hash")
    assert len(repository.files_asked) == 2
    assert not work(folder).exists()
    repository.archive = right
    get(repository, folder)


@pytest.mark.parametrize(
    ("says_length", "extra", "lacks", "message"),
    [
        (True, b"more", 0, "offers .* bytes where .* are expected"),
        (True, b"", 4, "offers .* bytes where .* are expected"),
        (False, b"more", 0, "sends more than the"),
        (False, b"", 4, "stopped after|does not give the rest"),
    ],
)
def test_a_wrong_length_is_refused(
    repository: Repository, folder: Path, zipped: Zip, says_length: bool, extra: bytes, lacks: int, message: str
) -> None:
    repository.archive, repository.says_length, repository.extra = zipped(), says_length, extra
    repository.changed = {"size": len(repository.archive) + lacks}
    refuse(repository, folder, message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>maintenance</html>", "does not describe the cube .JSONDecodeError"),
        (b"[]", "does not describe the cube"),
        (b"{}", "does not describe the cube .KeyError: 'files'"),
        (b'{"files": []}', "it has no hokkaido_japan.zip, only no file at all"),
        (b'{"files": [{"key": "puerto_rico.zip"}]}', "it has no hokkaido_japan.zip, only puerto_rico.zip"),
        (b'{"files": {"entries": {"hokkaido_japan.zip": null}}}', "does not describe the cube .TypeError"),
        (b"[" * 100_000, "does not describe the cube .RecursionError"),
    ],
)
def test_what_is_not_the_record_is_refused(repository: Repository, folder: Path, answer: bytes, message: str) -> None:
    repository.record_answer = answer
    text = refuse(repository, folder, message)
    assert "By hand: fetch https://zenodo.org/records/7248056/files/hokkaido_japan.zip" in text
    assert {path.name for path in folder.iterdir()} == {"notes.txt", "talakmau_indonesia.zarr"}


@given(place=st.lists(st.integers(0, 9), max_size=5), value=any_json, body=st.none() | st.binary(max_size=40))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_record_holds_the_error_is_the_project_s_own(
    repository: Repository, folder: Path, place: list[int], value: Any, body: bytes | None
) -> None:
    repository.record_answer = None
    changed = put(json.loads(repository.describe()), place, value)
    repository.record_answer = json.dumps(changed).encode() if body is None else body
    with contextlib.suppress(DownloadError):
        find_published(NAME, folder=folder, record=repository.record, patience=PATIENCE)


@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6), end=st.none() | st.integers(0)
)
@settings(max_examples=100, deadline=None)
def test_whatever_an_archive_holds_nothing_lies_outside_of_its_folder(
    changes: list[tuple[int, int]], end: int | None
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.zarr/.zgroup", "a.zarr/vv/.zarray", "a.zarr/vv/0.0"):
            archive.writestr(name, name * 20)
    body = bytearray(packed.getvalue())
    for place, byte in changes:
        body[place % len(body)] = byte
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "in").mkdir()
        (root / "a.zip").write_bytes(body[:end])
        with contextlib.suppress(InputError, OSError):
            unpack(root / "a.zip", root / "in" / "a.zarr", most_bytes=10**5, most_files=10)
        assert {path.name for path in root.iterdir()} == {"in", "a.zip"}
        assert {path.name for path in (root / "in").iterdir()} <= {"a.zarr"}


def test_a_record_has_limits_of_size_and_time_and_is_asked_of_one_server(
    repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.record_answer, repository.record_headers = gzip.compress(bytes(10**8), 1), {"Content-Encoding": "gzip"}
    refuse(repository, folder, r"does not describe the cube .ContentDecodingError: more than 16\.8MB were sent")
    elsewhere = {"Location": repository.url.replace("127.0.0.1", "localhost")}
    repository.record_answer, repository.record_headers, repository.record_status = b"", elsewhere, [302]
    refuse(repository, folder, r"127\.0\.0\.1 sends us on to localhost, which is not asked")
    repository.record_answer, repository.record_headers, repository.record_drips = bytes(100), {}, True
    monkeypatch.setattr(download_module, "DEADLINE_S", 0.5)
    refuse(repository, folder, r"cannot be reached .TimeoutError: no whole answer within 0\.5 s")


@pytest.mark.parametrize(
    "changed",
    [
        {"size": -1},
        {"size": "12"},
        {"size": True},
        {"checksum": "md5:?"},
        {"checksum": None},
        {"links": {"self": "file:///etc/passwd"}},
        {"links": {}},
    ],
    ids=str,
)
def test_a_record_with_nonsense_is_refused(
    repository: Repository, folder: Path, zipped: Zip, changed: dict[str, Any]
) -> None:
    repository.archive, repository.changed = zipped(), changed
    refuse(repository, folder, "does not describe the cube")
    assert repository.files_asked == []


@pytest.mark.parametrize(("statuses", "requests"), [([404], 1), ([500, 503, 500], 3)])
def test_a_record_that_cannot_be_had_is_refused(
    repository: Repository, folder: Path, statuses: list[int], requests: int
) -> None:
    repository.record_status = list(statuses)
    refuse(repository, folder, f"HTTPError: {statuses[-1]}")
    assert len(repository.asked) == requests


def test_a_file_that_is_not_there_is_not_asked_for_again(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive, repository.file_status = zipped(), [404]
    refuse(repository, folder, "404")
    assert len(repository.files_asked) == 1


@pytest.fixture
def nobody() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/api/records/7248056"


def test_without_a_network_it_says_what_to_do(folder: Path, nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", str(folder))
    monkeypatch.setattr(download_module, "download", partial(download, record=nobody))
    pauses: list[float] = []
    monkeypatch.setattr("landslide_utils.sources.fetch.time.sleep", pauses.append)
    with pytest.raises(CubeError, match="cannot be reached") as raised:
        open_cube(NAME)
    assert sum(pauses) < 5  # it does not wait for a network that is not there
    assert len(raised.value.faults) == 1
    for part in (
        f"put {NAME}.zip into {folder} and unzip it there",
        "https://doi.org/10.5281/zenodo.7248056",
        "practice_earthquake",
    ):
        assert part in str(raised.value)
    assert {path.name for path in folder.iterdir()} == {"notes.txt", "talakmau_indonesia.zarr"}


def pack(*entries: tuple[str | zipfile.ZipInfo, bytes], store: bool = True) -> bytes:
    """Make an archive of a nearly empty store and further entries."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(f"{NAME}.zarr/.zgroup", b'{"zarr_format": 2}')] * store + list(entries):
            archive.writestr(name, content)
    return packed.getvalue()


def special(name: str, kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"{NAME}.zarr/{name}")
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    return entry


def backslash() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("x")
    entry.filename = f"{NAME}.zarr/..\\evil"
    return entry


def lie(content: bytes, size: int, *, checksum: bool) -> bytes:
    """Make an archive whose one chunk declares another size than it has, or also the checksum of its first bytes."""
    honest = pack((f"{NAME}.zarr/0.0", content))
    true = len(content).to_bytes(4, "little")
    crc, short = (zipfile.crc32(part).to_bytes(4, "little") for part in (content, content[:size]))
    forged = honest.replace(true, size.to_bytes(4, "little"))
    return forged.replace(crc, short) if checksum else forged


BOMB = bytes(50_000_000)
NOISE = hashlib.shake_128(b"").digest(9999)  # does not compress, so that it is found again in the archive
MALICIOUS = {
    "leads up": (pack((f"{NAME}.zarr/../../evil", b"")), "leads out of the folder"),
    "leads up and back": (pack((f"{NAME}.zarr/../{NAME}.zarr/x", b"")), "leads out of the folder"),
    "absolute": (pack(("/tmp/evil-landslides", b"")), "leads out of the folder"),
    "a drive": (pack(("C:/evil", b"")), "leads out of the folder"),
    "backslash": (pack((backslash(), b"")), "leads out of the folder"),
    "link": (pack((special("vv", stat.S_IFLNK), b"../../outside.txt")), "is a link or a device"),
    "device": (pack((special("vv", stat.S_IFBLK), b"")), "is a link or a device"),
    "pipe": (pack((special("vv", stat.S_IFIFO), b"")), "is a link or a device"),
    "another folder": (pack(("notes.txt", b"evil")), r"'notes.txt' is not in hokkaido_japan.zarr/"),
    "another cube": (
        pack(("talakmau_indonesia.zarr/.zgroup", b"evil"), store=False),
        "it has no folder hokkaido_japan.zarr/",
    ),
    "a file as folder": (pack((f"{NAME}.zarr", b""), store=False), "it has no folder"),
    "twice": (pack((f"{NAME}.zarr/VV", b"1"), (f"{NAME}.zarr/vv", b"2")), "occurs 2 times"),
    "a file within a file": (pack((f"{NAME}.zarr/.zgroup/x", b"1")), "lies within a file"),
    "no store": (pack((f"{NAME}.zarr/vv/0.0", b"1"), store=False), "holds no Zarr store"),
    "empty": (pack(store=False), "it has no folder"),
    "no archive": (b"x" * 5000, "is damaged .BadZipFile"),
    "truncated": (pack((f"{NAME}.zarr/0.0", NOISE))[:5000], "is damaged .BadZipFile"),
    "damaged": (
        pack((f"{NAME}.zarr/0.0", NOISE)).replace(NOISE[50:60], bytes(10)),
        "is damaged .BadZipFile: Bad CRC-32",
    ),
    "declares less": (lie(BOMB, 1000, checksum=False), "is damaged .BadZipFile: Bad CRC-32"),
}


@pytest.mark.parametrize("kind", MALICIOUS)
def test_a_malicious_archive_is_not_unpacked(repository: Repository, folder: Path, kind: str) -> None:
    repository.archive, message = MALICIOUS[kind]
    refuse(repository, folder, message)
    assert not Path("/tmp/evil-landslides").exists()
    assert not list(folder.parent.rglob("*evil*"))


def test_an_encrypted_archive_is_refused(repository: Repository, folder: Path) -> None:
    archive = bytearray(pack((f"{NAME}.zarr/0.0", b"1")))
    directory = archive.rindex(b"PK\x01\x02")
    archive[directory + 8] |= 1
    repository.archive = bytes(archive)
    refuse(repository, folder, "is encrypted")


def test_a_list_of_files_beyond_the_limit_is_not_read(repository: Repository, folder: Path) -> None:
    archive = bytearray(pack((f"{NAME}.zarr/0.0", b"1")))
    start = archive.rindex(b"PK\x01\x02")
    end = archive.rindex(b"PK\x05\x06")
    entries = archive[start:end] * (archive_module.MOST_LIST_BYTES // (end - start) + 1)
    archive[end + 12 : end + 16] = len(entries).to_bytes(4, "little")
    archive[start:end] = entries
    repository.archive = bytes(archive)
    refuse(repository, folder, r"its list of files takes more than 33\.6MB")


def test_a_forged_size_and_checksum_gain_nothing(repository: Repository, folder: Path) -> None:
    repository.archive = lie(BOMB, 1000, checksum=True)
    target = get(repository, folder)
    assert (target / "0.0").stat().st_size == 1000


def test_a_bomb_is_not_unpacked_but_kept_for_a_higher_limit(repository: Repository, folder: Path) -> None:
    repository.archive = pack((f"{NAME}.zarr/0.0", BOMB), (f"{NAME}.zarr/0.1", b""))
    refuse(
        repository, folder, r"unpacks to 50000018 bytes in 3 files, but most_bytes=1000000 and", most_bytes=1_000_000
    )
    refuse(repository, folder, r"but most_bytes=\d+ and most_files=2 are allowed", most_files=2)
    get(repository, folder)
    assert len(repository.files_asked) == 1


def test_what_would_not_fit_on_the_disk_is_refused_before_it_starts(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive, repository.changed = zipped(), {"size": 10**15}
    refuse(repository, folder, r"about 2.20PB are needed in .* are free; make room")
    assert repository.files_asked == []


def test_what_would_not_fit_on_the_disk_is_not_unpacked(repository: Repository, folder: Path) -> None:
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    files = [f"{NAME}.zarr/{i}" for i in range(free // 4_000_000_000 + 2)]
    honest = pack(*((name, b"12345678" * 500) for name in files))
    repository.archive = honest.replace((4000).to_bytes(4, "little"), (4_000_000_000).to_bytes(4, "little"))
    refuse(repository, folder, r"bytes are free in", most_bytes=10**18)


FULL = """
import resource, sys
from landslide_utils.sources.download import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


def command(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def cli(repository: Repository, folder: Path) -> tuple[str | Path, ...]:
    return (
        "-m",
        "landslide_utils.sources.download",
        NAME,
        "--folder",
        folder,
        "--record",
        repository.record,
        "--timeout",
        "300",
    )


def test_a_disk_that_fills_up_leaves_what_has_arrived(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive = zipped()
    full = command("-c", FULL, 1_000_000, NAME, "--folder", folder, "--record", repository.record)
    assert "What has arrived is kept" in full.communicate(timeout=300)[1]
    assert full.returncode == 1
    assert not (folder / f"{NAME}.zarr").exists()
    arrived = (work(folder) / "part").stat().st_size
    assert 900_000 < arrived <= 1_000_000
    get(repository, folder)
    assert repository.files_asked[1:] == [f"bytes={arrived}-"]


def test_a_disk_that_fills_up_while_unpacking_leaves_no_half_cube(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive = zipped()
    (folder / f"{NAME}.zip").write_bytes(repository.archive)
    full = command("-c", FULL, 10_000, NAME, "--folder", folder, "--record", repository.record)
    assert "File too large" in full.communicate(timeout=300)[1]
    assert not list(folder.rglob("*.zmetadata"))
    assert (get(repository, folder) / ".zmetadata").exists()


def test_an_archive_fetched_by_hand_is_used_if_it_is_the_right_one(
    repository: Repository, folder: Path, zipped: Zip
) -> None:
    repository.archive = zipped()
    another = bytes(len(repository.archive))
    (folder / f"{NAME}.zip").write_bytes(another)
    get(repository, folder, keep_archive=True)
    assert len(repository.files_asked) == 1
    assert (folder / f"{NAME}.zip").read_bytes() == another


def test_the_archive_is_kept_if_asked(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive = zipped()
    target = get(repository, folder, keep_archive=True)
    assert (folder / f"{NAME}.zip").read_bytes() == repository.archive
    target.rename(folder / f"{NAME}.zip.old")
    get(repository, folder)
    assert len(repository.files_asked) == 1  # the kept one is as good as one fetched by hand
    assert (folder / f"{NAME}.zip").exists()
    shutil.rmtree(folder / f"{NAME}.zip.old")


def test_a_half_copied_cube_is_neither_opened_nor_touched(
    repository: Repository, folder: Path, zipped: Zip, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.archive = zipped()
    half = folder / f"{NAME}.zarr" / "vv" / "0.0.0"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    monkeypatch.setenv("LANDSLIDE_DATA", str(folder))
    with pytest.raises(CubeError, match=r"is not a Zarr store: none of .* it may be half copied"):
        open_cube(NAME)
    assert half.read_bytes() == b"half"
    assert repository.asked == []


def test_what_a_killed_process_left_is_cleared_away(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive = zipped()
    left = work(folder) / f"{NAME}.zarr" / "stale"
    left.mkdir(parents=True)
    target = get(repository, folder)
    assert not (target / "stale").exists()
    assert not work(folder).exists()


@pytest.mark.slow
def test_an_interrupted_command_can_go_on(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive, repository.gate = zipped(), threading.Event()
    interrupted = command(*cli(repository, folder), preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL))
    half = len(repository.archive) // 2
    part = work(folder) / "part"
    deadline = time.monotonic() + 300
    while not (part.exists() and part.stat().st_size >= half - BLOCK):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(timeout=300) != 0
    arrived = part.stat().st_size
    assert half - BLOCK <= arrived <= half
    repository.gate.set()
    get(repository, folder)
    assert repository.files_asked == ["", f"bytes={arrived}-"]


@pytest.mark.slow
def test_two_processes_download_it_once(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive, repository.gate = zipped(), threading.Event()
    first = command(*cli(repository, folder))
    deadline = time.monotonic() + 300
    while not repository.files_asked:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    second = command(*cli(repository, folder))
    assert second.stderr is not None
    assert "another process is downloading this cube" in second.stderr.readline()
    repository.gate.set()
    for process in (first, second):
        assert process.communicate(timeout=300)[0].strip() == str(folder / f"{NAME}.zarr")
        assert process.returncode == 0
    assert len(repository.files_asked) == 1


def test_the_command_says_what_it_takes(
    repository: Repository, folder: Path, zipped: Zip, capsys: pytest.CaptureFixture[str], nobody: str
) -> None:
    repository.archive = zipped()
    assert main([NAME, "--folder", str(folder / "new"), "--record", repository.record, "--dry-run"]) == 0
    assert "to download" in capsys.readouterr().err
    assert repository.files_asked == []
    assert not (folder / "new").exists()
    assert main([NAME, "--folder", str(folder), "--record", nobody]) == 1
    assert "By hand" in capsys.readouterr().err


def test_what_has_arrived_is_not_announced_again(repository: Repository, folder: Path, zipped: Zip) -> None:
    repository.archive = zipped()
    work(folder).mkdir()
    (work(folder) / "part").write_bytes(repository.archive[:1_000_000])
    said = find_published(NAME, folder=folder, record=repository.record).announce(folder)
    assert f"to download: {len(repository.archive) / 1e6 - 1:.2f}MB of" in said


def test_only_published_cubes_can_be_downloaded(folder: Path) -> None:
    assert set(PUBLISHED) == {"hokkaido_japan", "kaikoura_newzealand", "puerto_rico", "talakmau_indonesia"}
    with pytest.raises(ValueError, match="region='practice_small' is not a published cube; these are: hokkaido_japan"):
        download("practice_small", folder=folder)
