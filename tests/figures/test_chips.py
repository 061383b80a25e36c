from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from landslide_utils.chips import split_chips
from landslide_utils.composite import make_composite
from landslide_utils.cube import open_cube
from landslide_utils.figures import chips
from landslide_utils.figures.style import Picture


def _is_drawn(picture: Picture) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"))
    assert pixels.std() > 5  # not blank
    assert max(pixels.shape) < 1400
    assert len(picture.alt) > 40


@pytest.fixture(scope="module")
def composites(write_published: Callable[..., str]) -> dict[str, xr.Dataset]:
    cube = open_cube(write_published(shape=(460, 460)))
    return {name: make_composite(cube, channels=name, timesteps=2).load() for name in ("vv", "vh", "dem")}


def test_every_figure_is_drawn_and_described(
    composites: dict[str, xr.Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chips, "LARGE", 400)  # so that a part is shown
    for name, composite in composites.items():
        split = split_chips(composite["landslides"])
        whole, some = chips.composite_figure(composite), chips.chips_figure(composite, split)
        for picture in (whole, chips.split_figure(composite, split), some):
            _is_drawn(picture)
        assert name.upper() in whole.alt or name == "dem"
        assert ("slope" if name == "dem" else f"{name.upper()} change") in some.alt


def test_each_combination_has_its_bands_in_a_row(write_published: Callable[..., str]) -> None:
    composite = make_composite(open_cube(write_published(shape=(460, 460))), channels="sar_dem", timesteps=2)
    picture = chips.inputs_figure(composite, split_chips(composite["landslides"].load()))
    _is_drawn(picture)
    assert "vh has VH before, VH after; sar has VV before, VV after, VH before, VH after;" in picture.alt
    assert picture.alt.endswith("dem has elevation, slope, aspect, curvature.")


def test_of_a_large_scene_the_part_is_shown_where_most_slid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chips, "LARGE", 50)
    monkeypatch.setattr(chips, "VIEW", 20)
    slid = np.zeros((40, 60), bool)
    slid[25:35, 45:50] = True  # 50 of the 400 pixels of one part
    grid = {"y": 10.0 * np.arange(40)[::-1], "x": 10.0 * np.arange(60)}
    image = np.random.default_rng(0).normal(-7, 1, (2, 40, 60))
    layers = {"image": (("channel", "y", "x"), image), "valid": (("y", "x"), ~slid), "landslides": (("y", "x"), slid)}
    coords = {"channel": ["vv_before", "vv_after"], **grid}
    composite = xr.Dataset(layers, coords, {"region": "nowhere", "simulated": True})
    picture = chips.composite_figure(composite)
    assert picture.alt.startswith("nowhere, where most slid (simulated). Maps of VV")
    assert "12.5% of this part of the scene, which is framed" in picture.alt
    _is_drawn(picture)
    assert "where most slid" not in chips.composite_figure(composite.drop_vars("landslides")).alt


def test_a_scene_without_labels_is_drawn(composites: dict[str, xr.Dataset]) -> None:
    _is_drawn(chips.composite_figure(composites["vv"].drop_vars("landslides")))


def test_channels_before_and_after_normalisation() -> None:
    random = np.random.default_rng(3)
    image = xr.DataArray(
        np.stack([random.normal(-7, 2, (40, 50)), random.normal(-13, 2, (40, 50))]),
        dims=("channel", "y", "x"),
        coords={"channel": ["vv_before", "vh_before"]},
        attrs={"simulated": True},
    )
    picture = chips.channels_figure(image, (image - image.mean(("y", "x"))) / image.std(("y", "x")))
    _is_drawn(picture)
    means = [float(image.sel(channel=name).mean()) for name in image["channel"].values]
    assert f"vv_before {means[0]:.1f} dB, vh_before {means[1]:.1f} dB" in picture.alt
    assert "(simulated)" in picture.alt


def test_levels_say_where_most_pixels_are(composites: dict[str, xr.Dataset]) -> None:
    image = composites["vv"]["image"]
    picture = chips.levels_figure({"here": image, "there": image + 5})
    _is_drawn(picture)
    here, there = map(int, re.findall(r"most often at (-?\d+) dB", picture.alt))
    assert abs(there - here - 5) <= 1
