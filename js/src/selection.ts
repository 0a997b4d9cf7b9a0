/**
 * The one cursor that all views of a page share: a signal for each coordinate, and the hover that
 * previews another cursor without moving it.
 *
 * Always true: what views draw by is `shown`, the pinned cursor with the hovered coordinates laid over it.
 * Hover stays in the page; only the pinned cursor is mirrored to Python (by widget.ts, which binds it).
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Cursor } from "./protocol";

export const CURSOR_COORDINATES = ["layer", "head", "query", "key", "step", "prompt"] as const;
export type CursorCoordinate = (typeof CURSOR_COORDINATES)[number];
export type CursorPatch = Partial<Record<CursorCoordinate, number | null>>;

/** `position` is the residual stream's name for the place of a query: they share one cursor. */
export function cursorCoordinate(coordinate: string): string {
  return coordinate === "position" ? "query" : coordinate;
}

export class Selection {
  readonly pinned: Record<CursorCoordinate, Signal<number | null>>;
  readonly heads: Signal<[number, number][]> = signal([]);
  readonly hover: Signal<CursorPatch> = signal({});
  readonly shown: Record<CursorCoordinate, ReadonlySignal<number | null>>;

  constructor(readonly id: string) {
    const entries = CURSOR_COORDINATES.map((name) => [name, signal<number | null>(null)] as const);
    this.pinned = Object.fromEntries(entries) as typeof this.pinned;
    this.shown = Object.fromEntries(
      entries.map(([name, pin]) => [
        name,
        computed(() => {
          const over = this.hover.value[name];
          return over === undefined ? pin.value : over;
        }),
      ]),
    ) as typeof this.shown;
  }

  /** Move the pinned cursor; what is hovered is let go. */
  pin(patch: CursorPatch): void {
    batch(() => {
      for (const name of CURSOR_COORDINATES) {
        const value = patch[name];
        if (value !== undefined) this.pinned[name].value = value;
      }
      this.hover.value = {};
    });
  }

  /** Preview another cursor; an empty patch ends the preview. */
  preview(patch: CursorPatch): void {
    this.hover.value = patch;
  }

  /** Shift-click: pin a further head, or unpin it. */
  toggleHead(layer: number, head: number): void {
    const rest = this.heads.value.filter(([l, h]) => l !== layer || h !== head);
    this.heads.value = rest.length === this.heads.value.length ? [...rest, [layer, head]] : rest;
  }

  /** Escape: first the preview goes, then the key, then the further heads. */
  letGo(): void {
    batch(() => {
      this.hover.value = {};
      if (this.pinned.key.value !== null) this.pinned.key.value = null;
      else this.heads.value = [];
    });
  }

  toCursor(): Cursor {
    const at = Object.fromEntries(CURSOR_COORDINATES.map((name) => [name, this.pinned[name].value]));
    return { id: this.id, ...(at as Record<CursorCoordinate, number | null>), heads: this.heads.value };
  }

  fromCursor(cursor: Cursor): void {
    batch(() => {
      for (const name of CURSOR_COORDINATES) this.pinned[name].value = cursor[name];
      if (JSON.stringify(cursor.heads) !== JSON.stringify(this.heads.value)) this.heads.value = cursor.heads;
    });
  }
}
