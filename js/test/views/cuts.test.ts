/** Looks cut by a click: what is asked of the kernel, what is marked, and how a cut is undone. */
import { afterEach, describe, expect, it } from "vitest";
import { halfOf } from "../../src/paint/half";
import { type Change, HALF_MASKED, type NewChange } from "../../src/protocol";
import { SourceError } from "../../src/source/source";
import { Cutter } from "../../src/views/pattern/pattern-cut";
import { cutAreas, cutOf, existing, isCut } from "../../src/views/pattern/pattern-cuts";
import { endAll, makeChange, makeStage, painted, press, type Shape, show, shownRun } from "./stage";

afterEach(endAll);

const LOOK = { layer: 2, head: 1, query: 4, key: 1 };

function cutChange(id: number, cut: NewChange, more: Partial<Change> = {}): Change {
  const places = { layer: null, head: null, position: null, key: null, neuron: null, ...cut };
  return makeChange(id, { how: "cut", places: { ...places, site: "scores" }, ...more });
}

describe("what is cut", () => {
  it("of an edge is that look, in one head, one layer or all", () => {
    const places = { site: "scores", position: [4], key: [1] };
    expect(cutOf("edge", LOOK, "head", 6, true)).toEqual({ ...places, layer: [2], head: [1] });
    expect(cutOf("edge", LOOK, "layer", 6, true)).toEqual({ ...places, layer: [2], head: null });
    expect(cutOf("edge", LOOK, "all", 6, true)).toEqual({ ...places, layer: null, head: null });
  });

  it("of a row or a column leaves each query its own position", () => {
    expect(cutOf("row", LOOK, "head", 6, true)).toMatchObject({ position: [4], key: [0, 1, 2, 3] });
    expect(cutOf("column", LOOK, "head", 6, true)).toMatchObject({ position: [2, 3, 4, 5], key: [1] });
    expect(cutOf("row", LOOK, "head", 6, false)).toMatchObject({ position: [4], key: [0, 1, 2, 3, 5] });
    expect(cutOf("column", LOOK, "head", 6, false)).toMatchObject({ position: [0, 2, 3, 4, 5], key: [1] });
  });

  it("is nothing where a query would have nothing left, or could not look in the first place", () => {
    const first = { ...LOOK, query: 0, key: 0 };
    expect(cutOf("edge", first, "head", 6, true)).toBe(null);
    expect(cutOf("row", first, "head", 6, true)).toBe(null);
    expect(cutOf("column", { ...LOOK, key: 5 }, "head", 6, true)).toBe(null);
    expect(cutOf("edge", { ...LOOK, key: 5 }, "head", 6, true)).toBe(null);
    expect(cutOf("edge", { ...LOOK, key: 5 }, "head", 6, false)).not.toBe(null);
  });

  it("is found among the changes by its places alone, and only in the first prompt", () => {
    const cut = cutOf("row", LOOK, "head", 6, true)!;
    const changes = [cutChange(1, { ...cut, layer: [1] }), cutChange(2, cut, { run: "second" }), cutChange(3, cut)];
    expect(existing(changes, cut)?.id).toBe(3);
    expect(existing(changes.slice(0, 2), cut)).toBe(undefined);
  });

  it("is told for the heads that it belongs to, while it is on", () => {
    const changes = [cutChange(1, { site: "scores", layer: [2], position: [3, 4], key: [0, 2] })];
    const areas = cutAreas(changes, "first", 2, 0, 6);
    const cells = [0, 1, 2, 3, 4, 5].flatMap((query) => [0, 1, 2].map((key) => isCut(areas, query, key)));
    expect(cells.map(Number).join("")).toBe("000000000101101000");
    expect(cutAreas(changes, "first", 1, 0, 6)).toEqual([]);
    expect(cutAreas([{ ...changes[0]!, on: false }], "first", 2, 0, 6)).toEqual([]);
  });
});

async function pattern(given: Partial<Shape> = {}) {
  const stage = makeStage({ panels: ["pattern"], ...given });
  stage.selection.pin({ query: 4, key: 1 });
  const view = show(stage, 700);
  await painted();
  const buttons = () => view.all('[data-acts="cut"] .act');
  return { stage, view, buttons, words: () => buttons().map((button) => button.textContent) };
}

