/** Every panel says which run it shows, never shows one for another, begins what grows, and gives the Python of its numbers. */
import { afterEach, describe, expect, it } from "vitest";
import { stateOf, valueOf } from "../../src/paint/half";
import { markOf } from "../../src/paint/marks";
import { resolveScale } from "../../src/paint/scale";
import { colourTable } from "../../src/paint/table";
import { type CellValue, SnapshotSource } from "../../src/source/snapshot";
import { SourceError } from "../../src/source/source";
import { LIGHT } from "../../src/theme";
import { field, SHOWING } from "../shapes";
import {
  endAll,
  fieldsOf,
  type Mounted,
  makeChange,
  makeProgress,
  makeStage,
  painted,
  show,
  shownRun,
  TEXTS,
  type TestStage,
} from "./stage";

afterEach(endAll);

const PANELS = ["text", "next", "heads", "pattern", "layers"];
const OPTIONS = [
  ...SHOWING.options,
  { which: "changed" as const, label: "changed run" },
  { which: "difference" as const, label: "changed − clean" },
];
const states = (view: Mounted) => PANELS.map((name) => view.panel(name).dataset.state);
const all = (state: string) => PANELS.map(() => state);

describe("a panel whose run is not the one that was asked for", () => {
  it("waits: from the switch until the run that follows is there and its numbers have come", async () => {
    const stage = makeStage();
    stage.changes.value = [makeChange(3)];
    const view = show(stage);
    await painted();
    expect(states(view)).toEqual(all("ready"));
    expect(view.find(".view").dataset.settled).toBe("true");
    stage.showing.value = { which: "changed", options: OPTIONS };
    await painted();
    expect(states(view)).toEqual(all("waiting"));
    expect(view.find(".view").dataset.settled).toBe("false");
    stage.source.held = [];
    stage.run.value = shownRun(stage, 2, { which: "changed", label: "changed run", changes: [3] });
    await painted();
    expect(view.find(".view").dataset.settled).toBe("true");
    expect(states(view)).toEqual(all("waiting"));
    stage.source.release();
    await painted();
    expect(states(view)).toEqual(all("ready"));
  });

  it("waits as long as the changes that are on are not those of its run, however quickly they are switched", async () => {
    const stage = makeStage();
    stage.showing.value = { which: "changed", options: OPTIONS };
    stage.changes.value = [makeChange(3), makeChange(4)];
    const run = (epoch: number, changes: number[]) =>
      shownRun(stage, epoch, { which: "changed", label: "changed run", changes });
    stage.run.value = run(2, [3, 4]);
    const view = show(stage);
    await painted();
    expect(states(view)).toEqual(all("ready"));
    const toggled = (on: boolean) => {
      stage.changes.value = [makeChange(3), makeChange(4, { on })];
    };
    toggled(false);
    toggled(true);
    toggled(false);
    stage.run.value = run(3, [3, 4]); // an answer to a former wish
    await painted();
    expect(states(view)).toEqual(all("waiting"));
    stage.run.value = run(4, [3]);
    await painted();
    expect(states(view)).toEqual(all("ready"));
  });

  it("still waits when its numbers are refused because that run is over", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    stage.source.failing = new SourceError("Stale", "run 2 is over");
    stage.run.value = shownRun(stage, 2, {});
    await painted();
    expect(states(view)).toEqual(all("waiting"));
    stage.source.failing = null;
    stage.run.value = shownRun(stage, 3, {});
    await painted();
    expect(states(view)).toEqual(all("ready"));
  });

  it("repaints at once, without waiting, from what was kept of a run that is shown again", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const clean = stage.run.value!;
    stage.run.value = shownRun(stage, 2, {});
    await painted();
    const asked = stage.source.asked.length;
    stage.source.held = [];
    stage.run.value = clean;
    await painted();
    expect(states(view)).toEqual(all("ready"));
    expect(stage.source.asked.length).toBe(asked);
  });
});

describe("beside its evidence a panel", () => {
  const badges = (view: Mounted) => PANELS.map((name) => view.panel(name).querySelector(".badge")?.textContent);

  it.each([
    ["changed", "changed run", "◆ changed"],
    ["difference", "changed − clean", "Δ difference"],
    ["second", "second prompt", "② second"],
    ["prompts", "second − first", "Δ second − first"],
  ] as const)("says with a mark and words that it shows another run: %s", async (which, label, words) => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    expect(badges(view)).toEqual(PANELS.map(() => undefined));
    stage.showing.value = { which, options: [{ which, label }] };
    stage.run.value = shownRun(stage, 2, { which, label });
    await painted();
    expect(badges(view)).toEqual(PANELS.map(() => words));
    const badge = view.panel("heads").querySelector<HTMLElement>(".badge")!;
    expect([badge.ariaLabel, badge.title.endsWith(label)]).toEqual([label, true]);
  });
});

