/** The panel of notes: what its cards say, the way back to a moment, filters, the keys, and what a refusal does. */
import { afterEach, describe, expect, it } from "vitest";
import { SourceError } from "../../src/source/source";
import { DARK, LIGHT } from "../../src/theme";
import { endAll, type Mounted, makeNote, makeStage, painted, press, show, type TestStage } from "./stage";

afterEach(endAll);

type Item = ReturnType<typeof makeNote>;

function noted(...items: Item[]): TestStage {
  return notedIn(["bar", "heads", "notes"], items);
}

function notedIn(panels: TestStage["panels"]["value"], items: Item[]): TestStage {
  const stage = makeStage({ panels });
  stage.settings.value = { ...stage.settings.value, notesPanel: "open" };
  stage.notes.value = { ...stage.notes.value, path: "found.jsonl", author: "ana", items };
  return stage;
}

async function shown(stage: TestStage, width?: number): Promise<Mounted> {
  const view = show(stage, width);
  await painted();
  return view;
}

const cards = (view: Mounted) => view.all(".card").map((card) => card.dataset.note);
const card = (view: Mounted, id: string) => view.all(".card").find((one) => one.dataset.note === id)!;
const buttonIn = (within: ParentNode, words: string) =>
  [...within.querySelectorAll<HTMLElement>("button")].find((one) => one.textContent!.trim() === words)!;
const where = (view: Mounted, id: string) => card(view, id).querySelector<HTMLElement>(".where")!;
const returns = (stage: TestStage) => stage.calls.filter(([name]) => name === "returnTo").map(([, given]) => given);
const focusedCard = (view: Mounted) => view.root.activeElement?.closest<HTMLElement>(".card")?.dataset.note;

