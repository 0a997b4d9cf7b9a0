/**
 * Where points stand in a scatter: nice ticks, places of numbers, and which point is nearest to a place.
 *
 * Pure geometry in CSS pixels. Zero lies within both axes, so that a sign is read off the side of a line; with `equal` both axes show
 * the same numbers over a square, so that the diagonal is where they are equal.
 */
export interface Axis1D {
  readonly low: number;
  readonly high: number;
  readonly ticks: number[];
}

export interface ScatterLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly x: Axis1D;
  readonly y: Axis1D;
}

export interface Point {
  readonly layer: number;
  readonly head: number;
  readonly x: number;
  readonly y: number;
}

const EDGE = { left: 44, top: 10, right: 12, bottom: 20 };
const ROOM = 0.05; // of the span, so that no point lies on the frame

/** Round numbers between low and high, about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function axisOver(values: number[], ticks: number): Axis1D {
  const least = values.reduce((a, b) => Math.min(a, b), 0);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const span = most - least || 1;
  const low = least - span * ROOM;
  const high = (most === least ? 1 : most) + span * ROOM;
  return { low, high, ticks: niceTicks(low, high, ticks) };
}

export function scatterLayout(points: readonly Point[], width: number, height: number, equal: boolean): ScatterLayout {
  const side = Math.min(width - EDGE.left - EDGE.right, height - EDGE.top - EDGE.bottom);
  const wide = Math.max(20, equal ? side : width - EDGE.left - EDGE.right);
  const tall = Math.max(20, equal ? side : height - EDGE.top - EDGE.bottom);
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const both = equal ? [...xs, ...ys] : null;
  return {
    width: EDGE.left + wide + EDGE.right,
    height: EDGE.top + tall + EDGE.bottom,
    left: EDGE.left,
    top: EDGE.top,
    right: EDGE.left + wide,
    bottom: EDGE.top + tall,
    x: axisOver(both ?? xs, wide / 48),
    y: axisOver(both ?? ys, equal ? wide / 48 : tall / 36),
  };
}

export const placeX = ({ left, right, x }: ScatterLayout, value: number): number =>
  left + ((value - x.low) / (x.high - x.low)) * (right - left);

export const placeY = ({ top, bottom, y }: ScatterLayout, value: number): number =>
  bottom - ((value - y.low) / (y.high - y.low)) * (bottom - top);

/** The point nearest to a place, no farther than `within`. Of points that lie on each other the first is found. */
export function nearestPoint(
  layout: ScatterLayout,
  points: readonly Point[],
  px: number,
  py: number,
  within = 14,
): Point | null {
  let best: Point | null = null;
  let least = within;
  for (const point of points) {
    const distance = Math.hypot(placeX(layout, point.x) - px, placeY(layout, point.y) - py);
    if (distance < least) [best, least] = [point, distance];
  }
  return best;
}
