/**
 * The numbers behind the text: one row of the chosen field under the selection, and the colours that stand for it.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { stateOf, valueOf } from "../../paint/half";
import type { BlockRequest, FieldMeta } from "../../protocol";
import { cursorOf, has, requestFor } from "../../slice";
import type { Stage } from "../../stage";
import { scaleOf, tableFor } from "../colours";
import { chosen, fitsText, spanOf, textCoordinate } from "../fit";
import { rowOf, rowsRequest } from "../rows";
import { signOf } from "../sign";
import { steady, Wanted } from "../wanted";
import type { TextValues } from "./text-values";
import { NO_COLOUR } from "./token-text";

function textRequest(stage: Stage, field: FieldMeta, epoch: number): BlockRequest {
  const along = textCoordinate(field)!;
  const cursor = cursorOf(stage.selection);
  const drawn = { [along]: "all" as const };
  if (along !== "key" || !has(field, "query")) return requestFor(field, epoch, drawn, cursor);
  return rowsRequest(field, epoch, cursor);
}

export class TextModel {
  readonly field: ReadonlySignal<FieldMeta | undefined>;
  readonly values: ReadonlySignal<TextValues | null>;
  readonly wanted: Wanted;
  #last: TextValues | null = null;

  constructor(stage: Stage) {
    this.field = computed(() => chosen(stage.fields.value, fitsText, stage.settings.value.textField));
    const request = steady(() => {
      const field = this.field.value;
      const run = stage.run.value;
      return field && run ? textRequest(stage, field, run.epoch) : null;
    });
    this.wanted = new Wanted(stage.source, () => (request.value ? [{ request: request.value, priority: 0 }] : []));
    this.values = computed(() => {
      this.wanted.version.value;
      const field = this.field.value;
      if (!field || !request.value) return null;
      const block = this.wanted.get(request.value);
      if (block === undefined) return this.#last?.field === field ? this.#last : null;
      const halves = rowOf(block, stage.selection.shown.query.value);
      const start = spanOf(field, textCoordinate(field)!)[0];
      this.#last = { start, halves, exponent: block.exponent, scale: scaleOf(field, [block]), field };
      return this.#last;
    });
  }
}

export function coloursOf(stage: Stage, values: TextValues, total: number): Uint32Array {
  const { pixels } = tableFor(stage, values.scale, values.exponent);
  const colours = new Uint32Array(total).fill(NO_COLOUR);
  for (let i = 0; i < values.halves.length; i++) colours[values.start + i] = pixels[values.halves[i]!]!;
  return colours;
}

/** The sign of each token's value where the field has some, so that hue alone does not tell it. */
export function signsOf({ scale, start, halves, exponent }: TextValues): string[] {
  const signs: string[] = [];
  if (scale.kind !== "diverging") return signs;
  for (let i = 0; i < halves.length; i++) {
    if (stateOf(halves[i]!) === "value") signs[start + i] = signOf(scale, valueOf(halves[i]!, exponent));
  }
  return signs;
}
