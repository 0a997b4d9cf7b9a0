/**
 * A block out of a larger one: a row from a band, a head from a pack of thumbnails.
 *
 * Pure. `cut` answers exactly what the kernel would, or null where the larger block does not hold it. So a hover over a tile that is
 * there needs no request.
 */
import { halfTable } from "../paint/half";
import type { BlockRequest, Index } from "../protocol";
import type { Block } from "./source";

/** Places along one dimension of the larger block; null in place of places: the dimension is gone from both. */
type Places = { at: number[]; gone: boolean } | null;

/** Where along the larger block's coordinate the wanted cells are; undefined: not there. */
function placesOf(want: Index, held: Index, pool: number): Places | undefined {
  if (Array.isArray(held)) return placesInRange(want, held, pool);
  if (typeof held === "number") return want === held ? null : undefined;
  if (typeof want === "object" && !Array.isArray(want) && "reduce" in held) {
    return "reduce" in want && want.reduce === held.reduce ? null : undefined;
  }
  if ("reduce" in held || Array.isArray(want)) return undefined;
  if (typeof want === "number") return one(held.list.indexOf(want));
  return "list" in want ? some(want.list.map((value) => held.list.indexOf(value))) : undefined;
}

function placesInRange(want: Index, [start, stop]: [number, number], pool: number): Places | undefined {
  if (typeof want === "number") return pool === 1 && want < stop ? one(want - start) : undefined;
  if (Array.isArray(want)) {
    const [from, to] = want;
    if (from < start || to > stop || (from - start) % pool !== 0) return undefined;
    if (to !== stop && (to - start) % pool !== 0) return undefined;
    const first = (from - start) / pool;
    const count = Math.ceil((to - from) / pool);
    return { at: Array.from({ length: count }, (_, step) => first + step), gone: false };
  }
  if ("reduce" in want || pool !== 1 || want.list.some((value) => value >= stop)) return undefined;
  return some(want.list.map((value) => value - start));
}

function one(at: number): Places | undefined {
  return at < 0 ? undefined : { at: [at], gone: true };
}

function some(at: number[]): Places | undefined {
  return at.some((place) => place < 0) ? undefined : { at, gone: false };
}

/** Per coordinate the places to take, or null where `held` does not answer `want`. */
function plan(want: BlockRequest, held: BlockRequest): Map<string, Places> | null {
  if (want.field !== held.field || want.epoch !== held.epoch || want.version !== held.version) return null;
  if (want.texts && !held.texts) return null;
  const places = new Map<string, Places>();
  for (const [coordinate, wanted] of Object.entries(want.index)) {
    const there = held.index[coordinate];
    if (there === undefined) return null;
    const pool = held.pool?.[coordinate] ?? 1;
    if (Array.isArray(wanted) && (want.pool?.[coordinate] ?? 1) !== pool) return null;
    const at = placesOf(wanted, there, pool);
    if (at === undefined) return null;
    places.set(coordinate, at);
  }
  return places;
}

/** Whether the answer to `held` holds the answer to `want`. */
export function covers(held: BlockRequest, want: BlockRequest): boolean {
  return plan(want, held) !== null;
}

/** The answer to `want`, taken out of `held`; null where it is not in there. */
export function cut(held: Block, want: BlockRequest): Block | null {
  const places = plan(want, held.request);
  if (!places) return null;
  const taken = held.dims.map(
    (name, axis) => places.get(name) ?? { at: Array.from({ length: held.shape[axis]! }, (_, at) => at), gone: false },
  );
  const kept = taken.flatMap((part, axis) => (part.gone ? [] : [axis]));
  const size = taken.reduce((product, { at }) => product * at.length, 1);
  const halves = new Uint16Array(size);
  const texts = want.texts && held.texts ? new Array<string>(size) : null;
  let next = 0;
  const walk = (axis: number, offset: number): void => {
    const part = taken[axis];
    if (!part) {
      halves[next] = held.halves[offset]!;
      if (texts) texts[next] = held.texts![offset]!;
      next += 1;
      return;
    }
    for (const at of part.at) walk(axis + 1, offset * held.shape[axis]! + at);
  };
  walk(0, 0);
  return {
    request: want,
    dims: kept.map((axis) => held.dims[axis]!),
    shape: kept.map((axis) => taken[axis]!.at.length),
    exponent: held.exponent,
    // Under a pool the cells are not all the values that were there: the larger extent stands.
    extent: held.request.pool ? held.extent : extentOf(halves, held.exponent),
    texts,
    halves,
  };
}

/** Least and largest finite value. */
export function extentOf(halves: Uint16Array, exponent: number): [number, number] | null {
  const values = halfTable();
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const bits of halves) {
    const value = values[bits]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low * 2 ** exponent, high * 2 ** exponent] : null;
}
