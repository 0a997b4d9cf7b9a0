/** The list of changes: what it says, what its parts ask for, what a refusal does; and the key that sets a head to zero. */
import { afterEach, describe, expect, it } from "vitest";
import { stageOf } from "../../src/model-stage";
import { gridOf } from "../../src/panels/grid";
import { SnapshotSource } from "../../src/source/snapshot";
import { SourceError } from "../../src/source/source";
import { answerWords } from "../../src/views/changes/changes-words";
import { FakeModel, framePassed } from "../fake-model";
import { field, RUN, SETTINGS, SHOWING, SHOWN } from "../shapes";
import {
  endAll,
  fieldsOf,
  METRIC,
  makeChange,
  makeStage,
  painted,
  press,
  show,
  shownRun,
  TEXTS,
  TestSource,
  type TestStage,
} from "./stage";

afterEach(endAll);

const ALL: TestStage["panels"]["value"] = ["bar", "heads", "pattern", "changes", "causes"];
const EFFECT = field("ablation_effect", [
  ["layer", 3],
  ["head", 4],
]);
const OPTIONS = [
  ...SHOWING.options,
  { which: "changed" as const, label: "changed run" },
  { which: "difference" as const, label: "changed − clean" },
];

function changed(...changes: TestStage["changes"]["value"]): TestStage {
  const stage = makeStage({ panels: ALL });
  stage.metric.value = METRIC;
  stage.changes.value = changes;
  stage.showing.value = { which: "changed", options: OPTIONS };
  const made = changes.filter(({ on }) => on).map(({ id }) => id);
  stage.run.value = shownRun(stage, 2, {
    which: "changed",
    label: "changed run",
    changes: made,
    before: 9.5,
    after: 9.12,
  });
  return stage;
}

const texts = (elements: Iterable<Element>) => [...elements].map((one) => one.textContent);

