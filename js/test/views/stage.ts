/**
 * A stage over numbers in memory, mounted in the page: what the tests of views act on.
 *
 * The numbers are closed forms (`attentionAt`), so that what a test expects never comes from the code under test.
 */
import { computed, type Signal, signal } from "@preact/signals";
import { mount } from "../../src/app";
import { FRAMING, NO_NOTES } from "../../src/model-stage";
import type {
  BlockRequest,
  Cell,
  CellRequest,
  Change,
  ChangeOp,
  Compared,
  FieldMeta,
  Framing,
  Metric,
  NoteItem,
  NoteOp,
  NotesState,
  Problem,
  Progress,
  Run,
  Showing,
  Shown,
  Status,
  Tour,
  TourOp,
  Which,
} from "../../src/protocol";
import { Selection } from "../../src/selection";
import { isSettled } from "../../src/settled";
import { type SnapshotField, SnapshotSource } from "../../src/source/snapshot";
import type { Block, Source } from "../../src/source/source";
import type { Stage } from "../../src/stage";
import { LIGHT, type Theme } from "../../src/theme";
import { SETTINGS, SHOWING, SHOWN } from "../shapes";

export const READY: Status = { state: "ready", what: null, done: 0, total: 0, prompt: null, message: null, hint: null };

/** A causal pattern: multiples of 1/64, which halves and floats hold exactly. */
export function attentionAt(layer: number, head: number, query: number, key: number): number {
  return ((layer * 5 + head * 3 + query * 7 + key * 11) % 64) / 64;
}

const axis = (coordinate: string, size: number, start = 0) => ({
  coordinate,
  size,
  start,
  labels: null,
  stack: "decoder",
});

function meta(name: string, axes: FieldMeta["axes"], more: Partial<FieldMeta> = {}): FieldMeta {
  return {
    name,
    title: name.replaceAll("_", " "),
    unit: "share",
    axes,
    scale: { kind: "sequential", low: 0, high: 1, power: 0.5 },
    evidence: "observation",
    caveat: `What ${name} cannot tell.`,
    texts: false,
    reference: null,
    ...more,
  };
}

export interface Shape {
  layers: number;
  heads: number;
  texts: string[];
  kinds?: string;
  headsPerLayer?: number[];
}

export function fieldsOf({ layers, heads, texts, headsPerLayer }: Shape): SnapshotField[] {
  const total = texts.length;
  const lens = meta("logit_lens", [axis("layer", layers + 1, -1), axis("position", total)], {
    texts: true,
    unit: "probability",
  });
  const patterns: (number | "masked" | "absent")[] = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      const there = head < (headsPerLayer?.[layer] ?? heads);
      for (let query = 0; query < total; query++) {
        for (let key = 0; key < total; key++) {
          patterns.push(!there ? "absent" : key > query ? "masked" : attentionAt(layer, head, query, key));
        }
      }
    }
  }
  const cells = (count: number, value: (i: number) => number) => Array.from({ length: count }, (_, i) => value(i));
  return [
    {
      meta: meta("attention", [axis("layer", layers), axis("head", heads), axis("query", total), axis("key", total)]),
      values: patterns,
    },
    {
      meta: meta("to_first", [axis("layer", layers), axis("head", heads)], {
        reference: { value: 0.25, label: "uniform attention" },
      }),
      values: cells(layers * heads, (i) => (i % 8) / 8),
    },
    {
      meta: meta("residual_norm", [axis("layer", layers + 1, -1), axis("position", total)]),
      values: cells((layers + 1) * total, (i) => (i % 16) / 16),
    },
    {
      meta: lens,
      values: cells((layers + 1) * total, (i) => (i % 32) / 32),
      texts: cells((layers + 1) * total, (i) => i).map((i) => ` w${i}`),
    },
    {
      meta: meta("next_token", [axis("position", total), axis("rank", 3)], { texts: true }),
      values: cells(total * 3, (i) => 1 / 2 ** ((i % 3) + 1)),
      texts: cells(total * 3, (i) => i).map((i) => ` n${i}`),
    },
    { meta: meta("neurons", [axis("layer", layers), axis("neuron", 3)]), values: cells(layers * 3, () => 0) },
  ];
}

/** A source whose answers can be held back or made to fail; `asked` is what it was asked to read. */
export class TestSource implements Source {
  asked: BlockRequest[] = [];
  held: (() => void)[] | null = null;
  failing: Error | null = null;
  #known = new Set<string>();

