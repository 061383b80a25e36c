"""Make the trained networks that come with the package: ``python tools/weights.py --runs-dir runs``.

Each region's run is trained unless it is in the folder of runs. Its weights are kept in 16 bits, and what the model
card says is measured with those. No number in it is typed in.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult, ModelCardData
from safetensors.torch import save_file

from landslide_utils import __version__
from landslide_utils.chips import SIZE
from landslide_utils.experiments import pretrained
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.measure import measure
from landslide_utils.experiments.results import markdown_table
from landslide_utils.experiments.runs import Run, prepare, run
from landslide_utils.experiments.transfer import map_elsewhere
from landslide_utils.files import atomic_write, read_json
from landslide_utils.model import PRESETS, count_weights
from landslide_utils.scene import Normalisation, Scene
from landslide_utils.simulate.scenario import PRACTICE, SCENARIOS
from landslide_utils.simulate.scene import fingerprint

MOST_CHANGE = 0.001
"""Most that the AUPRC may change when the weights are rounded to 16 bits."""

CARD = """\
# {region}: landslides in simulated Sentinel-1 radar

**Simulated radar.** This network has seen nothing but the practice region `{region}` of the course *Landslides from
radar*, which is made by a simulator. Do not use it on real radar: its scores say nothing about that.

## What it does

It gives each pixel a probability of being a landslide, from radar images before and after the event. It is a UNet++
with a {encoder} of {depth} stages: {weights:,} weights, kept in 16 bits.

```python
from landslide_utils.experiments.pretrained import read_pretrained

model, normalisation = read_pretrained("{region}").model()
```

This checks the hash of the file. Without this package:

```python
import segmentation_models_pytorch as smp

model = smp.from_pretrained("the path of this folder").eval()
```

The network takes (n, {channels}, height, width) and returns logits (n, 1, height, width). Height and width are
multiples of {divisor}. Each channel is the mean of {timesteps} passes of one orbit direction: gamma nought, averaged in
linear power, then in decibels. From each channel subtract its mean, then divide by its standard deviation:

{normalisation}

## Data

`{region}` is simulated: {width} x {height} pixels of {pixel:g} m. Its orbit direction is {orbit}.

- Passes before the event: {passes_before}.
- Passes after it: {passes_after}.

The scene is cut into chips of {chip} x {chip} pixels. Whole blocks of chips stay together, with gaps between them.
{n_train_chips} chips were for training. The split has seed {seed}.

## Training

The preset `{preset}` of version {version} of the package: {steps} batches of {batch} chips. Notebook 03 does the
same with `-p preset {preset} -p cube {region}`. It is one network, from one seed.

## Scores

The area under the precision-recall curve (AUPRC) on test chips, which the network has never seen. It was measured with
the weights in this folder. Low and high are the ends of its 95 % interval.

{scores}

Chance is the score of random guessing: the share of landslide pixels. There are {n_test_chips} test chips. Landslides
are in {n_test_chips_with_landslides} of them, and these lie in {n_test_blocks_with_landslides} independent blocks.
With so few blocks, take the intervals as rough. The best method without a network, {best_log_ratio}, has an AUPRC of
{auprc_log_ratio:.3f}. The expected calibration error of the probabilities is {calibration_error:.4f}. With weights in
32 bits the AUPRC on all test chips was {auprc_in_32_bits:.4f}; with these weights it is {auprc:.4f}.

## Limits

- Simulated radar only. The simulator leaves out much of what real images show: notebook 01 lists it.
- One region, one event, one orbit direction. Notebook 07 shows how such a network works in other regions.
- It has seen most of this region. Only on the test chips of this split can it be scored.
- It is not for deciding whom to warn or where to send help.

## Licence

