from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
import weights as make
import xarray as xr
from huggingface_hub import ModelCard
from huggingface_hub import constants as hub

from landslide_utils.chips import SIZE, part_mask, split_chips
from landslide_utils.experiments import pretrained
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.pretrained import FOLDER, find_pretrained, read_pretrained
from landslide_utils.files import InputError, read_json
from landslide_utils.metrics import score_map
from landslide_utils.simulate.scene import fingerprint

SHIPPED = sorted(path.name for path in FOLDER.glob("*/"))


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a copy of one network, which may be harmed, in the place of all that are shipped."""
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    return Path(shutil.copytree(FOLDER / SHIPPED[0], tmp_path / SHIPPED[0]))


@pytest.mark.parametrize("region", SHIPPED)
def test_a_network_is_the_same_by_the_library_alone_offline(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    found = read_pretrained(region)
    model, normalisation = found.model()
    theirs = smp.from_pretrained(str(found.folder)).eval()
    image = torch.linspace(-3, 3, len(normalisation.channels) * 64 * 64).sin().reshape(1, -1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(model(image), theirs(image))
    assert found.metrics["auprc"] > found.metrics["auprc_log_ratio"] > found.metrics["prevalence"]


@pytest.mark.parametrize("region", SHIPPED)
def test_a_network_belongs_to_the_region_as_it_is_simulated_today(region: str) -> None:
    described = read_json(FOLDER / region / "config.json")
    assert described["_region"] == fingerprint(region), "the simulator has changed: run python tools/weights.py"
    assert {path.name for path in (FOLDER / region).iterdir()} == {"README.md", "config.json", "model.safetensors"}
    assert (FOLDER / region / "model.safetensors").stat().st_size < 2_500_000


@pytest.mark.parametrize("region", SHIPPED)
def test_no_number_of_a_card_is_typed_in(region: str) -> None:
    found = read_pretrained(region)
    text = (found.folder / "README.md").read_text(encoding="utf-8")
    assert text == make.write_card(read_json(found.folder / "config.json"), found.model()[1])
    card = ModelCard(text).data  # as the Hub reads it
    assert card.license == "mit"
    assert [result.metric_value for result in card.eval_results] == [
        round(found.metrics[name], 3) for name in ("auprc", "auprc_landslide_chips")
    ]
    assert "Simulated radar" in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"0", r"install the package again:\n  - model\.safetensors is damaged: its hash"),
        ("model.safetensors", None, r"cannot be read \(FileNotFoundError.*model\.safetensors"),
        ("config.json", None, r"cannot be read \(.*config\.json"),
        ("config.json", b"{", r"cannot be read \(JSONDecodeError"),
        ("config.json", b"{}", r"cannot be read \(KeyError: '_run'\)"),
    ],
)
def test_a_damaged_network_is_refused_in_words(copied: Path, name: str, content: bytes | None, message: str) -> None:
    (copied / name).unlink()
    if content is not None:
        (copied / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_pretrained(copied.name)


def test_a_network_of_another_region_is_refused(copied: Path) -> None:
    with pytest.raises(InputError, match=rf"'hokkaido_japan' has none; these have one: {copied.name}$"):
        read_pretrained("hokkaido_japan")
    copied.rename(copied.with_name("practice_hokkaido"))
    with pytest.raises(InputError, match=rf"config\.json is that of {copied.name}"):
        read_pretrained("practice_hokkaido")


def test_only_a_network_of_the_same_chips_is_found() -> None:
    config = RunConfig(cube=SHIPPED[0])
    found = find_pretrained(dataclasses.replace(config, preset="quick", steps=5))
    assert found is not None
    assert found.config.cube == SHIPPED[0]
    for other in ({"seed": 1}, {"channels": "vv"}, {"timesteps": 3}, {"split": "random"}, {"orbit": "ascending"}):
        assert find_pretrained(dataclasses.replace(config, **other)) is None
    assert find_pretrained(RunConfig(cube="hokkaido_japan")) is None


def test_what_is_shown_was_never_seen() -> None:
    slid = np.zeros((10 * SIZE, 12 * SIZE), bool)
    slid[::7, ::5] = np.random.default_rng(0).random(slid[::7, ::5].shape) < np.linspace(
        0, 0.4, slid[::7, ::5].shape[1]
    )
    landslides = xr.DataArray(slid, dims=("y", "x"))
    part, chips = read_pretrained(SHIPPED[0]).find_unseen(landslides.to_dataset(name="landslides"))
    whole = split_chips(landslides, seed=0)
    assert chips["block"].nunique() == 1
    tested = whole[whole["part"] == "test"].groupby("block")["landslide_share"].sum()
    assert chips["block"].iloc[0] == tested.idxmax()
    shares = [float(part["landslides"][r : r + SIZE, c : c + SIZE].mean()) for r, c in chips[["row", "col"]].to_numpy()]
    assert shares == pytest.approx(chips["landslide_share"].to_list())
    assert part["landslides"].where(part_mask(chips, "test", part["landslides"])).count() == len(chips) * SIZE**2


@pytest.mark.slow
def test_the_score_of_a_card_is_found_again() -> None:
    config = RunConfig(cube=SHIPPED[-1], preset="standard")
    scene, found = make.prepare(config), read_pretrained(SHIPPED[-1])
    again = score_map(make.map_elsewhere(*found.model(), scene), scene.landslides, scene.chips)
    assert again["auprc"] == pytest.approx(found.metrics["auprc"], abs=2e-3)  # bfloat16 where the processor has it
    assert again["prevalence"] == pytest.approx(found.metrics["prevalence"])
