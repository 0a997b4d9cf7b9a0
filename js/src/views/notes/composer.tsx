/** The lines in which a note is written, under the panel where it was begun. */
import type { PanelName } from "../../protocol";
import { useUi } from "../ui";

export function Composer({ panel }: { panel: PanelName }) {
  const { composing } = useUi();
  return composing.value?.panel === panel ? <div class="composer" /> : null;
}
