/**
 * Which fields a panel can draw, and over which of their coordinates.
 *
 * Pure. A field fits when it has the coordinates that the panel draws and every other one stands under the cursor, so that a
 * selection says which slice is meant. The reduced coordinates of a user's own arrays (neuron, say) have no cursor: such a
 * field fits nowhere here.
 */
import type { Coordinate, FieldMeta, Run } from "../protocol";
import { CURSOR_COORDINATES, cursorCoordinate } from "../selection";
import { has } from "../slice";

const UNDER_CURSOR = new Set<string>(CURSOR_COORDINATES);

function fixedBy(field: FieldMeta, drawn: Coordinate[]): boolean {
  return field.axes.every(
    ({ coordinate }) => drawn.includes(coordinate) || UNDER_CURSOR.has(cursorCoordinate(coordinate)),
  );
}

/** The coordinate along which the text is coloured: keys where there are some, else the tokens themselves. */
export function textCoordinate(field: FieldMeta): Coordinate | null {
  const found = ["key", "position", "query"].find((name) => has(field, name));
  return found !== undefined && fixedBy(field, [found]) ? found : null;
}

export const fitsText = (field: FieldMeta): boolean => textCoordinate(field) !== null;

/** Layers by heads; with both query and key as well, each head is a small picture of its pattern. */
export const fitsHeads = (field: FieldMeta): boolean =>
  has(field, "layer", "head") && fixedBy(field, ["layer", "head"]);

export const isPattern = (field: FieldMeta): boolean => fitsHeads(field) && has(field, "query", "key");

/** The coordinate of the layer grid's columns. */
export function layerColumns(field: FieldMeta): "position" | "query" | null {
  if (!has(field, "layer") || has(field, "key") || !fixedBy(field, ["layer"])) return null;
  return has(field, "position") ? "position" : has(field, "query") ? "query" : null;
}

export const fitsLayers = (field: FieldMeta): boolean => layerColumns(field) !== null;

/** The field of that name if it fits, else the first that does: a setting from another run must not empty a panel. */
export function chosen(fields: FieldMeta[], fits: (field: FieldMeta) => boolean, name: string): FieldMeta | undefined {
  const fitting = fields.filter(fits);
  return fitting.find((field) => field.name === name) ?? fitting[0];
}

/** The start and stop of a coordinate of a field. */
export function spanOf(field: FieldMeta, coordinate: Coordinate): [number, number] {
  const axis = field.axes.find((one) => one.coordinate === coordinate);
  if (axis === undefined) throw new RangeError(`field ${field.name} has no ${coordinate}`);
  return [axis.start, axis.start + axis.size];
}

/** Whether a layer has this head: layers may differ. */
export const headExists = (run: Run, layer: number, head: number): boolean => head < (run.headsPerLayer[layer] ?? 0);
