/**
 * The kind of evidence a panel shows, as a mark and a word: never the mark or a colour alone.
 *
 * The wording is made here and nowhere else in the page, so that no panel claims more than another.
 */
import type { Evidence } from "../protocol";

export const EVIDENCE: Record<Evidence, { mark: string; word: string; meaning: string }> = {
  observation: { mark: "○", word: "observed", meaning: "read off the forward pass; says nothing about what is used" },
  attribution: { mark: "◔", word: "attributed", meaning: "a share of the output, by a method with assumptions" },
  correlation: { mark: "≈", word: "correlated", meaning: "can be read from it; need not be used" },
  intervention: { mark: "●", word: "intervened", meaning: "the change when this part of the model was changed" },
  unstated: { mark: "·", word: "unstated", meaning: "nobody said what kind of evidence this is" },
};

export function EvidenceMark({ evidence }: { evidence: Evidence }) {
  const { mark, word, meaning } = EVIDENCE[evidence];
  return (
    <span class="evidence" data-evidence={evidence} title={`${word}: ${meaning}`}>
      <span aria-hidden="true">{mark}</span> {word}
    </span>
  );
}
