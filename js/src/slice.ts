/**
 * Which numbers a view needs: a view names the coordinates that it draws, the selection fixes all the others.
 *
 * Pure. Always true: a request names every coordinate of its field, stays inside the axes, and its ranges start at
 * multiples of their pool factor; of a field that grows it names the version. What stands in for a coordinate that neither the view nor the cursor fixes is written
 * down here (`REST`), not decided by each view.
 */
import { type BlockRequest, type Coordinate, type FieldMeta, type Index, MAX_CELLS } from "./protocol";
import { CURSOR_COORDINATES, type CursorPatch, cursorCoordinate, type Selection } from "./selection";

/** What a view draws, per coordinate: all of the axis, or part of it. */
export type Drawn = Record<Coordinate, "all" | Index>;

export interface SliceOptions {
  pool?: Record<Coordinate, number>;
  texts?: boolean;
  /** For undrawn coordinates, in place of the cursor: the head grid takes the mean over queries, wherever the cursor is. */
  fixed?: Record<Coordinate, Index>;
}

/** Reads the signals of the shown cursor: inside an effect or a component, this subscribes to all of them. */
export function cursorOf(selection: Selection): CursorPatch {
  return Object.fromEntries(CURSOR_COORDINATES.map((name) => [name, selection.shown[name].value]));
}

/** What stands in where the cursor is silent: the last token and layer (what the model ends on), the mean over heads and the rest. */
function REST(coordinate: Coordinate, last: number): Index {
  switch (cursorCoordinate(coordinate)) {
    case "query":
    case "layer":
      return last;
    case "step":
    case "prompt":
      return last;
    case "key":
      return { reduce: "max" };
    default:
      return { reduce: "mean" };
  }
}

export function requestFor(
  field: FieldMeta,
  epoch: number,
  drawn: Drawn,
  cursor: CursorPatch,
  options: SliceOptions = {},
): BlockRequest {
  const index: Record<Coordinate, Index> = {};
  const pool: Record<Coordinate, number> = {};
  for (const { coordinate, start, size } of field.axes) {
    const want = drawn[coordinate];
    const last = start + size - 1;
    if (want !== undefined) {
      index[coordinate] = want === "all" ? [start, start + size] : inside(want, start, start + size);
      const factor = options.pool?.[coordinate] ?? 1;
      if (factor > 1) pool[coordinate] = factor;
    } else {
      const at = (cursor as Record<string, number | null | undefined>)[cursorCoordinate(coordinate)];
      const held = typeof at === "number" && at >= start && at <= last ? at : REST(coordinate, last);
      index[coordinate] = options.fixed?.[coordinate] ?? held;
    }
  }
  const unknown = Object.keys(drawn).filter((name) => !(name in index));
  if (unknown.length > 0) {
    const has = field.axes.map((axis) => axis.coordinate).join(", ");
    throw new RangeError(`field ${field.name} has no ${unknown.join(", ")}: its coordinates are ${has}`);
  }
  const request: BlockRequest = { field: field.name, epoch, index };
  if (Object.keys(pool).length > 0) request.pool = pool;
  if (options.texts && field.texts) request.texts = true;
  if (field.progress) request.version = field.progress.version;
  return request;
}

function inside(want: Index, start: number, stop: number): Index {
  return Array.isArray(want) ? [Math.max(want[0], start), Math.min(want[1], stop)] : want;
}

/** Whether a field can be drawn over these coordinates at all. */
export function has(field: FieldMeta, ...coordinates: Coordinate[]): boolean {
  return coordinates.every((name) => field.axes.some((axis) => axis.coordinate === name));
}

/** How many cells the answer will have, given the sizes of the field's axes. */
export function cellsOf(field: FieldMeta, request: BlockRequest): number {
  return field.axes.reduce((product, { coordinate }) => product * lengthOf(request, coordinate), 1);
}

function lengthOf(request: BlockRequest, coordinate: Coordinate): number {
  const want = request.index[coordinate];
  if (Array.isArray(want)) return Math.ceil((want[1] - want[0]) / (request.pool?.[coordinate] ?? 1));
  return want !== undefined && typeof want === "object" && "list" in want ? want.list.length : 1;
}

/** Queries that a hover's row comes with: the hover moves on to its neighbours next. */
export const BAND = 64;

/**
 * The block that makes hovering free: the row that is looked at with its neighbours, all keys, unpooled. A hover asks
 * `source.peek` for its row, which is cut from this.
 */
export function bandRequest(
  field: FieldMeta,
  epoch: number,
  rowCoordinate: Coordinate,
  drawn: Drawn,
  cursor: CursorPatch,
  row: number,
): BlockRequest {
  const axis = field.axes.find((one) => one.coordinate === rowCoordinate);
  if (!axis) throw new RangeError(`field ${field.name} has no ${rowCoordinate}`);
  const width = cellsOf(field, requestFor(field, epoch, drawn, { ...cursor, [cursorCoordinate(rowCoordinate)]: row }));
  const band = Math.max(1, Math.min(BAND, Math.floor(MAX_CELLS / Math.max(width, 1))));
  const first = axis.start + Math.floor((row - axis.start) / band) * band;
  return requestFor(field, epoch, { ...drawn, [rowCoordinate]: [first, first + band] }, cursor);
}
