/**
 * Blocks that were read, kept by bytes: when there are too many, the one unused for longest goes.
 *
 * Always true: what is found answers the request, be it the very block or a part of a larger one.
 */
import type { BlockRequest } from "../protocol";
import { cut } from "./cut";
import { keyOf, normalised } from "./key";
import type { Block } from "./source";

const MEBIBYTE = 2 ** 20;

function bytesOf(block: Block): number {
  const texts = block.texts?.reduce((sum, text) => sum + 2 * text.length + 16, 0) ?? 0;
  return block.halves.byteLength + texts + 400;
}

export class BlockCache {
  #blocks = new Map<string, Block>(); // in the order of last use
  #bytes = 0;

  constructor(readonly limit: number = 64 * MEBIBYTE) {}

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#blocks.size;
  }

  put(block: Block): void {
    const key = keyOf(block.request);
    this.#drop(key);
    this.#blocks.set(key, { ...block, request: normalised(block.request) });
    this.#bytes += bytesOf(block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.limit || oldest === key) break;
      this.#drop(oldest);
    }
  }

  /** The block that answers, or undefined. Parts of larger blocks are cut out anew each time: they are small. */
  find(request: BlockRequest): Block | undefined {
    const want = normalised(request);
    const key = keyOf(want);
    const block = this.#blocks.get(key);
    if (block) {
      this.#use(key, block);
      return block;
    }
    for (const [name, held] of this.#blocks) {
      const part = held.request.field === want.field ? cut(held, want) : null;
      if (part) {
        this.#use(name, held);
        return part;
      }
    }
    return undefined;
  }

  /** Only the blocks of these epochs stay. */
  keep(epochs: ReadonlySet<number>): void {
    for (const [key, { request }] of this.#blocks) if (!epochs.has(request.epoch)) this.#drop(key);
  }

  #use(key: string, block: Block): void {
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
  }

  #drop(key: string): void {
    const block = this.#blocks.get(key);
    if (!block) return;
    this.#blocks.delete(key);
    this.#bytes -= bytesOf(block);
  }
}
