/** A widget model in memory, as anywidget hands one over, with a kernel's side that tests drive by hand. */
import type { ReplyItem, RequestItem, ToKernel, ViewState } from "../src/protocol";

// biome-ignore lint/suspicious/noExplicitAny: as the model itself
type Heard = (...args: any[]) => void;

export class FakeModel {
  readonly sent: ToKernel[] = [];
  readonly saved: Partial<ViewState>[] = [];
  #heard = new Map<string, Set<Heard>>();
  #unsaved: Partial<ViewState> = {};

  constructor(readonly state: Partial<ViewState> = {}) {}

  get<K extends keyof ViewState>(name: K): ViewState[K] {
    return this.state[name] as ViewState[K];
  }

  set<K extends keyof ViewState>(name: K, value: ViewState[K]): void {
    this.state[name] = value;
    this.#unsaved[name] = value;
    this.tell(`change:${name}`);
  }

  save_changes(): void {
    this.saved.push(this.#unsaved);
    this.#unsaved = {};
  }

  on(name: string, heard: Heard): void {
    const all = this.#heard.get(name) ?? new Set();
    this.#heard.set(name, all.add(heard));
  }

  off(name: string, heard: Heard): void {
    this.#heard.get(name)?.delete(heard);
  }

  send(content: unknown): void {
    this.sent.push(structuredClone(content) as ToKernel);
  }

  get listeners(): number {
    return [...this.#heard.values()].reduce((sum, all) => sum + all.size, 0);
  }

  /** Python sets traits: all are there before anyone hears of one. */
  python(changes: Partial<ViewState>): void {
    Object.assign(this.state, changes);
    for (const name of Object.keys(changes)) this.tell(`change:${name}`);
  }

  reply(items: ReplyItem[], buffers: unknown[] = []): void {
    this.tell("msg:custom", { v: 1, kind: "replies", items }, buffers);
  }

  /** All request items that were sent. */
  get items(): RequestItem[] {
    return this.sent.flatMap((message) => (message.kind === "requests" ? message.items : []));
  }

  tell(name: string, ...args: unknown[]): void {
    for (const heard of [...(this.#heard.get(name) ?? [])]) heard(...args);
  }
}

/** The next frame has passed, and what it started. */
export async function framePassed(): Promise<void> {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
