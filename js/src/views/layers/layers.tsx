/**
 * The layer view: what stands at every layer and position. With the logit lens each cell has the word that the output layer would say.
 *
 * Long prompts and deep models scroll in their own box; the labels stay. The pinned position is brought into view, a hovered one is not.
 */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Legend } from "../../panels/legend";
import { FieldMenu } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import { has } from "../../slice";
import { fitsLayers, spanOf } from "../fit";
import { useUi } from "../ui";
import { useWidth } from "../use-width";
import { LayersGrid } from "./layers-grid";
import { columnsInView, layersLayout } from "./layers-layout";
import { LayersModel, layerField } from "./layers-model";
import { Patcher, PatchLine } from "./layers-patch";
import { LayersStrip } from "./layers-strip";
import { layersTable } from "./layers-words";

export function LayersPanel() {
  const { stage } = useUi();
  const { pinned } = stage.selection;
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

  const picture = model.picture;
  const scrolls = layout.value.fullWidth > layout.value.width;
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
          <LayersGrid model={model} field={field} layout={layout} x={x} y={y} reveal={reveal} patcher={patcher} />
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
