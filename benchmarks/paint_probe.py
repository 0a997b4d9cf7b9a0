"""Scripts that a measured page runs: when something is painted, and how long a pointer event takes to be.

Both sides are measured by the same rule. *Painted*: the first animation frame at which the content is there, and then two more, after
which it has been laid out and drawn. *Latency*: from the pointer event's own time stamp to the second frame after it in which the page
answered.
"""

from __future__ import annotations

import statistics
from typing import Any

from playwright.sync_api import Page

# Times are milliseconds since the page's navigation began (performance.now()).
PROBE = """(() => {
  const afterTwoFrames = (then) => requestAnimationFrame(() => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(0);
  }));
  const bench = (window.__bench = { painted: null, latencies: [], frames: [] });
  bench.watch = (isThere) => new Promise((done) => {
    const look = () => {
      let there = false;
      try { there = isThere(); } catch {}
      if (there) afterTwoFrames(() => { bench.painted = performance.now(); done(bench.painted); });
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  // Waits until `answered(before)` holds after the next event of this kind; without `answered`, two frames are taken.
  bench.arm = (kind, mark, answered) => {
    const before = mark ? mark() : null;
    bench.last = null;
    addEventListener(kind, (event) => {
      let frames = 0;
      const look = () => {
        frames += 1;
        if (!answered || answered(before)) {
          const count = frames;
          requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => { bench.last = { ms: performance.now() - event.timeStamp, frames: count }; };
            channel.port2.postMessage(0);
          });
        } else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }, { once: true, capture: true });
  };
})();"""


def median(values: list[float]) -> float | None:
    """The median, or None of nothing."""
    return statistics.median(values) if values else None


def wait_for_latency(page: Page) -> dict[str, Any]:
    """What the armed event took, once it has been answered: milliseconds, and frames until the answer."""
    page.wait_for_function("() => window.__bench.last !== null")
    return page.evaluate("() => window.__bench.last")
