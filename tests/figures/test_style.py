from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landslide_utils.figures import style


def test_alternative_text_survives_into_html() -> None:
    seen: dict[str, str | None] = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "img":
                seen.update(attrs)

    Reader().feed(style.Picture(b"x", 'chance & "more" <b>')._repr_html_())
    assert seen["alt"] == 'chance & "more" <b>'


def test_a_saved_picture_has_its_alternative_text_with_it(tmp_path: Path) -> None:
    figure, _ = style.new_figure(2, 2)
    saved = style.finish(figure, "A map", ": 3 km², \N{LEFTWARDS ARROW} west.")
    saved.save(tmp_path / "map.png")
    assert style.Picture.open(tmp_path / "map.png") == saved


def test_large_scenes_are_averaged_and_masks_are_kept() -> None:
    large = xr.DataArray(np.arange(2500 * 4, dtype="float32").reshape(2500, 4), dims=("y", "x"))
    thin = style.thin(large)
    assert thin.shape == (833, 1)
    assert float(thin[0, 0]) == large.values[:3, :3].mean()
    mask = xr.DataArray(np.zeros((2500, 4), bool), dims=("y", "x"))
    mask[4, 1] = True
    assert style.thin(mask).values.sum() == 1


def test_as_text_a_picture_is_its_words() -> None:
    assert repr(style.Picture(b"x" * 1000, "two maps")) == "Picture(alt='two maps')"


@pytest.mark.parametrize("data", [xr.Dataset(), xr.DataArray(0.0), pd.DataFrame()])
def test_a_picture_reads_from_its_data_whether_they_are_simulated(data: style.Described) -> None:
    for simulated, mark in ((True, " (simulated)"), (False, "")):
        data.attrs["simulated"] = simulated
        figure, _ = style.new_figure(2, 2)
        assert style.finish(figure, "A map", ": black.", data).alt == f"A map{mark}: black."
        assert figure.get_suptitle() == f"A map{mark}"
    assert style.finish(figure, "A map", ".").alt == "A map."


def test_the_label_of_a_colour_bar_stands_above_it_and_axes_are_the_scene_s_own() -> None:
    layer = xr.DataArray(
        np.random.default_rng(0).normal(size=(20, 30)),
        dims=("y", "x"),
        coords={"y": 4_740_000 - 10.0 * np.arange(20), "x": 500_000 + 10.0 * np.arange(30)},
    )
    figure, (axes,) = style.new_figure(4, 3)
    style.draw_maps(figure, [axes], {"a map": layer}, style.BACKSCATTER, "VV (dB)")
    bar = next(other for other in figure.axes if other is not axes)
    assert [text.get_text() for text in bar.texts] == ["VV (dB)"]
    assert bar.texts[0].get_position()[1] > 1
    assert bar.get_ylabel() == ""
    assert (axes.get_xlim(), axes.get_ylim()) == ((499.995, 500.295), (4739.805, 4740.005))
    assert axes.images[0].get_clim() == pytest.approx(tuple(np.percentile(layer, [1, 99])))
