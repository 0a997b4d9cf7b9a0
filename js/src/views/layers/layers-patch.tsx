/**
 * Patching between the two prompts by the layer grid: what the pinned cell would put where, in the method's own words, as a button.
 *
 * There is only something to do while a field of patching is chosen: its name says the direction. Runs that are changed already have no
 * such field; there the line stays, so that a patch can be taken out again where it was put in.
 */
import { Attempts, Failure } from "../../panels/attempt";
import type { Change, ChangeOp } from "../../protocol";
import type { Stage } from "../../stage";
import { promptShown } from "../compare/prompt-tokens";
import { tokenQuote } from "../words";

export type Direction = "denoise" | "noise";

export function directionOf(field: string | undefined): Direction | null {
  return field === "patching_denoise" ? "denoise" : field === "patching_noise" ? "noise" : null;
}

const FROM_TO: Record<Direction, [string, Change["run"]]> = {
  noise: ["second", "first"],
  denoise: ["first", "second"],
};

/** "Put the second prompt’s stream of layer 2 at “John” into the first". */
export function patchWords(direction: Direction, layer: number, token: string): string {
  const [from, to] = FROM_TO[direction];
  return `Put the ${from} prompt’s stream of layer ${layer} at ${token} into the ${to}`;
}

/** A change of the list that patches the stream at this place into the same run, if there is one. */
function patched(changes: Change[], direction: Direction, layer: number, position: number): Change | undefined {
  const run = FROM_TO[direction][1];
  return changes.find(
    ({ places, run: into, how }) =>
      into === run &&
      how === "other" &&
      places.site === "resid_pre" &&
      places.layer?.join() === String(layer) &&
      places.position?.join() === String(position),
  );
}

export class Patcher {
  readonly attempts = new Attempts();

  constructor(readonly stage: Stage) {}

  /** What the pinned cell would do: the asked change, what it is in words, and what stands in its way. */
  at(): { op: ChangeOp; words: string; on: boolean; problem: string | null } | null {
    const { stage } = this;
    const direction = directionOf(stage.settings.value.layerField);
    const compared = stage.compared.value;
    const { layer, query } = stage.selection.pinned;
    // The kernel names the place of a patch by the first prompt's position, as these fields do.
    if (direction === null || compared === null || promptShown(stage.run.value) === "second") return null;
    if (layer.value === null || query.value === null) return null;
    const token = tokenQuote(stage.tokens.value.texts[query.value]);
    const partner = compared.pairs.find(([first]) => first === query.value)?.[1];
    const alone = `${token} has no partner in the second prompt: there is nothing to put.`;
    const problem = compared.problem ?? (partner === undefined ? alone : null);
    const into = direction === "noise" ? query.value : partner;
    const change = into === undefined ? undefined : patched(stage.changes.value, direction, layer.value, into);
    const op: ChangeOp = change
      ? { op: "set", id: change.id, on: !change.on }
      : { op: "patch", direction, layer: layer.value, position: query.value };
    return { op, words: patchWords(direction, layer.value, token), on: change?.on ?? false, problem };
  }

  press(): void {
    const found = this.at();
    if (!found || found.problem !== null) return;
    this.attempts.try(() => this.stage.change(found.op));
  }
}

/** `drawn`: the name of the field on screen. */
export function PatchLine({ patcher, drawn }: { patcher: Patcher; drawn: string | undefined }) {
  const { stage } = patcher;
  const found = patcher.at();
  if (!found) return null;
  return (
    <div class="acts" data-acts="patch">
      <span>{found.problem ?? `${found.words}.`}</span>
      {found.problem === null && (
        <button
          type="button"
          class="act"
          aria-pressed={found.on}
          title="Enter or a double click does it at once"
          onClick={() => patcher.press()}
        >
          {found.on ? "Take it out again" : "Patch here"}
        </button>
      )}
      {directionOf(drawn) === null && (
        <span>
          <span class="dim">The effects of patching are those on the clean run: </span>
          <button type="button" class="act" onClick={() => patcher.attempts.try(() => stage.show("clean"))}>
            show it
          </button>
        </span>
      )}
      <Failure of={patcher.attempts.refused.value} />
    </div>
  );
}
