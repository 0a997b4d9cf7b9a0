/** The one click to what this program is for: where heads look, and beside it what taking each of them away does to the answer. */
import type { Settings } from "../../protocol";

export function attentionAgainstEffect(settings: Settings): Settings {
  return {
    ...settings,
    headField: "attention",
    headFieldBeside: "ablation_effect",
    causeView: "scatter",
    scatterX: "attention",
    scatterY: "ablation_effect",
  };
}
