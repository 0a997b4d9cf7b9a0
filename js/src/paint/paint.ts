/**
 * Painting a plane of halves onto a canvas: the seam behind which another way of painting could stand.
 *
 * One look-up a cell into the colour table, one image, scaled without smoothing: a cell is never blended with its neighbour.
 * What is under a canvas pixel in size must come pooled (slice.ts chooses the level); here nothing is summed up.
 */

import { drawMarks, MARK_SIZE } from "./marks";
import type { Plane } from "./plane";
import type { Rect } from "./rect";
import type { ColourTable } from "./table";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

let scratch: OffscreenCanvasRenderingContext2D | null = null;

/** A canvas in memory of at least this size; it only grows, since resizing clears and reallocates. */
function scratchOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const canvas = scratch?.canvas ?? new OffscreenCanvas(1, 1);
  if (canvas.width < width || canvas.height < height) {
    canvas.width = Math.max(canvas.width, width);
    canvas.height = Math.max(canvas.height, height);
  }
  scratch ??= canvas.getContext("2d", { willReadFrequently: true });
  if (!scratch) throw new Error("this browser gives no 2d canvas in memory");
  return scratch;
}

/** The plane's colours, one pixel a cell. */
export function imageOf(plane: Plane, table: ColourTable): ImageData {
  const image = new ImageData(plane.columns, plane.rows);
  const pixels = new Uint32Array(image.data.buffer);
  const { halves } = plane;
  const colours = table.pixels;
  for (let cell = 0; cell < pixels.length; cell++) pixels[cell] = colours[halves[cell]!]!;
  return image;
}

/** Fill `rect` with the plane, and with the marks of its cells where these are large enough to hold one. */
export function paintPlane(context: Context, plane: Plane, rect: Rect, table: ColourTable): void {
  if (plane.rows === 0 || plane.columns === 0) return;
  const source = scratchOf(plane.columns, plane.rows);
  source.putImageData(imageOf(plane, table), 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(source.canvas, 0, 0, plane.columns, plane.rows, rect.x, rect.y, rect.width, rect.height);
  if (Math.min(rect.width / plane.columns, rect.height / plane.rows) >= MARK_SIZE)
    drawMarks(context, plane, rect, table);
}

/** Tell whoever waits (a test, a host) that a canvas of this view has been painted: counted on the view's host element. */
export function countPaint(canvas: Element): void {
  const root = canvas.getRootNode();
  const host = root instanceof ShadowRoot ? root.host : canvas.closest("[data-llmw-state]");
  if (host instanceof HTMLElement) host.dataset.llmwPaints = String(Number(host.dataset.llmwPaints ?? 0) + 1);
}
