"""The notebooks in JupyterLab as a learner meets them: run all, move a slider, do each exercise wrong, then right."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mistakes import mistakes, whole_code
from run_notebooks import is_stub, versions

from browser.conftest import OUT, ROOT
from browser.look import is_blank
from landslide_utils.course.check import NOT_YET, RIGHT

if TYPE_CHECKING:
    from playwright.sync_api import ElementHandle, Page

pytestmark = pytest.mark.browser
NOTEBOOKS = (os.environ.get("NOTEBOOKS") or "00 01 05").split()
"""Numbers of the notebooks that are run; all of them take long."""
MINUTES = 20
READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
COUNT = "number => jupyterapp.shell.currentWidget.content.widgets[number].model.executionCount"
FINISHED = """() => {
    const { content, sessionContext } = jupyterapp.shell.currentWidget;
    const cells = content.widgets.filter(cell => cell.model.type === "code");
    const failed = cells.some(cell => cell.model.outputs.toJSON().some(output => output.output_type === "error"));
    const idle = sessionContext.session?.kernel?.status === "idle";
    const done = cell => cell.model.executionCount !== null && cell.model.executionState !== "running";
    return idle && (failed || cells.every(done));
}"""


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.folder = page, OUT / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def open(self, address: str) -> None:
        self.page.set_viewport_size({"width": 1400, "height": 1000})
        self.page.goto(address)
        self.page.wait_for_function(READY, timeout=180_000)

    def run_all(self) -> None:
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        self.wait()

    def wait(self) -> None:
        self.page.wait_for_function(FINISHED, timeout=MINUTES * 60_000, polling=500)

    def outputs(self) -> list[list[dict[str, Any]]]:
        """Return the outputs of each cell."""
        return self.page.evaluate(
            "() => jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.outputs?.toJSON() ?? [])"
        )  # type: ignore[no-any-return]

    def sources(self) -> list[str]:
        return self.page.evaluate(
            "() => jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.source)"
        )  # type: ignore[no-any-return]

    def cell(self, number: int) -> ElementHandle:
        """Scroll to a cell and return it."""
        self.page.evaluate("number => jupyterapp.shell.currentWidget.content.scrollToItem(number, 'start')", number)
        node = self.page.evaluate_handle(
            "number => jupyterapp.shell.currentWidget.content.widgets[number].node", number
        ).as_element()
        assert node is not None
        node.scroll_into_view_if_needed()
        return node

    def answer(self, number: int, code: str, picture: str) -> str:
        """Type an exercise's cell anew as a learner does, run it, keep a picture, and return what the check says."""
        self.cell(number).query_selector(".cm-content").click()  # type: ignore[union-attr]
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)
        assert self.sources()[number] == code
        before = self.page.evaluate(COUNT, number)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(f"([number, before]) => ({COUNT})(number) !== before", arg=[number, before])
        self.wait()
        errors = [output["evalue"] for output in self.outputs()[number] if output["output_type"] == "error"]
        assert not errors, (code, errors)
        said = self.cell(number).wait_for_selector("[role=status]")
        self.page.screenshot(path=self.folder / f"{picture}.png")
        return said.inner_text()

    def keep_screenshots(self) -> None:
        """Keep a picture of each screenful in out/browser/<notebook>."""
        view = self.page.locator(".jp-Notebook .jp-WindowedPanel-outer").first
        for number in range(60):
            view.evaluate("(node, number) => node.scrollTo(0, number * (node.clientHeight - 60))", number)
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=self.folder / f"{number:02}.png")
            if view.evaluate("node => node.scrollTop + node.clientHeight >= node.scrollHeight - 2"):
                break


def drawn(picture: ElementHandle) -> bytes:
    """Return a screenshot of a picture as soon as it shows something."""
    for _ in range(40):
        png = picture.screenshot()
        if not is_blank(png):
            return png
        picture.owner_frame().wait_for_timeout(250)  # type: ignore[union-attr]
    raise AssertionError("a picture is blank")


def pictures_are_drawn(notebook: Notebook) -> int:
    """Assert that each picture that a cell gave is there and shows something; return how many there are."""
    count = 0
    for number, outputs in enumerate(notebook.outputs()):
        pages = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
        plots = sum("application/vnd.holoviews_exec.v0+json" in output.get("data", {}) for output in outputs)
        images = sum(
            len(re.findall(r"<img\b", page)) for page in pages if "<script" not in page and "<iframe" not in page
        )
        if plots or images:
            cell = notebook.cell(number)
            if plots:
                cell.wait_for_selector(".bk-Figure")
            found = cell.query_selector_all(".jp-OutputArea-output img"), cell.query_selector_all(".bk-Figure")
            assert [len(kind) for kind in found] >= [images, min(plots, 1)], notebook.sources()[number]
            for picture in [*found[0], *found[1]]:
                assert drawn(picture), notebook.sources()[number]
                count += 1
    return count


