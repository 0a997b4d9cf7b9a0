/**
 * The text panel: the prompt's tokens, coloured by the chosen field under the selection.
 *
 * Hovering a token previews it as the query, so that every panel shows what that token looks at; a click pins it. A hover renders
 * nothing anew: colours go straight to the spans (token-text.ts).
 */

import { computed, effect, type ReadonlySignal, useComputed } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { focusWhenPressed, onKeys, stepped } from "../../keyboard";
import { stateOf, valueOf } from "../../paint/half";
import { Legend } from "../../panels/legend";
import { FieldMenu } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import type { Table } from "../../panels/table";
import type { BlockRequest, FieldMeta } from "../../protocol";
import { cursorOf, has, requestFor } from "../../slice";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { scaleOf, tableFor } from "../colours";
import { chosen, fitsText, spanOf, textCoordinate } from "../fit";
import { Minimap } from "../minimap";
import { preview } from "../preview";
import { stateWordsOf } from "../read-out";
import { rowOf, rowsRequest } from "../rows";
import { sharedKeys } from "../shared-keys";
import { signOf } from "../sign";
import { useStage, useUi } from "../ui";
import { steady, Wanted } from "../wanted";
import { tokenLabel, tokenQuote } from "../words";
import type { TextValues } from "./text-values";
import { NO_COLOUR, TokenText } from "./token-text";

function textRequest(stage: Stage, field: FieldMeta, epoch: number): BlockRequest {
  const along = textCoordinate(field)!;
  const cursor = cursorOf(stage.selection);
  const drawn = { [along]: "all" as const };
  if (along !== "key" || !has(field, "query")) return requestFor(field, epoch, drawn, cursor);
  return rowsRequest(field, epoch, cursor);
}

class TextModel {
  readonly field: ReadonlySignal<FieldMeta | undefined>;
  readonly values: ReadonlySignal<TextValues | null>;
  readonly wanted: Wanted;
  #last: TextValues | null = null;

  constructor(stage: Stage) {
    this.field = computed(() => chosen(stage.fields.value, fitsText, stage.settings.value.textField));
    const request = steady(() => {
      const field = this.field.value;
      const run = stage.run.value;
      return field && run ? textRequest(stage, field, run.epoch) : null;
    });
    this.wanted = new Wanted(stage.source, () => (request.value ? [{ request: request.value, priority: 0 }] : []));
    this.values = computed(() => {
      this.wanted.version.value;
      const field = this.field.value;
      if (!field || !request.value) return null;
      const block = this.wanted.get(request.value);
      if (block === undefined) return this.#last?.field === field ? this.#last : null;
      const halves = rowOf(block, stage.selection.shown.query.value);
      const start = spanOf(field, textCoordinate(field)!)[0];
      this.#last = { start, halves, exponent: block.exponent, scale: scaleOf(field, [block]), field };
      return this.#last;
    });
  }
}

function coloursOf(stage: Stage, values: TextValues, total: number): Uint32Array {
  const { pixels } = tableFor(stage, values.scale, values.exponent);
  const colours = new Uint32Array(total).fill(NO_COLOUR);
  for (let i = 0; i < values.halves.length; i++) colours[values.start + i] = pixels[values.halves[i]!]!;
  return colours;
}

/** The sign of each token's value where the field has some, so that hue alone does not tell it. */
function signsOf({ scale, start, halves, exponent }: TextValues): string[] {
  const signs: string[] = [];
  if (scale.kind !== "diverging") return signs;
  for (let i = 0; i < halves.length; i++) {
    if (stateOf(halves[i]!) === "value") signs[start + i] = signOf(scale, valueOf(halves[i]!, exponent));
  }
  return signs;
}

/** "attention from “to” · layer 3 head 3": the field and what the selection fixes of it. */
function fieldWords(stage: Stage, field: FieldMeta): string {
  const { layer, head, query } = stage.selection.shown;
  const { texts } = stage.tokens.value;
  const from = has(field, "query", "key") && query.value !== null ? ` from ${tokenQuote(texts[query.value])}` : "";
  const at = [
    has(field, "layer") && layer.value !== null ? `layer ${layer.value}` : "",
    has(field, "head") && head.value !== null ? `head ${head.value}` : "",
  ].join(" ");
  return `${field.title}${from}${at.trim() ? ` · ${at.trim()}` : ""}`;
}

function TextMenu({ model }: { model: TextModel }) {
  const stage = useStage();
  return (
    <span class="by">
      <span class="dim">coloured by</span>
      <FieldMenu
        label="colour the text by"
        fields={stage.fields.value.filter(fitsText)}
        chosen={model.field.value}
        choose={(name) => {
          stage.settings.value = { ...stage.settings.value, textField: name };
        }}
        words={(field) => fieldWords(stage, field)}
      />
    </span>
  );
}

