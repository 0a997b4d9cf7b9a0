/**
 * Which notes are drawn where: pure, from the items that stand on the shown run to the places of each view.
 *
 * A note becomes spots, each of one head at most; the views look theirs up here by head, by layer and by change. Always true: an index is
 * made once per list of notes, never per frame, and nothing in it knows how many tokens there are.
 */
import type { About, NoteItem } from "../../protocol";
import type { ChangePlaces } from "../../protocol-notes";
import type { Stage } from "../../stage";
import { rangesOf } from "../pattern/pattern-cuts";
import { passes } from "./filter";

export type Span = readonly [number, number];

/** A place of one head at most: a head, its row, cell or region; a place of the stream (no head); tokens (no layer either). */
export interface Spot {
  layer: number | null;
  head: number | null;
  query: Span | null;
  key: Span | null;
}

/** A spot with all the notes about it. */
export interface Marked extends Spot {
  notes: NoteItem[];
  /** None of them was made on this model, or all are resolved. */
  hollow: boolean;
}

export interface NoteIndex {
  /** By `headKey`, whatever of the head they are about. */
  heads: ReadonlyMap<string, Marked>;
  /** Rows, cells and regions by `headKey`; under "" those of any head. */
  looks: ReadonlyMap<string, readonly Marked[]>;
  tokens: readonly Marked[];
  /** Places of the stream by layer. */
  stream: ReadonlyMap<number, readonly Marked[]>;
  /** By `changeKey`. */
  changes: ReadonlyMap<string, Marked>;
}

export const headKey = (layer: number, head: number): string => `${layer} ${head}`;

export const changeKey = ({ site, layer, head, position, key, neuron }: ChangePlaces): string =>
  JSON.stringify([site, layer, head, position, key, neuron]);

/** What a tour does not show yet. */
const hidden = ({ tour }: Stage): readonly string[] => tour.value?.hidden ?? [];

const STANDS = new Set<NoteItem["standing"]>(["here", "moved", "carried"]);

/** The notes that are drawn now: they stand on this run, pass the filters, and no tour hides them. */
export function drawnNotes(stage: Stage, filters = stage.framing.value.filters): NoteItem[] {
  const unseen = new Set(hidden(stage));
  return stage.notes.value.items.filter(
    (item) => STANDS.has(item.standing) && item.reply === null && !unseen.has(item.id) && passes(item, filters),
  );
}

/** What the open note is about, though no filter let it through, or the note that it answers; nothing of what a tour hides. */
export function openAbout(stage: Stage, id: string | null): About | null {
  const items = new Map(stage.notes.value.items.map((item) => [item.id, item]));
  const seen = new Set(hidden(stage));
  let at = id === null ? undefined : items.get(id);
  while (at && !seen.has(at.id)) {
    if (at.reply === null) return at.about;
    seen.add(at.id); // two files may make two notes answer each other
    at = items.get(at.reply);
  }
  return null;
}

/** Past so many heads a change is of the model, not of heads. */
const MOST_HEADS = 256;

/** One that says nothing where all are meant. */
const ranges = (places: number[] | null): (Span | null)[] => (places === null ? [null] : rangesOf(places));

export function spotsOf({ layer, head, heads, query, key, change }: About): Spot[] {
  if (heads.length > 0) return heads.map(([l, h]) => ({ layer: l, head: h, query, key }));
  if (change === null) return [{ layer, head, query, key }];
  if ((change.layer?.length ?? 1) * (change.head?.length ?? 1) > MOST_HEADS) return [];
  const spots = (change.layer ?? [null]).flatMap((l) =>
    (change.head ?? [null]).flatMap((h) =>
      ranges(change.position).flatMap((q) => ranges(change.key).map((k) => ({ layer: l, head: h, query: q, key: k }))),
    ),
  );
  return spots.slice(0, MOST_HEADS);
}

/** Notes laid together by a name. */
class Laid {
  readonly marked = new Map<string, Marked>();

  add(name: string, spot: Spot, note: NoteItem): void {
    const hollow = note.standing === "carried" || note.resolved;
    const there = this.marked.get(name);
    if (there === undefined) this.marked.set(name, { ...spot, notes: [note], hollow });
    else if (there.notes.at(-1) !== note) {
      there.notes.push(note);
      there.hollow &&= hollow;
    }
  }
}

function grouped<Key>(laid: Laid, keyOf: (marked: Marked) => Key): Map<Key, Marked[]> {
  const groups = new Map<Key, Marked[]>();
  for (const marked of laid.marked.values()) {
    const key = keyOf(marked);
    const group = groups.get(key);
    if (group) group.push(marked);
    else groups.set(key, [marked]);
  }
  return groups;
}

/** Where each of these notes is marked. */
export function indexed(items: NoteItem[]): NoteIndex {
  const [heads, looks, tokens, stream, changes] = [new Laid(), new Laid(), new Laid(), new Laid(), new Laid()];
  for (const note of items) {
    if (note.about === null) continue;
    const { change } = note.about;
    for (const spot of spotsOf(note.about)) {
      const { layer, head, query, key } = spot;
      const name = `${layer} ${head} ${query} ${key}`;
      const ofHead = layer !== null && head !== null;
      if (ofHead) heads.add(headKey(layer, head), { layer, head, query: null, key: null }, note);
      if (ofHead ? query || key : layer === null && head === null && key) looks.add(name, spot, note);
      else if (layer !== null && head === null && query) stream.add(name, spot, note);
      else if (layer === null && head === null && query) tokens.add(name, spot, note);
    }
    if (change) changes.add(changeKey(change), { layer: null, head: null, query: null, key: null }, note);
  }
  return {
    heads: heads.marked,
    looks: grouped(looks, ({ layer, head }) => (layer === null ? "" : headKey(layer, head!))),
    tokens: [...tokens.marked.values()],
    stream: grouped(stream, ({ layer }) => layer!),
    changes: changes.marked,
  };
}

/** The rows, cells and regions that are seen on a head. */
export function looksAt({ looks }: NoteIndex, layer: number | null, head: number | null): readonly Marked[] {
  const any = looks.get("") ?? [];
  const own = layer === null || head === null ? [] : (looks.get(headKey(layer, head)) ?? []);
  return any.length === 0 ? own : [...own, ...any];
}

const within = (span: Span | null, at: number): boolean => span === null || (at >= span[0] && at < span[1]);

/** The notes about what a query and a key (or a position alone) lie in, each once. */
export function notesAt(marked: readonly Marked[], query: number, key?: number): NoteItem[] {
  const found = marked.filter((one) => within(one.query, query) && (key === undefined || within(one.key, key)));
  return [...new Set(found.flatMap(({ notes }) => notes))];
}
