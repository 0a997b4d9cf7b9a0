/**
 * A half read out in words: a rounded number, or the state of the cell. The exact number is the kernel's to give.
 */
import { stateOf, valueOf } from "../paint/half";
import { numberText } from "../paint/numbers";
import type { FieldMeta } from "../protocol";
import { stateWords } from "./words";

export function stateWordsOf(bits: number | undefined, exponent: number): string {
  if (bits === undefined) return "–";
  const state = stateOf(bits);
  return state === "value" ? numberText(valueOf(bits, exponent)) : stateWords(state)!;
}

/** A number with the name and unit of what it is: "ablation effect −8.6 logits". */
export function numberWords({ title, unit }: FieldMeta, bits: number, exponent: number): string {
  return `${title} ${stateWordsOf(bits, exponent)}${unit === "" || unit === "share" ? "" : ` ${unit}`}`;
}
