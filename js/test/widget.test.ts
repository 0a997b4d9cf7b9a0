/** The widget's entry under a host like anywidget, and the cursor that widgets of a page share. */
import { afterEach, describe, expect, it } from "vitest";
import { makeHost, viewState } from "../src/host-element";
import { FRAMING, NO_NOTES, stageOf } from "../src/model-stage";
import { once } from "../src/page-globals";
import type { Cursor, Status, ViewState } from "../src/protocol";
import factory from "../src/widget";
import { FakeModel, framePassed } from "./fake-model";
import { RUN, SETTINGS, SHOWING } from "./shapes";

const READY: Status = { state: "ready", what: null, done: 0, total: 0, prompt: null, message: null, hint: null };
const CURSOR: Cursor = { id: "one", layer: 1, head: 1, query: 1, key: null, step: null, prompt: null, heads: [] };
const state = (): ViewState => ({
  panels: [],
  run: RUN,
  fields: [],
  cursor: { ...CURSOR },
  settings: { ...SETTINGS },
  status: READY,
  first: null,
  problems: [],
  progress: {},
  measured: null,
  changes: [],
  showing: SHOWING,
  compared: null,
  noted: NO_NOTES,
  tour: null,
  framing: FRAMING,
});

const lives: AbortController[] = [];
function begin(model: FakeModel, make = stageOf) {
  const life = new AbortController();
  lives.push(life);
  return { life, ...make(model, life.signal) };
}
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

/** Renders as anywidget 0.11 does: a factory, initialize, then render, each with its signal. */
function render(model: FakeModel, withSignal = true) {
  const el = document.createElement("div");
  document.body.append(el);
  const ends = [new AbortController(), new AbortController()];
  const { initialize, render: show } = factory();
  const done = [
    initialize({ model, signal: withSignal ? ends[0]!.signal : undefined }),
    show({ model, el, signal: withSignal ? ends[1]!.signal : undefined }),
  ];
  const end = new AbortController();
  lives.push(end); // a test that fails before its close() must not disturb the next
  end.signal.addEventListener("abort", () => {
    if (withSignal) for (const one of ends) one.abort();
    else for (const one of done) one();
    el.remove();
  });
  return { el, host: el.firstElementChild as HTMLElement, close: () => end.abort() };
}

describe("a widget", () => {
  it.each([true, false])(
    "draws into a shadow root and leaves nothing behind (host with signals: %s)",
    async (withSignal) => {
      const model = new FakeModel(state());
      const { el, host, close } = render(model, withSignal);
      expect(host.shadowRoot).not.toBeNull();
      await expect.poll(() => host.dataset.llmwState).toBe("ready");
      expect(model.listeners).toBeGreaterThan(0);
      close();
      await framePassed();
      expect([model.listeners, el.childElementCount]).toEqual([0, 0]);
      expect(once("selections", () => new Map()).size).toBe(0);
    },
  );

  it("works where a host only renders", async () => {
    const model = new FakeModel(state());
    const el = document.createElement("div");
    const end = factory().render({ model, el });
    await expect.poll(() => (el.firstElementChild as HTMLElement).dataset.llmwState).toBe("ready");
    end();
    expect([model.listeners, el.childElementCount]).toEqual([0, 0]);
  });

  it("tells its state to those outside", async () => {
    const model = new FakeModel({ ...state(), run: null });
    const { host, close } = render(model);
    const seen = [host.dataset.llmwState];
    for (const status of ["running", "failed", "ready"] as const) {
      model.python({ status: { ...READY, state: status } });
      seen.push(host.dataset.llmwState);
    }
    expect(seen).toEqual(["waiting", "running", "failed", "waiting"]);
    close();
  });

  it("is ready only when what it looks at has come, and a frame to paint it in has passed", async () => {
    const model = new FakeModel(state());
    const life = new AbortController();
    const stage = stageOf(model, life.signal);
    const box = document.createElement("div");
    const shown = () => viewState(stage.run.value, stage.status.value, stage.source.loading.value);
    const host = makeHost(box, { state: shown, theme: () => stage.theme.value }, life.signal).host as HTMLElement;
    await expect.poll(() => host.dataset.llmwState).toBe("ready");
    const read = stage.source.read({ field: "attention", epoch: 1, index: { layer: 0, head: 0, query: 0, key: 0 } });
    expect(host.dataset.llmwState).toBe("loading");
    await framePassed();
    let painted = false;
    model.reply(
      [{ id: 1, ok: true, result: { dims: [], shape: [], exponent: 0, extent: null, texts: null }, buffer: 0 }],
      [Uint16Array.of(0)],
    );
    await read;
    requestAnimationFrame(() => {
      painted = true;
    });
    const paintedWhenReady = await new Promise((resolve) => {
      new MutationObserver(() => resolve(painted)).observe(host, { attributeFilter: ["data-llmw-state"] });
    });
    expect([host.dataset.llmwState, paintedWhenReady]).toEqual(["ready", true]);
    life.abort();
  });

  it("follows the host from light to dark, unless it is set", async () => {
    const model = new FakeModel({ ...state(), settings: { ...SETTINGS, theme: "auto" } });
    const { host, close } = render(model);
    document.body.setAttribute("data-jp-theme-light", "false");
    await framePassed();
    expect([host.dataset.llmwTheme, host.style.getPropertyValue("--llmw-bg")]).toEqual(["dark", "#11151a"]);
    document.body.setAttribute("data-jp-theme-light", "true");
    await framePassed();
    expect([host.dataset.llmwTheme, host.style.getPropertyValue("--llmw-bg")]).toEqual(["light", "#ffffff"]);
    model.python({ settings: { ...SETTINGS, theme: "dark" } });
    expect(host.dataset.llmwTheme).toBe("dark");
    document.body.removeAttribute("data-jp-theme-light");
    close();
  });
});

