/** The next-token panel: a press chooses what is measured, and a changed run has the clean one's share beside its own. */
import { afterEach, describe, expect, it } from "vitest";
import { HALF_ABSENT } from "../../src/protocol";
import { SourceError } from "../../src/source/source";
import { SHOWING } from "../shapes";
import { endAll, METRIC, makeStage, painted, pointAt, press, show, shownRun, type TestStage } from "./stage";

afterEach(endAll);

/** Token ids that the kernel gives with the exact cell: 100 * position + rank. */
function withIds(stage: TestStage): TestStage {
  const { cell } = stage.source;
  stage.source.cell = async (request) => {
    const { position, rank } = request.index;
    const more = [{ label: "id", value: 100 * position! + rank!, unit: "" }];
    return { ...(await cell.call(stage.source, request)), more };
  };
  return stage;
}

const asks = (stage: TestStage) => stage.calls.filter(([name]) => name === "ask").map(([, given]) => given);

// The guesses after position 5 are " n15", " n16", " n17", with shares of 1/2, 1/4, 1/8.
const measured = (target: number, foil: number | null, position = 5) => ({
  ...METRIC,
  target: { id: 500 + target, text: ` n${15 + target}` },
  foil: foil === null ? null : { id: 500 + foil, text: ` n${15 + foil}` },
  position,
});

async function shown(stage = withIds(makeStage())) {
  const view = show(stage);
  await painted();
  const row = (rank: number) => view.panel("next").querySelectorAll<HTMLElement>("li")[rank]!;
  const pill = (rank: number, role: string) => row(rank).querySelector<HTMLButtonElement>(`.pill.${role}`)!;
  return { stage, view, row, pill };
}

describe("a guess that is pressed", () => {
  it("becomes the target, at the position that is shown; with Shift the foil", async () => {
    const { stage, row } = await shown();
    stage.metric.value = { ...METRIC, position: 2 };
    pointAt(row(1), "click", 4, 4);
    await painted();
    pointAt(row(2), "click", 4, 4, { shiftKey: true });
    await painted();
    expect(asks(stage)).toEqual([
      { target: 501, position: 5 },
      { foil: 502, position: 5 },
    ]);
    stage.selection.pin({ query: 3 });
    await painted();
    pointAt(row(0), "click", 4, 4);
    await painted();
    expect(asks(stage).at(-1)).toEqual({ target: 300, position: 3 });
  });

  it("by its buttons, which are buttons and say what they are", async () => {
    const { stage, pill } = await shown();
    stage.metric.value = measured(0, 1);
    await painted();
    expect([0, 1, 2].map((rank) => ["target", "foil"].map((role) => pill(rank, role).ariaPressed))).toEqual([
      ["true", "false"],
      ["false", "true"],
      ["false", "false"],
    ]);
    expect(pill(2, "foil").textContent).toBe("foil");
    pill(2, "foil").click();
    await painted();
    expect(asks(stage)).toEqual([{ foil: 502, position: 5 }]);
    expect(getComputedStyle(pill(0, "target")).borderStyle).toBe("solid");
    expect(getComputedStyle(pill(1, "foil")).borderStyle).toBe("dashed");
  });

  it("changes places with the other, and asks nothing where it is so already", async () => {
    const { stage, pill } = await shown();
    stage.metric.value = measured(0, 1);
    await painted();
    pill(0, "target").click();
    await painted();
    expect(asks(stage)).toEqual([]);
    pill(1, "target").click();
    await painted();
    pill(0, "foil").click();
    await painted();
    expect(asks(stage)).toEqual([
      { target: 501, foil: 500, position: 5 },
      { foil: 500, target: 501, position: 5 },
    ]);
    stage.metric.value = measured(0, null);
    await painted();
    pill(0, "foil").click();
    await painted();
    expect(asks(stage).length).toBe(2);
  });

  it("is overtaken by the one pressed after it", async () => {
    const { stage, row } = await shown();
    const { cell } = stage.source;
    const late: (() => void)[] = [];
    stage.source.cell = async (request) => {
      if (request.index.rank === 1) await new Promise<void>((go) => late.push(go));
      return cell.call(stage.source, request);
    };
    pointAt(row(1), "click", 4, 4);
    pointAt(row(2), "click", 4, 4);
    await painted();
    for (const go of late) go();
    await painted();
    expect(asks(stage)).toEqual([{ target: 502, position: 5 }]);
  });

  it("and refused says why", async () => {
    const { stage, view, row } = await shown();
    stage.refusing = new SourceError("BadRequest", "a logit difference needs a foil", "Press one with Shift.");
    pointAt(row(0), "click", 4, 4);
    await painted();
    expect(view.panel("next").querySelector('[role="alert"]')!.textContent).toContain(
      "a logit difference needs a foil. Press one with Shift.",
    );
  });
});

