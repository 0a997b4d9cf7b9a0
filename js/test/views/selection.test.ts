/** One selection in every panel: hover previews, click pins, Escape lets go, keys walk. */
import { afterEach, describe, expect, it } from "vitest";
import { headBox, headsLayout } from "../../src/views/heads/heads-layout";
import { endAll, makeStage, painted, pointAt, press, show, type TestStage } from "./stage";

afterEach(endAll);

async function shown(stage: TestStage = makeStage(), width = 1040) {
  const view = show(stage, width);
  await painted();
  return { stage, view, marks: (name: string) => view.panel(name).querySelector<HTMLCanvasElement>("canvas.marks")! };
}

/** The middle of a head in the grid, from the same layout that the panel has. */
function placeOf(view: ReturnType<typeof show>, layer: number, head: number): [number, number] {
  const width = view.panel("heads").querySelector(".scroll-x")!.clientWidth;
  const box = headBox(headsLayout(3, 4, width, 480, false), layer, head);
  return [box.x + box.width / 2, box.y + box.height / 2];
}

describe("a head in the grid", () => {
  it("is pinned by a click, and every panel follows", async () => {
    const { stage, view, marks } = await shown();
    pointAt(marks("heads"), "click", ...placeOf(view, 0, 3));
    await painted();
    expect([stage.selection.pinned.layer.value, stage.selection.pinned.head.value]).toEqual([0, 3]);
    expect(view.panel("pattern").querySelector(".head")!.textContent).toContain("L0H3");
    expect(view.panel("text").querySelector(".sizer")!.textContent).toContain("layer 0 head 3");
    expect(view.panel("heads").querySelector("[role=gridcell]")!.textContent).toContain("layer 0, head 3");
    expect(view.panel("layers").querySelector("[role=gridcell]")!.textContent).toContain("layer 0");
  });

  it("is previewed everywhere while hovered, and let go when the pointer leaves", async () => {
    const { stage, view, marks } = await shown();
    pointAt(marks("heads"), "pointermove", ...placeOf(view, 1, 2));
    await painted();
    expect(view.panel("pattern").querySelector(".head")!.textContent).toContain("L1H2");
    expect(stage.selection.pinned.layer.value).toBe(2);
    pointAt(marks("heads"), "pointerout", 0, 0);
    marks("heads").dispatchEvent(new PointerEvent("pointerleave"));
    await painted();
    expect(view.panel("pattern").querySelector(".head")!.textContent).toContain("L2H1");
  });

  it("joins the pinned heads by shift-click, and leaves them by another", async () => {
    const { stage, view, marks } = await shown();
    pointAt(marks("heads"), "click", ...placeOf(view, 0, 0), { shiftKey: true });
    expect(stage.selection.heads.value).toEqual([[0, 0]]);
    await painted();
    expect(view.panel("heads").textContent).toContain("Pinned: L0H0");
    pointAt(marks("heads"), "click", ...placeOf(view, 0, 0), { shiftKey: true });
    expect(stage.selection.heads.value).toEqual([]);
  });

  it("that its layer does not have can not be pinned", async () => {
    const { stage, view, marks } = await shown(makeStage({ headsPerLayer: [4, 2, 4] }));
    pointAt(marks("heads"), "click", ...placeOf(view, 1, 3));
    expect([stage.selection.pinned.layer.value, stage.selection.pinned.head.value]).toEqual([2, 1]);
  });
});

