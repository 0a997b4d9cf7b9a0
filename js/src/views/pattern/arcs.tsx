/**
 * The pattern as two columns of tokens with lines between them, as users of BertViz know it: queries left, keys right.
 *
 * Hovering a token shows its lines alone. Further pinned heads are drawn beside the shown one, each with its own hue and dash. Long
 * prompts scroll in their own box; what goes to keys out of view is one line to its edge. Tokens that notes of this head begin or end at
 * have a tick, and so have tokens that notes are about.
 */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { stepped } from "../../keyboard";
import { numberText, percentText } from "../../paint/numbers";
import { paletteFor } from "../../paint/palette";
import { css } from "../../paint/rgb";
import { placeOf } from "../../paint/scale";
import type { FieldMeta } from "../../protocol";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { ActiveCell } from "../active-cell";
import { Canvas } from "../canvas";
import { looksAt, notesAt } from "../notes/marks";
import { marksOf, openClicked } from "../notes/note-marks";
import { preview } from "../preview";
import { sharedKeys } from "../shared-keys";
import { useUi } from "../ui";
import { useWidth } from "../use-width";
import { tokenLabel, tokenQuote } from "../words";
import type { Lines } from "./arcs-lines";
import { ArcsModel } from "./arcs-model";
import { type ArcsScene, BELOW, COLUMN, paintArcs, ROW } from "./arcs-paint";
import type { Cutter } from "./pattern-cut";
import { isCut } from "./pattern-cuts";

const TALLEST = 22; // rows of the window

/** "1,204 lines of at most 0.01 are hidden, holding 3.1% of the weight." */
export function hiddenWords(all: Lines[]): string {
  const count = all.reduce((sum, { hidden }) => sum + hidden.count, 0);
  if (count === 0) return "";
  const most = Math.max(...all.map(({ hidden }) => hidden.most));
  const share = all.reduce((sum, { hidden }) => sum + hidden.share, 0) / all.length;
  const held = `holding ${percentText(share)} of the weight`;
  return `${count.toLocaleString("en")} lines of at most ${numberText(most)} are hidden, ${held}. `;
}

/** The colours of the diverging palette that lines can have: those half way to its ends. */
function signColours(stage: Stage): { above: string; below: string } {
  const palette = paletteFor("diverging", stage.settings.value.palette, stage.theme.value);
  return { above: css(palette(0.84)), below: css(palette(0.16)) };
}

