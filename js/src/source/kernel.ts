/**
 * The Source that asks the kernel.
 *
 * Always true: what is in the cache, or part of it, is not asked for; what is under way is not asked for twice; numbers of an epoch
 * that is no longer live are neither kept nor handed out, and no version of a field that grows answers for another. Transport, time-outs and repeats are rpc.ts's.
 */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { BlockHeader, BlockRequest, Cell, CellRequest, FirstPicture, Progress } from "../protocol";
import { halvesFrom } from "./bytes";
import { BlockCache } from "./cache";
import { covers, cut } from "./cut";
import { Flights } from "./flights";
import { cellKeyOf, keyOf, normalised } from "./key";
import type { Answer, Rpc } from "./rpc";
import { type Block, type ReadOptions, type Source, SourceError } from "./source";

/** Milliseconds that a read waits before it is asked once more. */
export const PATIENCE = 10_000;
/** Tokens of a long prompt come in messages of so many. */
const TOKENS_AT_ONCE = 8192;

export class KernelSource implements Source {
  readonly connected: ReadonlySignal<boolean>;
  readonly #waiting = signal(0);
  /** Whether something that is looked at is still to come. */
  readonly loading: ReadonlySignal<boolean> = computed(() => this.#waiting.value > 0);
  readonly #cache = new BlockCache();
  readonly #blocks = new Flights<Block>();
  readonly #underWay = new Map<string, BlockRequest>();
  readonly #cells = new Map<string, { epoch: number; cell: Cell }>();
  readonly #cellFlights = new Flights<Cell>();
  #epoch: number | null = null;
  #live: ReadonlySet<number> = new Set();
  #versions: Record<string, Progress> = {};

  constructor(readonly rpc: Rpc) {
    this.connected = rpc.connected;
  }

  /** Another run is shown. What was kept of those that the kernel still answers for stays, so that going back asks for nothing. */
  begin(epoch: number | null, live: readonly number[] = []): void {
    this.#epoch = epoch;
    this.#live = new Set(epoch === null ? [] : [epoch, ...live]);
    this.#cache.keep(this.#live);
    for (const [key, { epoch: of }] of this.#cells) if (!this.#live.has(of)) this.#cells.delete(key);
  }

  /** How far the fields of causes are: exact cells of a former version are not those of this one. */
  versions(progress: Record<string, Progress>): void {
    this.#versions = progress;
  }

  /** Keep the blocks that travelled with the widget; those of an epoch that is over are left. */
  seed(first: FirstPicture | null): void {
    if (!first || !this.#live.has(first.epoch)) return;
    for (const { request, header, data } of first.blocks) this.#keep(request, header, data);
  }

  peek(request: BlockRequest): Block | undefined {
    return this.#cache.find(request);
  }

  async read(request: BlockRequest, options: ReadOptions = {}): Promise<Block> {
    this.#refuseOld(request.epoch);
    const kept = this.#cache.find(request);
    if (kept) return kept;
    const want = normalised(request);
    const larger = [...this.#underWay].find(([, held]) => covers(held, want));
    const [key, asked] = larger ?? [keyOf(want), want];
    const flight = this.#blocks.join(key, options.signal, (signal) => this.#fetch(key, asked, { ...options, signal }));
    const block = await this.#counted(flight, options);
    return larger ? (cut(block, want) ?? block) : block;
  }

  async cell(request: CellRequest, options: ReadOptions = {}): Promise<Cell> {
    this.#refuseOld(request.epoch);
    const key = `${this.#versions[request.field]?.version ?? ""} ${cellKeyOf(request)}`;
    const kept = this.#cells.get(key);
    if (kept) return kept.cell;
    return this.#cellFlights.join(key, options.signal, async (signal) => {
      const { result } = await this.rpc.call("cell", request, { patience: PATIENCE, ...options, signal });
      this.#refuseOld(request.epoch);
      const cell = result as Cell;
      if (cell.state !== "pending") this.#cells.set(key, { epoch: request.epoch, cell });
      return cell;
    });
  }

  /** Tokens `start` to `stop` (excluded) of the run. */
  async tokens(
    epoch: number,
    start: number,
    stop: number,
    signal?: AbortSignal,
  ): Promise<{ texts: string[]; kinds: string }> {
    const texts: string[] = [];
    let kinds = "";
    for (let from = start; from < stop; ) {
      const to = Math.min(from + TOKENS_AT_ONCE, stop);
      const call = this.rpc.call("tokens", { epoch, start: from, stop: to }, { patience: PATIENCE, signal });
      const part = (await call).result as { texts: string[]; kinds: string };
      if (part.texts.length === 0) throw new SourceError("Failed", `no tokens came for ${from} to ${to}`);
      texts.push(...part.texts);
      kinds += part.kinds;
      from += part.texts.length;
    }
    return { texts, kinds };
  }

  async #fetch(key: string, request: BlockRequest, options: ReadOptions): Promise<Block> {
    this.#underWay.set(key, request);
    try {
      const late = (answer: Answer) => {
        if (this.#live.has(request.epoch)) this.#receive(request, answer);
      };
      const answer = await this.rpc.call("block", request, { patience: PATIENCE, ...options, late });
      return this.#receive(request, answer);
    } finally {
      if (this.#underWay.get(key) === request) this.#underWay.delete(key);
    }
  }

  #receive(request: BlockRequest, { result, buffer }: Answer): Block {
    this.#refuseOld(request.epoch);
    if (!buffer) throw new SourceError("Failed", "a block came without its numbers");
    return this.#keep(request, result as BlockHeader, buffer);
  }

  #keep(
    request: BlockRequest,
    header: BlockHeader,
    data: FirstPicture["blocks"][number]["data"] | NonNullable<Answer["buffer"]>,
  ): Block {
    const halves = halvesFrom(data);
    const cells = header.shape.reduce((product, size) => product * size, 1);
    if (halves.length !== cells) {
      throw new SourceError(
        "Failed",
        `a block of shape (${header.shape}) came with ${halves.length} numbers; expected ${cells}`,
      );
    }
    const block = { ...header, request: normalised(request), halves };
    this.#cache.put(block);
    return block;
  }

  #refuseOld(epoch: number): void {
    if (!this.#live.has(epoch))
      throw new SourceError("Stale", `the numbers of run ${epoch} are gone: this is run ${this.#epoch}`);
  }

  async #counted<T>(promise: Promise<T>, { priority = 0 }: ReadOptions): Promise<T> {
    if (priority > 0) return promise;
    this.#waiting.value += 1;
    try {
      return await promise;
    } finally {
      this.#waiting.value -= 1;
    }
  }
}
