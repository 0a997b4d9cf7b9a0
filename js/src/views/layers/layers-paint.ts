/**
 * Painting the layer grid: coloured cells with their words in a colour that reads on them, labels that stay while the grid scrolls.
 */
import { stateOf, valueOf } from "../../paint/half";
import { drawMark, markOf } from "../../paint/marks";
import { cellText } from "../../paint/numbers";
import type { ColourTable } from "../../paint/table";
import type { Theme } from "../../theme";
import { shortened } from "../../tokens";
import { paintAround, paintCorner, paintOpen } from "../notes/mark-paint";
import type { Marked, Span, Spot } from "../notes/marks";
import { type Box, outline, outlineRegion } from "../outline";
import { signOf } from "../sign";
import { tokenLabel } from "../words";
import { cellBox, columnsInView, type LayersLayout } from "./layers-layout";
import type { LayersPicture } from "./layers-model";

const MONO = 'ui-monospace, "DejaVu Sans Mono", monospace';
const CHARACTER = 6.7; // px of one monospace character at 11 px

export interface LayersScene {
  layout: LayersLayout;
  x: number;
  y: number;
  picture: LayersPicture | null;
  tableOf: (exponent: number) => ColourTable;
  labels: (position: number) => string;
  query: number | null;
  theme: Theme;
}

export function paintLayers(context: CanvasRenderingContext2D, scene: LayersScene): void {
  const { layout, x, y, theme } = scene;
  const [from, to] = columnsInView(layout, x);
  context.textBaseline = "middle";
  context.save();
  context.beginPath();
  context.rect(layout.left, layout.top, layout.width - layout.left, layout.height - layout.top);
  context.clip();
  context.font = `11px ${MONO}`;
  context.textAlign = "center";
  for (let layer = layout.start; layer < layout.start + layout.layers; layer++) {
    for (let position = from; position < to; position++) paintCell(context, scene, layer, position);
  }
  context.restore();

  context.save();
  context.beginPath();
  context.rect(layout.left, 0, layout.width - layout.left, layout.top);
  context.clip();
  const room = Math.max(2, Math.floor((layout.column - 4) / CHARACTER));
  for (let position = from; position < to; position++) {
    const strong = position === scene.query;
    context.font = `${strong ? "bold " : ""}11px ${MONO}`;
    context.fillStyle = strong ? theme.fg : theme.dim;
    context.textAlign = "center";
    const middle = layout.left + (position + 0.5) * layout.column - x;
    context.fillText(shortened(scene.labels(position), room), middle, layout.top / 2);
  }
  context.restore();

  context.save();
  context.beginPath();
  context.rect(0, layout.top, layout.left, layout.height - layout.top);
  context.clip();
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = theme.dim;
  context.textAlign = "left";
  for (let layer = layout.start; layer < layout.start + layout.layers; layer++) {
    const box = cellBox(layout, layer, 0, 0, y);
    context.fillText(layer < 0 ? "emb" : String(layer), 0, box.y + box.height / 2);
  }
  context.restore();
}

function paintCell(context: CanvasRenderingContext2D, scene: LayersScene, layer: number, position: number): void {
  const { layout, picture, theme } = scene;
  const box = cellBox(layout, layer, position, scene.x, scene.y);
  if (box.y > layout.height || box.y + box.height < layout.top) return;
  const cell = picture?.at(layer, position) ?? null;
  const table = cell && scene.tableOf(cell.exponent);
  context.fillStyle = table ? table.css(cell.bits) : theme.soft;
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, 2);
  context.fill();
  if (!cell || !table) return;
  const ink = stateOf(cell.bits) === "value" ? table.ink(cell.bits) : theme.fg;
  context.fillStyle = ink;
  context.strokeStyle = ink;
  const room = Math.floor((box.width - 4) / CHARACTER);
  const mark = markOf(cell.bits, table);
  if (cell.text !== null) {
    const sign = mark === null ? signOf(picture!.scale, valueOf(cell.bits, cell.exponent)) : "";
    context.fillText(
      shortened(sign + tokenLabel(cell.text), room),
      box.x + box.width / 2,
      box.y + box.height / 2 + 0.5,
    );
  } else if (mark !== null) {
    drawMark(context, mark, box.x + box.width / 2 - 7, box.y + box.height / 2 - 7, 14, 14);
  } else {
    const { scale } = picture!;
    const value = valueOf(cell.bits, cell.exponent);
    // Numbers where the longest has room, so that the largest are not those left out; else at least the sign.
    const fits = Math.floor((box.width - 2) / CHARACTER);
    const numbered = scale.kind !== "diverging" || cellText(-scale.high, scale).length <= fits;
    const words = numbered ? cellText(value, scale) : signOf(scale, value);
    if (words.length <= fits) context.fillText(words, box.x + box.width / 2, box.y + box.height / 2 + 0.5);
  }
}

