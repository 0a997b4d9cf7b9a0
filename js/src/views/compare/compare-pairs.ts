/**
 * Which tokens of two prompts stand for each other, as pairs of positions that rise in both; joining and parting them by hand.
 *
 * Pure. Always true: what is given back rises strictly in both positions, for the kernel takes no other alignment.
 */
import type { Compared } from "../../protocol";

export type Pair = [number, number];
export type Side = 0 | 1; // the first prompt, the second

/** One column of the picture: a pair, or a token that nothing stands for. */
export interface Column {
  at: readonly [number | null, number | null];
}

/** All tokens of both from left to right, pairs one above the other. */
export function columnsOf(pairs: Pair[], totals: readonly [number, number]): Column[] {
  const columns: Column[] = [];
  let [first, second] = [0, 0];
  for (const [i, j] of [...pairs, totals]) {
    for (; first < i; first++) columns.push({ at: [first, null] });
    for (; second < j; second++) columns.push({ at: [null, second] });
    if (i < totals[0] && j < totals[1]) columns.push({ at: [first++, second++] });
  }
  return columns;
}

export function partnerOf(pairs: Pair[], side: Side, position: number): number | null {
  return pairs.find((pair) => pair[side] === position)?.[1 - side] ?? null;
}

/** With this pair in, and without those that it crosses or whose token it takes. */
export function joined(pairs: Pair[], [i, j]: Pair): Pair[] {
  const kept = pairs.filter(([a, b]) => (a < i && b < j) || (a > i && b > j));
  return [...kept, [i, j] as Pair].sort((one, other) => one[0] - other[0]);
}

export const parted = (pairs: Pair[], [i, j]: Pair): Pair[] => pairs.filter(([a, b]) => a !== i || b !== j);

/** Parts the two where they are a pair, else joins them. */
export function toggled(pairs: Pair[], [i, j]: Pair): Pair[] {
  return partnerOf(pairs, 0, i) === j ? parted(pairs, [i, j]) : joined(pairs, [i, j]);
}

const HOW: Record<Compared["how"], string> = {
  position: "aligned by position",
  likeness: "aligned by likeness",
  hand: "aligned by hand",
};

/** "aligned by likeness · 13 pairs · 1 and 2 without a partner". */
export function alignmentWords({ how, pairs }: Compared, totals: readonly [number, number]): string {
  const alone = totals.map((total) => total - pairs.length);
  const count = `${pairs.length.toLocaleString("en")} pair${pairs.length === 1 ? "" : "s"}`;
  const rest = alone[0] || alone[1] ? ` · ${alone[0]} and ${alone[1]} without a partner` : "";
  return `${HOW[how]} · ${count}${rest}`;
}
