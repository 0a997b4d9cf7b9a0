/**
 * The layer view: what stands at every layer and position. With the logit lens each cell has the word that the output layer would say.
 *
 * Long prompts and deep models scroll in their own box; the labels stay. The pinned position is brought into view, a hovered one is not.
 */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { stepped } from "../../keyboard";
import type { ColourTable } from "../../paint/table";
import { Legend } from "../../panels/legend";
import { FieldMenu } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import { has } from "../../slice";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { ActiveCell } from "../active-cell";
import { Canvas } from "../canvas";
import { tableFor } from "../colours";
import { fitsLayers, layerColumns, spanOf } from "../fit";
import { preview } from "../preview";
import { sharedKeys } from "../shared-keys";
import { useUi } from "../ui";
import { useWidth } from "../use-width";
import { layerName, tokenLabel, tokenQuote } from "../words";
import { columnsInView, layersLayout, placeAt } from "./layers-layout";
import { LayersModel, layerField } from "./layers-model";
import { type LayersMarks, type LayersScene, paintLayers, paintLayersMarks } from "./layers-paint";
import { Patcher, PatchLine } from "./layers-patch";
import { LayersStrip } from "./layers-strip";
import { cellWords, layersTable } from "./layers-words";

export function LayersPanel() {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { shown, pinned } = selection;
  const box = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 1000);
  const x = useSignal(0);
  const y = useSignal(0);
  const total = useComputed(() => stage.run.value?.tokens.total ?? 0);
  const field = useComputed(() => layerField(stage.fields.value, stage.settings.value.layerField));
  const layout = useComputed(() => {
    const now = field.value;
    const [start, stop] = now ? spanOf(now, "layer") : [0, 1];
    return layersLayout(start, stop - start, total.value, width.value, now?.texts ?? false);
  });
  const inView = useComputed(() => columnsInView(layout.value, x.value));
  const model = useMemo(() => new LayersModel(stage, field, () => inView.value), [stage]);
  useEffect(() => () => model.wanted.dispose(), [model]);
  const patcher = useMemo(() => new Patcher(stage), [stage]);

  const reveal = (position: number | null) => {
    const element = scroller.current;
    const { column, left } = layout.peek();
    if (!element || position === null) return;
    const room = element.clientWidth - left;
    const at = position * column;
    if (at < element.scrollLeft) element.scrollLeft = at - room / 2;
    else if (at + column > element.scrollLeft + room) element.scrollLeft = at + column - room;
  };
  useEffect(() => {
    reveal(pinned.query.value);
  }, [pinned.query.value, layout.value, stage.run.value?.epoch]);

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
    };
  };
  const press = (atX: number, atY: number, event: MouseEvent) => {
    const at = placeAt(layout.value, atX, atY, x.value, y.value);
    if (!at) return;
    selection.pin({ ...(at.layer !== null && at.layer >= 0 ? { layer: at.layer } : {}), query: at.position });
    if (at.layer !== null && event.detail === 2) patcher.press();
  };
  const walk = (coordinate: "layer" | "query", by: number) => () => {
    if (!run) return false;
    const last = (coordinate === "layer" ? run.layers : total.value) - 1;
    selection.pin({ [coordinate]: stepped(pinned[coordinate].value, by, 0, last) });
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
    theme: stage.theme.value,
  });
  const scrolls = layout.value.fullWidth > layout.value.width;
  const [layer, query] = [pinned.layer.value, pinned.query.value];
  const top = layout.value.start + layout.value.layers - 1;
  const active =
    layer === null || query === null
      ? null
      : {
          row: top - layer,
          column: query,
          words: `${layerName(layer)}, token ${query} ${tokenQuote(stage.tokens.value.texts[query])}, ${cellWords(picture.value, layer, query)}`,
        };

  return (
    <Panel
      name="layers"
      title="Layers"
      field={field.value}
      head={
        <span class="by">
          <FieldMenu
            label="colour the layers by"
            fields={stage.fields.value.filter(fitsLayers)}
            chosen={field.value}
            choose={(name) => {
              stage.settings.value = { ...stage.settings.value, layerField: name };
            }}
          />
          {field.value && has(field.value, "head") && <ShownHead />}
        </span>
      }
      legend={picture.value && <Legend field={picture.value.field} scale={picture.value.scale} />}
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      empty={field.value ? null : "This run has no field over layers and positions."}
      table={() => layersTable(stage, picture.value, inView.value)}
    >
      <div ref={box}>
        <div
          ref={scroller}
          class="scroll-xy"
          onScroll={(event) => {
            x.value = event.currentTarget.scrollLeft;
            y.value = event.currentTarget.scrollTop;
          }}
          style={{ maxHeight: `${layout.value.height + (scrolls ? 12 : 0)}px` }}
        >
          <ActiveCell
            label="layers from bottom to top, positions from left to right; arrow keys walk"
            rows={layout.value.layers}
            columns={total.value}
            active={active}
            keys={{
              ArrowUp: walk("layer", 1),
              ArrowDown: walk("layer", -1),
              ArrowLeft: walk("query", -1),
              ArrowRight: walk("query", 1),
              Home: walk("query", Number.NEGATIVE_INFINITY),
              End: walk("query", Number.POSITIVE_INFINITY),
              Enter: () => (patcher.at() === null ? false : patcher.press()),
              ...sharedKeys(ui),
            }}
          >
            <div
              class="extent"
              style={{ width: `${layout.value.fullWidth}px`, height: `${layout.value.fullHeight}px` }}
            >
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
                />
              </div>
            </div>
          </ActiveCell>
        </div>
        {scrolls && <LayersStrip layout={layout} x={x} model={model} scroller={scroller} />}
      </div>
      <PatchLine patcher={patcher} drawn={field.value?.name} />
    </Panel>
  );
}

/** Of a field over heads as well, the grid shows one. */
function ShownHead() {
  const head = useUi().stage.selection.shown.head.value;
  return head === null ? null : <span class="dim">head {head}</span>;
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
