/**
 * Tiles: a large plane is fetched in squares of 256 × 256 cells, at the level of detail that the screen can show.
 *
 * Pure arithmetic. At level n a cell stands for 2^n × 2^n of the finest, pooled by largest value in the kernel, so a lone strong cell
 * is seen at every level. Positions here count from the axis's start, in finest cells.
 */
import type { Axis, Coordinate, FieldMeta } from "./protocol";
import type { Drawn } from "./slice";

export const TILE = 256;

/** The part of a plane that is on screen, in finest cells, not necessarily whole ones. */
export interface Window {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

export interface Tile {
  readonly level: number;
  /** Cells per pooled cell: 2 ** level. */
  readonly pool: number;
  /** Finest cells that it covers, counted from the axis's start. */
  readonly rows: [number, number];
  readonly columns: [number, number];
}

/** The coarsest level needed so that no pooled cell is under a device pixel, and none that is finer than that. */
export function levelFor(devicePixelsPerCell: number): number {
  return devicePixelsPerCell >= 1 ? 0 : Math.ceil(-Math.log2(devicePixelsPerCell) - 1e-9);
}

/** Tiles that meet the window, the nearest to its middle first. `rows` and `columns` are the sizes of the axes. */
export function tilesIn(rows: number, columns: number, window: Window, level: number): Tile[] {
  const pool = 2 ** level;
  const side = TILE * pool;
  const tiles: Tile[] = [];
  for (const row of steps(window.rows, rows, side)) {
    for (const column of steps(window.columns, columns, side)) {
      tiles.push({
        level,
        pool,
        rows: [row, Math.min(row + side, rows)],
        columns: [column, Math.min(column + side, columns)],
      });
    }
  }
  const [middleRow, middleColumn] = [middle(window.rows), middle(window.columns)];
  const distance = (tile: Tile) => Math.hypot(middle(tile.rows) - middleRow, middle(tile.columns) - middleColumn);
  return tiles.sort((a, b) => distance(a) - distance(b));
}

function steps([from, to]: readonly [number, number], size: number, side: number): number[] {
  if (from >= size || to <= 0) return [];
  const first = Math.max(Math.floor(from / side), 0);
  const last = Math.min(Math.ceil(Math.min(to, size) / side), Math.ceil(size / side));
  return Array.from({ length: Math.max(last - first, 0) }, (_, step) => (first + step) * side);
}

function middle([from, to]: readonly [number, number]): number {
  return (from + to) / 2;
}

/** What `requestFor` takes to ask for a tile of the plane (row coordinate by column coordinate). */
export function drawnTile(
  field: FieldMeta,
  row: Coordinate,
  column: Coordinate,
  tile: Tile,
): { drawn: Drawn; pool: Record<Coordinate, number> } {
  const offset = (name: Coordinate) => field.axes.find((axis: Axis) => axis.coordinate === name)?.start ?? 0;
  const shifted = ([from, to]: [number, number], by: number): [number, number] => [from + by, to + by];
  return {
    drawn: { [row]: shifted(tile.rows, offset(row)), [column]: shifted(tile.columns, offset(column)) },
    pool: { [row]: tile.pool, [column]: tile.pool },
  };
}
