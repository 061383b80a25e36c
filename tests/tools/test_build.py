"""Making notebooks from sources, and the lint of their style: each rule is broken once."""

from __future__ import annotations

import sys
from pathlib import Path

import build
import jupytext
import lint
import pytest

GOOD = """# %% [markdown]
# # 09 An example
#
# **Afterwards you can** tell good from bad. See [the next](source).
#
# | you should know | where it is taught |
# |---|---|
# | nothing | nowhere |
#
# It works offline.

# %% tags=["parameters"]
# fmt: off
region: str = "practice_small"  # A practice region
results: str = "../docs"  # A folder beside the notebooks

# %% [markdown]
# Wrong values are refused.

# %%
from landslide_utils.experiments.parameters import check_parameters

check_parameters(globals(), region=("practice_small",))

# %% [markdown]
# Solve it.

# %% tags=["exercise"]
x = 2
answer = ...
# BEGIN SOLUTION NO PROMPT
half = 0.5
answer = half * x
# END SOLUTION
check.half(answer, x)

# %% [markdown]
# ## What we learnt
#
# - Nothing.
#
# **Sources.** None.
"""


def faults(source: str) -> list[str]:
    """Return what the lint has against a source."""
    return lint.notebook_faults("09_example", jupytext.reads(source, "py:percent"))


def broken(old: str, new: str) -> list[str]:
    assert old in GOOD
    return faults(GOOD.replace(old, new))


def test_a_good_notebook_has_no_fault() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("# # 09 An example", "# # An example", "misses a title such as"),
        ("**Afterwards you can**", "You can", r"misses '**Afterwards you can** ...'"),
        ("# | you should know | where it is taught |\n", "", "misses a table"),
        ("It works offline.", "It works.", "misses whether it works offline"),
        ("## What we learnt", "## The end", "misses a last cell"),
        ("**Sources.**", "Sources:", "misses '**Sources.** ...'"),
        ("# %% [markdown]\n# Solve it.\n\n", "", "cell 5: no sentence before it (x = 2)"),
        ("x = 2\n", "x = 2\n" * 20, "lines of code where 20 are allowed"),
        ("x = 2\n", "x = 2\n" * 3 + "y = 3\n", "the median cell has"),
        ('# %% tags=["parameters"]', "# %%", "0 cells are tagged parameters"),
        ("# fmt: off\n", "", "must begin with '# fmt: off'"),
        ("region: str =", "region =", "parameter without type or comment: region ="),
        ("  # A practice region", "", "parameter without type or comment: region: str"),
        ("check_parameters(globals()", "print(globals()", "must check them with check_parameters"),
        ("# BEGIN SOLUTION NO PROMPT", "### BEGIN SOLUTION", "has one line '# BEGIN SOLUTION NO PROMPT'"),
        ("# END SOLUTION\n", "", "has one line '# BEGIN SOLUTION NO PROMPT'"),
        ("answer = ...\n", "", "must be its stub"),
        ("check.half(answer, x)", "check.half(x)", "after the solution its check must come"),
    ],
)
def test_each_rule_names_its_fault(old: str, new: str, fault: str) -> None:
    if fault == "the median cell has":
        new = new + "z = 1\n" * 3
        source = GOOD.replace(old, new).replace(
            "from landslide_utils.experiments.parameters import check_parameters\n\n", "a = 1\nb = 1\nc = 1\n"
        )
        assert any(fault in found for found in faults(source))
    else:
        assert any(fault in found for found in broken(old, new)), broken(old, new)


def test_a_training_loop_may_be_long() -> None:
    assert broken("x = 2\n", "x = 2\n" * 20)
    assert not any(
        "lines of code where 20" in found
        for found in faults(
            GOOD.replace('tags=["exercise"]', 'tags=["exercise", "long"]').replace("x = 2\n", "x = 2\n" * 20)
        )
    )


def test_learner_and_solved_notebooks_come_from_one_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(build, "MEASURED", tmp_path / "measured.json")
    (tmp_path / "source").mkdir()
    source = tmp_path / "source" / "09_example.py"
    source.write_text(GOOD, encoding="utf-8")
    notebooks = build.build(source)
    assert set(notebooks) == {tmp_path / "09_example.ipynb", tmp_path / "solutions" / "09_example.ipynb"}
    learner, solved = ([cell.source for cell in notebook.cells] for notebook in notebooks.values())
    assert "x = 2\nanswer = ...\ncheck.half(answer, x)" in learner
    assert "x = 2\nhalf = 0.5\nanswer = half * x\ncheck.half(answer, x)" in solved
    assert 'results: str = "../docs"' in learner[1]
    assert 'results: str = "../../docs"' in solved[1]
    assert "[the next](source)" in learner[0]
    assert "[the next](../source)" in solved[0]
    assert all("SOLUTION" not in cell for cell in [*learner, *solved])
    plain = tmp_path / "source" / "10_plain.py"
    plain.write_text(GOOD[: GOOD.index("# %% [markdown]\n# Solve it.")], encoding="utf-8")
    assert set(build.build(plain)) == {tmp_path / "10_plain.ipynb"}


