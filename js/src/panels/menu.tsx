/**
 * A menu of fields, or of what else has a name and a title: lists only those that the panel can draw. A native select, so that keyboard and screen reader just work.
 */
import type { FieldMeta } from "../protocol";

interface FieldMenuProps<F> {
  label: string;
  fields: F[];
  chosen: F | undefined;
  choose: (name: string) => void;
  /** What an entry says; the field's title unless told. */
  words?: (field: F) => string;
  /** A first entry, named "", for no field at all. */
  none?: string;
}

export function FieldMenu<F extends Pick<FieldMeta, "name" | "title">>({
  label,
  fields,
  chosen,
  choose,
  words = (field) => field.title,
  none,
}: FieldMenuProps<F>) {
  if (chosen === undefined && none === undefined) return null;
  return (
    <span class="menu">
      <span class="sizer" aria-hidden="true">
        {chosen ? words(chosen) : none}
      </span>
      <select aria-label={label} value={chosen?.name ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {fields.map((field) => (
          <option key={field.name} value={field.name}>
            {words(field)}
          </option>
        ))}
      </select>
    </span>
  );
}

interface SwitchProps<T extends string> {
  label: string;
  options: readonly T[];
  chosen: T;
  choose: (option: T) => void;
  /** What a button says; the option itself unless told. */
  words?: (option: T) => string;
}

/** Two or three exclusive ways to draw the same thing. */
export function Switch<T extends string>({ label, options, chosen, choose, words = String }: SwitchProps<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset can not stand in a line of words
    <span class="switch" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option} type="button" aria-pressed={option === chosen} onClick={() => choose(option)}>
          {words(option)}
        </button>
      ))}
    </span>
  );
}
