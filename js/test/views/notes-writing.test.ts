/** Writing notes: new ones, edits and replies; what is typed is never lost, and no key of it reaches the notebook. */
import { afterEach, describe, expect, it } from "vitest";
import type { NoteOp } from "../../src/protocol";
import { SourceError } from "../../src/source/source";
import type { Composing } from "../../src/views/ui";
import { endAll, type Mounted, makeNote, makeStage, painted, press, show, shownRun, type TestStage } from "./stage";

afterEach(endAll);

function noted(...items: ReturnType<typeof makeNote>[]): TestStage {
  const stage = makeStage({ panels: ["bar", "heads", "pattern", "notes"] });
  stage.settings.value = { ...stage.settings.value, notesPanel: "open" };
  stage.notes.value = { ...stage.notes.value, author: "ana", items };
  return stage;
}

async function shown(stage: TestStage): Promise<Mounted> {
  const view = show(stage);
  await painted();
  return view;
}

const card = (view: Mounted, id: string) => view.all(".card").find((one) => one.dataset.note === id)!;
const buttonIn = (within: ParentNode, words: string | RegExp) =>
  [...within.querySelectorAll<HTMLButtonElement>("button")].find((one) =>
    typeof words === "string" ? one.textContent!.trim() === words : words.test(one.textContent!),
  )!;
const form = (view: Mounted) => view.find<HTMLFormElement>("form.writing");
const box = (view: Mounted) => view.find<HTMLTextAreaElement>("form.writing textarea");
const ops = (stage: TestStage) => stage.calls.filter(([name]) => name === "note").map(([, op]) => op as NoteOp);

async function type(element: HTMLInputElement | HTMLTextAreaElement, text: string): Promise<void> {
  element.value = text;
  element.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
  await painted();
}

/** Begins a note in the panel of notes, about what is selected. */
async function begin(view: Mounted): Promise<void> {
  const surface = view.panel("heads").querySelector<HTMLElement>('[role="grid"]')!;
  surface.focus();
  press(surface, "n");
  await painted();
}

/** Makes `note` wait until it is told. */
function slow(stage: TestStage): { answer: (error?: Error) => Promise<void> } {
  let settle: (error?: Error) => void = () => {};
  const asked = stage.note;
  stage.note = async (op) => {
    await asked.call(stage, op);
    return new Promise<string>((ok, no) => {
      settle = (error) => (error ? no(error) : ok("new"));
    });
  };
  return {
    answer: async (error) => {
      settle(error);
      await painted();
    },
  };
}

