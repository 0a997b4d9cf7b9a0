/**
 * The pattern of the shown head as a matrix: queries down, keys across; zoom, pan, and exact numbers by the cell.
 *
 * The picture and its marks are two canvases: moving over the matrix repaints the marks alone. Ctrl or ⌘ with the wheel zooms (the plain
 * wheel stays the notebook's), a drag pans, `+`, `-` and `0` do the same from the keyboard. Shift and a drag (any drag while there is
 * nothing to pan), or Shift and the arrows, draw over a region.
 */
import { type Signal, useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type KeyMap, stepped } from "../../keyboard";
import { stateOf } from "../../paint/half";
import type { ColourTable } from "../../paint/table";
import { kindAt } from "../../tokens";
import { ActiveCell } from "../active-cell";
import { Canvas } from "../canvas";
import { tableFor } from "../colours";
import { looksAt, notesAt } from "../notes/marks";
import { marksOf, noteCount, noteTip, openClicked } from "../notes/note-marks";
import { preview } from "../preview";
import { regionWords, useRegion } from "../region";
import { sharedKeys } from "../shared-keys";
import { useUi } from "../ui";
import { panned, revealed, type Viewport, whole, zoomed } from "../viewport";
import { tokenLabel, tokenQuote } from "../words";
import { cellAt, heldCell, type MatrixLayout } from "./matrix-layout";
import { bitsAt, type MatrixModel } from "./matrix-model";
import { type MatrixMarks, paintMatrix, paintMatrixMarks } from "./matrix-paint";
import type { Cutter } from "./pattern-cut";
import { isCut } from "./pattern-cuts";

const STEP = 1.5;

interface MatrixProps {
  model: MatrixModel;
  layout: { readonly value: MatrixLayout };
  view: Signal<Viewport>;
  cutter: Cutter;
}

