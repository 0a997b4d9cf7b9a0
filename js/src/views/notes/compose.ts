/**
 * Begin a note: what the selection of a panel means as the thing that a note is about, and which evidence the panel proposes.
 *
 * Always true: a subject lies on the run that is shown; what is pinned beyond its tokens or heads is no subject.
 */
import type { About, Change, FieldMeta, PanelName } from "../../protocol";
import type { NoteEvidence } from "../../protocol-notes";
import type { Stage } from "../../stage";
import { chosen, fitsHeads, fitsText, headExists } from "../fit";
import { headFields } from "../heads/heads-model";
import { layerField } from "../layers/layers-model";
import { patternField } from "../pattern/matrix-model";
import type { Region, Ui } from "../ui";
import { aboutWords } from "./about-words";

/** "beside": the second grid of heads. */
export type Begun = PanelName | "beside";

export interface Subject {
  about: About;
  field: string;
  evidence: NoteEvidence;
}

const NOTHING: About = { layer: null, head: null, heads: [], query: null, key: null, change: null };

const LEVELS: Record<FieldMeta["evidence"], NoteEvidence> = {
  observation: "observed",
  attribution: "attributed",
  correlation: "correlated",
  intervention: "intervened",
  unstated: "unstated",
};

/** The field that a panel draws now. */
function fieldOf({ run, fields, settings }: Stage, panel: Begun): FieldMeta | undefined {
  const [all, set] = [fields.value, settings.value];
  const named = (name: string) => all.find((field) => field.name === name);
  switch (panel) {
    case "heads":
      return run.value ? chosen(headFields(all, run.value), () => true, set.headField) : undefined;
    case "beside":
      return named(set.headFieldBeside);
    case "pattern":
      return patternField(all, set.patternField);
    case "text":
      return chosen(all, fitsText, set.textField);
    case "layers":
      return layerField(all, set.layerField);
    case "next":
      return named("next_token");
    case "causes":
      if (set.causeView === "scatter") return chosen(all, fitsHeads, set.scatterY);
      return named(set.causeView === "direct_total" ? "ablation_effect" : set.causeView);
    default:
      return undefined;
  }
}

/** What is selected in a panel; null where nothing is. `change`: of the list of changes, which one; else the last. */
function aboutOf({ stage, region }: Ui, panel: Begun, change: Change | undefined): About | null {
  const run = stage.run.value;
  if (run === null) return null;
  const { total } = run.tokens;
  const { pinned, heads } = stage.selection;
  const one = (at: number | null): [number, number] | null =>
    at !== null && at >= 0 && at < total ? [at, at + 1] : null;
  const inside = (drawn: Region | null): drawn is Region =>
    drawn?.panel === panel && (drawn.query?.[1] ?? 0) <= total && (drawn.key?.[1] ?? 0) <= total;
  const query = one(pinned.query.value);
  const drawn = inside(region.value) ? region.value : null;
  const [l, h] = [pinned.layer.value, pinned.head.value];
  const layer = l !== null && l < run.layers ? l : null;
  const head = layer !== null && h !== null && headExists(run, layer, h) ? { layer, head: h } : null;
  switch (panel) {
    case "heads":
    case "beside": {
      const further = heads.value.filter((at) => headExists(run, ...at) && String(at) !== String([l, h]));
      if (further.length === 0) return head && { ...NOTHING, ...head };
      return { ...NOTHING, heads: head ? [[head.layer, head.head], ...further] : further };
    }
    case "pattern":
      if (head === null) return null;
      if (drawn) return { ...NOTHING, ...head, query: drawn.query, key: drawn.key };
      return { ...NOTHING, ...head, query, key: query && one(pinned.key.value) };
    case "text":
    case "compare":
      return drawn || query ? { ...NOTHING, query: drawn?.query ?? query } : null;
    case "layers":
      return drawn || query ? { ...NOTHING, layer, query: drawn?.query ?? query } : null;
    case "next":
      return total === 0 ? null : { ...NOTHING, query: query ?? one(total - 1) };
    case "causes":
      if (fieldOf(stage, panel) === undefined) return null;
      return stage.settings.value.causeView === "decomposition" ? NOTHING : head && { ...NOTHING, ...head };
    case "changes":
      return change ? { ...NOTHING, change: { ...change.places, how: change.how } } : null;
    default:
      return null;
  }
}

const changeAt = ({ changes }: Stage, id?: number): Change | undefined =>
  id === undefined ? changes.value.at(-1) : changes.value.find((change) => change.id === id);

/** What a note that is begun in this panel would be about; null where nothing is selected. */
export function subjectOf(ui: Ui, panel: Begun, change?: number): Subject | null {
  const about = aboutOf(ui, panel, changeAt(ui.stage, change));
  if (about === null) return null;
  const field = fieldOf(ui.stage, panel);
  const evidence = about.change === null ? LEVELS[field?.evidence ?? "unstated"] : "intervened";
  return { about, field: field?.name ?? "", evidence };
}

/** Open the composer of a panel on what is selected there; false where nothing is. */
export function compose(ui: Ui, panel: Begun, change?: number): boolean {
  const subject = subjectOf(ui, panel, change);
  if (subject === null) return false;
  const called = changeAt(ui.stage, change);
  const words = aboutWords(subject.about, ui.stage.tokens.value.texts, called?.name || called?.words);
  ui.composing.value = {
    ...subject,
    panel: panel === "beside" ? "heads" : panel,
    words: panel === "next" ? `after ${words}` : words,
  };
  return true;
}