function textTable(stage: Stage, model: TextModel): Table | null {
  const values = model.values.value;
  const { texts, kinds } = stage.tokens.value;
  if (values === null) return null;
  const around = stage.selection.shown.query.value ?? 0;
  const first = Math.max(0, Math.min(around - 32, texts.length - 64));
  return {
    caption: fieldWords(stage, values.field),
    columns: [values.field.unit || "value"],
    rows: texts.slice(first, first + 64).map((text, i) => ({
      name: `${first + i} ${tokenLabel(text, kindAt(kinds, first + i))}`,
      cells: [stateWordsOf(values.halves[first + i - values.start], values.exponent)],
    })),
    totalRows: texts.length,
  };
}

export function TextPanel() {
  const ui = useUi();
  const { stage } = ui;
  const { selection } = stage;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const model = useMemo(() => new TextModel(stage), [stage]);
  const lastRun = useComputed(() => stage.tokens.value.texts.length);

  useEffect(() => {
    const text = new TokenText(box.current!, (position) => `${id}-${position}`);
    const stops = [
      effect(() => {
        const { texts, kinds } = stage.tokens.value;
        text.setTokens(texts, kinds);
      }),
      effect(() => {
        const total = stage.tokens.value.texts.length;
        const values = model.values.value;
        const { shown, pinned } = selection;
        if (values) text.setColours(coloursOf(stage, values, total), signsOf(values));
        else text.setColours(new Uint32Array(total));
        text.mark("query", pinned.query.value);
        text.mark("hover", shown.query.value === pinned.query.value ? null : shown.query.value);
        text.mark("key", shown.key.value);
        const element = box.current!;
        element.dataset.touched = String(text.touched);
        element.dataset.paints = String(Number(element.dataset.paints ?? 0) + 1);
      }),
      effect(() => {
        const query = selection.pinned.query.value;
        stage.tokens.value; // the token may come after the selection
        if (query !== null) text.reveal(query);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      text.dispose();
      model.wanted.dispose();
    };
  }, [model]);

  const hover = (event: Event) => {
    const position = TokenText.positionOf(event);
    if (position === null) return;
    preview(selection, { query: position });
    tipFor(position, event as PointerEvent);
  };
  const tipFor = (position: number, event: PointerEvent) => {
    const values = model.values.value;
    if (values === null) return;
    const { texts, kinds } = stage.tokens.value;
    ui.tip.value = {
      x: event.clientX,
      y: event.clientY,
      place: `token ${position} ${tokenQuote(texts[position])}${kindAt(kinds, position) === "text" ? "" : ` (${kindAt(kinds, position)})`}`,
      value: stateWordsOf(values.halves[position - values.start], values.exponent),
      unit: values.field.unit,
      cell: null,
    };
  };
  const walk = (by: number) => () =>
    selection.pin({ query: stepped(selection.pinned.query.value, by, 0, stage.tokens.value.texts.length - 1) });
  const keys = onKeys({
    ArrowLeft: walk(-1),
    ArrowRight: walk(1),
    ArrowUp: walk(-10),
    ArrowDown: walk(10),
    Home: walk(Number.NEGATIVE_INFINITY),
    End: walk(Number.POSITIVE_INFINITY),
    ...sharedKeys(ui),
  });

  return (
    <Panel
      name="text"
      title="Text"
      field={model.field.value}
      head={<TextMenu model={model} />}
      legend={<TextLegend model={model} />}
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      table={() => textTable(stage, model)}
    >
      <div class="text-row">
        <div
          ref={box}
          class="text"
          role="listbox"
          tabIndex={0}
          aria-label="tokens of the prompt; arrow keys walk"
          aria-activedescendant={`${id}-${selection.pinned.query.value ?? 0}`}
          data-paints="0"
          onKeyDown={keys}
          onPointerOver={hover}
          onPointerLeave={() => {
            ui.tip.value = null;
            preview(selection, {});
          }}
          onMouseDown={focusWhenPressed.onMouseDown}
          onClick={(event) => {
            focusWhenPressed.onClick(event);
            const position = TokenText.positionOf(event);
            if (position !== null) selection.pin({ query: position });
          }}
        />
        {lastRun.value > 200 && <Minimap box={box} values={model.values} total={lastRun.value} />}
      </div>
    </Panel>
  );
}

function TextLegend({ model }: { model: TextModel }) {
  const values = model.values.value;
  return values && <Legend field={values.field} scale={values.scale} />;
}
