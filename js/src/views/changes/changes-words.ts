/**
 * Changes in words: what the list does to the answer together, what one does alone, where attention went that was cut.
 *
 * Pure. Token texts and names are data: they come out as plain strings.
 */
import { percentText } from "../../paint/numbers";
import type { Change, Metric, Moved, Run } from "../../protocol";
import { changeNumber, metricNumber, metricWords } from "../metric-words";
import { headShort, tokenQuote } from "../words";

/** "logit(·Mary) − logit(·John): 9.50 → 9.12 (−0.38)", or what it is where nothing is changed; `at` is said after what is measured. */
export function answerWords(metric: Metric, { which, before, after }: Run["shown"], at = ""): string {
  const unit = metric.unit === "logits" || metric.unit === "" ? "" : ` ${metric.unit}`;
  const what = metricWords(metric) + at;
  const known = after ?? before;
  if (known === null) {
    // The metric's own value is the first prompt's: of another run it must not be said without that.
    const of = which.startsWith("second") || which === "prompts" ? " on the first prompt" : "";
    return `${what} = ${metricNumber(metric.value)}${unit}${of}`;
  }
  if (before === null || after === null || before === after) return `${what} = ${metricNumber(known)}${unit}`;
  return `${what}: ${metricNumber(before)} → ${metricNumber(after)}${unit} (${changeNumber(after - before)})`;
}

/** What it does when it is made alone; null until that is known. */
export function aloneWords({ effect }: Change, unit: string): string | null {
  return effect === null ? null : `${changeNumber(effect)}${unit === "" ? "" : ` ${unit}`}`;
}

const KEYS = 3;

/** "93.0% of L3H2’s look from “to” moved: 80.0% to “When”, 9.0% to “,”". */
export function movedWords({ layer, head, query, share, to }: Moved, texts: string[]): string {
  const parts = to.slice(0, KEYS).map((one) => `${percentText(one.share)} to ${tokenQuote(texts[one.key])}`);
  const where = parts.length === 0 ? "" : `: ${parts.join(", ")}${to.length > KEYS ? ", …" : ""}`;
  return `${percentText(share)} of ${headShort(layer, head)}’s look from ${tokenQuote(texts[query])} moved${where}`;
}
