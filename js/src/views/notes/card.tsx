/**
 * One note as a card: what it is about, what was found, how strong the evidence is, and what can be done with it.
 *
 * Always true: a press on it is the way back to its moment; what is being written in it stands in the desk; a refusal is said where it was
 * asked for. The button with its place is the one stop of Tab, and what else is in the card follows only for the current card.
 */
import { useComputed } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Attempts, Failure, Waits } from "../../panels/attempt";
import type { NewNote, NoteItem, NoteOp } from "../../protocol-notes";
import { useUi } from "../ui";
import { Quiet } from "./controls";
import { BLANK, deskOf, draftOf } from "./desk";
import { Editor } from "./editor";
import { useFocusKept } from "./focus-kept";
import { evidenceOf, firstWords, PlaceWords, plainly, STANDING, timeWords } from "./note-words";
import { returnToBefore, returnToNote } from "./return-to";
import { Tree } from "./tree";

export interface CardProps {
  note: NoteItem;
  /** What stands in place of its own words: a reply is about what its thread is about. */
  called?: string | false;
  orphan?: boolean;
  /** It was deleted while something was being written in it. */
  gone?: boolean;
}

const useIt = <T,>(of: () => T): T => useComputed(of).value;

export function Card({ note, called, orphan, gone }: CardProps) {
  const ui = useUi();
  const { stage } = ui;
  const desk = deskOf(stage);
  const { id, about, text, tree, standing, resolved, author } = note;
  const card = useRef<HTMLElement>(null);
  const attempts = useMemo(() => new Attempts(), []);
  const isOpen = useIt(() => ui.openNote.value === id);
  const isNew = useIt(() => desk.saved.value === id);
  const tabIndex = useIt(() => (desk.current.value === id ? 0 : -1));
  const returned = useIt(() => (desk.returned.value?.note === id ? desk.returned.value : null));
  const writing = useIt(() => desk.opened.value.get(id));
  // The note as it was when its edit began; while that is saved, a change is its own.
  const edited = useIt(() => {
    const draft = desk.draft(`edit${id}`).value;
    return draft && !draft.saving ? draft.of : null;
  });
  const begun = useRef(false);
  useLayoutEffect(() => {
    if (begun.current) card.current!.querySelector("textarea")?.focus();
    begun.current = false;
  }, [writing]);
  useLayoutEffect(() => {
    if (isOpen || isNew) reveal(card.current!);
  }, [isOpen, isNew]);
  const place = () => card.current?.querySelector<HTMLElement>(".where");
  const focus = () => place()?.focus({ preventScroll: true });
  useFocusKept(card, place);
  const open = (ownPrompt = false) => attempts.try(() => returnToNote(ui, note, ownPrompt));
  const ask = (op: NoteOp, said: string) =>
    attempts.try(async () => {
      desk.said.value = "";
      await stage.note(op);
      desk.said.value = said;
    }, op.op);
  const write = (what: "edit" | "reply") => () => {
    desk.draft(what + id).value ??= what === "edit" ? draftOf(note) : { ...BLANK, of: note };
    desk.open(id, what);
    begun.current = true;
  };
  const save = async ({ author, ...typed }: NewNote) => {
    if (writing === "reply" || gone) {
      const reply = gone ? {} : { reply: id };
      const op = { op: "add" as const, author, ...typed, ...reply, field: note.field, ...(about && { about }) };
      desk.saved.value = (await stage.note(op)) ?? "";
      return;
    }
    // Only what was changed here: what another hand changed elsewhere in it stays.
    const from = edited ?? note;
    const changed = Object.entries(typed).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(from[name as keyof NoteItem]),
    );
    if (changed.length > 0) await stage.note({ op: "edit", id, ...Object.fromEntries(changed) });
  };
  const close = (saved: boolean) => {
    desk.open(id, null);
    if (saved) desk.said.value = "Saved.";
    focus();
  };
  const { mark, word, meaning } = evidenceOf(note.evidence);
  const time = timeWords(note.created);
  const does = (name: string, act: () => void, key?: string) => (
    <Quiet tabIndex={tabIndex} data-key={key} title={key && `${name} (${key})`} onClick={act}>
      {name}
    </Quiet>
  );
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the button with its place is what keys press
    <article
      ref={card}
      class="card"
      data-note={id}
      data-open={isOpen || writing !== undefined}
      data-standing={standing}
      onFocusIn={() => {
        desk.current.value = id;
      }}
      onClick={(event) => {
        if (!isPlain(event)) return;
        focus();
        open();
      }}
    >
      <p class="of">
        <button
          type="button"
          class="where"
          tabIndex={tabIndex}
          aria-current={isOpen}
          aria-label={`${plainly(note.words)}: ${firstWords(note)}`}
          title="return to the moment at which this was noted"
          onClick={() => open()}
        >
          <PlaceWords words={called || note.words} />
        </button>
        <span class="evidence" title={meaning}>
          <span aria-hidden="true">{mark}</span> {word}
        </span>
      </p>
      {gone && (
        <p role="alert">
          <b>Deleted meanwhile.</b> Save keeps what you typed as a note of its own.
        </p>
      )}
      {writing === "edit" && !gone && edited && edited.text !== text && (
        <p role="alert">
          <b>Changed meanwhile:</b> “{firstWords(note)}” Save puts yours in its place.
        </p>
      )}
      {orphan && <p class="dim">reply to a note that is not here</p>}
      {writing !== "edit" && (
        <div class={text.length > LONG ? "prose long" : "prose"} data-plain={tree === null} dir="auto">
          {tree ? <Tree nodes={tree} tab={tabIndex} /> : text}
        </div>
      )}
      {writing && (
        <Editor
          key={writing}
          of={desk.draft(writing + id)}
          edits={writing === "edit"}
          label={writing === "edit" ? "edit this note" : "a reply"}
          proposed="unstated"
          save={save}
          close={close}
        />
      )}
      {standing !== "here" && (
        <p>
          {STANDING[standing]}:{" "}
          <span class="dim">
            <PlaceWords words={note.why} />
          </span>
        </p>
      )}
      {note.choices.length > 0 && (
        <p class="acts">
          {note.choices.map(({ about, words }, i) => (
            <button
              key={i}
              type="button"
              class="act"
              tabIndex={tabIndex}
              onClick={() => ask({ op: "attach", id, about }, "Attached.")}
            >
              <PlaceWords words={words} />
            </button>
          ))}
        </p>
      )}
      <p class="by-line dim">
        {author && <bdi>{plainly(author)}</bdi>}
        <time dateTime={note.created} title={time.full}>
          {time.short}
        </time>
        {note.edited && <span>edited</span>}
        {resolved && <b>✓ resolved</b>}
        {note.tags.map((tag) => (
          <Quiet
            key={tag}
            tabIndex={tabIndex}
            title="only notes with this tag"
            onClick={() => {
              const framing = stage.framing.peek();
              stage.framing.value = { ...framing, filters: { ...framing.filters, tag } };
            }}
          >
            #{plainly(tag)}
          </Quiet>
        ))}
        {!gone && (
          <span class="does">
            {does("reply", write("reply"), "r")}
            {does("edit", write("edit"), "e")}
            {does(resolved ? "reopen" : "resolve", () =>
              ask({ op: "edit", id, resolved: !resolved }, resolved ? "Reopened." : "Resolved."),
            )}
            {does("delete", () => ask({ op: "remove", id }, "Deleted. It can be undone."), "Delete")}
            {isOpen && note.prompt !== null && does("on its own prompt", () => open(true))}
          </span>
        )}
      </p>
      {returned && (
        <p>
          {plainly(returned.left.join(" "))}{" "}
          {does("back to where I was", () => attempts.try(() => returnToBefore(ui), "back"))}
        </p>
      )}
      <Waits of={attempts} />
      <Failure of={attempts.refused.value} />
    </article>
  );
}

/** Letters after which a text is folded until its card is opened. */
const LONG = 600;

/** A press that is for the card: not for something in it, and not the end of selecting its text. */
function isPlain(event: MouseEvent): boolean {
  const at = event.target as Element;
  const root = at.getRootNode() as ShadowRoot & { getSelection?: Document["getSelection"] };
  return !at.closest("button, a, form") && (root.getSelection?.() ?? document.getSelection())?.isCollapsed !== false;
}

/** Into view within the box that scrolls the cards, and never the page. */
function reveal(card: HTMLElement): void {
  let box = card.parentElement;
  while (box && !/auto|scroll/.test(getComputedStyle(box).overflowY)) box = box.parentElement;
  if (!box) return;
  const [inner, outer] = [card.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop += inner.top - outer.top;
  else box.scrollTop += Math.max(0, Math.min(inner.bottom - outer.bottom, inner.top - outer.top));
}
