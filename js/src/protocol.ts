/**
 * The shapes that travel between kernel and page, exactly as docs/protocol.md states them.
 *
 * Only types and constants live here. Whoever sends or receives one of them imports it from here; the
 * fixtures in tests/contract/fixtures hold both sides to it.
 */

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

export type PanelName = "bar" | "text" | "next" | "heads" | "pattern" | "layers";

export interface Settings {
  theme: "auto" | "light" | "dark";
  textField: string;
  headField: string;
  layerField: string;
  patternView: "matrix" | "arcs";
  palette: "blue" | "viridis" | "cividis";
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
  state: "value" | "nan" | "inf" | "-inf" | "masked" | "absent";
  text: string | null;
  detail: { text: string; value: number | null }[];
  more: { label: string; value: number | null; unit: string }[];
}

export interface FirstPicture {
  epoch: number;
  blocks: { request: BlockRequest; header: BlockHeader; data: DataView | ArrayBuffer | Uint8Array }[];
}

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
}

export type Transport = "binary" | "base64";

export interface RequestItem {
  id: number;
  method: "block" | "cell" | "tokens" | "run" | "stop";
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

export const MAX_CELLS = 2_000_000;
