"""Shared fixtures: made-up cubes in the published layout, and the folder of real data where there is one."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import strategies as st

EVENT = "2018-09-05T18:07:59"
BEFORE = ["2018-08-01T20:42", "2018-08-07T20:42", "2018-08-13T20:42", "2018-08-19T20:42", "2018-08-25T20:42"]
SAME_DAY = ["2018-09-05T08:30", "2018-09-05T20:42"]  # one pass before the earthquake and one after it, on the same day
AFTER = ["2018-09-11T20:42", "2018-09-17T20:42", "2018-09-23T20:42", "2018-09-29T20:42"]
ORBIT = "orbit" if sys.platform == "win32" else "sat:orbit_state"
"""What the published cubes call the direction of a pass; a store on Windows cannot have a folder of that name."""
ASCENDING = ["2018-08-10T08:41", "2018-09-02T08:41", "2018-09-14T08:41"]

NOT_ON_WINDOWS = {
    "Binder's scripts and its link to environment.yml are for Linux": (
        "test_binder_uses_the_same_environment",
        "test_repo2docker_takes_the_conda_environment_and_both_scripts",
        "test_the_scripts_are_bash_that_binder_can_run",
    ),
    "a process is killed by a signal": (
        "test_a_killed_process_leaves_nothing_that_looks_whole",
        "test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not",
    ),
    "links may not be made, and there are no pipes": ("test_links_out_of_the_store_and_pipes_are_not_read",),
    "the system limits the size of a file, or says what a disk has left, in a way of its own": (
        "test_a_disk_that_fills_up_leaves_what_has_arrived",
        "test_a_disk_that_fills_up_while_unpacking_leaves_no_half_cube",
        "test_a_disk_that_is_full_leaves_nothing_behind",
        "test_what_would_not_fit_on_the_disk_is_not_unpacked",
    ),
}
"""Unit tests that need what only POSIX systems have, by the reason; all others run on Windows too."""


@pytest.fixture(autouse=True, scope="session")
def measured_precision() -> Iterator[Callable[[], str]]:
    """Let every test compute in 32 bits: what it compares is exact, on a processor too that is faster with bfloat16.

    Yields what measures the precision.
    """
    from landslide_utils import train

    with pytest.MonkeyPatch.context() as patch:
        measure = train.precision
        patch.setattr(train, "precision", lambda: "no")
        yield measure


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are found, and later not in what is there then: each search takes long."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip on Windows what cannot run there."""
    reasons = {name: reason for reason, names in NOT_ON_WINDOWS.items() for name in names}
    for item in items if sys.platform == "win32" else []:
        if reason := reasons.get(getattr(item, "originalname", "")):
            item.add_marker(pytest.mark.skip(reason=reason))


