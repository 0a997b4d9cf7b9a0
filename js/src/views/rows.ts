/**
 * Rows of a pattern: what one query gives to every key, in the block in which the rows of its neighbours come along.
 *
 * Short prompts bring the whole pattern at once, so that no hover waits; longer ones bring a band of queries.
 */
import { planeOf } from "../paint/plane";
import type { BlockRequest, FieldMeta } from "../protocol";
import type { CursorPatch } from "../selection";
import { bandRequest, requestFor } from "../slice";
import type { Block } from "../source/source";
import { spanOf } from "./fit";

/** Up to so many tokens a pattern comes whole. */
export const WHOLE = 512;

/** The block with the row of the cursor's query, of a field over query and key; without a query, the last one's. */
export function rowsRequest(field: FieldMeta, epoch: number, cursor: CursorPatch): BlockRequest {
  const [start, stop] = spanOf(field, "query");
  if (stop - start <= WHOLE) return requestFor(field, epoch, { query: "all", key: "all" }, cursor);
  const query = Math.min(stop - 1, Math.max(start, cursor.query ?? stop - 1));
  return bandRequest(field, epoch, "query", { key: "all" }, cursor, query);
}

/** The row of a query out of a block of rows; the block itself where it is a single one. */
export function rowOf(block: Block, query: number | null): Uint16Array {
  const plane = planeOf(block);
  const range = block.request.index.query;
  if (plane.rows === 1 || !Array.isArray(range)) return plane.halves.subarray(0, plane.columns);
  const row = Math.min(range[1] - 1, Math.max(range[0], query ?? range[1] - 1)) - range[0];
  return plane.halves.subarray(row * plane.columns, (row + 1) * plane.columns);
}
