/**
 * What a scatter of two fields over heads draws: a point for every head that has both numbers, and how their orders agree.
 *
 * A field over query and key is read at the pinned query and key, or at its largest over keys while no key is pinned; what is hovered
 * is not followed, for each of its steps would cost an answer of the kernel.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { stateOf, valueOf } from "../../paint/half";
import { type BlockRequest, type FieldMeta, HALF_ABSENT, type Run } from "../../protocol";
import { CURSOR_COORDINATES, type CursorPatch } from "../../selection";
import { has, requestFor } from "../../slice";
import type { Block } from "../../source/source";
import type { Stage } from "../../stage";
import { stepOf } from "../filling";
import { headExists } from "../fit";
import { steady, Wanted, type Wish } from "../wanted";
import { tokenQuote } from "../words";
import { rankCorrelation } from "./rank-correlation";
import type { Point } from "./scatter-layout";

export interface ScatterPicture {
  x: FieldMeta;
  y: FieldMeta;
  points: Point[];
  /** Heads that the run has. */
  heads: number;
  /** Heads of which a number is still to come. */
  pending: number;
  rho: number | null;
}

/** One value a head, where the pinned cursor stands. */
export function headValues(field: FieldMeta, run: Run, cursor: CursorPatch): BlockRequest {
  const largest = field.scale.kind === "diverging" ? "absmax" : "max";
  const fixed = has(field, "key") && cursor.key == null ? { key: { reduce: largest } as const } : undefined;
  return requestFor(field, run.epoch, { layer: "all", head: "all" }, cursor, fixed ? { fixed } : {});
}

/** Which of its numbers a field shows here: “from ‘to’ to ‘Mary’”; empty for a field over layers and heads alone. */
export function sliceWords(field: FieldMeta, { query, key }: CursorPatch, tokens: Stage["tokens"]["value"]): string {
  const token = (at: number) => tokenQuote(tokens.texts[at]);
  const from = token(query ?? tokens.texts.length - 1);
  if (has(field, "position")) return `at ${from}`;
  if (!has(field, "query")) return "";
  if (!has(field, "key")) return `from ${from}`;
  return key == null ? `from ${from}, the largest` : `from ${from} to ${token(key)}`;
}

export function pinnedOf(stage: Stage): CursorPatch {
  return Object.fromEntries(CURSOR_COORDINATES.map((name) => [name, stage.selection.pinned[name].value]));
}

export class ScatterModel {
  readonly picture: ReadonlySignal<ScatterPicture | null>;
  readonly wanted: Wanted;
  #last: ScatterPicture | null = null;

  constructor(
    readonly stage: Stage,
    readonly x: ReadonlySignal<FieldMeta | undefined>,
    readonly y: ReadonlySignal<FieldMeta | undefined>,
  ) {
    const wishes = steady((): Wish[] => {
      const run = stage.run.value;
      if (run === null) return [];
      const fields = [x.value, y.value].filter((field) => field !== undefined);
      const at = pinnedOf(stage);
      return fields.map((field) => ({ request: headValues(field, run, at), priority: 0, ...stepOf(stage, field) }));
    });
    this.wanted = new Wanted(stage.source, () => wishes.value);
    this.picture = computed(() => {
      this.wanted.version.value;
      const run = stage.run.value;
      const [left, right] = wishes.value.map(({ request }) => this.wanted.get(request));
      if (run && left && right && x.value && y.value)
        this.#last = { x: x.value, y: y.value, ...scattered(run, left, right) };
      return this.#last;
    });
  }
}

function scattered(run: Run, x: Block, y: Block): Pick<ScatterPicture, "points" | "heads" | "pending" | "rho"> {
  const points: Point[] = [];
  let [heads, pending] = [0, 0];
  for (let layer = 0; layer < run.layers; layer++) {
    for (let head = 0; head < run.heads; head++) {
      if (!headExists(run, layer, head)) continue;
      heads++;
      const [a, b] = [bitsOf(x, layer, head), bitsOf(y, layer, head)];
      if (stateOf(a) === "pending" || stateOf(b) === "pending") pending++;
      else if (stateOf(a) === "value" && stateOf(b) === "value")
        points.push({ layer, head, x: valueOf(a, x.exponent), y: valueOf(b, y.exponent) });
    }
  }
  const rho = rankCorrelation(
    points.map((point) => point.x),
    points.map((point) => point.y),
  );
  return { points, heads, pending, rho };
}

/** A user's own field may have its heads first. */
function bitsOf({ halves, dims, shape }: Block, layer: number, head: number): number {
  const [row, column] = dims[0] === "head" ? [head, layer] : [layer, head];
  return halves[row * shape[1]! + column] ?? HALF_ABSENT;
}
