/**
 * The geometry of the layer grid: layers from bottom to top, positions from left to right, scrolled both ways under its labels.
 *
 * Pure, in CSS pixels. Cells that carry words are never narrower than a word needs; what does not fit is scrolled to.
 */
import type { Box } from "../outline";

export interface LayersLayout {
  readonly left: number;
  readonly top: number;
  readonly column: number;
  readonly row: number;
  /** The first layer's number: -1 where the embedding has a row. */
  readonly start: number;
  readonly layers: number;
  readonly total: number;
  /** Of the box on screen. */
  readonly width: number;
  readonly height: number;
  /** Of all the grid, labels included. */
  readonly fullWidth: number;
  readonly fullHeight: number;
}

const LEFT = 40;
const RIGHT = 4; // room for an outline
const TOP = 24;
const ROW = 24;
const TALLEST = 20; // rows in the box; more are scrolled to
const WORD = 52;
const PLAIN = 28;
const WIDEST = 104;

export function layersLayout(
  start: number,
  layers: number,
  total: number,
  width: number,
  texts: boolean,
): LayersLayout {
  const room = Math.max(1, width - LEFT - RIGHT);
  const column = Math.min(WIDEST, Math.max(texts ? WORD : PLAIN, room / Math.max(1, total)));
  return {
    left: LEFT,
    top: TOP,
    column,
    row: ROW,
    start,
    layers,
    total,
    width,
    height: TOP + Math.min(layers, TALLEST) * ROW + 4,
    fullWidth: Math.floor(LEFT + total * column + RIGHT),
    fullHeight: TOP + layers * ROW + 4,
  };
}

/** Positions of which at least a part is on screen. */
export function columnsInView(layout: LayersLayout, scrolledX: number): [number, number] {
  const first = Math.floor(scrolledX / layout.column);
  const last = Math.ceil((scrolledX + layout.width - layout.left) / layout.column);
  return [Math.max(0, Math.min(first, layout.total)), Math.min(layout.total, Math.max(last, first + 1))];
}

export function cellBox(layout: LayersLayout, layer: number, position: number, x: number, y: number): Box {
  const above = layout.start + layout.layers - 1 - layer;
  return {
    x: layout.left + position * layout.column - x + 1,
    y: layout.top + above * layout.row - y + 1,
    width: layout.column - 2,
    height: layout.row - 2,
  };
}

/** The cell under a place of the box; the label of a column gives the position alone. */
export function placeAt(
  layout: LayersLayout,
  atX: number,
  atY: number,
  x: number,
  y: number,
): { layer: number | null; position: number } | null {
  const position = Math.floor((atX - layout.left + x) / layout.column);
  if (atX < layout.left || position < 0 || position >= layout.total) return null;
  if (atY < layout.top) return { layer: null, position };
  const above = Math.floor((atY - layout.top + y) / layout.row);
  return above < layout.layers ? { layer: layout.start + layout.layers - 1 - above, position } : null;
}