export function Matrix({ model, layout, view, cutter }: MatrixProps) {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { shown, pinned } = selection;
  const total = useComputed(() => stage.run.value?.tokens.total ?? 0);
  const size = () => ({ width: layout.value.width, height: layout.value.height });

  // A query or key pinned elsewhere comes into view; a hover never moves the picture.
  useEffect(() => {
    return pinned.query.subscribe((query) => {
      view.value = revealed(view.peek(), query, null, total.peek());
    });
  }, []);

  const cuts = useComputed(() => cutter.areas());
  const region = useRegion("pattern");
  const { index, open } = marksOf(ui);
  const looks = useComputed(() => looksAt(index.value, shown.layer.value, shown.head.value));
  const onHead = useComputed(() =>
    open.value.filter(
      ({ layer, head }) =>
        (layer === shown.layer.value && head === shown.head.value) || (layer === null && head === null),
    ),
  );
  const between = (query: number, key: number) => {
    const { texts } = stage.tokens.value;
    return `${tokenQuote(texts[query])} → ${tokenQuote(texts[key])}`;
  };
  const point = (x: number, y: number, event: PointerEvent) => {
    const at = cellAt(layout.value, view.value, x, y);
    const run = stage.run.value;
    const picture = model.picture.value;
    const [layer, head] = [shown.layer.value, shown.head.value];
    if (!at || !run || !picture) return leave();
    const [query, key] = at;
    preview(selection, { query, key });
    const found = bitsAt(picture, query, key);
    const field = model.field.value!;
    const index = { layer, head, query, key, step: shown.step.value, prompt: shown.prompt.value };
    const named = field.axes.map(({ coordinate }) => [coordinate, index[coordinate as keyof typeof index]] as const);
    // A look that is cut has no number in the changed run to ask for.
    const gone = found !== null && stateOf(found.bits) !== "value" && isCut(cuts.value, query, key);
    const known = !gone && named.every(([, value]) => typeof value === "number");
    ui.tip.value = {
      x: event.clientX,
      y: event.clientY,
      place: `L${layer}H${head} · ${between(query, key)}`,
      value: found ? `${found.exact ? "" : "up to "}${cutter.words(found, query, key)}` : "…",
      unit: field.unit,
      cell: known
        ? { field: field.name, epoch: run.epoch, index: Object.fromEntries(named) as Record<string, number> }
        : null,
      ...noteTip(notesAt(looks.value, query, key)),
    };
  };
  const leave = () => {
    ui.tip.value = null;
    preview(selection, {});
  };
  const zoom = (factor: number, x = 0.5, y = 0.5) => {
    view.value = zoomed(view.value, factor, x, y, total.value);
  };
  const zoomAtCursor = (factor: number) => {
    const { row, column, span } = view.value;
    const share = (at: number | null, from: number) =>
      at === null ? 0.5 : Math.min(1, Math.max(0, (at + 0.5 - from) / span));
    zoom(factor, share(pinned.key.value ?? pinned.query.value, column), share(pinned.query.value, row));
  };
  const walk = (coordinate: "query" | "key", by: number) => () => {
    if (total.value === 0) return false;
    region.drop();
    const at = stepped(pinned[coordinate].value, by, 0, total.value - 1);
    selection.pin({ [coordinate]: at });
    if (coordinate === "key") view.value = revealed(view.value, null, at, total.value);
  };
  const extend = (by: { query?: number; key?: number }) => () => {
    const to = region.extend(by, true);
    if (to === null) return false;
    view.value = revealed(view.value, to.query, to.key!, total.value);
  };
  const keys: KeyMap = {
    "Shift+ArrowUp": extend({ query: -1 }),
    "Shift+ArrowDown": extend({ query: 1 }),
    "Shift+ArrowLeft": extend({ key: -1 }),
    "Shift+ArrowRight": extend({ key: 1 }),
    ArrowUp: walk("query", -1),
    ArrowDown: walk("query", 1),
    ArrowLeft: walk("key", -1),
    ArrowRight: walk("key", 1),
    "+": () => zoomAtCursor(STEP),
    "=": () => zoomAtCursor(STEP),
    "-": () => zoomAtCursor(1 / STEP),
    "0": () => {
      view.value = whole(total.value);
    },
    x: () => cutter.press("edge"),
    ...sharedKeys(ui),
  };
  const words = (query: number, key: number | null) => {
    const picture = model.picture.value;
    const from = `layer ${pinned.layer.value}, head ${pinned.head.value}, from ${tokenQuote(stage.tokens.value.texts[query])}`;
    const drawn = regionWords(region.now);
    if (key === null) return from + drawn;
    const found = picture && bitsAt(picture, query, key);
    const value = found ? cutter.words(found, query, key) : "not there yet";
    const noted = noteCount(notesAt(looks.value, query, key));
    return `${from} to ${tokenQuote(stage.tokens.value.texts[key])}, ${value}${noted}${drawn}`;
  };
  const [query, key] = [pinned.query.value, pinned.key.value];

  return (
    <ActiveCell
      label="pattern, queries down and keys across; arrow keys walk, with Shift they select, plus and minus zoom, 0 shows all, x cuts the pinned look"
      rows={total.value}
      columns={total.value}
      active={query === null ? null : { row: query, column: key ?? 0, words: words(query, key) }}
      keys={keys}
      class="stack"
    >
      <Canvas
        size={size}
        scene={() => {
          const picture = model.picture.value;
          const tables = new Map<number, ColourTable>();
          if (picture) {
            for (const { plane } of picture.laid) {
              tables.set(plane.exponent, tableFor(stage, picture.scale, plane.exponent));
            }
          }
          const tableOf = (exponent: number) => tables.get(exponent)!;
          return {
            layout: layout.value,
            view: view.value,
            total: total.value,
            picture,
            tableOf,
            cuts: cuts.value,
            causal: cutter.causal(),
            theme: stage.theme.value,
          };
        }}
        paint={paintMatrix}
      />
      <Canvas
        class={view.value.span < total.value ? "marks pannable" : "marks"}
        size={size}
        scene={(): MatrixMarks => {
          const { texts, kinds } = stage.tokens.value;
          return {
            layout: layout.value,
            view: view.value,
            labels: (position) => tokenLabel(texts[position], kindAt(kinds, position)),
            total: total.value,
            query: shown.query.value,
            key: shown.key.value,
            hovered: selection.hover.value.query !== undefined && shown.query.value !== pinned.query.value,
            notes: { looks: looks.value, tokens: index.value.tokens, open: onHead.value, region: region.now },
            theme: stage.theme.value,
          };
        }}
        paint={paintMatrixMarks}
        onPoint={point}
        onLeave={leave}
        onPress={(x, y, event) => {
          const at = cellAt(layout.value, view.value, x, y);
          if (!at) return;
          const cell = { query: at[0], key: at[1] };
          if (event.shiftKey && region.drawTo(cell)) return;
          region.drop();
          selection.pin(cell);
          openClicked(ui, notesAt(looks.value, ...at));
        }}
        sweeps={(event) => event.shiftKey || (view.value.span >= total.value && event.pointerType !== "touch")}
        onSweep={(from, to) => {
          const at = cellAt(layout.value, view.value, from.x, from.y);
          if (!at) return;
          const [query, key] = heldCell(layout.value, view.value, to.x, to.y);
          region.draw({ query: at[0], key: at[1] }, { query, key });
        }}
        onDrag={(dx, dy) => {
          const { side } = layout.value;
          view.value = panned(view.value, dx / side, dy / side, total.value);
        }}
        onWheel={(x, y, event) => {
          if (!event.ctrlKey && !event.metaKey) return;
          event.preventDefault();
          const { left, top, side } = layout.value;
          const inside = (share: number) => Math.min(1, Math.max(0, share));
          zoom(Math.exp(-event.deltaY / 240), inside((x - left) / side), inside((y - top) / side));
        }}
      />
    </ActiveCell>
  );
}
