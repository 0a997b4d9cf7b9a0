/**
 * The blocks that a view wants at this moment: read what is missing, take back what is no longer wanted.
 *
 * Always true: a block that is wanted and has come is held here, so the source's cache may forget it; `version` grows with
 * every arrival, so whoever reads it is drawn again; a failure is kept until the wish changes or `retry` is called.
 */
import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import type { BlockRequest } from "../protocol";
import { type Block, type Source, SourceError } from "../source/source";

export interface Wish {
  request: BlockRequest;
  /** 0 is what is looked at: the picture waits for it. What has more only fills in, one at a time. */
  priority: number;
}

/** Requests that only fill in, asked at one time: the kernel works out two answers at once, and one place stays free for a click. */
const AT_ONCE = 1;

/**
 * A computed wish that stays the very same while it says the same: a cursor that moves along a drawn coordinate asks for nothing
 * new, so nothing that hangs on the wish is worked out or painted again.
 */
export function steady<T>(make: () => T): ReadonlySignal<T> {
  let last: { key: string; value: T } | null = null;
  return computed(() => {
    const value = make();
    const key = JSON.stringify(value) ?? "";
    if (last?.key !== key) last = { key, value };
    return last.value;
  });
}

export const requestKey = (request: BlockRequest): string => JSON.stringify(request);

interface Waiting {
  abort: AbortController;
  /** Only what is looked at (priority 0) counts as waiting; what is fetched ahead does not dim a picture. */
  looked: boolean;
}

export class Wanted {
  readonly version = signal(0);
  readonly error: Signal<SourceError | null> = signal(null);
  readonly waiting: ReadonlySignal<boolean>;
  #held = new Map<string, Block>();
  #asked = new Map<string, Waiting>();
  #failed = new Set<string>();
  #again = signal(0);
  #stop: () => void;
  #stopHearing: (() => void) | undefined;

  constructor(
    readonly source: Source,
    wishes: () => Wish[],
  ) {
    const count = signal(0);
    this.waiting = computed(() => count.value > 0);
    const recount = () => {
      let n = 0;
      for (const { looked } of this.#asked.values()) if (looked) n++;
      count.value = n;
    };
    this.#stop = effect(() => {
      this.#again.value;
      const now = wishes();
      untracked(() => {
        this.#settle(now, recount);
        recount();
      });
    });
    // The kernel is heard of again (it was busy with another cell): what had failed is asked for once more.
    this.#stopHearing = source.connected?.subscribe((connected) => {
      if (connected && this.#failed.size > 0) this.retry();
    });
  }

  /** The block, if it was wanted and has come or lies in the source's cache. */
  get(request: BlockRequest): Block | undefined {
    return this.#held.get(requestKey(request)) ?? this.source.peek(request);
  }

  retry = (): void => {
    this.#failed.clear();
    this.error.value = null;
    this.#again.value++;
  };

  dispose(): void {
    this.#stop();
    this.#stopHearing?.();
    for (const { abort } of this.#asked.values()) abort.abort();
    this.#asked.clear();
  }

  #settle(wishes: Wish[], recount: () => void): void {
    const keys = new Set(wishes.map(({ request }) => requestKey(request)));
    for (const key of this.#held.keys()) if (!keys.has(key)) this.#held.delete(key);
    for (const [key, { abort }] of this.#asked) {
      if (keys.has(key)) continue;
      this.#asked.delete(key);
      abort.abort();
    }
    for (const key of this.#failed) if (!keys.has(key)) this.#failed.delete(key);
    if (this.#failed.size === 0) this.error.value = null;
    let filling = 0;
    for (const { looked } of this.#asked.values()) if (!looked) filling++;
    for (const { request, priority } of wishes) {
      const key = requestKey(request);
      if (this.#held.has(key) || this.#asked.has(key) || this.#failed.has(key)) continue;
      const ready = this.source.peek(request);
      if (ready) this.#held.set(key, ready);
      else if (priority === 0 || filling++ < AT_ONCE) this.#ask(key, request, priority, recount);
    }
  }

  #ask(key: string, request: BlockRequest, priority: number, recount: () => void): void {
    const abort = new AbortController();
    const waiting = { abort, looked: priority === 0 };
    this.#asked.set(key, waiting);
    const done = () => {
      if (this.#asked.get(key) !== waiting) return false;
      this.#asked.delete(key);
      return true;
    };
    this.source.read(request, { signal: abort.signal, priority }).then(
      (block) => {
        if (!done()) return;
        this.#held.set(key, block);
        if (!waiting.looked) this.#again.value++; // the next that fills in
        recount();
        this.version.value++;
      },
      (reason: unknown) => {
        if (!done()) return;
        recount();
        const error = reason instanceof SourceError ? reason : new SourceError("Failed", String(reason));
        if (error.type === "Cancelled" || error.type === "Stale") return;
        this.#failed.add(key);
        this.error.value = error;
      },
    );
  }
}
