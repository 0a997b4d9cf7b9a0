/**
 * Keys of one focusable surface, kept from the notebook around it.
 *
 * Always true: a key that a surface handles goes no further, and keys typed into an input, a select or an editable element are never
 * taken. Of what nobody in the view handles, the keys that type something, Delete and Backspace go no further than the view itself, on
 * whatever the focus is: in JupyterLab's command mode "x" cuts the cell with the view in it, and "b" and "Shift+M" make and merge cells.
 * So does Ctrl+Enter, which saves a note: pressed twice it would run the cell, and with it end the view. Escape, Enter, Tab, arrows,
 * Shift+Enter and all others with Ctrl, Meta or Alt are the notebook's.
 */

/** What a key does; returning false says that there was nothing to do, and lets the key go on. */
// biome-ignore lint/suspicious/noConfusingVoidType: most actions give nothing back
export type KeyAction = (event: KeyboardEvent) => boolean | void;

/** Bindings by name: `ArrowUp`, `[`, `Shift+Enter`. Shift is named only for keys that type nothing. */
export type KeyMap = Record<string, KeyAction>;

const TYPING = new Set(["INPUT", "TEXTAREA", "SELECT"]);

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return TYPING.has(target.tagName) || target.isContentEditable;
}

/** The name under which a key is looked up. */
export function keyName(event: Pick<KeyboardEvent, "key" | "shiftKey">): string {
  return event.shiftKey && event.key.length > 1 ? `Shift+${event.key}` : event.key;
}

/** A keydown listener for these bindings. */
export function onKeys(bindings: KeyMap): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.composedPath()[0] ?? event.target)) return;
    const action = bindings[keyName(event)];
    if (action === undefined || action(event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
}

/** For the element of a whole view: what types or deletes stays in it, and what saves a note. */
export function keepTyping(event: KeyboardEvent): void {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.stopPropagation();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ([...event.key].length === 1 || event.key === "Delete" || event.key === "Backspace") event.stopPropagation();
}

/**
 * A pressed surface has the keys: JupyterLab answers a press in an output by focusing the cell, and a shift-press by selecting cells, for
 * which it takes the press's default away. Spread onto the surface; nothing is focused without a press.
 */
export const focusWhenPressed = {
  onMouseDown(event: MouseEvent): void {
    const surface = event.currentTarget as HTMLElement;
    if (event.button !== 0) return;
    surface.focus({ preventScroll: true });
    if (!event.shiftKey) return;
    event.stopPropagation();
    event.preventDefault(); // no text is selected between the two presses
  },
  /** The host may have taken the focus in between. */
  onClick(event: MouseEvent): void {
    const surface = event.currentTarget as HTMLElement;
    const root = surface.getRootNode() as Document | ShadowRoot;
    if (root.activeElement !== surface) surface.focus({ preventScroll: true });
  },
};

/** One step along a coordinate, held inside [low, high]; from nowhere, the first step lands on `low`. */
export function stepped(value: number | null, by: number, low: number, high: number): number {
  if (value === null) return by > 0 ? low : high;
  return Math.min(high, Math.max(low, value + by));
}
