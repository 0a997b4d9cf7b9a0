/**
 * What the user has asked for and the kernel has not yet told back: it is shown as done, and the last wish wins.
 *
 * Always true: while something is under way for a key, no older word of the kernel takes the wish back; the first word after the last
 * answer is the kernel's own and stands. A wish that is refused goes at once.
 */
import { computed, type ReadonlySignal, signal } from "@preact/signals";

interface Wish<W> {
  wanted: W;
  underWay: number;
}

export class Wishes<K, W extends object> {
  readonly #wishes = signal<ReadonlyMap<K, Wish<W>>>(new Map());
  readonly wanted: ReadonlySignal<ReadonlyMap<K, W>> = computed(
    () => new Map([...this.#wishes.value].map(([key, { wanted }]) => [key, wanted])),
  );

  /** Wish for something more of this key, until the call that asks for it has been answered and the kernel has spoken. */
  async during(key: K, wanted: W, asking: () => Promise<unknown>): Promise<void> {
    const former = this.#wishes.peek().get(key);
    this.#set(key, { wanted: { ...former?.wanted, ...wanted }, underWay: (former?.underWay ?? 0) + 1 });
    let refused = false;
    try {
      await asking();
    } catch (error) {
      refused = true;
      throw error;
    } finally {
      const wish = this.#wishes.peek().get(key)!;
      const underWay = wish.underWay - 1;
      this.#set(key, refused && underWay === 0 ? null : { ...wish, underWay });
    }
  }

  /** The kernel has spoken: wishes that were answered before are of the past. */
  heard(): void {
    const left = [...this.#wishes.peek()].filter(([, { underWay }]) => underWay > 0);
    if (left.length < this.#wishes.peek().size) this.#wishes.value = new Map(left);
  }

  #set(key: K, wish: Wish<W> | null): void {
    const next = new Map(this.#wishes.peek());
    if (wish === null) next.delete(key);
    else next.set(key, wish);
    this.#wishes.value = next;
  }
}
