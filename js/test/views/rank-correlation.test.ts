/** Spearman's rank correlation against closed cases, and against another implementation's numbers. */
import { describe, expect, it } from "vitest";
import fixture from "../../../tests/contract/fixtures/rank_correlation.json";
import { averageRanks, rankCorrelation } from "../../src/views/causes/rank-correlation";

describe("rank correlation", () => {
  it("gives equal numbers the average of their ranks", () => {
    expect(averageRanks([30, 10, 20, 20])).toEqual([4, 1, 2.5, 2.5]);
    expect(averageRanks([5, 5, 5])).toEqual([2, 2, 2]);
    expect(averageRanks([])).toEqual([]);
  });

  it("is 1 for any rising relation, and -1 for any falling one", () => {
    const xs = [-3, 0.5, 1, 40, 41];
    expect(rankCorrelation(xs, xs.map(Math.exp))).toBeCloseTo(1, 12);
    expect(rankCorrelation(xs, [9, 8, 7, 1, 0])).toBeCloseTo(-1, 12);
  });

  it("follows the short formula where there are no ties: 1 - 6 Σd² / n(n² - 1)", () => {
    const [xs, ys] = [
      [1, 2, 3, 4, 5, 6],
      [2, 1, 4, 3, 6, 5],
    ];
    expect(rankCorrelation(xs!, ys!)).toBeCloseTo(1 - (6 * 6) / (6 * 35), 12);
  });

  it("is not stated where there is no order, or fewer than three pairs", () => {
    expect(rankCorrelation([1, 2, 3], [4, 4, 4])).toBe(null);
    expect(rankCorrelation([1, 2], [1, 2])).toBe(null);
    expect(() => rankCorrelation([1, 2, 3], [1])).toThrow("3 numbers against 1");
  });

  for (const { name, x, y, x_ranks, rho } of fixture.cases) {
    it(`agrees with an independent implementation: ${name}`, () => {
      expect(averageRanks(x)).toEqual(x_ranks);
      const found = rankCorrelation(x, y);
      if (rho === null) expect(found).toBe(null);
      else expect(found).toBeCloseTo(rho, 12);
    });
  }
});
