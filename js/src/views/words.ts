/**
 * How places (a token, a head, a layer) and exact numbers are put into words, everywhere alike.
 *
 * Pure: strings in, strings out. A token's text is data; whoever puts it on the page does so as a text node or on a canvas.
 * What a token looks like by itself is decided in tokens.ts, rounded numbers are paint/numbers.ts's.
 */
import type { Cell } from "../protocol";
import { shortened, type TokenKind, tokenText } from "../tokens";

/** A token where there is little room: as tokens.ts shows it, without the spaces around it. */
export function tokenLabel(text: string | undefined, kind: TokenKind = "text"): string {
  if (text === undefined) return "";
  return tokenText(text.replace(/^ +| +$/g, "") || text, kind);
}

/** A token within a sentence: “to”. Long ones are cut. */
export function tokenQuote(text: string | undefined): string {
  return `“${shortened(tokenLabel(text), 24)}”`;
}

export const headShort = (layer: number, head: number): string => `L${layer}H${head}`;

/** A layer in words: the embedding's row of the logit lens has the number -1. */
export const layerName = (layer: number): string => (layer < 0 ? "embedding" : `layer ${layer}`);

const MINUS = "\u2212";
const withMinus = (digits: string): string => digits.replace(/^-/, MINUS).replace("e-", `e${MINUS}`);

/** The shortest decimal that reads back to the same float32. */
export function exactNumber(value: number): string {
  const target = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = target.toPrecision(digits);
    if (Math.fround(Number(text)) === target) return withMinus(String(Number(text)).replace("e+", "e"));
  }
  return withMinus(String(target));
}

const STATES: Record<Exclude<Cell["state"], "value">, string> = {
  nan: "NaN: not a number",
  inf: "∞: above all numbers",
  "-inf": `${MINUS}∞: below all numbers`,
  masked: "masked: the model may not look there",
  absent: "absent: this layer has no such head",
  pending: "pending: not computed yet",
};

/** The state of a cell in words; null for an ordinary value. */
export function stateWords(state: Cell["state"]): string | null {
  return state === "value" ? null : STATES[state];
}
