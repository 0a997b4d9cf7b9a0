/**
 * What can be cut at the pinned place of the pattern, as a line of buttons; and the way from there to what a cut has moved.
 *
 * A place that was cut before is switched off or on, never cut a second time.
 */
import { type Signal, signal } from "@preact/signals";
import { stateOf, valueOf } from "../../paint/half";
import { Attempts, Failure } from "../../panels/attempt";
import { Switch } from "../../panels/menu";
import type { Change } from "../../protocol";
import type { Stage } from "../../stage";
import { promptShown } from "../compare/prompt-tokens";
import { stateWordsOf } from "../read-out";
import { useStage } from "../ui";
import { tokenQuote } from "../words";
import { bitsAt, type MatrixPicture } from "./matrix-model";
import { type Cut, type CutArea, type CutKind, cutAreas, cutOf, existing, isCut, type Scope } from "./pattern-cuts";

/** The cuts at the pinned place, shared by the buttons and by the key of the matrix. */
export class Cutter {
  readonly scope: Signal<Scope> = signal("head");
  readonly attempts = new Attempts();

  constructor(
    readonly stage: Stage,
    readonly picture: () => MatrixPicture | null,
  ) {}

  /** What is cut at the shown head, in the run that is shown. */
  areas(): CutArea[] {
    const { shown } = this.stage.selection;
    const run = promptShown(this.stage.run.value);
    return cutAreas(this.stage.changes.value, run, shown.layer.value, shown.head.value, this.#total());
  }

  /** A cell in words; of a look that is cut and has no number, the mask's words would not be true. */
  words(found: { bits: number; exponent: number }, query: number, key: number): string {
    const cut = isCut(this.areas(), query, key);
    const known = stateOf(found.bits) === "value";
    return known || !cut ? `${stateWordsOf(found.bits, found.exponent)}${cut ? " · cut" : ""}` : "no look: it is cut";
  }

  /** Whether keys after a query are masked; taken to be so until a picture tells otherwise by a number there. */
  causal(): boolean {
    const total = this.#total();
    const picture = this.picture();
    const corner = picture && bitsAt(picture, 0, total - 1);
    return !corner || total < 2 || stateOf(corner.bits) !== "value" || valueOf(corner.bits, 0) === 0;
  }

  #total(): number {
    return this.stage.run.value?.tokens.total ?? 0;
  }

  /** What a kind of cut asks for at the pinned place, and the change that does so already. */
  at(kind: CutKind): { cut: Cut; change: Change | undefined } | null {
    const { layer, head, query, key } = this.stage.selection.pinned;
    const total = this.#total();
    if (layer.value === null || head.value === null || query.value === null || query.value >= total) return null;
    if (promptShown(this.stage.run.value) === "second") return null; // the page's changes are made in the first
    const look = { layer: layer.value, head: head.value, query: query.value, key: key.value };
    const cut = cutOf(kind, look, this.scope.value, total, this.causal());
    return cut && { cut, change: existing(this.stage.changes.value, cut) };
  }

  press(kind: CutKind): void {
    const found = this.at(kind);
    if (!found) return;
    const { cut, change } = found;
    const { stage } = this;
    this.attempts.try(() =>
      stage.change(change ? { op: "set", id: change.id, on: !change.on } : { op: "add", change: cut }),
    );
  }
}

const SCOPES = ["head", "layer", "all"] as const;

export function CutLine({ cutter }: { cutter: Cutter }) {
  const stage = useStage();
  const { layer, query, key } = stage.selection.pinned;
  const { texts } = stage.tokens.value;
  if (query.value === null) return null;
  if (promptShown(stage.run.value) === "second")
    return (
      <p class="acts dim" data-acts="cut">
        Looks are cut in the first prompt: show it to cut some.
      </p>
    );
  const from = tokenQuote(texts[query.value]);
  const to = key.value === null ? "" : tokenQuote(texts[key.value]);
  const kinds: [CutKind, string][] = [
    ["edge", `${from} → ${to}`],
    ["row", `all looks from ${from}`],
    ["column", `all looks at ${to}`],
  ];
  const offered = kinds.flatMap(([kind, words]) => {
    const found = cutter.at(kind);
    return found ? [{ kind, words, on: found.change?.on ?? false, failed: found.change?.failed }] : [];
  });
  const scopes: Record<Scope, string> = {
    head: "this head",
    layer: `all heads of layer ${layer.value}`,
    all: "all layers",
  };
  const failed = offered.find((one) => one.failed)?.failed;
  return (
    <div class="acts" data-acts="cut">
      {offered.length === 0 && <span class="dim">{`${from} has nothing else to look at: nothing can be cut.`}</span>}
      {offered.map(({ kind, words, on }) => (
        <button key={kind} type="button" class="act" aria-pressed={on} onClick={() => cutter.press(kind)}>
          {on && <span aria-hidden="true">× </span>}
          {on ? `Undo the cut of ${words}` : `Cut ${words}`}
        </button>
      ))}
      {offered.length > 0 && (
        <span class="in">
          <span class="dim">in</span>
          <Switch
            label="where to cut"
            options={SCOPES}
            words={(scope) => scopes[scope]}
            chosen={cutter.scope.value}
            choose={(scope) => {
              cutter.scope.value = scope;
            }}
          />
        </span>
      )}
      <Moved attempts={cutter.attempts} />
      <Failure of={cutter.attempts.refused.value ?? (failed ? { message: failed, hint: null } : null)} />
    </div>
  );
}

/** From the run with changes, or without, to their difference: what the other looks gained and lost. */
function Moved({ attempts }: { attempts: Attempts }) {
  const stage = useStage();
  const { which, options } = stage.showing.value;
  const second = promptShown(stage.run.value) === "second";
  const difference = options.find((option) => option.which === (second ? "second_difference" : "difference"));
  if (!difference || which === "prompts") return null;
  if (which === difference.which)
    return <span class="dim">Shown: what each look gained (+) or lost (−); × is cut.</span>;
  return (
    <button
      type="button"
      class="act"
      title={`show ${difference.label}: what each look gained or lost`}
      onClick={() => attempts.try(() => stage.show(difference.which))}
    >
      See what moved
    </button>
  );
}