describe("a new note", () => {
  it("is about what is selected in the panel, and is saved with what was typed and chosen", async () => {
    const stage = noted();
    const view = await shown(stage);
    await begin(view);
    expect(view.panel("heads").contains(form(view))).toBe(true);
    expect(view.root.activeElement).toBe(box(view));
    expect(form(view).querySelector("b")!.textContent).toBe("L2H1");
    await type(box(view), " copies **Mary** ");
    const [tags, author] = form(view).querySelectorAll<HTMLInputElement>("label input");
    await type(tags!, "mover, ioi,");
    expect(author!.value).toBe("ana");
    await type(author!, "bert");
    const evidence = form(view).querySelector<HTMLSelectElement>('[aria-label="evidence"]')!;
    expect(evidence.value).toBe("observed");
    expect(evidence.closest("[title]")!.getAttribute("title")).toMatch(/read off the forward pass/);
    evidence.value = "intervened";
    evidence.dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    await type(form(view).querySelector<HTMLInputElement>("details input")!, "Where does it look?");
    buttonIn(form(view), "Save").click();
    await painted();
    expect(ops(stage)).toEqual([
      {
        op: "add",
        text: "copies **Mary**",
        tags: ["mover", "ioi"],
        evidence: "intervened",
        author: "bert",
        ask: "Where does it look?",
        field: "attention",
        about: { layer: 2, head: 1, heads: [], query: null, key: null, change: null },
      },
    ]);
    expect(view.root.querySelector("form.writing")).toBe(null);
    expect(view.root.activeElement).toBe(view.panel("heads").querySelector('[role="grid"]'));
    expect(view.panel("heads").querySelector('.composer [role="status"]')!.textContent).toBe("The note is saved.");
  });

  it.each([60, 8])("that was saved is seen in the list, however long that is (%i notes)", async (many) => {
    const stage = noted(...Array.from({ length: many }, (_, i) => makeNote(`${i}`)));
    const view = await shown(stage);
    await begin(view);
    await type(box(view), "found");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    stage.notes.value = { ...stage.notes.value, items: [...stage.notes.value.items, makeNote("new")] };
    await painted();
    const scrolls = view.find(".stay").getBoundingClientRect();
    const { top, bottom } = card(view, "new").getBoundingClientRect();
    expect(top).toBeGreaterThanOrEqual(scrolls.top - 1);
    expect(bottom).toBeLessThanOrEqual(scrolls.bottom + 1);
    expect(view.root.activeElement).toBe(view.panel("heads").querySelector('[role="grid"]'));
  });

  it("keeps the author for the next", async () => {
    const stage = noted();
    const view = await shown(stage);
    await begin(view);
    await type(form(view).querySelectorAll<HTMLInputElement>("label input")[1]!, "bert");
    await type(box(view), "one");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    await begin(view);
    expect(form(view).querySelectorAll<HTMLInputElement>("label input")[1]!.value).toBe("bert");
    expect(box(view).value).toBe("");
  });

  it("is not saved without a text, and says why", async () => {
    const stage = noted();
    const view = await shown(stage);
    await begin(view);
    await type(box(view), "  ");
    const save = buttonIn(form(view), "Save");
    expect(save.disabled).toBe(true);
    expect(view.root.getElementById(save.getAttribute("aria-describedby")!)!.textContent).toBe(
      "nothing is written yet",
    );
    press(box(view), "Enter", { metaKey: true });
    await painted();
    expect(stage.calls).toEqual([]);
  });

  it("waits for the kernel: it can be read and not changed, is asked for once, and the focus stays", async () => {
    const stage = noted();
    const { answer } = slow(stage);
    const view = await shown(stage);
    await begin(view);
    await type(box(view), "slow");
    press(box(view), "Enter", { ctrlKey: true });
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect([form(view).getAttribute("aria-busy"), box(view).readOnly, box(view).value]).toEqual(["true", true, "slow"]);
    expect(buttonIn(form(view), "Saving…").getAttribute("aria-disabled")).toBe("true");
    expect(view.root.activeElement).toBe(box(view));
    press(box(view), "Escape");
    await painted();
    expect(box(view).value).toBe("slow");
    await answer();
    expect(ops(stage).length).toBe(1);
    expect(view.root.querySelector("form.writing")).toBe(null);
  });

  it("that is refused stays as it was typed, with the refusal", async () => {
    const stage = noted();
    stage.refusing = new SourceError("BadRequest", "A tag has at most 200 letters.", "Shorten it.");
    const view = await shown(stage);
    await begin(view);
    await type(box(view), "typed");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect(form(view).querySelector('[role="alert"]')!.textContent).toContain(
      "A tag has at most 200 letters. Shorten it.",
    );
    expect([box(view).value, box(view).readOnly]).toEqual(["typed", false]);
    stage.refusing = null;
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect(view.root.querySelector("form.writing")).toBe(null);
  });

  it("outlives another run, another state of the notes, and the panel being drawn anew, also while it is saved", async () => {
    const stage = noted();
    const { answer } = slow(stage);
    const view = await shown(stage);
    await begin(view);
    await type(box(view), "kept");
    stage.run.value = shownRun(stage, 2, { which: "changed", label: "changed run" });
    stage.notes.value = { ...stage.notes.value, items: [makeNote("a")] };
    await painted();
    expect(box(view).value).toBe("kept");
    press(box(view), "Enter", { ctrlKey: true });
    const panels = stage.panels as unknown as { value: string[] };
    panels.value = ["bar", "notes"];
    await painted();
    panels.value = ["bar", "heads", "notes"];
    await painted();
    expect([box(view).value, box(view).readOnly]).toEqual(["kept", true]);
    await answer(new SourceError("Failed", "no", null));
    expect([box(view).value, box(view).readOnly]).toEqual(["kept", false]);
    expect(form(view).querySelector('[role="alert"]')!.textContent).toContain("no");
  });

  it("begun in another panel meanwhile takes along what was typed", async () => {
    const view = await shown(noted());
    await begin(view);
    await type(box(view), "taken along");
    press(view.find(".notes h3"), "n");
    await painted();
    expect(view.all("form.writing").length).toBe(1);
    expect(view.panel("notes").contains(form(view))).toBe(true);
    expect(box(view).value).toBe("taken along");
    expect(view.root.activeElement).toBe(box(view));
  });

  it("offers the tags that there are, behind those that are typed", async () => {
    const view = await shown(noted(makeNote("a", { tags: ["x", "y"] }), makeNote("b", { tags: ["x"] })));
    await begin(view);
    const offered = () => [...form(view).querySelectorAll("datalist option")].map((one) => one.getAttribute("value"));
    expect(offered()).toEqual(["x", "y"]);
    const tags = form(view).querySelector<HTMLInputElement>("label input")!;
    expect(view.root.getElementById(tags.getAttribute("list")!)).toBe(form(view).querySelector("datalist"));
    await type(tags, "z, ");
    expect(offered()).toEqual(["z, x", "z, y"]);
  });
});

