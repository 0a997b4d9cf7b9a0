/**
 * A focusable grid over a canvas, for keyboard and screen reader.
 *
 * A canvas has no cells to focus, so the surface is a grid of which only the active cell exists (as in any virtual grid):
 * focus stays on the surface, and `aria-activedescendant` names the cell with its place and its number in words.
 */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { focusWhenPressed, type KeyMap, onKeys } from "../keyboard";

interface ActiveCellProps {
  label: string;
  rows: number;
  columns: number;
  /** The active cell, counted from the top left; null when nothing is selected. */
  active: { row: number; column: number; words: string } | null;
  keys: KeyMap;
  class?: string;
  children: ComponentChildren;
}

export function ActiveCell({ label, rows, columns, active, keys, class: name, children }: ActiveCellProps) {
  const id = useId();
  return (
    // biome-ignore lint/a11y/useSemanticElements: the picture is a canvas; the table toggle gives a real table
    <div
      class={`surface ${name ?? ""}`}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={rows}
      aria-colcount={columns}
      aria-activedescendant={active ? id : undefined}
      onKeyDown={onKeys(keys)}
      {...focusWhenPressed}
    >
      {children}
      {active && (
        // biome-ignore lint/a11y/useSemanticElements: see above
        // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the grid, which names this row's cell as active
        <div class="unseen" role="row" aria-rowindex={active.row + 1}>
          {/* biome-ignore lint/a11y/useSemanticElements: see above */}
          {/* biome-ignore lint/a11y/useFocusableInteractive: see above */}
          <div id={id} role="gridcell" aria-colindex={active.column + 1} aria-selected="true">
            {active.words}
          </div>
        </div>
      )}
    </div>
  );
}
