/**
 * The interventions: a list that is switched, named and taken away, what all of them do to the answer, and which run is shown.
 *
 * Always true: the list is the user's own, so it never waits: a switch stands where it was put, and what the kernel refuses is said.
 * The line about the answer belongs to the run that is shown; it is dimmed while another is on its way.
 */
import { useRef } from "preact/hooks";
import { Failure } from "../../panels/attempt";
import { Switch } from "../../panels/menu";
import type { ChangeOp } from "../../protocol";
import { attentionAgainstEffect } from "../heads/against";
import { compose } from "../notes/compose";
import { Composer } from "../notes/composer";
import { noteKeys } from "../notes/note-button";
import { useUi } from "../ui";
import { headShort } from "../words";
import { toggleZero, zeroOp } from "../zero-head";
import { ChangeRow } from "./changes-row";
import { answerWords } from "./changes-words";

/** A note of the list is about the change that has the focus, else about the last. */
function changeOf({ target }: Event): number | undefined {
  const row = (target as Element).closest<HTMLElement>("[data-change]");
  return row ? Number(row.dataset.change) : undefined;
}

export function ChangesPanel() {
  const ui = useUi();
  const { stage, changing } = ui;
  const changes = stage.changes.value;
  const heading = useRef<HTMLHeadingElement>(null);
  const ask = (op: ChangeOp) => {
    // The button that was pressed goes with its row: who walks by keys stays in the panel.
    if (op.op === "remove" || op.op === "clear") heading.current?.focus({ preventScroll: true });
    return changing.try(() => stage.change(op));
  };
  const on = changes.filter((change) => change.on).length;
  return (
    <section
      class="panel changes"
      data-panel="changes"
      data-state={changes.length === 0 ? "empty" : "ready"}
      aria-label="Changes"
      onKeyDown={noteKeys((event) => compose(ui, "changes", changeOf(event)))}
    >
      <div class="head">
        <h3 ref={heading} tabIndex={-1}>
          Changes
        </h3>
        {changes.length > 0 && <span class="dim">{`${on} of ${changes.length} on`}</span>}
        {changes.length === 0 && <Shown />}
        {changes.length > 0 && (
          <button type="button" class="plain small clear" onClick={() => ask({ op: "clear" })}>
            clear all
          </button>
        )}
      </div>
      {changes.length === 0 ? <Nothing /> : <Shown />}
      <Failure of={changing.refused.value} />
      {changes.length > 0 && (
        <ul class="list">
          {changes.map((change) => (
            <ChangeRow key={change.id} change={change} ask={ask} />
          ))}
        </ul>
      )}
      <Composer panel="changes" />
      {changes.length > 0 && <Against />}
    </section>
  );
}

/** What can be shown, and what is measured on it. */
function Shown() {
  const { stage, changing } = useUi();
  const metric = stage.metric.value;
  const run = stage.run.value;
  const { which, options } = stage.showing.value;
  const label = (one: string) => options.find((option) => option.which === one)?.label ?? one;
  return (
    <div class="shown">
      {options.length > 1 && (
        <Switch
          label="show which run"
          options={options.map((option) => option.which)}
          chosen={which}
          choose={(one) => changing.try(() => stage.show(one))}
          words={label}
        />
      )}
      {metric && run && (
        <span class="answer" data-current={stage.settled.value}>
          {answerWords(metric, run.shown)}
        </span>
      )}
    </div>
  );
}

/** One sentence and one action. */
function Nothing() {
  const { stage, changing } = useUi();
  const { layer, head } = stage.selection.pinned;
  const op = zeroOp(stage);
  if (op === null) return <p class="nothing">Nothing is changed. Select a head, and it can be set to zero here.</p>;
  return (
    <p class="nothing">
      {`Nothing is changed. ${headShort(layer.value!, head.value!)} is selected: `}
      <button
        type="button"
        class="plain"
        title="set the selected head to zero (z in the grid of heads or the pattern)"
        onClick={() => toggleZero(stage, changing)}
      >
        Zero this head
      </button>
    </p>
  );
}

/** After the first change: the other way to ask the same of every head. */
function Against() {
  const { settings, fields } = useUi().stage;
  const there = fields.value.some(({ name }) => name === "ablation_effect");
  if (!there || settings.value.causeView !== "") return null;
  return (
    <p class="caveat">
      Compare where heads look with what they do:{" "}
      <button
        type="button"
        class="plain small"
        onClick={() => {
          settings.value = attentionAgainstEffect(settings.value);
        }}
      >
        attention against effect
      </button>
    </p>
  );
}