  constructor(readonly under: SnapshotSource) {}

  peek(request: BlockRequest): Block | undefined {
    return this.#known.has(JSON.stringify(request)) ? this.under.peek(request) : undefined;
  }

  async read(request: BlockRequest): Promise<Block> {
    this.asked.push(request);
    if (this.failing) throw this.failing;
    if (this.held) await new Promise<void>((go) => this.held!.push(go));
    this.#known.add(JSON.stringify(request));
    return this.under.read(request);
  }

  cell(request: CellRequest): Promise<Cell> {
    return this.under.cell(request);
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const go of held) go();
  }
}

export interface TestStage extends Stage {
  source: TestSource;
  run: Signal<Run | null>;
  fields: Signal<FieldMeta[]>;
  status: Signal<Status>;
  problems: Signal<Problem[]>;
  connected: Signal<boolean>;
  theme: Signal<Theme>;
  metric: Signal<Metric | null>;
  changes: Signal<Change[]>;
  showing: Signal<Showing>;
  compared: Signal<Compared | null>;
  notes: Signal<NotesState>;
  tour: Signal<Tour | null>;
  framing: Signal<Framing>;
  ran: string[];
  stopped: number;
  /** What was asked for, in order: the name of the call and what it was given. */
  calls: [string, unknown][];
  /** Every call rejects with this, if it is set. */
  refusing: Error | null;
}

export const METRIC: Metric = {
  target: { id: 12, text: " Mary" },
  foil: { id: 31, text: " John" },
  position: 5,
  quantity: "logit_difference",
  name: "logit(' Mary') - logit(' John') at position 5",
  unit: "logits",
  value: 9.5,
  proposed: true,
};

export const makeProgress = (more: Partial<Progress> = {}): Progress => ({
  version: 1,
  state: "ready",
  done: 12,
  total: 12,
  message: null,
  hint: null,
  note: null,
  ...more,
});

export function makeChange(id: number, more: Partial<Change> = {}): Change {
  return {
    id,
    name: "",
    words: "z of head 2.1 set to zero",
    on: true,
    run: "first",
    places: { site: "z", layer: [2], head: [1], position: null, key: null, neuron: null },
    how: "zero",
    effect: -0.38,
    after: 9.12,
    moved: [],
    failed: null,
    ...more,
  };
}

/** A note on head 1 of layer 2, as the kernel tells of it. */
export function makeNote(id: string, more: Partial<NoteItem> = {}): NoteItem {
  return {
    id,
    text: `note ${id}`,
    tree: null,
    tags: [],
    author: "ana",
    evidence: "observed",
    created: "2026-11-22T18:00:00Z",
    edited: false,
    resolved: false,
    reply: null,
    ask: "",
    field: "attention",
    standing: "here",
    why: "",
    about: { layer: 2, head: 1, heads: [], query: null, key: null, change: null },
    words: "L2H1",
    choices: [],
    prompt: null,
    ...more,
  };
}

/** Another run of the same prompt, as the kernel shows it. */
export function shownRun(stage: TestStage, epoch: number, shown: Partial<Shown>): Run {
  const run = stage.run.peek()!;
  return { ...run, epoch, shown: { ...SHOWN, ...shown }, live: [...new Set([...run.live, epoch])] };
}

export const TEXTS = ["When", " Mary", " and", " John", " went", ","];

export function makeRun({ layers, heads, texts, kinds, headsPerLayer }: Shape, epoch = 1): Run {
  return {
    epoch,
    model: "tiny",
    fingerprint: "f",
    layers,
    heads,
    headsPerLayer: headsPerLayer ?? new Array<number>(layers).fill(heads),
    prompt: texts.join(""),
    editable: true,
    tokens: { total: texts.length, texts, kinds: kinds ?? "t".repeat(texts.length) },
    integrity: { ok: true, sentence: "reproduces the model to 3e-07", pattern: 1e-7, readout: 1e-7 },
    shown: SHOWN,
    live: [epoch],
  };
}

