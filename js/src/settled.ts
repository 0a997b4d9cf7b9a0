/**
 * Whether what is drawn is what was asked for: the wished run, made with the changes that are switched on now.
 *
 * Pure. Between a click and the run that follows from it, the former run is still there; while `isSettled` is false nobody may take it
 * for the answer.
 */
import type { Change, Run, Showing, Which } from "./protocol";

/** Whose changes are made in a run; null where none are. */
export function changedRun(which: Which): Change["run"] | null {
  switch (which) {
    case "changed":
    case "difference":
      return "first";
    case "second_changed":
    case "second_difference":
      return "second";
    default:
      return null;
  }
}

/** The ids of the changes that are made in a run of this kind: those that are on and could be made. */
export function madeIn(which: Which, changes: Change[]): number[] {
  const run = changedRun(which);
  return changes.filter((one) => one.on && one.failed === null && one.run === run).map((one) => one.id);
}

export function isSettled(run: Run | null, changes: Change[], showing: Showing): boolean {
  if (run === null) return true;
  const { which, changes: made } = run.shown;
  if (which !== showing.which) return false;
  if (changedRun(which) === null) return true;
  const wanted = madeIn(which, changes);
  return wanted.length === made.length && wanted.every((id) => made.includes(id));
}