describe("Escape", () => {
  it("leaves at once where nothing was typed", async () => {
    const view = await shown(noted());
    await begin(view);
    press(box(view), "Escape");
    await painted();
    expect(view.root.querySelector("form.writing")).toBe(null);
    expect(view.root.activeElement).toBe(view.panel("heads").querySelector('[role="grid"]'));
  });

  it("asks first where something was; a second one puts it away and loses nothing", async () => {
    const view = await shown(noted());
    await begin(view);
    await type(box(view), "half a thought");
    press(box(view), "Escape");
    await painted();
    expect(form(view).querySelector('[role="alert"]')!.textContent).toContain("Discard what was typed?");
    await type(box(view), "half a thought more");
    expect(form(view).querySelector('[role="alert"]')).toBe(null);
    press(box(view), "Escape");
    press(box(view), "Escape");
    await painted();
    expect(view.root.querySelector("form.writing")).toBe(null);
    await begin(view);
    expect(box(view).value).toBe("half a thought more");
    buttonIn(form(view), "cancel").click();
    await painted();
    buttonIn(form(view), "discard").click();
    await painted();
    await begin(view);
    expect(box(view).value).toBe("");
  });

  it("and cancel leave the focus where nothing is discarded by the same key once more", async () => {
    const view = await shown(noted());
    await begin(view);
    await type(box(view), "half a thought");
    const cancel = buttonIn(form(view), "cancel");
    cancel.focus();
    cancel.click();
    await painted();
    expect(buttonIn(form(view), "discard").isConnected).toBe(true);
    expect(view.root.activeElement).toBe(box(view));
  });

  it("no key of the lines reaches the notebook", async () => {
    const view = await shown(noted());
    const heard: string[] = [];
    view.host.addEventListener("keydown", (event) => heard.push(event.key));
    await begin(view);
    for (const key of ["a", "Enter", "Escape", "x", "ArrowUp"]) press(box(view), key);
    press(box(view), "Enter", { ctrlKey: true });
    press(box(view), "Enter", { shiftKey: true });
    expect(heard).toEqual([]);
  });

  it("of someone who writes with an input method ends nothing", async () => {
    const view = await shown(noted());
    await begin(view);
    press(box(view), "Escape", { isComposing: true });
    await painted();
    expect(view.all("form.writing").length).toBe(1);
  });
});

