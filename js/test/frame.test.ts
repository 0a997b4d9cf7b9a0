/** Gathering by frames, also in a tab that is hidden. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { perFrame, perTask } from "../src/frame";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("calls of one frame", () => {
  it("are one call, and those of the next another", () => {
    const done = vi.fn();
    const ask = perFrame(done);
    for (let call = 0; call < 5; call++) ask();
    expect(done).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(20);
    expect(done).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(500);
    expect(done).toHaveBeenCalledTimes(1);
    ask();
    vi.advanceTimersByTime(20);
    expect(done).toHaveBeenCalledTimes(2);
  });

  it("do not wait for frames that never come: a hidden tab has none", () => {
    vi.stubGlobal("requestAnimationFrame", () => 1);
    const done = vi.fn();
    perFrame(done)();
    vi.advanceTimersByTime(59);
    expect(done).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(done).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });

  it("can be taken back", () => {
    const done = vi.fn();
    const ask = perFrame(done);
    ask();
    ask.cancel();
    vi.advanceTimersByTime(500);
    expect(done).toHaveBeenCalledTimes(0);
  });
});

describe("calls of one go", () => {
  it("run once as it ends, before any frame", async () => {
    let runs = 0;
    const ask = perTask(() => {
      runs += 1;
    });
    ask();
    ask();
    expect(runs).toBe(0);
    await Promise.resolve();
    expect(runs).toBe(1);
    ask();
    ask.cancel();
    await Promise.resolve();
    expect(runs).toBe(1);
  });
});
