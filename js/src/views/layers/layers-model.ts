/**
 * The numbers behind the layer grid, fetched in columns of 32 positions.
 *
 * The chunks are counted from the last position, so that the last one is just what the first picture brings (docs/protocol.md). Only
 * chunks in view are asked for; a lens over a whole long prompt would be the longest computation of all.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { ResolvedScale } from "../../paint/scale";
import type { BlockRequest, FieldMeta } from "../../protocol";
import { cursorOf, requestFor } from "../../slice";
import type { Block } from "../../source/source";
import type { Stage } from "../../stage";
import { scaleOf } from "../colours";
import { stepOf } from "../filling";
import { chosen, fitsLayers, layerColumns, spanOf } from "../fit";
import { steady, Wanted, type Wish } from "../wanted";

export const CHUNK = 32;

export interface LayerCell {
  bits: number;
  exponent: number;
  text: string | null;
}

export interface LayersPicture {
  field: FieldMeta;
  scale: ResolvedScale;
  at(layer: number, position: number): LayerCell | null;
}

/** The chunk that holds a position. */
export function chunkOf(position: number, total: number): [number, number] {
  const back = Math.floor((total - 1 - position) / CHUNK);
  return [Math.max(0, total - CHUNK * (back + 1)), total - CHUNK * back];
}

/** The field of that name, if the layer grid can draw it in this run; else the lens. */
export function layerField(fields: FieldMeta[], name: string): FieldMeta | undefined {
  const there = fields.some((field) => field.name === name && fitsLayers(field));
  return chosen(fields, fitsLayers, there ? name : "logit_lens");
}

export class LayersModel {
  readonly picture: ReadonlySignal<LayersPicture | null>;
  readonly wanted: Wanted;
  #last: LayersPicture | null = null;

  constructor(stage: Stage, chosenField: ReadonlySignal<FieldMeta | undefined>, inView: () => [number, number]) {
    const wishes = steady((): Wish[] => {
      const run = stage.run.value;
      const field = chosenField.value;
      if (!run || !field) return [];
      const columns = layerColumns(field)!;
      const [from, to] = inView();
      const found = new Map<number, BlockRequest>();
      const cursor = cursorOf(stage.selection);
      for (let position = from; position < to; position++) {
        const chunk = chunkOf(position, run.tokens.total);
        if (found.has(chunk[0])) continue;
        const drawn = { layer: "all", [columns]: chunk } as const;
        found.set(chunk[0], requestFor(field, run.epoch, drawn, cursor, { texts: true }));
      }
      return [...found.values()].map((request) => ({ request, priority: 0, ...stepOf(stage, field) }));
    });
    this.wanted = new Wanted(stage.source, () => wishes.value);
    this.picture = computed(() => {
      this.wanted.version.value;
      const field = chosenField.value;
      const run = stage.run.value;
      if (!field || !run) return null;
      const blocks = new Map<number, Block>();
      const columns = layerColumns(field)!;
      for (const { request } of wishes.value) {
        const block = this.wanted.get(request);
        if (block) blocks.set((request.index[columns] as [number, number])[0], block);
      }
      if (blocks.size === 0 && this.#last) return this.#last;
      this.#last = pictureOf(field, blocks, spanOf(field, "layer")[0], run.tokens.total);
      return this.#last;
    });
  }
}

function pictureOf(field: FieldMeta, blocks: Map<number, Block>, start: number, total: number): LayersPicture {
  const layerFirst = field.axes.findIndex(({ coordinate }) => coordinate === "layer");
  const columnFirst = field.axes.findIndex(({ coordinate }) => coordinate === layerColumns(field));
  return {
    field,
    scale: scaleOf(field, blocks.values()),
    at(layer, position) {
      if (position < 0 || position >= total) return null;
      const first = chunkOf(position, total)[0];
      const block = blocks.get(first);
      if (!block) return null;
      const [row, column] = [layer - start, position - first];
      const index = layerFirst < columnFirst ? row * block.shape[1]! + column : column * block.shape[1]! + row;
      const bits = block.halves[index];
      return bits === undefined ? null : { bits, exponent: block.exponent, text: block.texts?.[index] ?? null };
    },
  };
}
