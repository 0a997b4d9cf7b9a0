/**
 * The colour of every half there is, under one scale, exponent, palette and theme: painting a cell is one look-up by its bits.
 *
 * Always true: states have colours of their own that no palette holds, a masked cell is a quiet ground, an absent one nearly the page.
 */
import type { Theme } from "../theme";
import { type CellState, halfTable, stateOf } from "./half";
import { type PaletteName, paletteFor } from "./palette";
import { css, inkOn, mix, parseColour, pixel, type RGB } from "./rgb";
import { placeOf, type ResolvedScale } from "./scale";

export interface ColourTable {
  readonly scale: ResolvedScale;
  readonly exponent: number;
  readonly theme: Theme;
  /** RGBA bytes by half bits, for a Uint32Array over ImageData. */
  readonly pixels: Uint32Array;
  /** The colour of one cell, for styles. */
  css(bits: number): string;
  /** The colour of text upon that cell. */
  ink(bits: number): string;
}

/** Colours of cells that hold no finite value; at 7 px and more a mark says the same without colour. */
export function stateColour(state: Exclude<CellState, "value">, theme: Theme): RGB {
  const light = theme.mode === "light";
  switch (state) {
    case "masked":
    case "pending":
      return parseColour(theme.soft);
    case "absent":
      return mix(parseColour(theme.bg), parseColour(theme.line), 0.55);
    case "nan":
      return light ? [208, 28, 139] : [255, 92, 190];
    case "inf":
      return light ? [214, 39, 40] : [255, 99, 90];
    case "-inf":
      return light ? [117, 63, 168] : [190, 140, 250];
  }
}

const STEPS = 1024; // places between which a palette's colours do not differ by more than a bit

function rgbOf(bits: number): RGB {
  return [bits & 255, (bits >> 8) & 255, (bits >> 16) & 255];
}

function makeTable(scale: ResolvedScale, exponent: number, name: PaletteName, theme: Theme): ColourTable {
  const palette = paletteFor(scale.kind, name, theme);
  const steps = Uint32Array.from({ length: STEPS + 1 }, (_, step) => pixel(palette(step / STEPS)));
  const states = new Map<CellState, number>();
  for (const state of ["nan", "inf", "-inf", "masked", "absent", "pending"] as const) {
    states.set(state, pixel(stateColour(state, theme)));
  }
  const values = halfTable();
  const factor = 2 ** exponent;
  const pixels = new Uint32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const state = stateOf(bits);
    pixels[bits] =
      state === "value" ? steps[Math.round(placeOf(scale, values[bits]! * factor) * STEPS)]! : states.get(state)!;
  }
  return {
    scale,
    exponent,
    theme,
    pixels,
    css: (bits) => css(rgbOf(pixels[bits]!)),
    ink: (bits) => inkOn(rgbOf(pixels[bits]!)),
  };
}

const KEEP = 24; // tables of 256 kB each
const kept = new Map<string, ColourTable>();

/** The table for these; made once while it is in use. */
export function colourTable(scale: ResolvedScale, exponent: number, palette: PaletteName, theme: Theme): ColourTable {
  const key = [scale.kind, scale.low, scale.high, scale.power, exponent, palette, ...Object.values(theme)].join(" ");
  const table = kept.get(key) ?? makeTable(scale, exponent, palette, theme);
  kept.delete(key);
  kept.set(key, table);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEEP) break;
    kept.delete(oldest);
  }
  return table;
}
