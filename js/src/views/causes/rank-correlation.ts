/**
 * Spearman's rank correlation: whether two quantities order the same things alike, whatever their units.
 *
 * Pure. Equal numbers share the average of their ranks; the result is Pearson's correlation of the ranks (Spearman 1904), which
 * holds with ties as well, unlike the short formula. tests/contract/fixtures/rank_correlation.json holds it to an independent one.
 */

/** Ranks from 1, equal numbers sharing the average of theirs. */
export function averageRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let at = from; at < to; at++) ranks[order[at]!] = (from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}

/** In [-1, 1]; null for fewer than three pairs, and where all of one side are equal, for then there is no order to compare. */
export function rankCorrelation(xs: readonly number[], ys: readonly number[]): number | null {
  if (xs.length !== ys.length) throw new RangeError(`${xs.length} numbers against ${ys.length}: expected as many`);
  if (xs.length < 3) return null;
  const [a, b] = [averageRanks(xs), averageRanks(ys)];
  const middle = (xs.length + 1) / 2;
  let [both, left, right] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [u, v] = [a[i]! - middle, b[i]! - middle];
    both += u * v;
    left += u * u;
    right += v * v;
  }
  return left === 0 || right === 0 ? null : both / Math.sqrt(left * right);
}
