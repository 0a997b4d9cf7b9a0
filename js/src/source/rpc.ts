/**
 * Requests and replies over the messages of one widget: those of one moment gathered, answered in any order, each settled once.
 *
 * Always true: one listener serves all requests; ids are integers; a read that is not answered in time is asked once
 * more, then fails, and its answer is still taken if it comes later; what is fetched ahead never stands before what is looked
 * at: it waits, and what is under way is taken back and asked again afterwards. What is asked for and what is kept is kernel.ts's matter.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { perTask } from "../frame";
import type { Problem, ReplyItem, RequestItem, ToKernel, ToPage, Transport } from "../protocol";
import { type Buffer, fromBase64 } from "./bytes";
import { cancelled } from "./flights";
import { SourceError } from "./source";

/** How many times its patience a call waits for a kernel that is busy answering others. */
const SLOW = 4;

/** How often a call that fetches ahead makes way: one that takes long must come to its end as well. */
const MAKES_WAY = 8;

/** The part of a widget model that carries messages. */
export interface Channel {
  send(content: ToKernel): void;
  /** One listener, until the signal aborts. */
  listen(heard: (content: unknown, buffers: readonly Buffer[]) => void, signal: AbortSignal): void;
}

export interface Answer {
  result: unknown;
  buffer: Buffer | null;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** 0 is what is looked at; what has more is fetched ahead and makes way. */
  priority?: number;
  /** Milliseconds to wait before asking once more; without, it waits for ever. */
  patience?: number;
  /** Told of an answer that came after the call had failed. */
  late?: (answer: Answer) => void;
}

interface Call extends CallOptions {
  item: Omit<RequestItem, "id">;
  ids: number[];
  asked: number;
  madeWay: number;
  /** When it was last asked, in milliseconds of the page's clock. */
  since: number;
  transport: Transport;
  timer: ReturnType<typeof setTimeout> | undefined;
  settled: boolean;
  resolve(answer: Answer): void;
  reject(error: SourceError): void;
}

export class Rpc {
  readonly #connected = signal(true);
  /** False once a request was not answered twice over; true again with the next message. */
  readonly connected: ReadonlySignal<boolean> = this.#connected;
  #heardAt = -Infinity;
  #transport: Transport = "binary";
  #nextId = 1;
  #queue: Call[] = [];
  #taken: number[] = [];
  #calls = new Map<number, Call>();
  #flush = perTask(() => this.#send());

  constructor(
    readonly channel: Channel,
    readonly life: AbortSignal,
  ) {
    channel.listen((content, buffers) => this.#hear(content, buffers), life);
    life.addEventListener("abort", () => this.#close());
  }

  call(method: RequestItem["method"], params: unknown, options: CallOptions = {}): Promise<Answer> {
    if (options.signal?.aborted) return Promise.reject(cancelled());
    if (this.life.aborted) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const call: Call = {
        ...options,
        item: { method, params },
        ids: [],
        asked: 0,
        madeWay: 0,
        since: 0,
        transport: "binary",
        timer: undefined,
        settled: false,
        resolve,
        reject,
      };
      options.signal?.addEventListener("abort", () => this.#takeBack(call), { once: true });
      this.#enqueue(call);
    });
  }

  #enqueue(call: Call): void {
    this.#queue.push(call);
    this.#flush();
  }

  #send(): void {
    const calls = this.#turn();
    const items = calls.map((call) => {
      const id = this.#nextId++;
      call.ids.push(id);
      call.transport = this.#transport;
      this.#calls.set(id, call);
      return { id, ...call.item };
    });
    try {
      if (this.#taken.length > 0) this.channel.send({ v: 1, kind: "cancel", ids: this.#taken.splice(0) });
      if (items.length > 0) this.channel.send({ v: 1, kind: "requests", transport: this.#transport, items });
    } catch (error) {
      this.#connected.value = false;
      console.warn("llmwidgets: a request could not be sent", error);
      const lost = new SourceError(
        "Disconnected",
        "the kernel cannot be reached",
        "Is it running? After a restart run this cell again, and copy first what you typed.",
      );
      for (const call of calls) this.#fail(call, lost);
      return;
    }
    for (const call of calls) {
      call.since = performance.now();
      if (call.patience !== undefined) this.#await(call, call.patience);
    }
  }

  /** The queued calls whose turn it is. */
  #turn(): Call[] {
    const queued = this.#queue.splice(0).filter((call) => !call.settled);
    const looked = queued.filter((call) => !isAhead(call));
    const underWay = [...this.#calls.values()].filter((call) => !call.settled);
    if (looked.length > 0) for (const call of new Set(underWay)) this.#makeWay(call);
    // A call that waits for ever (a run of a prompt) holds up nothing.
    const busy = looked.length > 0 || underWay.some((call) => !isAhead(call) && call.patience !== undefined);
    if (!busy) return queued;
    this.#queue.push(...queued.filter(isAhead));
    return looked;
  }

  #makeWay(call: Call): void {
    if (!isAhead(call) || call.madeWay >= MAKES_WAY) return;
    call.madeWay += 1;
    this.#taken.push(...call.ids);
    this.#forget(call, false);
    this.#queue.push(call);
  }

  #await(call: Call, milliseconds: number): void {
    call.timer = setTimeout(() => {
      const left = this.#patienceLeft(call);
      if (left > 0) {
        this.#await(call, left);
        return;
      }
      call.asked += 1;
      if (call.asked < 2) {
        this.#enqueue(call);
        return;
      }
      this.#connected.value = false;
      call.settled = true; // its ids stay known: a late answer is still of use
      const waited = (2 * call.patience!) / 1000;
      call.reject(
        new SourceError(
          "TimedOut",
          `no answer from the kernel in ${waited} s`,
          "It may be busy with another cell, or gone.",
        ),
      );
      this.#next();
    }, milliseconds);
  }

