"""A Zarr store that somebody else made, opened so that reading it runs nothing and takes no more than it may.

All that is read passes one place, :class:`GuardedStore`: metadata before zarr sees them, chunks before zarr unpacks
them. SECURITY.md says what this promises.
"""

from __future__ import annotations

import asyncio
import json
import math
import zlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numcodecs
import numpy as np
import xarray as xr
from numcodecs.compat import ensure_contiguous_ndarray
from zarr.storage import FsspecStore, LocalStore, WrapperStore

from landslide_utils.files import InputError, check_file, in_bytes
from landslide_utils.sources import fetch
from landslide_utils.sources.archive import COLON
from landslide_utils.sources.fetch import DEADLINE_S, METADATA, MOST_STORED, call_within, capped_client

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

MOST_CHUNK_BYTES = fetch.MOST_OBJECT_BYTES
"""Of one chunk, stored or unpacked. A whole image of the published Hokkaido cube has 189 MB in double precision."""
MOST_TEXT_BYTES = 2**16
MOST_METADATA_BYTES = fetch.MOST_DOCUMENT_BYTES
MOST_ON_A_SIDE = 1_000_000
MOST_CHUNKS = 50_000
"""Of one array; each takes 10 kB when it is planned. 26 passes of the published size have 39,000 of 128 x 128."""
MOST_COORDINATE_CHUNKS = 1000
MOST_ARRAYS = 1000

PROTOCOLS = ("http", "https", "s3", "gs", "az", "abfs")
COMPRESSORS = ("blosc", "gzip", "lz4", "zlib", "zstd")
SIZE_IN = {"blosc": slice(4, 8), "lz4": slice(4)}
TEXTS = ("vlen-bytes", "vlen-utf8")
FILTERS = (*TEXTS, "astype", "bitround", "delta", "fixedscaleoffset", "quantize", "shuffle")
CODECS = (*COMPRESSORS, *FILTERS, "bytes", "transpose")
"""What may stand between an array and its bytes: nothing that runs what it reads, nothing without a bound."""


class StoreError(InputError):
    """A Zarr store that is not opened, or not read on."""

    def __init__(self, place: str, faults: Iterable[str]) -> None:
        super().__init__(f"the Zarr store {place} is not read", list(faults))


