/**
 * A Stage over an anywidget model: traits become signals, messages a source of numbers.
 *
 * Always true: traits that change together (run, fields, first) reach the panels together; a new epoch empties the cache before any panel
 * sees the new run. It uses only what every anywidget host has: get, set, save_changes, send, on, off.
 */
import { batch, computed, effect, signal } from "@preact/signals";
import type { FirstPicture, Run, Settings, Status, ViewState } from "./protocol";
import { Selection } from "./selection";
import { bindSelection } from "./selection-channel";
import { KernelSource } from "./source/kernel";
import { type Channel, Rpc } from "./source/rpc";
import type { Stage } from "./stage";
import { LIGHT, resolveTheme, type Theme, watchHostMode } from "./theme";

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
};
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
  const run = signal<Run | null>(null);
  const source = new KernelSource(new Rpc(channelOf(model), life));

  const simple = { panels, fields, status, problems, settings } as const;
  let seeded: FirstPicture | null = null;
  const pull = () =>
    batch(() => {
      const now = model.get("run") ?? null;
      source.begin(now?.epoch ?? null);
      const first = model.get("first") ?? null;
      if (first !== seeded || now !== run.peek()) source.seed(first);
      seeded = first;
      for (const name of Object.keys(simple) as (keyof typeof simple)[]) {
        const value = model.get(name);
        if (value !== undefined && value !== null) (simple[name] as { value: unknown }).value = value;
      }
      run.value = now;
    });
  pull();
  for (const name of ["run", "first", ...Object.keys(simple)]) listen(model, `change:${name}`, pull, life);

  const stops = [
    effect(() => {
      const value = settings.value;
      if (JSON.stringify(value) === JSON.stringify(model.get("settings"))) return;
      model.set("settings", value);
      model.save_changes();
    }),
  ];

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
  const changes = signal(0);
  const theme = computed<Theme>(() => {
    changes.value;
    return around.value ? resolveTheme(settings.value.theme, around.value) : LIGHT;
  });

  life.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });
  return {
    panels,
    run,
    tokens,
    fields,
    status,
    problems,
    settings,
    theme,
    connected: source.connected,
    selection,
    source,
    runPrompt: async (prompt) => void (await source.rpc.call("run", { prompt })),
    stop: async () => void (await source.rpc.call("stop", {})),
    followHost: (element, until) => {
      around.value = element;
      watchHostMode(() => {
        changes.value += 1;
      }, until);
    },
  };
}

/** The tokens that came with the run, and behind them the rest once it has come. */
function allTokens(run: { readonly value: Run | null }, source: KernelSource, life: AbortSignal) {
  const rest = signal<{ epoch: number; texts: string[]; kinds: string } | null>(null);
  const tokens = computed(() => {
    const here = run.value?.tokens ?? { texts: [], kinds: "" };
    const more = rest.value;
    if (!more || more.epoch !== run.value?.epoch) return { texts: here.texts, kinds: here.kinds };
    return { texts: [...here.texts, ...more.texts], kinds: here.kinds + more.kinds };
  });
  let asked = "";
  const stop = effect(() => {
    const now = run.value;
    const connected = source.connected.value;
    if (!now || !connected || now.tokens.texts.length >= now.tokens.total) return;
    const { epoch } = now;
    const [from, to] = [now.tokens.texts.length, now.tokens.total];
    const wish = `${epoch} ${from} ${to}`;
    if (asked === wish) return;
    asked = wish;
    source.tokens(epoch, from, to, life).then(
      (more) => {
        rest.value = { epoch, ...more };
      },
      () => {
        // Their places stay empty; they are asked for again when the kernel is heard of again.
        asked = "";
      },
    );
  });
  return { tokens, stop };
}
