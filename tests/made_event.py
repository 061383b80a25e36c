"""A small made-up event: images under OPERA's names, GCOV files, elevation, polygons, and a STAC API with them."""

from __future__ import annotations

import datetime as dt
import gzip
import http.server
import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from rasterio.warp import transform_bounds
from shapely import box

EVENT = "2018-09-05T18:07:59"
PIXEL = 30.0
CRS = "EPSG:32654"
LEFT, TOP = 501_000.0, 4_731_000.0  # multiples of 30, about 141.0 E 42.7 N
SHAPE = (80, 90)
INNER = (LEFT + 300, TOP - 2100, LEFT + 2400, TOP - 300)  # the box: 60 x 70 pixels inside the images
PASSES = {  # track: instants; the third of the first track is on the event's own day, after it
    46: ["20180824T204200", "20180830T204200", "20180905T204200", "20180911T204200"],
    68: ["20180902T084100", "20180914T084100"],
}


def box_degrees() -> list[float]:
    """Return a box that, snapped to 30 m, covers INNER; its edges bulge a little in UTM."""
    west, south, east, north = transform_bounds(CRS, "EPSG:4326", *INNER)
    return [west, south, east, north]


def power(track: int, index: int, polarisation: str) -> np.ndarray:
    """Return an image: smooth, different for each pass and polarisation."""
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    level = {"VV": 0.2, "VH": 0.05, "HH": 0.2, "HV": 0.05}[polarisation]
    return (level * (1 + 0.01 * track + 0.1 * index + 0.002 * rows + 0.003 * cols)).astype("float32")


def write_tif(
    path: Path,
    data: np.ndarray,
    *,
    top: float = TOP,
    left: float = LEFT,
    tags: dict[str, str] | None = None,
    **profile: Any,
) -> Path:
    """Write one band as a GeoTIFF."""
    settings = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "nodata": np.nan, "crs": CRS, "compress": "deflate",
        "transform": Affine(PIXEL, 0, left, 0, -PIXEL, top), "height": data.shape[0], "width": data.shape[1],
    } | profile  # fmt: skip
    with rasterio.open(path, "w", **settings) as target:
        target.update_tags(**(tags or {}))
        target.write(data, 1)
    return path


def opera_name(
    track: int, start: str, polarisation: str, *, burst: int = 100_000, produced: str = "20250101T000000"
) -> str:
    return f"OPERA_L2_RTC-S1_T{track:03d}-{burst:06d}-IW2_{start}Z_{produced}Z_S1A_30_v1.0_{polarisation}.tif"


def write_folder(folder: Path) -> Path:
    """Write all passes. The first has two bursts that overlap; one has an older version that must not be used."""
    folder.mkdir(parents=True)
    for track, starts in PASSES.items():
        for index, start in enumerate(starts):
            for polarisation in ("VV", "VH"):
                image = power(track, index, polarisation)
                if (track, index) == (46, 0):
                    later = start[:-2] + "03"
                    write_tif(folder / opera_name(track, start, polarisation), image[:45])
                    write_tif(
                        folder / opera_name(track, start, polarisation, produced="20190101T000000"), image[:45] * 7
                    )
                    second = image[40:].copy()
                    second[:3] = 0  # no data, as some processors write it; the first burst has these rows
                    write_tif(
                        folder / opera_name(track, later, polarisation, burst=100_001), second, top=TOP - 40 * PIXEL
                    )
                else:
                    write_tif(folder / opera_name(track, start, polarisation), image)
    return folder


