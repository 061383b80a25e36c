"""Chips a second of training: as we train, against PyTorch's defaults and bfloat16.

By ``python benchmarks/throughput.py``. Each way takes its turn in every round, because the machine is not always
equally fast; the median of the rounds counts. The share of the peak compares the multiplications of the network,
counted by PyTorch, with those of a large matrix product in the same round.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from landslide_utils.model import PRESETS, Preset, build_model, masked_cross_entropy

SIDE = 2048


def _step(preset: Preset, batch: int, *, channels_last: bool, bf16: bool) -> Callable[[], None]:
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = build_model(4, dataclasses.replace(preset, imagenet=False)).to(memory_format=layout).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    image = torch.randn(batch, 4, 128, 128)
    labels, valid = (torch.rand(batch, 1, 128, 128) < 0.1).float(), torch.ones(batch, 1, 128, 128)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(image.contiguous(memory_format=layout))
        masked_cross_entropy(logits.float(), labels, valid).backward()
        optimiser.step()

    return step


def _operations(preset: Preset, batch: int) -> float:
    counter = FlopCounterMode(display=False)
    with counter:
        _step(preset, batch, channels_last=True, bf16=False)()
    return float(counter.get_total_flops())


def _seconds(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def main() -> int:
    """Print chips a second of each preset's network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=["quick", "standard"])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    for name in arguments.presets:
        preset = PRESETS[name]
        batch = min(preset.batch_size, 8)
        ways = {
            "as we train (channels last)": _step(preset, batch, channels_last=True, bf16=False),
            "PyTorch's defaults": _step(preset, batch, channels_last=False, bf16=False),
            "channels last, bfloat16": _step(preset, batch, channels_last=True, bf16=True),
        }
        operations = _operations(preset, batch)
        taken: dict[str, list[float]] = {way: [] for way in ways}
        peaks = []
        for _ in range(arguments.rounds):
            peaks.append(2 * SIDE**3 / _seconds(lambda: a @ b, 3))
            for way, step in ways.items():
                taken[way].append(_seconds(step, 2))
        peak = statistics.median(peaks)
        print(
            f"{name}: {preset.encoder}, {preset.depth} stages, {torch.get_num_threads()} threads, "
            f"matrix product {peak / 1e9:.0f} GFLOP/s"
        )
        for way, seconds in taken.items():
            middle = statistics.median(seconds)
            print(f"  {way:30s} {batch / middle:6.1f} chips/s, {operations / middle / peak:5.0%} of the peak")
    return 0


if __name__ == "__main__":
    sys.exit(main())
