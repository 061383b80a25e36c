from __future__ import annotations

import leak
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from landslide_utils.chips import (
    BUFFER,
    PARTS,
    SIZE,
    SplitError,
    check_parts,
    corners,
    cut_chips,
    draw_chips,
    part_mask,
    split_chips,
)
from landslide_utils.files import InputError


def _labels(shape: tuple[int, int] = (900, 1000), seed: int = 0, share: float = 0.001) -> xr.DataArray:
    labels = np.random.default_rng(seed).uniform(size=shape) < share
    return xr.DataArray(labels, dims=("y", "x"), coords={"y": -np.arange(shape[0]), "x": np.arange(shape[1])})


def _gap(chips: pd.DataFrame, first: str, second: str) -> int:
    """Return the least number of pixels between chips of different parts (the larger of the two axes' gaps)."""
    return min(
        max(abs(r - s) - SIZE, abs(c - d) - SIZE) for r, c in corners(chips, first) for s, d in corners(chips, second)
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(height=st.integers(500, 2200), width=st.integers(500, 2200), seed=st.integers(0, 100), buffer=st.integers(0, 70))
def test_no_test_pixel_is_within_the_buffer_of_a_training_pixel(
    height: int, width: int, seed: int, buffer: int
) -> None:
    try:
        chips = split_chips(_labels((height, width), seed), seed=seed, buffer=buffer)
    except SplitError:
        assume(False)
    for other in ("test", "validation"):
        assert _gap(chips, "train", other) >= buffer
    assert _gap(chips, "validation", "test") >= buffer
    assert (chips["row"] + SIZE).max() <= height
    assert (chips["col"] + SIZE).max() <= width
    covered = np.zeros((height, width), int)
    for row, col in chips[["row", "col"]].to_numpy():
        covered[row : row + SIZE, col : col + SIZE] += 1
    assert covered.max() == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_the_two_ways_to_train_differ_in_the_neighbours_of_the_test_only(seed: int) -> None:
    split = split_chips(_labels((2000, 2200), seed, share=2e-5), seed=seed)
    ways = leak.share_out(split, seed)
    apart, beside = ways["apart"], ways["beside"]
    places = ["row", "col", "block", "part", "landslide_share"]
    for part in ("test", "validation"):
        of_part = [way.loc[way["part"] == part, places].reset_index(drop=True) for way in ways.values()]
        pd.testing.assert_frame_equal(*of_part)
    rich = [way.loc[way["part"] == "train", "landslide_share"] > 0 for way in ways.values()]
    assert 0 < rich[0].sum() == rich[1].sum() < len(rich[0]) == len(rich[1])
    assert _gap(apart, "train", "test") >= BUFFER
    assert _gap(beside, "train", "test") == 0
    neighbours = beside.merge(split, on=["row", "col"], suffixes=("", "_split"))
    moved = neighbours[neighbours["part"] != neighbours["part_split"]]
    assert set(moved["part_split"]) == {"test"}
    assert len(moved) == len(split) - len(apart)


def test_what_notebook_04_says_of_neighbours_is_what_was_measured() -> None:
    pairs = pd.read_csv(leak.TABLE)
    assert len(pairs) >= 10
    assert pairs["simulated"].all()
    difference = pairs["beside"] - pairs["apart"]
    low, high = stats.t.interval(0.95, len(pairs) - 1, difference.mean(), stats.sem(difference))
    assert -0.02 < low < 0 < high < 0.02


def test_a_random_split_has_no_gap() -> None:
    chips = split_chips(_labels(), method="random")
    assert _gap(chips, "train", "test") == 0
    assert len(chips) == (900 // SIZE) * (1000 // SIZE)


def test_parts_have_their_share_and_like_prevalence() -> None:
    labels = _labels((1500, 1500))
    labels[:400, :400] = labels[:400, :400] | (np.random.default_rng(0).uniform(size=(400, 400)) < 0.2)
    chips = split_chips(labels)
    sizes = chips["part"].value_counts(normalize=True)
    assert 0.5 < sizes["train"] < 0.7
    assert set(chips["part"]) == {"train", "validation", "test"}
    clustered = _labels((1500, 1500), share=0)
    rows, cols = np.mgrid[:1500, :1500]
    clustered.values[:] = (np.hypot(rows - 700, cols - 700) < 500) & (
        np.random.default_rng(0).uniform(size=rows.shape) < 0.1
    )
    prevalence = split_chips(clustered).groupby("part")["landslide_share"].mean()
    assert prevalence.max() < 2 * prevalence.min()


def test_the_seed_decides_and_nothing_else() -> None:
    labels = _labels()
    pd.testing.assert_frame_equal(split_chips(labels, seed=3), split_chips(labels, seed=3))
    assert (split_chips(labels, seed=3)["part"] != split_chips(labels, seed=4)["part"]).any()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (_labels((100, 900)), "100 x 900 pixels, which is less than one chip"),
        (_labels((300, 300)), "room for 4 separate blocks of chips and 5 are needed"),
        (_labels(share=0), r"no landslide in the train chips \(\d+\)\n  - no landslide in the validation"),
        (_labels(share=1.1), r"nothing but landslides in the train chips"),
    ],
)
def test_scenes_that_cannot_be_shared_out_are_refused(labels: xr.DataArray, message: str) -> None:
    with pytest.raises(SplitError, match=message):
        split_chips(labels)