@dataclass(frozen=True)
class Array:
    """What metadata say of an array."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    itemsize: int  # bytes of one value; those of a text of any length are taken to be 8
    codecs: tuple[str, ...]  # in the order of decoding
    filters: tuple[Mapping[str, Any], ...] = ()  # settings of those that give numbers, in the order of decoding

    @classmethod
    def read(cls, metadata: Mapping[str, Any]) -> Array:
        """Return an array of either version of Zarr's metadata; whatever is missing or of a wrong type raises."""
        if metadata["zarr_format"] == 2:
            dtype = metadata["dtype"]
            kind = np.dtype([tuple(field) for field in dtype] if isinstance(dtype, list) else dtype)
            chunks, itemsize = metadata["chunks"], kind.itemsize
            named = [*(metadata.get("filters") or []), *([metadata["compressor"]] if metadata["compressor"] else [])]
        else:
            chunks = metadata["chunk_grid"]["configuration"]["chunk_shape"]
            itemsize = _itemsize(metadata["data_type"])
            named = [{"id": codec["name"], **(codec.get("configuration") or {})} for codec in metadata["codecs"]]
            named += [{"id": "a storage transformer"}] if metadata.get("storage_transformers") else []
        named = [{**codec, "id": str(codec["id"]).removeprefix("numcodecs.")} for codec in reversed(named)]
        filters = [codec for codec in named if codec["id"] in FILTERS and codec["id"] not in TEXTS]
        kinds = [codec[key] for codec in filters for key in codec if key.endswith("type")]
        if not all(np.dtype(kind).kind in "biufMm" for kind in kinds):  # text would grow without a bound
            raise ValueError("its filters give what is not a number")
        wide = [codec.get("elementsize", 4) for codec in filters if codec["id"] == "shuffle"]
        if any(math.prod(chunks) * itemsize % size for size in wide):
            raise ValueError("its chunks cannot be shuffled like that")
        shape = tuple(metadata["shape"])
        if not all(type(length) is int for length in (*shape, *chunks)) or len(shape) != len(chunks):
            raise ValueError("shape and chunks are not whole numbers, or not as many")
        return cls(shape, tuple(chunks), itemsize, tuple(codec["id"] for codec in named), tuple(filters))

    @property
    def values(self) -> int:
        """Values in a chunk."""
        return math.prod(self.chunks)

    @property
    def most(self) -> int:
        """Bytes that a chunk may unpack to."""
        if not set(TEXTS).isdisjoint(self.codecs):
            return MOST_TEXT_BYTES
        return MOST_CHUNK_BYTES if not set(FILTERS).isdisjoint(self.codecs) else self.values * self.itemsize

    def find_faults(self, name: str) -> list[str]:
        """List what keeps the array from being read: codecs, and limits of size."""
        faults = []
        if unknown := sorted(set(self.codecs) - set(CODECS)):
            faults.append(
                f"{name} needs the codec {', '.join(unknown)[:200]}, which could run what it reads or is not known; "
                f"these are allowed: {', '.join(CODECS)}. Write the store anew with one of these"
            )
        if sum(codec in COMPRESSORS for codec in self.codecs) > 1:
            faults.append(f"{name} is compressed more than once; write the store anew")
        if min((0, *self.shape)) < 0 or min((1, *self.chunks)) < 1 or max((0, *self.shape)) > MOST_ON_A_SIDE:
            return [*faults, f"{name} has the shape {self.shape} where 0 to {MOST_ON_A_SIDE} on each side are allowed"]
        if self.values * self.itemsize > MOST_CHUNK_BYTES:
            size = in_bytes(self.values * self.itemsize)
            faults.append(f"{name} has chunks of {size} where {in_bytes(MOST_CHUNK_BYTES)} are allowed; rechunk it")
        count = math.prod(-(-length // chunk) for length, chunk in zip(self.shape, self.chunks, strict=True))
        most = MOST_CHUNKS if len(self.shape) > 1 else MOST_COORDINATE_CHUNKS
        if count > most:
            faults.append(f"{name} has {count} chunks where {most} are allowed; rechunk it")
        if len(self.shape) == 1 and self.shape[0] * self.itemsize > MOST_METADATA_BYTES:  # read when it is opened
            faults.append(f"{name} has one dimension, and more than {in_bytes(MOST_METADATA_BYTES)}")
        return faults

    def check_chunk(self, data: bytes) -> None:
        """Raise if a chunk is damaged, is not as long as described, or would unpack to more."""
        described = self.values * self.itemsize
        for codec in set(self.codecs) & set(COMPRESSORS):
            data = unpack(codec, data, self.most)
        texts = not set(TEXTS).isdisjoint(self.codecs)
        if texts and (held := int.from_bytes(data[:4], "little")) != self.values:
            raise ValueError(f"it holds {held} texts where {self.values} are described")
        for settings in self.filters:
            data = numcodecs.get_codec(settings).decode(data)
        if not texts and (held := ensure_contiguous_ndarray(data).nbytes) != described:
            raise ValueError(f"it holds {held} bytes where {described} are described")


def _itemsize(kind: Any) -> int:
    """Return the bytes of a value of a data type of Zarr's version 3."""
    name, settings = (kind["name"], kind.get("configuration") or {}) if isinstance(kind, Mapping) else (kind, {})
    if "length_bytes" in settings:
        return int(settings["length_bytes"])
    return np.dtype(name).itemsize if name in np.sctypeDict else 8


def unpack(codec: str, data: bytes, most: int) -> bytes:
    """Return what a compressed chunk holds, after making sure that it is not more than is allowed.

    ValueError if it is more than `most` bytes, or does not say how much it is.
    """
    if codec in ("gzip", "zlib"):  # these say nothing of their size beforehand
        stream = zlib.decompressobj(wbits=47)
        unpacked = stream.decompress(data, most + 1)
        size = len(unpacked)
        if size <= most and (not stream.eof or stream.unused_data):
            raise ValueError("it ends too early, or goes on after its end")
    else:
        size = _size_in_zstd(data) if codec == "zstd" else int.from_bytes(data[SIZE_IN[codec]], "little")
    if size > most:
        raise ValueError(f"it unpacks to more than the {in_bytes(most)} that are allowed")
    return unpacked if codec in ("gzip", "zlib") else bytes(numcodecs.get_codec({"id": codec}).decode(data))


def _size_in_zstd(data: bytes) -> int:
    """Return the size that the header of a Zstandard frame names (RFC 8878, 3.1.1.1)."""
    if data[:4] != b"\x28\xb5\x2f\xfd":
        raise ValueError("it is not in Zstandard's format")
    flags = data[4]
    single, kind = flags >> 5 & 1, flags >> 6
    width = 2**kind if kind else single
    start = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
    if not width:
        raise ValueError("it does not say how much it unpacks to")
    return int.from_bytes(data[start : start + width], "little") + (256 if width == 2 else 0)


class GuardedStore(WrapperStore["Store"]):
    """A store whose documents and chunks are checked, each time, before whoever asked for them gets them."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._arrays: dict[str, Array] = {}

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return what is stored under a key, checked, or None; raise StoreError if it must not be used."""
        try:
            name, array = key, self._described(key)
            MOST_STORED.set(2 * array.most + 2**16 if array else MOST_CHUNK_BYTES)  # no compressor doubles what it gets
            if isinstance(self._store, LocalStore):
                name = key.replace(":", COLON)  # as it was unpacked
                _check_file(self._store.root, name)
            value = await super().get(name, prototype, byte_range)
            if value is not None:
                await asyncio.to_thread(self._check, key, value.to_bytes())
        except StoreError:
            raise
        except Exception as error:  # whatever a disk, a network, a server or a damaged file makes of it
            fault = f"{key} cannot be read ({type(error).__name__}: {error}); it may be damaged or half copied"
            raise StoreError(str(self._store), [f"{fault}: get it again"]) from error
        return value

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return what :meth:`get` returns, for several keys."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def _get_many(
        self, requests: Iterable[tuple[str, BufferPrototype, ByteRequest | None]]
    ) -> AsyncGenerator[tuple[str, Buffer | None], None]:
        for key, prototype, byte_range in requests:
            yield key, await self.get(key, prototype, byte_range)

    def _described(self, key: str) -> Array | None:
        """Return the array of which a chunk is, where metadata have described it."""
        described = (self._arrays.get(str(parent)) for parent in PurePosixPath(key).parents)
        return None if PurePosixPath(key).name in METADATA else next(filter(None, described), None)

    def _check(self, key: str, data: bytes) -> None:
        """Raise if a document or a chunk must not be used; remember the arrays that a document describes."""
        if PurePosixPath(key).name not in METADATA:
            if array := self._described(key):
                array.check_chunk(data)
            return
        if len(data) > MOST_METADATA_BYTES:
            raise ValueError(f"{in_bytes(len(data))} where {in_bytes(MOST_METADATA_BYTES)} are allowed")
        faults = []
        for path, metadata in _find_arrays(key, json.loads(data)):
            self._arrays[path] = array = Array.read(metadata)
            faults += array.find_faults(path)
            if len(self._arrays) > MOST_ARRAYS:
                faults.append(f"more than {MOST_ARRAYS} arrays")
                break
        if faults:
            raise StoreError(str(self._store), faults)


def _find_arrays(key: str, document: Any) -> Iterator[tuple[str, Any]]:
    """Find the arrays that a metadata document describes: those of a whole store, or one."""
    folder, name = str(PurePosixPath(key).parent), PurePosixPath(key).name
    if name == ".zmetadata":
        for path, metadata in document["metadata"].items():
            yield from _find_arrays(path, metadata)
    elif name == ".zarray" or (name == "zarr.json" and document["node_type"] == "array"):
        yield folder, document
    elif name == "zarr.json":
        consolidated = document.get("consolidated_metadata") or {"metadata": {}}
        for path, metadata in consolidated["metadata"].items():
            yield from _find_arrays(f"{path}/zarr.json", metadata)


def _check_file(root: Path, key: str) -> None:
    """Raise if a file is none of the store's own, no plain file, such as a pipe that never ends, or too large."""
    path = root / key
    if not path.exists():
        return
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError("it is a link to a file outside of the store")
    if not path.is_dir():
        check_file(path, MOST_CHUNK_BYTES)


def open_store(place: str, *, decode_coords: bool | Literal["all"] = True) -> xr.Dataset:
    """Return a Zarr store at a path or an address, lazily: of its arrays only the coordinates are read.

    StoreError if it is no Zarr store, needs a codec that is not allowed, or passes a limit of size or time.
    """
    protocol, remote, _ = place.rpartition("://")
    if remote and protocol not in PROTOCOLS:
        fault = f"{protocol[:50]}:// is not an address that is opened; {', '.join(PROTOCOLS)} are, and paths"
        raise StoreError(place, [fault])
    options = {"get_client": capped_client} if protocol.startswith("http") else {}

    def read() -> xr.Dataset:
        store = (
            FsspecStore.from_url(place, storage_options=options, read_only=True)
            if remote
            else LocalStore(place, read_only=True)
        )
        opened: xr.Dataset = xr.open_zarr(GuardedStore(store), chunks={}, decode_coords=decode_coords)
        return opened

    try:
        return call_within(DEADLINE_S, read)
    except StoreError:
        raise
    except Exception as error:  # whatever a network, a server or damaged metadata make of it
        advice = "check the address and the network" if remote else "it may be damaged or half copied; get it again"
        fault = f"cannot be opened as a Zarr store ({type(error).__name__}: {error}); {advice}"
        raise StoreError(place, [fault]) from error
