/** What a view says of itself: waiting, failed, disconnected, running, and what the prompt line does. */
import { afterEach, describe, expect, it } from "vitest";
import { SourceError } from "../../src/source/source";
import { endAll, makeRun, makeStage, painted, pointAt, press, READY, show, shownRun, TEXTS } from "./stage";

afterEach(endAll);

const type = (area: HTMLTextAreaElement, text: string) => {
  area.value = text;
  area.dispatchEvent(new InputEvent("input", { bubbles: true }));
};

describe("a panel", () => {
  it("keeps its former picture while it waits, and takes up the same room", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const panel = view.panel("pattern");
    const canvas = panel.querySelector<HTMLCanvasElement>("canvas")!;
    const pixels = () => canvas.toDataURL();
    const [before, height] = [pixels(), panel.offsetHeight];
    stage.source.held = [];
    stage.run.value = makeRun({ layers: 3, heads: 4, texts: TEXTS }, 2);
    await painted();
    expect(panel.dataset.state).toBe("waiting");
    expect(panel.getAttribute("aria-busy")).toBe("true");
    expect(pixels()).toBe(before);
    expect(panel.offsetHeight).toBe(height);
    stage.source.release();
    await painted();
    expect(panel.dataset.state).toBe("ready");
  });

  it("lets go of what was hovered when another run comes: it may have fewer tokens", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    pointAt(view.find('[data-position="5"]'), "pointerover", 2, 2);
    await painted();
    expect(stage.selection.hover.value.query).toBe(5);
    expect(view.root.querySelector("[role=tooltip]")!.textContent).not.toBe("");
    stage.run.value = makeRun({ layers: 3, heads: 4, texts: TEXTS.slice(0, 2) }, 2);
    await painted();
    expect(stage.selection.hover.value).toEqual({});
    expect(view.root.querySelector("[role=tooltip]")?.textContent ?? "").toBe("");
  });

  it("that failed says what happened and what to do, and tries again when asked", async () => {
    const stage = makeStage();
    stage.source.failing = new SourceError(
      "ModelChanged",
      "the model has changed since this capture",
      "Capture again.",
    );
    const view = show(stage);
    await painted();
    const panel = view.panel("layers");
    expect(panel.dataset.state).toBe("failed");
    expect(panel.querySelector('[role="alert"]')!.textContent).toContain(
      "the model has changed since this capture. Capture again.",
    );
    stage.source.failing = null;
    panel.querySelector<HTMLButtonElement>(".failed button")!.click();
    await painted();
    expect(panel.dataset.state).toBe("ready");
    expect(panel.querySelector('[role="alert"]')).toBe(null);
  });

  it("says in a word and a sentence what kind of evidence it shows, and its caveat", async () => {
    const view = show(makeStage());
    await painted();
    for (const name of ["text", "next", "heads", "pattern", "layers"]) {
      expect(view.panel(name).querySelector(".evidence")!.textContent).toBe("○ observed");
      expect(view.panel(name).querySelector(".caveat")!.textContent).toContain("cannot tell");
    }
  });

  it("has the same numbers as a table, which says when it is cut", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => ` t${i}`);
    const stage = makeStage({ texts, layers: 1, heads: 1 });
    stage.selection.pin({ layer: 0, head: 0 });
    const view = show(stage);
    await painted();
    const panel = view.panel("pattern");
    const buttons = [...panel.querySelectorAll<HTMLButtonElement>(".tail button")];
    buttons.find((one) => one.textContent === "table")!.click();
    await painted();
    const table = panel.querySelector("table")!;
    expect(table.caption!.textContent).toContain("Cut: 24 of 40 rows and 24 of 40 columns");
    const row = [...table.tBodies[0]!.rows].find((one) => one.cells[0]!.textContent === "39 t39")!;
    const column = [...table.tHead!.rows[0]!.cells].findIndex((cell) => cell.textContent === "30 t30");
    expect(row.cells[column]!.textContent).toBe("0.422"); // (39 * 7 + 30 * 11) % 64 / 64 = 27 / 64
  });

  it("alone is a view of its own", async () => {
    const view = show(makeStage({ panels: ["heads"] }), 500);
    await painted();
    expect(view.all("[data-panel]").map((panel) => panel.dataset.panel)).toEqual(["heads"]);
    expect(view.panel("heads").dataset.state).toBe("ready");
  });
});

