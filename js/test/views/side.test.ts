/** Where the notes stand, and that opening and folding them leaves all else as it is. */
import { afterEach, describe, expect, it } from "vitest";
import { gridOf } from "../../src/panels/grid";
import type { PanelName } from "../../src/protocol";
import { endAll, type Mounted, makeNote, makeStage, painted, press, show, type TestStage } from "./stage";

afterEach(endAll);

const MAIN: PanelName[] = ["bar", "text", "next", "heads", "pattern", "causes", "changes", "layers"];
const ALL: PanelName[] = [...MAIN, "notes"];

function withNotes(count: number, panels = ALL): TestStage {
  const stage = makeStage({ panels, texts: Array.from({ length: 14 }, (_, i) => ` t${i}`) });
  const items = Array.from({ length: count }, (_, i) => makeNote(`n${i}`, { text: "words of a note ".repeat(8) }));
  stage.notes.value = { ...stage.notes.value, items };
  return stage;
}

const box = (view: Mounted, name: string) => view.panel(name).closest(".slot")!.getBoundingClientRect();
const kind = (view: Mounted) => view.find(".view").className.replace("view ", "");
const toggle = (view: Mounted) => view.find<HTMLButtonElement>(".notes-toggle");
const isSeen = (view: Mounted) => view.root.querySelector<HTMLElement>("[data-panel=notes]")?.offsetParent != null;

function fits(view: Mounted) {
  expect(view.host.scrollWidth).toBeLessThanOrEqual(view.host.clientWidth);
  const right = view.find(".view").getBoundingClientRect().right;
  for (const slot of view.all(".slot")) expect(slot.getBoundingClientRect().right).toBeLessThanOrEqual(right);
  for (const panel of view.all("[data-panel]")) expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth + 1);
}

