/**
 * The keys that mean the same in every panel: `[` and `]` walk the layers, `z` sets the selected head to zero or gives it back, Escape
 * lets go of one thing at a time, first of what is drawn over. (`n` is the panel's, around them.)
 */
import { type KeyMap, stepped } from "../keyboard";
import type { Ui } from "./ui";
import { toggleZero } from "./zero-head";

export function sharedKeys({ stage, tip, changing, region }: Ui): KeyMap {
  const { selection } = stage;
  const layer = (by: number) => () => {
    const run = stage.run.value;
    if (run === null) return false;
    selection.pin({ layer: stepped(selection.pinned.layer.value, by, 0, run.layers - 1) });
  };
  return {
    "[": layer(-1),
    "]": layer(1),
    z: () => toggleZero(stage, changing),
    Escape: () => {
      if (region.value !== null) {
        region.value = null;
        return;
      }
      const idle =
        Object.keys(selection.hover.value).length === 0 &&
        selection.pinned.key.value === null &&
        selection.heads.value.length === 0;
      tip.value = null;
      if (idle) return false;
      selection.letGo();
    },
  };
}