describe("the list of changes", () => {
  it("says in words what each is and does alone, with sign and unit, and what all do together", async () => {
    const view = show(changed(makeChange(3), makeChange(5, { words: "mlp_out set to zero", on: false, effect: 1.2 })));
    await painted();
    const panel = view.panel("changes");
    expect(panel.querySelector(".head")!.textContent).toContain("1 of 2 on");
    expect(panel.querySelector(".answer")!.textContent).toBe("logit(·Mary) − logit(·John): 9.50 → 9.12 (−0.38)");
    expect(texts(panel.querySelectorAll(".alone"))).toEqual(["−0.38 logits", "+1.20 logits"]);
    expect(texts(panel.querySelectorAll(".what"))[0]).toContain("z of head 2.1 set to zero");
    expect([...panel.querySelectorAll<HTMLInputElement>("[type=checkbox]")].map((box) => box.checked)).toEqual([
      true,
      false,
    ]);
  });

  it("says what is not known yet, and why one could not be made", async () => {
    const view = show(changed(makeChange(3, { effect: null }), makeChange(4, { failed: "there is no layer 9" })));
    await painted();
    expect(texts(view.all(".alone"))).toEqual(["…", ""]);
    expect(view.find('[data-change="4"] .failed').textContent).toContain("there is no layer 9");
  });

  it("says where the attention of a look that was cut went", async () => {
    const to = [
      { key: 0, share: 0.8 },
      { key: 5, share: 0.1 },
    ];
    const view = show(changed(makeChange(3, { moved: [{ layer: 2, head: 1, query: 4, share: 0.93, to }] })));
    await painted();
    expect(view.find("[data-change] .more").textContent).toBe(
      "93.0% of L2H1’s look from “went” moved: 80.0% to “When”, 10.0% to “,”",
    );
  });

  it("counts the rows that it does not show, and of as many as are told at most says that there may be more", async () => {
    const rows = (n: number) =>
      Array.from({ length: n }, (_, query) => ({ layer: 2, head: 1, query, share: 0.5, to: [] }));
    const of = (n: number) => makeChange(n, { moved: rows(n) });
    const view = show(changed(of(2), of(3), of(7), of(8)));
    await painted();
    expect([2, 3, 7, 8].map((n) => texts(view.all(`[data-change="${n}"] .more`))[2])).toEqual([
      undefined,
      "and in 1 more row",
      "and in 5 more rows",
      "and in at least 6 more rows",
    ]);
  });

  it("says that a change is made in the second prompt, which is not where its activations are from", async () => {
    const words = "resid_pre in layer 1 taken from another prompt at position 2";
    const view = show(changed(makeChange(3, { words, run: "second" })));
    await painted();
    expect(view.find(".what").textContent).toContain(`${words} (in the second prompt)`);
  });

  it("asks for what its parts are pressed for", async () => {
    const stage = changed(makeChange(3));
    const view = show(stage);
    await painted();
    const panel = view.panel("changes");
    panel.querySelector<HTMLInputElement>("[type=checkbox]")!.click();
    panel.querySelector<HTMLElement>("[aria-label^='take away']")!.click();
    panel.querySelector<HTMLElement>(".clear")!.click();
    [...panel.querySelectorAll<HTMLElement>(".switch button")]
      .find((one) => one.textContent === "changed − clean")!
      .click();
    expect(stage.calls).toEqual([
      ["change", { op: "set", id: 3, on: false }],
      ["change", { op: "remove", id: 3 }],
      ["change", { op: "clear" }],
      ["show", "difference"],
    ]);
  });

  it("lets a change be named in place: Enter keeps, Escape leaves it", async () => {
    const stage = changed(makeChange(3, { name: "old" }));
    const view = show(stage);
    await painted();
    const typed = async (text: string, key: string) => {
      view.find<HTMLButtonElement>("button.name").click();
      await painted();
      const line = view.find<HTMLInputElement>("input.name");
      expect(line.value).toBe("old");
      line.value = text;
      press(line, key);
      await painted();
    };
    await typed("mover", "Escape");
    expect(stage.calls).toEqual([]);
    await typed("mover", "Enter");
    expect(stage.calls).toEqual([["change", { op: "set", id: 3, name: "mover" }]]);
    expect(view.root.querySelector("input.name")).toBe(null);
  });

  it("shows names, words and tokens as text, whatever they hold", async () => {
    const evil = '<img src=x onerror="window.hurt=1">';
    const moved = [{ layer: 2, head: 1, query: 0, share: 1, to: [{ key: 1, share: 1 }] }];
    const stage = makeStage({ panels: ALL, texts: [evil, ` ${evil}`] });
    stage.metric.value = { ...METRIC, position: 1, target: { id: 1, text: evil } };
    stage.changes.value = [makeChange(3, { name: evil, words: evil, failed: evil, moved })];
    const view = show(stage);
    await painted();
    expect(view.root.querySelectorAll("img").length).toBe(0);
    expect(view.find("button.name").textContent).toBe(evil);
    expect(view.find("[data-change]").textContent!.split("<img").length).toBeGreaterThan(3);
  });

  it("says what the kernel refuses, with what to do", async () => {
    const stage = changed(makeChange(3));
    stage.refusing = new SourceError("BadRequest", "there is no layer 9", "Layers are 0 to 2.");
    const view = show(stage);
    await painted();
    view.find<HTMLInputElement>("[type=checkbox]").click();
    await painted();
    expect(view.panel("changes").querySelector('[role="alert"]')!.textContent).toContain(
      "there is no layer 9. Layers are 0 to 2.",
    );
    stage.refusing = null;
    view.find<HTMLInputElement>("[type=checkbox]").click();
    await painted();
    expect(view.panel("changes").querySelector('[role="alert"]')).toBe(null);
  });

  it("dims what it says of the answer while another run is on its way, and never its own list", async () => {
    const stage = changed(makeChange(3));
    const view = show(stage);
    await painted();
    const current = () => view.find(".answer").dataset.current;
    expect(current()).toBe("true");
    stage.changes.value = [makeChange(3), makeChange(4)];
    await painted();
    expect([current(), view.panel("changes").dataset.state]).toEqual(["false", "ready"]);
    expect(view.all("[data-change]").length).toBe(2);
  });

  it("proposes to hold attention against effect, in one assignment, until that is on screen", async () => {
    const effect = { meta: EFFECT, values: Array.from({ length: 12 }, (_, i) => i / 8) };
    const stage = changed(makeChange(3));
    stage.fields.value = [...stage.fields.value, EFFECT];
    const fields = [...fieldsOf({ layers: 3, heads: 4, texts: TEXTS }), effect];
    stage.source = new TestSource(new SnapshotSource(fields));
    const seen: unknown[] = [];
    stage.settings.subscribe((settings) => void seen.push(settings));
    const view = show(stage);
    await painted();
    const button = () =>
      [...view.panel("changes").querySelectorAll("button")].find((one) => /against/.test(one.textContent!));
    button()!.click();
    expect(seen.length).toBe(2);
    expect(stage.settings.value).toEqual({
      ...SETTINGS,
      headField: "attention",
      headFieldBeside: "ablation_effect",
      causeView: "scatter",
      scatterX: "attention",
      scatterY: "ablation_effect",
    });
    await painted();
    expect(button()).toBe(undefined);
  });
});

describe("where nothing is changed", () => {
  it("one sentence says so, and one action sets the selected head to zero", async () => {
    const stage = makeStage({ panels: ALL });
    stage.metric.value = METRIC;
    const view = show(stage);
    await painted();
    const panel = view.panel("changes");
    expect(panel.textContent).toContain("Nothing is changed. L2H1 is selected: Zero this head");
    expect(panel.querySelector(".switch")).toBe(null);
    expect(panel.offsetHeight).toBeLessThan(72);
    expect(panel.querySelectorAll("button").length).toBe(1);
    panel.querySelector("button")!.click();
    expect(stage.calls).toEqual([["change", { op: "add", change: { site: "z", layer: [2], head: [1] } }]]);
  });

  it("the panel stands beside that of causes, below the heads", () => {
    expect(gridOf(ALL, 1040).areas.split('" "')[2]).toBe(
      `${"changes ".repeat(6)}${"causes ".repeat(6)}`.trim().concat('"'),
    );
  });
});

