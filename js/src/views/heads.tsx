/**
 * The head view: every head of every layer in one grid, the selected one outlined.
 *
 * Two canvases lie on each other: the picture, painted when numbers come, and the marks, painted when the selection moves. A
 * hover so repaints a few outlines and nothing else.
 */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { stepped } from "../keyboard";
import { Legend } from "../panels/legend";
import { FieldMenu } from "../panels/menu";
import { Panel } from "../panels/panel";
import type { Table } from "../panels/table";
import { has } from "../slice";
import type { Stage } from "../stage";
import { ActiveCell } from "./active-cell";
import { Canvas } from "./canvas";
import { headExists, isPattern } from "./fit";
import { type HeadsLayout, headAt, headsLayout } from "./heads-layout";
import { HeadsModel, type HeadsPicture, headFields, poolOf } from "./heads-model";
import { type HeadMarks, paintHeadMarks, paintHeads } from "./heads-paint";
import { preview } from "./preview";
import { stateWordsOf } from "./read-out";
import { sharedKeys } from "./shared-keys";
import { useUi } from "./ui";
import { useWidth } from "./use-width";
import { headShort } from "./words";

const MAX_HEIGHT = 480;

function headWords(picture: HeadsPicture | null, layer: number, head: number): string {
  const at = `layer ${layer}, head ${head}`;
  const plane = picture?.plane(layer, head);
  if (!picture || !plane || picture.thumbnails) return at;
  return `${at}, ${picture.field.title} ${stateWordsOf(plane.halves[0], plane.exponent)}`;
}

function headsTable(stage: Stage, picture: HeadsPicture | null): Table | null {
  const run = stage.run.value;
  if (!picture || !run) return null;
  const value = (layer: number, head: number) => {
    const plane = picture.plane(layer, head);
    if (!headExists(run, layer, head)) return "absent";
    if (!plane) return "–";
    const best = picture.thumbnails ? plane.halves.reduce((a, b) => (b < 0x7c00 && b > a ? b : a), 0) : plane.halves[0];
    return stateWordsOf(best, plane.exponent);
  };
  return {
    caption: picture.thumbnails ? `largest ${picture.field.title} of each head` : picture.field.title,
    columns: Array.from({ length: run.heads }, (_, head) => `head ${head}`),
    rows: Array.from({ length: run.layers }, (_, i) => run.layers - 1 - i).map((layer) => ({
      name: `layer ${layer}`,
      cells: Array.from({ length: run.heads }, (_, head) => value(layer, head)),
    })),
  };
}

