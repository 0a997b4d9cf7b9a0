/** The panels of a view, put into a root. Given a stage, it draws until the returned function is called. */
import type { Stage } from "./stage";

export function mount(_stage: Stage, _root: ShadowRoot | HTMLElement): () => void {
  return () => {};
}
