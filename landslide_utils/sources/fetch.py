"""What servers answer: documents and ranges within limits of size and time, and large files, whatever breaks off."""

from __future__ import annotations

import functools
import io
import os
import threading
import time
from collections.abc import Callable, Container
from concurrent.futures import Future, wait
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp
import requests
import urllib3
from tqdm.auto import tqdm

from landslide_utils import __version__
from landslide_utils.files import InputError, in_bytes, say

HEADERS = {
    "User-Agent": f"landslide-utils/{__version__}",
    "Accept-Encoding": "identity",  # a range of a compressed answer would not be a range of the file
}
DEADLINE_S = 30.0
"""Seconds within which a document must have arrived as a whole, however often the server sends a byte of it."""

MOST_DOCUMENT_BYTES = 16 * 2**20
"""Of a record or of a catalogue's answer, unpacked."""

MOST_OBJECT_BYTES = 256 * 2**20
"""Of one object of a store behind an address, unpacked."""

MOST_STORED: ContextVar[int] = ContextVar("MOST_STORED", default=MOST_OBJECT_BYTES)  # of what is being asked for

RANGE_DEADLINE_S = 180.0
"""Seconds within which a range of a file, no longer than a document, must have arrived: that is 0.1 MB a second."""

METADATA = (".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json")
"""Files of a store that describe it."""

REQUESTS_A_MINUTE = 60
"""Of ranges: the repository of the published cubes allows about as many."""

BLOCK = 1 << 16
LONGEST_PAUSE_S = 300.0
TRY_LATER = (408, 429)
AGAIN = (requests.ReadTimeout, requests.HTTPError, requests.exceptions.ChunkedEncodingError)
"""After these a server is asked again: it is there."""

T = TypeVar("T")


class NoRangesError(requests.RequestException):
    """A server that sends a whole file where a part of it was asked for."""


