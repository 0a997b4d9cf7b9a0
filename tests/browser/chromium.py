"""The browser that the tests drive: which program, with which flags, and a context in which two runs draw the same.

What always holds: the page reaches nothing but this machine; what it asks for elsewhere is refused and remembered, so that a test can
say that there was none.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, Playwright, Route

FLAGS = [
    "--no-sandbox",  # tests run as root on build machines
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
]
LOCAL = ("http://127.0.0.1", "http://localhost", "ws://127.0.0.1", "data:", "blob:", "file:", "about:")


def launch(playwright: Playwright, *flags: str) -> Browser:
    """Chromium, headless: the one on the PATH, else Playwright's own."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=[*FLAGS, *flags])


@contextlib.contextmanager
def context(
    browser: Browser, width: int = 1400, height: int = 1000, dark: bool = False, scale: float = 1
) -> Iterator[tuple[BrowserContext, list[str]]]:
    """A fresh browser context without animations, and the list of addresses outside this machine that its pages asked for."""
    outside: list[str] = []

    def refuse(route: Route) -> None:
        outside.append(route.request.url)
        route.abort("internetdisconnected")

    made = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        reduced_motion="reduce",
        color_scheme="dark" if dark else "light",
    )
    made.route(lambda url: not url.startswith(LOCAL), refuse)
    try:
        yield made, outside
    finally:
        made.close()
