"""Kill every writer at random moments, and see that nothing is lost. By ``python benchmarks/kills.py FOLDER``.

Each writer runs in a process of its own, which is killed at a random moment after it has begun to write. After each
kill its target must be absent or whole. The last call is not killed: it must end with a whole target, and without what
the others left. ``midway`` counts the kills that left something half written. Processes are forked from one that has
imported all they need, so that a kill costs no start of Python. For systems that can fork.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import json
import multiprocessing
import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

NEEDED = (
    "experiments.grid",
    "experiments.prepared",
    "export",
    "polygons",
    "predict",
    "sources.build",
    "simulate.full_size",
    "train",
)
FORK = multiprocessing.get_context("forkserver")
LEFT = (".part", ".unfinished", ".safetensors")
Begin = Callable[[], None]
CUBE, SIDE, STEPS = "practice_small", 384, 4
REGION = "hokkaido_japan"
"""Under this published region's name the practice cube is offered for download."""


def corner() -> xr.Dataset:
    """Return a corner of the practice cube."""
    from landslide_utils.cube import open_cube

    return open_cube(CUBE).isel(y=slice(0, SIDE), x=slice(0, SIDE))


def composite() -> xr.Dataset:
    """Return the composite of that corner, lazily."""
    from landslide_utils.composite import make_composite

    return make_composite(corner(), channels="sar", timesteps=2)


def mapped(out: Path | None, begin: Begin = lambda: None) -> xr.DataArray:
    """Return a map of the corner by a network that was not trained."""
    import torch

    from landslide_utils.model import PRESETS, build_model
    from landslide_utils.predict import map_scene
    from landslide_utils.scene import Normalisation

    torch.manual_seed(0)
    image = composite()
    names = tuple(str(name) for name in image["channel"].values)
    normalisation = Normalisation(names, (-12.0,) * len(names), (3.0,) * len(names))
    model = build_model(len(names), PRESETS["quick"]).eval()
    begin()
    return map_scene(model, image, normalisation, out=out, progress=False)


def write_cube(folder: Path, begin: Begin) -> None:
    """Simulate a practice region."""
    from landslide_utils.simulate import make_scene
    from landslide_utils.simulate import write_cube as write
    from landslide_utils.simulate.scenario import SCENARIOS

    scene = make_scene(SCENARIOS[CUBE])
    begin()
    write(scene, folder / "cube.zarr", progress=False)


def write_composite(folder: Path, begin: Begin) -> None:
    """Keep a composite in a store, as those of large scenes are kept."""
    from landslide_utils import composite as module

    kept = composite()  # of the cube in the usual folder
    os.environ["LANDSLIDE_DATA"] = str(folder)
    module.MOST_IN_MEMORY = 0  # type: ignore[attr-defined]
    begin()
    module.keep_composite(kept, progress=False)


def write_map(folder: Path, begin: Begin) -> None:
    """Map a scene to a store."""
    mapped(folder / "map.zarr", begin)


def write_grid(folder: Path, begin: Begin) -> None:
    """Train two runs."""
    from landslide_utils.experiments.grid import plan_runs, run_grid

    grid = plan_runs(cube=CUBE, channels=["vh"], timesteps=[1], seeds=[0, 1], steps=STEPS, runs_dir=str(folder))
    begin()
    run_grid(grid, here=True, progress=False)


def write_export(folder: Path, begin: Begin) -> None:
    """Write a map and its polygons to files."""
    from landslide_utils.export import plan_files, write_geotiff, write_polygons
    from landslide_utils.polygons import find_polygons

    probability, paths = mapped(None), plan_files(folder, overwrite=True)
    polygons = find_polygons(probability, corner()["dem"].load(), threshold=0.5)
    begin()
    write_geotiff(probability, paths["map"], threshold=0.5, overwrite=True)
    for kind in ("polygons", "polygons_in_degrees"):
        write_polygons(polygons, paths[kind], overwrite=True)


def write_download(folder: Path, begin: Begin) -> None:
    """Download a cube from a server on this machine."""
    from landslide_utils.sources.download import download

    begin()
    download(REGION, folder=folder, record=os.environ["RECORD"], progress=False)


def write_event(folder: Path, begin: Begin) -> None:
    """Make the cube of an event from images."""
    from landslide_utils.sources import Event, plan, write, write_catalogue

    files = write_catalogue(corner(), folder.with_name("archive"))
    event = Event("an event", files.box, files.event_time, str(files.polygons))
    planned = plan(event, radar=files.radar, dem=files.dem)
    begin()
    write(planned, folder / "event.zarr", progress=False)


def write_prepared(folder: Path, begin: Begin) -> None:
    """Write the cube of simulated landslides that a detector is trained on before an event."""
    from landslide_utils.experiments.config import RunConfig
    from landslide_utils.experiments.prepared import prepare_quiet

    config = RunConfig(cube=CUBE, channels="vh", timesteps=1, runs_dir=str(folder))
    begin()
    prepare_quiet(config, until="2022-02-25T01:39:27")


def check_store(path: Path) -> None:
    """Raise unless a store is whole."""
    from landslide_utils.regions import open_store

    assert float(open_store(str(path)).load().nbytes) > 0


def check_composite(path: Path) -> None:
    """Raise unless a stored composite is what it should be."""
    np.testing.assert_array_equal(xr.open_zarr(path)["image"], composite()["image"])


