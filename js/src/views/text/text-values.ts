import type { ResolvedScale } from "../../paint/scale";
import type { FieldMeta } from "../../protocol";

/** The values along the text: bits by token, and where the first of them stands. */
export interface TextValues {
  start: number;
  halves: Uint16Array;
  exponent: number;
  scale: ResolvedScale;
  field: FieldMeta;
}
