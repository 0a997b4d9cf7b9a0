/** A note is about what is selected where it is begun: in every panel, by its button and by the key n. */
import { afterEach, describe, expect, it } from "vitest";
import type { Evidence } from "../../src/protocol";
import { compose, subjectOf } from "../../src/views/notes/compose";
import { makeUi } from "../../src/views/ui";
import { field } from "../shapes";
import { headPlace, layersPlace, lookPlace, marksIn, middle, writeNote } from "./places";
import { endAll, fieldsOf, makeChange, makeStage, painted, pointAt, press, show, TEXTS, type TestStage } from "./stage";

afterEach(endAll);

const NOTHING = { layer: null, head: null, heads: [], query: null, key: null, change: null };
const surface = (panel: HTMLElement) => panel.querySelector<HTMLElement>('[role="grid"], [role="listbox"]')!;
const words = (panel: HTMLElement) => panel.querySelector(".composer form")!.textContent;

async function shown(stage: TestStage = makeStage()) {
  const view = show(stage);
  await painted();
  return { stage, view };
}

describe("a note that is begun by n", () => {
  it("in the grid of heads is about the head that was clicked", async () => {
    const { stage, view } = await shown();
    const panel = view.panel("heads");
    pointAt(marksIn(panel), "click", ...middle(headPlace(panel, 1, 3)));
    expect(press(surface(panel), "n").defaultPrevented).toBe(true);
    const { about, field: of, evidence } = await writeNote(view, stage);
    expect(about).toEqual({ ...NOTHING, layer: 1, head: 3 });
    expect([of, evidence]).toEqual(["attention", "observed"]);
  });

  it("is about all heads that are pinned, the selected one first", async () => {
    const { stage, view } = await shown();
    stage.selection.toggleHead(0, 2);
    stage.selection.toggleHead(1, 1);
    await painted();
    press(surface(view.panel("heads")), "n");
    await painted();
    expect(words(view.panel("heads"))).toContain("heads 2.1, 0.2, 1.1");
    expect((await writeNote(view, stage)).about).toEqual({
      ...NOTHING,
      heads: [
        [2, 1],
        [0, 2],
        [1, 1],
      ],
    });
  });

  it("in the matrix is about the cell that was clicked, and without a key about the row", async () => {
    const { stage, view } = await shown();
    const panel = view.panel("pattern");
    press(surface(panel), "n");
    expect((await writeNote(view, stage)).about).toEqual({ ...NOTHING, layer: 2, head: 1, query: [5, 6] });
    pointAt(marksIn(panel), "click", ...lookPlace(panel, 4, 1));
    press(surface(panel), "n");
    await painted();
    expect(words(panel)).toContain("L2H1 · “·went” → “·Mary”");
    expect((await writeNote(view, stage)).about).toEqual({
      ...NOTHING,
      layer: 2,
      head: 1,
      query: [4, 5],
      key: [1, 2],
    });
  });

  it("in the arcs is about the pinned look as well", async () => {
    const stage = makeStage();
    stage.settings.value = { ...stage.settings.value, patternView: "arcs" };
    stage.selection.pin({ query: 3, key: 2 });
    const { view } = await shown(stage);
    press(surface(view.panel("pattern")), "n");
    expect((await writeNote(view, stage)).about).toMatchObject({ layer: 2, head: 1, query: [3, 4], key: [2, 3] });
  });

  it("in the text is about the token that was clicked, whatever head colours it", async () => {
    const { stage, view } = await shown();
    pointAt(view.find('[data-position="3"]'), "click", 2, 2);
    press(surface(view.panel("text")), "n");
    const { about, field: of } = await writeNote(view, stage);
    expect(about).toEqual({ ...NOTHING, query: [3, 4] });
    expect(of).toBe("attention");
  });

  it("in the layer grid is about the layer and the position", async () => {
    const { stage, view } = await shown();
    const panel = view.panel("layers");
    pointAt(marksIn(panel), "click", ...middle(layersPlace(panel, 0, 2)));
    press(surface(panel), "n");
    await painted();
    expect(words(panel)).toContain("layer 0 · “·and”");
    const { about, field: of } = await writeNote(view, stage);
    expect(about).toEqual({ ...NOTHING, layer: 0, query: [2, 3] });
    expect(of).toBe("logit_lens");
  });

  it("among the next tokens is about the position, from any of its buttons", async () => {
    const { stage, view } = await shown();
    press(view.panel("next").querySelector<HTMLElement>("button")!, "n");
    expect((await writeNote(view, stage)).about).toEqual({ ...NOTHING, query: [5, 6] });
  });

  it("beside a second prompt is about the token of the prompt that is shown", async () => {
    const stage = makeStage({ panels: ["compare"] });
    const prompt = { total: 6, texts: TEXTS, kinds: "tttttt" };
    const pairs = TEXTS.map((_, i): [number, number] => [i, i]);
    stage.compared.value = { prompt: "p", tokens: prompt, first: prompt, pairs, how: "position", problem: null };
    const { view } = await shown(stage);
    press(surface(view.panel("compare")), "ArrowLeft");
    press(surface(view.panel("compare")), "n");
    const { about, evidence } = await writeNote(view, stage);
    expect(about).toEqual({ ...NOTHING, query: [4, 5] });
    expect(evidence).toBe("unstated");
  });

  it("is not taken from who types, and goes on where nothing is selected", async () => {
    const { stage, view } = await shown();
    stage.selection.pin({ layer: null, head: null });
    await painted();
    expect(press(surface(view.panel("heads")), "n").defaultPrevented).toBe(false);
    expect(press(view.find("textarea"), "n").defaultPrevented).toBe(false);
    expect(view.root.querySelector(".composer form")).toBe(null);
  });
});

