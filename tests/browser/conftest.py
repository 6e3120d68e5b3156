"""A browser to read pages with; skipped with a reason where there is none, unless NNBENCH_BROWSER=required."""

import os
import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages_to_read import html

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
AUDIT = Path(__file__).with_name("audit.js").read_text()
PATIENCE = 60_000  # milliseconds: a machine may be busy


@pytest.fixture(scope="module")
def browser():
    """The browser of this machine. Not for the session: playwright leaves an event loop running while it is open."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        _absent("there is no chromium; on Debian: apt-get install chromium")
    if find_spec("playwright") is None or find_spec("axe_playwright_python") is None:
        _absent("there is no playwright; pip install 'nnbench-harness[browser]'")
    from playwright.sync_api import sync_playwright

    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=root, timeout=PATIENCE)
        yield opened
        opened.close()


def _absent(reason):
    if os.environ.get("NNBENCH_BROWSER") == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@dataclass
class Reading:
    """A page that is open, and what went wrong in it until now."""

    page: object
    troubles: list[str] = field(default_factory=list)

    def audit(self, name):
        """The faults that a function of audit.js finds."""
        return self.page.evaluate(f"audit.{name}()")

    def violations(self, *rules):
        """What axe finds wrong by these rules, by all if none is named, with the element in question."""
        from axe_playwright_python.base import AXE_SCRIPT

        self.page.evaluate(AXE_SCRIPT)
        options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
        found = self.page.evaluate("options => axe.run(document, options)", options)["violations"]
        return [f"{one['impact']}: {one['help']}: {node['html']}" for one in found for node in one["nodes"]]


@pytest.fixture
def read(browser, tmp_path):
    """A function that opens a page, given by its name or as text, in a window of its own."""
    windows = []

    def open_page(name="", text="", width=1300, scheme="light", script=True, media=None):
        window = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        windows.append(window)
        window.set_default_timeout(PATIENCE)
        reading = Reading(window.new_page())
        _listen(reading)
        file = tmp_path / f"page-{len(windows)}.html"
        file.write_text(text or html(name))
        reading.page.emulate_media(media=media)
        reading.page.goto(file.as_uri())
        reading.page.evaluate(AUDIT)
        return reading

    yield open_page
    for window in windows:
        window.close()


def _listen(reading):
    """Note what the browser complains of, and what the page asks the network for."""
    page, told = reading.page, reading.troubles.append
    page.on("console", lambda message: told(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told(str(error)))
    page.on("request", lambda one: None if one.url.startswith(("file:", "data:")) else told(f"asks for {one.url}"))

    def shown(dialog):
        told(f"says {dialog.message}")
        dialog.dismiss()

    page.on("dialog", shown)
