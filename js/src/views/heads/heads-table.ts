/** The numbers of the head grid as a table: a row a layer, the last one first, as they stand in the picture. */
import type { Table } from "../../panels/table";
import type { Stage } from "../../stage";
import { headExists } from "../fit";
import { stateWordsOf } from "../read-out";
import type { HeadsPicture } from "./heads-model";

export function headsTable(stage: Stage, picture: HeadsPicture | null): Table | null {
  const run = stage.run.value;
  if (!picture || !run) return null;
  const value = (layer: number, head: number) => {
    const plane = picture.plane(layer, head);
    if (!headExists(run, layer, head)) return "absent";
    if (!plane) return "–";
    const best = picture.thumbnails ? plane.halves.reduce((a, b) => (b < 0x7c00 && b > a ? b : a), 0) : plane.halves[0];
    return stateWordsOf(best, plane.exponent);
  };
  return {
    caption: picture.thumbnails ? `largest ${picture.field.title} of each head` : picture.field.title,
    columns: Array.from({ length: run.heads }, (_, head) => `head ${head}`),
    rows: Array.from({ length: run.layers }, (_, i) => run.layers - 1 - i).map((layer) => ({
      name: `layer ${layer}`,
      cells: Array.from({ length: run.heads }, (_, head) => value(layer, head)),
    })),
  };
}
