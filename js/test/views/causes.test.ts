/** Causes in the view: a second head grid, the plots of causes, and fields that fill in while they are looked at. */
import type { Signal } from "@preact/signals";
import { afterEach, describe, expect, it } from "vitest";
import { halfOf } from "../../src/paint/half";
import { resolveScale } from "../../src/paint/scale";
import { colourTable } from "../../src/paint/table";
import type { FieldMeta, Progress } from "../../src/protocol";
import type { CellValue, SnapshotField } from "../../src/source/snapshot";
import { SourceError } from "../../src/source/source";
import { LIGHT } from "../../src/theme";
import { rankCorrelation } from "../../src/views/causes/rank-correlation";
import { placeX, placeY, scatterLayout } from "../../src/views/causes/scatter-layout";
import { attentionAgainstEffect } from "../../src/views/heads/against";
import { headBox, headsLayout } from "../../src/views/heads/heads-layout";
import { field as makeField } from "../shapes";
import {
  attentionAt,
  colourAt,
  endAll,
  fieldsOf,
  type Mounted,
  makeProgress,
  makeStage,
  painted,
  pointAt,
  press,
  show,
  TEXTS,
  type TestStage,
} from "./stage";

afterEach(endAll);

const SHAPE = { layers: 3, heads: 4, texts: TEXTS };
/** Multiples of 1/4, which halves hold: positive and negative, all different. */
const effectAt = (layer: number, head: number): number => ((layer * 4 + head) * 5 - 24) / 4;
const directAt = (layer: number, head: number): number => (head - layer) / 2;

function cause(name: string, values: CellValue[], more: Partial<FieldMeta> = {}): SnapshotField {
  const axes: [string, number][] = [
    ["layer", 3],
    ["head", 4],
  ];
  const scale = { kind: "diverging", low: 0, high: null, power: 1 } as const;
  const rest = { title: name.replaceAll("_", " "), unit: "logits", scale, caveat: `What ${name} cannot tell.` };
  return { meta: makeField(name, axes, { ...rest, progress: makeProgress(), ...more }), values };
}

const overHeads = (value: (layer: number, head: number) => CellValue): CellValue[] =>
  Array.from({ length: 12 }, (_, i) => value(Math.floor(i / 4), i % 4));

const TERMS = ["embed", "head 2.3", "mlp 0", "constant"];

function causeFields(known = 12): { fields: SnapshotField[]; effects: CellValue[] } {
  const effects = overHeads((layer, head) => (layer * 4 + head < known ? effectAt(layer, head) : "pending"));
  const decomposition = cause("decomposition", [0.5, -2, 4, 0], {
    axes: [{ coordinate: "term", size: 4, start: 0, labels: TERMS, stack: "decoder" }],
    evidence: "attribution",
    progress: makeProgress({ note: "adds up to 2.5; closing error 1e-07" }),
  });
  const fields = [
    ...fieldsOf(SHAPE),
    cause("ablation_effect", effects, { evidence: "intervention" }),
    cause("direct_effect", overHeads(directAt), { evidence: "attribution" }),
    decomposition,
  ];
  return { fields, effects };
}

function causeStage(known = 12): TestStage & { effects: CellValue[] } {
  const { fields, effects } = causeFields(known);
  return Object.assign(makeStage({ ...SHAPE, panels: ["heads", "causes"], fields }), { effects });
}

function tell(stage: TestStage, name: string, progress: Partial<Progress>): void {
  const fields = stage.fields as Signal<FieldMeta[]>;
  fields.value = fields.value.map((one) =>
    one.name === name ? { ...one, progress: { ...one.progress!, ...progress } } : one,
  );
}

const set = (stage: TestStage, patch: Partial<TestStage["settings"]["value"]>) => {
  stage.settings.value = { ...stage.settings.value, ...patch };
};

const button = (view: Mounted, panel: string, words: string): HTMLButtonElement => {
  const found = [...view.panel(panel).querySelectorAll("button")].find((one) => one.textContent === words);
  if (!found) throw new Error(`no button says ${words}`);
  return found;
};

const canvases = (view: Mounted, panel: string) => [...view.panel(panel).querySelectorAll("canvas")];
const pictures = (view: Mounted, panel: string) =>
  canvases(view, panel).filter((canvas) => !canvas.classList.contains("marks"));
const marks = (view: Mounted, panel: string) =>
  canvases(view, panel).filter((canvas) => canvas.classList.contains("marks"));

