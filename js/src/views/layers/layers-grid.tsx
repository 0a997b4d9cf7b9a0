/**
 * The grid of the layer view as a surface: hover previews a layer and a position everywhere, a click pins them, keys walk.
 *
 * A double click or Enter patches. Shift with a drag, a click or the arrows draws over positions of one layer.
 */
import type { ReadonlySignal } from "@preact/signals";
import { stepped } from "../../keyboard";
import type { ColourTable } from "../../paint/table";
import type { FieldMeta } from "../../protocol";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { ActiveCell } from "../active-cell";
import { Canvas } from "../canvas";
import { tableFor } from "../colours";
import { layerColumns } from "../fit";
import { notesAt } from "../notes/marks";
import { marksOf, noteCount, noteTip, openClicked } from "../notes/note-marks";
import { preview } from "../preview";
import { regionWords, useRegion } from "../region";
import { sharedKeys } from "../shared-keys";
import { useUi } from "../ui";
import { layerName, tokenLabel, tokenQuote } from "../words";
import { type LayersLayout, placeAt } from "./layers-layout";
import type { LayersModel } from "./layers-model";
import { type LayersMarks, type LayersScene, paintLayers, paintLayersMarks } from "./layers-paint";
import type { Patcher } from "./layers-patch";
import { cellWords } from "./layers-words";

interface LayersGridProps {
  model: LayersModel;
  field: ReadonlySignal<FieldMeta | undefined>;
  layout: ReadonlySignal<LayersLayout>;
  /** How far the grid is scrolled. */
  x: ReadonlySignal<number>;
  y: ReadonlySignal<number>;
  /** Scroll a position into view. */
  reveal: (position: number) => void;
  patcher: Patcher;
}

