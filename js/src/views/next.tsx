/**
 * What the model would say next at the shown position: the most probable tokens with their shares.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { nextRequest } from "../first-picture";
import { valueOf } from "../paint/half";
import { percentText } from "../paint/numbers";
import { Panel } from "../panels/panel";
import type { BlockRequest, FieldMeta } from "../protocol";
import type { Stage } from "../stage";
import { tokenParts } from "../tokens";
import { spanOf } from "./fit";
import { useStage } from "./ui";
import { steady, Wanted } from "./wanted";
import { tokenLabel, tokenQuote } from "./words";

const SHOWN = 5;

interface Guess {
  text: string;
  share: number;
}

class NextModel {
  readonly field: ReadonlySignal<FieldMeta | undefined>;
  readonly position: ReadonlySignal<number | null>;
  readonly guesses: ReadonlySignal<Guess[]>;
  readonly wanted: Wanted;
  #last: Guess[] = [];

  constructor(stage: Stage) {
    this.field = computed(() => stage.fields.value.find((field) => field.name === "next_token"));
    this.position = computed(() => {
      const total = stage.run.value?.tokens.total ?? 0;
      return total === 0 ? null : Math.min(stage.selection.shown.query.value ?? total - 1, total - 1);
    });
    const request = steady((): BlockRequest | null => {
      const field = this.field.value;
      const run = stage.run.value;
      if (!field || !run || this.position.value === null) return null;
      return nextRequest(run.epoch, this.position.value + 1, spanOf(field, "rank")[1]);
    });
    this.wanted = new Wanted(stage.source, () => (request.value ? [{ request: request.value, priority: 0 }] : []));
    this.guesses = computed(() => {
      this.wanted.version.value;
      const block = request.value && this.wanted.get(request.value);
      if (block) {
        const texts = block.texts ?? [];
        this.#last = texts.map((text, i) => ({ text, share: valueOf(block.halves[i]!, block.exponent) }));
      }
      return this.#last;
    });
  }
}

function Guesses({ guesses }: { guesses: Guess[] }) {
  return (
    <ol class="guesses">
      {guesses.slice(0, SHOWN).map((guess, i) => (
        <li key={i}>
          <span class="token" title={guess.text}>
            {tokenParts(guess.text).map((part, j) => (part.kind === "text" ? part.shown : <i key={j}>{part.shown}</i>))}
          </span>
          <span class="bar" aria-hidden="true">
            <b style={{ width: `${Math.max(0, Math.min(1, guess.share)) * 100}%` }} />
          </span>
          <span class="share">{percentText(guess.share)}</span>
        </li>
      ))}
    </ol>
  );
}

export function NextPanel() {
  const stage = useStage();
  const model = useMemo(() => new NextModel(stage), [stage]);
  useEffect(() => () => model.wanted.dispose(), [model]);
  const position = model.position.value;
  const after = position === null ? "" : `after ${tokenQuote(stage.tokens.value.texts[position])}`;
  return (
    <Panel
      name="next"
      title="Next token"
      field={model.field.value}
      head={<span class="dim">{after}</span>}
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      empty={model.field.value ? null : "This run has no output to read next tokens from."}
      table={() => ({
        caption: `next token ${after}`,
        columns: ["share"],
        rows: model.guesses.value.map(({ text, share }) => ({ name: tokenLabel(text), cells: [percentText(share)] })),
      })}
    >
      <Guesses guesses={model.guesses.value} />
    </Panel>
  );
}