def test_check_finds_stale_and_stray_notebooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "notebooks"
    (here / "source").mkdir(parents=True)
    (here / "source" / "09_example.py").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(build, "NOTEBOOKS", here)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(lint, "spelling_faults", lambda root: [])
    monkeypatch.setattr(sys, "argv", ["build.py"])
    assert build.main() == 0
    monkeypatch.setattr(sys, "argv", ["build.py", "--check"])
    assert build.main() == 0
    solved = here / "solutions" / "09_example.ipynb"
    solved.write_text(solved.read_text(encoding="utf-8").replace("half * x", "x / 2"), encoding="utf-8")
    (here / "11_lost.ipynb").write_text("{}", encoding="utf-8")
    assert build.main() == 1
    said = capsys.readouterr().err
    assert "solutions/09_example.ipynb differs from its source" in said
    assert "11_lost.ipynb has no source" in said


def test_links_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    (tmp_path / "docs" / "words.md").write_text(
        "# Words\n\n## Log ratio, at last!\n\n[up](../README.md) [here](#words) [gone](#nothing)\n", encoding="utf-8"
    )
    (tmp_path / "README.md").write_text(
        "[a](docs/words.md#log-ratio-at-last) [b](docs/words.md#layover) [c](docs/no.md) ![](docs/words.md) "
        "[d](https://example.org/x) `[e](no.md)`\n",
        encoding="utf-8",
    )
    (tmp_path / "notebooks" / "source" / "09_x.py").write_text(
        "# %% [markdown]\n# [f](../docs/words.md) [g](10_y.ipynb)\n", encoding="utf-8"
    )
    assert lint.link_faults(tmp_path) == [
        "README.md: docs/words.md#layover has no heading of that name",
        "README.md: docs/no.md does not exist",
        "README.md: the picture docs/words.md has no alternative text",
        "docs/words.md: #nothing has no heading of that name",
        "notebooks/09_x.ipynb: 10_y.ipynb does not exist",
    ]


def test_long_sentences_are_named_where_they_are_more_than_one_in_ten(tmp_path: Path) -> None:
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    long = "This sentence goes on" + " and on" * 11
    others = [
        "# A heading that goes on" + " and on" * 15,
        "| a row of a table that goes on" + " and on" * 15 + " |",
        "```\ncode that goes on" + " and on" * 15 + "\n```",
        "![A picture's text that goes on" + " and on" * 15 + "](x.png)",
        "- **No.** `x = 1` is [a\n  link](x.md)!",
        *["Is this one short?"] * 8,
    ]
    (tmp_path / "README.md").write_text("\n\n".join([*others, f"{long}."]), encoding="utf-8")
    assert lint.sentence_faults(tmp_path) == []  # one of ten
    (tmp_path / "CHANGELOG.md").write_text(f"{long}.", encoding="utf-8")
    (tmp_path / "notebooks" / "source" / "09_x.py").write_text(
        f"# %% [markdown]\n# Short it is. {long}!\n", encoding="utf-8"
    )
    fault = "1 of 2 sentences have more than 25 words"
    assert lint.sentence_faults(tmp_path) == [f"notebooks/09_x.ipynb: {fault}: {long}!"]
    (tmp_path / "notebooks" / "source" / "09_x.py").write_text(
        f"# %% [markdown]\n# {long.removesuffix(' on')}.\n", encoding="utf-8"
    )
    assert lint.sentence_faults(tmp_path) == []  # 25 words are allowed


def test_misspellings_are_found(tmp_path: Path) -> None:
    for folder in ("landslide_utils", "notebooks/source", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "notebooks" / "build.py").write_text("", encoding="utf-8")
    (tmp_path / "notebooks" / "lint.py").write_text("", encoding="utf-8")
    (tmp_path / "docs" / "x.md").write_text("The chanels are good.\n", encoding="utf-8")
    assert any("chanels ==> channels" in fault for fault in lint.spelling_faults(tmp_path))
    (tmp_path / "docs" / "x.md").write_text("The channels are good.\n", encoding="utf-8")
    assert lint.spelling_faults(tmp_path) == []