describe("a card", () => {
  it("says what it is about, what was found, who found it when, and how strong the evidence is", async () => {
    const view = await shown(
      noted(
        makeNote("a", {
          words: "L2H1 · “ to” → “ Mary”",
          text: "copies\n  it",
          tags: ["mover", "ioi"],
          evidence: "intervened",
          edited: true,
        }),
      ),
    );
    const it = card(view, "a");
    expect(it.querySelector(".where")!.textContent).toBe("L2H1 · “·to” → “·Mary”");
    expect(it.querySelector(".where")!.getAttribute("aria-label")).toBe("L2H1 · “ to” → “ Mary”: copies it");
    expect(it.querySelector(".prose")!.textContent).toBe("copies\n  it");
    expect(getComputedStyle(it.querySelector(".prose")!).whiteSpace).toBe("pre-wrap");
    expect(it.querySelector(".evidence")!.textContent).toBe("● intervened");
    expect(it.querySelector("time")!.getAttribute("datetime")).toBe("2026-11-22T18:00:00Z");
    expect(it.querySelector(".by-line")!.textContent).toMatch(/^ana.*edited#mover#ioi/);
    expect(it.querySelector("time")!.title).toMatch(/2026/);
  });

  it("is called by its words without the marks of Markdown", async () => {
    const tree = [{ tag: "p", kids: ["the ", { tag: "strong", kids: ["second"] }, " name"] }];
    const view = await shown(noted(makeNote("a", { text: "the **second** name", tree })));
    expect(where(view, "a").getAttribute("aria-label")).toBe("L2H1: the second name");
  });

  it("says where it stands, and why, unless it stands here", async () => {
    const why = "“ Mary” is at 1 here.";
    const standings = ["here", "moved", "choose", "carried", "detached"] as const;
    const view = await shown(noted(...standings.map((standing) => makeNote(standing, { standing, why }))));
    expect(
      standings.map((id) => card(view, id).querySelector(":scope > p:nth-of-type(2) > .dim")?.textContent),
    ).toEqual([undefined, ...new Array<string>(4).fill("“·Mary” is at 1 here.")]);
    expect(card(view, "detached").textContent).toContain("not found here: “·Mary”");
  });

  it("of a note that is found more than once, offers the places, and tells which was chosen", async () => {
    const about = { layer: null, head: null, heads: [], query: [3, 4] as [number, number], key: null, change: null };
    const choices = [
      { about, words: "“ John” at 3" },
      { about: { ...about, query: [9, 10] as [number, number] }, words: "“ John” at 9" },
    ];
    const stage = noted(makeNote("a", { standing: "choose", about: null, choices }));
    const view = await shown(stage);
    buttonIn(view.panel("notes"), "“·John” at 9").click();
    expect(stage.calls).toEqual([["note", { op: "attach", id: "a", about: choices[1]!.about }]]);
  });

  it("has its replies below it; a reply whose note is not here says so", async () => {
    const view = await shown(
      noted(
        makeNote("a"),
        makeNote("b", { reply: "a" }),
        makeNote("c", { reply: "b" }),
        makeNote("d", { reply: "gone" }),
      ),
    );
    expect(cards(view)).toEqual(["a", "b", "c", "d"]);
    const inside = (id: string) => card(view, id).closest("ul")!.getAttribute("aria-label");
    expect(["a", "b", "c", "d"].map(inside)).toEqual([null, "replies", "replies", null]);
    expect(card(view, "d").textContent).toContain("reply to a note that is not here");
    expect(card(view, "b").getBoundingClientRect().left).toBeGreaterThan(card(view, "a").getBoundingClientRect().left);
  });

  it("is edited, resolved, deleted and undone by its buttons, and a refusal is said in it", async () => {
    const stage = noted(makeNote("a"), makeNote("b", { resolved: true }));
    stage.notes.value = { ...stage.notes.value, undo: "deleted “copies”" };
    stage.framing.value = { ...stage.framing.value, filters: { ...stage.framing.value.filters, resolved: "all" } };
    const view = await shown(stage);
    buttonIn(card(view, "a"), "resolve").click();
    buttonIn(card(view, "b"), "reopen").click();
    buttonIn(card(view, "a"), "delete").click();
    buttonIn(view.panel("notes"), "Undo: deleted “copies”").click();
    expect(stage.calls).toEqual([
      ["note", { op: "edit", id: "a", resolved: true }],
      ["note", { op: "edit", id: "b", resolved: false }],
      ["note", { op: "remove", id: "a" }],
      ["note", { op: "undo" }],
    ]);
    await painted();
    stage.refusing = new SourceError("Failed", "The note is gone.", "Undo brings it back.");
    buttonIn(card(view, "a"), "delete").click();
    await painted();
    expect(card(view, "a").querySelector('[role="alert"]')!.textContent).toContain(
      "The note is gone. Undo brings it back.",
    );
    expect(card(view, "b").querySelector('[role="alert"]')).toBe(null);
  });

  it("says that it waits for the kernel while that is at something else, until it has answered", async () => {
    const stage = noted(makeNote("a"), makeNote("b"));
    let answer = () => {};
    stage.note = async (op) => {
      stage.calls.push(["note", op]);
      await new Promise<void>((go) => {
        answer = go;
      });
      return null;
    };
    const view = await shown(stage);
    const waits = (id: string) => card(view, id).textContent!.includes("waits for the kernel");
    for (let i = 0; i < 2; i++) buttonIn(card(view, "a"), "resolve").click();
    await painted();
    expect(waits("a")).toBe(false); // no word flickers where it answers at once
    await expect.poll(() => waits("a")).toBe(true);
    expect([waits("b"), stage.calls.length]).toEqual([false, 1]);
    answer();
    await painted();
    expect(waits("a")).toBe(false);
  });

  it("tells who can not see it what was done", async () => {
    const view = await shown(noted(makeNote("a")));
    buttonIn(card(view, "a"), "resolve").click();
    await painted();
    expect(view.all('.notes [role="status"]').map((one) => one.textContent)).toContain("Resolved.");
  });
});

describe("a press on a card", () => {
  it("moves the selection to its place at once, and then asks the kernel for the moment", async () => {
    const about = {
      layer: 1,
      head: 3,
      heads: [],
      query: [4, 6] as [number, number],
      key: [2, 3] as [number, number],
      change: null,
    };
    const stage = noted(makeNote("a", { about }));
    const view = await shown(stage);
    where(view, "a").click();
    const { layer, head, query, key } = stage.selection.pinned;
    expect([layer.value, head.value, query.value, key.value]).toEqual([1, 3, 4, 2]);
    expect(stage.calls).toEqual([]);
    await painted();
    expect(returns(stage)).toEqual([{ note: "a", prompt: false }]);
    expect(card(view, "a").dataset.open).toBe("true");
    expect(where(view, "a").getAttribute("aria-current")).toBe("true");
  });

  it("anywhere on it does the same, but not on a button, nor at the end of selecting its text", async () => {
    const stage = noted(makeNote("a"));
    const view = await shown(stage);
    const prose = card(view, "a").querySelector<HTMLElement>(".prose")!;
    getSelection()!.selectAllChildren(prose);
    prose.click();
    await painted();
    expect(returns(stage)).toEqual([]);
    getSelection()!.removeAllRanges();
    prose.click();
    await painted();
    expect(returns(stage)).toEqual([{ note: "a", prompt: false }]);
    expect(focusedCard(view)).toBe("a");
    buttonIn(card(view, "a"), "resolve").click();
    await painted();
    expect(returns(stage).length).toBe(1);
  });

  it("brings back several heads, the head of an intervention, and of a note on a row lets go of the key", async () => {
    const none = { layer: null, head: null, heads: [], query: null, key: null, change: null };
    const heads: [number, number][] = [
      [1, 2],
      [0, 3],
    ];
    const change = { site: "z", layer: [0], head: [2], position: [3], key: null, neuron: null };
    const stage = noted(
      makeNote("heads", { about: { ...none, heads } }),
      makeNote("change", { about: { ...none, change } }),
      makeNote("embedding", { about: { ...none, layer: -1, query: [2, 3] } }),
    );
    stage.selection.pin({ key: 0 });
    const view = await shown(stage);
    const at = () => ["layer", "head", "query", "key"].map((name) => stage.selection.pinned[name as "layer"].value);
    where(view, "heads").click();
    expect([at(), stage.selection.heads.value]).toEqual([[1, 2, 5, null], heads]);
    where(view, "change").click();
    expect([at(), stage.selection.heads.value]).toEqual([[0, 2, 3, null], []]);
    where(view, "embedding").click();
    expect(at()).toEqual([0, 2, 2, null]);
  });

  it("says what could not be brought back, and leads back to where one was", async () => {
    const stage = noted(makeNote("a"), makeNote("b"));
    stage.returnTo = async (note, prompt) => {
      stage.calls.push(["returnTo", { note, prompt }]);
      return note ? ["There is no second prompt any more."] : [];
    };
    const view = await shown(stage);
    where(view, "a").click();
    await painted();
    expect(card(view, "a").textContent).toContain("There is no second prompt any more.");
    expect(card(view, "b").textContent).not.toContain("There is no second");
    buttonIn(card(view, "a"), "back to where I was").click();
    await painted();
    expect(returns(stage).at(-1)).toEqual({ note: null, prompt: undefined });
    expect(card(view, "a").textContent).not.toContain("There is no second");
    expect(card(view, "a").dataset.open).toBe("false");
  });

  it("is asked for once while the kernel works on it, and again after another", async () => {
    const stage = noted(makeNote("a"), makeNote("b"));
    const answers: (() => void)[] = [];
    const asked = stage.returnTo;
    stage.returnTo = async (note, prompt) => {
      await asked(note, prompt);
      await new Promise<void>((go) => answers.push(go));
      return [];
    };
    const view = await shown(stage);
    for (const id of ["a", "a", "b", "b", "a"]) where(view, id).click();
    await painted();
    for (const answer of answers) answer();
    await painted();
    where(view, "a").click();
    await painted();
    expect(returns(stage).map((one) => (one as { note: string }).note)).toEqual(["a", "b", "a", "a"]);
  });

  it("shows the answer to the last press, whatever comes in after it", async () => {
    const stage = noted(makeNote("a"), makeNote("b"));
    const answers = new Map<string | null, (left: string[]) => void>();
    stage.returnTo = (note) => new Promise((answer) => answers.set(note, answer));
    const view = await shown(stage);
    where(view, "a").click();
    await painted();
    where(view, "b").click();
    await painted();
    answers.get("b")!(["left of b"]);
    answers.get("a")!(["left of a"]);
    await painted();
    expect(view.panel("notes").textContent).toContain("left of b");
    expect(view.panel("notes").textContent).not.toContain("left of a");
  });

  it("of a note on another prompt offers that prompt too", async () => {
    const stage = noted(makeNote("a", { prompt: "When Ruth", standing: "detached", about: null }), makeNote("b"));
    const view = await shown(stage);
    where(view, "a").click();
    await painted();
    buttonIn(card(view, "a"), "on its own prompt").click();
    await painted();
    expect(returns(stage)).toEqual([
      { note: "a", prompt: false },
      { note: "a", prompt: true },
    ]);
    where(view, "b").click();
    await painted();
    expect(buttonIn(card(view, "b"), "on its own prompt")).toBe(undefined);
  });

  it("that the kernel refuses says so, and the selection stays at its place", async () => {
    const stage = noted(makeNote("a"));
    stage.refusing = new SourceError("Failed", "The kernel is gone.", null);
    const view = await shown(stage);
    where(view, "a").click();
    await painted();
    expect(card(view, "a").querySelector('[role="alert"]')!.textContent).toContain("The kernel is gone.");
    expect(stage.selection.pinned.layer.value).toBe(2);
  });

  it("keeps the card in the list, also where the moment's own filters would not show it", async () => {
    const stage = noted(makeNote("a"), makeNote("b"));
    stage.returnTo = async () => {
      stage.framing.value = { ...stage.framing.value, filters: { ...stage.framing.value.filters, tag: "other" } };
      return [];
    };
    const view = await shown(stage);
    where(view, "a").click();
    await painted();
    expect(cards(view)).toEqual(["a"]);
    expect(buttonIn(card(view, "a"), "back to where I was")).not.toBe(undefined);
  });
});

describe("filters", () => {
  it("fold, stand in the framing, and say how many of how many pass", async () => {
    const stage = noted(
      makeNote("a", { tags: ["mover"] }),
      makeNote("b", { author: "bert" }),
      makeNote("c", { resolved: true }),
    );
    const view = await shown(stage);
    expect(view.root.querySelector('[role="search"]')).toBe(null);
    expect(view.panel("notes").querySelector(".head .dim")!.textContent).toBe("2 of 3");
    buttonIn(view.panel("notes"), "filter").click();
    await painted();
    const search = view.find<HTMLInputElement>('[type="search"]');
    search.value = "note b";
    search.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await painted();
    expect([stage.framing.value.filters.search, cards(view)]).toEqual(["note b", ["b"]]);
    expect(view.panel("notes").querySelector(".head .dim")!.textContent).toBe("1 of 3");
    buttonIn(view.panel("notes"), "clear filters").click();
    await painted();
    expect([stage.framing.value.filters.search, cards(view)]).toEqual(["", ["a", "b"]]);
    view.find<HTMLInputElement>('[role="search"] [type="checkbox"]').click();
    await painted();
    expect([stage.framing.value.filters.resolved, cards(view)]).toEqual(["all", ["a", "b", "c"]]);
  });

  it("offer what the notes have, and what is chosen also where none has it", async () => {
    const stage = noted(makeNote("a", { tags: ["y", "x"] }), makeNote("b", { tags: ["x"], author: "bert" }));
    stage.framing.value = { ...stage.framing.value, filters: { ...stage.framing.value.filters, tag: "former" } };
    const view = await shown(stage);
    buttonIn(view.panel("notes"), "filter").click();
    await painted();
    const options = (label: string) =>
      [...view.find(`[role="search"] [aria-label="${label}"]`).querySelectorAll("option")].map(
        (one) => one.textContent,
      );
    expect(options("tag")).toEqual(["any tag", "x", "y", "former"]);
    expect(options("author")).toEqual(["any author", "ana", "bert"]);
    expect(options("evidence").slice(0, 2)).toEqual(["any evidence", "○ observed"]);
    expect(options("layer")).toEqual(["any layer", "layer 2"]);
    const layer = view.find<HTMLSelectElement>('[aria-label="layer"]');
    layer.value = "2";
    layer.dispatchEvent(new Event("change", { bubbles: true }));
    expect(stage.framing.value.filters).toMatchObject({ layer: 2, tag: "former" });
    await painted();
    layer.value = "";
    layer.dispatchEvent(new Event("change", { bubbles: true }));
    expect(stage.framing.value.filters.layer).toBe(null);
  });

  it("by a tag are one press on it away, and touch nothing else of the framing", async () => {
    const stage = noted(makeNote("a", { tags: ["mover"] }), makeNote("b"));
    stage.framing.value = { ...stage.framing.value, zoom: { row: 1, column: 1, span: 2 } };
    const view = await shown(stage);
    buttonIn(card(view, "a"), "#mover").click();
    await painted();
    expect(cards(view)).toEqual(["a"]);
    expect(stage.framing.value.zoom).toEqual({ row: 1, column: 1, span: 2 });
    expect(stage.calls).toEqual([]);
  });

  it("that nothing passes leave one sentence", async () => {
    const stage = noted(makeNote("a"));
    stage.framing.value = { ...stage.framing.value, filters: { ...stage.framing.value.filters, tag: "x" } };
    const view = await shown(stage);
    expect(view.find(".notes > .empty").textContent).toBe("No note passes the filters.");
  });
});

describe("the panel", () => {
  it("without notes says what to do", async () => {
    const view = await shown(noted());
    expect(view.panel("notes").dataset.state).toBe("empty");
    expect(view.find(".notes > .empty").textContent).toMatch(/No notes yet\. Select something.*press n/);
  });

  it("says where the notes are kept, how many are not told, and what is wrong with the file", async () => {
    const stage = noted(makeNote("a"));
    stage.notes.value = {
      ...stage.notes.value,
      more: 12,
      state: "unsaved",
      message: "The disk is full.",
      hint: "Free some.",
    };
    const view = await shown(stage);
    expect(view.find(".notes > .caveat").textContent).toBe("12 more in the file, not shown here. found.jsonl");
    expect(view.find(".notes > .outcome").textContent).toContain("Not in the file yet. The disk is full. Free some.");
    stage.notes.value = { ...stage.notes.value, state: "saved", message: null, hint: null, more: 0 };
    await painted();
    expect(view.root.querySelector(".notes > .outcome")).toBe(null);
  });

  it("undoes nothing while a tour hides notes: its words would tell of them", async () => {
    const stage = noted(makeNote("a"));
    stage.notes.value = { ...stage.notes.value, undo: "added “the answer”" };
    const view = await shown(stage);
    expect(view.panel("notes").textContent).toContain("Undo: added “the answer”");
    const tour = { title: "", steps: 2, at: 0, note: "a", text: "", tree: null, words: "", why: "", ask: "?" };
    stage.tour.value = { ...tour, revealed: false, guess: null, hidden: ["a"] };
    await painted();
    expect(view.panel("notes").textContent).not.toContain("the answer");
    stage.tour.value = { ...stage.tour.value, hidden: [] };
    await painted();
    expect(view.panel("notes").textContent).toContain("Undo: added “the answer”");
  });

  it("does not show what a tour hides, and says so", async () => {
    const stage = noted(makeNote("a"), makeNote("b"));
    const tour = { title: "", steps: 2, at: 0, note: "a", text: "", tree: null, words: "", why: "", ask: "?" };
    stage.tour.value = { ...tour, revealed: false, guess: null, hidden: ["a"] };
    const view = await shown(stage);
    expect(cards(view)).toEqual(["b"]);
    expect(view.find(".notes > .caveat").textContent).toContain("1 not to be seen yet in this tour.");
    stage.tour.value = null;
    await painted();
    expect(cards(view)).toEqual(["a", "b"]);
  });

  it.each([260, 300, 560, 1040, 1500])("stands in %i px without anything sticking out", async (width) => {
    const long = "word".repeat(400);
    const stage = notedIn(
      ["notes"],
      [
        makeNote("a", { text: long, author: long, tags: [long], words: `“${long}”`, why: long, standing: "moved" }),
        makeNote("b", { reply: "a", prompt: long }),
        ...Array.from({ length: 6 }, (_, i) => makeNote(`${i}`)),
      ],
    );
    stage.notes.value = { ...stage.notes.value, undo: long, path: long, state: "unsaved", message: long };
    const view = await shown(stage, width);
    buttonIn(view.panel("notes"), "filter").click();
    where(view, "b").click();
    await painted();
    buttonIn(card(view, "a"), "edit").click();
    await painted();
    const panel = view.panel("notes");
    expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth + 1);
    const tops = new Set(["0", "1", "2", "3"].map((id) => Math.round(card(view, id).getBoundingClientRect().top)));
    expect(tops.size === 4).toBe(width < 560);
  });
});