describe("an edit", () => {
  it("begins with the note as it is and says what changed, and nothing else", async () => {
    const stage = noted(makeNote("a", { text: "first", tags: ["x"], ask: "what?", evidence: "observed" }));
    const view = await shown(stage);
    buttonIn(card(view, "a"), "edit").click();
    await painted();
    expect(view.root.activeElement).toBe(box(view));
    expect(box(view).value).toBe("first");
    expect(form(view).querySelectorAll("label").length).toBe(1);
    expect(form(view).querySelector<HTMLInputElement>("label input")!.value).toBe("x");
    expect(form(view).querySelector("details")!.open).toBe(true);
    await type(form(view).querySelector<HTMLInputElement>("label input")!, "x, y");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect(ops(stage)).toEqual([{ op: "edit", id: "a", tags: ["x", "y"] }]);
    expect(view.root.activeElement).toBe(card(view, "a").querySelector(".where"));
  });

  it("that changes nothing asks for nothing", async () => {
    const stage = noted(makeNote("a", { text: "first", tags: ["x"] }));
    const view = await shown(stage);
    press(card(view, "a").querySelector(".where")!, "e");
    await painted();
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect([ops(stage), view.root.querySelector("form.writing")]).toEqual([[], null]);
  });

  it("keeps its card in the list against filters, and its lines when the note is deleted elsewhere", async () => {
    const stage = noted(makeNote("a", { text: "first" }), makeNote("b"));
    const view = await shown(stage);
    buttonIn(card(view, "a"), "edit").click();
    await painted();
    await type(box(view), "first, but");
    stage.framing.value = { ...stage.framing.value, filters: { ...stage.framing.value.filters, search: "nothing" } };
    await painted();
    expect(view.all(".card").map((one) => one.dataset.note)).toEqual(["a"]);
    stage.notes.value = { ...stage.notes.value, items: [makeNote("b")] };
    await painted();
    expect(box(view).value).toBe("first, but");
    press(box(view), "Escape");
    press(box(view), "Escape");
    await painted();
    expect(view.root.querySelector("form.writing")).toBe(null);
  });
});

describe("of a note that another hand edits meanwhile", () => {
  it("the edit says so before it is saved, with the other words, and keeps its own", async () => {
    const stage = noted(makeNote("a", { text: "first" }), makeNote("b"));
    const view = await shown(stage);
    buttonIn(card(view, "a"), "edit").click();
    await painted();
    await type(box(view), "mine");
    const told = async (more: object) => {
      stage.notes.value = { ...stage.notes.value, items: [makeNote("a", { text: "first", ...more }), makeNote("b")] };
      await painted();
      return card(view, "a").querySelector('[role="alert"]')?.textContent;
    };
    expect(await told({ resolved: true })).toBe(undefined);
    expect(await told({ text: "theirs" })).toBe("Changed meanwhile: “theirs” Save puts yours in its place.");
    expect(box(view).value).toBe("mine");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect(ops(stage)).toEqual([{ op: "edit", id: "a", text: "mine" }]);
    expect(await told({ text: "mine", edited: true })).toBe(undefined);
  });
});

