"""The commands of the package: ``landslides --help``, or ``python -m landslide_utils --help``, lists them."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from landslide_utils.files import atomic_write

Options = dict[str, tuple[Any, str]]
"""For each option its default and its help; a list takes several values, False becomes a switch, None is required."""

SCHEDULER = ("", "address of a Dask scheduler, such as tcp://10.0.0.1:8786; empty to work on this machine")
SHARED: Options = {
    "preset": ("quick", "how large a network and how long: quick, standard or paper"),
    "steps": (0, "batches that the network is trained on; 0 takes the preset's number"),
    "runs-dir": ("runs", "folder of the runs"),
}
RUN: Options = {
    "cube": ("practice_earthquake", "a region's name, path or URL of a Zarr store, or sen12landslides:FOLDER"),
    "event-time": ("", "date and time of the event in UTC; only for a store whose event is not known"),
    "channels": ("sar", "what the network sees: vv, vh, sar, sar_dem or dem"),
    "timesteps": (4, "passes averaged before and after the event, 1 to 4"),
    "orbit": ("auto", "direction of all passes: descending, ascending, or auto for the one with more of them"),
    "split": ("blocked", "how chips are split: blocked, random or published"),
    "seed": (0, "of the split, the first weights and the order of chips"),
    **SHARED,
}
PREPARE: Options = {
    "cube": (None, "cube of quiet passes: a region's name, or the path or URL of a Zarr store"),
    "until": ("", "date and time in UTC; only passes before it are used. Needed where the cube holds an event"),
    **{name: RUN[name] for name in ("channels", "timesteps", "orbit")},
    "share": (0.1, "share of the area that landslides are drawn on"),
    "seed": (0, "of the landslides, the split, the first weights and the order of chips"),
    **SHARED,
}
MAP: Options = {
    "run": (None, "folder of the run whose network is used"),
    "cube": ("", "cube that is mapped; empty for the run's own"),
    "event-time": RUN["event-time"],
    "crs": ("", "coordinate reference system, such as EPSG:32654; only for a store where it is not known"),
    "threshold": (0.0, "probability from which a pixel is a landslide; 0 takes the best on the run's validation chips"),
    "incidence-degrees": (0.0, "angle between the radar's look and the vertical; 0 takes the cube's own"),
    "min-pixels": (4, "groups of fewer pixels get no polygon"),
    "out-dir": ("maps", "folder for the files"),
    "overwrite": (False, "replace files that are there already"),
    "scheduler": SCHEDULER,
}
GRID: Options = {
    "cube": RUN["cube"],
    "channels": (["vv", "vh", "sar", "dem", "sar_dem"], "band combinations"),
    "timesteps": ([1, 2, 3, 4], "passes before and after the event"),
    "seeds": ([0, 1, 2], "of the split, the first weights and the order of chips"),
    "splits": (["blocked"], "blocked, random or published"),
    **SHARED,
    "scheduler": SCHEDULER,
    "threads-per-worker": (1, "cores of this machine that one run uses"),
    "results": ("", "folder in which the table, the figure and the verdicts on the paper's claims are written"),
    "dry-run": (False, "only say what is there and what would be run"),
}
PAIRS: Options = {
    "cubes": (["practice_earthquake", "practice_mountains", "practice_hurricane", "practice_small"], "regions"),
    "channels": RUN["channels"],
    "timesteps": RUN["timesteps"],
    "seeds": GRID["seeds"],
    **SHARED,
    "results": ("results", "folder in which transfer.csv, the figure and transfer.md are written"),
}
EVENT: Options = {
    "name": ("my event", "for headings"),
    "box": ([0.0], "west south east north, in degrees"),
    "event-time": ("", "date and time of the event in UTC, such as 2018-09-05T18:07:59; of a quiet time: its end"),
    "polygons": ("", "file of landslide polygons; empty where nobody knows them, as in a quiet time"),
    "radar": (None, "folder of OPERA RTC-S1 GeoTIFFs or NISAR GCOV files, or the address of a STAC catalogue"),
    "dem": ("", "raster of elevation in metres; empty takes it from the catalogue"),
    "pixel-size-m": (10.0, "width and height of a pixel in metres"),
    "out": (None, "where the cube is written, ending in .zarr"),
}
SIMULATE: Options = {
    "cube": (None, "a practice region's name, such as practice_hokkaido"),
    "dry-run": (False, "only say how much time and disk it takes"),
}


def demo(given: Namespace) -> None:
    """Run notebook 03 as it stands, and print its scores and where its pictures lie."""
    from landslide_utils.course.demo import run_notebook

    run_notebook()


def train(given: Namespace) -> None:
    """Train one configuration, map its cube, score the map, and keep all in a folder."""
    from landslide_utils.experiments.config import RunConfig

    _run(RunConfig.from_parameters(vars(given)))


def prepare(given: Namespace) -> None:
    """Train before an event, on landslides that are simulated in quiet passes; the run's scores are of those."""
    from landslide_utils.experiments.config import RunConfig
    from landslide_utils.experiments.parameters import check_parameters, instant
    from landslide_utils.experiments.prepared import prepare_quiet

    check_parameters(vars(given), until=instant)
    config = RunConfig.from_parameters(vars(given))
    print("Landslides are simulated: a score on them says little about that on real ones.")
    _run(prepare_quiet(config, until=given.until, share=given.share))