export function LayersGrid({ model, field, layout, x, y, reveal, patcher }: LayersGridProps) {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { shown, pinned } = selection;
  const total = stage.run.value?.tokens.total ?? 0;
  const region = useRegion("layers");
  const { index, open } = marksOf(ui);
  const notesOn = (layer: number, position: number) => notesAt(index.value.stream.get(layer) ?? [], position);
  const size = () => ({ width: layout.value.width, height: layout.value.height });
  const run = stage.run.value;
  const picture = model.picture;

  const leave = () => {
    ui.tip.value = null;
    preview(selection, {});
  };
  const point = (atX: number, atY: number, event: PointerEvent) => {
    const at = placeAt(layout.value, atX, atY, x.value, y.value);
    if (!at || !run) return leave();
    // The embedding is no layer that other panels could show.
    const layer = at.layer !== null && at.layer >= 0 ? { layer: at.layer } : {};
    preview(selection, { ...layer, query: at.position });
    const now = field.value;
    if (at.layer === null || !now) {
      ui.tip.value = null;
      return;
    }
    const index: Record<string, number | null> = {
      ...cursorNumbers(stage),
      layer: at.layer,
      [layerColumns(now)!]: at.position,
    };
    const named = now.axes.map(({ coordinate }) => [coordinate, index[coordinate]] as const);
    ui.tip.value = {
      x: event.clientX,
      y: event.clientY,
      place: `${layerName(at.layer)} · ${tokenQuote(stage.tokens.value.texts[at.position])}`,
      value: cellWords(picture.value, at.layer, at.position),
      unit: now.texts ? "" : now.unit,
      cell: named.every(([, value]) => typeof value === "number")
        ? { field: now.name, epoch: run.epoch, index: Object.fromEntries(named) as Record<string, number> }
        : null,
      ...noteTip(notesOn(at.layer, at.position)),
    };
  };
  const press = (atX: number, atY: number, event: MouseEvent) => {
    const at = placeAt(layout.value, atX, atY, x.value, y.value);
    if (!at) return;
    if (event.shiftKey && region.drawTo({ query: at.position })) return;
    region.drop();
    if (at.layer !== null) openClicked(ui, notesOn(at.layer, at.position));
    selection.pin({ ...(at.layer !== null && at.layer >= 0 ? { layer: at.layer } : {}), query: at.position });
    if (at.layer !== null && event.detail === 2) patcher.press();
  };
  const walk = (coordinate: "layer" | "query", by: number) => () => {
    if (!run) return false;
    region.drop();
    const last = (coordinate === "layer" ? run.layers : total) - 1;
    selection.pin({ [coordinate]: stepped(pinned[coordinate].value, by, 0, last) });
  };
  const extend = (by: number) => () => {
    const to = region.extend({ query: by }, false);
    if (to === null) return false;
    reveal(to.query);
  };
  /** From cell to cell: the layer is the one in which it began. */
  const sweep = (from: { x: number; y: number }, to: { x: number; y: number }) => {
    const { left, top, width } = layout.value;
    const at = placeAt(layout.value, from.x, from.y, x.value, y.value);
    const inside = Math.min(Math.max(to.x, left), width - 1);
    const end = placeAt(layout.value, inside, top, x.value, y.value)?.position ?? total - 1;
    if (!at) return;
    if (at.layer !== null && at.layer >= 0) selection.pin({ layer: at.layer });
    region.draw({ query: at.position }, { query: end });
  };
  const labels = () => {
    const { texts, kinds } = stage.tokens.value;
    return (position: number) => tokenLabel(texts[position], kindAt(kinds, position));
  };
  const scene = (): LayersScene => {
    const now = picture.value;
    const tables = new Map<number, ColourTable>();
    const { theme, settings } = stage;
    settings.value;
    return {
      layout: layout.value,
      x: x.value,
      y: y.value,
      picture: now,
      tableOf: (exponent) => {
        const table = tables.get(exponent) ?? tableFor(stage, now!.scale, exponent);
        tables.set(exponent, table);
        return table;
      },
      labels: labels(),
      query: shown.query.value,
      theme: theme.value,
    };
  };
  const marks = (): LayersMarks => ({
    layout: layout.value,
    x: x.value,
    y: y.value,
    query: shown.query.value,
    layer: shown.layer.value,
    hovered: shown.query.value !== pinned.query.value,
    noted: index.value.stream,
    open: open.value,
    region: region.now?.query ? { layer: pinned.layer.value, span: region.now.query } : null,
    theme: stage.theme.value,
  });
  const [layer, query] = [pinned.layer.value, pinned.query.value];
  const top = layout.value.start + layout.value.layers - 1;
  const active =
    layer === null || query === null
      ? null
      : {
          row: top - layer,
          column: query,
          words: `${layerName(layer)}, token ${query} ${tokenQuote(stage.tokens.value.texts[query])}, ${cellWords(picture.value, layer, query)}${noteCount(notesOn(layer, query))}${regionWords(region.now)}`,
        };

  return (
    <ActiveCell
      label="layers from bottom to top, positions from left to right; arrow keys walk, with Shift they select"
      rows={layout.value.layers}
      columns={total}
      active={active}
      keys={{
        ArrowUp: walk("layer", 1),
        ArrowDown: walk("layer", -1),
        ArrowLeft: walk("query", -1),
        ArrowRight: walk("query", 1),
        "Shift+ArrowLeft": extend(-1),
        "Shift+ArrowRight": extend(1),
        "Shift+Home": extend(Number.NEGATIVE_INFINITY),
        "Shift+End": extend(Number.POSITIVE_INFINITY),
        Home: walk("query", Number.NEGATIVE_INFINITY),
        End: walk("query", Number.POSITIVE_INFINITY),
        Enter: () => (patcher.at() === null ? false : patcher.press()),
        ...sharedKeys(ui),
      }}
    >
      <div class="extent" style={{ width: `${layout.value.fullWidth}px`, height: `${layout.value.fullHeight}px` }}>
        <div class="stack sticky">
          <Canvas size={size} scene={scene} paint={paintLayers} />
          <Canvas
            class="marks"
            size={size}
            scene={marks}
            paint={paintLayersMarks}
            onPoint={point}
            onLeave={leave}
            onPress={press}
            sweeps={(event) => event.shiftKey}
            onSweep={sweep}
          />
        </div>
      </div>
    </ActiveCell>
  );
}

function cursorNumbers({ selection }: Stage): Record<string, number | null> {
  const { layer, head, query, key, step, prompt } = selection.shown;
  return {
    layer: layer.value,
    head: head.value,
    query: query.value,
    position: query.value,
    key: key.value,
    step: step.value,
    prompt: prompt.value,
  };
}
