/** Requests over a widget's messages: gathered, shared, taken back, repeated, and answered in whatever form a host delivers. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ModelStage, stageOf } from "../src/model-stage";
import type { BlockRequest } from "../src/protocol";
import { fromBase64, halvesFrom } from "../src/source/bytes";
import { FakeModel } from "./fake-model";
import { RUN } from "./shapes";

const row = (query: number, epoch = 1): BlockRequest => ({
  field: "attention",
  epoch,
  index: { layer: 0, head: 0, query, key: [0, 2] },
});
const header = { dims: ["key"], shape: [2], exponent: 0, extent: [0.25, 1] as [number, number], texts: null };
const bytes = () => Uint16Array.of(0x3c00, 0x3400); // 1 and 0.25
const answer = (id: number) => ({ id, ok: true, result: header, buffer: 0 });

let model: FakeModel;
let stage: ModelStage;
let life: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  life = new AbortController();
  model = new FakeModel({ run: RUN });
  stage = stageOf(model, life.signal);
});
afterEach(() => {
  life.abort();
  vi.useRealTimers();
});

const frame = () => vi.advanceTimersByTimeAsync(100);
/** How a promise ended, without leaving a rejection unheard. */
const ending = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error: error.type, message: error.message }),
  );

describe("a kernel that is dead", () => {
  it("is said in plain words, and shown", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    model.send = () => {
      throw new Error("Cannot send");
    };
    expect(await ending(stage.source.read(row(0)).finally(frame))).toEqual({
      error: "Disconnected",
      message: "the kernel cannot be reached",
    });
    expect(stage.source.connected?.value).toBe(false);
  });
});

