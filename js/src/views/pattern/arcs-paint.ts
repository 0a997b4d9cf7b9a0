/**
 * Painting the two columns: queries at the left, keys at the right, and a curve for each line between them.
 */
import type { Theme } from "../../theme";
import { shortened } from "../../tokens";
import { paintTick } from "../notes/mark-paint";
import { outline } from "../outline";
import type { Lines } from "./arcs-lines";
import { crossPath, strokeSeen } from "./matrix-cuts";

export const ROW = 20;
export const COLUMN = 112; // px for the tokens at each side
const MONO = '12px ui-monospace, "DejaVu Sans Mono", monospace';

/** The dash of a line below zero. */
export const BELOW = [5, 3];

export interface ArcsHead {
  name: string;
  colour: string;
  dash: number[];
  lines: Lines;
}

export interface ArcsScene {
  heads: ArcsHead[];
  labels: (position: number) => string;
  /** The first token of the window and how many there are in all. */
  scrolled: number;
  total: number;
  query: number | null;
  key: number | null;
  hovered: { query: boolean; key: boolean };
  /** How strong a weight is, by size alone, in [0, 1]: evenly, and as the scale spreads it. */
  strength: (weight: number) => { even: number; spread: number };
  /** Of a diverging field, the colours of what is above and below zero: these lines tell the sign, not the head. */
  signs: { above: string; below: string } | null;
  /** Looks that are cut, in the window. */
  cuts: { query: number; key: number }[];
  /** Tokens that notes are about, at both sides. */
  noted: { queries: Ticked[]; keys: Ticked[] };
  theme: Theme;
}

interface Ticked {
  first: number;
  last: number;
  hollow: boolean;
}

export function paintArcs(
  context: CanvasRenderingContext2D,
  scene: ArcsScene,
  { width, height }: { width: number; height: number },
): void {
  const { theme, scrolled } = scene;
  const y = (position: number) => position * ROW - scrolled + ROW / 2;
  // A key out of view is just past the edge: its line still says which way it goes.
  const held = (at: number) => Math.min(Math.max(at, -ROW / 2), height + ROW / 2);
  const [left, right] = [COLUMN, width - COLUMN];
  const bend = (right - left) * 0.42;

  for (const { lines, colour, dash } of scene.heads) {
    context.strokeStyle = colour;
    context.setLineDash(dash);
    const { signs } = scene;
    for (const { query, key, weight } of lines.drawn) {
      const [from, to] = [y(query), held(y(key))];
      if (from < -ROW || from > height + ROW) continue;
      const { even, spread } = scene.strength(weight);
      context.globalAlpha = Math.min(1, 0.06 + 0.94 * spread ** 1.4);
      context.lineWidth = signs ? 0.5 + 3 * even : 1 + 1.5 * even;
      if (signs) {
        context.strokeStyle = weight < 0 ? signs.below : signs.above;
        context.setLineDash(weight < 0 ? BELOW : []);
      }
      context.beginPath();
      context.moveTo(left, from);
      context.bezierCurveTo(left + bend, from, right - bend, to, right, to);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
  if (scene.cuts.length > 0) {
    context.strokeStyle = theme.dim;
    context.lineWidth = 1;
    context.setLineDash([1, 3]);
    context.beginPath();
    for (const { query, key } of scene.cuts) {
      context.moveTo(left, y(query));
      context.bezierCurveTo(left + bend, y(query), right - bend, y(key), right, y(key));
    }
    context.stroke();
    context.beginPath();
    for (const { query, key } of scene.cuts) crossPath(context, (left + right) / 2, (y(query) + y(key)) / 2, 4);
    strokeSeen(context, theme, 1.5);
  }

  context.font = MONO;
  context.textBaseline = "middle";
  const first = Math.max(0, Math.floor(scrolled / ROW));
  const last = Math.min(scene.total, Math.ceil((scrolled + height) / ROW));
  for (let position = first; position < last; position++) {
    const text = shortened(scene.labels(position), 13);
    context.fillStyle = position === scene.query ? theme.fg : theme.dim;
    context.textAlign = "right";
    context.fillText(text, left - 10, y(position));
    context.fillStyle = position === scene.key ? theme.fg : theme.dim;
    context.textAlign = "left";
    context.fillText(text, right + 10, y(position));
  }
  for (const [x, ticks] of [
    [left - 7, scene.noted.queries],
    [right + 5, scene.noted.keys],
  ] as const) {
    for (const { first: from, last: to, hollow } of ticks)
      paintTick(context, theme, { x, y: y(from) - ROW / 2 + 2, width: 2, height: (to - from) * ROW - 4 }, hollow);
  }
  const mark = (x: number, position: number, hovered: boolean) =>
    outline(
      context,
      theme,
      { x, y: y(position) - ROW / 2 + 2, width: COLUMN - 8, height: ROW - 4 },
      hovered ? "hovered" : "pinned",
    );
  if (scene.query !== null) mark(4, scene.query, scene.hovered.query);
  if (scene.key !== null) mark(right + 4, scene.key, scene.hovered.key);
}