def _run(config: Any) -> None:
    """Train, and print the scores and the run's folder."""
    from landslide_utils.experiments.runs import run

    scores = run(config).metrics
    print(f"AUPRC {scores['auprc']:.2f} ({scores['auprc_low']:.2f} to {scores['auprc_high']:.2f}) on the test chips")
    print(f"chance {scores['prevalence']:.3f}\n{config.folder}")


def draw(given: Namespace) -> None:
    """Map a cube with the network of a run, and write the map and its polygons to files."""
    from landslide_utils.chips import part_mask
    from landslide_utils.experiments.parameters import check_parameters, degrees, instant
    from landslide_utils.experiments.runs import prepare, read_run
    from landslide_utils.experiments.transfer import map_cube
    from landslide_utils.export import plan_files, write_geotiff, write_polygons
    from landslide_utils.polygons import best_threshold, find_polygons
    from landslide_utils.predict import connect

    check_parameters(vars(given), event_time=instant, incidence_degrees=degrees, min_pixels=range(1, 100_001))
    threshold = given.threshold or None
    paths = plan_files(given.out_dir, threshold=threshold, overwrite=given.overwrite)
    trained = read_run(given.run)
    if given.scheduler:
        with connect(given.scheduler):  # before the work, not after
            pass
    if threshold is None:
        scene = prepare(trained.config)
        validation = part_mask(scene.chips, "validation", scene.landslides)
        threshold = best_threshold(trained.probability(), scene.landslides, validation)
    cube = given.cube or trained.config.cube
    config = dataclasses.replace(trained.config, cube=cube, event_time=given.event_time or trained.config.event_time)
    store = Path(given.out_dir) / ".probability.zarr"  # a map that is stopped goes on from here
    shutil.rmtree(store, ignore_errors=True)
    incidence, scheduler = given.incidence_degrees or None, given.scheduler or None
    probability, dem = map_cube(
        trained, config, crs=given.crs or None, incidence_degrees=incidence, out=store, scheduler=scheduler
    )
    polygons = find_polygons(probability, dem, threshold=threshold, min_pixels=given.min_pixels)
    print(write_geotiff(probability, paths["map"], threshold=threshold, overwrite=given.overwrite))
    for kind in ("polygons", "polygons_in_degrees"):
        print(write_polygons(polygons, paths[kind], overwrite=given.overwrite))
    shutil.rmtree(store)
    print(f"{len(polygons)} polygons above a probability of {threshold:.2f}")