def elevation_at(easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
    """Return the made-up ground: a tilted plane, so that bilinear resampling changes nothing."""
    return 200 + 0.3 * (easting - LEFT) + 0.1 * (TOP - northing)


def write_dem(path: Path, *, pixel: float = 20.0, **profile: Any) -> Path:
    """Write elevation on a grid of its own: other pixels, other corner."""
    height = width = 200
    left, top = LEFT - 507, TOP + 313
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    data = elevation_at(left + pixel * cols, top - pixel * rows).astype("float32")
    return write_tif(path, data, transform=Affine(pixel, 0, left, 0, -pixel, top), **profile)


def landslides() -> gpd.GeoDataFrame:
    """Return three landslides in the box and one outside, in degrees."""
    places = [(600, 600, 200), (1200, 900, 150), (1500, 1500, 300), (9000, 9000, 300)]
    shapes = [box(LEFT + x, TOP - y - size, LEFT + x + size, TOP - y) for x, y, size in places]
    return gpd.GeoDataFrame({"id": range(4)}, geometry=shapes, crs=CRS).to_crs("EPSG:4326")


def write_gcov(path: Path, index: int, start: str, *, convention: str = "gamma0", pixel: float = 20.0) -> Path:
    """Write a NISAR GCOV file in the groups of the product specification: HH, HV, and a complex term of no use here."""
    import h5py

    height, width = 130, 140
    left, top = LEFT - 100, TOP + 60
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    with h5py.File(path, "w") as file:
        who = file.create_group("science/LSAR/identification")
        instant = dt.datetime.strptime(start, "%Y%m%dT%H%M%S").isoformat() + ".000000000"
        for key, value in (
            ("orbitPassDirection", "Descending"),
            ("zeroDopplerStartTime", instant),
            ("processingDateTime", "2026-01-01T00:00:00"),
            ("productType", "GCOV"),
        ):
            who[key] = np.bytes_(value)
        who["trackNumber"], who["frameNumber"] = np.uint32(77), np.uint16(12)
        rtc = file.create_group("science/LSAR/GCOV/metadata/processingInformation/parameters/rtc")
        rtc["outputBackscatterNormalizationConvention"] = np.bytes_(convention)
        grid = file.create_group("science/LSAR/GCOV/grids/frequencyA")
        grid["xCoordinates"] = left + pixel * (np.arange(width) + 0.5)
        grid["yCoordinates"] = top - pixel * (np.arange(height) + 0.5)
        grid["projection"] = np.uint32(32654)
        grid["projection"].attrs["epsg_code"] = 32654
        for term, level in (("HHHH", 0.2), ("HVHV", 0.05)):
            data = level * (1 + 0.1 * index + 1e-4 * pixel * cols + 2e-4 * pixel * rows)
            data[:5] = np.nan
            grid.create_dataset(term, data=data.astype("float32"), chunks=(64, 64), compression="gzip")
            grid[term].dims[0].attach_scale(grid["yCoordinates"])
            grid[term].dims[1].attach_scale(grid["xCoordinates"])
        grid["HHHV"] = np.zeros((height, width), "complex64")
    return path


def stac_items(folder: Path, address: str) -> list[dict[str, Any]]:
    """Describe the images of a folder as a catalogue does, with lies about their grids as catalogues have told."""
    images: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("OPERA*.tif")):
        stem, polarisation = path.stem.rsplit("_", 1)
        images.setdefault(stem, {})[polarisation.lower()] = path.name
    items = []
    for stem, files in images.items():
        with rasterio.open(folder / next(iter(files.values()))) as source:
            bounds = list(transform_bounds(source.crs, "EPSG:4326", *source.bounds))
        track, start = int(stem.split("_T")[1][:3]), stem.split("_")[4]
        properties = {
            "datetime": dt.datetime.strptime(start, "%Y%m%dT%H%M%SZ").isoformat() + "Z",
            "sat:orbit_state": {46: "descending", 68: "ascending"}[track],
            "sat:relative_orbit": track,
            "updated": stem.split("_")[5],
            "proj:epsg": 32601, "proj:shape": [3, 3], "proj:transform": [1, 0, 0, 0, -1, 0],
        }  # fmt: skip
        items.append(
            _item(
                "sentinel-1-rtc",
                stem,
                bounds,
                properties,
                {key: f"{address}/files/{name}" for key, name in files.items()},
            )
        )
    bounds = list(transform_bounds(CRS, "EPSG:4326", LEFT - 500, TOP - 3700, LEFT + 3500, TOP + 300))
    items.append(
        _item(
            "cop-dem-glo-30", "dem", bounds, {"datetime": "2021-04-22T00:00:00Z"}, {"data": f"{address}/files/dem.tif"}
        )
    )
    return items


