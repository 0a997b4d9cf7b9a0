/** What others wrote into a notes file is data: it does nothing, looks like what it is, and does not slow the page. */
import { h, render } from "preact";
import { afterEach, describe, expect, it } from "vitest";
import type { TreeNode } from "../../src/protocol-notes";
import { NotesPanel } from "../../src/views/notes/notes";
import { makeUi, UiContext } from "../../src/views/ui";
import { endAll, type Mounted, makeNote, makeStage, painted, show, type TestStage } from "./stage";

afterEach(endAll);

const EVIL = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>';

async function shown(...items: ReturnType<typeof makeNote>[]): Promise<Mounted & { stage: TestStage }> {
  const stage = makeStage({ panels: ["notes"] });
  stage.notes.value = { ...stage.notes.value, items };
  const view = show(stage);
  await painted();
  return Object.assign(view, { stage });
}

const prose = (view: Mounted) => view.find(".prose");

describe("HTML", () => {
  it("in every text of a note is only text", async () => {
    const view = await shown(
      makeNote("a", {
        text: EVIL,
        author: EVIL,
        tags: [EVIL],
        words: `“${EVIL}”`,
        why: EVIL,
        standing: "choose",
        created: EVIL,
        prompt: EVIL,
        ask: EVIL,
        field: EVIL,
        choices: [{ about: makeNote("x").about!, words: EVIL }],
      }),
      makeNote(`"]${EVIL}`, { tree: [EVIL, { tag: "p", kids: [EVIL] }], reply: EVIL }),
    );
    view.stage.notes.value = { ...view.stage.notes.value, undo: EVIL, path: EVIL, message: EVIL, hint: EVIL };
    for (const one of view.all(".card button, .notes .head button"))
      if (/filter|edit/.test(one.textContent!)) one.click();
    await painted();
    expect(view.all("img, script, iframe, object, embed, svg").length).toBe(0);
    expect((window as { hurt?: number }).hurt).toBe(undefined);
    expect(view.panel("notes").textContent!.split("<img").length).toBeGreaterThan(8);
  });

  it("of a tree comes from a closed list of tags, and what is none of them is its text", async () => {
    const kids = ["inside"];
    const tree = [
      ...["script", "img", "style", "iframe", "svg", "form", "P", "constructor", "a b"].map((tag) => ({ tag, kids })),
      { tag: "p", kids: [{ tag: "strong", kids: ["bold ", { tag: "em", kids: ["both"] }] }] },
      { tag: "ol", start: 3, kids: [{ tag: "li", kids: ["three"] }] },
      { tag: "p", kids: ["one", { tag: "br", kids: [] }, "two"] },
      {
        tag: "p",
        kids: ["x"],
        onclick: "window.hurt=1",
        style: "position:fixed",
        dangerouslySetInnerHTML: { __html: EVIL },
      },
    ] as TreeNode[];
    const view = await shown(makeNote("a", { tree }));
    const there = new Set([...prose(view).querySelectorAll("*")].map((one) => one.tagName));
    expect(there).toEqual(new Set(["P", "STRONG", "EM", "OL", "LI", "BR"]));
    expect(prose(view).textContent).toBe(`${"inside".repeat(9)}bold boththreeonetwox`);
    expect(prose(view).querySelector("ol")!.start).toBe(3);
    expect([...prose(view).querySelectorAll("p")].flatMap((one) => one.getAttributeNames())).toEqual([]);
  });

  it("that is no tree at all is left out, and the rest is there", async () => {
    const tree = [
      null,
      3,
      {},
      { tag: "p" },
      { tag: "p", kids: "x" },
      [],
      { tag: null, kids: ["a"] },
      "b",
    ] as unknown as TreeNode[];
    const view = await shown(makeNote("a", { tree }));
    expect(prose(view).textContent).toBe("ab");
  });

  it("nested 20,000 deep is still its text", async () => {
    let node: TreeNode = "deep";
    for (let i = 0; i < 20_000; i++) node = { tag: "blockquote", kids: [node] };
    const view = await shown(makeNote("a", { tree: [node] }));
    expect(prose(view).textContent).toBe("deep");
  });
});

describe("links", () => {
  const link = (href: unknown) => ({ tag: "a", href, kids: ["go"] }) as TreeNode;

  it("lead to http, https and mailto, into a new tab that knows nothing of this one", async () => {
    const good = ["https://example.org/a?b=c", "http://example.org", "mailto:ana@example.org", "HTTPS://example.org"];
    const view = await shown(makeNote("a", { tree: good.map(link) }));
    const links = [...prose(view).querySelectorAll("a")];
    expect(links.map((one) => one.getAttribute("href"))).toEqual(good);
    for (const one of links) {
      expect(one.rel).toBe("noopener noreferrer nofollow");
      expect(one.target).toBe("_blank");
      expect(one.title).toBe(one.getAttribute("href"));
    }
  });

  it.each([
    "javascript:window.hurt=1",
    " javascript:window.hurt=1",
    "java\nscript:window.hurt=1",
    "data:text/html,<script>1</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//example.org",
    "/lab",
    "#a",
    "",
    "blob:https://example.org",
    "\u0001https://example.org",
    null,
    7,
    { toString: () => "javascript:1" },
  ])("to %j are text", async (href) => {
    const view = await shown(makeNote("a", { tree: [link(href)] }));
    expect(prose(view).querySelector("a")).toBe(null);
    expect(prose(view).textContent).toBe("go");
  });

  it("are pressed without going back to the note's moment", async () => {
    const view = await shown(makeNote("a", { tree: [link("https://example.org")] }));
    const one = prose(view).querySelector("a")!;
    one.addEventListener("click", (event) => event.preventDefault());
    one.click();
    await painted();
    expect(view.stage.calls).toEqual([]);
  });
});