describe("before the first run", () => {
  it("one sentence says so, nothing is drawn, and the panels come when the run does", async () => {
    const stage = makeStage();
    const run = stage.run.value;
    stage.run.value = null;
    const view = show(stage);
    await painted();
    expect(view.all(".empty").length).toBe(1);
    expect(view.all("button, select, canvas").length).toBe(0);
    stage.run.value = run;
    await painted();
    expect(view.panel("pattern").dataset.state).toBe("ready");
    expect(view.all("[data-position]").length).toBe(TEXTS.length);
  });
});

describe("the bar", () => {
  it("names the model, its shape and the check of the capture", async () => {
    const stage = makeStage({ headsPerLayer: [4, 2, 4] });
    const view = show(stage);
    await painted();
    expect(view.find(".who").textContent).toContain(
      "tiny3 layers × 2–4 heads · 6 tokens✓ reproduces the model to 3e-07",
    );
    const integrity = { ok: false, sentence: "differs by 3e-02", pattern: 0.03, readout: 0 };
    stage.run.value = { ...stage.run.value!, integrity };
    await painted();
    expect(view.find(".integrity").textContent).toContain("! Check failed: differs by 3e-02");
  });

  it("runs the prompt on Enter, and not on Shift+Enter", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const area = view.find<HTMLTextAreaElement>("textarea");
    expect(area.value).toBe(TEXTS.join(""));
    type(area, "Another prompt");
    press(area, "Enter", { shiftKey: true });
    expect(stage.ran).toEqual([]);
    expect(press(area, "Enter").defaultPrevented).toBe(true);
    expect(stage.ran).toEqual(["Another prompt"]);
  });

  it("says what is being done while it runs, and can be stopped", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    stage.status.value = { ...READY, state: "running", what: "layer 2 of 3", done: 2, total: 3, prompt: "Another" };
    await painted();
    expect(view.find(".what").textContent).toBe("layer 2 of 3");
    expect(view.find('[role="progressbar"]').getAttribute("aria-valuenow")).toBe("67");
    view.find<HTMLButtonElement>(".stop").click();
    expect(stage.stopped).toBe(1);
    stage.stop = () => Promise.reject(new SourceError("Failed", "nothing can be stopped", "Wait."));
    view.find<HTMLButtonElement>(".stop").click();
    await painted();
    expect(view.find(".ask .outcome").textContent).toContain("nothing can be stopped. Wait.");
  });

  it("is not tried again where something else failed: a second prompt, a changed run", async () => {
    const stage = makeStage();
    const view = show(stage);
    stage.status.value = { ...READY, state: "failed", message: "the second prompt is too long", hint: "Shorten it." };
    await painted();
    expect(view.find(".ask .outcome").textContent).toContain("the second prompt is too long. Shorten it.");
    expect(view.root.querySelector(".ask .outcome button")).toBe(null);
  });

  it("loses nothing when a run fails: message, hint, the text as typed, and another try", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const area = view.find<HTMLTextAreaElement>("textarea");
    type(area, "Too long");
    press(area, "Enter");
    stage.status.value = {
      ...READY,
      state: "failed",
      message: "too many tokens",
      hint: "Shorten it.",
      prompt: "Too long",
    };
    await painted();
    expect(view.find(".outcome").textContent).toContain("too many tokens. Shorten it.");
    expect(area.value).toBe("Too long");
    expect(view.panel("pattern").dataset.state).toBe("ready");
    view.find<HTMLButtonElement>(".outcome button").click();
    expect(stage.ran).toEqual(["Too long", "Too long"]);
  });

  it("says so when a request to run is refused at once", async () => {
    const stage = makeStage();
    stage.runPrompt = async () => {
      throw new SourceError("BadRequest", "the prompt is empty", "Give a text.");
    };
    const view = show(stage);
    await painted();
    press(view.find("textarea"), "Enter");
    await painted();
    expect(view.find(".outcome").textContent).toContain("the prompt is empty. Give a text.");
  });

  it("takes up the prompt of a new run, but not over what is being typed", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const area = view.find<HTMLTextAreaElement>("textarea");
    stage.run.value = { ...makeRun({ layers: 3, heads: 4, texts: TEXTS }, 2), prompt: "Set from Python" };
    await painted();
    expect(area.value).toBe("Set from Python");
    type(area, "half a sen");
    stage.status.value = { ...READY, state: "stopped" };
    await painted();
    expect(area.value).toBe("half a sen");
  });

  it("is the first prompt's, and what is typed stays, while other runs are shown", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const area = view.find<HTMLTextAreaElement>("textarea");
    const other = shownRun(stage, 2, { which: "second", label: "second prompt" });
    stage.run.value = { ...other, prompt: "The second" };
    await painted();
    expect(area.value).toBe(TEXTS.join(""));
    type(area, "half a sen");
    stage.run.value = { ...shownRun(stage, 3, { which: "changed", label: "changed run" }), prompt: TEXTS.join("") };
    await painted();
    stage.run.value = { ...shownRun(stage, 1, {}), prompt: TEXTS.join("") };
    await painted();
    expect(area.value).toBe("half a sen");
  });

  it("is read only where there is no text to edit", async () => {
    const stage = makeStage();
    stage.run.value = { ...stage.run.value!, prompt: null, editable: false };
    const view = show(stage);
    await painted();
    expect(view.find<HTMLTextAreaElement>("textarea").readOnly).toBe(true);
    expect(view.find(".what").textContent).toBe("given as token ids");
    expect(view.root.querySelector(".go")).toBe(null);
  });

  it("keeps the picture when the kernel is gone, and says the word", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    stage.connected.value = false;
    stage.problems.value = [{ type: "Failed", message: "the field to_self could not be made", hint: "Restart." }];
    await painted();
    expect(view.find(".disconnected").textContent).toContain("disconnected");
    expect(view.find(".problems").textContent).toContain("the field to_self could not be made. Restart.");
    expect(view.panel("pattern").dataset.state).toBe("ready");
  });
});

