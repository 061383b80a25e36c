from __future__ import annotations

import contextlib
import copy
import http.server
import json
import os
import pickle
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import ORBIT, any_json, published
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landslide_utils.cube import CubeError, open_cube
from landslide_utils.files import InputError
from landslide_utils.sources import fetch
from landslide_utils.sources import store as store_module
from landslide_utils.sources.store import MOST_METADATA_BYTES, Array, StoreError, open_store

COMPRESSORS = {
    "none": None,
    "blosc": numcodecs.Blosc("zstd"),
    "gzip": numcodecs.GZip(),
    "lz4": numcodecs.LZ4(),
    "zlib": numcodecs.Zlib(),
    "zstd": numcodecs.Zstd(),
}
GROUP = '{"zarr_format": 2, "shape": NaN}'


def layer() -> xr.Dataset:
    """Return a layer that compresses, but not to nothing."""
    values = np.random.default_rng(0).integers(0, 9, (40, 50)).astype("float32")
    names = xr.DataArray(["a", "descending", "e"], dims="pass")
    return xr.Dataset({"vv": (("y", "x"), values)}, {"y": np.arange(40.0), "x": np.arange(50.0), "name": names})


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a small cube in the published layout, whose chunks are not compressed."""
    cube = published(shape=(20, 30))
    path = tmp_path / "hokkaido_japan.zarr"
    cube.to_zarr(path, zarr_format=2, consolidated=False, encoding={name: {"compressors": None} for name in cube})
    return path


def describe(path: Path, **changes: Any) -> None:
    """Change what an array's metadata say."""
    document = path / ".zarray"
    document.write_text(json.dumps(json.loads(document.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", COMPRESSORS)
def test_stores_with_usual_codecs_are_read_as_they_are(tmp_path: Path, version: int, name: str) -> None:
    compressor: Any = COMPRESSORS[name]
    if version == 3 and compressor:
        known = {"blosc": zarr.codecs.BloscCodec, "gzip": zarr.codecs.GzipCodec, "zstd": zarr.codecs.ZstdCodec}
        if name not in known:
            pytest.skip("not a codec of version 3")
        compressor = known[name]()
    path = tmp_path / "layer.zarr"
    encoding = {"vv": {"chunks": (16, 16), "compressors": compressor and (compressor,)}}
    layer().to_zarr(path, zarr_format=version, encoding=encoding)  # type: ignore[call-overload]
    opened = open_store(str(path))
    assert opened["vv"].chunks is not None
    xr.testing.assert_equal(opened.load(), xr.open_zarr(path).load())
    xr.testing.assert_equal(pickle.loads(pickle.dumps(open_store(str(path)))).load(), layer())  # for other processes


def test_filters_of_numbers_are_allowed(tmp_path: Path) -> None:
    for number, own in enumerate((numcodecs.Delta("f4"), numcodecs.Quantize(1, "f4"), numcodecs.Shuffle(4))):
        path = tmp_path / f"{number}.zarr"
        layer().to_zarr(path, zarr_format=2, encoding={"vv": {"filters": [own]}})
        np.testing.assert_allclose(open_store(str(path))["vv"], layer()["vv"], atol=0.1)


def test_filters_of_dates_are_allowed(tmp_path: Path) -> None:
    dates = np.array(["2018-09-01", "2018-09-13", "2018-09-25"], "M8[ns]")
    array = Array.read(
        {
            "zarr_format": 2,
            "dtype": "<M8[ns]",
            "shape": [3],
            "chunks": [3],
            "filters": [{"id": "astype", "encode_dtype": "<i8", "decode_dtype": "<M8[ns]"}],
            "compressor": None,
        }
    )
    array.check_chunk(dates.tobytes())
    with pytest.raises(ValueError, match="it holds 16 bytes where 24 are described"):
        array.check_chunk(dates[:2].tobytes())


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("consolidated", [True, False])
def test_a_store_that_would_run_code_is_refused(store: Path, tmp_path: Path, consolidated: bool) -> None:
    orbit = store / ORBIT
    filters = [{"id": "vlen-utf8"}, {"id": "pickle", "protocol": 5}]
    describe(orbit, dtype="|O", filters=filters, compressor=None, fill_value=None)
    (orbit / "0").write_bytes(pickle.dumps(Evil(str(tmp_path / "was run"))))
    if consolidated:
        metadata = {
            path.relative_to(store).as_posix(): json.loads(path.read_text(encoding="utf-8"))
            for path in store.rglob(".z*")
        }
        (store / ".zmetadata").write_text(
            json.dumps({"zarr_consolidated_format": 1, "metadata": metadata}), encoding="utf-8"
        )
    with pytest.raises(CubeError, match=f"{ORBIT} needs the codec pickle, which could run what it reads"):
        open_cube(str(store))
    assert not (tmp_path / "was run").exists()


def test_in_version_3_too(tmp_path: Path) -> None:
    layer().to_zarr(tmp_path / "layer.zarr", zarr_format=3, consolidated=False)
    document = tmp_path / "layer.zarr" / "vv" / "zarr.json"
    described = json.loads(document.read_text(encoding="utf-8"))
    described["codecs"].append({"name": "numcodecs.pickle", "configuration": {}})
    described["codecs"].append({"name": "sharding_indexed", "configuration": {}})
    document.write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(StoreError, match="vv needs the codec pickle, sharding_indexed, which could run"):
        open_store(str(tmp_path / "layer.zarr"))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"shape": [10**12, 20, 30]}, r"vv has the shape \(1000000000000, 20, 30\) where 0 to 1000000 on each side"),
        ({"shape": [-1, 20, 30]}, "vv has the shape"),
        ({"filters": [{"id": "shuffle", "elementsize": 10**12}]}, "its chunks cannot be shuffled like that"),
        ({"filters": [{"id": "packbits"}]}, "vv needs the codec packbits"),
        ({"filters": [{"id": "astype", "encode_dtype": "<f4", "decode_dtype": "O"}]}, "its filters give what is not a"),
        ({"filters": [{"id": "astype", "encode_dtype": "<f4", "decode_dtype": "<U99999"}]}, "its filters give what is"),
        ({"chunks": [1, 100_000, 100_000]}, r"vv has chunks of 40.0GB where 268MB are allowed; rechunk it"),
        ({"shape": [14, 10**6, 10**6], "chunks": [1, 1, 1]}, "vv has 14000000000000 chunks where 50000 are allowed"),
        ({"shape": "x"}, "vv/.zarray cannot be read"),
        ({"shape": [14.0, 20, 30]}, "shape and chunks are not whole numbers"),
        ({"dtype": "<f99"}, "vv/.zarray cannot be read"),
        ({"compressor": {"id": "zlib"}, "filters": [{"id": "gzip"}]}, "vv is compressed more than once"),
        ({"compressor": {"id": "nonsense " * 1000}}, "vv needs the codec nonsense"),
    ],
    ids=str,
)
def test_metadata_beyond_the_limits_are_refused(store: Path, changes: dict[str, Any], fault: str) -> None:
    describe(store / "vv", **changes)
    with pytest.raises(CubeError, match=fault) as raised:
        open_cube(str(store))
    assert len(str(raised.value)) < 5000


