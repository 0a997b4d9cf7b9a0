/**
 * The two ways to begin a note in a panel: a button, and the key `n` anywhere within it.
 */
import { type KeyAction, onKeys } from "../../keyboard";
import { useUi } from "../ui";
import { type Begun, compose, subjectOf } from "./compose";

const TITLE = "write down what this shows (n)";

interface NoteButtonProps {
  panel: Begun;
  /** Of the list of changes: which one. */
  change?: number;
  label?: string;
}

export function NoteButton({ panel, change, label }: NoteButtonProps) {
  const ui = useUi();
  const nothing = subjectOf(ui, panel, change) === null;
  return (
    <button
      type="button"
      class="plain small to-note"
      aria-label={label}
      disabled={nothing}
      title={nothing ? "select something to write about" : TITLE}
      onClick={() => compose(ui, panel, change)}
    >
      note
    </button>
  );
}

/** Keys of a whole panel: surfaces, buttons and menus within it hand on what they do not take. */
export const noteKeys = (begin: KeyAction) => onKeys({ n: begin });
