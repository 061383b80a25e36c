from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from landslide_utils.predict import map_scene, tile_starts


@given(length=st.integers(1, 3000), tile=st.integers(2, 300), data=st.data())
def test_tiles_cover_every_pixel_and_overlap(length: int, tile: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, tile - 1))
    starts = tile_starts(length, tile, overlap)
    covered = np.zeros(max(length, tile), int)
    for start in starts:
        covered[start : start + tile] += 1
    assert covered[:length].min() >= 1
    assert starts[-1] == max(length - tile, 0)
    assert all(tile - (b - a) >= overlap for a, b in itertools.pairwise(starts))


def test_an_overlap_as_wide_as_a_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="overlap=128 must be at least 0 and less than the tile"):
        tile_starts(500, 128, 128)


class PixelByPixel(torch.nn.Module):
    """A network without neighbourhood: however the scene is cut, its map is the same."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Conv2d(2, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight(x)


@settings(max_examples=10, deadline=None)
@given(height=st.integers(20, 210), width=st.integers(20, 210), overlap=st.integers(0, 31))
def test_the_cutting_leaves_no_seam_and_no_pixel_out(height: int, width: int, overlap: int) -> None:
    torch.manual_seed(0)
    model = PixelByPixel()
    random = np.random.default_rng(0)
    image = xr.DataArray(
        random.normal(size=(2, height, width)).astype("float32"),
        dims=("channel", "y", "x"),
        coords={"y": -np.arange(height), "x": np.arange(width)},
    )
    got = map_scene(model, image, tile=64, overlap=overlap, progress=False)
    with torch.no_grad():
        whole = torch.sigmoid(model(torch.from_numpy(image.values)[None]))[0, 0].numpy()
    assert got.dims == ("y", "x")
    assert np.allclose(got.values, whole, atol=1e-5)
    assert np.array_equal(got["x"], image["x"])


def test_pixels_without_data_have_no_probability() -> None:
    image = xr.DataArray(
        np.zeros((2, 70, 80), "float32"), dims=("channel", "y", "x"), coords={"y": np.arange(70), "x": np.arange(80)}
    )
    valid = xr.DataArray(np.ones((70, 80), bool), dims=("y", "x"), coords={"y": image["y"], "x": image["x"]})
    valid[10:20, 10:20] = False
    got = map_scene(PixelByPixel(), image, valid=valid, tile=64, progress=False)
    assert np.array_equal(np.isnan(got.values), ~valid.values)
