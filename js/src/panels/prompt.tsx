/**
 * The prompt as one editable line. Enter runs it (Shift+Enter makes a line break); while it runs a thin line says how far, and Stop ends it.
 *
 * Always true: what the user has typed is never overwritten by a run that fails or is stopped, by a new state that arrives while the
 * line is being edited, nor by another run of the same prompt that is shown. The line is the first prompt's, also while the second is shown.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Status } from "../protocol";
import { SourceError } from "../source/source";
import { useStage } from "../views/ui";
import { Failure, InWords } from "./attempt";
import { PromptForm } from "./prompt-form";

interface Refusal {
  message: string;
  hint: string | null;
}

const failureOf = (error: Error): Refusal => ({
  message: error.message,
  hint: error instanceof SourceError ? error.hint : null,
});

function progressWords(status: Status): string {
  return status.what ?? "running";
}

function Progress({ status }: { status: Status }) {
  const known = status.total > 0;
  const share = known ? Math.min(1, status.done / status.total) : 0;
  return (
    <div
      class={known ? "progress" : "progress unknown"}
      role="progressbar"
      aria-label={progressWords(status)}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={known ? Math.round(share * 100) : undefined}
    >
      <i style={known ? { width: `${share * 100}%` } : undefined} />
    </div>
  );
}

function Outcome({ status, retry }: { status: Status; retry: (() => void) | null }) {
  if (status.state !== "failed" && status.state !== "stopped") return null;
  const failed = status.state === "failed";
  return (
    <div class={failed ? "outcome failed" : "outcome"} role={failed ? "alert" : "status"}>
      <span class="mark" aria-hidden="true">
        {failed ? "!" : "◼"}
      </span>
      <span>
        <InWords
          message={status.message ?? (failed ? "The run failed." : "Stopped. What is shown is the run before.")}
          hint={status.hint}
        />
      </span>
      {retry && (
        <button type="button" class="plain" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function PromptLine() {
  const stage = useStage();
  const run = stage.run.value;
  const status = stage.status.value;
  const running = status.state === "running";
  const editable = run?.editable ?? false;
  const first = useRef<string | null>(null);
  if (run !== null && !run.shown.which.startsWith("second")) first.current = run.prompt;
  const prompt = first.current;
  const known = (running || status.state === "failed" ? status.prompt : null) ?? prompt;
  const [text, setText] = useState(known ?? "");
  const [refused, setRefused] = useState<Refusal | null>(null);
  const [unstopped, setUnstopped] = useState<Refusal | null>(null);
  const edited = useRef(false);
  const line = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    if (!edited.current && known !== null) setText(known);
  }, [known]);
  const taken = useRef(prompt);
  useEffect(() => {
    if (taken.current === prompt) return;
    taken.current = prompt;
    edited.current = false;
    if (prompt !== null) setText(prompt);
  }, [prompt]);

  const send = () => {
    if (running || !editable) return;
    setRefused(null);
    // What stands in the line, which the last key may have changed since it was rendered.
    stage.runPrompt(line.current?.value ?? text).catch((error: Error) => setRefused(failureOf(error)));
  };
  const stop = () => {
    setUnstopped(null);
    stage.stop().catch((error: Error) => setUnstopped(failureOf(error)));
  };
  const asked: Status = refused === null ? status : { ...status, state: "failed", ...refused };
  // What failed without a prompt (the second one, a run with changes) is not tried again by running this line.
  const own = refused !== null || status.prompt !== null;
  const shown = run !== null && prompt === null && !running ? "" : text;
  const readOnly = prompt === null ? "given as token ids" : "read only";

  if (run === null && !running && status.state === "ready") return null;
  return (
    <div class="ask">
      <PromptForm
        label="prompt"
        line={line}
        text={shown}
        placeholder={run !== null && prompt === null ? "token ids" : ""}
        editable={editable}
        typed={(now) => {
          edited.current = true;
          setText(now);
        }}
        send={send}
      >
        {running ? (
          <>
            <span class="what" role="status">
              {progressWords(status)}
            </span>
            <button type="button" class="plain stop" onClick={stop}>
              <span aria-hidden="true">◼</span> Stop
            </button>
          </>
        ) : editable ? (
          <button type="submit" class="plain go">
            Run <span aria-hidden="true">⏎</span>
          </button>
        ) : (
          run !== null && <span class="what">{readOnly}</span>
        )}
        {running && <Progress status={status} />}
      </PromptForm>
      {running && <Failure of={unstopped} />}
      <Outcome status={asked} retry={own && editable && !running ? send : null} />
    </div>
  );
}
