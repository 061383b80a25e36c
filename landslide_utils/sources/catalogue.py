"""A catalogue of satellite scenes (a STAC API), searched for radar images and elevation over a box."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import shapely

from landslide_utils.files import InputError, find_kind_faults
from landslide_utils.grid import Box
from landslide_utils.sources.fetch import DocumentAdapter, call_within
from landslide_utils.sources.passes import Granule, MissingExtraError, choose_polarisations, direction_of

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
        Seconds that a search may take, page after page.
    """

    url: str
    radar: str = "sentinel-1-rtc"
    assets: Mapping[str, str] = field(default_factory=lambda: {"VV": "vv", "VH": "vh"})
    dem: str = "cop-dem-glo-30"
    dem_asset: str = "data"
    headers: Mapping[str, str] = field(default_factory=dict)
    sign: Callable[[str], str] | None = None
    timeout: float = 30.0

    def __post_init__(self) -> None:
        """Refuse names that are no texts, and a time that never ends."""
        texts = {name: getattr(self, name) for name in ("url", "radar", "dem", "dem_asset")}
        named = self.assets if isinstance(self.assets, Mapping) else {"": None}
        texts |= {f"assets {sent}": name for sent, name in named.items()}
        faults = find_kind_faults("a text", **texts) + find_kind_faults("a number", timeout=self.timeout)
        if faults or not 0 < self.timeout <= 3600:
            faults = faults or [f"timeout={self.timeout} is not between 0 and 3600 seconds"]
            raise InputError("this catalogue cannot be asked", faults)


def search_radar(
    catalogue: Catalogue, box: Box, start: dt.datetime, end: dt.datetime
) -> tuple[list[Granule], list[str]]:
    """Return the images that touch a box, from start to end (naive UTC), and everything that is wrong with the answer.

    Images without a time, or from another place or time than was asked for, are left out.
    """
    items, faults = _search(catalogue, catalogue.radar, box, f"{start.isoformat()}Z/{end.isoformat()}Z")
    question = f"{catalogue.url} for {catalogue.radar!r} in box {list(box)} from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    if not items and not faults:
        advice = "check the collection's name, widen the box, or take more days"
        faults.append(f"nothing was found; asked was {question}: {advice}")
    granules: list[Granule] = []
    reasons: list[str] = []
    for item in items:
        try:
            granule = _granule(catalogue, item)
        except InputError as error:
            faults += error.faults
        except Exception as error:  # whatever an item may hold; the others can still be used
            reasons.append(f"; {item.get('id')} cannot be understood ({type(error).__name__}: {error})")
        else:
            if granule and start <= granule.instant <= end and granule.footprint.intersects(shapely.box(*box)):
                granules.append(granule)
    if items and not granules and not faults:
        faults.append(
            f"{len(items)} images were found but none can be used: their assets are {_assets_of(items) or 'none'} "
            f"where {' and '.join(catalogue.assets.values())} are needed, or they lie elsewhere"
            f"{''.join(reasons[:1])}; set Catalogue(assets=...); asked was {question}"
        )
    return granules, list(dict.fromkeys(faults))


def search_elevation(catalogue: Catalogue, box: Box) -> tuple[list[str], list[str]]:
    """Return the addresses of the elevation model's tiles that touch a box, and what is wrong with the answer."""
    items, faults = _search(catalogue, catalogue.dem, box, None)
    hrefs: list[str] = []
    for item in items:
        try:
            hrefs.append(_href(catalogue, _item(item).assets[catalogue.dem_asset]))
        except InputError as error:
            faults += error.faults
        except Exception:  # whatever an item may hold; the others can still be used
            continue
    if not hrefs and not faults:
        names = f"; there are: {_assets_of(items)}" if items else ""
        faults.append(
            f"no elevation was found; asked was {catalogue.url} for {catalogue.dem!r} (asset {catalogue.dem_asset!r}"
            f"{names}) in box {list(box)}: set Catalogue(dem=..., dem_asset=...), or pass a file as dem"
        )
    return hrefs, list(dict.fromkeys(faults))