describe("keys", () => {
  const three = () => noted(makeNote("a"), makeNote("b", { reply: "a" }), makeNote("c"));

  it("walk the cards, and only one of them is reached by Tab", async () => {
    const view = await shown(three());
    const stops = () => view.all(".where").map((one) => one.tabIndex);
    expect(stops()).toEqual([0, -1, -1]);
    where(view, "a").focus();
    expect(press(where(view, "a"), "ArrowDown").defaultPrevented).toBe(true);
    expect(focusedCard(view)).toBe("b");
    await painted();
    expect(stops()).toEqual([-1, 0, -1]);
    for (const [key, at] of [
      ["End", "c"],
      ["ArrowDown", "c"],
      ["ArrowUp", "b"],
      ["Home", "a"],
      ["ArrowUp", "a"],
    ] as const) {
      press(view.root.activeElement!, key);
      expect(focusedCard(view)).toBe(at);
    }
    await painted();
    const reached = view.all(".card :is(button, a)").filter((one) => one.tabIndex === 0);
    expect(new Set(reached.map((one) => one.closest<HTMLElement>(".card")!.dataset.note))).toEqual(new Set(["a"]));
  });

  it("of a card edit, reply and delete, and none of them reaches the notebook", async () => {
    const stage = three();
    const view = await shown(stage);
    const heard: string[] = [];
    view.host.addEventListener("keydown", (event) => heard.push(event.key));
    for (const key of ["Enter", " ", "e", "r", "Delete", "n", "ArrowUp"]) press(where(view, "c"), key);
    press(buttonIn(card(view, "c"), "resolve"), "Enter");
    expect(heard).toEqual([]);
    press(where(view, "c"), "x");
    expect(heard).toEqual(["x"]);
    expect(stage.calls).toEqual([["note", { op: "remove", id: "c" }]]);
    await painted();
    expect(card(view, "c").querySelector("form")!.getAttribute("aria-label")).toBe("a reply");
  });

  it("go on with the next card when the one with the focus is deleted, and end at the heading", async () => {
    const stage = noted(makeNote("a"), makeNote("b"), makeNote("c"));
    const view = await shown(stage);
    where(view, "b").focus();
    const without = async (...items: Item[]) => {
      stage.notes.value = { ...stage.notes.value, items };
      await painted();
    };
    await without(makeNote("a"), makeNote("c"));
    expect(focusedCard(view)).toBe("c");
    await without(makeNote("a"));
    expect(focusedCard(view)).toBe("a");
    await without();
    expect(view.root.activeElement?.textContent).toBe("Notes");
  });
});

