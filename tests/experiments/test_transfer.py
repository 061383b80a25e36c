from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from landslide_utils.experiments import transfer
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.runs import RunError, prepare, run
from landslide_utils.experiments.transfer import (
    BY_REGION,
    FEW_ALONE,
    FINE_TUNED,
    LOG_RATIO,
    METHODS,
    THERE,
    few_chips,
    honest_table,
)
from landslide_utils.figures import scores
from landslide_utils.files import InputError
from landslide_utils.model import PRESETS
from landslide_utils.scene import Scene

CHIPS = pd.DataFrame(
    {
        "row": range(10),
        "col": 0,
        "block": 0,
        "part": ["train"] * 6 + ["validation", "test", "test", "train"],
        "landslide_share": [0.1, 0.2, 0, 0, 0.3, 0, 0.1, 0.1, 0, 0],
    }
)


def test_few_chips_train_and_the_others_stay() -> None:
    few = few_chips(CHIPS, 2, seed=3)
    train = few[few["part"] == "train"]
    assert (train["landslide_share"] > 0).sum() == 2
    assert (train["landslide_share"] == 0).sum() == 2
    pd.testing.assert_frame_equal(few[few["part"] != "train"], CHIPS[CHIPS["part"] != "train"])
    assert set(map(tuple, few.to_numpy())) <= set(map(tuple, CHIPS.to_numpy()))
    pd.testing.assert_frame_equal(few, few_chips(CHIPS, 2, seed=3))


@pytest.mark.parametrize("count", [0, 4])
def test_as_many_chips_as_there_are(count: int) -> None:
    with pytest.raises(ValueError, match=rf"count={count}: there are 3 training chips with landslides"):
        few_chips(CHIPS, count)


