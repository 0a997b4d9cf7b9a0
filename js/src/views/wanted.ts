/**
 * The blocks that a view wants at this moment: read what is missing, take back what is no longer wanted.
 *
 * Always true: a block that is wanted and has come is held here, so the source's cache may forget it; `version` grows with
 * every arrival, so whoever reads it is drawn again; a failure is kept until the wish changes or `retry` is called; of a field that
 * fills in, the former numbers stand until the newer are there, and what is under way lands before the newest is asked for.
 */
import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import type { BlockRequest } from "../protocol";
import { type Block, type Source, SourceError } from "../source/source";

export interface Wish {
  request: BlockRequest;
  /** 0 is what is looked at: the picture waits for it. What has more only fills in, one at a time. */
  priority: number;
  /**
   * Of a field that fills in: what its numbers hang on besides the version (the metric). Wishes that agree in it and differ in their
   * version alone are steps of one picture.
   */
  step?: string;
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

/** What the steps of one picture have in common; null for a wish that has no steps. */
const pictureOf = ({ request, step }: Wish): string | null =>
  step === undefined ? null : `${step} ${requestKey({ ...request, version: undefined })}`;

interface Waiting {
  abort: AbortController;
  /** Only what is looked at (priority 0) counts as waiting; what is fetched ahead does not dim a picture. */
  looked: boolean;
  picture: string | null;
}

export class Wanted {
  readonly version = signal(0);
  readonly error: Signal<SourceError | null> = signal(null);
  readonly waiting: ReadonlySignal<boolean>;
  #held = new Map<string, Block>();
  #asked = new Map<string, Waiting>();
  #failed = new Set<string>();
  /** The picture that a wanted key is a step of. */
  #pictures = new Map<string, string>();
  /** The last step that came, by picture. */
  #former = new Map<string, Block>();
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

  /** The block, if it was wanted and has come or lies in the source's cache; else its picture's former step. */
  get(request: BlockRequest): Block | undefined {
    const key = requestKey(request);
    return this.#held.get(key) ?? this.source.peek(request) ?? this.#former.get(this.#pictures.get(key) ?? "");
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
    const before = this.#pictures;
    this.#pictures = new Map();
    for (const wish of wishes) {
      const picture = pictureOf(wish);
      if (picture !== null) this.#pictures.set(requestKey(wish.request), picture);
    }
    const pictures = new Set(this.#pictures.values());
    for (const [key, block] of this.#held) {
      if (keys.has(key)) continue;
      this.#held.delete(key);
      this.#former.set(before.get(key) ?? "", block);
    }
    for (const picture of this.#former.keys()) if (!pictures.has(picture)) this.#former.delete(picture);
    for (const [key, { abort, picture }] of this.#asked) {
      if (keys.has(key) || (picture !== null && pictures.has(picture))) continue;
      this.#asked.delete(key);
      abort.abort();
    }
    for (const key of this.#failed) if (!keys.has(key)) this.#failed.delete(key);
    if (this.#failed.size === 0) this.error.value = null;
    let filling = 0;
    const stepping = new Set<string | null>();
    for (const { looked, picture } of this.#asked.values()) {
      if (!looked) filling++;
      if (picture !== null) stepping.add(picture);
    }
    for (const wish of wishes) {
      const { request } = wish;
      const key = requestKey(request);
      if (this.#held.has(key) || this.#asked.has(key) || this.#failed.has(key)) continue;
      const ready = this.source.peek(request);
      const picture = this.#pictures.get(key) ?? null;
      const priority = picture !== null && this.#former.has(picture) ? 1 : wish.priority;
      if (ready) this.#held.set(key, ready);
      else if (stepping.has(picture)) continue;
      else if (priority === 0 || filling++ < AT_ONCE) this.#ask(key, request, priority, picture, recount);
    }
  }

  #ask(key: string, request: BlockRequest, priority: number, picture: string | null, recount: () => void): void {
    const abort = new AbortController();
    const waiting = { abort, looked: priority === 0, picture };
    this.#asked.set(key, waiting);
    const done = () => {
      if (this.#asked.get(key) !== waiting) return false;
      this.#asked.delete(key);
      return true;
    };
    this.source.read(request, { signal: abort.signal, priority }).then(
      (block) => {
        if (!done()) return;
        const overtaken = picture !== null && !this.#pictures.has(key);
        if (overtaken) this.#former.set(picture, block);
        else this.#held.set(key, block);
        if (overtaken || !waiting.looked) this.#again.value++; // the next that fills in
        recount();
        this.version.value++;
      },
      (reason: unknown) => {
        // The run is over and another on its way: the former picture must not pass for the answer, so it is still waited for.
        if (reason instanceof SourceError && reason.type === "Stale" && picture === null) return;
        if (!done()) return;
        recount();
        if (picture !== null && !this.#pictures.has(key)) {
          this.#again.value++; // a step that was overtaken may be missed
          return;
        }
        const error = reason instanceof SourceError ? reason : new SourceError("Failed", String(reason));
        if (error.type === "Cancelled" || error.type === "Stale") return;
        this.#failed.add(key);
        this.error.value = error;
      },
    );
  }
}
