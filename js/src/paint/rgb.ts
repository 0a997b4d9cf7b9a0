/** Arithmetic on colours: reading and writing them, mixing, luminance and contrast as WCAG 2 defines them. */

/** Red, green, blue, each 0 to 255, not necessarily whole. */
export type RGB = readonly [number, number, number];

export function parseColour(text: string): RGB {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  if (hex) return [1, 2, 3].map((part) => Number.parseInt(hex[part]!, 16)) as unknown as RGB;
  const parts = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/i.exec(text.trim());
  if (parts) return [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  throw new TypeError(`invalid colour: ${text}; expected #rrggbb or rgb(r, g, b)`);
}

export function css([r, g, b]: RGB): string {
  return `rgb(${Math.round(r)}, ${Math.round(g)}, ${Math.round(b)})`;
}

/** The four bytes of an opaque pixel, as a Uint32Array over ImageData holds them on a little-endian machine. */
export function pixel([r, g, b]: RGB): number {
  return ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
}

export function mix(a: RGB, b: RGB, share: number): RGB {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

export function luminance(colour: RGB): number {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: RGB, b: RGB): number {
  const [one, other] = [luminance(a), luminance(b)];
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

const DARK_INK: RGB = [17, 21, 26];
const BLACK: RGB = [0, 0, 0];
const WHITE: RGB = [255, 255, 255];

/** The colour for text on `ground`: soft black or white where they reach 4.5 : 1, else plain black, which then does. */
export function inkOn(ground: RGB): "#11151a" | "#ffffff" | "#000000" {
  const white = contrast(ground, WHITE);
  const dark = contrast(ground, DARK_INK);
  if (dark >= 4.5 && dark >= white) return "#11151a";
  if (white >= 4.5) return "#ffffff";
  return contrast(ground, BLACK) >= white ? "#000000" : "#ffffff";
}
