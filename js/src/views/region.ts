/**
 * A stretch that is drawn over: tokens of the text, positions of a layer, or queries and keys of the matrix.
 *
 * Always true: it begins at the pinned cell and lies within the tokens of the run. It is let go as soon as another cell is pinned, from
 * wherever, another prompt is shown, or its surface is gone; then what is pinned counts again.
 */
import { batch, computed, effect, untracked } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { stepped } from "../keyboard";
import type { PanelName } from "../protocol";
import { type Region, type Ui, useUi } from "./ui";

/** A cell; where there are only tokens, its query. */
export interface Corner {
  query: number;
  key?: number;
}

const stretch = (a: number, b: number): [number, number] => [Math.min(a, b), Math.max(a, b) + 1];

/** The end of a stretch that is not where it began. */
const farEnd = ([start, stop]: [number, number], from: number): number => (from === start ? stop - 1 : start);

export class RegionDrawing {
  #drawing = false;

  constructor(
    readonly ui: Ui,
    readonly panel: PanelName,
  ) {}

  /** What is drawn over in this panel. */
  get now(): Region | null {
    const now = this.ui.region.value;
    const total = this.ui.stage.run.value?.tokens.total ?? 0;
    const inside = now?.panel === this.panel && [now.query, now.key].every((span) => span === null || span[1] <= total);
    return inside ? now : null;
  }

  /** From one cell to another; the first is pinned. */
  draw(from: Corner, to: Corner): void {
    this.#drawing = true;
    batch(() => {
      this.ui.tip.value = null;
      this.ui.stage.selection.pin(from.key === undefined ? { query: from.query } : from);
      const key = from.key === undefined || to.key === undefined ? null : stretch(from.key, to.key);
      this.ui.region.value = { panel: this.panel, query: stretch(from.query, to.query), key };
    });
    this.#drawing = false;
  }

  /** From the pinned cell to another, as Shift and a click mean it; false where none is pinned. */
  drawTo(to: Corner): boolean {
    const { query, key } = this.ui.stage.selection.pinned;
    if (query.value === null) return false;
    if (to.key === undefined) this.draw({ query: query.value }, to);
    else this.draw({ query: query.value, key: key.value ?? query.value }, to);
    return true;
  }

  /** Move the far end by so many cells; gives where it is then, or null where nothing is pinned. */
  extend(by: { query?: number; key?: number }, keyed: boolean): Corner | null {
    const total = this.ui.stage.run.value?.tokens.total ?? 0;
    const { query, key } = this.ui.stage.selection.pinned;
    const now = this.now;
    if (query.value === null || total === 0) return null;
    const moved = (span: [number, number] | null | undefined, from: number, step = 0) =>
      stepped(span ? farEnd(span, from) : from, step, 0, total - 1);
    const to: Corner = { query: moved(now?.query, query.value, by.query) };
    if (keyed) to.key = moved(now?.key, key.value ?? query.value, by.key);
    this.drawTo(to);
    return to;
  }

  drop(): void {
    if (this.ui.region.peek()?.panel === this.panel) this.ui.region.value = null;
  }

  /** Let go when another cell is pinned or another prompt is shown. Returns how to end. */
  watch(): () => void {
    const { run, selection } = this.ui.stage;
    const prompt = computed(() => `${run.value?.tokens.total} ${run.value?.prompt}`);
    const stop = effect(() => {
      void [selection.pinned.query.value, selection.pinned.key.value, prompt.value];
      if (!this.#drawing) untracked(() => this.drop());
    });
    return () => {
      stop();
      this.drop();
    };
  }
}

export function useRegion(panel: PanelName): RegionDrawing {
  const ui = useUi();
  const drawing = useMemo(() => new RegionDrawing(ui, panel), [ui, panel]);
  useEffect(() => drawing.watch(), [drawing]);
  return drawing;
}

/** For the words of the active cell: ", 3 tokens selected", ", 3 by 2 selected". */
export function regionWords(region: Region | null): string {
  if (region?.query == null) return "";
  const queries = region.query[1] - region.query[0];
  if (region.key !== null) return `, ${queries} by ${region.key[1] - region.key[0]} cells selected`;
  return `, ${queries} token${queries === 1 ? "" : "s"} selected`;
}
