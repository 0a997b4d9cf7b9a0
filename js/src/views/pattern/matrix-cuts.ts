/**
 * Crosses over the looks that are cut: seen on any colour and in both themes, since each is drawn in the ground's colour and in the
 * text's. Cells too small for one share it.
 */
import type { Theme } from "../../theme";
import type { Viewport } from "../viewport";
import type { MatrixLayout } from "./matrix-layout";
import type { CutArea } from "./pattern-cuts";

const LEAST = 7; // px of a cross

interface CutScene {
  layout: MatrixLayout;
  view: Viewport;
  cuts: CutArea[];
  /** No key after its query is there to be cut. */
  causal: boolean;
  theme: Theme;
}

/** Both strokes of the present path: first the ground's, then the text's. */
export function strokeSeen(context: CanvasRenderingContext2D, theme: Theme, width: number): void {
  context.setLineDash([]);
  context.globalAlpha = 1;
  context.strokeStyle = theme.bg;
  context.lineWidth = width + 2;
  context.stroke();
  context.strokeStyle = theme.fg;
  context.lineWidth = width;
  context.stroke();
}

export function crossPath(context: CanvasRenderingContext2D, x: number, y: number, half: number): void {
  context.moveTo(x - half, y - half);
  context.lineTo(x + half, y + half);
  context.moveTo(x + half, y - half);
  context.lineTo(x - half, y + half);
}

/** Paint the crosses; the caller has clipped to the matrix. */
export function paintCuts(context: CanvasRenderingContext2D, { layout, view, cuts, causal, theme }: CutScene): void {
  if (cuts.length === 0) return;
  const cell = layout.side / view.span;
  const each = Math.max(1, Math.ceil(LEAST / cell)); // cells that share a cross
  const half = Math.min(5, (cell * each) / 2 - 1);
  const shown = (from: number, to: number, first: number) => {
    const start = Math.max(from, Math.floor(first));
    const stop = Math.min(to, Math.ceil(first + view.span));
    return Array.from({ length: Math.max(0, Math.ceil((stop - start) / each)) }, (_, i) => {
      const at = start + i * each;
      return { at, middle: (at + Math.min(at + each, stop)) / 2 };
    });
  };
  context.beginPath();
  for (const { query, key } of cuts) {
    const columns = shown(key[0], key[1], view.column);
    for (const row of shown(query[0], query[1], view.row)) {
      for (const column of columns) {
        if (causal && Math.floor(column.middle) > Math.floor(row.middle)) continue;
        const x = layout.left + (column.middle - view.column) * cell;
        crossPath(context, x, layout.top + (row.middle - view.row) * cell, half);
      }
    }
  }
  strokeSeen(context, theme, half > 3 ? 1.5 : 1);
}
