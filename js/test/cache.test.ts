/** Kept blocks: bounded by bytes, found by what they hold. */
import { describe, expect, it } from "vitest";
import { valueOf } from "../src/paint/half";
import type { BlockRequest, Index } from "../src/protocol";
import { BlockCache } from "../src/source/cache";
import { SnapshotSource } from "../src/source/snapshot";
import { ATTENTION, block } from "./shapes";

const at = (index: Record<string, Index>, pool?: Record<string, number>): BlockRequest => ({
  field: "attention",
  epoch: 1,
  index: { layer: 0, head: 0, query: 0, key: [0, 14], ...index },
  ...(pool && { pool }),
});

const size = ATTENTION.axes.reduce((product, axis) => product * axis.size, 1);
const values = Array.from({ length: size }, (_, cell) => ((cell * 7919) % 1021) / 1024);
const kernel = new SnapshotSource([{ meta: ATTENTION, values }]);

describe("the cache", () => {
  it("lets the block go that was unused for longest", () => {
    const cache = new BlockCache(3000);
    const blocks = [0, 1, 2].map((layer) => block(at({ layer }), ["key"], [500], new Array(500).fill(layer)));
    cache.put(blocks[0]!);
    cache.put(blocks[1]!);
    expect(cache.find(at({ layer: 0 }))).toBeDefined();
    cache.put(blocks[2]!);
    expect([0, 1, 2].map((layer) => cache.find(at({ layer })) !== undefined)).toEqual([true, false, true]);
    expect(cache.bytes).toBe(2 * 1400);
  });

  it("counts a block once that is put again, and none of an epoch that is not kept", () => {
    const cache = new BlockCache();
    const one = block(at({}), ["key"], [14], new Array(14).fill(0));
    cache.put(one);
    cache.put(one);
    expect([cache.size, cache.bytes]).toEqual([1, 428]);
    cache.put(block({ ...at({}), epoch: 2 }, ["key"], [14], new Array(14).fill(0)));
    cache.keep(new Set([2, 3]));
    expect([cache.size, cache.bytes, cache.find(at({}))]).toEqual([1, 428, undefined]);
    cache.keep(new Set());
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  const held: [string, BlockRequest][] = [
    ["a whole pattern", at({ query: [0, 14] })],
    ["a band of queries", at({ query: [4, 12] })],
    ["a pack of heads", at({ head: [0, 4], query: [0, 14] })],
    ["a list of heads", at({ head: { list: [3, 0] }, query: [0, 14] })],
    ["thumbnails", at({ head: [0, 4], query: [0, 14] }, { query: 4, key: 4 })],
    ["a mean over queries", at({ head: [0, 4], query: { reduce: "mean" } })],
  ];
  const wanted: [string, BlockRequest][] = [
    ["a row", at({ query: 5 })],
    ["a cell", at({ query: 5, key: 3 })],
    ["part of a row", at({ query: 5, key: [2, 7] })],
    ["some queries", at({ query: [5, 9] })],
    ["queries by list", at({ query: { list: [9, 5] } })],
    ["one head's thumbnail", at({ query: [0, 14] }, { query: 4, key: 4 })],
    ["part of a thumbnail", at({ query: [4, 14], key: [8, 12] }, { query: 4, key: 4 })],
    ["a thumbnail off its grid", at({ query: [2, 14] }, { query: 2, key: 4 })],
    ["another head's row", at({ head: 3, query: 5 })],
    ["the mean of one head", at({ query: { reduce: "mean" } })],
    ["the largest of one head", at({ query: { reduce: "max" } })],
    ["another layer", at({ layer: 1 })],
  ];
  const inside: Record<string, string[]> = {
    "a whole pattern": ["a row", "a cell", "part of a row", "some queries", "queries by list"],
    "a band of queries": ["a row", "a cell", "part of a row", "some queries", "queries by list"],
    "a pack of heads": ["a row", "a cell", "part of a row", "some queries", "queries by list", "another head's row"],
    "a list of heads": ["a row", "a cell", "part of a row", "some queries", "queries by list", "another head's row"],
    thumbnails: ["one head's thumbnail", "part of a thumbnail"],
    "a mean over queries": ["the mean of one head"],
  };

  it.each(held)(
    "finds in %s what is in there, just as the kernel answers it, and nothing else",
    async (name, request) => {
      const cache = new BlockCache();
      cache.put(await kernel.read(request));
      const found: string[] = [];
      for (const [what, want] of wanted) {
        const part = cache.find(want);
        if (!part) continue;
        found.push(what);
        const asked = await kernel.read(want);
        expect([part.dims, part.shape, part.texts]).toEqual([asked.dims, asked.shape, asked.texts]);
        const [mine, theirs] = [part, asked].map(({ halves, exponent }) =>
          [...halves].map((bits) => valueOf(bits, exponent)),
        );
        // Means are rounded to halves; the other values are whole multiples of 2^-10 and exact.
        for (const [cell, value] of mine!.entries()) expect(value).toBeCloseTo(theirs![cell]!, 3);
        if (!want.pool)
          expect(part.extent!.map((end) => Math.round(end * 500))).toEqual(
            asked.extent!.map((end) => Math.round(end * 500)),
          );
      }
      expect(found).toEqual(inside[name]);
    },
  );

  it("finds words only in blocks that were asked for with them", () => {
    const cache = new BlockCache();
    cache.put(block(at({}), ["key"], [14], new Array(14).fill(0)));
    expect(cache.find({ ...at({ key: 3 }), texts: true })).toBeUndefined();
    const words = Array.from({ length: 14 }, (_, key) => `w${key}`);
    cache.put({ ...block({ ...at({}), texts: true }, ["key"], [14], new Array(14).fill(0)), texts: words });
    expect(cache.find({ ...at({ key: [3, 5] }), texts: true })?.texts).toEqual(["w3", "w4"]);
    expect(cache.find(at({ key: 3 }))?.texts).toBeNull();
  });
});
