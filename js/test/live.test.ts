/** Runs that are alive beside each other, versions of fields that grow, and wishes that the kernel has not yet told back. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ModelStage, stageOf } from "../src/model-stage";
import type { BlockRequest, Change, Run, Showing } from "../src/protocol";
import { isSettled } from "../src/settled";
import { requestFor } from "../src/slice";
import { SourceError } from "../src/source/source";
import { FakeModel, framePassed } from "./fake-model";
import { field, RUN, SHOWING, SHOWN } from "./shapes";
import { makeChange, makeProgress } from "./views/stage";

const row = (epoch: number, version?: number): BlockRequest => ({
  field: "effect",
  epoch,
  index: { layer: 0, head: [0, 2] },
  ...(version !== undefined && { version }),
});
const header = { dims: ["head"], shape: [2], exponent: 0, extent: null, texts: null };
const run = (epoch: number, live: number[], shown: Partial<Run["shown"]> = {}): Run => ({
  ...RUN,
  epoch,
  live,
  shown: { ...SHOWN, ...shown },
});
const CHANGED: Showing = {
  which: "changed",
  options: [...SHOWING.options, { which: "changed", label: "changed run" }],
};

let model: FakeModel;
let stage: ModelStage;
let life: AbortController;
beforeEach(() => {
  life = new AbortController();
  model = new FakeModel({ run: run(1, [1]), fields: [EFFECT], showing: SHOWING });
  stage = stageOf(model, life.signal);
});
afterEach(() => life.abort());

const EFFECT = field("effect", [
  ["layer", 1],
  ["head", 2],
]);

/** Answer all that was asked and not yet answered with these bits. */
let answered = 0;
beforeEach(() => {
  answered = 0;
});
async function answer(...bits: number[]): Promise<void> {
  await framePassed();
  for (const { id } of model.items.slice(answered)) {
    model.reply([{ id, ok: true, result: header, buffer: 0 }], [Uint16Array.from(bits)]);
  }
  answered = model.items.length;
}

describe("a run that is shown again while it lives", () => {
  it("is drawn from what was kept: nothing is asked a second time", async () => {
    const read = stage.source.read(row(1));
    await answer(1, 2);
    await read;
    model.python({ run: run(2, [1, 2], { which: "changed" }) });
    const other = stage.source.read(row(2));
    await answer(3, 4);
    expect([...(await other).halves]).toEqual([3, 4]);
    for (const epoch of [1, 2, 1]) {
      model.python({ run: run(epoch, [1, 2]) });
      const kept = stage.source.peek(row(epoch));
      expect([...kept!.halves]).toEqual(epoch === 1 ? [1, 2] : [3, 4]);
      expect((await stage.source.read(row(epoch))).request.epoch).toBe(epoch);
    }
    await framePassed();
    expect(model.items).toHaveLength(2);
  });

  it("takes answers that come while another is shown, for itself alone", async () => {
    const read = stage.source.read(row(1));
    await framePassed();
    model.python({ run: run(2, [1, 2]) });
    await answer(1, 2);
    expect([...(await read).halves]).toEqual([1, 2]);
    expect(stage.source.peek(row(2))).toBeUndefined();
    expect([...stage.source.peek(row(1))!.halves]).toEqual([1, 2]);
  });

  it("leaves the cache when it is over, and its late answers are refused", async () => {
    const read = stage.source.read(row(1));
    await answer(1, 2);
    await read;
    const late = stage.source.read({ ...row(1), index: { layer: 0, head: [0, 1] }, version: 9 });
    await framePassed();
    model.python({ run: run(3, [2, 3]) });
    expect(stage.source.peek(row(1))).toBeUndefined();
    await expect(stage.source.read(row(1))).rejects.toMatchObject({ type: "Stale" });
    await answer(5);
    await expect(late).rejects.toMatchObject({ type: "Stale" });
  });
});

