/** What is painted is what the numbers say: pixels against the colour table, absence and long prompts honestly. */
import { afterEach, describe, expect, it } from "vitest";
import { halfOf } from "../../src/paint/half";
import { colourTable } from "../../src/paint/table";
import { DARK, LIGHT, type Theme } from "../../src/theme";
import { headBox, headsLayout } from "../../src/views/heads/heads-layout";
import { cellBox, layersLayout } from "../../src/views/layers/layers-layout";
import { matrixLayout } from "../../src/views/pattern/matrix-layout";
import { attentionAt, colourAt, endAll, makeStage, painted, pointAt, press, show, TEXTS } from "./stage";

afterEach(endAll);

const tableOf = (theme: Theme = LIGHT) =>
  colourTable({ kind: "sequential", low: 0, high: 1, power: 0.5 }, 0, "blue", theme);
const picture = (panel: HTMLElement) => panel.querySelector<HTMLCanvasElement>("canvas:not(.marks)")!;
const marks = (panel: HTMLElement) => panel.querySelector<HTMLCanvasElement>("canvas.marks")!;

function matrixPlace(panel: HTMLElement, query: number, key: number): [number, number] {
  const layout = matrixLayout(panel.querySelector(".picture > div")!.clientWidth, TEXTS.length, 400);
  const cell = layout.side / TEXTS.length;
  return [layout.left + (key + 0.3) * cell, layout.top + (query + 0.3) * cell];
}

describe("a cell of the matrix", () => {
  it("has the table's colour, for every query and key, masked ones too", async () => {
    const view = show(makeStage());
    await painted();
    const canvas = picture(view.panel("pattern"));
    for (let query = 0; query < TEXTS.length; query++) {
      for (let key = 0; key < TEXTS.length; key++) {
        const bits = key > query ? 0x7e01 : halfOf(attentionAt(2, 1, query, key));
        expect(colourAt(canvas, ...matrixPlace(view.panel("pattern"), query, key))).toBe(tableOf().css(bits));
      }
    }
  });

  it("is repainted in the other theme's colours", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    stage.theme.value = DARK;
    await painted();
    const bits = halfOf(attentionAt(2, 1, 4, 2));
    const at = matrixPlace(view.panel("pattern"), 4, 2);
    expect(colourAt(picture(view.panel("pattern")), ...at)).toBe(tableOf(DARK).css(bits));
    expect(getComputedStyle(view.find(".llmw-place")).backgroundColor).toBe("rgb(17, 21, 26)");
  });

  it("tells its exact number after a rest", async () => {
    const view = show(makeStage());
    await painted();
    const panel = view.panel("pattern");
    pointAt(marks(panel), "pointermove", ...matrixPlace(panel, 4, 2));
    await expect
      .poll(() => view.find(".tooltip .number").getAttribute("data-exact"))
      .toBe(String(attentionAt(2, 1, 4, 2)));
    expect(view.find(".tooltip .place").textContent).toBe("L2H1 · “went” → “and”");
    pointAt(marks(panel), "pointermove", ...matrixPlace(panel, 1, 3));
    await expect.poll(() => view.find(".tooltip .number").textContent).toContain("masked");
  });

  it("is pinned by a click and hovered without repainting the picture", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const panel = view.panel("pattern");
    const before = picture(panel).dataset.paints;
    const beforeMarks = Number(marks(panel).dataset.paints);
    pointAt(marks(panel), "pointermove", ...matrixPlace(panel, 3, 1));
    await painted();
    expect(picture(panel).dataset.paints).toBe(before);
    expect(Number(marks(panel).dataset.paints)).toBeGreaterThan(beforeMarks);
    pointAt(marks(panel), "click", ...matrixPlace(panel, 3, 1));
    expect([stage.selection.pinned.query.value, stage.selection.pinned.key.value]).toEqual([3, 1]);
  });

  it("grows by plus, and 0 shows all again", async () => {
    const texts = Array.from({ length: 24 }, (_, i) => ` t${i}`);
    const stage = makeStage({ texts, layers: 1, heads: 1, panels: ["pattern"] });
    stage.selection.pin({ layer: 0, head: 0, query: 0 });
    const view = show(stage, 700);
    await painted();
    const grid = view.find('[role="grid"]');
    const canvas = picture(view.panel("pattern"));
    const layout = matrixLayout(view.find(".picture > div").clientWidth, 24, 400);
    const corner: [number, number] = [layout.left + layout.side / 24 + 4, layout.top + 4];
    expect(colourAt(canvas, ...corner)).toBe(tableOf().css(0x7e01));
    for (let i = 0; i < 8; i++) press(grid, "+");
    await painted();
    // six cells a side now: the same place lies in the first cell
    expect(colourAt(canvas, ...corner)).toBe(tableOf().css(halfOf(attentionAt(0, 0, 0, 0))));
    press(grid, "0");
    await painted();
    expect(colourAt(canvas, ...corner)).toBe(tableOf().css(0x7e01));
  });
});

