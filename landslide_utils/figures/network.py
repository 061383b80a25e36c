"""Figures of the inside of a network: a drawing of its nodes, and layers of numbers on a chip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from landslide_utils.chips import SIZE
from landslide_utils.figures import style
from landslide_utils.grid import extent_km
from landslide_utils.model import count_weights

NODES = {"encoder": "#9ecae8", "decoder": "#f6cd7a", "nested": "#8fd3bd"}
"""Kinds of nodes and their colours: blue, orange and green of the house, light enough for text."""
SKIP = "#404040"
LAYERS = {"backscatter": style.BACKSCATTER, "activation": style.PROBABILITY, "gradient": style.PROBABILITY}
"""Colours of layers by the first word of a row's label; all others are of either sign."""


def decoder_blocks(model: Any) -> dict[tuple[int, int], Any]:
    """Return the blocks of a UNet++ by their place (i, j): halved i times in resolution, and in column j from 1.

    Those with i + j = depth are the decoder's. The rest are nested between it and the encoder, which is column 0.
    """
    last, places = model.decoder.depth, {}
    for name, block in model.decoder.blocks.items():
        back, stage = map(int, name.split("_")[1:])  # x_0_2: third block of the decoder; x_1_2: one column before it
        places[last - stage, stage - back + 1] = block
    return places


def activations(model: Any, image: Any) -> dict[tuple[int, int], Any]:
    """Return what each node of a UNet++ computes from images (n, channel, y, x), by the node's place (i, j).

    The input is (0, 0), the stages of the encoder are (1, 0), (2, 0) and so on; then come the :func:`decoder_blocks`.
    """
    import torch

    kept: dict[Any, Any] = {}
    parts: dict[Any, Any] = {"encoder": model.encoder, **decoder_blocks(model)}
    hooks = [
        part.register_forward_hook(lambda *call, name=name: kept.update({name: call[-1]}))
        for name, part in parts.items()
    ]
    with torch.inference_mode():
        model.eval()(image)
    for hook in hooks:
        hook.remove()
    return {(i, 0): stage for i, stage in enumerate(kept.pop("encoder"))} | kept


def read_network(model: Any, channels: int, side: int = SIZE) -> pd.DataFrame:
    """Return the nodes of a UNet++, one a line: what each gives for images of a width in pixels, and its weights.

    The index is the node's place (i, j), as :func:`activations` has it; the output follows the
    last. The columns are ``kind``, ``channels``, ``side`` (pixels), ``weights`` and ``takes``: the places of the nodes
    that it takes.
    """
    import torch

    seen = activations(model, torch.zeros(1, channels, side, side))
    depth = max(i for i, _ in seen)
    weights = dict.fromkeys(seen, 0)
    for name, weight in model.encoder.named_parameters():  # of a ResNet: one convolution, then layers 1 to 4
        weights[int(name[5]) + 1 if name.startswith("layer") else 1, 0] += weight.numel()
    weights |= {place: count_weights(block) for place, block in decoder_blocks(model).items()}
    rows = {}
    for (i, j), output in seen.items():
        kind = ("decoder" if i + j == depth else "nested") if j else "encoder" if i else "input"
        takes = [(i + 1, j - 1), *((i, k) for k in range(j) if i)] if j else [(i - 1, 0)] if i else []
        rows[i, j] = (kind, output.shape[1], output.shape[-1], weights[i, j], takes)
    rows[0, depth + 1] = ("output", 1, side, count_weights(model.segmentation_head), [(0, depth)])
    index = pd.MultiIndex.from_tuples(rows, names=["i", "j"])
    return pd.DataFrame(list(rows.values()), index, ["kind", "channels", "side", "weights", "takes"])


