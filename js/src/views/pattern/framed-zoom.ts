/**
 * The matrix's viewport as a part of what a snapshot holds: told once zooming has come to rest, and followed when it changes from outside.
 *
 * Always true: another prompt is seen whole, unless the framing comes with it; no timer outlives the panel.
 */
import { effect, type ReadonlySignal, type Signal, untracked } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Framing } from "../../protocol";
import type { Stage } from "../../stage";
import { type Viewport, whole, within } from "../viewport";

type Zoom = Framing["zoom"];

const REST_MS = 300;

const same = (a: Zoom, b: Zoom): boolean =>
  a === b || (a !== null && b !== null && a.row === b.row && a.column === b.column && a.span === b.span);

export function useFramedZoom({ framing }: Stage, view: Signal<Viewport>, total: ReadonlySignal<number>): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let known: Zoom = null; // what the framing has said last
    let waiting = false; // it is of a longer prompt, which may be on its way
    let tokens = 0;
    const stops = [
      effect(() => {
        const { zoom } = framing.value;
        const now = total.value;
        const fresh = !same(zoom, known);
        if (!fresh && now === tokens) return;
        const fits = zoom !== null && Math.max(zoom.row, zoom.column) + zoom.span < now + 0.5;
        const follow = fits && (fresh || waiting);
        [known, tokens, waiting] = [zoom, now, zoom !== null && fresh && !fits];
        untracked(() => {
          view.value = follow ? within(zoom, now) : whole(now);
        });
      }),
      effect(() => {
        const now = view.value.span < total.value ? view.value : null;
        clearTimeout(timer);
        if (same(now, known) || (now === null && waiting)) return;
        timer = setTimeout(() => {
          known = now && { row: now.row, column: now.column, span: now.span };
          framing.value = { ...framing.peek(), zoom: known };
        }, REST_MS);
      }),
    ];
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [framing, view, total]);
}
