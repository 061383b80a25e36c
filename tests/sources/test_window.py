from __future__ import annotations

import dataclasses
import http.server
import io
import itertools
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from conftest import published

from landslide_utils.cube import CubeError, open_cube
from landslide_utils.files import InputError
from landslide_utils.sources import fetch
from landslide_utils.sources import window as window_module
from landslide_utils.sources.fetch import Patience
from landslide_utils.sources.window import TAIL, Member, plan_requests, read_window

NAME = "hokkaido_japan"
SHAPE = 140, 150
HERE = (20, 30, 40, 50)
Zip = Callable[..., bytes]


class Clock:
    """Time that passes only where somebody sleeps."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclasses.dataclass
class Repository:
    """A repository on this machine with one archive, which keeps the rules of the clock and misbehaves as told."""

    clock: Clock
    archive: bytes = b""
    size: int = 0  # that the record says, if it is not the true one
    mood: str = ""
    after: int = 0  # so many answers are good before that
    bad: int = 10**6  # and so many are bad then
    asked: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    times: list[float] = dataclasses.field(default_factory=list)
    limit: int = 60
    refused: int = 0
    sent: int = 0
    url: str = ""

    @property
    def record(self) -> str:
        return f"{self.url}/api/records/7248056"


class _Handler(http.server.BaseHTTPRequestHandler):
    repository: Repository

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes, **headers: object) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        repository = self.repository
        if self.path.startswith("/api/"):
            entry = {"key": f"{NAME}.zip", "size": repository.size or len(repository.archive)}
            entry |= {"checksum": "md5:" + "0" * 32, "links": {"self": f"{repository.url}/files/{NAME}.zip"}}
            self._answer(200, json.dumps({"metadata": {"license": {"id": "cc-by-4.0"}}, "files": [entry]}).encode())
            return
        now = repository.clock.now
        repository.times = [then for then in repository.times if then > now - 60]
        if len(repository.times) >= repository.limit:
            repository.refused += 1
            self._answer(429, b"", Retry_After=int(repository.times[0] + 61 - now))
            return
        repository.times.append(now)
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        repository.asked.append((first, last + 1))
        body = repository.archive[first : last + 1]
        span = f"bytes {first}-{last}/{len(repository.archive)}"
        mood = repository.mood if repository.after < len(repository.asked) <= repository.after + repository.bad else ""
        if mood == "no ranges":
            self._answer(200, repository.archive)
        elif mood == "elsewhere":
            self._answer(302, b"", Location=repository.url.replace("127.0.0.1", "localhost"))
        elif mood == "other part":
            self._answer(206, body, Content_Range=f"bytes 0-{len(body) - 1}/{len(repository.archive)}")
        elif mood == "says less":
            self._answer(206, body, Content_Length=len(body) - 1, Content_Range=span)
            self.close_connection = True
        elif mood in ("cuts", "stalls"):
            self._answer(206, body[: len(body) // 2], Content_Length=len(body), Content_Range=span)
            if mood == "stalls":
                time.sleep(1)
            self.close_connection = True
        elif mood == "hangs up":
            self.close_connection = True
        elif mood == "damages":
            self._answer(206, body[:-40] + bytes(40), Content_Range=span)
        else:
            repository.sent += len(body)
            # as the published record's server answers
            self.send_response(206)
            for value in ("none", "bytes"):
                self.send_header("Accept-Ranges", value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Range", f"{span}")
            self.end_headers()
            self.wfile.write(body)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(fetch, "time", made)
    return made


@pytest.fixture
def repository(clock: Clock) -> Iterator[Repository]:
    one = Repository(clock)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"repository": one}))
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    one.url = f"http://127.0.0.1:{server.server_port}"
    yield one
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder for cubes, in which a region's name leads to the repository of this machine."""
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path))
    patience = Patience(timeout_s=0.5, retries=2, pause_s=0.01)
    monkeypatch.setattr(window_module, "read_window", partial(read_window, record=repository.record, patience=patience))
    return tmp_path


