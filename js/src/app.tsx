/**
 * The panels of a view, put into a root and laid out by its width.
 *
 * Given a stage it draws until the returned function is called. Which panels there are is the stage's to say: the Inspector has
 * them all, a HeadView one. A panel that throws shows what it threw in its own place; the others go on.
 */
import { effect, untracked, useComputed, useSignal } from "@preact/signals";
import { Component, type ComponentChildren, type ComponentType, render } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Bar } from "./panels/bar";
import { Before } from "./panels/before";
import { gridOf, SIDE_TAKES, standsBeside, WIDE_ABOVE } from "./panels/grid";
import { notesOpen } from "./panels/side";
import { Summary } from "./panels/summary";
import { Tooltip } from "./panels/tooltip";
import type { PanelName, Run } from "./protocol";
import type { Stage } from "./stage";
import aside from "./styles/aside.css";
import base from "./styles/base.css";
import causes from "./styles/causes.css";
import changes from "./styles/changes.css";
import compare from "./styles/compare.css";
import next from "./styles/next.css";
import notes from "./styles/notes.css";
import panelStyles from "./styles/panels.css";
import pictures from "./styles/pictures.css";
import region from "./styles/region.css";
import tour from "./styles/tour.css";
import { applyTheme } from "./theme";
import { CausesPanel } from "./views/causes/causes";
import { ChangesPanel } from "./views/changes/changes";
import { ComparePanel } from "./views/compare/compare";
import { HeadsPanel } from "./views/heads/heads";
import { headsStack } from "./views/heads/heads-layout";
import { LayersPanel } from "./views/layers/layers";
import { NextPanel } from "./views/next/next";
import { NotesPanel } from "./views/notes/notes";
import { PatternPanel } from "./views/pattern/pattern";
import { TextPanel } from "./views/text/text";
import { TourBar } from "./views/tour/tour";
import { makeUi, type Ui, UiContext, useUi } from "./views/ui";

const PANELS: Record<PanelName, ComponentType> = {
  bar: Bar,
  text: TextPanel,
  next: NextPanel,
  compare: ComparePanel,
  heads: HeadsPanel,
  pattern: PatternPanel,
  causes: CausesPanel,
  changes: ChangesPanel,
  layers: LayersPanel,
  notes: NotesPanel,
};

class Guarded extends Component<{ name: string; children: ComponentChildren }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static override getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidCatch(error: Error) {
    console.error(`llmwidgets: the ${this.props.name} panel failed`, error);
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <section class="panel" data-panel={this.props.name} data-state="failed">
        <div class="outcome failed" role="alert">
          <span class="mark" aria-hidden="true">
            !
          </span>
          <span>
            The {this.props.name} panel failed: {error.message}
          </span>
          <button type="button" class="plain" onClick={() => this.setState({ error: null })}>
            Try again
          </button>
        </div>
      </section>
    );
  }
}

function App() {
  const ui = useUi();
  const box = useRef<HTMLElement>(null);
  const whole = useSignal(ui.width.peek());
  const { run, panels, status, settings, fields } = ui.stage;
  const side = useComputed(() => notesOpen(ui) && standsBeside(panels.value, whole.value));
  useLayoutEffect(() => {
    const element = box.current!;
    const read = () => {
      if (element.clientWidth > 0) whole.value = element.clientWidth;
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    const left = effect(() => {
      ui.width.value = whole.value - (side.value ? SIDE_TAKES : 0);
    });
    return () => {
      observer.disconnect();
      left();
    };
  }, []);
  const open = notesOpen(ui);
  const kept = useRef(false); // folded notes keep what is half written in them
  kept.current ||= open;
  const two = fields.value.some(({ name }) => name === settings.value.headFieldBeside);
  const width = ui.width.value;
  const seen = panels.value.filter((name) => name !== "notes" || open);
  const grid = gridOf(seen, width, two && !stackedGrids(run.value, width), side.value);
  const order: PanelName[] = kept.current && !open ? [...grid.order, "notes"] : grid.order;
  const withBar = panels.value.includes("bar");
  const tour = (
    <Guarded key="tour" name="tour">
      <TourBar />
    </Guarded>
  );
  const model = run.value === null ? "no run yet" : run.value.model;
  return (
    <section
      ref={box}
      class={`view ${grid.kind}`}
      aria-label={`llmwidgets, ${model}`}
      data-status={status.value.state}
      data-epoch={run.value?.epoch ?? ""}
      data-settled={ui.stage.settled.value}
    >
      {!withBar && tour}
      <div
        class="grid"
        style={{ gridTemplateColumns: grid.columns, gridTemplateRows: grid.rows, gridTemplateAreas: grid.areas }}
      >
        {order.map((name) => {
          const Shown = PANELS[name];
          const early = run.value === null && name !== "bar" && name !== "notes";
          const panel = <Guarded name={name}>{early ? <Before name={name} /> : <Shown />}</Guarded>;
          if (name === "notes") {
            return (
              <div key={name} class={side.value ? "slot side" : "slot"} hidden={!open} style={{ gridArea: name }}>
                <div class="stay">{panel}</div>
              </div>
            );
          }
          return (
            <div key={name} class="slot" style={{ gridArea: name }}>
              {panel}
              {name === "bar" && tour}
            </div>
          );
        })}
      </div>
      <Tooltip />
      <Summary />
    </section>
  );
}

/** Whether two grids of heads would stand upon each other, however much room they are given. */
function stackedGrids(run: Run | null, width: number): boolean {
  return run !== null && headsStack(run.layers, run.heads, width / (width > WIDE_ABOVE ? 3 : 2), false);
}

/** What the pointer rested on belongs to the run that was there: another may have fewer tokens. */
function letGoOfHover(ui: Ui): void {
  ui.tip.value = null;
  if (Object.keys(ui.stage.selection.hover.peek()).length > 0) ui.stage.selection.preview({});
}

export function mount(stage: Stage, root: ShadowRoot | HTMLElement): () => void {
  const style = document.createElement("style");
  style.textContent = [base, panelStyles, pictures, next, changes, causes, compare, notes, region, tour, aside].join(
    "\n",
  );
  const place = document.createElement("div");
  place.className = "llmw-place";
  root.append(style, place);
  const stop = effect(() => applyTheme(place, stage.theme.value));
  const ui = makeUi(stage);
  const forget = effect(() => {
    void stage.run.value?.epoch;
    untracked(() => letGoOfHover(ui));
  });
  render(
    <UiContext.Provider value={ui}>
      <App />
    </UiContext.Provider>,
    place,
  );
  return () => {
    render(null, place);
    stop();
    forget();
    style.remove();
    place.remove();
  };
}