describe("attention against effect", () => {
  it("is one click from the head view: a second grid beside the first, and the scatter of both", async () => {
    const stage = causeStage();
    const view = show(stage);
    await painted();
    expect(pictures(view, "heads").length).toBe(1);
    button(view, "heads", "against effect").click();
    await painted();
    expect(stage.settings.value).toEqual(attentionAgainstEffect(stage.settings.value));
    expect(pictures(view, "heads").length).toBe(2);
    expect(view.panel("causes").querySelectorAll("canvas").length).toBe(2);
    expect(() => button(view, "heads", "against effect")).toThrow();
  });

  it("is not offered where the run has no such effect", async () => {
    const view = show(makeStage({ ...SHAPE, panels: ["heads", "causes"] }));
    await painted();
    expect(() => button(view, "heads", "against effect")).toThrow();
    expect(view.panel("heads").querySelectorAll("select").length).toBe(1);
    expect(view.panel("causes").dataset.state).toBe("empty");
    expect(view.panel("causes").querySelectorAll("button").length).toBe(0);
  });
});

describe("the grid beside", () => {
  it("has the geometry of the first, signed colours, and evidence and caveat of its own", async () => {
    const stage = causeStage();
    set(stage, { headFieldBeside: "ablation_effect" });
    const view = show(stage);
    await painted();
    const [first, second] = pictures(view, "heads");
    expect(second!.width).toBe(first!.width);
    expect(second!.getBoundingClientRect().top).toBe(first!.getBoundingClientRect().top);
    const width = first!.closest<HTMLElement>(".scroll-x")!.clientWidth;
    const layout = headsLayout(3, 4, width, 480, false);
    const scale = resolveScale({ kind: "diverging", low: 0, high: null, power: 1 }, [-6, 7.75]);
    const table = colourTable(scale, 0, "blue", LIGHT);
    for (const [layer, head] of [
      [0, 0],
      [2, 3],
    ] as const) {
      const box = headBox(layout, layer, head);
      expect(colourAt(second!, box.x + 3, box.y + 3)).toBe(table.css(halfOf(effectAt(layer, head))));
    }
    const said = [...view.panel("heads").querySelectorAll(".evidence")].map((one) => one.textContent);
    expect(said.sort()).toEqual(["○ observed", "● intervened"]);
    expect(view.panel("heads").textContent).toContain("What ablation_effect cannot tell.");
  });

  it("shows the hover of the other as its own outline, and neither picture is painted again", async () => {
    const stage = causeStage();
    set(stage, { headFieldBeside: "ablation_effect" });
    const view = show(stage);
    await painted();
    const before = marks(view, "heads").map((canvas) => canvas.toDataURL());
    const paints = pictures(view, "heads").map((canvas) => canvas.dataset.paints);
    pointAt(marks(view, "heads")[1]!, "pointermove", 30, 10);
    await painted();
    expect(stage.selection.hover.value).toEqual({ layer: 2, head: 0 });
    const after = marks(view, "heads").map((canvas) => canvas.toDataURL());
    expect(after.every((picture, i) => picture !== before[i])).toBe(true);
    expect(after[0]).toBe(after[1]);
    expect(pictures(view, "heads").map((canvas) => canvas.dataset.paints)).toEqual(paints);
    expect(view.find("[role=tooltip]").textContent).toBe("layer 2 head 0ablation effect 4 logits");
  });

  it("goes by its menu, and comes by the menu of the first", async () => {
    const stage = causeStage();
    const view = show(stage);
    await painted();
    const menu = () => view.find<HTMLSelectElement>('[aria-label="colour a second grid by"]');
    const choose = async (name: string) => {
      menu().value = name;
      menu().dispatchEvent(new Event("change", { bubbles: true }));
      await painted();
    };
    await choose("direct_effect");
    expect(stage.settings.value.headFieldBeside).toBe("direct_effect");
    expect(pictures(view, "heads").length).toBe(2);
    await choose("");
    expect(pictures(view, "heads").length).toBe(1);
  });

  it("stands under the first in a narrow view, and nothing is wider than the view", async () => {
    const stage = causeStage();
    set(stage, { headFieldBeside: "ablation_effect", causeView: "scatter" });
    const view = show(stage, 420);
    await painted();
    const [first, second] = pictures(view, "heads").map((canvas) => canvas.getBoundingClientRect());
    expect(second!.top).toBeGreaterThan(first!.bottom);
    for (const panel of view.all("[data-panel]")) expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth + 1);
  });
});

