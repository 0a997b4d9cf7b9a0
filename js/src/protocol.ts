/**
 * The shapes that travel between kernel and page, exactly as docs/protocol.md states them.
 *
 * Only types and constants live here. Whoever sends or receives one of them imports it from here; the
 * fixtures in tests/contract/fixtures hold both sides to it.
 */
import type { Framing, NotesState, Tour } from "./protocol-notes";

export type Coordinate = string; // layer head query key position neuron step prompt, or a user's own

export interface Axis {
  coordinate: Coordinate;
  size: number;
  start: number;
  labels: string[] | null;
  stack: string;
}

export type Evidence = "observation" | "attribution" | "correlation" | "intervention" | "unstated";

export interface Scale {
  kind: "sequential" | "diverging";
  low: number;
  high: number | null;
  power: number;
}

export interface FieldMeta {
  name: string;
  title: string;
  unit: string;
  axes: Axis[];
  scale: Scale;
  evidence: Evidence;
  caveat: string;
  texts: boolean;
  reference: { value: number; label: string } | null;
  /** Of a field of causes: the stage lays the entry of `progress` here. */
  progress?: Progress;
}

/** How far a field of causes has been computed. */
export interface Progress {
  version: number;
  state: "idle" | "running" | "ready" | "stopped" | "failed";
  done: number;
  total: number;
  message: string | null;
  hint: string | null;
  note: string | null;
}

export type Which = "clean" | "changed" | "difference" | "second" | "second_changed" | "second_difference" | "prompts";

export interface Showing {
  which: Which;
  options: { which: Which; label: string }[];
}

/** Which run an epoch is. */
export interface Shown {
  which: Which;
  label: string;
  changes: number[];
  before: number | null;
  after: number | null;
  /** How likely this run finds the metric's tokens; of a difference, the changed run. */
  target: { share: number; rank: number } | null;
  foil: { share: number; rank: number } | null;
}

export interface Token {
  id: number;
  text: string;
}

export interface Metric {
  target: Token;
  foil: Token | null;
  position: number;
  quantity: string;
  name: string;
  unit: string;
  value: number;
  proposed: boolean;
}

type Places = number[] | null;

/** Attention that went from forbidden keys to the other keys of its row. */
export interface Moved {
  layer: number;
  head: number;
  query: number;
  share: number;
  to: { key: number; share: number }[];
}

/** An intervention of the list. */
export interface Change {
  id: number;
  name: string;
  words: string;
  on: boolean;
  run: "first" | "second";
  places: { site: string; layer: Places; head: Places; position: Places; key: Places; neuron: Places };
  how: "zero" | "mean" | "other" | "own" | "cut";
  effect: number | null;
  after: number | null;
  moved: Moved[];
  failed: string | null;
}

export interface NewChange {
  site: string;
  layer?: Places;
  head?: Places;
  position?: Places;
  key?: Places;
  neuron?: Places;
}

export type ChangeOp =
  | { op: "add"; change: NewChange; name?: string }
  | { op: "patch"; direction: "denoise" | "noise"; layer: number; position?: number; head?: number }
  | { op: "set"; id: number; on?: boolean; name?: string }
  | { op: "remove"; id: number }
  | { op: "clear" };

export interface Compared {
  prompt: string | null;
  tokens: { total: number; texts: string[]; kinds: string };
  /** The first prompt's: the run that is shown may be the second. */
  first: { total: number; texts: string[]; kinds: string };
  pairs: [number, number][];
  how: "position" | "likeness" | "hand";
  problem: string | null;
}

export interface Run {
  epoch: number;
  model: string;
  fingerprint: string;
  layers: number;
  heads: number;
  headsPerLayer: number[];
  prompt: string | null;
  editable: boolean;
  tokens: { total: number; texts: string[]; kinds: string };
  integrity: { ok: boolean; sentence: string; pattern: number | null; readout: number | null };
  shown: Shown;
  live: number[];
}

