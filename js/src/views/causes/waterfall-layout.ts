/**
 * The bars of a waterfall: each part of a sum begins where the one before it ended, and the last bar is the sum.
 *
 * Pure. The parts of largest magnitude come first, one bar each; what is left over is gathered into one bar, so that the bars always
 * add up to the whole. A term that is not a number is a part
 * that this model does not have, and is left out.
 */
export interface Bar {
  readonly label: string;
  /** Index of the term; null for what is gathered and for the total. */
  readonly term: number | null;
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

export interface Waterfall {
  readonly bars: Bar[];
  readonly total: number;
  /** Ends of the scale; zero lies between them. */
  readonly low: number;
  readonly high: number;
}

export function waterfall(labels: readonly string[], values: readonly number[], most: number): Waterfall {
  const there = values.map((_, i) => i).filter((i) => Number.isFinite(values[i]!));
  there.sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
  // One term alone is shown by its name: gathering it would save nothing.
  const shown = there.length <= most + 1 ? there.length : most;
  const bars: Bar[] = [];
  let sum = 0;
  const add = (label: string, term: number | null, value: number) => {
    bars.push({ label, term, value, from: sum, to: sum + value });
    sum += value;
  };
  for (const i of there.slice(0, shown)) add(labels[i] ?? `term ${i}`, i, values[i]!);
  const rest = there.slice(shown);
  if (rest.length > 0)
    add(
      `${rest.length} other terms`,
      null,
      rest.reduce((all, i) => all + values[i]!, 0),
    );
  const ends = [0, ...bars.map((bar) => bar.to)];
  const total = { label: "total", term: null, value: sum, from: 0, to: sum };
  return {
    bars: [...bars, total],
    total: sum,
    low: Math.min(...ends),
    high: Math.max(...ends),
  };
}

/** Which place a term names: "head 3.2" a head, "mlp 1" a layer, "embed" none. */
export function placeOfTerm(label: string): { layer: number; head?: number } | null {
  const found = /\s(\d+)(?:\.(\d+))?$/.exec(label);
  if (!found) return null;
  const layer = Number(found[1]);
  return found[2] === undefined ? { layer } : { layer, head: Number(found[2]) };
}