class DocumentAdapter(requests.adapters.HTTPAdapter):
    """What a session of requests sends with, where documents are asked of one server: it refuses more than a document.

    It asks no other server, even if this one sends it on to another, and takes no more than a document may have.
    """

    def __init__(self, url: str, retries: int = 0) -> None:
        self.host = urlsplit(url).hostname
        super().__init__(max_retries=retries)

    def send(self, request: requests.PreparedRequest, *given: Any, **settings: Any) -> requests.Response:
        """Return the answer, read within the limit; the signature is that of requests."""
        if (host := urlsplit(request.url or "").hostname) != self.host:
            raise requests.exceptions.InvalidURL(f"{self.host} sends us on to {host}, which is not asked")
        answer = super().send(request, *given, **{**settings, "stream": True})
        if "Range" in request.headers and answer.status_code == 200:
            answer.close()
            raise NoRangesError(f"{self.host} sends the whole file where a part of it was asked for")
        try:
            body = answer.raw.read(MOST_DOCUMENT_BYTES + 1, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(f"the answer breaks off ({error})") from error
        if len(body) > MOST_DOCUMENT_BYTES:
            answer.close()
            raise requests.exceptions.ContentDecodingError(f"more than {in_bytes(MOST_DOCUMENT_BYTES)} were sent")
        answer.raw = io.BytesIO(body)
        return answer


def ask_one_server(url: str) -> requests.Session:
    """Return a session that asks for documents and ranges at the server of an address, and at no other."""
    session = requests.Session()
    session.headers.update(HEADERS)
    for scheme in ("http://", "https://"):
        session.mount(scheme, DocumentAdapter(url))
    return session


class CappedResponse(aiohttp.ClientResponse):
    """An answer of which no more is read than an object of a store may have."""

    async def read(self) -> bytes:
        """Return the whole body; of metadata, no more than a document may have."""
        most = MOST_DOCUMENT_BYTES if self.url.name in METADATA else MOST_STORED.get()
        most = min(most, MOST_OBJECT_BYTES)
        body = bytearray()
        async for block in self.content.iter_any():
            body += block
            if len(body) > most:
                raise aiohttp.ClientPayloadError(f"more than {in_bytes(most)} were sent")
        return bytes(body)


async def _refuse_other_server(_: aiohttp.ClientSession, __: Any, sent_on: aiohttp.TraceRequestRedirectParams) -> None:
    target = urlsplit(sent_on.response.headers.get("Location", "")).hostname
    if target not in (None, sent_on.url.host):
        raise aiohttp.ClientPayloadError(f"{sent_on.url.host} sends us on to {target}, which is not asked")


async def capped_client(**settings: Any) -> aiohttp.ClientSession:
    """Return what fsspec reads addresses with: it asks one server, and takes answers within limits of size and time."""
    redirects = aiohttp.TraceConfig()
    redirects.on_request_redirect.append(_refuse_other_server)
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    return aiohttp.ClientSession(**settings, response_class=CappedResponse, timeout=timeout, trace_configs=[redirects])


def call_within(seconds: float, ask: Callable[[], T]) -> T:
    """Return what a function returns, or give up: a server that sends a byte now and then is silent at no moment."""
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    if not wait([answer], seconds).done:
        raise TimeoutError(f"no whole answer within {seconds:g} s")
    return answer.result()


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server; one that asks for more than five minutes is given up."""

    timeout_s: float = 20.0  # seconds of silence after which it is asked anew
    retries: int = 5  # how often in a row, without getting farther than ever before
    pause_s: float = 1.0  # before the first new try; twice as long before each further one, at most five minutes

    def persist(
        self, task: Callable[[], T], again: tuple[type[Exception], ...], *, reached: Callable[[], int] = lambda: 0
    ) -> T:
        """Return what a task returns, done again after a passing fault; ``reached`` tells how far it has got."""
        failures, best = 0, reached()
        while True:
            try:
                return task()
            except again as error:
                answer = getattr(error, "response", None)
                if answer is not None and answer.status_code < 500 and answer.status_code not in TRY_LATER:
                    raise
                failures, best = (0, reached()) if reached() > best else (failures + 1, best)
                text = answer.headers.get("Retry-After", "") if answer is not None else ""
                asked = float(text) if text.isdigit() else 0.0
                if failures > self.retries or asked > LONGEST_PAUSE_S:
                    raise
                pause = max(asked, min(self.pause_s * 2 ** max(failures - 1, 0), LONGEST_PAUSE_S))
                say(f"{reason(error)}; trying again in {pause:.0f} s")
                time.sleep(pause)


@dataclass
class Ranges:
    """Ranges of a file of a known size behind an address, read one after the other at one server, and not too often."""

    url: str
    size: int
    server: str
    patience: Patience
    not_before: float = 0.0
    again: tuple[type[Exception], ...] = AGAIN

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop`, each request for no more than a document may have.

        RequestException or TimeoutError if the server does not send them, though it is asked again.
        """
        firsts = range(start, stop, MOST_DOCUMENT_BYTES)
        asks = [functools.partial(self._ask, first, min(first + MOST_DOCUMENT_BYTES, stop)) for first in firsts]
        return b"".join(self.patience.persist(ask, self.again) for ask in asks)

    def _ask(self, start: int, stop: int) -> bytes:
        time.sleep(max(self.not_before - time.monotonic(), 0))
        self.not_before = time.monotonic() + 60 / REQUESTS_A_MINUTE
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        with ask_one_server(self.server) as session:
            ask = functools.partial(session.get, self.url, headers=headers, timeout=self.patience.timeout_s)
            answer = call_within(RANGE_DEADLINE_S, ask)
        answer.raise_for_status()
        self.again = (*AGAIN, requests.ConnectionError)  # a network that was there is waited for
        span, called = f"bytes {start}-{stop - 1}/", answer.headers.get("Content-Range")
        if called not in (f"{span}{self.size}", f"{span}*") or len(answer.content) != stop - start:
            sent = f"{len(answer.content)} bytes, called {called!r}"
            raise requests.exceptions.InvalidHeader(f"{sent}, were sent where '{span}{self.size}' was asked for")
        return answer.content


def refuse_other_servers(url: str, known: Container[str | None], patience: Patience) -> None:
    """Raise InputError if a file's server sends us on to another, unless it does so over https to one that is known."""
    own = urlsplit(url).hostname

    def check(answer: requests.Response, **_: Any) -> None:
        to = urlsplit(urljoin(answer.url, answer.headers["Location"] if answer.is_redirect else ""))
        if to.hostname != own and not (to.scheme == "https" and to.hostname in known):
            fault = f"{own} sends us on to {to.hostname}, which the catalogue does not name"
            raise InputError("this image cannot be used", [f"{fault}; fetch the images into a folder, and name that"])

    settings: Any = {"headers": HEADERS | {"Range": "bytes=0-3"}, "timeout": patience.timeout_s, "stream": True}
    ask = functools.partial(requests.get, url, hooks={"response": check}, **settings)
    if urlsplit(url).scheme in ("http", "https"):
        patience.persist(ask, (requests.RequestException,)).close()


@dataclass(frozen=True)
class ResumingDownloader:
    """A downloader for pooch that goes on with a broken transfer, which pooch's own cannot."""

    part: Path  # what has arrived so far; it is not verified here: a checksum must be, as pooch does
    size: int  # bytes that the whole file has
    patience: Patience
    progress: bool

    def __call__(self, url: str, output_file: str | os.PathLike[str], pooch: object) -> None:
        """Download the file; the signature is pooch's."""
        settings: Any = {"unit": "B", "unit_scale": True, "desc": "downloading", "disable": not self.progress}
        with tqdm(total=self.size, initial=size_of(self.part), **settings) as bar:
            again = (requests.RequestException,)
            self.patience.persist(lambda: self._transfer(url, bar), again, reached=lambda: size_of(self.part))
        self.part.replace(output_file)

    def _transfer(self, url: str, bar: Any) -> None:
        """Download what is missing, and raise if the connection breaks or the file is not as long as it should be."""
        arrived = size_of(self.part)
        if arrived == self.size:
            return
        if arrived > self.size:
            self.part.unlink()
            arrived = 0
        headers = HEADERS | ({"Range": f"bytes={arrived}-"} if arrived else {})
        with requests.get(url, headers=headers, stream=True, timeout=self.patience.timeout_s) as answer:
            right = answer.headers.get("Content-Range", "").startswith(f"bytes {arrived}-")
            if arrived and (answer.status_code == 416 or (answer.status_code == 206 and not right)):
                self.part.unlink()
                raise requests.ConnectionError("the server does not give the rest of the file")
            answer.raise_for_status()
            if answer.status_code != 206:  # the server knows no ranges and starts from the beginning
                arrived = 0
            offered = arrived + int(answer.headers.get("Content-Length", self.size - arrived))
            if offered != self.size:
                raise requests.ConnectionError(f"the server offers {offered} bytes where {self.size} are expected")
            bar.update(arrived - bar.n)
            with self.part.open("ab" if arrived else "wb") as file:
                for block in answer.iter_content(BLOCK):
                    arrived += len(block)
                    if arrived > self.size:
                        break
                    file.write(block)
                    bar.update(len(block))
        if arrived > self.size:
            self.part.unlink()
            raise requests.ConnectionError(f"the server sends more than the {self.size} bytes that are expected")
        if arrived < self.size:
            raise requests.ConnectionError(f"the server stopped after {arrived} of {self.size} bytes")


def size_of(path: Path) -> int:
    """Return a file's size in bytes, 0 if there is none."""
    return path.stat().st_size if path.is_file() else 0


def reason(error: Exception) -> str:
    """Return an error's kind and text."""
    return f"{type(error).__name__}: {error}"
