"""Write a STAC item beside an exported map: ``python tools/stac.py FOLDER``.

FOLDER is where notebook 05 or ``landslides map`` has written a map. A catalogue, and tools that read one, find the map
and its polygons by the item. Links are relative, so that the folder can be moved.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import rasterio
import rasterio.warp
from shapely.geometry import box, mapping

from landslide_utils.export import ExportError, plan_files, refuse
from landslide_utils.files import atomic_write

MEDIA = {
    "map": "image/tiff; application=geotiff; profile=cloud-optimized",
    "polygons": "application/geopackage+sqlite3",
    "polygons_in_degrees": "application/geo+json",
    "page": "text/html",
}
"""Media type of each file that an export writes."""


def describe(paths: Mapping[str, Path]) -> dict[str, Any]:
    """Return the item of a map's files, in STAC 1.1 with the projection extension 2.0.

    ``datetime`` is the event; where the passes are known, the first and the last are ``start_datetime`` and
    ``end_datetime``.

    Parameters
    ----------
    paths : mapping of pathlib.Path
        As :func:`landslide_utils.export.plan_files` returns it, all in one folder. The map must be there; of the other
        files those are named that are.

    Raises
    ------
    ExportError
        If there is no map, or it does not say where it lies or when its event was.
    """
    if not paths["map"].exists():
        raise ExportError([f"there is no map at {paths['map']}; write it first"])
    with rasterio.open(paths["map"], driver="GTiff") as file:
        tags, crs, bounds, shape, transform = file.tags(), file.crs, file.bounds, file.shape, file.transform
    faults = [] if crs else [f"{paths['map'].name} has no coordinate reference system"]
    if "event_time" not in tags:
        faults.append(f"{paths['map'].name} does not say when its event was; give the map an attribute event_time")
    refuse(faults)
    passes = [text for name in ("passes_before", "passes_after") for text in tags.get(name, "").split(", ") if text]
    instants = sorted(map(as_instant, passes))
    span = {"start_datetime": instants[0], "end_datetime": instants[-1]} if instants else {}
    radar = "simulated radar" if tags.get("simulated") == "True" else "radar"
    region, authority = tags.get("region", paths["map"].stem), crs.to_authority()
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": ["https://stac-extensions.github.io/projection/v2.0.0/schema.json"],
        "id": re.sub(r"\W+", "-", f"{region} {tags['event_time']} landslides"),
        "bbox": rasterio.warp.transform_bounds(crs, "EPSG:4326", *bounds),
        "geometry": rasterio.warp.transform_geom(crs, "EPSG:4326", mapping(box(*bounds))),
        "properties": {
            "title": f"Landslides mapped from {radar}, {region}",
            "datetime": as_instant(tags["event_time"]),
            **span,
            **({"proj:code": ":".join(authority)} if authority else {"proj:code": None, "proj:wkt2": crs.to_wkt()}),
            "proj:shape": shape,
            "proj:transform": tuple(transform)[:6],
        },
        "links": [],
        "assets": {
            kind: {"href": f"./{paths[kind].name}", "type": media}
            for kind, media in MEDIA.items()
            if paths[kind].exists()
        },
    }
    item["assets"]["map"] |= {"roles": ["data"], "data_type": "float32", "nodata": "nan", "unit": "1"}
    return item


def as_instant(text: str) -> str:
    """Return an instant in UTC as STAC wants it."""
    return pd.Timestamp(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_item(folder: Path) -> Path:
    """Write the item of the map in a folder, and return its path; an earlier item is replaced."""
    item = describe(plan_files(folder, overwrite=True))
    with atomic_write(folder / "item.json", overwrite=True) as part:
        part.write_text(json.dumps(item, indent=1), encoding="utf-8")
    return folder / "item.json"


if __name__ == "__main__":
    print(write_item(Path(sys.argv[1])))
