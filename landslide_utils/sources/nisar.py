"""NISAR GCOV files (L-band): what one says of itself, and its backscatter, lazily."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import rioxarray  # noqa: F401  (gives xarray objects their .rio)
import shapely
import xarray as xr
from rasterio.warp import transform_bounds

from landslide_utils.files import MOST_FILE_BYTES, check_file, in_bytes
from landslide_utils.grid import find_crs_faults, find_pixel_faults, transform_of
from landslide_utils.sources.fetch import MOST_OBJECT_BYTES
from landslide_utils.sources.passes import Granule, MissingExtraError, choose_polarisations
from landslide_utils.sources.raster import RADAR

GRIDS = "science/LSAR/GCOV/grids/frequencyA"
IDENTIFICATION = "science/LSAR/identification"
RTC = "science/LSAR/GCOV/metadata/processingInformation/parameters"
CONVENTION = "outputBackscatterNormalizationConvention"
DIAGONAL = {"HHHH": "HH", "VVVV": "VV", "HVHV": "HV", "VHVH": "VH"}
"""Terms of the covariance matrix that are powers, and their polarisation."""


def open_gcov(path: str | Path) -> xr.Dataset:
    """Return the powers of a GCOV file, lazily: those of HH, HV, VV and VH that it has (y, x), on its own grid."""
    grids = xr.open_dataset(path, group=GRIDS, engine="h5netcdf", phony_dims="access", chunks={})
    powers = {sent: grids[term].drop_attrs() for term, sent in DIAGONAL.items() if term in grids}
    crs = int(grids["projection"].attrs.get("epsg_code", grids["projection"]))
    axes = {"yCoordinates": "y", "xCoordinates": "x"}
    placed: xr.Dataset = xr.Dataset(powers, grids[list(axes)].coords).rename(axes).rio.write_crs(crs)
    return placed


def find_foreign(path: str | Path) -> list[str]:
    """List the parts of an HDF5 file whose content lies in another file."""
    import h5py

    found: list[str] = []

    def look(name: str, link: Any) -> None:
        part = file[name] if isinstance(link, h5py.HardLink) else link
        virtual = isinstance(part, h5py.Dataset) and (part.is_virtual or part.external)
        if virtual or isinstance(part, h5py.ExternalLink):
            found.append(name)

    with h5py.File(path) as file:
        file.visititems_links(look)
    return found


def read_gcov(path: Path) -> tuple[list[Granule], list[str]]:
    """Return what a GCOV file says of itself, and everything that is wrong with it; pixels are not read.

    The files are described in the NISAR L2 GCOV product specification, NASA/JPL D-102274.
    """
    try:
        import h5netcdf  # noqa: F401  (xarray's own error does not say what to install)
        import h5py
    except ImportError as error:
        raise MissingExtraError(str(error.name)) from None
    try:
        if foreign := find_foreign(check_file(path, MOST_FILE_BYTES)):
            parts = ", ".join(foreign[:3])
            return [], [f"{path.name} keeps {parts} in another file, which is not opened; get it again whole"]
        powers = open_gcov(path)
        with h5py.File(path) as file:
            identification, parameters = file[IDENTIFICATION], file.get(RTC, {})
            orbit, track, start = (
                _text(identification[key]) for key in ("orbitPassDirection", "trackNumber", "zeroDopplerStartTime")
            )
            frame, produced = (_text(identification.get(key)) for key in ("frameNumber", "processingDateTime"))
            # its place differs between versions of the product
            convention = _text(parameters.get(f"rtc/{CONVENTION}", parameters.get(CONVENTION)))
            simulated = bool(file.attrs.get("simulated", False))
        number, instant = int(track), dt.datetime.fromisoformat(start[:26].rstrip("Z"))
    except Exception as error:  # whatever a damaged file makes of HDF5
        advice = "it is damaged or another product: get it again"
        return [], [f"{path.name} cannot be read as NISAR GCOV ({error}); {advice}"]
    faults = find_crs_faults(powers.rio.crs, path.name) or find_pixel_faults(transform_of(powers), path.name)
    if not powers:
        faults.append(f"{path.name} has none of {', '.join(DIAGONAL)} in {GRIDS}")
    largest = max([8 * math.prod(power.encoding.get("chunksizes") or ()) for power in powers.values()], default=0)
    if largest > MOST_OBJECT_BYTES:
        faults.append(f"{path.name} has chunks of {in_bytes(largest)}; rechunk it, for example with h5repack")
    if wrong := {str(power.dtype) for power in powers.values() if power.dtype.kind != "f"}:
        faults.append(f"{path.name} holds {', '.join(sorted(wrong))}; {RADAR} is needed")
    if any(power.dims != ("y", "x") for power in powers.values()):
        faults.append(f"{path.name} has images without a row and a column for each pixel; get it again")
    if "gamma" not in convention.lower():
        kind = convention or "backscatter of unknown convention"
        faults.append(f"{path.name} holds {kind}, where gamma0 in linear power is needed")
    if faults:
        return [], faults
    files, polarisations = choose_polarisations({str(sent): str(path) for sent in powers})
    granule = Granule(
        name=path.name,
        image=f"{track} {frame} {start[:19]}",
        instant=instant,
        orbit=orbit.lower(),
        relative_orbit=number,
        files=files,
        polarisations=polarisations,
        footprint=shapely.box(*transform_bounds(powers.rio.crs, "EPSG:4326", *powers.rio.bounds(recalc=True))),
        produced=produced,
        band="L",
        size=path.stat().st_size,
        simulated=simulated,
    )
    return [granule], []


def _text(value: Any) -> str:
    """Return a scalar of an HDF5 file as text; it is empty where there is none."""
    content = "" if value is None else value[()]
    return content.decode() if isinstance(content, bytes) else str(content)