export interface LayersMarks {
  layout: LayersLayout;
  x: number;
  y: number;
  query: number | null;
  layer: number | null;
  hovered: boolean;
  /** Places of the stream that notes are about, by layer. */
  noted: ReadonlyMap<number, readonly Marked[]>;
  open: readonly Spot[];
  /** What is drawn over. */
  region: { layer: number | null; span: Span } | null;
  theme: Theme;
}

/** The cells of a layer from the first position to the last; null where none is in view. */
function stretchBox({ layout, x, y }: LayersMarks, layer: number, [start, stop]: Span): Box | null {
  const [first, last] = [Math.max(0, start), Math.min(stop, layout.total) - 1];
  const box = cellBox(layout, layer, first, x, y);
  const width = box.width + (last - first) * layout.column;
  if (first > last || box.x > layout.width || box.x + width < layout.left) return null;
  if (layer < layout.start || box.y > layout.height || box.y + box.height < layout.top) return null;
  return { ...box, width };
}

function paintNotes(context: CanvasRenderingContext2D, marks: LayersMarks): void {
  const { noted, open, region, theme } = marks;
  for (const [layer, spots] of noted) {
    for (const marked of spots) {
      const box = stretchBox(marks, layer, marked.query!);
      if (!box) continue;
      if (marked.query![1] - marked.query![0] > 1) paintAround(context, theme, box, marked.hollow);
      paintCorner(context, theme, box, marked);
    }
  }
  for (const { layer, head, query } of open) {
    const box = layer === null || head !== null || query === null ? null : stretchBox(marks, layer, query);
    if (box) paintOpen(context, theme, box);
  }
  const drawn = region && region.layer !== null && stretchBox(marks, region.layer, region.span);
  if (drawn) outlineRegion(context, theme, drawn);
}

/** The shown position's column outlined, and in it the shown layer's cell; over them notes and what is drawn over. */
export function paintLayersMarks(context: CanvasRenderingContext2D, marks: LayersMarks): void {
  const { layout } = marks;
  context.save();
  context.beginPath();
  context.rect(layout.left - 3, 0, layout.width - layout.left + 3, layout.height);
  context.clip();
  paintSelection(context, marks);
  // Notes are on the cells: they do not lie over the labels.
  context.beginPath();
  context.rect(layout.left - 3, layout.top - 3, layout.width - layout.left + 3, layout.height - layout.top + 3);
  context.clip();
  paintNotes(context, marks);
  context.restore();
}

function paintSelection(context: CanvasRenderingContext2D, marks: LayersMarks): void {
  const { layout, x, y, query, layer, theme } = marks;
  if (query === null || query >= layout.total) return;
  const top = cellBox(layout, layout.start + layout.layers - 1, query, x, y);
  const box = { ...top, height: layout.layers * layout.row - 2 };
  outline(context, theme, box, marks.hovered ? "hovered" : "pinned", { radius: 3 });
  if (layer !== null) {
    outline(context, theme, cellBox(layout, layer, query, x, y), "further", { colour: theme.fg });
  }
}
