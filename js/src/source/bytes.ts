/**
 * Buffers as hosts hand them over: a DataView at any offset, an ArrayBuffer, a typed array, or base64 text.
 *
 * Always true: what comes out is a Uint16Array of its own alignment. Numbers travel little-endian, as every machine of today has
 * them.
 */

export type Buffer = ArrayBuffer | ArrayBufferView;

/**
 * Float16 bits from a buffer. Copies where the bytes lie at an odd place, and where they are a small part of a message: a kept block
 * would keep all of it.
 */
export function halvesFrom(buffer: Buffer): Uint16Array {
  const view = ArrayBuffer.isView(buffer) ? buffer : new Uint8Array(buffer);
  if (view.byteLength % 2 !== 0) {
    throw new RangeError(`a buffer of halves has ${view.byteLength} bytes; expected an even number`);
  }
  const whole = view.byteLength * 2 >= view.buffer.byteLength;
  if (whole && view.byteOffset % 2 === 0) return new Uint16Array(view.buffer, view.byteOffset, view.byteLength / 2);
  return new Uint16Array(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer);
}

export function fromBase64(text: string): Uint8Array {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes;
}