export function HeadsPanel() {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { shown, pinned } = selection;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 320);
  const model = useMemo(() => new HeadsModel(stage), [stage]);
  useEffect(() => () => model.wanted.dispose(), [model]);
  const run = stage.run.value;
  const picture = model.picture;

  const layout = useComputed(() => {
    const now = stage.run.value;
    return headsLayout(now?.layers ?? 1, now?.heads ?? 1, width.value, MAX_HEIGHT, ui.width.value < 700);
  });
  const size = () => ({ width: layout.value.width, height: layout.value.height });
  const over = useSignal<[number, number] | null>(null);

  const leave = () => {
    if (over.value === null) return;
    over.value = null;
    ui.tip.value = null;
    preview(selection, {});
  };
  const point = (x: number, y: number, event: PointerEvent) => {
    const at = headAt(layout.value, x, y);
    const now = stage.run.value;
    if (!at || !now || !headExists(now, at.layer, at.head)) return leave();
    if (over.value?.[0] !== at.layer || over.value[1] !== at.head) {
      over.value = [at.layer, at.head];
      preview(selection, at);
    }
    const plane = picture.value?.plane(at.layer, at.head);
    const shows = picture.value && !picture.value.thumbnails && plane;
    ui.tip.value = {
      x: event.clientX,
      y: event.clientY,
      place: `layer ${at.layer} head ${at.head}`,
      value: shows ? stateWordsOf(plane.halves[0], plane.exponent) : "",
      unit: shows ? picture.value!.field.unit : "",
      cell: null,
    };
  };
  const press = (x: number, y: number, event: MouseEvent) => {
    const at = headAt(layout.value, x, y);
    if (!at || !run || !headExists(run, at.layer, at.head)) return;
    if (event.shiftKey) selection.toggleHead(at.layer, at.head);
    else selection.pin(at);
  };
  const walk = (coordinate: "layer" | "head", by: number) => () => {
    if (!run) return false;
    const last = (coordinate === "layer" ? run.layers : run.heads) - 1;
    selection.pin({ [coordinate]: stepped(pinned[coordinate].value, by, 0, last) });
  };
  const keys = {
    ArrowUp: walk("layer", 1),
    ArrowDown: walk("layer", -1),
    ArrowLeft: walk("head", -1),
    ArrowRight: walk("head", 1),
    Home: walk("head", Number.NEGATIVE_INFINITY),
    End: walk("head", Number.POSITIVE_INFINITY),
    "Shift+Enter": () => {
      if (pinned.layer.value === null || pinned.head.value === null) return false;
      selection.toggleHead(pinned.layer.value, pinned.head.value);
    },
    ...sharedKeys(ui),
  };
  const [layer, head] = [pinned.layer.value, pinned.head.value];
  const active =
    run && layer !== null && head !== null
      ? { row: run.layers - 1 - layer, column: head, words: headWords(picture.value, layer, head) }
      : null;

  return (
    <Panel
      name="heads"
      title="Heads"
      field={model.field.value}
      head={
        <span class="by">
          <FieldMenu
            label="colour the heads by"
            fields={run ? headFields(stage.fields.value, run) : []}
            chosen={model.field.value}
            choose={(name) => {
              stage.settings.value = { ...stage.settings.value, headField: name };
            }}
          />
          {model.field.value && !isPattern(model.field.value) && has(model.field.value, "query") && (
            <span class="dim">mean over queries</span>
          )}
        </span>
      }
      legend={picture.value && <Legend field={picture.value.field} scale={picture.value.scale} />}
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      empty={model.field.value ? null : "This run has no field over heads."}
      note={<Notes thumbnails={picture.value?.thumbnails ?? false} />}
      table={() => headsTable(stage, picture.value)}
    >
      <div ref={box} class="scroll-x">
        <ActiveCell
          label={`heads, ${run?.layers ?? 0} layers of ${run?.heads ?? 0}; arrow keys walk, Shift+Enter adds`}
          rows={run?.layers ?? 0}
          columns={run?.heads ?? 0}
          active={active}
          keys={keys}
          class="stack"
        >
          <Canvas
            size={size}
            scene={() => {
              const now = stage.run.value;
              return {
                layout: layout.value,
                picture: picture.value,
                present: (l: number, h: number) => now === null || headExists(now, l, h),
                theme: stage.theme.value,
                palette: stage.settings.value.palette,
              };
            }}
            paint={(context, scene) =>
              paintHeads(context, stage, scene.layout, scene.picture, scene.present, scene.theme)
            }
          />
          <Canvas
            class="marks"
            size={size}
            scene={(): HeadMarks & { layout: HeadsLayout } => {
              const at: [number, number] | null =
                pinned.layer.value === null || pinned.head.value === null
                  ? null
                  : [pinned.layer.value, pinned.head.value];
              const seen: [number, number] | null =
                shown.layer.value === null || shown.head.value === null ? null : [shown.layer.value, shown.head.value];
              const moved = seen && (seen[0] !== at?.[0] || seen[1] !== at?.[1]) ? seen : null;
              const { value: theme } = stage.theme;
              return { layout: layout.value, pinned: at, hovered: moved, further: selection.heads.value, theme };
            }}
            paint={(context, scene) => paintHeadMarks(context, scene.layout, scene)}
            onPoint={point}
            onLeave={leave}
            onPress={press}
          />
        </ActiveCell>
      </div>
    </Panel>
  );
}

/** What the grid can do, or which further heads are pinned: hue and dash need not be remembered. What is pooled is said. */
function Notes({ thumbnails }: { thumbnails: boolean }) {
  const { run, selection } = useUi().stage;
  const heads = selection.heads.value;
  const pool = thumbnails && run.value ? poolOf(run.value) : 1;
  const names = heads.map(([layer, head]) => headShort(layer, head)).join(", ");
  return (
    <span>
      {heads.length === 0 ? "Hover previews · click pins · shift-click adds. " : `Pinned: ${names}. `}
      {pool > 1 ? `Each cell is the largest of ${pool} × ${pool}. ` : ""}
    </span>
  );
}