MIT, as the code of the course.
"""


def write_weights(trained: Run, scene: Scene, folder: Path) -> dict[str, Any]:
    """Write a run's network, rounded to 16 bits, with its model card, and return its scores.

    Raises
    ------
    SystemExit
        If rounding changes the AUPRC.
    """
    region, before = trained.config.cube, trained.metrics["auprc"]
    model, normalisation = trained.model()
    rounded = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    model.load_state_dict(rounded)
    metrics, _ = measure(map_elsewhere(model, normalisation, scene), scene, trained.history)
    if not abs(metrics["auprc"] - before) <= MOST_CHANGE:
        raise SystemExit(f"{region}: AUPRC {before:.4f} becomes {metrics['auprc']:.4f} in 16 bits; keep 32")
    with atomic_write(folder / region, overwrite=True) as part:
        part.mkdir()
        # timm's encoder has no stages that nothing uses, so segmentation-models-pytorch finds every weight it wants
        weights = {name.replace("encoder.", "encoder.model.", 1): value.contiguous() for name, value in rounded.items()}
        metadata = {"format": "pt", "normalisation": json.dumps(dataclasses.asdict(normalisation))}
        save_file(weights, part / "model.safetensors", metadata)
        (part / "model.safetensors").chmod(0o644)
        described = describe(trained.config, normalisation, metrics | {"auprc_in_32_bits": before}) | {
            "_version": __version__,
            "_region": fingerprint(region),
            "_weights": count_weights(model),
            "_sha256": hashlib.sha256((part / "model.safetensors").read_bytes()).hexdigest(),
        }
        (part / "config.json").write_text(json.dumps(described, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        (part / "README.md").write_text(write_card(described, normalisation), encoding="utf-8")
    return metrics


def describe(config: RunConfig, normalisation: Normalisation, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return what the library needs to build the network, and ours under names that it leaves alone."""
    preset = PRESETS[config.preset]
    return {
        "_model_class": "UnetPlusPlus",
        "encoder_name": f"tu-{preset.encoder}",
        "encoder_depth": preset.depth,
        "encoder_weights": None,
        "decoder_channels": list(preset.decoder),
        "in_channels": len(normalisation.channels),
        "classes": 1,
        "_run": {name: value for name, value in dataclasses.asdict(config).items() if name != "runs_dir"},
        "_metrics": metrics,
    }


def write_card(described: dict[str, Any], normalisation: Normalisation) -> str:
    """Return the model card: a header as the Hub reads it, then what a reader must know; all from config.json."""
    config, metrics = RunConfig(**described["_run"]), described["_metrics"]
    preset, scenario = PRESETS[config.preset], SCENARIOS[config.cube]
    levels = pd.DataFrame(dataclasses.asdict(normalisation)).round(3)
    scores = score_table(metrics)
    header = ModelCardData(
        license="mit",
        library_name="segmentation-models-pytorch",
        pipeline_tag="image-segmentation",
        tags=["simulated", "sentinel-1", "sar", "landslides"],
        model_name=f"landslides-{config.cube}",
        eval_results=[
            EvalResult(
                task_type="image-segmentation",
                dataset_type=config.cube,
                dataset_name=f"{config.cube} (simulated radar), {line['scored on']}",
                metric_type="auprc",
                metric_name=f"AUPRC (95 % interval {line['low']} to {line['high']}, chance {line['chance']})",
                metric_value=line["AUPRC"],
            )
            for line in scores.to_dict("records")
        ],
    )
    text = CARD.format(
        **metrics,
        region=config.cube,
        encoder=preset.encoder,
        depth=preset.depth,
        divisor=2**preset.depth,
        batch=preset.batch_size,
        weights=described["_weights"],
        channels=len(normalisation.channels),
        timesteps=config.timesteps,
        normalisation=markdown_table(levels.set_axis(["channel", "mean (dB)", "standard deviation (dB)"], axis=1)),
        width=scenario.width,
        height=scenario.height,
        pixel=scenario.pixel_size_m,
        chip=SIZE,
        seed=config.seed,
        preset=config.preset,
        version=described["_version"],
        scores=markdown_table(scores),
    )
    return f"---\n{header.to_yaml()}\n---\n\n{text}"


def score_table(metrics: dict[str, Any]) -> pd.DataFrame:
    """Return the scores with their intervals and chance: of all test chips, and of those with a landslide."""
    names = {"AUPRC": "auprc{}", "low": "auprc{}_low", "high": "auprc{}_high", "chance": "prevalence{}"}
    kinds = {"all test chips": "", "test chips with a landslide": "_landslide_chips"}
    return pd.DataFrame(
        [
            {"scored on": kind} | {name: round(metrics[key.format(end)], 3) for name, key in names.items()}
            for kind, end in kinds.items()
        ]
    )


def write_cards() -> None:
    """Write the model cards again, from the scores that were measured before."""
    for folder in pretrained.FOLDER.glob("*/"):
        found = pretrained.read_pretrained(folder.name)
        card = write_card(read_json(folder / "config.json"), found.model()[1])
        (folder / "README.md").write_text(card, encoding="utf-8")


def main() -> None:
    """Make the networks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("regions", nargs="*", metavar="REGION", help=f"from {', '.join(PRACTICE)}; without one, all")
    parser.add_argument("--runs-dir", default="runs", help="folder of runs, read or trained there")
    parser.add_argument("--cards", action="store_true", help="only write the model cards again")
    given = parser.parse_args()
    if given.cards:
        write_cards()
        return
    for region in given.regions or PRACTICE:
        config = RunConfig(cube=region, preset="standard", runs_dir=given.runs_dir)
        metrics = write_weights(run(config), prepare(config), pretrained.FOLDER)
        print(f"{region}: AUPRC {metrics['auprc']:.3f}, chance {metrics['prevalence']:.3f}", flush=True)


if __name__ == "__main__":
    main()
