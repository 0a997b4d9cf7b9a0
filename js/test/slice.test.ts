/** From a selection to requests, and from a window on a plane to tiles. */
import { describe, expect, it } from "vitest";
import { MAX_CELLS } from "../src/protocol";
import { Selection } from "../src/selection";
import { BAND, bandRequest, cellsOf, cursorOf, has, requestFor } from "../src/slice";
import { drawnTile, levelFor, TILE, tilesIn } from "../src/tiles";
import { ATTENTION, field } from "./shapes";

const LENS = field(
  "logit_lens",
  [
    ["layer", 5, -1],
    ["position", 14],
  ],
  { texts: true },
);
const BY_QUERY = field("entropy", [
  ["layer", 4],
  ["head", 4],
  ["query", 14],
]);
const AT = { layer: 3, head: 1, query: 7, key: null };

describe("a request", () => {
  it("takes undrawn coordinates from the cursor, drawn ones whole", () => {
    expect(requestFor(ATTENTION, 2, { query: "all", key: "all" }, AT)).toEqual({
      field: "attention",
      epoch: 2,
      index: { layer: 3, head: 1, query: [0, 14], key: [0, 14] },
    });
    expect(requestFor(ATTENTION, 2, { key: "all" }, AT).index).toEqual({ layer: 3, head: 1, query: 7, key: [0, 14] });
  });

  it("sees a position as the query it belongs to", () => {
    expect(requestFor(LENS, 1, { layer: "all" }, AT, { texts: true })).toEqual({
      field: "logit_lens",
      epoch: 1,
      index: { layer: [-1, 4], position: 7 },
      texts: true,
    });
  });

  it("has a stated stand-in where the cursor is silent or outside the axis", () => {
    expect(requestFor(ATTENTION, 1, {}, {}).index).toEqual({
      layer: 3,
      head: { reduce: "mean" },
      query: 13,
      key: { reduce: "max" },
    });
    expect(requestFor(ATTENTION, 1, { key: "all" }, { ...AT, layer: 9, query: -1 }).index).toMatchObject({
      layer: 3,
      query: 13,
    });
  });

  it("lets a view fix a coordinate itself: the head grid means over queries", () => {
    const drawn = { layer: "all", head: "all" } as const;
    expect(requestFor(BY_QUERY, 1, drawn, AT).index.query).toBe(7);
    expect(requestFor(BY_QUERY, 1, drawn, AT, { fixed: { query: { reduce: "mean" } } }).index).toEqual({
      layer: [0, 4],
      head: [0, 4],
      query: { reduce: "mean" },
    });
  });

  it("stays inside the axes, leaves out pools of one and words that a field lacks", () => {
    const request = requestFor(ATTENTION, 1, { query: [8, 99], key: "all" }, AT, {
      pool: { query: 1, key: 4 },
      texts: true,
    });
    expect(request).toEqual({
      field: "attention",
      epoch: 1,
      index: { layer: 3, head: 1, query: [8, 14], key: [0, 14] },
      pool: { key: 4 },
    });
  });

  it("for a coordinate that the field lacks says what there is", () => {
    expect(() => requestFor(BY_QUERY, 1, { key: "all" }, AT)).toThrow(
      "field entropy has no key: its coordinates are layer, head, query",
    );
    expect([has(BY_QUERY, "layer", "head"), has(BY_QUERY, "key")]).toEqual([true, false]);
  });

  it("counts the cells of its answer", () => {
    const request = requestFor(ATTENTION, 1, { head: { list: [0, 2, 3] }, query: "all", key: [0, 9] }, AT, {
      pool: { query: 4, key: 4 },
    });
    expect(cellsOf(ATTENTION, request)).toBe(3 * 4 * 3);
  });

  it("follows what the selection shows: the hover over the pin", () => {
    const selection = new Selection("s");
    selection.pin({ layer: 1, query: 5 });
    selection.preview({ query: 9 });
    expect(cursorOf(selection)).toEqual({ layer: 1, head: null, query: 9, key: null, step: null, prompt: null });
  });
});

describe("the band for hovering", () => {
  const long = field("attention", [
    ["layer", 12],
    ["head", 12],
    ["query", 1000],
    ["key", 1000],
  ]);

  it("is the 64 queries around, with all keys, and the same for all of them", () => {
    const request = bandRequest(long, 1, "query", { key: "all" }, AT, 130);
    expect(request.index).toEqual({ layer: 3, head: 1, query: [128, 192], key: [0, 1000] });
    expect(bandRequest(long, 1, "query", { key: "all" }, AT, 191)).toEqual(request);
    expect(bandRequest(long, 1, "query", { key: "all" }, AT, 999).index.query).toEqual([960, 1000]);
  });

  it("never has more cells than an answer may", () => {
    const vast = field("attention", [
      ["layer", 1],
      ["head", 1],
      ["query", 131072],
      ["key", 131072],
    ]);
    const request = bandRequest(vast, 1, "query", { key: "all" }, {}, 70000);
    expect(cellsOf(vast, request)).toBeLessThanOrEqual(MAX_CELLS);
    const [from, to] = request.index.query as [number, number];
    expect([from <= 70000 && 70000 < to, to - from]).toEqual([true, Math.floor(MAX_CELLS / 131072)]);
    expect(BAND).toBe(64);
  });
});

describe("tiles", () => {
  it("come at the level at which no pooled cell is under a pixel", () => {
    expect([20, 1, 0.99, 0.5, 0.49, 0.25, 0.1].map(levelFor)).toEqual([0, 0, 1, 1, 2, 2, 4]);
  });

  it("cover the window once, the middle first, and end with the axes", () => {
    const tiles = tilesIn(1000, 600, { rows: [300, 700], columns: [0, 600] }, 0);
    expect(tiles.map(({ rows, columns }) => [...rows, ...columns]).sort()).toEqual(
      [
        [256, 512, 0, 256],
        [256, 512, 256, 512],
        [256, 512, 512, 600],
        [512, 768, 0, 256],
        [512, 768, 256, 512],
        [512, 768, 512, 600],
      ].sort(),
    );
    expect(tiles[0]!.columns).toEqual([256, 512]);
    expect(tilesIn(14, 14, { rows: [-5, 40], columns: [-5, 40] }, 0)).toHaveLength(1);
    expect(tilesIn(14, 14, { rows: [20, 40], columns: [0, 14] }, 0)).toEqual([]);
  });

  it("stand for 2^n cells a side at level n, each range beginning at a multiple of its pool", () => {
    const [tile] = tilesIn(4096, 4096, { rows: [0, 4096], columns: [0, 4096] }, 4);
    expect(tile).toEqual({ level: 4, pool: 16, rows: [0, 4096], columns: [0, 4096] });
    for (const { rows, columns, pool } of tilesIn(5000, 5000, { rows: [0, 5000], columns: [0, 5000] }, 2)) {
      expect([rows[0] % pool, columns[0] % pool, rows[0] % (TILE * pool)]).toEqual([0, 0, 0]);
    }
  });

  it("are asked for from the axis's own start", () => {
    const { drawn, pool } = drawnTile(LENS, "layer", "position", { level: 1, pool: 2, rows: [0, 5], columns: [0, 14] });
    expect(requestFor(LENS, 1, drawn, {}, { pool })).toMatchObject({
      index: { layer: [-1, 4], position: [0, 14] },
      pool: { layer: 2, position: 2 },
    });
  });
});
