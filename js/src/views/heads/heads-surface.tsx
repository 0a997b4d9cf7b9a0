/**
 * A canvas on which every head has a place: hover previews a head everywhere, a click pins it, Shift-click adds one, arrow keys walk.
 *
 * Two canvases lie on each other: the picture, painted when numbers come, and the marks, painted when the selection moves. A
 * hover so repaints a few outlines and nothing else, here and in every other surface of heads.
 */
import { ActiveCell } from "../active-cell";
import { Canvas, type Size } from "../canvas";
import { headExists } from "../fit";
import { headKey } from "../notes/marks";
import { marksOf, noteCount, noteTip, openClicked } from "../notes/note-marks";
import { preview } from "../preview";
import { useUi } from "../ui";
import { headKeys } from "./heads-keys";
import type { HeadMarks } from "./heads-paint";

interface HeadsSurfaceProps<Scene> {
  label: string;
  size: () => Size;
  /** The head at a place in CSS pixels. */
  at: (x: number, y: number) => { layer: number; head: number } | null;
  /** The numbers of a head, in words. */
  words: (layer: number, head: number) => string;
  /** What both canvases are painted from; reads signals. */
  scene: () => Scene;
  paint: (context: CanvasRenderingContext2D, scene: Scene) => void;
  paintMarks: (context: CanvasRenderingContext2D, scene: Scene, marks: HeadMarks) => void;
}

export function HeadsSurface<Scene>({ label, size, at, words, scene, paint, paintMarks }: HeadsSurfaceProps<Scene>) {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { shown, pinned } = selection;
  const run = stage.run.value;
  const { index, open } = marksOf(ui);
  const notesOf = (layer: number, head: number) => index.value.heads.get(headKey(layer, head))?.notes;
  const there = (x: number, y: number) => {
    const found = at(x, y);
    return run && found && headExists(run, found.layer, found.head) ? found : null;
  };
  const leave = () => {
    ui.tip.value = null;
    preview(selection, {});
  };
  const pair = (from: typeof shown): [number, number] | null =>
    from.layer.value === null || from.head.value === null ? null : [from.layer.value, from.head.value];
  const [layer, head] = pair(pinned) ?? [];
  const said = (l: number, h: number) =>
    [`layer ${l}, head ${h}`, words(l, h)].filter(Boolean).join(", ") + noteCount(notesOf(l, h));
  return (
    <ActiveCell
      label={`${label}; arrow keys walk the heads, Shift+Enter adds`}
      rows={run?.layers ?? 0}
      columns={run?.heads ?? 0}
      active={
        run && layer !== undefined && head !== undefined
          ? { row: run.layers - 1 - layer, column: head, words: said(layer, head) }
          : null
      }
      keys={headKeys(ui)}
      class="stack"
    >
      <Canvas size={size} scene={scene} paint={paint} />
      <Canvas
        class="marks"
        size={size}
        scene={() => {
          const [pin, seen] = [pair(pinned), pair(shown)];
          const hovered = String(seen) === String(pin) ? null : seen;
          const noted = index.value.heads;
          const [further, theme] = [selection.heads.value, stage.theme.value];
          return { marks: { pinned: pin, hovered, further, noted, open: open.value, theme }, under: scene() };
        }}
        paint={(context, { marks, under }) => paintMarks(context, under, marks)}
        onPoint={(x, y, event) => {
          const found = there(x, y);
          if (!found) return leave();
          preview(selection, { layer: found.layer, head: found.head });
          ui.tip.value = {
            x: event.clientX,
            y: event.clientY,
            place: `layer ${found.layer} head ${found.head}`,
            value: words(found.layer, found.head),
            unit: "",
            cell: null,
            ...noteTip(notesOf(found.layer, found.head)),
          };
        }}
        onLeave={leave}
        onPress={(x, y, event) => {
          const found = there(x, y);
          if (!found) return;
          if (event.shiftKey) return selection.toggleHead(found.layer, found.head);
          selection.pin({ layer: found.layer, head: found.head });
          openClicked(ui, notesOf(found.layer, found.head));
        }}
      />
    </ActiveCell>
  );
}
