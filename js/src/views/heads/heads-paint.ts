/**
 * Painting the head grid: each head's small pattern or single colour, the numbers along its edges, and the marks over it.
 *
 * Heads that a layer does not have are hatched: absence is never taken for zero.
 */
import { stateOf, valueOf } from "../../paint/half";
import { cellText } from "../../paint/numbers";
import { paintPlane } from "../../paint/paint";
import type { Stage } from "../../stage";
import type { Theme } from "../../theme";
import { tableFor } from "../colours";
import { paintCorner, paintOpen } from "../notes/mark-paint";
import type { Marked, Spot } from "../notes/marks";
import { hatch, headStyle, outline } from "../outline";
import { signOf } from "../sign";
import { type HeadsLayout, headBox, NUMBERED } from "./heads-layout";
import { absent, type HeadsPicture } from "./heads-model";

/** Pixels of a cell that has at least the sign of its number. */
const SIGNED = 12;

const FONT = "11px system-ui, sans-serif";
const SMALL = "10px system-ui, sans-serif";

export function paintHeads(
  context: CanvasRenderingContext2D,
  stage: Stage,
  layout: HeadsLayout,
  picture: HeadsPicture | null,
  present: (layer: number, head: number) => boolean,
  theme: Theme,
): void {
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (let layer = 0; layer < layout.layers; layer++) {
    for (let head = 0; head < layout.heads; head++) {
      const box = headBox(layout, layer, head);
      const plane = picture?.plane(layer, head) ?? null;
      if (!present(layer, head) || (plane && absent(plane))) {
        hatch(context, theme, box);
      } else if (picture && plane) {
        const table = tableFor(stage, picture.scale, plane.exponent);
        paintPlane(context, plane, box, table);
        const bits = plane.halves[0]!;
        if (!picture.thumbnails && layout.cell >= SIGNED && stateOf(bits) === "value") {
          const value = valueOf(bits, plane.exponent);
          const text = layout.cell >= NUMBERED ? cellText(value, picture.scale) : signOf(picture.scale, value);
          context.font = layout.cell < 44 ? SMALL : FONT;
          context.fillStyle = table.ink(bits);
          context.fillText(text, box.x + box.width / 2, box.y + box.height / 2);
        }
        // A white cell on white must still be seen to be one.
        if (!picture.thumbnails && layout.cell >= 10) {
          context.strokeStyle = theme.line;
          context.lineWidth = 1;
          context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
        }
      } else {
        context.fillStyle = theme.soft;
        context.fillRect(box.x, box.y, box.width, box.height);
      }
    }
  }
  context.font = FONT;
  context.fillStyle = theme.dim;
  for (let layer = 0; layer < layout.layers; layer += layout.everyLayer) {
    const box = headBox(layout, layer, 0);
    context.textAlign = "left";
    context.fillText(String(layer), 0, box.y + box.height / 2);
  }
  context.textAlign = "center";
  for (let head = 0; head < layout.heads; head += layout.everyHead) {
    const box = headBox(layout, 0, head);
    context.fillText(String(head), box.x + box.width / 2, layout.height - 8);
  }
}

export interface HeadMarks {
  pinned: [number, number] | null;
  hovered: [number, number] | null;
  further: [number, number][];
  /** Heads that notes are about, and what the open one is about. */
  noted: ReadonlyMap<string, Marked>;
  open: readonly Spot[];
  theme: Theme;
}

export function paintHeadMarks(context: CanvasRenderingContext2D, layout: HeadsLayout, marks: HeadMarks): void {
  const { theme } = marks;
  const inside = (place: [number, number] | null): place is [number, number] =>
    place !== null && place[0] >= 0 && place[0] < layout.layers && place[1] >= 0 && place[1] < layout.heads;
  const boxOf = ({ layer, head }: Spot) =>
    layer === null || head === null || !inside([layer, head]) ? null : headBox(layout, layer, head);
  for (const marked of marks.noted.values()) {
    const box = boxOf(marked);
    if (box) paintCorner(context, theme, box, marked);
  }
  marks.further.forEach((place, nth) => {
    if (inside(place)) outline(context, theme, headBox(layout, ...place), "further", headStyle(nth));
  });
  if (inside(marks.pinned)) outline(context, theme, headBox(layout, ...marks.pinned), "pinned");
  if (inside(marks.hovered)) outline(context, theme, headBox(layout, ...marks.hovered), "hovered");
  for (const spot of marks.open) {
    const box = boxOf(spot);
    if (box) paintOpen(context, theme, box);
  }
}