describe("the focus", () => {
  it("is at the card's place when the way back, or a choice, was pressed and is gone", async () => {
    const choices = [{ about: makeNote("b").about!, words: "here" }];
    const stage = noted(makeNote("a"), makeNote("b", { standing: "choose", about: null, choices }));
    const view = await shown(stage);
    where(view, "a").click();
    await painted();
    const back = buttonIn(card(view, "a"), "back to where I was");
    back.focus();
    back.click();
    await painted();
    expect(view.root.activeElement).toBe(where(view, "a"));
    const choice = buttonIn(card(view, "b"), "here");
    choice.focus();
    choice.click();
    stage.notes.value = { ...stage.notes.value, items: [makeNote("a"), makeNote("b")] };
    await painted();
    expect(view.root.activeElement).toBe(where(view, "b"));
  });

  it("is at the heading after the last undo, and on the filter after the filters are cleared", async () => {
    const stage = noted(makeNote("a"));
    stage.notes.value = { ...stage.notes.value, undo: "added “a”" };
    stage.framing.value = { ...stage.framing.value, filters: { ...stage.framing.value.filters, tag: "x" } };
    const view = await shown(stage);
    const undo = buttonIn(view.panel("notes"), "Undo: added “a”");
    undo.focus();
    undo.click();
    await painted();
    stage.notes.value = { ...stage.notes.value, undo: null, items: [] };
    await painted();
    expect(view.root.activeElement?.textContent).toBe("Notes");
    const clear = buttonIn(view.panel("notes"), "clear filters");
    clear.focus();
    clear.click();
    await painted();
    expect(view.root.activeElement).toBe(buttonIn(view.panel("notes"), "filter"));
  });

  it("that is elsewhere is left there", async () => {
    const stage = noted(makeNote("a"));
    stage.notes.value = { ...stage.notes.value, undo: "added “a”" };
    const view = await shown(stage);
    where(view, "a").click();
    await painted();
    const grid = view.find('[role="grid"]');
    grid.focus();
    buttonIn(card(view, "a"), "back to where I was").click();
    stage.notes.value = { ...stage.notes.value, undo: null };
    await painted();
    expect(view.root.activeElement).toBe(grid);
  });
});

describe("to be read", () => {
  const part = (value: number) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = (colour: string) => {
    const [r, g, b] = colour.match(/[\d.]+/g)!.map((one) => part(Number(one) / 255));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };

  it.each([LIGHT, DARK])("all words of a card and of the lines have a contrast of 4.5 (%o)", async (theme) => {
    const stage = noted(
      makeNote("a", {
        standing: "moved",
        why: "why",
        tags: ["t"],
        tree: [{ tag: "blockquote", kids: [{ tag: "code", kids: ["c"] }] }],
      }),
      makeNote("b"),
    );
    stage.theme.value = theme;
    const view = await shown(stage);
    view.find(".llmw-place").style.background = theme.bg;
    buttonIn(card(view, "b"), "edit").click();
    await painted();
    const poor = view
      .all(".notes :is(p, span, button, code, b, time, input, textarea, label, summary)")
      .filter((one) => {
        if (one.closest(".unseen, [disabled], .sizer")) return false;
        let ground: Element | null = one;
        while (ground && /, 0\)$/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
        const [a, b] = [light(getComputedStyle(one).color), light(getComputedStyle(ground!).backgroundColor)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
      });
    expect(poor.map((one) => one.outerHTML)).toEqual([]);
  });
});
