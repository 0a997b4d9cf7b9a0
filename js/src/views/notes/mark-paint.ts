/**
 * The marks of notes on canvases: a small corner on a cell, a thin line around a region, a double ring around what is open.
 *
 * They differ from the selection's outlines by shape, not by hue alone. Always true: a mark leaves the middle of a cell free, where its
 * number stands; what is carried over or resolved is hollow.
 */
import type { Theme } from "../../theme";
import { type Box, outline } from "../outline";
import type { Marked } from "./marks";

type Context = CanvasRenderingContext2D;

/** Pixels of a cell with room for a count beside its number. */
const COUNTED = 34;
const BADGE = 11;

function cornerSize({ width, height }: Box): number {
  const least = Math.min(width, height);
  return Math.min(9, Math.max(least * 0.3, Math.min(least * 0.6, 5)));
}

function filled(context: Context, theme: Theme, hollow: boolean): void {
  context.lineJoin = "miter";
  context.setLineDash([]);
  context.strokeStyle = hollow ? theme.note : theme.bg;
  context.fillStyle = hollow ? theme.bg : theme.note;
  context.lineWidth = 1;
  context.fill();
  context.stroke();
}

/** At the upper right: a triangle, or how many where there is room for that. */
export function paintCorner(context: Context, theme: Theme, box: Box, { notes, hollow }: Marked): void {
  const right = box.x + box.width;
  context.save();
  context.beginPath();
  if (notes.length > 1 && Math.min(box.width, box.height) >= COUNTED) {
    const count = notes.length > 9 ? "9+" : String(notes.length);
    context.font = "700 9px system-ui, sans-serif";
    const width = Math.max(BADGE, Math.ceil(context.measureText(count).width) + 4);
    context.rect(right - width - 0.5, box.y + 0.5, width, BADGE);
    filled(context, theme, hollow);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = hollow ? theme.note : theme.bg;
    context.fillText(count, right - width / 2 - 0.5, box.y + BADGE / 2 + 1);
  } else {
    const size = cornerSize(box);
    context.moveTo(right - size, box.y);
    context.lineTo(right, box.y);
    context.lineTo(right, box.y + size);
    context.closePath();
    filled(context, theme, hollow);
  }
  context.restore();
}

/** At the left edge of a row, pointing to it. */
export function paintWedge(context: Context, theme: Theme, x: number, { y, height }: Box, { hollow }: Marked): void {
  const middle = y + height / 2;
  const half = Math.min(4, Math.max(2, height / 2));
  context.save();
  context.beginPath();
  context.moveTo(x - 6, middle - half);
  context.lineTo(x, middle);
  context.lineTo(x - 6, middle + half);
  context.closePath();
  filled(context, theme, hollow);
  context.restore();
}

/** Along the labels of tokens: solid, or two lines where it is hollow. */
export function paintTick(context: Context, theme: Theme, box: Box, hollow: boolean): void {
  context.fillStyle = theme.note;
  context.fillRect(box.x, box.y, box.width, box.height);
  if (!hollow) return;
  context.fillStyle = theme.bg;
  const isRow = box.height > box.width;
  const gap = Math.max(1, (isRow ? box.height : box.width) / 3);
  if (isRow) context.fillRect(box.x, box.y + gap, box.width, gap);
  else context.fillRect(box.x + gap, box.y, gap, box.height);
}

/** Around several cells. */
export function paintAround(context: Context, theme: Theme, box: Box, hollow: boolean): void {
  context.save();
  for (const [colour, width] of [
    [theme.bg, 3],
    [theme.note, 1],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(hollow && colour === theme.note ? [2, 2] : []);
    context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  }
  context.restore();
}

/** The open note's: outside of where a selection's outline would be. */
export function paintOpen(context: Context, theme: Theme, { x, y, width, height }: Box): void {
  const around = { x: x - 3, y: y - 3, width: width + 6, height: height + 6 };
  outline(context, theme, around, "pinned", { colour: theme.note, radius: 4 });
}