describe("keys, wherever the focus is in a view,", () => {
  it("that type or delete never reach the notebook; the others do, unless the view takes them", async () => {
    const { el, host, close } = render(new FakeModel({ ...state(), panels: ["bar", "text", "heads"] }));
    const root = host.shadowRoot!;
    await expect.poll(() => root.querySelector('[role="grid"]')).not.toBeNull();
    const heard: string[] = [];
    el.addEventListener("keydown", ({ key }) => heard.push(key));
    const on = ["section.view", '[role="grid"]', "button", "textarea"].map((name) => root.querySelector(name)!);
    const keys = (names: string[], more: KeyboardEventInit = {}) => {
      for (const key of names)
        for (const at of on)
          at.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, ...more }));
    };
    keys(["a", "b", "d", "m", "x", "z", "0", " ", "ä", "😀", "Delete", "Backspace"]);
    keys(["M", "Delete"], { shiftKey: true });
    keys(["Enter"], { ctrlKey: true });
    keys(["Enter"], { metaKey: true });
    expect(heard).toEqual([]);
    keys(["Tab", "F1"]);
    keys(["Enter"], { shiftKey: true });
    keys(["s"], { ctrlKey: true });
    keys(["s"], { metaKey: true });
    expect(new Set(heard)).toEqual(new Set(["Tab", "F1", "Enter", "s"]));
    close();
  });
});

describe("settings", () => {
  it("go both ways, and what came from Python does not go back", () => {
    const model = new FakeModel(state());
    const { settings } = begin(model);
    expect(model.saved).toEqual([]);
    model.python({ settings: { ...SETTINGS, palette: "viridis" } });
    expect([settings.value.palette, model.saved.length]).toEqual(["viridis", 0]);
    settings.value = { ...settings.value, patternView: "arcs" };
    expect(model.saved).toEqual([{ settings: { ...SETTINGS, palette: "viridis", patternView: "arcs" } }]);
  });
});

