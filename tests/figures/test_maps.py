from __future__ import annotations

import functools
import html
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_rgb
from PIL import Image

from landslide_utils.figures import maps, page, style
from landslide_utils.figures.style import Picture

SHAPE = (128, 640)


@pytest.fixture
def landslides() -> xr.DataArray:
    slid = np.zeros(SHAPE, bool)
    slid[20:60, 460:500] = slid[90:100, 500:560] = True
    return _layer(slid)


@pytest.fixture
def probability() -> xr.DataArray:
    """Return a map that hits one landslide, misses the other, raises a false alarm, and has a hole."""
    values = np.full(SHAPE, 0.104, "float32")
    values[20:60, 460:500] = 0.9
    values[70:80, 520:540] = 0.7
    values[:10] = np.nan
    attrs = {
        "simulated": True,
        "region": "nowhere",
        "crs": "EPSG:32654",
        "share_mapped": 0.9,
        "share_without_data": 0.1,
    }
    return _layer(values).assign_attrs(attrs)


def _layer(values: np.ndarray) -> xr.DataArray:
    height, width = values.shape
    return xr.DataArray(
        values,
        dims=("y", "x"),
        coords={"y": 4_740_000 - 10.0 * np.arange(height), "x": 500_000 + 10.0 * np.arange(width)},
    )


def _pixels(picture: Picture) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    assert pixels.std() > 5  # not blank
    assert max(pixels.shape) < 1400
    assert len(picture.alt) > 40
    return pixels


def _share(pixels: np.ndarray, colour: str) -> float:
    near = np.abs(pixels - np.array(to_rgb(colour)) * 255).max(-1) < 12
    return float(near.mean())


def test_the_map_says_whether_its_radar_is_simulated(
    probability: xr.DataArray, landslides: xr.DataArray, four_chips: pd.DataFrame
) -> None:
    for simulated in (True, False):
        picture = maps.map_figure(probability.assign_attrs(simulated=simulated), landslides, four_chips)
        _pixels(picture)
        assert ("simulated" in picture.alt) == simulated
    assert "73% of the landslide pixels" in picture.alt  # 1600 of 2200


def test_hits_misses_and_false_alarms_are_counted_and_coloured(
    probability: xr.DataArray, landslides: xr.DataArray, four_chips: pd.DataFrame
) -> None:
    picture = maps.difference_figure(probability, landslides, four_chips, threshold=0.5)
    assert "(simulated) at a threshold of 0.50: 1,600 landslide pixels hit in blue, " in picture.alt
    assert "600 missed in black, 200 false alarms in orange." in picture.alt
    pixels = _pixels(picture)
    assert _share(pixels, maps.HIT) > 2 * _share(pixels, maps.FALSE_ALARM) > 0
    high = maps.difference_figure(probability, landslides, four_chips, threshold=0.8)
    assert " 0 false alarms in orange" in high.alt
    assert _share(_pixels(high), maps.FALSE_ALARM) < _share(pixels, maps.FALSE_ALARM)


def test_the_map_and_its_mistakes_stand_over_the_hills(
    probability: xr.DataArray, landslides: xr.DataArray, four_chips: pd.DataFrame
) -> None:
    hills = _layer(100 * np.sin(np.arange(SHAPE[1]) / 9) * np.ones(SHAPE))
    given = (probability, landslides, four_chips)
    plain, over = {}, {}
    for draw in (maps.map_figure, functools.partial(maps.difference_figure, threshold=0.5)):
        plain[draw], over[draw] = draw(*given), draw(*given, hills)
        assert _greys(_pixels(over[draw])) > 2 * _greys(_pixels(plain[draw]))
    assert "over the hills" in over[maps.map_figure].alt
    assert "over the hills" not in plain[maps.map_figure].alt
    assert _share(_pixels(over[maps.map_figure]), maps.HIT) > 0.01  # the labels


def _greys(pixels: np.ndarray) -> float:
    """Return the share of pixels that are grey, neither black nor white."""
    low, high = pixels.min(-1), pixels.max(-1)
    return float(((high - low < 3) & (low > 100) & (high < 250)).mean())


def test_what_cannot_be_seen_is_shown_from_each_direction(probability: xr.DataArray) -> None:
    nothing, layover, shadow = (_layer(np.zeros(SHAPE, bool)) for _ in range(3))
    layover[100:120, :300] = True
    shadow[100:120, 400:] = True
    cube = xr.Dataset({"dem": 0 * probability.fillna(0)}, attrs={"simulated": True})
    hidden = {"descending": xr.Dataset({"layover": layover, "shadow": shadow})}
    picture = maps.hidden_figure(hidden | {"ascending": xr.Dataset({"layover": nothing, "shadow": layover})}, cube)
    assert "descending: layover 7.3%, shadow 5.9%; ascending: layover 0.0%, shadow 7.3%" in picture.alt
    assert "(simulated)" in picture.alt
    pixels = _pixels(picture)
    assert min(_share(pixels, colour) for colour in maps.HIDDEN.values()) > 0.005


