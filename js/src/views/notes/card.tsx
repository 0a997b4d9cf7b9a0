/**
 * One note as a card: what it is about, what was found, how strong the evidence is, and what can be done with it.
 *
 * Always true: a press on it is the way back to its moment; what is being written in it stands in the desk; a refusal is said where it was
 * asked for. The button with its place is the one stop of Tab, and what else is in the card follows only for the current card.
 */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Attempts, Failure } from "../../panels/attempt";
import type { NoteItem } from "../../protocol";
import { useUi } from "../ui";
import { BLANK, deskOf, draftOf } from "./desk";
import { changed, Editor, type Save, written } from "./editor";
import { evidenceOf, firstWords, PlaceWords, plainly, STANDING, timeWords } from "./note-words";
import { returnToBefore, returnToNote } from "./return-to";
import { Tree } from "./tree";

export interface CardProps {
  note: NoteItem;
  orphan?: boolean;
  /** Of a reply: the words for the place of its thread. */
  above?: string;
  /** The card that Tab reaches. */
  current: ReadonlySignal<string>;
  pick: (tag: string) => void;
}

export function Card({ note, orphan = false, above, current, pick }: CardProps) {
  const ui = useUi();
  const { stage } = ui;
  const desk = deskOf(stage);
  const { id, standing, resolved } = note;
  const article = useRef<HTMLElement>(null);
  const attempts = useMemo(() => new Attempts(), []);
  const isOpen = useComputed(() => ui.openNote.value === id).value;
  const tab = useComputed(() => current.value === id).value ? 0 : -1;
  const returned = useComputed(() => (desk.returned.value?.note === id ? desk.returned.value : null)).value;
  const editing = useComputed(() => desk.opened.value.has(`edit ${id}`)).value;
  const replying = useComputed(() => desk.opened.value.has(`reply ${id}`)).value;
  const begun = useRef(false);
  useLayoutEffect(() => {
    if (!begun.current) return;
    begun.current = false;
    article.current!.querySelector("textarea")?.focus();
  }, [editing, replying]);
  useLayoutEffect(() => {
    if (isOpen) scrollTo(article.current!);
  }, [isOpen]);
  const open = (ownPrompt = false) => attempts.try(() => returnToNote(ui, note, ownPrompt));
  const ask = (op: Parameters<typeof stage.note>[0], said: string) =>
    attempts.try(async () => {
      desk.said.value = "";
      await stage.note(op);
      desk.said.value = said;
    }, op.op);
  const write = (what: "edit" | "reply") => {
    const draft = desk.draft(`${what} ${id}`);
    draft.value ??= what === "edit" ? draftOf(note) : { ...BLANK, of: note };
    desk.open(`${what} ${id}`, true);
    begun.current = true;
  };
  const toWhere = () => article.current?.querySelector<HTMLElement>(".where")?.focus({ preventScroll: true });
  const closing = (what: "edit" | "reply") => (saved: boolean) => {
    desk.open(`${what} ${id}`, false);
    if (saved) desk.said.value = "Saved.";
    toWhere();
  };
  const saveEdit: Save = async (draft, evidence) => {
    const patch = changed(draft, evidence);
    if (Object.keys(patch).length > 0) await stage.note({ op: "edit", id, ...patch });
  };
  const saveReply: Save = (draft, evidence) => {
    const author = (desk.author.peek() ?? stage.notes.peek().author).trim();
    const about = note.about ? { about: note.about } : {};
    return stage.note({ op: "add", ...written(draft), evidence, author, reply: id, field: note.field, ...about });
  };
  const { mark, word, meaning } = evidenceOf(note.evidence);
  const time = timeWords(note.created);
  const does: [string, string, () => void][] = [
    ["reply", "r", () => write("reply")],
    ["edit", "e", () => write("edit")],
    [
      resolved ? "reopen" : "resolve",
      "",
      () => ask({ op: "edit", id, resolved: !resolved }, resolved ? "Reopened." : "Resolved."),
    ],
    ["delete", "Delete", () => ask({ op: "remove", id }, "Deleted. It can be undone.")],
  ];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the button with its place is what keys press
    <article
      ref={article}
      class="card"
      data-note={id}
      data-open={isOpen}
      data-standing={standing}
      data-resolved={resolved}
      onFocusIn={() => {
        desk.current.value = id;
      }}
      onClick={(event) => {
        if (!isPlain(event)) return;
        toWhere();
        open();
      }}
    >
      <p class="about">
        <button
          type="button"
          class="where"
          tabIndex={tab}
          aria-current={isOpen}
          aria-label={`${plainly(note.words)}: ${firstWords(note)}`}
          title="return to the moment at which this was noted"
          onClick={() => open()}
        >
          <PlaceWords words={note.words === above ? "reply" : note.words} />
        </button>
        <span class="evidence" title={`${word}: ${meaning}`}>
          <span aria-hidden="true">{mark}</span> {word}
        </span>
      </p>
      {orphan && <p class="dim">reply to a note that is not here</p>}
      {editing ? (
        <Editor
          of={desk.draft(`edit ${id}`)}
          edits
          label="edit this note"
          proposed={note.evidence}
          save={saveEdit}
          close={closing("edit")}
        />
      ) : (
        <div class="prose" data-plain={note.tree === null} data-long={isLong(note.text)} dir="auto">
          {note.tree ? <Tree nodes={note.tree} tab={tab} /> : note.text}
        </div>
      )}
      {STANDING[standing] && (
        <p class="standing">
          <b>{STANDING[standing]}</b> <PlaceWords words={note.why} />
        </p>
      )}
      {standing === "choose" && (
        <p class="choices">
          {note.choices.map(({ about, words }, i) => (
            <button
              key={i}
              type="button"
              class="act"
              tabIndex={tab}
              onClick={() => ask({ op: "attach", id, about }, "Attached.")}
            >
              <PlaceWords words={words} />
            </button>
          ))}
        </p>
      )}
      {note.tags.length > 0 && !editing && (
        <p class="tags">
          {note.tags.map((tag) => (
            <button
              key={tag}
              type="button"
              class="tag"
              tabIndex={tab}
              title={`only notes with the tag ${plainly(tag)}`}
              onClick={() => pick(tag)}
            >
              {plainly(tag)}
            </button>
          ))}
        </p>
      )}
      <p class="by-line">
        <span class="signed">
          {note.author && <bdi>{plainly(note.author)}</bdi>}
          <time dateTime={note.created} title={time.full}>
            {time.short}
          </time>
          {note.edited && <span>edited</span>}
          {resolved && <b>✓ resolved</b>}
        </span>
        <span class="does">
          {does.map(([name, key, act]) => (
            <button
              key={name}
              type="button"
              class="plain small"
              data-key={key}
              tabIndex={tab}
              title={key && `${name} (${key} on the card)`}
              onClick={act}
            >
              {name}
            </button>
          ))}
        </span>
      </p>
      {isOpen && note.prompt !== null && (
        <p class="back">
          <button type="button" class="plain small" tabIndex={tab} title={note.prompt} onClick={() => open(true)}>
            on its own prompt
          </button>
        </p>
      )}
      {returned && (
        <div class="back">
          {returned.left.length > 0 && (
            <ul>
              {returned.left.map((one, i) => (
                <li key={i}>{plainly(one)}</li>
              ))}
            </ul>
          )}
          <button
            type="button"
            class="plain small"
            tabIndex={tab}
            onClick={() => attempts.try(() => returnToBefore(ui))}
          >
            back to where I was
          </button>
        </div>
      )}
      <Failure of={attempts.refused.value} />
      {replying && (
        <Editor
          of={desk.draft(`reply ${id}`)}
          label="a reply"
          proposed="unstated"
          save={saveReply}
          close={closing("reply")}
        />
      )}
    </article>
  );
}

/** Whether a text is folded until its card is opened. */
const isLong = (text: string) => text.length > 600 || text.split("\n").length > 12;

/** A press that is for the card: not for something in it, and not the end of selecting its text. */
function isPlain(event: MouseEvent): boolean {
  const at = event.target as Element;
  if (at.closest("button, a, form")) return false;
  const root = at.getRootNode() as ShadowRoot & { getSelection?: () => Selection | null };
  return (root.getSelection?.() ?? document.getSelection())?.isCollapsed ?? true;
}

/** Into view within the box that scrolls the cards, and never the page. */
function scrollTo(card: HTMLElement): void {
  let box = card.parentElement;
  while (box && !/auto|scroll/.test(getComputedStyle(box).overflowY)) box = box.parentElement;
  if (!box) return;
  const [inner, outer] = [card.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) box.scrollTop += Math.min(inner.bottom - outer.bottom, inner.top - outer.top);
}
