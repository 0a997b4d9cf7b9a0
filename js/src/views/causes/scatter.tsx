/**
 * A scatter of two fields over heads, linked to every other view: a point is a head, hover previews it, a click pins it.
 *
 * What the two orders have in common is said in one number, with the heads it is over, and that it is of one prompt.
 */
import { useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { numberText } from "../../paint/numbers";
import { EvidenceMark } from "../../panels/evidence";
import type { Table } from "../../panels/table";
import { MAX_ROWS } from "../../panels/table";
import type { FieldMeta } from "../../protocol";
import type { Stage } from "../../stage";
import { HeadsSurface } from "../heads/heads-surface";
import { useUi } from "../ui";
import { useWidth } from "../use-width";
import { headShort } from "../words";
import { nearestPoint, type Point, scatterLayout } from "./scatter-layout";
import { pinnedOf, type ScatterModel, type ScatterPicture, sliceWords } from "./scatter-model";
import { paintPointMarks, paintScatter, pointOf } from "./scatter-paint";

const HEIGHT = 216;
const SQUARE = 300;
const ON_THE_LINE = " Dashed: both are equal, so what reacted later adds up to nothing.";

const unitOf = ({ unit }: FieldMeta): string => (unit === "" || unit === "share" ? "" : ` ${unit}`);

/** Both numbers of a point, each by its name. */
const numbersOf = ({ x, y }: ScatterPicture, point: Point): string =>
  `${x.title} ${numberText(point.x)}${unitOf(x)}; ${y.title} ${numberText(point.y)}${unitOf(y)}`;

/** "ρ = −0.49 over 16 heads": how the two orders agree, and how much of them is known. */
export function agreementWords({ points, heads, pending, rho }: ScatterPicture): string {
  const over = points.length === heads ? `${heads} heads` : `${points.length} of ${heads} heads`;
  const far = pending > 0 ? `${over} so far` : over;
  if (points.length < 3) return pending > 0 ? `ρ waits for numbers: ${far}` : `too few numbers for ρ: ${far}`;
  return rho === null
    ? `no ρ over ${far}: all of one are equal`
    : `ρ = ${rho < 0 ? "−" : ""}${Math.abs(rho).toFixed(2)} over ${far}`;
}

export function scatterTable(stage: Stage, picture: ScatterPicture | null): Table | null {
  if (picture === null) return null;
  const { points, x, y } = picture;
  const { layer, head } = stage.selection.pinned;
  const at = points.findIndex((point) => point.layer === layer.value && point.head === head.value);
  const first = Math.max(0, Math.min(at - MAX_ROWS / 2, points.length - MAX_ROWS));
  return {
    caption: `${x.title} and ${y.title} of each head; ${agreementWords(picture)}`,
    columns: [x.title, y.title],
    rows: points.slice(first, first + MAX_ROWS).map((point) => ({
      name: headShort(point.layer, point.head),
      cells: [numberText(point.x), numberText(point.y)],
    })),
    totalRows: points.length,
  };
}

interface AxisProps {
  axis: "x" | "y";
  field: FieldMeta | undefined;
  /** A menu, or nothing: then the axis is only named. */
  menu: ComponentChildren;
}

/** What an axis shows: its field, which of its numbers, and along x what kind of evidence they are; the panel's header says y's. */
function AxisLine({ axis, field, menu }: AxisProps) {
  const { stage } = useUi();
  if (!field) return null;
  const slice = sliceWords(field, pinnedOf(stage), stage.tokens.value);
  return (
    <div class="axis">
      <span class="dim" aria-hidden="true">
        {axis === "x" ? "→" : "↑"}
      </span>
      {menu ?? <span>{field.title}</span>}
      <span class="dim slice">
        {slice}
        {unitOf(field) && ` (${field.unit})`}
      </span>
      {axis === "x" && <EvidenceMark evidence={field.evidence} />}
    </div>
  );
}

interface ScatterProps {
  model: ScatterModel;
  /** The same numbers on both axes, with the line on which they are equal. */
  equal: boolean;
  menuX?: ComponentChildren;
  menuY?: ComponentChildren;
}

export function Scatter({ model, equal, menuX, menuY }: ScatterProps) {
  const { stage } = useUi();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 400);
  const points = () => model.picture.value?.points ?? [];
  const layout = useComputed(() =>
    scatterLayout(points(), width.value, equal ? Math.min(width.value, SQUARE) : HEIGHT, equal),
  );
  const picture = model.picture.value;
  return (
    <>
      <AxisLine axis="y" field={model.y.value} menu={menuY} />
      <div ref={box}>
        <HeadsSurface
          label={`a point for each head: ${model.x.value?.title} and ${model.y.value?.title}`}
          size={() => layout.value}
          at={(x, y) => nearestPoint(layout.value, points(), x, y)}
          words={(layer, head) => {
            const point = pointOf(points(), [layer, head]);
            return point && picture ? numbersOf(picture, point) : "no numbers";
          }}
          scene={() => ({ layout: layout.value, points: points(), theme: stage.theme.value })}
          paint={(context, scene) => paintScatter(context, scene, equal)}
          paintMarks={paintPointMarks}
        />
      </div>
      <AxisLine axis="x" field={model.x.value} menu={menuX} />
      {picture && (
        <p class="agreement" title="Spearman's rank correlation; equal numbers share the average of their ranks">
          {agreementWords(picture)} <span class="dim">· of this one prompt.{equal && ON_THE_LINE}</span>
        </p>
      )}
    </>
  );
}
