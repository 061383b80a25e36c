"""Kill every writer at random moments, and see that nothing is lost. By ``python benchmarks/kills.py FOLDER``.

Each writer runs in a process of its own, which is killed at a random moment of its work. After each kill its target
must be absent or whole. The last call is not killed: it must end with a whole target, and without what the others left.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

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


def mapped(out: Path | None) -> xr.DataArray:
    """Return a map of the corner by a network that was not trained."""
    import torch

    from landslide_utils.model import PRESETS, build_model
    from landslide_utils.predict import map_scene
    from landslide_utils.scene import Normalisation

    torch.manual_seed(0)
    image = composite()
    names = tuple(str(name) for name in image["channel"].values)
    normalisation = Normalisation(names, (-12.0,) * len(names), (3.0,) * len(names))
    return map_scene(build_model(len(names), PRESETS["quick"]).eval(), image, normalisation, out=out, progress=False)


def write_cube(folder: Path) -> None:
    """Simulate a practice region."""
    from landslide_utils.simulate import make_scene
    from landslide_utils.simulate import write_cube as write
    from landslide_utils.simulate.scenario import SCENARIOS

    write(make_scene(SCENARIOS[CUBE]), folder / "cube.zarr", progress=False)


def write_composite(folder: Path) -> None:
    """Keep a composite in a store, as those of large scenes are kept."""
    from landslide_utils import composite as module

    kept = composite()  # of the cube in the usual folder
    os.environ["LANDSLIDE_DATA"] = str(folder)
    module.MOST_IN_MEMORY = 0  # type: ignore[attr-defined]
    module.keep_composite(kept, progress=False)


def write_map(folder: Path) -> None:
    """Map a scene to a store."""
    mapped(folder / "map.zarr")


def write_grid(folder: Path) -> None:
    """Train two runs."""
    from landslide_utils.experiments.grid import plan_runs, run_grid

    grid = plan_runs(cube=CUBE, channels=["vh"], timesteps=[1], seeds=[0, 1], steps=STEPS, runs_dir=str(folder))
    run_grid(grid, here=True, progress=False)


def write_export(folder: Path) -> None:
    """Write a map and its polygons to files."""
    from landslide_utils.export import plan_files, write_geotiff, write_polygons
    from landslide_utils.polygons import find_polygons

    probability, paths = mapped(None), plan_files(folder, overwrite=True)
    polygons = find_polygons(probability, corner()["dem"].load(), threshold=0.5)
    write_geotiff(probability, paths["map"], threshold=0.5, overwrite=True)
    for kind in ("polygons", "polygons_in_degrees"):
        write_polygons(polygons, paths[kind], overwrite=True)


def write_download(folder: Path) -> None:
    """Download a cube from a server on this machine."""
    from landslide_utils.sources.download import download

    download(REGION, folder=folder, record=os.environ["RECORD"], progress=False)


def write_event(folder: Path) -> None:
    """Make the cube of an event from images."""
    from landslide_utils.sources import Event, plan, write, write_catalogue

    files = write_catalogue(corner(), folder.with_name("archive"))
    event = Event("an event", files.box, files.event_time, str(files.polygons))
    write(plan(event, radar=files.radar, dem=files.dem), folder / "event.zarr", progress=False)


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


WRITERS: dict[str, tuple[Callable[[Path], None], str, Callable[[Path], None]]] = {
    "cube": (write_cube, "cube.zarr", check_store),
    "composite": (write_composite, "composites/[!.]*.zarr", check_composite),
    "map": (write_map, "map.zarr", check_map),
    "grid": (write_grid, "[!.]*", check_run),
    "export": (write_export, "*.*", check_file),
    "download": (write_download, f"{REGION}.zarr", check_store),
    "event": (write_event, "event.zarr", check_store),
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


def start(name: str, folder: Path, record: str) -> subprocess.Popen[str]:
    """Return a process that writes, at the moment at which it begins to."""
    command = [sys.executable, __file__, str(folder), "--only", name]
    settings = os.environ | {"RECORD": record, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=settings)
    assert process.stdout is not None
    while process.stdout.readline() not in ("writing\n", ""):
        pass
    return process


def try_writer(name: str, folder: Path, record: str, kills: int, seed: int) -> dict[str, Any]:
    """Return what became of a writer that was killed some times."""
    work, pattern, check = folder / name, WRITERS[name][1], WRITERS[name][2]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for _ in range(2):  # the first also makes what it works from; the second tells how long it writes
        clear(work, pattern)
        whole, begun = start(name, folder, record), time.perf_counter()
        whole.wait()
    seconds, moments, faults, killed = time.perf_counter() - begun, random.Random(seed), [], 0
    for _ in range(kills):
        clear(work, pattern)
        process = start(name, folder, record)
        time.sleep(moments.uniform(0, seconds))
        killed += process.poll() is None
        process.kill()
        process.wait()
        faults += find_faults(sorted(work.glob(pattern)), check)
    clear(work, pattern)
    process = start(name, folder, record)
    if process.wait():
        faults.append("the last call failed")
    targets = sorted(work.glob(pattern))
    faults += find_faults(targets, check) if targets else ["the last call left no target"]
    left = [path.name for path in work.rglob(".*") if path.name.endswith((".part", ".unfinished", ".safetensors"))]
    return {"writer": name, "seconds": round(seconds, 1), "killed": killed, "faults": faults, "left": left}


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
    parser.add_argument("--only", choices=WRITERS, help="write once, in this process: what is killed")
    given = parser.parse_args(arguments)
    if given.only:
        for module in ("experiments.grid", "export", "polygons", "predict", "sources", "simulate", "train"):
            importlib.import_module(f"landslide_utils.{module}")
        print("writing", flush=True)
        WRITERS[given.only][0](given.folder / given.only)
        return 0
    lost = 0
    with repository(given.folder / "repository") as record:
        for name in given.writers:
            found = try_writer(name, given.folder, record, given.kills, given.seed)
            print(found, flush=True)
            lost += len(found["faults"]) + len(found["left"])
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
