from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from landslide_utils import predict
from landslide_utils.model import PRESETS, build_model
from landslide_utils.predict import Tiling, map_scene

EXACT = 2e-5
"""Tolerance where a network looks no further than three eighths of the overlap: weights next to an edge, rounding."""

UNET = 0.01
"""Tolerance for the quick UNet++, which looks further than that."""


@given(length=st.integers(1, 3000), tile=st.integers(2, 300), data=st.data())
def test_tiles_cover_every_pixel_in_even_steps(length: int, tile: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, tile - 1))
    starts = Tiling(tile, overlap).starts(length)
    covered = np.zeros(starts[-1] + tile, int)
    for start in starts:
        covered[start : start + tile] += 1
    assert covered[:length].min() == 1
    assert np.all(np.diff(starts) == tile - overlap)
    assert starts[-1] < length or length <= overlap
    assert len(starts) == 1 or starts[-2] + tile < length  # no tile too many


def test_an_overlap_as_wide_as_a_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="overlap=128 must be at least 0 and less than the tile"):
        Tiling(128, 128)


class Near(torch.nn.Module):
    """A network that sees so many pixels in each direction: 0 is a network without neighbourhood."""

    def __init__(self, sees: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        width = 2 * sees + 1
        self.weight = torch.nn.Conv2d(2, 1, width, padding=sees)
        with torch.no_grad():
            self.weight.weight *= 3  # probabilities over the whole range

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight(x)


def noise(height: int, width: int, channels: int = 2) -> xr.DataArray:
    values = np.random.default_rng(0).normal(size=(channels, height, width)).astype("float32")
    places = {"y": -10.0 * np.arange(height), "x": 10.0 * np.arange(width)}
    return xr.DataArray(values, dims=("channel", "y", "x"), coords=places, attrs={"region": "nowhere"})


def whole(model: torch.nn.Module, image: xr.DataArray) -> np.ndarray:
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(image.values)[None]))[0, 0].numpy()


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 210), width=st.integers(1, 210), overlap=st.integers(0, 31))
def test_every_pixel_is_mapped_as_without_tiles(height: int, width: int, overlap: int) -> None:
    image, model = noise(height, width), Near(0)
    got = map_scene(model, image, tiling=Tiling(64, overlap), progress=False)
    assert got.dims == ("y", "x")
    assert np.allclose(got.values, whole(model, image), atol=EXACT)
    assert np.array_equal(got["x"], image["x"])
    assert got.attrs["share_mapped"] == 1
    assert got.attrs["region"] == "nowhere"


@settings(max_examples=15, deadline=None)
@given(down=st.integers(0, 70), right=st.integers(0, 70), overlap=st.sampled_from([16, 24, 30]))
def test_another_tiling_gives_the_same_map(down: int, right: int, overlap: int) -> None:
    image, sees = noise(230, 250), 4
    model = Near(sees)
    shifted = map_scene(model, image[:, down:, right:], tiling=Tiling(64, overlap), progress=False)
    expected = whole(model, image)[down:, right:]
    inner = (slice(sees, -sees), slice(sees, -sees))  # at the edge of the scene the network sees its own padding
    assert np.abs(shifted.values - expected)[inner].max() < EXACT


@pytest.fixture(scope="module")
def unet() -> torch.nn.Module:
    """Return the quick UNet++ with random weights, and the running statistics that training would give it."""
    torch.manual_seed(0)
    model = build_model(2, PRESETS["quick"])
    with torch.no_grad():
        for _ in range(20):
            model.train()(torch.from_numpy(noise(128, 128).values[None]))
    return model.eval()


@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(down=st.integers(1, 15), right=st.integers(1, 15))
def test_another_tiling_hardly_changes_a_unet(unet: torch.nn.Module, down: int, right: int) -> None:
    image = noise(330, 350)
    one = map_scene(unet, image, tiling=Tiling(128), progress=False)
    other = map_scene(unet, image[:, 4 * down :, 4 * right :], tiling=Tiling(128), progress=False)
    change = np.abs(one.values[4 * down :, 4 * right :] - other.values)[64:-64, 64:-64]
    assert one.values.std() > 0.02  # the network does answer to what it sees
    assert change.max() < UNET


