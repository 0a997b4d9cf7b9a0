/**
 * Half-precision bits: their value and what state of a cell they stand for.
 *
 * Always true: the value of all 65,536 bit patterns stands in one table, made once a page. A cell's state (forbidden by a mask,
 * not there at all, not computed yet) travels in the payload of a NaN, so that states never need a second array.
 */
import { once } from "../page-globals";
import { HALF_ABSENT, HALF_MASKED, HALF_PENDING } from "../protocol";

export type CellState = "value" | "nan" | "inf" | "-inf" | "masked" | "absent" | "pending";

function floatOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The value of each half, by its bits. */
export function halfTable(): Float32Array {
  return once("halves", () => Float32Array.from({ length: 65536 }, (_, bits) => floatOf(bits)));
}

/** What the bits stand for; `exponent` is the block's. Masked, absent and pending cells are NaN here: ask `stateOf`. */
export function valueOf(bits: number, exponent: number): number {
  return halfTable()[bits]! * 2 ** exponent;
}

export function stateOf(bits: number): CellState {
  if ((bits & 0x7c00) !== 0x7c00) return "value";
  if (bits === 0x7c00) return "inf";
  if (bits === 0xfc00) return "-inf";
  if (bits === HALF_MASKED) return "masked";
  if (bits === HALF_PENDING) return "pending";
  return bits === HALF_ABSENT ? "absent" : "nan";
}

const floatBuffer = new Float32Array(1);
const floatBits = new Uint32Array(floatBuffer.buffer);

/** The half nearest to a number, ties to even; past 65,504 it is infinite. */
export function halfOf(value: number): number {
  floatBuffer[0] = value;
  const bits = floatBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65,520 and more round to infinity
  if (magnitude < 0x38800000) {
    // Below the least normal half: count in steps of 2^-24.
    const steps = Math.abs(value) * 2 ** 24;
    const below = Math.floor(steps);
    const rest = steps - below;
    return sign | (below + (rest > 0.5 || (rest === 0.5 && below & 1) ? 1 : 0));
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}