def pack(
    store: xr.Dataset,
    folder: Path,
    *,
    method: int = zipfile.ZIP_STORED,
    zip64: bool = False,
    comment: bytes = b"",
    consolidated: bool = True,
    order: Callable[[list[Path]], list[Path]] = sorted,
    **chunks: int,
) -> bytes:
    """Return a store as a record's archive, with chunks of so many values along some dimensions."""
    path = folder / "packed" / f"{NAME}.zarr"
    encoding = {
        name: {"compressors": None, "chunks": [min(chunks.get(str(d), size), size) for d, size in layer.sizes.items()]}
        for name, layer in store.variables.items()
        if layer.ndim > 1
    }
    store.to_zarr(path, zarr_format=2, consolidated=consolidated, encoding=encoding)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method, compresslevel=1) as archive:
        archive.comment = comment
        for file in order([file for file in path.rglob("*") if file.is_file()]):
            with archive.open(str(file.relative_to(path.parent)), "w", force_zip64=zip64) as member:
                member.write(file.read_bytes())
    return packed.getvalue()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pack(published(shape=SHAPE), tmp_path_factory.mktemp("archive"), y=32, x=32, timestep=1)


def expected(store: xr.Dataset, window: tuple[int, int, int, int] = HERE) -> xr.Dataset:
    """Return the window of a store as a cube has it."""
    row, col, height, width = window
    plain = store.sortby("timestep").sortby("y", ascending=False).sortby("x").rename(timestep="time")
    return plain.isel(y=slice(row, row + height), x=slice(col, col + width))


def same(cube: xr.Dataset, plain: xr.Dataset) -> None:
    """Assert that a cube has the pixels of a store."""
    plain = plain.sel(time=cube["time"].values)
    for name in ("vv", "vh", "dem"):
        np.testing.assert_array_equal(cube[name], plain[name])
    np.testing.assert_array_equal(cube["landslides"], plain["landslides"] == 1)


