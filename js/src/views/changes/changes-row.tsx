/**
 * One change of the list: switched, named in place, taken away; what it does alone, and why it could not be made.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Change, ChangeOp } from "../../protocol";
import { tokensOf } from "../compare/prompt-tokens";
import { changeKey } from "../notes/marks";
import { NoteButton } from "../notes/note-button";
import { marksOf, noteCount, noteTip, openClicked } from "../notes/note-marks";
import { useUi } from "../ui";
import { aloneWords, movedWords } from "./changes-words";

interface RowProps {
  change: Change;
  ask: (op: ChangeOp) => void;
}

const MOVED = 2;
/** How many the kernel tells of, largest first: there may be more. */
const MOST_MOVED = 8;

/** "and in 3 more rows": of rows that were told of, those that are not shown. */
function restWords(told: number): string {
  const rest = told - MOVED;
  return `and in ${told >= MOST_MOVED ? "at least " : ""}${rest} more row${rest === 1 ? "" : "s"}`;
}

export function ChangeRow({ change, ask }: RowProps) {
  const ui = useUi();
  const { stage } = ui;
  const { id, name, words, on, failed, moved, run } = change;
  const called = name || words;
  const alone = aloneWords(change, stage.metric.value?.unit ?? "");
  const { texts } = tokensOf(stage, run);
  const { index, openChanges } = marksOf(ui);
  const key = changeKey(change.places);
  const marked = index.value.changes.get(key);
  const opened = openChanges.value.includes(key);
  const classes = [marked && "noted", marked?.hollow && "hollow", opened && "opened"].filter(Boolean).join(" ");
  return (
    <li
      data-change={id}
      data-on={on}
      class={classes || undefined}
      title={marked && noteTip(marked.notes).notes?.join("\n")}
    >
      <input
        type="checkbox"
        checked={on}
        aria-label={`make this change: ${called}`}
        onChange={(event) => ask({ op: "set", id, on: event.currentTarget.checked })}
      />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a short way to the note's card, which the keys reach in its panel */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <span class="what" onClick={() => openClicked(ui, marked?.notes)}>
        <Name change={change} rename={(to) => ask({ op: "set", id, name: to })} />
        <span class={name ? "dim" : ""}>{words}</span>
        {run === "second" && <span class="dim"> (in the second prompt)</span>}
        {marked && <span class="unseen">{noteCount(marked.notes)}</span>}
      </span>
      <span class="alone" title="what this change does to the answer when it is made alone">
        {failed !== null ? "" : (alone ?? <span class="dim">…</span>)}
      </span>
      <NoteButton panel="changes" change={id} label={`write a note about: ${called}`} />
      <button
        type="button"
        class="plain small"
        aria-label={`take away: ${called}`}
        onClick={() => ask({ op: "remove", id })}
      >
        ✕
      </button>
      {failed !== null && (
        <span class="more outcome failed">
          <span class="mark" aria-hidden="true">
            !
          </span>
          <span>{failed}</span>
        </span>
      )}
      {moved.slice(0, MOVED).map((one, i) => (
        <span key={i} class="more dim">
          {movedWords(one, texts)}
        </span>
      ))}
      {moved.length > MOVED && <span class="more dim">{restWords(moved.length)}</span>}
    </li>
  );
}

/** The name, which a press makes a line to type in: Enter keeps, Escape leaves it as it was. */
function Name({ change, rename }: { change: Change; rename: (to: string) => void }) {
  const [editing, setEditing] = useState(false);
  const line = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  // Before the next key: one that came too early would go to the notebook.
  useLayoutEffect(() => {
    line.current?.focus();
    line.current?.select();
  }, [editing]);
  const ended = useRef(true);
  const begin = () => {
    ended.current = false;
    setEditing(true);
  };
  const end = (keep: boolean, toButton: boolean) => {
    if (ended.current || line.current === null) return; // a line that is taken out of the page blurs once more
    ended.current = true;
    const typed = line.current.value.trim();
    setEditing(false);
    if (keep && typed !== change.name) rename(typed);
    if (toButton) requestAnimationFrame(() => button.current?.focus());
  };
  if (!editing)
    return (
      <button
        ref={button}
        type="button"
        class={change.name ? "name" : "name dim"}
        aria-label={`${change.name ? "rename" : "name"} this change`}
        title={change.name ? "rename" : "give it a name"}
        onClick={begin}
      >
        {change.name || "✎"}
      </button>
    );
  return (
    <input
      ref={line}
      class="name"
      defaultValue={change.name}
      aria-label="name of this change"
      maxLength={200}
      spellcheck={false}
      data-lm-suppress-shortcuts="true"
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter" && !event.isComposing) end(true, true);
        else if (event.key === "Escape") end(false, true);
      }}
      onBlur={() => end(true, false)}
    />
  );
}