class Reader(HTMLParser):
    """What a page would fetch, and what scripts and frames it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.frames: list[dict[str, str | None]] = []
        self.data: list[str] = []
        self.in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "iframe":
            self.frames.append(given)
        self.fetched += [value for name, value in attrs if name in ("src", "href") and value]
        self.in_data = given.get("type") == "application/json"

    def handle_data(self, data: str) -> None:
        if self.in_data:
            self.data.append(data)
            self.in_data = False


def test_the_interactive_map_holds_all_that_it_needs(probability: xr.DataArray, landslides: xr.DataArray) -> None:
    shown = page.interactive_map(probability, background=probability, landslides=landslides, threshold=0.5)
    seen = Reader()
    seen.feed(shown.html)
    assert seen.fetched == []  # no code, no tile and no font from elsewhere
    assert not re.search(r"@import|url\((?!['\"]?data:|\\?['\"]?#)", shown.html.split("</style>")[0][-20_000:])
    models = json.loads(seen.data[0])
    text = json.dumps(models)
    slider = next(m for m in _objects(models) if m.get("name") == "Slider")["attributes"]
    assert (slider["value"], slider["start"], slider["end"]) == (50, 1, 99)
    found = float((probability >= 0.5).sum()) * 100 / 1e6
    assert f"{found:.2f} km\\u00b2 have a probability of 50 % or more" in text
    assert f"{0.16:.2f} km\\u00b2 have a probability of 71 % or more" in text
    assert "(simulated)" in shown.alt
    outside = Reader()
    outside.feed(shown._repr_html_())
    assert outside.frames[0]["srcdoc"] == shown.html
    assert outside.frames[0]["title"] == shown.alt


def test_the_threshold_moves_point_counts_and_map(probability: xr.DataArray, landslides: xr.DataArray) -> None:
    split = pd.DataFrame({"row": 0, "col": [384, 512], "part": "test", "block": 0, "landslide_share": [0.1, 0.2]})
    shown = page.threshold_page(probability, landslides, split, threshold=0.8)
    seen = Reader()
    seen.feed(shown.html)
    assert seen.fetched == []
    models = json.loads(seen.data[0])
    found = _objects(models)
    given = [dict(m["attributes"]["args"]["entries"]) for m in found if m.get("name") == "CustomJS"]  # type: ignore[index]
    (texts,) = [entries["texts"] for entries in given if "texts" in entries]
    words = [re.sub("<span.*?/span> ", "", html.unescape(text)) for text in texts]
    hit, missed, alarm = 40 * 40, 10 * 60, 10 * 20
    assert words[10].startswith(f"{hit + missed:,} hits, 0 misses, {118 * 256 - hit - missed:,} false alarms")
    assert words[70].startswith(f"{hit:,} hits, {missed} misses, {alarm} false alarms")
    assert words[80].endswith(f"recall {hit / (hit + missed):.2f}, precision 1.00")
    mappers = [m["attributes"] for m in found if m.get("name") == "LinearColorMapper"]
    assert [mapper["low"] for mapper in mappers] == [80, 80]
    assert shown.alt.startswith("Interactive (simulated): a slider for the threshold, at first 80 %")


def _objects(node: object) -> list[dict[str, dict[str, object]]]:
    found = []
    if isinstance(node, dict):
        found += [node] if node.get("type") == "object" else []
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            found += _objects(part)
    return found


def test_a_page_of_a_large_scene_is_thinned_but_loses_no_landslide(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.zeros((90, 130), "float32")
    values[40, 77] = 0.8  # one pixel
    layer = _layer(values)
    monkeypatch.setattr(style, "MOST_PIXELS", 50)
    shown = page.interactive_map(layer, background=layer, threshold=0.5)
    seen = Reader()
    seen.feed(shown.html)
    text = json.dumps(json.loads(seen.data[0]))
    assert "0.00 km\\u00b2 have a probability of 50 % or more" in text
    assert '"shape": [30, 43]' in text
    assert len(shown.html) < 5e6


def test_a_page_is_saved_as_a_file(tmp_path: pytest.TempPathFactory, probability: xr.DataArray) -> None:
    shown = page.interactive_map(probability, background=probability)
    path = shown.save(f"{tmp_path}/map.html")
    assert path.read_text(encoding="utf-8").lstrip().startswith("<!DOCTYPE html>")


def test_the_ensemble_shows_where_its_networks_differ(probability: xr.DataArray, landslides: xr.DataArray) -> None:
    spread = probability.where(probability > 0.8, 0.0) / 4  # 0.225 on the landslide that is found
    chips = pd.DataFrame({"row": 0, "col": [384, 512], "part": "test", "block": [0, 0], "landslide_share": [0.1, 0.2]})
    picture = maps.ensemble_figure(probability, spread, landslides, chips)
    on = 0.225 * 40 * 40 / (40 * 40 + 10 * 60)
    assert f"{on:.2f} on landslides and 0.00 elsewhere" in picture.alt
    assert "(simulated)" in picture.alt
    assert not np.array_equal(
        _pixels(picture), _pixels(maps.ensemble_figure(probability, 0 * spread, landslides, chips))
    )
