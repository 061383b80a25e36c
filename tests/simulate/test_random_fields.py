from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landslide_utils.grid import Window
from landslide_utils.simulate import random_fields

BIG = Window(-40, -30, 420, 400)
FIELDS = {
    "white": lambda window: random_fields.white(3, ("a", 1), window),
    "speckled": lambda window: random_fields.speckled(3, ("a", 1), window, 0.25),
    "smooth": lambda window: random_fields.smooth(3, ("a", 1), window, 7.3),
}


@settings(max_examples=25, deadline=None)
@given(row=st.integers(-40, 300), col=st.integers(-30, 300), height=st.integers(1, 80), width=st.integers(1, 70))
@pytest.mark.parametrize("name", FIELDS)
def test_a_window_made_alone_is_the_same_to_the_byte(name: str, row: int, col: int, height: int, width: int) -> None:
    whole = FIELDS[name](BIG)
    part = FIELDS[name](Window(row, col, height, width))
    top, left = row - BIG.row, col - BIG.col
    assert np.array_equal(part, whole[top : top + height, left : left + width])


def test_moments_and_neighbours() -> None:
    window = Window(0, 0, 700, 700)
    for name, tolerance in (("white", 0.01), ("speckled", 0.01), ("smooth", 0.06)):
        field = FIELDS[name](window)
        assert abs(field.mean()) < tolerance
        assert field.std() == pytest.approx(1, abs=tolerance)
    speckle = FIELDS["speckled"](window)
    for here, there in ((speckle[:, 1:], speckle[:, :-1]), (speckle[1:], speckle[:-1])):
        assert np.corrcoef(here.ravel(), there.ravel())[0, 1] == pytest.approx(0.25, abs=0.01)


def test_key_and_seed_change_the_field() -> None:
    window = Window(0, 0, 64, 64)
    first = random_fields.white(1, ("a",), window)
    for seed, key in ((2, ("a",)), (1, ("b",)), (1, ("a", 0))):
        assert abs(np.corrcoef(first.ravel(), random_fields.white(seed, key, window).ravel())[0, 1]) < 0.05


def test_a_spline_through_a_straight_line_is_that_line() -> None:
    lattice = np.tile(np.arange(-3, 20, dtype=np.float32), (23, 1))
    got = random_fields.spline(lattice, (-3, -3), 5.0, Window(0, 0, 40, 60))
    assert np.allclose(got, (np.arange(60) + 0.5)[None, :] / 5, atol=1e-5)
