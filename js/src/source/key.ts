/** The one form in which equal requests are equal: coordinates in order, nothing said that changes nothing. */
import type { BlockRequest, CellRequest, Index } from "../protocol";

/** A request without pools of one, without an empty pool, without `texts` that is false, its coordinates sorted. */
export function normalised(request: BlockRequest): BlockRequest {
  const { field, epoch, version } = request;
  const index = sorted(request.index);
  const pools = Object.entries(sorted(request.pool ?? {})).filter(
    ([coordinate, factor]) => factor > 1 && Array.isArray(index[coordinate]),
  );
  return {
    field,
    epoch,
    index,
    ...(pools.length > 0 && { pool: Object.fromEntries(pools) }),
    ...(request.texts && { texts: true }),
    ...(version !== undefined && { version }),
  };
}

export function keyOf(request: BlockRequest): string {
  return JSON.stringify(normalised(request));
}

export function cellKeyOf(request: CellRequest): string {
  return JSON.stringify([request.field, request.epoch, sorted(request.index)]);
}

function sorted<T extends Index>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
