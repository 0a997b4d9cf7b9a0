/**
 * Looks that are cut: what a click on an edge, a row or a column asks of the kernel, and which cuts there are already.
 *
 * Pure. Always true: what is asked leaves every query at least its own position to look at, except where an edge names that very
 * position; where nothing is left to cut, null is answered, never an empty list.
 */
import type { Change, NewChange } from "../../protocol";

export type CutKind = "edge" | "row" | "column";
export type Scope = "head" | "layer" | "all";

/** The pinned place of a pattern. */
export interface Look {
  layer: number;
  head: number;
  query: number;
  key: number | null;
}

/** The places of a cut, as the kernel takes them. */
export interface Cut extends NewChange {
  site: "scores";
  layer: number[] | null;
  head: number[] | null;
  position: number[];
  key: number[];
}

const between = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** What to forbid, or null where there is nothing that can be. `causal`: a query sees no key after itself. */
export function cutOf(kind: CutKind, look: Look, scope: Scope, total: number, causal: boolean): Cut | null {
  const { query, key } = look;
  const places = {
    layer: scope === "all" ? null : [look.layer],
    head: scope === "head" ? [look.head] : null,
  };
  const others = (at: number) => between(0, total).filter((one) => one !== at);
  if (kind === "row") {
    const keys = causal ? between(0, query) : others(query);
    return keys.length === 0 ? null : { site: "scores", ...places, position: [query], key: keys };
  }
  if (key === null) return null;
  if (kind === "column") {
    const queries = causal ? between(key + 1, total) : others(key);
    return queries.length === 0 ? null : { site: "scores", ...places, position: queries, key: [key] };
  }
  const alone = total === 1 || (causal && query === 0);
  if (alone || (causal && key > query)) return null;
  return { site: "scores", ...places, position: [query], key: [key] };
}

const same = (a: number[] | null, b: number[] | null): boolean =>
  a === b || (a !== null && b !== null && a.length === b.length && a.every((one, i) => one === b[i]));

/** The change of the list that cuts just these places of the first prompt: what was cut once is switched, not cut again. */
export function existing(changes: Change[], cut: Cut): Change | undefined {
  return changes.find(
    ({ places, run, how }) =>
      run === "first" &&
      how === "cut" &&
      same(places.layer, cut.layer) &&
      same(places.head, cut.head) &&
      same(places.position, cut.position) &&
      same(places.key, cut.key),
  );
}

/** A rectangle of cut looks: from its first query and key to the ones after its last. */
export interface CutArea {
  query: readonly [number, number];
  key: readonly [number, number];
}

/** These positions as ranges, in order. */
export function rangesOf(places: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const at of [...places].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && at <= last[1]) last[1] = Math.max(last[1], at + 1);
    else found.push([at, at + 1]);
  }
  return found;
}

/** What is cut at a head of a run by the changes that are on. */
export function cutAreas(
  changes: Change[],
  run: Change["run"],
  layer: number | null,
  head: number | null,
  total: number,
): CutArea[] {
  const ranges = (places: number[] | null) => (places === null ? [[0, total] as const] : rangesOf(places));
  const at = (places: number[] | null, one: number | null) => places === null || (one !== null && places.includes(one));
  return changes
    .filter((one) => one.on && one.run === run && one.how === "cut")
    .filter(({ places }) => at(places.layer, layer) && at(places.head, head))
    .flatMap(({ places }) => {
      const keys = ranges(places.key);
      return ranges(places.position).flatMap((query) => keys.map((key) => ({ query, key })));
    });
}

export const isCut = (areas: CutArea[], query: number, key: number): boolean =>
  areas.some((area) => query >= area.query[0] && query < area.query[1] && key >= area.key[0] && key < area.key[1]);