  /** A kernel that is answering others is not gone: its last message counts as a sign of life, though not for ever. */
  #patienceLeft(call: Call): number {
    const now = performance.now();
    const patience = call.patience!;
    if (this.#heardAt <= call.since) return 0;
    const left = Math.min(this.#heardAt + patience, call.since + SLOW * patience) - now;
    return Math.ceil(Math.max(0, left));
  }

  #hear(content: unknown, buffers: readonly Buffer[]): void {
    const message = content as Partial<ToPage> | null;
    if (message?.v !== 1 || message.kind !== "replies" || !Array.isArray(message.items)) return;
    this.#heardAt = performance.now();
    for (const item of message.items) this.#take(item, buffers);
    this.#connected.value = true; // after what came late is kept: whoever hears of it asks again
  }

  #take(item: ReplyItem, buffers: readonly Buffer[]): void {
    const call = this.#calls.get(item.id);
    if (!call) return;
    if (!item.ok) {
      this.#fail(call, errorFrom(item.error));
      return;
    }
    let buffer: Buffer | null = null;
    if (item.base64 !== undefined) buffer = fromBase64(item.base64);
    else if (item.buffer !== undefined) {
      buffer = buffers[item.buffer] ?? null;
      if (!buffer) {
        this.#askInBase64(call);
        return;
      }
    }
    const wasSettled = call.settled;
    this.#forget(call);
    const answer = { result: item.result, buffer };
    if (!wasSettled) call.resolve(answer);
    else tell(call.late, answer);
  }

  /** This host drops buffers (Colab has): numbers travel as text from here on. */
  #askInBase64(call: Call): void {
    if (call.transport === "base64") {
      this.#fail(call, new SourceError("Failed", "numbers do not arrive, neither as bytes nor as text"));
      return;
    }
    this.#transport = "base64";
    this.#forget(call, false);
    if (!call.settled) this.#enqueue(call);
  }

  #takeBack(call: Call): void {
    if (call.settled) return;
    this.#taken.push(...call.ids);
    this.#fail(call, cancelled());
    if (this.#taken.length > 0) this.#flush();
  }

  #fail(call: Call, error: SourceError): void {
    const wasSettled = call.settled;
    this.#forget(call);
    if (!wasSettled) call.reject(error);
  }

  #forget(call: Call, settled = true): void {
    clearTimeout(call.timer);
    for (const id of call.ids.splice(0)) this.#calls.delete(id);
    call.settled ||= settled;
    if (settled) this.#next();
  }

  /** Something has ended: what made way may go on. */
  #next(): void {
    if (this.#queue.length > 0 && !this.life.aborted) this.#flush();
  }

  #close(): void {
    this.#flush.cancel();
    for (const call of new Set([...this.#calls.values(), ...this.#queue])) this.#fail(call, closed());
  }
}

const isAhead = (call: Call): boolean => (call.priority ?? 0) > 0;

/** What goes wrong with one late answer is reported and does not keep the others from being heard. */
function tell(late: CallOptions["late"], answer: Answer): void {
  try {
    late?.(answer);
  } catch (error) {
    reportError(error);
  }
}

function closed(): SourceError {
  return new SourceError("Closed", "this view has been closed");
}

function errorFrom(error: Problem | undefined): SourceError {
  if (!error) return new SourceError("Failed", "the kernel gave no reason");
  return new SourceError(error.type, error.message, error.hint);
}
