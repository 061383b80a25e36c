from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from distributed import Client, LocalCluster
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from landslide_utils import predict, train
from landslide_utils.files import InputError
from landslide_utils.model import PRESETS, build_model, reach
from landslide_utils.predict import map_scene
from landslide_utils.scene import Normalisation

EXACT = 1e-5
PLAIN = Normalisation(("vv_before", "vv_after"), (0.0, 0.0), (1.0, 1.0))


class Near(torch.nn.Module):
    """A network that sees so many pixels in each direction: 0 is a network without neighbourhood."""

    def __init__(self, sees: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = torch.nn.Conv2d(2, 1, 2 * sees + 1, padding=sees)
        with torch.no_grad():
            self.weight.weight *= 3  # probabilities over the whole range

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight(x)


def composite(height: int, width: int) -> xr.Dataset:
    values = np.random.default_rng(0).normal(size=(2, height, width)).astype("float32")
    places = {"y": -10.0 * np.arange(height), "x": 10.0 * np.arange(width)}
    image = xr.DataArray(
        values,
        dims=("channel", "y", "x"),
        coords={"channel": list(PLAIN.channels), **places},
        attrs={"region": "nowhere"},
    )
    return xr.Dataset({"image": image, "valid": image.notnull().all("channel")})


def whole(model: torch.nn.Module, scene: xr.Dataset, divisor: int = 1) -> np.ndarray:
    """Return the map by one look at the whole scene."""
    image = scene["image"].values
    beyond = [(0, -side % divisor) for side in image.shape[1:]]
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(np.pad(image, [(0, 0), *beyond]))[None])
    return torch.sigmoid(logits)[0, 0, : image.shape[1], : image.shape[2]].numpy()


@pytest.mark.parametrize("sees", [0, 1, 7, 40])
def test_how_far_a_network_looks_is_measured(sees: int) -> None:
    assert reach(Near(sees), 2) == (sees, 1)


def test_weights_that_cancel_hide_nothing() -> None:
    model = Near(5)
    with torch.no_grad():
        model.weight.weight[..., 0, :] = 0  # today it does not look so far up; after the next step it may
    assert reach(model, 2) == (5, 1)


def trained(preset: str) -> torch.nn.Module:
    """Return a preset's network with random weights, and the running statistics that training would give it."""
    torch.manual_seed(0)
    model = build_model(2, dataclasses.replace(PRESETS[preset], imagenet=False))
    with torch.no_grad():
        for _ in range(20):
            model.train()(torch.from_numpy(composite(128, 128)["image"].values[None]))
    return model.eval()


looks = functools.cache(reach)


@pytest.fixture(scope="module", params=["quick", "standard"])
def unet(request: pytest.FixtureRequest) -> torch.nn.Module:
    return trained(request.param)


