/**
 * The marks of one mounted view: what is drawn of the notes now, worked out once for all panels; what a tip says of them, and which
 * note a click opens.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { NoteItem } from "../../protocol";
import type { Ui } from "../ui";
import { changeKey, drawnNotes, indexed, type NoteIndex, openAbout, type Spot, spotsOf } from "./marks";
import { firstWords } from "./note-words";

export interface NoteMarks {
  readonly index: ReadonlySignal<NoteIndex>;
  /** What the open note, and the one that is being written, are about; and the changes that they are about. */
  readonly open: ReadonlySignal<readonly Spot[]>;
  readonly openChanges: ReadonlySignal<readonly string[]>;
}

const known = new WeakMap<Ui, NoteMarks>();

export function marksOf(ui: Ui): NoteMarks {
  const there = known.get(ui);
  if (there) return there;
  const { stage, openNote, composing } = ui;
  const filters = computed(() => stage.framing.value.filters); // a zoom changes the framing, and no filter
  const drawn = computed(() => drawnNotes(stage, filters.value));
  const abouts = computed(() =>
    [openAbout(stage, openNote.value), composing.value?.about].filter((about) => about != null),
  );
  const marks: NoteMarks = {
    index: computed(() => indexed(drawn.value)),
    open: computed(() => abouts.value.flatMap(spotsOf)),
    openChanges: computed(() => abouts.value.flatMap(({ change }) => (change ? [changeKey(change)] : []))),
  };
  known.set(ui, marks);
  return marks;
}

const MOST_TOLD = 3;

/** For a tip: the first words of a few notes, and how many more there are. Nothing where there are none. */
export function noteTip(notes: readonly NoteItem[] = []): { notes?: string[] } {
  if (notes.length === 0) return {};
  const more = notes.length - MOST_TOLD;
  return { notes: [...notes.slice(0, MOST_TOLD).map(firstWords), ...(more > 0 ? [`+${more} more`] : [])] };
}

/** For the words of a cell: ", 2 notes". */
export const noteCount = (notes: readonly NoteItem[] = []): string =>
  notes.length === 0 ? "" : `, ${notes.length} note${notes.length === 1 ? "" : "s"}`;

/** What was clicked has a card of its own, if just one note is about it. */
export function openClicked(ui: Ui, notes: readonly NoteItem[] = []): void {
  if (notes.length === 1) ui.openNote.value = notes[0]!.id;
}
