/**
 * The colours of a field in use: its scale with the ends filled in from the blocks that have come, and the table for a block.
 */

import { type Extent, type ResolvedScale, resolveScale, union } from "../paint/scale";
import { type ColourTable, colourTable } from "../paint/table";
import type { FieldMeta } from "../protocol";
import type { Block } from "../source/source";
import type { Stage } from "../stage";

/** One scale for all of a view's blocks, so that its cells can be compared with one another. */
export function scaleOf(field: FieldMeta, blocks: Iterable<Block>): ResolvedScale {
  let extent: Extent | null = null;
  for (const block of blocks) extent = union(extent, block.extent);
  return resolveScale(field.scale, extent);
}

/** Reads the palette and the theme: whoever calls this within a scene is painted again when they change. */
export function tableFor(stage: Stage, scale: ResolvedScale, exponent: number): ColourTable {
  return colourTable(scale, exponent, stage.settings.value.palette, stage.theme.value);
}