def _item(
    collection: str, name: str, bounds: list[float], properties: dict[str, Any], assets: dict[str, str]
) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection, "bbox": bounds,
        "properties": properties,
        "geometry": box(*bounds).__geo_interface__, "links": [], "stac_extensions": [],
        "assets": {key: {"href": href, "type": "image/tiff; application=geotiff"} for key, href in assets.items()},
    }  # fmt: skip


class Api(http.server.ThreadingHTTPServer):
    """A STAC API with item search, and its files by ranges. ``mood`` makes it behave badly."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.mood, self.body, self.asked = folder, "", b"", list[dict[str, Any]]()
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.items = stac_items(folder, self.address)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, question: dict[str, Any] | None = None) -> None:
        mood = self.server.mood
        if self.path.startswith("/files/"):
            self._send_file(self.server.folder / unquote(urlsplit(self.path).path.removeprefix("/files/")))
        elif mood == "silent":
            time.sleep(3)
        elif mood == "drip":
            self._drip()
        elif mood == "error":
            self._send(b"the database is down", status=500)
        elif mood == "bomb":
            self._send(gzip.compress(bytes(10**8), 1), packed="gzip")
        elif mood == "elsewhere":
            self._send(b"", status=302, sent_on=f"http://localhost:{self.server.server_port}/other")
        elif mood == "deep":
            self._send(b"[" * 100_000)
        elif mood == "html":
            self._send(b"<html>Please log in</html>", kind="text/html")
        elif mood == "body" and self.path.startswith("/search"):
            self._send(self.server.body, kind="application/geo+json")
        elif self.path.startswith("/search"):
            self._send(json.dumps(self._found(question or {})).encode(), kind="application/geo+json")
        else:
            self._send(json.dumps(self._landing(mood)).encode())

    def _landing(self, mood: str) -> dict[str, Any]:
        classes = ["https://api.stacspec.org/v1.0.0/core"] + (
            [] if mood == "static" else ["https://api.stacspec.org/v1.0.0/item-search"]
        )
        address = self.server.address
        links = [{"rel": "self", "href": address}, {"rel": "root", "href": address}]
        links += [
            {"rel": "search", "href": f"{address}/search", "type": "application/geo+json", "method": method}
            for method in ("GET", "POST")
        ]
        return {
            "type": "Catalog",
            "stac_version": "1.0.0",
            "id": "made",
            "description": "made",
            "conformsTo": classes,
            "links": links,
        }

    def _found(self, question: dict[str, Any]) -> dict[str, Any]:
        self.server.asked.append(question)
        asked = box(*question["bbox"])
        period = question.get("datetime")
        first, last = period.split("/") if period else ("0", "9")
        items = [
            item
            for item in self.server.items
            if item["collection"] in question["collections"]
            and asked.intersects(box(*item["bbox"]))
            and (not period or first <= item["properties"]["datetime"] <= last)
        ]
        return {"type": "FeatureCollection", "features": items, "links": []}

    def _send(
        self, body: bytes, *, status: int = 200, kind: str = "application/json", packed: str = "", sent_on: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in (("Content-Encoding", packed), ("Location", sent_on)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(40):
            try:
                self.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.1)

    def _send_file(self, path: Path) -> None:
        if self.server.mood == "stuck":
            return self._drip()
        if self.server.mood.startswith("http"):  # each file is elsewhere
            return self._send(b"", status=302, sent_on=self.server.mood + self.path)
        if self.server.mood == "moved" and not self.path.endswith("?again"):
            return self._send(b"", status=307, sent_on=f"{self.path}?again")
        if not path.exists() or self.server.mood == "forbidden":
            return self._send(b"no", status=403 if path.exists() else 404)
        body = path.read_bytes()
        part = self.headers.get("Range", "").removeprefix("bytes=")
        first, _, last = part.partition("-")
        start, stop = int(first or 0), min(int(last or len(body) - 1), len(body) - 1) + 1
        self.send_response(206 if part else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        if part:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(body)}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[start:stop])
        return None
