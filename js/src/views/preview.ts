/**
 * Preview a place while the pointer rests on it: said to the selection only when the place is another.
 *
 * A pointer that moves within one cell tells the same over and over; what hangs on the hover must not be worked out again for that.
 */
import { CURSOR_COORDINATES, type CursorPatch, type Selection } from "../selection";

export function preview(selection: Selection, patch: CursorPatch): void {
  const now = selection.hover.peek();
  if (CURSOR_COORDINATES.every((name) => now[name] === patch[name])) return;
  selection.preview(patch);
}