def test_coordinates_that_are_read_at_once_are_short(store: Path) -> None:
    describe(store / "x", dtype="<U100000", shape=[900_000], chunks=[100])
    with pytest.raises(CubeError, match=r"(?s)x has 9000 chunks where 1000 are allowed.*one dimension, and more than"):
        open_cube(str(store))


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "[" * 100_000, GROUP, "\x00", " " * (MOST_METADATA_BYTES + 1), '"a"'],
    ids=range(7),
)
@pytest.mark.parametrize("name", [".zgroup", ".zmetadata", "vv/.zarray", "vv/.zattrs"])
def test_metadata_that_are_none_are_one_clear_error(store: Path, name: str, text: str) -> None:
    (store / name).write_text(text, encoding="utf-8")
    try:
        open_cube(str(store))
    except CubeError as error:
        assert len(str(error)) < 5000  # noqa: PT017
    else:
        assert name == "vv/.zattrs" or (name, text) == (".zgroup", GROUP), "only attributes may be anything"


@pytest.mark.parametrize("name", ["blosc", "gzip", "lz4", "zlib", "zstd", "none"])
def test_a_damaged_chunk_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "layer.zarr"
    chosen = COMPRESSORS[name]
    layer().to_zarr(path, zarr_format=2, encoding={"vv": {"compressors": chosen and (chosen,)}})
    chunk = next((path / "vv").glob("[0-9]*"))
    whole = chunk.read_bytes()
    damaged = {
        "short": whole[: len(whole) // 2],
        "empty": b"",
        "another": b"\xff" * len(whole) if name != "none" else b"",
        "long": whole + b"\0" * 8 if name in ("none", "gzip", "zlib") else b"\0" + whole,
    }
    for kind, body in damaged.items():
        chunk.write_bytes(body)
        with pytest.raises(StoreError, match=r"vv/0.0 cannot be read .* it may be damaged or half copied: get it"):
            open_store(str(path)).load()
        assert kind


def test_filters_that_give_another_number_of_values_are_named(store: Path) -> None:
    describe(
        store / "vv", filters=[{"id": "fixedscaleoffset", "offset": 0, "scale": 1, "dtype": "<f4", "astype": "u1"}]
    )
    with pytest.raises(StoreError, match=r"vv/0.0.0 .*it holds 134400 bytes where 33600 are described"):
        open_store(str(store)).load()


def test_a_chunk_that_unpacks_to_more_than_it_should_is_not_unpacked(store: Path) -> None:
    bombs = {
        "zlib": zlib.compress(bytes(10**6)),
        "gzip": numcodecs.GZip().encode(bytes(10**6)),
        "zstd": numcodecs.Zstd().encode(bytes(10**6)),
        "lz4": numcodecs.LZ4().encode(bytes(10**6)),
        "blosc": numcodecs.Blosc().encode(np.zeros(10**6, "u1")),
    }
    for name, bomb in bombs.items():
        described = numcodecs.get_codec({"id": name}).get_config()
        describe(store / "landslides", compressor=described)
        (store / "landslides" / "0.0").write_bytes(bytes(bomb))
        with pytest.raises(CubeError, match=r"it unpacks to more than the 4\.80kB that are allowed"):
            open_cube(str(store))


def test_texts_hold_as_many_as_they_say(tmp_path: Path) -> None:
    cube = published(shape=(20, 30))
    cube[ORBIT] = cube[ORBIT].astype(object)
    cube.to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2)
    assert set(open_cube(str(tmp_path / "hokkaido_japan.zarr"))["orbit"].values) == {"descending", "ascending"}
    describe(tmp_path / "hokkaido_japan.zarr" / ORBIT, compressor=None)
    (tmp_path / "hokkaido_japan.zarr" / ".zmetadata").unlink()
    (tmp_path / "hokkaido_japan.zarr" / ORBIT / "0").write_bytes(b"\xff\xff\xff\x7f")
    with pytest.raises(CubeError, match="it holds 2147483647 texts where 14 are described"):
        open_cube(str(tmp_path / "hokkaido_japan.zarr"))


