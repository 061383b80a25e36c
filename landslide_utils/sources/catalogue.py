"""A catalogue of satellite scenes (a STAC API), searched for radar images and elevation over a box."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from shapely import box as box_polygon
from shapely import make_valid
from shapely.geometry import shape

from landslide_utils.grid import Box
from landslide_utils.sources.opera import MissingExtraError, choose_polarisations
from landslide_utils.sources.passes import Granule, direction_of

MOST_ITEMS = 2000
Items = list[dict[str, Any]]
REMOTE = ("http", "https", "s3", "gs", "az")


@dataclass(frozen=True)
class Catalogue:
    """Where to ask, and by what names. Catalogues move and rename; so all of it can be set.

    Attributes
    ----------
    url : str
        Address of a STAC API with item search.
    radar : str
        Collection of Sentinel-1 images, radiometrically terrain corrected, gamma nought in linear power.
    assets : mapping
        From VV and VH (or HH and HV) to the names of the assets.
    dem : str
        Collection of a global elevation model in metres.
    dem_asset : str
    headers : mapping
        Sent with each question, for a catalogue that wants a key.
    sign : callable, optional
        From an image's address to one that may be read, for a catalogue that wants its addresses signed.
    timeout : float
        Seconds: how long the server may be silent; a whole search may take ten times as long.
    """

    url: str
    radar: str = "sentinel-1-rtc"
    assets: Mapping[str, str] = field(default_factory=lambda: {"VV": "vv", "VH": "vh"})
    dem: str = "cop-dem-glo-30"
    dem_asset: str = "data"
    headers: Mapping[str, str] = field(default_factory=dict)
    sign: Callable[[str], str] | None = None
    timeout: float = 30.0


def search_radar(
    catalogue: Catalogue, box: Box, start: dt.datetime, end: dt.datetime
) -> tuple[list[Granule], list[str]]:
    """Search images that touch a box, from start to end (naive UTC).

    Returns
    -------
    (list of Granule, list of str)
        The images, and everything that is wrong with the answer. Images without a time, or from another place or time than was asked for, are left out.
    """
    period = f"{start.isoformat()}Z/{end.isoformat()}Z"
    items, faults = _search(catalogue, catalogue.radar, box, period)
    asked = f"{catalogue.url} for {catalogue.radar!r} in box {list(box)} from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    if not items and not faults:
        faults.append(
            f"nothing was found; asked was {asked}: check the collection's name, widen the box, or take more days"
        )
    granules: list[Granule] = []
    strange: dict[str, str] = {}
    for item in items:
        try:
            granule = _granule(catalogue, item, faults)
        except Exception as error:  # whatever an item may hold; the others can still be used
            strange[str(item.get("id"))] = f"{type(error).__name__}: {error}"
            continue
        if granule and start <= granule.instant <= end and granule.footprint.intersects(box_polygon(*box)):
            granules.append(granule)
    if items and not granules and not faults:
        seen = sorted({name for item in items for name in item.get("assets", {})})
        reason = f"; {next(iter(strange))} cannot be understood ({next(iter(strange.values()))})" if strange else ""
        faults.append(
            f"{len(items)} images were found but none can be used: their assets are {', '.join(seen) or 'none'} where "
            f"{' and '.join(catalogue.assets.values())} are needed, or they lie elsewhere{reason}; set Catalogue(assets=...); asked was {asked}"
        )
    return granules, faults


def search_elevation(catalogue: Catalogue, box: Box) -> tuple[list[str], list[str]]:
    """Search tiles of the elevation model that touch a box; return their addresses, and what is wrong with the answer."""
    items, faults = _search(catalogue, catalogue.dem, box, None)
    hrefs: list[str] = []
    for item in items:
        with contextlib.suppress(Exception):  # whatever an item may hold; the others can still be used
            hrefs += _href(catalogue, _item(item).assets[catalogue.dem_asset], faults)
    if not hrefs and not faults:
        names = sorted({name for item in items for name in item.get("assets", {})})
        faults.append(
            f"no elevation was found; asked was {catalogue.url} for {catalogue.dem!r} (asset {catalogue.dem_asset!r}"
            f"{'; there are: ' + ', '.join(names) if names else ''}) in box {list(box)}: set Catalogue(dem=..., dem_asset=...), or pass a file as dem"
        )
    return hrefs, faults


def _item(described: Mapping[str, Any]) -> Any:
    """Return a STAC item with absolute addresses."""
    from pystac import Item

    return Item.from_dict(dict(described))


def _granule(catalogue: Catalogue, described: Mapping[str, Any], faults: list[str]) -> Granule | None:
    """Read what a catalogue says of one image. What it says of the image's grid is not used: it has been wrong."""
    item = _item(described)
    properties = item.properties
    assets = {sent: item.assets[name] for sent, name in catalogue.assets.items() if name in item.assets}
    instant = item.datetime or item.common_metadata.start_datetime
    hrefs = {sent: href for sent, asset in assets.items() for href in _href(catalogue, asset, faults)}
    if instant is None or not hrefs or not item.geometry:
        return None
    instant = instant.astimezone(dt.UTC).replace(tzinfo=None) if instant.tzinfo else instant
    footprint = make_valid(shape(item.geometry))
    files, sent = choose_polarisations(hrefs)
    orbit = str(properties.get("sat:orbit_state", "")).lower()
    return Granule(
        name=item.id,
        image=item.id,
        instant=instant,
        orbit=orbit if orbit in ("ascending", "descending") else direction_of(instant, footprint.centroid.x),
        relative_orbit=int(properties.get("sat:relative_orbit") or 0),
        files=files,
        polarisations=sent,
        footprint=footprint,
        produced=str(properties.get("updated") or properties.get("created") or ""),
        band=str(properties.get("sar:frequency_band") or "C"),
        size=sum(int(asset.extra_fields.get("file:size") or 0) for asset in assets.values()),
        simulated=bool(properties.get("simulated", False)),
    )


