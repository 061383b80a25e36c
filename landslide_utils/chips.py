"""Chips of a scene: where they lie, which train, validate and test, and what normalises them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from landslide_utils.files import InputError, find_kind_faults
from landslide_utils.grid import Window

SIZE = 128
BUFFER = 32
"""Pixels between chips of different parts in a blocked split.

320 m at 10 m: longer than 95 of 100 landslides of the Hokkaido inventory (281 m).
"""

SPLITS = ("blocked", "random", "published")
PARTS = ("train", "validation", "test")
_FIFTHS = ("train", "test", "train", "validation", "train")  # 60 % training, 20 % validation, 20 % test
_BLOCK_SIZES = ((4, 60), (3, 60), (2, 15), (1, 0))
"""Chips along a side of a block, and how many blocks there must be for that.

Blocks are large in large scenes, and enough in small ones.
"""

_TRIALS = 200


class SplitError(InputError):
    """A scene that cannot be split into training, validation and test."""

    def __init__(self, *faults: str, remedy: str = "take a larger scene") -> None:
        super().__init__(f"the scene cannot be split into training, validation and test; {remedy}", faults)


def split_chips(
    landslides: xr.DataArray, *, method: str = "blocked", seed: int = 0, buffer: int = BUFFER
) -> pd.DataFrame:
    """Return the chips of a scene, and which of them train, validate and test.

    Parameters
    ----------
    landslides : xarray.DataArray (y, x), bool
    method : {"blocked", "random", "published"}
        ``blocked`` keeps whole blocks of neighbouring chips together, with `buffer` pixels between blocks, so that no
        test pixel lies within the buffer of a training pixel. ``random`` takes single chips that touch: neighbours fall
        on both sides, and the test score is too good (Kattenborn et al. 2022 report up to 28 %); it is here to show
        that. ``published`` is the paper's protocol: only chips that hold a landslide, at random, 7 of 10 to training, 2
        to the test, and the rest to validation. Patches have a split of their own, which is then taken; in any other
        each of them is a chip, and a block is their region, or a square of ground if there are few regions.
    seed : int
    buffer : int
        Pixels between two blocks.

    Returns
    -------
    pandas.DataFrame
        One line a chip: ``row``, ``col`` (its upper left pixel), ``block``, ``part`` ("train", "validation", "test"),
        ``landslide_share`` (0 to 1).

    Raises
    ------
    SplitError
        If the scene is smaller than a chip, has too few blocks, or a part has no landslide or nothing but landslides.

    Notes
    -----
    Blocks are put in order of their landslides. Of each five in a row three go to training and one each to validation
    and test, by chance. Of many such trials the one is kept in which the prevalences of the parts are most alike and
    the landslides of the test least concentrated in one block. The split depends on the labels and the seed only: every
    band combination is tested on the same chips.
    """
    if method not in SPLITS:
        raise InputError("chips cannot be split", [f"split={method!r} is unknown; choose one of {', '.join(SPLITS)}"])
    faults = find_kind_faults("a whole number", seed=seed, buffer=buffer)
    if faults or min(seed, buffer) < 0:
        raise InputError("chips cannot be split", faults or [f"{seed=} and {buffer=} must not be negative"])
    if getattr(landslides, "dims", None) != ("y", "x") or landslides.dtype.kind not in "biuf":
        raise InputError("chips cannot be split", ["landslides are not an array (y, x) of True and False"])
    labels = landslides.values > 0
    height, width = labels.shape
    if min(height, width) < SIZE:
        raise SplitError(f"it has {height} x {width} pixels, which is less than one chip of {SIZE} x {SIZE}")
    gap = buffer if method == "blocked" else 0
    for chips_a_side, enough in _BLOCK_SIZES if method == "blocked" else [(1, 0)]:
        chips = _place(labels, gap, chips_a_side)
        if chips["block"].nunique() >= enough:
            break
    if plan := landslides.attrs.get("patches"):
        chips = _place_patches(labels, plan, method)
    random = np.random.default_rng(seed)
    if method == "published" and not plan:
        chips = chips[chips["landslide_share"] > 0].reset_index(drop=True)
        if len(chips) < 20:  # four of them are scored
            raise SplitError(f"{len(chips)} chips hold a landslide and the published split needs 20")
        # the paper trains on 216 of 309 chips and scores on 61; it uses the other 32 for nothing
        train, test = (tenths * len(chips) // 10 for tenths in (7, 2))
        parts = np.repeat(["train", "test", "validation"], [train, test, len(chips) - train - test])
        chips["part"] = random.permutation(parts)
    elif method != "published" and (blocks := chips["block"].nunique()) < len(_FIFTHS):
        raise SplitError(f"it has room for {blocks} separate blocks of chips and {len(_FIFTHS)} are needed")
    elif method != "published":
        chips["part"] = _assign(chips, random)
    check_parts(chips, landslides)
    return chips[["row", "col", "block", "part", "landslide_share", *(["patch"] if plan else [])]]


def _place_patches(labels: NDArray[np.bool_], plan: dict[str, Any], method: str) -> pd.DataFrame:
    """Return the chips of a scene of patches: each patch is one; with the part that the published split gives it."""
    if [*plan["shape"]] != [*labels.shape]:
        raise InputError("chips cannot be split", ["a part of a scene of patches cannot be; choose regions instead"])
    chips = _place(labels, BUFFER, 1)[: len(plan["block"])]
    chips["patch"] = chips["block"]
    if method == "random":
        return chips
    chips["block"] = plan["block"]
    if method == "published":
        chips["part"] = plan["part"]
        chips = chips[chips["part"] != ""].reset_index(drop=True)
        if chips.empty:
            fault = "no splits.json of S12LS-LD is beside the patches; take blocked"
            raise InputError("chips cannot be split", [fault])
    return chips


def _place(labels: NDArray[np.bool_], gap: int, chips_a_side: int) -> pd.DataFrame:
    """Return chips in square blocks with a gap between blocks; a last block may be narrower."""

    def starts(length: int) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        start = 0
        while start + SIZE <= length:
            block = len(places) // chips_a_side
            places.append((start, block))
            start += SIZE + (gap if len(places) % chips_a_side == 0 else 0)
        return places

    rows, cols = starts(labels.shape[0]), starts(labels.shape[1])
    across = cols[-1][1] + 1
    places = [
        (row, col, row_block * across + col_block, float(labels[row : row + SIZE, col : col + SIZE].mean()))
        for row, row_block in rows
        for col, col_block in cols
    ]
    return pd.DataFrame(places, columns=["row", "col", "block", "landslide_share"])


def _assign(chips: pd.DataFrame, random: np.random.Generator) -> pd.Series:
    """Return the part of each chip: the most even of several trials."""
    blocks = chips.groupby("block")["landslide_share"].agg(["sum", "size"])
    sums, sizes = blocks["sum"].to_numpy(), blocks["size"].to_numpy()
    part, best, least = np.empty(len(blocks), object), np.empty(0, object), np.inf
    for _ in range(_TRIALS):
        order = random.permutation(len(blocks))
        order = order[np.argsort(-sums[order], kind="stable")]
        fifths = [random.permutation(_FIFTHS) for _ in range(0, len(order), len(_FIFTHS))]
        part[order] = np.concatenate(fifths)[: len(order)]
        prevalence = np.array([sums[part == name].sum() / max(sizes[part == name].sum(), 1) for name in PARTS])
        test = sums[part == "test"]
        concentration = test.max(initial=0) / max(test.sum(), 1e-9)  # a test that depends on one block says little
        unevenness = (prevalence.max() - prevalence.min()) / max(prevalence.mean(), 1e-9)
        if unevenness + concentration < least:
            best, least = part.copy(), unevenness + concentration
    return chips["block"].map(pd.Series(best, index=blocks.index))


def cut_chips(chips: pd.DataFrame, landslides: xr.DataArray, crop: int) -> pd.DataFrame:
    """Return the squares that chips are cut into: the same columns, one line a square.

    Parameters
    ----------
    chips : pandas.DataFrame
        As :func:`split_chips` returns it, or some lines of it.
    landslides : xarray.DataArray (y, x), bool
        Only the windows of the chips are read.
    crop : int
        Width and height of a square in pixels; 128 must be a multiple of it.
    """
    rows = []
    for chip in chips.to_dict("records"):
        top, left = chip["row"], chip["col"]
        labels = landslides[top : top + SIZE, left : left + SIZE].values
        for row, col in itertools.product(range(0, SIZE, crop), repeat=2):
            share = labels[row : row + crop, col : col + crop].mean()
            rows.append({**chip, "row": top + row, "col": left + col, "landslide_share": share})
    return pd.DataFrame(rows, columns=chips.columns)


def check_parts(chips: pd.DataFrame, landslides: xr.DataArray, valid: xr.DataArray | None = None) -> None:
    """Refuse a split in which, where there is data, a part has no landslide or nothing else.

    Parameters
    ----------
    chips : pandas.DataFrame
        As :func:`split_chips` returns it; it knows the labels but not where an image has data.
    landslides, valid : xarray.DataArray (y, x), bool

    Raises
    ------
    SplitError
        Naming each such part.
    """
    faults = []
    data, remedy = "", "check the labels, take a larger scene, or try another seed"
    if valid is not None:
        data, remedy = " with data", "check where the passes have data, or try another seed or orbit"
    labels, seen = landslides.values, np.broadcast_to(True, landslides.shape) if valid is None else valid.values
    for part in PARTS:
        places = [tuple(window.place.values()) for window in windows(chips, part)]  # not a mask of a large scene
        pixels = sum(np.count_nonzero(seen[place]) for place in places)
        slid = sum(np.count_nonzero(labels[place][seen[place]]) for place in places)
        if slid in (0, pixels):
            kind = "no pixel" if pixels == 0 else "no landslide" if slid == 0 else "nothing but landslides"
            faults.append(f"{kind}{data} in the {part} chips ({(chips['part'] == part).sum()})")
    if faults:
        raise SplitError(*faults, remedy=remedy)


def part_mask(chips: pd.DataFrame, part: str, like: xr.DataArray, *, only_landslides: bool = False) -> xr.DataArray:
    """Return a mask (y, x) that is true on the pixels of a part's chips.

    Parameters
    ----------
    chips : pandas.DataFrame
        As :func:`split_chips` returns it.
    part : {"train", "validation", "test"}
    like : xarray.DataArray (..., y, x)
        Gives the grid.
    only_landslides : bool
        Whether to take only chips that hold a landslide: the paper's way.
    """
    mask = np.zeros((like.sizes["y"], like.sizes["x"]), bool)
    for window in windows(chips, part, only_landslides=only_landslides):
        mask[tuple(window.place.values())] = True
    return xr.DataArray(mask, dims=("y", "x"), coords={"y": like["y"], "x": like["x"]})


def corners(chips: pd.DataFrame, part: str, *, only_landslides: bool = False) -> list[tuple[int, int]]:
    """Return the upper left pixel (row, column) of each chip of a part."""
    chosen = chips[chips["part"] == part]
    chosen = chosen[chosen["landslide_share"] > 0] if only_landslides else chosen
    return [(int(row), int(col)) for row, col in chosen[["row", "col"]].to_numpy()]


def windows(chips: pd.DataFrame, part: str, *, only_landslides: bool = False) -> list[Window]:
    """Return the window of each chip of a part, which has its rows and columns as ``isel`` takes them."""
    return [Window(*corner, SIZE, SIZE) for corner in corners(chips, part, only_landslides=only_landslides)]


def richest_test_block(chips: pd.DataFrame) -> pd.DataFrame:
    """Return the test chips of the block in which most slid."""
    tested = chips[chips["part"] == "test"]
    return tested[tested["block"] == tested.groupby("block")["landslide_share"].sum().idxmax()]


def draw_chips(landslides: NDArray[np.bool_], share: float, count: int, seed: int = 0) -> NDArray[np.intp]:
    """Return the numbers (count,) of the chips that a training sees, in order.

    Parameters
    ----------
    landslides : numpy.ndarray (chip,), bool
        Which chips hold a landslide.
    share : float
        Share of the draws, 0 to 1, that hold one. Chips of one kind take turns: each is drawn once before any is drawn
        again. If all chips are of one kind, all take turns.
    count, seed : int
    """
    random = np.random.default_rng(seed)
    of_landslides = random.random(count) < share
    if landslides.all() or not landslides.any():
        of_landslides[:] = landslides.all()
    drawn = np.empty(count, np.intp)
    for kind in (True, False):
        numbers, places = np.flatnonzero(landslides == kind), np.flatnonzero(of_landslides == kind)
        if places.size:
            turns = [random.permutation(numbers) for _ in range(0, places.size, numbers.size)]
            drawn[places] = np.concatenate(turns)[: places.size]
    return drawn
