from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from landslide_utils.experiments import results
from landslide_utils.figures import scores


def _grid(
    effects: dict[str, float], *, passes: float = 0.02, terrain: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return runs whose AUPRC is known: a level a band combination, more a pass, more for terrain at one pass."""
    lines, draws = [], {}
    random = np.random.default_rng(0)
    common = {seed: random.normal(0, 0.03, 500) for seed in (0, 1, 2)}
    for name, level in effects.items():
        for steps in (1, 2, 3, 4):
            for seed in (0, 1, 2):
                value = level + passes * steps + (terrain if name == "sar_dem" and steps == 1 else 0) + 0.001 * seed
                lines.append(
                    {
                        "run": f"{name}{steps}{seed}", "cube": "made up", "preset": "quick", "channels": name,
                        "timesteps": steps, "seed": seed, "runs_dir": "x", "simulated": True,
                        "auprc": value / 2, "prevalence": 0.02,
                        "auprc_landslide_chips": value, "prevalence_landslide_chips": 0.09,
                        "n_test_chips_with_landslides": 9,
                    }
                )  # fmt: skip
                draws[f"{name}{steps}{seed}"] = value + common[seed] + random.normal(0, 0.004, 500)
    return pd.DataFrame(lines), pd.DataFrame(draws)


LEVELS = {"vv": 0.6, "vh": 0.5, "sar": 0.72, "sar_dem": 0.72, "dem": 0.15}


def test_claims_are_judged_by_the_interval_of_a_paired_difference() -> None:
    found = results.claims(*_grid(LEVELS, terrain=0.1)).set_index("claim")["verdict"]
    assert found["2. VV is better than VH"] == results.HOLDS
    assert found["2. VV and VH together are better than VV"] == results.HOLDS
    assert found["3. 4 passes are better than 1 (VV and VH)"] == results.HOLDS
    assert found["4. Terrain helps with 1 pass"] == results.HOLDS
    assert found["4. Terrain helps with 4 passes"] == results.EQUAL
    assert found["1. Terrain alone tells little: less than VV and VH"] == results.HOLDS
    assert found["1. The best AUPRC is above 0.7"] == results.HOLDS
    other = results.claims(*_grid({**LEVELS, "vh": 0.65, "sar": 0.5, "sar_dem": 0.5}, passes=-0.03)).set_index("claim")[
        "verdict"
    ]
    assert other["2. VV is better than VH"] == results.FAILS
    assert other["3. 4 passes are better than 1 (VV and VH)"] == results.FAILS
    assert other["1. The best AUPRC is above 0.7"] == results.FAILS


def test_a_claim_without_its_runs_is_not_asked() -> None:
    table, draws = _grid({"vv": 0.6})
    found = results.claims(table, draws).set_index("claim")
    assert found.loc["2. VV is better than VH", "measured"] == "these runs are not there"
    assert found.loc["2. VV is better than VH", "verdict"] == results.ABSENT
    one = results.claims(table[table["timesteps"] == 1], draws).set_index("claim")
    assert (one["verdict"].iloc[1:] == results.ABSENT).all()


def test_the_mean_s_interval_counts_seeds_and_chips() -> None:
    random = np.random.default_rng(0)
    draws = random.normal(0.5, 0.05, (4000, 3))
    steady = results.pooled(np.array([0.5, 0.5, 0.5]), draws, 10)
    reach = stats.t.ppf(0.975, 9) * 0.05 * np.sqrt(10 / 9)
    assert steady.value == 0.5
    assert steady.high - 0.5 == pytest.approx(reach, rel=0.02)
    unsteady = results.pooled(np.array([0.4, 0.5, 0.6]), draws, 10)
    assert unsteady.high - 0.5 == pytest.approx(stats.t.ppf(0.975, 9) * np.sqrt(0.05**2 * 10 / 9 + 0.01 / 3), rel=0.02)


def test_results_are_written_and_read_back(tmp_path: Path) -> None:
    table, draws = _grid(LEVELS)
    out = results.write_results(table, draws, tmp_path / "results", command="python -m x")
    assert {path.name for path in out.iterdir()} == {
        *("runs.csv", "draws.csv", "means.csv", "claims.csv", "passes.png", "README.md"),
    }
    page = (out / "README.md").read_text(encoding="utf-8")
    assert "python -m x" in page
    assert "| 2. VV is better than VH | difference +0.100" in page
    assert "| channels | 1 | 2 | 3 | 4 |" in page
    assert "| vv | 0.31 | 0.32 | 0.33 | 0.34 |" in page
    again, drawn = results.read_results(out)
    pd.testing.assert_frame_equal(results.claims(again, drawn), results.claims(table, draws.round(4)))
    means = pd.read_csv(out / "means.csv").set_index(["channels", "timesteps"])
    assert means.loc[("vv", 2), "mean"] == pytest.approx(0.641)
    assert (means["low"] < means["mean"]).all()


def test_results_that_are_not_there_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"runs.csv and draws.csv not found .* python -m landslide_utils.experiments --results"
    ):
        results.read_results(tmp_path)


def test_one_seed_has_no_spread_and_can_be_written(tmp_path: Path) -> None:
    table, draws = _grid({"vv": 0.6})
    out = results.write_results(table[table["seed"] == 0], draws, tmp_path, command="python -m x")
    assert "| vv | 0.62 (0." in (out / "README.md").read_text(encoding="utf-8")


def test_terrain_counts_for_any_number_of_passes() -> None:
    table, draws = _grid(LEVELS)
    once = table[(table["channels"] != "dem") | (table["timesteps"] == 1)]
    found = results.claims(once, draws).set_index("claim")["measured"]
    sar, dem = (table.loc[table["channels"] == name, results.MEASURE] for name in ("sar", "dem"))
    level = sar.mean() - dem[table["timesteps"] == 1].mean()
    assert found["1. Terrain alone tells little: less than VV and VH"].startswith(f"difference {level:+.3f}")
    picture = scores.passes_figure(results.means(once, draws))
    assert picture.alt.count(f"{dem[table['timesteps'] == 1].mean():.2f}") >= 4  # a level line


def test_hours_are_counted_to_the_last_pass() -> None:
    table, _ = _grid({"sar": 0.7, "dem": 0.2})
    stamps = ["2018-09-05T20:42", "2018-09-11T20:42", "2018-09-17T20:42", "2018-09-23T20:42"]
    after = [
        ", ".join(stamps[:steps]) if name == "sar" else ""
        for name, steps in zip(table["channels"], table["timesteps"], strict=True)
    ]
    hours = results.hours_after(table.assign(passes_after=after, event_time="2018-09-05T18:42:00"))
    assert hours.to_dict() == {1: 2.0, 2: 146.0, 3: 290.0, 4: 434.0}
    known = table.assign(passes_after=after, event_time=np.nan, cube="practice_earthquake")
    assert results.hours_after(known)[1] == pytest.approx(2 + 34 / 60, abs=0.01)  # the region knows its event
    with pytest.raises(ValueError, match="after events at no known time; take those of one cube"):
        results.hours_after(known.assign(cube="somewhere.zarr"))
    mixed = known.copy()
    mixed.loc[mixed.index[mixed["passes_after"] != ""][0], "passes_after"] = "2018-09-06T08:41"
    with pytest.raises(ValueError, match="runs with 1 passes end at 2018-09-05T20:42 and at 2018-09-06T08:41"):
        results.hours_after(mixed)


def test_the_figure_of_hours_says_when_and_how_well() -> None:
    table, draws = _grid({"sar": 0.7})
    hours = pd.Series({1: 2.0, 2: 146.0, 3: 290.0, 4: 434.0})
    picture = scores.hours_figure(results.means(table, draws), hours, channels=["sar"])
    assert "simulated" in picture.alt
    assert "0.72 after 2 hours, 0.74 after 146 hours" in picture.alt


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.05, results.HOLDS),
        (-0.05, -0.01, results.FAILS),
        (-0.02, 0.02, results.EQUAL),
        (0.001, 0.015, results.EQUAL),  # sure, and too little to count
        (-0.03, 0.01, results.UNCLEAR),
        (-0.01, 0.03, results.UNCLEAR),
    ],
)
def test_a_verdict_follows_from_the_interval(low: float, high: float, verdict: str) -> None:
    assert results._verdict(low, high) == verdict
