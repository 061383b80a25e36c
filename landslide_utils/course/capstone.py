"""The capstone: a practice event of a learner's own, whose truth an instructor makes again from the learner's name."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from landslide_utils.files import atomic_write
from landslide_utils.simulate.scenario import PRACTICE, Scenario
from landslide_utils.simulate.scene import make_scene

HEIGHT, WIDTH, MAPPED = 768, 1280, 768
"""Pixels of the scene, and of its western part, whose landslides a first inventory shows."""


def scenario_of(name: str, secret: str = "") -> Scenario:
    """Return the scenario of a learner's name or number; with a secret word only who knows it can make the same."""
    text = f"{' '.join(str(name).lower().split())}/{secret}"
    random = np.random.default_rng(seed := int(hashlib.sha256(text.encode()).hexdigest()[:8], 16))
    hills_row, hills_col = map(int, random.integers(0, 1500, 2))
    looks = {"slide_vv_db": random.choice([-1.0, 1.0]), "level_vv_db": random.uniform(-1, 1)}
    sizes = {"landslide_share": random.uniform(0.01, 0.02), "ln_area_mean": random.uniform(7.7, 8.4)}
    place = {"hills_row": hills_row, "hills_col": hills_col, "shaking_radius_m": 9000.0}  # wider than the scene
    return PRACTICE["practice_earthquake"].replace(seed=seed, height=HEIGHT, width=WIDTH, **place, **sizes, **looks)


def make_event(name: str, folder: str | os.PathLike[str], *, secret: str = "") -> dict[str, Path]:
    """Return the paths of a learner's two cubes, made unless they are there: ``mapped``, to train, and ``event``.

    ``event`` is the whole scene; its landslides are missing east of ``mapped``, and so is what would give them away.
    """
    paths = {part: Path(folder) / f"{part}.zarr" for part in ("mapped", "event")}
    if not all(path.exists() for path in paths.values()):
        scenario = scenario_of(name, secret)
        cube = make_scene(scenario).dataset()
        cube["landslides"] = cube["landslides"].where(cube["x"] < cube["x"][MAPPED])
        cube.attrs["scenario"] = json.dumps({"incidence_degrees": scenario.incidence_degrees})
        event = cube.load().chunk(timestep=-1, y=256, x=256)
        for part, layers in {"mapped": event.isel(x=slice(MAPPED)), "event": event}.items():
            with atomic_write(paths[part], overwrite=True) as temporary:
                layers.to_zarr(temporary, zarr_format=2, consolidated=True)
    return paths
