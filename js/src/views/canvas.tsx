/**
 * A canvas that is painted at most once a frame, from a scene made out of signals.
 *
 * `scene` reads signals and returns what is to be drawn; `paint` draws it and reads none. So a change repaints exactly those
 * canvases whose scene read it. Sizes are CSS pixels; the canvas itself has the screen's. Each paint bumps `data-paints`.
 */
import { computed, effect, type Signal, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { perFrame } from "../frame";
import { countPaint } from "../paint/paint";

export interface Size {
  width: number;
  height: number;
}

/** In CSS pixels of the canvas. */
interface Spot {
  x: number;
  y: number;
}

export interface CanvasProps<Scene> {
  size: () => Size;
  scene: () => Scene;
  paint: (context: CanvasRenderingContext2D, scene: Scene, size: Size) => void;
  /** Handlers get the place in CSS pixels of the canvas. */
  onPoint?: (x: number, y: number, event: PointerEvent) => void;
  onLeave?: () => void;
  onPress?: (x: number, y: number, event: MouseEvent) => void;
  onDrag?: (dx: number, dy: number) => void;
  /** Whether this press draws over cells instead of dragging; then from where to where. */
  sweeps?: (event: PointerEvent) => boolean;
  onSweep?: (from: Spot, to: Spot) => void;
  onWheel?: (x: number, y: number, event: WheelEvent) => void;
  class?: string;
  children?: ComponentChildren;
}

const DRAG_FROM = 4;
/** Larger canvases are refused by some browsers; past this the picture is drawn at a coarser scale. */
const MAX_PIXELS = 16_000_000;

function pixelRatio(): Signal<number> {
  const ratio = signal(devicePixelRatio || 1);
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener?.("change", () => {
    ratio.value = devicePixelRatio || 1;
  });
  return ratio;
}
const ratio = typeof window === "undefined" ? signal(1) : pixelRatio();

/** Paint `scene` into `canvas` whenever a signal that it read has changed. Returns how to stop. */
export function paintInto<Scene>(canvas: HTMLCanvasElement, props: () => CanvasProps<Scene>): () => void {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gives no 2D canvas");
  const planned = computed(() => ({ size: props().size(), scene: props().scene(), scale: ratio.value }));
  let paints = 0;
  const draw = perFrame(() => {
    const { size, scene, scale } = planned.peek();
    const fit = Math.min(scale, Math.sqrt(MAX_PIXELS / Math.max(1, size.width * size.height)));
    const width = Math.max(1, Math.round(size.width * fit));
    const height = Math.max(1, Math.round(size.height * fit));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${size.width}px`;
      canvas.style.height = `${size.height}px`;
    }
    context.setTransform(fit, 0, 0, fit, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    props().paint(context, scene, size);
    paints++;
    canvas.dataset.paints = String(paints);
    countPaint(canvas);
  });
  const stop = effect(() => {
    planned.value;
    draw();
  });
  return () => {
    stop();
    draw.cancel();
  };
}

export function Canvas<Scene>(props: CanvasProps<Scene>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const press = useRef<{ x: number; y: number; at: Spot; sweeping: boolean; dragged: boolean } | null>(null);

  useEffect(() => paintInto(canvas.current!, () => latest.current), []);
  useEffect(() => {
    const element = canvas.current!;
    // Not passive, since a zoom must keep the notebook from scrolling; whether it does is up to the handler.
    const wheel = (event: WheelEvent) => latest.current.onWheel?.(event.offsetX, event.offsetY, event);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);

  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it takes the pointer, never the focus; what it shows is said beside it
    <canvas
      ref={canvas}
      class={props.class}
      aria-hidden="true"
      data-paints="0"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        const sweeping = latest.current.sweeps?.(event) ?? false;
        const at = { x: event.offsetX, y: event.offsetY };
        press.current = { x: event.clientX, y: event.clientY, at, sweeping, dragged: false };
        if (sweeping || latest.current.onDrag) event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const from = press.current;
        if (from !== null && (from.sweeping || latest.current.onDrag)) {
          const dx = event.clientX - from.x;
          const dy = event.clientY - from.y;
          if (from.dragged || Math.hypot(dx, dy) >= DRAG_FROM) {
            press.current = { ...from, x: event.clientX, y: event.clientY, dragged: true };
            if (from.sweeping) latest.current.onSweep?.(from.at, { x: event.offsetX, y: event.offsetY });
            else latest.current.onDrag?.(dx, dy);
            return;
          }
        }
        latest.current.onPoint?.(event.offsetX, event.offsetY, event);
      }}
      onPointerLeave={() => latest.current.onLeave?.()}
      onPointerCancel={() => {
        press.current = null;
      }}
      onClick={(event) => {
        const dragged = press.current?.dragged ?? false;
        press.current = null;
        if (!dragged) latest.current.onPress?.(event.offsetX, event.offsetY, event);
      }}
    />
  );
}
