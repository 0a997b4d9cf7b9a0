/** The player of a tour: its steps, its questions, its keys; and that what a note says is data. */
import { signal } from "@preact/signals";
import { afterEach, describe, expect, it } from "vitest";
import type { Tour, TreeNode } from "../../src/protocol";
import { SourceError } from "../../src/source/source";
import { endAll, type Mounted, makeNote, makeStage, painted, press, show, type TestStage } from "./stage";

afterEach(endAll);

function makeTour(more: Partial<Tour> = {}): Tour {
  return {
    title: "Two heads",
    steps: 5,
    at: 1,
    note: "b",
    text: "It looks at Mary.",
    tree: null,
    words: "L3H1 · “ to” → “ Mary”",
    why: "",
    ask: "",
    revealed: true,
    guess: null,
    hidden: [],
    ...more,
  };
}

const ASKING: Partial<Tour> = { text: "", words: "", ask: "Which head copies?", revealed: false, hidden: ["b"] };

async function playing(more: Partial<Tour> = {}, width = 1040): Promise<[TestStage, Mounted]> {
  const stage = makeStage();
  stage.tour.value = makeTour(more);
  const view = show(stage, width);
  await painted();
  return [stage, view];
}

const button = (view: Mounted, words: string) =>
  view.all(".tour button").find((one) => one.textContent === words) as HTMLButtonElement;

function type(view: Mounted, text: string): HTMLInputElement {
  const line = view.find<HTMLInputElement>(".tour input");
  line.value = text;
  line.dispatchEvent(new InputEvent("input", { bubbles: true }));
  return line;
}

/** A stage whose calls are answered when the test says so. */
function held(stage: TestStage): (() => void)[] {
  const answers: (() => void)[] = [];
  const play = stage.play;
  stage.play = async (op) => {
    await play(op);
    await new Promise<void>((go) => answers.push(go));
  };
  return answers;
}

