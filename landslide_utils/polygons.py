"""From a map of probabilities to polygons, and the table that a responder asks for first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from landslide_utils import terrain
from landslide_utils.chips import windows
from landslide_utils.export import SHARES, TAGS, find_threshold_faults, refuse
from landslide_utils.files import InputError, find_kind_faults
from landslide_utils.grid import find_grid_faults, label_groups, measure_groups, rasterise_like, transform_of
from landslide_utils.metrics import pixels, tally

if TYPE_CHECKING:
    import geopandas as gpd

CONFIDENCE = ("low", "medium", "high")
CELL_M = 1000.0


def best_threshold(probability: xr.DataArray, landslides: xr.DataArray, mask: xr.DataArray) -> float:
    """Return the threshold with the best F1 score, the harmonic mean of precision and recall, under a mask.

    A network that was shown more landslides than there are gives probabilities that are too high, so one half is not
    the place to cut. Choose on validation chips: a threshold that was chosen on test chips makes the test too good.

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
    counted = tally(*pixels(probability, landslides, mask))
    if not counted.hits.size:
        raise ValueError("there is no landslide under the mask, so no threshold can be chosen; give one")
    f1 = 2 * counted.hits / (counted.hits + counted.false_alarms + counted.hits[0])
    return float(np.clip(counted.thresholds[np.argmax(f1)], 1e-6, 1 - 1e-6))


def guaranteed_threshold(
    probability: xr.DataArray, landslides: xr.DataArray, chips: pd.DataFrame, *, recall: float, confidence: float = 0.9
) -> float:
    """Return the highest threshold that keeps a promise: to find this mean share of a chip's landslide pixels.

    On the validation chips a bit more than the promised share has to be found: the fewer they are, the more. Then in
    `confidence` of all draws of so many chips, the promise holds for new chips that are drawn like them.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
        Pixels without a value are left out.
    landslides : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    recall : float
        Above 0 and below 1.
    confidence : float
        Above 0 and below 1.

    Returns
    -------
    float
        0, which reports every pixel, where the chips are too few for the promise.

    Raises
    ------
    InputError
        If a share is not between 0 and 1.

    References
    ----------
    Bates et al. 2021, Distribution-free, risk-controlling prediction sets (the bound of Hoeffding and Bentkus).
    """
    shares = {"recall": recall, "confidence": confidence}
    faults = [f"{name} {share!r} is not between 0 and 1" for name, share in shares.items() if not 0 < share < 1]
    if faults:
        raise InputError("no threshold can be promised", faults)
    places = [window.place for window in windows(chips, "validation", only_landslides=True)]
    by_chip = [probability.isel(place).values[landslides.isel(place).values] for place in places]
    by_chip = [np.sort(values[np.isfinite(values)]) for values in by_chip if np.isfinite(values).any()]
    if not by_chip:
        return 0.0
    candidates = np.unique(np.quantile(np.concatenate(by_chip), np.linspace(0, 1, 1001), method="lower"))
    missed = np.mean([np.searchsorted(values, candidates) / len(values) for values in by_chip], axis=0)
    count, allowed = len(by_chip), 1 - recall
    few = np.minimum(missed, allowed)
    hoeffding = np.exp(-count * (special.rel_entr(few, allowed) + special.rel_entr(1 - few, recall)))
    bentkus = np.e * special.bdtr(np.ceil(count * missed), count, allowed)
    safe = candidates[np.minimum(hoeffding, bentkus) <= 1 - confidence]
    return float(safe.max(initial=0))


