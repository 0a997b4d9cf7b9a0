/**
 * The element that a view lives in, and what it tells those outside: its state and how often it has painted.
 *
 * `data-llmw-state` is one of "waiting" (no capture yet), "running", "failed", "loading" (numbers on their way) and "ready" (they have
 * come and are painted); `data-llmw-paints` counts painted canvases (paint.ts). Tests and hosts wait on these, never on time. Styles
 * stay inside a shadow root.
 */
import { effect } from "@preact/signals";
import { nextFrame } from "./frame";
import { keepTyping } from "./keyboard";
import type { Run, Status } from "./protocol";
import { applyTheme, type Theme } from "./theme";

export type ViewStateName = "waiting" | "running" | "failed" | "loading" | "ready";

export function viewState(run: Run | null, status: Status, loading: boolean): ViewStateName {
  if (status.state === "running") return "running";
  if (status.state === "failed") return "failed";
  if (!run) return "waiting";
  return loading ? "loading" : "ready";
}

interface Shown {
  state(): ViewStateName;
  theme(): Theme;
}

/** A host element inside `parent` with a shadow root, kept up to date until `life` ends; then it is taken out. */
export function makeHost(parent: HTMLElement, shown: Shown, life: AbortSignal): ShadowRoot {
  const host = document.createElement("div");
  host.className = "llmw";
  host.dataset.llmwPaints = "0";
  host.addEventListener("keydown", keepTyping);
  const root = host.attachShadow({ mode: "open" });
  host.dataset.llmwState = "loading";
  let cancel = () => {};
  const stops = [
    effect(() => {
      const state = shown.state();
      cancel();
      if (state !== "ready") host.dataset.llmwState = state;
      else cancel = afterPainting(() => (host.dataset.llmwState = state));
    }),
    effect(() => applyTheme(host, shown.theme())),
    () => cancel(),
  ];
  life.addEventListener("abort", () => {
    for (const stop of stops) stop();
    host.remove();
  });
  parent.append(host);
  return root;
}

/** Canvases are painted in the frame after their numbers came: in the one after that, they have been. */
function afterPainting(callback: () => void): () => void {
  let cancel = nextFrame(() => {
    cancel = nextFrame(callback);
  });
  return () => cancel();
}
