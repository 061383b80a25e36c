"""Numbers for the instructor's guide: found in what a notebook prints, and in the guide as they were found."""

from __future__ import annotations

import build
import nbformat
import prints
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output


def executed(*texts: str) -> nbformat.NotebookNode:
    stream = new_output("stream", name="stdout", text="\n".join(texts[:-1]))
    shown = new_output("execute_result", data={"text/plain": texts[-1], "text/html": "<b>x</b>"})
    return new_notebook(cells=[new_code_cell("x", outputs=[stream, shown])])


PRINTED = (
    "random: correlation of guess and truth 0.92 (median of 8 splits)",
    "blocked: correlation of guess and truth -0.75 (median of 8 splits)",
    "chance on all 24 test chips 0.017, on the 7 with landslides 0.058",
    "Right. Mean 0",
)


def test_numbers_are_taken_as_they_stand() -> None:
    assert list(prints.numbers("02_chips", executed(*PRINTED)).values()) == ["0.92", "-0.75", "0.017", "0.058"]
    table = (
        "                            AUPRC  chance\n"
        "all test chips              0.471   0.017\n"
        "test chips with a landslide  0.652   0.058"
    )
    curve = "Area under the curve: UNet++ 0.47; VV log ratio 0.12; VV log ratio, smoothed 0.27; chance 0.017."
    found = prints.numbers("03_train", executed(table, curve))
    assert list(found.values()) == ["0.471", "0.017", "0.27", "0.652", "0.058"]
    with pytest.raises(
        ValueError, match="02_chips does not print: correlation of the guess, blocked split; mend WANTED"
    ):
        prints.numbers("02_chips", executed(PRINTED[0], *PRINTED[2:]))


def test_the_table_gives_every_run_and_the_spread() -> None:
    kept = {
        "03_train": {"runs": {"0": {"AUPRC": "0.47"}, "1": {"AUPRC": "-0.50"}, "2": {"AUPRC": "0.48"}}},
        "00_start_here": {"runs": {"0": {"AUPRC": "0.43"}}},
    }
    assert prints.table(kept).splitlines()[2:] == [
        "| 00 | AUPRC | 0.43 | one run |",
        "| 03 | AUPRC | 0.47, -0.50, 0.48 | -0.50 to 0.48 |",
    ]
    guide = f"before\n{prints.BEGIN}\nold\n{prints.END}\nafter\n"
    assert prints.with_table(guide, kept) == f"before\n{prints.BEGIN}\n\n{prints.table(kept)}\n\n{prints.END}\nafter\n"
    with pytest.raises(ValueError, match="lacks the lines"):
        prints.with_table("before", kept)


def test_the_guide_says_what_was_kept_and_nothing_else() -> None:
    guide = prints.GUIDE.read_text(encoding="utf-8")
    assert prints.with_table(guide, prints.read_kept()) == guide
    assert set(prints.WANTED) <= {source.stem for source in (build.NOTEBOOKS / "source").glob("*.py")}
    assert prints.read_kept()
