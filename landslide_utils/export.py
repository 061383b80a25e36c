"""From a map of probabilities to files that others open: a GeoTIFF, polygons, and the table that is asked for first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.transform import Affine, from_origin
from scipy import ndimage
from sklearn.metrics import precision_recall_curve

from landslide_utils import terrain
from landslide_utils.files import whole

if TYPE_CHECKING:
    import geopandas as gpd

ON_GRID_TOLERANCE = 1e-3
CONFIDENCE = ("low", "medium", "high")
NEIGHBOURS = np.ones((3, 3), bool)  # pixels that touch at a corner belong together
TAGS = ("region", "event_time", "simulated", "source", "orbit", "passes_before", "passes_after")
SHARES = ("share_mapped", "share_without_data", "share_layover", "share_shadow")
FORMATS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}
CELL_M = 1000.0


class ExportError(ValueError):
    """A map that cannot be exported as asked. ``faults`` lists everything that is wrong, not only the first."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("this map cannot be exported:\n" + "\n".join(f"  - {fault}" for fault in faults))


def _crs(probability: xr.DataArray) -> CRS | None:
    """Return the coordinate reference system of a map, from its attribute or as rioxarray keeps it."""
    import rioxarray  # noqa: F401  (gives xarray objects their .rio)

    text = probability.attrs.get("crs")
    return CRS.from_user_input(text) if text else probability.rio.crs


def _transform(probability: xr.DataArray) -> Affine:
    """Return what turns (column, row) into map coordinates; (0, 0) is the upper left corner of the first pixel, while coordinates are centres."""
    x, y = (probability[axis].values.astype(float) for axis in ("x", "y"))
    wide, high = ((line[-1] - line[0]) / (len(line) - 1) for line in (x, y))
    return from_origin(x[0] - wide / 2, y[0] - high / 2, wide, -high)


def _grid_faults(probability: xr.DataArray) -> list[str]:
    """List what keeps a map from being put on the ground in metres."""
    faults: list[str] = []
    try:
        crs = _crs(probability)
        advice = "set one, for example probability.attrs['crs'] = 'EPSG:32654'"
        if crs is None:
            faults.append(f"the map has no coordinate reference system; {advice}")
        elif crs.is_geographic:
            faults.append(
                f"the map is in degrees ({crs.to_string()}); areas and slopes need metres: reproject the cube to UTM"
            )
        elif crs.linear_units.lower() not in ("metre", "meter", "m"):
            faults.append(
                f"the map is in {crs.linear_units} ({crs.to_string()}); metres are needed: reproject the cube to UTM"
            )
    except CRSError as error:
        faults.append(f"crs={probability.attrs['crs']!r} is not a coordinate reference system ({error})")
    if min(probability.shape) < 2:
        return [
            *faults,
            f"the map has {probability.shape[0]} x {probability.shape[1]} pixels; at least 2 x 2 are needed",
        ]
    steps = {axis: np.diff(probability[axis].values.astype(float)) for axis in ("x", "y")}
    uneven = [a for a, step in steps.items() if np.abs(step - step.mean()).max() > ON_GRID_TOLERANCE * abs(step.mean())]
    faults += [f"the coordinate {axis} is not evenly spaced; resample the cube" for axis in uneven]
    wide, high = float(steps["x"].mean()), float(-steps["y"].mean())
    if wide <= 0 or high <= 0:
        faults.append("rows must go from north to south and columns from west to east; sort the coordinates y and x")
    elif abs(wide - high) > ON_GRID_TOLERANCE * wide:
        faults.append(f"pixels are {wide:g} wide and {high:g} high; square ones are needed: resample the cube")
    return faults


def _threshold_faults(threshold: float) -> list[str]:
    return [] if 0 < threshold < 1 else [f"threshold={threshold}: must be more than 0 and less than 1"]


def _refuse(faults: list[str]) -> None:
    if faults:
        raise ExportError(faults)


