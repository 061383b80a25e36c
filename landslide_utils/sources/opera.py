"""Images in a folder, found and checked: OPERA RTC-S1 GeoTIFFs (Sentinel-1, C-band), and NISAR GCOV files."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import shapely
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from landslide_utils.grid import find_crs_faults, find_pixel_faults
from landslide_utils.sources.nisar import read_gcov
from landslide_utils.sources.passes import Granule, choose_polarisations, direction_of
from landslide_utils.sources.raster import RADAR, SET_CRS, find_geotiff_faults, open_geotiff

OPERA = re.compile(
    r"(?P<name>OPERA_L2_RTC-S1_(?P<burst>T(?P<track>\d{3})-\d{6}-IW[123])_(?P<start>\d{8}T\d{6})Z_"
    r"(?P<produced>\d{8}T\d{6})Z_S1[A-D]_\d+_v[\d.]+)_(?P<sent>VV|VH|HH|HV)\.tif",
)
"""Burst (track, number, swath), start of acquisition, time of processing, satellite, pixel size in metres, version and
layer, in the names of OPERA's files."""
EXAMPLE = "OPERA_L2_RTC-S1_T137-292320-IW2_20211119T015900Z_20250830T120333Z_S1A_30_v1.0_VV.tif"


def find_granules(folder: Path) -> tuple[list[Granule], list[str]]:
    """Return the images in a folder and below it, and everything that is wrong with it; pixels are not read.

    They are OPERA RTC-S1 GeoTIFFs, or NISAR GCOV files ending in ``.h5``, under the names they were delivered with.
    Their description is the OPERA RTC-S1 product specification, NASA/JPL D-108758.
    """
    if not folder.is_dir():
        return [], [f"radar={str(folder)!r} is not a folder; give the folder with the GeoTIFFs, or a Catalogue"]
    tifs = [(path, name) for path in sorted(folder.rglob("*.tif")) if (name := OPERA.fullmatch(path.name))]
    gcovs = sorted(folder.rglob("*.h5"))
    if not tifs and not gcovs:
        others = sum(1 for path in folder.rglob("*") if path.is_file())
        names = f"names such as {EXAMPLE} or NISAR_..._GCOV_....h5 are needed"
        return [], [f"no image in {folder} ({others} other files): {names}"]
    granules, faults = _read_geotiffs(tifs)
    for path in gcovs:
        images, image_faults = read_gcov(path)
        granules, faults = [*granules, *images], [*faults, *image_faults]
    return granules, faults


def _read_geotiffs(tifs: list[tuple[Path, re.Match[str]]]) -> tuple[list[Granule], list[str]]:
    """Return the images that GeoTIFFs hold, their polarisations put together, and what is wrong with the files."""
    files: dict[str, dict[str, str]] = defaultdict(dict)
    images: dict[str, tuple[re.Match[str], dict[str, Any]]] = {}
    sizes: Counter[float] = Counter()
    faults = []
    for path, name in tifs:
        try:
            dt.datetime.strptime(name["start"], "%Y%m%dT%H%M%S")
            with open_geotiff(str(path)) as source:
                header = source.tags() | {"crs": source.crs, "bounds": source.bounds}
                transform, other = source.transform, find_geotiff_faults(source, path.name, RADAR)
        except (RasterioError, OSError, ValueError) as error:
            faults.append(f"{path.name} cannot be read ({error}); it is damaged or half copied: get it again")
            continue
        wrong = find_crs_faults(header["crs"], path.name, SET_CRS) or find_pixel_faults(transform, path.name) or other
        faults += wrong
        if not wrong:
            sizes[round(transform.a, 3)] += 1
            files[name["name"]][name["sent"]] = str(path)
            images[name["name"]] = name, header
    if len(sizes) > 1:
        counts = ", ".join(f"{count} of {size:g} m" for size, count in sizes.most_common())
        faults.append(f"the GeoTIFFs have pixels of different sizes ({counts}); keep one kind in the folder")
    return [_granule(name, header, files[key]) for key, (name, header) in images.items()], faults


def _granule(name: re.Match[str], header: dict[str, Any], files: dict[str, str]) -> Granule:
    """Return one image as its name and the header of a file describe it; `files` has the file of each polarisation."""
    instant = dt.datetime.strptime(name["start"], "%Y%m%dT%H%M%S")
    footprint = shapely.box(*transform_bounds(header["crs"], "EPSG:4326", *header["bounds"]))
    orbit = str(header.get("ORBIT_PASS_DIRECTION", "")).lower()[:1]
    chosen, polarisations = choose_polarisations(files)
    return Granule(
        name=name["name"],
        image=f"{name['burst']} {name['start']}",
        instant=instant,
        orbit={"a": "ascending", "d": "descending"}.get(orbit) or direction_of(instant, footprint.centroid.x),
        relative_orbit=int(name["track"]),
        files=chosen,
        polarisations=polarisations,
        footprint=footprint,
        produced=name["produced"],
        size=sum(Path(path).stat().st_size for path in chosen.values()),
        simulated=str(header.get("SIMULATED", "")).lower() == "true",
    )