def _assets_of(items: Items) -> str:
    """Return the names of all assets that items have."""
    assets = (item.get("assets") for item in items)
    return ", ".join(sorted({name for named in assets if isinstance(named, dict) for name in named}))


def _item(description: Mapping[str, Any]) -> Any:
    """Return a STAC item with absolute addresses."""
    from pystac import Item

    return Item.from_dict(dict(description))


def _granule(catalogue: Catalogue, description: Mapping[str, Any]) -> Granule | None:
    """Return what a catalogue says of one image, but not of the image's grid: that has been wrong."""
    item = _item(description)
    properties = item.properties
    assets = {sent: item.assets[name] for sent, name in catalogue.assets.items() if name in item.assets}
    instant = item.datetime or item.common_metadata.start_datetime
    files, polarisations = choose_polarisations({sent: _href(catalogue, asset) for sent, asset in assets.items()})
    if instant is None or not files or not item.geometry:
        return None
    instant = instant.astimezone(dt.UTC).replace(tzinfo=None) if instant.tzinfo else instant
    footprint = shapely.make_valid(shapely.geometry.shape(item.geometry))
    orbit = str(properties.get("sat:orbit_state", "")).lower()
    return Granule(
        name=str(item.id),
        image=str(item.id),
        instant=instant,
        orbit=orbit if orbit in ("ascending", "descending") else direction_of(instant, footprint.centroid.x),
        relative_orbit=int(properties.get("sat:relative_orbit") or 0),
        files=files,
        polarisations=polarisations,
        footprint=footprint,
        produced=str(properties.get("updated") or properties.get("created") or ""),
        band=str(properties.get("sar:frequency_band") or "C"),
        size=sum(int(asset.extra_fields.get("file:size") or 0) for asset in assets.values()),
        simulated=bool(properties.get("simulated", False)),
    )


def _href(catalogue: Catalogue, asset: Any) -> str:
    """Return an asset's address, signed; a catalogue has no business with files on this machine."""
    href: str = asset.get_absolute_href() or asset.href
    if urlsplit(href).scheme not in REMOTE:
        kinds = ", ".join(REMOTE)
        fault = f"the catalogue names {href!r}, which is no address on a network ({kinds}); it is not opened"
        raise InputError("this address cannot be used", [fault])
    return catalogue.sign(href) if catalogue.sign else href


def _search(catalogue: Catalogue, collection: str, box: Box, period: str | None) -> tuple[Items, list[str]]:
    """Return what a catalogue finds; whatever the network or the server does becomes one clear fault."""
    try:
        from pystac_client import Client
        from pystac_client.stac_api_io import StacApiIO
    except ImportError:
        raise MissingExtraError("pystac-client") from None

    def ask() -> Items:
        settings = StacApiIO(headers=dict(catalogue.headers), timeout=catalogue.timeout)
        for scheme in ("http://", "https://"):
            settings.session.mount(scheme, DocumentAdapter(catalogue.url, retries=1))
        client = Client.open(catalogue.url, stac_io=settings)
        if not client.conforms_to("ITEM_SEARCH"):
            raise ValueError("it does not offer item search; give the address of a STAC API, not of a static catalogue")
        search = client.search(collections=[collection], bbox=list(box), datetime=period, max_items=MOST_ITEMS + 1)
        return [item for item in search.items_as_dicts() if isinstance(item, dict)]

    try:
        items = call_within(catalogue.timeout, ask)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".strip()[:500]
        advice = f"check the address, the network and the key, or allow more than timeout={catalogue.timeout:g} s"
        return [], [f"the catalogue {catalogue.url} gave no usable answer for {collection!r} ({reason}); {advice}"]
    if len(items) > MOST_ITEMS:
        advice = "take a smaller box or fewer days"
        return [], [f"the catalogue found more than {MOST_ITEMS} items in {collection!r}; {advice}"]
    return items, []
