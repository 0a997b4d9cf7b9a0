/** The two columns: hovering a token shows its lines, further heads stand beside, and the wheel stays the notebook's. */
import { afterEach, describe, expect, it } from "vitest";
import { endAll, makeStage, painted, pointAt, press, show } from "./stage";

afterEach(endAll);

async function arcs(texts?: string[]) {
  const stage = makeStage({ panels: ["pattern"], ...(texts && { texts }) });
  stage.settings.value = { ...stage.settings.value, patternView: "arcs" };
  const view = show(stage, 700);
  await painted();
  return { stage, view, canvas: view.find<HTMLCanvasElement>(".arcs canvas") };
}

describe("the two columns", () => {
  it("preview a query at the left and a key at the right, and pin them by a click", async () => {
    const { stage, canvas } = await arcs();
    const right = canvas.clientWidth - 20;
    pointAt(canvas, "pointermove", 20, 50); // the third row
    expect(stage.selection.hover.value).toEqual({ query: 2 });
    pointAt(canvas, "pointermove", right, 30);
    expect(stage.selection.hover.value).toEqual({ key: 1 });
    pointAt(canvas, "pointermove", canvas.clientWidth / 2, 30);
    expect(stage.selection.hover.value).toEqual({});
    pointAt(canvas, "click", right, 10);
    expect(stage.selection.pinned.key.value).toBe(0);
  });

  it("draw fewer lines while a token is hovered", async () => {
    const { canvas } = await arcs();
    const inked = () => {
      const { data } = canvas.getContext("2d")!.getImageData(130, 0, canvas.width - 260, canvas.height);
      let count = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) count++;
      return count;
    };
    const all = inked();
    pointAt(canvas, "pointermove", 20, 30);
    await painted();
    expect(inked()).toBeLessThan(all / 2);
    expect(inked()).toBeGreaterThan(0);
  });

  it("name every head that they draw, the further ones with a dash of their own", async () => {
    const { stage, view } = await arcs();
    stage.selection.toggleHead(0, 3);
    await painted();
    const keys = view.all(".head-key");
    expect(keys.map((key) => key.textContent!.trim())).toEqual(["L2H1", "L0H3"]);
    const dashes = keys.map((key) => key.querySelector("line")!.getAttribute("stroke-dasharray"));
    expect(dashes[0]).not.toBe(dashes[1]);
  });

  it("of a long prompt scroll in their own box, to the pinned query", async () => {
    const { stage, view } = await arcs(Array.from({ length: 60 }, (_, i) => ` t${i}`));
    const box = view.find(".scroll-y");
    expect(box.scrollHeight).toBe(60 * 20);
    press(view.find('[role="grid"]'), "ArrowUp");
    stage.selection.pin({ query: 0 });
    expect(box.scrollTop).toBe(0);
    stage.selection.pin({ query: 59 });
    expect(box.scrollTop).toBe(60 * 20 - box.clientHeight);
    expect(view.find(".arcs-legend").textContent).toContain("one line to an edge for all that lies beyond");
  });
});

describe("the wheel over the matrix", () => {
  it("zooms with ctrl, and is the notebook's without", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => ` t${i}`);
    const view = show(makeStage({ panels: ["pattern"], texts, layers: 1, heads: 1 }), 700);
    await painted();
    const canvas = view.find("canvas.marks");
    const wheel = (ctrlKey: boolean) => {
      const box = canvas.getBoundingClientRect();
      const at = { clientX: box.left + 200, clientY: box.top + 200, deltaY: -200 };
      const event = new WheelEvent("wheel", { ...at, ctrlKey, bubbles: true, cancelable: true });
      canvas.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(wheel(false)).toBe(false);
    expect(canvas.classList.contains("pannable")).toBe(false);
    expect(wheel(true)).toBe(true);
    await painted();
    expect(canvas.classList.contains("pannable")).toBe(true);
  });
});