describe("a panel of a field that grows", () => {
  const EFFECT = field("effect", [
    ["layer", 3],
    ["position", TEXTS.length],
  ]);
  const growing = () => {
    const values: CellValue[] = Array.from({ length: 18 }, (_, i) => (i < 5 ? i / 8 : "pending"));
    const fields = [...fieldsOf({ layers: 3, heads: 4, texts: TEXTS }), { meta: EFFECT, values }];
    const stage = makeStage({ fields });
    stage.settings.value = { ...stage.settings.value, textField: "effect" };
    return stage;
  };
  const progress = (stage: TestStage, more: Parameters<typeof makeProgress>[0]) => {
    stage.fields.value = stage.fields.value.map((one) =>
      one.name === "effect" ? { ...one, progress: makeProgress({ total: 144, done: 48, ...more }) } : one,
    );
  };
  const fills = (stage: TestStage) => stage.calls.filter(([name]) => name === "fill");
  const button = (panel: HTMLElement, words: string) =>
    [...panel.querySelectorAll<HTMLButtonElement>("button")].find((one) => one.textContent === words);

  it("has it begun once in each version, and only while it is idle", async () => {
    const stage = growing();
    progress(stage, { state: "idle", version: 7, done: 0 });
    show(stage);
    await painted();
    expect(fills(stage)).toEqual([["fill", "effect"]]);
    progress(stage, { state: "idle", version: 7, done: 0 });
    await painted();
    expect(fills(stage).length).toBe(1);
    progress(stage, { state: "running", version: 8 });
    progress(stage, { state: "stopped", version: 9 });
    progress(stage, { state: "failed", version: 10 });
    await painted();
    expect(fills(stage).length).toBe(1);
    progress(stage, { state: "idle", version: 11, done: 0 });
    await painted();
    expect(fills(stage).length).toBe(2);
  });

  it("says how far it is under a thin line, and can be stopped and gone on with", async () => {
    const stage = growing();
    progress(stage, { state: "running" });
    const view = show(stage);
    await painted();
    const panel = view.panel("text");
    expect(panel.querySelector(".foot")!.textContent).toContain("48 of 144");
    expect(panel.querySelector<HTMLElement>(".line > i")!.style.width).toMatch(/^33\.3/);
    button(panel, "stop")!.click();
    expect(stage.calls).toEqual([["halt", "effect"]]);
    progress(stage, { state: "stopped", version: 2 });
    await painted();
    expect(panel.querySelector(".line > i")).toBe(null);
    button(panel, "go on")!.click();
    expect(stage.calls.at(-1)).toEqual(["fill", "effect"]);
  });

  it("says why it failed, and goes on only when asked", async () => {
    const stage = growing();
    progress(stage, { state: "failed", message: "out of memory", hint: "Take fewer heads." });
    const view = show(stage);
    await painted();
    expect(view.panel("text").querySelector(".foot")!.textContent).toContain("out of memory Take fewer heads.");
    expect(stage.calls).toEqual([]);
  });

  it("draws what is not computed yet as pending, not as nothing", async () => {
    const stage = growing();
    const source = new SnapshotSource([{ meta: EFFECT, values: new Array<CellValue>(18).fill("pending") }]);
    const block = await source.read({ field: "effect", epoch: 1, index: { layer: 0, position: [0, 2] } });
    expect([...block.halves]).toEqual([0x7e03, 0x7e03]);
    expect([stateOf(0x7e03), valueOf(0x7e03, 0)]).toEqual(["pending", Number.NaN]);
    const table = colourTable(resolveScale(EFFECT.scale, null), 0, "blue", LIGHT);
    expect(markOf(0x7e03, table)).toBe("pending");
    expect(table.css(0x7e03)).not.toBe(table.css(0));
    expect(block.extent).toBe(null);
    expect((await stage.source.cell({ field: "effect", epoch: 1, index: { layer: 2, position: 5 } })).state).toBe(
      "pending",
    );
  });
});

describe("the Python of a panel's numbers", () => {
  const HOSTILE = 'run.field("<img src=x onerror=alert(1)>")\n# </pre><script>alert(1)</script>';
  const open = async (view: Mounted) => {
    const tail = view.panel("pattern").querySelectorAll<HTMLButtonElement>(".tail button");
    [...tail].find((one) => one.textContent === "code")!.click();
    await painted();
    return view.panel("pattern").querySelector<HTMLElement>(".code")!;
  };

  it("is text, whatever it holds, and follows the cursor", async () => {
    const stage = makeStage();
    const asked: string[] = [];
    stage.code = async (name) => {
      asked.push(`${name} ${stage.selection.pinned.head.value}`);
      return HOSTILE;
    };
    const view = show(stage);
    await painted();
    const code = await open(view);
    expect(code.querySelector("pre")!.textContent).toBe(HOSTILE);
    expect(code.querySelectorAll("img, script").length).toBe(0);
    stage.selection.pin({ head: 3 });
    await painted();
    expect(asked).toEqual(["attention 1", "attention 3"]);
  });

  it("is dimmed and not to be copied until it is that of the present cursor", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const code = await open(view);
    expect(code.dataset.state).toBe("ready");
    let go = () => {};
    stage.code = () => new Promise((done) => (go = () => done("newer")));
    stage.selection.pin({ head: 3 });
    await painted();
    expect([code.dataset.state, code.querySelector("button")!.disabled]).toEqual(["waiting", true]);
    go();
    await painted();
    expect([code.dataset.state, code.querySelector("pre")!.textContent]).toEqual(["ready", "newer"]);
  });

  it("that cannot be given says why", async () => {
    const stage = makeStage();
    stage.refusing = new SourceError("Failed", "a changed array has no code", "Make it a field.");
    const view = show(stage);
    await painted();
    const code = await open(view);
    expect(code.querySelector('[role="alert"]')!.textContent).toContain(
      "a changed array has no code. Make it a field.",
    );
    expect(code.querySelector("pre")).toBe(null);
  });
});
