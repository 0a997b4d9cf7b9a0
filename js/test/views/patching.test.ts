/** Patching by a cell of the layer grid, and what the pattern and the text do with fields that have a sign. */
import { afterEach, describe, expect, it } from "vitest";
import type { SnapshotField } from "../../src/source/snapshot";
import { patchWords } from "../../src/views/layers/layers-patch";
import { signOf } from "../../src/views/sign";
import {
  attentionAt,
  endAll,
  fieldsOf,
  makeChange,
  makeProgress,
  makeStage,
  painted,
  press,
  show,
  shownRun,
  TEXTS,
} from "./stage";

afterEach(endAll);

const shape = { layers: 3, heads: 4, texts: TEXTS };

function grows(name: string): SnapshotField {
  const made = fieldsOf(shape).find(({ meta }) => meta.name === "residual_norm")!;
  const axes = made.meta.axes.map((axis) => (axis.coordinate === "layer" ? { ...axis, size: 3, start: 0 } : axis));
  const scale = { kind: "diverging", low: 0, high: 1, power: 1 } as const;
  const meta = { ...made.meta, name, title: name, axes, scale, evidence: "intervention" as const };
  return {
    ...made,
    meta: { ...meta, progress: makeProgress({ state: "idle", done: 0 }) },
    values: Array.from(made.values).slice(6),
  };
}

function patching(pairs: [number, number][] = TEXTS.map((_, i) => [i, i])) {
  const fields = [...fieldsOf(shape), grows("patching_noise"), grows("patching_denoise")];
  const stage = makeStage({ panels: ["layers"], fields });
  const tokens = { total: TEXTS.length, texts: TEXTS, kinds: "tttttt" };
  stage.compared.value = { prompt: "p", tokens, first: tokens, pairs, how: "position", problem: null };
  stage.selection.pin({ layer: 2, query: 3 });
  stage.settings.value = { ...stage.settings.value, layerField: "patching_noise" };
  const view = show(stage, 900);
  const line = () => view.root.querySelector<HTMLElement>('[data-acts="patch"]');
  return { stage, view, line };
}

const patches = (calls: [string, unknown][]) => calls.filter(([name]) => name === "change").map(([, op]) => op);

describe("patching by the layer grid", () => {
  it("is begun by choosing its field, and never unasked", async () => {
    const { stage } = patching();
    await painted();
    expect(stage.calls).toEqual([["fill", "patching_noise"]]);
  });

  it("says in its own words what is put where, and does it by the button or Enter", async () => {
    const { stage, view, line } = patching();
    await painted();
    expect(line()!.textContent).toContain("Put the second prompt’s stream of layer 2 at “John” into the first.");
    line()!.querySelector("button")!.click();
    press(view.find('[role="grid"]'), "Enter");
    const noise = { op: "patch", direction: "noise", layer: 2, position: 3 };
    expect(patches(stage.calls)).toEqual([noise, noise]);
    expect(patchWords("denoise", 0, "“to”")).toBe("Put the first prompt’s stream of layer 0 at “to” into the second");
  });

  it("is done at once by a double click on a cell", async () => {
    const { stage, view } = patching();
    await painted();
    const canvas = view.find("canvas.marks");
    const box = canvas.getBoundingClientRect();
    const at = { clientX: box.left + 60, clientY: box.top + 30, bubbles: true };
    canvas.dispatchEvent(new MouseEvent("click", { ...at, detail: 1 }));
    expect(patches(stage.calls)).toEqual([]);
    canvas.dispatchEvent(new MouseEvent("click", { ...at, detail: 2 }));
    expect(patches(stage.calls)).toEqual([{ op: "patch", direction: "noise", layer: 2, position: 0 }]);
  });

  it("takes a patch out where it is in, also in the changed run", async () => {
    const { stage, view, line } = patching();
    const places = { site: "resid_pre", layer: [2], head: null, position: [3], key: null, neuron: null };
    stage.changes.value = [makeChange(4, { how: "other", places, run: "first" })];
    stage.fields.value = stage.fields.value.filter(({ name }) => !name.startsWith("patching"));
    stage.run.value = shownRun(stage, 2, { which: "changed", label: "first prompt, changed", changes: [4] });
    await painted();
    expect(view.panel("layers").querySelector("select")!.value).toBe("logit_lens");
    const [undo, clean] = [...line()!.querySelectorAll("button")];
    expect(undo!.textContent).toBe("Take it out again");
    undo!.click();
    expect(patches(stage.calls)).toEqual([{ op: "set", id: 4, on: false }]);
    clean!.click();
    expect(stage.calls.at(-1)).toEqual(["show", "clean"]);
  });

  it("is not offered for a token without a partner, nor where the prompts can not be patched", async () => {
    const { stage, view, line } = patching([[0, 0]]);
    await painted();
    expect(line()!.textContent).toContain("“John” has no partner in the second prompt");
    expect(line()!.querySelector("button")).toBe(null);
    press(view.find('[role="grid"]'), "Enter");
    stage.compared.value = {
      ...stage.compared.value!,
      pairs: [[3, 3]],
      problem: "Another model ran the second prompt.",
    };
    await painted();
    expect(line()!.textContent).toContain("Another model ran the second prompt.");
    press(view.find('[role="grid"]'), "Enter");
    expect(patches(stage.calls)).toEqual([]);
    stage.compared.value = null;
    await painted();
    expect(line()).toBe(null);
  });
});

