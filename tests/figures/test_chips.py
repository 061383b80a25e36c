from __future__ import annotations

import io
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from landslide_utils.chips import split_chips
from landslide_utils.composite import make_composite
from landslide_utils.course import speckle
from landslide_utils.cube import open_cube
from landslide_utils.figures import chips
from landslide_utils.metrics import Curve


def _is_drawn(picture: chips.Picture) -> None:
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


def test_curves_and_history_give_their_numbers_in_words() -> None:
    line = np.linspace(0, 1, 50)
    picture = chips.curves_figure(
        {"UNet++": Curve(line, 1 - line, 0.61, 0.02), "VV log ratio": Curve(line, 1 - line, 0.2, 0.02)}, simulated=True
    )
    _is_drawn(picture)
    assert "UNet++ 0.61; VV log ratio 0.20; chance 0.020" in picture.alt
    history = pd.DataFrame(
        {"epoch": [1, 2], "train_loss": [0.9, 0.25], "validation_loss": [0.9, 0.3], "validation_auprc": [0.1, 0.5]}
    )
    picture = chips.history_figure(history)
    _is_drawn(picture)
    assert "from 0.90 to 0.25" in picture.alt


def test_alternative_text_survives_into_html() -> None:
    seen: dict[str, str | None] = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "img":
                seen.update(attrs)

    Reader().feed(chips.Picture(b"x", 'chance & "more" <b>')._repr_html_())
    assert seen["alt"] == 'chance & "more" <b>'


def test_large_scenes_are_averaged_and_masks_are_kept() -> None:
    large = xr.DataArray(np.arange(2500 * 4, dtype="float32").reshape(2500, 4), dims=("y", "x"))
    thin = chips.thin(large)
    assert thin.shape == (833, 1)
    assert float(thin[0, 0]) == large.values[:3, :3].mean()
    mask = xr.DataArray(np.zeros((2500, 4), bool), dims=("y", "x"))
    mask[4, 1] = True
    assert chips.thin(mask).values.sum() == 1


def test_the_noise_of_real_and_practice_radar_is_drawn_side_by_side() -> None:
    statistics, fluctuations = speckle.measured()
    picture = chips.noise_figure(statistics, fluctuations)
    _is_drawn(picture)
    value = statistics.loc["VV: temporal standard deviation of a pixel (dB)", "OPERA site 1"]
    assert f"OPERA site 1 {value:.2f}" in picture.alt


def test_as_text_a_picture_is_its_words() -> None:
    assert repr(chips.Picture(b"x" * 1000, "two maps")) == "Picture(alt='two maps')"
