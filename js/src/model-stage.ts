/**
 * A Stage over an anywidget model: traits become signals, messages a source of numbers.
 *
 * Always true: traits that change together (run, fields, first) reach the panels together; numbers of epochs that are over have left the
 * cache before any panel sees the new run; a change that was switched stands as the user left it until the kernel has answered. It uses only what every anywidget host has: get, set, save_changes, send, on, off.
 */
import { batch, computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type {
  Change,
  ChangeOp,
  FieldMeta,
  FirstPicture,
  Framing,
  NotesState,
  Progress,
  Run,
  Settings,
  Showing,
  Status,
  ViewState,
} from "./protocol";
import { allTokens } from "./run-tokens";
import { Selection } from "./selection";
import { bindSelection } from "./selection-channel";
import { isSettled } from "./settled";
import { KernelSource } from "./source/kernel";
import { type Channel, Rpc } from "./source/rpc";
import type { Stage } from "./stage";
import { LIGHT, resolveTheme, type Theme, watchHostMode } from "./theme";
import { Wishes } from "./wishes";

// biome-ignore lint/suspicious/noExplicitAny: hosts hand over what they like
type Heard = (...args: any[]) => void;

/** What is used of an anywidget model. */
export interface WidgetModel {
  get<K extends keyof ViewState>(name: K): ViewState[K];
  set<K extends keyof ViewState>(name: K, value: ViewState[K]): void;
  save_changes(): void;
  on(name: string, heard: Heard): void;
  off(name: string, heard: Heard): void;
  send(content: unknown): void;
}

export interface ModelStage extends Stage {
  readonly source: KernelSource;
  /** Follow the light or dark of the page around `element`. */
  followHost(element: HTMLElement, life: AbortSignal): void;
}

/** After a doubt, milliseconds that a sign of life is waited for, twice. */
const DOUBT = 750;

const READY: Status = { state: "ready", what: null, done: 0, total: 0, prompt: null, message: null, hint: null };
const SETTINGS: Settings = {
  theme: "auto",
  textField: "attention",
  headField: "attention",
  layerField: "logit_lens",
  patternView: "matrix",
  palette: "blue",
  headFieldBeside: "",
  patternField: "attention",
  causeView: "",
  scatterX: "attention",
  scatterY: "ablation_effect",
  notesPanel: "auto",
};
export const NO_NOTES: NotesState = {
  path: "",
  author: "",
  state: "saved",
  message: null,
  hint: null,
  undo: null,
  more: 0,
  items: [],
};
export const FRAMING: Framing = {
  zoom: null,
  filters: { search: "", tag: "", author: "", evidence: "", layer: null, resolved: "open" },
};
const SHOWING: Showing = { which: "clean", options: [{ which: "clean", label: "clean run" }] };
const CURSOR = { id: "", layer: null, head: null, query: null, key: null, step: null, prompt: null, heads: [] };

function listen(model: WidgetModel, name: string, heard: Heard, life: AbortSignal): void {
  model.on(name, heard);
  life.addEventListener("abort", () => model.off(name, heard));
}

function channelOf(model: WidgetModel): Channel {
  return {
    send: (content) => model.send(content),
    listen: (heard, life) => {
      const hear = (content: unknown, buffers?: readonly ArrayBufferView[]) => heard(content, buffers ?? []);
      listen(model, "msg:custom", hear, life);
    },
  };
}

export function stageOf(model: WidgetModel, life: AbortSignal): ModelStage {
  const trait = <K extends keyof ViewState>(name: K, missing: ViewState[K]) => signal(model.get(name) ?? missing);
  const panels = trait("panels", []);
  const fields = trait("fields", []);
  const status = trait("status", READY);
  const problems = trait("problems", []);
  const settings = trait("settings", SETTINGS);
  const progress = trait("progress", {});
  const measured = trait("measured", null);
  const compared = trait("compared", null);
  const changes = trait("changes", []);
  const showing = trait("showing", SHOWING);
  const noted = trait("noted", NO_NOTES);
  const tour = trait("tour", null);
  const framing = trait("framing", FRAMING);
  const run = signal<Run | null>(null);
  const source = new KernelSource(new Rpc(channelOf(model), life));

  const simple = { panels, fields, status, problems, settings, progress, changes, showing, noted, framing } as const;
  const nullable = { measured, compared, tour } as const;
  const wishes = { changes: new Wishes<number, ChangeWish>(), showing: new Wishes<"", Pick<Showing, "which">>() };
  let seeded: FirstPicture | null = null;
  const pull = () =>
    batch(() => {
      const now = model.get("run") ?? null;
      source.begin(now?.epoch ?? null, now?.live);
      const first = model.get("first") ?? null;
      if (first !== seeded || now !== run.peek()) source.seed(first);
      seeded = first;
      for (const name of Object.keys(simple) as (keyof typeof simple)[]) {
        const value = model.get(name);
        if (value !== undefined && value !== null) (simple[name] as { value: unknown }).value = value;
      }
      for (const name of Object.keys(nullable) as (keyof typeof nullable)[])
        (nullable[name] as { value: unknown }).value = model.get(name) ?? null;
      source.versions(progress.value);
      run.value = now;
    });
  pull();
  const heard = ["run", "first", ...Object.keys(simple), ...Object.keys(nullable)];
  for (const name of heard) listen(model, `change:${name}`, pull, life);
  for (const name of ["changes", "showing"] as const) {
    listen(model, `change:${name}`, () => wishes[name].heard(), life);
  }
  const shownChanges = computed(() => wished(changes.value, wishes.changes.wanted.value));
  const shownShowing = computed<Showing>(() => ({ ...showing.value, ...wishes.showing.wanted.value.get("") }));

  /** Of a trait that the page changes too: tell the kernel what is new. */
  const told = <K extends "settings" | "framing">(name: K, value: ViewState[K]) => {
    if (JSON.stringify(value) === JSON.stringify(model.get(name))) return;
    model.set(name, value);
    model.save_changes();
  };
  const stops = [effect(() => told("settings", settings.value)), effect(() => told("framing", framing.value))];

  const selection = new Selection(model.get("cursor")?.id ?? "");
  bindSelection(
    selection,
    {
      get: () => model.get("cursor") ?? CURSOR,
      set: (cursor) => {
        model.set("cursor", cursor);
        model.save_changes();
      },
      onChange: (changed, until) => listen(model, "change:cursor", changed, until),
    },
    life,
  );

  const { tokens, stop: stopTokens } = allTokens(run, source, life);
  stops.push(stopTokens);

  // ipywidgets' base tells of a comm that ended (the kernel restarts) or began; hosts that are not built on it never do. It does
  // not say which: only an answer does.
  const doubt = () => {
    const now = run.peek();
    if (now) source.rpc.call("tokens", { epoch: now.epoch, start: 0, stop: 0 }, { patience: DOUBT }).catch(() => {});
  };
  listen(model, "comm_live_update", doubt, life);

  const around = signal<HTMLElement | null>(null);
  const modes = signal(0);
  const theme = computed<Theme>(() => {
    modes.value;
    return around.value ? resolveTheme(settings.value.theme, around.value) : LIGHT;
  });

  life.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });
  const call = async (...[method, params]: Parameters<Rpc["call"]>) => (await source.rpc.call(method, params)).result;
  // A kernel may take the messages of one page on several threads: what builds on the word before waits for its answer.
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = (...asked: Parameters<Rpc["call"]>): Promise<unknown> => {
    const mine = before.then(() => call(...asked));
    before = mine.catch(() => {});
    return mine;
  };
  /** Questions under way after which another run may be shown: until the kernel has told which, nobody knows. */
  const changing = signal(0);
  const changed = async (op: ChangeOp): Promise<void> => {
    const isName = op.op === "set" && op.on === undefined;
    if (!isName) changing.value += 1;
    try {
      await inTurn("change", op);
    } finally {
      if (!isName) changing.value -= 1;
    }
  };
  return {
    panels,
    run,
    tokens,
    fields: withProgress(fields, progress),
    metric: measured,
    changes: shownChanges,
    showing: shownShowing,
    compared,
    settled: computed(() => changing.value === 0 && isSettled(run.value, shownChanges.value, shownShowing.value)),
    status,
    problems,
    settings,
    theme,
    connected: source.connected,
    selection,
    source,
    runPrompt: async (prompt) => void (await call("run", { prompt })),
    stop: async () => void (await call("stop", {})),
    ask: async (metric) => void (await inTurn("metric", metric)),
    change: async (op) => {
      const wish = wishOf(op);
      await (wish ? wishes.changes.during(...wish, () => changed(op)) : changed(op));
    },
    show: (which) => wishes.showing.during("", { which }, () => inTurn("show", { which })),
    fill: async (field) => void (await call("fill", { field })),
    halt: async (field) => void (await call("halt", { field })),
    compare: async (prompt) => void (await inTurn("compare", { prompt })),
    align: async (pairs) => void (await inTurn("align", { pairs })),
    notes: noted,
    tour,
    framing,
    note: async (op) => {
      const more = op.op === "add" ? { cursor: selection.toCursor() } : {};
      return ((await inTurn("note", { ...op, ...more })) as { id?: string }).id ?? null;
    },
    returnTo: async (note, prompt = false, from) => {
      const asked = { note, prompt, ...(from && { cursor: from }) };
      return ((await inTurn("return", asked)) as { left: string[] }).left;
    },
    play: async (op) => void (await inTurn("tour", op)),
    code: async (field) => {
      const { id: _, heads: __, ...cursor } = selection.toCursor();
      return ((await call("code", { field, cursor })) as { code: string }).code;
    },
    followHost: (element, until) => {
      around.value = element;
      watchHostMode(() => {
        modes.value += 1;
      }, until);
    },
  };
}

