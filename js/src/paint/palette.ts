/**
 * The colours of data. A palette maps a place in [0, 1] to a colour; which palette a scale gets depends on its kind, on what the
 * user chose and on the theme.
 *
 * Always true: sequential palettes are monotone in luminance, the blue one begins at the panel's own background, and the
 * diverging one goes from blue through the background's neutral to orange, each half monotone.
 */
import type { Scale, Settings } from "../protocol";
import type { Theme } from "../theme";
import { mix, parseColour, type RGB } from "./rgb";

export type PaletteName = Settings["palette"];
export type Palette = (place: number) => RGB;

/** Sampled at even steps from matplotlib's tables (viridis, cividis: CC0). */
const VIRIDIS = "440154482475414487355f8d2a788e21918c22a8844ac16d7ad151bddf26fde725";
const CIVIDIS = "00224e123570303f6e4b4c6c61596e72677278767d79877983978a789fa679b0b577c3c46dd5d25de8e14bfee838";

function stops(hex: string): RGB[] {
  return (hex.match(/.{6}/g) ?? []).map((part) => parseColour(`#${part}`));
}

function through(colours: RGB[]): Palette {
  const last = colours.length - 1;
  return (place) => {
    const at = Math.min(Math.max(place, 0), 1) * last;
    const index = Math.min(Math.floor(at), last - 1);
    return mix(colours[index]!, colours[index + 1]!, at - index);
  };
}

const BLUES = { light: ["#9db6ea", "#2f5fd0", "#122668"], dark: ["#1d3468", "#3a64b8", "#86aefc", "#dfe9ff"] };
const DIVERGING = {
  light: { low: ["#122668", "#2f5fd0", "#a9bff0"], high: ["#f2b98c", "#c2570c", "#5e2603"] },
  dark: { low: ["#dfe9ff", "#86aefc", "#2b4b91"], high: ["#8a4513", "#f0984a", "#ffe9d6"] },
};

/** Palettes by what they depend on, so that asking again costs nothing. */
const made = new Map<string, Palette>();

export function paletteFor(kind: Scale["kind"], name: PaletteName, theme: Theme): Palette {
  const key = `${kind} ${kind === "diverging" ? "" : name} ${theme.mode} ${theme.bg}`;
  let palette = made.get(key);
  if (!palette) {
    palette = through(coloursOf(kind, name, theme));
    made.set(key, palette);
  }
  return palette;
}

function coloursOf(kind: Scale["kind"], name: PaletteName, theme: Theme): RGB[] {
  const ground = parseColour(theme.bg);
  if (kind === "diverging") {
    const { low, high } = DIVERGING[theme.mode];
    return [...low.map(parseColour), ground, ...high.map(parseColour)];
  }
  if (name === "viridis") return stops(VIRIDIS);
  if (name === "cividis") return stops(CIVIDIS);
  return [ground, ...BLUES[theme.mode].map(parseColour)];
}