export function Arcs({ field, cutter }: { field: FieldMeta; cutter: Cutter }) {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const { shown, pinned, hover } = selection;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 600);
  const top = useSignal(0);
  const total = useComputed(() => stage.run.value?.tokens.total ?? 0);
  const height = useComputed(() => Math.min(TALLEST, Math.max(1, total.value)) * ROW);
  const rows = useComputed((): [number, number] => {
    const first = Math.floor(top.value / ROW);
    return [first, Math.min(total.value, Math.ceil((top.value + height.value) / ROW))];
  });
  const model = useMemo(() => new ArcsModel(stage, field, () => rows.value), [stage, field]);
  useEffect(() => () => model.wanted.dispose(), [model]);

  const reveal = (position: number | null) => {
    const element = box.current;
    if (position === null || !element) return;
    const at = position * ROW;
    if (at < element.scrollTop) element.scrollTop = at;
    else if (at + ROW > element.scrollTop + height.value) element.scrollTop = at + ROW - height.value;
  };
  useEffect(() => pinned.query.subscribe(reveal), []);

  const sideAt = (x: number, y: number): { query: number } | { key: number } | null => {
    const position = Math.floor((y + top.value) / ROW);
    if (position < 0 || position >= total.value) return null;
    if (x < COLUMN + 16) return { query: position };
    return x > width.value - COLUMN - 16 ? { key: position } : null;
  };
  const { index } = marksOf(ui);
  const marked = useComputed(() => [
    ...looksAt(index.value, shown.layer.value, shown.head.value),
    ...index.value.tokens,
  ]);
  /** Ticks in the window, at queries and at keys. */
  const noted = (): ArcsScene["noted"] => {
    const [from, to] = rows.value;
    const ticks = (side: "query" | "key") =>
      marked.value.flatMap(({ [side]: span, hollow }) => {
        const [start, stop] = span ?? [0, 0];
        const [first, last] = [Math.max(start, from), Math.min(stop, to)];
        return first < last ? [{ first, last, hollow }] : [];
      });
    return { queries: ticks("query"), keys: ticks("key") };
  };
  const scene = (): ArcsScene => {
    const { texts, kinds } = stage.tokens.value;
    const scale = model.scale.value;
    const reach = Math.max(Math.abs(scale.low), Math.abs(scale.high));
    const [from, to] = rows.value;
    const areas = cutter.areas();
    const cuts: ArcsScene["cuts"] = [];
    for (let query = from; areas.length > 0 && query < to; query++) {
      const last = cutter.causal() ? Math.min(to, query + 1) : to;
      for (let key = from; key < last; key++) if (isCut(areas, query, key)) cuts.push({ query, key });
    }
    return {
      heads: model.heads.value,
      labels: (position) => tokenLabel(texts[position], kindAt(kinds, position)),
      scrolled: top.value,
      total: total.value,
      query: shown.query.value,
      key: shown.key.value,
      hovered: { query: hover.value.query != null, key: hover.value.key != null },
      strength: (weight) => {
        const place = placeOf(scale, Math.abs(weight));
        const spread = scale.kind === "diverging" ? 2 * place - 1 : place;
        return { even: Math.min(1, Math.abs(weight) / reach), spread };
      },
      signs: scale.kind === "diverging" ? signColours(stage) : null,
      cuts,
      noted: noted(),
      theme: stage.theme.value,
    };
  };
  const walk = (coordinate: "query" | "key", by: number) => () =>
    selection.pin({ [coordinate]: stepped(pinned[coordinate].value, by, 0, total.value - 1) });
  const query = pinned.query.value;

  return (
    <div class="arcs">
      <div
        ref={box}
        class="scroll-y"
        style={{ height: `${height.value}px` }}
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
        }}
      >
        <ActiveCell
          label="lines from queries at the left to keys at the right; up and down walk queries, left and right keys, x cuts the pinned look"
          rows={total.value}
          columns={1}
          active={
            query === null
              ? null
              : { row: query, column: 0, words: `from ${tokenQuote(stage.tokens.value.texts[query])}` }
          }
          keys={{
            ArrowUp: walk("query", -1),
            ArrowDown: walk("query", 1),
            ArrowLeft: walk("key", -1),
            ArrowRight: walk("key", 1),
            x: () => cutter.press("edge"),
            ...sharedKeys(ui),
          }}
        >
          <div style={{ height: `${total.value * ROW}px` }}>
            <Canvas
              class="sticky"
              size={() => ({ width: width.value, height: height.value })}
              scene={scene}
              paint={paintArcs}
              onPoint={(x, y) => {
                const at = sideAt(x, y);
                preview(selection, at ?? {});
              }}
              onLeave={() => preview(selection, {})}
              onPress={(x, y) => {
                const at = sideAt(x, y);
                if (!at) return;
                selection.pin(at);
                if ("query" in at) openClicked(ui, notesAt(marked.value, at.query));
              }}
            />
          </div>
        </ActiveCell>
      </div>
      <ArcsLegend model={model} signed={field.scale.kind === "diverging"} windowed={total.value > TALLEST} />
    </div>
  );
}

function ArcsLegend({ model, signed, windowed }: { model: ArcsModel; signed: boolean; windowed: boolean }) {
  const stage = useUi().stage;
  const heads = model.heads.value;
  const colours = signColours(stage);
  const keys = signed
    ? [
        { name: "above zero", colour: colours.above, dash: [] },
        { name: "below zero", colour: colours.below, dash: BELOW },
      ]
    : heads;
  const further = signed && stage.selection.heads.value.length > 0;
  return (
    <p class="caveat arcs-legend">
      <span>{`queries left, keys right${windowed ? "; one line to an edge for all that lies beyond" : ""}`}</span>
      {keys.map(({ name, colour, dash }) => (
        <span key={name} class="head-key">
          <svg width="28" height="8" aria-hidden="true">
            <line x1="0" y1="4" x2="28" y2="4" stroke={colour} stroke-width="2" stroke-dasharray={dash.join(" ")} />
          </svg>
          {name}
        </span>
      ))}
      {further && <span>further heads are not drawn: the lines tell the sign</span>}
      <span>{hiddenWords(heads.map(({ lines }) => lines))}</span>
    </p>
  );
}
