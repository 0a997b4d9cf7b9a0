/**
 * Where views get numbers from. Views know this interface and nothing of kernels, comms or files.
 *
 * Two kinds exist: the kernel (kernel.ts) and, in tests and exported pages, a snapshot in memory
 * (snapshot.ts). What was read once is kept, by bytes, until newer blocks push it out.
 */
import type { ReadonlySignal } from "@preact/signals";
import type { BlockHeader, BlockRequest, Cell, CellRequest } from "../protocol";

/** Numbers of an n-dimensional slice. `halves` are float16 bits, row-major; value = half * 2^exponent. */
export interface Block extends BlockHeader {
  request: BlockRequest;
  halves: Uint16Array;
}

export interface ReadOptions {
  /** Aborting takes the request back when nobody else waits for it. */
  signal?: AbortSignal;
  /** 0 is what is looked at; 1 is fetched ahead, and makes way for it. */
  priority?: number;
}

export interface Source {
  /** False once the kernel has not answered, true again when it is heard of; absent where numbers are always at hand. */
  readonly connected?: ReadonlySignal<boolean>;
  /** The block, from the cache when it is there. Rejects with a SourceError. */
  read(request: BlockRequest, options?: ReadOptions): Promise<Block>;
  /** The block if it is in the cache, at once: for hover, which must not wait. */
  peek(request: BlockRequest): Block | undefined;
  /** The exact float32 of one cell and what else is known of it. */
  cell(request: CellRequest, options?: ReadOptions): Promise<Cell>;
}

/** A request that could not be answered: what happened and what to do about it. */
export class SourceError extends Error {
  constructor(
    readonly type: string,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
    this.name = "SourceError";
  }
}
