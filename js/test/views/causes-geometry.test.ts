/** Where points and bars of causes stand: round ticks, the nearest point, running sums that close. */
import { describe, expect, it } from "vitest";
import { nearestPoint, niceTicks, placeX, placeY, scatterLayout } from "../../src/views/causes/scatter-layout";
import { placeOfTerm, waterfall } from "../../src/views/causes/waterfall-layout";
import { headsLayout, headsStack } from "../../src/views/heads/heads-layout";

const point = (x: number, y: number, head = 0) => ({ layer: 0, head, x, y });

describe("ticks", () => {
  it("are round and lie between the ends", () => {
    expect(niceTicks(-0.05, 1.05, 5)).toEqual([0, 0.5, 1]);
    expect(niceTicks(-0.05, 1.05, 6)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(niceTicks(-17, 8, 5)).toEqual([-15, -10, -5, 0, 5]);
    expect(niceTicks(0.0001, 0.00034, 3)).toEqual([0.0001, 0.0002, 0.0003]);
  });
});

describe("a scatter", () => {
  it("has zero within both axes, and larger numbers to the right and up", () => {
    const layout = scatterLayout([point(2, -4), point(3, -8)], 400, 200, false);
    for (const axis of [layout.x, layout.y]) expect(axis.low <= 0 && axis.high >= 0).toBe(true);
    expect(placeX(layout, 3)).toBeGreaterThan(placeX(layout, 2));
    expect(placeY(layout, -8)).toBeGreaterThan(placeY(layout, -4));
  });

  it("with equal axes is a square whose diagonal holds equal numbers", () => {
    const layout = scatterLayout([point(2, -4), point(-16, 3)], 500, 300, true);
    expect(layout.right - layout.left).toBe(layout.bottom - layout.top);
    for (const value of [-16, 0, 3])
      expect(placeX(layout, value) - layout.left).toBeCloseTo(layout.bottom - placeY(layout, value), 9);
  });

  it("of nothing, or of zeros alone, still has axes", () => {
    for (const points of [[], [point(0, 0)]]) {
      const { x, y } = scatterLayout(points, 400, 200, false);
      expect(x.high).toBeGreaterThan(x.low);
      expect(y.ticks.length).toBeGreaterThan(1);
    }
  });

  it("finds the nearest point within reach, and none beyond it", () => {
    const points = [point(0, 0, 0), point(1, 1, 1), point(1, 0.9, 2)];
    const layout = scatterLayout(points, 400, 200, false);
    const near = (x: number, y: number) => nearestPoint(layout, points, placeX(layout, x), placeY(layout, y))?.head;
    expect(near(0.99, 1.01)).toBe(1);
    expect(near(1, 0.92)).toBe(2);
    expect(near(0.5, 0.5)).toBe(undefined);
  });
});

describe("a waterfall", () => {
  const labels = ["embed", "head 0.0", "head 0.1", "mlp 0", "constant"];

  it("shows the largest first, gathers the rest, and each bar begins where the former ended", () => {
    const { bars, total, low, high } = waterfall(labels, [0.25, -2, 4, 0.5, -0.25], 2);
    expect(bars.map((bar) => bar.label)).toEqual(["head 0.1", "head 0.0", "3 other terms", "total"]);
    expect(bars.map(({ from, to }) => [from, to])).toEqual([
      [0, 4],
      [4, 2],
      [2, 2.5],
      [0, 2.5],
    ]);
    expect([total, low, high]).toEqual([2.5, 0, 4]);
  });

  it("does not gather a single term, and leaves out those that are no numbers", () => {
    const { bars, total } = waterfall(labels, [1, 2, Number.NaN, 4, Number.POSITIVE_INFINITY], 2);
    expect(bars.map((bar) => bar.label)).toEqual(["mlp 0", "head 0.0", "embed", "total"]);
    expect(total).toBe(7);
  });

  it("of falling sums reaches below zero", () => {
    const { low, high, total } = waterfall(["a", "b"], [-3, 1], 12);
    expect([low, high, total]).toEqual([-3, 0, -2]);
  });

  it("knows the places that terms name", () => {
    expect(placeOfTerm("head 3.2")).toEqual({ layer: 3, head: 2 });
    expect(placeOfTerm("mlp 11")).toEqual({ layer: 11 });
    for (const label of ["embed", "position embed", "39 other terms", "total"]) expect(placeOfTerm(label)).toBe(null);
  });
});

describe("two head grids", () => {
  it("stand beside each other while their cells can be read, else upon each other", () => {
    expect(headsStack(4, 4, 406, false)).toBe(false);
    expect(headsStack(12, 12, 406, false)).toBe(true);
    // where height is what limits them, stacking gains nothing
    expect(headsLayout(32, 32, 1000, 480, false).cell).toBeLessThan(1.5 * headsLayout(32, 32, 492, 480, false).cell);
    expect(headsStack(32, 32, 1000, false)).toBe(false);
  });

  it("stand beside each other in a narrow view where their numbers can be read", () => {
    expect([488, 388].map((width) => headsStack(4, 4, width, true))).toEqual([false, true]);
    expect(headsStack(12, 12, 488, true)).toBe(true);
  });
});
