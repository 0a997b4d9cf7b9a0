/**
 * Painting the matrix: its planes, a grid between cells that are large enough, labels along both axes, and the marks over it.
 */
import { stateOf, valueOf } from "../../paint/half";
import { cellText } from "../../paint/numbers";
import { paintPlane } from "../../paint/paint";
import type { ColourTable } from "../../paint/table";
import type { Theme } from "../../theme";
import { shortened } from "../../tokens";
import { outline } from "../outline";
import { signOf } from "../sign";
import type { Viewport } from "../viewport";
import { paintCuts } from "./matrix-cuts";
import type { MatrixLayout } from "./matrix-layout";
import { bitsAt, type MatrixPicture } from "./matrix-model";
import { type MatrixNotes, paintMatrixNotes, paintMatrixOpen } from "./matrix-notes";
import { type CutArea, isCut } from "./pattern-cuts";

const LABELLED = 12; // px a cell needs for a label of its own
const GRIDDED = 8;
const SIGNED = 13; // px a cell needs for a sign
const NUMBERED = 34;
const MONO = 'ui-monospace, "DejaVu Sans Mono", monospace';

export interface MatrixScene {
  layout: MatrixLayout;
  view: Viewport;
  total: number;
  picture: MatrixPicture | null;
  tableOf: (exponent: number) => ColourTable;
  cuts: CutArea[];
  causal: boolean;
  theme: Theme;
}

export function paintMatrix(context: CanvasRenderingContext2D, scene: MatrixScene): void {
  const { layout, view, picture, theme, total } = scene;
  const cell = layout.side / view.span;
  context.save();
  context.beginPath();
  context.rect(layout.left, layout.top, layout.side, layout.side);
  context.clip();
  context.fillStyle = theme.soft;
  context.fillRect(layout.left, layout.top, layout.side, layout.side);
  for (const { plane, row, column, pool } of picture?.laid ?? []) {
    const rect = {
      x: layout.left + (column - view.column) * cell,
      y: layout.top + (row - view.row) * cell,
      width: plane.columns * pool * cell,
      height: plane.rows * pool * cell,
    };
    paintPlane(context, plane, rect, scene.tableOf(plane.exponent));
  }
  if (cell >= GRIDDED) {
    context.fillStyle = theme.bg;
    for (let i = 0; i <= Math.ceil(view.span); i++) {
      const column = layout.left + (Math.floor(view.column) + i - view.column) * cell;
      const row = layout.top + (Math.floor(view.row) + i - view.row) * cell;
      context.fillRect(Math.round(column) - 0.5, layout.top, 1, layout.side);
      context.fillRect(layout.left, Math.round(row) - 0.5, layout.side, 1);
    }
  }
  if (picture && cell >= SIGNED) paintNumbers(context, scene, picture, cell);
  paintCuts(context, scene);
  context.restore();
  if (total > 0) paintFrame(context, scene);
}

