/** Numbers in memory answer as the kernel does. */
import { describe, expect, it } from "vitest";
import { stateOf, valueOf } from "../src/paint/half";
import type { Index } from "../src/protocol";
import { type CellValue, SnapshotSource } from "../src/source/snapshot";
import { field } from "./shapes";

// (layer, position), layers from -1: the embedding's row is the first.
const META = field(
  "f",
  [
    ["layer", 3, -1],
    ["position", 4],
  ],
  { texts: true },
);
const CELLS: CellValue[] = [1, -8, 3, "masked", 5, 6, Number.NaN, 0.5, "absent", "masked", 2, Number.POSITIVE_INFINITY];
const WORDS = CELLS.map((_, cell) => `w${cell}`);
const source = new SnapshotSource([{ meta: META, values: CELLS, texts: WORDS }]);

async function read(index: Record<string, Index>, pool?: Record<string, number>) {
  const block = await source.read({ field: "f", epoch: 1, index, ...(pool && { pool }), texts: true });
  const cells = [...block.halves].map((bits) =>
    stateOf(bits) === "value" ? valueOf(bits, block.exponent) : stateOf(bits),
  );
  return { ...block, cells };
}

describe("a snapshot", () => {
  it("gives ranges, lists and single places in the field's own counting", async () => {
    expect(await read({ layer: [-1, 1], position: { list: [3, 0] } })).toMatchObject({
      dims: ["layer", "position"],
      shape: [2, 2],
      cells: ["masked", 1, 0.5, 5],
      texts: ["w3", "w0", "w7", "w4"],
      extent: [0.5, 5],
    });
    expect(await read({ layer: -1, position: 1 })).toMatchObject({ dims: [], shape: [], cells: [-8] });
  });

  it("reduces over what holds numbers", async () => {
    const over = (reduce: "mean" | "max" | "sum" | "absmax") =>
      read({ layer: -1, position: { reduce } }).then(({ cells }) => cells[0]);
    const closest = (value: unknown) => Math.round((value as number) * 100) / 100;
    expect(closest(await over("mean"))).toBe(-1.33);
    expect([await over("max"), await over("sum"), await over("absmax")]).toEqual([3, -4, -8]);
    expect((await read({ layer: 0, position: { reduce: "sum" } })).cells).toEqual(["nan"]);
    expect((await read({ layer: [1, 2], position: [0, 2] }, { position: 2 })).cells).toEqual(["masked"]);
  });

  it("pools ranges, the last cell covering what is left", async () => {
    const { cells, shape, extent } = await read({ layer: [-1, 2], position: [0, 3] }, { position: 2 });
    expect([shape, cells, extent]).toEqual([
      [3, 2],
      [1, 3, 6, "nan", "masked", 2],
      [-8, 6],
    ]);
  });

  it("keeps very large and very small numbers by the exponent", async () => {
    for (const size of [1e9, 1e-9]) {
      const one = new SnapshotSource([{ meta: field("f", [["key", 3]]), values: [size, -size / 3, 0] }]);
      const { halves, exponent } = await one.read({ field: "f", epoch: 1, index: { key: [0, 3] } });
      const values = [...halves].map((bits) => valueOf(bits, exponent) / size);
      for (const [at, expected] of [1, -1 / 3, 0].entries())
        expect(Math.abs(values[at]! - expected)).toBeLessThan(5e-4);
    }
  });

  it("gives single cells exactly, with their state and word", async () => {
    const cell = (layer: number, position: number) => source.cell({ field: "f", epoch: 1, index: { layer, position } });
    expect(await cell(0, 3)).toEqual({ value: 0.5, state: "value", text: "w7", detail: [], more: [] });
    const states = await Promise.all(
      [cell(0, 2), cell(1, 0), cell(1, 1), cell(1, 3)].map((one) => one.then(({ state }) => state)),
    );
    expect(states).toEqual(["nan", "absent", "masked", "inf"]);
  });

  it("says what is wrong with a request", async () => {
    const failure = (index: Record<string, Index>, pool?: Record<string, number>) =>
      read(index, pool).catch((error) => error.message);
    expect(await failure({ layer: 2, position: 0 })).toBe("layer: 2 is outside, its range is -1 to 1");
    expect(await failure({ layer: 0 })).toBe("position: the request does not say what is wanted, its range is 0 to 3");
    expect(await failure({ layer: 0, position: [1, 3] }, { position: 2 })).toContain(
      "does not begin at a multiple of its pool 2",
    );
    await expect(source.read({ field: "g", epoch: 1, index: {} })).rejects.toThrow("no field g; there are f");
  });
});
