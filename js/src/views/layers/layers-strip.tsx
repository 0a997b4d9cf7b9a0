/**
 * A strip under the layer grid of a long prompt: all positions from left to right, and which of them are in view.
 *
 * It shows the last layer of what has come and asks for nothing: a lens over a whole long prompt would take too long. A click or a
 * drag moves the grid.
 */
import type { ReadonlySignal } from "@preact/signals";
import type { RefObject } from "preact";
import type { ColourTable } from "../../paint/table";
import type { Theme } from "../../theme";
import { Canvas } from "../canvas";
import { tableFor } from "../colours";
import { outline } from "../outline";
import { useStage } from "../ui";
import type { LayersLayout } from "./layers-layout";
import type { LayersModel, LayersPicture } from "./layers-model";

const HEIGHT = 12;

interface StripProps {
  layout: ReadonlySignal<LayersLayout>;
  x: ReadonlySignal<number>;
  model: LayersModel;
  scroller: RefObject<HTMLDivElement | null>;
}

interface Scene {
  layout: LayersLayout;
  x: number;
  query: number | null;
  picture: LayersPicture | null;
  tableOf: (exponent: number) => ColourTable;
  theme: Theme;
}

function paintStrip(context: CanvasRenderingContext2D, { layout, x, query, picture, tableOf, theme }: Scene): void {
  const width = layout.width - layout.left;
  const step = width / layout.total;
  const top = layout.start + layout.layers - 1;
  context.fillStyle = theme.soft;
  context.fillRect(layout.left, 2, width, HEIGHT - 4);
  for (let position = 0; picture && position < layout.total; position++) {
    const cell = picture.at(top, position);
    if (cell === null) continue;
    context.fillStyle = tableOf(cell.exponent).css(cell.bits);
    context.fillRect(layout.left + position * step, 2, Math.max(1, step), HEIGHT - 4);
  }
  if (query !== null) {
    context.fillStyle = theme.focus;
    context.fillRect(layout.left + query * step - 1, 0, Math.max(2, step), HEIGHT);
  }
  const from = (x / layout.column) * step;
  const seen = Math.max(6, (width / layout.column) * step);
  outline(context, theme, { x: layout.left + from + 2, y: 3, width: seen - 4, height: HEIGHT - 6 }, "further", {
    colour: theme.dim,
  });
}

export function LayersStrip({ layout, x, model, scroller }: StripProps) {
  const stage = useStage();
  const perPixel = () => (layout.value.total * layout.value.column) / (layout.value.width - layout.value.left);
  return (
    <Canvas
      class="strip"
      size={() => ({ width: layout.value.width, height: HEIGHT })}
      scene={(): Scene => {
        const picture = model.picture.value;
        stage.settings.value;
        return {
          layout: layout.value,
          x: x.value,
          query: stage.selection.shown.query.value,
          picture,
          tableOf: (exponent) => tableFor(stage, picture!.scale, exponent),
          theme: stage.theme.value,
        };
      }}
      paint={paintStrip}
      onPress={(at) => {
        const { left, width } = layout.value;
        scroller.current!.scrollLeft = (at - left) * perPixel() - (width - left) / 2;
      }}
      onDrag={(dx) => {
        scroller.current!.scrollLeft += dx * perPixel();
      }}
    />
  );
}
