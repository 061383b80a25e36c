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
from landslide_utils.files import atomic_write
from landslide_utils.model import PRESETS, count_weights
from landslide_utils.scene import Normalisation, Scene
from landslide_utils.simulate.scenario import PRACTICE, SCENARIOS
from landslide_utils.simulate.scene import fingerprint

MOST_CHANGE = 0.001
"""Most that the AUPRC may change when the weights are rounded to 16 bits."""

CARD = """---
{header}
---

# {region}: landslides in simulated Sentinel-1 radar

**Simulated radar.** This network has seen nothing but the practice region `{region}` of the course *Landslides from
radar*, which is made by a simulator. Do not use it on real radar: its scores say nothing about that.

## What it does

It gives each pixel a probability of being a landslide, from radar images before and after the event. It is a
UNet++ with a {encoder} of {depth} stages: {weights:,} weights, kept in 16 bits.

```python
from landslide_utils.experiments.pretrained import read_pretrained

model, normalisation = read_pretrained("{region}").model()
```

This checks the hash of the file. Without this package:

```python
import segmentation_models_pytorch as smp

model = smp.from_pretrained("the path of this folder").eval()
```

It takes (n, {channels}, height, width), sides that are multiples of {divisor}, and returns logits (n, 1, height,
width). Each channel is the mean of {timesteps} passes of one orbit direction (gamma nought, averaged in linear power,
then in decibels), less the mean here, divided by the standard deviation here:

{normalisation}

## Data

`{region}` is simulated: {width} x {height} pixels of {pixel:g} m. Passes before: {passes_before}. After: {passes_after}. Orbit: {orbit}. The scene is cut
into chips of {chip} x {chip} pixels, and whole blocks of chips are kept together, with gaps between them. {n_train_chips}
chips were for training. Its split has seed {seed}.

## Training

The preset `{preset}` of version {version} of the course's package: {steps} batches of {batch}, {seconds_train:.0f}
seconds. It is what notebook 03 does with `-p preset {preset} -p cube {region}`. One network, one seed.

## Scores

The area under the precision-recall curve (AUPRC) on test chips, which the network has never seen. Measured with the
weights in this folder.

{scores}

Chance is the score of random guessing: the share of landslide pixels. There are {n_test_chips} test chips;
{n_test_chips_with_landslides} of them hold landslides, and these lie in {n_test_blocks_with_landslides} independent
blocks. So few blocks make the intervals uncertain too. The best log ratio ({best_log_ratio}) needs no network: AUPRC
{auprc_log_ratio:.3f}. The probabilities are off by {calibration_error:.4f} on average (expected calibration error).
With weights in 32 bits the AUPRC on all test chips was {before:.4f}, and with these it is {auprc:.4f}.

## Limits

- Simulated radar only. The simulator leaves out much of what real images show: notebook 01 lists it.
- One region, one event, one orbit direction. In other regions, simulated too, it works less well: notebook 07.
- It has seen most of the region. Only on the test chips of this split can it be scored.
- Nothing here is for deciding whom to warn or where to send help.

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
    region = trained.config.cube
    model, normalisation = trained.model()
    rounded = {
        name: weight.half() if weight.is_floating_point() else weight for name, weight in model.state_dict().items()
    }
    model.load_state_dict(rounded)
    metrics, _ = measure(map_elsewhere(model, normalisation, scene), scene, trained.history)
    before = trained.metrics["auprc"]
    if not abs(metrics["auprc"] - before) <= MOST_CHANGE:
        raise SystemExit(f"{region}: AUPRC {before:.4f} becomes {metrics['auprc']:.4f} in 16 bits; keep 32")
    with atomic_write(folder / region, overwrite=True) as part:
        part.mkdir()
        # timm's encoder has no stages that nothing uses, so that segmentation-models-pytorch finds every weight it wants
        weights = {name.replace("encoder.", "encoder.model.", 1): weight for name, weight in rounded.items()}
        metadata = {"format": "pt", "normalisation": json.dumps(dataclasses.asdict(normalisation))}
        save_file({name: weight.contiguous() for name, weight in weights.items()}, part / "model.safetensors", metadata)
        described = describe(trained.config, normalisation, metrics, (part / "model.safetensors").read_bytes())
        (part / "config.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        card = write_card(trained.config, normalisation, metrics, before=before, weights=count_weights(model))
        (part / "README.md").write_text(card, encoding="utf-8")
    return metrics


def describe(config: RunConfig, normalisation: Normalisation, metrics: dict[str, Any], file: bytes) -> dict[str, Any]:
    """Return what stands in config.json: what the library needs, and ours under names that it leaves alone."""
    preset = PRESETS[config.preset]
    kept = {name: value for name, value in dataclasses.asdict(config).items() if name != "runs_dir"}
    return {
        "_model_class": "UnetPlusPlus",
        "encoder_name": f"tu-{preset.encoder}",
        "encoder_depth": preset.depth,
        "encoder_weights": None,
        "decoder_channels": preset.decoder,
        "in_channels": len(normalisation.channels),
        "classes": 1,
        "_run": kept,
        "_region": fingerprint(config.cube),
        "_metrics": metrics,
        "_sha256": hashlib.sha256(file).hexdigest(),
    }


def write_card(
    config: RunConfig, normalisation: Normalisation, metrics: dict[str, Any], *, before: float, weights: int
) -> str:
    """Return the model card: a header as the Hub reads it, then what a reader must know."""
    import pandas as pd

    region, preset, scenario = config.cube, PRESETS[config.preset], SCENARIOS[config.cube]
    kinds = {"all test chips": "", "test chips with a landslide": "_landslide_chips"}
    results = [
        EvalResult(
            task_type="image-segmentation",
            dataset_type=region,
            dataset_name=f"{region} (simulated radar), {chips}",
            metric_type="auprc",
            metric_name=f"AUPRC (95 % interval {low:.3f} to {high:.3f}, chance {chance:.3f})",
            metric_value=round(metrics[f"auprc{end}"], 4),
        )
        for chips, end in kinds.items()
        for low, high, chance in [
            [metrics[name] for name in (f"auprc{end}_low", f"auprc{end}_high", f"prevalence{end}")]
        ]
    ]
    header = ModelCardData(
        license="mit",
        library_name="segmentation-models-pytorch",
        pipeline_tag="image-segmentation",
        tags=["simulated", "sentinel-1", "sar", "landslides"],
        model_name=f"landslides-{region}",
        eval_results=results,
    )
    scores = pd.DataFrame(
        {
            "scored on": list(kinds),
            "AUPRC": [metrics[f"auprc{end}"] for end in kinds.values()],
            "95 % interval, low": [metrics[f"auprc{end}_low"] for end in kinds.values()],
            "high": [metrics[f"auprc{end}_high"] for end in kinds.values()],
            "chance": [metrics[f"prevalence{end}"] for end in kinds.values()],
        }
    )
    levels = pd.DataFrame(dataclasses.asdict(normalisation)).rename(
        columns={"channels": "channel", "sd": "standard deviation"}
    )
    return CARD.format(
        **metrics,
        header=header.to_yaml(),
        region=region,
        encoder=preset.encoder,
        depth=preset.depth,
        divisor=2**preset.depth,
        weights=weights,
        channels=len(normalisation.channels),
        timesteps=config.timesteps,
        normalisation=markdown_table(levels.round(3)),
        width=scenario.width,
        height=scenario.height,
        pixel=scenario.pixel_size_m,
        chip=SIZE,
        seed=config.seed,
        preset=config.preset,
        version=__version__,
        batch=preset.batch_size,
        scores=markdown_table(scores.round(3)),
        before=before,
    )


def main() -> None:
    """Make the networks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("regions", nargs="*", metavar="REGION", help=f"from {', '.join(PRACTICE)}; without one, all")
    parser.add_argument("--runs-dir", default="runs", help="folder of runs, read or trained there")
    given = parser.parse_args()
    for region in given.regions or PRACTICE:
        config = RunConfig(cube=region, preset="standard", runs_dir=given.runs_dir)
        metrics = write_weights(run(config), prepare(config), pretrained.FOLDER)
        print(f"{region}: AUPRC {metrics['auprc']:.3f}, chance {metrics['prevalence']:.3f}", flush=True)


if __name__ == "__main__":
    main()
