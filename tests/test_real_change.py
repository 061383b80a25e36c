"""Series of known change, made up in the layout of the real ones; the real ones are no part of the project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import real_change  # benchmarks/real_change.py
from sklearn.metrics import average_precision_score, roc_auc_score

from landslide_utils.files import InputError

LAST_LOOK, CHANGE = "2021-12-01T00:00:00", "2021-12-09T00:00:00"
LOSS = {"vv": 1.0, "vh": 0.4}
"""What is left of the power where vegetation was lost: VH falls and VV stays."""


def write_series(folder: Path, site: int, label: str, *, seed: int = 0, passes: int = 40) -> None:
    """Write a series whose passes between the last look and the change are a thousand times too bright."""
    random = np.random.default_rng([site, seed])
    times = pd.Timestamp("2021-08-03T06:00") + pd.to_timedelta(6 * np.arange(passes), unit="D")
    lines = {"datetime": times, "orbit_pass_direction": "ascending"}
    for name, level in (("vv", 0.2), ("vh", 0.05)):
        power = level * random.gamma(4, 1 / 4, (passes, 9))
        power[(times > LAST_LOOK) & (times < CHANGE)] *= 1000
        power[times > CHANGE] *= LOSS[name] if label.startswith("VL") else 1
        power[::5, :3] = np.nan  # a part of the pixels
        power[3] = np.nan  # the whole pass
        lines[name] = [str(pixels.tolist()) for pixels in power]
    table = pd.DataFrame(lines)
    target = folder / "rtc_ts_by_site" / f"rtc_summary_burst_T001-000001-IW1_site{site}.csv"
    target.parent.mkdir(exist_ok=True)
    pd.concat([table, table.tail(1)]).to_csv(target)  # one pass is there twice


def write_labels(folder: Path, labels: dict[int, str]) -> None:
    features = []
    for site, label in labels.items():
        changed = label != "noChange"
        properties = {"site_id": site, "change_label": label, "jpl_burst_id": "T001-000001-IW1"}
        properties |= {"change_time": CHANGE if changed else None}
        properties |= {"last_observation_time": LAST_LOOK if changed else None}
        point = {"type": "Point", "coordinates": [10.0, 45.0]}
        features.append({"type": "Feature", "properties": properties, "geometry": point})
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (folder / "val_sites_subset.geojson").write_text(text, encoding="utf-8")


@pytest.fixture
def series(tmp_path: Path) -> Path:
    labels = {site: ("VLmaj", "VLmin", "noChange", "noChange", "OCmin")[site % 5] for site in range(30)}
    write_labels(tmp_path, labels)
    for site, label in labels.items():
        write_series(tmp_path, site, label, passes=24 if site == 0 else 40)  # site 0 ends too soon after its change
    return tmp_path


def test_a_loss_that_only_vh_sees_is_found_by_vh(series: Path) -> None:
    table = real_change.make_table(series, draws=50).set_index(["change", "channels", "passes"])
    assert len(table) == 2 * 3 * 8
    every, major = table.loc["vegetation loss"], table.loc["major vegetation loss"]
    assert set(every["series_changed"]) == {11}
    assert set(major["series_changed"]) == {5}  # six, but for site 0
    assert set(every["series_unchanged"]) == set(every["sites_unchanged"]) == {12}
    assert every["chance"].iloc[0] == 11 / 23
    assert every.loc["vh", "auroc"].min() > 0.95  # though the bright passes between look and change would hide it
    assert every.loc["vv", "auroc"].between(0.2, 0.85).all()
    gain = every.loc[("vv", 4)]
    assert gain["auroc_gain"] == pytest.approx(gain["auroc"] - every.loc[("vv", 1), "auroc"])
    assert gain["auroc_gain_low"] < gain["auroc_gain"] < gain["auroc_gain_high"]


def test_the_log_ratio_is_that_of_mean_power(series: Path) -> None:
    path = series / "rtc_ts_by_site" / "rtc_summary_burst_T001-000001-IW1_site1.csv"
    found = real_change.measure_change(real_change.read_series(path), pd.Timestamp(LAST_LOOK), pd.Timestamp(CHANGE))
    lines = pd.read_csv(path, parse_dates=["datetime"]).drop_duplicates("datetime").set_index("datetime")
    pixels = lines["vh"].map(lambda text: pd.Series(json.loads(text.replace("nan", "NaN"))).mean()).dropna()
    before, after = pixels[:LAST_LOOK].iloc[-4:], pixels[CHANGE:].iloc[:4]
    assert found.loc[4, "vh"] == pytest.approx(abs(10 * np.log10(after.mean() / before.mean())))
    assert found.loc[4, "sar"] == pytest.approx(np.hypot(found.loc[4, "vv"], found.loc[4, "vh"]))


def test_weighted_scores_are_scikit_learn_s() -> None:
    random = np.random.default_rng(0)
    changed, scores = random.random(200) < 0.3, random.normal(size=200)
    weights = random.integers(0, 3, (5, 200)) * 0.5
    found = real_change.weighted_scores(changed, scores + changed, weights)
    for name, oracle in (("auroc", roc_auc_score), ("auprc", average_precision_score)):
        expected = [oracle(changed, scores + changed, sample_weight=weight) for weight in weights]
        assert np.allclose(found[name], expected)


def test_the_page_says_what_the_change_is_and_where_the_data_come_from(series: Path, tmp_path: Path) -> None:
    page = tmp_path / "real" / "README.md"
    table = real_change.make_table(series, draws=20)
    real_change.write(table, page)
    text = page.read_text(encoding="utf-8")
    assert "not landslides" in text
    assert "Contains modified Copernicus Sentinel data" in text
    assert "![Real radar, loss of vegetation" in text
    assert "Of 30 labelled series" in text
    kept = pd.read_csv(page.with_name("passes.csv"))
    assert np.allclose(kept["auroc"], table["auroc"], atol=1e-4)
    assert page.with_name("passes.png").stat().st_size > 10_000


def test_a_folder_without_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"geojson is missing\n.*has no series rtc_ts_by_site"):
        real_change.make_table(tmp_path)