/** What is wished of a change before the kernel has told it back. */
type ChangeWish = Partial<Pick<Change, "on" | "name" | "failed">> & { gone?: true };

function wishOf(op: ChangeOp): [number, ChangeWish] | null {
  if (op.op === "remove") return [op.id, { gone: true }];
  if (op.op !== "set") return null;
  const { op: _, id, ...wish } = op;
  return [id, wish.on === undefined ? wish : { ...wish, failed: null }];
}

function wished(changes: Change[], wishes: ReadonlyMap<number, ChangeWish>): Change[] {
  if (wishes.size === 0) return changes;
  return changes.flatMap((change) => {
    const { gone, ...wish } = wishes.get(change.id) ?? {};
    return gone ? [] : [{ ...change, ...wish }];
  });
}

/** Every field with its `progress`; one of which nothing new is known stays the very same. */
function withProgress(
  fields: ReadonlySignal<FieldMeta[]>,
  progress: ReadonlySignal<Record<string, Progress>>,
): ReadonlySignal<FieldMeta[]> {
  let laid = new Map<FieldMeta, { said: string; field: FieldMeta }>();
  return computed(() => {
    const now = new Map<FieldMeta, { said: string; field: FieldMeta }>();
    for (const field of fields.value) {
      const known = progress.value[field.name];
      const said = known ? JSON.stringify(known) : "";
      const former = laid.get(field);
      const made = known ? { ...field, progress: known } : field;
      now.set(field, former?.said === said ? former : { said, field: made });
    }
    laid = now;
    return [...now.values()].map(({ field }) => field);
  });
}
