from __future__ import annotations

from pathlib import Path

import pytest

from landslide_utils.experiments.config import RunConfig
from landslide_utils.files import InputError


def test_all_wrong_values_are_listed_with_what_is_allowed() -> None:
    with pytest.raises(InputError) as raised:
        RunConfig(
            channels="sarr",
            orbit="up",
            split="x",
            preset="big",
            timesteps=5,
            seed=-1,
            steps=True,
            cube="",
            event_time="2018-09-05",
        )
    text = str(raised.value)
    for part in (
        "channels='sarr' is not one of vv, vh, sar, dem, sar_dem",
        "orbit='up' is not one of auto, descending, ascending",
        "split='x' is not one of blocked, random",
        "preset='big' is not one of quick, standard, paper",
        "timesteps=5 is not a whole number from 1 to 4",
        "seed=-1 is not",
        "steps=True is not",
        "cube='' is not a name, path or URL",
        "is a day",
    ):
        assert part in text


def test_the_hash_depends_on_the_experiment_and_not_on_where_it_is_kept() -> None:
    base = RunConfig()
    assert RunConfig(runs_dir="elsewhere").hash == base.hash
    assert len({base.hash, RunConfig(seed=1).hash, RunConfig(channels="vv").hash, RunConfig(cube="x.zarr").hash}) == 4
    assert base.folder == Path("runs") / base.hash
    assert RunConfig(steps=base.chosen_steps).hash == base.hash
    assert base.chosen_steps > RunConfig(steps=1).chosen_steps == 1


def test_a_relative_and_an_absolute_path_are_the_same_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunConfig(cube="a.zarr").hash == RunConfig(cube=str(tmp_path / "a.zarr")).hash
