/**
 * What the reader of a view has on the desk: what is being written, who signs, and where the view was returned to.
 *
 * Always true: it belongs to the view (its stage), not to what is on screen now, so nothing that was typed goes when a panel is drawn anew,
 * folded, or given another run. A draft goes only by being saved or discarded.
 */
import { type Signal, signal } from "@preact/signals";
import type { NoteEvidence, NoteItem } from "../../protocol-notes";
import type { Stage } from "../../stage";
import type { Composing } from "../ui";

/** A note as it is typed, before anybody has it. */
export interface Draft {
  text: string;
  tags: string;
  /** "": as proposed. */
  evidence: "" | NoteEvidence;
  ask: string;
  /** The note that it edits or answers. */
  of: NoteItem | null;
  /** Asked for, and not yet answered. */
  saving: boolean;
  refused: { message: string; hint: string | null } | null;
}

export const BLANK: Draft = { text: "", tags: "", evidence: "", ask: "", of: null, saving: false, refused: null };

/** The draft in which a note is edited: it begins as the note is. */
export const draftOf = (note: NoteItem): Draft => ({
  ...BLANK,
  text: note.text,
  tags: note.tags.join(", "),
  evidence: note.evidence,
  ask: note.ask,
  of: note,
});

export const tagsOf = (line: string) => [...new Set(line.split(",").map((tag) => tag.trim()))].filter(Boolean);

export class Desk {
  /** Who signs; null: as the kernel proposes. */
  readonly author = signal<string | null>(null);
  readonly returned = signal<{ note: string; left: string[] } | null>(null);
  /** What is being written in which card. */
  readonly opened = signal<ReadonlyMap<string, "edit" | "reply">>(new Map());
  /** The one card that Tab reaches. */
  readonly current = signal("");
  /** The note that was last saved here: its card is brought into sight. */
  readonly saved = signal("");
  /** What was last done, for those who hear it. */
  readonly said = signal("");
  /** How often it was returned: only the last answer counts. */
  turns = 0;
  /** To where, while the kernel works on it: the same is not asked for twice. */
  going = "";
  /** The place that the lines were last focused for, and what had the focus before. */
  focusedFor: Composing | null = null;
  cameFrom: HTMLElement | null = null;
  #drafts = new Map<string, Signal<Draft | null>>();

  /** By name: "new", or "edit" or "reply" with the id of a note. */
  draft(name: string): Signal<Draft | null> {
    const draft = this.#drafts.get(name) ?? signal(null);
    this.#drafts.set(name, draft);
    return draft;
  }

  /** Show the lines of a card, or put them away; what is typed in them stays. */
  open(id: string, what: "edit" | "reply" | null): void {
    const opened = new Map(this.opened.peek());
    if (what) opened.set(id, what);
    else opened.delete(id);
    this.opened.value = opened;
  }
}

const desks = new WeakMap<Stage, Desk>();

export function deskOf(stage: Stage): Desk {
  const desk = desks.get(stage) ?? new Desk();
  desks.set(stage, desk);
  return desk;
}