describe("letters", () => {
  it("that turn the reading direction round stay within their own text, and are seen in names", async () => {
    const view = await shown(
      makeNote("a", { author: "ana\u202etxt.exe", tags: ["\u202ex"], text: "\u202eabc", words: "“\u202eto”" }),
    );
    expect(view.find(".by-line").textContent).toContain("anaU+202Etxt.exe");
    expect(view.find(".by-line").textContent).toContain("#U+202Ex");
    expect(view.find(".where").textContent).toBe("“U+202Eto”");
    expect(getComputedStyle(prose(view)).unicodeBidi).toMatch(/isolate/);
    expect(prose(view).textContent).toBe("\u202eabc");
  });

  it("of a right-to-left script begin at the right", async () => {
    const view = await shown(makeNote("a", { text: "שלום world" }));
    expect(getComputedStyle(prose(view)).direction).toBe("rtl");
    expect(getComputedStyle(view.find(".by-line")).direction).toBe("ltr");
  });

  it("by the thousand are folded until the card is opened", async () => {
    const view = await shown(makeNote("a", { text: "line\n".repeat(2000) }));
    expect(prose(view).offsetHeight).toBeLessThan(240);
    view.find(".where").click();
    await painted();
    expect(prose(view).offsetHeight).toBeGreaterThan(10_000);
  });
});

describe("300 notes", () => {
  const many = (edited: number) =>
    Array.from({ length: 300 }, (_, i) =>
      makeNote(`${i}`, {
        text: `${i} ${i === edited ? "edited" : "says something of a usual length, as notes do"}`,
        tags: ["a", `t${i % 7}`],
        words: `L${i % 3}H${i % 4} · “ to” → “ Mary”`,
        reply: i % 5 === 4 ? `${i - 1}` : null,
      }),
    );
  /** Milliseconds from a change to the picture laid out, and which cards it touched. */
  async function cost(view: Mounted, change: () => void) {
    const touched = new Set<string | undefined>();
    const observer = new MutationObserver((all) => {
      for (const { target } of all) {
        const element = target instanceof Element ? target : target.parentElement;
        touched.add(element?.closest<HTMLElement>(".card")?.dataset.note);
      }
    });
    observer.observe(view.find(".cards"), { subtree: true, childList: true, characterData: true, attributes: true });
    const begun = performance.now();
    change();
    await Promise.resolve();
    await new Promise((done) => setTimeout(done));
    void view.panel("notes").offsetHeight;
    const time = performance.now() - begun;
    observer.disconnect();
    return { time, touched: [...touched] };
  }

  it("are drawn, changed, opened and filtered without a wait, and what did not change is not touched", async () => {
    const view = await shown(...many(-1));
    const { stage } = view;
    expect(view.all(".card").length).toBe(62); // of 50 threads
    const costs: Record<string, number[]> = { told: [], opened: [], filtered: [], shown: [] };
    for (let i = 1; i < 8; i++) {
      const items = many(i);
      const told = await cost(view, () => {
        stage.notes.value = { ...stage.notes.value, items };
      });
      expect(told.touched.sort()).toEqual(i === 1 ? ["1"] : [`${i - 1}`, `${i}`]);
      const opened = await cost(view, () => view.all(".where")[i]!.click());
      expect(opened.touched.sort()).toEqual(i === 1 ? ["1"] : [`${i - 1}`, `${i}`]);
      const search = (search: string) => () => {
        stage.framing.value = { ...stage.framing.value, filters: { ...stage.framing.value.filters, search } };
      };
      const filtered = await cost(view, search("edited"));
      expect(view.all(".card").length).toBeLessThan(3);
      const all = await cost(view, search(""));
      for (const [name, { time }] of Object.entries({ told, opened, filtered, shown: all })) costs[name]!.push(time);
    }
    // The best of seven: other tests run beside this one.
    const best = Object.values(costs).map((times) => Math.min(...times));
    for (const time of best) expect(time).toBeLessThan(150);
  });

  it("are there by fifty, and up to the one that is opened from elsewhere", async () => {
    const stage = makeStage({ panels: ["notes"] });
    stage.notes.value = { ...stage.notes.value, items: Array.from({ length: 300 }, (_, i) => makeNote(`${i}`)) };
    const ui = makeUi(stage);
    const place = document.createElement("div");
    document.body.append(place);
    render(h(UiContext.Provider, { value: ui, children: h(NotesPanel, null) }), place);
    await painted();
    const there = () => place.querySelectorAll(".card").length;
    const more = () => [...place.querySelectorAll("button")].find((one) => /^show more/.test(one.textContent!));
    expect([there(), more()!.textContent]).toEqual([50, "show more: 250 are left"]);
    more()!.click();
    await painted();
    expect(there()).toBe(100);
    ui.openNote.value = "299";
    await painted();
    expect([there(), more()]).toEqual([300, undefined]);
    render(null, place);
    place.remove();
  });
});
