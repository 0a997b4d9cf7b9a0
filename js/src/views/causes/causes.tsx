/**
 * The causes panel: attention against effect, direct against total effect, or the answer taken apart.
 *
 * Closed at first, so that nothing is computed that nobody asked for; opening one is one click.
 */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { FieldMenu, Switch } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import type { FieldMeta, Settings } from "../../protocol";
import type { Stage } from "../../stage";
import { FillingWords, useFilled } from "../filling";
import { chosen, fitsHeads } from "../fit";
import { attentionAgainstEffect } from "../heads/against";
import { useStage } from "../ui";
import { Scatter, scatterTable } from "./scatter";
import { ScatterModel } from "./scatter-model";
import { termsTable, WaterfallChart, WaterfallModel } from "./waterfall";

type Open = Exclude<Settings["causeView"], "">;

const VIEWS: Record<Open, { question: string; short: string; fields: string[] }> = {
  scatter: { question: "attention against effect", short: "scatter", fields: ["ablation_effect"] },
  direct_total: {
    question: "direct against total",
    short: "direct · total",
    fields: ["direct_effect", "ablation_effect"],
  },
  decomposition: { question: "what the answer is made of", short: "parts", fields: ["decomposition"] },
};

/** The views whose fields this run has. */
function openable(fields: FieldMeta[]): Open[] {
  const names = new Set(fields.map((field) => field.name));
  return (Object.keys(VIEWS) as Open[]).filter((view) => VIEWS[view].fields.every((name) => names.has(name)));
}

function setter({ settings }: Stage): (patch: Partial<Settings>) => void {
  return (patch) => {
    settings.value = { ...settings.value, ...patch };
  };
}

const useField = (name: (settings: Settings) => string, fallback: boolean): ReadonlySignal<FieldMeta | undefined> => {
  const { fields, settings } = useStage();
  return useComputed(() => {
    const wanted = name(settings.value);
    return fallback ? chosen(fields.value, fitsHeads, wanted) : fields.value.find((field) => field.name === wanted);
  });
};

export function CausesPanel() {
  const stage = useStage();
  const views = openable(stage.fields.value);
  const view = stage.settings.value.causeView;
  if (view === "" || !views.includes(view)) return <Closed views={views} />;
  return <Opened key={view} views={views} view={view} />;
}

function Closed({ views }: { views: Open[] }) {
  const stage = useStage();
  const open = (view: Open) => {
    const now = stage.settings.value;
    stage.settings.value = view === "scatter" ? attentionAgainstEffect(now) : { ...now, causeView: view };
  };
  return (
    <section
      class="panel causes"
      data-panel="causes"
      data-state={views.length > 0 ? "ready" : "empty"}
      aria-label="Causes"
    >
      <div class="head">
        <h3>Causes</h3>
        <span class="dim">Where a head looks is not yet what it does.</span>
      </div>
      {views.length === 0 ? (
        <p class="empty">Nothing can be traced in this run: it has no metric.</p>
      ) : (
        <p class="open">
          {views.map((view) => (
            <button key={view} type="button" class="plain" onClick={() => open(view)}>
              {VIEWS[view].question}
            </button>
          ))}
        </p>
      )}
    </section>
  );
}

/** One of the views; the numbers of the others are not asked for. */
function Opened({ view, views }: { view: Open; views: Open[] }) {
  const stage = useStage();
  const set = setter(stage);
  const parts = view === "decomposition";
  const equal = view === "direct_total";
  const x = useField((settings) => (equal ? "direct_effect" : settings.scatterX), !equal);
  const y = useField((settings) => (equal ? "ablation_effect" : settings.scatterY), !equal);
  const terms = useField(() => "decomposition", false);
  const model = useMemo(() => (parts ? new WaterfallModel(stage, terms) : new ScatterModel(stage, x, y)), [stage]);
  useEffect(() => () => model.wanted.dispose(), [model]);
  useFilled(() => (parts ? [] : [x.value]));
  const menu = (axis: "scatterX" | "scatterY", field: FieldMeta | undefined) =>
    equal ? null : (
      <FieldMenu
        label={`numbers along the ${axis === "scatterX" ? "x" : "y"} axis`}
        fields={stage.fields.value.filter(fitsHeads)}
        chosen={field}
        choose={(name) => set({ [axis]: name })}
      />
    );
  return (
    <Panel
      name="causes"
      title="Causes"
      field={parts ? terms.value : y.value}
      head={
        <>
          <Switch
            label="show of the causes"
            options={views}
            chosen={view}
            choose={(causeView) => set({ causeView })}
            words={(one) => VIEWS[one].short}
          />
          <button
            type="button"
            class="plain close"
            aria-label="close Causes"
            title="close"
            onClick={() => set({ causeView: "" })}
          >
            ×
          </button>
        </>
      }
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      note={
        !parts &&
        x.value !== y.value && (
          <span>
            <FillingWords field={x.value} />
            {unsaid(x.value?.caveat, y.value?.caveat)}{" "}
          </span>
        )
      }
      table={() =>
        model instanceof WaterfallModel ? termsTable(model.terms.value) : scatterTable(stage, model.picture.value)
      }
    >
      {model instanceof WaterfallModel ? (
        <WaterfallChart model={model} />
      ) : (
        <Scatter model={model} equal={equal} menuX={menu("scatterX", x.value)} menuY={menu("scatterY", y.value)} />
      )}
    </Panel>
  );
}

/** What the caveat of one axis says that the other's does not: both are read under one plot. */
function unsaid(caveat = "", other = ""): string {
  return caveat
    .split(/(?<=\.) /)
    .filter((sentence) => !other.includes(sentence))
    .join(" ");
}