@pytest.fixture(scope="module")
def two(write_published: object, tmp_path_factory: pytest.TempPathFactory) -> list[RunConfig]:
    """Return configurations of two made-up places; the second is brighter by 10 dB, as another sensor might be."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        RunConfig(
            cube=write_published(name, seed=seed, shape=(460, 460), timepair=False),
            event_time="2018-09-05T18:07:59",
            timesteps=2,
            steps=8,
            runs_dir=str(folder),
        )  # type: ignore[operator]
        for name, seed in (("one", 1), ("two", 2))
    ]


@pytest.fixture(scope="module")
def trained(two: list[RunConfig]) -> object:
    return run(two[0], progress=False)


def test_a_run_gives_its_network_back(two: list[RunConfig], trained: object) -> None:
    model, normalisation = trained.model()  # type: ignore[attr-defined]
    scene = prepare(two[0], progress=False)
    assert normalisation == scene.normalisation
    again = transfer.map_elsewhere(model, normalisation, scene)
    np.testing.assert_allclose(again.values, trained.probability().values, atol=1e-6)  # type: ignore[attr-defined]


def test_weights_that_do_not_fit_are_refused(two: list[RunConfig], trained: object) -> None:
    weights = two[0].folder / "model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(RunError, match=r"model.safetensors cannot be used"):
        trained.model()  # type: ignore[attr-defined]
    weights.write_bytes(kept)


def brighter(scene: Scene, decibels: float) -> Scene:
    composite = scene.composite.assign(image=scene.composite["image"] + decibels)
    shifted = tuple(mean + decibels for mean in scene.normalisation.mean)
    return Scene(
        composite, scene.chips, type(scene.normalisation)(scene.normalisation.channels, shifted, scene.normalisation.sd)
    )


def test_a_level_that_differs_is_mended_by_the_region_s_own_normalisation(
    two: list[RunConfig], trained: object
) -> None:
    model, normalisation = trained.model()  # type: ignore[attr-defined]
    scene = prepare(two[1], progress=False)
    bright = brighter(scene, 10.0)
    own = transfer.map_elsewhere(model, scene.normalisation, scene)
    mended = transfer.map_elsewhere(model, bright.normalisation, bright)
    np.testing.assert_allclose(mended.values, own.values, atol=1e-3)
    as_trained = transfer.map_elsewhere(model, normalisation, bright)
    assert float(abs(as_trained - own).mean()) > 0.05


def test_fine_tuning_starts_from_what_was_learnt(two: list[RunConfig], trained: object) -> None:
    model, _ = trained.model()  # type: ignore[attr-defined]
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    scene = prepare(two[1], progress=False)
    few = few_chips(scene.chips, 2)
    tuned, alone = (
        transfer.fine_tune(scene, few, PRESETS["quick"], weights=weights, steps=4, progress=False)
        for weights in (before, None)
    )
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name]), "the trained network itself must stay as it was"

    def far(network: torch.nn.Module) -> float:
        return sum(float((w - before[n]).abs().sum()) for n, w in network.state_dict().items() if w.is_floating_point())

    assert 0 < far(tuned) < 0.3 * far(alone)


@pytest.mark.slow
def test_all_pairs_are_measured_once(two: list[RunConfig], trained: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "STEPS", 4)
    tables = list(transfer.measure_pairs(two, progress=False))
    assert [len(table) for table in tables] == [0, 6, 12]
    table = tables[-1]
    assert set(table["method"]) == set(METHODS)
    for (first, second), some in table.groupby(["train_region", "test_region"]):
        wanted = {THERE, LOG_RATIO, FEW_ALONE} if first == second else {transfer.AS_TRAINED, BY_REGION, FINE_TUNED}
        assert set(some["method"]) == wanted
    there = table[(table["method"] == THERE) & (table["train_region"] == two[0].cube)]["auprc"].item()
    assert there == pytest.approx(trained.metrics["auprc"], abs=1e-6)  # type: ignore[attr-defined]
    assert ((table["low"] <= table["auprc"]) & (table["auprc"] <= table["high"])).all()

    monkeypatch.setattr(transfer, "run", lambda *_, **__: pytest.fail("what is measured was measured again"))
    (same,) = transfer.measure_pairs(two, table, progress=False)
    pd.testing.assert_frame_equal(same, table)
    (none,) = transfer.measure_pairs([], table, progress=False)
    assert none.empty


def made_up(**changes: object) -> pd.DataFrame:
    lines = [
        {"train_region": a, "test_region": b, "method": THERE if a == b else BY_REGION,
         "seed": seed, "run": f"{a}{seed}",
         "auprc": score + seed / 10, "prevalence": 0.02, "n_few_chips": 0, "simulated": True}
        for a, b, score in (("p", "p", 0.6), ("p", "q", 0.3), ("q", "q", 0.5), ("q", "p", 0.2))
        for seed in (0, 1, 2)
    ]  # fmt: skip
    return pd.DataFrame(lines).assign(**changes)


def test_the_table_has_mean_and_spread() -> None:
    found = honest_table(made_up()).set_index(["train_region", "test_region"])
    assert found.loc[("p", "q"), ["mean", "least", "most"]].tolist() == pytest.approx([0.4, 0.3, 0.5])
    assert found["seeds"].tolist() == [3] * 4
    assert found["chance"].tolist() == pytest.approx([0.02] * 4)


def test_a_table_without_its_columns_is_refused() -> None:
    other = made_up().drop(columns=["auprc", "prevalence"])
    message = r"it lacks auprc, prevalence; make it with: landslides transfer"
    with pytest.raises(InputError, match=message):
        honest_table(other)
    with pytest.raises(InputError, match=message):
        next(transfer.measure_pairs([], other, progress=False))


def test_what_is_written_says_how_it_was_made(tmp_path: Path) -> None:
    table = pd.concat([made_up(), made_up(method=FINE_TUNED, n_few_chips=8)])
    transfer.write_pairs(table, tmp_path, command="python -m somewhere")
    page = (tmp_path / "transfer.md").read_text(encoding="utf-8")
    assert "python -m somewhere" in page
    assert "simulated radar" in page
    assert "## Tested in q, where chance is 0.020" in page
    assert "| normalised by region | 0.40 (0.30 to 0.50) |" in page
    assert (tmp_path / "transfer.png").stat().st_size > 10_000


def test_the_figure_says_what_it_shows() -> None:
    picture = scores.transfer_figure(honest_table(made_up()))
    assert "q: trained there 0.60, normalised by region 0.40, chance 0.020" in picture.alt
    assert "simulated" in picture.alt