def moves(handle: ElementHandle, picture: ElementHandle) -> None:
    """Move a slider by its keys and assert that the picture changes."""
    before = drawn(picture)
    handle.focus()
    for _ in range(40):
        handle.press("ArrowRight")
        handle.owner_frame().wait_for_timeout(300)  # type: ignore[union-attr]
        if picture.screenshot() != before:
            drawn(picture)
            return
    raise AssertionError("the slider moves and the picture stays")


def does_every_exercise(notebook: Notebook, name: str) -> int:
    """Do each exercise wrong twice, then right; assert that the check knows the mistakes; return how many there are."""
    notebooks = versions(name)
    code_of_all = whole_code(notebooks[0])
    learner, solved = (version.cells for version in notebooks)
    stubs = [number for number, cell in enumerate(learner) if is_stub(cell)]
    for place, number in enumerate(stubs, 1):
        stub, *_ = re.findall(r"^\w+ = \.\.\.$", learner[number].source, re.M)
        for time, (wrong, hint) in enumerate(mistakes(learner[number].source, code_of_all)[:2], 1):
            code = learner[number].source.replace(stub, stub.replace("...", wrong))
            said = notebook.answer(number, code, f"exercise_{place}_wrong_{time}")
            assert said.startswith(f"{NOT_YET}."), (wrong, said)
            assert any(words in said for words in hint.split("|")), (wrong, said)
            assert ("A second hint: " in said) == (time == 2)
        said = notebook.answer(number, solved[number].source, f"exercise_{place}_right")
        assert said.startswith(f"{RIGHT}."), said
    return len(stubs)


@pytest.mark.parametrize(
    "path",
    [p for p in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")) if p.stem.partition("_")[0] in NOTEBOOKS],
    ids=lambda p: p.stem,
)
def test_a_learner_s_way_through_a_notebook(path: Path, page: Page, lab: Callable[[str], str]) -> None:
    notebook = Notebook(page, path.stem)
    notebook.open(lab(f"notebooks/{path.name}"))
    notebook.run_all()
    try:
        outputs = [output for cell in notebook.outputs() for output in cell]
        errors = [f"{output['ename']}: {output['evalue']}" for output in outputs if output["output_type"] == "error"]
        assert not errors, errors
        for image in page.query_selector_all(".jp-MarkdownOutput img"):
            assert not is_blank(image.screenshot())
            assert image.evaluate("image => image.naturalWidth > 0"), image.get_attribute("alt")
        assert pictures_are_drawn(notebook) > 0

        for number, source in enumerate(notebook.sources()):
            if ".hvplot." in source and "groupby=" in source:
                cell = notebook.cell(number)
                moves(cell.wait_for_selector(".noUi-handle"), cell.wait_for_selector(".bk-Figure"))
            elif "swipe_figure(" in source:
                cell = notebook.cell(number)
                moves(cell.wait_for_selector(".swipe input"), cell.wait_for_selector(".swipe"))
            elif "interactive_map(" in source or "threshold_page(" in source:
                frame = notebook.cell(number).wait_for_selector("iframe").content_frame()
                assert frame
                moves(frame.wait_for_selector(".noUi-handle"), frame.wait_for_selector(".bk-Figure"))

        quiz = notebook.cell(
            next(number for number, source in enumerate(notebook.sources()) if source.startswith("**1.**"))
        )
        for opened in quiz.query_selector_all("details"):
            assert not opened.query_selector("p").is_visible()  # type: ignore[union-attr]
            opened.query_selector("summary").click()  # type: ignore[union-attr]
            assert opened.query_selector("p").is_visible()  # type: ignore[union-attr]
        verdicts = [opened.query_selector("p strong").inner_text() for opened in quiz.query_selector_all("details")]  # type: ignore[union-attr]
        assert verdicts.count("Right.") == 1

        assert does_every_exercise(notebook, path.stem) >= 2
    finally:
        notebook.keep_screenshots()
        page.evaluate("() => jupyterapp.serviceManager.sessions.shutdownAll()")  # the next one needs the memory
