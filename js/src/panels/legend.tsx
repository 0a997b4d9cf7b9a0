/**
 * The legend of a panel: its colours, the values at the ends, how they are spread, and a field's reference value.
 *
 * What the legend says comes from paint/legend.ts; here it is only laid out.
 */
import { legendOf } from "../paint/legend";
import { numberText } from "../paint/numbers";
import { placeOf, type ResolvedScale } from "../paint/scale";
import type { FieldMeta } from "../protocol";
import { useStage } from "../views/ui";

export function Legend({ field, scale }: { field: FieldMeta; scale: ResolvedScale }) {
  const stage = useStage();
  if (scale.unknown) return null;
  const legend = legendOf(field.title, scale, stage.settings.value.palette, stage.theme.value);
  const { reference } = field;
  const ends = [legend.ticks[0], legend.ticks.at(-1)];
  const unit = field.unit === "" || field.unit === "share" ? "" : ` ${field.unit}`;
  const said = `${field.title}: from ${ends[0]?.text} to ${ends[1]?.text}${unit}. ${legend.spread}`;
  const { power } = field.scale;
  const spread = power === 1 ? "" : power === 0.5 ? "√ scale" : `power ${numberText(power)}`;
  return (
    <span class="legend" role="img" aria-label={said} title={legend.spread}>
      <span>{ends[0]?.text}</span>
      <span class="ramp" style={{ background: `linear-gradient(to right, ${legend.colours.join(", ")})` }}>
        {reference && <i class="reference" style={{ left: `${placeOf(scale, reference.value) * 100}%` }} />}
      </span>
      <span>
        {ends[1]?.text}
        {unit}
      </span>
      {spread && <span>{spread}</span>}
      {reference && (
        <span class="reference">
          <i aria-hidden="true">│</i> {reference.label} {numberText(reference.value)}
        </span>
      )}
    </span>
  );
}
