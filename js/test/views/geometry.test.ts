/** The pure parts: where things stand, what is in view, which lines are drawn, how things are written. */
import { describe, expect, it } from "vitest";
import { stepped } from "../../src/keyboard";
import { halfOf } from "../../src/paint/half";
import { gridOf } from "../../src/panels/grid";
import { cutWords } from "../../src/panels/table";
import type { PanelName } from "../../src/protocol";
import { headAt, headBox, headsLayout } from "../../src/views/heads/heads-layout";
import { columnsInView, layersLayout, placeAt } from "../../src/views/layers/layers-layout";
import { chunkOf } from "../../src/views/layers/layers-model";
import { linesOf } from "../../src/views/pattern/arcs-lines";
import { panned, revealed, whole, zoomed } from "../../src/views/viewport";
import { exactNumber, tokenLabel, tokenQuote } from "../../src/views/words";

describe("the grid of panels", () => {
  const all: PanelName[] = ["bar", "text", "next", "heads", "pattern", "layers"];

  it("has one column below 700 px and leaves no gap for a panel that is not there", () => {
    expect(gridOf(all, 500).areas).toBe('"bar" "text" "next" "heads" "pattern" "layers"');
    expect(gridOf(["heads"], 1040).areas).toBe(`"${Array(12).fill("heads").join(" ")}"`);
    expect(gridOf(all, 1040).areas.split('" "').length).toBe(4);
    expect(gridOf(all, 1500).areas.split('" "').length).toBe(3);
  });

  it("gives the heads more room while there are two grids of them", () => {
    const shares = (width: number, two: boolean) =>
      ["heads", "pattern", "layers"].map((name) => {
        const row = gridOf(all, width, two)
          .areas.split('" "')
          .find((one) => one.includes("heads"))!;
        return row.split(/[" ]+/).filter((one) => one === name).length;
      });
    expect([shares(1040, false), shares(1040, true)]).toEqual([
      [5, 7, 0],
      [6, 6, 0],
    ]);
    expect(shares(1500, true)).toEqual([4, 4, 4]);
  });
});

describe("the head grid's layout", () => {
  it.each([
    [4, 4, 400],
    [12, 12, 400],
    [32, 32, 400],
    [80, 64, 400],
    [1, 1, 300],
  ])("of %i × %i heads at %i px finds every head at the middle of its box", (layers, heads, width) => {
    const layout = headsLayout(layers, heads, width, 480, false);
    for (let layer = 0; layer < layers; layer++) {
      for (let head = 0; head < heads; head++) {
        const box = headBox(layout, layer, head);
        expect(headAt(layout, box.x + box.width / 2, box.y + box.height / 2)).toEqual({ layer, head });
      }
    }
    expect(layout.cell).toBeGreaterThanOrEqual(4);
    expect(layout.width).toBeLessThanOrEqual(width);
  });

  it("does not shrink thumbnails of a narrow view below what can be seen: they scroll", () => {
    expect(headsLayout(12, 16, 400, 480, true).width).toBeGreaterThan(400);
  });
});

describe("the layer grid", () => {
  it("fetches columns in chunks counted from the last position", () => {
    expect(chunkOf(99, 100)).toEqual([68, 100]);
    expect(chunkOf(67, 100)).toEqual([36, 68]);
    expect(chunkOf(0, 100)).toEqual([0, 4]);
    expect(chunkOf(5, 14)).toEqual([0, 14]);
  });

  it("knows what is in view while it is scrolled", () => {
    const layout = layersLayout(-1, 5, 1024, 1000, true);
    expect(columnsInView(layout, 0)[0]).toBe(0);
    const [from, to] = columnsInView(layout, 100 * layout.column);
    expect(from).toBe(100);
    expect(to - from).toBe(Math.ceil((1000 - layout.left) / layout.column));
    expect(placeAt(layout, layout.left + 1, layout.top + 1, 100 * layout.column, 0)).toEqual({
      layer: 3,
      position: 100,
    });
    expect(placeAt(layout, layout.left + 1, layout.top + 4.5 * layout.row, 0, 0)).toEqual({ layer: -1, position: 0 });
  });
});

describe("the matrix's viewport", () => {
  it("keeps the place under the pointer when it zooms", () => {
    const view = zoomed(whole(1000), 4, 0.25, 0.75, 1000);
    expect(view.span).toBe(250);
    expect(view.column + 0.25 * view.span).toBeCloseTo(250, 9);
    expect(view.row + 0.75 * view.span).toBeCloseTo(750, 9);
  });

  it("never leaves the matrix and never shows fewer than six cells", () => {
    const near = zoomed(whole(1000), 1e6, 0, 0, 1000);
    expect(near).toEqual({ row: 0, column: 0, span: 6 });
    expect(panned(near, 5, 5, 1000)).toEqual(near);
    expect(panned(near, -1e6, -1e6, 1000)).toEqual({ row: 994, column: 994, span: 6 });
    expect(zoomed(whole(3), 2, 0.5, 0.5, 3)).toEqual(whole(3));
    expect(revealed(near, 500, null, 1000)).toEqual({ row: 495, column: 0, span: 6 });
  });
});

describe("the lines between two columns", () => {
  const row = (query: number, weights: number[]) => ({
    query,
    start: 0,
    halves: Uint16Array.from(weights, halfOf),
    exponent: 0,
  });

  it("are all drawn where there are few, the strongest last, masked cells never", () => {
    const masked = { query: 1, start: 0, halves: Uint16Array.of(halfOf(0.75), halfOf(0.25), 0x7e01), exponent: 0 };
    const { drawn, hidden } = linesOf([row(0, [1]), masked]);
    expect(drawn.map(({ query, key, weight }) => [query, key, weight])).toEqual([
      [1, 1, 0.25],
      [1, 0, 0.75],
      [0, 0, 1],
    ]);
    expect(hidden).toEqual({ count: 0, most: 0, share: 0 });
  });

  it("are only those of the hovered token", () => {
    const rows = [row(0, [1]), row(1, [0.5, 0.5])];
    expect(linesOf(rows, { query: 1 }).drawn.length).toBe(2);
    expect(
      linesOf(rows, { key: 0 })
        .drawn.map(({ query }) => query)
        .sort(),
    ).toEqual([0, 1]);
  });

  it("leave the weakest out past the limit, and say how many and what they weigh", () => {
    const weights = [0.5, 0.25, 0.125, 0.0625, 2 ** -10, 2 ** -10];
    const { drawn, hidden } = linesOf([row(0, weights)], {}, [0, 99], 4);
    expect(drawn.length).toBe(4);
    expect(hidden.count).toBe(2);
    expect(hidden.most).toBe(2 ** -10);
    expect(hidden.share).toBeCloseTo(2 ** -9 / (0.9375 + 2 ** -9), 9);
    const even = linesOf([row(0, new Array(10).fill(0.125))], {}, [0, 99], 4);
    expect([even.drawn.length, even.hidden.count]).toEqual([4, 6]);
  });

  it("to keys out of view are one line a side, as heavy as all of them", () => {
    const { drawn, hidden } = linesOf([row(5, [0.25, 0.125, 0.5, 0.0625, 0.0625])], {}, [2, 3]);
    expect(drawn).toEqual([
      { query: 5, key: 3, weight: 0.125 },
      { query: 5, key: 1, weight: 0.375 },
      { query: 5, key: 2, weight: 0.5 },
    ]);
    expect(hidden.count).toBe(0);
  });
});

describe("words", () => {
  it("write a float32 so that it reads back as the same one, and no longer than needed", () => {
    for (const value of [0.1, 1 / 3, 0.97311234, 1e-30, 123456.789, -2.5, 16777216, 0]) {
      const text = exactNumber(Math.fround(value));
      expect(Math.fround(Number(text.replace(/\u2212/g, "-")))).toBe(Math.fround(value));
    }
    expect(exactNumber(Math.fround(0.1))).toBe("0.1");
    expect(exactNumber(-2.5)).toBe("\u22122.5");
  });

  it("show tokens without the space before them, but never as nothing", () => {
    expect(tokenLabel(" Mary")).toBe("Mary");
    expect(tokenLabel(" ")).not.toBe("");
    expect(tokenLabel("")).toBe("∅");
    expect(tokenQuote(` ${"x".repeat(99)}`).length).toBe(26);
  });

  it("say how much a table left out", () => {
    const rows = Array.from({ length: 70 }, (_, i) => ({ name: String(i), cells: ["1"] }));
    expect(cutWords({ caption: "", columns: ["a"], rows })).toContain("64 of 70 rows");
    expect(cutWords({ caption: "", columns: ["a"], rows: rows.slice(0, 5) })).toBe(null);
  });
});

describe("a step along a coordinate", () => {
  it("stays inside, and from nowhere lands on an end", () => {
    expect([stepped(3, 1, 0, 3), stepped(0, -1, 0, 3), stepped(null, 1, 0, 3), stepped(null, -1, 0, 3)]).toEqual([
      3, 0, 0, 3,
    ]);
    expect(stepped(2, Number.NEGATIVE_INFINITY, 0, 3)).toBe(0);
  });
});
