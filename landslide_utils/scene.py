"""A scene to train on and test on: its composite, its chips, and the levels that its image is normalised by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from landslide_utils.chips import SIZE, cut_chips, windows
from landslide_utils.composite import keep_composite
from landslide_utils.grid import windows_of


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel over the training chips; they belong to the network's weights."""

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    def fit(cls, image: xr.DataArray, chips: pd.DataFrame | None) -> Normalisation:
        """Return what an image (channel, y, x) has on the valid pixels of the training chips, without these on all."""
        names = tuple(str(name) for name in image["channel"].values)
        count, total, squares = np.zeros((3, len(names)))
        origin = None  # sums of squares are exact only near zero
        places = windows_of(image.sizes["y"], image.sizes["x"], SIZE) if chips is None else windows(chips, "train")
        for window in places:  # one by one, so that the image need not fit in memory
            values = image.isel(window.place).values.astype(np.float64)
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
        parts = (xr.DataArray(part.ravel(), dims="channel") for part in self.parts(image))
        out: xr.DataArray = xr.apply_ufunc(
            standardise, image, *parts, dask="parallelized", output_dtypes=[np.float32], keep_attrs=True
        )
        return out

    def parts(self, image: xr.DataArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mean and standard deviation, each (channel, 1, 1), of an image that has the channels measured here."""
        names = tuple(str(name) for name in image["channel"].values)
        if names != self.channels:
            given, measured = ", ".join(names), ", ".join(self.channels)
            raise ValueError(f"the image has the channels {given}, but the normalisation was measured on {measured}")
        mean, sd = np.array([self.mean, self.sd], np.float32)[..., None, None]
        return mean, sd


def standardise(values: NDArray[Any], mean: NDArray[np.float32], sd: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values with mean 0 and standard deviation 1; 0 where there is no data."""
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
        As :func:`landslide_utils.chips.split_chips` returns it.
    normalisation : Normalisation
    """

    composite: xr.Dataset
    chips: pd.DataFrame
    normalisation: Normalisation

    @classmethod
    def fit(cls, composite: xr.Dataset, chips: pd.DataFrame) -> Scene:
        """Return a scene that is normalised by its own training chips; a lazy composite is computed once, and kept."""
        if composite["image"].chunks:  # or each step of a training would compute its chips anew
            composite = keep_composite(composite)
        return cls(composite, chips, Normalisation.fit(composite["image"], chips))

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
    crop : int
        Width and height in pixels of the squares that each chip is cut into; those take its place.
    draws : numpy.ndarray (n,), optional
        Numbers of chips, as :func:`landslide_utils.chips.draw_chips` returns them; without it each chip once.
    seed : int, optional
        With it, each draw is shifted by up to half its width, inside its block, and half of them are mirrored north to
        south. The same draw of the same seed is always the same.

    Notes
    -----
    ``chipset[i]`` has ``image`` (channel, 128, 128), ``landslides`` (1, 128, 128) and ``valid`` (1, 128, 128), all
    float32; with `crop`, so many pixels instead of 128. Only the window of the chip is read.

    The radar looks nearly west or nearly east, so a scene mirrored north to south is one that it could have seen;
    mirrored east to west it would be lit from the wrong side, and quarter turns likewise. With the ground, the
    northward part of its aspect changes sign.
    """

    def __init__(
        self,
        scene: Scene,
        part: str,
        *,
        crop: int = SIZE,
        draws: NDArray[np.intp] | None = None,
        seed: int | None = None,
    ) -> None:
        self.scene = scene
        self.table = scene.chips[scene.chips["part"] == part].reset_index(drop=True)
        if crop < SIZE:
            self.table = cut_chips(self.table, scene.landslides, crop)
        self.crop = crop
        self.draws = np.arange(len(self.table)) if draws is None else draws
        self.seed = seed
        self.parts = scene.normalisation.parts(scene.composite["image"])
        # without coordinates: to cut them for each chip takes longer than to read it
        self.layers = [scene.composite[name].variable for name in ("image", "landslides", "valid")]
        names = scene.normalisation.channels
        self.northward = names.index("aspect_cos") if "aspect_cos" in names else None
        same_block = self.table.groupby("patch" if "patch" in self.table else "block")
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
            shift = random.integers(-self.crop // 2, self.crop // 2, 2, endpoint=True)
            row, col = np.clip(np.add((row, col), shift), self.first[chip], self.last[chip])
            step = int(random.choice([1, -1]))
        window = {"y": slice(row, row + self.crop), "x": slice(col, col + self.crop)}
        values, landslides, valid = (layer.isel(window).values[..., ::step, :] for layer in self.layers)
        image = np.ascontiguousarray(standardise(values, *self.parts))
        if step == -1 and self.northward is not None:
            image[self.northward] *= -1
        return {
            "image": image,
            "landslides": landslides[None].astype(np.float32),
            "valid": valid[None].astype(np.float32),
        }


def find_layer_faults(composite: xr.Dataset, masks: Mapping[str, xr.DataArray]) -> list[str]:
    """Return what keeps a composite's image, its ``valid`` and more masks from being layers of one scene."""
    image, faults = composite["image"], []
    if image.dims != ("channel", "y", "x") or not image.size or image.dtype.kind not in "iuf":
        found = f"{dict(image.sizes)} of {image.dtype}"
        return [f"the image is {found} where some (channel, y, x) of real numbers are needed"]
    wanted = {axis: image.sizes[axis] for axis in ("y", "x")}
    for name, mask in {"valid": composite["valid"], **masks}.items():
        if dict(mask.sizes) != wanted or mask.dtype != bool:
            found = f"{dict(mask.sizes)} of {mask.dtype}"
            faults.append(f"{name} is {found} where true or false is needed for the image's {wanted}; bring it there")
    return faults