describe("the head grid", () => {
  const at = (panel: HTMLElement, layer: number, head: number) =>
    headBox(headsLayout(3, 4, panel.querySelector(".scroll-x")!.clientWidth, 480, false), layer, head);

  it("holds each head's pattern, layers from bottom to top", async () => {
    const view = show(makeStage());
    await painted();
    const panel = view.panel("heads");
    for (const [layer, head] of [
      [0, 0],
      [2, 3],
      [1, 2],
    ] as const) {
      const box = at(panel, layer, head);
      const cell = box.width / TEXTS.length;
      const found = colourAt(picture(panel), box.x + 2.5 * cell, box.y + 4.5 * cell);
      expect(found).toBe(tableOf().css(halfOf(attentionAt(layer, head, 4, 2))));
    }
    expect(at(panel, 0, 0).y).toBeGreaterThan(at(panel, 2, 0).y);
  });

  it("colours heads by a field over layers and heads, with its reference in the legend", async () => {
    const stage = makeStage();
    stage.settings.value = { ...stage.settings.value, headField: "to_first" };
    const view = show(stage);
    await painted();
    const panel = view.panel("heads");
    const box = at(panel, 1, 2);
    expect(colourAt(picture(panel), box.x + 20, box.y + 20)).toBe(tableOf().css(halfOf(6 / 8)));
    expect(panel.querySelector(".legend")!.textContent).toContain("uniform attention 0.25");
  });

  it("does not paint a head that a layer lacks as if it were zero", async () => {
    const view = show(makeStage({ headsPerLayer: [4, 2, 4] }));
    await painted();
    const panel = view.panel("heads");
    const box = at(panel, 1, 3);
    const canvas = picture(panel);
    const colours = new Set<string>();
    for (let i = 0; i < 12; i++) colours.add(colourAt(canvas, box.x + 30 + i, box.y + 40));
    expect(colours.size).toBeGreaterThan(1); // a hatch
  });
});

describe("the layer grid", () => {
  it("has the field's colour in each cell, the embedding at the bottom", async () => {
    const view = show(makeStage());
    await painted();
    const panel = view.panel("layers");
    const layout = layersLayout(-1, 4, TEXTS.length, panel.querySelector(".picture > div")!.clientWidth, true);
    for (const [layer, position] of [
      [-1, 0],
      [2, 3],
      [0, 4],
    ] as const) {
      const box = cellBox(layout, layer, position, 0, 0);
      const value = (((layer + 1) * TEXTS.length + position) % 32) / 32;
      expect(colourAt(picture(panel), box.x + 6, box.y + 4)).toBe(tableOf().css(halfOf(value)));
    }
    expect(cellBox(layout, -1, 0, 0, 0).y).toBeGreaterThan(cellBox(layout, 2, 0, 0, 0).y);
  });

  it("pins the layer and the position of a click, and of the embedding's row the position alone", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const panel = view.panel("layers");
    const layout = layersLayout(-1, 4, TEXTS.length, panel.querySelector(".picture > div")!.clientWidth, true);
    const click = (layer: number, position: number) => {
      const box = cellBox(layout, layer, position, 0, 0);
      pointAt(marks(panel), "click", box.x + 5, box.y + 5);
    };
    click(0, 2);
    expect([stage.selection.pinned.layer.value, stage.selection.pinned.query.value]).toEqual([0, 2]);
    click(-1, 3);
    expect([stage.selection.pinned.layer.value, stage.selection.pinned.query.value]).toEqual([0, 3]);
  });
});
