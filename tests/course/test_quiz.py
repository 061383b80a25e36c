"""Quizzes: complete, honest, and usable with a keyboard alone."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from landslide_utils.course import quiz
from landslide_utils.course.questions import QUESTIONS


class Reader(HTMLParser):
    """Collect tags in order, and the text inside each summary."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.summaries: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        assert not {name for name, _ in attrs} & {"onclick", "src", "href", "id"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "summary":
            self.summaries.append(data)


@pytest.mark.parametrize("notebook", QUESTIONS)
def test_a_quiz_is_plain_html_that_a_keyboard_can_open(notebook: str) -> None:
    shown = quiz.show(notebook)
    reader = Reader()
    reader.feed(shown._repr_html_())
    assert not reader.open
    assert set(reader.tags) <= {
        "section",
        "p",
        "strong",
        "em",
        "details",
        "summary",
    }  # no script, no picture: no network, no kernel
    assert reader.summaries == [option.text for asked in shown.questions for option in asked.options]
    assert "open>" not in shown._repr_html_()


@pytest.mark.parametrize("notebook", QUESTIONS)
def test_each_question_has_one_right_answer_and_a_reason_for_each(notebook: str) -> None:
    assert 3 <= len(QUESTIONS[notebook]) <= 8
    for asked in QUESTIONS[notebook]:
        assert sum(option.right for option in asked.options) == 1, asked.name
        assert len(asked.options) >= 3
        assert len({option.text for option in asked.options}) == len(asked.options)
        assert all(len(option.why) > 20 for option in asked.options), asked.name
        assert asked.text.endswith("?")


def test_names_are_unique_and_right_answers_do_not_stand_in_one_place() -> None:
    every = [asked for questions in QUESTIONS.values() for asked in questions]
    assert len({asked.name for asked in every}) == len(every)
    places = [[option.right for option in asked.options].index(True) for asked in every]
    assert len(set(places)) > 1


def test_the_text_form_does_not_tell_the_answers() -> None:
    asked = QUESTIONS["00_start_here"][0]
    text = str(quiz.show("00_start_here"))
    assert f"1. {asked.text}\n   - {asked.options[0].text}" in text
    assert asked.options[0].why not in text


def test_html_is_escaped() -> None:
    shown = quiz.Quiz((quiz.question("x", "y", "a < b?", (True, "<b>", "&")),))
    assert "a &lt; b?" in shown._repr_html_()
    assert "&lt;b&gt;" in shown._repr_html_()
    assert "<strong>Right.</strong> &amp;" in shown._repr_html_()


def test_an_unknown_notebook_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"there is no quiz for '99'; there is one for each of 00_start_here, 01_explore"
    ):
        quiz.show("99")
