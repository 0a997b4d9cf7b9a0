/**
 * The head of the Inspector: which model, what shape, whether the capture reproduces it, and the prompt.
 */
import type { Run } from "../protocol";
import { CompareButton } from "../views/compare/compare-line";
import { useStage } from "../views/ui";
import { Problems } from "./problems";
import { PromptLine } from "./prompt";
import { NotesToggle } from "./side";

/** "4 layers × 4 heads", or a range where layers differ. */
export function shapeWords(run: Run): string {
  const present = run.headsPerLayer.filter((heads) => heads > 0);
  const least = Math.min(...present);
  const heads = present.length === 0 ? "no" : least === run.heads ? `${run.heads}` : `${least}–${run.heads}`;
  const count = (n: number, one: string) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;
  return `${count(run.layers, "layer")} × ${heads} head${heads === "1" ? "" : "s"} · ${count(run.tokens.total, "token")}`;
}

function Integrity({ run }: { run: Run }) {
  const { ok, sentence } = run.integrity;
  // A changed run is checked against the changed pass: "the model" would be another.
  const held = run.shown.changes.length > 0 ? "the changed run is recomputed as it ran" : sentence;
  return (
    <span
      class={ok ? "integrity" : "integrity broken"}
      data-ok={ok}
      title="the capture, checked against the model itself"
    >
      <span class="mark" aria-hidden="true">
        {ok ? "✓" : "!"}
      </span>{" "}
      <span class="sentence">{ok ? held : `Check failed: ${sentence}`}</span>
    </span>
  );
}

export function Bar() {
  const stage = useStage();
  const run = stage.run.value;
  return (
    <header class="panel bar" data-panel="bar">
      <div class="who">
        <b class="model">{run === null ? "llmwidgets" : run.model}</b>
        {run !== null && <span class="shape">{shapeWords(run)}</span>}
        {run !== null && <Integrity run={run} />}
        {!stage.connected.value && (
          <span
            class="disconnected"
            role="status"
            title="the kernel does not answer; what is on screen is what came before"
          >
            <span aria-hidden="true">⊘</span> disconnected
          </span>
        )}
        <NotesToggle />
      </div>
      <PromptLine />
      <CompareButton />
      <Problems />
    </header>
  );
}