describe("a field that grows", () => {
  it("has its progress laid in, and stays the very same field while nothing new is known", () => {
    const other = field("other", [["layer", 1]]);
    model.python({ fields: [EFFECT, other], progress: { effect: makeProgress({ version: 4, done: 1 }) } });
    const [effect, still] = stage.fields.value;
    expect(effect!.progress).toMatchObject({ version: 4, done: 1 });
    model.python({ progress: { effect: makeProgress({ version: 4, done: 1 }), gone: makeProgress() } });
    expect(stage.fields.value[0]).toBe(effect);
    model.python({ progress: { effect: makeProgress({ version: 5, done: 2 }) } });
    expect(stage.fields.value[0]!.progress!.version).toBe(5);
    expect(stage.fields.value[1]).toBe(still);
  });

  it("is asked for with its version, and no version answers for another", async () => {
    model.python({ progress: { effect: makeProgress({ version: 4 }) } });
    const request = requestFor(stage.fields.value[0]!, 1, { head: "all" }, { layer: 0 });
    expect(request).toEqual({ field: "effect", epoch: 1, index: { layer: 0, head: [0, 2] }, version: 4 });
    expect(requestFor(EFFECT, 1, { head: "all" }, {})).not.toHaveProperty("version");
    const read = stage.source.read(request);
    await answer(1, 2);
    await read;
    expect(model.items[0]!.params).toEqual(request);
    expect(stage.source.peek(row(1, 4))).toBeDefined();
    expect(stage.source.peek({ ...row(1, 4), index: { layer: 0, head: 1 } })).toBeDefined();
    for (const version of [3, 5, undefined]) {
      expect(stage.source.peek(row(1, version))).toBeUndefined();
      expect(stage.source.peek({ ...row(1, version), index: { layer: 0, head: 1 } })).toBeUndefined();
    }
  });

  it("has exact cells of its own in every version, and a pending one is asked for again", async () => {
    const cell = { field: "effect", epoch: 1, index: { layer: 0, head: 0 } };
    const asked = async (version: number, state: "value" | "pending", value: number | null) => {
      model.python({ progress: { effect: makeProgress({ version }) } });
      const read = stage.source.cell(cell);
      await framePassed();
      const items = model.items.slice(answered);
      answered = model.items.length;
      for (const { id } of items) {
        model.reply([{ id, ok: true, result: { value, state, text: null, detail: [], more: [] } }]);
      }
      return [items.length, (await read).value];
    };
    expect(await asked(1, "pending", null)).toEqual([1, null]);
    expect(await asked(1, "value", 0.5)).toEqual([1, 0.5]);
    expect(await asked(1, "value", 7)).toEqual([0, 0.5]);
    expect(await asked(2, "value", 0.75)).toEqual([1, 0.75]);
  });
});

describe("what is drawn is settled", () => {
  const on = (...ids: number[]): Change[] => ids.map((id) => makeChange(id));
  const showing = (which: Showing["which"]): Showing => ({ ...CHANGED, which });

  it("when its changes are those that are on, of its own prompt, whatever their order", () => {
    const changed = run(2, [2], { which: "changed", changes: [3, 5] });
    expect(isSettled(changed, on(5, 3), showing("changed"))).toBe(true);
    expect(isSettled(changed, on(3), showing("changed"))).toBe(false);
    expect(isSettled(changed, on(3, 5, 6), showing("changed"))).toBe(false);
    expect(isSettled(changed, [...on(3, 5), makeChange(6, { on: false })], showing("changed"))).toBe(true);
    expect(isSettled(changed, [...on(3, 5), makeChange(6, { failed: "no" })], showing("changed"))).toBe(true);
    expect(isSettled(changed, [...on(3, 5), makeChange(6, { run: "second" })], showing("changed"))).toBe(true);
    const second = run(4, [4], { which: "second_difference", changes: [6] });
    expect(isSettled(second, [...on(3), makeChange(6, { run: "second" })], showing("second_difference"))).toBe(true);
  });

  it("when it is the run that was wished for; changes do not touch a clean one", () => {
    expect(isSettled(run(1, [1]), on(3), showing("clean"))).toBe(true);
    expect(isSettled(run(1, [1]), on(3), showing("difference"))).toBe(false);
    expect(isSettled(null, [], showing("clean"))).toBe(true);
  });

  it("not from the click until the run that follows from it", async () => {
    model.python({
      run: run(2, [1, 2], { which: "changed", changes: [3] }),
      changes: on(3, 4),
      showing: CHANGED,
    });
    expect(stage.settled.value).toBe(false);
    model.python({ run: run(3, [1, 2, 3], { which: "changed", changes: [3, 4] }) });
    expect(stage.settled.value).toBe(true);
    const op = stage.change({ op: "set", id: 4, on: false });
    expect(stage.settled.value).toBe(false);
    await framePassed();
    model.python({ changes: [makeChange(3), makeChange(4, { on: false })] });
    model.reply([{ id: 1, ok: true, result: { accepted: true } }]);
    await op;
    expect(stage.settled.value).toBe(false);
    model.python({ run: run(2, [1, 2, 3], { which: "changed", changes: [3] }) });
    expect(stage.settled.value).toBe(true);
    const show = stage.show("clean");
    expect([stage.showing.value.which, stage.settled.value]).toEqual(["clean", false]);
    await framePassed();
    model.python({ run: run(1, [1, 2, 3]), showing: { ...CHANGED, which: "clean" } });
    model.reply([{ id: 2, ok: true, result: { accepted: true } }]);
    await show;
    expect([stage.showing.value.which, stage.settled.value]).toEqual(["clean", true]);
  });
});

