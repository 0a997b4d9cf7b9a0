/**
 * A panel before the first run: its name and the room that it will take, so that nothing jumps when the numbers come.
 *
 * One of them says what is being waited for; saying it in each would be noise.
 */
import type { PanelName, Status } from "../protocol";
import { useStage } from "../views/ui";

const TITLES: Record<PanelName, string> = {
  bar: "",
  text: "Text",
  next: "Next token",
  heads: "Heads",
  pattern: "Pattern",
  compare: "Compare",
  causes: "Causes",
  changes: "Changes",
  layers: "Layers",
  notes: "Notes",
};

function words({ state }: Status): string {
  if (state === "running") return "The first run is on its way.";
  return "Nothing has been run yet. Give this view a capture, or call lw.show(model, prompt).";
}

export function Before({ name }: { name: PanelName }) {
  const { panels, status } = useStage();
  const first = panels.value.find((one) => one !== "bar") === name;
  return (
    <section class="panel before" data-panel={name} data-state="empty" aria-label={TITLES[name]}>
      <div class="head">
        <h3>{TITLES[name]}</h3>
      </div>
      {first && <p class="empty">{words(status.value)}</p>}
    </section>
  );
}
