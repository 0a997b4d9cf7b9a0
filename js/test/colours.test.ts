/** Colours of data: exact against the plain formula, monotone in luminance, and always with readable ink. */
import { describe, expect, it } from "vitest";
import { halfOf, halfTable, stateOf } from "../src/paint/half";
import { legendOf } from "../src/paint/legend";
import { markOf } from "../src/paint/marks";
import { cellText, numberText, percentText, signedText } from "../src/paint/numbers";
import { imageOf, paintPlane } from "../src/paint/paint";
import { type PaletteName, paletteFor } from "../src/paint/palette";
import { planeOf, transposed } from "../src/paint/plane";
import { contrast, css, inkOn, luminance, parseColour, pixel, type RGB } from "../src/paint/rgb";
import { clipped, placeOf, type ResolvedScale, resolveScale, valueAt } from "../src/paint/scale";
import { colourTable, stateColour } from "../src/paint/table";
import { DARK, LIGHT } from "../src/theme";
import { block } from "./shapes";

const THEMES = [LIGHT, DARK];
const PALETTES: PaletteName[] = ["blue", "viridis", "cividis"];
const SHARE: ResolvedScale = { kind: "sequential", low: 0, high: 1, power: 0.5 };
const SIGNED: ResolvedScale = { kind: "diverging", low: -4, high: 4, power: 0.5 };
const combinations = THEMES.flatMap((theme) =>
  PALETTES.map((palette) => ({ theme, palette, name: `${palette}, ${theme.mode}` })),
);
const hundredths = Array.from({ length: 101 }, (_, step) => step / 100);

describe("halves", () => {
  it("are what the platform's DataView says they are, where it has getFloat16", () => {
    const view = new DataView(new ArrayBuffer(2)) as DataView & { getFloat16?: (at: number) => number };
    expect(typeof view.getFloat16).toBe("function"); // Chromium has had it since 135
    for (let bits = 0; bits < 65536; bits++) {
      view.setUint16(0, bits);
      if (!Object.is(halfTable()[bits], Math.fround(view.getFloat16!(0))))
        expect([bits, halfTable()[bits]]).toEqual([bits, view.getFloat16!(0)]);
    }
  });

  it("are found again from their values, and rounded as Math.f16round rounds", () => {
    const f16round = (Math as unknown as { f16round(value: number): number }).f16round;
    for (let bits = 0; bits < 65536; bits++)
      if (stateOf(bits) === "value" && halfOf(halfTable()[bits]!) !== bits)
        expect(halfOf(halfTable()[bits]!)).toBe(bits);
    for (let step = 0; step < 20_000; step++) {
      const value = Math.fround(Math.sin(step) * 2 ** ((step % 44) - 26));
      if (halfTable()[halfOf(value)] !== f16round(value))
        expect([value, halfTable()[halfOf(value)]]).toEqual([value, f16round(value)]);
    }
  });
});

describe("scales", () => {
  it("take a missing end from the extent, and are symmetric when diverging", () => {
    const open = { kind: "sequential", low: 0, high: null, power: 1 } as const;
    expect(resolveScale(open, [0.5, 12])).toMatchObject({ low: 0, high: 12 });
    expect(resolveScale(open, null)).toMatchObject({ low: 0, high: 1 });
    expect(resolveScale({ ...open, kind: "diverging" }, [-3, 2])).toMatchObject({ low: -3, high: 3 });
    expect(resolveScale({ ...open, kind: "diverging", low: -1, high: 1 }, [-3, 2])).toMatchObject({ low: -1, high: 1 });
  });

  it("put values where the formula says, and back", () => {
    expect(placeOf(SHARE, 0.25)).toBe(0.5);
    expect(placeOf(SIGNED, -1)).toBe(0.25);
    expect(placeOf(SIGNED, 0)).toBe(0.5);
    expect(placeOf(SIGNED, 99)).toBe(1);
    for (const place of hundredths)
      for (const scale of [SHARE, SIGNED]) expect(placeOf(scale, valueAt(scale, place))).toBeCloseTo(place, 12);
  });

  it("tell what lies beyond them, but not what rounding put a hair past an end", () => {
    expect([clipped(SHARE, 1.1), clipped(SHARE, -0.1), clipped(SHARE, 1.0005), clipped(SIGNED, -4.5)]).toEqual([
      "above",
      "below",
      null,
      "below",
    ]);
  });
});

