/**
 * What a legend has to say about a scale: its colours, a few values along it, and the keys of the marks that may be met.
 *
 * Pure: it gives words, numbers and colours; a panel lays them out. Ticks stand where the scale puts their values, so the spread by a
 * power can be read off the legend.
 */
import type { Theme } from "../theme";
import type { Mark } from "./marks";
import { numberText } from "./numbers";
import { type PaletteName, paletteFor } from "./palette";
import { css } from "./rgb";
import { placeOf, type ResolvedScale } from "./scale";
import { stateColour } from "./table";

export interface Legend {
  readonly title: string;
  /** Colours at even steps from place 0 to place 1. */
  readonly colours: string[];
  readonly ticks: { place: number; text: string; value: number }[];
  readonly keys: { mark: Mark; label: string; colour: string }[];
  /** How the colours are spread over the values, in words; empty where they are spread evenly. */
  readonly spread: string;
}

const LABELS: Record<Mark, string> = {
  nan: "not a number",
  inf: "infinite",
  "-inf": "minus infinite",
  above: "beyond the scale",
  below: "below the scale",
  absent: "not there",
  pending: "not computed yet",
  masked: "masked",
};

const STEPS = 32;

/** `marks` are those that the view has met: a legend shows no key for what is not on screen. */
export function legendOf(
  title: string,
  scale: ResolvedScale,
  palette: PaletteName,
  theme: Theme,
  marks: Iterable<Mark> = [],
): Legend {
  const colour = paletteFor(scale.kind, palette, theme);
  return {
    title,
    colours: Array.from({ length: STEPS + 1 }, (_, step) => css(colour(step / STEPS))),
    ticks: tickValues(scale).map((value) => ({ value, place: placeOf(scale, value), text: numberText(value) })),
    keys: [...new Set(marks)].map((mark) => ({
      mark,
      label: LABELS[mark],
      colour: keyColour(mark, colour, theme),
    })),
    spread: scale.power === 1 ? "" : `colours spread by the power ${numberText(scale.power)}`,
  };
}

function keyColour(mark: Mark, colour: ReturnType<typeof paletteFor>, theme: Theme): string {
  if (mark === "above") return css(colour(1));
  if (mark === "below") return css(colour(0));
  return css(stateColour(mark, theme));
}

/** Ends, and what lies between them in round numbers. */
function tickValues({ kind, low, high }: ResolvedScale): number[] {
  if (kind === "diverging") return [low, low / 4, 0, high / 4, high];
  return [0, 0.1, 0.5, 1].map((share) => low + (high - low) * share);
}
