/**
 * The notes as cards: what was found, how strong the evidence is, and the way back to the moment at which it was seen.
 *
 * Always true: what the filters keep out is counted; a card in which something is being written stays, whatever the filters say; notes
 * that a tour hides are not there. Cards are walked by arrows, and all of them are one stop of Tab.
 */
import { useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Attempts, Failure } from "../../panels/attempt";
import type { NoteItem } from "../../protocol";
import { useUi } from "../ui";
import { BeginHere, beginHere } from "./begin-here";
import { Card } from "./card";
import { cardKeys } from "./card-keys";
import { Composer } from "./composer";
import { deskOf } from "./desk";
import { passes } from "./filter";
import { FilterMenu, isFiltered, unfiltered } from "./filters";
import { plainly } from "./note-words";
import { returnToBefore } from "./return-to";
import { threadsOf } from "./threads";

export function NotesPanel() {
  const ui = useUi();
  const { stage } = ui;
  const desk = deskOf(stage);
  const { items: told, undo } = stage.notes.value;
  const { filters } = stage.framing.value;
  const hidden = stage.tour.value?.hidden ?? [];
  const filtering = useSignal(false);
  const attempts = useMemo(() => new Attempts(), []);
  const heading = useRef<HTMLHeadingElement>(null);
  const kept = useKept(told);
  const items = hidden.length > 0 ? kept.filter(({ id }) => !hidden.includes(id)) : kept;
  const writing = new Map(desk.written().map((note) => [note.id, note]));
  const passing = items.filter((item) => passes(item, filters) || writing.has(item.id));
  for (const { id } of passing) writing.delete(id);
  const shown = [...passing, ...writing.values()]; // of a note that is gone, at least what was typed
  const threads = threadsOf(shown);
  const ids = threads.flatMap(({ note, replies }) => [note.id, ...replies.map(({ id }) => id)]);
  const order = useSignal<string[]>([]);
  const list = useFocusKept(heading, ids);
  useLayoutEffect(() => {
    order.value = ids;
  }, [ids.join("\n")]);
  const current = useComputed(() => {
    const at = desk.current.value;
    return order.value.includes(at) ? at : (order.value[0] ?? "");
  });
  const filter = (patch: Partial<typeof filters>) => {
    stage.framing.value = { ...stage.framing.peek(), filters: { ...stage.framing.peek().filters, ...patch } };
  };
  const pick = useMemo(() => (tag: string) => filter({ tag }), []);
  const isAway = desk.returned.value !== null && !ids.includes(desk.returned.value.note);
  const narrowed = isFiltered(filters);
  return (
    <section
      class="panel notes"
      data-panel="notes"
      data-state={items.length === 0 ? "empty" : "ready"}
      aria-label="Notes"
      onKeyDown={cardKeys(() => beginHere(ui))}
    >
      <div class="head">
        <h3 ref={heading} tabIndex={-1}>
          Notes
        </h3>
        {items.length > 0 && (
          <span class="dim" role="status">
            {shown.length === items.length ? items.length : `${shown.length} of ${items.length}`}
          </span>
        )}
        <span class="kind">
          {narrowed && (
            <button type="button" class="plain small" onClick={() => filter(unfiltered(filters))}>
              clear filters
            </button>
          )}
          {items.length > 0 && (
            <button
              type="button"
              class="plain small"
              aria-expanded={filtering.value}
              aria-pressed={filtering.value}
              onClick={() => {
                filtering.value = !filtering.value;
              }}
            >
              filter
            </button>
          )}
        </span>
      </div>
      {filtering.value && <FilterMenu items={items} />}
      <FileWords />
      {undo !== null && (
        <button
          type="button"
          class="plain small undo"
          title={plainly(undo)}
          onClick={() =>
            attempts.try(async () => {
              await stage.note({ op: "undo" });
              desk.said.value = "Undone.";
            }, "undo")
          }
        >
          Undo: {plainly(undo)}
        </button>
      )}
      {isAway && (
        <button type="button" class="plain small" onClick={() => attempts.try(() => returnToBefore(ui))}>
          back to where I was
        </button>
      )}
      <Failure of={attempts.refused.value} />
      <BeginHere />
      <Composer panel="notes" />
      {items.length === 0 && (
        <p class="empty">No notes yet. Select something in a panel, press n, and write down what it shows.</p>
      )}
      {items.length > 0 && shown.length === 0 && (
        <p class="empty">
          {narrowed ? "No note passes the filters. " : "All of them are resolved. "}
          <button
            type="button"
            class="plain"
            onClick={() => filter(narrowed ? unfiltered(filters) : { resolved: "all" })}
          >
            {narrowed ? "Clear filters" : "Show resolved"}
          </button>
        </p>
      )}
      <ul ref={list} class="cards">
        {threads.map(({ note, orphan, replies }) => (
          <li key={note.id}>
            <Card note={note} orphan={orphan} current={current} pick={pick} />
            {replies.length > 0 && (
              <ul class="replies" aria-label="replies">
                {replies.map((reply) => (
                  <li key={reply.id}>
                    <Card note={reply} above={note.words} current={current} pick={pick} />
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
      <Foot hidden={told.length - items.length} />
      <span class="unseen" role="status">
        {desk.said.value}
      </span>
    </section>
  );
}

/** What is wrong with the file, if anything is. */
function FileWords() {
  const { state, message, hint } = useUi().stage.notes.value;
  if (state === "saved" && message === null) return null;
  return (
    <div class="outcome file" role="status">
      <span class="mark" aria-hidden="true">
        !
      </span>
      <span>
        {state === "unsaved" && <b>Not in the file yet. </b>}
        {message}
        {hint && <span class="hint"> {hint}</span>}
      </span>
    </div>
  );
}

/** Where the notes are kept, and which of them are not here. */
function Foot({ hidden }: { hidden: number }) {
  const { path, more } = useUi().stage.notes.value;
  return (
    <p class="caveat">
      {more > 0 && <span>{more} more in the file, not shown here. </span>}
      {hidden > 0 && <span>{hidden} not to be seen yet in this tour. </span>}
      {path && <bdi class="path">{plainly(path)}</bdi>}
    </p>
  );
}

/** Notes that did not change stay the very same, so that their cards are not drawn anew with every word from the kernel. */
function useKept(items: NoteItem[]): NoteItem[] {
  const former = useRef(new Map<string, { said: string; item: NoteItem }>());
  return useMemo(() => {
    const now = new Map(
      items.map((item) => {
        const said = JSON.stringify(item);
        const known = former.current.get(item.id);
        return [item.id, known?.said === said ? known : { said, item }];
      }),
    );
    former.current = now;
    return [...now.values()].map(({ item }) => item);
  }, [items]);
}

/** Who walks by keys stays in the list when the card that had the focus goes: the next one has it then, or the heading. */
function useFocusKept(heading: RefObject<HTMLElement | null>, ids: string[]): RefObject<HTMLUListElement | null> {
  const list = useRef<HTMLUListElement>(null);
  const former = useRef(ids);
  const root = list.current?.getRootNode() as ShadowRoot | undefined;
  const had = root?.activeElement?.closest<HTMLElement>(".card")?.dataset.note;
  useLayoutEffect(() => {
    const at = had === undefined || ids.includes(had) ? -1 : former.current.indexOf(had);
    former.current = ids;
    if (at < 0) return;
    const places = list.current!.querySelectorAll<HTMLElement>(".where");
    (places[Math.min(at, places.length - 1)] ?? heading.current)?.focus({ preventScroll: true });
  });
  return list;
}
