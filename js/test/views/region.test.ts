/** A stretch that is drawn over, in the matrix, the text and the layer grid: what it spans, that notes are about it, and how it goes. */
import { afterEach, describe, expect, it } from "vitest";
import { drag, layersPlace, lookPlace, marksIn, middle, writeNote } from "./places";
import { colourAt, endAll, makeRun, makeStage, painted, pointAt, press, show, shownRun, type TestStage } from "./stage";

afterEach(endAll);

const surface = (panel: HTMLElement) => panel.querySelector<HTMLElement>('[role="grid"], [role="listbox"]')!;

async function shown(stage: TestStage = makeStage()) {
  const view = show(stage);
  await painted();
  /** What a note would be about, in the words of the line that n opens; Escape closes it again. */
  const about = async (name: string) => {
    press(surface(view.panel(name)), "n");
    return (await writeNote(view, stage)).about!;
  };
  return {
    stage,
    view,
    about,
    said: (name: string) => surface(view.panel(name)).querySelector("[role=gridcell]")!.textContent,
  };
}

const long = Array.from({ length: 24 }, (_, i) => ` t${i}`);

describe("in the matrix", () => {
  it("a drag draws over queries and keys, from whichever corner, and pins where it began", async () => {
    const { stage, view, about, said } = await shown();
    const panel = view.panel("pattern");
    drag(marksIn(panel), lookPlace(panel, 5, 1), lookPlace(panel, 3, 3));
    await painted();
    expect([stage.selection.pinned.query.value, stage.selection.pinned.key.value]).toEqual([5, 1]);
    expect(said("pattern")).toMatch(/, 3 by 3 cells selected$/);
    expect(await about("pattern")).toMatchObject({ layer: 2, head: 1, query: [3, 6], key: [1, 4] });
  });

  it("a drag beyond the edge ends at the edge", async () => {
    const { view, about } = await shown();
    const panel = view.panel("pattern");
    const [x, y] = lookPlace(panel, 4, 0);
    drag(marksIn(panel), [x, y], [x - 60, y + 300]);
    expect(await about("pattern")).toMatchObject({ query: [4, 6], key: [0, 1] });
  });

  it("a plain drag pans while there is something to pan, and Shift draws over it", async () => {
    const stage = makeStage({ texts: long, layers: 1, heads: 1, panels: ["pattern"] });
    stage.selection.pin({ layer: 0, head: 0, query: 0 });
    const { view, about } = await shown(stage);
    const panel = view.panel("pattern");
    for (let i = 0; i < 8; i++) press(surface(panel), "+");
    await painted();
    // six cells a side, from the first: 0 to 5
    const at = (query: number, key: number) => lookPlace(panel, query * 4, key * 4, 24);
    drag(marksIn(panel), at(2, 2), at(4, 4), { shiftKey: true });
    await painted();
    const drawn = await about("pattern");
    expect([drawn.query, drawn.key]).toEqual([
      [2, 5],
      [2, 5],
    ]);
    press(surface(panel), "Escape");
    drag(marksIn(panel), at(4, 4), at(2, 2));
    await painted();
    expect((await about("pattern")).query).toEqual([2, 3]);
  });

  it("Shift and arrows draw from the pinned cell, there and back again", async () => {
    const { stage, view, about, said } = await shown();
    stage.selection.pin({ query: 3, key: 2 });
    await painted();
    const grid = surface(view.panel("pattern"));
    for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowLeft"])
      press(grid, key, { shiftKey: true });
    await painted();
    expect(said("pattern")).toMatch(/, 2 by 3 cells selected$/);
    expect(await about("pattern")).toMatchObject({ query: [3, 5], key: [0, 3] });
    press(grid, "ArrowDown");
    await painted();
    expect(said("pattern")).not.toContain("selected");
    expect(await about("pattern")).toMatchObject({ query: [4, 5], key: [2, 3] });
  });

  it("is outlined on the marks, and the picture below is not painted anew", async () => {
    const { view } = await shown();
    const panel = view.panel("pattern");
    const picture = panel.querySelector<HTMLCanvasElement>("canvas:not(.marks)")!;
    pointAt(marksIn(panel), "click", ...lookPlace(panel, 1, 1)); // the buttons under it come before
    await painted();
    const before = picture.dataset.paints;
    drag(marksIn(panel), lookPlace(panel, 1, 1), lookPlace(panel, 3, 3));
    await painted();
    const [x] = lookPlace(panel, 3, 3);
    const [, top] = lookPlace(panel, 2, 2);
    const half = lookPlace(panel, 1, 1)[0] - lookPlace(panel, 1, 0)[0];
    const seen = new Set<string>();
    for (let y = top; y < top + half; y++) seen.add(colourAt(marksIn(panel), x + half / 2 + 1, y));
    expect(seen.has("rgb(28, 33, 40)")).toBe(true); // the theme's foreground, in dashes
    expect(picture.dataset.paints).toBe(before);
  });
});

