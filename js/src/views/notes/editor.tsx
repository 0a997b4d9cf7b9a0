/**
 * The lines in which a note is written, edited or answered.
 *
 * Always true: what was typed stands in the draft, so it outlives these lines; while it is being saved it can be read and not changed; what
 * the kernel refuses is said, and everything stays. Escape never throws anything away by itself. No key of it reaches the notebook. The
 * lines stay focusable while they are saved: a disabled one would hand the focus, and the next keys, to the notebook.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Failure } from "../../panels/attempt";
import type { NoteEvidence } from "../../protocol-notes";
import { SourceError } from "../../source/source";
import { useStage } from "../ui";
import { asLine, asTags, BLANK, type Draft, type DraftSignal, deskOf, isTyped } from "./desk";
import { evidenceOf } from "./note-words";
import { EvidenceMenu } from "./pick";

/** As many as the kernel takes (llmwidgets/notes/note.py). */
const LONGEST_TEXT = 20_000;

export type Save = (draft: Draft, evidence: NoteEvidence) => Promise<unknown>;

interface EditorProps {
  of: DraftSignal;
  label: string;
  /** What the note is about. */
  about?: ComponentChildren;
  /** The evidence unless another is chosen. */
  proposed: NoteEvidence;
  /** Whether it changes a note that is there: its author stays, and what is unchanged is nothing to lose. */
  edits?: boolean;
  save: Save;
  /** The lines go: after saving, or since they were left. */
  close: (saved: boolean) => void;
}

export function Editor({ of: signal, label, about, proposed, edits = false, save, close }: EditorProps) {
  const stage = useStage();
  const desk = deskOf(stage);
  const asking = useSignal(false);
  const why = useId();
  const known = useId();
  const draft = signal.value ?? BLANK;
  const { text, tags, saving } = draft;
  const evidence = draft.evidence || proposed;
  const empty = text.trim() === "";
  const set = (patch: Partial<Draft>) => {
    asking.value = false;
    if (!saving) signal.value = { ...draft, ...patch };
  };
  const line = (name: "text" | "tags" | "ask") => ({
    value: draft[name],
    readOnly: saving,
    "data-lm-suppress-shortcuts": "true",
    onInput: (event: Event) => set({ [name]: (event.currentTarget as HTMLInputElement).value }),
  });
  const send = async () => {
    if (saving || empty) return;
    signal.value = { ...draft, saving: true, refused: null };
    try {
      await save(draft, evidence);
    } catch (error) {
      const hint = error instanceof SourceError ? error.hint : null;
      signal.value = { ...draft, refused: { message: (error as Error).message, hint } };
      return;
    }
    signal.value = null;
    close(true);
  };
  const discard = () => {
    signal.value = null;
    close(false);
  };
  const leave = () => {
    if (saving) return;
    if (!isTyped(draft, edits)) discard();
    else if (asking.value) close(false);
    else asking.value = true;
  };
  const begun = tags.slice(0, tags.lastIndexOf(",") + 1);
  const used = asTags(tags);
  const tagsThere = new Set(stage.notes.value.items.flatMap((item) => item.tags));
  const author = desk.author.value ?? stage.notes.value.author;
  return (
    <form
      class="writing"
      aria-label={label}
      aria-busy={saving}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.isComposing) return;
        if (event.key === "Escape") leave();
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        void send();
      }}
    >
      {about && <p class="about">{about}</p>}
      <textarea
        rows={2}
        maxLength={LONGEST_TEXT}
        aria-label={label}
        placeholder="What does it show? Markdown is understood."
        {...line("text")}
      />
      <div class="lines">
        <label>
          <span>tags</span>
          <input list={known} autocomplete="off" placeholder="one, another" {...line("tags")} />
        </label>
        <datalist id={known}>
          {[...tagsThere]
            .filter((tag) => !used.includes(tag))
            .map((tag) => (
              <option key={tag} value={`${begun}${begun && " "}${tag}`} />
            ))}
        </datalist>
        {!edits && (
          <label>
            <span>author</span>
            <input
              value={author}
              maxLength={200}
              autocomplete="off"
              readOnly={saving}
              data-lm-suppress-shortcuts="true"
              onInput={(event) => {
                desk.author.value = event.currentTarget.value;
              }}
            />
          </label>
        )}
        <EvidenceMenu
          label="evidence"
          title={evidenceOf(evidence).meaning}
          chosen={evidence}
          choose={(one) => set({ evidence: one as NoteEvidence })}
        />
      </div>
      <details open={draft.ask !== ""}>
        <summary>ask first, in a tour</summary>
        <input
          aria-label="a question to ask before the note is shown"
          placeholder="Where will it look?"
          {...line("ask")}
        />
      </details>
      <Failure of={draft.refused} />
      {asking.value ? (
        <p class="end" role="alert">
          <span>Discard what was typed?</span>
          <button type="button" class="act" onClick={discard}>
            Discard
          </button>
          <button type="button" class="act" onClick={() => close(false)}>
            Keep for later
          </button>
        </p>
      ) : (
        <p class="end">
          <button type="submit" class="act go" disabled={empty} aria-disabled={saving} aria-describedby={why}>
            {saving ? "Saving…" : "Save"}
          </button>
          <button type="button" class="plain small" aria-disabled={saving} onClick={leave}>
            cancel
          </button>
          <span id={why} class="dim">
            {saving ? "waits for the kernel" : empty ? "nothing is written yet" : "Ctrl + Enter saves"}
          </span>
        </p>
      )}
    </form>
  );
}

/** What of a draft a new note is made of. */
export const written = ({ text, tags, ask }: Draft) => ({ text: text.trim(), tags: asTags(tags), ask: ask.trim() });

/** What an edit changes, and nothing else: two who edit different things of one note do not undo each other. */
export function changed(draft: Draft, evidence: NoteEvidence) {
  const { of: note } = draft;
  const now = { ...written(draft), evidence };
  return {
    ...(now.text !== note?.text.trim() && { text: now.text }),
    ...(asLine(now.tags) !== asLine(note?.tags ?? []) && { tags: now.tags }),
    ...(now.ask !== note?.ask && { ask: now.ask }),
    ...(evidence !== note?.evidence && { evidence }),
  };
}