describe("the player", () => {
  it("is not there until a tour plays, and goes when it ends", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    expect(view.root.querySelector(".tour")).toBe(null);
    stage.tour.value = makeTour();
    await painted();
    expect(view.find(".tour").textContent).toContain("It looks at Mary.");
    stage.tour.value = null;
    await painted();
    expect(view.root.querySelector(".tour")).toBe(null);
  });

  it("says where it stands, what the note says and what it is about, between the bar and the panels", async () => {
    const [, view] = await playing({ why: "made on another prompt" });
    expect(view.find(".tour h3").textContent).toBe("Two heads");
    expect(view.find(".tour .head .dim").textContent).toBe("2 of 5");
    expect(view.find(".tour .said").textContent).toBe(
      "Step 2 of 5.It looks at Mary.L3H1 · “·to” → “·Mary”made on another prompt",
    );
    const { top, bottom } = view.find(".tour").getBoundingClientRect();
    expect(top).toBeGreaterThanOrEqual(view.panel("bar").getBoundingClientRect().bottom);
    expect(bottom).toBeLessThanOrEqual(view.panel("text").getBoundingClientRect().top);
  });

  it("is there too in a view without a bar, and before the first run", async () => {
    const stage = makeStage({ panels: ["heads"] });
    stage.tour.value = makeTour();
    stage.run.value = null;
    const view = show(stage, 500);
    await painted();
    expect(view.find(".tour").getBoundingClientRect().bottom).toBeLessThanOrEqual(
      view.panel("heads").getBoundingClientRect().top,
    );
  });

  it("comes and goes without the panels being made anew", async () => {
    for (const panels of [["heads"], ["bar", "heads"]] as const) {
      const stage = makeStage({ panels: [...panels] });
      const view = show(stage);
      await painted();
      const heads = view.panel("heads");
      stage.tour.value = makeTour();
      await painted();
      expect(view.panel("heads")).toBe(heads);
      stage.tour.value = null;
      await painted();
      expect(view.panel("heads")).toBe(heads);
    }
  });

  it("steps, and at the ends stays", async () => {
    const [stage, view] = await playing({ at: 3 });
    button(view, "Next").click();
    await painted();
    stage.tour.value = makeTour({ at: 4, note: "e" });
    await painted();
    expect(button(view, "Next").getAttribute("aria-disabled")).toBe("true");
    button(view, "Next").click();
    button(view, "Previous").click();
    await painted();
    button(view, "End").click();
    expect(stage.calls).toEqual([
      ["play", { op: "go", at: 4 }],
      ["play", { op: "go", at: 3 }],
      ["play", { op: "end" }],
    ]);
  });

  it("counts every press, also before the kernel has come to the step before: the last one wins", async () => {
    const stage = makeStage();
    stage.tour.value = makeTour({ at: 0 });
    const answers = held(stage);
    (stage as { settled: unknown }).settled = signal(false); // the kernel is at it: nothing is switched off
    const view = show(stage);
    await painted();
    for (let i = 0; i < 3; i++) button(view, "Next").click();
    await painted();
    expect(view.find(".tour .head .dim").textContent).toBe("4 of 5");
    expect(view.find(".tour").dataset.state).toBe("waiting");
    stage.tour.value = makeTour({ at: 1 });
    await painted();
    expect(view.find(".tour .head .dim").textContent).toBe("4 of 5");
    button(view, "Previous").click();
    expect(stage.calls.map(([, op]) => (op as { at: number }).at)).toEqual([1, 2, 3, 2]);
    for (const answer of answers) answer();
    await painted();
    stage.tour.value = makeTour({ at: 2 });
    await painted();
    expect(view.find(".tour .head .dim").textContent).toBe("3 of 5");
    expect(view.find(".tour").dataset.state).toBe("ready");
  });

  it("is ended once, however often that is pressed", async () => {
    const [stage, view] = await playing();
    held(stage);
    button(view, "End").click();
    button(view, "End").click();
    await painted();
    expect(stage.calls).toEqual([["play", { op: "end" }]]);
  });

  it("follows Python, once nothing of its own is under way", async () => {
    const [stage, view] = await playing({ at: 0 });
    button(view, "Next").click();
    await painted();
    stage.tour.value = makeTour({ at: 1 });
    await painted();
    stage.tour.value = makeTour({ at: 4, text: "set from Python" });
    await painted();
    expect(view.find(".tour .head .dim").textContent).toBe("5 of 5");
    expect(view.find(".tour .prose").textContent).toBe("set from Python");
  });

  it("says what the kernel refuses, keeps its text, and takes the press back", async () => {
    const [stage, view] = await playing();
    stage.refusing = new SourceError("Failed", "the kernel does not answer", "Restart it.");
    button(view, "Next").click();
    await painted();
    expect(view.find(".tour .failed").textContent).toContain("the kernel does not answer. Restart it.");
    expect(view.find(".tour .head .dim").textContent).toBe("2 of 5");
    expect(view.find(".tour .prose").textContent).toBe("It looks at Mary.");
    stage.refusing = null;
    button(view, "Next").click();
    await painted();
    expect(view.root.querySelector(".tour .failed")).toBe(null);
  });
});

