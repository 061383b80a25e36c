"""Chips of a scene: where they lie, which train, validate and test, and what normalises them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from landslide_utils.files import InputError

SIZE = 128
BUFFER = 32
"""Pixels between chips of different parts in a blocked split.

320 m at 10 m: longer than 95 of 100 landslides of the Hokkaido inventory (281 m).
"""

SPLITS = ("blocked", "random")
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
    landslides: xr.DataArray, *, method: str = "blocked", seed: int = 0, size: int = SIZE, buffer: int = BUFFER
) -> pd.DataFrame:
    """Return the chips of a scene, and which of them train, validate and test.

    Parameters
    ----------
    landslides : xarray.DataArray (y, x), bool
    method : {"blocked", "random"}
        ``blocked`` keeps whole blocks of neighbouring chips together, with `buffer` pixels between blocks, so that no
        test pixel lies within the buffer of a training pixel. ``random`` takes single chips that touch: neighbours fall
        on both sides, and the test score is too good (Kattenborn et al. 2022 report up to 28 %); it is here to show
        that, and to compare with the paper.
    seed : int
    size : int
        Width and height of a chip in pixels.
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
    labels = landslides.values
    height, width = labels.shape
    if min(height, width) < size:
        raise SplitError(f"it has {height} x {width} pixels, which is less than one chip of {size} x {size}")
    gap = buffer if method == "blocked" else 0
    for chips_a_side, enough in _BLOCK_SIZES if method == "blocked" else [(1, 0)]:
        chips = _place(labels, size, gap, chips_a_side)
        if chips["block"].nunique() >= enough:
            break
    blocks = chips["block"].nunique()
    if blocks < len(_FIFTHS):
        raise SplitError(f"it has room for {blocks} separate blocks of chips and {len(_FIFTHS)} are needed")
    chips["part"] = _assign(chips, np.random.default_rng(seed))
    check_parts(chips, landslides)
    return chips[["row", "col", "block", "part", "landslide_share"]]


def _place(labels: NDArray[np.bool_], size: int, gap: int, chips_a_side: int) -> pd.DataFrame:
    """Return chips in square blocks with a gap between blocks; a last block may be narrower."""

    def starts(length: int) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        start = 0
        while start + size <= length:
            block = len(places) // chips_a_side
            places.append((start, block))
            start += size + (gap if len(places) % chips_a_side == 0 else 0)
        return places

    rows, cols = starts(labels.shape[0]), starts(labels.shape[1])
    across = cols[-1][1] + 1
    places = [
        (row, col, row_block * across + col_block, float(labels[row : row + size, col : col + size].mean()))
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
    for part in PARTS:
        chosen = part_mask(chips, part, landslides).values & (True if valid is None else valid.values)
        labels = landslides.values[chosen]
        if not labels.any() or labels.all():
            kind = "no pixel" if labels.size == 0 else "no landslide" if not labels.any() else "nothing but landslides"
            faults.append(f"{kind}{data} in the {part} chips ({(chips['part'] == part).sum()})")
    if faults:
        raise SplitError(*faults, remedy=remedy)


def part_mask(
    chips: pd.DataFrame, part: str, like: xr.DataArray, *, only_landslides: bool = False, size: int = SIZE
) -> xr.DataArray:
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
    for row, col in corners(chips, part, only_landslides=only_landslides):
        mask[row : row + size, col : col + size] = True
    return xr.DataArray(mask, dims=("y", "x"), coords={"y": like["y"], "x": like["x"]})


def corners(chips: pd.DataFrame, part: str, *, only_landslides: bool = False) -> list[tuple[int, int]]:
    """Return the upper left pixel (row, column) of each chip of a part."""
    chosen = chips[chips["part"] == part]
    chosen = chosen[chosen["landslide_share"] > 0] if only_landslides else chosen
    return [(int(row), int(col)) for row, col in chosen[["row", "col"]].to_numpy()]


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel over the training chips; they belong to the network's weights."""

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    def fit(cls, image: xr.DataArray, chips: pd.DataFrame) -> Normalisation:
        """Return what an image (channel, y, x) has on the valid pixels of the training chips, and on no other."""
        names = tuple(str(name) for name in image["channel"].values)
        count, total, squares = np.zeros((3, len(names)))
        origin = None  # sums of squares are exact only near zero
        for row, col in corners(chips, "train"):  # chip by chip, so that the image need not fit in memory
            values = image.isel(y=slice(row, row + SIZE), x=slice(col, col + SIZE)).values.astype(np.float64)
            if origin is None:
                origin = np.nan_to_num(np.fmin.reduce(values, axis=(1, 2)))
            valid = np.isfinite(values)
            values = np.where(valid, values - origin[:, None, None], 0)
            count += valid.sum(axis=(1, 2))
            total += values.sum(axis=(1, 2))
            squares += (values**2).sum(axis=(1, 2))
        shifted = total / np.maximum(count, 1)
        spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - shifted**2, 0))
        mean = np.where(count > 0, shifted + (0 if origin is None else origin), 0).tolist()
        sd = np.where(spread > 0, spread, 1).tolist()
        for i, name in enumerate(names):
            if name in ("aspect_sin", "aspect_cos"):  # already between -1 and 1, and 0 must stay flat ground
                mean[i], sd[i] = 0.0, 1.0
        return cls(names, tuple(mean), tuple(sd))

    def apply(self, image: xr.DataArray) -> xr.DataArray:
        """Return the image with mean 0 and standard deviation 1 on the training chips; 0 where there is no data.

        Lazy if the image is.
        """
        names = tuple(str(name) for name in image["channel"].values)
        if names != self.channels:
            given, measured = ", ".join(names), ", ".join(self.channels)
            raise ValueError(f"the image has the channels {given}, but the normalisation was measured on {measured}")
        parts = (xr.DataArray(np.array(part, np.float32), dims="channel") for part in (self.mean, self.sd))
        out: xr.DataArray = xr.apply_ufunc(
            _standardise, image, *parts, dask="parallelized", output_dtypes=[np.float32], keep_attrs=True
        )
        return out