describe("the note button", () => {
  const button = (panel: HTMLElement) => panel.querySelector<HTMLButtonElement>(".tail .to-note")!;

  it("stands beside table and code in every panel, and does what n does", async () => {
    const { stage, view } = await shown();
    for (const name of ["text", "next", "heads", "pattern", "layers"])
      expect(button(view.panel(name)).title).toBe("write down what this shows (n)");
    button(view.panel("heads")).click();
    expect((await writeNote(view, stage)).about).toEqual({ ...NOTHING, layer: 2, head: 1 });
  });

  it("can not be pressed where nothing is selected", async () => {
    const { stage, view } = await shown();
    stage.selection.pin({ head: null });
    await painted();
    expect(button(view.panel("heads")).disabled).toBe(true);
    expect(button(view.panel("text")).disabled).toBe(false);
  });
});

describe("the list of changes", () => {
  const stageWith = () => {
    const stage = makeStage({ panels: ["heads", "changes"] });
    const places = { site: "mlp_out", layer: [0], head: null, position: [4], key: null, neuron: null };
    stage.changes.value = [makeChange(3), makeChange(7, { name: "the writer", words: "mlp_out set to zero", places })];
    return stage;
  };

  it("has a note button at each change, and n means the one that has the focus, else the last", async () => {
    const { stage, view } = await shown(stageWith());
    const panel = view.panel("changes");
    const changes = stage.changes.value;
    panel.querySelector<HTMLElement>('[data-change="3"] .to-note')!.click();
    await painted();
    expect(words(panel)).toContain("z of head 2.1 set to zero");
    const op = await writeNote(view, stage);
    expect(op.about).toEqual({ ...NOTHING, change: { ...changes[0]!.places, how: changes[0]!.how } });
    expect(op.evidence).toBe("intervened");
    press(panel.querySelector('[data-change="3"] input')!, "n");
    expect((await writeNote(view, stage)).about).toEqual({
      ...NOTHING,
      change: { ...changes[0]!.places, how: changes[0]!.how },
    });
    press(panel.querySelector("h3")!, "n");
    await painted();
    expect(words(panel)).toContain("the writer");
    expect((await writeNote(view, stage)).about).toEqual({
      ...NOTHING,
      change: { ...changes[1]!.places, how: changes[1]!.how },
    });
  });
});

describe("what a panel proposes", () => {
  it.each([
    ["observation", "observed"],
    ["attribution", "attributed"],
    ["correlation", "correlated"],
    ["intervention", "intervened"],
    ["unstated", "unstated"],
  ])("of a field of %s is %s", (evidence, proposed) => {
    const axes: [string, number][] = [
      ["layer", 3],
      ["head", 4],
    ];
    const meta = field("mine", axes, { evidence: evidence as Evidence });
    const fields = [
      ...fieldsOf({ layers: 3, heads: 4, texts: TEXTS }),
      { meta, values: new Array<number>(12).fill(0) },
    ];
    const stage = makeStage({ fields });
    stage.settings.value = { ...stage.settings.value, headFieldBeside: "mine", causeView: "scatter", scatterY: "mine" };
    for (const panel of ["beside", "causes"] as const) {
      const subject = subjectOf(makeUi(stage), panel);
      expect(subject).toMatchObject({ field: "mine", evidence: proposed, about: { layer: 2, head: 1 } });
    }
  });

  it("of the second grid is its own field, written under the panel", async () => {
    const stage = makeStage();
    stage.settings.value = { ...stage.settings.value, headFieldBeside: "to_first" };
    const { view } = await shown(stage);
    view.panel("beside").querySelector<HTMLElement>(".to-note")!.click();
    expect((await writeNote(view, stage)).field).toBe("to_first");
  });

  it("of the answer taken apart is about the whole run", () => {
    const meta = field("decomposition", [["term", 2]], { evidence: "attribution" });
    const fields = [...fieldsOf({ layers: 3, heads: 4, texts: TEXTS }), { meta, values: [1, 2] }];
    const stage = makeStage({ fields });
    const ui = makeUi(stage);
    expect(subjectOf(ui, "causes")).toBe(null);
    stage.settings.value = { ...stage.settings.value, causeView: "decomposition" };
    expect(subjectOf(ui, "causes")).toEqual({ about: NOTHING, field: "decomposition", evidence: "attributed" });
    expect(compose(ui, "causes")).toBe(true);
    expect(ui.composing.value?.words).toBe("the whole run");
  });

  it("of the next token says that it is about what comes after, not about the token itself", () => {
    const ui = makeUi(makeStage());
    compose(ui, "next");
    expect(ui.composing.value?.words).toBe("after “,”");
    compose(ui, "text");
    expect(ui.composing.value?.words).toBe("“,”");
  });

  it("lies on the run that is shown: what is pinned or drawn over beyond it is left out", () => {
    const stage = makeStage();
    const ui = makeUi(stage);
    stage.selection.pin({ query: 17, key: 40 });
    ui.region.value = { panel: "text", query: [2, 9], key: null };
    expect(subjectOf(ui, "text")).toBe(null);
    expect(subjectOf(ui, "pattern")?.about).toEqual({ ...NOTHING, layer: 2, head: 1 });
    stage.selection.pin({ layer: 7 });
    expect(subjectOf(ui, "heads")).toBe(null);
    expect(subjectOf(ui, "pattern")).toBe(null);
  });
});
