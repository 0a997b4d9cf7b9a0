/** The filters of the notes: what they may be is read off the notes that are there. What is chosen stands in the framing, as a moment keeps it. */
import { FieldMenu } from "../../panels/menu";
import type { NoteItem } from "../../protocol";
import type { Filters } from "../../protocol-notes";
import { EvidenceMenu } from "./controls";
import { layersOf } from "./filter";
import { plainly } from "./note-words";

/** tag2 before tag10. */
const natural = new Intl.Collator("en", { numeric: true }).compare;

interface FilterMenuProps {
  items: NoteItem[];
  filters: Filters;
  set: (patch: Partial<Filters>) => void;
}

export function FilterMenu({ items, filters, set }: FilterMenuProps) {
  /** Each value that a note has once, and the chosen one also where no note has it. */
  const menu = (label: string, values: string[], now: string, choose: (value: string) => void, called = "") => {
    const there = [...new Set([...values, now])].filter(Boolean);
    const fields = there.map((name) => ({ name, title: called + plainly(name) }));
    const chosen = fields.find(({ name }) => name === now);
    return <FieldMenu label={label} none={`any ${label}`} fields={fields} chosen={chosen} choose={choose} />;
  };
  const layers = items.flatMap(layersOf).sort((a, b) => a - b);
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is younger than some of the browsers
    <div class="acts filters" role="search" aria-label="filter the notes">
      <input
        type="search"
        aria-label="search the notes"
        placeholder="search"
        value={filters.search}
        data-lm-suppress-shortcuts="true"
        onInput={(event) => set({ search: event.currentTarget.value })}
        onKeyDown={(event) => event.stopPropagation()}
      />
      {menu("tag", items.flatMap(({ tags }) => tags).sort(natural), filters.tag, (tag) => set({ tag }))}
      {menu("author", items.map(({ author }) => author).sort(natural), filters.author, (author) => set({ author }))}
      <EvidenceMenu
        none="any evidence"
        chosen={filters.evidence}
        choose={(evidence) => set({ evidence: evidence as Filters["evidence"] })}
      />
      {menu(
        "layer",
        layers.map(String),
        String(filters.layer ?? ""),
        (at) => set({ layer: at ? Number(at) : null }),
        "layer ",
      )}
      <label>
        <input
          type="checkbox"
          checked={filters.resolved === "all"}
          onChange={(event) => set({ resolved: event.currentTarget.checked ? "all" : "open" })}
        />{" "}
        resolved too
      </label>
    </div>
  );
}