def test_a_window_is_read_with_few_requests_and_kept(
    repository: Repository, folder: Path, archive: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.archive = archive
    cube = open_cube(NAME, window=HERE)
    same(cube, expected(published(shape=SHAPE)))
    assert cube.attrs["window"] == list(HERE)
    assert cube.attrs["incidence_degrees"] == 36
    assert dict(cube.sizes) == {"time": 14, "y": 40, "x": 50}
    assert set(cube["orbit"].values) == {"ascending", "descending"}
    said = capsys.readouterr().err
    assert re.search(r"licence: cc-by-4\.0\n  reading the directory of an archive of \d\.\d\dMB", said)
    told = re.search(r"to read for this window: ([\d.]+)MB in (\d+) requests; \d+ s at 10 MB/s, \d+ s at 1 MB/s", said)
    assert told
    size, count = told.groups()
    assert float(size) * 1e6 < repository.sent < len(archive)
    assert int(count) < len(repository.asked) < 40
    assert repository.refused == 0
    repository.url = ""
    asked = len(repository.asked)
    same(open_cube(NAME, window=HERE), expected(published(shape=SHAPE)))
    same(open_cube(NAME, window=(30, 40, 5, 5)), expected(published(shape=SHAPE), (30, 40, 5, 5)))
    assert len(repository.asked) == asked  # nothing is asked again
    assert capsys.readouterr().err == ""


def test_another_window_reads_only_what_is_new(repository: Repository, folder: Path, archive: bytes) -> None:
    repository.archive = archive
    open_cube(NAME, window=HERE)
    before = repository.sent
    same(open_cube(NAME, window=(20, 30, 80, 50)), expected(published(shape=SHAPE), (20, 30, 80, 50)))
    assert 0 < repository.sent - before < before


def test_only_the_passes_and_the_variables_that_are_wanted_are_read(
    repository: Repository, folder: Path, archive: bytes
) -> None:
    repository.archive = archive
    cube = open_cube(NAME, window=HERE, timesteps=2, variables=["vv"])
    plain = expected(published(shape=SHAPE))
    assert [str(t)[:16] for t in cube["time"].values] == [
        *("2018-08-25T20:42", "2018-09-05T08:30", "2018-09-05T20:42", "2018-09-11T20:42")
    ]
    np.testing.assert_array_equal(cube["vv"], plain["vv"].sel(time=cube["time"].values))
    chunks = {path.name for path in (folder / f".{NAME}.window" / f"{NAME}.zarr" / "vv").glob("*.*.*")}
    indices = [list(published(shape=(2, 2))["timestep"].values).index(t) for t in cube["time"].values]
    assert chunks == {f"{t}.{y}.{x}" for t, y, x in itertools.product(indices, (0, 1), (0, 1, 2))}
    assert not (folder / f".{NAME}.window" / f"{NAME}.zarr" / "vh").exists()


LAYOUTS: list[dict[str, Any]] = [
    {"method": zipfile.ZIP_DEFLATED, "timestep": 7, "y": 100, "x": 64},
    {"zip64": True, "comment": b"a comment " * 6000, "timestep": 14, "y": 37, "x": 90},
    {"consolidated": False, "timestep": 3, "y": 200, "x": 16, "order": lambda files: sorted(files, key=hash)},
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=["deflated", "Zip64, with a comment", "not consolidated, no order"])
@pytest.mark.parametrize(
    "options",
    [{"y_descending": False, "x_descending": True, "sorted_times": False}, {"orbit": None, "timepair": False}],
    ids=["south first", "no orbits"],
)
def test_every_layout_of_archives_and_stores_is_read(
    repository: Repository, folder: Path, tmp_path: Path, layout: dict[str, Any], options: dict[str, Any]
) -> None:
    store = published(shape=SHAPE, **options)
    store = store.assign_coords(title=("timestep", [f"pass {i}" for i in range(14)]))  # of these none is read
    repository.archive = pack(store, tmp_path, **layout)
    repository.limit = 1000
    cube = open_cube(NAME, window=HERE, timesteps=3)
    assert cube.sizes["time"] == 6
    same(cube, expected(store))


@pytest.mark.slow
def test_a_store_of_many_thousand_members_has_its_directory_read_once(
    repository: Repository, folder: Path, archive: bytes, tmp_path: Path
) -> None:
    packed = io.BytesIO(archive)
    with zipfile.ZipFile(packed, "a") as more:
        for number in range(70_000):  # more than an archive without Zip64 can have
            more.writestr(f"{NAME}.zarr/unused/0.{number}", b"")
    with zipfile.ZipFile(packed) as whole:
        directory = len(packed.getvalue()) - whole.start_dir
    repository.archive = packed.getvalue()
    same(open_cube(NAME, window=HERE, timesteps=1), expected(published(shape=SHAPE)))
    (first, end), (start, stop) = repository.asked[:2]
    assert (end - first, stop) == (TAIL, first)
    assert end - start == directory


def test_a_window_of_512_pixels_and_8_passes_costs_little_more_than_its_chunks(
    repository: Repository, folder: Path, tmp_path: Path
) -> None:
    side, tiny = 768, published(shape=(2, 2))
    values = np.random.default_rng(0).random((tiny.sizes["timestep"], side, side), "float32").astype("float16")
    stack, plane = ("timestep", "y", "x"), ("y", "x")
    layers = {
        "vv": (stack, values),
        "vh": (stack, values),
        "dem": (plane, values[0]),
        "landslides": (plane, values[0] * 0),
    }
    axes = {"y": 10.0 * np.arange(side)[::-1], "x": 10.0 * np.arange(side)}
    store = xr.Dataset(layers, {name: tiny[name] for name in ("timestep", "sat:orbit_state")} | axes)
    repository.archive = pack(store, tmp_path, timestep=1, y=192, x=192)
    window = (100, 200, 512, 512)
    cube = open_cube(NAME, window=window, timesteps=4)
    np.testing.assert_array_equal(cube["vh"], expected(store, window)["vh"].sel(time=cube["time"].values))
    times = [list(store["timestep"].values).index(time) for time in cube["time"].values]
    assert len(times) == 8
    names = [f"{p}/{t}.{y}.{x}" for p in ("vv", "vh") for t in times for y in range(4) for x in range(1, 4)]
    names += [f"{layer}/{y}.{x}" for layer in ("dem", "landslides") for y in range(4) for x in range(1, 4)]
    with zipfile.ZipFile(io.BytesIO(repository.archive)) as whole:
        directory = len(repository.archive) - whole.start_dir
        chunks = sum(whole.getinfo(f"{NAME}.zarr/{name}").compress_size for name in names)
    assert repository.sent <= 1.3 * chunks + directory
    assert len(repository.asked) < len(names) / 4


def refuse(message: str, **options: Any) -> str:
    with pytest.raises(CubeError, match=message) as raised:
        open_cube(NAME, **{"window": HERE, **options})
    return str(raised.value)


OFFLINE = "By hand: fetch https://zenodo.org/records/7248056/files/hokkaido_japan.zip.* need no network"


@pytest.mark.parametrize(
    ("window", "fault"),
    [
        ((0, 0, 5), "is not row, col, height, width"),
        (5, "is not row, col, height, width"),
        ((0, 0, 5.5, 5), "height=5.5 is not a whole number"),
        ((0, 0, 0, 5), "does not lie in the scene, which has 140 x 150 pixels; choose another"),
        ((-1, 0, 5, 5), "a window at row -1, col 0, height 5, width 5 does not lie in the scene"),
        ((120, 0, 21, 5), "does not lie in the scene"),
    ],
    ids=str,
)
def test_a_window_outside_the_scene_is_refused_before_any_pixel_is_read(
    repository: Repository, folder: Path, archive: bytes, window: Any, fault: str
) -> None:
    repository.archive = archive
    assert len(refuse(fault, window=window).splitlines()) == 2
    assert not list(folder.rglob("vv/*"))


def test_a_local_cube_is_cut_too(write_published: Callable[..., str]) -> None:
    path = write_published(shape=SHAPE, y_descending=False)
    cube = open_cube(path, window=HERE, timesteps=2)
    same(cube, expected(published(shape=SHAPE)))
    assert cube.sizes["time"] == 4
    with pytest.raises(CubeError, match="does not lie in the scene, which has 140 x 150 pixels"):
        open_cube(path, window=(0, 0, 200, 1))
    assert open_cube(path, window=HERE, variables="dem", timesteps=2).sizes == {"y": 40, "x": 50}


def test_a_cube_that_is_there_is_used(repository: Repository, folder: Path) -> None:
    published(shape=SHAPE).to_zarr(folder / f"{NAME}.zarr", zarr_format=2)
    same(open_cube(NAME, window=HERE), expected(published(shape=SHAPE)))
    assert repository.asked == []


def test_a_record_without_ranges_is_said(repository: Repository, folder: Path, archive: bytes) -> None:
    repository.archive, repository.mood = archive, "no ranges"
    text = refuse("(?s)127.0.0.1 sends the whole file where a part of it was asked for, so a window.*" + OFFLINE)
    assert "Open the cube without a window to download it" in text
    assert len(repository.asked) == 1


def test_without_a_network_it_says_what_to_do(
    repository: Repository, folder: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    nobody = "http://127.0.0.1:9"
    away = partial(read_window, record=f"{nobody}/api/records/7248056")
    monkeypatch.setattr(window_module, "read_window", away)
    refuse(f"(?s)cannot be reached.*{OFFLINE}")
    assert clock.now == 1000
    here = partial(read_window, record=repository.record)
    monkeypatch.setattr(window_module, "read_window", here)
    repository.archive = archive
    open_cube(NAME, window=HERE, timesteps=1)
    directory = folder / f".{NAME}.window" / "directory"
    directory.write_bytes(directory.read_bytes().replace(repository.url.encode(), nobody.encode()))
    monkeypatch.setattr(window_module, "read_window", away)
    open_cube(NAME, window=HERE, timesteps=1)
    refuse(f"(?s)the window cannot be read.*What has arrived is kept: call again.*{OFFLINE}")


@pytest.mark.parametrize(
    ("mood", "after"), [("cuts", 0), ("stalls", 0), ("cuts", 8), ("stalls", 8), ("hangs up", 1), ("hangs up", 8)]
)
def test_a_server_that_breaks_off_is_asked_again(
    repository: Repository, folder: Path, archive: bytes, mood: str, after: int
) -> None:
    repository.archive, repository.mood, repository.after, repository.bad = archive, mood, after, 2
    same(open_cube(NAME, window=HERE, timesteps=1), expected(published(shape=SHAPE)))
    assert repository.asked[after] == repository.asked[after + 1] == repository.asked[after + 2]


def test_a_server_that_always_breaks_off_is_given_up_and_what_arrived_is_kept(
    repository: Repository, folder: Path, archive: bytes
) -> None:
    repository.archive, repository.mood, repository.after = archive, "cuts", 9
    refuse(f"(?s)ChunkedEncodingError: the answer breaks off.*What has arrived is kept: call again.*{OFFLINE}")
    assert len(repository.asked) == 9 + 3
    repository.mood, before = "", set(repository.asked)
    same(open_cube(NAME, window=HERE), expected(published(shape=SHAPE)))
    again = before & set(repository.asked[12:])
    assert len(again) <= 1  # the one that broke off


@pytest.mark.parametrize(
    ("mood", "fault"),
    [
        ("says less", r"\d+ bytes, called 'bytes \d+-\d+/\d+', were sent where 'bytes \d+-\d+/\d+' was asked for"),
        ("other part", r"65792 bytes, called 'bytes 0-65791/\d+', were sent where 'bytes \d+-\d+/\d+' was asked for"),
        ("elsewhere", r"127\.0\.0\.1 sends us on to localhost, which is not asked"),
    ],
)
def test_a_server_that_lies_is_not_believed(
    repository: Repository, folder: Path, archive: bytes, mood: str, fault: str
) -> None:
    repository.archive, repository.mood = archive, mood
    refuse(f"(?s){fault}.*{OFFLINE}")
    assert len(repository.asked) == 1


def test_a_record_that_names_another_size_is_not_believed(repository: Repository, folder: Path, archive: bytes) -> None:
    repository.archive, repository.size = archive, len(archive) - 5
    refuse("were sent where 'bytes")


@pytest.mark.parametrize("after", [0, 1, 8])
def test_what_arrives_damaged_is_not_kept(repository: Repository, folder: Path, archive: bytes, after: int) -> None:
    repository.archive, repository.mood, repository.after, repository.bad = archive, "damages", after, 1
    refuse(r"hokkaido_japan\.zip is damaged \((BadZipFile|EOFError|struct)")
    same(open_cube(NAME, window=HERE), expected(published(shape=SHAPE)))


def test_a_member_s_checksum_is_that_of_the_directory(repository: Repository, folder: Path, archive: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as whole:
        start = whole.getinfo(f"{NAME}.zarr/vv/6.1.1").header_offset + 200
    repository.archive = archive[:start] + bytes([archive[start] ^ 1]) + archive[start + 1 :]
    refuse(r"is damaged \(BadZipFile: Bad CRC-32 for file 'hokkaido_japan\.zarr/vv/6\.1\.1'\); remove .* and try again")
    assert list(folder.rglob("6.1.1")) == [folder / f".{NAME}.window" / f"{NAME}.zarr" / "vh" / "6.1.1"]


def test_a_server_that_limits_requests_is_obeyed(
    repository: Repository, folder: Path, archive: bytes, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.archive, repository.limit = archive, 10
    same(open_cube(NAME, window=HERE), expected(published(shape=SHAPE)))
    assert 1 <= repository.refused <= 5  # each time it waits as long as it is told
    assert clock.now - 1000 > 60 * (len(repository.asked) // 10)
    assert "trying again in" in capsys.readouterr().err


def test_a_server_that_wants_a_long_rest_is_not_asked_again(
    repository: Repository, folder: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    repository.archive, repository.limit = archive, 10
    monkeypatch.setattr(fetch, "LONGEST_PAUSE_S", 20.0)
    refuse("(?s)HTTPError: 429.*What has arrived is kept")
    assert repository.refused == 1


def test_a_server_that_drips_is_given_up(
    repository: Repository, folder: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.archive, repository.mood = archive, "stalls"
    monkeypatch.setattr(fetch, "RANGE_DEADLINE_S", 0.1)
    refuse("TimeoutError: no whole answer within 0.1 s")


@pytest.mark.parametrize(
    ("name", "fault"),
    [("../evil", "leads out of the folder"), ("vv/0.0.0/x", "lies within a file"), ("VV/0.0.0", "occurs 2 times")],
)
def test_a_directory_that_holds_what_it_must_not_is_refused(
    repository: Repository, folder: Path, archive: bytes, name: str, fault: str
) -> None:
    packed = io.BytesIO(archive)
    with zipfile.ZipFile(packed, "a") as more:
        more.writestr(f"{NAME}.zarr/{name}", b"")
    repository.archive = packed.getvalue()
    refuse(fault)
    assert not (folder / f".{NAME}.window" / "directory").exists()


def test_directories_and_members_have_limits(
    repository: Repository, folder: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.archive = archive + bytes(70_000)  # no end of an archive within its tail
    refuse(r"hokkaido_japan\.zip is damaged \(BadZipFile: File is not a zip file")
    repository.archive = archive
    monkeypatch.setattr(fetch, "MOST_OBJECT_BYTES", 1000)
    refuse(r"hokkaido_japan\.zip is not read|has more than the 1\.00kB that are allowed")
    monkeypatch.setattr(window_module, "MOST_LIST_BYTES", 66_000)
    (folder / f".{NAME}.window" / "directory").unlink()
    refuse(r"BadZipFile: byte \d+ is not where a directory or a member may be")


def members(*spans: tuple[int, int]) -> list[Member]:
    return [Member(f"{start}", zipfile.ZipInfo(), start, stop) for start, stop in spans]


def spans(groups: list[list[Member]]) -> list[tuple[int, int]]:
    return [(group[0].start, group[-1].stop) for group in groups]


def test_neighbours_are_read_together_until_too_much_is_read_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "SPARE_BYTES", 0)
    given = members((300, 400), (0, 100), (110, 200), (500, 600))
    assert spans(plan_requests(given)) == [(0, 200), (300, 400), (500, 600)]  # 10 of at most 78 bytes
    monkeypatch.setattr(window_module, "SPARE_BYTES", 110)
    assert len(plan_requests(given)) == 2
    assert plan_requests([]) == []
    monkeypatch.setattr(fetch, "MOST_DOCUMENT_BYTES", 150)
    assert spans(plan_requests(members((0, 100), (100, 200), (200, 600)))) == [(0, 100), (100, 200), (200, 600)]


def test_the_error_is_the_project_s_own(repository: Repository, folder: Path) -> None:
    for body in (b"", b"x", b"PK\x05\x06" + bytes(18), b"PK\x05\x06" + b"\xff" * 16 + bytes(2)):
        repository.archive, repository.size = body, max(len(body), 1)
        with pytest.raises(InputError):
            open_cube(NAME, window=HERE)
