"""Images in a folder: OPERA RTC-S1 GeoTIFFs (Sentinel-1, C-band) and NISAR GCOV files (L-band), found, read from name and header, and checked."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from pyproj import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from shapely import box

from landslide_utils.grid import find_crs_faults, find_pixel_faults
from landslide_utils.sources.passes import NAMES, Granule, direction_of

OPERA = re.compile(
    r"OPERA_L2_RTC-S1_(?P<burst>T(?P<track>\d{3})-\d{6}-IW[123])_(?P<start>\d{8}T\d{6})Z_(?P<produced>\d{8}T\d{6})Z_"
    r"(?P<satellite>S1[A-D])_(?P<spacing>\d+)_v(?P<version>[\d.]+)_(?P<sent>VV|VH|HH|HV)\.tif",
)
"""OPERA's naming: burst (track, number, swath), start of acquisition, time of processing, satellite, pixel spacing in metres, version, layer."""

GRIDS = "science/LSAR/GCOV/grids/frequencyA"
IDENTIFICATION = "science/LSAR/identification"
RTC = "science/LSAR/GCOV/metadata/processingInformation/parameters"
DIAGONAL = {"HHHH": "HH", "VVVV": "VV", "HVHV": "HV", "VHVH": "VH"}
"""Terms of the covariance matrix that are powers, and their polarisation."""

ADVICE = "pip install 'landslide-utils[event]'"


class MissingExtraError(ImportError):
    """A package that only one's own event needs is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed; a cube of your own event needs it: {ADVICE}")


def find_granules(folder: Path) -> tuple[list[Granule], list[str]]:
    """Find the images in a folder and below it.

    Parameters
    ----------
    folder : pathlib.Path
        Holds OPERA RTC-S1 GeoTIFFs, or NISAR GCOV files ending in ``.h5``, under the names they were delivered with.

    Returns
    -------
    (list of Granule, list of str)
        The images, and everything that is wrong with the folder; pixels are not read.

    References
    ----------
    OPERA RTC-S1 product specification, NASA/JPL D-108758; NISAR L2 GCOV product specification, NASA/JPL D-102274.
    """
    if not folder.is_dir():
        return [], [f"radar={str(folder)!r} is not a folder; give the folder with the GeoTIFFs, or a Catalogue"]
    faults: list[str] = []
    tifs = [(path, found) for path in sorted(folder.rglob("*.tif")) if (found := OPERA.fullmatch(path.name))]
    cubes = sorted(folder.rglob("*.h5"))
    if not tifs and not cubes:
        other = sum(1 for path in folder.rglob("*") if path.is_file())
        return [], [
            f"no image in {folder} ({other} other files): names such as "
            "OPERA_L2_RTC-S1_T137-292320-IW2_20211119T015900Z_20250830T120333Z_S1A_30_v1.0_VV.tif or NISAR_..._GCOV_....h5 are needed"
        ]
    granules = _opera(tifs, faults)
    for path in cubes:
        granule = _gcov(path, faults)
        granules += [granule] if granule else []
    return granules, faults


def _opera(tifs: list[tuple[Path, re.Match[str]]], faults: list[str]) -> list[Granule]:
    """Read the headers of GeoTIFFs and put the polarisations of one image together."""
    images: dict[str, dict[str, Path]] = defaultdict(dict)
    headers: dict[str, dict[str, Any]] = {}
    names: dict[str, re.Match[str]] = {}
    sizes: Counter[float] = Counter()
    for path, found in tifs:
        try:
            with rasterio.open(path) as source:
                header = {"crs": source.crs, "transform": source.transform, "bounds": source.bounds} | source.tags()
        except RasterioError as error:
            faults.append(f"{path.name} cannot be read ({error}); it is damaged or half copied: get it again")
            continue
        wrong = _find_grid_faults(header["crs"], header["transform"], path.name)
        faults += wrong
        if not wrong:
            sizes[round(header["transform"].a, 3)] += 1
            name = path.name[: found.start("sent") - 1]
            images[name][found["sent"]] = path
            headers[name], names[name] = header, found
    if len(sizes) > 1:
        counted = ", ".join(f"{count} of {size:g} m" for size, count in sizes.most_common())
        faults.append(f"the GeoTIFFs have pixels of different sizes ({counted}); keep one kind in the folder")
    granules = []
    for name, parts in images.items():
        found = names[name]
        header, instant = headers[name], dt.datetime.strptime(found["start"], "%Y%m%dT%H%M%S")
        footprint = box(*transform_bounds(header["crs"], "EPSG:4326", *header["bounds"]))
        orbit = str(header.get("ORBIT_PASS_DIRECTION", "")).lower()
        files, sent = choose_polarisations({p: str(path) for p, path in parts.items()})
        granules.append(
            Granule(
                name=name,
                image=f"{found['burst']} {found['start']}",
                instant=instant,
                orbit={"a": "ascending", "d": "descending"}.get(orbit[:1])
                or direction_of(instant, footprint.centroid.x),
                relative_orbit=int(found["track"]),
                files=files,
                polarisations=sent,
                footprint=footprint,
                produced=found["produced"],
                size=sum(Path(path).stat().st_size for path in files.values()),
                simulated=str(header.get("SIMULATED", "")).lower() == "true",
            )
        )
    return granules


def _find_grid_faults(crs: Any, transform: Affine, name: str) -> list[str]:
    """List what keeps a file's grid from being used: no coordinate reference system, degrees, pixels that are not square."""
    remedy = "write it into the file, for example with gdal_edit.py -a_srs EPSG:..."
    return find_crs_faults(crs, name, remedy) or find_pixel_faults(transform, name)


