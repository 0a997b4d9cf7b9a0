/**
 * The metric in words: what is measured, where, and how much of it.
 *
 * Pure: strings out; token texts are data, shown as tokens.ts shows them.
 */
import { signedText } from "../paint/numbers";
import type { Metric } from "../protocol";
import { shortened, tokenText } from "../tokens";

const MINUS = "\u2212";

const logit = (text: string): string => `logit(${shortened(tokenText(text), 24)})`;

/** "logit(·Mary) − logit(·John)"; other quantities as the kernel names them. */
export function metricWords({ quantity, target, foil, name }: Metric): string {
  if (quantity !== "logit_difference" || foil === null) return shortened(name, 80);
  return `${logit(target.text)} ${MINUS} ${logit(foil.text)}`;
}

/** Two decimals, so that numbers below each other compare; what is too small or too large for them as everywhere else. */
export function metricNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.1 || size >= 1e4)) return signedText(value).replace("+", "");
  return (value < 0 ? MINUS : "") + size.toFixed(2);
}

/** The same of a change, with its sign. */
export const changeNumber = (value: number): string => (value > 0 ? "+" : "") + metricNumber(value);
