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
  /** Asked for, and not yet answered. */
  saving: boolean;
  refused: { message: string; hint: string | null } | null;
  /** The note that it edits or answers. */
  of: NoteItem | null;
}

export const BLANK: Draft = {
  text: "",
  tags: "",
  evidence: "",
  ask: "",
  saving: false,
  refused: null,
  of: null,
};

export type DraftSignal = Signal<Draft | null>;

export class Desk {
  /** Who signs; null: as the kernel proposes. */
  readonly author = signal<string | null>(null);
  readonly returned = signal<{ note: string; left: string[] } | null>(null);
  /** The names of the drafts of cards whose lines are on screen. */
  readonly opened = signal<ReadonlySet<string>>(new Set());
  /** The one card that Tab reaches. */
  readonly current = signal("");
  /** What was last done, for those who hear it. */
  readonly said = signal("");
  /** How often it was returned: only the last answer counts. */
  turns = 0;
  /** The place that the lines were last focused for, and what had the focus before. */
  focusedFor: Composing | null = null;
  cameFrom: HTMLElement | null = null;
  #drafts = new Map<string, DraftSignal>();

  /** By name: "new", or "edit" or "reply" with the id of a note. */
  draft(name: string): DraftSignal {
    let draft = this.#drafts.get(name);
    if (!draft) {
      draft = signal(null);
      this.#drafts.set(name, draft);
    }
    return draft;
  }

  open(name: string, isOpen: boolean): void {
    const names = new Set(this.opened.peek());
    if (isOpen) names.add(name);
    else names.delete(name);
    this.opened.value = names;
  }

  /** The notes that something is being written about. */
  written(): NoteItem[] {
    return [...this.opened.value].flatMap((name) => this.draft(name).peek()?.of ?? []);
  }
}

const desks = new WeakMap<Stage, Desk>();

export function deskOf(stage: Stage): Desk {
  let desk = desks.get(stage);
  if (!desk) {
    desk = new Desk();
    desks.set(stage, desk);
  }
  return desk;
}

export const asLine = (tags: string[]) => tags.join(", ");

export const asTags = (line: string) => [
  ...new Set(
    line
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean),
  ),
];

/** The draft in which a note is edited: it begins as the note is. */
export const draftOf = (note: NoteItem): Draft => ({
  ...BLANK,
  text: note.text,
  tags: asLine(note.tags),
  evidence: note.evidence,
  ask: note.ask,
  of: note,
});

const typed = ({ text, tags, evidence, ask }: Draft) =>
  JSON.stringify([text.trim(), asTags(tags), evidence, ask.trim()]);

/** Whether something would be lost if a draft were thrown away. */
export function isTyped(draft: Draft, edits: boolean): boolean {
  const from = edits && draft.of ? draftOf(draft.of) : { ...BLANK, evidence: draft.evidence };
  return typed(draft) !== typed(from);
}
