/** The filters of the notes: what they may be is read off the notes that are there. What is chosen stands in the framing, as a moment keeps it. */
import type { NoteItem } from "../../protocol";
import type { Filters } from "../../protocol-notes";
import { useStage } from "../ui";
import { EVERYTHING, layersOf } from "./filter";
import { plainly } from "./note-words";
import { EvidenceMenu, Pick } from "./pick";

export function FilterMenu({ items }: { items: NoteItem[] }) {
  const { framing } = useStage();
  const { filters } = framing.value;
  const set = (patch: Partial<Filters>) => {
    framing.value = { ...framing.value, filters: { ...filters, ...patch } };
  };
  const layers = items.flatMap(layersOf).sort((a, b) => a - b);
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is younger than some of the browsers
    <div class="filters" role="search" aria-label="filter the notes">
      <input
        type="search"
        aria-label="search the notes"
        placeholder="search"
        value={filters.search}
        data-lm-suppress-shortcuts="true"
        onInput={(event) => set({ search: event.currentTarget.value })}
        onKeyDown={(event) => event.stopPropagation()}
      />
      <Pick
        label="tag"
        options={options(
          "any tag",
          items.flatMap(({ tags }) => tags),
          filters.tag,
        )}
        chosen={filters.tag}
        choose={(tag) => set({ tag })}
      />
      <Pick
        label="author"
        options={options(
          "any author",
          items.map(({ author }) => author),
          filters.author,
        )}
        chosen={filters.author}
        choose={(author) => set({ author })}
      />
      <EvidenceMenu
        label="evidence"
        none="any evidence"
        chosen={filters.evidence}
        choose={(evidence) => set({ evidence: evidence as Filters["evidence"] })}
      />
      <Pick
        label="layer"
        options={options("any layer", layers.map(String), String(filters.layer ?? ""), (at) => `layer ${at}`)}
        chosen={String(filters.layer ?? "")}
        choose={(at) => set({ layer: at === "" ? null : Number(at) })}
      />
      <label class="also">
        <input
          type="checkbox"
          checked={filters.resolved === "all"}
          onChange={(event) => set({ resolved: event.currentTarget.checked ? "all" : "open" })}
        />
        resolved too
      </label>
    </div>
  );
}

/** Each value once, and the chosen one also where no note has it. */
function options(none: string, values: string[], chosen: string, words = plainly) {
  const there = [...new Set([...values, chosen])].filter(Boolean);
  return [{ value: "", words: none }, ...there.map((value) => ({ value, words: words(value) }))];
}

/** Whether notes are kept out; that resolved ones are is no choice of the reader. */
export const isFiltered = (filters: Filters) =>
  JSON.stringify(unfiltered(filters)) !== JSON.stringify({ ...EVERYTHING, ...filters });

export const unfiltered = ({ resolved }: Filters): Filters => ({ ...EVERYTHING, resolved });
