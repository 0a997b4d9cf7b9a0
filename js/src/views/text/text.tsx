/**
 * The text panel: the prompt's tokens, coloured by the chosen field under the selection.
 *
 * Hovering a token previews it as the query, so that every panel shows what that token looks at; a click pins it. A hover renders
 * nothing anew: colours go straight to the spans (token-text.ts). A drag from token to token, Shift and a click, or Shift and the arrows
 * draw over a stretch of them.
 */
import { effect, useComputed } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { focusWhenPressed, onKeys, stepped } from "../../keyboard";
import { Legend } from "../../panels/legend";
import { FieldMenu } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import type { Table } from "../../panels/table";
import type { FieldMeta } from "../../protocol";
import { has } from "../../slice";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { fitsText } from "../fit";
import { Minimap } from "../minimap";
import { notesAt } from "../notes/marks";
import { noteTip, openClicked } from "../notes/note-marks";
import { preview } from "../preview";
import { stateWordsOf } from "../read-out";
import { useRegion } from "../region";
import { sharedKeys } from "../shared-keys";
import { useStage, useUi } from "../ui";
import { tokenLabel, tokenQuote } from "../words";
import { coloursOf, signsOf, TextModel } from "./text-model";
import { markNotes, notedTokens } from "./text-notes";
import { TokenText } from "./token-text";

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
  const region = useRegion("text");
  const drawing = useRef<number | null>(null);
  const shownText = useRef<TokenText | null>(null);
  const noted = useComputed(() => notedTokens(ui));
  const notesOn = (position: number) => notesAt(noted.value.marked, position);

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
        void stage.tokens.value.texts; // new spans have no marks
        markNotes(text, noted.value);
      }),
      effect(() => {
        void stage.tokens.value.texts;
        const span = region.now?.query;
        text.markAll("region", span ? [span] : []);
      }),
      effect(() => {
        const query = selection.pinned.query.value;
        stage.tokens.value; // the token may come after the selection
        if (query !== null) text.reveal(query);
      }),
    ];
    shownText.current = text;
    return () => {
      for (const stop of stops) stop();
      text.dispose();
      model.wanted.dispose();
    };
  }, [model]);

  const hover = (event: Event) => {
    const position = TokenText.positionOf(event);
    if (position === null) return;
    if (!((event as PointerEvent).buttons & 1)) drawing.current = null;
    if (drawing.current !== null) return region.draw({ query: drawing.current }, { query: position });
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
      ...noteTip(notesOn(position)),
    };
  };
  const walk = (by: number) => () => {
    region.drop();
    selection.pin({ query: stepped(selection.pinned.query.value, by, 0, stage.tokens.value.texts.length - 1) });
  };
  const extend = (by: number) => () => {
    const to = region.extend({ query: by }, false);
    if (to === null) return false;
    shownText.current?.reveal(to.query);
  };
  const keys = onKeys({
    ArrowLeft: walk(-1),
    ArrowRight: walk(1),
    ArrowUp: walk(-10),
    ArrowDown: walk(10),
    Home: walk(Number.NEGATIVE_INFINITY),
    End: walk(Number.POSITIVE_INFINITY),
    "Shift+ArrowLeft": extend(-1),
    "Shift+ArrowRight": extend(1),
    "Shift+ArrowUp": extend(-10),
    "Shift+ArrowDown": extend(10),
    "Shift+Home": extend(Number.NEGATIVE_INFINITY),
    "Shift+End": extend(Number.POSITIVE_INFINITY),
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
          aria-label="tokens of the prompt; arrow keys walk, with Shift they select"
          aria-multiselectable="true"
          aria-activedescendant={`${id}-${selection.pinned.query.value ?? 0}`}
          data-paints="0"
          onKeyDown={keys}
          onPointerOver={hover}
          onPointerLeave={() => {
            ui.tip.value = null;
            preview(selection, {});
          }}
          onPointerDown={(event) => {
            // A finger that moves scrolls the text.
            const draws = event.button === 0 && event.pointerType !== "touch" && !event.shiftKey;
            drawing.current = draws ? TokenText.positionOf(event) : null;
          }}
          onMouseDown={focusWhenPressed.onMouseDown}
          onClick={(event) => {
            focusWhenPressed.onClick(event);
            const position = TokenText.positionOf(event);
            if (position === null) return;
            if (event.shiftKey && region.drawTo({ query: position })) return;
            region.drop();
            selection.pin({ query: position });
            openClicked(ui, notesOn(position));
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