export interface Cursor {
  id: string;
  layer: number | null;
  head: number | null;
  query: number | null;
  key: number | null;
  step: number | null;
  prompt: number | null;
  heads: [number, number][];
}

export type PanelName =
  | "bar"
  | "text"
  | "next"
  | "compare"
  | "heads"
  | "pattern"
  | "causes"
  | "changes"
  | "layers"
  | "notes";

export interface Settings {
  theme: "auto" | "light" | "dark";
  textField: string;
  headField: string;
  layerField: string;
  patternView: "matrix" | "arcs";
  palette: "blue" | "viridis" | "cividis";
  headFieldBeside: string;
  patternField: string;
  causeView: "" | "scatter" | "direct_total" | "decomposition";
  scatterX: string;
  scatterY: string;
  notesPanel: "auto" | "open" | "folded";
}

export interface Status {
  state: "ready" | "running" | "failed" | "stopped";
  what: string | null;
  done: number;
  total: number;
  prompt: string | null;
  message: string | null;
  hint: string | null;
}

export interface Problem {
  type: string;
  message: string;
  hint: string | null;
}

export type Reduction = "mean" | "max" | "sum" | "absmax";
export type Index = number | [number, number] | { list: number[] } | { reduce: Reduction };

export interface BlockRequest {
  field: string;
  epoch: number;
  index: Record<Coordinate, Index>;
  pool?: Record<Coordinate, number>;
  texts?: boolean;
  version?: number;
}

export interface BlockHeader {
  dims: Coordinate[];
  shape: number[];
  exponent: number;
  extent: [number, number] | null;
  texts: string[] | null;
}

export interface CellRequest {
  field: string;
  epoch: number;
  index: Record<Coordinate, number>;
}

export interface Cell {
  value: number | null;
  state: "value" | "nan" | "inf" | "-inf" | "masked" | "absent" | "pending";
  text: string | null;
  detail: { text: string; value: number | null }[];
  more: { label: string; value: number | null; unit: string }[];
}

export interface FirstPicture {
  epoch: number;
  blocks: { request: BlockRequest; header: BlockHeader; data: DataView | ArrayBuffer | Uint8Array }[];
}

export type { About, Framing, NoteItem, NoteOp, NotesState, Tour, TourOp, TreeNode } from "./protocol-notes";

/** The traits of a view, as the anywidget model holds them. */
export interface ViewState {
  panels: PanelName[];
  run: Run | null;
  fields: FieldMeta[];
  cursor: Cursor;
  settings: Settings;
  status: Status;
  first: FirstPicture | null;
  problems: Problem[];
  progress: Record<string, Progress>;
  measured: Metric | null;
  changes: Change[];
  showing: Showing;
  compared: Compared | null;
  noted: NotesState;
  tour: Tour | null;
  framing: Framing;
}

export type Transport = "binary" | "base64";

/** Methods that ask for something to be done; they are answered at once. */
export type Asked =
  | "run"
  | "stop"
  | "metric"
  | "change"
  | "show"
  | "fill"
  | "halt"
  | "compare"
  | "align"
  | "note"
  | "return"
  | "tour"
  | "code";

export interface RequestItem {
  id: number;
  method: "block" | "cell" | "tokens" | Asked;
  params: unknown;
}

export interface ReplyItem {
  id: number;
  ok: boolean;
  result?: unknown;
  buffer?: number;
  base64?: string;
  error?: Problem;
}

export type ToKernel =
  | { v: 1; kind: "requests"; transport: Transport; items: RequestItem[] }
  | { v: 1; kind: "cancel"; ids: number[] };

export interface ToPage {
  v: 1;
  kind: "replies";
  items: ReplyItem[];
}

/** Bits of the half-precision NaNs that carry a cell's state. */
export const HALF_NAN = 0x7e00;
export const HALF_MASKED = 0x7e01;
export const HALF_ABSENT = 0x7e02;
export const HALF_PENDING = 0x7e03;

export const MAX_CELLS = 2_000_000;