describe("at any width", () => {
  it.each([320, 500, 1040])(
    "of %i px neither the list nor the choice of runs stands out of its panel",
    async (width) => {
      const stage = changed(makeChange(3, { name: "a name as long as a name may be ".repeat(4) }), makeChange(4));
      const labels = ["first prompt", "first prompt, changed", "first prompt, changed − clean", "second prompt"];
      const second = ["second prompt, changed", "second prompt, changed − clean", "second − first"];
      const kinds = [
        "clean",
        "changed",
        "difference",
        "second",
        "second_changed",
        "second_difference",
        "prompts",
      ] as const;
      const options = kinds.map((which, i) => ({ which, label: [...labels, ...second][i]! }));
      stage.showing.value = { which: "changed", options };
      stage.run.value = shownRun(stage, 3, {
        which: "changed",
        label: "first prompt, changed − clean",
        changes: [3, 4],
      });
      const view = show(stage, width);
      await painted();
      expect(view.panel("changes").querySelectorAll(".switch button").length).toBe(7);
      const panel = view.panel("changes");
      expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth + 1);
    },
  );
});

describe("z", () => {
  it.each(["heads", "pattern"])("in the %s sets the selected head to zero, or gives it back", async (name) => {
    const stage = makeStage({ panels: ALL });
    const view = show(stage);
    await painted();
    const surface = view.panel(name).querySelector('[role="grid"]')!;
    expect(press(surface, "z").defaultPrevented).toBe(true);
    press(surface, "z"); // before the first is answered: not added twice
    expect(stage.calls).toEqual([["change", { op: "add", change: { site: "z", layer: [2], head: [1] } }]]);
    await painted();
    stage.changes.value = [
      makeChange(3, { how: "other" }),
      makeChange(4, { places: { ...makeChange(4).places, position: [1] } }),
      makeChange(5),
    ];
    press(surface, "z");
    expect(stage.calls.at(-1)).toEqual(["change", { op: "set", id: 5, on: false }]);
  });

  it("does nothing where no list of changes would show it", async () => {
    const stage = makeStage({ panels: ["heads"] });
    const view = show(stage);
    await painted();
    expect(press(view.find('[role="grid"]'), "z").defaultPrevented).toBe(false);
    expect(stage.calls).toEqual([]);
  });
});

describe("a switch in the list, over a kernel", () => {
  it("stays where it was put while answers to former presses come in", async () => {
    const life = new AbortController();
    const kernel = (on: boolean) => [makeChange(3, { on })];
    const model = new FakeModel({ panels: ["changes"], run: RUN, changes: kernel(true), showing: SHOWING });
    const stage = stageOf(model, life.signal);
    const view = show(stage);
    await painted();
    const box = () => view.find<HTMLInputElement>("[type=checkbox]");
    const seen: boolean[] = [];
    box().click();
    await painted();
    seen.push(box().checked);
    box().click();
    await painted();
    seen.push(box().checked);
    for (const [at, on] of [false, true].entries()) {
      model.python({ changes: kernel(on) });
      await painted();
      seen.push(box().checked);
      model.reply([{ id: at + 1, ok: true, result: { accepted: true } }]);
      await framePassed();
      seen.push(box().checked);
    }
    expect(seen).toEqual([false, true, true, true, true, true]);
    box().click();
    await painted();
    model.reply([{ id: 3, ok: false, error: { type: "Failed", message: "no", hint: null } }]);
    await framePassed();
    await painted();
    expect(box().checked).toBe(true);
    life.abort();
  });
});

describe("the answer in words", () => {
  it("has two decimals and a sign on the change; what was not changed is one number", () => {
    expect(answerWords(METRIC, { ...SHOWN, before: 9.5, after: 9.5 })).toBe("logit(·Mary) − logit(·John) = 9.50");
    expect(answerWords(METRIC, SHOWN, " at “to”")).toBe("logit(·Mary) − logit(·John) at “to” = 9.50");
    expect(answerWords(METRIC, { ...SHOWN, before: -1, after: 0.5 })).toBe(
      "logit(·Mary) − logit(·John): −1.00 → 0.50 (+1.50)",
    );
    expect(answerWords(METRIC, { ...SHOWN, which: "second" })).toBe(
      "logit(·Mary) − logit(·John) = 9.50 on the first prompt",
    );
    const share = { ...METRIC, quantity: "probability", name: "probability of ' Mary'", unit: "probability" };
    expect(answerWords(share, { ...SHOWN, before: 0.5, after: 0.00012 })).toBe(
      "probability of ' Mary': 0.50 → 0.00012 probability (−0.50)",
    );
  });
});
