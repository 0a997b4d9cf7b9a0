/**
 * Which part of a square matrix is on screen: zoom about a place, pan, and back to all of it.
 *
 * Pure. Always true: a viewport lies inside the matrix and shows at least MIN_SPAN cells a side (or all of a smaller one). Rows and
 * columns are in cells, not necessarily whole.
 */
export interface Viewport {
  readonly row: number;
  readonly column: number;
  /** Cells shown a side. */
  readonly span: number;
}

export const MIN_SPAN = 6;

export const whole = (total: number): Viewport => ({ row: 0, column: 0, span: Math.max(1, total) });

/** The same part, as far as the matrix has it. */
export function within({ row, column, span }: Viewport, total: number): Viewport {
  const size = Math.min(Math.max(span, Math.min(MIN_SPAN, total)), Math.max(1, total));
  const inside = (at: number) => Math.min(Math.max(at, 0), Math.max(0, total - size));
  return { row: inside(row), column: inside(column), span: size };
}

/** Zoom in by a factor over one (out: under one), keeping the place (shares of the side, from the top left) where it is. */
export function zoomed(view: Viewport, factor: number, x: number, y: number, total: number): Viewport {
  const span = Math.min(Math.max(view.span / factor, Math.min(MIN_SPAN, total)), total);
  return within({ row: view.row + y * (view.span - span), column: view.column + x * (view.span - span), span }, total);
}

/** Pan by shares of the side. */
export function panned(view: Viewport, dx: number, dy: number, total: number): Viewport {
  return within({ ...view, row: view.row - dy * view.span, column: view.column - dx * view.span }, total);
}

/** The least pan that brings a cell into view; `null` leaves that direction alone. */
export function revealed(view: Viewport, row: number | null, column: number | null, total: number): Viewport {
  const near = (from: number, at: number | null) =>
    at === null ? from : Math.min(Math.max(from, at + 1 - view.span), at);
  return within({ ...view, row: near(view.row, row), column: near(view.column, column) }, total);
}
