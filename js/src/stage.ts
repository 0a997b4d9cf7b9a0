/**
 * What a panel is given: the run, its fields, the selection, the source of numbers, and the few things it may ask for.
 *
 * A panel reads signals of the stage and never talks to the widget model, the comm or Python. widget.ts builds a stage over an
 * anywidget model; tests build one over numbers in memory.
 */
import type { ReadonlySignal, Signal } from "@preact/signals";
import type {
  Change,
  ChangeOp,
  Compared,
  Cursor,
  FieldMeta,
  Framing,
  Metric,
  NoteOp,
  NotesState,
  PanelName,
  Problem,
  Run,
  Settings,
  Showing,
  Status,
  Tour,
  TourOp,
  Which,
} from "./protocol";
import type { Selection } from "./selection";
import type { Source } from "./source/source";
import type { Theme } from "./theme";

export interface Stage {
  readonly panels: ReadonlySignal<PanelName[]>;
  readonly run: ReadonlySignal<Run | null>;
  /** Every token, also those past the first 24 kB once they have come. */
  readonly tokens: ReadonlySignal<{ texts: string[]; kinds: string }>;
  /** Each with its `progress`, where it has one. */
  readonly fields: ReadonlySignal<FieldMeta[]>;
  readonly metric: ReadonlySignal<Metric | null>;
  readonly changes: ReadonlySignal<Change[]>;
  readonly showing: ReadonlySignal<Showing>;
  readonly compared: ReadonlySignal<Compared | null>;
  /** Whether the run that is drawn is the one that was asked for last; until then panels wait. */
  readonly settled: ReadonlySignal<boolean>;
  readonly status: ReadonlySignal<Status>;
  readonly problems: ReadonlySignal<Problem[]>;
  readonly settings: Signal<Settings>;
  readonly notes: ReadonlySignal<NotesState>;
  readonly tour: ReadonlySignal<Tour | null>;
  /** What of the page a snapshot holds: the page changes it, and it changes when the view returns to a moment. */
  readonly framing: Signal<Framing>;
  readonly theme: ReadonlySignal<Theme>;
  /** False once a request has timed out twice: the picture stays, a word in the bar says so. */
  readonly connected: ReadonlySignal<boolean>;
  readonly selection: Selection;
  readonly source: Source;
  runPrompt(prompt: string): Promise<void>;
  stop(): Promise<void>;
  /** Tokens by id or text; what is left out stays. Rejects with a SourceError, as all of these do. */
  ask(metric: { target?: number | string; foil?: number | string | null; position?: number }): Promise<void>;
  change(op: ChangeOp): Promise<void>;
  show(which: Which): Promise<void>;
  /** Begin, or go on with, the sweep of a field of causes. */
  fill(field: string): Promise<void>;
  halt(field: string): Promise<void>;
  compare(prompt: string | null): Promise<void>;
  align(pairs: [number, number][] | null): Promise<void>;
  /** Write, change or remove a note. What is new gives its id. */
  note(op: NoteOp): Promise<string | null>;
  /** Return to the moment at which a note was made, with `prompt` on its own prompt too; null: back to before, where the cursor was at
   * `from`. Gives what could not be brought back. */
  returnTo(note: string | null, prompt?: boolean, from?: Cursor): Promise<string[]>;
  play(op: TourOp): Promise<void>;
  /** Python that computes the numbers of a field under the present cursor. */
  code(field: string): Promise<string>;
}
