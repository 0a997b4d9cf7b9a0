/**
 * What a note is about, in a few words: “L3H1 · “ to” → “ Mary””, just as the kernel says it of a note that is kept.
 *
 * Pure. Token texts go in raw and come out as plain strings; PlaceWords shows their signs.
 */
import type { About } from "../../protocol";
import { headShort, layerName } from "../words";

const LONGEST = 24;
const MOST_HEADS = 6;

/** The text of these tokens, its middle left out where it is long. */
function quoted(texts: string[], [start, stop]: [number, number]): string {
  const all = [...texts.slice(start, stop).join("")];
  const half = LONGEST / 2;
  const shown = all.length <= LONGEST ? all : [...all.slice(0, half), "…", ...all.slice(half + 1 - LONGEST)];
  return `“${shown.join("")}”`;
}

function headWords({ layer, head, heads }: About): string {
  if (heads.length > 0) {
    const names = heads.slice(0, MOST_HEADS).map((at) => at.join("."));
    const more = heads.length - names.length;
    return `head${heads.length > 1 ? "s" : ""} ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  }
  if (layer === null) return head === null ? "" : `head ${head}`;
  return head === null ? layerName(layer) : headShort(layer, head);
}

/** `change`: what the intervention is called, where it is about one. */
export function aboutWords(about: About, texts: string[], change = "a change"): string {
  if (about.change !== null) return change;
  const { query, key } = about;
  const looks = [query && quoted(texts, query), key && `→ ${quoted(texts, key)}`].filter(Boolean).join(" ");
  return [headWords(about), looks].filter(Boolean).join(" · ") || "the whole run";
}