describe("a switch", () => {
  const isOn = () => stage.changes.value.map((change) => change.on);
  const kernel = (on: boolean) => model.python({ changes: [makeChange(3, { on })] });
  const accept = (id: number) => model.reply([{ id, ok: true, result: { accepted: true } }]);

  it("moves at once, and what is still under way never throws it back: the last wish wins", async () => {
    kernel(true);
    const seen: boolean[] = [];
    const stop = stage.changes.subscribe(([change]) => void seen.push(change!.on));
    const ops = [false, true, false].map((on) => stage.change({ op: "set", id: 3, on }));
    expect(isOn()).toEqual([false]);
    await framePassed();
    for (const [at, on] of [false, true, false].entries()) {
      kernel(on);
      await framePassed();
      accept(at + 1);
      await framePassed();
    }
    await Promise.all(ops);
    stop();
    expect(seen.slice(1, 4)).toEqual([false, true, false]);
    expect(seen.slice(4).every((on) => !on)).toBe(true);
    kernel(true); // somebody else, later: Python's word stands
    expect(isOn()).toEqual([true]);
  });

  it("stands also where the kernel answers before it tells", async () => {
    kernel(true);
    const op = stage.change({ op: "set", id: 3, on: false });
    await framePassed();
    accept(1);
    await op;
    expect(isOn()).toEqual([false]);
    kernel(false);
    expect(isOn()).toEqual([false]);
  });

  it("goes back where the kernel refuses, and the refusal is told", async () => {
    kernel(false);
    const op = stage.change({ op: "set", id: 3, on: true });
    expect(isOn()).toEqual([true]);
    await framePassed();
    model.reply([{ id: 1, ok: false, error: { type: "BadRequest", message: "there is no layer 9", hint: "Take 0." } }]);
    await expect(op).rejects.toEqual(new SourceError("BadRequest", "there is no layer 9", "Take 0."));
    expect(isOn()).toEqual([false]);
  });

  it("is also a name, and a change that is taken away", async () => {
    model.python({ changes: [makeChange(3), makeChange(4)] });
    const ops = [stage.change({ op: "set", id: 3, name: "mover" }), stage.change({ op: "set", id: 3, on: false })];
    ops.push(stage.change({ op: "remove", id: 4 }));
    expect(stage.changes.value).toEqual([makeChange(3, { name: "mover", on: false })]);
    for (const id of [1, 2, 3]) {
      await framePassed();
      expect(model.items.length).toBe(id); // one at a time: a kernel may take messages on several threads
      accept(id);
    }
    await Promise.all(ops);
    expect(model.items.map(({ params }) => params)).toEqual([
      { op: "set", id: 3, name: "mover" },
      { op: "set", id: 3, on: false },
      { op: "remove", id: 4 },
    ]);
  });

  it("leaves nothing settled until the kernel has told what follows from it; a name does", async () => {
    expect(stage.settled.value).toBe(true);
    const added = stage.change({ op: "add", change: { site: "z", layer: [3] } });
    expect(stage.settled.value).toBe(false);
    await framePassed();
    accept(1);
    await added;
    expect(stage.settled.value).toBe(true);
    const named = stage.change({ op: "set", id: 3, name: "mover" });
    expect(stage.settled.value).toBe(true);
    await framePassed();
    accept(2);
    await named;
  });
});

describe("calls", () => {
  it("go out under their methods, with what they were given", async () => {
    stage.selection.pin({ layer: 3, head: 1 });
    const calls = [
      stage.ask({ target: 12, foil: null, position: 3 }),
      stage.change({ op: "add", change: { site: "z", layer: [3], head: [2] } }),
      stage.show("difference"),
      stage.fill("effect"),
      stage.halt("effect"),
      stage.compare("another"),
      stage.align([[0, 1]]),
      stage.code("effect"),
    ];
    for (let answered = 0; answered < calls.length; ) {
      await framePassed();
      for (const { id } of model.items.slice(answered)) {
        model.reply([{ id, ok: true, result: { accepted: true, code: "run.field()" } }]);
        answered += 1;
      }
    }
    expect((await Promise.all(calls)).at(-1)).toBe("run.field()");
    const sent = model.items.map(({ method, params }) => [method, params]);
    const inTurn = ["metric", "change", "show", "compare", "align"];
    expect(sent.filter(([method]) => inTurn.includes(method as string))).toEqual([
      ["metric", { target: 12, foil: null, position: 3 }],
      ["change", { op: "add", change: { site: "z", layer: [3], head: [2] } }],
      ["show", { which: "difference" }],
      ["compare", { prompt: "another" }],
      ["align", { pairs: [[0, 1]] }],
    ]);
    expect(sent.slice(0, 4).filter(([method]) => !inTurn.includes(method as string))).toEqual([
      ["fill", { field: "effect" }],
      ["halt", { field: "effect" }],
      ["code", { field: "effect", cursor: { layer: 3, head: 1, query: null, key: null, step: null, prompt: null } }],
    ]);
  });
});
