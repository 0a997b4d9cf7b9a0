/**
 * The head view: every head of every layer in one grid, and a second grid beside it where two fields are to be compared.
 *
 * Each grid says its own evidence: the panel's header the first's; the second is a panel within it, with a header and a foot of its own.
 */
import { useComputed } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { NARROW_BELOW } from "../../panels/grid";
import { Legend } from "../../panels/legend";
import { FieldMenu } from "../../panels/menu";
import { Panel } from "../../panels/panel";
import type { FieldMeta, Settings } from "../../protocol";
import { has } from "../../slice";
import { isPattern } from "../fit";
import { useStage, useUi } from "../ui";
import { useWidth } from "../use-width";
import { headShort } from "../words";
import { attentionAgainstEffect } from "./against";
import { HeadsGrid } from "./heads-grid";
import { headsStack } from "./heads-layout";
import { HeadsModel, headFields, poolOf } from "./heads-model";
import { headsTable } from "./heads-table";

/** A field that is there only since something is asked of the answer: what may stand beside an observation. */
const ofCause = ({ evidence }: FieldMeta): boolean => evidence === "attribution" || evidence === "intervention";

export function HeadsPanel() {
  const ui = useUi();
  const { stage } = ui;
  const models = useMemo(() => [new HeadsModel(stage, "headField"), new HeadsModel(stage, "headFieldBeside")], [stage]);
  const [first, beside] = models as [HeadsModel, HeadsModel];
  useEffect(
    () => () => {
      for (const { wanted } of models) wanted.dispose();
    },
    [models],
  );
  const run = stage.run.value;
  const picture = first.picture.value;
  const fields = run ? headFields(stage.fields.value, run) : [];
  const set = (patch: Partial<Settings>) => {
    stage.settings.value = { ...stage.settings.value, ...patch };
  };
  const menuBeside = (none: string) => (
    <FieldMenu
      label="colour a second grid by"
      fields={fields}
      chosen={beside.field.value}
      choose={(headFieldBeside) => set({ headFieldBeside })}
      none={none}
    />
  );
  const second = beside.field.value;
  const box = useRef<HTMLElement>(null);
  const width = useWidth(box, 320);
  const stacked = useComputed(() => {
    const [layers, heads] = [stage.run.value?.layers ?? 1, stage.run.value?.heads ?? 1];
    return headsStack(layers, heads, width.value, ui.width.value < NARROW_BELOW);
  });

  return (
    <Panel
      name="heads"
      title="Heads"
      field={first.field.value}
      head={
        <span class="by">
          <FieldMenu
            label="colour the heads by"
            fields={fields}
            chosen={first.field.value}
            choose={(headField) => set({ headField })}
          />
          {meansQueries(first.field.value) && <span class="dim">mean over queries</span>}
          {second === undefined && <Against fields={fields} />}
        </span>
      }
      legend={
        <>
          {picture && <Legend field={picture.field} scale={picture.scale} />}
          {second === undefined && fields.some(ofCause) && menuBeside("beside: none")}
        </>
      }
      waiting={first.wanted.waiting}
      error={first.wanted.error}
      retry={first.wanted.retry}
      empty={first.field.value ? null : "This run has no field over heads."}
      note={<Notes thumbnails={picture?.thumbnails ?? false} />}
      table={() => headsTable(stage, first.picture.value)}
      box={box}
      twin={second !== undefined && !stacked.value}
      beside={
        second && (
          <Panel
            name="beside"
            title={second.title}
            field={second}
            head={
              <span class="by">
                {menuBeside("none")}
                {meansQueries(second) && <span class="dim">mean over queries</span>}
              </span>
            }
            legend={beside.picture.value && <Legend field={second} scale={beside.picture.value.scale} />}
            waiting={beside.wanted.waiting}
            error={beside.wanted.error}
            retry={beside.wanted.retry}
            table={() => headsTable(stage, beside.picture.value)}
          >
            <HeadsGrid model={beside} />
          </Panel>
        )
      }
    >
      <HeadsGrid model={first} />
    </Panel>
  );
}

/** One click to what this view is for: where heads look, beside what taking them away does. Gone while it is on screen. */
function Against({ fields }: { fields: FieldMeta[] }) {
  const { settings } = useStage();
  const next = attentionAgainstEffect(settings.value);
  const there = fields.some(({ name }) => name === next.headFieldBeside);
  if (!there || JSON.stringify(next) === JSON.stringify(settings.value)) return null;
  return (
    <button
      type="button"
      class="plain small"
      aria-label="attention against effect"
      title="where each head looks, beside what taking it away does to the answer"
      onClick={() => {
        settings.value = next;
      }}
    >
      against effect
    </button>
  );
}

const meansQueries = (field: FieldMeta | undefined): boolean =>
  field !== undefined && !isPattern(field) && has(field, "query");

/** What the grid can do, or which further heads are pinned: hue and dash need not be remembered. What is pooled is said. */
function Notes({ thumbnails }: { thumbnails: boolean }) {
  const { run, selection } = useStage();
  const heads = selection.heads.value;
  const pool = thumbnails && run.value ? poolOf(run.value) : 1;
  const names = heads.map(([layer, head]) => headShort(layer, head)).join(", ");
  return (
    <span>
      {heads.length === 0 ? "Hover previews · click pins · shift-click adds. " : `Pinned: ${names}. `}
      {pool > 1 ? `Each cell is the largest of ${pool} × ${pool}. ` : ""}
    </span>
  );
}
