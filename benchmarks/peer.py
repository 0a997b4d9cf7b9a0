"""One BertViz view at one length: built in Python, opened in Chromium, hovered or clicked; or the reason why it did not open.

BertViz's pages load require.js, d3 and jQuery from a CDN. They are answered here from copies on the disk, at once, so the network's
share is left out of its figures.
"""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from benchmarks.limits import BUILD_GB, BUILD_SECONDS, LOOKS, OPEN_MB, OPEN_SECONDS
from benchmarks.paint_probe import PROBE, median, wait_for_latency
from benchmarks.watchdog import Watchdog
from tests.browser import chromium

COPIES = Path(__file__).parent / "peer" / "node_modules"
CDN = {
    "require.min.js": COPIES / "requirejs" / "require.js",
    "d3.min": COPIES / "d3" / "dist" / "d3.min.js",
    "jquery.min": COPIES / "jquery" / "dist" / "jquery.min.js",
}
LINES_ARE_DRAWN = "() => document.querySelectorAll('svg line').length > 0"


def measure(view: str, tokens: int) -> dict[str, Any]:
    """`view` is head_view or model_view. Keys: python_s, sent, saved (bytes), paint_s, total_s, look_ms, renderer_mb, and failed (a
    reason, or None); a page that did not open has at_least_s, the seconds after which it was given up."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        built = build(view, tokens, page)
        if "failed" in built:
            return built
        python = built["forward_s"] + built["build_s"]
        result = {"python_s": python, "sent": built["sent"], "saved": built["saved"], "failed": None} | open_page(view, page)
        if result["failed"] is None:
            result["total_s"] = python + result["paint_s"]
        elif result["given_up_s"] is not None:
            result["at_least_s"] = python + result["given_up_s"]
        return result


def build(view: str, tokens: int, page: Path) -> dict[str, Any]:
    """The page, built in a process of its own under a limit of memory and time."""
    command = [sys.executable, "-m", "benchmarks.peer_build", view, str(tokens), str(page), str(BUILD_GB)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"not built after {BUILD_SECONDS} s"}
    if done.returncode != 0:
        return {"failed": f"not built: {done.stderr.strip().splitlines()[-1][:80]}"}
    return json.loads(done.stdout.splitlines()[-1])


def open_page(view: str, path: Path) -> dict[str, Any]:
    """Seconds from the navigation to the painted lines, and the median latency of a look at something else; or why there are none."""
    with serve(path.parent) as base, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        with chromium.context(browser) as (context, _):
            answer_cdn(context)
            context.add_init_script(PROBE)
            page = context.new_page()
            page.set_default_timeout(OPEN_SECONDS * 1000)
            with Watchdog(OPEN_SECONDS, OPEN_MB) as dog:
                try:
                    page.goto(f"{base}/{path.name}", wait_until="commit")
                    painted = page.evaluate(f"() => window.__bench.watch({LINES_ARE_DRAWN})")
                except PlaywrightError as error:
                    reason = dog.reason or error.message.splitlines()[0]
                    return {"failed": f"did not open: {reason}", "given_up_s": dog.bitten_s, "renderer_mb": dog.peak_mb}
            looks = hovers(page) if view == "head_view" else clicks(page)
            return {"paint_s": painted / 1000, "look_ms": looks, "renderer_mb": dog.peak_mb}


def hovers(page: Page) -> float | None:
    """head_view: the pointer goes from token to token of the left column."""
    boxes = page.locator("#left text")
    latencies = []
    for number in range(LOOKS):
        box = boxes.nth(2 + number % 8).bounding_box()
        page.evaluate("() => window.__bench.arm('mousemove')")
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        latencies.append(wait_for_latency(page)["ms"])
    return median(latencies)


def clicks(page: Page) -> float | None:
    """model_view: a click on a head opens it; hovering one only lights its frame."""
    box = page.locator("svg").first.bounding_box()
    latencies = []
    for number in range(LOOKS):
        page.evaluate("() => window.__bench.arm('click')")
        page.mouse.click(box["x"] + box["width"] * (1.5 + number % 2) / 13, box["y"] + 60)
        latencies.append(wait_for_latency(page)["ms"])
    return median(latencies)


def answer_cdn(context: BrowserContext) -> None:
    """Give the CDN's files from their copies."""

    def answer(route: Route) -> None:
        for name, path in CDN.items():
            if name in route.request.url:
                route.fulfill(path=path, content_type="application/javascript", headers={"access-control-allow-origin": "*"})
                return
        route.abort("internetdisconnected")

    context.route("https://cdnjs.cloudflare.com/**", answer)


class serve:
    """Serve a folder on a free port of 127.0.0.1 while the block runs; gives its address."""

    def __init__(self, folder: Path):
        handler = functools.partial(Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
