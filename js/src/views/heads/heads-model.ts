/**
 * What the head view draws: small pictures of all patterns, or one coloured cell a head.
 *
 * Thumbnails are asked for layer by layer, in the form in which the first picture brings them (docs/protocol.md), nearest layers to
 * the cursor first. Where there are too many heads for thumbnails the patterns are summed up by another field of the run.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { thumbnailPool } from "../../first-picture";
import { stateOf } from "../../paint/half";
import { type Plane, planeOf } from "../../paint/plane";
import type { ResolvedScale } from "../../paint/scale";
import type { BlockRequest, FieldMeta, Run } from "../../protocol";
import { cursorOf, requestFor } from "../../slice";
import type { Block } from "../../source/source";
import type { Stage } from "../../stage";
import { scaleOf } from "../colours";
import { stepOf } from "../filling";
import { chosen, fitsHeads, isPattern } from "../fit";
import { steady, Wanted, type Wish } from "../wanted";

/** A head is judged by all of the prompt, as a field's reference value is: not by the query under the cursor. */
const OVER_QUERIES = { query: { reduce: "mean" }, position: { reduce: "mean" } } as const;

export interface HeadsPicture {
  field: FieldMeta;
  /** Small patterns, else one value a head. */
  thumbnails: boolean;
  scale: ResolvedScale;
  /** The numbers of one head: a plane of many cells, or of one; null where they have not come. */
  plane(layer: number, head: number): Plane | null;
}

/** Past so many rows or columns a thumbnail is too small to be read: the grid becomes a mosaic of single colours. */
const MOSAIC_FROM = 28;

/** Tokens that one cell of a thumbnail covers; 0 where there are no thumbnails. */
export function poolOf(run: Run): number {
  if (Math.max(run.layers, run.heads) > MOSAIC_FROM) return 0;
  return thumbnailPool(run.layers, run.heads, run.tokens.total);
}

/** Fields that the head view can draw of this run: patterns only where thumbnails of all heads fit. */
export function headFields(fields: FieldMeta[], run: Run): FieldMeta[] {
  return fields.filter((field) => fitsHeads(field) && (!isPattern(field) || poolOf(run) > 0));
}

/** All heads of a layer, small: of `attention`, what the first picture brought. */
export function packRequest(field: FieldMeta, run: Run, layer: number): BlockRequest {
  const pool = poolOf(run);
  const drawn = { layer, head: "all", query: "all", key: "all" } as const;
  return requestFor(field, run.epoch, drawn, {}, { pool: { query: pool, key: pool } });
}

export class HeadsModel {
  readonly field: ReadonlySignal<FieldMeta | undefined>;
  readonly picture: ReadonlySignal<HeadsPicture | null>;
  readonly wanted: Wanted;
  #last: HeadsPicture | null = null;

  /** The first grid always shows some field; the one beside it only what its setting names. */
  constructor(
    readonly stage: Stage,
    setting: "headField" | "headFieldBeside",
  ) {
    this.field = computed(() => {
      const run = stage.run.value;
      if (run === null) return undefined;
      const named = stage.settings.value[setting];
      const fields = headFields(stage.fields.value, run);
      if (setting === "headFieldBeside") return fields.find((field) => field.name === named);
      return chosen(fields, () => true, named);
    });
    // A pinned layer decides the order only: reading it here would ask anew at every click.
    const wishes = steady(() => this.#wishes());
    this.wanted = new Wanted(stage.source, () => wishes.value);
    this.picture = computed(() => {
      this.wanted.version.value;
      return this.#picture(wishes.value);
    });
  }

  #wishes(): Wish[] {
    const run = this.stage.run.value;
    const field = this.field.value;
    if (!run || !field) return [];
    const step = stepOf(this.stage, field);
    if (!isPattern(field)) {
      const cursor = cursorOf(this.stage.selection);
      const request = requestFor(field, run.epoch, { layer: "all", head: "all" }, cursor, { fixed: OVER_QUERIES });
      return [{ request, priority: 0, ...step }];
    }
    const near = this.stage.selection.pinned.layer.peek() ?? run.layers - 1;
    return Array.from({ length: run.layers }, (_, layer) => layer)
      .sort((a, b) => Math.abs(a - near) - Math.abs(b - near))
      .map((layer, nth) => ({ request: packRequest(field, run, layer), priority: nth === 0 ? 0 : 1, ...step }));
  }

  #picture(wishes: Wish[]): HeadsPicture | null {
    const field = this.field.value;
    const run = this.stage.run.value;
    if (!field || !run) return null;
    const blocks = new Map<number, Block>();
    for (const { request } of wishes) {
      const block = this.wanted.get(request);
      if (block) blocks.set(isPattern(field) ? (request.index.layer as number) : 0, block);
    }
    // Until the first numbers of a new run or field are there, the former picture stays.
    if (blocks.size === 0) return this.#last;
    const thumbnails = isPattern(field);
    const plane = thumbnails
      ? (layer: number, head: number) => {
          const block = blocks.get(layer);
          return block && head < block.shape[0]! ? planeOf(block, [head]) : null;
        }
      : (layer: number, head: number) => cellPlane(blocks.get(0)!, layer, head);
    this.#last = { field, thumbnails, scale: scaleOf(field, blocks.values()), plane };
    return this.#last;
  }
}

function cellPlane(block: Block, layer: number, head: number): Plane | null {
  const [layers, heads] = block.shape as [number, number];
  if (layer >= layers || head >= heads) return null;
  const at = layer * heads + head;
  return { rows: 1, columns: 1, halves: block.halves.subarray(at, at + 1), exponent: block.exponent };
}

/** Whether all that is known of a head is that it is not there. */
export function absent(plane: Plane): boolean {
  return plane.halves.every((bits) => stateOf(bits) === "absent");
}