describe("a step that asks", () => {
  it("shows its question and nothing of its answer, then what was guessed beside what it says", async () => {
    const [stage, view] = await playing(ASKING);
    expect(view.find(".tour .said").textContent).toBe("Step 2 of 5.Which head copies?");
    type(view, " L3H1, I think ");
    view.find<HTMLFormElement>(".tour form").requestSubmit();
    await painted();
    expect(stage.calls).toEqual([
      ["play", { op: "guess", text: "L3H1, I think" }],
      ["play", { op: "reveal" }],
    ]);
    stage.tour.value = makeTour({ ask: "Which head copies?", guess: "L3H1, I think" });
    await painted();
    expect(view.root.querySelector(".tour form")).toBe(null);
    expect(view.find(".tour .prose").textContent).toBe("It looks at Mary.");
    expect(view.find(".tour .said").textContent).toContain("Step 2 of 5.Which head copies?It looks at Mary.");
    expect(view.find(".tour .guessed").textContent).toBe("you said: L3H1, I think");
  });

  it("is not counted among the notes until it is shown", async () => {
    const stage = makeStage({ panels: ["bar", "heads", "notes"] });
    stage.notes.value = { ...stage.notes.value, items: [makeNote("a"), makeNote("b")] };
    stage.tour.value = makeTour(ASKING);
    const view = show(stage);
    await painted();
    expect(view.find(".notes-toggle").textContent).toBe("Notes 1");
    stage.tour.value = makeTour();
    await painted();
    expect(view.find(".notes-toggle").textContent).toBe("Notes 2");
  });

  it("is shown without a guess, and asked for once however often it is pressed", async () => {
    const [stage, view] = await playing(ASKING);
    held(stage);
    type(view, "   ");
    button(view, "Show").click();
    button(view, "Show").click();
    await painted();
    expect(stage.calls).toEqual([["play", { op: "reveal" }]]);
  });

  it("is not shown while the guess is refused, and a guess that was taken is not sent again", async () => {
    const [stage, view] = await playing(ASKING);
    stage.refusing = new SourceError("BadRequest", "the guess is too long", null);
    type(view, "L0H0");
    button(view, "Show").click();
    await painted();
    expect(stage.calls.length).toBe(1);
    expect(view.find(".tour .failed").textContent).toContain("the guess is too long");
    stage.refusing = null;
    stage.tour.value = makeTour({ ...ASKING, guess: "L0H0" });
    await painted();
    button(view, "Show").click();
    await painted();
    expect(stage.calls.slice(1)).toEqual([["play", { op: "reveal" }]]);
  });

  it("reveals the question that is read, also when another step was pressed meanwhile", async () => {
    const [stage, view] = await playing(ASKING);
    const answers = held(stage);
    button(view, "Next").click();
    await painted();
    button(view, "Show").click();
    for (let i = 0; i < 3; i++) {
      for (const answer of answers.splice(0)) answer();
      await painted();
    }
    expect(stage.calls.map(([, op]) => op)).toEqual([{ op: "go", at: 2 }, { op: "go", at: 1 }, { op: "reveal" }]);
  });

  it("can be answered by selecting: the words of what is selected, as notes have them", async () => {
    const [stage, view] = await playing(ASKING);
    button(view, "Use what I selected").click();
    await painted();
    expect(view.find<HTMLInputElement>(".tour input").value).toBe("L2H1 · “,”");
    stage.selection.pin({ layer: 1, head: 3, query: 4, key: 1 });
    await painted();
    button(view, "Use what I selected").click();
    await painted();
    expect(view.find<HTMLInputElement>(".tour input").value).toBe("L1H3 · “ went” → “ Mary”");
    type(view, "not");
    await painted();
    stage.selection.pin({ query: null, key: null });
    stage.selection.toggleHead(0, 2);
    await painted();
    button(view, "Use what I selected").click();
    await painted();
    expect(view.find<HTMLInputElement>(".tour input").value).toBe("not heads 1.3, 0.2");
  });

  it("keeps what was typed while other steps are looked at", async () => {
    const [stage, view] = await playing(ASKING);
    type(view, "half a thou");
    stage.tour.value = makeTour({ ...ASKING, at: 2, note: "c" });
    await painted();
    expect(view.find<HTMLInputElement>(".tour input").value).toBe("");
    stage.tour.value = makeTour(ASKING);
    await painted();
    expect(view.find<HTMLInputElement>(".tour input").value).toBe("half a thou");
  });
});