describe("in the text", () => {
  const over = (element: Element, buttons = 1) => pointAt(element, "pointerover", 2, 2, { buttons });
  const region = (view: ReturnType<typeof show>) => view.all(".tk.region").map((one) => Number(one.dataset.position));

  it("a press on a token and a drag to another draw over all between", async () => {
    const { stage, view, about } = await shown();
    const at = (position: number) => view.find(`[data-position="${position}"]`);
    pointAt(at(4), "pointerdown", 2, 2, { button: 0, buttons: 1, pointerType: "mouse" });
    over(at(3));
    over(at(2));
    pointAt(view.find(".text"), "click", 0, 0); // where the two have in common
    expect(region(view)).toEqual([2, 3, 4]);
    expect(at(2).getAttribute("aria-selected")).toBe("true");
    expect(stage.selection.pinned.query.value).toBe(4);
    expect(await about("text")).toMatchObject({ layer: null, head: null, query: [2, 5], key: null });
    over(at(0), 0); // a hover later draws over nothing
    expect(region(view)).toEqual([2, 3, 4]);
  });

  it("Shift and a click draw from the pinned token, a plain click lets go", async () => {
    const { view } = await shown();
    pointAt(view.find('[data-position="1"]'), "click", 2, 2, { shiftKey: true });
    expect(region(view)).toEqual([1, 2, 3, 4, 5]);
    pointAt(view.find('[data-position="5"]'), "click", 2, 2);
    expect(region(view)).toEqual([]);
    expect(view.all('.tk[aria-selected="true"]').length).toBe(1);
  });

  it("Shift and arrows draw by one, ten, or all", async () => {
    const stage = makeStage({ texts: long, layers: 1, heads: 1, panels: ["text"] });
    stage.selection.pin({ layer: 0, head: 0, query: 4 });
    const { view } = await shown(stage);
    const text = surface(view.panel("text"));
    press(text, "ArrowDown", { shiftKey: true });
    press(text, "ArrowRight", { shiftKey: true });
    expect(region(view)).toEqual(Array.from({ length: 12 }, (_, i) => 4 + i));
    press(text, "Home", { shiftKey: true });
    expect(region(view)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("in the layer grid", () => {
  it("Shift and a drag draw over positions of the layer where it began", async () => {
    const { view, about, said } = await shown();
    const panel = view.panel("layers");
    const [x, y] = middle(layersPlace(panel, 0, 3));
    drag(marksIn(panel), [x, y], [middle(layersPlace(panel, 0, 1))[0], y - 40], { shiftKey: true });
    await painted();
    expect(said("layers")).toMatch(/, 3 tokens selected$/);
    expect(await about("layers")).toMatchObject({ layer: 0, head: null, query: [1, 4], key: null });
  });

  it("Shift and arrows draw as well", async () => {
    const { view, about } = await shown();
    for (let i = 0; i < 2; i++) press(surface(view.panel("layers")), "ArrowLeft", { shiftKey: true });
    expect(await about("layers")).toMatchObject({ layer: 2, query: [3, 6] });
  });
});

describe("what is drawn over", () => {
  async function drawn() {
    const all = await shown();
    for (let i = 0; i < 2; i++) press(surface(all.view.panel("text")), "ArrowLeft", { shiftKey: true });
    expect(all.view.all(".tk.region").length).toBe(3);
    return all;
  }

  it("is the first thing that Escape lets go, from any panel", async () => {
    const { stage, view } = await drawn();
    stage.selection.toggleHead(0, 0);
    expect(press(surface(view.panel("heads")), "Escape").defaultPrevented).toBe(true);
    expect(view.all(".tk.region").length).toBe(0);
    expect(stage.selection.heads.value.length).toBe(1);
  });

  it("goes when another cell is pinned elsewhere, and in another panel counts for nothing", async () => {
    const { stage, view, about } = await drawn();
    expect((await about("pattern")).query).toEqual([5, 6]);
    expect((await about("layers")).query).toEqual([5, 6]);
    stage.selection.pin({ query: 1 });
    expect(view.all(".tk.region").length).toBe(0);
  });

  it("stays while another head is looked at, or another run of the same prompt", async () => {
    const { stage, view } = await drawn();
    stage.selection.pin({ layer: 0, head: 3 });
    stage.run.value = shownRun(stage, 2, { which: "changed" });
    await painted();
    expect(view.all(".tk.region").length).toBe(3);
  });

  it("goes with its prompt", async () => {
    const { stage, view } = await drawn();
    stage.run.value = { ...makeRun({ layers: 3, heads: 4, texts: ["a", "b"] }, 2) };
    await painted();
    expect(view.all(".tk.region").length).toBe(0);
  });
});
