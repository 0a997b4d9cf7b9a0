/**
 * Which lines the two-column view draws: one for each query and key, as strong as the weight between them.
 *
 * Pure. There is a limit to how many lines a picture holds; the weakest go first, and what they weigh is said, never hidden.
 */
import { halfTable } from "../paint/half";

export interface Line {
  query: number;
  key: number;
  weight: number;
}

export interface Lines {
  drawn: Line[];
  /** Lines left out, the weight under which they lie, and the share of all weight that they hold. */
  hidden: { count: number; below: number; share: number };
}

/** A row of weights: halves by key, from key `start`. */
export interface WeightRow {
  query: number;
  start: number;
  halves: Uint16Array;
  exponent: number;
}

export const MAX_LINES = 1500;
const THRESHOLDS = [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

export function linesOf(rows: WeightRow[], only: { query?: number; key?: number } = {}, limit = MAX_LINES): Lines {
  const values = halfTable();
  const all: Line[] = [];
  for (const { query, start, halves, exponent } of rows) {
    if (only.query !== undefined && query !== only.query) continue;
    const factor = 2 ** exponent;
    for (let i = 0; i < halves.length; i++) {
      const weight = values[halves[i]!]! * factor;
      if (!(Math.abs(weight) > 0) || !Number.isFinite(weight)) continue;
      if (only.key === undefined || start + i === only.key) all.push({ query, key: start + i, weight });
    }
  }
  const counts = THRESHOLDS.map((least) => all.reduce((n, { weight }) => n + (Math.abs(weight) >= least ? 1 : 0), 0));
  const chosen = counts.findIndex((count) => count <= limit);
  const below = THRESHOLDS[chosen < 0 ? THRESHOLDS.length - 1 : chosen]!;
  let kept = all.filter(({ weight }) => Math.abs(weight) >= below);
  kept.sort((a, b) => Math.abs(a.weight) - Math.abs(b.weight)); // the strongest are drawn last, on top
  let least = below;
  if (kept.length > limit) {
    least = Math.abs(kept[kept.length - limit]!.weight);
    kept = kept.slice(-limit);
  }
  const sum = (lines: Line[]) => lines.reduce((total, { weight }) => total + Math.abs(weight), 0);
  const total = sum(all);
  const share = total > 0 ? Math.max(0, 1 - sum(kept) / total) : 0;
  return { drawn: kept, hidden: { count: all.length - kept.length, below: least, share } };
}
