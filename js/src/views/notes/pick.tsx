/** Native selects of a few words, in the look of the field menus. */
import type { NoteEvidence } from "../../protocol-notes";
import { EVIDENCES } from "./note-words";

export interface Option {
  value: string;
  words: string;
  title?: string;
}

interface PickProps {
  label: string;
  options: Option[];
  chosen: string;
  choose: (value: string) => void;
  title?: string;
}

export function Pick({ label, options, chosen, choose, title }: PickProps) {
  return (
    <span class="menu" title={title}>
      <span class="sizer" aria-hidden="true">
        {options.find(({ value }) => value === chosen)?.words}
      </span>
      <select aria-label={label} value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map(({ value, words, title }) => (
          <option key={value} value={value} title={title}>
            {words}
          </option>
        ))}
      </select>
    </span>
  );
}

const LEVELS = EVIDENCES.map(({ mark, word, meaning }) => ({ value: word, words: `${mark} ${word}`, title: meaning }));

interface EvidenceMenuProps extends Omit<PickProps, "options" | "chosen"> {
  chosen: NoteEvidence | "";
  none?: string;
}

export function EvidenceMenu({ none, ...rest }: EvidenceMenuProps) {
  return <Pick options={none === undefined ? LEVELS : [{ value: "", words: none }, ...LEVELS]} {...rest} />;
}