def _href(catalogue: Catalogue, asset: Any, faults: list[str]) -> list[str]:
    """Return an asset's address, signed; a catalogue has no business with files on this machine."""
    href = asset.get_absolute_href() or asset.href
    if urlsplit(href).scheme not in REMOTE:
        fault = (
            f"the catalogue names {href!r}, which is no address on a network ({', '.join(REMOTE)}); it is not opened"
        )
        faults += [fault] if fault not in faults else []
        return []
    return [catalogue.sign(href) if catalogue.sign else href]


def _search(catalogue: Catalogue, collection: str, box: Box, period: str | None) -> tuple[Items, list[str]]:
    """Ask a catalogue; whatever the network or the server does becomes one clear fault."""
    try:
        from pystac_client import Client
        from pystac_client.stac_api_io import StacApiIO
    except ImportError:
        raise MissingExtraError("pystac-client") from None

    def ask() -> Items:
        client = Client.open(
            catalogue.url, stac_io=StacApiIO(headers=dict(catalogue.headers), timeout=catalogue.timeout, max_retries=1)
        )
        if not client.conforms_to("ITEM_SEARCH"):
            raise ValueError("it does not offer item search; give the address of a STAC API, not of a static catalogue")
        found = client.search(collections=[collection], bbox=list(box), datetime=period, max_items=MOST_ITEMS + 1)
        return list(found.items_as_dicts())

    try:
        items = _within(10 * catalogue.timeout, ask)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".strip()[:500]
        return [], [
            f"the catalogue {catalogue.url} gave no usable answer for {collection!r} ({reason}); check the address, the network and the key, "
            f"or allow more than timeout={catalogue.timeout:g} s"
        ]
    if len(items) > MOST_ITEMS:
        return [], [
            f"the catalogue found more than {MOST_ITEMS} items in {collection!r}; take a smaller box or fewer days"
        ]
    return items, []


def _within(seconds: float, ask: Callable[[], Items]) -> Items:
    """Call a function and give up after some time: a server that sends one byte now and then is silent at no moment."""
    answer: list[Items] = []
    problem: list[Exception] = []

    def work() -> None:
        try:
            answer.append(ask())
        except Exception as error:
            problem.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(seconds)
    if problem:
        raise problem[0]
    if not answer:
        raise TimeoutError(f"no whole answer within {seconds:g} s")
    return answer[0]
