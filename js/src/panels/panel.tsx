/**
 * The frame that every panel of numbers shares: a header in a fixed order, the picture, and one line of caveat.
 *
 * The header holds, always in this order, the name, what it is coloured by, a small switch if any, and at the right which run it is of
 * and the evidence. Waiting dims the picture under a thin line; nothing changes its place. A panel waits for its numbers, and also
 * while the run that was asked for is still to come: a former picture never passes for the answer. Where a field fills in, it is begun
 * here. The same numbers are a table away, and so is the Python that makes them; what is selected is a key away from a note about it.
 */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { FieldMeta, PanelName } from "../protocol";
import type { SourceError } from "../source/source";
import { FillingWords, useFilled } from "../views/filling";
import { compose } from "../views/notes/compose";
import { Composer } from "../views/notes/composer";
import { NoteButton, noteKeys } from "../views/notes/note-button";
import { useUi } from "../views/ui";
import { Failure } from "./attempt";
import { CodeView } from "./code";
import { EvidenceMark } from "./evidence";
import { RunBadge } from "./run-badge";
import { NumberTable, type Table } from "./table";

export interface PanelProps {
  /** "beside": a second picture within a panel. */
  name: PanelName | "beside";
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
  /** The panel's own element, where its width matters. */
  box?: RefObject<HTMLElement | null>;
  /** A second picture, with a header and a foot of its own. */
  beside?: ComponentChildren;
  /** Whether the second stands at the side of the first, their parts in rows; else below. */
  twin?: boolean;
  children: ComponentChildren;
}

export function Panel(props: PanelProps) {
  const [asTable, setAsTable] = useState(false);
  const [asCode, setAsCode] = useState(false);
  const ui = useUi();
  const { settled } = ui.stage;
  const { field, name } = props;
  const drawn = useSignal(field);
  useEffect(() => {
    drawn.value = field;
  }, [field]);
  useFilled(() => [drawn.value]);
  const waiting = (props.waiting?.value ?? false) || !settled.value;
  const filling = field?.progress?.state === "running" ? field.progress : null;
  const error = props.error?.value ?? null;
  const state = props.empty != null ? "empty" : error !== null ? "failed" : waiting ? "waiting" : "ready";
  return (
    <section
      ref={props.box}
      class={props.twin ? "panel twin" : "panel"}
      data-panel={name}
      data-state={state}
      aria-label={props.title}
      aria-busy={waiting}
      onKeyDown={noteKeys(() => compose(ui, name))}
    >
      <div class="head">
        <h3>{props.title}</h3>
        {props.head}
        <span class="kind">
          {name !== "beside" && <RunBadge />}
          {field && <EvidenceMark evidence={field.evidence} />}
        </span>
      </div>
      <div class="line" aria-hidden="true">
        {filling && <i style={{ width: `${(100 * filling.done) / Math.max(1, filling.total)}%` }} />}
      </div>
      {props.empty != null && <p class="empty">{props.empty}</p>}
      <Failure of={error} again={props.retry} />
      <div class="picture" hidden={props.empty != null}>
        {props.children}
      </div>
      {name !== "beside" && <Composer panel={name} />}
      {props.empty == null && (
        <div class="foot">
          <p class="caveat">
            <FillingWords field={field} />
            {props.note}
            {field?.caveat}
          </p>
          <span class="tail">
            {props.legend}
            {props.table && (
              <button type="button" class="plain small" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
                table
              </button>
            )}
            {field && (
              <button type="button" class="plain small" aria-pressed={asCode} onClick={() => setAsCode(!asCode)}>
                code
              </button>
            )}
            <NoteButton panel={name} />
          </span>
        </div>
      )}
      {asTable && props.table && props.empty == null && <NumberTable build={props.table} />}
      {asCode && field && props.empty == null && <CodeView field={field} />}
      {props.beside}
    </section>
  );
}