def test_a_network_answers_to_the_farthest_pixel_that_it_sees_and_to_none_beyond(unet: torch.nn.Module) -> None:
    seen, divisor = reach(unet, 2)
    side = 8 * (-(-seen // 8) + 2) * 2
    image = torch.zeros(1, 2, side, side, dtype=torch.float64, requires_grad=True)
    middle = side // 2
    unet.double()(image)[0, 0, middle, middle].backward()
    rows = torch.nonzero(image.grad.abs().sum((0, 1, 3))).flatten() - middle
    unet.float()
    assert seen - divisor <= max(abs(int(rows.min())), int(rows.max())) <= seen


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(height=st.integers(10, 330), width=st.integers(10, 330), side=st.sampled_from([40, 64, 96]))
def test_the_map_is_that_of_one_huge_window(
    unet: torch.nn.Module, monkeypatch: pytest.MonkeyPatch, height: int, width: int, side: int
) -> None:
    monkeypatch.setattr(predict, "WINDOWS", (side,))
    monkeypatch.setattr(predict, "reach", looks)  # once a network, which does not change
    scene = composite(height, width)
    got = map_scene(unet, scene, PLAIN, progress=False)
    expected = whole(unet, scene, unet.encoder.output_stride)
    assert np.abs(got.values - expected).max() < EXACT
    assert expected.std() > 0.01  # the network does answer to what it sees


def test_the_map_of_a_scene_too_large_for_memory_is_lazy_and_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(predict, "scratch_folder", lambda: tmp_path)
    scene = composite(150, 200)
    expected = map_scene(Near(3), scene, PLAIN, progress=False)
    assert expected.chunks is None
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(predict, "MOST_IN_MEMORY", scene["image"].nbytes - 1)
    for _ in range(2):  # each has its own
        got = map_scene(Near(3), scene, PLAIN, progress=False)
        assert got.chunks is not None
        np.testing.assert_array_equal(got.values, expected.values)
        assert got.attrs.items() >= expected.attrs.items()


def test_a_margin_that_is_too_narrow_shows(monkeypatch: pytest.MonkeyPatch, unet: torch.nn.Module) -> None:
    monkeypatch.setattr(predict, "WINDOWS", (40,))
    monkeypatch.setattr(predict, "MOST_MARGIN", 8)
    scene = composite(200, 200)
    got = map_scene(unet, scene, PLAIN, progress=False)
    assert np.abs(got.values - whole(unet, scene, unet.encoder.output_stride)).max() > 10 * EXACT


def test_a_map_has_the_scene_s_grid_and_what_became_of_it() -> None:
    got = map_scene(Near(0), composite(70, 90), PLAIN, progress=False)
    assert got.dims == ("y", "x")
    assert np.array_equal(got["x"], composite(70, 90)["x"])
    assert got.attrs["share_mapped"] == 1
    assert got.attrs["region"] == "nowhere"
    assert got.attrs["long_name"] == "probability of a landslide"


def test_only_windows_that_hold_chips_are_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "WINDOWS", (64,))
    scene, model = composite(400, 520), Near(3)
    chips = pd.DataFrame({"row": [0, 256], "col": [0, 300]})
    got = map_scene(model, scene, PLAIN, chips=chips, progress=False)
    mapped = np.isfinite(got.values)
    assert mapped[:128, :128].all()
    assert mapped[256:384, 256:448].all()  # the windows that the second chip reaches into
    assert mapped.sum() == 128 * 128 + 128 * 192
    assert np.abs(got.values - whole(model, scene))[mapped].max() < EXACT


def test_nothing_is_shown_where_nothing_is_known_and_the_shares_say_so() -> None:
    scene = composite(100, 200)
    valid, layover, shadow = (
        xr.DataArray(np.full((100, 200), start), dims=("y", "x")) for start in (True, False, False)
    )
    valid[:, 150:] = False
    valid[10:20, 10:20] = False
    layover[30:40, 0:50] = True
    shadow[35:45, 0:50] = True
    hidden = xr.Dataset({"layover": layover, "shadow": shadow})
    got = map_scene(Near(0), scene.assign(valid=valid), PLAIN, hidden=hidden, progress=False)
    known = (valid & ~layover & ~shadow).values
    assert np.array_equal(np.isfinite(got.values), known)
    assert np.abs(got.values - whole(Near(0), scene))[known].max() < EXACT
    assert got.attrs["share_mapped"] == known.mean()
    assert got.attrs["share_without_data"] == (50 * 100 + 100) / 20_000
    assert got.attrs["share_layover"] == got.attrs["share_shadow"] == 500 / 20_000
    with pytest.raises(ValueError, match=r"layover is \{'y': 100, 'x': 150\} .* image's \{'y': 100, 'x': 200\}"):
        map_scene(Near(0), scene, PLAIN, hidden=hidden.isel(x=slice(150)), progress=False)


class Breaks(Near):
    """A network that fails at its third window, the first times; it counts the windows that it has seen."""

    seen = 0
    fails = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype == torch.float32:  # not while it is measured how far it looks
            self.seen += 1
            if self.seen == 3 and self.fails:
                raise RuntimeError("out of memory")
        return super().forward(x)


def test_a_map_that_was_stopped_goes_on_and_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "WINDOWS", (32,))
    scene, out = composite(100, 100).rio.write_crs("EPSG:32654").chunk(50), tmp_path / "maps" / "map.zarr"
    windows, expected = 4 * 4, map_scene(Near(0), scene, PLAIN, progress=False)

    def run(model: Near) -> xr.DataArray:
        return map_scene(model, scene, PLAIN, out=out, progress=False)

    with pytest.raises(RuntimeError, match="out of memory"):
        run(Breaks(0))
    assert not out.exists()
    going_on = Breaks(0)
    going_on.fails = False
    first = run(going_on)
    assert going_on.seen == windows - 2
    assert first.chunks is not None
    xr.testing.assert_identical(first.load(), expected)
    assert first.rio.crs == "EPSG:32654"
    assert [path.name for path in out.parent.iterdir()] == ["map.zarr"]
    with pytest.raises(FileExistsError, match=r"map\.zarr exists already; remove it, or give another path"):
        run(Near(1))
    shutil.rmtree(out)
    with pytest.raises(RuntimeError, match="out of memory"):
        run(Breaks(0))
    other = Breaks(1)  # what the other network has left is not gone on with
    other.fails = False
    assert not np.allclose(run(other).values, expected.values)
    assert other.seen == windows


HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Return a scheduler with two workers, each a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE.parent)  # with this a worker finds the networks that are defined in this file
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster:
            yield cluster


def files_of(store: Path) -> dict[str, bytes]:
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in store.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_workers_of_a_cluster_write_the_same_bytes_as_this_process(
    unet: torch.nn.Module, cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "WINDOWS", (64,))
    composite(200, 300).to_zarr(tmp_path / "composite.zarr")
    scene = xr.open_zarr(tmp_path / "composite.zarr")
    for name, scheduler in (("here", None), ("there", cluster.scheduler_address)):
        map_scene(unet, scene, PLAIN, out=tmp_path / name, scheduler=scheduler, progress=False)
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")
    there = map_scene(unet, scene, PLAIN, scheduler=cluster.scheduler_address, progress=False)
    xr.testing.assert_identical(there, map_scene(unet, scene, PLAIN, progress=False))


class Kills(Near):
    """A network that kills the process that maps with it, as long as a file is there."""

    bomb = ""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.bomb and Path(self.bomb).exists():
            Path(self.bomb).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_window_only(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "WINDOWS", (64,))
    scene, model = composite(200, 300), Kills(2)
    expected = map_scene(Near(2), scene, PLAIN, progress=False)
    monkeypatch.setattr(predict, "reach", lambda *_: (2, 1))  # it would kill this process
    model.bomb = str(tmp_path / "bomb")
    Path(model.bomb).touch()
    got = map_scene(model, scene, PLAIN, out=tmp_path / "map", scheduler=cluster.scheduler_address, progress=False)
    assert not Path(model.bomb).exists()
    xr.testing.assert_identical(got.load(), expected)


def test_a_scheduler_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense", "http://"):
        with pytest.raises(
            InputError, match=f"scheduler '{address}' cannot be used:\\n.*start one with `dask scheduler`"
        ):
            map_scene(Near(0), composite(20, 20), PLAIN, scheduler=address, progress=False)
    assert dask.config.get("scheduler", None) is None  # what this process computes next does not go there
    with LocalCluster(n_workers=0, dashboard_address=None) as empty, pytest.raises(InputError, match="has no worker"):
        map_scene(Near(0), composite(20, 20), PLAIN, scheduler=empty.scheduler_address, progress=False)


@pytest.mark.slow
def test_a_map_does_not_wait_for_ever_for_workers_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "reach", lambda *_: (2, 1))
    model = Kills(2)
    model.bomb = str(tmp_path / "bomb")
    Path(model.bomb).touch()
    where = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    with LocalCluster(n_workers=0, dashboard_address=None) as scheduler:
        address = scheduler.scheduler_address
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
        with subprocess.Popen(command, env=where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
            try:
                with Client(address, set_as_default=False) as client:
                    client.wait_for_workers(1, timeout=60)
                monkeypatch.setattr(predict, "PATIENCE", 5)
                with pytest.raises(InputError, match=r"cannot map this scene:\n  - all of them are gone"):
                    map_scene(model, composite(20, 20), PLAIN, scheduler=address, progress=False)
                assert worker.wait(30) == -signal.SIGKILL
            finally:
                worker.kill()


class Fails(Near):
    """A network that fails."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of memory")


def test_what_fails_on_a_worker_is_said(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "reach", lambda *_: (0, 1))
    with pytest.raises(
        InputError, match=r"the workers of tcp://.* cannot map this scene:\n.*RuntimeError: out of memory"
    ):
        map_scene(Fails(0), composite(20, 20), PLAIN, scheduler=cluster.scheduler_address, progress=False)


@pytest.mark.parametrize(("noise", "rounds"), [(0.0, True), (1.0, False)])
def test_bfloat16_is_taken_where_it_is_faster_and_the_map_stays_the_same(
    monkeypatch: pytest.MonkeyPatch, noise: float, rounds: bool
) -> None:
    class Rounds(Near):
        """A network that bfloat16 changes by a little, or by much."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = super().forward(x)
            if logits.dtype == torch.bfloat16:
                used.append(len(x))
            return logits + noise * (logits.dtype == torch.bfloat16)

    used: list[int] = []
    monkeypatch.setattr(train, "precision", lambda: "bf16")
    monkeypatch.setattr(predict, "WINDOWS", (32,))
    model, scene = Rounds(0), composite(60, 60)
    with torch.no_grad():
        model.weight.weight /= 30  # probabilities near one half, where a logit changes them most
    got = map_scene(model, scene, PLAIN, progress=False)
    assert len(used) == 1 + 4 * rounds  # once to compare
    assert np.abs(got.values - whole(model, scene)).max() <= predict.ROUNDING
