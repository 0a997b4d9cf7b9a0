/**
 * Which lines the two-column view draws: one for each query and key, as strong as the weight between them.
 *
 * Pure. There is a limit to how many lines a picture holds; the weakest go first, and what they weigh is said, never hidden.
 */
import { halfTable } from "../../paint/half";

export interface Line {
  query: number;
  key: number;
  weight: number;
}

export interface Lines {
  drawn: Line[];
  /** Lines left out, the largest weight among them, and the share of all weight that they hold. */
  hidden: { count: number; most: number; share: number };
}

/** A row of weights: halves by key, from key `start`. */
export interface WeightRow {
  query: number;
  start: number;
  halves: Uint16Array;
  exponent: number;
}

export const MAX_LINES = 1500;

/**
 * Lines to keys outside [from, to) as one line a query and side, to the key next to the edge, as heavy as all of them together:
 * drawn one over another they would look stronger than they are.
 */
export function gathered(lines: Line[], [from, to]: readonly [number, number]): Line[] {
  const inside = lines.filter(({ key }) => key >= from && key < to);
  const outside = new Map<string, Line>();
  for (const { query, key, weight } of lines) {
    if (key >= from && key < to) continue;
    const edge = key < from ? from - 1 : to;
    const name = `${query} ${edge}`;
    outside.set(name, { query, key: edge, weight: (outside.get(name)?.weight ?? 0) + weight });
  }
  return [...inside, ...outside.values()];
}

export function linesOf(
  rows: WeightRow[],
  only: { query?: number; key?: number } = {},
  window: readonly [number, number] = [0, Number.POSITIVE_INFINITY],
  limit = MAX_LINES,
): Lines {
  const values = halfTable();
  const found: Line[] = [];
  for (const { query, start, halves, exponent } of rows) {
    if (only.query !== undefined && query !== only.query) continue;
    const factor = 2 ** exponent;
    for (let i = 0; i < halves.length; i++) {
      const weight = values[halves[i]!]! * factor;
      if (!(Math.abs(weight) > 0) || !Number.isFinite(weight)) continue;
      if (only.key === undefined || start + i === only.key) found.push({ query, key: start + i, weight });
    }
  }
  const all = gathered(found, window);
  all.sort((a, b) => Math.abs(a.weight) - Math.abs(b.weight)); // the strongest are drawn last, on top
  const count = Math.max(0, all.length - limit);
  const left = all.slice(0, count);
  const sum = (lines: Line[]) => lines.reduce((total, { weight }) => total + Math.abs(weight), 0);
  const total = sum(all);
  const hidden = { count, most: Math.abs(left.at(-1)?.weight ?? 0), share: total > 0 ? sum(left) / total : 0 };
  return { drawn: all.slice(count), hidden };
}