def find_polygons(
    probability: xr.DataArray, dem: xr.DataArray, *, threshold: float = 0.5, min_pixels: int = 1
) -> gpd.GeoDataFrame:
    """Return a polygon around each group of pixels whose probability reaches a threshold.

    Parameters
    ----------
    probability : xarray.DataArray (y, x)
    dem : xarray.DataArray (y, x)
        Elevation in metres on the same grid.
    threshold : float
        More than 0, less than 1. See :func:`best_threshold`.
    min_pixels : int
        Groups of fewer pixels are dropped; how many and what area is in ``attrs["dropped"]`` and
        ``attrs["dropped_m2"]``. 1 drops none.

    Returns
    -------
    geopandas.GeoDataFrame
        One line a group, the largest first, multipolygons along the pixels' edges in the map's own coordinate
        reference system: ``area_m2``, ``probability_mean``, ``probability_max``, ``slope_degrees`` (mean),
        ``confidence`` ("low", "medium" or "high": in which third of the way from the threshold to 1 the mean
        probability lies), ``region``, ``event_time``, ``simulated``. Attributes: those of the map, ``threshold``,
        ``min_pixels``, ``dropped``, ``dropped_m2``.

    Raises
    ------
    ExportError
        Listing all that is wrong with the map, the DEM, the threshold and the size.

    Notes
    -----
    Pixels that touch at a corner are one group. Confidence says how sure the network is, not how often it is right:
    compare it with labels where there are any.
    """
    import geopandas as gpd
    from rasterio.features import shapes
    from shapely.geometry import MultiPolygon, shape

    faults = find_threshold_faults(threshold)
    if find_kind_faults("a whole number", min_pixels=min_pixels) or min_pixels < 1:
        faults.append(f"min_pixels={min_pixels!r}: must be a whole number, 1 or more")
    faults += find_grid_faults(probability, "the map")
    if isinstance(probability, xr.DataArray) and (
        getattr(dem, "dims", None) != probability.dims
        or dem.dtype.kind not in "biuf"
        or dem.shape != probability.shape
        or any(not np.allclose(dem[axis].values, probability[axis].values, rtol=0, atol=1e-6) for axis in ("y", "x"))
    ):
        advice = "resample it, for example with dem.interp_like(probability)"
        faults.append(f"the DEM is on another grid than the map; {advice}")
    refuse(faults)

    attrs, transform = probability.attrs, transform_of(probability)
    pixel_m2 = transform.a**2
    groups = label_groups((probability >= threshold).values)
    table = measure_groups(
        groups,
        probability_mean=(probability.data, "mean"),
        probability_max=(probability.data, "max"),
        slope_degrees=(terrain.slope(dem, transform.a).data, "mean"),
    )
    dropped = table[table["pixels"] < min_pixels]
    groups[np.isin(groups, dropped.index)] = 0
    table = table.drop(dropped.index)
    outlines: dict[int, list[Any]] = {number: [] for number in table.index}
    for outline, number in shapes(groups, mask=groups > 0, transform=transform):
        outlines[int(number)].append(shape(outline))
    table.insert(0, "area_m2", table.pop("pixels") * pixel_m2)
    thirds = (3 * (table["probability_mean"] - threshold) / (1 - threshold)).astype(int).clip(upper=2)
    table["confidence"] = [CONFIDENCE[third] for third in thirds]
    for name in ("region", "event_time", "simulated"):
        table[name] = attrs.get(name)
    polygons = gpd.GeoDataFrame(table, geometry=list(map(MultiPolygon, outlines.values())), crs=probability.rio.crs)
    polygons = polygons.sort_values("area_m2", ascending=False, kind="stable", ignore_index=True)
    polygons.attrs = {name: attrs[name] for name in (*TAGS, *SHARES) if name in attrs} | {
        "threshold": threshold,
        "min_pixels": min_pixels,
        "dropped": len(dropped),
        "dropped_m2": float(dropped["pixels"].sum() * pixel_m2),
    }
    return polygons


