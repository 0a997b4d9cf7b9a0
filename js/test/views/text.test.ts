/** The text panel: colours that are the field's numbers, menus that hold only what fits, text that stays text. */
import { afterEach, describe, expect, it } from "vitest";
import { halfOf } from "../../src/paint/half";
import { colourTable } from "../../src/paint/table";
import type { BlockRequest, Cell } from "../../src/protocol";
import type { Block, Source } from "../../src/source/source";
import { LIGHT } from "../../src/theme";
import { attentionAt, endAll, makeStage, painted, pointAt, show, TEXTS } from "./stage";

afterEach(endAll);

const table = colourTable({ kind: "sequential", low: 0, high: 1, power: 0.5 }, 0, "blue", LIGHT);

describe("a token's colour", () => {
  it("is the table's for what the shown query gives to it", async () => {
    const view = show(makeStage());
    await painted();
    for (let key = 0; key < TEXTS.length; key++) {
      const bits = halfOf(attentionAt(2, 1, 5, key));
      const span = view.find(`[data-position="${key}"]`);
      expect(span.style.background).toBe(table.css(bits));
      const ink = document.createElement("i");
      ink.style.color = table.ink(bits);
      expect(span.style.color).toBe(ink.style.color);
    }
  });

  it("changes with the palette and the theme, without new requests", async () => {
    const stage = makeStage();
    const view = show(stage);
    await painted();
    const asked = stage.source.asked.length;
    stage.settings.value = { ...stage.settings.value, palette: "viridis" };
    const viridis = colourTable({ kind: "sequential", low: 0, high: 1, power: 0.5 }, 0, "viridis", LIGHT);
    expect(view.find('[data-position="2"]').style.background).toBe(viridis.css(halfOf(attentionAt(2, 1, 5, 2))));
    expect(stage.source.asked.length).toBe(asked);
  });
});

describe("the field menus", () => {
  const options = (panel: HTMLElement) => [...panel.querySelectorAll("option")].map((option) => option.value);

  it("list only fields that the panel can draw", async () => {
    const view = show(makeStage());
    await painted();
    expect(options(view.panel("text"))).toEqual(["attention", "residual_norm", "logit_lens"]);
    expect(options(view.panel("heads"))).toEqual(["attention", "to_first"]);
    expect(options(view.panel("layers"))).toEqual(["residual_norm", "logit_lens"]);
  });

  it("choose the field, and fall back to one that fits where the setting names none", async () => {
    const stage = makeStage();
    stage.settings.value = { ...stage.settings.value, textField: "next_token" };
    const view = show(stage);
    await painted();
    const select = view.panel("text").querySelector("select")!;
    expect(select.value).toBe("attention");
    select.value = "residual_norm";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(stage.settings.value.textField).toBe("residual_norm");
    await painted();
    // the row of layer 2 is the last of four; its third value is (3 * 6 + 2) % 16 / 16
    expect(view.find('[data-position="2"]').style.background).not.toBe("");
    expect(view.panel("text").textContent).toContain("What residual_norm cannot tell.");
  });

  it("of the head view leave the patterns out where thumbnails would be too small to read", async () => {
    const view = show(makeStage({ layers: 2, heads: 40, texts: ["a", "b"] }));
    await painted();
    expect(options(view.panel("heads"))).toEqual(["to_first"]);
    expect(view.panel("heads").dataset.state).toBe("ready");
  });
});

describe("hostile and odd tokens", () => {
  const texts = ["<img src=x onerror=alert(1)>", " </span><script>1</script>", "\n", "<|eot|>", "", " &amp;"];

  it("stay text, in every panel", async () => {
    const stage = makeStage({ texts, kinds: "tttstt" });
    stage.selection.pin({ query: 0 });
    const view = show(stage);
    await painted();
    expect(view.root.querySelectorAll("img, script, .text a").length).toBe(0);
    expect(view.find('[data-position="0"]').textContent).toBe(texts[0]);
    expect(view.find('[data-position="1"]').textContent).toBe("·</span><script>1</script>");
    expect(view.find('[data-position="5"]').textContent).toBe("·&amp;");
    for (const button of view.all(".foot button")) button.click();
    await painted();
    expect(view.root.querySelectorAll("img, script").length).toBe(0);
    expect(view.panel("text").querySelector("table")!.textContent).toContain("<img");
  });

  it("show what cannot be seen: line breaks break the line, special tokens have their own shape", async () => {
    const view = show(makeStage({ texts, kinds: "tttstt" }));
    await painted();
    const newline = view.find('[data-position="2"]');
    expect(newline.textContent).not.toBe("\n");
    expect(newline.nextElementSibling?.tagName).toBe("BR");
    expect(view.find('[data-position="3"]').classList.contains("special")).toBe(true);
    expect(view.find('[data-position="3"]').textContent).toBe("eot");
    expect(view.find('[data-position="4"]').textContent).toBe("∅");
  });
});

/** Rows of ones on a diagonal, for prompts that are too long to be held whole. */
class LongSource implements Source {
  peek(request: BlockRequest): Block | undefined {
    const range = (name: string) => request.index[name] as [number, number];
    const [from, to] = range("query");
    const [start, stop] = range("key");
    const halves = new Uint16Array((to - from) * (stop - start));
    for (let query = from; query < to; query++) halves[(query - from) * (stop - start) + query - start] = halfOf(1);
    return {
      request,
      dims: ["query", "key"],
      shape: [to - from, stop - start],
      exponent: 0,
      extent: [0, 1],
      texts: null,
      halves,
    };
  }

  async read(request: BlockRequest): Promise<Block> {
    return this.peek(request)!;
  }

  async cell(): Promise<Cell> {
    throw new Error("no cell was to be asked for");
  }
}

describe("a prompt of 4,096 tokens", () => {
  it("is hovered by touching a few spans, and lies in its own scroll box with a minimap", async () => {
    const texts = Array.from({ length: 4096 }, (_, i) => ` t${i}`);
    const stage = makeStage({ texts: TEXTS, panels: ["text"] });
    const run = stage.run.value!;
    const axes = stage.fields.value[0]!.axes.map((axis) => ({ ...axis, size: axis.size === 6 ? 4096 : axis.size }));
    const long = { ...stage, source: new LongSource(), fields: { value: [{ ...stage.fields.value[0]!, axes }] } };
    stage.run.value = { ...run, tokens: { total: 4096, texts, kinds: "t".repeat(4096) } };
    const given = { ...long, tokens: { value: { texts, kinds: "t".repeat(4096) } } } as unknown as typeof stage;
    stage.selection.pin({ query: 4095 });
    const view = show(given);
    await painted();
    const text = view.find(".text");
    expect(view.all("[data-position]").length).toBe(4096);
    expect(text.scrollHeight).toBeGreaterThan(text.clientHeight * 4);
    expect(view.root.querySelector(".minimap")).not.toBe(null);
    await expect.poll(() => text.scrollTop).toBeGreaterThan(0);
    await painted();
    const nodes = view.all("*").length;
    for (const position of [4090, 4080, 4070]) {
      pointAt(view.find(`[data-position="${position}"]`), "pointerover", 2, 2);
      // the diagonal's cell before and the one now
      expect(Number(text.dataset.touched)).toBeLessThanOrEqual(2);
    }
    expect(view.all("*").length - nodes).toBeLessThan(10);
    expect(view.find('[data-position="4070"]').style.background).toBe(table.css(halfOf(1)));
  });
});
