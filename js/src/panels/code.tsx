/**
 * Python that computes the numbers of a panel's field, as text to be copied.
 *
 * Always true: what is shown belongs to the run, the metric and the cursor of now; until the kernel has written it anew it is dimmed, and
 * is not to be copied.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { FieldMeta } from "../protocol";
import { useStage } from "../views/ui";
import { Attempts, Failure } from "./attempt";

/** Onto the clipboard, where the page may; else it is selected, for the user's own key. */
async function copied(element: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(element.textContent ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return document.execCommand("copy");
  }
}

export function CodeView({ field }: { field: FieldMeta }) {
  const stage = useStage();
  const [attempts] = useState(() => new Attempts());
  const [come, setCome] = useState({ key: "", code: "" });
  const [said, setSaid] = useState("");
  const text = useRef<HTMLPreElement>(null);
  const cursor = stage.selection.toCursor();
  const key = JSON.stringify([field.name, stage.run.value?.epoch, stage.metric.value, cursor]);
  useEffect(() => {
    let over = false;
    setSaid("");
    attempts.try(async () => {
      const code = await stage.code(field.name);
      if (!over) setCome({ key, code });
    });
    return () => {
      over = true;
    };
  }, [key]);
  const refused = attempts.refused.value;
  const waiting = come.key !== key;
  return (
    <section class="code" aria-label={`Python for ${field.title}`} data-state={waiting ? "waiting" : "ready"}>
      <Failure of={refused} />
      {refused === null && (
        <>
          <button
            type="button"
            class="plain small"
            disabled={waiting}
            onClick={() =>
              void copied(text.current!).then((done) => setSaid(done ? "copied" : "selected: press Ctrl or ⌘ and C"))
            }
          >
            copy
          </button>
          <span class="dim" role="status">
            {said}
          </span>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scroll box must be reachable by keyboard */}
          <pre ref={text} tabIndex={0}>
            {come.code}
          </pre>
        </>
      )}
    </section>
  );
}
