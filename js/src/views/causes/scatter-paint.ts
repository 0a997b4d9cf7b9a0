/**
 * Painting a scatter: axes with their zero lines, a circle a head, and the selection upon them.
 *
 * What is selected differs in shape as well as in hue: the selected head is filled and named, further ones have rings of their own dash.
 */
import { numberText } from "../../paint/numbers";
import type { Theme } from "../../theme";
import type { HeadMarks } from "../heads/heads-paint";
import { paintCorner, paintOpen } from "../notes/mark-paint";
import { headKey } from "../notes/marks";
import { type Box, headStyle } from "../outline";
import { headShort } from "../words";
import { type Point, placeX, placeY, type ScatterLayout } from "./scatter-layout";

type Context = CanvasRenderingContext2D;

const FONT = "11px system-ui, sans-serif";

/** Circles shrink where there are many, so that they can still be told apart. */
const radiusOf = (points: number): number => (points > 400 ? 2.5 : points > 100 ? 3.5 : 4.5);

function line(context: Context, x0: number, y0: number, x1: number, y1: number): void {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function circle(context: Context, layout: ScatterLayout, point: Point, radius: number): void {
  context.beginPath();
  context.arc(placeX(layout, point.x), placeY(layout, point.y), radius, 0, 2 * Math.PI);
}

const crisp = (at: number) => Math.round(at) + 0.5;

function paintAxes(context: Context, layout: ScatterLayout, theme: Theme): void {
  const { left, right, top, bottom, x, y } = layout;
  context.lineWidth = 1;
  context.fillStyle = theme.dim;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const tick of y.ticks) {
    const at = crisp(placeY(layout, tick));
    context.strokeStyle = tick === 0 ? theme.dim : theme.line;
    line(context, left, at, right, at);
    context.fillText(numberText(tick), left - 6, at);
  }
  context.textAlign = "center";
  for (const tick of x.ticks) {
    const at = crisp(placeX(layout, tick));
    context.strokeStyle = tick === 0 ? theme.dim : theme.line;
    line(context, at, top, at, bottom);
    context.fillText(numberText(tick), at, bottom + 11);
  }
}

/** Where both numbers are equal. */
function paintDiagonal(context: Context, { left, right, top, bottom }: ScatterLayout, theme: Theme): void {
  context.save();
  context.strokeStyle = theme.dim;
  context.setLineDash([5, 4]);
  line(context, left, bottom, right, top);
  context.restore();
}

export interface ScatterScene {
  layout: ScatterLayout;
  points: readonly Point[];
  theme: Theme;
}

export function paintScatter(context: Context, { layout, points, theme }: ScatterScene, hasDiagonal: boolean): void {
  context.font = FONT;
  paintAxes(context, layout, theme);
  if (hasDiagonal) paintDiagonal(context, layout, theme);
  const radius = radiusOf(points.length);
  context.lineWidth = radius > 3 ? 1.5 : 1;
  context.strokeStyle = theme.accent;
  context.fillStyle = theme.bg;
  for (const point of points) {
    circle(context, layout, point, radius);
    // The ground shines through, so that circles on each other are seen to be several.
    context.globalAlpha = 0.6;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
  }
}

export const pointOf = (points: readonly Point[], place: readonly [number, number] | null): Point | undefined =>
  place === null ? undefined : points.find((point) => point.layer === place[0] && point.head === place[1]);

export function paintPointMarks(context: Context, { layout, points, theme }: ScatterScene, marks: HeadMarks): void {
  const radius = radiusOf(points.length);
  const ring = (point: Point, colour: string, dash: number[]) => {
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.setLineDash(dash);
    circle(context, layout, point, radius + 3);
    context.stroke();
    context.setLineDash([]);
  };
  context.font = FONT;
  const boxOf = (point: Point, half: number): Box => {
    const [x, y] = [placeX(layout, point.x), placeY(layout, point.y)];
    return { x: x - half, y: y - half, width: 2 * half, height: 2 * half };
  };
  for (const { layer, head } of marks.open) {
    const point = layer === null || head === null ? undefined : pointOf(points, [layer, head]);
    if (point) paintOpen(context, theme, boxOf(point, radius + 3));
  }
  marks.further.forEach((place, nth) => {
    const point = pointOf(points, place);
    const { colour, dash } = headStyle(nth);
    if (point)
      ring(
        point,
        colour,
        dash.map((length) => length / 2),
      );
  });
  const [pinned, hovered] = [pointOf(points, marks.pinned), pointOf(points, marks.hovered)];
  if (pinned) {
    context.fillStyle = theme.focus;
    circle(context, layout, pinned, radius + 0.75);
    context.fill();
    named(context, layout, pinned, radius, theme);
  }
  if (hovered) {
    ring(hovered, theme.focus, [4, 3]);
    named(context, layout, hovered, radius, theme);
  }
  for (const point of marks.noted.size > 0 ? points : []) {
    const marked = marks.noted.get(headKey(point.layer, point.head));
    if (marked) paintCorner(context, theme, boxOf(point, radius + 6), marked);
  }
}

/** The head's name beside its point, on the side that has room, upon the ground's colour. */
function named(context: Context, layout: ScatterLayout, point: Point, radius: number, theme: Theme): void {
  const text = headShort(point.layer, point.head);
  const onLeft = placeX(layout, point.x) > (layout.left + layout.right) / 2;
  const x = placeX(layout, point.x) + (onLeft ? -1 : 1) * (radius + 6);
  const y = placeY(layout, point.y);
  context.textAlign = onLeft ? "right" : "left";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = theme.bg;
  context.strokeText(text, x, y);
  context.fillStyle = theme.fg;
  context.fillText(text, x, y);
}
