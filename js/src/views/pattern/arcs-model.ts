/**
 * The numbers behind the arcs: of the window's queries the rows of every head that is drawn, as lines.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { ResolvedScale } from "../../paint/scale";
import type { BlockRequest, FieldMeta } from "../../protocol";
import { cursorOf } from "../../slice";
import type { Stage } from "../../stage";
import { scaleOf } from "../colours";
import { spanOf } from "../fit";
import { headStyle } from "../outline";
import { rowOf, rowsRequest } from "../rows";
import { steady, Wanted } from "../wanted";
import { headShort } from "../words";
import { linesOf, type WeightRow } from "./arcs-lines";
import type { ArcsHead } from "./arcs-paint";

interface Place {
  layer: number;
  head: number;
}

/** The heads that are drawn: the shown one, then the further ones. Lines that tell a sign cannot tell heads apart as well. */
function headsShown(stage: Stage, field: FieldMeta): Place[] {
  const { shown, heads } = stage.selection;
  const [layer, head] = [shown.layer.value, shown.head.value];
  const first = layer === null || head === null ? [] : [{ layer, head }];
  if (field.scale.kind === "diverging") return first;
  const rest = heads.value.map(([l, h]) => ({ layer: l, head: h }));
  return [...first, ...rest.filter((one) => one.layer !== layer || one.head !== head)];
}

function requestAt(stage: Stage, field: FieldMeta, place: Place, query: number): BlockRequest {
  return rowsRequest(field, stage.run.value!.epoch, { ...cursorOf(stage.selection), ...place, query });
}

export class ArcsModel {
  readonly wanted: Wanted;
  readonly heads;
  readonly scale: ReadonlySignal<ResolvedScale>;

  constructor(stage: Stage, field: FieldMeta, window: () => [number, number]) {
    const start = spanOf(field, "key")[0];
    const requests = steady(() => {
      if (stage.run.value === null) return [];
      const [from, to] = window();
      const found = new Map<string, BlockRequest>();
      for (const place of headsShown(stage, field)) {
        for (let query = from; query < to; query++) {
          const request = requestAt(stage, field, place, query);
          found.set(JSON.stringify(request.index), request);
        }
      }
      return [...found.values()];
    });
    this.wanted = new Wanted(stage.source, () => requests.value.map((request) => ({ request, priority: 0 })));
    this.scale = computed(() => {
      this.wanted.version.value;
      return scaleOf(
        field,
        requests.value.flatMap((request) => this.wanted.get(request) ?? []),
      );
    });
    this.heads = computed((): ArcsHead[] => {
      this.wanted.version.value;
      if (stage.run.value === null) return [];
      const [from, to] = window();
      const { hover } = stage.selection;
      const only: { query?: number; key?: number } = {};
      if (hover.value.key != null) only.key = hover.value.key;
      else if (hover.value.query != null) only.query = hover.value.query;
      return headsShown(stage, field).map((place, nth) => {
        const rows: WeightRow[] = [];
        for (let query = from; query < to; query++) {
          const block = this.wanted.get(requestAt(stage, field, place, query));
          if (block) rows.push({ query, start, halves: rowOf(block, query), exponent: block.exponent });
        }
        const style = nth === 0 ? { colour: stage.theme.value.accent, dash: [] } : headStyle(nth - 1);
        return { name: headShort(place.layer, place.head), ...style, lines: linesOf(rows, only, [from, to]) };
      });
    });
  }
}
