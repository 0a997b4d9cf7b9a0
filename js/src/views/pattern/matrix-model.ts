/**
 * The numbers behind the matrix: the tiles that the screen can show, and under them what is there already.
 *
 * What is coarser stays on screen until what is finer has come: a thumbnail, the overview that a first picture brings, the tiles
 * from before a zoom. Only the finest is asked for, so that a click costs the kernel one pattern.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { patternPool, thumbnailRequest } from "../../first-picture";
import type { Plane } from "../../paint/plane";
import { planeOf } from "../../paint/plane";
import type { ResolvedScale } from "../../paint/scale";
import type { BlockRequest, FieldMeta, Run } from "../../protocol";
import { cursorOf, requestFor } from "../../slice";
import type { Block } from "../../source/source";
import type { Stage } from "../../stage";
import { drawnTile, levelFor, tilesIn } from "../../tiles";
import { scaleOf } from "../colours";
import { chosen, isPattern } from "../fit";
import { WHOLE } from "../rows";
import { type Viewport, whole } from "../viewport";
import { steady, Wanted, type Wish } from "../wanted";

/** A plane and where it lies: its first row and column in finest cells, and how many of them one of its cells covers. */
export interface Laid {
  plane: Plane;
  row: number;
  column: number;
  pool: number;
}

export interface MatrixPicture {
  /** From coarse to fine: each is painted over the former. */
  laid: Laid[];
  scale: ResolvedScale;
  field: FieldMeta;
}

/** The pattern of that name; attention where this run has none such. */
export const patternField = (fields: FieldMeta[], name: string): FieldMeta | undefined =>
  chosen(fields, isPattern, fields.some((field) => field.name === name && isPattern(field)) ? name : "attention");

function overviewRequest(stage: Stage, field: FieldMeta, run: Run): BlockRequest {
  const pool = patternPool(run.tokens.total);
  const drawn = { query: "all", key: "all" } as const;
  return requestFor(field, run.epoch, drawn, cursorOf(stage.selection), { pool: { query: pool, key: pool } });
}

function detailRequests(stage: Stage, field: FieldMeta, run: Run, view: Viewport, side: number): BlockRequest[] {
  const total = run.tokens.total;
  const cursor = cursorOf(stage.selection);
  if (total <= WHOLE) return [requestFor(field, run.epoch, { query: "all", key: "all" }, cursor)];
  const level = levelFor((side * devicePixelRatio) / view.span);
  const window = {
    rows: [view.row, view.row + view.span] as const,
    columns: [view.column, view.column + view.span] as const,
  };
  return tilesIn(total, total, window, level).map((tile) => {
    const { drawn, pool } = drawnTile(field, "query", "key", tile);
    return requestFor(field, run.epoch, drawn, cursor, { pool });
  });
}

function laid(block: Block): Laid {
  const { index, pool } = block.request;
  const first = (coordinate: string) => (index[coordinate] as [number, number])[0];
  return { plane: planeOf(block), row: first("query"), column: first("key"), pool: pool?.query ?? pool?.key ?? 1 };
}

export class MatrixModel {
  readonly field: ReadonlySignal<FieldMeta | undefined>;
  readonly picture: ReadonlySignal<MatrixPicture | null>;
  readonly wanted: Wanted;
  #last: MatrixPicture | null = null;

  constructor(stage: Stage, view: ReadonlySignal<Viewport>, side: ReadonlySignal<number>) {
    this.field = computed(() => patternField(stage.fields.value, stage.settings.value.patternField));
    const requests = steady((): { coarse: BlockRequest[]; detail: BlockRequest[] } | null => {
      const run = stage.run.value;
      const field = this.field.value;
      if (!run || !field) return null;
      const all = detailRequests(stage, field, run, whole(run.tokens.total), side.value);
      const detail = detailRequests(stage, field, run, view.value, side.value);
      return { coarse: [overviewRequest(stage, field, run), ...all], detail };
    });
    // What is coarser is painted where it is there (from the first picture, from before a zoom), and never asked for.
    const wishes = computed(() => (requests.value?.detail ?? []).map((request): Wish => ({ request, priority: 0 })));
    this.wanted = new Wanted(stage.source, () => wishes.value);
    this.picture = computed(() => {
      this.wanted.version.value;
      const now = requests.value;
      const field = this.field.value;
      const run = stage.run.value;
      if (!now || !field || !run) return null;
      const blocks = [...now.coarse, ...now.detail].flatMap((request) => this.wanted.get(request) ?? []);
      const found = [...new Set(blocks)].map(laid);
      if (blocks.length === 0) {
        const small = this.#thumbnail(stage, run, now.detail[0]);
        if (!small) return this.#last;
        found.push(small);
      }
      this.#last = { laid: found, scale: scaleOf(field, blocks), field };
      return this.#last;
    });
  }

  /** Of a head that was never looked at there is at least its thumbnail. */
  #thumbnail(stage: Stage, run: Run, wish: BlockRequest | undefined): Laid | null {
    const { layer, head } = wish?.index ?? {};
    if (wish?.field !== "attention" || typeof layer !== "number" || typeof head !== "number") return null;
    const request = thumbnailRequest(run.epoch, layer, run.layers, run.heads, run.tokens.total);
    const block = request && stage.source.peek(request);
    return block ? { plane: planeOf(block, [head]), row: 0, column: 0, pool: request.pool?.query ?? 1 } : null;
  }
}

/** The bits at a finest cell, from the finest plane that covers it, and whether they are that very cell's. */
export function bitsAt(picture: MatrixPicture, query: number, key: number) {
  for (let i = picture.laid.length - 1; i >= 0; i--) {
    const { plane, row, column, pool } = picture.laid[i]!;
    const r = Math.floor((query - row) / pool);
    const c = Math.floor((key - column) / pool);
    if (r < 0 || c < 0 || r >= plane.rows || c >= plane.columns) continue;
    return { bits: plane.halves[r * plane.columns + c]!, exponent: plane.exponent, exact: pool === 1 };
  }
  return null;
}
