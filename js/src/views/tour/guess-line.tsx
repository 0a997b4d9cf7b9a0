/**
 * The line for a guess, before a step of a tour shows what it knows.
 *
 * Always true: what was typed is kept while other steps are looked at, and no key of it reaches the notebook.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Stage } from "../../stage";
import { useStage } from "../ui";
import { headShort, tokenQuote } from "../words";

/** What is selected, in words, such as a class may answer with: L3H1 · “to” → “Mary”. */
export function selectedWords({ selection, tokens }: Stage): string {
  const { layer, head, query, key } = selection.pinned;
  const { texts } = tokens.value;
  const pinned: [number, number][] =
    layer.value === null || head.value === null ? [] : [[layer.value, head.value] as [number, number]];
  const heads = [...new Set([...pinned, ...selection.heads.value].map(([l, h]) => headShort(l, h)))].join(", ");
  const where = heads === "" && layer.value !== null ? `layer ${layer.value}` : heads;
  const looks = [query.value, key.value].flatMap((at) => (at === null ? [] : [tokenQuote(texts[at])])).join(" → ");
  return [where, looks].filter((part) => part !== "").join(" · ");
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
  const stage = useStage();
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
  const selected = selectedWords(stage);
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