describe("the notes stand", () => {
  it.each([
    [1800, "wide"],
    [1400, "middle"],
    [1040, "middle"],
    [1024, "middle"],
  ])("at %i px in a column of 300 px at the right, from below the bar; the others are %s", async (width, others) => {
    const view = show(withNotes(3), width);
    await painted();
    const [notes, bar, text] = [box(view, "notes"), box(view, "bar"), box(view, "text")];
    expect(notes.width).toBe(300);
    expect(notes.top).toBe(text.top);
    expect(notes.right).toBe(bar.right);
    for (const name of MAIN.slice(1)) expect(box(view, name).right).toBeLessThanOrEqual(notes.left - 24);
    expect(kind(view)).toBe(others);
    fits(view);
  });

  it.each([
    [1023, "middle"],
    [800, "middle"],
    [420, "narrow"],
  ])("at %i px below all others, as wide as they are together; the others are %s", async (width, others) => {
    const view = show(withNotes(3), width);
    await painted();
    const notes = box(view, "notes");
    expect(notes.width).toBe(box(view, "bar").width);
    for (const name of MAIN) expect(box(view, name).bottom).toBeLessThanOrEqual(notes.top);
    expect(kind(view)).toBe(others);
    fits(view);
  });

  it.each([1400, 1040, 800, 420])("nowhere at %i px while there is none, and take no room", async (width) => {
    const view = show(withNotes(0), width);
    await painted();
    expect(isSeen(view)).toBe(false);
    expect(box(view, "layers").right).toBe(box(view, "bar").right);
    fits(view);
  });

  it("the last in the order of Tab, which is that of the page", async () => {
    for (const width of [1040, 420]) {
      const view = show(withNotes(2), width);
      await painted();
      const names = view.all("[data-panel]").map((panel) => panel.dataset.panel);
      expect([names[0], names.at(-1)]).toEqual(["bar", "notes"]);
    }
  });

  it("no taller than the window and the others: many of them scroll in themselves and stay in sight", async () => {
    const view = show(withNotes(200), 1040);
    await painted();
    const column = view.find(".side > .stay");
    expect(column.scrollHeight).toBeGreaterThan(column.clientHeight);
    expect(column.clientHeight).toBeLessThanOrEqual(innerHeight);
    expect(getComputedStyle(column).position).toBe("sticky");
    const free = box(view, "notes").height - column.clientHeight;
    scrollTo(0, box(view, "notes").top + Math.floor(free / 2));
    expect(column.getBoundingClientRect().top).toBe(0);
    expect(box(view, "notes").top).toBeLessThan(0);
    scrollTo(0, 0);
    const heights = MAIN.map((name) => box(view, name).height);
    const bottom = Math.max(...MAIN.map((name) => box(view, name).bottom));
    expect(box(view, "notes").bottom).toBeLessThanOrEqual(bottom + 5);
    const few = show(withNotes(1), 1040);
    await painted();
    expect(MAIN.map((name) => box(few, name).height)).toEqual(heights);
  });

  it("where the others are low, with room of their own, and stretch none of them", async () => {
    const one = show(withNotes(0, ["bar", "text", "next", "notes"]), 1040);
    const many = show(withNotes(50, ["bar", "text", "next", "notes"]), 1400);
    await painted();
    expect(box(many, "notes").height).toBe(320);
    expect(box(many, "text").height).toBeLessThanOrEqual(box(one, "text").height);
  });

  it("alone at full width, also without a bar", async () => {
    for (const panels of [["notes"], ["bar", "notes"]] as PanelName[][]) {
      const view = show(withNotes(2, panels), 1400);
      await painted();
      expect(box(view, "notes").width).toBe(1400 - 32);
    }
    const none = show(withNotes(0, ["notes"]), 600);
    await painted();
    expect(isSeen(none)).toBe(true);
    expect(none.root.querySelector(".notes-toggle")).toBe(null);
  });

  it("nowhere in a view of other panels without a bar, for nothing could fold them", async () => {
    const view = show(withNotes(2, ["heads", "notes"]), 1400);
    await painted();
    expect(isSeen(view)).toBe(false);
    expect(view.root.querySelector(".notes-toggle")).toBe(null);
  });

  it("in view before the first run: they are kept without one", async () => {
    const stage = withNotes(2);
    stage.run.value = null;
    const view = show(stage);
    await painted();
    expect(view.panel("notes").textContent).toContain("words of a note");
    expect(toggle(view).textContent).toBe("Notes 2");
  });
});