describe("a token", () => {
  it("is previewed as the query while hovered, everywhere, and pinned by a click", async () => {
    const { stage, view } = await shown();
    const john = view.find('[data-position="3"]');
    pointAt(john, "pointerover", 2, 2);
    await painted();
    expect(view.panel("text").querySelector(".sizer")!.textContent).toContain("from “John”");
    expect(view.panel("next").querySelector(".head")!.textContent).toContain("after “John”");
    expect(view.all(".guesses .token")[0]!.textContent).toBe("·n9");
    expect(stage.selection.pinned.query.value).toBe(5);
    pointAt(john, "click", 2, 2);
    expect(stage.selection.pinned.query.value).toBe(3);
    expect(john.classList.contains("query")).toBe(true);
    expect(john.getAttribute("aria-selected")).toBe("true");
  });

  it("that is hovered needs no request once the pattern is there", async () => {
    const { stage, view } = await shown(makeStage({ panels: ["text", "pattern"] }));
    const before = stage.source.asked.length;
    for (const position of [0, 1, 2, 3]) {
      pointAt(view.find(`[data-position="${position}"]`), "pointerover", 2, 2);
      await painted();
    }
    expect(stage.source.asked.length).toBe(before);
  });
});

describe("Escape", () => {
  it("lets go of the preview, then the key, then the further heads, and then is the notebook's again", async () => {
    const { stage, view } = await shown();
    stage.selection.pin({ key: 1 });
    stage.selection.toggleHead(0, 0);
    const text = view.find(".text");
    expect(press(text, "Escape").defaultPrevented).toBe(true);
    expect(stage.selection.pinned.key.value).toBe(null);
    expect(press(text, "Escape").defaultPrevented).toBe(true);
    expect(stage.selection.heads.value).toEqual([]);
    expect(press(text, "Escape").defaultPrevented).toBe(false);
  });
});

describe("the keyboard", () => {
  it("walks layers and heads in the grid, layers upwards", async () => {
    const { stage, view } = await shown();
    const grid = view.panel("heads").querySelector('[role="grid"]')!;
    press(grid, "ArrowDown");
    press(grid, "ArrowRight");
    expect([stage.selection.pinned.layer.value, stage.selection.pinned.head.value]).toEqual([1, 2]);
    press(grid, "End");
    expect(stage.selection.pinned.head.value).toBe(3);
    press(grid, "ArrowRight");
    expect(stage.selection.pinned.head.value).toBe(3);
    press(grid, "Enter", { shiftKey: true });
    expect(stage.selection.heads.value).toEqual([[1, 3]]);
  });

  it("walks tokens in the text and the layer grid, queries and keys in the matrix", async () => {
    const { stage, view } = await shown();
    press(view.find(".text"), "ArrowLeft");
    expect(stage.selection.pinned.query.value).toBe(4);
    press(view.panel("layers").querySelector('[role="grid"]')!, "ArrowLeft");
    expect(stage.selection.pinned.query.value).toBe(3);
    const matrix = view.panel("pattern").querySelector('[role="grid"]')!;
    press(matrix, "ArrowUp");
    press(matrix, "ArrowRight");
    press(matrix, "ArrowRight");
    expect([stage.selection.pinned.query.value, stage.selection.pinned.key.value]).toEqual([2, 1]);
    await painted();
    // layer 2, head 1, query 2, key 1: (10 + 3 + 14 + 11) / 64
    expect(matrix.querySelector("[role=gridcell]")!.textContent).toContain("0.594");
  });

  it("walks layers by brackets from any panel", async () => {
    const { stage, view } = await shown();
    press(view.find(".text"), "[");
    expect(stage.selection.pinned.layer.value).toBe(1);
    press(view.panel("pattern").querySelector('[role="grid"]')!, "]");
    expect(stage.selection.pinned.layer.value).toBe(2);
  });

  it("keeps handled keys from the notebook and leaves it the others", async () => {
    const { view } = await shown();
    let heard = 0;
    const count = () => heard++;
    view.host.addEventListener("keydown", count);
    expect(press(view.find(".text"), "ArrowLeft").defaultPrevented).toBe(true);
    expect(heard).toBe(0);
    expect(press(view.find(".text"), "b").defaultPrevented).toBe(false);
    expect(press(view.find(".text"), "ArrowLeft", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(heard).toBe(2);
  });

  it("says where the selection is once it has come to rest", async () => {
    const { stage, view } = await shown();
    stage.selection.pin({ layer: 1, head: 0, query: 1 });
    await expect.poll(() => view.find("[aria-live]").textContent).toBe("layer 1, head 0, from token 1 “Mary”");
  });
});
