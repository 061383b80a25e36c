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
    cube = open_cube(write_published())
    return {name: make_composite(cube, channels=name, timesteps=2).load() for name in ("vv", "vh", "dem")}


def test_every_figure_is_drawn_and_described(composites: dict[str, xr.Dataset]) -> None:
    for name, composite in composites.items():
        split = split_chips(composite["landslides"])
        for picture in (
            chips.composite_figure(composite),
            chips.split_figure(composite, split),
            chips.chips_figure(composite, split),
        ):
            _is_drawn(picture)
        assert name.upper() in chips.composite_figure(composite).alt or name == "dem"


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
