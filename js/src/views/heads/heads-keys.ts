/**
 * Keys that walk the heads, in every view that shows them all: arrows by layer and head, Shift+Enter pins a further one.
 */
import { type KeyMap, stepped } from "../../keyboard";
import { sharedKeys } from "../shared-keys";
import type { Ui } from "../ui";

export function headKeys(ui: Ui): KeyMap {
  const { run, selection } = ui.stage;
  const { pinned } = selection;
  const walk = (coordinate: "layer" | "head", by: number) => () => {
    if (run.value === null) return false;
    const last = (coordinate === "layer" ? run.value.layers : run.value.heads) - 1;
    selection.pin({ [coordinate]: stepped(pinned[coordinate].value, by, 0, last) });
  };
  return {
    ArrowUp: walk("layer", 1),
    ArrowDown: walk("layer", -1),
    ArrowLeft: walk("head", -1),
    ArrowRight: walk("head", 1),
    Home: walk("head", Number.NEGATIVE_INFINITY),
    End: walk("head", Number.POSITIVE_INFINITY),
    "Shift+Enter": () => {
      if (pinned.layer.value === null || pinned.head.value === null) return false;
      selection.toggleHead(pinned.layer.value, pinned.head.value);
    },
    ...sharedKeys(ui),
  };
}