def summarise(polygons: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return a table of how many landslides there are, how large, where densest, how sure, and what was not seen.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        As :func:`find_polygons` returns it.

    Returns
    -------
    pandas.DataFrame
        Column ``answer``, one line a question. The densest place is the square kilometre with the largest area of
        landslides, each counted at a point inside it; its middle is given in degrees.
    """
    attrs, area = polygons.attrs, polygons["area_m2"]
    answers = {"how many": f"{len(polygons)} landslides"}
    if len(polygons):
        answers |= {
            "how large, all together": f"{area.sum() / 1e6:.2f} km2",
            "how large, one": f"median {area.median():,.0f} m2, largest {area.max():,.0f} m2",
            "how steep": f"{np.average(polygons['slope_degrees'].fillna(0), weights=area):.0f} degrees on average",
            **_densest(polygons),
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


def _densest(polygons: gpd.GeoDataFrame) -> dict[str, str]:
    """Return where the square kilometre with the largest area of landslides is, and how many it has."""
    import geopandas as gpd

    inside = polygons.representative_point()
    square = pd.DataFrame({"x": inside.x // CELL_M, "y": inside.y // CELL_M, "area": polygons["area_m2"]})
    cells = square.groupby(["x", "y"], as_index=False).agg(area=("area", "sum"), count=("area", "size"))
    x, y, area, count = cells.sort_values("area").iloc[-1]
    middle = gpd.GeoSeries.from_xy([(x + 0.5) * CELL_M], [(y + 0.5) * CELL_M], crs=polygons.crs).to_crs("EPSG:4326")[0]
    north, east = "N" if middle.y >= 0 else "S", "E" if middle.x >= 0 else "W"
    return {
        "where densest": f"around {abs(middle.y):.3f} {north} {abs(middle.x):.3f} {east}",
        "how dense there": f"{count:.0f} landslides, {area / CELL_M**2:.0%} of a square kilometre",
    }


def compare_confidence(polygons: gpd.GeoDataFrame, landslides: xr.DataArray, mask: xr.DataArray) -> pd.DataFrame:
    """Return for each class of confidence how many polygons lie on labelled landslides.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        As :func:`find_polygons` returns it.
    landslides, mask : xarray.DataArray (y, x), bool
        Labels, and where to compare: on test chips, which the network has not seen.

    Returns
    -------
    pandas.DataFrame
        By confidence, ``polygons`` that touch the mask, the share ``on_landslides`` of them of which at least one
        pixel is labelled, and the share ``pixels_right`` of their pixels that are.
    """
    landslides = landslides.rio.write_crs(polygons.crs)
    refuse(find_grid_faults(landslides, "the map"))
    number = rasterise_like(polygons.geometry, landslides)
    inside, right = (
        np.bincount(number[chosen], minlength=len(polygons) + 1)[1:]
        for chosen in (mask.values, mask.values & landslides.values)
    )
    table = polygons[["confidence"]].assign(polygons=1, inside=inside, right=right, on_landslides=right > 0)
    sums = table[inside > 0].groupby("confidence").sum().reindex(CONFIDENCE)
    return pd.DataFrame(
        {
            "polygons": sums["polygons"].fillna(0).astype(int),
            "on_landslides": sums["on_landslides"] / sums["polygons"],
            "pixels_right": sums["right"] / sums["inside"],
        }
    )


def found_landslides(
    score: xr.DataArray, landslides: xr.DataArray, mask: xr.DataArray, *, threshold: float, **layers: xr.DataArray
) -> pd.DataFrame:
    """Return the share of each landslide that is found.

    Parameters
    ----------
    score : xarray.DataArray (y, x)
    landslides, mask : xarray.DataArray (y, x), bool
        Landslides that touch each other count as one; of one that is partly under the mask, that part counts.
    threshold : float
        A pixel is found if its score is at least this.
    **layers : xarray.DataArray (y, x)
        What is averaged over each landslide too, such as the local incidence, which says whether the radar sees the
        slope well.

    Returns
    -------
    pandas.DataFrame
        One line a landslide: ``area_m2`` (under the mask), ``found`` (share, 0 to 1), and the mean of each layer.
    """
    groups = label_groups(landslides.values & mask.values & np.asarray(np.isfinite(score.data)))
    means = {"found": score.data >= threshold} | {name: layer.data for name, layer in layers.items()}
    table = measure_groups(groups, **{name: (values, "mean") for name, values in means.items()})
    table.insert(0, "area_m2", table.pop("pixels") * abs(transform_of(score).determinant))
    return table.reset_index(drop=True)
