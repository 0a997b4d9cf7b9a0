/**
 * Notes under the tokens that they are about: those of tokens, and of the shown head those from a query.
 *
 * Always true: a hover of tokens changes nothing here, and of the spans only those are touched whose mark has changed.
 */
import { looksAt, type Marked, type Span, type Spot } from "../notes/marks";
import { marksOf } from "../notes/note-marks";
import type { Ui } from "../ui";
import type { TokenText } from "./token-text";

export interface NotedTokens {
  marked: readonly Marked[];
  open: readonly Span[];
}

/** What is marked in the text now; reads signals. */
export function notedTokens(ui: Ui): NotedTokens {
  const { index, open } = marksOf(ui);
  const { layer, head } = ui.stage.selection.shown;
  const looks = looksAt(index.value, layer.value, head.value).filter(({ query }) => query !== null);
  const seen = (spot: Spot) =>
    spot.head === null ? spot.layer === null : spot.layer === layer.value && spot.head === head.value;
  const marked = looks.length === 0 ? index.value.tokens : [...index.value.tokens, ...looks];
  return { marked, open: open.value.flatMap((spot) => (spot.query && seen(spot) ? [spot.query] : [])) };
}

export function markNotes(text: TokenText, { marked, open }: NotedTokens): void {
  const spans = (hollow: boolean) => marked.filter((one) => one.hollow === hollow).map(({ query }) => query!);
  text.markAll("noted", spans(false));
  text.markAll("hollow", spans(true));
  text.markAll("opened", open);
}
