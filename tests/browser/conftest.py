"""A headless Chromium, and a JupyterLab on loopback in a copy of the course."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

ROOT = Path(__file__).parents[2]
OUT = ROOT / "out" / "browser"
TOKEN = "of-this-test-only"
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update "
    "--disable-sync"
)


@dataclass
class Watch:
    """What a page did that it should not have done."""

    faults: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text[:500]} ({message.location.get('url', '')})")

    def request(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:")):
            self.faults.append(f"request that leaves this machine: {request.url[:200]}")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Start Chromium with an empty profile."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not chromium:
        pytest.fail(f"no browser: none of {', '.join(names)} is installed; install one, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=chromium, headless=True, args=QUIET.split()
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    """Give a new page, and fail if it has met an error by the end of the test."""
    page, watch = browser.new_page(), Watch()
    page.on("console", watch.console)
    page.on("pageerror", lambda error: watch.faults.append(f"error in the page: {error}"))
    page.on("request", watch.request)
    yield page
    page.close()
    assert not watch.faults, "\n".join(watch.faults)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Start JupyterLab in a copy of notebooks and documents; give a function from a file's name to its address."""
    home = tmp_path_factory.mktemp("lab")
    for folder in ("notebooks", "docs", "benchmarks"):
        shutil.copytree(ROOT / folder, home / folder, ignore=shutil.ignore_patterns("__pycache__"))
    kinds = (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
    )
    own = {kind: str(tmp_path_factory.mktemp(kind.lower())) for kind in kinds}
    log_file = home.parent / "lab.log"
    news = (
        Path(own["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    )
    news.parent.mkdir(parents=True)
    news.write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False}), encoding="utf-8"
    )  # else it asks, over what is tested
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}", "--expose-app-in-browser"]
    with log_file.open("w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
    try:
        address = wait_for(Path(own["JUPYTER_RUNTIME_DIR"]), server, log_file)
        # each in a workspace of its own, else JupyterLab opens what was open before, too
        yield lambda name: f"{address}lab/workspaces/{Path(name).stem}/tree/{name}?token={TOKEN}"
    finally:
        server.terminate()
        server.wait(30)


def wait_for(runtime: Path, server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until a server answers, and return its address."""
    for _ in range(240):
        if server.poll() is not None:
            pytest.fail(f"JupyterLab did not start: {log.read_text(encoding='utf-8')[-2000:]}")
        for found in runtime.glob("jpserver-*.json"):
            address = str(json.loads(found.read_text(encoding="utf-8"))["url"])
            try:
                urllib.request.urlopen(f"{address}api/status?token={TOKEN}").close()
            except urllib.error.URLError:
                continue
            return address
        time.sleep(0.5)
    return pytest.fail(f"JupyterLab did not answer within two minutes: {log.read_text(encoding='utf-8')[-2000:]}")
