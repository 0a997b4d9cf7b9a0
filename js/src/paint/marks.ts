/**
 * Marks upon cells that are not plain values, so that colour is never all that tells them: NaN a cross, infinities an arrow head, what
 * lies beyond the scale a corner, absent cells a hatch, cells that are not computed yet a dot. Masked cells stay quiet.
 */
import { halfTable, stateOf } from "./half";
import type { Plane } from "./plane";
import type { Rect } from "./rect";
import { clipped } from "./scale";
import type { ColourTable } from "./table";

/** Cells of this many units and more get marks; below it their colour has to do. */
export const MARK_SIZE = 7;

export type Mark = "nan" | "inf" | "-inf" | "above" | "below" | "absent" | "pending" | "masked";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Which mark a cell gets, or null. */
export function markOf(bits: number, table: ColourTable): Mark | null {
  const state = stateOf(bits);
  if (state === "value") return clipped(table.scale, halfTable()[bits]! * 2 ** table.exponent);
  return state;
}

/** One mark inside the box at (x, y); legends draw their keys with it too. */
export function drawMark(context: Context, mark: Mark, x: number, y: number, width: number, height: number): void {
  const inset = Math.min(width, height) * 0.28;
  const [left, right, top, bottom] = [x + inset, x + width - inset, y + inset, y + height - inset];
  context.beginPath();
  switch (mark) {
    case "nan":
      context.moveTo(left, top);
      context.lineTo(right, bottom);
      context.moveTo(right, top);
      context.lineTo(left, bottom);
      break;
    case "inf":
    case "-inf": {
      const [tip, foot] = mark === "inf" ? [top, bottom] : [bottom, top];
      context.moveTo(left, foot);
      context.lineTo((left + right) / 2, tip);
      context.lineTo(right, foot);
      break;
    }
    case "above":
    case "below": {
      const size = Math.min(width, height) * 0.35;
      const edge = mark === "above" ? y : y + height;
      context.moveTo(x + width - size, edge);
      context.lineTo(x + width, edge);
      context.lineTo(x + width, edge + (mark === "above" ? size : -size));
      context.closePath();
      context.fill();
      return;
    }
    case "absent":
      context.moveTo(x + 1, y + height - 1);
      context.lineTo(x + width - 1, y + 1);
      break;
    case "pending":
      context.moveTo(x + width / 2 + 1, y + height / 2);
      context.arc(x + width / 2, y + height / 2, 1, 0, 2 * Math.PI);
      break;
    case "masked":
      return;
  }
  context.stroke();
}

/** The marks of all cells of a plane that fills `rect`; only cells inside the canvas are looked at. */
export function drawMarks(context: Context, plane: Plane, rect: Rect, table: ColourTable): void {
  const width = rect.width / plane.columns;
  const height = rect.height / plane.rows;
  const seen = visible(context, rect);
  const rows = range(seen.y, seen.height, rect.y, height, plane.rows);
  const columns = range(seen.x, seen.width, rect.x, width, plane.columns);
  context.save();
  context.lineWidth = Math.max(1, Math.min(width, height) / 12);
  for (let row = rows[0]; row < rows[1]; row++) {
    for (let column = columns[0]; column < columns[1]; column++) {
      const bits = plane.halves[row * plane.columns + column]!;
      const mark = markOf(bits, table);
      if (mark === null || mark === "masked") continue;
      context.strokeStyle = mark === "absent" || mark === "pending" ? table.theme.line : table.ink(bits);
      context.fillStyle = table.ink(bits);
      drawMark(context, mark, rect.x + column * width, rect.y + row * height, width, height);
    }
  }
  context.restore();
}

/** The part of the canvas that can be seen, in the context's own units (a context that is turned is not foreseen). */
function visible(context: Context, rect: Rect): Rect {
  const transform = context.getTransform();
  if (transform.b !== 0 || transform.c !== 0) return rect;
  const { a, d, e, f } = transform;
  return { x: -e / a, y: -f / d, width: context.canvas.width / a, height: context.canvas.height / d };
}

function range(from: number, length: number, origin: number, size: number, count: number): [number, number] {
  const first = Math.floor((from - origin) / size);
  const last = Math.ceil((from + length - origin) / size);
  return [Math.max(first, 0), Math.min(last, count)];
}
