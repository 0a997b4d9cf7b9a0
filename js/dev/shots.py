"""Pictures of the page that serve.py serves, for looking at: python js/dev/shots.py FOLDER NAME=QUERY[@ACTION] ...

An action is what is done before the picture: hover:X,Y  click:X,Y  (CSS pixels), press:KEYS after a click; several are joined by +.
"""

from __future__ import annotations

import pathlib
import sys

from playwright.sync_api import sync_playwright

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
READY = "() => ['ready', 'failed', 'running', 'waiting'].includes(document.querySelector('.llmw')?.dataset.llmwState)"
PAINTED = """() => {
    const host = document.querySelector('.llmw');
    const same = host.painted === host.dataset.llmwPaints;
    host.painted = host.dataset.llmwPaints;
    return same;
}"""


def act(page, action):
    kind, _, rest = action.partition(":")
    if kind in ("hover", "click", "shift"):
        x, y = map(float, rest.split(","))
        page.mouse.move(x, y)
        if kind != "hover":
            if kind == "shift":
                page.keyboard.down("Shift")
            page.mouse.click(x, y)
            if kind == "shift":
                page.keyboard.up("Shift")
    elif kind == "press":
        page.keyboard.press(rest)
    elif kind == "text":
        page.get_by_text(rest, exact=True).first.click()


def main(folder, wanted):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for one in wanted:
            name, _, rest = one.partition("=")
            query, *actions = rest.split("@")
            width = next((int(part[6:]) for part in query.split("&") if part.startswith("width=")), 1040)
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("console", lambda m, name=name: print(name, m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda e, name=name: print(name, e))
            page.goto(f"http://127.0.0.1:8765/?{query}")
            page.wait_for_function(READY, timeout=20_000)
            page.wait_for_function(PAINTED, polling=250)
            for action in actions:
                act(page, action)
            page.wait_for_function(PAINTED, polling=350)
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
