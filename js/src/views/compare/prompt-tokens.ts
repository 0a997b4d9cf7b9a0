/**
 * The tokens of either prompt, whichever of them the run that is shown is of.
 *
 * The shown prompt's are the stage's, all of them once they have come; of the other those that came with the comparison.
 */
import type { Change, Run } from "../../protocol";
import type { Stage } from "../../stage";

export interface Tokens {
  texts: string[];
  kinds: string;
  total: number;
}

/** Whose tokens are on screen: second less first is told along the first's. */
export const promptShown = (run: Run | null): Change["run"] =>
  run?.shown.which.startsWith("second") ? "second" : "first";

export function tokensOf(stage: Stage, prompt: Change["run"]): Tokens {
  const run = stage.run.value;
  const compared = stage.compared.value;
  if (compared === null || promptShown(run) === prompt) return { ...stage.tokens.value, total: run?.tokens.total ?? 0 };
  return prompt === "first" ? compared.first : compared.tokens;
}