/** In large cells their number, in smaller ones of a diverging field the sign: colour alone would not tell it. */
function paintNumbers(
  context: CanvasRenderingContext2D,
  { layout, view, total, tableOf, cuts }: MatrixScene,
  picture: MatrixPicture,
  cell: number,
): void {
  const numbered = cell >= NUMBERED;
  if (!numbered && picture.scale.kind !== "diverging") return;
  context.font = `${numbered ? 10 : 11}px ${MONO}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const last = (from: number) => Math.min(total, Math.ceil(from + view.span));
  for (let query = Math.floor(view.row); query < last(view.row); query++) {
    for (let key = Math.floor(view.column); key < last(view.column); key++) {
      const found = bitsAt(picture, query, key);
      if (!found?.exact || stateOf(found.bits) !== "value" || isCut(cuts, query, key)) continue;
      const value = valueOf(found.bits, found.exponent);
      const text = numbered ? cellText(value, picture.scale) : signOf(picture.scale, value);
      if (text === "" || text === "0") continue;
      context.fillStyle = tableOf(found.exponent).ink(found.bits);
      const x = layout.left + (key + 0.5 - view.column) * cell;
      context.fillText(text, x, layout.top + (query + 0.5 - view.row) * cell + 0.5);
    }
  }
}

function paintFrame(context: CanvasRenderingContext2D, { layout, theme }: MatrixScene): void {
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(layout.left - 0.5, layout.top - 0.5, layout.side + 1, layout.side + 1);
}

export interface MatrixMarks {
  layout: MatrixLayout;
  view: Viewport;
  labels: (position: number) => string;
  total: number;
  query: number | null;
  key: number | null;
  hovered: boolean;
  notes: MatrixNotes;
  theme: Theme;
}

/** Positions that get a label: all where there is room for each, else round numbers. */
function labelled(from: number, span: number, cell: number, total: number): { at: number; number: boolean }[] {
  const first = Math.max(0, Math.floor(from));
  const last = Math.min(total, Math.ceil(from + span));
  if (cell >= LABELLED) return Array.from({ length: last - first }, (_, i) => ({ at: first + i, number: false }));
  const steps = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];
  const step = steps.find((size) => size * cell >= 40) ?? 4096;
  const found: { at: number; number: boolean }[] = [];
  for (let at = Math.ceil(first / step) * step; at < last; at += step) found.push({ at, number: true });
  return found;
}

export function paintMatrixMarks(context: CanvasRenderingContext2D, marks: MatrixMarks): void {
  const { layout, view, theme, query, key } = marks;
  const cell = layout.side / view.span;
  const middle = Math.min(cell, layout.side) / 2;
  const rowY = (at: number) => layout.top + (at - view.row) * cell;
  const columnX = (at: number) => layout.left + (at - view.column) * cell;
  const within = (at: number, from: number) => at + 1 > from + 1e-6 && at < from + view.span - 1e-6;
  const crowded = (at: number, other: number | null) =>
    cell < LABELLED && other !== null && Math.abs(at - other) * cell < 14;

  const row = (at: number, text: string, strong: boolean) => {
    const y = rowY(at) + middle;
    if (y < layout.top - 1 || y > layout.top + layout.side + 1) return;
    context.font = `${strong ? "bold " : ""}11px ${MONO}`;
    context.fillStyle = strong ? theme.fg : theme.dim;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(shortened(text, 10), layout.left - 8, y);
  };
  const column = (at: number, text: string, strong: boolean) => {
    const x = columnX(at) + middle;
    if (x < layout.left - 1 || x > layout.left + layout.side + 1) return;
    context.save();
    context.translate(x, layout.top - 6);
    context.rotate(-Math.PI / 3.6);
    context.font = `${strong ? "bold " : ""}11px ${MONO}`;
    context.fillStyle = strong ? theme.fg : theme.dim;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(shortened(text, 9), 0, 0);
    context.restore();
  };
  for (const { at, number } of labelled(view.row, view.span, cell, marks.total)) {
    if (at !== query && !crowded(at, query)) row(at, number ? String(at) : marks.labels(at), false);
  }
  for (const { at, number } of labelled(view.column, view.span, cell, marks.total)) {
    if (at !== key && !crowded(at, key)) column(at, number ? String(at) : marks.labels(at), false);
  }
  paintMatrixNotes(context, marks, marks.notes);
  const kind = marks.hovered ? "hovered" : "pinned";
  context.save();
  context.beginPath();
  context.rect(layout.left - 3, layout.top - 3, layout.side + 6, layout.side + 6);
  context.clip();
  if (query !== null && within(query, view.row)) {
    const height = Math.max(cell, 2);
    outline(context, theme, { x: layout.left, y: rowY(query), width: layout.side, height }, kind);
  }
  if (query !== null && key !== null && within(key, view.column) && within(query, view.row)) {
    const box = { x: columnX(key), y: rowY(query), width: Math.max(cell, 2), height: Math.max(cell, 2) };
    outline(context, theme, box, "pinned", { colour: theme.fg });
  }
  context.restore();
  paintMatrixOpen(context, marks, marks.notes);
  if (key !== null && within(key, view.column)) paintKeyMark(context, layout, columnX(key), Math.max(cell, 2), theme);
  if (query !== null && within(query, view.row)) row(query, marks.labels(query), true);
  if (key !== null && within(key, view.column)) column(key, marks.labels(key), true);
}

/** The key's column: a bracket above and a tick below, so that the column is found without covering it. */
function paintKeyMark(
  context: CanvasRenderingContext2D,
  layout: MatrixLayout,
  x: number,
  width: number,
  theme: Theme,
): void {
  context.fillStyle = theme.focus;
  context.fillRect(x, layout.top - 4, width, 2);
  context.fillRect(x, layout.top + layout.side + 2, width, 2);
}