def test_a_lazy_scene_is_streamed_to_a_store_chunk_by_chunk(tmp_path: Path) -> None:
    image = noise(300, 260)
    valid = xr.DataArray(np.ones((300, 260), bool), dims=("y", "x"))
    valid[100:180, 30:] = False
    reads: list[tuple[int, ...]] = []

    def read(block: np.ndarray, block_info: dict[int, dict[str, tuple[int, ...]]]) -> np.ndarray:
        reads.append(tuple(block_info[0]["chunk-location"]))
        return block

    source = da.from_array(image.values, chunks=(1, 90, 100))
    lazy = image.copy(data=da.map_blocks(read, source, dtype="float32", meta=np.empty((0, 0, 0), "float32")))
    model = Near(2)
    expected = map_scene(model, image, valid=valid, tiling=Tiling(64, 16), progress=False)
    got = map_scene(
        model, lazy, valid=valid.chunk(50), tiling=Tiling(64, 16), out=tmp_path / "map.zarr", progress=False
    )
    assert got.chunks is not None
    assert got.dtype == np.float32
    xr.testing.assert_identical(got.load(), expected)
    assert sorted(reads) == sorted({*reads})  # every chunk once
    assert len(reads) == 2 * 4 * 3
    assert [path.name for path in tmp_path.iterdir()] == ["map.zarr"]


@pytest.mark.parametrize("most", [30, 100, 130])
def test_strips_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, most: int) -> None:
    image, model = noise(100, 333), Near(3)
    expected = map_scene(model, image, tiling=Tiling(64, 20), progress=False)
    monkeypatch.setattr(predict, "MOST_COLUMNS", most)
    got = map_scene(model, image, tiling=Tiling(64, 20), out=tmp_path / "map.zarr", progress=False)
    assert np.allclose(got.values, expected.values, atol=1e-6)
    assert got.attrs == expected.attrs
    assert got.chunks is not None
    assert len(got.chunks[1]) > 1


def test_nothing_is_shown_where_nothing_is_known_and_the_shares_say_so() -> None:
    image = noise(100, 200)
    valid, layover, shadow = (
        xr.DataArray(np.full((100, 200), start), dims=("y", "x")) for start in (True, False, False)
    )
    valid[:, 150:] = False  # whole tiles without data
    valid[10:20, 10:20] = False
    layover[30:40, 0:50] = True
    shadow[35:45, 0:50] = True
    masks = xr.Dataset({"layover": layover, "shadow": shadow})
    got = map_scene(Near(0), image, valid=valid, layover_and_shadow=masks, tiling=Tiling(64, 8), progress=False)
    known = (valid & ~layover & ~shadow).values
    assert np.array_equal(np.isfinite(got.values), known)
    assert np.allclose(got.values[known], whole(Near(0), image)[known], atol=EXACT)
    assert got.attrs["share_mapped"] == known.mean()
    assert got.attrs["share_without_data"] == (50 * 100 + 100) / 20_000
    assert got.attrs["share_layover"] == got.attrs["share_shadow"] == 500 / 20_000


def test_a_mask_of_another_size_is_refused() -> None:
    valid = xr.DataArray(np.ones((20, 30), bool), dims=("y", "x"))
    with pytest.raises(ValueError, match="valid has 20 x 30 pixels where the image has 30 x 30"):
        map_scene(Near(0), noise(30, 30), valid=valid, tiling=Tiling(16, 4), progress=False)


class Breaks(Near):
    """A network that fails at its third batch."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls == 3:
            raise RuntimeError("out of memory")
        return super().forward(x)


def test_a_store_appears_whole_or_not_at_all_and_takes_no_other_s_place(tmp_path: Path) -> None:
    image, out = noise(100, 100), tmp_path / "maps" / "map.zarr"

    def run(model: torch.nn.Module, **options: bool) -> xr.DataArray:
        return map_scene(model, image, tiling=Tiling(32, 8), out=out, progress=False, **options)

    with pytest.raises(RuntimeError, match="out of memory"):
        run(Breaks(0))
    assert list(out.parent.iterdir()) == []
    first = run(Near(0)).load()
    with pytest.raises(FileExistsError, match="pass overwrite=True to replace it"):
        run(Near(1))
    with pytest.raises(RuntimeError, match="out of memory"):
        run(Breaks(0), overwrite=True)
    xr.testing.assert_identical(xr.open_zarr(out)["probability"].load(), first)
    assert not np.allclose(run(Near(1), overwrite=True).values, first.values)
    assert [path.name for path in out.parent.iterdir()] == ["map.zarr"]