describe("the button in the bar", () => {
  it("says how many there are, also those that did not travel, and whether they are open", async () => {
    const stage = withNotes(3);
    const view = show(stage);
    await painted();
    expect(toggle(view).textContent).toBe("Notes 3");
    expect(toggle(view).getAttribute("aria-expanded")).toBe("true");
    stage.notes.value = { ...stage.notes.value, more: 9, message: "the file is read-only" };
    await painted();
    expect(toggle(view).textContent).toBe("Notes 12 !");
    expect(toggle(view).title).toBe("the file is read-only");
  });

  it("is not there where a view has no notes panel", async () => {
    const view = show(withNotes(3, MAIN));
    await painted();
    expect(view.root.querySelector(".notes-toggle")).toBe(null);
  });

  it("folds and opens: what was chosen stands, whatever notes come and go", async () => {
    const stage = withNotes(1);
    const view = show(stage);
    await painted();
    toggle(view).click();
    await painted();
    expect(stage.settings.value.notesPanel).toBe("folded");
    expect([isSeen(view), toggle(view).getAttribute("aria-expanded")]).toEqual([false, "false"]);
    stage.notes.value = { ...stage.notes.value, items: [makeNote("a"), makeNote("b")] };
    await painted();
    expect(isSeen(view)).toBe(false);
    toggle(view).click();
    stage.notes.value = { ...stage.notes.value, items: [] };
    await painted();
    expect(stage.settings.value.notesPanel).toBe("open");
    expect(isSeen(view)).toBe(true);
  });

  it("brings the notes into sight and the focus to them where they open below the others", async () => {
    for (const width of [800, 1400]) {
      const view = show(withNotes(3), width);
      const toggle = view.find(".notes-toggle");
      toggle.click();
      await painted();
      toggle.focus();
      toggle.click();
      await painted();
      const { top } = view.find(".notes h3").getBoundingClientRect();
      if (width < 1024) expect(top).toBeLessThan(innerHeight);
      expect(view.root.activeElement).toBe(width < 1024 ? view.find(".notes h3") : toggle);
      view.end();
    }
  });

  it("is opened by the first note, and while one is written, until the user says otherwise", async () => {
    const stage = withNotes(0);
    const view = show(stage);
    await painted();
    expect(toggle(view).getAttribute("aria-expanded")).toBe("false");
    const surface = view.panel("pattern").querySelector('[role="grid"]')!;
    press(surface, "n");
    await painted();
    expect(isSeen(view)).toBe(true);
    const written = show(withNotes(1));
    await painted();
    expect(isSeen(written)).toBe(true);
  });

  it.each([1400, 1040, 800, 420])(
    "at %i px keeps every element of the other panels, and reads nothing again",
    async (width) => {
      const stage = withNotes(2);
      const view = show(stage, width);
      await painted();
      const before = MAIN.map((name) => view.panel(name));
      const pictures = ["heads", "pattern", "layers"].map((name) => view.panel(name).querySelector("canvas")!);
      const asked = stage.source.asked.length;
      toggle(view).focus();
      for (const open of [false, true]) {
        toggle(view).click();
        await painted();
        expect(isSeen(view)).toBe(open);
        expect(MAIN.every((name, i) => view.panel(name) === before[i])).toBe(true);
        for (const picture of pictures) expect(picture.isConnected).toBe(true);
        expect(view.root.activeElement).toBe(open && width < 1024 ? view.find(".notes h3") : toggle(view));
        fits(view);
      }
      expect(stage.source.asked.length).toBe(asked);
    },
  );

  it("keeps the notes themselves while they are folded, with what is half written there", async () => {
    const stage = withNotes(2);
    const view = show(stage);
    await painted();
    const panel = view.panel("notes");
    toggle(view).click();
    await painted();
    toggle(view).click();
    await painted();
    expect(view.panel("notes")).toBe(panel);
  });

  it("gives the panels the width that is left: 1,040 px are as 716, and all of it when folded", async () => {
    const stage = withNotes(1);
    const view = show(stage, 1040);
    await painted();
    const open = box(view, "layers").width;
    const alone = show(withNotes(0), 716);
    await painted();
    expect(open).toBe(box(alone, "layers").width);
    toggle(view).click();
    await painted();
    expect(box(view, "layers").width).toBe(1008);
  });
});

describe("the grid", () => {
  it("beside the notes has a thirteenth column and a row that takes what is over", () => {
    const grid = gridOf(ALL, 1076, false, true);
    const rows = grid.areas.slice(1, -1).split('" "');
    expect(grid.columns).toBe("repeat(12, minmax(0, 1fr)) 300px");
    expect(grid.rows).toBe(`repeat(${rows.length - 1}, auto) 1fr`);
    expect(rows.map((row) => row.split(" ").length)).toEqual(rows.map(() => 13));
    expect(rows.map((row) => row.split(" ")[12])).toEqual(["bar", ...rows.slice(1).map(() => "notes")]);
    expect(rows.at(-1)!.split(" ").slice(0, 12)).toEqual(Array(12).fill("."));
    expect(grid.order).toEqual(gridOf(ALL, 1076).order);
  });

  it("gives the next token five columns of twelve where a third is too narrow for its buttons", () => {
    const columns = (width: number) => gridOf(ALL, width).areas.match(/next/g)!.length;
    expect([columns(716), columns(799), columns(800)]).toEqual([5, 5, 4]);
  });
});
