/**
 * The requests of a first picture: what `first` brings is what a view asks for, in the very same form, so it is found in the cache.
 *
 * Pure arithmetic on shapes, the same rule as the kernel's (docs/protocol.md, "First picture");
 * tests/contract/fixtures/first_picture.json holds both sides to it.
 */
import type { BlockRequest, Coordinate, FieldMeta } from "./protocol";

const THUMBNAIL_SIDES = [64, 48, 32, 24, 16, 12, 8, 4];
const THUMBNAIL_BYTES = 96_000;
const PATTERN_SIDE = 128;
const LAYER_WINDOW = 32;
const NEXT_RANKS = 10;

/** Tokens that one cell of a thumbnail covers; 0: too many heads for thumbnails of them all. */
export function thumbnailPool(layers: number, heads: number, tokens: number): number {
  for (const side of THUMBNAIL_SIDES) {
    const pool = Math.max(1, Math.ceil(tokens / side));
    if (layers * heads * Math.ceil(tokens / pool) ** 2 * 2 <= THUMBNAIL_BYTES) return pool;
  }
  return 0;
}

/** Tokens that one cell of the whole pattern covers: the least power of two that leaves at most 128 cells a side. */
export function patternPool(tokens: number): number {
  let pool = 1;
  while (Math.ceil(tokens / pool) > PATTERN_SIDE) pool *= 2;
  return pool;
}

function normal(field: string, epoch: number, index: BlockRequest["index"], pool: number): BlockRequest {
  return pool > 1 ? { field, epoch, index, pool: { query: pool, key: pool } } : { field, epoch, index };
}

/** Every head of one layer, small; null where there are too many heads. */
export function thumbnailRequest(
  epoch: number,
  layer: number,
  layers: number,
  heads: number,
  tokens: number,
): BlockRequest | null {
  const pool = thumbnailPool(layers, heads, tokens);
  if (pool === 0) return null;
  return normal("attention", epoch, { layer, head: [0, heads], query: [0, tokens], key: [0, tokens] }, pool);
}

/** One head's whole pattern. */
export function patternRequest(epoch: number, layer: number, head: number, tokens: number): BlockRequest {
  return normal("attention", epoch, { layer, head, query: [0, tokens], key: [0, tokens] }, patternPool(tokens));
}

/** What the model would say next, most probable first; `ranks` is the size of the field's rank axis. */
export function nextRequest(epoch: number, tokens: number, ranks: number = NEXT_RANKS): BlockRequest {
  const index = { position: tokens - 1, rank: [0, Math.min(ranks, NEXT_RANKS)] as [number, number] };
  return { field: "next_token", epoch, index, texts: true };
}

/** All layers of a (layer, position) field at the last positions. */
export function layersRequest(field: FieldMeta, epoch: number, tokens: number): BlockRequest {
  const axis = field.axes.find((one) => one.coordinate === "layer");
  if (!axis) throw new RangeError(`field ${field.name} has no layer: it can not fill the layer grid`);
  const index: Record<Coordinate, [number, number]> = {
    layer: [axis.start, axis.start + axis.size],
    position: [Math.max(0, tokens - LAYER_WINDOW), tokens],
  };
  return field.texts ? { field: field.name, epoch, index, texts: true } : { field: field.name, epoch, index };
}