def choose_polarisations(files: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Give each file the project's name; where all four polarisations are there, VV and VH are taken.

    Parameters
    ----------
    files : mapping
        From VV, VH, HH or HV to a file.

    Returns
    -------
    (dict, dict)
        From ``vv`` and ``vh`` to the file, and to what it really is.
    """
    order = ("HH", "HV", "VV", "VH")  # the later of a name wins
    named = {NAMES[sent]: sent for sent in order if sent in files}
    return {name: files[sent] for name, sent in named.items()}, named


def _gcov(path: Path, faults: list[str]) -> Granule | None:
    """Read identification and grid of a NISAR GCOV file."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("h5py") from None
    try:
        with h5py.File(path) as file:
            said = {
                key: _text(file[IDENTIFICATION][key])
                for key in ("orbitPassDirection", "trackNumber", "zeroDopplerStartTime")
            }
            frame, produced = (_text(file[IDENTIFICATION].get(key)) for key in ("frameNumber", "processingDateTime"))
            convention = _convention(file)
            grid = file[GRIDS]
            terms = {DIAGONAL[term]: term for term in DIAGONAL if term in grid}
            crs, transform, (height, width) = gcov_grid(grid)
            size = sum(grid[term].id.get_storage_size() for term in terms.values())
            simulated = bool(file.attrs.get("simulated", False))
    except (OSError, KeyError, ValueError) as error:
        faults.append(
            f"{path.name} cannot be read as NISAR GCOV ({error}); it is damaged or another product: get it again"
        )
        return None
    wrong = _find_grid_faults(crs, transform, path.name)
    if not terms:
        wrong.append(f"{path.name} has none of {', '.join(DIAGONAL)} in {GRIDS}")
    if "gamma" not in convention.lower():
        wrong.append(f"{path.name} holds {convention}, where gamma0 in linear power is needed")
    faults += wrong
    if wrong:
        return None
    west, south, east, north = rasterio.transform.array_bounds(height, width, transform)
    files, sent = choose_polarisations({p: str(path) for p in terms})
    instant = dt.datetime.fromisoformat(said["zeroDopplerStartTime"][:26].rstrip("Z"))
    return Granule(
        name=path.name,
        image=f"{said['trackNumber']} {frame} {said['zeroDopplerStartTime'][:19]}",
        instant=instant,
        orbit=said["orbitPassDirection"].lower(),
        relative_orbit=int(said["trackNumber"]),
        files=files,
        polarisations=sent,
        footprint=box(*transform_bounds(crs, "EPSG:4326", west, south, east, north)),
        produced=produced,
        band="L",
        size=size,
        simulated=simulated,
    )


def _convention(file: Any) -> str:
    """Return what kind of backscatter a GCOV file says it holds; its place differs between versions of the product."""
    key = "outputBackscatterNormalizationConvention"
    parameters = file.get(RTC, {})
    found = parameters.get(f"rtc/{key}", parameters.get(key))
    return _text(found) if found is not None else "backscatter of unknown convention"


def _text(value: Any) -> str:
    """Return a scalar of an HDF5 file as text."""
    found = value[()] if value is not None else ""
    return found.decode() if isinstance(found, bytes) else str(found)


def gcov_grid(grid: Any) -> tuple[CRS, Affine, tuple[int, int]]:
    """Return coordinate reference system, transform and shape of a GCOV group; its coordinates are the pixels' centres."""
    x, y = (np.asarray(grid[name][()], float) for name in ("xCoordinates", "yCoordinates"))
    projection = grid["projection"]
    code = projection.attrs.get("epsg_code", projection[()])
    step_x, step_y = ((axis[-1] - axis[0]) / (len(axis) - 1) for axis in (x, y))
    transform = Affine(step_x, 0, x[0] - step_x / 2, 0, step_y, y[0] - step_y / 2)
    return CRS.from_epsg(int(code)), transform, (len(y), len(x))
