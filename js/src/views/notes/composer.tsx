/**
 * The lines in which a new note is written, under the panel where it was begun.
 *
 * Always true: there is one new note at a time. Begun in another panel, or about something else, what was typed goes along; once it is
 * saved or left, the surface that had the focus has it again.
 */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { PanelName } from "../../protocol";
import type { NewNote } from "../../protocol-notes";
import { useUi } from "../ui";
import { deskOf } from "./desk";
import { Editor } from "./editor";
import { PlaceWords } from "./note-words";

export function Composer({ panel }: { panel: PanelName }) {
  const { stage, composing } = useUi();
  const desk = deskOf(stage);
  const said = useSignal("");
  const box = useRef<HTMLDivElement>(null);
  const now = composing.value?.panel === panel ? composing.value : null;
  const focused = () => (box.current?.getRootNode() as ShadowRoot | undefined)?.activeElement as HTMLElement | null;
  useLayoutEffect(() => {
    if (now === null || desk.focusedFor === now) return; // drawn anew, nothing was begun
    desk.focusedFor = now;
    const had = focused();
    if (had && !had.closest(".composer")) desk.cameFrom = had;
    box.current!.querySelector("textarea")!.focus();
  }, [now]);
  const save = async (typed: NewNote) => {
    said.value = "";
    desk.saved.value = (await stage.note({ op: "add", ...typed, field: now!.field, about: now!.about })) ?? "";
    said.value = "The note is saved.";
  };
  const close = () => {
    if (composing.peek() !== now) return; // another was begun meanwhile
    const place = box.current;
    const had = place?.contains(focused());
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
          about={
            <b>
              <PlaceWords words={now.words} />
            </b>
          }
          proposed={now.evidence}
          save={save}
          close={close}
        />
      )}
    </div>
  );
}