describe("what is measured", () => {
  it("stands in one line below, with the place, the number and whether it is proposed", async () => {
    const { stage, view } = await shown();
    expect(view.root.querySelector(".measured")).toBe(null);
    stage.metric.value = METRIC;
    await painted();
    const line = () => view.find(".measured").textContent!.replace(" other…", "");
    expect(line()).toBe("measured: logit(·Mary) − logit(·John) at “,” = 9.50 (proposed)");
    stage.metric.value = { ...METRIC, proposed: false, target: { id: 1, text: "<b>\n" } };
    await painted();
    expect(line()).toBe("measured: logit(<b>⏎) − logit(·John) at “,” = 9.50");
    stage.run.value = shownRun(stage, 2, { before: 9.5, after: 9.12 });
    await painted();
    expect(line()).toBe("measured: logit(<b>⏎) − logit(·John) at “,”: 9.50 → 9.12 (−0.38)");
  });
});

describe("the guesses of a changed run", () => {
  const OPTIONS = [...SHOWING.options, { which: "changed" as const, label: "changed run" }];

  /** Epoch 1 says 1/2, 1/4, 1/8; epoch 2 says 1/4 of the first, 5/8 of the second, and has a third that is new. */
  function twoRuns(): TestStage {
    const stage = withIds(makeStage());
    const { under } = stage.source;
    const read = under.read.bind(under);
    const halves = [0x3400, 0x3900, 0x3000];
    under.read = async (request) => {
      const block = await read(request);
      if (request.field !== "next_token" || request.epoch === 1) return block;
      if (request.epoch === 3)
        return { ...block, texts: [" n15", " n16 → new", "x"], halves: Uint16Array.of(0xb400, 0x3600, 0) };
      return { ...block, texts: [" n15", " n16", " new"], halves: Uint16Array.from(halves) };
    };
    under.peek = () => undefined;
    return stage;
  }
  const change = (stage: TestStage, epoch: number, which: "changed" | "difference") => {
    stage.showing.value = { which, options: OPTIONS };
    stage.run.value = shownRun(stage, epoch, { which, label: which });
  };
  const rows = (row: (rank: number) => HTMLElement) =>
    [0, 1, 2].map((rank) => [
      row(rank).querySelector(".share")!.firstChild!.textContent,
      row(rank).querySelector<HTMLElement>(".bar b")!.style.width,
      row(rank).querySelector<HTMLElement>(".bar u")?.style.left,
    ]);

  it("have a tick where the clean run's share of the same token was", async () => {
    const stage = twoRuns();
    const { row } = await shown(stage);
    expect(rows(row)).toEqual([
      ["50.0%", "50%", undefined],
      ["25.0%", "25%", undefined],
      ["12.5%", "12.5%", undefined],
    ]);
    change(stage, 2, "changed");
    await painted();
    expect(rows(row)).toEqual([
      ["25.0%", "25%", "50%"],
      ["62.5%", "62.5%", "25%"],
      ["12.5%", "12.5%", undefined],
    ]);
    expect(row(0).title).toBe("clean run 50.0%");
    expect(row(2).title).toBe("not among the clean run's first");
  });

  it("in a difference are the words that differ most, with sign and side", async () => {
    const stage = twoRuns();
    const { row, view } = await shown(stage);
    change(stage, 3, "difference");
    await painted();
    expect(rows(row).map(([number]) => number)).toEqual(["−25.0%", "+37.5%", "0.0%"]);
    const bar = (rank: number) => row(rank).querySelector<HTMLElement>(".bar b")!.getBoundingClientRect();
    const middle = (rank: number) => row(rank).querySelector(".bar u")!.getBoundingClientRect();
    expect(bar(0).right).toBeCloseTo(middle(0).left + 1, 0);
    expect(bar(1).left).toBeCloseTo(middle(1).left + 1, 0);
    expect(bar(1).width).toBeCloseTo(1.5 * bar(0).width, 0);
    pointAt(row(1), "click", 4, 4);
    await painted();
    expect(asks(stage)).toEqual([{ target: 501, position: 5 }]);
    stage.showing.value = { which: "prompts", options: OPTIONS };
    stage.run.value = shownRun(stage, 4, { which: "prompts", label: "second − first" });
    await painted();
    expect(view.panel("next").querySelectorAll(".pill").length).toBe(0);
  });

  it("in a difference at a place without a partner are none, and this is said", async () => {
    const stage = twoRuns();
    const { under } = stage.source;
    const read = under.read.bind(under);
    under.read = async (request) => {
      const block = await read(request);
      if (request.field !== "next_token" || request.epoch !== 4) return block;
      return { ...block, texts: ["", "", ""], halves: new Uint16Array(3).fill(HALF_ABSENT) };
    };
    const { view } = await shown(stage);
    stage.showing.value = { which: "prompts", options: OPTIONS };
    stage.run.value = shownRun(stage, 4, { which: "prompts", label: "second − first" });
    await painted();
    expect(view.panel("next").querySelectorAll("li").length).toBe(0);
    expect(view.panel("next").textContent).not.toContain("NaN");
    expect(view.panel("next").textContent).toContain("This token has no partner in the other prompt");
    stage.run.value = shownRun(stage, 3, { which: "prompts", label: "second − first" });
    await painted();
    expect(view.panel("next").textContent).not.toContain("no partner");
  });

  it("never take a share from a run that is over", async () => {
    const stage = twoRuns();
    const { row } = await shown(stage);
    stage.showing.value = { which: "changed", options: OPTIONS };
    stage.run.value = { ...shownRun(stage, 2, { which: "changed", label: "changed" }), live: [2] };
    await painted();
    expect(rows(row).map(([, , tick]) => tick)).toEqual([undefined, undefined, undefined]);
  });
});