def experiments(given: Namespace) -> None:
    """Train every combination of bands, passes, seeds and splits that is not there yet, and collect the scores."""
    from landslide_utils.experiments.grid import GRID_RULES, collect_draws, is_done, plan_runs, run_grid
    from landslide_utils.experiments.parameters import check_parameters, writable
    from landslide_utils.experiments.results import write_results

    if given.results:
        check_parameters(vars(given), results=writable)
    configs = plan_runs(**{name: value for name, value in vars(given).items() if name in GRID_RULES})
    if given.dry_run:
        for config in configs:
            state, passes = "done   " if is_done(config) else "missing", f"{config.timesteps} passes"
            print(f"{state} {config.hash}  {config.channels:8s} {passes}  {config.split}  seed {config.seed}")
        return
    table = run_grid(configs, scheduler=given.scheduler or None, threads_per_worker=given.threads_per_worker)
    if given.results:
        command = f"python -m landslide_utils.experiments {shlex.join(given.arguments)}"
        write_results(table, collect_draws(table), given.results, command=command)
    scores = ["auprc", "prevalence", "auprc_landslide_chips"]
    print(table[["channels", "timesteps", "seed", "split", *scores]].round(3).to_string())


def transfer(given: Namespace) -> None:
    """Train in each region, test in all, with and without remedies; what is there is not measured again."""
    import pandas as pd

    from landslide_utils.experiments.config import RunConfig
    from landslide_utils.experiments.parameters import check_parameters, writable
    from landslide_utils.experiments.transfer import honest_table, measure_pairs, write_pairs

    check_parameters(vars(given), results=writable)
    base = RunConfig.from_parameters(vars(given))
    configs = [dataclasses.replace(base, cube=cube, seed=seed) for seed in given.seeds for cube in given.cubes]
    stored = Path(given.results) / "transfer.csv"
    for table in measure_pairs(configs, pd.read_csv(stored) if stored.exists() else None):
        with atomic_write(stored, overwrite=True) as part:
            table.round(6).to_csv(part, index=False)
    command = f"landslides transfer {shlex.join(given.arguments)}"
    write_pairs(table, given.results, command=command)
    print(honest_table(table).round(3).to_string())


def event(given: Namespace) -> None:
    """Make a cube of your own event from images, elevation and, where they are known, polygons."""
    from landslide_utils.sources import Catalogue, Event, plan, write

    radar = Catalogue(given.radar) if "://" in given.radar else given.radar
    where = Event(given.name, given.box, given.event_time, given.polygons or None, pixel_size_m=given.pixel_size_m)
    planned = plan(where, radar=radar, dem=given.dem or radar)
    print(planned.describe())
    print(write(planned, given.out))


def simulate(given: Namespace) -> None:
    """Make the cube of a practice region; an interrupted call is taken up by the next."""
    from landslide_utils.simulate.full_size import plan_cube, simulate_cube

    print(plan_cube(given.cube).describe() if given.dry_run else simulate_cube(given.cube))


COMMANDS: dict[str, tuple[Callable[[Namespace], None], Options]] = {
    "demo": (demo, {}),
    "train": (train, RUN),
    "prepare": (prepare, PREPARE),
    "map": (draw, MAP),
    "experiments": (experiments, GRID),
    "transfer": (transfer, PAIRS),
    "event": (event, EVENT),
    "simulate": (simulate, SIMULATE),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code: 2, with the reason on stderr, if what it was given cannot be used."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name == "download":
        from landslide_utils.sources.download import main as download

        return download(rest)
    given = _parser().parse_args([name, *rest], Namespace(arguments=rest))
    try:
        COMMANDS[name][0](given)
    except (ImportError, OSError, ValueError) as error:  # ValueError: what a library says of a file, too
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    """Return a parser of all commands; each is described by the docstring of its function."""
    parser = argparse.ArgumentParser(prog="landslides", description="From radar backscatter to a map of landslides.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    shown = argparse.ArgumentDefaultsHelpFormatter
    for name, (function, options) in COMMANDS.items():
        text = function.__doc__
        command = commands.add_parser(name, help=text, description=text, formatter_class=shown)
        for option, (default, words) in options.items():
            first = default[0] if isinstance(default, list) else default
            settings = {"default": default, "type": type(first), "nargs": None if first is default else "+"}
            if default is None or default is False:
                settings = {"required": True} if default is None else {"action": "store_true"}
            command.add_argument(f"--{option}", help=words, **settings)
    commands.add_parser("download", help="Download a published cube, or sen12landslides, and unpack it.")
    return parser


if __name__ == "__main__":
    sys.exit(main())
