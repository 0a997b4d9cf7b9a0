/**
 * How a note's evidence, standing, time and place are put into words.
 *
 * Always true: evidence has the marks and meanings of the panels (evidence.tsx), and no word of its own; what is not seen in the text of a
 * token or a name is shown by a sign.
 */
import { EVIDENCE } from "../../panels/evidence";
import type { NoteEvidence, NoteItem, Standing } from "../../protocol-notes";
import { shortened, tokenParts, tokenText } from "../../tokens";
import { textOf } from "./tree";

export const EVIDENCES = Object.values(EVIDENCE) as { mark: string; word: NoteEvidence; meaning: string }[];

export const evidenceOf = (evidence: NoteEvidence) =>
  EVIDENCES.find(({ word }) => word === evidence) ?? EVIDENCES.at(-1)!;

/** Where a note stands, if that needs a word. */
export const STANDING: Record<Standing, string> = {
  here: "",
  moved: "moved",
  choose: "found more than once",
  carried: "from another model",
  detached: "not found here",
};

/** A name or a tag, in which nothing is unseen: no sign that turns the letters round, no control character. */
export function plainly(text: string): string {
  return tokenParts(text)
    .map(({ kind, shown, stands }) => (kind === "space" ? stands : kind === "empty" ? "" : shown))
    .join("");
}

/** The first words of a note as they are seen, without the marks of Markdown. */
export function firstWords({ text, tree }: Pick<NoteItem, "text" | "tree">): string {
  const seen = tree ? tree.map(textOf).join("") : text;
  return shortened(plainly(seen.trim().replace(/\s+/g, " ")), 60);
}

/** A time of day for today, else a day; what can not be read as ISO 8601 as it came. */
export function timeWords(created: string, now = new Date()): { short: string; full: string } {
  const at = new Date(/^\d{4}-\d\d-\d\dT/.test(created) ? created : "");
  if (Number.isNaN(+at)) return { short: shortened(plainly(created), 32), full: created };
  const isToday = at.toDateString() === now.toDateString();
  const day = { day: "numeric", month: "short" } as const;
  const year = at.getFullYear() === now.getFullYear() ? {} : ({ year: "numeric" } as const);
  const short = isToday ? ({ hour: "numeric", minute: "2-digit" } as const) : { ...day, ...year };
  return { short: at.toLocaleString([], short), full: String(at) };
}

/** The words for a place: quoted tokens as tokens are shown, in the type of tokens. */
export function PlaceWords({ words }: { words: string }) {
  return (
    <bdi>
      {words.split(/“([^”]*)”/).map((part, i) =>
        i % 2 === 0 ? (
          plainly(part)
        ) : (
          <span key={i} class="quote">
            “<span class="token">{tokenText(part)}</span>”
          </span>
        ),
      )}
    </bdi>
  );
}