def test_an_unknown_split_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="split='blokked' is unknown; choose one of blocked, random"):
        split_chips(_labels(), method="blokked")


@given(data=st.data(), share=st.floats(0, 1), count=st.integers(1, 300), seed=st.integers(0, 99))
def test_chips_of_a_kind_take_turns(data: st.DataObject, share: float, count: int, seed: int) -> None:
    landslides = np.array(data.draw(st.lists(st.booleans(), min_size=1, max_size=40)))
    drawn = draw_chips(landslides, share, count, seed)
    assert np.array_equal(drawn, draw_chips(landslides, share, count, seed))
    assert drawn.shape == (count,)
    for kind in (True, False):
        times = np.bincount(drawn, minlength=landslides.size)[landslides == kind]
        assert times.size == 0 or times.max() - times.min() <= 1
    if landslides.any() and not landslides.all():
        assert landslides[drawn].mean() == pytest.approx(share, abs=6 * 0.5 / np.sqrt(count))


@pytest.mark.parametrize("crop", [32, 64, 128])
def test_crops_fill_their_chips_and_have_their_own_landslides(four_chips: pd.DataFrame, crop: int) -> None:
    labels = xr.DataArray(np.random.default_rng(0).random((128, 600)) < 0.001, dims=("y", "x"))
    cut = cut_chips(four_chips, labels, crop)
    assert len(cut) == len(four_chips) * (SIZE // crop) ** 2
    covered = np.zeros((128, 600), int)
    for row, col, share in cut[["row", "col", "landslide_share"]].to_numpy():
        window = np.s_[int(row) : int(row) + crop, int(col) : int(col) + crop]
        covered[window] += 1
        assert share == labels.values[window].mean()
    chips = sum(part_mask(four_chips, part, labels).values.astype(int) for part in PARTS)
    assert np.array_equal(covered, chips)
    assert (cut["landslide_share"] > 0).any()
    assert cut.groupby("block")["part"].nunique().max() == 1


def test_a_part_s_mask_covers_its_chips(four_chips: pd.DataFrame) -> None:
    labels = _labels((128, 600))
    assert int(part_mask(four_chips, "train", labels).sum()) == 2 * SIZE * SIZE
    assert int(part_mask(four_chips, "train", labels, only_landslides=True).sum()) == SIZE * SIZE
    assert BUFFER == 32


def test_the_published_split_is_the_paper_s_protocol() -> None:
    labels = _labels((1300, 2600), share=0)
    rows, cols = np.divmod(np.random.default_rng(1).permutation(200)[:109], 20)  # of 10 x 20 chips
    labels.values[128 * rows + 60, 128 * cols + 60] = True
    chips = split_chips(labels, method="published", seed=4)
    assert chips["part"].value_counts().to_dict() == {"train": 76, "test": 21, "validation": 12}
    assert (chips["landslide_share"] == 1 / SIZE**2).all()
    assert sorted(zip(chips["row"] // SIZE, chips["col"] // SIZE, strict=True)) == sorted(zip(rows, cols, strict=True))
    assert not chips.equals(split_chips(labels, method="published", seed=5))
    labels.values[:1100] = False
    with pytest.raises(SplitError, match=r"\d+ chips hold a landslide and the published split needs 20"):
        split_chips(labels, method="published")


def test_landslides_without_data_do_not_count(four_chips: pd.DataFrame) -> None:
    labels = _labels((128, 600), share=0.1)
    valid = labels | True
    check_parts(four_chips, labels, valid)
    with pytest.raises(SplitError, match="no landslide with data in the test chips"):
        check_parts(four_chips, labels, valid & ~(labels & (labels["x"] >= 448)))
    with pytest.raises(
        SplitError, match=r"no pixel with data in the validation chips \(1\)\n  - no pixel with data in the test chips"
    ):
        check_parts(four_chips, labels, valid & (labels["x"] < 288))
