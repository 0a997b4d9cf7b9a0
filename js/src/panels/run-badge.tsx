/**
 * Which run a panel shows, where it is not the clean run of the first prompt: a mark and words, never a colour.
 *
 * The words are short, so that they are never cut; the run's full name is the badge's label and title.
 */
import type { Which } from "../protocol";
import { useStage } from "../views/ui";

const SHORT: Record<Which, string> = {
  clean: "",
  changed: "◆ changed",
  difference: "Δ difference",
  second: "② second",
  second_changed: "② changed",
  second_difference: "② difference",
  prompts: "Δ second − first",
};

const isDifference = (which: Which): boolean => which === "prompts" || which.endsWith("difference");

export function RunBadge() {
  const shown = useStage().run.value?.shown;
  if (!shown || shown.label === "") return null;
  const { which, label } = shown;
  return (
    <span
      class="badge"
      role="img"
      data-which={which}
      aria-label={label}
      title={isDifference(which) ? `every number here is a difference: ${label}` : `the numbers of the ${label}`}
    >
      {SHORT[which]}
    </span>
  );
}
