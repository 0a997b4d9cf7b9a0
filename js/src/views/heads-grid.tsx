/**
 * One grid of all heads: a picture of each, and the selection outlined upon them.
 *
 * Two canvases lie on each other: the picture, painted when numbers come, and the marks, painted when the selection moves. A
 * hover so repaints a few outlines and nothing else; two grids beside each other show the same outlines.
 */
import { useComputed, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ActiveCell } from "./active-cell";
import { Canvas } from "./canvas";
import { headExists } from "./fit";
import { headKeys } from "./heads-keys";
import { type HeadsLayout, headAt, headsLayout, MAX_HEIGHT } from "./heads-layout";
import type { HeadsModel, HeadsPicture } from "./heads-model";
import { type HeadMarks, paintHeadMarks, paintHeads } from "./heads-paint";
import { preview } from "./preview";
import { stateWordsOf } from "./read-out";
import { useUi } from "./ui";
import { useWidth } from "./use-width";

function headWords(picture: HeadsPicture | null, layer: number, head: number): string {
  const at = `layer ${layer}, head ${head}`;
  const plane = picture?.plane(layer, head);
  if (!picture || !plane || picture.thumbnails) return at;
  return `${at}, ${picture.field.title} ${stateWordsOf(plane.halves[0], plane.exponent)}`;
}

export function HeadsGrid({ model }: { model: HeadsModel }) {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { shown, pinned } = selection;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 320);
  const run = stage.run.value;
  const { picture } = model;

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
  const [layer, head] = [pinned.layer.value, pinned.head.value];
  const active =
    run && layer !== null && head !== null
      ? { row: run.layers - 1 - layer, column: head, words: headWords(picture.value, layer, head) }
      : null;
  const name = model.field.value?.title ?? "";

  return (
    <div ref={box} class="scroll-x">
      <ActiveCell
        label={`heads by ${name}, ${run?.layers ?? 0} layers of ${run?.heads ?? 0}; arrow keys walk, Shift+Enter adds`}
        rows={run?.layers ?? 0}
        columns={run?.heads ?? 0}
        active={active}
        keys={headKeys(ui)}
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
  );
}
