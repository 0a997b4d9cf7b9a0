/**
 * The numbers of a panel as an HTML table: for a screen reader, and for whoever wants to copy them.
 *
 * Bounded: at most MAX_ROWS × MAX_COLUMNS, and it says what it left out.
 */
export interface Table {
  caption: string;
  columns: string[];
  rows: { name: string; cells: string[] }[];
  /** How many there are in all, where the builder already cut. */
  totalRows?: number;
  totalColumns?: number;
}

export const MAX_ROWS = 64;
export const MAX_COLUMNS = 32;

/** The sentence that says how much is not in the table; null when everything is. */
export function cutWords(table: Table): string | null {
  const rows = table.totalRows ?? table.rows.length;
  const columns = table.totalColumns ?? table.columns.length;
  const shownRows = Math.min(table.rows.length, MAX_ROWS);
  const shownColumns = Math.min(table.columns.length, MAX_COLUMNS);
  if (shownRows >= rows && shownColumns >= columns) return null;
  return `Cut: ${shownRows} of ${rows} rows and ${shownColumns} of ${columns} columns, around the selection.`;
}

export function NumberTable({ build }: { build: () => Table | null }) {
  const table = build();
  if (table === null) return <p class="caveat">The numbers have not come yet.</p>;
  const cut = cutWords(table);
  const columns = table.columns.slice(0, MAX_COLUMNS);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroll box must be reachable by keyboard
    <section class="table" tabIndex={0} aria-label={table.caption}>
      <table>
        <caption>
          {table.caption}
          {cut && <span class="cut"> {cut}</span>}
        </caption>
        <thead>
          <tr>
            <td />
            {columns.map((name, i) => (
              <th key={i} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.slice(0, MAX_ROWS).map((row, i) => (
            <tr key={i}>
              <th scope="row">{row.name}</th>
              {row.cells.slice(0, MAX_COLUMNS).map((cell, j) => (
                <td key={j}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
