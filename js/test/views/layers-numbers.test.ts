/** The numbers on the cells of a layer grid with a sign: all of them where the longest fits, else the signs alone. */
import { describe, expect, it } from "vitest";
import { halfOf } from "../../src/paint/half";
import { colourTable } from "../../src/paint/table";
import { LIGHT } from "../../src/theme";
import { layersLayout } from "../../src/views/layers/layers-layout";
import type { LayersPicture } from "../../src/views/layers/layers-model";
import { paintLayers } from "../../src/views/layers/layers-paint";
import { field } from "../shapes";

const VALUES = [0, 0.04, -2.5, -4.5];
const SCALE = { kind: "diverging", low: -4.5, high: 4.5, power: 1 } as const;

/** What is written on the cells of one layer, in a grid of this width. */
function written(width: number): string[] {
  const context = document.createElement("canvas").getContext("2d")!;
  const words: string[] = [];
  const { left, top } = layersLayout(0, 1, VALUES.length, width, false);
  context.fillText = (text, x, y) => {
    if (x > left && y > top) words.push(text);
  };
  const picture: LayersPicture = {
    field: field("effect", [
      ["layer", 1],
      ["position", VALUES.length],
    ]),
    scale: SCALE,
    at: (_, position) => ({ bits: halfOf(VALUES[position]!), exponent: 0, text: null }),
  };
  paintLayers(context, {
    layout: layersLayout(0, 1, VALUES.length, width, false),
    x: 0,
    y: 0,
    picture,
    tableOf: (exponent) => colourTable(SCALE, exponent, "blue", LIGHT),
    labels: () => "t",
    query: null,
    theme: LIGHT,
  });
  return words;
}

describe("the cells of a layer grid", () => {
  it("hold their numbers where the longest has room", () => {
    expect(written(400)).toEqual(["0.0", "0.0", "−2.5", "−4.5"]);
  });

  it("hold signs alone where it has none, so that the largest are not those left out", () => {
    expect(written(160).filter((words) => words !== "")).toEqual(["−", "−"]);
  });
});
