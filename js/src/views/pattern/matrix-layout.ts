/**
 * Where the matrix stands in its panel, and which cell lies under a place. Pure.
 */
import type { Viewport } from "../viewport";

/** Room for the labels, in CSS pixels. The matrix itself is a square of `side`. */
export interface MatrixLayout {
  left: number;
  top: number;
  side: number;
  width: number;
  height: number;
}

const LEFT = 76;
const TOP = 56;
const OVERHANG = 36; // the last slanted label leans out to the right

export function matrixLayout(width: number, total: number, maxSide: number): MatrixLayout {
  const room = Math.max(120, Math.min(width - LEFT - OVERHANG, maxSide));
  // Whole pixels a cell where there are few, so that all look alike.
  const side = total > 0 && total * 4 <= room ? Math.min(Math.floor(room / total), 44) * total : room;
  return { left: LEFT, top: TOP, side, width: Math.max(width, LEFT + side), height: TOP + side + 4 };
}

/** The cell under a place, or null outside the matrix. */
export function cellAt(layout: MatrixLayout, view: Viewport, x: number, y: number): [number, number] | null {
  const across = (x - layout.left) / layout.side;
  const down = (y - layout.top) / layout.side;
  if (across < 0 || across >= 1 || down < 0 || down >= 1) return null;
  return [Math.floor(view.row + down * view.span), Math.floor(view.column + across * view.span)];
}

/** The cell under a place, or the one at the edge that is nearest to it. */
export function heldCell(layout: MatrixLayout, view: Viewport, x: number, y: number): [number, number] {
  const inside = (at: number, edge: number) => Math.min(Math.max(at, edge), edge + layout.side - 0.01);
  return cellAt(layout, view, inside(x, layout.left), inside(y, layout.top))!;
}
