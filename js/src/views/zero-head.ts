/**
 * The selected head set to zero, or given back: the one change that is a key and a button away.
 */
import type { Attempts } from "../panels/attempt";
import type { Change, ChangeOp } from "../protocol";
import type { Stage } from "../stage";
import { headExists } from "./fit";

/** The change of the list that sets just this head to zero, everywhere in the first prompt. */
export function zeroOf(changes: Change[], layer: number, head: number): Change | undefined {
  return changes.find(({ run, how, places }) => {
    const { site, layer: layers, head: heads, ...rest } = places;
    const just = (held: number[] | null, one: number) => held?.length === 1 && held[0] === one;
    const zero = run === "first" && site === "z" && how === "zero";
    return zero && just(layers, layer) && just(heads, head) && Object.values(rest).every((held) => held === null);
  });
}

/** What would switch the selected head: null where none is selected, or there is no such head. */
export function zeroOp(stage: Stage): (ChangeOp & { op: "add" | "set" }) | null {
  const run = stage.run.value;
  const { layer, head } = stage.selection.pinned;
  if (run === null || layer.value === null || head.value === null) return null;
  if (!headExists(run, layer.value, head.value)) return null;
  const there = zeroOf(stage.changes.value, layer.value, head.value);
  if (there) return { op: "set", id: there.id, on: !there.on };
  return { op: "add", change: { site: "z", layer: [layer.value], head: [head.value] } };
}

/** False where there is nothing to switch, or nothing that would show it. */
export function toggleZero(stage: Stage, attempts: Attempts): boolean {
  const op = zeroOp(stage);
  if (op === null || !stage.panels.value.includes("changes")) return false;
  attempts.try(() => stage.change(op), op.op === "add" ? JSON.stringify(op) : undefined);
  return true;
}