export function makeStage(
  given: Partial<Shape> & { panels?: Stage["panels"]["value"]; fields?: SnapshotField[] } = {},
): TestStage {
  const shape: Shape = { layers: 3, heads: 4, texts: TEXTS, ...given };
  const fields = given.fields ?? fieldsOf(shape);
  const selection = new Selection("test");
  selection.pin({ layer: 2, head: 1, query: shape.texts.length - 1 });
  const run = signal<Run | null>(makeRun(shape));
  const changes = signal<Change[]>([]);
  const showing = signal<Showing>(SHOWING);
  const called = async (name: string, given: unknown) => {
    stage.calls.push([name, given]);
    if (stage.refusing) throw stage.refusing;
  };
  const stage = {
    panels: signal(given.panels ?? ["bar", "text", "next", "heads", "pattern", "layers"]),
    run,
    tokens: signal({ texts: shape.texts, kinds: run.value!.tokens.kinds }),
    fields: signal(fields.map((field) => field.meta)),
    metric: signal<Metric | null>(null),
    changes,
    showing,
    compared: signal<Compared | null>(null),
    settled: computed(() => isSettled(run.value, changes.value, showing.value)),
    status: signal(READY),
    problems: signal<Problem[]>([]),
    settings: signal(SETTINGS),
    theme: signal<Theme>(LIGHT),
    connected: signal(true),
    selection,
    source: new TestSource(new SnapshotSource(fields)),
    ran: [] as string[],
    stopped: 0,
    calls: [] as [string, unknown][],
    refusing: null as Error | null,
    runPrompt: async (prompt: string) => void stage.ran.push(prompt),
    stop: async () => void stage.stopped++,
    ask: (metric: object) => called("ask", metric),
    change: (op: ChangeOp) => called("change", op),
    show: (which: Which) => called("show", which),
    fill: (field: string) => called("fill", field),
    halt: (field: string) => called("halt", field),
    compare: (prompt: string | null) => called("compare", prompt),
    align: (pairs: [number, number][] | null) => called("align", pairs),
    notes: signal<NotesState>(NO_NOTES),
    tour: signal<Tour | null>(null),
    framing: signal<Framing>(FRAMING),
    note: async (op: NoteOp) => {
      await called("note", op);
      return op.op === "add" ? "new" : null;
    },
    returnTo: async (note: string | null, prompt = false) => {
      await called("returnTo", { note, prompt });
      return [] as string[];
    },
    play: (op: TourOp) => called("play", op),
    code: async (field: string) => {
      await called("code", field);
      return `run.field(${JSON.stringify(field)})\n`;
    },
  };
  return stage as unknown as TestStage;
}

export interface Mounted {
  root: ShadowRoot;
  host: HTMLElement;
  find: <T extends Element = HTMLElement>(selector: string) => T;
  all: (selector: string) => HTMLElement[];
  panel: (name: string) => HTMLElement;
  end: () => void;
}

const mountedNow: Mounted[] = [];

export function show(stage: Stage, width = 1040): Mounted {
  const host = document.createElement("div");
  host.style.width = `${width}px`;
  document.body.append(host);
  const root = host.attachShadow({ mode: "open" });
  const unmount = mount(stage, root);
  const find = <T extends Element = HTMLElement>(selector: string): T => {
    const found = root.querySelector<T>(selector);
    if (!found) throw new Error(`nothing matches ${selector}`);
    return found;
  };
  const mounted: Mounted = {
    root,
    host,
    find,
    all: (selector) => [...root.querySelectorAll<HTMLElement>(selector)],
    panel: (name) => find(`[data-panel="${name}"]`),
    end: () => {
      unmount();
      host.remove();
    },
  };
  mountedNow.push(mounted);
  return mounted;
}

export function endAll(): void {
  for (const mounted of mountedNow.splice(0)) mounted.end();
}

/** Two frames: signals have settled, canvases that were to be painted are. */
export async function painted(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((done) => requestAnimationFrame(done));
}

/** The colour at a place (CSS pixels) of a panel's picture canvas, as "rgb(r, g, b)". */
export function colourAt(canvas: HTMLCanvasElement, x: number, y: number): string {
  const scale = canvas.width / canvas.getBoundingClientRect().width;
  const [r, g, b] = canvas.getContext("2d")!.getImageData(Math.floor(x * scale), Math.floor(y * scale), 1, 1).data;
  return `rgb(${r}, ${g}, ${b})`;
}

/** A pointer event at a place of an element, as a mouse makes it. */
export function pointAt(element: Element, kind: string, x: number, y: number, more: PointerEventInit = {}): void {
  const box = element.getBoundingClientRect();
  const Made = kind === "click" ? MouseEvent : PointerEvent;
  const at = { clientX: box.left + x, clientY: box.top + y, bubbles: true, composed: true, cancelable: true };
  element.dispatchEvent(new Made(kind, { ...at, ...more }));
}

export function press(element: Element, key: string, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...more });
  element.dispatchEvent(event);
  return event;
}
