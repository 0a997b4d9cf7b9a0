/**
 * The pattern panel: the shown head's attention from every query to every key, as a matrix or as lines between two columns.
 */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Legend } from "../../panels/legend";
import { FieldMenu, Switch } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import type { Table } from "../../panels/table";
import type { Stage } from "../../stage";
import { kindAt } from "../../tokens";
import { headExists, isPattern } from "../fit";
import { useUi } from "../ui";
import { useWidth } from "../use-width";
import { type Viewport, whole, zoomed } from "../viewport";
import { headShort, tokenLabel } from "../words";
import { Arcs } from "./arcs";
import { useFramedZoom } from "./framed-zoom";
import { Matrix } from "./matrix";
import { matrixLayout } from "./matrix-layout";
import { bitsAt, MatrixModel } from "./matrix-model";
import { CutLine, Cutter } from "./pattern-cut";

const TALLEST = 400;
const STEP = 1.5;
/** Pixels of a header that has room for the zoom beside all else. */
const ROOMY = 600;

function patternTable(stage: Stage, model: MatrixModel, cutter: Cutter): Table | null {
  const picture = model.picture.value;
  if (picture === null) return null;
  const { texts, kinds } = stage.tokens.value;
  const { layer, head, query, key } = stage.selection.pinned;
  const window = (around: number, size: number) => {
    const first = Math.max(0, Math.min(around - Math.floor(size / 2), texts.length - size));
    return Array.from({ length: Math.min(size, texts.length) }, (_, i) => first + i);
  };
  const name = (position: number) => `${position} ${tokenLabel(texts[position], kindAt(kinds, position))}`;
  const columns = window(key.value ?? query.value ?? 0, 24);
  return {
    caption: `${picture.field.title} of layer ${layer.value} head ${head.value}: a row for each query, a column for each key`,
    columns: columns.map(name),
    rows: window(query.value ?? 0, 24).map((row) => ({
      name: name(row),
      cells: columns.map((column) => {
        const found = bitsAt(picture, row, column);
        if (!found) return "–";
        return `${found.exact ? "" : "≤ "}${cutter.words(found, row, column).split(":")[0]}`;
      }),
    })),
    totalRows: texts.length,
    totalColumns: texts.length,
  };
}

export function PatternPanel() {
  const ui = useUi();
  const { stage } = ui;
  const { shown } = stage.selection;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 600);
  const total = useComputed(() => stage.run.value?.tokens.total ?? 0);
  const view = useSignal<Viewport>(whole(total.value));
  const layout = useComputed(() => matrixLayout(width.value, total.value, TALLEST));
  const side = useComputed(() => layout.value.side);
  const model = useMemo(() => new MatrixModel(stage, view, side), [stage]);
  const cutter = useMemo(() => new Cutter(stage, () => model.picture.value), [model]);
  useEffect(() => () => model.wanted.dispose(), [model]);
  useFramedZoom(stage, view, total);

  const run = stage.run.value;
  const field = model.field.value;
  const [layer, head] = [shown.layer.value, shown.head.value];
  const gone = run && layer !== null && head !== null && !headExists(run, layer, head);
  const matrix = stage.settings.value.patternView === "matrix";
  const empty =
    field === undefined
      ? "This run has no attention pattern."
      : gone
        ? `Layer ${layer} has no head ${head}. Choose another in the head view.`
        : null;

  const buttons = matrix && total.value > 12 && (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset can not stand in a line of words
    <span class="switch" role="group" aria-label="zoom">
      <button
        type="button"
        aria-label="zoom out"
        title="zoom out (-)"
        disabled={view.value.span >= total.value}
        onClick={() => zoom(1 / STEP)}
      >
        −
      </button>
      <button type="button" aria-label="zoom in" title="zoom in (+)" onClick={() => zoom(STEP)}>
        +
      </button>
    </span>
  );

  return (
    <Panel
      name="pattern"
      title="Pattern"
      field={field}
      head={
        <>
          <span class="dim">{layer === null || head === null ? "" : headShort(layer, head)}</span>
          <FieldMenu
            label="draw the pattern of"
            fields={stage.fields.value.filter(isPattern)}
            chosen={field}
            choose={(patternField) => {
              stage.settings.value = { ...stage.settings.value, patternField };
            }}
          />
          <Switch
            label="draw the pattern as"
            options={["matrix", "arcs"] as const}
            chosen={stage.settings.value.patternView}
            choose={(patternView) => {
              stage.settings.value = { ...stage.settings.value, patternView };
            }}
          />
          {width.value >= ROOMY && buttons}
        </>
      }
      legend={
        <>
          {field && <PatternLegend model={model} />}
          {width.value < ROOMY && buttons}
        </>
      }
      waiting={model.wanted.waiting}
      error={model.wanted.error}
      retry={model.wanted.retry}
      empty={empty}
      note={matrix ? <Pooled model={model} /> : null}
      table={() => patternTable(stage, model, cutter)}
    >
      <div ref={box} class="stack">
        {field &&
          (matrix ? (
            <Matrix model={model} layout={layout} view={view} cutter={cutter} />
          ) : (
            <Arcs field={field} cutter={cutter} />
          ))}
      </div>
      {field && !gone && <CutLine cutter={cutter} />}
    </Panel>
  );

  /** About the pinned query where there is one: what the user has chosen stays in view. */
  function zoom(factor: number): void {
    const { row, column, span } = view.value;
    const at = stage.selection.pinned;
    const share = (position: number | null, from: number) =>
      position === null ? 0.5 : Math.min(1, Math.max(0, (position + 0.5 - from) / span));
    const query = at.query.value;
    view.value = zoomed(view.value, factor, share(at.key.value ?? query, column), share(query, row), total.value);
  }
}

/** Of what is drawn, which may still be the field before. */
function PatternLegend({ model }: { model: MatrixModel }) {
  const picture = model.picture.value;
  return picture && <Legend field={picture.field} scale={picture.scale} />;
}

/** Says what a cell stands for where it is more than one. */
function Pooled({ model }: { model: MatrixModel }) {
  const pool = model.picture.value?.laid.at(-1)?.pool ?? 1;
  return pool > 1 ? <span>{`Each cell is the largest of ${pool} × ${pool}: zoom in for single ones. `}</span> : null;
}
