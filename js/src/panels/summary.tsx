/**
 * A sentence about which run is shown, what it answers, and where the selection stands, for screen readers: said once the selection has come to rest.
 */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answerWords } from "../views/changes/changes-words";
import { useStage } from "../views/ui";
import { tokenQuote } from "../views/words";

const REST_MS = 300;

export function Summary() {
  const { selection, tokens, status, run, metric, settled } = useStage();
  const said = useSignal("");
  const { layer, head, query, key } = selection.pinned;
  const { texts } = tokens.value;
  const at = [
    layer.value === null ? "" : `layer ${layer.value}`,
    head.value === null ? "" : `head ${head.value}`,
    query.value === null ? "" : `from token ${query.value} ${tokenQuote(texts[query.value])}`,
    key.value === null ? "" : `to token ${key.value} ${tokenQuote(texts[key.value])}`,
  ];
  const shown = run.value?.shown;
  const answer = metric.value && shown ? answerWords(metric.value, shown) : "";
  const which = shown?.label ? [`${shown.label}, ${answer}`] : [];
  const isRunning = status.value.state === "running" || !settled.value;
  const now = isRunning ? "running" : [...which, ...at.filter((part) => part !== "")].join(", ");
  useEffect(() => {
    const timer = setTimeout(() => {
      said.value = now;
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [now]);
  return (
    <div class="unseen" aria-live="polite">
      {said.value}
    </div>
  );
}
