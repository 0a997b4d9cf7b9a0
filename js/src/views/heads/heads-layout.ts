/**
 * Where each head stands in the grid of all heads: layers from bottom to top, heads from left to right.
 *
 * Pure geometry in CSS pixels. Cells are square and as large as width and height allow, from thumbnails of 96 px down to a
 * mosaic of single colours; when even those do not fit the width, the grid is wider than its box and scrolls.
 */
import type { Box } from "../outline";

export interface HeadsLayout {
  readonly cell: number;
  readonly gap: number;
  readonly left: number;
  readonly width: number;
  readonly height: number;
  /** Every how many rows and columns a number is written. */
  readonly everyLayer: number;
  readonly everyHead: number;
  readonly layers: number;
  readonly heads: number;
}

const LEFT = 20;
const BOTTOM = 20;
const LARGEST = 96;
const SMALLEST = 4;
const TOP = 4; // room for an outline
const DIGITS = 18;

/** A grid is no higher, so that it can be seen whole. */
export const MAX_HEIGHT = 480;

export function headsLayout(
  layers: number,
  heads: number,
  width: number,
  maxHeight: number,
  narrow: boolean,
): HeadsLayout {
  const gapOf = (pitch: number) => (pitch >= 40 ? 8 : pitch >= 20 ? 4 : pitch >= 10 ? 2 : 1);
  const byWidth = Math.floor((width - LEFT - TOP) / Math.max(1, heads));
  const byHeight = Math.floor((maxHeight - BOTTOM - TOP) / Math.max(1, layers));
  const least = narrow && heads <= 16 ? 36 : SMALLEST + 1;
  const pitch = Math.max(least, Math.min(byWidth, Math.max(byHeight, least), LARGEST + 8));
  const gap = gapOf(pitch);
  const cell = Math.max(SMALLEST, pitch - gap);
  const step = cell + gap;
  return {
    cell,
    gap,
    left: LEFT,
    width: LEFT + heads * step - gap + TOP,
    height: TOP + layers * step - gap + BOTTOM,
    everyLayer: step >= 14 ? 1 : Math.ceil(14 / step / 4) * 4,
    everyHead: step >= DIGITS ? 1 : Math.ceil(DIGITS / step / 4) * 4,
    layers,
    heads,
  };
}

/** Between two grids that stand side by side. */
export const BESIDE_GAP = 16;
const READABLE = 24;
/** Pixels of a cell that holds its number. */
export const NUMBERED = 34;

/**
 * Whether two grids are better put one upon the other: their cells are small side by side, and would be much larger. A narrow view
 * scrolls down anyway: there they stand side by side only where their numbers can be read.
 */
export function headsStack(layers: number, heads: number, width: number, narrow: boolean): boolean {
  const cellAt = (room: number) => headsLayout(layers, heads, room, MAX_HEIGHT, false).cell;
  const beside = cellAt((width - BESIDE_GAP) / 2);
  return narrow ? beside < NUMBERED : beside < READABLE && cellAt(width) >= 1.5 * beside;
}

export function headBox(layout: HeadsLayout, layer: number, head: number): Box {
  const step = layout.cell + layout.gap;
  return {
    x: layout.left + head * step,
    y: TOP + (layout.layers - 1 - layer) * step,
    width: layout.cell,
    height: layout.cell,
  };
}

/** The head under a place; the gaps belong to their left and upper neighbours, so that a sweep never flickers. */
export function headAt(layout: HeadsLayout, x: number, y: number): { layer: number; head: number } | null {
  const step = layout.cell + layout.gap;
  const head = Math.floor((x - layout.left) / step);
  const layer = layout.layers - 1 - Math.floor((y - TOP) / step);
  if (head < 0 || head >= layout.heads || layer < 0 || layer >= layout.layers || x < layout.left) return null;
  return { layer, head };
}