def best_threshold(probability: xr.DataArray, landslides: xr.DataArray, mask: xr.DataArray) -> float:
    """Return the threshold with the best F1 score, the harmonic mean of precision and recall, on the pixels under a mask.

    A network that was shown more landslides than there are gives probabilities that are too high, so one half is not the place to cut. Choose on
    validation chips: a threshold that was chosen on test chips makes the test too good.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
    landslides, mask : xarray.DataArray (y, x), bool

    Returns
    -------
    float
        More than 0 and less than 1.

    Raises
    ------
    ValueError
        If there is no landslide under the mask.
    """
    chosen = mask.values & np.isfinite(probability.values)
    labels, scores = landslides.values[chosen], probability.values[chosen]
    if not labels.any():
        raise ValueError("there is no landslide under the mask, so no threshold can be chosen; give one")
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    score = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(np.clip(thresholds[np.argmax(score[:-1])], 1e-6, 1 - 1e-6))


def write_geotiff(
    probability: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    threshold: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a map as cloud-optimised GeoTIFF: tiles and overviews, so that a part of it can be read, over a network too.

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
    float32, NaN is no data. Tags: ``units``, ``region``, ``event_time`` (UTC), ``simulated``, where known passes and orbit, and the shares of the scene.
    """
    import rasterio
    from rio_cogeo.cogeo import cog_translate, cog_validate
    from rio_cogeo.profiles import cog_profiles

    target = Path(path)
    faults = _grid_faults(probability) + ([] if threshold is None else _threshold_faults(threshold))
    if target.suffix.lower() not in (".tif", ".tiff"):
        faults.append(f"{target.name} does not end in .tif or .tiff")
    _refuse(faults)
    height, width = probability.shape
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "height": height,
        "width": width,
        "crs": _crs(probability),
        "transform": _transform(probability),
        "nodata": np.nan,
        "tiled": True,
    }
    with whole(target, overwrite=overwrite) as part:
        plain = part.with_name("plain.tif")
        with rasterio.open(plain, "w", **profile) as file:
            for start, stop in _bands(probability):
                rows = np.asarray(probability.isel(y=slice(start, stop)).values, np.float32)
                file.write(rows, 1, window=rasterio.windows.Window(0, start, width, stop - start))
            file.update_tags(**_tags(probability, threshold))
            file.update_tags(1, units="1")
            file.set_band_description(1, str(probability.attrs.get("long_name", "probability of a landslide")))
        cog_translate(
            plain,
            part,
            cog_profiles.get("deflate"),
            overview_resampling="average",
            in_memory=False,
            forward_band_tags=True,
            quiet=True,
        )
        correct, errors, _ = cog_validate(part, quiet=True)
        if not correct:
            raise ExportError([f"the file that was written is not a cloud-optimised GeoTIFF: {'; '.join(errors)}"])
    return target


def _bands(probability: xr.DataArray) -> list[tuple[int, int]]:
    """Return the rows at which a map is read: those of its chunks."""
    ends = np.cumsum(probability.chunksizes.get("y", (probability.sizes["y"],))).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _tags(probability: xr.DataArray, threshold: float | None) -> dict[str, str]:
    attrs = probability.attrs
    tags = {name: attrs[name] for name in (*TAGS, *SHARES) if name in attrs}
    tags = {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in tags.items()}
    return tags | {"units": "1"} | ({} if threshold is None else {"threshold": f"{threshold:.6g}"})


def find_polygons(
    probability: xr.DataArray, dem: xr.DataArray, *, threshold: float = 0.5, min_pixels: int = 1
) -> gpd.GeoDataFrame:
    """Draw a polygon around each group of pixels whose probability reaches a threshold.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
    dem : xarray.DataArray (y, x)
        Elevation in metres on the same grid.
    threshold : float
        More than 0, less than 1. See :func:`best_threshold`.
    min_pixels : int
        Groups of fewer pixels are dropped; how many and what area is in ``attrs["dropped"]`` and ``attrs["dropped_m2"]``. 1 drops none.

    Returns
    -------
    geopandas.GeoDataFrame
        One line a group, the largest first, multipolygons along the pixels' edges in the map's own coordinate reference system: ``area_m2``,
        ``probability_mean``, ``probability_max``, ``slope_degrees`` (mean), ``confidence`` ("low", "medium" or "high": in which third of the way
        from the threshold to 1 the mean probability lies), ``region``, ``event_time``, ``simulated``. Attributes: those of the map, ``threshold``,
        ``min_pixels``, ``dropped``, ``dropped_m2``.

    Raises
    ------
    ExportError
        Listing all that is wrong with the map, the DEM, the threshold and the size.

    Notes
    -----
    Pixels that touch at a corner are one group, because landslides are narrow and run in any direction. Confidence says how sure the network is, not how
    often it is right: compare it with labels where there are any.
    """
    import geopandas as gpd
    from rasterio.features import shapes
    from shapely.geometry import MultiPolygon, shape

    faults = _grid_faults(probability) + _threshold_faults(threshold)
    if isinstance(min_pixels, bool) or not isinstance(min_pixels, int) or min_pixels < 1:
        faults.append(f"min_pixels={min_pixels!r}: must be a whole number, 1 or more")
    if dem.shape != probability.shape or any(
        not np.allclose(dem[axis].values, probability[axis].values, rtol=0, atol=1e-6) for axis in ("y", "x")
    ):
        faults.append(
            "the DEM is on another grid than the map; resample it, for example with dem.interp_like(probability)"
        )
    _refuse(faults)

    values, transform = probability.values, _transform(probability)
    labels, count = ndimage.label(values >= threshold, structure=NEIGHBOURS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    small = sizes < min_pixels
    labels[small[labels]] = 0
    kept = np.flatnonzero(~small[1:]) + 1
    pieces: dict[int, list[Any]] = {int(label): [] for label in kept}
    for outline, label in shapes(labels.astype(np.int32), mask=labels > 0, transform=transform):
        pieces[int(label)].append(shape(outline))
    pixel_m2 = transform.a**2
    slope = terrain.slope(dem, transform.a).values
    mean = _of_groups(ndimage.mean, values, labels, kept)
    described = {name: probability.attrs.get(name) for name in ("region", "event_time", "simulated")}
    found = gpd.GeoDataFrame(
        {
            "area_m2": sizes[kept] * pixel_m2,
            "probability_mean": mean,
            "probability_max": _of_groups(ndimage.maximum, values, labels, kept),
            "slope_degrees": _mean_known(slope, labels, kept),
            "confidence": [_confidence(value, threshold) for value in mean],
            **{name: [value] * len(kept) for name, value in described.items()},
        },
        geometry=[MultiPolygon(parts) for parts in pieces.values()],
        crs=_crs(probability),
    )
    found = found.sort_values("area_m2", ascending=False, kind="stable", ignore_index=True)
    known = {name: probability.attrs[name] for name in (*TAGS, *SHARES) if name in probability.attrs}
    dropped = small[1:]
    found.attrs = known | {
        "threshold": threshold,
        "min_pixels": min_pixels,
        "dropped": int(dropped.sum()),
        "dropped_m2": float(sizes[1:][dropped].sum() * pixel_m2),
    }
    return found


def _of_groups(measure: Any, values: NDArray[Any], labels: NDArray[Any], kept: NDArray[Any]) -> NDArray[np.float64]:
    """Return a measure of each group of pixels, of none if there is none."""
    return np.asarray(measure(values, labels, kept) if len(kept) else [], np.float64)


def _mean_known(values: NDArray[Any], labels: NDArray[Any], kept: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean over each group of what is known, NaN where nothing is."""
    known = np.isfinite(values)
    total, number = (_of_groups(ndimage.sum_labels, part, labels, kept) for part in (np.where(known, values, 0), known))
    return np.divide(total, number, out=np.full(len(kept), np.nan), where=number > 0)


def _confidence(mean: float, threshold: float) -> str:
    return CONFIDENCE[min(int(3 * (mean - threshold) / (1 - threshold)), 2)]


def rasterise(polygons: gpd.GeoDataFrame, like: xr.DataArray) -> xr.DataArray:
    """Return a mask (y, x) of the pixels whose centre lies in a polygon.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        In any coordinate reference system.
    like : xarray.DataArray (y, x)
        A map, which gives the grid.
    """
    from rasterio.features import geometry_mask

    _refuse(_grid_faults(like) + ([] if polygons.crs else ["the polygons have no coordinate reference system"]))
    shapes = polygons.geometry.to_crs(_crs(like))
    inside = (
        geometry_mask(shapes, like.shape, _transform(like), invert=True) if len(shapes) else np.zeros(like.shape, bool)
    )
    return xr.DataArray(inside, dims=("y", "x"), coords={axis: like[axis] for axis in ("y", "x")})


def write_polygons(polygons: gpd.GeoDataFrame, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write polygons as GeoPackage (``.gpkg``, in their own coordinates) or GeoJSON (``.geojson``, in degrees, as RFC 7946 wants it).

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        As :func:`find_polygons` returns it.
    path : path
        The file appears whole or not at all.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    ExportError
        If the polygons have no coordinate reference system, or the file's ending is another.
    FileExistsError
        If the file exists and may not be replaced.
    """
    target = Path(path)
    faults = [] if polygons.crs else ["the polygons have no coordinate reference system"]
    if target.suffix.lower() not in FORMATS:
        faults.append(f"{target.name} ends in neither {' nor '.join(FORMATS)}")
    _refuse(faults)
    driver = FORMATS[target.suffix.lower()]
    told = {name: str(value) for name, value in polygons.attrs.items()}
    said = (
        {"layer_metadata": told} if driver == "GPKG" else {"DESCRIPTION": _sentence(polygons.attrs), "RFC7946": "YES"}
    )
    with whole(target, overwrite=overwrite) as part:
        polygons = polygons if driver == "GPKG" else polygons.to_crs("EPSG:4326")
        layer = {"layer": "landslides"} if driver == "GPKG" else {}
        polygons.to_file(part, driver=driver, engine="pyogrio", geometry_type="MultiPolygon", **layer, **said)
    return target


def _sentence(attrs: dict[str, Any]) -> str:
    """Say in one sentence what a file holds."""
    kind = "simulated radar" if attrs.get("simulated") else "radar"
    return f"Landslides mapped from {kind}, {attrs.get('region')}, event {attrs.get('event_time')} UTC, threshold {attrs['threshold']:.3g}"


def summarise(polygons: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the table that a responder asks for first: how many, how large, where densest, how sure, and what could not be seen.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        As :func:`find_polygons` returns it.

    Returns
    -------
    pandas.DataFrame
        Column ``answer``, one line a question. The densest place is the square kilometre with the largest area of landslides, each counted at a point
        inside it; its middle is given in degrees.
    """
    attrs, area = polygons.attrs, polygons["area_m2"]
    answers = {"how many": f"{len(polygons)} landslides"}
    if len(polygons):
        answers |= {
            "how large, all together": f"{area.sum() / 1e6:.2f} km2",
            "how large, one": f"median {area.median():,.0f} m2, largest {area.max():,.0f} m2",
            "how steep": f"{np.average(polygons['slope_degrees'].fillna(0), weights=area):.0f} degrees on average",
            "where densest": _densest(polygons),
            "how sure": ", ".join(f"{(polygons['confidence'] == kind).sum()} {kind}" for kind in CONFIDENCE[::-1]),
        }
    answers["threshold"] = f"probability of {attrs['threshold']:.2f} or more"
    answers["dropped as too small"] = (
        f"{attrs['dropped']} groups of fewer than {attrs['min_pixels']} pixels, {attrs['dropped_m2'] / 1e6:.3f} km2"
    )
    for name, question in (("share_layover", "layover"), ("share_shadow", "shadow"), ("share_without_data", "no data")):
        if name in attrs:
            answers[f"not seen: {question}"] = f"{attrs[name]:.2%} of the scene"
    answers["radar"] = "simulated" if attrs.get("simulated") else "real"
    return pd.DataFrame({"answer": answers})


def _densest(polygons: gpd.GeoDataFrame) -> str:
    """Describe the square kilometre with the largest area of landslides."""
    import geopandas as gpd

    inside = polygons.representative_point()
    cells = pd.DataFrame({"x": inside.x // CELL_M, "y": inside.y // CELL_M, "area": polygons["area_m2"]}).groupby(
        ["x", "y"]
    )["area"]
    (x, y), count = cells.sum().idxmax(), cells.size()
    middle = gpd.GeoSeries.from_xy([(x + 0.5) * CELL_M], [(y + 0.5) * CELL_M], crs=polygons.crs).to_crs("EPSG:4326")[0]
    share = cells.sum().max() / CELL_M**2
    return f"around {abs(middle.y):.3f} {'N' if middle.y >= 0 else 'S'} {abs(middle.x):.3f} {'E' if middle.x >= 0 else 'W'}: {count[(x, y)]} landslides, {share:.0%} of a square kilometre"