def published(
    *,
    orbit: str | None = "letters",
    labels: str = "nan",
    timepair: bool = True,
    y_descending: bool = True,
    x_descending: bool = False,
    wedge: bool = False,
    zeros: bool = False,
    shape: tuple[int, int] = (700, 660),
    seed: int = 0,
    sorted_times: bool = True,
) -> xr.Dataset:
    """Return a made-up cube in a variant of the published layout; landslides darken VH and change VV by either sign."""
    random = np.random.default_rng(seed)
    times = [(t, "d") for t in BEFORE + SAME_DAY + AFTER] + [(t, "a") for t in ASCENDING]
    times.sort(reverse=not sorted_times)
    instants = np.array([t for t, _ in times], "datetime64[ns]")
    height, width = shape
    rows, cols = np.mgrid[:height, :width]
    slid = np.zeros(shape, bool)
    for row, col, size in zip(
        random.uniform(0, height, 150), random.uniform(0, width, 150), random.uniform(3, 9, 150), strict=True
    ):
        near = tuple(slice(max(0, int(centre - size)), int(centre + size) + 2) for centre in (row, col))
        slid[near] |= np.hypot(rows[near] - row, cols[near] - col) < size
    change = {"vv": 2.5 * np.where(np.sin(cols / 40) > 0, 1, -1), "vh": -2.5}
    power = {}
    for name, level in (("vv", 0.18), ("vh", 0.045)):
        speckle = random.gamma(4.4, 1 / 4.4, (len(times), *shape))
        after = (instants > np.datetime64(EVENT))[:, None, None]
        power[name] = (level * speckle * np.where(after & slid, 10 ** (change[name] / 10), 1)).astype("float32")
        if wedge:
            power[name][:, cols > width + 60 - rows / 4] = np.nan
        if zeros:
            power[name][:, 5:9, 5:9] = 0
    dem = (200 + 60 * np.sin(rows / 35) * np.cos(cols / 45)).astype("float32")
    absent = np.nan if labels == "nan" else 0
    plane, stack = ("y", "x"), ("timestep", "y", "x")
    cube = xr.Dataset(
        {
            "vv": (stack, power["vv"]),
            "vh": (stack, power["vh"]),
            "dem": (plane, dem),
            "landslides": (plane, np.where(slid, 1, absent)),
            "dem_slope_radians": (plane, np.zeros(shape, "float32")),
            "extraction_mask": (plane, np.ones(shape, "float32")),
        },
        coords={
            "timestep": instants,
            "y": 4_740_000.0 - 10 * np.arange(height),
            "x": 500_000.0 + 10 * np.arange(width),
        },
    )
    if orbit:
        words = {"letters": {"d": "d", "a": "a"}, "words": {"d": "descending", "a": "ascending"}}[orbit]
        cube = cube.assign_coords({ORBIT: ("timestep", [words[letter] for _, letter in times])})
    if timepair:
        cube["topophase.cor_1"] = (("timepair", "y", "x"), random.uniform(0, 1, (2, *shape)).astype("float32"))
        cube["los.rdr_0"] = (("timepair", "y", "x"), np.full((2, *shape), 36, "float32"))
    if not y_descending:
        cube = cube.isel(y=slice(None, None, -1))
    if x_descending:
        cube = cube.isel(x=slice(None, None, -1))
    return cube


@pytest.fixture(scope="session")
def write_published(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return a function that writes a made-up published cube and gives its path; one of a kind is made once."""
    made: dict[str, str] = {}

    def write(name: str = "hokkaido_japan", **options: object) -> str:
        key = repr((name, sorted(options.items())))
        if key not in made:
            path = tmp_path_factory.mktemp("cubes") / f"{name}.zarr"
            published(**options).to_zarr(path, zarr_format=2, consolidated=True)  # type: ignore[arg-type]
            made[key] = str(path)
        return made[key]

    return write


def make_pipe(path: Path) -> None:
    """Put a pipe, from which nothing ever comes, in the place of a file; a folder where the system has no pipes."""
    path.unlink(missing_ok=True)
    os.mkfifo(path) if hasattr(os, "mkfifo") else path.mkdir()


any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**13) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
"""Whatever a document can hold."""


def put(document: Any, place: list[int], value: Any) -> Any:
    """Return a document in which a value stands somewhere else, or under some key; the place says where."""
    if not place or not isinstance(document, dict | list) or not document:
        return value
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = keys[place[0] % len(keys)]
    document[key] = put(document[key], place[1:], value)
    return document


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data, or skip."""
    folder = os.environ.get("LANDSLIDE_TEST_DATA")
    if not folder:
        pytest.skip("LANDSLIDE_TEST_DATA is not set: real terrain, landslides and radar are not part of the project")
    return Path(folder)


FOUR_CHIPS = pd.DataFrame(
    {
        "row": [0, 0, 0, 0],
        "col": [0, 128, 288, 448],
        "block": [0, 0, 1, 2],
        "part": ["train", "train", "validation", "test"],
        "landslide_share": [0.1, 0.0, 0.1, 0.1],
    }
)
"""A table of four chips in a row: two that train, one that validates, one that tests."""


@pytest.fixture
def four_chips() -> pd.DataFrame:
    """Return that table."""
    return FOUR_CHIPS.copy()
