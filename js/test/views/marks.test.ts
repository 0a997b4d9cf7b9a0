/** Notes on what they are about: which are drawn, where in each view, hollow or filled, told by the tip, and cheap to hover over. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { contrast, parseColour } from "../../src/paint/rgb";
import type { About } from "../../src/protocol";
import { DARK, LIGHT } from "../../src/theme";
import { placeX, placeY, scatterLayout } from "../../src/views/causes/scatter-layout";
import { paintCorner } from "../../src/views/notes/mark-paint";
import { drawnNotes, indexed, looksAt, notesAt, openAbout, spotsOf } from "../../src/views/notes/marks";
import { COLUMN, ROW } from "../../src/views/pattern/arcs-paint";
import { field } from "../shapes";
import { headPlace, layersPlace, lookPlace, marksIn, matrixPlace, middle, pictureIn } from "./places";
import {
  colourAt,
  endAll,
  fieldsOf,
  makeChange,
  makeNote,
  makeStage,
  painted,
  pointAt,
  show,
  TEXTS,
  type TestStage,
} from "./stage";

afterEach(endAll);

const about = (more: Partial<About> = {}): About => ({
  layer: null,
  head: null,
  heads: [],
  query: null,
  key: null,
  change: null,
  ...more,
});
const NOTE = "rgb(179, 18, 95)"; // the light theme's colour of notes
const GROUND = "rgb(255, 255, 255)";

function noted(stage: TestStage, ...items: ReturnType<typeof makeNote>[]): TestStage {
  stage.notes.value = { ...stage.notes.value, items };
  return stage;
}

async function shown(stage: TestStage) {
  const view = show(stage);
  await painted();
  return { stage, view, marks: (name: string) => marksIn(view.panel(name)) };
}

describe("how many notes there are", () => {
  it.each([3, 9, 12])("stands whole within its square (%i notes)", (many) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [40, 40];
    const context = canvas.getContext("2d")!;
    const items = Array.from({ length: many }, (_, i) => makeNote(`${i}`));
    paintCorner(context, LIGHT, { x: 0, y: 0, width: 40, height: 40 }, { ...about(), notes: items, hollow: false });
    const row = Array.from({ length: 40 }, (_, x) => [...context.getImageData(x, 2, 1, 1).data.slice(0, 3)]);
    const left = row.findIndex((colour) => `rgb(${colour.join(", ")})` === NOTE);
    context.font = "700 9px system-ui, sans-serif";
    expect(40 - left).toBeGreaterThan(context.measureText(many > 9 ? "9+" : String(many)).width + 2);
  });
});

describe("which notes are drawn", () => {
  const ids = (stage: TestStage) => drawnNotes(stage).map(({ id }) => id);

  it("are those that stand on this run, here, moved or carried, and are no replies", () => {
    const standings = ["here", "moved", "choose", "carried", "detached"] as const;
    const items = standings.map((standing) => makeNote(standing, { standing }));
    const stage = noted(makeStage(), ...items, makeNote("reply", { reply: "here" }));
    expect(ids(stage)).toEqual(["here", "moved", "carried"]);
  });

  it("give the open one its place, a reply that of what it answers, and no circle holds them up", () => {
    const head = about({ layer: 1, head: 1 });
    const stage = noted(
      makeStage(),
      makeNote("a", { about: head, resolved: true }),
      makeNote("b", { reply: "a", about: null }),
      makeNote("c", { reply: "d" }),
      makeNote("d", { reply: "c" }),
    );
    expect(openAbout(stage, "a")).toEqual(head);
    expect(openAbout(stage, "b")).toEqual(head);
    expect([openAbout(stage, "c"), openAbout(stage, "gone"), openAbout(stage, null)]).toEqual([null, null, null]);
  });

  it("pass the filters, and no tour hides them", () => {
    const stage = noted(makeStage(), makeNote("a", { tags: ["x"] }), makeNote("b"), makeNote("c", { resolved: true }));
    expect(ids(stage)).toEqual(["a", "b"]);
    const { filters } = stage.framing.value;
    stage.framing.value = { zoom: null, filters: { ...filters, resolved: "all" } };
    expect(ids(stage)).toEqual(["a", "b", "c"]);
    stage.framing.value = { zoom: null, filters: { ...filters, tag: "x" } };
    expect(ids(stage)).toEqual(["a"]);
    const tour = { title: "", steps: 2, at: 0, note: "b", text: "", tree: null, words: "", why: "" };
    stage.tour.value = { ...tour, ask: "?", revealed: false, guess: null, hidden: ["a"] };
    expect(ids(stage)).toEqual([]);
  });
});

describe("the places of a note", () => {
  it("of several heads are each of them", () => {
    const heads: [number, number][] = [
      [2, 0],
      [0, 3],
    ];
    const index = indexed([makeNote("a", { about: about({ heads }) })]);
    expect([...index.heads.keys()]).toEqual(["2 0", "0 3"]);
  });

  it("of an intervention are its heads, and of a cut its looks as rectangles", () => {
    const places = { site: "scores", layer: [2], head: [1], position: [4, 5], key: [0, 1, 3], neuron: null };
    expect(spotsOf(about({ change: places }))).toEqual([
      { layer: 2, head: 1, query: [4, 6], key: [0, 2] },
      { layer: 2, head: 1, query: [4, 6], key: [3, 4] },
    ]);
    expect([...indexed([makeNote("a", { about: about({ change: places }) })]).heads.keys()]).toEqual(["2 1"]);
  });

  it("are laid together where they are equal, and hollow only if all notes there are", () => {
    const here = { about: about({ layer: 1, head: 1, query: [3, 4], key: [0, 1] }) };
    const index = indexed([
      makeNote("a", { ...here, standing: "carried" }),
      makeNote("b", { ...here, resolved: true }),
    ]);
    expect(looksAt(index, 1, 1)).toMatchObject([{ hollow: true, notes: [{ id: "a" }, { id: "b" }] }]);
    const both = indexed([makeNote("a", { ...here, standing: "carried" }), makeNote("b", here)]);
    expect(looksAt(both, 1, 1)[0]?.hollow).toBe(false);
    expect(looksAt(both, 1, 2)).toEqual([]);
  });

  it("hold a cell when both its query and its key lie within", () => {
    const index = indexed([
      makeNote("cell", { about: about({ layer: 0, head: 0, query: [3, 4], key: [1, 2] }) }),
      makeNote("row", { about: about({ layer: 0, head: 0, query: [3, 4] }) }),
      makeNote("region", { about: about({ query: [2, 5], key: [1, 3] }) }),
    ]);
    const at = (query: number, key: number) => notesAt(looksAt(index, 0, 0), query, key).map(({ id }) => id);
    expect(at(3, 1)).toEqual(["cell", "row", "region"]);
    expect(at(3, 2)).toEqual(["row", "region"]);
    expect(at(4, 0)).toEqual([]);
    expect(notesAt(looksAt(index, 2, 2), 3, 1).map(({ id }) => id)).toEqual(["region"]);
  });
});

describe("a head that notes are about", () => {
  it("has a corner in the grid, and another head has none", async () => {
    const { view, marks } = await shown(noted(makeStage(), makeNote("a", { about: about({ layer: 1, head: 2 }) })));
    const corner = (layer: number, head: number) => {
      const box = headPlace(view.panel("heads"), layer, head);
      return colourAt(marks("heads"), box.x + box.width - 3, box.y + 2);
    };
    expect(corner(1, 2)).toBe(NOTE);
    expect(corner(1, 3)).not.toBe(NOTE);
  });

  it("is hollow where all is carried over, and follows filters and notes that come", async () => {
    const stage = noted(makeStage(), makeNote("a", { about: about({ layer: 1, head: 2 }), standing: "carried" }));
    const { view, marks } = await shown(stage);
    const box = headPlace(view.panel("heads"), 1, 2);
    const corner = () => colourAt(marks("heads"), box.x + box.width - 3, box.y + 3);
    expect(corner()).toBe(GROUND);
    noted(stage, makeNote("a", { about: about({ layer: 1, head: 2 }) }));
    await painted();
    expect(corner()).toBe(NOTE);
    stage.framing.value = { zoom: null, filters: { ...stage.framing.value.filters, author: "bo" } };
    await painted();
    expect(corner()).toBe("rgb(0, 0, 0)"); // nothing is painted there: clear
  });

  it("says how many there are where there is room", async () => {
    const here = { about: about({ layer: 1, head: 2 }) };
    const { view, marks } = await shown(noted(makeStage(), makeNote("a", here), makeNote("b", here)));
    const box = headPlace(view.panel("heads"), 1, 2);
    // a square of 11 px, where a triangle would have left its lower left corner free
    expect(colourAt(marks("heads"), box.x + box.width - 10, box.y + 10)).toBe(NOTE);
    expect(view.panel("heads").querySelector("[role=gridcell]")!.textContent).not.toContain("note");
  });

  it("is told of by the tip in the first words of three notes, and opens its card if there is one", async () => {
    const here = { about: about({ layer: 1, head: 2 }) };
    const stage = noted(makeStage(), ...["a", "b", "c", "d", "e"].map((id) => makeNote(id, here)));
    const { view, marks } = await shown(stage);
    pointAt(marks("heads"), "pointermove", ...middle(headPlace(view.panel("heads"), 1, 2)));
    await painted();
    expect(view.all(".tooltip .told").map((line) => line.textContent)).toEqual([
      "note a",
      "note b",
      "note c",
      "+2 more",
    ]);
    noted(stage, makeNote("a", { ...here, text: "<img src=x onerror=alert(1)> is **bold**" }));
    await painted();
    pointAt(marks("heads"), "pointermove", 0, 0);
    pointAt(marks("heads"), "pointermove", ...middle(headPlace(view.panel("heads"), 1, 2)));
    await painted();
    expect(view.root.querySelectorAll(".tooltip img").length).toBe(0);
    expect(view.find(".tooltip .told").textContent).toContain("<img");
  });

  it("has a ring around it while its note is open or is being written", async () => {
    const stage = noted(makeStage(), makeNote("a", { about: about({ layer: 1, head: 2 }) }));
    const { view, marks } = await shown(stage);
    const panel = view.panel("heads");
    const box = headPlace(panel, 1, 2);
    const ring = () => colourAt(marks("heads"), box.x - 4, box.y + box.height / 2);
    expect(ring()).not.toBe(NOTE);
    pointAt(marks("heads"), "click", ...middle(box));
    await painted();
    expect(ring()).toBe(NOTE);
    noted(stage);
    await painted();
    expect(ring()).not.toBe(NOTE);
    panel.querySelector<HTMLElement>(".to-note")!.click();
    await painted();
    expect(ring()).toBe(NOTE);
  });

  it("is said to who can not see it", async () => {
    const { view } = await shown(noted(makeStage(), makeNote("a"), makeNote("b")));
    expect(view.panel("heads").querySelector("[role=gridcell]")!.textContent).toContain("head 1, 2 notes");
  });
});

describe("in the matrix", () => {
  const cell = about({ layer: 2, head: 1, query: [4, 5], key: [1, 2] });
  const corner = (panel: HTMLElement, query: number, key: number) => {
    const { left, top, cell: size } = matrixPlace(panel);
    return colourAt(marksIn(panel), left + (key + 1) * size - 3, top + query * size + 2);
  };

  it("a cell has a corner on its own head only", async () => {
    const stage = noted(makeStage(), makeNote("a", { about: cell }));
    const { view } = await shown(stage);
    const panel = view.panel("pattern");
    expect(corner(panel, 4, 1)).toBe(NOTE);
    expect(corner(panel, 4, 2)).not.toBe(NOTE);
    stage.selection.pin({ head: 0 });
    await painted();
    expect(corner(panel, 4, 1)).not.toBe(NOTE);
  });

  it("a row has a wedge at its left edge, tokens a tick along both of their labels", async () => {
    const row = makeNote("a", { about: about({ layer: 2, head: 1, query: [3, 4] }) });
    const { view } = await shown(noted(makeStage(), row, makeNote("b", { about: about({ query: [1, 3] }) })));
    const panel = view.panel("pattern");
    const { left, top, cell: size } = matrixPlace(panel);
    expect(colourAt(marksIn(panel), left - 4, top + 3.5 * size)).toBe(NOTE);
    expect(colourAt(marksIn(panel), left - 5, top + 2 * size)).toBe(NOTE);
    expect(colourAt(marksIn(panel), left + 2 * size, top - 1)).toBe(NOTE);
    expect(colourAt(marksIn(panel), left + 4 * size, top - 1)).not.toBe(NOTE);
  });

  it("a region has a thin line around it, and moves with the zoom", async () => {
    const texts = Array.from({ length: 24 }, (_, i) => ` t${i}`);
    const stage = makeStage({ texts, layers: 1, heads: 1, panels: ["pattern"] });
    stage.selection.pin({ layer: 0, head: 0, query: 20 });
    noted(stage, makeNote("a", { about: about({ query: [8, 12], key: [2, 6] }) }));
    const { view } = await shown(stage);
    const panel = view.panel("pattern");
    const { left, top, cell: size } = matrixPlace(panel, 24);
    const lowerLeft = (zoom: number, row: number, column: number): string => {
      const [x, y] = [left + (2 - column) * size * zoom, top + (12 - row) * size * zoom];
      return colourAt(marksIn(panel), Math.round(x) + 0.5, Math.round(y) - 3);
    };
    expect(lowerLeft(1, 0, 0)).toBe(NOTE);
    stage.framing.value = { ...stage.framing.value, zoom: { row: 6, column: 0, span: 12 } };
    await painted();
    expect(lowerLeft(2, 6, 0)).toBe(NOTE);
  });

  it("a click selects as before, and opens the one note that is there", async () => {
    const stage = noted(makeStage(), makeNote("a", { about: cell }));
    const { view } = await shown(stage);
    const panel = view.panel("pattern");
    pointAt(marksIn(panel), "click", ...lookPlace(panel, 4, 1));
    await painted();
    expect([stage.selection.pinned.query.value, stage.selection.pinned.key.value]).toEqual([4, 1]);
    const { left, top, cell: size } = matrixPlace(panel);
    expect(colourAt(marksIn(panel), left + size - 4, top + 4.5 * size)).toBe(NOTE); // the ring
  });
});

describe("elsewhere", () => {
  it("tokens are underlined in the text, and those of the shown head", async () => {
    const look = about({ layer: 2, head: 1, query: [4, 5], key: [1, 2] });
    const stage = noted(
      makeStage(),
      makeNote("a", { about: about({ query: [1, 3] }) }),
      makeNote("b", { about: look, standing: "carried" }),
    );
    const { view } = await shown(stage);
    const having = (name: string) => view.all(`.tk.${name}`).map((one) => Number(one.dataset.position));
    expect([having("noted"), having("hollow")]).toEqual([[1, 2], [4]]);
    stage.selection.pin({ head: 0 });
    expect([having("noted"), having("hollow")]).toEqual([[1, 2], []]);
    pointAt(view.find('[data-position="2"]'), "click", 2, 2);
    expect(having("opened")).toEqual([1, 2]);
    noted(stage);
    expect(having("noted")).toEqual([]);
  });

  it("tokens have a tick beside the arcs where notes of the shown head begin and end", async () => {
    const look = about({ layer: 2, head: 1, query: [4, 5], key: [1, 3] });
    const stage = noted(makeStage({ panels: ["pattern"] }), makeNote("a", { about: look }));
    stage.settings.value = { ...stage.settings.value, patternView: "arcs" };
    const { view } = await shown(stage);
    const canvas = view.find<HTMLCanvasElement>(".arcs canvas");
    const ticked = (x: number) =>
      TEXTS.map((_, at) => at).filter((at) => colourAt(canvas, x, at * ROW + ROW / 2) === NOTE);
    expect(ticked(COLUMN - 6)).toEqual([4]);
    expect(ticked(canvas.clientWidth - COLUMN + 6)).toEqual([1, 2]);
    stage.selection.pin({ head: 0 });
    await painted();
    expect(ticked(COLUMN - 6)).toEqual([]);
  });

  it("a place of the stream has a corner in the layer grid", async () => {
    const { view, marks } = await shown(
      noted(makeStage(), makeNote("a", { about: about({ layer: 0, query: [3, 4] }) })),
    );
    const at = (position: number) => {
      const box = layersPlace(view.panel("layers"), 0, position);
      return colourAt(marks("layers"), box.x + box.width - 2, box.y + 1.5);
    };
    expect(at(3)).toBe(NOTE);
    expect(at(4)).not.toBe(NOTE);
  });

  it("a point of the scatter has a corner at its upper right", async () => {
    const values = Array.from({ length: 12 }, (_, i) => (i % 5) / 4);
    const axes: [string, number][] = [
      ["layer", 3],
      ["head", 4],
    ];
    const effect = { meta: field("ablation_effect", axes, { evidence: "intervention" }), values };
    const fields = [...fieldsOf({ layers: 3, heads: 4, texts: TEXTS }), effect];
    const stage = noted(
      makeStage({ fields, panels: ["causes"] }),
      makeNote("a", { about: about({ layer: 1, head: 2 }) }),
    );
    stage.settings.value = { ...stage.settings.value, causeView: "scatter", scatterX: "to_first" };
    const { view } = await shown(stage);
    const canvas = marksIn(view.panel("causes"));
    const points = values.map((y, i) => ({ layer: Math.floor(i / 4), head: i % 4, x: (i % 8) / 8, y }));
    const width = view.panel("causes").querySelector(".surface")!.parentElement!.clientWidth;
    const layout = scatterLayout(points, width, 216, false);
    const corner = (nth: number) => {
      const { x, y } = points[nth]!;
      return colourAt(canvas, placeX(layout, x) + 9, placeY(layout, y) - 9);
    };
    expect(corner(6)).toBe(NOTE);
    expect(corner(7)).not.toBe(NOTE);
  });

  it("a change of the list has a mark at its row", async () => {
    const stage = makeStage({ panels: ["heads", "changes"] });
    stage.changes.value = [makeChange(3), makeChange(4, { places: { ...makeChange(4).places, head: [2] } })];
    noted(stage, makeNote("a", { about: about({ change: makeChange(3).places }), text: "it copies" }));
    const { view } = await shown(stage);
    const row = view.find('[data-change="3"]');
    expect(row.classList.contains("noted")).toBe(true);
    expect(row.title).toBe("it copies");
    expect(view.find('[data-change="4"]').classList.contains("noted")).toBe(false);
    row.querySelector<HTMLElement>(".what")!.click();
    await painted();
    expect(row.classList.contains("opened")).toBe(true);
  });
});

describe("many notes", () => {
  it("cost a hover no paint of numbers and no look through the notes", async () => {
    const stage = makeStage();
    const items = Array.from({ length: 500 }, (_, i) =>
      makeNote(String(i), { about: about({ layer: i % 3, head: i % 4, query: [i % 6, (i % 6) + 1], key: [0, 1] }) }),
    );
    noted(stage, ...items);
    const { view, marks } = await shown(stage);
    const pictures = ["heads", "pattern", "layers"].map((name) => pictureIn(view.panel(name)));
    const before = pictures.map((canvas) => canvas.dataset.paints);
    let looked = 0;
    const count = () => {
      looked++;
      return null;
    };
    for (const item of items) Object.defineProperty(item, "about", { get: count });
    for (let key = 0; key < 4; key++) {
      pointAt(marks("pattern"), "pointermove", ...lookPlace(view.panel("pattern"), 5, key));
      await painted();
    }
    expect(pictures.map((canvas) => canvas.dataset.paints)).toEqual(before);
    expect(looked).toBe(0);
  });

  it("are laid out once in a few milliseconds, and looked up in none", () => {
    const items = Array.from({ length: 500 }, (_, i) => {
      const start = (i * 8) % 4000;
      return makeNote(String(i), {
        about: about({ layer: i % 4, head: i % 4, query: [start, start + 90], key: [0, 40] }),
      });
    });
    const began = performance.now();
    const index = indexed(items);
    const laid = performance.now() - began;
    const from = performance.now();
    for (let i = 0; i < 100; i++) notesAt(looksAt(index, 1, 1), i * 40, 20);
    console.info(
      `500 notes: laid in ${laid.toFixed(2)} ms, looked up in ${((performance.now() - from) / 100).toFixed(4)} ms`,
    );
    expect(laid).toBeLessThan(50);
  });
});

describe("the framing's zoom", () => {
  const texts = Array.from({ length: 24 }, (_, i) => ` t${i}`);
  const zoomed = () => {
    const stage = makeStage({ texts, layers: 1, heads: 1, panels: ["pattern"] });
    stage.selection.pin({ layer: 0, head: 0, query: 3 });
    return stage;
  };

  it("is told once the zoom has come to rest, and null when all is seen", async () => {
    const { stage, view } = await shown(zoomed());
    const plus = view.find<HTMLButtonElement>('[aria-label="zoom in"]');
    plus.click();
    plus.click();
    expect(stage.framing.value.zoom).toBe(null);
    await expect.poll(() => stage.framing.value.zoom?.span).toBeCloseTo(24 / 1.5 ** 2);
    view.find<HTMLButtonElement>('[aria-label="zoom out"]').click();
    view.find<HTMLButtonElement>('[aria-label="zoom out"]').click();
    await expect.poll(() => stage.framing.value.zoom).toBe(null);
  });

  it("is followed when it changes from outside, also with a prompt that comes later", async () => {
    const { stage, view } = await shown(zoomed());
    const out = () => view.find<HTMLButtonElement>('[aria-label="zoom out"]').disabled;
    expect(out()).toBe(true);
    stage.framing.value = { ...stage.framing.value, zoom: { row: 0, column: 0, span: 8 } };
    await painted();
    expect(out()).toBe(false);
    stage.framing.value = { ...stage.framing.value, zoom: { row: 28, column: 0, span: 8 } };
    await painted();
    expect(out()).toBe(true);
    const run = stage.run.value!;
    stage.run.value = { ...run, epoch: 2, tokens: { ...run.tokens, total: 40 } };
    await painted();
    expect(out()).toBe(false);
    expect(stage.framing.value.zoom).toEqual({ row: 28, column: 0, span: 8 });
  });

  it("leaves nothing behind when its panel is gone", async () => {
    const { stage, view } = await shown(zoomed());
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      view.find<HTMLButtonElement>('[aria-label="zoom in"]').click();
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      view.end();
      vi.advanceTimersByTime(10_000);
      expect(stage.framing.value.zoom).toBe(null);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("the colour of notes", () => {
  it.each([LIGHT, DARK])("is read on the $mode ground, and is not the selection's", (theme) => {
    for (const ground of [theme.bg, theme.soft])
      expect(contrast(parseColour(theme.note), parseColour(ground))).toBeGreaterThan(4.5);
    expect([theme.focus, theme.accent, theme.fg]).not.toContain(theme.note);
  });
});
