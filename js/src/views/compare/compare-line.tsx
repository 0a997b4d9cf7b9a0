/**
 * The second prompt as an editable line: Enter captures it beside the first. The bar has a button that opens an empty comparison.
 *
 * Always true: what the user is typing is not overwritten by a state that arrives meanwhile.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Attempts, Failure } from "../../panels/attempt";
import { PromptForm } from "../../panels/prompt-form";
import { useStage } from "../ui";

interface SecondLineProps {
  /** The text as the kernel knows it; null where the prompt was given as token ids. */
  known: string | null;
  close: () => void;
  closeWords: string;
  focused?: boolean;
}

export function SecondLine({ known, close, closeWords, focused }: SecondLineProps) {
  const stage = useStage();
  const [text, setText] = useState(known ?? "");
  const edited = useRef(false);
  const line = useRef<HTMLTextAreaElement>(null);
  const attempts = useMemo(() => new Attempts(), []);
  const running = stage.status.value.state === "running";
  const editable = (stage.run.value?.editable ?? false) && known !== null;
  useEffect(() => {
    if (!edited.current && known !== null) setText(known);
  }, [known]);
  useEffect(() => {
    if (!focused) return;
    line.current?.focus({ preventScroll: true });
    line.current?.select();
  }, []);
  const send = () => {
    if (running || !editable) return;
    edited.current = false;
    attempts.try(() => stage.compare(line.current?.value ?? text));
  };
  return (
    <div class="second">
      <PromptForm
        label="second prompt"
        line={line}
        text={text}
        placeholder={known === null ? "token ids" : ""}
        editable={editable}
        typed={(now) => {
          edited.current = true;
          setText(now);
        }}
        send={send}
        leave={focused ? close : undefined}
      >
        {editable && (
          <button type="submit" class="plain go" disabled={running}>
            Compare <span aria-hidden="true">⏎</span>
          </button>
        )}
        <button type="button" class="plain" aria-label={closeWords} title={closeWords} onClick={close}>
          <span aria-hidden="true">✕</span>
        </button>
      </PromptForm>
      <Failure of={attempts.refused.value} />
    </div>
  );
}

/** A quiet button in the bar; it opens a line with the first prompt in it, to be changed into the second. */
export function CompareButton() {
  const stage = useStage();
  const open = useSignal(false);
  const run = stage.run.value;
  const compared = stage.compared.value;
  useEffect(() => {
    if (compared !== null) open.value = false;
  }, [compared !== null]);
  if (run === null || !run.editable || compared !== null) return null;
  return (
    <>
      <button
        type="button"
        class="plain compare-open"
        aria-expanded={open.value}
        title="a second prompt beside the first"
        onClick={() => {
          open.value = !open.value;
        }}
      >
        Compare
      </button>
      {open.value && (
        <SecondLine
          focused
          known={run.prompt ?? ""}
          closeWords="close this line"
          close={() => {
            open.value = false;
          }}
        />
      )}
    </>
  );
}
