/**
 * The sign of a value of a diverging field, to be written where its colour is: hue alone must not tell gain from loss.
 *
 * Pure. What is so near to zero that its colour is the ground's has no sign; neither has a value of a sequential field.
 */
import { placeOf, type ResolvedScale } from "../paint/scale";

const NEAR = 0.025; // of the half scale
const LITTLE = 0.005; // of the scale's high: a power under one draws even less in colour

export function signOf(scale: ResolvedScale, value: number): "" | "+" | "−" {
  if (scale.kind !== "diverging" || Math.abs(value) < LITTLE * scale.high) return "";
  if (Math.abs(placeOf(scale, value) - 0.5) < NEAR / 2) return "";
  return value > 0 ? "+" : "−";
}
