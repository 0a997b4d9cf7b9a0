/**
 * The notes as cards: what was found, how strong the evidence is, and the way back to the moment at which it was seen.
 *
 * Always true: what the filters keep out is counted; a card in which something is being written stays, whatever the filters say; notes
 * that a tour hides are not there. Cards are walked by arrows, and all of them are one stop of Tab.
 */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Attempts, Failure, InWords, Waits } from "../../panels/attempt";
import type { NoteItem } from "../../protocol";
import type { Filters } from "../../protocol-notes";
import { useUi } from "../ui";
import { BeginHere, beginHere } from "./begin-here";
import { Card } from "./card";
import { cardKeys } from "./card-keys";
import { Composer } from "./composer";
import { Quiet } from "./controls";
import { deskOf } from "./desk";
import { isFiltered, passes, UNFILTERED } from "./filter";
import { FilterMenu } from "./filters";
import { useFocusKept } from "./focus-kept";
import { plainly } from "./note-words";
import { threadsOf } from "./threads";

/** Threads that are drawn before more are asked for: a keystroke in the search draws them all. */
const AT_ONCE = 50;

export function NotesPanel() {
  const ui = useUi();
  const { stage } = ui;
  const desk = deskOf(stage);
  const { path, state, message, hint, undo, more, items: told } = stage.notes.value;
  const { filters } = stage.framing.value;
  const filtering = useSignal(false);
  const most = useSignal(AT_ONCE);
  const attempts = useMemo(() => new Attempts(), []);
  const panel = useRef<HTMLElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const filter = useRef<HTMLSpanElement>(null);
  const kept = useKept(told);
  const hidden = stage.tour.value?.hidden ?? [];
  const items = kept.filter(({ id }) => !hidden.includes(id));
  const opened = desk.opened.value;
  const shown = items.filter(
    (item) => opened.has(item.id) || desk.returned.value?.note === item.id || passes(item, filters),
  );
  // Of a note that was deleted elsewhere meanwhile, what was typed about it.
  const gone = [...opened].flatMap(([id, what]) =>
    told.some((note) => note.id === id) ? [] : (desk.draft(what + id).peek()?.of ?? []),
  );
  const isGone = (note: NoteItem) => more === 0 && gone.includes(note); // it may just not be told
  const all = [...shown];
  for (const note of gone) {
    const after = all.findIndex(({ created }) => created > note.created);
    all.splice(after < 0 ? all.length : after, 0, note);
  }
  const threads = threadsOf(all);
  const sought = [ui.openNote.value, desk.saved.value];
  const opensAt = threads.reduce(
    (last, { note, replies }, i) => ([note, ...replies].some(({ id }) => sought.includes(id)) ? i : last),
    -1,
  );
  const drawn = threads.slice(0, Math.max(most.value, opensAt + 1));
  const ids = drawn.flatMap(({ note, replies }) => [note, ...replies].map(({ id }) => id));
  const former = useRef(ids);
  // The card after the one that went, or the heading.
  useFocusKept(panel, (held) => {
    const at = former.current.indexOf(held.closest<HTMLElement>(".card")?.dataset.note ?? "");
    const places = at < 0 ? [] : panel.current!.querySelectorAll<HTMLElement>(".where");
    return places[Math.min(at, places.length - 1)] ?? heading.current;
  });
  useLayoutEffect(() => {
    former.current = ids;
    if (!ids.includes(desk.current.peek())) desk.current.value = ids[0] ?? "";
  });
  const set = (patch: Partial<Filters>) => {
    stage.framing.value = { ...stage.framing.peek(), filters: { ...filters, ...patch } };
  };
  const narrowed = isFiltered(filters);
  const counted = shown.length === items.length ? "" : `${shown.length} of `;
  const away = told.length - items.length;
  return (
    <section
      ref={panel}
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
        <span class="dim" role="status">
          {items.length > 0 && counted + items.length}
        </span>
        <span ref={filter} class="kind">
          {narrowed && (
            <Quiet
              onClick={() => {
                set(UNFILTERED);
                filter.current!.querySelector<HTMLElement>("[aria-pressed]")!.focus();
              }}
            >
              clear filters
            </Quiet>
          )}
          <Quiet
            aria-pressed={filtering.value}
            onClick={() => {
              filtering.value = !filtering.value;
            }}
          >
            filter
          </Quiet>
        </span>
      </div>
      {filtering.value && <FilterMenu items={items} filters={filters} set={set} />}
      {(state === "unsaved" || message) && (
        <div class="outcome" role="status">
          <span class="mark" aria-hidden="true">
            !
          </span>
          <span>
            {state === "unsaved" && "Not in the file yet. "}
            {message && <InWords message={message} hint={hint} />}
          </span>
        </div>
      )}
      {undo !== null && away === 0 && (
        <Quiet
          title={plainly(undo)}
          onClick={() =>
            attempts.try(async () => {
              await stage.note({ op: "undo" });
              desk.said.value = "Undone.";
            }, "undo")
          }
        >
          Undo: {plainly(undo)}
        </Quiet>
      )}
      <Waits of={attempts} />
      <Failure of={attempts.refused.value} />
      <BeginHere />
      <Composer panel="notes" />
      {shown.length === 0 && (
        <p class="empty">
          {items.length === 0
            ? "No notes yet. Select something in a panel, press n, and write down what it shows."
            : narrowed
              ? "No note passes the filters."
              : "All of them are resolved; the filter shows them too."}
        </p>
      )}
      <ul class="cards">
        {drawn.map(({ note, orphan, replies }) => (
          <li key={note.id}>
            <Card note={note} orphan={orphan} gone={isGone(note)} />
            {replies.length > 0 && (
              <ul aria-label="replies">
                {replies.map((reply) => (
                  <li key={reply.id}>
                    <Card note={reply} called={reply.words === note.words && "reply"} gone={isGone(reply)} />
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
      {threads.length > drawn.length && (
        <Quiet
          onClick={() => {
            most.value = drawn.length + AT_ONCE;
          }}
        >
          show more: {threads.length - drawn.length} are left
        </Quiet>
      )}
      <p class="caveat">
        {more > 0 && `${more} more in the file, not shown here. `}
        {away > 0 && `${away} not to be seen yet in this tour. `}
        <code>{plainly(path)}</code>
      </p>
      <span class="unseen" role="status">
        {desk.said.value}
      </span>
    </section>
  );
}

/** Notes that did not change stay the very same, so that their cards are not drawn anew with every word from the kernel. */
function useKept(items: NoteItem[]): NoteItem[] {
  const former = useRef(new Map<string, NoteItem>());
  return useMemo(() => {
    const now = items.map((item): [string, NoteItem] => {
      const said = JSON.stringify(item);
      return [said, former.current.get(said) ?? item];
    });
    former.current = new Map(now);
    return now.map(([, item]) => item);
  }, [items]);
}
