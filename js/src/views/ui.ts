/**
 * What the panels of one mounted view share besides the stage: the tooltip, the live summary, the width.
 *
 * One of these exists per mount; two views on one page share a selection, never this.
 */
import { type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Attempts } from "../panels/attempt";
import type { About, CellRequest, PanelName } from "../protocol";
import type { NoteEvidence } from "../protocol-notes";
import type { Stage } from "../stage";

/** What the pointer or the keyboard rests on, in words, and the request for its exact number. */
export interface Tip {
  /** Where, in CSS pixels of the window. */
  x: number;
  y: number;
  place: string;
  /** What is known at once, from the half-precision block. */
  value: string;
  unit: string;
  cell: CellRequest | null;
  /** First words of the notes that are about it. */
  notes?: string[];
}

/** A stretch of tokens, or of queries and keys, that was drawn over in a panel; spans are [start, stop). */
export interface Region {
  panel: PanelName;
  query: [number, number] | null;
  key: [number, number] | null;
}

/** A note that is being written: in which panel, about what, and which evidence the panel proposes. */
export interface Composing {
  panel: PanelName;
  about: About;
  field: string;
  evidence: NoteEvidence;
  /** What it is about, in words. */
  words: string;
}

export interface Ui {
  readonly stage: Stage;
  readonly tip: Signal<Tip | null>;
  /** Width of the panels in CSS pixels: of the whole view, less the column of notes. */
  readonly width: Signal<number>;
  /** What is asked of the list of changes, from its panel or by a key elsewhere; refusals show in the panel. */
  readonly changing: Attempts;
  readonly region: Signal<Region | null>;
  readonly composing: Signal<Composing | null>;
  /** The note whose card was opened last: its mark is drawn strong. */
  readonly openNote: Signal<string | null>;
}

export function makeUi(stage: Stage): Ui {
  return {
    stage,
    tip: signal(null),
    width: signal(1040),
    changing: new Attempts(),
    region: signal(null),
    composing: signal(null),
    openNote: signal(null),
  };
}

export const UiContext = createContext<Ui | null>(null);

export function useUi(): Ui {
  const ui = useContext(UiContext);
  if (ui === null) throw new Error("a panel was rendered outside mount(); expected a UiContext around it");
  return ui;
}

export const useStage = (): Stage => useUi().stage;