describe("the cursor", () => {
  it("goes to Python when it is pinned, at most once a frame, and not when it is hovered", async () => {
    const model = new FakeModel(state());
    const { selection } = begin(model);
    selection.preview({ query: 0 });
    await framePassed();
    expect(model.saved).toEqual([]);
    selection.pin({ layer: 2 });
    selection.pin({ layer: 3, head: 0 });
    expect(model.saved).toEqual([]);
    await framePassed();
    expect(model.saved).toEqual([{ cursor: { ...CURSOR, layer: 3, head: 0 } }]);
  });

  it("comes from Python and does not go back", async () => {
    const model = new FakeModel(state());
    const { selection } = begin(model);
    model.python({ cursor: { ...CURSOR, layer: 3, heads: [[0, 1]] } });
    expect(selection.toCursor()).toEqual({ ...CURSOR, layer: 3, heads: [[0, 1]] });
    await framePassed();
    expect(model.saved).toEqual([]);
  });

  it("is one for all widgets of an id, hover too, and none of another's", async () => {
    const models = [
      new FakeModel(state()),
      new FakeModel(state()),
      new FakeModel({ ...state(), cursor: { ...CURSOR, id: "two" } }),
    ];
    const [one, same, other] = models.map((model) => begin(model).selection);
    one!.preview({ layer: 2, query: 0 });
    expect([same!.shown.layer.value, same!.shown.query.value, other!.shown.layer.value]).toEqual([2, 0, 1]);
    same!.pin({ layer: 3 });
    expect([one!.pinned.layer.value, one!.hover.value, other!.pinned.layer.value]).toEqual([3, {}, 1]);
    one!.toggleHead(0, 2);
    expect(same!.heads.value).toEqual([[0, 2]]);
    await framePassed();
    const cursor = { ...CURSOR, layer: 3, heads: [[0, 2]] };
    expect(models.map((model) => model.saved)).toEqual([[{ cursor }], [{ cursor }], []]);
  });

  it("that Python sets on one widget moves the others, and none of them tells Python", async () => {
    const models = [new FakeModel(state()), new FakeModel(state())];
    const stages = models.map((model) => begin(model));
    models[0]!.python({ cursor: { ...CURSOR, query: 0 } });
    expect(stages.map(({ selection }) => selection.pinned.query.value)).toEqual([0, 0]);
    await framePassed();
    expect(models.map((model) => model.saved)).toEqual([[], []]);
  });

  it("is not thrown back by an echo of a former place while someone moves it, and Python has the last word", async () => {
    const model = new FakeModel(state());
    const { selection } = begin(model);
    selection.pin({ layer: 2 });
    await framePassed();
    selection.pin({ layer: 3 });
    model.python({ cursor: { ...CURSOR, layer: 2 } });
    expect(selection.pinned.layer.value).toBe(3);
    await framePassed();
    expect(model.get("cursor").layer).toBe(3);
    model.python({ cursor: { ...CURSOR, layer: 0 } }); // a callback in Python takes the move back
    await expect.poll(() => selection.pinned.layer.value).toBe(0);
    const saved = model.saved.length;
    await framePassed();
    expect(model.saved.length).toBe(saved);
  });

  it("settles when two widgets and Python answer each other late", async () => {
    const models = [new FakeModel(state()), new FakeModel(state())];
    const stages = models.map((model) => begin(model));
    // Python mirrors what one widget tells it to the other, one message behind.
    const behind: Cursor[] = [];
    const kernel = () => {
      const next = models[0]!.saved.at(-1)?.cursor;
      if (next && behind.at(-1) !== next) {
        const former = behind.at(-1);
        behind.push(next);
        if (former) models[1]!.python({ cursor: former });
      }
    };
    for (const layer of [2, 3, 2, 3]) {
      stages[0]!.selection.pin({ layer });
      await framePassed();
      kernel();
    }
    models[1]!.python({ cursor: { ...CURSOR, layer: 3 } });
    await framePassed();
    const saved = models.map((model) => model.saved.length);
    for (let frame = 0; frame < 30; frame++) await framePassed(); // past the quiet time
    expect(stages.map(({ selection }) => selection.pinned.layer.value)).toEqual([3, 3]);
    expect(models.map((model) => model.saved.length)).toEqual(saved);
  });

  it("moves to another selection when Python gives the view one", () => {
    const models = [new FakeModel(state()), new FakeModel({ ...state(), cursor: { ...CURSOR, id: "two", layer: 0 } })];
    const [moved, there] = models.map((model) => begin(model).selection);
    models[0]!.python({ cursor: { ...CURSOR, id: "two", layer: 0 } });
    there!.pin({ layer: 3 });
    expect(moved!.pinned.layer.value).toBe(3);
  });

  it("of a widget that joins later is the page's", () => {
    const first = begin(new FakeModel(state()));
    first.selection.pin({ layer: 3 });
    expect(begin(new FakeModel(state())).selection.pinned.layer.value).toBe(3);
  });
});

describe("the built bundle, loaded twice as JupyterLab does", () => {
  it("is run once, and its widgets share the cursor", async () => {
    const url = new URL("../../llmwidgets/static/widget.js", import.meta.url).href;
    const copies = await Promise.all(["?one", "?other"].map((copy) => import(/* @vite-ignore */ url + copy)));
    expect(copies[0].default).not.toBe(copies[1].default);
    const models = [new FakeModel(state()), new FakeModel(state())];
    const widgets = await Promise.all(copies.map((copy) => copy.default()));
    const ends = widgets.map(({ initialize, render: show }, at) => {
      const el = document.createElement("div");
      document.body.append(el);
      const done = [initialize({ model: models[at] }), show({ model: models[at], el })];
      return () => {
        for (const end of done) end();
        el.remove();
      };
    });
    models[0]!.python({ cursor: { ...CURSOR, layer: 3 } });
    await framePassed();
    // The second copy joined the first: a page's own move through it reaches Python from both.
    const { selection } = begin(new FakeModel(state()));
    expect(selection.pinned.layer.value).toBe(3);
    selection.pin({ head: 0 });
    await framePassed();
    for (const model of models) expect(model.get("cursor")).toMatchObject({ layer: 3, head: 0 });
    for (const end of ends) end();
    expect(models.map((model) => model.listeners)).toEqual([0, 0]);
  });
});
