/**
 * The answer taken apart: the largest parts as bars that begin where the former ended, then the total, and the closing error in words.
 *
 * A part that names a head or a layer previews it under the pointer and moves the cursor by a click.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { stateOf, valueOf } from "../../paint/half";
import { numberText, signedText } from "../../paint/numbers";
import { paletteFor } from "../../paint/palette";
import { css } from "../../paint/rgb";
import type { Table } from "../../panels/table";
import type { FieldMeta } from "../../protocol";
import { requestFor } from "../../slice";
import type { Stage } from "../../stage";
import { stepOf } from "../filling";
import { preview } from "../preview";
import { stateWordsOf } from "../read-out";
import { useUi } from "../ui";
import { steady, Wanted, type Wish } from "../wanted";
import { type Bar, placeOfTerm, waterfall } from "./waterfall-layout";

/** Bars of single terms; the others are gathered. */
const MOST = 12;

interface Terms {
  field: FieldMeta;
  labels: string[];
  halves: Uint16Array;
  exponent: number;
}

export class WaterfallModel {
  readonly wanted: Wanted;
  readonly terms: ReadonlySignal<Terms | null>;
  #last: Terms | null = null;

  constructor(
    readonly stage: Stage,
    readonly field: ReadonlySignal<FieldMeta | undefined>,
  ) {
    const wishes = steady((): Wish[] => {
      const run = stage.run.value;
      if (run === null || field.value === undefined) return [];
      const drawn = { [field.value.axes[0]!.coordinate]: "all" } as const;
      return [{ request: requestFor(field.value, run.epoch, drawn, {}), priority: 0, ...stepOf(stage, field.value) }];
    });
    this.wanted = new Wanted(stage.source, () => wishes.value);
    this.terms = computed(() => {
      this.wanted.version.value;
      const wish = wishes.value[0];
      const block = wish && this.wanted.get(wish.request);
      if (block && field.value) {
        const { labels, start } = field.value.axes[0]!;
        const names = labels ?? Array.from(block.halves, (_, i) => `term ${start + i}`);
        this.#last = { field: field.value, labels: names, halves: block.halves, exponent: block.exponent };
      }
      return this.#last;
    });
  }
}

export function termsTable(terms: Terms | null): Table | null {
  if (terms === null) return null;
  const { field, labels, halves, exponent } = terms;
  return {
    caption: field.title,
    columns: [field.unit || "value"],
    rows: labels
      .map((name, i) => ({ name, cells: [stateWordsOf(halves[i], exponent)], there: stateOf(halves[i]!) !== "nan" }))
      .filter(({ there }) => there),
  };
}

export function WaterfallChart({ model }: { model: WaterfallModel }) {
  const { stage } = useUi();
  const terms = model.terms.value;
  if (terms === null) return <div class="waterfall" />;
  const values = Array.from(terms.halves, (bits) => valueOf(bits, terms.exponent));
  const { bars, total, low, high } = waterfall(terms.labels, values, MOST);
  const span = high - low || 1;
  const share = (value: number) => ((value - low) / span) * 100;
  const palette = paletteFor("diverging", stage.settings.value.palette, stage.theme.value);
  const [below, above] = [css(palette(0.22)), css(palette(0.78))];
  const { note } = terms.field.progress ?? {};
  return (
    <>
      <ol class="waterfall">
        {bars.map((bar, i) => {
          const last = i === bars.length - 1;
          return (
            <li key={bar.label} class={last ? "total" : ""}>
              <Term bar={bar} />
              <span class="track" aria-hidden="true">
                <i class="zero" style={{ left: `${share(0)}%` }} />
                <b
                  style={{
                    left: `${share(Math.min(bar.from, bar.to))}%`,
                    width: `${(Math.abs(bar.to - bar.from) / span) * 100}%`,
                    background: last ? "var(--llmw-fg)" : bar.value < 0 ? below : above,
                  }}
                />
                {!last && <i class="link" style={{ left: `${share(bar.to)}%` }} />}
              </span>
              <span class="number">{last ? numberText(total) : signedText(bar.value)}</span>
            </li>
          );
        })}
      </ol>
      {note && <p class="agreement">{note}</p>}
    </>
  );
}

function Term({ bar }: { bar: Bar }) {
  const { stage } = useUi();
  const { selection } = stage;
  const place = bar.term === null ? null : placeOfTerm(bar.label);
  if (place === null) return <span class="term">{bar.label}</span>;
  const here =
    selection.pinned.layer.value === place.layer &&
    place.head !== undefined &&
    selection.pinned.head.value === place.head;
  return (
    <button
      type="button"
      class="term"
      aria-pressed={here}
      onPointerEnter={() => preview(selection, place)}
      onPointerLeave={() => preview(selection, {})}
      onClick={() => selection.pin(place)}
    >
      {bar.label}
    </button>
  );
}
