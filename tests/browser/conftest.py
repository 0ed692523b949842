"""Real Chromium, or a skip that says so."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.collector import RunningCollector

# Without the last flags Chromium calls its maker at every start.
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium from PATH. No longer than its module: while it lives, an event loop runs in this thread."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    flags = _FLAGS + (["--no-sandbox"] if os.geteuid() == 0 or os.environ.get("CI") else [])
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def refused() -> list[str]:
    """What the browser may note of requests that a test has refused; a test adds to it."""
    return []


@pytest.fixture
def page(browser: Browser, collector: RunningCollector, refused: list[str]) -> Iterator[Page]:
    """A page of 1280 x 900 in Berlin, on which an error, a refused resource or an outside request fails the test.

    Closed before the collector that it looks at.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin", locale="en-GB")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "request",
        lambda request: (
            problems.append(f"outside: {request.url}")
            if "//127.0.0.1" not in request.url and not request.url.startswith("data:")
            else None
        ),
    )
    yield opened
    context.close()
    assert [problem for problem in problems if not any(word in problem for word in refused)] == []
