"""A grid of runs, trained on as many processes as there are, and one table of what came out. ``python -m landslide_utils.experiments --help``."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import os
import shlex
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import pandas as pd
from tqdm.auto import tqdm

from landslide_utils.composite import CHANNELS
from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import Rule, several
from landslide_utils.experiments.runs import RunBusyError, RunError, read_run, run
from landslide_utils.files import InputError

if TYPE_CHECKING:
    from distributed import Client

BUSY = "another process trains it"

_KEEP_MEMORY = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
"""Dask has its workers hand freed memory back to the system at once; each batch would fetch it again, a third of a training's time."""

_ONE_AT_A_TIME = (
    threading.Lock()
)  # seeds and threads of torch belong to a process, so a process trains one run at a time


GRID_RULES: dict[str, Rule] = {
    **{name: rule for name, rule in RUN_RULES.items() if name not in ("channels", "timesteps", "seed", "split")},
    "channels": several(RUN_RULES["channels"]),
    "timesteps": several(RUN_RULES["timesteps"]),
    "seeds": several(RUN_RULES["seed"]),
    "splits": several(RUN_RULES["split"]),
}
"""What each argument of :func:`plan_runs` may be."""


class GridError(RuntimeError):
    """Runs of a grid that failed; all others are done. ``failures`` has what happened to each, by its hash."""

    def __init__(self, failures: dict[str, str]) -> None:
        self.failures = failures
        lines = "\n".join(f"  - {name}: {text}" for name, text in failures.items())
        super().__init__(
            f"{len(failures)} runs failed; the others are done, and starting again repeats only these:\n{lines}"
        )


def plan_runs(
    *,
    channels: Sequence[str] = tuple(CHANNELS),
    timesteps: Sequence[int] = (1, 2, 3, 4),
    seeds: Sequence[int] = (0, 1, 2),
    splits: Sequence[str] = ("blocked",),
    **fixed: Any,
) -> list[RunConfig]:
    """Return every combination as a configuration.

    Parameters
    ----------
    channels, timesteps, seeds, splits : sequence
    **fixed
        What all runs share: ``cube``, ``preset``, ``epochs``, ``orbit``, ``event_time``, ``runs_dir``.

    Raises
    ------
    InputError
        Listing all values that are not allowed.
    """
    configs, faults = [], []
    for seed, steps, split, name in itertools.product(seeds, timesteps, splits, channels):
        try:
            configs.append(RunConfig(channels=name, timesteps=steps, seed=seed, split=split, **fixed))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError("these runs cannot be started", list(dict.fromkeys(faults)))
    return configs


def is_done(config: RunConfig) -> bool:
    """Say whether a run's folder is there and whole."""
    try:
        read_run(config.folder)
    except (FileNotFoundError, RunError):
        return False
    return True