describe("a field that fills in", () => {
  it("is begun once by those that draw it, and by nobody while none does", async () => {
    const stage = causeStage(0);
    tell(stage, "ablation_effect", { state: "idle", done: 0 });
    const view = show(stage);
    await painted();
    expect(stage.calls).toEqual([]);
    set(stage, { headFieldBeside: "ablation_effect", causeView: "scatter", scatterY: "ablation_effect" });
    await painted();
    expect(stage.calls).toEqual([["fill", "ablation_effect"]]);
    expect(view.panel("causes").textContent).toContain("ρ waits for numbers: 0 of 12 heads so far");
  });

  it("keeps its picture from one version to the next: the panel is never dimmed, and new numbers replace the old", async () => {
    const stage = causeStage(5);
    tell(stage, "ablation_effect", { state: "running", done: 5, version: 2 });
    set(stage, { headFieldBeside: "ablation_effect", causeView: "scatter", scatterY: "ablation_effect" });
    const view = show(stage);
    await painted();
    const second = pictures(view, "heads")[1]!;
    const before = second.toDataURL();
    expect(view.panel("heads").textContent).toContain("5 of 12 so far");
    expect(view.panel("causes").textContent).toContain("over 5 of 12 heads so far");
    stage.source.held = [];
    for (let i = 5; i < 12; i++) stage.effects[i] = effectAt(Math.floor(i / 4), i % 4);
    tell(stage, "ablation_effect", { state: "ready", done: 12, version: 3 });
    await painted();
    expect(second.toDataURL()).toBe(before);
    expect(view.all('[data-state="waiting"]')).toEqual([]);
    stage.source.release();
    await painted();
    expect(second.toDataURL()).not.toBe(before);
    expect(view.panel("causes").textContent).toContain("over 12 heads");
    expect(view.panel("heads").textContent).not.toContain("so far");
  });

  it("is stopped, and goes on, by a click; what the kernel refuses is said", async () => {
    const stage = causeStage(5);
    tell(stage, "ablation_effect", { state: "running", done: 5 });
    set(stage, { headFieldBeside: "ablation_effect" });
    const view = show(stage);
    await painted();
    button(view, "heads", "stop").click();
    tell(stage, "ablation_effect", { state: "stopped", done: 5 });
    await painted();
    expect(view.panel("heads").textContent).toContain("stopped at 5 of 12");
    stage.refusing = new SourceError("ModelChanged", "the model has changed since this capture");
    button(view, "heads", "go on").click();
    expect(stage.calls).toEqual([
      ["halt", "ablation_effect"],
      ["fill", "ablation_effect"],
    ]);
    await painted();
    expect(view.find(".filling").textContent).toContain("the model has changed since this capture");
  });

  it("that failed says why and what to do, and is not begun again by itself", async () => {
    const stage = causeStage(5);
    tell(stage, "ablation_effect", { state: "failed", message: "no memory", hint: "Use a shorter prompt." });
    set(stage, { headFieldBeside: "ablation_effect" });
    const view = show(stage);
    await painted();
    expect(view.find(".filling").textContent).toContain("no memory Use a shorter prompt.");
    expect(stage.calls).toEqual([]);
  });
});

describe("the causes panel", () => {
  it("asks for nothing while it is closed, and offers its three views", async () => {
    const stage = causeStage();
    const view = show(stage);
    await painted();
    const names = stage.source.asked.map((request) => request.field);
    expect(names).not.toContain("ablation_effect");
    const offered = [...view.panel("causes").querySelectorAll("button")].map((one) => one.textContent);
    expect(offered).toEqual(["attention against effect", "direct against total", "what the answer is made of"]);
    button(view, "causes", "direct against total").click();
    expect(stage.settings.value.causeView).toBe("direct_total");
    await painted();
    button(view, "causes", "×").click();
    expect(stage.settings.value.causeView).toBe("");
  });
});

