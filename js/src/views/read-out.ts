/**
 * A half read out in words: a rounded number, or the state of the cell. The exact number is the kernel's to give.
 */
import { stateOf, valueOf } from "../paint/half";
import { numberText } from "../paint/numbers";
import { stateWords } from "./words";

export function stateWordsOf(bits: number | undefined, exponent: number): string {
  if (bits === undefined) return "–";
  const state = stateOf(bits);
  return state === "value" ? numberText(valueOf(bits, exponent)) : stateWords(state)!;
}