def _standardise(values: NDArray[Any], mean: NDArray[np.float32], sd: NDArray[np.float32]) -> NDArray[np.float32]:
    out: NDArray[np.float32] = np.subtract(values, mean, dtype=np.float32)
    out /= sd
    out[~np.isfinite(out)] = 0
    return out


@dataclass(frozen=True)
class Scene:
    """What is trained and tested on: a composite, its chips, and what its image is normalised by.

    Attributes
    ----------
    composite : xarray.Dataset
        As :func:`landslide_utils.composite.make_composite` returns it: in memory, or read window by window.
    chips : pandas.DataFrame
        As :func:`split_chips` returns it.
    normalisation : Normalisation
    """

    composite: xr.Dataset
    chips: pd.DataFrame
    normalisation: Normalisation

    @classmethod
    def fit(cls, composite: xr.Dataset, chips: pd.DataFrame) -> Scene:
        """Return a scene that is normalised by its own training chips."""
        return cls(composite, chips, Normalisation.fit(composite["image"], chips))

    @property
    def image(self) -> xr.DataArray:
        """Return the normalised image (channel, y, x), 0 where there is no data; lazy if the composite is."""
        return self.normalisation.apply(self.composite["image"])

    @property
    def landslides(self) -> xr.DataArray:
        """Return the labels, bool (y, x)."""
        return self.composite["landslides"]

    @property
    def valid(self) -> xr.DataArray:
        """Return where every channel has data, bool (y, x)."""
        return self.composite["valid"]


class ChipSet:
    """The chips of one part, as a torch ``DataLoader`` wants them: ``len()``, and by number a dictionary of arrays.

    Parameters
    ----------
    scene : Scene
        Only where it has data is anything learnt or scored.
    part : {"train", "validation", "test"}
    draws : numpy.ndarray (n,), optional
        Numbers of chips, as :func:`landslide_utils.train.draw_chips` returns them; without it each chip once.
    seed : int, optional
        With it, each draw is taken from a random place inside its block and half of them are mirrored north to south.
        The same draw of the same seed is always the same.

    Notes
    -----
    ``chipset[i]`` has ``image`` (channel, 128, 128), ``landslides`` (1, 128, 128) and ``valid`` (1, 128, 128), all
    float32. Only the window of the chip is read.

    The radar looks nearly west or nearly east, so a scene mirrored north to south is one that it could have seen;
    mirrored east to west it would be lit from the wrong side, and quarter turns likewise. With the ground, the
    northward part of its aspect changes sign.
    """

    def __init__(
        self,
        scene: Scene,
        part: str,
        *,
        draws: NDArray[np.intp] | None = None,
        seed: int | None = None,
    ) -> None:
        self.scene = scene
        self.table = scene.chips[scene.chips["part"] == part].reset_index(drop=True)
        self.draws = np.arange(len(self.table)) if draws is None else draws
        self.seed = seed
        names = scene.normalisation.channels
        self.northward = names.index("aspect_cos") if "aspect_cos" in names else None
        same_block = self.table.groupby("block")
        self.corner = self.table[["row", "col"]].to_numpy()
        self.first = same_block[["row", "col"]].transform("min").to_numpy()
        self.last = same_block[["row", "col"]].transform("max").to_numpy()

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, index: int) -> dict[str, NDArray[Any]]:
        chip, step = self.draws[index], 1
        row, col = self.corner[chip]
        if self.seed is not None:
            random = np.random.default_rng([self.seed, index])
            row, col = random.integers(self.first[chip], self.last[chip], endpoint=True)
            step = int(random.choice([1, -1]))
        window = self.scene.composite.isel(y=slice(row, row + SIZE), x=slice(col, col + SIZE))
        image = np.ascontiguousarray(self.scene.normalisation.apply(window["image"]).values[:, ::step])
        if step == -1 and self.northward is not None:
            image[self.northward] *= -1
        landslides, valid = (window[name].values[None, ::step].astype(np.float32) for name in ("landslides", "valid"))
        return {"image": image, "landslides": landslides, "valid": valid}
