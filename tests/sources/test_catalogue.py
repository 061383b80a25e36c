from __future__ import annotations

import copy
import datetime as dt
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import any_json, put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_event import Api, box_degrees, write_dem, write_folder

from landslide_utils.sources.catalogue import Catalogue, search_elevation, search_radar
from landslide_utils.sources.passes import MissingExtraError

PERIOD = (dt.datetime(2018, 8, 1), dt.datetime(2018, 10, 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_folder(tmp_path_factory.mktemp("catalogue") / "s1")
    write_dem(made / "dem.tif")
    return made


@pytest.fixture
def api(folder: Path) -> Iterator[Api]:
    server = Api(folder)
    yield server
    server.shutdown()
    server.server_close()


def area() -> tuple[float, float, float, float]:
    west, south, east, north = box_degrees()
    return west, south, east, north


def test_the_catalogue_is_asked_for_box_and_period_and_its_items_are_images(api: Api) -> None:
    granules, faults = search_radar(Catalogue(api.address), area(), *PERIOD)
    assert faults == []
    assert len(granules) == 8
    assert api.asked[0]["bbox"] == list(area())
    assert api.asked[0]["collections"] == ["sentinel-1-rtc"]
    assert api.asked[0]["datetime"] == "2018-08-01T00:00:00Z/2018-10-01T00:00:00Z"
    assert {g.relative_orbit: g.orbit for g in granules} == {46: "descending", 68: "ascending"}
    assert all(href.startswith(f"{api.address}/files/OPERA") for g in granules for href in g.files.values())
    hrefs, faults = search_elevation(Catalogue(api.address), area())
    assert (hrefs, faults) == ([f"{api.address}/files/dem.tif"], [])


def test_names_of_collections_and_assets_are_parameters_and_addresses_can_be_signed(api: Api) -> None:
    for item in api.items:
        item["collection"] = {"sentinel-1-rtc": "s1", "cop-dem-glo-30": "dem"}[item["collection"]]
        item["assets"] = {f"{key}-band": asset for key, asset in item["assets"].items()}
    catalogue = Catalogue(
        api.address,
        radar="s1",
        assets={"VV": "vv-band"},
        dem="dem",
        dem_asset="data-band",
        sign=lambda href: f"{href}?key=1",
    )
    granules, _ = search_radar(catalogue, area(), *PERIOD)
    assert {tuple(g.files) for g in granules} == {("vv",)}
    assert all(g.files["vv"].endswith("?key=1") for g in granules)
    assert search_elevation(catalogue, area())[0] == [f"{api.address}/files/dem.tif?key=1"]


def test_a_name_that_is_a_number_is_a_name(api: Api) -> None:
    api.items[0]["id"] = 5.5
    assert "5.5" in {granule.name for granule in search_radar(Catalogue(api.address), area(), *PERIOD)[0]}


def test_an_empty_answer_says_what_was_asked_and_what_to_widen(api: Api) -> None:
    far = (10.0, 50.0, 10.1, 50.1)
    (fault,) = search_radar(Catalogue(api.address), far, *PERIOD)[1]
    assert "nothing was found; asked was" in fault
    assert f"for 'sentinel-1-rtc' in box {list(far)} from 2018-08-01 to 2018-10-01" in fault
    assert "check the collection's name, widen the box, or take more days" in fault
    (fault,) = search_elevation(Catalogue(api.address, dem="nasadem"), area())[1]
    assert "no elevation was found; asked was" in fault
    assert "for 'nasadem' (asset 'data') in box" in fault


def test_images_whose_assets_have_other_names_are_said_with_the_names_there_are(api: Api) -> None:
    (fault,) = search_radar(Catalogue(api.address, assets={"VV": "VV", "VH": "VH"}), area(), *PERIOD)[1]
    assert "8 images were found but none can be used: their assets are vh, vv where VV and VH are needed" in fault
    (fault,) = search_elevation(Catalogue(api.address, dem_asset="elevation"), area())[1]
    assert "(asset 'elevation'; there are: data)" in fault


def test_items_without_time_or_place_or_from_elsewhere_are_left_out(api: Api) -> None:
    api.items[0]["properties"]["datetime"] = None
    api.items[1]["geometry"] = None
    api.items[2]["geometry"]["coordinates"] = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    first = [item["id"] for item in api.items[:3]]
    import made_event

    original = made_event._Handler._found
    made_event._Handler._found = lambda self, question: {
        "type": "FeatureCollection",
        "features": self.server.items[:-1],
        "links": [],
    }  # type: ignore[method-assign, assignment]
    try:
        granules, faults = search_radar(Catalogue(api.address), area(), *PERIOD)
    finally:
        made_event._Handler._found = original  # type: ignore[method-assign]
    assert faults == []
    assert len(granules) == 5
    assert not {g.name for g in granules} & set(first)


def test_a_catalogue_may_not_name_files_on_this_machine(api: Api) -> None:
    for item in api.items:
        for asset in item["assets"].values():
            asset["href"] = "file:///etc/hostname"
    granules, faults = search_radar(Catalogue(api.address), area(), *PERIOD)
    assert granules == []
    assert faults == [
        "the catalogue names 'file:///etc/hostname', which is no address on a network (http, https, s3, gs, az); "
        "it is not opened"
    ]


@pytest.mark.parametrize(
    ("mood", "timeout", "reason"),
    [
        ("silent", 0.3, "ReadTimeout|Read timed out|Max retries|no whole answer"),
        ("drip", 0.5, "no whole answer within 0.5 s|Read timed out"),
        ("error", 60, "the database is down"),
        ("html", 60, "JSONDecodeError|Expecting value|not a valid"),
        ("static", 60, "does not offer item search"),
        ("bomb", 60, "more than 16.8MB were sent"),
        ("elsewhere", 60, "127.0.0.1 sends us on to localhost, which is not asked"),
        ("deep", 60, "RecursionError"),
    ],
)
def test_a_slow_or_wrong_catalogue_is_one_clear_fault(api: Api, mood: str, timeout: float, reason: str) -> None:
    import re

    api.mood = mood
    start = time.monotonic()
    granules, faults = search_radar(Catalogue(api.address, timeout=timeout), area(), *PERIOD)
    assert granules == []
    (fault,) = faults
    assert fault.startswith(f"the catalogue {api.address} gave no usable answer for 'sentinel-1-rtc' (")
    assert re.search(reason, fault), fault
    assert f"or allow more than timeout={timeout:g} s" in fault
    assert (
        time.monotonic() - start < 120
    )  # generous for a busy machine; without time-outs "drip" and "silent" would go on


@given(place=st.lists(st.integers(0, 9), max_size=5), value=any_json)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_item_holds_it_is_used_or_left_out_or_a_fault(api: Api, place: list[int], value: Any) -> None:
    whole = copy.deepcopy(api.items[0])
    found = {"type": "FeatureCollection", "features": [put(whole, place, value), *api.items[1:3]], "links": []}
    api.mood, api.body = "body", json.dumps(found).encode()
    for search in (lambda at: search_radar(at, area(), *PERIOD), lambda at: search_elevation(at, area())):
        images, faults = search(Catalogue(api.address, timeout=60))
        assert images or faults


@given(body=st.binary(max_size=60) | any_json.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_catalogue_answers_is_a_fault(api: Api, body: bytes) -> None:
    api.mood, api.body = "body", body
    images, faults = search_radar(Catalogue(api.address, timeout=60), area(), *PERIOD)
    assert (images, len(faults)) == ([], 1)


def test_nobody_at_the_address_is_a_fault_too() -> None:
    (fault,) = search_radar(Catalogue("http://127.0.0.1:9", timeout=1), area(), *PERIOD)[1]
    assert "gave no usable answer" in fault
    assert "check the address, the network and the key" in fault


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pystac_client", None)
    with pytest.raises(
        MissingExtraError, match=r"pystac-client is not installed; .* pip install 'landslide-utils\[event\]'"
    ):
        search_radar(Catalogue("http://127.0.0.1:9"), area(), *PERIOD)
