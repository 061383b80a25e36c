"""Quizzes: Markdown in the notebooks' sources, complete, honest, and usable with a keyboard alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
import pytest

SOURCES = sorted((Path(__file__).parents[2] / "notebooks" / "source").glob("*.py"))
OPTION = re.compile(
    r"\n\n<details><summary>([^\n]+)</summary>\n\n\*\*(Right|No)\.\*\* (.+?)\n\n</details>(?=\n\n<details>|\Z)", re.S
)
"""An answer as GitHub, JupyterLab and Sphinx show it: blank lines around it, or its Markdown stays as it is typed."""


@dataclass(frozen=True)
class Question:
    """A question and its answers, each with whether it is right and why."""

    number: int
    text: str
    options: list[tuple[str, bool, str]]
    rest: str


def quiz(source: Path) -> list[Question]:
    """Return the questions of a notebook."""
    questions = []
    for cell in jupytext.read(source).cells:
        if any(tag.startswith("question:") for tag in cell.metadata.get("tags", [])):
            assert cell.cell_type == "markdown"
            number, text = re.match(r"\*\*(\d+)\.\*\* (.+?)(?=\n\n)", cell.source, re.S).groups()  # type: ignore[union-attr]
            options = [(words, verdict == "Right", why) for words, verdict, why in OPTION.findall(cell.source)]
            rest = OPTION.sub("", cell.source).removeprefix(f"**{number}.** {text}")
            questions.append(Question(int(number), text, options, rest))
    return questions


EVERY = [(source.stem, question) for source in SOURCES for question in quiz(source)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_quiz_is_numbered_and_says_how_many_questions_it_has(source: Path) -> None:
    questions = quiz(source)
    assert 3 <= len(questions) <= 8
    assert [question.number for question in questions] == list(range(1, len(questions) + 1))
    count = ("Three", "Four", "Five", "Six", "Seven", "Eight")[len(questions) - 3]
    assert re.search(rf"^# ## Quiz\n#\n# {count} short questions\. ", source.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize(
    ("notebook", "asked"), EVERY, ids=[f"{name.partition('_')[0]}-{asked.number}" for name, asked in EVERY]
)
def test_each_question_has_one_right_answer_and_a_reason_for_each(notebook: str, asked: Question) -> None:
    assert not asked.rest.strip()
    assert sum(right for _, right, _ in asked.options) == 1
    assert len(asked.options) >= 3
    assert len({words for words, _, _ in asked.options}) == len(asked.options)
    assert all(len(why) > 20 for _, _, why in asked.options)
    assert asked.text.endswith("?")


def test_right_answers_do_not_stand_in_one_place() -> None:
    places = [[right for _, right, _ in asked.options].index(True) for _, asked in EVERY]
    assert len(set(places)) > 1


def test_answers_are_plain_and_closed_until_opened() -> None:
    for source in SOURCES:
        assert not re.search(r"<details open|<(script|img|iframe)\b|onclick", source.read_text(encoding="utf-8"))
