/**
 * The keys of the cards: arrows walk, Enter opens, e edits, r replies, Delete deletes; n begins a note.
 *
 * What a key does is what the card's own button does, so that both can never differ.
 */
import { onKeys } from "../../keyboard";

const cardOf = (event: Event) => (event.target as Element).closest<HTMLElement>(".card");

const pressed = (name: string) => (event: KeyboardEvent) => {
  const button = cardOf(event)?.querySelector<HTMLElement>(`[data-key="${name}"]`);
  if (!button) return false;
  button.click();
};

/** To another card: by so many, or to an end. */
const walk = (to: (at: number, last: number) => number) => (event: KeyboardEvent) => {
  const card = cardOf(event);
  if (!card) return false;
  const all = [...card.closest(".cards")!.querySelectorAll<HTMLElement>(".where")];
  const last = all.length - 1;
  all[Math.min(last, Math.max(0, to(all.indexOf(card.querySelector(".where")!), last)))]!.focus();
};

export function cardKeys(begin: () => void): (event: KeyboardEvent) => void {
  const keys = onKeys({
    ArrowDown: walk((at) => at + 1),
    ArrowUp: walk((at) => at - 1),
    Home: walk(() => 0),
    End: walk((_, last) => last),
    e: pressed("e"),
    r: pressed("r"),
    Delete: pressed("Delete"),
    n: begin,
  });
  return (event) => {
    keys(event);
    // What a button or a link does with these is its own; the notebook would take them as commands.
    if (event.key === "Enter" || event.key === " ") event.stopPropagation();
  };
}
