/**
 * A field's title where the panel says already which run it is of: the fields of a difference carry its name, the badge does too.
 *
 * Pure.
 */
import type { FieldMeta, Run } from "../protocol";

export function titleIn(run: Run | null): (field: FieldMeta) => string {
  return ({ title }) => {
    const at = title.lastIndexOf(", ");
    const named = at >= 0 && run !== null && run.shown.label.endsWith(title.slice(at + 2));
    return named ? title.slice(0, at) : title;
  };
}