def network_figure(model: Any, channels: int, side: int = SIZE) -> style.Picture:
    """Return a drawing of a UNet++ (as :func:`read_network` reads it): its nodes, and what each takes from which."""
    nodes = read_network(model, channels, side)
    drawn: Any = nodes.to_dict("index")
    depth = max(i for i, _ in drawn)
    figure, (axes,) = style.new_figure(max(7.6, 1.4 * (depth + 2)), 1.2 + depth)
    axes.set(xlim=(-1, depth + 1.45), ylim=(depth + 0.4, -0.6))
    axes.set_axis_off()
    boxes = {}
    for (i, j), node in drawn.items():
        text = f"{node['kind']}\n{node['channels']} x {node['side']} x {node['side']}"
        text += f"\n{node['weights']:,} weights" * bool(node["weights"])
        look = {"boxstyle": "round", "facecolor": NODES.get(node["kind"], "white"), "edgecolor": style.GREY}
        boxes[i, j] = axes.text(j, i, text, ha="center", va="center", fontsize=8.5, bbox=look)
    for i in range(depth + 1):
        axes.text(-0.95, i, f"1/{2**i}" if i else "full size", ha="left", va="center", fontsize=9)
    figure.draw_without_rendering()  # so that arrows know where boxes end
    for (i, j), node in drawn.items():
        for row, col in node["takes"]:
            ends = {"patchA": boxes[row, col].get_bbox_patch(), "patchB": boxes[i, j].get_bbox_patch()}
            skip = row == i and node["kind"] != "output"
            look = {"linestyle": "--", "color": SKIP} if skip else {"color": style.BLACK}
            bend = f"arc3,rad={-0.35 if skip and j - col > 1 else 0}"
            arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 1, "connectionstyle": bend, **ends, **look}
            axes.annotate("", (j, i), (col, row), arrowprops=arrow)
    patches = [Patch(facecolor=colour, edgecolor=style.GREY, label=kind) for kind, colour in NODES.items()]
    skips = Line2D([], [], color=SKIP, linestyle="--", label="skip connection")
    figure.legend(handles=[*patches, skips], loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    said = [f"{kind} {count} x {width} x {width}" for kind, count, width in nodes.iloc[:, :3].to_numpy()]
    text = f": {'; '.join(said)}. Arrows lead down the encoder and up the decoder, dashed ones to the right."
    title = f"UNet++ of {count_weights(model):,} weights: channels x height x width of what each node gives"
    return style.finish(figure, title, text)


def layers_figure(
    title: str, rows: Mapping[str, Mapping[str, xr.DataArray]], labels: xr.DataArray | None = None, centre: bool = False
) -> style.Picture:
    """Return layers (y, x) by their titles, a row for each kind; rows of one layer stand side by side.

    The first word of a row's label says its colours (`LAYERS`); a row has one scale. Labels (y, x) are outlined, and
    with `centre` the middle of each layer is marked.
    """
    cols = max(map(len, rows.values()))
    high, wide = (len(rows), cols) if cols > 1 else (1, len(rows))
    figure, panels = style.new_figure(7.6, 0.5 + high * (6.1 / wide + 0.25), high, wide)
    said = []
    for (label, layers), row in zip(rows.items(), panels.reshape(len(rows), cols), strict=True):
        low, top = style.find_limits(*layers.values())
        cmap = LAYERS.get(label.split()[0], style.CHANGE)
        if cmap == style.CHANGE:
            low, top = -max(-low, top), max(-low, top)
        style.draw_maps(figure, row, layers, cmap, label, (low, top))
        for axes, layer in zip(row, layers.values(), strict=True):
            _outline(axes, layer, labels, style.ORANGE if cmap == style.BACKSCATTER else style.BLACK, centre)
        said.append(f"{label} from {low:.2g} to {top:.2g}: {', '.join(layers)}")
    text = f". {'; '.join(said)}.{' Landslides are outlined.' * (labels is not None)}"
    return style.finish(figure, title, text, layer)


def _outline(axes: Axes, layer: xr.DataArray, labels: xr.DataArray | None, colour: str, centre: bool) -> None:
    """Draw outlines of labels on a map of a layer, and a ring in its middle; leave its ticks out."""
    west, east, south, north = extent_km(layer)
    if labels is not None:
        part = labels.sel(x=slice(west * 1000, east * 1000), y=slice(north * 1000, south * 1000))
        axes.contour(part, [0.5], extent=extent_km(part), origin="upper", colors=colour, linewidths=0.7)
    if centre:
        axes.plot((west + east) / 2, (south + north) / 2, "o", mfc="none", mec=style.GREEN, ms=15, mew=1.5)
    axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
    axes.title.set_fontsize(9)
