/**
 * Buffers as hosts hand them over: a DataView at any offset, an ArrayBuffer, a typed array, or base64 text.
 *
 * Always true: what comes out is a Uint16Array of its own alignment. Numbers travel little-endian, as every machine of today has
 * them.
 */

export type Buffer = ArrayBuffer | ArrayBufferView;

/** Float16 bits from a buffer. Copies only where the bytes lie at an odd place. */
export function halvesFrom(buffer: Buffer): Uint16Array {
  const view = ArrayBuffer.isView(buffer) ? buffer : new Uint8Array(buffer);
  if (view.byteLength % 2 !== 0) {
    throw new RangeError(`a buffer of halves has ${view.byteLength} bytes; expected an even number`);
  }
  if (view.byteOffset % 2 === 0) return new Uint16Array(view.buffer, view.byteOffset, view.byteLength / 2);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  return new Uint16Array(bytes.buffer);
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
