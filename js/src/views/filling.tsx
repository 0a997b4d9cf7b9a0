/**
 * Fields that fill in cell by cell: a panel that draws one has it begun, and says how far it has come.
 *
 * Always true: what is idle is asked for once per run and version, however many panels draw it; what was stopped or has failed
 * goes on only by a click. A refusal is shown where the progress would be.
 */
import { effect, type Signal, signal, untracked } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { FieldMeta } from "../protocol";
import type { Stage } from "../stage";
import { useStage } from "./ui";

interface Filling {
  asked: Set<string>;
  refused: Signal<Record<string, string>>;
}

const fillings = new WeakMap<Stage, Filling>();

function fillingOf(stage: Stage): Filling {
  const known = fillings.get(stage) ?? { asked: new Set(), refused: signal({}) };
  fillings.set(stage, known);
  return known;
}

/** Asks for more of a field; what the kernel refuses is kept for `FillingWords`. */
function fill(stage: Stage, name: string): void {
  const { refused } = fillingOf(stage);
  const { [name]: _, ...others } = refused.peek();
  refused.value = others;
  stage.fill(name).catch((error: Error) => {
    refused.value = { ...refused.peek(), [name]: error.message };
  });
}

function halt(stage: Stage, name: string): void {
  const { refused } = fillingOf(stage);
  stage.halt(name).catch((error: Error) => {
    refused.value = { ...refused.peek(), [name]: error.message };
  });
}

/** What the numbers of a field hang on besides its version: see `Wish.step`. */
export function stepOf(stage: Stage, field: FieldMeta): { step?: string } {
  return field.progress ? { step: JSON.stringify(stage.metric.value) } : {};
}

/** While the panel is there, every idle field among these is begun. `fields` reads signals. */
export function useFilled(fields: () => (FieldMeta | undefined)[]): void {
  const stage = useStage();
  useEffect(
    () =>
      effect(() => {
        const epoch = stage.run.value?.epoch;
        for (const field of fields()) {
          if (field?.progress?.state !== "idle") continue;
          const { name, progress } = field;
          const key = `${epoch} ${name} ${progress.version}`;
          const { asked } = fillingOf(stage);
          if (asked.has(key)) continue;
          asked.add(key);
          untracked(() => fill(stage, name));
        }
      }),
    [stage],
  );
}

/** How far a field is, with what can be done about it; nothing for a field that is complete. */
export function FillingWords({ field }: { field: FieldMeta | undefined }) {
  const stage = useStage();
  const progress = field?.progress;
  if (!field || !progress) return null;
  const refused = fillingOf(stage).refused.value[field.name];
  const far = `${progress.done} of ${progress.total}`;
  const again = (words: string) => (
    <button type="button" class="act" onClick={() => fill(stage, field.name)}>
      {words}
    </button>
  );
  if (refused !== undefined || progress.state === "failed")
    return (
      <span class="filling" role="alert">
        {field.title} failed: {refused ?? progress.message ?? "no reason given"}
        {refused === undefined && progress.hint ? ` ${progress.hint}` : ""} {again("try again")}{" "}
      </span>
    );
  if (progress.state === "running")
    return (
      <span class="filling" role="status">
        {far} so far ·{" "}
        <button type="button" class="act" onClick={() => halt(stage, field.name)}>
          stop
        </button>{" "}
      </span>
    );
  if (progress.state === "stopped")
    return (
      <span class="filling" role="status">
        stopped at {far} · {again("go on")}{" "}
      </span>
    );
  return null;
}