def run_grid(
    configs: Sequence[RunConfig],
    *,
    scheduler: str | None = None,
    threads_per_worker: int = 1,
    here: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Run what is missing of a grid, one run a Dask task, and return the table of all of them.

    It can be stopped at any moment and started again: finished runs stay, and a half trained one goes on from its last epoch. Two grids may share a folder:
    what one is training the other leaves to it.

    Parameters
    ----------
    configs : sequence of RunConfig
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers see the same folders. By default processes on this machine.
    threads_per_worker : int
        Processor cores that one run uses on this machine. Workers of another scheduler use the threads that they were started with.
    here : bool
        Whether to train one run after the other in this process: slower, but it needs the memory of one only.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        As :func:`collect` returns it.

    Raises
    ------
    GridError
        When all that could run has run, naming the runs that failed.
    """
    wanted = {
        config.hash: dataclasses.replace(config, runs_dir=str(Path(config.runs_dir).resolve())) for config in configs
    }
    missing = [config for config in wanted.values() if not is_done(config)]
    failures: dict[str, str] = {}
    bar = tqdm(desc="runs", unit="run", total=len(wanted), initial=len(wanted) - len(missing), disable=not progress)
    with bar, _client(scheduler, threads_per_worker, 0 if here else len(missing)) as client:
        outcomes = _outcomes(client, missing) if client else ((config, _attempt(config)) for config in missing)
        for config, outcome in outcomes:
            if outcome:
                failures[f"{config.hash} ({config.channels}, {config.timesteps} passes, seed {config.seed})"] = outcome
            bar.update()
    if failures:
        raise GridError(failures)
    return collect([config.folder for config in wanted.values()])


@contextlib.contextmanager
def _client(scheduler: str | None, threads: int, runs: int) -> Iterator[Client | None]:
    if runs == 0:
        yield None
        return
    from distributed import Client, LocalCluster

    if scheduler:
        with Client(scheduler, timeout=20) as client:
            yield client
        return
    workers = max(1, min(runs, (os.cpu_count() or 1) // threads))
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {**_KEEP_MEMORY, "OMP_NUM_THREADS": str(threads)}}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            memory_limit=0,  # a run's memory is its own affair; a worker that is paused half way helps nobody
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _outcomes(client: Client, missing: Sequence[RunConfig]) -> Iterator[tuple[RunConfig, str]]:
    """Hand out runs, no more at a time than there are workers, and yield each with what went wrong (nothing, as a rule)."""
    waiting = deque(missing)
    running: dict[Any, RunConfig] = {}
    from distributed import wait

    while waiting or running:
        workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        while waiting and len(running) < workers:
            config = waiting.popleft()
            running[client.submit(_task, config, pure=False)] = config
        done = wait(list(running), return_when="FIRST_COMPLETED").done
        for future in done:
            config = running.pop(future)
            outcome = str(future.exception() or "") if future.status == "error" else future.result()
            if outcome == BUSY:
                waiting.append(config)  # another grid trains it; look again later
                time.sleep(1)
            else:
                yield config, outcome


def _task(config: RunConfig) -> str:
    """Train one run on a worker."""
    import torch
    from distributed import get_worker

    threads = max(1, get_worker().state.nthreads)
    # What a run reads through Dask is read here: handed back to the cluster it would wait for the very worker that waits for it.
    with _ONE_AT_A_TIME, dask.config.set(scheduler="threads", num_workers=threads):
        torch.set_num_threads(threads)
        return _attempt(config)


def _attempt(config: RunConfig) -> str:
    """Train one run and return what went wrong, as text, so that it stops no other run."""
    try:
        run(config, progress=False)
    except RunBusyError:
        return BUSY
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def collect(where: str | os.PathLike[str] | Sequence[Path]) -> pd.DataFrame:
    """Return one table of runs: a line a run, its configuration and what it measured.

    Parameters
    ----------
    where : path or sequence of paths
        A folder of runs, or the runs' own folders. Runs that are damaged or of another version are left out, with a warning that names them.
    """
    folders = sorted(Path(where).glob("[!.]*/")) if isinstance(where, str | os.PathLike) else where
    lines = []
    for folder in folders:
        try:
            found = read_run(folder)
        except (FileNotFoundError, RunError) as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        described = dataclasses.asdict(found.config)
        lines.append({"run": folder.name, **described, **found.metrics, "epochs": found.metrics["epochs"]})
    if not lines:
        return pd.DataFrame()
    order = ["cube", "preset", "split", "channels", "timesteps", "seed"]
    return pd.DataFrame(lines).drop(columns="format").sort_values(order, ignore_index=True)


def collect_draws(table: pd.DataFrame) -> pd.DataFrame:
    """Return the bootstrap draws of AUPRC inside landslide chips of each run of a table: one column a run."""
    found = {str(line["run"]): read_run(Path(line["runs_dir"]) / line["run"]) for _, line in table.iterrows()}
    return pd.DataFrame({name: entry.bootstrap["auprc_landslide_chips"] for name, entry in found.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a grid from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m landslide_utils.experiments",
        description="Train every combination of bands, passes, seeds and splits that is not there yet, and write the table of results.",
    )
    add = parser.add_argument
    add("--cube", default="practice_earthquake", help="a region's name, or the path or URL of a Zarr store")
    add("--channels", nargs="+", default=list(CHANNELS), help="band combinations (default: all five)")
    add("--timesteps", nargs="+", type=int, default=[1, 2, 3, 4], help="passes before and after the event")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--splits", nargs="+", default=["blocked"], help="blocked, random or both")
    add("--preset", default="quick", help="quick, standard or paper")
    add("--epochs", type=int, default=0, help="instead of the preset's")
    add("--runs-dir", default="runs", help="folder of the runs")
    add(
        "--scheduler",
        help="address of a Dask scheduler, such as tcp://10.0.0.1:8786; by default processes on this machine",
    )
    add("--threads-per-worker", type=int, default=1, help="cores of this machine that one run uses")
    add("--results", help="folder in which the table, the poster's figure and its claims are written")
    add("--dry-run", action="store_true", help="only say what is there and what would be run")
    asked = parser.parse_args(arguments)
    try:
        configs = plan_runs(
            channels=asked.channels,
            timesteps=asked.timesteps,
            seeds=asked.seeds,
            splits=asked.splits,
            **{name: getattr(asked, name) for name in ("cube", "preset", "epochs", "runs_dir")},
        )
        if asked.dry_run:
            for config in configs:
                state = "done   " if is_done(config) else "missing"
                print(
                    f"{state} {config.hash}  {config.channels:8s} {config.timesteps} passes  {config.split}  seed {config.seed}"
                )
            return 0
        table = run_grid(configs, scheduler=asked.scheduler, threads_per_worker=asked.threads_per_worker)
    except (InputError, GridError) as error:
        print(error, file=sys.stderr)
        return 1
    if asked.results:
        from landslide_utils.experiments.results import write_results

        command = shlex.join(["python", "-m", "landslide_utils.experiments", *(arguments or sys.argv[1:])])
        write_results(table, collect_draws(table), asked.results, command=command)
    print(
        table[["channels", "timesteps", "seed", "split", "auprc", "prevalence", "auprc_landslide_chips"]]
        .round(3)
        .to_string()
    )
    return 0


if __name__ == "__main__":
    from landslide_utils.experiments.grid import main as importable  # under this name the workers find the task

    sys.exit(importable())
