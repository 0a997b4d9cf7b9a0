/**
 * From a value to its place on a colour scale.
 *
 * A sequential scale runs from its low end (place 0) to its high end (place 1); a diverging one is symmetric about zero, which stands at
 * place 0.5. A power under one spreads the values near low (or near zero) apart, so that weak cells are seen.
 */
import type { Scale } from "../protocol";

export interface ResolvedScale {
  readonly kind: Scale["kind"];
  readonly low: number;
  readonly high: number;
  readonly power: number;
  /** No value is known that its ends could be taken from. */
  readonly unknown?: true;
}

export type Extent = [number, number];

/** The least extent that holds both; null is no extent. */
export function union(a: Extent | null, b: Extent | null): Extent | null {
  if (!a || !b) return a ?? b;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

/** A scale with its ends filled in: `high: null` takes them from the extent that blocks report. */
export function resolveScale(scale: Scale, extent: Extent | null): ResolvedScale {
  const { kind, power } = scale;
  const unknown = scale.high === null && extent === null ? ({ unknown: true } as const) : {};
  if (kind === "diverging") {
    const reach = scale.high ?? Math.max(Math.abs(extent?.[0] ?? 0), Math.abs(extent?.[1] ?? 0));
    const bound = Math.abs(reach) || 1;
    return { kind, low: -bound, high: bound, power, ...unknown };
  }
  const high = scale.high ?? extent?.[1] ?? scale.low + 1;
  return { kind, low: scale.low, high: high > scale.low ? high : scale.low + 1, power, ...unknown };
}

/** Place of a finite value, in [0, 1]; what lies beyond an end is put at that end. */
export function placeOf(scale: ResolvedScale, value: number): number {
  if (scale.kind === "diverging") {
    const share = Math.min(Math.abs(value) / scale.high, 1) ** scale.power;
    return 0.5 + (value < 0 ? -0.5 : 0.5) * share;
  }
  const share = (value - scale.low) / (scale.high - scale.low);
  return share <= 0 ? 0 : Math.min(share, 1) ** scale.power;
}

/** The value that stands at a place: the inverse of `placeOf`. */
export function valueAt(scale: ResolvedScale, place: number): number {
  if (scale.kind === "diverging") {
    const side = 2 * place - 1;
    return Math.sign(side) * scale.high * Math.abs(side) ** (1 / scale.power);
  }
  return scale.low + (scale.high - scale.low) * place ** (1 / scale.power);
}

/** Beyond which end a value lies, or null. Halves round, so a hair past the end is not beyond it. */
export function clipped(scale: ResolvedScale, value: number): "below" | "above" | null {
  const slack = (scale.high - scale.low) * 1e-3;
  if (value > scale.high + slack) return "above";
  return value < scale.low - slack ? "below" : null;
}
