/**
 * The lines in which a note is written, edited or answered.
 *
 * Always true: what was typed stands in the draft, so it outlives these lines; while it is being saved it can be read and not changed; what
 * the kernel refuses is said, and everything stays. Escape never throws anything away by itself. No key of it reaches the notebook. The
 * lines stay focusable while they are saved: a disabled one would hand the focus, and the next keys, to the notebook.
 */
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Failure } from "../../panels/attempt";
import type { NewNote, NoteEvidence } from "../../protocol-notes";
import { SourceError } from "../../source/source";
import { useStage } from "../ui";
import { EvidenceMenu, Quiet } from "./controls";
import { BLANK, type Draft, deskOf, draftOf, tagsOf } from "./desk";
import { useFocusKept } from "./focus-kept";
import { evidenceOf } from "./note-words";

/** As many letters as the kernel takes (llmwidgets/notes/note.py). */
const LONGEST_TEXT = 20_000;
const LONGEST_NAME = 200;

interface EditorProps {
  of: Signal<Draft | null>;
  label: string;
  /** What the note is about. */
  about?: ComponentChildren;
  /** The evidence unless another is chosen. */
  proposed: NoteEvidence;
  /** Whether it changes a note that is there, whose author stays. */
  edits?: boolean;
  save: (typed: NewNote) => Promise<unknown>;
  /** The lines go: after saving, or since they were left. */
  close: (saved: boolean) => void;
}

export function Editor({ of: signal, label, about, proposed, edits, save, close }: EditorProps) {
  const { notes } = useStage();
  const desk = deskOf(useStage());
  const asking = useSignal(false);
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  useFocusKept(form, () => form.current!.querySelector("textarea"));
  const draft = signal.value ?? BLANK;
  const { text, tags, saving } = draft;
  const evidence = draft.evidence || proposed;
  const author = desk.author.value ?? notes.value.author;
  const empty = text.trim() === "";
  const why = saving ? "waits for the kernel" : empty ? "nothing is written yet" : "Ctrl + Enter saves";
  // Keys may come faster than these lines are drawn: what happens goes by the draft as it is then.
  const now = () => signal.peek() ?? BLANK;
  const set = (patch: Partial<Draft>) => {
    asking.value = false;
    if (!now().saving) signal.value = { ...now(), ...patch };
  };
  const line = (value: string, typed: (value: string) => void, maxLength = LONGEST_NAME) => ({
    value,
    maxLength,
    readOnly: saving,
    autocomplete: "off",
    "data-lm-suppress-shortcuts": "true",
    onInput: (event: Event) => typed((event.currentTarget as HTMLInputElement).value),
  });
  const send = () => {
    const { text, tags, ask, evidence, saving } = now();
    if (saving || text.trim() === "") return;
    set({ saving: true, refused: null });
    const author = (desk.author.peek() ?? notes.peek().author).trim();
    save({ text: text.trim(), tags: tagsOf(tags), ask: ask.trim(), evidence: evidence || proposed, author }).then(
      () => end(true),
      (error: Error) => {
        const hint = error instanceof SourceError ? error.hint : null;
        signal.value = { ...now(), saving: false, refused: { message: error.message, hint } };
      },
    );
  };
  const end = (saved: boolean) => {
    signal.value = null;
    close(saved);
  };
  const leave = () => {
    const draft = now();
    if (draft.saving) return;
    if (fields(draft) === fields(edits && draft.of ? draftOf(draft.of) : BLANK)) end(false);
    else if (asking.value) close(false);
    else asking.value = true;
  };
  const before = tags.replace(/[^,]*$/, "");
  return (
    <form
      ref={form}
      class="writing"
      aria-label={label}
      aria-busy={saving}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.isComposing) return;
        if (event.key === "Escape") leave();
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        send();
      }}
    >
      {about}
      <textarea
        rows={2}
        aria-label={label}
        placeholder="What does it show? Markdown is understood."
        {...line(text, (text) => set({ text }), LONGEST_TEXT)}
      />
      <div class="acts">
        <label>
          tags <input list={id} placeholder="one, two" {...line(tags, (tags) => set({ tags }), LONGEST_TEXT)} />
        </label>
        <datalist id={id}>
          {[...new Set(notes.value.items.flatMap((item) => item.tags))].map((tag) => (
            <option key={tag} value={`${before}${before && " "}${tag}`} />
          ))}
        </datalist>
        {!edits && (
          <label>
            author{" "}
            <input
              {...line(author, (name) => {
                desk.author.value = name;
              })}
            />
          </label>
        )}
        <EvidenceMenu
          title={evidenceOf(evidence).meaning}
          chosen={evidence}
          choose={(one) => set({ evidence: one as NoteEvidence })}
        />
      </div>
      <details open={draft.ask !== ""}>
        <summary class="dim">ask first, in a tour</summary>
        <input
          aria-label="a question to ask before the note is shown"
          placeholder="Where will it look?"
          {...line(draft.ask, (ask) => set({ ask }), LONGEST_TEXT)}
        />
      </details>
      <Failure of={draft.refused} />
      {asking.value ? (
        <p key="asks" class="acts" role="alert">
          Discard what was typed? <Quiet onClick={() => end(false)}>discard</Quiet>{" "}
          <Quiet onClick={() => close(false)}>keep for later</Quiet>
        </p>
      ) : (
        <p key="saves" class="acts">
          <button type="submit" class="act" disabled={empty} aria-disabled={saving} aria-describedby={`${id}why`}>
            {saving ? "Saving…" : "Save"}
          </button>{" "}
          <Quiet onClick={leave}>cancel</Quiet>{" "}
          <span id={`${id}why`} class="dim">
            {why}
          </span>
        </p>
      )}
    </form>
  );
}

/** What would be lost if a draft were thrown away. */
const fields = ({ text, tags, evidence, ask }: Draft) => JSON.stringify([text, tags, evidence, ask]);