describe("the line of cuts", () => {
  it("offers the edge, the row and the column of what is pinned", async () => {
    const { stage, buttons, words } = await pattern();
    expect(words()).toEqual(["Cut “went” → “Mary”", "Cut all looks from “went”", "Cut all looks at “Mary”"]);
    buttons()[0]!.click();
    const change = { site: "scores", layer: [2], head: [1], position: [4], key: [1] };
    expect(stage.calls).toEqual([["change", { op: "add", change }]]);
  });

  it("cuts in all heads of the layer, or everywhere, when told so", async () => {
    const { stage, view, buttons } = await pattern();
    const scope = view.find('[aria-label="where to cut"]').querySelectorAll("button");
    expect([...scope].map((button) => button.textContent)).toEqual(["this head", "all heads of layer 2", "all layers"]);
    scope[2]!.click();
    await painted();
    buttons()[1]!.click();
    const change = { site: "scores", layer: null, head: null, position: [4], key: [0, 1, 2, 3] };
    expect(stage.calls).toEqual([["change", { op: "add", change }]]);
  });

  it("switches a cut that is there off and on, and adds no second", async () => {
    const { stage, buttons, words } = await pattern();
    const cut = { site: "scores", layer: [2], head: [1], position: [4], key: [1] };
    stage.changes.value = [cutChange(7, cut)];
    await painted();
    expect(words()[0]).toBe("× Undo the cut of “went” → “Mary”");
    expect(buttons()[0]!.getAttribute("aria-pressed")).toBe("true");
    buttons()[0]!.click();
    stage.changes.value = [cutChange(7, cut, { on: false })];
    await painted();
    expect(words()[0]).toBe("Cut “went” → “Mary”");
    buttons()[0]!.click();
    const set = (on: boolean) => ["change", { op: "set", id: 7, on }];
    expect(stage.calls).toEqual([set(false), set(true)]);
  });

  it("is reached from the matrix and the arcs by x, which never reaches the notebook", async () => {
    const { stage, view } = await pattern();
    for (const patternView of ["matrix", "arcs"] as const) {
      stage.settings.value = { ...stage.settings.value, patternView };
      await painted();
      stage.calls.length = 0;
      expect(press(view.find('[role="grid"]'), "x").defaultPrevented).toBe(true);
      expect(stage.calls.length).toBe(1);
    }
    stage.selection.pin({ key: null });
    stage.calls.length = 0;
    expect(press(view.find('[role="grid"]'), "x").defaultPrevented).toBe(true); // JupyterLab would cut the cell
    expect(stage.calls).toEqual([]);
  });

  it("says why a cut was refused", async () => {
    const { stage, view, buttons } = await pattern();
    stage.refusing = new SourceError("BadRequest", "position 4 may look nowhere", "Leave it one key.");
    buttons()[1]!.click();
    await painted();
    expect(view.find('[data-acts] [role="alert"]').textContent).toContain(
      "position 4 may look nowhere. Leave it one key.",
    );
  });

  it("leads to the difference, and says what it shows", async () => {
    const { stage, view } = await pattern();
    expect(view.find('[data-acts="cut"]').textContent).not.toContain("moved");
    stage.changes.value = [makeChange(1)];
    const options = [
      { which: "clean", label: "clean run" },
      { which: "changed", label: "changed run" },
      { which: "difference", label: "changed − clean" },
    ] as const;
    stage.showing.value = { which: "changed", options: [...options] };
    await painted();
    const link = view.all('[data-acts="cut"] .act').at(-1)!;
    expect([link.textContent, link.title.includes("changed − clean")]).toEqual(["See what moved", true]);
    link.click();
    expect(stage.calls).toEqual([["show", "difference"]]);
    stage.refusing = new SourceError("Failed", "the changed run failed", "Take a change away.");
    link.click();
    await painted();
    expect(view.find('[data-acts] [role="alert"]').textContent).toContain(
      "the changed run failed. Take a change away.",
    );
    stage.showing.value = { which: "difference", options: [...options] };
    await painted();
    expect(view.find('[data-acts="cut"]').textContent).toContain("what each look gained (+) or lost (−)");
  });

  it("has nothing for the first token, and does not cut in the second prompt", async () => {
    const { stage, view, words } = await pattern();
    stage.selection.pin({ query: 0, key: null });
    await painted();
    expect(words()).toEqual([]);
    expect(view.find('[data-acts="cut"]').textContent).toContain("nothing else to look at");
    stage.selection.pin({ query: 3, key: null });
    stage.run.value = shownRun(stage, 2, { which: "second" });
    await painted();
    expect(words()).toEqual([]);
    press(view.find('[role="grid"]'), "x");
    expect(stage.calls).toEqual([]);
  });
});

describe("a cut look", () => {
  it("has a cross over it in the matrix, in both colours of the theme, and its word", async () => {
    const { stage, view } = await pattern();
    const canvas = view.find<HTMLCanvasElement>(".stack canvas");
    const before = canvas.toDataURL();
    stage.changes.value = [cutChange(1, { site: "scores", layer: [2], head: [1], position: [4], key: [1] })];
    await painted();
    expect(canvas.toDataURL()).not.toBe(before);
    expect(view.find('[role="gridcell"]').textContent).toContain("· cut");
    stage.changes.value = [{ ...stage.changes.value[0]!, on: false }];
    await painted();
    expect(canvas.toDataURL()).toBe(before);
  });

  it("has words of its own where the changed run has no number for it", () => {
    const stage = makeStage();
    const cutter = new Cutter(stage, () => null);
    const masked = { bits: HALF_MASKED, exponent: 0 };
    expect(cutter.words(masked, 4, 1)).toContain("masked");
    stage.changes.value = [cutChange(1, { site: "scores", position: [4], key: [1] })];
    expect(cutter.words(masked, 4, 1)).toBe("no look: it is cut");
    expect(cutter.words({ bits: halfOf(0.5), exponent: 0 }, 4, 1)).toBe("0.5 · cut");
  });

  it("has a cross upon its line in the arcs", async () => {
    const { stage, view } = await pattern();
    stage.settings.value = { ...stage.settings.value, patternView: "arcs" };
    await painted();
    const canvas = view.find<HTMLCanvasElement>(".arcs canvas");
    const before = canvas.toDataURL();
    stage.changes.value = [cutChange(1, { site: "scores", position: [4], key: [1] })];
    await painted();
    expect(canvas.toDataURL()).not.toBe(before);
  });
});
