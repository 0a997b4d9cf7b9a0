/** Begin a note in the list of notes itself: about what the pattern has selected, else about the whole run. */
import { type Ui, useUi } from "../ui";
import { aboutWords } from "./about-words";
import { type Subject, subjectOf } from "./compose";
import { PlaceWords, plainly } from "./note-words";

const WHOLE: Subject = {
  about: { layer: null, head: null, heads: [], query: null, key: null, change: null },
  field: "",
  evidence: "unstated",
};

function subjectHere(ui: Ui): Subject & { words: string } {
  const subject = subjectOf(ui, "pattern") ?? subjectOf(ui, "text") ?? WHOLE;
  return { ...subject, words: aboutWords(subject.about, ui.stage.tokens.value.texts) };
}

export function beginHere(ui: Ui): void {
  ui.composing.value = { ...subjectHere(ui), panel: "notes" };
}

export function BeginHere() {
  const ui = useUi();
  if (ui.composing.value?.panel === "notes") return null;
  const { words } = subjectHere(ui);
  const label = `note on ${plainly(words)} (n)`;
  return (
    <button type="button" class="act begin-here" aria-label={label} onClick={() => beginHere(ui)}>
      <kbd>n</kbd>+ note on <PlaceWords words={words} />
    </button>
  );
}