describe("by keys", () => {
  it("the arrows step, and go no further to the notebook", async () => {
    const [stage, view] = await playing();
    const heard: string[] = [];
    view.host.addEventListener("keydown", ({ key }) => heard.push(key));
    button(view, "Next").focus();
    expect(press(button(view, "Next"), "ArrowRight").defaultPrevented).toBe(true);
    press(button(view, "Next"), "ArrowLeft");
    expect(stage.calls.map(([, op]) => op)).toEqual([
      { op: "go", at: 2 },
      { op: "go", at: 1 },
    ]);
    expect(press(button(view, "Next"), "Escape").defaultPrevented).toBe(false);
    expect(heard).toEqual(["Escape"]);
  });

  it("nothing that is typed into the guess steps, or reaches the notebook", async () => {
    const [stage, view] = await playing(ASKING);
    const heard: string[] = [];
    view.host.addEventListener("keydown", ({ key }) => heard.push(key));
    for (const key of ["ArrowLeft", "ArrowRight", "a", "Escape"])
      expect(press(view.find(".tour input"), key).defaultPrevented).toBe(false);
    expect([heard, stage.calls]).toEqual([[], []]);
  });

  it("the focus stays in the player when a step changes, and when the question goes", async () => {
    const [stage, view] = await playing(ASKING);
    button(view, "Previous").focus();
    stage.tour.value = makeTour({ at: 0, note: "a" });
    await painted();
    expect(view.root.activeElement).toBe(button(view, "Previous"));
    stage.tour.value = makeTour(ASKING);
    await painted();
    view.find(".tour input").focus();
    stage.tour.value = makeTour();
    await painted();
    expect(view.root.activeElement).toBe(button(view, "Next"));
  });

  it.each([
    [["bar", "text", "notes"] as const, ".notes-toggle"],
    [["heads"] as const, '[role="grid"]'],
  ])("the focus stays in the view when the tour ends (%o)", async (panels, at) => {
    const stage = makeStage({ panels: [...panels] });
    stage.tour.value = makeTour();
    const view = show(stage);
    await painted();
    button(view, "End").focus();
    stage.tour.value = null;
    await painted();
    expect(view.root.activeElement).toBe(view.find(at));
    stage.tour.value = makeTour();
    await painted();
    stage.tour.value = null;
    await painted();
    expect(view.root.activeElement).toBe(view.find(at));
  });

  it("takes no focus that was elsewhere, and the new text is announced in one and the same place", async () => {
    const [stage, view] = await playing(ASKING);
    const said = view.find(".tour [aria-live=polite]");
    const prompt = view.find("textarea");
    prompt.focus();
    stage.tour.value = makeTour({ at: 2, note: "c", text: "Another" });
    await painted();
    expect(view.root.activeElement).toBe(prompt);
    expect(view.find(".tour [aria-live=polite]")).toBe(said);
    expect(said.textContent).toContain("Step 3 of 5.Another");
  });
});

describe("what a note says is data", () => {
  const hostile = '<img src=x onerror="globalThis.hurt = 1"><script>globalThis.hurt = 1</script>';

  it("in its text, title, words, question, guess and standing", async () => {
    const more = { title: hostile, text: hostile, words: hostile, why: hostile, guess: hostile };
    const [stage, view] = await playing(more);
    expect(view.all(".tour img, .tour script").length).toBe(0);
    expect(view.find(".tour .prose").textContent).toBe(hostile);
    stage.tour.value = makeTour({ ...more, ask: hostile, revealed: false });
    await painted();
    expect(view.all(".tour img, .tour script").length).toBe(0);
    expect(view.find(".tour .question").textContent).toBe(hostile);
    expect((globalThis as { hurt?: number }).hurt).toBe(undefined);
  });

  it("its Markdown as known elements; a link that is none is text", async () => {
    const tree: TreeNode[] = [
      {
        tag: "p",
        kids: ["looks ", { tag: "strong", kids: ["back"] }, { tag: "script", kids: ["globalThis.hurt = 1"] }],
      },
      { tag: "a", kids: ["here"], href: "javascript:globalThis.hurt = 1" },
    ];
    const [, view] = await playing({ tree });
    expect(view.find(".tour .prose strong").textContent).toBe("back");
    expect(view.all(".tour script, .tour a").length).toBe(0);
    expect(view.find(".tour .prose").textContent).toBe("looks backglobalThis.hurt = 1here");
  });

  it("with marks that turn the reading round shown as signs in a title", async () => {
    const [, view] = await playing({ title: "a\u202eb" });
    expect(view.find(".tour h3").textContent).not.toContain("\u202e");
  });
});

describe("at any width", () => {
  it.each([320, 420, 800, 1040, 1400])("of %i px nothing stands out of the player", async (width) => {
    const long = "averylongwordwithoutanyspace".repeat(20);
    for (const more of [
      { title: long, text: long, words: long, guess: long },
      { ...ASKING, ask: long },
    ]) {
      const [, view] = await playing(more, width);
      const player = view.find(".tour");
      expect(player.scrollWidth).toBeLessThanOrEqual(player.clientWidth);
      expect(view.host.scrollWidth).toBeLessThanOrEqual(width);
    }
  });
});
