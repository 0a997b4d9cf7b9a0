/**
 * A strip beside a long text: all its tokens from top to bottom, and which of them are in view. A click or a drag scrolls there.
 *
 * Several tokens share a line of pixels; it shows the strongest of them, so that a lone one is not lost.
 */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { stateOf, valueOf } from "../paint/half";
import type { ColourTable } from "../paint/table";
import type { Theme } from "../theme";
import { Canvas } from "./canvas";
import { tableFor } from "./colours";
import { outline } from "./outline";
import type { TextValues } from "./text/text-values";
import { useStage } from "./ui";

const WIDTH = 16;

interface MinimapProps {
  box: RefObject<HTMLDivElement | null>;
  values: ReadonlySignal<TextValues | null>;
  total: number;
}

interface Scene {
  values: TextValues | null;
  table: ColourTable | null;
  view: { from: number; to: number };
  query: number | null;
  theme: Theme;
}

/** The strongest finite half among those of a range; the first where none is finite. */
export function strongest(values: TextValues, start: number, stop: number): number | undefined {
  let best = values.halves[start - values.start];
  let size = -1;
  for (let i = start; i < stop; i++) {
    const bits = values.halves[i - values.start];
    if (bits === undefined || stateOf(bits) !== "value") continue;
    const magnitude = Math.abs(valueOf(bits, 0));
    if (magnitude > size) {
      size = magnitude;
      best = bits;
    }
  }
  return best;
}

export function Minimap({ box, values, total }: MinimapProps) {
  const stage = useStage();
  const view = useSignal({ from: 0, to: 1 });
  const height = useSignal(160);

  useEffect(() => {
    const element = box.current!;
    const read = () => {
      const { scrollTop, clientHeight, scrollHeight } = element;
      view.value = { from: scrollTop / scrollHeight, to: (scrollTop + clientHeight) / scrollHeight };
      height.value = clientHeight;
    };
    const observer = new ResizeObserver(read);
    observer.observe(element);
    element.addEventListener("scroll", read, { passive: true });
    read();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", read);
    };
  }, []);

  const scrollTo = (y: number) => {
    const element = box.current!;
    element.scrollTop = (y / height.value) * element.scrollHeight - element.clientHeight / 2;
  };
  const scene = (): Scene => {
    const now = values.value;
    return {
      values: now,
      table: now && tableFor(stage, now.scale, now.exponent),
      view: view.value,
      query: stage.selection.shown.query.value,
      theme: stage.theme.value,
    };
  };
  const paint = (context: CanvasRenderingContext2D, { values: now, table, view, query, theme }: Scene) => {
    const lines = Math.max(1, Math.floor(height.value));
    context.fillStyle = theme.soft;
    context.fillRect(0, 0, WIDTH, lines);
    for (let y = 0; now && table && y < lines; y++) {
      const start = Math.floor((y * total) / lines);
      const bits = strongest(now, start, Math.max(start + 1, Math.floor(((y + 1) * total) / lines)));
      if (bits === undefined || stateOf(bits) === "masked") continue;
      context.fillStyle = table.css(bits);
      context.fillRect(0, y, WIDTH, 1);
    }
    if (query !== null) {
      context.fillStyle = theme.focus;
      context.fillRect(0, Math.round((query / total) * lines) - 1, WIDTH, 2);
    }
    const top = view.from * lines;
    const seen = { x: 2, y: top + 2, width: WIDTH - 4, height: Math.max(4, (view.to - view.from) * lines - 4) };
    outline(context, theme, seen, "further", { colour: theme.dim });
  };

  return (
    <Canvas
      class="minimap"
      size={() => ({ width: WIDTH, height: height.value })}
      scene={scene}
      paint={paint}
      onPress={(_, y) => scrollTo(y)}
      onDrag={(_, dy) => {
        const element = box.current!;
        element.scrollTop += (dy / height.value) * element.scrollHeight;
      }}
    />
  );
}
