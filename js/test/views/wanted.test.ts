/** What a view wants of its source: once each, taken back when no longer wanted, one at a time where it only fills in. */
import { signal } from "@preact/signals";
import { describe, expect, it } from "vitest";
import type { BlockRequest, Cell } from "../../src/protocol";
import { type Block, type ReadOptions, type Source, SourceError } from "../../src/source/source";
import { steady, Wanted, type Wish } from "../../src/views/wanted";

const request = (layer: number): BlockRequest => ({ field: "f", epoch: 1, index: { layer } });
const wish = (layer: number, priority = 0): Wish => ({ request: request(layer), priority });

class Hand implements Source {
  asked: { layer: number; signal: AbortSignal; give: () => void; fail: (error: Error) => void }[] = [];
  wanted: BlockRequest[] = [];
  peek = (): Block | undefined => undefined;
  cell = (): Promise<Cell> => Promise.reject(new Error("no cell"));

  read(wanted: BlockRequest, options?: ReadOptions): Promise<Block> {
    this.wanted.push(wanted);
    return new Promise((resolve, reject) => {
      const block = { request: wanted, dims: [], shape: [], exponent: 0, extent: null, texts: null };
      const give = () => resolve({ ...block, halves: Uint16Array.of(wanted.index.layer as number) });
      this.asked.push({ layer: wanted.index.layer as number, signal: options!.signal!, give, fail: reject });
    });
  }
}

const settled = () => new Promise((done) => setTimeout(done));

describe("a view's wishes", () => {
  it("are asked for once, and a block that came is kept while it is wanted", async () => {
    const source = new Hand();
    const wishes = signal([wish(1)]);
    const wanted = new Wanted(source, () => wishes.value);
    expect(wanted.waiting.value).toBe(true);
    wishes.value = [wish(1), wish(2)];
    expect(source.asked.map(({ layer }) => layer)).toEqual([1, 2]);
    source.asked[0]!.give();
    source.asked[1]!.give();
    await settled();
    expect(wanted.waiting.value).toBe(false);
    expect(wanted.version.value).toBe(2);
    expect(wanted.get(request(2))!.halves[0]).toBe(2);
    wishes.value = [wish(2)];
    expect(wanted.get(request(1))).toBe(undefined);
    wanted.dispose();
  });

  it("are taken back when they change", () => {
    const source = new Hand();
    const wishes = signal([wish(1)]);
    const wanted = new Wanted(source, () => wishes.value);
    wishes.value = [wish(2)];
    expect(source.asked.map(({ signal: { aborted } }) => aborted)).toEqual([true, false]);
    wanted.dispose();
    expect(source.asked[1]!.signal.aborted).toBe(true);
  });

  it("that only fill in come one at a time, in their order, and dim nothing", async () => {
    const source = new Hand();
    const wanted = new Wanted(source, () => [wish(0), ...[1, 2, 3, 4].map((layer) => wish(layer, 1))]);
    expect(source.asked.map(({ layer }) => layer)).toEqual([0, 1]);
    source.asked[0]!.give();
    await settled();
    expect(wanted.waiting.value).toBe(false);
    expect(source.asked.length).toBe(2);
    source.asked[1]!.give();
    await settled();
    expect(source.asked.map(({ layer }) => layer)).toEqual([0, 1, 2]);
    wanted.dispose();
  });

  it("that failed are told of and not asked for again until someone says so", async () => {
    const source = new Hand();
    const again = signal(0);
    const wanted = new Wanted(source, () => {
      again.value;
      return [wish(1)];
    });
    source.asked[0]!.fail(new SourceError("Failed", "no memory", "Use a shorter prompt."));
    await settled();
    expect(wanted.error.value?.message).toBe("no memory");
    again.value++;
    expect(source.asked.length).toBe(1);
    wanted.retry();
    expect(source.asked.length).toBe(2);
    expect(wanted.error.value).toBe(null);
    wanted.dispose();
  });

  describe("for a field that fills in", () => {
    const at = (version: number, step = "metric"): Wish => ({
      request: { ...request(0), version },
      priority: 0,
      step,
    });
    const versions = (source: Hand) => source.wanted.map(({ version }) => version);

    it("keep the former step's block until the newer has come, and dim nothing for it", async () => {
      const source = new Hand();
      const wishes = signal([at(1)]);
      const wanted = new Wanted(source, () => wishes.value);
      expect(wanted.waiting.value).toBe(true);
      source.asked[0]!.give();
      await settled();
      const first = wanted.get(at(1).request);
      wishes.value = [at(2)];
      expect(wanted.waiting.value).toBe(false);
      expect(wanted.get(at(2).request)).toBe(first);
      source.asked[1]!.give();
      await settled();
      expect(wanted.get(at(2).request)!.request.version).toBe(2);
      wanted.dispose();
    });

    it("let what is under way land, then ask for the newest only", async () => {
      const source = new Hand();
      const wishes = signal([at(1)]);
      const wanted = new Wanted(source, () => wishes.value);
      for (const version of [2, 3, 4]) wishes.value = [at(version)];
      expect(versions(source)).toEqual([1]);
      expect(source.asked[0]!.signal.aborted).toBe(false);
      source.asked[0]!.give();
      await settled();
      expect(wanted.get(at(4).request)!.request.version).toBe(1);
      expect(versions(source)).toEqual([1, 4]);
      expect(wanted.waiting.value).toBe(false);
      wanted.dispose();
    });

    it("ask for the newest also when the one under way fails, and say nothing of that", async () => {
      const source = new Hand();
      const wishes = signal([at(1)]);
      const wanted = new Wanted(source, () => wishes.value);
      wishes.value = [at(2)];
      source.asked[0]!.fail(new SourceError("Stale", "over"));
      await settled();
      expect(versions(source)).toEqual([1, 2]);
      expect(wanted.error.value).toBe(null);
      wanted.dispose();
    });

    it("do not take the numbers of another metric for a step", async () => {
      const source = new Hand();
      const wishes = signal([at(1)]);
      const wanted = new Wanted(source, () => wishes.value);
      source.asked[0]!.give();
      await settled();
      wishes.value = [at(2, "another metric")];
      expect(wanted.get(at(2).request)).toBe(undefined);
      expect(wanted.waiting.value).toBe(true);
      wishes.value = [at(3)];
      expect(source.asked[1]!.signal.aborted).toBe(true);
      wanted.dispose();
    });
  });

  it("stay the very same while they say the same", () => {
    const query = signal(1);
    const wishes = steady(() => ({ band: Math.floor(query.value / 64) }));
    const first = wishes.value;
    query.value = 63;
    expect(wishes.value).toBe(first);
    query.value = 64;
    expect(wishes.value).toEqual({ band: 1 });
  });
});
