/**
 * Which run a panel shows, where it is not the clean run of the first prompt: a mark and words, never a colour.
 */
import type { Which } from "../protocol";
import { useStage } from "../views/ui";

const MARKS: Record<Which, string> = {
  clean: "",
  changed: "◆",
  difference: "Δ",
  second: "②",
  second_changed: "②◆",
  second_difference: "②Δ",
  prompts: "Δ②",
};

const isDifference = (which: Which): boolean => which === "prompts" || which.endsWith("difference");

export function RunBadge() {
  const shown = useStage().run.value?.shown;
  if (!shown || shown.label === "") return null;
  const { which, label } = shown;
  return (
    <span
      class="badge"
      data-which={which}
      title={isDifference(which) ? `every number here is a difference: ${label}` : `the numbers of the ${label}`}
    >
      <span aria-hidden="true">{MARKS[which]}</span> {label}
    </span>
  );
}
