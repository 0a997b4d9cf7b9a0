/** A second prompt beside the first: pairs that can be joined and parted, what differs, and long prompts. */
import { afterEach, describe, expect, it } from "vitest";
import type { Compared } from "../../src/protocol";
import { columnsOf, joined, type Pair, parted, toggled } from "../../src/views/compare/compare-pairs";
import { endAll, METRIC, makeStage, painted, pointAt, press, show, shownRun, TEXTS } from "./stage";

afterEach(endAll);

const OPTIONS = [
  { which: "clean", label: "first prompt" },
  { which: "second", label: "second prompt" },
  { which: "prompts", label: "second − first" },
] as const;

/** TEXTS is When Mary and John went ","; here Anna stands for Mary, a word is new and the comma is gone. */
const SECOND = ["When", " Anna", " and", " old", " John", " went"];
const PAIRS: Pair[] = [
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 4],
  [4, 5],
];

const compared = (more: Partial<Compared> = {}): Compared => ({
  prompt: SECOND.join(""),
  tokens: { total: SECOND.length, texts: SECOND, kinds: "t".repeat(SECOND.length) },
  first: { total: TEXTS.length, texts: TEXTS, kinds: "t".repeat(TEXTS.length) },
  pairs: PAIRS,
  how: "likeness",
  problem: null,
  ...more,
});

describe("an alignment", () => {
  it("is laid in columns: pairs together, the rest alone", () => {
    expect(columnsOf(PAIRS, [6, 6]).map(({ at }) => at)).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [null, 3],
      [3, 4],
      [4, 5],
      [5, null],
    ]);
    expect(columnsOf([], [1, 2]).map(({ at }) => at)).toEqual([
      [0, null],
      [null, 0],
      [null, 1],
    ]);
  });

  it("rises in both prompts, whatever is joined", () => {
    expect(joined(PAIRS, [5, 3])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [5, 3],
    ]);
    expect(joined(PAIRS, [3, 3])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 5],
    ]);
    let pairs: Pair[] = [];
    for (let step = 0; step < 200; step++) pairs = toggled(pairs, [(step * 7) % 11, (step * 5) % 9]);
    for (let i = 1; i < pairs.length; i++) {
      expect(pairs[i]![0]).toBeGreaterThan(pairs[i - 1]![0]);
      expect(pairs[i]![1]).toBeGreaterThan(pairs[i - 1]![1]);
    }
  });

  it("loses a pair that is parted, and nothing else", () => {
    expect(parted(PAIRS, [1, 1])).toEqual(PAIRS.filter(([i]) => i !== 1));
    expect(toggled(PAIRS, [1, 1])).toEqual(parted(PAIRS, [1, 1]));
  });
});

async function comparison(more: Partial<Compared> = {}) {
  const stage = makeStage({ panels: ["compare"] });
  stage.compared.value = compared(more);
  stage.showing.value = { which: "clean", options: [...OPTIONS] };
  const view = show(stage, 900);
  await painted();
  const token = (side: number, at: number) => view.find(`[data-side="${side}"][data-at="${at}"]`);
  return { stage, view, token, panel: view.panel("compare") };
}

