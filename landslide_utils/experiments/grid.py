"""A grid of runs, trained on as many processes as there are, and one table of their scores."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import pandas as pd
from tqdm.auto import tqdm

from landslide_utils.composite import CHANNELS
from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import Rule, Several, check_parameters, find_unknown, writable
from landslide_utils.experiments.runs import RunBusyError, RunError, read_run, remove_leftovers_of, run
from landslide_utils.files import InputError, as_path
from landslide_utils.grid import refuse_other
from landslide_utils.predict import connect, whole_worker

if TYPE_CHECKING:
    from distributed import Client

GRID_RULES: dict[str, Rule | Several] = {
    **{name: rule for name, rule in RUN_RULES.items() if name not in ("channels", "timesteps", "seed", "split")},
    "runs_dir": writable,
    "channels": Several(RUN_RULES["channels"]),
    "timesteps": Several(RUN_RULES["timesteps"]),
    "seeds": Several(RUN_RULES["seed"]),
    "splits": Several(RUN_RULES["split"]),
}
"""What each argument of :func:`plan_runs` may be."""

BUSY = "another process trains it"

_KEEP_MEMORY = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
"""Dask's workers hand freed memory back to the system at once. Each batch would fetch it again: a third of the time."""


class GridError(InputError):
    """Runs of a grid that failed; all others are done."""


def plan_runs(
    *,
    channels: Sequence[str] = tuple(CHANNELS),
    timesteps: Sequence[int] = (1, 2, 3, 4),
    seeds: Sequence[int] = (0, 1, 2),
    splits: Sequence[str] = ("blocked",),
    **fixed: Any,
) -> list[RunConfig]:
    """Return every combination as a configuration; terrain has no passes, so ``dem`` is planned once a seed and split.

    Parameters
    ----------
    channels, timesteps, seeds, splits : sequence
    **fixed
        What all runs share: ``cube``, ``preset``, ``steps``, ``orbit``, ``event_time``, ``runs_dir``.

    Raises
    ------
    InputError
        Listing all values that are not allowed.
    """
    lists = {"seeds": seeds, "timesteps": timesteps, "splits": splits, "channels": channels}
    faults = find_unknown(fixed, GRID_RULES)
    try:
        checked = check_parameters({**lists, **fixed}, **GRID_RULES)
    except InputError as error:
        faults += error.faults
    if faults:
        raise InputError("these runs cannot be planned", faults)
    return [
        RunConfig(channels=name, timesteps=passes, seed=seed, split=split, **fixed)
        for seed, passes, split, name in itertools.product(*(checked[name] for name in lists))
        if name != "dem" or passes == checked["timesteps"][0]
    ]


def is_done(config: RunConfig) -> bool:
    """Return whether a run's folder is there and whole."""
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

    It can be stopped at any moment and started again: finished runs stay, and a half trained one goes on from its last
    checkpoint. Two grids may share a folder: what one is training the other leaves to it.

    Parameters
    ----------
    configs : sequence of RunConfig
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers see the same folders. By default
        processes on this machine.
    threads_per_worker : int
        Processor cores that one run uses on this machine. Workers of another scheduler use the threads that they were
        started with.
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
    check_parameters({"threads_per_worker": threads_per_worker}, threads_per_worker=range(1, 1025))
    by_hash = {}
    for config in configs if isinstance(configs, Sequence) else [configs]:
        refuse_other(config, "plan_runs", "hash")
        by_hash[config.hash] = dataclasses.replace(config, runs_dir=str(Path(config.runs_dir).resolve()))
    for config in by_hash.values():
        remove_leftovers_of(config)
    missing = [config for config in by_hash.values() if not is_done(config)]
    failures = []
    bar = tqdm(desc="runs", unit="run", total=len(by_hash), initial=len(by_hash) - len(missing), disable=not progress)
    with bar, _client(scheduler, threads_per_worker, 0 if here else len(missing)) as client:
        outcomes = _outcomes(client, missing) if client else ((config, _attempt(config)) for config in missing)
        for config, failure in outcomes:
            if failure:
                label = f"{config.channels}, {config.timesteps} passes, seed {config.seed}"
                failures.append(f"{config.hash} ({label}): {failure}")
            bar.update()
    if failures:
        heading = f"{len(failures)} runs failed; the others are done, and starting again repeats only these"
        raise GridError(heading, failures)
    return collect([config.folder for config in by_hash.values()])


@contextlib.contextmanager
def _client(scheduler: str | None, threads: int, runs: int) -> Iterator[Client | None]:
    if runs == 0:
        yield None
        return
    if scheduler:
        with connect(scheduler) as client:
            yield client
        return
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {**_KEEP_MEMORY, "OMP_NUM_THREADS": str(threads)}}),
        LocalCluster(
            n_workers=max(1, min(runs, (os.cpu_count() or 1) // threads)),
            threads_per_worker=threads,
            memory_limit=0,  # a worker that is paused half way helps nobody
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _outcomes(client: Client, missing: Sequence[RunConfig]) -> Iterator[tuple[RunConfig, str]]:
    """Yield each run when it has ended, with its failure or an empty text."""
    from distributed import as_completed

    runs = {client.submit(_task, config, pure=False): config for config in missing}
    futures = as_completed(runs)
    for future in futures:
        config = runs.pop(future)
        failure = str(future.exception()) if future.status == "error" else future.result()
        if failure == BUSY:  # another grid trains it; look again later
            time.sleep(1)
            again = client.submit(_task, config, pure=False)
            runs[again] = config
            futures.add(again)
        else:
            yield config, failure


def _task(config: RunConfig) -> str:
    """Train one run on a worker."""
    with whole_worker():
        return _attempt(config)


def _attempt(config: RunConfig) -> str:
    """Train one run and return its failure as text, so that it stops no other run; an empty text if there is none."""
    try:
        run(config, progress=False)
    except RunBusyError:
        return BUSY
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def collect(where: str | os.PathLike[str] | Sequence[Path]) -> pd.DataFrame:
    """Return one table of runs: a line a run, with its configuration and its scores.

    Parameters
    ----------
    where : path or sequence of paths
        A folder of runs, or the runs' own folders. Runs that are damaged or of another version are left out, with a
        warning that names them.
    """
    if isinstance(where, str) or not isinstance(where, Sequence):
        where = sorted(as_path(where).glob("[!.]*/"))
    lines = []
    for folder in map(as_path, where):
        try:
            entry = read_run(folder)
        except (FileNotFoundError, RunError) as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        lines.append({"run": folder.name, **dataclasses.asdict(entry.config), **entry.metrics})
    if not lines:
        return pd.DataFrame()
    order = ["cube", "preset", "split", "channels", "timesteps", "seed"]
    return pd.DataFrame(lines).drop(columns="format").sort_values(order, ignore_index=True)


def collect_draws(table: pd.DataFrame) -> pd.DataFrame:
    """Return the bootstrap draws of AUPRC inside landslide chips of each run of a table: one column a run."""
    refuse_other(table, "collect", "iterrows", "run")
    runs = {str(line["run"]): read_run(Path(line["runs_dir"]) / line["run"]) for _, line in table.iterrows()}
    return pd.DataFrame({name: entry.bootstrap["auprc_landslide_chips"] for name, entry in runs.items()})