describe("palettes", () => {
  it.each(combinations)("are monotone in luminance: $name", ({ theme, palette }) => {
    const steps = hundredths.map((place) => luminance(paletteFor("sequential", palette, theme)(place)));
    const rising = steps.at(-1)! > steps[0]!;
    for (const [at, step] of steps.entries())
      if (at > 0) expect(rising ? step > steps[at - 1]! : step < steps[at - 1]!).toBe(true);
  });

  it.each(THEMES)("begin at the panel's ground: blue, $mode", (theme) => {
    expect(css(paletteFor("sequential", "blue", theme)(0))).toBe(css(parseColour(theme.bg)));
  });

  it.each(THEMES)("diverge from the ground on both sides, monotone, in hues that differ: $mode", (theme) => {
    const colour = paletteFor("diverging", "blue", theme);
    expect(css(colour(0.5))).toBe(css(parseColour(theme.bg)));
    const away = (side: number) =>
      hundredths.slice(0, 51).map((step) => Math.abs(luminance(colour(0.5 + side * step)) - luminance(colour(0.5))));
    for (const side of [-1, 1])
      for (const [at, step] of away(side).entries()) if (at > 0) expect(step).toBeGreaterThan(away(side)[at - 1]!);
    const [blue, orange] = [colour(0.2), colour(0.8)];
    expect(blue[2] - blue[0]).toBeGreaterThan(40);
    expect(orange[0] - orange[2]).toBeGreaterThan(40);
  });

  it("leave ink readable everywhere, 4.5 to 1", () => {
    const grounds: RGB[] = combinations.flatMap(({ theme, palette }) =>
      hundredths.map((place) => paletteFor("sequential", palette, theme)(place)),
    );
    for (const theme of THEMES)
      grounds.push(...hundredths.map((place) => paletteFor("diverging", "blue", theme)(place)));
    for (let grey = 0; grey < 256; grey++) grounds.push([grey, grey, grey]);
    for (const ground of grounds) expect(contrast(ground, parseColour(inkOn(ground)))).toBeGreaterThanOrEqual(4.5);
  });
});

describe("the colour table", () => {
  it.each([
    { scale: SHARE, exponent: 0 },
    { scale: SIGNED, exponent: 2 },
    { scale: { ...SHARE, high: 5e-4, power: 1 }, exponent: -12 },
  ])("holds what the formula gives, for every half ($scale.kind, exponent $exponent)", ({ scale, exponent }) => {
    for (const { theme, palette } of combinations) {
      const table = colourTable(scale, exponent, palette, theme);
      const colour = paletteFor(scale.kind, palette, theme);
      let worst = 0;
      for (let bits = 0; bits < 65536; bits += 7) {
        const state = stateOf(bits);
        const exact =
          state === "value" ? colour(placeOf(scale, halfTable()[bits]! * 2 ** exponent)) : stateColour(state, theme);
        const found = table.pixels[bits]!;
        for (const channel of [0, 1, 2] as const)
          worst = Math.max(worst, Math.abs(((found >> (8 * channel)) & 255) - exact[channel]));
      }
      expect(worst).toBeLessThanOrEqual(1); // palettes are sampled at 1,024 places, then rounded to whole colours
    }
  });

  it("is made once while it is in use", () => {
    expect(colourTable(SHARE, 0, "blue", LIGHT)).toBe(colourTable({ ...SHARE }, 0, "blue", LIGHT));
    expect(colourTable(SHARE, 0, "blue", LIGHT)).not.toBe(colourTable(SHARE, 0, "blue", DARK));
  });

  it.each(combinations)("gives NaN and infinities colours that no value has: $name", ({ theme, palette }) => {
    const scales = [SHARE, SIGNED].map((scale) => paletteFor(scale.kind, palette, theme));
    for (const state of ["nan", "inf", "-inf"] as const) {
      const own = stateColour(state, theme);
      const nearest = Math.min(
        ...scales.flatMap((colour) =>
          hundredths.map((place) => Math.hypot(...colour(place).map((part, at) => part - own[at]!))),
        ),
      );
      expect(nearest).toBeGreaterThan(40);
    }
  });
});