describe("of a note that is deleted meanwhile", () => {
  const about = { layer: 1, head: 0, heads: [], query: null, key: null, change: null };

  it.each(["edit", "reply"] as const)(
    "the %s says so at once, stays where it is, and can be kept as a note of its own",
    async (what) => {
      const b = makeNote("b", { created: "2026-11-22T18:00:01Z" });
      const stage = noted(makeNote("a", { about, text: "first" }), b);
      const view = await shown(stage);
      buttonIn(card(view, "a"), what).click();
      await painted();
      await type(box(view), "but");
      stage.notes.value = { ...stage.notes.value, items: [b] };
      await painted();
      expect(card(view, "a").querySelector('[role="alert"]')!.textContent).toMatch(/^Deleted meanwhile\./);
      expect([buttonIn(card(view, "a"), "delete"), buttonIn(card(view, "a"), "edit")]).toEqual([undefined, undefined]);
      expect([box(view).value, view.root.activeElement]).toEqual(["but", box(view)]);
      expect(view.all(".card").map((one) => one.dataset.note)).toEqual(["a", "b"]);
      press(box(view), "Enter", { ctrlKey: true });
      await painted();
      const evidence = what === "edit" ? "observed" : "unstated";
      expect(ops(stage)).toEqual([
        { op: "add", text: "but", tags: [], evidence, author: "ana", ask: "", field: "attention", about },
      ]);
      expect(view.all(".card").map((one) => one.dataset.note)).toEqual(["b"]);
      expect(view.root.activeElement).toBe(card(view, "b").querySelector(".where"));
    },
  );

  it("what the kernel refuses before the page knows is said as it says it; undone, it is an edit again", async () => {
    const stage = noted(makeNote("a", { text: "first" }));
    const view = await shown(stage);
    buttonIn(card(view, "a"), "edit").click();
    await painted();
    await type(box(view), "second");
    stage.refusing = new SourceError("BadRequest", "this note was deleted", "Undo brings it back.");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect(form(view).querySelector(".failed")!.textContent).toContain("this note was deleted. Undo brings it back.");
    stage.refusing = null;
    for (const items of [[], [makeNote("a", { text: "first" })]]) {
      stage.notes.value = { ...stage.notes.value, items };
      await painted();
    }
    expect([box(view).value, view.all(".card").length, buttonIn(card(view, "a"), "delete") === undefined]).toEqual([
      "second",
      1,
      false,
    ]);
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    expect(ops(stage).at(-1)).toEqual({ op: "edit", id: "a", text: "second" });
  });
});

describe("a reply", () => {
  it("is about what its note is about, and says no evidence unless it is chosen", async () => {
    const about = { layer: 1, head: 0, heads: [], query: null, key: null, change: null };
    const stage = noted(makeNote("a", { about, field: "attention" }), makeNote("b", { about: null, field: "" }));
    const view = await shown(stage);
    press(card(view, "a").querySelector(".where")!, "r");
    await painted();
    await type(box(view), "yes");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    buttonIn(card(view, "b"), "reply").click();
    await painted();
    await type(box(view), "no");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    const told = { op: "add", tags: [], evidence: "unstated", author: "ana", ask: "" };
    expect(ops(stage)).toEqual([
      { ...told, text: "yes", reply: "a", field: "attention", about },
      { ...told, text: "no", reply: "b", field: "" },
    ]);
  });

  it("that is half written makes way for an edit, and is there again", async () => {
    const view = await shown(noted(makeNote("a", { text: "first" })));
    buttonIn(card(view, "a"), "reply").click();
    await painted();
    await type(box(view), "half");
    buttonIn(card(view, "a"), "edit").click();
    await painted();
    expect([view.all("form.writing").length, box(view).value]).toEqual([1, "first"]);
    press(box(view), "Escape");
    await painted();
    buttonIn(card(view, "a"), "reply").click();
    await painted();
    expect(box(view).value).toBe("half");
  });
});

describe("in the panel of notes", () => {
  it("a note is begun about what is selected, by a button that says what, or by n", async () => {
    const stage = noted();
    const view = await shown(stage);
    const button = view.find<HTMLElement>(".begin-here");
    expect(button.textContent).toContain("+ note on L2H1 · “,”");
    button.click();
    await painted();
    expect(view.root.querySelector(".begin-here")).toBe(null);
    await type(box(view), "a");
    press(box(view), "Enter", { ctrlKey: true });
    await painted();
    const { about, field } = ops(stage)[0] as unknown as Composing;
    expect([about, field]).toEqual([
      { layer: 2, head: 1, heads: [], query: [5, 6], key: null, change: null },
      "attention",
    ]);
  });
});