def test_links_out_of_the_store_and_pipes_are_not_read(store: Path, tmp_path: Path) -> None:
    chunk = store / "landslides" / "0.0"
    (tmp_path / "secret").write_bytes(chunk.read_bytes())
    chunk.unlink()
    chunk.symlink_to(tmp_path / "secret")
    with pytest.raises(CubeError, match="it is a link to a file outside of the store"):
        open_cube(str(store))
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(CubeError, match=r"landslides/0\.0 is not a file, but a folder or a device"):
        open_cube(str(store))
    (tmp_path / "link.zarr").symlink_to(store)
    (store / "landslides" / "0.0").unlink()
    assert not open_cube(str(tmp_path / "link.zarr"), event_time="2018-09-05T18:07:59")["landslides"].any()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "hokkaido_japan.zarr"
    layers = published(shape=(20, 30), timepair=False).drop_vars(["dem_slope_radians", "extraction_mask"])
    layers.to_zarr(path, zarr_format=2, consolidated=False)
    return path


@given(
    name=st.sampled_from(["vv/.zarray", "x/.zarray", "timestep/.zarray", "timestep/.zattrs", ".zattrs"]),
    key=st.sampled_from(["shape", "chunks", "dtype", "compressor", "fill_value", "order", "filters", "zarr_format"])
    | st.sampled_from(["units", "calendar", "_FillValue", "scale_factor", "_ARRAY_DIMENSIONS", "crs", "scenario"]),
    value=any_json,
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_metadata_say_the_error_is_the_project_s_own(kept: Path, name: str, key: str, value: Any) -> None:
    document = kept / name
    before = document.read_text(encoding="utf-8") if document.exists() else "{}"
    document.write_text(json.dumps(json.loads(before) | {key: value}), encoding="utf-8")
    try:
        with contextlib.suppress(InputError):
            open_cube(str(kept))
    finally:
        document.write_text(before, encoding="utf-8")


@given(body=st.binary(max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_metadata_are_the_error_is_the_project_s_own(kept: Path, body: bytes) -> None:
    for name in (".zgroup", "vv/.zarray", "timestep/.zattrs"):
        before = (kept / name).read_bytes()
        (kept / name).write_bytes(body)
        try:
            with contextlib.suppress(InputError):
                open_cube(str(kept))
        finally:
            (kept / name).write_bytes(before)


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder's files, and misbehaves as its mood says."""

    folder: Path
    mood: str = ""
    asked: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers for a server."""

    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        file, mood = self.server.folder / self.path.strip("/"), self.server.mood
        if mood == "elsewhere":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/other")
            self.end_headers()
            return
        if not file.is_file():
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            if mood == "drip":
                for _ in range(600):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.05)
            if mood == "endless" or (mood == "endless chunks" and not file.name.startswith(".")):
                for _ in range(1000):
                    self.wfile.write(b" " * 2**16)
            self.wfile.write(file.read_bytes())

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()


@pytest.fixture
def server(store: Path) -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.folder, made.asked = store.parent, []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_a_store_behind_an_address_is_read_within_the_limits(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.consolidate_metadata(server.folder / "hokkaido_japan.zarr", zarr_format=2)
    address = f"{server.address}/hokkaido_japan.zarr"
    xr.testing.assert_equal(
        open_cube(address).load().drop_attrs(),
        open_cube(str(server.folder / "hokkaido_japan.zarr")).load().drop_attrs(),
    )
    opened, server.mood = open_cube(address), "endless chunks"
    with pytest.raises(StoreError, match=r"dem/0\.0 cannot be read \(Client.*: more than \d+\.\dkB were sent"):
        opened["dem"].load()
    server.mood = "endless"
    with pytest.raises(CubeError, match=r"more than 16\.8MB were sent"):  # a chunk may have more, metadata may not
        open_cube(address)
    monkeypatch.setattr(fetch, "MOST_OBJECT_BYTES", 10**6)
    with pytest.raises(CubeError, match=r"more than 1\.00MB were sent"):
        open_cube(address)
    server.mood, server.asked = "elsewhere", []
    with pytest.raises(CubeError, match=r"127\.0\.0\.1 sends us on to localhost, which is not asked"):
        open_cube(address)
    assert "/other" not in server.asked


def test_a_server_that_drips_has_a_deadline(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "DEADLINE_S", 1.0)
    server.mood, start = "drip", time.monotonic()
    with pytest.raises(CubeError, match=r"Timeout.*check the address and the network"):
        open_cube(f"{server.address}/hokkaido_japan.zarr")
    assert time.monotonic() - start < 20  # generous for a busy machine; it would drip for 30 seconds and go on


@pytest.mark.parametrize("place", ["file:///etc/passwd", "memory://x.zarr", "github://a:b@/x.zarr", "x::http://a/b"])
def test_only_some_kinds_of_addresses_are_opened(place: str) -> None:
    with pytest.raises(
        CubeError, match="is not an address that is opened; http, https, s3, gs, az, abfs are, and paths"
    ):
        open_cube(place)


def test_metadata_are_checked_each_time_they_are_read(store: Path) -> None:
    opened = open_store(str(store))
    broken = copy.deepcopy(opened)
    (store / "vv" / "0.0.0").write_bytes(b"")
    with pytest.raises(StoreError, match=r"vv/0\.0\.0 cannot be read"):
        broken["vv"].load()