describe("the compare panel", () => {
  it("stands pairs one above the other, and says which differ and which stand alone", async () => {
    const { view, token, panel } = await comparison();
    for (const [i, j] of PAIRS) {
      const [above, below] = [token(0, i), token(1, j)].map((span) => span.getBoundingClientRect());
      expect(Math.abs(above!.left + above!.width / 2 - below!.left - below!.width / 2)).toBeLessThan(1);
      expect(above!.bottom).toBeLessThanOrEqual(below!.top);
    }
    expect(view.all(".pair.differs").map((pair) => pair.textContent)).toEqual(["·Mary≠·Anna"]);
    expect(view.all(".pair.alone").map((pair) => pair.textContent)).toEqual(["·old", ","]);
    expect(token(1, 3).getAttribute("aria-label")).toBe("second prompt, token 3 “old”, unaligned");
    expect(panel.textContent).toContain("aligned by likeness · 5 pairs · 1 and 1 without a partner");
  });

  it("shows a token's partner when it is hovered, and previews it as the query", async () => {
    const { stage, token } = await comparison();
    pointAt(token(1, 4), "pointerover", 2, 2);
    await painted();
    expect(stage.selection.hover.value).toEqual({ query: 3 });
    expect([token(0, 3), token(1, 4)].every((span) => span.classList.contains("hover"))).toBe(true);
    pointAt(token(1, 3), "pointerover", 2, 2);
    expect(stage.selection.hover.value).toEqual({});
  });

  it("joins two tokens by a click on each, and parts those that are a pair", async () => {
    const { stage, token, view } = await comparison();
    token(0, 5).click();
    await painted();
    expect(token(0, 5).classList.contains("chosen")).toBe(true);
    expect(stage.selection.pinned.query.value).toBe(5);
    token(1, 3).click();
    expect(stage.calls[0]![1]).toEqual(joined(PAIRS, [5, 3]));
    token(1, 1).click();
    token(0, 1).click();
    expect(stage.calls[1]![1]).toEqual(parted(PAIRS, [1, 1]));
    view.find('[data-pair="4 5"]').click();
    expect(stage.calls[2]![1]).toEqual(parted(PAIRS, [4, 5]));
  });

  it("does the same by keys, and lets go by Escape", async () => {
    const { stage, view } = await comparison();
    const list = view.find('[role="listbox"]');
    press(list, "Home");
    press(list, "ArrowRight");
    expect(stage.selection.pinned.query.value).toBe(1);
    press(list, "Enter");
    await painted();
    expect(view.all(".chosen").length).toBe(1);
    press(list, "Escape");
    await painted();
    expect(view.all(".chosen").length).toBe(0);
    press(list, "Enter");
    press(list, "ArrowDown");
    press(list, "ArrowRight");
    press(list, "ArrowRight");
    await painted();
    expect(list.getAttribute("aria-activedescendant")).toMatch(/-1-3$/);
    press(list, "Enter");
    expect(stage.calls).toEqual([["align", joined(PAIRS, [1, 3])]]);
    press(list, "Home");
    press(list, "Delete");
    expect(stage.calls[1]).toEqual(["align", parted(PAIRS, [0, 0])]);
  });

  it("proposes again where a hand was at it", async () => {
    const { stage, panel } = await comparison({ how: "hand" });
    const again = [...panel.querySelectorAll("button")].find((button) => button.textContent === "propose again")!;
    again.click();
    expect(stage.calls).toEqual([["align", null]]);
    stage.compared.value = compared();
    await painted();
    expect(panel.textContent).not.toContain("propose again");
  });

  it("switches between the prompts and their difference, and keeps the first's tokens", async () => {
    const { stage, panel, token } = await comparison();
    const buttons = [...panel.querySelectorAll<HTMLButtonElement>('[aria-label="which prompt is shown"] button')];
    expect(buttons.map((button) => button.textContent)).toEqual(OPTIONS.map(({ label }) => label));
    buttons[1]!.click();
    expect(stage.calls).toEqual([["show", "second"]]);
    const run = shownRun(stage, 2, { which: "second", label: "second prompt" });
    stage.run.value = { ...run, tokens: compared().tokens };
    (stage.tokens as { value: unknown }).value = { texts: SECOND, kinds: compared().tokens.kinds };
    stage.showing.value = { which: "second", options: [...OPTIONS] };
    await painted();
    expect(token(0, 1).textContent).toBe("·Mary");
    expect(token(1, 1).textContent).toBe("·Anna");
    pointAt(token(0, 3), "pointerover", 2, 2);
    expect(stage.selection.hover.value).toEqual({ query: 4 });
  });

  it("that is opened while the second prompt is shown knows the first's tokens too", async () => {
    const stage = makeStage({ panels: ["compare", "next"] });
    stage.compared.value = compared();
    stage.metric.value = { ...METRIC, position: 3 };
    const run = shownRun(stage, 2, { which: "second", label: "second prompt" });
    stage.run.value = { ...run, tokens: compared().tokens };
    (stage.tokens as { value: unknown }).value = { texts: SECOND, kinds: compared().tokens.kinds };
    const view = show(stage, 900);
    await painted();
    const line = (side: number) => view.all(`[data-side="${side}"]`).map((one) => one.textContent);
    expect(line(0)).toEqual(["When", "·Mary", "·and", "·John", "·went", ","]);
    expect(line(1)).toEqual(["When", "·Anna", "·and", "·old", "·John", "·went"]);
    expect(view.find(".measured").textContent).toContain("at “John” = 9.50 on the first prompt");
  });

  it("runs another second prompt on Enter, and closes", async () => {
    const { stage, view } = await comparison();
    const area = view.find<HTMLTextAreaElement>(".second textarea");
    expect(area.value).toBe(SECOND.join(""));
    area.value = "When Ruth and John went";
    area.dispatchEvent(new InputEvent("input", { bubbles: true }));
    press(area, "Enter");
    view.find<HTMLButtonElement>('[aria-label="close the comparison"]').click();
    expect(stage.calls).toEqual([
      ["compare", "When Ruth and John went"],
      ["compare", null],
    ]);
  });

  it("says why nothing can be patched, and has its pairs as a table", async () => {
    const { panel } = await comparison({ problem: "The second prompt has other positions." });
    expect(panel.querySelector(".outcome")!.textContent).toContain("The second prompt has other positions.");
    panel.querySelector<HTMLButtonElement>(".tail button")!.click();
    await painted();
    const rows = [...panel.querySelectorAll("tbody tr")].map((row) => [...row.children].map((one) => one.textContent));
    expect(rows[1]).toEqual(["1 Mary", "1 Anna", "differs"]);
    expect(rows[3]).toEqual(["–", "3 old", "unaligned"]);
    expect(TEXTS.length).toBe(6);
  });

  it("puts tokens of either prompt on the page as text", async () => {
    const hostile = ["<img src=x onerror=alert(1)>", "<b>", ..."abcd"];
    const { view } = await comparison({ tokens: { total: 6, texts: hostile, kinds: "tttttt" } });
    expect(view.root.querySelectorAll(".pairs img, .pairs b").length).toBe(0);
    expect(view.find('[data-side="1"][data-at="0"]').textContent).toBe(hostile[0]);
  });

  it("lays two prompts of 4,096 tokens in a box of its own, quickly, and a hover builds nothing", async () => {
    const texts = Array.from({ length: 4096 }, (_, i) => ` t${i}`);
    const stage = makeStage({ panels: ["compare"] });
    const tokens = { total: 4096, texts, kinds: "t".repeat(4096) };
    stage.run.value = { ...stage.run.value!, tokens };
    (stage.tokens as { value: unknown }).value = { texts, kinds: tokens.kinds };
    stage.compared.value = compared({ tokens, how: "position", pairs: texts.map((_, i): Pair => [i, i]) });
    stage.selection.pin({ query: 4095 });
    const began = performance.now();
    const view = show(stage, 900);
    await painted();
    expect(performance.now() - began).toBeLessThan(2000);
    const box = view.find(".pairs");
    expect(view.all(".pairs .tk").length).toBe(8192);
    expect(box.scrollHeight).toBeGreaterThan(box.clientHeight * 4);
    const below = () =>
      box.getBoundingClientRect().bottom - view.find('[data-side="1"][data-at="4095"]').getBoundingClientRect().bottom;
    await expect.poll(below).toBeGreaterThanOrEqual(0);
    const nodes = view.all("*").length;
    pointAt(view.find('[data-side="0"][data-at="4090"]'), "pointerover", 2, 2);
    await painted();
    expect(view.all(".pairs .hover").length).toBe(2);
    expect(view.all("*").length - nodes).toBeLessThan(10);
  });
});
