/**
 * Where the panels stand at a width. Pure: names and a width in, a CSS grid out.
 *
 * One line of thought from top to bottom: prompt; text and next token; heads and pattern; layers. Narrow views have one column; wide
 * ones put pattern and layers side by side. A panel that is not there leaves no gap. The notes stand in a column of their own at the right
 * where that leaves the others two columns, else below them all.
 */
import type { PanelName } from "../protocol";

export interface Grid {
  kind: "narrow" | "middle" | "wide";
  columns: string;
  rows: string;
  areas: string;
  /** The panels in the order in which they are read: what is walked by Tab is what is seen. */
  order: PanelName[];
}

export const NARROW_BELOW = 700;
export const WIDE_ABOVE = 1400;
/** Of the column of notes. */
const SIDE_WIDTH = 300;
/** What that column takes from the others: its width and the gap before it. */
export const SIDE_TAKES = SIDE_WIDTH + 24;

const ROWS: Record<Grid["kind"], PanelName[][]> = {
  narrow: [
    ["bar"],
    ["text"],
    ["next"],
    ["compare"],
    ["changes"],
    ["heads"],
    ["pattern"],
    ["causes"],
    ["layers"],
    ["notes"],
  ],
  middle: [["bar"], ["text", "next"], ["compare"], ["heads", "pattern"], ["changes", "causes"], ["layers"], ["notes"]],
  wide: [["bar"], ["text", "next"], ["compare"], ["heads", "pattern", "layers"], ["changes", "causes"], ["notes"]],
};

/** Shares of twelve columns, by which stand in a row. */
const SPANS: Partial<Record<string, number[]>> = {
  "text next": [8, 4],
  "heads pattern": [5, 7],
  "heads pattern layers": [3, 4, 5],
  "heads layers": [4, 8],
  "pattern layers": [5, 7],
};

/** Below this the next token needs more than a third. */
const TIGHT_BELOW = 800;
const TIGHT: typeof SPANS = { "text next": [7, 5] };

/** Two grids of heads need more room. */
const TWO_GRIDS: typeof SPANS = { "heads pattern": [6, 6], "heads pattern layers": [4, 4, 4] };

/** Whether the notes, in a view of this width, stand at the side of the others. */
export function standsBeside(panels: PanelName[], width: number): boolean {
  const others = panels.some((name) => name !== "bar" && name !== "notes");
  return panels.includes("notes") && others && width >= NARROW_BELOW + SIDE_TAKES;
}

/** `width`: what is left for the panels, without a column of notes (`beside`). */
export function gridOf(panels: PanelName[], width: number, twoGrids = false, beside = false): Grid {
  const kind = width < NARROW_BELOW ? "narrow" : width > WIDE_ABOVE ? "wide" : "middle";
  const rows = ROWS[kind].map((row) => row.filter((name) => panels.includes(name))).filter((row) => row.length > 0);
  const order = rows.flat();
  if (beside) rows.pop(); // the notes, in a row of their own
  const areas = rows.map((row) => {
    if (kind === "narrow") return row;
    const names = row.join(" ");
    const spans =
      (twoGrids && TWO_GRIDS[names]) ||
      (width < TIGHT_BELOW && TIGHT[names]) ||
      (SPANS[names] ?? row.map(() => 12 / row.length));
    return row.flatMap((name, i) => new Array<string>(spans[i]!).fill(name));
  });
  if (beside) {
    for (const row of areas) row.push(row[0] === "bar" ? "bar" : "notes");
    areas.push([...new Array<string>(12).fill("."), "notes"]);
  }
  const columns = kind === "narrow" ? "minmax(0, 1fr)" : "repeat(12, minmax(0, 1fr))";
  return {
    kind,
    columns: beside ? `${columns} ${SIDE_WIDTH}px` : columns,
    // Where the column of notes is the tallest, the last row takes what is over, and none of the panels is stretched.
    rows: beside ? `repeat(${rows.length}, auto) 1fr` : "none",
    areas: areas.map((row) => `"${row.join(" ")}"`).join(" "),
    order,
  };
}