describe("the zoom of the pattern", () => {
  it.each([
    [1040, ".foot"],
    [1300, ".head"],
  ])("at %i px stands in the %s, never over the labels", async (width, where) => {
    const view = show(makeStage({ texts: Array.from({ length: 14 }, (_, i) => ` t${i}`) }), width);
    await painted();
    const zoom = view.find('[aria-label="zoom"]');
    expect(zoom.closest(where)).not.toBe(null);
    expect(zoom.closest(".picture")).toBe(null);
  });
});

describe("at 500 px", () => {
  it("all panels stand in one column, and nothing is wider than the view", async () => {
    const view = show(makeStage(), 500);
    await painted();
    const lefts = new Set(view.all(".slot").map((slot) => Math.round(slot.getBoundingClientRect().left)));
    expect(lefts.size).toBe(1);
    expect(view.find(".view").classList.contains("narrow")).toBe(true);
    for (const panel of view.all("[data-panel]")) expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth + 1);
    expect(view.find(".integrity .sentence").textContent).toBe("reproduces the model to 3e-07");
  });

  it("and at 1,500 px pattern and layers stand side by side", async () => {
    const view = show(makeStage(), 1500);
    await painted();
    const [pattern, layers] = ["pattern", "layers"].map((name) => view.panel(name).getBoundingClientRect());
    expect(pattern!.top).toBe(layers!.top);
    expect(pattern!.right).toBeLessThan(layers!.left);
  });
});
