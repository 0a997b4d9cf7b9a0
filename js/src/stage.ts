/**
 * What a panel is given: the run, its fields, the selection, the source of numbers, and the few things it may ask for.
 *
 * A panel reads signals of the stage and never talks to the widget model, the comm or Python. widget.ts builds a stage over an
 * anywidget model; tests build one over numbers in memory.
 */
import type { ReadonlySignal, Signal } from "@preact/signals";
import type { FieldMeta, PanelName, Problem, Run, Settings, Status } from "./protocol";
import type { Selection } from "./selection";
import type { Source } from "./source/source";
import type { Theme } from "./theme";

export interface Stage {
  readonly panels: ReadonlySignal<PanelName[]>;
  readonly run: ReadonlySignal<Run | null>;
  /** Every token, also those past the first 24 kB once they have come. */
  readonly tokens: ReadonlySignal<{ texts: string[]; kinds: string }>;
  readonly fields: ReadonlySignal<FieldMeta[]>;
  readonly status: ReadonlySignal<Status>;
  readonly problems: ReadonlySignal<Problem[]>;
  readonly settings: Signal<Settings>;
  readonly theme: ReadonlySignal<Theme>;
  /** False once a request has timed out twice: the picture stays, a word in the bar says so. */
  readonly connected: ReadonlySignal<boolean>;
  readonly selection: Selection;
  readonly source: Source;
  runPrompt(prompt: string): Promise<void>;
  stop(): Promise<void>;
}
