"""Short quizzes that open in place: plain HTML, so they need no network, no kernel and no mouse, and survive into every export."""

from __future__ import annotations

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One answer, whether it is right, and why."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Question:
    """One question with its answers; `finds` names the misconception that its wrong answers show, as in the instructor's guide."""

    name: str
    text: str
    finds: str
    options: tuple[Option, ...]


def question(name: str, finds: str, text: str, *options: tuple[bool, str, str]) -> Question:
    """Make a question; each option says whether it is right, its words, and why."""
    return Question(name, text, finds, tuple(Option(words, right, why) for right, words, why in options))


@dataclass(frozen=True)
class Quiz:
    """The questions of a notebook, ready to be displayed.

    Each answer is an HTML ``details`` element: Tab goes from one to the next, Enter or Space opens it and says whether it is right, and why.
    """

    questions: tuple[Question, ...]

    def __str__(self) -> str:
        lines = []
        for number, asked in enumerate(self.questions, 1):
            lines += [f"{number}. {asked.text}", *(f"   - {option.text}" for option in asked.options)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(_section(number, asked) for number, asked in enumerate(self.questions, 1))


def _section(number: int, asked: Question) -> str:
    options = "".join(
        f'<details style="margin: 0.3em 0"><summary style="cursor: pointer">{html.escape(option.text)}</summary>'
        f'<p style="margin: 0.2em 0 0.5em 1.2em"><strong>{"Right." if option.right else "No."}</strong> {html.escape(option.why)}</p></details>'
        for option in asked.options
    )
    return (
        f'<section aria-label="Question {number}" style="margin-bottom: 1em"><p><strong>{number}.</strong> {html.escape(asked.text)} '
        f"<em>Choose, then open your answer.</em></p>{options}</section>"
    )


def show(notebook: str) -> Quiz:
    """Return the quiz of a notebook.

    Parameters
    ----------
    notebook : str
        Its name without ending, such as ``"01_explore"``.

    Raises
    ------
    ValueError
        If the notebook has no quiz.
    """
    from landslide_utils.course.questions import QUESTIONS

    if notebook not in QUESTIONS:
        raise ValueError(f"there is no quiz for {notebook!r}; there is one for each of {', '.join(QUESTIONS)}")
    return Quiz(QUESTIONS[notebook])