describe("the scatter", () => {
  const open = async (patch: Partial<TestStage["settings"]["value"]> = {}) => {
    const stage = causeStage();
    set(stage, { causeView: "scatter", scatterX: "attention", scatterY: "ablation_effect", ...patch });
    const view = show(stage);
    await painted();
    const surface = view.panel("causes").querySelector<HTMLElement>("[role=grid]")!;
    return { stage, view, surface };
  };
  const heads = Array.from({ length: 12 }, (_, i) => [Math.floor(i / 4), i % 4] as const);

  it("reads a pattern at the pinned query and key, says so in words, and states the rank correlation of what it shows", async () => {
    const { stage, view } = await open();
    stage.selection.pin({ query: 4, key: 1 });
    await painted();
    const text = view.panel("causes").textContent!;
    expect(text).toContain("from “went” to “Mary”");
    const rho = rankCorrelation(
      heads.map(([layer, head]) => attentionAt(layer, head, 4, 1)),
      heads.map(([layer, head]) => effectAt(layer, head)),
    )!;
    expect(text).toContain(`ρ = ${rho < 0 ? "−" : ""}${Math.abs(rho).toFixed(2)} over 12 heads`);
    expect(text).toContain("of this one prompt");
    const request = stage.source.asked.at(-1)!;
    expect(request.index).toEqual({ layer: [0, 3], head: [0, 4], query: 4, key: 1 });
  });

  it("takes the largest over keys while no key is pinned, and of signed numbers the one of largest magnitude", async () => {
    const { stage, view } = await open();
    expect(view.panel("causes").textContent).toContain("from “,”, the largest");
    const asked = stage.source.asked.find(({ field, index }) => field === "attention" && Array.isArray(index.layer))!;
    expect(asked.index).toEqual({ layer: [0, 3], head: [0, 4], query: 5, key: { reduce: "max" } });
  });

  it("previews the head under the pointer everywhere, pins it by a click, and asks the kernel for nothing", async () => {
    const { stage, view, surface } = await open({ scatterX: "direct_effect" });
    const points = heads.map(([layer, head]) => ({
      layer,
      head,
      x: directAt(layer, head),
      y: effectAt(layer, head),
    }));
    const layout = scatterLayout(points, surface.parentElement!.clientWidth, 216, false);
    const asked = stage.source.asked.length;
    const [canvas] = marks(view, "causes");
    const [x, y] = [placeX(layout, directAt(1, 3)), placeY(layout, effectAt(1, 3))];
    pointAt(canvas!, "pointermove", x + 2, y);
    await painted();
    expect(stage.selection.hover.value).toEqual({ layer: 1, head: 3 });
    const tip = view.find("[role=tooltip]").textContent;
    expect(tip).toBe("layer 1 head 3direct effect 1 logits; ablation effect 2.75 logits");
    pointAt(canvas!, "click", x + 2, y);
    await painted();
    expect([stage.selection.pinned.layer.value, stage.selection.pinned.head.value]).toEqual([1, 3]);
    expect(stage.source.asked.length).toBe(asked);
    expect(surface.querySelector("[role=gridcell]")!.textContent).toContain("layer 1, head 3, direct effect 1 logits");
  });

  it("is walked by the arrow keys, as the grid is", async () => {
    const { stage, surface } = await open();
    expect(press(surface, "ArrowRight").defaultPrevented).toBe(true);
    press(surface, "ArrowDown");
    expect([stage.selection.pinned.layer.value, stage.selection.pinned.head.value]).toEqual([1, 2]);
  });

  it("has its numbers as a table", async () => {
    const { view } = await open({ scatterX: "direct_effect" });
    button(view, "causes", "table").click();
    await painted();
    const rows = [...view.panel("causes").querySelectorAll("tbody tr")].map((row) => row.textContent);
    expect(rows.length).toBe(12);
    expect(rows[0]).toBe("L0H00−6");
    expect(rows[11]).toBe("L2H30.57.75");
  });

  it("says the evidence of both of its axes", async () => {
    const { view } = await open();
    const said = [...view.panel("causes").querySelectorAll(".evidence")].map((one) => one.textContent);
    expect(said.sort()).toEqual(["○ observed", "● intervened"]);
  });
});

describe("direct against total", () => {
  it("draws the direct effect along x and the whole along y, over a square", async () => {
    const stage = causeStage();
    set(stage, { causeView: "direct_total" });
    const view = show(stage);
    await painted();
    const names = [...view.panel("causes").querySelectorAll(".axis")].map((one) => one.textContent);
    expect(names[0]).toContain("↑ablation effect");
    expect(names[1]).toContain("→direct effect");
    expect(view.panel("causes").querySelector("select")).toBe(null);
  });
});

describe("the decomposition", () => {
  const open = async () => {
    const stage = causeStage();
    set(stage, { causeView: "decomposition" });
    const view = show(stage);
    await painted();
    return { stage, view, rows: [...view.panel("causes").querySelectorAll(".waterfall li")] };
  };

  it("has the largest parts first, signed, then the total, and prints what the parts add up to", async () => {
    const { view, rows } = await open();
    expect(rows.map((row) => row.textContent)).toEqual(["mlp 0+4", "head 2.3−2", "embed+0.5", "constant0", "total2.5"]);
    expect(view.panel("causes").textContent).toContain("adds up to 2.5; closing error 1e-07");
    expect(view.panel("causes").querySelector(".evidence")!.textContent).toBe("◔ attributed");
  });

  it("has bars that begin where the former ended", async () => {
    const { rows } = await open();
    const bars = rows.map((row) => row.querySelector("b")!.getBoundingClientRect());
    expect(bars[1]!.right).toBeCloseTo(bars[0]!.right, 0);
    expect(bars[2]!.left).toBeCloseTo(bars[1]!.left, 0);
    expect(bars[4]!.right).toBeCloseTo(bars[2]!.right, 0);
    expect(bars[4]!.left).toBeCloseTo(bars[0]!.left, 0);
  });

  it("moves the cursor to the head or layer that a term names", async () => {
    const { stage, rows } = await open();
    const at = () => [stage.selection.pinned.layer.value, stage.selection.pinned.head.value];
    rows[1]!.querySelector("button")!.click();
    expect(at()).toEqual([2, 3]);
    rows[0]!.querySelector("button")!.click();
    expect(at()).toEqual([0, 3]);
    expect(rows[2]!.querySelector("button")).toBe(null);
  });
});
