/** What is pure of the notes: which pass the filters, who stands below whom, and how times and places are put into words. */
import { describe, expect, it } from "vitest";
import { FRAMING } from "../../src/model-stage";
import type { About, Filters } from "../../src/protocol-notes";
import { tagsOf } from "../../src/views/notes/desk";
import { isFiltered, passes, UNFILTERED } from "../../src/views/notes/filter";
import { EVIDENCES, firstWords, plainly, timeWords } from "../../src/views/notes/note-words";
import { threadsOf } from "../../src/views/notes/threads";
import { makeNote } from "./stage";

const filtered = (more: Partial<Filters>): Filters => ({ ...FRAMING.filters, ...more });
const about = (more: Partial<About>): About => ({
  layer: null,
  head: null,
  heads: [],
  query: null,
  key: null,
  change: null,
  ...more,
});
const change = { site: "z", layer: [3], head: [1], position: null, key: null, neuron: null };

describe("a note passes the filters", () => {
  const note = makeNote("a", { text: "Copies the NAME", tags: ["Mover"], author: "Ana", words: "L2H1 · “ to”" });
  it.each<[string, Partial<Filters>, boolean]>([
    ["where there are none", {}, true],
    ["by a word of its text, small or large", { search: "name" }, true],
    ["by words of its text and its tags, in any order", { search: " mover  COPIES " }, true],
    ["by its author", { search: "ana" }, true],
    ["by the words for its place", { search: "l2h1" }, true],
    ["not where one of the words is nowhere", { search: "copies nothing" }, false],
    ["by its tag", { tag: "mover" }, true],
    ["not by a part of its tag", { tag: "mov" }, false],
    ["by who wrote it", { author: "ana" }, true],
    ["not by another author", { author: "bert" }, false],
    ["by its evidence", { evidence: "observed" }, true],
    ["not by other evidence", { evidence: "intervened" }, false],
    ["by its layer", { layer: 2 }, true],
    ["not by another layer", { layer: 0 }, false],
    ["by everything at once", { search: "copies", tag: "Mover", author: "Ana", evidence: "observed", layer: 2 }, true],
  ])("%s", (_, more, expected) => {
    expect(passes(note, filtered(more))).toBe(expected);
  });

  it("by layer 0 too, which is not the same as no layer", () => {
    const first = makeNote("a", { about: about({ layer: 0 }) });
    expect([0, 1, null].map((layer) => passes(first, filtered({ layer })))).toEqual([true, false, true]);
  });

  it("by the layers of several heads, of an intervention, and of the places that it could stand in", () => {
    const heads = makeNote("a", {
      about: about({
        heads: [
          [1, 0],
          [3, 2],
        ],
      }),
    });
    const changed = makeNote("b", { about: about({ change }) });
    const choose = makeNote("c", { about: null, choices: [{ about: about({ layer: 3 }), words: "layer 3" }] });
    const nowhere = makeNote("d", { about: null });
    const inLayer = (layer: number) => [heads, changed, choose, nowhere].map((one) => passes(one, filtered({ layer })));
    expect(inLayer(3)).toEqual([true, true, true, false]);
    expect(inLayer(1)).toEqual([true, false, false, false]);
  });

  it("when it is resolved only where these are asked for", () => {
    const done = makeNote("a", { resolved: true });
    expect([passes(done, filtered({})), passes(done, filtered({ resolved: "all" }))]).toEqual([false, true]);
  });

  it("and only a choice of the reader counts as a filter", () => {
    expect(isFiltered(filtered({ resolved: "all" }))).toBe(false);
    for (const more of [
      { search: "a" },
      { tag: "a" },
      { author: "a" },
      { evidence: "observed" as const },
      { layer: 0 },
    ]) {
      expect(isFiltered(filtered(more))).toBe(true);
      expect(isFiltered({ ...filtered(more), ...UNFILTERED })).toBe(false);
    }
  });
});

describe("threads", () => {
  const note = (id: string, reply: string | null = null) => makeNote(id, { reply });
  const told = (...items: ReturnType<typeof note>[]) =>
    threadsOf(items).map(({ note, orphan, replies }) => [note.id, orphan, replies.map(({ id }) => id).join("")]);

  it("have the replies below their note, and replies to these in the same thread, each behind what it answers", () => {
    expect(told(note("a"), note("b", "a"), note("c"), note("d", "a"), note("e", "b"))).toEqual([
      ["a", false, "bed"],
      ["c", false, ""],
    ]);
  });

  it("find the parent also where it comes later", () => {
    expect(told(note("b", "a"), note("a"))).toEqual([["a", false, "b"]]);
  });

  it("let a reply stand alone whose note is not here, with its own replies below it", () => {
    expect(told(note("b", "gone"), note("c", "b"))).toEqual([["b", true, "c"]]);
  });

  it("lose no note of a circle, nor one that answers itself", () => {
    expect(told(note("a", "c"), note("b", "a"), note("c", "b"), note("d", "d"), note("e"), note("f", "c"))).toEqual([
      ["e", false, ""],
      ["a", false, "bcf"],
      ["d", false, ""],
    ]);
  });

  it("of 20,000 replies, each to the one before, come out in order and at once", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => note(`${i}`, i === 0 ? null : `${i - 1}`));
    const begun = performance.now();
    const [only, ...more] = threadsOf(chain);
    expect(more).toEqual([]);
    expect(only!.replies.map(({ id }) => id)).toEqual(chain.slice(1).map(({ id }) => id));
    expect(performance.now() - begun).toBeLessThan(500);
  });
});

describe("in words", () => {
  it("a time is short, and whole in its title; what can not be read stays as it came", () => {
    const now = new Date(2026, 10, 22, 20, 0);
    const at = (date: Date) => timeWords(date.toISOString(), now).short;
    expect(at(new Date(2026, 10, 22, 18, 5))).toMatch(/^0?6:05|18:05/);
    expect(at(new Date(2026, 2, 3, 18, 5))).toMatch(/3/);
    expect(at(new Date(2026, 2, 3, 18, 5))).not.toMatch(/2026/);
    expect(at(new Date(2024, 2, 3, 18, 5))).toMatch(/2024/);
    expect(timeWords(now.toISOString()).full).toMatch(/2026/);
    for (const odd of ["yesterday", "", "2026-99-99T00:00:00Z", "1"])
      expect(timeWords(odd)).toEqual({ short: odd, full: odd });
  });

  it("a name shows what would not be seen, and keeps its spaces", () => {
    expect(plainly("ana \u202egro\u200b  x")).toBe("ana U+202EgroU+200B  x");
    expect(plainly("")).toBe("");
  });

  it("the beginning of a note is one line of at most 60 letters", () => {
    expect(firstWords(makeNote("a", { text: `  one\n two${"x".repeat(90)}` }))).toBe(`one two${"x".repeat(52)}…`);
  });

  it("evidence is said with the words of the panels", () => {
    expect(EVIDENCES.map(({ word }) => word)).toEqual([
      "observed",
      "attributed",
      "correlated",
      "intervened",
      "unstated",
    ]);
  });

  it("a line of tags has each once, without the spaces around it", () => {
    expect(tagsOf(" a, b c ,,a ,")).toEqual(["a", "b c"]);
  });
});
