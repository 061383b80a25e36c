from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.metrics import log_loss

from landslide_utils.chips import SIZE
from landslide_utils.scene import ChipSet, Normalisation, Scene


def _labels(shape: tuple[int, int] = (900, 1000), seed: int = 0, share: float = 0.001) -> xr.DataArray:
    labels = np.random.default_rng(seed).uniform(size=shape) < share
    return xr.DataArray(labels, dims=("y", "x"), coords={"y": -np.arange(shape[0]), "x": np.arange(shape[1])})


def _scene(image: xr.DataArray, labels: xr.DataArray, chips: pd.DataFrame) -> Scene:
    names = tuple(str(name) for name in image["channel"].values)
    unchanged = Normalisation(names, (0.0,) * len(names), (1.0,) * len(names))
    valid = image.notnull().all("channel")
    return Scene(xr.Dataset({"image": image, "landslides": labels, "valid": valid}), chips, unchanged)


def _image(shape: tuple[int, int], names: tuple[str, ...] = ("vv_before", "vv_after"), seed: int = 1) -> xr.DataArray:
    values = np.random.default_rng(seed).normal(-7, 2, (len(names), *shape)).astype("float32")
    return xr.DataArray(
        values,
        dims=("channel", "y", "x"),
        coords={"channel": list(names), "y": -np.arange(shape[0]), "x": np.arange(shape[1])},
    )


def test_normalisation_sees_training_chips_only(four_chips: pd.DataFrame) -> None:
    image = _image((128, 600))
    poisoned = image.copy(deep=True)
    poisoned[:, :, 256:] = 1e6  # everything that is not training
    poisoned[0, 3, 4] = np.nan
    found = Normalisation.fit(poisoned, four_chips)
    train = image.values[:, :, :256].astype(float)
    assert found.mean == pytest.approx(train.mean((1, 2)), rel=1e-4)
    assert found.sd == pytest.approx(train.std((1, 2)), rel=1e-4)
    applied = found.apply(poisoned)
    assert applied.values[0, 3, 4] == 0  # no data becomes the mean
    assert np.nanmean(applied.values[:, :, :256]) == pytest.approx(0, abs=1e-3)
    assert np.nanstd(applied.values[:, :, :256]) == pytest.approx(1, abs=1e-3)


def test_a_lazy_composite_is_computed_once(four_chips: pd.DataFrame) -> None:
    computed = []

    def count(block: np.ndarray) -> np.ndarray:
        computed.append(block.shape)
        return block

    image = _image((128, 600))
    lazy = _scene(image, _labels((128, 600)), four_chips).composite.chunk({"x": 300})
    lazy["image"] = lazy["image"].copy(data=lazy["image"].data.map_blocks(count, meta=image.values[:0]))
    scene = Scene.fit(lazy, four_chips)
    assert len(computed) == 2
    chip = ChipSet(scene, "train")[0]
    assert len(computed) == 2
    mean, sd = scene.normalisation.parts(image)
    np.testing.assert_allclose(chip["image"], (image.values[:, :, :128] - mean) / sd, rtol=1e-5)


