/**
 * The lines in which a new note is written, under the panel where it was begun.
 *
 * Always true: there is one new note at a time. Begun in another panel, or about something else, what was typed goes along; once it is
 * saved or left, the surface that had the focus has it again.
 */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { PanelName } from "../../protocol";
import { useUi } from "../ui";
import { deskOf } from "./desk";
import { Editor, type Save, written } from "./editor";
import { PlaceWords } from "./note-words";

export function Composer({ panel }: { panel: PanelName }) {
  const { stage, composing } = useUi();
  const desk = deskOf(stage);
  const said = useSignal("");
  const box = useRef<HTMLDivElement>(null);
  const now = composing.value?.panel === panel ? composing.value : null;
  useLayoutEffect(() => {
    if (now === null || desk.focusedFor === now) return; // drawn anew, nothing was begun
    desk.focusedFor = now;
    const had = focused(box.current!);
    if (had && !had.closest(".composer")) desk.cameFrom = had;
    box.current!.querySelector("textarea")!.focus();
  }, [now]);
  const save: Save = async (draft, evidence) => {
    if (now === null) return;
    const author = (desk.author.peek() ?? stage.notes.peek().author).trim();
    said.value = "";
    await stage.note({ op: "add", ...written(draft), evidence, author, field: now.field, about: now.about });
    said.value = "The note is saved.";
  };
  const close = () => {
    if (composing.peek() !== now) return; // another was begun meanwhile
    const place = box.current;
    const had = place?.contains(focused(place));
    composing.value = null;
    if (!had) return;
    const surface = place!.closest("section")?.querySelector<HTMLElement>('[tabindex="0"]');
    (desk.cameFrom?.isConnected ? desk.cameFrom : surface)?.focus({ preventScroll: true });
  };
  return (
    <div ref={box} class="composer">
      <span class="unseen" role="status">
        {said.value}
      </span>
      {now && (
        <Editor
          of={desk.draft("new")}
          label="a new note"
          about={<PlaceWords words={now.words} />}
          proposed={now.evidence}
          save={save}
          close={close}
        />
      )}
    </div>
  );
}

const focused = (element: Element) => (element.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
