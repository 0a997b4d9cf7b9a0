/** Small fields, runs and blocks that several tests use. */
import { halfOf } from "../src/paint/half";
import type { BlockRequest, FieldMeta, Run, Settings, Showing, Shown } from "../src/protocol";
import type { Block } from "../src/source/source";

export function field(name: string, axes: [string, number, number?][], more: Partial<FieldMeta> = {}): FieldMeta {
  return {
    name,
    title: name,
    unit: "share",
    axes: axes.map(([coordinate, size, start = 0]) => ({ coordinate, size, start, labels: null, stack: "decoder" })),
    scale: { kind: "sequential", low: 0, high: 1, power: 0.5 },
    evidence: "observation",
    caveat: "",
    texts: false,
    reference: null,
    ...more,
  };
}

export const ATTENTION = field("attention", [
  ["layer", 4],
  ["head", 4],
  ["query", 14],
  ["key", 14],
]);

export const SHOWN: Shown = {
  which: "clean",
  label: "",
  changes: [],
  before: null,
  after: null,
  target: null,
  foil: null,
};

export const SHOWING: Showing = { which: "clean", options: [{ which: "clean", label: "clean run" }] };

export const SETTINGS: Settings = {
  theme: "light",
  textField: "attention",
  headField: "attention",
  layerField: "logit_lens",
  patternView: "matrix",
  notesPanel: "auto",
  palette: "blue",
  headFieldBeside: "",
  patternField: "attention",
  causeView: "",
  scatterX: "attention",
  scatterY: "ablation_effect",
};

export const RUN: Run = {
  epoch: 1,
  model: "tiny",
  fingerprint: "9f3c",
  layers: 4,
  heads: 4,
  headsPerLayer: [4, 4, 4, 4],
  prompt: "a b",
  editable: true,
  tokens: { total: 2, texts: ["a", " b"], kinds: "tt" },
  integrity: { ok: true, sentence: "reproduces the model to 3e-07", pattern: 2e-7, readout: 3e-7 },
  shown: SHOWN,
  live: [1],
};

export function block(request: BlockRequest, dims: string[], shape: number[], values: number[]): Block {
  const finite = values.filter(Number.isFinite);
  const extent: [number, number] | null = finite.length > 0 ? [Math.min(...finite), Math.max(...finite)] : null;
  return { request, dims, shape, exponent: 0, extent, texts: null, halves: Uint16Array.from(values, halfOf) };
}
