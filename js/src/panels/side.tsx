/**
 * Whether the notes are open, and the button in the bar that opens and folds them.
 *
 * Always true: what the user chose stands; until then they are open while there is a note or one is being written. Without a bar there is
 * no way to fold them, so they are not there, unless they are all that there is.
 */
import { nextFrame } from "../frame";
import { type Ui, useUi } from "../views/ui";

export function notesOpen({ stage, composing }: Ui): boolean {
  const panels = stage.panels.value;
  if (!panels.includes("notes")) return false;
  if (!panels.includes("bar")) return panels.length === 1;
  const { notesPanel } = stage.settings.value;
  if (notesPanel === "folded" || notesPanel === "open") return notesPanel === "open";
  const { items, more } = stage.notes.value;
  return items.length + more > 0 || composing.value !== null;
}

/** Opened below all others, the notes would be out of sight. */
function goTo(panel: HTMLElement | null): void {
  panel?.scrollIntoView({ block: "nearest" });
  panel?.querySelector("h3")?.focus({ preventScroll: true });
}

export function NotesToggle() {
  const ui = useUi();
  const { panels, notes, settings, tour } = ui.stage;
  if (!panels.value.includes("notes")) return null;
  const open = notesOpen(ui);
  const { items, more, message } = notes.value;
  const hidden = tour.value?.hidden ?? [];
  const count = items.filter(({ id }) => !hidden.includes(id)).length + more;
  return (
    <button
      type="button"
      class="plain notes-toggle"
      aria-expanded={open}
      title={message ?? undefined}
      onClick={(event) => {
        settings.value = { ...settings.value, notesPanel: open ? "folded" : "open" };
        const root = event.currentTarget.getRootNode() as ShadowRoot;
        if (!open) nextFrame(() => goTo(root.querySelector('.slot:not(.side) [data-panel="notes"]')));
      }}
    >
      Notes <span class="dim">{count}</span>
      {message !== null && <b> !</b>}
    </button>
  );
}
