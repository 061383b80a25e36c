"""Every page of the website, on a phone and a desktop: nothing missing, too wide or closed to a reader."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.conftest import OUT, ROOT
from browser.test_lab import moves

if TYPE_CHECKING:
    from playwright.sync_api import Page

SITE = ROOT / "out" / "site"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PAGES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if "_static" not in path.parts)
WIDTHS = {"phone": 390, "desktop": 1280}
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not PAGES, reason="there is no website in out/site; make site")]
PLOT = (".noUi-handle", ".bk-Figure")
WIDGETS = {"00_start_here": (".swipe input", ".swipe"), "01_explore": PLOT, "04_evaluate": PLOT, "05_map": PLOT}
"""By notebook: what a reader moves, and what changes then."""
FAULTS = """async () => {
    const { violations } = await axe.run();
    return violations.filter(found => ["serious", "critical"].includes(found.impact))
        .map(found => `${found.id}: ${found.help}: ` +
            found.nodes.slice(0, 5).map(node => node.html.slice(0, 200)).join(" | "));
}"""
WIDER = """() => {
    const room = document.documentElement.clientWidth;
    if (document.scrollingElement.scrollWidth <= room) return [];
    return [...document.querySelectorAll("body *")].filter(node => node.getBoundingClientRect().right > room + 1)
        .map(node => node.outerHTML.slice(0, 150)).slice(0, 5);
}"""


class Quiet(SimpleHTTPRequestHandler):
    """A server that keeps its log to itself."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the website on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_fits_and_shuts_nobody_out(name: str, width: str, page: Page, address: str) -> None:
    page.set_viewport_size({"width": WIDTHS[width], "height": 900})
    page.goto(address + name, wait_until="networkidle")
    page.wait_for_selector(".noUi-handle:not([aria-label])", state="detached")  # plots come late
    picture = OUT / "site" / width / f"{name.removesuffix('.html').replace('/', '_')}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=picture, full_page=True)
    assert page.evaluate(WIDER) == []
    for image in page.query_selector_all("img"):
        assert image.evaluate("image => image.complete && image.naturalWidth > 0"), image.get_attribute("alt")
    if not AXE.exists():
        pytest.skip("axe-core is not there: npm install --prefix tests/browser")
    page.add_script_tag(path=AXE)
    faults = page.evaluate(FAULTS)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_moves_on_a_phone_and_without_a_kernel(name: str, page: Page, address: str) -> None:
    page.set_viewport_size({"width": WIDTHS["phone"], "height": 900})
    page.goto(f"{address}notebooks/{name}.html", timeout=120_000)
    if not page.query_selector(".cell_output"):
        pytest.skip(f"this website shows {name} as it is, not run: make site NOTEBOOKS=...")
    handle, picture = WIDGETS[name]
    frame = page.query_selector("iframe[srcdoc]")
    place = (frame and frame.content_frame()) or page
    shown = place.wait_for_selector(picture)
    assert shown
    shown.scroll_into_view_if_needed()
    box = shown.bounding_box()
    assert box
    assert 200 < box["width"] <= WIDTHS["phone"]
    moves(place.wait_for_selector(handle), shown)  # type: ignore[arg-type]