def check_map(path: Path) -> None:
    """Raise unless a stored map is what it should be."""
    np.testing.assert_array_equal(xr.open_zarr(path)["probability"], mapped(None))


def check_run(path: Path) -> None:
    """Raise unless a run is whole."""
    from landslide_utils.experiments.runs import read_run

    read_run(path).model()
    read_run(path).probability()


def check_file(path: Path) -> None:
    """Raise unless an exported file can be read."""
    import geopandas as gpd
    import rasterio

    if path.suffix == ".tif":
        with rasterio.open(path) as raster:
            assert np.isfinite(raster.read()).any()
    else:
        assert len(gpd.read_file(path)) > 0


WRITERS: dict[str, tuple[Callable[[Path, Begin], None], str, Callable[[Path], None]]] = {
    "cube": (write_cube, "cube.zarr", check_store),
    "composite": (write_composite, "composites/[!.]*.zarr", check_composite),
    "map": (write_map, "map.zarr", check_map),
    "grid": (write_grid, "[!.]*", check_run),
    "export": (write_export, "[!.]*", check_file),
    "download": (write_download, f"{REGION}.zarr", check_store),
    "event": (write_event, "event.zarr", check_store),
    "prepare": (write_prepared, "injected/[!.]*.zarr", check_store),
}
"""Of each writer: what it does, which targets appear in its folder, and when one of them is whole."""


@contextmanager
def repository(folder: Path) -> Iterator[str]:
    """Serve the practice cube as a published one, and yield the address of its record."""
    from landslide_utils.regions import REGIONS, find_cube

    folder.mkdir(parents=True, exist_ok=True)
    cube = find_cube(REGIONS[CUBE])
    unpacked = folder / f"{REGION}.zarr"
    shutil.copytree(cube, unpacked, dirs_exist_ok=True)
    archive = Path(shutil.make_archive(str(folder / REGION), "zip", folder, unpacked.name))
    handler = functools.partial(Silent, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    address = f"http://127.0.0.1:{server.server_port}"
    digest = hashlib.md5(archive.read_bytes()).hexdigest()
    entry: dict[str, Any] = {"key": archive.name, "size": archive.stat().st_size, "checksum": f"md5:{digest}"}
    entry["links"] = {"self": f"{address}/{archive.name}"}
    (folder / "record.json").write_text(json.dumps({"files": [entry]}), encoding="utf-8")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{address}/record.json"
    server.shutdown()


class Silent(http.server.SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def run(name: str, work: Path, record: str, begin: Begin) -> None:
    """Write once and say nothing: what a process does that is killed."""
    os.environ["RECORD"] = record
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        WRITERS[name][0](work, begin)


def start(name: str, work: Path, record: str) -> Any:
    """Return a process that writes, at the moment at which it begins to."""
    os.environ["OMP_NUM_THREADS"] = "1"
    FORK.set_forkserver_preload([f"landslide_utils.{module}" for module in NEEDED])
    begun = FORK.Event()
    process = FORK.Process(target=run, args=(name, work, record, begun.set))
    process.start()
    while not begun.wait(0.1) and process.is_alive():
        pass
    return process


def try_writer(name: str, folder: Path, record: str, kills: int, seed: int) -> dict[str, Any]:
    """Return what became of a writer that was killed some times."""
    work, pattern, check = folder / name, WRITERS[name][1], WRITERS[name][2]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for _ in range(2):  # the first also makes what it works from; the second tells how long it writes
        clear(work, pattern)
        whole, begun = start(name, work, record), time.perf_counter()
        whole.join()
    seconds, moments = time.perf_counter() - begun, random.Random(seed)
    faults, killed, midway = [], 0, 0
    for _ in range(kills):
        clear(work, pattern)
        process = start(name, work, record)
        process.join(moments.uniform(0, seconds))
        killed += process.is_alive()
        process.kill()
        process.join()
        midway += process.exitcode != 0 and bool(left_in(work))
        faults += find_faults(sorted(work.glob(pattern)), check)
    clear(work, pattern)
    process = start(name, work, record)
    process.join()
    if process.exitcode:
        faults.append("the last call failed")
    targets = sorted(work.glob(pattern))
    faults += find_faults(targets, check) if targets else ["the last call left no target"]
    counts = {"seconds": round(seconds, 1), "killed": killed, "midway": midway}
    return {"writer": name, **counts, "faults": faults, "left": left_in(work)}


def left_in(work: Path) -> list[str]:
    """Return the names of what is half written."""
    return [path.name for path in work.rglob(".*") if path.name.endswith(LEFT)]


def clear(work: Path, pattern: str) -> None:
    """Remove whole targets, so that there is something to write; what killed writers left stays."""
    for target in work.glob(pattern):
        shutil.rmtree(target) if target.is_dir() else target.unlink()


def find_faults(targets: Sequence[Path], check: Callable[[Path], None]) -> list[str]:
    """Return which targets are there and not whole."""
    faults = []
    for target in targets:
        try:
            check(target)
        except Exception as error:
            faults.append(f"{target.name}: {type(error).__name__}: {error}"[:500])
    return faults


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the writers one after the other, and say of each how often it was killed and what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--writers", nargs="+", choices=WRITERS, default=list(WRITERS))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    lost = 0
    with repository(given.folder / "repository") as record:
        for name in given.writers:
            found = try_writer(name, given.folder, record, given.kills, given.seed)
            print(found, flush=True)
            lost += len(found["faults"]) + len(found["left"])
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
