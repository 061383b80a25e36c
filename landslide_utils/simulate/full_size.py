"""The practice cube of full size, made only when asked for: ``landslides simulate --cube practice_hokkaido``."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from landslide_utils.files import InputError, find_room_faults, free_bytes, hold, in_bytes, in_time, make_folder, say
from landslide_utils.grid import Window
from landslide_utils.regions import REGIONS
from landslide_utils.simulate.blocks import WORKERS, blocks_of, bytes_of, fill, find_missing, is_intact
from landslide_utils.simulate.radar import Signatures, speckle_table
from landslide_utils.simulate.scenario import FULL_SIZE, SCENARIOS
from landslide_utils.simulate.scene import SimulatedScene, make_scene, place_of, practice_cube

PLACING = 4
"""How many blocks of a full-size scene take as long as placing its landslides, about."""


@dataclass(frozen=True)
class Plan:
    """A practice cube that is to be made, and what is there of it already."""

    name: str
    bare: SimulatedScene  # without landslides, so it is had at once
    cube: xr.Dataset  # its layout
    store: Path  # where it is written before it is whole
    missing: list[Window]  # blocks that are still to be made

    @property
    def bytes_missing(self) -> int:
        """Return the bytes that the missing blocks take on the disk."""
        return bytes_of(self.cube) * len(self.missing)

    def describe(self) -> str:
        """Return how much time and disk it takes; some blocks are made to measure the time, and not kept."""
        sizes, whole, folder = self.cube.sizes, len(blocks_of(self.cube)), self.store.parent.parent
        speckle_table(self.bare.scenario.looks)  # made once, so it must not count for each block
        start = time.perf_counter()
        with ThreadPoolExecutor(WORKERS) as pool:
            made = sum(1 for _ in pool.map(self.bare.simulate, self.missing[:WORKERS]))
        rate = (time.perf_counter() - start) / max(made, 1)
        return (
            f"{self.name}: {REGIONS[self.name].title}\n"
            f"  {sizes['timestep']} passes of {sizes['y']} x {sizes['x']} pixels; to simulate: {len(self.missing)} of "
            f"{whole} blocks, about {in_time(rate * (len(self.missing) + PLACING * WORKERS))}\n"
            f"  disk: {in_bytes(self.bytes_missing)} of {in_bytes(bytes_of(self.cube) * whole)}, in {folder}, "
            f"where {in_bytes(free_bytes(folder))} are free\n"
            "  it may be interrupted: the next call goes on with the blocks that are missing"
        )


def plan_cube(name: str) -> Plan:
    """Return what is still to be made of a practice region's cube; nothing is written."""
    target = place_of(name)
    store = target.with_name(f".{target.name}.part") / target.name
    bare = SimulatedScene(SCENARIOS[name], [], Signatures.draw(SCENARIOS[name], 0))
    cube = bare.dataset()
    return Plan(name, bare, cube, store, [] if target.exists() else find_missing(cube, store))


def simulate_cube(name: str) -> Path:
    """Return the path of a practice region's cube; one that is not there yet is made.

    Says first how much time and disk that takes. The cube appears whole or not at all. A call that is interrupted or
    killed leaves its blocks, and the next one goes on from there. Several processes may ask for the same cube: one
    makes it, the others wait.

    Parameters
    ----------
    name : str
        A practice region, of full size or not.

    Raises
    ------
    landslide_utils.files.InputError
        If there is no such practice region, or the disk is too small.
    """
    target = place_of(name)
    if name not in FULL_SIZE:
        return practice_cube(name, progress=True)
    make_folder(target.parent)
    waiting = "another process is making this cube; waiting for it"
    with hold(target.with_name(f".{target.name}.lock"), waiting=waiting):
        work = target.with_name(f".{target.name}.part")
        if target.exists():
            if is_intact(target):
                return target
            say(f"the cube {target} is damaged; it is made anew")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            target.rename(work / target.name)
        plan = plan_cube(name)
        if faults := find_room_faults(target.parent, plan.bytes_missing):
            raise InputError(f"the cube {name} cannot be made", faults)
        say(plan.describe())
        scene = make_scene(SCENARIOS[name])
        fill(plan.cube, plan.store, scene.simulate, plan.missing, progress=True)
        plan.store.rename(target)
        shutil.rmtree(work, ignore_errors=True)
    return target
