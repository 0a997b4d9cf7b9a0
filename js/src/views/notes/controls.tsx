/** The small controls of the notes: a quiet button, and a menu of the kinds of evidence. */
import type { ButtonHTMLAttributes } from "preact";
import { FieldMenu } from "../../panels/menu";
import { EVIDENCES } from "./note-words";

export function Quiet(props: ButtonHTMLAttributes) {
  return <button type="button" class="plain small" {...props} />;
}

const LEVELS = EVIDENCES.map(({ mark, word }) => ({ name: word, title: `${mark} ${word}` }));

interface EvidenceMenuProps {
  chosen: string;
  choose: (word: string) => void;
  none?: string;
  title?: string;
}

export function EvidenceMenu({ chosen, title, ...rest }: EvidenceMenuProps) {
  return (
    <span title={title}>
      <FieldMenu label="evidence" fields={LEVELS} chosen={LEVELS.find(({ name }) => name === chosen)} {...rest} />
    </span>
  );
}
