/**
 * Marks over data: outlines that are seen on any colour, since each is drawn twice, in the ground's colour and its own.
 */
import type { Theme } from "../theme";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type OutlineKind = "pinned" | "hovered" | "further";

interface OutlineStyle {
  colour?: string;
  dash?: number[];
  radius?: number;
}

/** An outline just outside `box`: solid where pinned, dashed where only hovered. */
export function outline(
  context: CanvasRenderingContext2D,
  theme: Theme,
  box: Box,
  kind: OutlineKind,
  { colour = theme.focus, dash, radius = 2 }: OutlineStyle = {},
): void {
  const strong = kind === "pinned" ? 2 : 1.5;
  const path = (grow: number) => {
    context.beginPath();
    context.roundRect(box.x - grow, box.y - grow, box.width + 2 * grow, box.height + 2 * grow, radius);
  };
  context.save();
  context.setLineDash([]);
  context.strokeStyle = theme.bg;
  context.lineWidth = strong + 2;
  path(strong / 2);
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = strong;
  context.setLineDash(dash ?? (kind === "hovered" ? [4, 3] : []));
  path(strong / 2);
  context.stroke();
  context.restore();
}

/** What is drawn over: long dashes, so that it is neither pinned nor hovered. */
export function outlineRegion(context: CanvasRenderingContext2D, theme: Theme, box: Box): void {
  outline(context, theme, box, "pinned", { colour: theme.fg, dash: [7, 4] });
}

/** The cells of something that is not there: hatched, so that absence is never taken for zero. */
export function hatch(context: CanvasRenderingContext2D, theme: Theme, box: Box): void {
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = -box.height; at < box.width; at += 5) {
    context.moveTo(box.x + at, box.y + box.height);
    context.lineTo(box.x + at + box.height, box.y);
  }
  context.stroke();
  context.restore();
}

/** Hue and dash of further heads: told apart without colour as well. Okabe and Ito's hues, then again with other dashes. */
const HUES = ["#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7b61c4"];
const DASHES = [
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [12, 4],
  [4, 4],
];

export function headStyle(nth: number): { colour: string; dash: number[] } {
  return { colour: HUES[nth % HUES.length]!, dash: DASHES[nth % DASHES.length]! };
}
