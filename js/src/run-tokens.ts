/**
 * The tokens of the run that is shown: those that came with it, and behind them the rest, asked for once and kept while the run lives.
 */
import { computed, effect, signal } from "@preact/signals";
import type { Run } from "./protocol";
import type { KernelSource } from "./source/kernel";

/** The tokens that came with the run, and behind them the rest once it has come. */
export function allTokens(run: { readonly value: Run | null }, source: KernelSource, life: AbortSignal) {
  const rest = signal<ReadonlyMap<number, { texts: string[]; kinds: string }>>(new Map());
  const tokens = computed(() => {
    const here = run.value?.tokens ?? { texts: [], kinds: "" };
    const more = rest.value.get(run.value?.epoch ?? -1);
    if (!more) return { texts: here.texts, kinds: here.kinds };
    return { texts: [...here.texts, ...more.texts], kinds: here.kinds + more.kinds };
  });
  let asked = "";
  const stop = effect(() => {
    const now = run.value;
    const connected = source.connected.value;
    if (!now || !connected || now.tokens.texts.length >= now.tokens.total) return;
    const { epoch, live } = now;
    if (rest.peek().has(epoch)) return;
    const [from, to] = [now.tokens.texts.length, now.tokens.total];
    const wish = `${epoch} ${from} ${to}`;
    if (asked === wish) return;
    asked = wish;
    source.tokens(epoch, from, to, life).then(
      (more) => {
        const kept = [...rest.peek()].filter(([one]) => live.includes(one));
        rest.value = new Map([...kept, [epoch, more]]);
      },
      () => {
        // Their places stay empty; they are asked for again when the kernel is heard of again.
        asked = "";
      },
    );
  });
  return { tokens, stop };
}
