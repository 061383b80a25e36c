"""Maps as GeoTIFF and polygons as GeoPackage or GeoJSON, refused if they do not lie on a grid in metres."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from landslide_utils.cube import CF_ATTRIBUTES
from landslide_utils.files import (
    InputError,
    as_path,
    atomic_write,
    find_folder_faults,
    find_kind_faults,
    refuse_existing,
)
from landslide_utils.grid import find_grid_faults

if TYPE_CHECKING:
    import geopandas as gpd

TAGS = ("region", "event_time", "simulated", "source", "orbit", "passes_before", "passes_after")
SHARES = ("share_mapped", "share_without_data", "share_layover", "share_shadow")
FORMATS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}


class ExportError(InputError):
    """A map that cannot be exported as asked."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("this map cannot be exported", faults)


def find_threshold_faults(threshold: float) -> list[str]:
    """Return what is wrong with a threshold: at 0 everything is a landslide, above 1 nothing."""
    if faults := find_kind_faults("a number", threshold=threshold):
        return faults
    return [] if 0 < threshold < 1 else [f"threshold={threshold}: must be more than 0 and less than 1"]


def refuse(faults: Sequence[str]) -> None:
    """Raise one error that lists all faults, if there are any."""
    if faults:
        raise ExportError(faults)


def plan_files(
    folder: str | os.PathLike[str], *, threshold: float | None = None, overwrite: bool = False
) -> dict[str, Path]:
    """Return the paths of a map's files, after refusing a bad threshold and files that are there already.

    Returns
    -------
    dict of pathlib.Path
        ``map`` (GeoTIFF), ``polygons`` (GeoPackage), ``polygons_in_degrees`` (GeoJSON), ``page`` (HTML).

    Raises
    ------
    ExportError
        Listing each file that exists, unless `overwrite`, a threshold that is not between 0 and 1, and a folder that
        cannot be written to.
    """
    names = {"map": "probability.tif", "polygons": "landslides.gpkg"}
    names |= {"polygons_in_degrees": "landslides.geojson", "page": "map.html"}
    paths = {kind: as_path(folder) / name for kind, name in names.items()}
    faults = find_folder_faults(folder) + ([] if threshold is None else find_threshold_faults(threshold))
    for path in paths.values():
        try:
            refuse_existing(path, overwrite=overwrite)
        except FileExistsError as error:
            faults.append(str(error))
    refuse(faults)
    return paths


def write_geotiff(
    probability: xr.DataArray, path: str | os.PathLike[str], *, threshold: float | None = None, overwrite: bool = False
) -> Path:
    """Write a map as cloud-optimised GeoTIFF and return its path.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        As :func:`landslide_utils.predict.map_scene` returns it. One that is lazy is never loaded whole.
    path : path
        Ends in ``.tif`` or ``.tiff``. The file appears whole or not at all.
    threshold : float, optional
        Noted in the file, for whoever draws polygons from it.
    overwrite : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ExportError
        Listing all that is wrong with the map, the threshold and the file's name.
    FileExistsError
        If the file exists and may not be replaced.

    Notes
    -----
    float32, NaN is no data; in tiles and with overviews, so that a part of it can be read, over a network too. Tags:
    ``units``, ``region``, ``event_time`` (UTC), ``simulated``, where known passes and orbit, and the shares of the
    scene.
    """
    import rasterio.shutil

    target = as_path(path)
    faults = find_grid_faults(probability, "the map") + ([] if threshold is None else find_threshold_faults(threshold))
    if target.suffix.lower() not in (".tif", ".tiff"):
        faults.append(f"{target.name} does not end in .tif or .tiff")
    refuse(faults)
    layer = probability.astype("float32").drop_attrs(deep=False).assign_attrs(_tags(probability, threshold))
    with atomic_write(target, overwrite=overwrite) as part:
        plain = part.with_name("plain.tif")
        layer.rio.write_nodata(np.nan).rio.to_raster(
            plain, driver="GTiff", tiled=True, lock=True, tags={"band_tags": [{"units": "1"}]}
        )
        # The predictor for floating point makes the file an eighth smaller here.
        rasterio.shutil.copy(
            plain, part, driver="COG", compress="deflate", predictor="floating_point", overview_resampling="average"
        )
    return target


def _tags(probability: xr.DataArray, threshold: float | None) -> dict[str, str]:
    known = {name: probability.attrs[name] for name in ("long_name", *TAGS, *SHARES) if name in probability.attrs}
    attrs = CF_ATTRIBUTES["probability"] | known
    tags = {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in attrs.items()}
    return tags | ({} if threshold is None else {"threshold": f"{threshold:.6g}"})


def write_polygons(polygons: gpd.GeoDataFrame, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write polygons as GeoPackage or GeoJSON and return the path.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        As :func:`landslide_utils.polygons.find_polygons` returns it.
    path : path
        Ends in ``.gpkg`` (their own coordinates) or ``.geojson`` (degrees, as RFC 7946 wants it). The file appears
        whole or not at all.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    ExportError
        If the polygons have no coordinate reference system, or the file's ending is another.
    FileExistsError
        If the file exists and may not be replaced.
    """
    target = as_path(path)
    faults = [] if getattr(polygons, "crs", None) else ["the polygons have no coordinate reference system"]
    if target.suffix.lower() not in FORMATS:
        faults.append(f"{target.name} ends in neither {' nor '.join(FORMATS)}")
    refuse(faults)
    driver = FORMATS[target.suffix.lower()]
    if driver == "GPKG":
        metadata = {name: str(value) for name, value in polygons.attrs.items()}
        options: dict[str, Any] = {"layer": "landslides", "layer_metadata": metadata}
    else:
        polygons = polygons.to_crs("EPSG:4326")
        options = {"DESCRIPTION": _sentence(polygons.attrs), "RFC7946": "YES"}
    with atomic_write(target, overwrite=overwrite) as part:
        polygons.to_file(part, driver=driver, engine="pyogrio", geometry_type="MultiPolygon", **options)
    return target


def _sentence(attrs: dict[str, Any]) -> str:
    """Return one sentence that says what a file holds."""
    radar = "simulated radar" if attrs.get("simulated") else "radar"
    event = f"{attrs.get('region')}, event {attrs.get('event_time')} UTC"
    return f"Landslides mapped from {radar}, {event}, threshold {attrs['threshold']:.3g}"
