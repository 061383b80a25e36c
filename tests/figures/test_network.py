from __future__ import annotations

import dataclasses
import functools
import io
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image

from landslide_utils.figures import network
from landslide_utils.figures.style import Picture
from landslide_utils.model import PRESETS, build_model, count_weights


@functools.cache
def built(preset: str) -> Any:
    return build_model(4, dataclasses.replace(PRESETS[preset], imagenet=False)).eval()


def pixels_of(picture: Picture) -> np.ndarray[Any, Any]:
    """Return the grey values of a picture that is no wider than the website's column."""
    image = Image.open(io.BytesIO(picture.png))
    pixels = np.asarray(image.convert("L"))
    assert pixels.std() > 5  # not blank
    assert image.width / image.info["dpi"][0] < 7.9  # inches: in a column of 780 pixels, text of 8.5 points has 12
    return pixels


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_the_drawing_has_the_shapes_and_the_weights_of_the_network(preset: str) -> None:
    model = built(preset)
    nodes = network.read_network(model, 4)
    assert nodes["weights"].sum() == count_weights(model)
    with torch.no_grad():
        encoder = model.encoder(torch.zeros(1, 4, 128, 128))  # an oracle without hooks
        decoder = model.decoder(encoder)
    depth = PRESETS[preset].depth
    for i, stage in enumerate(encoder):
        assert tuple(nodes.loc[(i, 0), ["channels", "side", "side"]]) == stage.shape[1:]
    assert tuple(nodes.loc[(0, depth), ["channels", "side", "side"]]) == decoder.shape[1:]
    assert list(nodes["kind"]).count("nested") == (depth - 1) * (depth - 2) // 2
    picture = network.network_figure(model, 4)
    pixels_of(picture)
    assert f"UNet++ of {count_weights(model):,} weights" in picture.alt
    for _, node in nodes.iterrows():
        assert f"{node['kind']} {node['channels']} x {node['side']} x {node['side']}" in picture.alt


@pytest.mark.parametrize("preset", PRESETS)
def test_each_block_takes_the_channels_of_the_nodes_that_arrows_lead_from(preset: str) -> None:
    model = built(preset)
    nodes = network.read_network(model, 4, 64)
    assert nodes["weights"].sum() == count_weights(model)
    for place, block in network.decoder_blocks(model).items():
        first = next(part for part in block.modules() if isinstance(part, torch.nn.Conv2d))
        assert first.in_channels == sum(nodes.loc[taken, "channels"] for taken in nodes.loc[place, "takes"])


def test_layers_are_drawn_with_outlines_and_described() -> None:
    y, x = 4_700_000 - 10.0 * np.arange(32), 500_000 + 10.0 * np.arange(32)
    values = np.random.default_rng(0).normal(0, 1, (32, 32))
    layer = xr.DataArray(values, dims=("y", "x"), coords={"y": y, "x": x}, attrs={"simulated": True})
    labels = layer.copy(data=np.hypot(*np.mgrid[-16:16, -16:16]) < 6)
    coarse = layer.coarsen(y=8, x=8).max()
    rows = {"change (dB)": {"here": layer, "coarse": coarse}, "activation": {"a": abs(layer), "b": abs(coarse)}}
    plain, outlined = network.layers_figure("Layers", rows), network.layers_figure("Layers", rows, labels, centre=True)
    assert "Layers (simulated). change (dB) from -" in outlined.alt
    assert "activation from 0" in outlined.alt
    assert ": a, b. Landslides are outlined." in outlined.alt
    assert (pixels_of(plain) != pixels_of(outlined)).mean() > 0.001
    tall, wide = (
        pixels_of(plain).shape,
        pixels_of(network.layers_figure("x", {"a": {"b": layer}, "c": {"d": layer}})).shape,
    )
    assert wide[0] < 0.7 * tall[0]  # rows of one layer stand side by side


def test_what_nodes_compute_is_kept_and_leads_to_the_output() -> None:
    model = build_model(2, PRESETS["quick"]).eval()
    image = torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    kept = network.activations(model, image)
    with torch.no_grad():
        assert torch.equal(model.segmentation_head(kept[0, 3]), model(image))
        assert torch.equal(kept[2, 0], model.encoder(image)[2])
        block = network.decoder_blocks(model)[1, 2]
        assert torch.equal(block(kept[2, 1], torch.cat([kept[1, 1], kept[1, 0]], 1)), kept[1, 2])
    assert sorted(kept) == [(0, 0), (0, 3), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0)]
    assert not any(part._forward_hooks for part in model.modules())  # none is left behind
