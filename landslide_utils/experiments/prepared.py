"""A detector that is ready before the event: trained on landslides that are simulated in a place's quiet passes."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

from landslide_utils.composite import ORBIT_CHOICES, choose_passes, identify, make_composite
from landslide_utils.experiments.config import RunConfig
from landslide_utils.files import InputError, atomic_write, find_kind_faults, find_room_faults
from landslide_utils.grid import refuse_other
from landslide_utils.simulate.inject import SHARE, inject, open_quiet

INJECTED = "injected"  # folder of the cubes with simulated landslides, beside the runs


def prepare_quiet(config: RunConfig, *, until: str = "", share: float = SHARE) -> RunConfig:
    """Return the run to be trained before the event, after the cube that it needs has been written beside the runs.

    Parameters
    ----------
    config : RunConfig
        Its ``cube`` holds the quiet passes, and its ``seed`` is also that of the landslides. In the one that is
        returned ``cube`` is ``<runs_dir>/injected/<key>.zarr``, with landslides in the passes that are used, and
        ``orbit`` the direction of these, so that no map is made from others.
    until : str
        Only passes before this instant (ISO 8601, UTC) are quiet; empty takes all.
    share : float
        Of the area that landslides cover.
    """
    refuse_other(config, "RunConfig", "channels")
    faults = find_kind_faults("a number", share=share)
    faults += [] if faults or 0 < share <= 0.5 else [f"share={share!r} must be above 0 and at most 0.5"]
    if config.channels == "dem":
        faults.append("channels='dem' would learn where landslides were drawn; choose sar, vv, vh or sar_dem")
    if faults:
        raise InputError("no detector can be prepared", faults)
    n, orbit = config.timesteps, config.orbit
    injected = inject(open_quiet(config.cube, until=until), seed=config.seed, timesteps=n, orbit=orbit, share=share)
    composite = make_composite(injected, channels=config.channels, timesteps=n, orbit=orbit)
    store = Path(config.runs_dir) / INJECTED / f"{identify(composite)}.zarr"
    passes = choose_passes(injected, n, orbit)
    orbit = passes.orbit if passes.orbit in ORBIT_CHOICES else "auto"
    prepared = dataclasses.replace(config, cube=str(store), event_time="", orbit=orbit)
    if store.exists():
        return prepared
    used = injected.isel(time=[*passes.before, *passes.after])
    if orbit == "auto":  # a store has no word for a direction that is not known
        used = used.drop_vars("orbit")
    if faults := find_room_faults(store.parent, used.nbytes):
        raise InputError("the cube of simulated landslides cannot be written", faults)
    with contextlib.suppress(FileExistsError), atomic_write(store) as part:  # or another process has written it
        used.drop_encoding().chunk({"time": 1, "y": 512, "x": 512}).to_zarr(part, zarr_format=2, consolidated=True)
    return prepared
