"""Drawings: what the drawn radar records follows from geometry, and each picture says what is on it."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from landslide_utils.figures import drawings
from landslide_utils.figures.style import Picture

X = np.linspace(0, 12, 120_001)
CELLS = np.linspace(0, 12, 121)


def _recorded(*corners: tuple[float, float]) -> dict[float, float]:
    """Return what is recorded of a section with some corners, by the middle of the cell."""
    section = np.interp(X, *np.array([(0, 0), *corners, (12, 0)]).T)
    recorded = drawings.record(X, section, CELLS)
    return {round(float(middle), 2): float(value) for middle, value in zip(CELLS[:-1] + 0.05, recorded, strict=True)}


def test_flat_ground_is_recorded_as_it_is() -> None:
    assert list(_recorded().values()) == pytest.approx([1] * 120, rel=2e-3)


def test_a_gentle_slope_is_squeezed_and_its_back_is_stretched() -> None:
    found = _recorded((2, 0), (4, 1), (6, 0))  # seen at 45 degrees the summit lies at 4 - 1
    length = float(np.hypot(2, 1))
    assert [found[x] for x in (2.05, 2.55, 2.95)] == pytest.approx([length / 1] * 3, rel=1e-2)
    assert [found[x] for x in (3.05, 4.55, 5.95)] == pytest.approx([length / 3] * 3, rel=1e-2)
    assert sum(found.values()) * 0.1 == pytest.approx(8 + 2 * length, rel=1e-3)  # no ground is lost


def test_a_steep_mountain_lies_on_the_ground_before_it_and_hides_what_is_behind() -> None:
    found = _recorded((5, 0), (6, 2), (7, 0))  # the summit lies at 6 - 2, its shadow ends at 6 + 2
    assert [found[x] for x in (4.05, 4.95)] == pytest.approx([1 + float(np.hypot(1, 2))] * 2, rel=1e-2)
    assert all(value == 0 for x, value in found.items() if 5.1 < x < 8)
    assert found[8.05] == pytest.approx(1, rel=1e-2)
    assert float(drawings.ground_range(6.0, 2.0)) == pytest.approx(4)


def _width(picture: Picture) -> int:
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"))
    assert pixels.std() > 20
    return int(pixels.shape[1])


def test_the_radar_is_drawn() -> None:
    picture = drawings.side_looking_figure()
    assert "not to scale" in picture.alt
    assert "5 is nearer to the satellite than the foot 4" in picture.alt
    assert _width(picture) < 1200  # at 130 pixels an inch: in a column of 900, 10 points are more than 13 pixels
    places = drawings.PLACES
    assert drawings.ground_range(*places["5"]) < drawings.ground_range(*places["4"])  # as the text says
    assert drawings.ground_range(*places["2"]) > drawings.ground_range(*places["1"])


def test_the_landslide_is_drawn_over_as_many_pixels_as_its_area_has() -> None:
    picture = drawings.landslide_figure()
    assert _width(picture) < 1200  # at 130 pixels an inch: in a column of 900, 10 points are more than 13 pixels
    pixels = int(re.search(r"the middle of (\d+) pixels", picture.alt).group(1))  # type: ignore[union-attr]
    ellipse = np.pi / 4 * drawings.LENGTH_M * drawings.WIDTH_M / drawings.PIXEL_M**2
    assert pixels == pytest.approx(ellipse, rel=0.15)
