"""GeoTIFFs that others made, opened as GeoTIFFs only: whatever a file is called or says, no other file is asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import rasterio
from rasterio.errors import RasterioIOError

from landslide_utils.files import in_bytes
from landslide_utils.sources.fetch import MOST_OBJECT_BYTES

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
VSI = {"http": "/vsicurl/http://", "https": "/vsicurl/https://", "s3": "/vsis3/", "gs": "/vsigs/", "az": "/vsiaz/"}
"""GDAL's names for addresses on a network."""

RADAR = "power (gamma nought, linear) as floating-point numbers"
ELEVATION = "elevation in metres as real numbers"
SET_CRS = "write it into the file, for example with gdal_edit.py (-a_srs, -a_ullr)"


def gdal_name(href: str) -> str:
    """Return the name under which GDAL opens a path or address as GeoTIFF and as nothing else.

    ``GTIFF_RAW`` allows no other driver: a VRT would name more files and servers. GDAL looks for no file of overviews,
    masks or metadata beside what it reads through ``/vsisubfile/``.
    """
    scheme = urlsplit(href).scheme
    path = f"{VSI[scheme]}{href.split('://', 1)[-1]}" if scheme in VSI else str(Path(href).absolute())
    return f"GTIFF_RAW:/vsisubfile/0,{path}"


def open_geotiff(href: str) -> rasterio.DatasetReader:
    """Return an open GeoTIFF.

    RasterioIOError if there is none; of a path, the first bytes are looked at before GDAL is asked.
    """
    if urlsplit(href).scheme not in VSI:
        if href.startswith("/vsi") or not Path(href).is_file():
            raise RasterioIOError("there is no such file")
        with Path(href).open("rb") as file:
            if file.read(4) not in TIFF:
                raise RasterioIOError("its first bytes are not a GeoTIFF's; other kinds, such as VRT, are not opened")
    return rasterio.open(gdal_name(href), sharing=False)


def find_geotiff_faults(source: Any, name: str, needed: str) -> list[str]:
    """List what keeps a GeoTIFF from being read: other numbers than needed, no place, overviews in another file."""
    kinds = {str(kind) for kind in source.dtypes}
    wrong = {kind for kind in kinds if kind.startswith("complex") or (needed == RADAR and "float" not in kind)}
    faults = [f"{name} holds {', '.join(sorted(wrong))}; {needed} is needed"] if wrong else []
    faults += [] if source.count == 1 else [f"{name} has {source.count} bands; one band of {needed} is needed"]
    if (largest := max(8 * math.prod(shape) for shape in source.block_shapes)) > MOST_OBJECT_BYTES:
        faults.append(f"{name} has tiles or strips of {in_bytes(largest)}; copy it with gdal_translate -co TILED=YES")
    if source.crs is None or source.transform.is_identity:
        missing = "coordinate reference system" if source.crs is None else "transform from pixels to coordinates"
        faults.append(f"{name} has no {missing}; {SET_CRS}")
    if "OVERVIEW_FILE" in source.tags(ns="OVERVIEWS"):
        faults.append(f"{name} names another file for its overviews, which is not opened; copy it with gdal_translate")
    return faults