def test_the_levels_of_a_whole_image_are_those_of_all_its_pixels() -> None:
    values = np.random.default_rng(4).normal([[[-7.0]], [[-13.0]]], 2, (2, 200, 300)).astype(np.float32)
    values[0, :150, :20] = np.nan
    image = xr.DataArray(values, dims=("channel", "y", "x"), coords={"channel": ["vv", "vh"]})
    found = Normalisation.fit(image, None)
    np.testing.assert_allclose(found.mean, np.nanmean(values, axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found.sd, np.nanstd(values, axis=(1, 2)), rtol=1e-5)


def test_normalisation_belongs_to_its_channels(four_chips: pd.DataFrame) -> None:
    found = Normalisation.fit(_image((128, 600)), four_chips)
    with pytest.raises(ValueError, match="measured on vv_before, vv_after"):
        found.apply(_image((128, 600), ("vh_before", "vh_after")))


def test_a_lazy_image_stays_lazy_and_is_normalised_as_one_in_memory(four_chips: pd.DataFrame) -> None:
    image = _image((128, 576)).assign_attrs(region="nowhere")
    image[0, 5:9, 20:40] = np.nan
    lazy = image.chunk({"channel": 1, "y": 50, "x": 100})
    normalisation = Normalisation.fit(image, four_chips)
    assert Normalisation.fit(lazy, four_chips) == normalisation
    got = normalisation.apply(lazy)
    assert got.chunks == lazy.chunks
    assert got.dtype == np.float32
    xr.testing.assert_identical(got.load(), normalisation.apply(image))
    assert got.attrs == image.attrs
    assert not got.values[0, 5:9, 20:40].any()


def test_a_constant_channel_and_aspect_are_left_in_place(four_chips: pd.DataFrame) -> None:
    image = _image((128, 600), ("elevation", "aspect_cos")) * 0
    found = Normalisation.fit(image, four_chips)
    assert found.sd == (1.0, 1.0)
    assert found.mean[1] == 0


def test_a_chip_is_a_window_of_the_arrays(four_chips: pd.DataFrame) -> None:
    image, labels = _image((128, 600)), _labels((128, 600), share=0.1)
    scene = _scene(image, labels, four_chips)
    chips = ChipSet(scene, "test")
    assert len(chips) == 1
    got = chips[0]
    assert np.array_equal(got["image"], image.values[:, :, 448:576])
    assert np.array_equal(got["landslides"][0], labels.values[:, 448:576])
    assert got["landslides"].dtype == got["valid"].dtype == np.float32
    drawn = ChipSet(scene, "train", draws=np.array([1, 0, 1]))
    assert [float(chip["image"][0, 0, 0]) for chip in drawn] == [float(image[0, 0, c]) for c in (128, 0, 128)]


def test_chips_become_what_torchgeo_wants_by_the_lines_that_are_shown(four_chips: pd.DataFrame) -> None:
    import torch
    from torch.utils.data import DataLoader

    page = (Path(__file__).parents[1] / "docs" / "other_tools.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], shown)
    image, labels = _image((128, 600)), _labels((128, 600), share=0.1)
    image[0, 5:9, 128:140] = np.nan
    chips = ChipSet(_scene(image, labels, four_chips), "train")
    (batch,) = DataLoader(chips, batch_size=2, collate_fn=shown["for_torchgeo"])  # type: ignore[arg-type]
    assert batch["image"].shape == (2, 2, 128, 128)
    assert batch["image"].dtype == torch.float32
    assert (batch["mask"].shape, batch["mask"].dtype) == ((2, 128, 128), torch.int64)
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 2, 128, 128)))
    loss = torch.nn.functional.cross_entropy(logits, batch["mask"], ignore_index=255).item()
    valid, slid = (np.concatenate([chip[name] for chip in chips]).astype(bool) for name in ("valid", "landslides"))
    assert loss == pytest.approx(log_loss(slid[valid], logits.softmax(1)[:, 1].numpy()[valid]))


def test_crops_take_the_place_of_chips_and_stay_near_their_own_place(four_chips: pd.DataFrame) -> None:
    image, labels = _image((128, 600), ("vv_before",)), _labels((128, 600), share=0.1)
    image[0] = np.arange(600, dtype="float32")[None, :] + 1000 * np.arange(128, dtype="float32")[:, None]
    scene = _scene(image, labels, four_chips)
    still = ChipSet(scene, "train", crop=64)
    assert len(still) == 4 * (four_chips["part"] == "train").sum()
    draws = np.repeat(np.arange(len(still)), 10)
    shifted = ChipSet(scene, "train", crop=64, draws=draws, seed=0)
    far = []
    for number, draw in enumerate(draws):
        got, (row, col) = shifted[number], still.corner[draw]
        assert got["image"].shape == (1, 64, 64)
        start = int(got["image"].min())
        assert got["landslides"].sum() == labels.values[start // 1000 :, start % 1000 :][:64, :64].sum()
        far.append((start // 1000 - row, start % 1000 - col))
        assert 0 <= start // 1000 <= 64
    assert np.abs(far).max() <= 32
    assert np.abs(far).max(axis=0).min() > 16


def test_augmentation_stays_inside_the_block_and_turns_the_northward_aspect(four_chips: pd.DataFrame) -> None:
    image = _image((128, 600), ("vv_before", "aspect_cos"))
    image[0] = np.arange(600, dtype="float32")[None, :] + np.arange(128)[:, None] / 1000
    labels = _labels((128, 600), share=0.1)
    chips = ChipSet(_scene(image, labels, four_chips), "train", draws=np.zeros(40, int), seed=0)
    assert np.array_equal(chips[7]["image"], chips[7]["image"])  # the same draw of the same seed
    mirrored = 0
    for number in range(40):
        got = chips[number]
        start = round(float(got["image"][0].min()))
        assert 0 <= start <= 128
        window = np.s_[:, start : start + SIZE]
        flipped = got["image"][0][0, 0] > got["image"][0][-1, 0]
        step = -1 if flipped else 1
        mirrored += flipped
        assert np.array_equal(got["image"][0], image.values[0][window][::step])
        assert np.array_equal(got["image"][1], step * image.values[1][window][::step])
        assert np.array_equal(got["landslides"][0], labels.values[window][::step])
    assert 10 < mirrored < 30