describe("painting", () => {
  const bits = [0x0000, 0x3400, 0x3c00, 0x7e00, 0x7e01, 0x7e02];
  const plane = { rows: 2, columns: 3, halves: Uint16Array.from(bits), exponent: 0 };
  const table = colourTable(SHARE, 0, "blue", LIGHT);

  function canvas(width: number, height: number): CanvasRenderingContext2D {
    const element = document.createElement("canvas");
    Object.assign(element, { width, height });
    return element.getContext("2d")!;
  }
  const at = (context: CanvasRenderingContext2D, x: number, y: number) =>
    new Uint32Array(context.getImageData(x, y, 1, 1).data.buffer)[0];

  it("gives each cell its own pixels, unblended, where it is told to", () => {
    const context = canvas(40, 30);
    paintPlane(context, plane, { x: 4, y: 2, width: 18, height: 12 }, table); // cells of 6 × 6: no marks
    for (const [cell, half] of bits.entries()) {
      const [x, y] = [4 + 6 * (cell % 3), 2 + 6 * Math.floor(cell / 3)];
      for (const [dx, dy] of [
        [0, 0],
        [5, 0],
        [0, 5],
        [5, 5],
      ] as const)
        expect(at(context, x + dx, y + dy)).toBe(table.pixels[half]);
    }
    expect(at(context, 3, 2)).toBe(0);
    expect(at(context, 22, 2)).toBe(0);
  });

  it("has the colours of the plain formula", () => {
    const pixels = new Uint32Array(imageOf(plane, table).data.buffer);
    const colour = paletteFor("sequential", "blue", LIGHT);
    expect([...pixels.slice(0, 3)]).toEqual([0, 0.25, 1].map((value) => pixel(colour(Math.sqrt(value)))));
  });

  it("marks what is no plain value on cells of 7 px and more, and leaves the others plain", () => {
    const context = canvas(60, 40);
    paintPlane(context, plane, { x: 0, y: 0, width: 60, height: 40 }, table);
    const ownColours = bits.map((half, cell) => {
      const data = new Uint32Array(
        context.getImageData(20 * (cell % 3), 20 * Math.floor(cell / 3), 20, 20).data.buffer,
      );
      return data.every((one) => one === table.pixels[half]);
    });
    expect(ownColours).toEqual([true, true, true, false, true, false]);
  });

  it("marks what lies beyond the scale", () => {
    const half = colourTable({ ...SHARE, high: 0.5 }, 0, "blue", LIGHT);
    expect(bits.map((one) => markOf(one, half))).toEqual([null, null, "above", "nan", "masked", "absent"]);
    expect([0x7c00, 0xfc00, 0xbc00].map((one) => markOf(one, half))).toEqual(["inf", "-inf", "below"]);
  });

  it("finds the planes of a stack, and turns one", () => {
    const pack = block({ field: "f", epoch: 1, index: {} }, ["head", "query", "key"], [2, 1, 3], [1, 2, 3, 4, 5, 6]);
    const second = planeOf(pack, [1]);
    expect([...second.halves].map((half) => halfTable()[half])).toEqual([4, 5, 6]);
    expect(transposed(second)).toMatchObject({ rows: 3, columns: 1 });
    expect(() => planeOf(pack)).toThrow("a block of shape (2,1,3) takes 1 leading, got ()");
  });
});

describe("legends", () => {
  it("show values where the scale puts them, and keys for what was met", () => {
    const legend = legendOf("attention", SHARE, "blue", LIGHT, ["nan", "nan", "masked"]);
    expect(legend.ticks.map(({ text }) => text)).toEqual(["0", "0.1", "0.5", "1"]);
    expect(legend.ticks[1]!.place).toBeCloseTo(Math.sqrt(0.1));
    expect(legend.keys.map(({ mark, label }) => [mark, label])).toEqual([
      ["nan", "not a number"],
      ["masked", "masked"],
    ]);
    expect(legend.spread).toBe("colours spread by the power 0.5");
    expect(legend.colours[0]).toBe("rgb(255, 255, 255)");
  });

  it("what rounds to zero has no sign", () => {
    const scale = { kind: "diverging", high: 4.8 };
    expect([0.04, -0.04, 0, -0.06, 0.06].map((value) => cellText(value, scale))).toEqual([
      "0.0",
      "0.0",
      "0.0",
      "−0.1",
      "+0.1",
    ]);
  });

  it("write numbers with a true minus and few digits", () => {
    const written = [0, 0.12345, -8.64, 1234.5, 65504, 1.5e-7, -2e9, Number.NaN, Number.NEGATIVE_INFINITY].map(
      (value) => numberText(value),
    );
    expect(written).toEqual(["0", "0.123", "−8.64", "1235", "65504", "1.5e−7", "−2e9", "NaN", "−∞"]);
    expect([percentText(0.9382), signedText(9.71), signedText(-8.6)]).toEqual(["93.8%", "+9.71", "−8.6"]);
    expect([0, 0.0003, 0.0005, 0.9995, 0.9994, 1].map(percentText)).toEqual([
      "0.0%",
      "<0.1%",
      "0.1%",
      ">99.9%",
      "99.9%",
      "100.0%",
    ]);
  });
});
