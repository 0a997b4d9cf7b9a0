/**
 * What lies on the matrix besides the selection: the notes about what is shown, and the region that is drawn over.
 *
 * A note about a cell has a corner, one about a region a thin line, one about a row a wedge at its left edge; tokens have a tick along
 * their labels. What is out of view is not painted.
 */
import type { Theme } from "../../theme";
import { paintAround, paintCorner, paintOpen, paintTick, paintWedge } from "../notes/mark-paint";
import type { Marked, Span, Spot } from "../notes/marks";
import { type Box, outlineRegion } from "../outline";
import type { Region } from "../ui";
import type { Viewport } from "../viewport";
import type { MatrixLayout } from "./matrix-layout";

export interface MatrixNotes {
  looks: readonly Marked[];
  tokens: readonly Marked[];
  open: readonly Spot[];
  region: Region | null;
}

interface Seen {
  layout: MatrixLayout;
  view: Viewport;
  total: number;
  theme: Theme;
}

const LEAST = 3; // px of a mark
const single = ([start, stop]: Span) => stop - start === 1;

/** The part of a span that is in view, in CSS pixels from the matrix's edge; null where none is. */
function seen(span: Span, from: number, { layout, view, total }: Seen): { at: number; size: number } | null {
  const cell = layout.side / view.span;
  const start = Math.max(span[0], from);
  const stop = Math.min(span[1], total, from + view.span);
  return start < stop - 1e-6 ? { at: (start - from) * cell, size: Math.max((stop - start) * cell, LEAST) } : null;
}

/** Where a spot is: all keys where it names none. */
function boxOf({ query, key }: Pick<Spot, "query" | "key">, scene: Seen): Box | null {
  const { layout, view, total } = scene;
  const rows = query && seen(query, view.row, scene);
  const columns = seen(key ?? [0, total], view.column, scene);
  if (!rows || !columns) return null;
  return { x: layout.left + columns.at, y: layout.top + rows.at, width: columns.size, height: rows.size };
}

/** Under the selection's outlines. */
export function paintMatrixNotes(context: CanvasRenderingContext2D, scene: Seen, notes: MatrixNotes): void {
  const { layout, theme } = scene;
  for (const marked of notes.looks) {
    const box = boxOf(marked, scene);
    if (!box) continue;
    if (marked.key === null) paintWedge(context, theme, layout.left - 1, box, marked);
    else {
      if (!single(marked.query!) || !single(marked.key)) paintAround(context, theme, box, marked.hollow);
      paintCorner(context, theme, box, marked);
    }
  }
  for (const { query, hollow } of notes.tokens) paintTicks(context, scene, query!, 2, hollow);
}

/** Along both labels of these tokens. */
function paintTicks(context: CanvasRenderingContext2D, scene: Seen, span: Span, wide: number, hollow = false): void {
  const { layout, view, theme } = scene;
  const [down, across] = [seen(span, view.row, scene), seen(span, view.column, scene)];
  const [left, top] = [layout.left - 4 - wide, layout.top - wide];
  if (down) paintTick(context, theme, { x: left, y: layout.top + down.at, width: wide, height: down.size }, hollow);
  if (across)
    paintTick(context, theme, { x: layout.left + across.at, y: top, width: across.size, height: wide }, hollow);
}

/** Over them: what is open, and what is drawn over. */
export function paintMatrixOpen(context: CanvasRenderingContext2D, scene: Seen, { open, region }: MatrixNotes): void {
  for (const spot of open) {
    const box = boxOf(spot, scene);
    if (spot.head === null && spot.key === null) paintTicks(context, scene, spot.query ?? [0, 0], 4);
    else if (box) paintOpen(context, scene.theme, box);
  }
  const drawn = region && boxOf(region, scene);
  if (drawn) outlineRegion(context, scene.theme, drawn);
}