describe("a kernel that answers others", () => {
  it("is not taken for gone, and a request that it keeps silent about is asked again in the end", async () => {
    const waiting = ending(stage.source.read(row(0)));
    await frame();
    for (let second = 0; second < 35; second += 1) {
      model.reply([], []);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(model.items).toHaveLength(1);
    expect(stage.source.connected?.value).toBe(true);
    for (let second = 0; second < 8; second += 1) {
      model.reply([], []);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(model.items).toHaveLength(2);
    model.reply([answer(2)], [new DataView(bytes().buffer)]);
    expect(await waiting).toMatchObject({ value: { shape: [2] } });
  });
});

describe("a comm that has ended, by what ipywidgets tells", () => {
  it("is found out within two seconds, and that it lives again as well", async () => {
    model.tell("comm_live_update");
    await vi.advanceTimersByTimeAsync(1400);
    expect(stage.source.connected?.value).toBe(true);
    await vi.advanceTimersByTimeAsync(600);
    expect(stage.source.connected?.value).toBe(false);
    model.reply([{ id: 2, ok: true, result: { texts: [], kinds: "" } }]);
    expect(stage.source.connected?.value).toBe(true);
  });

  it("is not said of one that answers", async () => {
    model.tell("comm_live_update");
    await frame();
    model.reply([{ id: 1, ok: true, result: { texts: [], kinds: "" } }]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(stage.source.connected?.value).toBe(true);
  });
});

describe("requests", () => {
  const queries = () => model.items.map((item) => (item.params as BlockRequest).index.query);

  it("of one moment go as one message; those that fetch ahead wait for what is looked at", async () => {
    for (const [query, priority] of [
      [0, 1],
      [1, 0],
      [2, 0],
      [3, 1],
    ] as const)
      ending(stage.source.read(row(query), { priority }));
    expect(model.sent).toEqual([]);
    await frame();
    expect(model.sent).toHaveLength(1);
    expect(queries()).toEqual([1, 2]);
    model.reply([answer(1)], [bytes()]);
    await frame();
    expect(queries()).toEqual([1, 2]);
    model.reply([answer(2)], [bytes()]);
    await frame();
    expect(queries()).toEqual([1, 2, 0, 3]);
  });

  it("that fetch ahead are taken back for one that is looked at, then asked again", async () => {
    const ahead = ending(stage.source.read(row(0), { priority: 1 }));
    await frame();
    ending(stage.source.read(row(1)));
    await frame();
    expect(model.sent.slice(1).map((message) => message.kind)).toEqual(["cancel", "requests"]);
    expect(model.sent[1]).toMatchObject({ ids: [1] });
    const error = { type: "Cancelled", message: "the request was taken back", hint: null };
    model.reply([{ id: 1, ok: false, error }, answer(2)], [bytes()]);
    await frame();
    expect(queries()).toEqual([0, 1, 0]);
    model.reply([answer(3)], [bytes()]);
    expect(await ahead).toMatchObject({ value: { shape: [2] } });
  });

  it("that fetch ahead are let come to their end after making way eight times", async () => {
    ending(stage.source.read(row(0), { priority: 1 }));
    await frame();
    for (let query = 1; query <= 9; query++) {
      ending(stage.source.read(row(query)));
      await frame();
      model.reply([answer(model.items.at(-1)!.id)], [bytes()]);
      await frame();
    }
    expect(queries().filter((query) => query === 0)).toHaveLength(1 + 8);
    expect(queries().slice(-2)).toEqual([0, 9]);
    expect(model.sent.at(-2)?.kind).toBe("requests"); // no cancel before the ninth
  });

  it("that are equal are asked once, in whatever order they name their coordinates", async () => {
    const turned = { ...row(0), index: { key: [0, 2], query: 0, head: 0, layer: 0 } } as BlockRequest;
    const both = Promise.all([stage.source.read(row(0)), stage.source.read(turned)]);
    await frame();
    expect(model.items).toHaveLength(1);
    model.reply([answer(1)], [new DataView(bytes().buffer)]);
    const [one, other] = await both;
    expect([...one.halves]).toEqual([0x3c00, 0x3400]);
    expect(other).toEqual(one);
  });

  it("that lie inside one under way wait for it", async () => {
    const band = { ...row(0), index: { ...row(0).index, query: [0, 2] as [number, number] } };
    const both = Promise.all([stage.source.read(band), stage.source.read(row(1))]);
    await frame();
    expect(model.items).toHaveLength(1);
    const result = { ...header, dims: ["query", "key"], shape: [2, 2] };
    model.reply([{ id: 1, ok: true, result, buffer: 0 }], [Uint16Array.of(1, 2, 3, 4)]);
    expect([...(await both)[1].halves]).toEqual([3, 4]);
  });

  it("that were answered are not asked again", async () => {
    const first = stage.source.read(row(0));
    await frame();
    model.reply([answer(1)], [bytes()]);
    expect(await stage.source.read(row(0))).toEqual(await first);
    await frame();
    expect(model.items).toHaveLength(1);
    expect(stage.source.peek(row(0))?.shape).toEqual([2]);
  });

  it("say whether something that is looked at is still to come", async () => {
    ending(stage.source.read(row(1), { priority: 1 }));
    expect(stage.source.loading.value).toBe(false);
    const read = stage.source.read(row(0));
    expect(stage.source.loading.value).toBe(true);
    await frame();
    model.reply([answer(1)], [bytes()]);
    await read;
    await frame();
    expect(stage.source.loading.value).toBe(false);
  });
});

describe("taking back", () => {
  it("is told to the kernel once nobody waits any more", async () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const endings = [
      stage.source.read(row(0), { signal: one.signal }),
      stage.source.read(row(0), { signal: other.signal }),
    ].map(ending);
    await frame();
    one.abort();
    await frame();
    expect(model.sent).toHaveLength(1);
    other.abort();
    await frame();
    expect(model.sent[1]).toEqual({ v: 1, kind: "cancel", ids: [1] });
    expect(await Promise.all(endings)).toMatchObject([{ error: "Cancelled" }, { error: "Cancelled" }]);
    model.reply([{ id: 1, ok: false, error: { type: "Cancelled", message: "taken back", hint: null } }]);
  });

  it("within the frame sends nothing at all", async () => {
    const stop = new AbortController();
    const end = ending(stage.source.read(row(0), { signal: stop.signal }));
    stop.abort();
    await frame();
    expect(model.sent).toEqual([]);
    expect(await end).toMatchObject({ error: "Cancelled" });
  });
});

describe("an answer that does not come", () => {
  it("is asked for once more after ten seconds, then fails and says so", async () => {
    const end = ending(stage.source.read(row(0)));
    await frame();
    await vi.advanceTimersByTimeAsync(9_800);
    expect(model.items).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(400);
    expect(model.items).toHaveLength(2);
    expect(stage.connected.value).toBe(true);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(await end).toMatchObject({ error: "TimedOut", message: "no answer from the kernel in 20 s" });
    expect(stage.connected.value).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(model.items).toHaveLength(2);
  });

  it("is taken from either asking", async () => {
    const read = stage.source.read(row(0));
    await vi.advanceTimersByTimeAsync(10_300);
    model.reply([answer(1)], [bytes()]);
    expect((await read).shape).toEqual([2]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stage.connected.value).toBe(true);
  });

  it("is kept when it comes late", async () => {
    const end = ending(stage.source.read(row(0)));
    await vi.advanceTimersByTimeAsync(21_000);
    expect(await end).toMatchObject({ error: "TimedOut" });
    model.reply([answer(2)], [bytes()]);
    await frame();
    expect(stage.connected.value).toBe(true);
    expect(stage.source.peek(row(0))?.shape).toEqual([2]);
  });

  it("is there already when the kernel is heard of again, so that nobody asks for it anew", async () => {
    const end = ending(stage.source.read(row(0)));
    await vi.advanceTimersByTimeAsync(21_000);
    await end;
    let again: Promise<unknown> | undefined;
    const stop = stage.connected.subscribe((connected) => {
      if (connected) again = stage.source.read(row(0));
    });
    model.reply([answer(2)], [bytes()]);
    await again;
    await frame();
    expect(model.items).toHaveLength(2);
    stop();
  });

  it("of a prompt to run is waited for", async () => {
    const run = stage.runPrompt("hello");
    await vi.advanceTimersByTimeAsync(120_000);
    expect(model.items).toEqual([{ id: 1, method: "run", params: { prompt: "hello" } }]);
    model.reply([{ id: 1, ok: true, result: { accepted: true } }]);
    await run;
  });
});

describe("numbers", () => {
  it("are asked for as text where buffers are lost, from then on", async () => {
    const read = stage.source.read(row(0));
    await frame();
    model.reply([answer(1)], []);
    await frame();
    expect(model.sent[1]).toMatchObject({ transport: "base64", items: [{ id: 2, method: "block" }] });
    model.reply([{ id: 2, ok: true, result: header, base64: "ADwANA==" }]);
    expect([...(await read).halves]).toEqual([0x3c00, 0x3400]);
    ending(stage.source.read(row(1)));
    await frame();
    expect(model.sent[2]).toMatchObject({ transport: "base64" });
  });

  it("that come neither way are an error", async () => {
    const end = ending(stage.source.read(row(0)));
    await frame();
    model.reply([answer(1)]);
    await frame();
    model.reply([answer(2)]);
    expect(await end).toMatchObject({ error: "Failed" });
  });

  it.each([0, 1, 2, 3])("may lie %i bytes into a buffer", (offset) => {
    const whole = new Uint8Array(8);
    whole.set(new Uint8Array(bytes().buffer), offset);
    expect([...halvesFrom(new DataView(whole.buffer, offset, 4))]).toEqual([0x3c00, 0x3400]);
    expect([...halvesFrom(new Uint8Array(whole.buffer, offset, 4))]).toEqual([0x3c00, 0x3400]);
  });

  it("may come as a buffer, as halves, as base64", () => {
    expect([...halvesFrom(bytes().buffer)]).toEqual([0x3c00, 0x3400]);
    expect([...halvesFrom(bytes())]).toEqual([0x3c00, 0x3400]);
    expect([...halvesFrom(fromBase64("ADwANA=="))]).toEqual([0x3c00, 0x3400]);
    expect(() => halvesFrom(new Uint8Array(3))).toThrow("3 bytes; expected an even number");
  });

  it("fewer or more than their shape says are an error", async () => {
    const end = ending(stage.source.read(row(0)));
    await frame();
    model.reply([answer(1)], [Uint16Array.of(1, 2, 3)]);
    expect(await end).toMatchObject({ message: "a block of shape (2) came with 3 numbers; expected 2" });
  });
});

describe("a new run", () => {
  it("empties the cache, and numbers of the old one are neither asked for nor kept", async () => {
    const old = ending(stage.source.read(row(0)));
    await frame();
    model.python({ run: { ...RUN, epoch: 2, live: [2] } });
    model.reply([answer(1)], [bytes()]);
    expect(await old).toMatchObject({ error: "Stale" });
    expect(stage.source.peek(row(0))).toBeUndefined();
    expect(await ending(stage.source.read(row(1)))).toMatchObject({ error: "Stale" });
    await frame();
    expect(model.items).toHaveLength(1);
  });

  it("brings its first picture, and more of it later", () => {
    const blocks = (query: number, epoch: number) => [
      { request: row(query, epoch), header, data: new DataView(bytes().buffer) },
    ];
    model.python({ run: { ...RUN, epoch: 2 }, first: { epoch: 2, blocks: blocks(0, 2) } });
    expect(stage.source.peek(row(0, 2))?.shape).toEqual([2]);
    model.python({ first: { epoch: 2, blocks: [...blocks(0, 2), ...blocks(1, 2)] } });
    expect(stage.source.peek(row(1, 2))?.shape).toEqual([2]);
  });

  it("of a long prompt gets the tokens that did not travel with it", async () => {
    model.python({ run: { ...RUN, epoch: 2, tokens: { total: 3, texts: ["a"], kinds: "t" } } });
    expect(stage.tokens.value.texts).toEqual(["a"]);
    await frame();
    expect(model.items).toEqual([{ id: 1, method: "tokens", params: { epoch: 2, start: 1, stop: 3 } }]);
    model.reply([{ id: 1, ok: true, result: { texts: [" b", "</s>"], kinds: "ts" } }]);
    await frame();
    expect(stage.tokens.value).toEqual({ texts: ["a", " b", "</s>"], kinds: "tts" });
  });
});

describe("a view that has ended", () => {
  it("hears nothing more and lets its requests go", async () => {
    const end = ending(stage.source.read(row(0)));
    await frame();
    life.abort();
    expect(await end).toMatchObject({ error: "Closed" });
    expect(model.listeners).toBe(0);
    expect(await ending(stage.source.read(row(1)))).toMatchObject({ error: "Closed" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(model.items).toHaveLength(1);
  });
});
