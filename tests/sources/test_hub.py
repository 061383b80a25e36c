from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landslide_utils.files import InputError
from landslide_utils.sources import archive as archive_module
from landslide_utils.sources import download as download_module
from landslide_utils.sources.archive import ArchiveError, TooLargeError, unpack_tar
from landslide_utils.sources.hub import NAME, download_patches

SHA = "0123456789" * 4
SPLITS = "tasks/S12LS-LD/s1dsc/splits.json"
FIRST, SECOND = (f"data_harmonized/s1dsc/part0{number}.tar.gz" for number in (1, 2))


@dataclasses.dataclass
class Hub:
    """What a Hub on this machine holds, how it misbehaves, and what it was asked for."""

    files: dict[str, bytes]
    wants_login: bool = False
    fails_at: str = ""  # name of the file that it has no answer for, once
    breaks_off: str = ""  # name of the file that it sends half of, once
    asked: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    url: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers for a Hub."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *given: Any, hub: Hub) -> None:
        self.hub = hub
        super().__init__(*given)

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub, name, wanted = self.hub, self.path.split(f"{SHA}/")[-1], self.headers.get("Range", "")
        hub.asked.append((self.command, name, wanted))
        if hub.wants_login:
            self.answer(401, b"", X_Error_Code="GatedRepo")
        elif self.path.startswith("/api/datasets/paulhoehn/Sen12Landslides"):
            siblings = [{"rfilename": name, "size": len(content)} for name, content in hub.files.items()]
            self.answer(200, json.dumps({"id": "paulhoehn/Sen12Landslides", "sha": SHA, "siblings": siblings}).encode())
        else:
            body = hub.files[name]
            known = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X_Repo_Commit": SHA, "Accept_Ranges": "bytes"}
            if self.command == "GET" and hub.fails_at == name:
                hub.fails_at = ""
                self.answer(500, b"", **known)
            elif self.command == "GET" and hub.breaks_off == name:
                hub.breaks_off, self.close_connection = "", True
                self.send_response(200)
                for header, value in {**known, "Content_Length": str(len(body))}.items():
                    self.send_header(header.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
            elif self.command == "GET" and wanted:
                start = int(wanted.removeprefix("bytes=").split("-")[0])
                known["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                self.answer(206, body[start:], **known)
            else:
                self.answer(200, body, **known)


@contextlib.contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, hub=hub)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        yield hub
        server.shutdown()


def tar(**members: bytes | str) -> bytes:
    """Return a tar.gz archive; a member that is a text is a link to it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def files_in(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith(".cache"))


def dataset() -> Hub:
    return Hub(
        {
            FIRST: tar(**{"s1dsc/hokkaido_s1dsc_1.nc": b"one", "s1dsc/notes.txt": b"x"}),
            SECOND: tar(**{"italy_s1dsc_2.nc": b"two"}),
            "data_raw/s1dsc/part01.tar.gz": tar(**{"raw_s1dsc_3.nc": b"raw"}),
            "data_harmonized/s1asc/part01.tar.gz": tar(**{"hokkaido_s1asc_1.nc": b"other"}),
            SPLITS: b"{}",
            "../data_harmonized/s1dsc/part09.tar.gz": b"",
        }
    )


def test_the_archives_of_one_sensor_are_fetched_and_unpacked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(dataset()) as hub:
        folder = download_patches("s1dsc", tmp_path, endpoint=hub.url)
        assert folder == tmp_path / "data_harmonized" / "s1dsc"
        patches = [f"data_harmonized/s1dsc/{name}" for name in ("hokkaido_s1dsc_1.nc", "italy_s1dsc_2.nc")]
        assert files_in(tmp_path) == sorted([*patches, f"{FIRST}.done", f"{SECOND}.done", SPLITS])
        assert (tmp_path / patches[1]).read_bytes() == b"two"
        size = sum(len(hub.files[name]) for name in (FIRST, SECOND))
        assert f"2 of 2 archives, {size}B" in capsys.readouterr().err
        hub.asked.clear()
        download_patches("s1dsc", tmp_path, endpoint=hub.url)
        assert not [name for _, name, _ in hub.asked if name.endswith("tar.gz")]  # it is all there


def test_a_dry_run_only_says_how_much_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(dataset()) as hub:
        download_patches("s1asc", tmp_path, endpoint=hub.url, dry_run=True)
        assert {command for command, _, _ in hub.asked} == {"GET"}
        assert len(hub.asked) == 1
    assert "data_harmonized/s1asc, CC BY 4.0: 1 of 1 archives" in capsys.readouterr().err
    assert files_in(tmp_path) == []


def test_an_interrupted_download_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**16)  # else 10 MB, of which it resumes none
    hub = dataset()
    hub.files[FIRST] = tar(**{"hokkaido_s1dsc_1.nc": np.random.default_rng(0).bytes(300_000)})
    hub.breaks_off, hub.fails_at = FIRST, SECOND
    with serve(hub):
        with pytest.raises(InputError, match=r"what has arrived is kept in .*; call again to go on"):
            download_patches("s1dsc", tmp_path, endpoint=hub.url)
        assert "data_harmonized/s1dsc/hokkaido_s1dsc_1.nc" in files_in(tmp_path)
        assert [wanted for command, name, wanted in hub.asked if (command, name) == ("GET", FIRST) and wanted]
        hub.asked.clear()
        download_patches("s1dsc", tmp_path, endpoint=hub.url)
        assert FIRST not in {name for _, name, _ in hub.asked}
    assert "data_harmonized/s1dsc/italy_s1dsc_2.nc" in files_in(tmp_path)


def test_what_the_hub_does_not_allow_is_said_in_words(tmp_path: Path) -> None:
    with (
        serve(Hub({}, wants_login=True)) as hub,
        pytest.raises(InputError, match=r"the Hub wants a login.*hf auth login"),
    ):
        download_patches("s1dsc", tmp_path, endpoint=hub.url)
    with serve(Hub({})) as hub, pytest.raises(InputError, match="no archives of s1dsc"):
        download_patches("s1dsc", tmp_path, endpoint=hub.url)
    with pytest.raises(InputError, match="ConnectError"):
        download_patches("s1dsc", tmp_path, endpoint="http://127.0.0.1:9")


def test_the_command_prints_what_to_give_as_cube(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {}

    def note(sensor: str, folder: Path, **more: Any) -> Path:
        given.update(more, sensor=sensor, folder=folder)
        return folder / sensor

    monkeypatch.setattr("landslide_utils.sources.hub.download_patches", note)
    assert download_module.main(["sen12landslides", "--sensor", "s1asc", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"sen12landslides:{tmp_path / 'sen12landslides' / 's1asc'}\n"
    assert given == {"sensor": "s1asc", "folder": tmp_path / "sen12landslides", "dry_run": False}


def test_only_plain_files_of_known_names_are_unpacked_and_only_into_the_folder(tmp_path: Path) -> None:
    target, archive = tmp_path / "here", tmp_path / "part.tar.gz"
    target.mkdir()
    hostile = {"../up_s1dsc_1.nc": b"a", "/abs_s1dsc_2.nc": b"b", "link_s1dsc_3.nc": "/etc/passwd", "x.sh": b"c"}
    archive.write_bytes(tar(**hostile))
    unpack_tar(archive, target, NAME)
    assert files_in(tmp_path) == ["here/abs_s1dsc_2.nc", "here/up_s1dsc_1.nc", "part.tar.gz"]


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (b"nothing", ArchiveError, "part.tar.gz is damaged"),
        (tar(**{"a_s1dsc_1.nc": bytes(100_000)})[:-40], ArchiveError, "part.tar.gz is damaged"),
        (tar(**{"readme.txt": b"x"}), ArchiveError, "has no file such as are known here"),
        (tar(**{"x/a_s1dsc_1.nc": b"x", "y/a_s1dsc_1.nc": b"y"}), ArchiveError, "is damaged .FileExistsError"),
        (tar(**{"a_s1dsc_1.nc": bytes(300_000)}), TooLargeError, "unpacks to more than most_bytes=200000"),
    ],
    ids=["no archive", "cut", "no patch", "a name twice", "too large"],  # bytes hold the time at which they were made
)
def test_an_archive_that_is_refused_leaves_nothing(
    tmp_path: Path, content: bytes, error: type[InputError], text: str
) -> None:
    (tmp_path / "part.tar.gz").write_bytes(content)
    with pytest.raises(error, match=text):
        unpack_tar(tmp_path / "part.tar.gz", tmp_path, NAME, most_bytes=200_000)
    assert files_in(tmp_path) == ["part.tar.gz"]


def test_a_header_that_claims_to_be_long_is_not_read(tmp_path: Path) -> None:
    long = tarfile.TarInfo("a_s1dsc_1.nc")
    long.pax_headers = {"comment": "x" * 3 * archive_module.BLOCK}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as made:
        made.addfile(long)
    (tmp_path / "part.tar.gz").write_bytes(out.getvalue())
    with pytest.raises(ArchiveError, match=re.escape("one of its headers takes more than 1.05MB")):
        unpack_tar(tmp_path / "part.tar.gz", tmp_path, NAME)