describe("what is measured and is not among the first", () => {
  const john = { ...METRIC, target: { id: 500, text: " n15" } };

  async function apart(which: "clean" | "difference" = "clean") {
    const stage = withIds(makeStage());
    const found = { target: { share: 0.5, rank: 1 }, foil: { share: 0.002, rank: 1212 } };
    const label = which === "clean" ? "" : which;
    stage.showing.value = { which, options: [{ which, label }] };
    stage.run.value = shownRun(stage, 1, { which, label, ...found });
    stage.metric.value = john;
    const view = show(stage);
    await painted();
    return { stage, view, below: () => view.all(".guesses .apart") };
  }

  it("stands below them with share and rank, and can change its part", async () => {
    const { stage, view, below } = await apart();
    expect(below().map((row) => row.querySelector(".token")!.textContent)).toEqual(["·John"]);
    expect(below()[0]!.querySelector(".rank")!.textContent).toBe("rank 1,212");
    expect(below()[0]!.querySelector(".share")!.textContent).toBe("0.2%");
    expect(below()[0]!.querySelector(".pill.foil")!.ariaPressed).toBe("true");
    expect(view.all(".guesses li").length).toBe(4);
    below()[0]!.querySelector<HTMLButtonElement>(".pill.target")!.click();
    await painted();
    expect(asks(stage)).toEqual([{ target: 31, foil: 500, position: 5 }]);
    stage.selection.pin({ query: 2 });
    await painted();
    expect(below()).toEqual([]); // elsewhere nothing is known of it
  });

  it("in a difference has the changed run's share, which is told", async () => {
    const { below } = await apart("difference");
    expect(below()[0]!.querySelector(".share")!.textContent).toBe("→ 0.2% in the changed run");
  });

  it("leaves the bars their room: only what is pressed takes some", async () => {
    const { stage, view } = await apart();
    const room = () => view.find(".guesses .bar").getBoundingClientRect().width;
    const measured = room();
    stage.metric.value = null;
    await painted();
    expect(room() - measured).toBe(56);
    expect(room()).toBeGreaterThan(100);
  });
});

describe("tokens that are typed", () => {
  async function opened() {
    const stage = withIds(makeStage());
    stage.metric.value = METRIC;
    const view = show(stage);
    await painted();
    const other = view.find<HTMLButtonElement>(".measured button");
    other.click();
    await painted();
    const [target, foil] = view.all(".other input") as HTMLInputElement[];
    const type = async (line: HTMLInputElement, text: string) => {
      line.value = text;
      line.dispatchEvent(new Event("input", { bubbles: true }));
      await painted();
    };
    const enter = async () => {
      view.find<HTMLFormElement>(".other").requestSubmit();
      await painted();
    };
    return { stage, view, other, target: target!, foil: foil!, type, enter };
  }

  it("begin as what is measured, show their leading space, and only what is new is asked for", async () => {
    const { stage, view, other, target, foil, type, enter } = await opened();
    expect([target.value, foil.value]).toEqual([" Mary", " John"]);
    expect(view.root.activeElement).toBe(target);
    expect(view.find(".other").textContent).not.toContain("begin with a space");
    await type(foil, "Eva");
    expect(view.find(".other").textContent).toContain("Most tokens here begin with a space (·): this one does not.");
    expect(view.all(".typed").map((one) => one.classList.contains("spaced"))).toEqual([true, false]);
    await type(foil, " Eva");
    await enter();
    expect(asks(stage)).toEqual([{ foil: " Eva" }]);
    expect(view.all(".other")).toEqual([]);
    expect(view.root.activeElement).toBe(other);
  });

  it("are let go by Escape, and an empty foil is none", async () => {
    const { stage, view, other, target, foil, type, enter } = await opened();
    press(target, "Escape");
    await painted();
    expect([view.all(".other").length, asks(stage).length]).toEqual([0, 0]);
    other.click();
    await painted();
    await type(view.all(".other input")[1] as HTMLInputElement, "");
    await enter();
    expect(asks(stage)).toEqual([{ foil: null }]);
    expect(foil.isConnected).toBe(false);
  });

  it("and refused stay there, with what to do", async () => {
    const { stage, view, target, type, enter } = await opened();
    stage.refusing = new SourceError("BadRequest", "“Mary” is two tokens", "Did you mean “ Mary”?");
    await type(target, "Mary");
    await enter();
    expect(view.find('.other [role="alert"]').textContent).toContain("“Mary” is two tokens. Did you mean “ Mary”?");
    expect(target.value).toBe("Mary");
  });

  it("are not offered where nothing can be measured", async () => {
    const { stage, view } = await opened();
    stage.run.value = shownRun(stage, 2, { which: "second", label: "second prompt" });
    await painted();
    expect(view.all(".measured button, .other")).toEqual([]);
  });
});
