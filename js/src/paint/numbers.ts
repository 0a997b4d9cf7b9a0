/** Numbers as text: a true minus sign, few digits, the same everywhere. */

const MINUS = "\u2212";

/** About `digits` significant digits, without trailing zeros; very large and very small ones in powers of ten. */
export function numberText(value: number | null, digits = 3): string {
  if (value === null || Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-4
      ? size
          .toExponential(digits - 1)
          .replace(/\.?0+e/, "e")
          .replace("e+", "e")
      : String(Number(size.toPrecision(Math.max(digits, Math.ceil(Math.log10(size))))));
  return (value < 0 ? MINUS : "") + text.replace("e-", `e${MINUS}`);
}

/** A share as a percentage: 0.9382 is "93.8%". What is small is not said to be nothing, nor what is nearly all to be all. */
export function percentText(share: number): string {
  if (share > 0 && share < 0.0005) return "<0.1%";
  if (share < 1 && share >= 0.9995) return ">99.9%";
  return `${(share * 100).toFixed(1)}%`;
}

/** With its sign always shown, for what is a change. */
export function signedText(value: number, digits = 3): string {
  const text = numberText(value, digits);
  return value > 0 ? `+${text}` : text;
}

/**
 * A number on a cell of a few letters' width. On a diverging scale it has its sign, and all cells have as many decimals as the largest
 * needs for two or three digits, so that they compare at a glance.
 */
export function cellText(value: number, { kind, high }: { kind: string; high: number }): string {
  if (kind !== "diverging") return numberText(value, 2);
  const decimals = high >= 100 ? 0 : high >= 1 ? 1 : high >= 0.1 ? 2 : 3;
  if (high < 0.01) return signedText(value, 1);
  return signedFixed(value, decimals);
}

/** With so many decimals and its sign; what rounds to zero has none. */
export function signedFixed(value: number, decimals: number): string {
  const text = Math.abs(value).toFixed(decimals);
  return Number(text) === 0 ? text : (value < 0 ? MINUS : "+") + text;
}
