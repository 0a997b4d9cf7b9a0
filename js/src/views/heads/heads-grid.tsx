/**
 * One grid of all heads: a picture of each, and the selection outlined upon them. Two grids beside each other show the same outlines.
 */
import { useComputed } from "@preact/signals";
import { useRef } from "preact/hooks";
import { headExists } from "../fit";
import { numberWords } from "../read-out";
import { useUi } from "../ui";
import { useWidth } from "../use-width";
import { headAt, headsLayout, MAX_HEIGHT } from "./heads-layout";
import type { HeadsModel } from "./heads-model";
import { paintHeadMarks, paintHeads } from "./heads-paint";
import { HeadsSurface } from "./heads-surface";

export function HeadsGrid({ model }: { model: HeadsModel }) {
  const { stage, width: whole } = useUi();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 320);
  const run = stage.run.value;
  const layout = useComputed(() => {
    const now = stage.run.value;
    return headsLayout(now?.layers ?? 1, now?.heads ?? 1, width.value, MAX_HEIGHT, whole.value < 700);
  });
  return (
    <div ref={box} class="scroll-x">
      <HeadsSurface
        label={`heads by ${model.field.value?.title}, ${run?.layers ?? 0} layers of ${run?.heads ?? 0}`}
        size={() => layout.value}
        at={(x, y) => headAt(layout.value, x, y)}
        words={(layer, head) => {
          const picture = model.picture.value;
          const plane = picture?.plane(layer, head);
          return !picture || !plane || picture.thumbnails
            ? ""
            : numberWords(picture.field, plane.halves[0]!, plane.exponent);
        }}
        scene={() => {
          const now = stage.run.value;
          return {
            layout: layout.value,
            picture: model.picture.value,
            present: (l: number, h: number) => now === null || headExists(now, l, h),
            theme: stage.theme.value,
            palette: stage.settings.value.palette,
          };
        }}
        paint={(context, { layout: laid, picture, present, theme }) =>
          paintHeads(context, stage, laid, picture, present, theme)
        }
        paintMarks={(context, scene, marks) => paintHeadMarks(context, scene.layout, marks)}
      />
    </div>
  );
}
