/**
 * The layer grid in words: a cell for tooltip and screen reader, and the part in view as a table.
 */
import type { Table } from "../../panels/table";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { spanOf } from "../fit";
import { stateWordsOf } from "../read-out";
import { layerName, tokenLabel, tokenQuote } from "../words";
import type { LayersPicture } from "./layers-model";

export function cellWords(picture: LayersPicture | null, layer: number, position: number): string {
  const cell = picture?.at(layer, position);
  if (!cell) return "not there yet";
  const number = stateWordsOf(cell.bits, cell.exponent);
  return cell.text === null ? number : `${tokenQuote(cell.text)} ${number}`;
}

export function layersTable(stage: Stage, picture: LayersPicture | null, inView: [number, number]): Table | null {
  if (picture === null) return null;
  const { texts, kinds } = stage.tokens.value;
  const [start, stop] = spanOf(picture.field, "layer");
  const columns = Array.from({ length: inView[1] - inView[0] }, (_, i) => inView[0] + i);
  return {
    caption: `${picture.field.title}: a row for each layer, a column for each position`,
    columns: columns.map((position) => `${position} ${tokenLabel(texts[position], kindAt(kinds, position))}`),
    rows: Array.from({ length: stop - start }, (_, i) => stop - 1 - i).map((layer) => ({
      name: layerName(layer),
      cells: columns.map((position) => cellWords(picture, layer, position)),
    })),
    totalColumns: texts.length,
  };
}
