/** Begin a note: what the selection of a panel means as the thing that a note is about. */
import type { PanelName } from "../../protocol";
import type { Ui } from "../ui";

/** Open the composer of a panel on what is selected there; false where nothing is. */
export function compose(_ui: Ui, _panel: PanelName): boolean {
  return false;
}
