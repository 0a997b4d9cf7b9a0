/**
 * The frame that every panel of numbers shares: a header in a fixed order, the picture, and one line of caveat.
 *
 * The header holds, always in this order, the name, what it is coloured by, a small switch if any, and at the right the
 * evidence. Waiting dims the picture under a thin line; nothing changes its place. The same numbers are a table away.
 */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { FieldMeta, PanelName } from "../protocol";
import type { SourceError } from "../source/source";
import { EvidenceMark } from "./evidence";
import { NumberTable, type Table } from "./table";

export interface PanelProps {
  name: PanelName;
  title: string;
  field: FieldMeta | undefined;
  /** Words or a menu between the title and the evidence. */
  head?: ComponentChildren;
  legend?: ComponentChildren;
  waiting?: ReadonlySignal<boolean>;
  error?: ReadonlySignal<SourceError | null>;
  retry?: () => void;
  /** What to say where there is nothing to draw; null when there is. */
  empty?: string | null;
  /** Builds the table when it is opened; reading signals inside keeps it up to date. */
  table?: () => Table | null;
  /** A further sentence under the picture, before the caveat. */
  note?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel(props: PanelProps) {
  const [asTable, setAsTable] = useState(false);
  const waiting = props.waiting?.value ?? false;
  const error = props.error?.value ?? null;
  const state = props.empty != null ? "empty" : error !== null ? "failed" : waiting ? "waiting" : "ready";
  return (
    <section class="panel" data-panel={props.name} data-state={state} aria-label={props.title} aria-busy={waiting}>
      <div class="head">
        <h3>{props.title}</h3>
        {props.head}
        {props.field && <EvidenceMark evidence={props.field.evidence} />}
      </div>
      <div class="line" aria-hidden="true" />
      {props.empty != null && <p class="empty">{props.empty}</p>}
      {error !== null && (
        <div class="outcome failed" role="alert">
          <span class="mark" aria-hidden="true">
            !
          </span>
          <span>
            {error.message}
            {error.hint && <span class="hint"> {error.hint}</span>}
          </span>
          {props.retry && (
            <button type="button" class="plain" onClick={props.retry}>
              Try again
            </button>
          )}
        </div>
      )}
      <div class="picture" hidden={props.empty != null}>
        {props.children}
      </div>
      {props.empty == null && (
        <div class="foot">
          <p class="caveat">
            {props.note}
            {props.field?.caveat}
          </p>
          <span class="tail">
            {props.legend}
            {props.table && (
              <button type="button" class="plain small" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
                table
              </button>
            )}
          </span>
        </div>
      )}
      {asTable && props.table && props.empty == null && <NumberTable build={props.table} />}
    </section>
  );
}
