/**
 * Which notes pass the filters: the panel lists these, and the views mark these.
 *
 * Pure. Whether letters are small or large makes no difference anywhere; a note of no layer passes no filter by layer.
 */
import type { NoteItem } from "../../protocol";
import type { About, Filters } from "../../protocol-notes";

const folded = (text: string) => text.normalize("NFKC").toLowerCase();

/** The layers that a note is about, also one that could stand in several places. */
export function layersOf({ about, choices }: NoteItem): number[] {
  return (about ? [about] : choices.map((choice) => choice.about)).flatMap(layersAt);
}

function layersAt({ layer, heads, change }: About): number[] {
  return [...(layer === null ? [] : [layer]), ...heads.map(([one]) => one), ...(change?.layer ?? [])];
}

/** Every word of the search has to be somewhere in its text, its tags, its author or the words for its place. */
export function passes(item: NoteItem, { search, tag, author, evidence, layer, resolved }: Filters): boolean {
  if (item.resolved && resolved === "open") return false;
  if (evidence && item.evidence !== evidence) return false;
  if (tag && !item.tags.some((one) => folded(one) === folded(tag))) return false;
  if (author && folded(item.author) !== folded(author)) return false;
  if (layer !== null && !layersOf(item).includes(layer)) return false;
  const all = folded([item.text, ...item.tags, item.author, item.words].join("\n"));
  return folded(search)
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** Whether notes are kept out by choice; that resolved ones are, is none. */
export const isFiltered = ({ search, tag, author, evidence, layer }: Filters): boolean =>
  search + tag + author + evidence !== "" || layer !== null;

export const UNFILTERED: Partial<Filters> = { search: "", tag: "", author: "", evidence: "", layer: null };
