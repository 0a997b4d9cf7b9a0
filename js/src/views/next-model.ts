/**
 * The guesses at the shown position: of a changed run with the clean run's share beside each, where that is at hand.
 *
 * Always true: the shares of a row come from one run and one position. A difference has no shares of its own: where both runs have been
 * seen and the kernel still answers for them, their own shares are shown; else the differences, rank by rank, as the kernel has them.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { nextRequest } from "../first-picture";
import { valueOf } from "../paint/half";
import type { BlockRequest, FieldMeta, Run, Which } from "../protocol";
import type { Stage } from "../stage";
import { spanOf } from "./fit";
import { steady, Wanted } from "./wanted";

export interface Guess {
  text: string;
  /** The shown run's share; of a difference that is all there is, the difference. */
  share: number;
  /** The same token's share in the run that this one is compared with; null where it is not among that one's first. */
  was: number | null;
  rank: number;
}

export interface Guesses {
  /** The epoch that the rows are of: null for differences, whose rows are no tokens. */
  epoch: number | null;
  position: number;
  /** Whether there is a run to compare with. */
  compared: boolean;
  rows: Guess[];
}

/** Which run a kind is made from, and which it is compared with. */
const SOURCES: Partial<Record<Which, { after: Which; before: Which }>> = {
  changed: { after: "changed", before: "clean" },
  difference: { after: "changed", before: "clean" },
  second_changed: { after: "second_changed", before: "second" },
  second_difference: { after: "second_changed", before: "second" },
};

/** The epochs that were shown and are live, by what they are. */
class Seen {
  #epochs = new Map<string, number>();

  /** The epochs of the two runs behind this one; undefined where one has not been seen, or is over. */
  of(run: Run): { after: number | undefined; before: number | undefined } {
    const { which, changes } = run.shown;
    this.#epochs.set(key(which, changes), run.epoch);
    for (const [name, epoch] of this.#epochs) {
      if (epoch !== run.epoch && !run.live.includes(epoch)) this.#epochs.delete(name);
    }
    const from = SOURCES[which];
    if (!from) return { after: which === "prompts" ? undefined : run.epoch, before: undefined };
    return { after: this.#epochs.get(key(from.after, changes)), before: this.#epochs.get(key(from.before, [])) };
  }
}

const key = (which: Which, changes: number[]): string => JSON.stringify([which, changes]);

interface Asked {
  after: BlockRequest;
  before: BlockRequest | null;
  /** Whether `after` holds differences. */
  raw: boolean;
}

export class NextModel {
  readonly field: ReadonlySignal<FieldMeta | undefined>;
  readonly position: ReadonlySignal<number | null>;
  readonly guesses: ReadonlySignal<Guesses>;
  readonly wanted: Wanted;
  #last: Guesses = { epoch: null, position: 0, compared: false, rows: [] };

  constructor(stage: Stage) {
    const seen = new Seen();
    const epochs = steady(() => {
      const run = stage.run.value;
      return run && { ...seen.of(run), shown: run.epoch };
    });
    this.field = computed(() => stage.fields.value.find((field) => field.name === "next_token"));
    this.position = computed(() => {
      const total = stage.run.value?.tokens.total ?? 0;
      return total === 0 ? null : Math.min(stage.selection.shown.query.value ?? total - 1, total - 1);
    });
    const asked = steady((): Asked | null => {
      const field = this.field.value;
      const from = epochs.value;
      const position = this.position.value;
      if (!field || !from || position === null) return null;
      const at = (epoch: number) => nextRequest(epoch, position + 1, spanOf(field, "rank")[1]);
      if (from.after === undefined) return { after: at(from.shown), before: null, raw: true };
      return { after: at(from.after), before: from.before === undefined ? null : at(from.before), raw: false };
    });
    this.wanted = new Wanted(stage.source, () => {
      if (asked.value === null) return [];
      const { after, before } = asked.value;
      return [{ request: after, priority: 0 }, ...(before ? [{ request: before, priority: 0 }] : [])];
    });
    this.guesses = computed(() => {
      this.wanted.version.value;
      if (asked.value === null) return this.#last;
      const { after, before, raw } = asked.value;
      const shown = this.wanted.get(after);
      if (!shown) return this.#last;
      const former = before && this.wanted.get(before);
      const were = new Map(
        (former?.texts ?? []).map((text, i) => [text, valueOf(former!.halves[i]!, former!.exponent)]),
      );
      this.#last = {
        epoch: raw ? null : after.epoch,
        position: after.index.position as number,
        compared: before !== null,
        rows: (shown.texts ?? []).map((text, rank) => ({
          text,
          share: valueOf(shown.halves[rank]!, shown.exponent),
          was: were.get(text) ?? null,
          rank,
        })),
      };
      return this.#last;
    });
  }
}
