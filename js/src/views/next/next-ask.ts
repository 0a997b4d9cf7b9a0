/**
 * What is measured, chosen from the guesses: a token becomes the target or the foil, at the position that is shown.
 */
import type { Metric } from "../../protocol";
import { SourceError } from "../../source/source";
import type { Stage } from "../../stage";

export type Role = "target" | "foil";

/** What to ask for; the other role stays, and the two change places where the token has that one. Null: it is so already. */
export function asking(
  metric: Metric | null,
  id: number,
  role: Role,
  position: number,
): Parameters<Stage["ask"]>[0] | null {
  const other: Role = role === "target" ? "foil" : "target";
  const [has, others] = [metric?.[role] ?? null, metric?.[other] ?? null];
  if (has?.id === id && metric?.position === position) return null;
  if (others?.id !== id) return { [role]: id, position };
  // A target can not be left empty: without a foil there is nothing to change places with.
  return has === null ? null : { [role]: id, [other]: has.id, position };
}

/** The id of the token at a rank: blocks hold texts, the exact cell holds the id. */
export async function tokenId(stage: Stage, epoch: number, position: number, rank: number): Promise<number> {
  const cell = await stage.source.cell({ field: "next_token", epoch, index: { position, rank } });
  const id = cell.more.find(({ label }) => label === "id")?.value;
  if (typeof id === "number") return id;
  throw new SourceError("Failed", "this token came without its id", "Set view.metric in Python instead.");
}
