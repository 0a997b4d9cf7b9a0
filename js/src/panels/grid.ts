/**
 * Where the panels stand at a width. Pure: names and a width in, a CSS grid out.
 *
 * One line of thought from top to bottom: prompt; text and next token; heads and pattern; layers. Narrow views have one column; wide
 * ones put pattern and layers side by side. A panel that is not there leaves no gap.
 */
import type { PanelName } from "../protocol";

export interface Grid {
  kind: "narrow" | "middle" | "wide";
  columns: string;
  areas: string;
  /** The panels in the order in which they are read: what is walked by Tab is what is seen. */
  order: PanelName[];
}

export const NARROW_BELOW = 700;
export const WIDE_ABOVE = 1400;

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

/** Two grids of heads need more room. */
const TWO_GRIDS: typeof SPANS = { "heads pattern": [6, 6], "heads pattern layers": [4, 4, 4] };

export function gridOf(panels: PanelName[], width: number, twoGrids = false): Grid {
  const kind = width < NARROW_BELOW ? "narrow" : width > WIDE_ABOVE ? "wide" : "middle";
  const rows = ROWS[kind].map((row) => row.filter((name) => panels.includes(name))).filter((row) => row.length > 0);
  const order = rows.flat();
  if (kind === "narrow")
    return { kind, columns: "minmax(0, 1fr)", areas: rows.map(([name]) => `"${name}"`).join(" "), order };
  const areas = rows.map((row) => {
    const names = row.join(" ");
    const spans = (twoGrids && TWO_GRIDS[names]) || (SPANS[names] ?? row.map(() => 12 / row.length));
    return `"${row.flatMap((name, i) => new Array<string>(spans[i]!).fill(name)).join(" ")}"`;
  });
  return { kind, columns: "repeat(12, minmax(0, 1fr))", areas: areas.join(" "), order };
}
