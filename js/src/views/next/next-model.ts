/**
 * The guesses at the shown position: of a changed run with the clean run's share beside each, where that is at hand; of a difference the
 * words whose share differs most, as the kernel has them.
 *
 * Always true: the shares of a row come from one run and one position; what they are compared with is a run that the kernel still answers
 * for.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import { nextRequest } from "../../first-picture";
import { stateOf, valueOf } from "../../paint/half";
import type { BlockRequest, FieldMeta, Run, Which } from "../../protocol";
import type { Stage } from "../../stage";
import { spanOf } from "../fit";
import { steady, Wanted } from "../wanted";

export interface Guess {
  text: string;
  /** Of a difference, by how much the share differs. */
  share: number;
  /** The same token's share in the clean run; null where it is not among that one's first. */
  was: number | null;
  rank: number;
}

export interface Guesses {
  epoch: number;
  position: number;
  /** Whether there is a clean run to compare with. */
  compared: boolean;
  rows: Guess[];
}

/** What a changed run is compared with. */
const BEFORE: Partial<Record<Which, Which>> = { changed: "clean", second_changed: "second" };

/** Runs without changes that were shown and are live. */
class Clean {
  #epochs = new Map<Which, number>();

  /** The epoch of the clean run behind this one; undefined where there is none, or it has not been seen. */
  of({ epoch, live, shown: { which } }: Run): number | undefined {
    this.#epochs.set(which, epoch);
    const before = BEFORE[which];
    const found = before && this.#epochs.get(before);
    return found !== undefined && live.includes(found) ? found : undefined;
  }
}

interface Asked {
  shown: BlockRequest;
  before: BlockRequest | null;
}

export class NextModel {
  readonly field: ReadonlySignal<FieldMeta | undefined>;
  readonly position: ReadonlySignal<number | null>;
  readonly guesses: ReadonlySignal<Guesses>;
  readonly wanted: Wanted;
  #last: Guesses = { epoch: -1, position: 0, compared: false, rows: [] };

  constructor(stage: Stage) {
    const clean = new Clean();
    const epochs = steady(() => {
      const run = stage.run.value;
      return run && { shown: run.epoch, before: clean.of(run) };
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
      return { shown: at(from.shown), before: from.before === undefined ? null : at(from.before) };
    });
    this.wanted = new Wanted(stage.source, () => {
      if (asked.value === null) return [];
      const { shown, before } = asked.value;
      return [{ request: shown, priority: 0 }, ...(before ? [{ request: before, priority: 0 }] : [])];
    });
    this.guesses = computed(() => {
      this.wanted.version.value;
      if (asked.value === null) return this.#last;
      const { shown, before } = asked.value;
      const block = this.wanted.get(shown);
      if (!block) return this.#last;
      const former = before && this.wanted.get(before);
      const were = new Map(
        (former?.texts ?? []).map((text, i) => [text, valueOf(former!.halves[i]!, former!.exponent)]),
      );
      this.#last = {
        epoch: shown.epoch,
        position: shown.index.position as number,
        compared: before !== null,
        // A place without a partner in the other prompt has no differences, and so no words.
        rows: (block.texts ?? []).flatMap((text, rank) => {
          const half = block.halves[rank]!;
          if (stateOf(half) === "absent") return [];
          return [{ text, share: valueOf(half, block.exponent), was: were.get(text) ?? null, rank }];
        }),
      };
      return this.#last;
    });
  }
}
