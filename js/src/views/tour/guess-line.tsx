/**
 * The line for a guess, before a step of a tour shows what it knows.
 *
 * Always true: what was typed is kept while other steps are looked at, and no key of it reaches the notebook.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { aboutWords } from "../notes/about-words";
import { plainly } from "../notes/note-words";
import { type Ui, useUi } from "../ui";

/** What is selected, in words, such as a class may answer with: L3H1 · “ to” → “ Mary”; "" where nothing is. */
export function selectedWords({ stage, region }: Ui): string {
  const { pinned, heads: further } = stage.selection;
  const [layer, head] = [pinned.layer.value, pinned.head.value];
  const one = (at: number | null): [number, number] | null => (at === null ? null : [at, at + 1]);
  const [query, key] = [region.value?.query ?? one(pinned.query.value), region.value?.key ?? one(pinned.key.value)];
  if (layer === null && further.value.length === 0 && !query && !key) return "";
  const first: [number, number][] = layer === null || head === null ? [] : [[layer, head]];
  const heads = further.value.length === 0 ? [] : [...first, ...further.value];
  return plainly(aboutWords({ layer, head, heads, query, key, change: null }, stage.tokens.value.texts));
}

interface GuessLineProps {
  drafts: Map<string, string>;
  note: string;
  /** The guess as the kernel knows it. */
  told: string | null;
  show: (guess: string) => void;
  /** The line had the focus and goes. */
  after: () => void;
}

export function GuessLine({ drafts, note, told, show, after }: GuessLineProps) {
  const [text, setText] = useState(drafts.get(note) ?? told ?? "");
  const form = useRef<HTMLFormElement>(null);
  const used = useRef("");
  useLayoutEffect(
    () => () => {
      const root = form.current?.getRootNode() as Document | ShadowRoot | undefined;
      if (form.current?.contains(root?.activeElement ?? null)) after();
    },
    [],
  );
  const set = (now: string) => {
    drafts.set(note, now);
    setText(now);
  };
  const selected = selectedWords(useUi());
  return (
    <form
      ref={form}
      class="guess"
      onSubmit={(event) => {
        event.preventDefault();
        show((drafts.get(note) ?? text).trim());
      }}
    >
      <input
        type="text"
        value={text}
        maxLength={2000}
        aria-label="what do you expect?"
        placeholder="what do you expect?"
        autocomplete="off"
        data-lm-suppress-shortcuts="true"
        onInput={(event) => set(event.currentTarget.value)}
        onKeyDown={(event) => event.stopPropagation()}
      />
      <button
        type="button"
        class="act"
        disabled={selected === ""}
        title={selected}
        onClick={() => {
          // A second press takes what is selected by then; what was typed stays.
          const typed = used.current !== "" && text.endsWith(used.current) ? text.slice(0, -used.current.length) : text;
          used.current = selected;
          set(typed === "" || typed.endsWith(" ") ? typed + selected : `${typed} ${selected}`);
        }}
      >
        Use what I selected
      </button>
      <button type="submit" class="act show">
        Show
      </button>
    </form>
  );
}