describe("a field with a sign", () => {
  const scale = { kind: "diverging", low: -2, high: 2, power: 1 } as const;

  it("has it written: plus and minus, nothing about zero, nothing in a sequential field", () => {
    expect([2, 0.2, 0.01, 0, -0.01, -0.2].map((value) => signOf(scale, value))).toEqual(["+", "+", "", "", "", "−"]);
    // where colours spread weak values apart, still none under half a hundredth of the scale's end
    expect([0.009, -0.009, 0.011].map((value) => signOf({ ...scale, power: 0.5 }, value))).toEqual(["", "", "+"]);
    expect(signOf({ ...scale, kind: "sequential", low: 0 }, 2)).toBe("");
  });

  function signed() {
    const fields = fieldsOf(shape).map((made) => {
      if (made.meta.name !== "attention") return made;
      const values = Array.from(made.values, (value) => (typeof value === "number" ? 0.5 - value : value));
      return {
        ...made,
        values,
        meta: { ...made.meta, scale: { kind: "diverging", low: 0, high: null, power: 1 } as const },
      };
    });
    return makeStage({ panels: ["text", "pattern"], fields });
  }

  it("in the text stands beside its tokens, without moving them", async () => {
    const stage = signed();
    const view = show(stage);
    await painted();
    for (let key = 0; key < TEXTS.length; key++) {
      const value = 0.5 - attentionAt(2, 1, 5, key);
      const sign = view.find(`[data-position="${key}"]`).dataset.sign ?? "";
      expect(sign).toBe(value > 0.02 ? "+" : value < -0.02 ? "−" : "");
    }
    const lefts = () => view.all("[data-position]").map((token) => token.getBoundingClientRect().left);
    const before = lefts();
    stage.settings.value = { ...stage.settings.value, textField: "residual_norm" };
    await painted();
    expect(view.all("[data-sign]").length).toBe(0);
    expect(lefts()).toEqual(before);
  });

  it("in the arcs has solid and dashed lines, told in the legend", async () => {
    const stage = signed();
    stage.settings.value = { ...stage.settings.value, patternView: "arcs" };
    stage.selection.toggleHead(0, 3);
    const view = show(stage);
    await painted();
    const keys = view.all(".head-key");
    expect(keys.map((key) => key.textContent)).toEqual(["above zero", "below zero"]);
    const dashes = keys.map((key) => key.querySelector("line")!.getAttribute("stroke-dasharray"));
    expect(dashes[0]).not.toBe(dashes[1]);
    expect(view.find(".arcs-legend").textContent).toContain("further heads are not drawn");
  });
});

describe("the pattern's menu", () => {
  it("draws what is chosen, and attention where this run has no such field", async () => {
    const fields = fieldsOf(shape);
    const attention = fields.find(({ meta }) => meta.name === "attention")!;
    const edges = { ...attention, meta: { ...attention.meta, name: "edge_contribution", title: "edge contribution" } };
    const stage = makeStage({ panels: ["pattern"], fields: [...fields, edges] });
    const view = show(stage, 700);
    await painted();
    const select = view.panel("pattern").querySelector("select")!;
    expect([...select.options].map((option) => option.value)).toEqual(["attention", "edge_contribution"]);
    select.value = "edge_contribution";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect(stage.settings.value.patternField).toBe("edge_contribution");
    expect(view.panel("pattern").textContent).toContain("What attention cannot tell.");
    expect(stage.source.asked.at(-1)!.field).toBe("edge_contribution");
    stage.fields.value = fields.map(({ meta }) => meta);
    await painted();
    expect(view.panel("pattern").querySelector("select")!.value).toBe("attention");
  });
});
